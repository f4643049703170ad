"""Which grant stands behind a reducer's slot, and effects a reducer or plan may not ask for."""

from __future__ import annotations

from typing import Any

from aos_core import canon
from tests.kernel.worlds import ASKS, TIMERS, World, endings, module, plan

R, P = "demo/R@1", "demo/p@1"


def asking(**more: Any) -> World:
    """R asks ``demo.ask`` on Go; ``slot`` is the slot it names."""
    slot = {"cap_slot": more.pop("slot")} if "slot" in more else {}
    effect = {"kind": "demo.ask", "params_cbor": canon.encode({"q": "x"}), **slot}
    world = World(
        module(R, "demo/Go@1", emits=["demo.ask"]),
        reducers={R: lambda _: {"state": None, "effects": [effect]}},
        routes=[("demo/Go@1", R)],
        **more,
    )
    world.go()
    return world


def other(name: str) -> dict[str, Any]:
    return {**ASKS, "name": name}


def code(world: World) -> str | None:
    assert world.turn is not None
    return None if world.turn.fault is None else str(world.turn.fault["code"])


def test_a_bound_slot_names_the_grant() -> None:
    grants = [other("one"), other("two")]
    world = asking(slot="mail", grants=grants, bindings={R: {"mail": "two"}})
    assert [of.cap for of in world.pending] == ["two"]
    world = asking(grants=grants, bindings={R: {"default": "one"}})
    assert [of.cap for of in world.pending] == ["one"]


def test_the_default_slot_falls_back_to_the_only_fitting_grant() -> None:
    assert [of.cap for of in asking(grants=[TIMERS, other("only")]).pending] == ["only"]
    assert code(asking(grants=[other("one"), other("two")])) == "slot_not_bound"
    assert code(asking(grants=[TIMERS])) == "slot_not_bound"
    assert code(asking(slot="mail", grants=[other("only")])) == "slot_not_bound"


def test_a_slot_bound_to_the_wrong_grant_faults() -> None:
    assert code(asking(grants=[TIMERS], bindings={R: {"default": "timers"}})) == "cap_type_mismatch"
    assert code(asking(grants=[TIMERS], bindings={R: {"default": "gone"}})) == "grant_not_found"


def test_an_effect_that_the_manifest_does_not_list_faults() -> None:
    effect = {"kind": "timer.set", "params": canon.encode({"deliver_at_ns": 1})}
    world = World(
        module(R, "demo/Go@1", emits=["timer.set"]),
        reducers={R: lambda _: {"state": None, "effects": [effect]}},
        routes=[("demo/Go@1", R)],
        effects=(),
    )
    world.go()
    assert code(world) == "unknown_effect"


def test_an_effect_for_plans_alone_faults_a_reducer() -> None:
    params = canon.encode({"method": "GET", "url": "http://a/", "headers": {}, "body_ref": None})
    world = World(
        module(R, "demo/Go@1", emits=["http.request"]),
        reducers={
            R: lambda _: {"state": None, "effects": [{"kind": "http.request", "params": params}]}
        },
        routes=[("demo/Go@1", R)],
        grants=[{"name": "web", "cap": "sys/http.out@1", "params": {}}],
    )
    world.go()
    assert code(world) == "origin_not_allowed"


def test_a_plan_may_not_set_timers() -> None:
    step = {
        "id": "t",
        "op": "emit_effect",
        "kind": "timer.set",
        "params": {"record": {"deliver_at_ns": {"nat": 1}, "key": {"null": {}}}},
        "cap": "timers",
        "bind": {"effect_id_as": "t"},
    }
    world = World(plan(P, [step]), triggers=[("demo/Go@1", P)], grants=[TIMERS])
    world.go()
    assert endings(world.records) == [("error", "origin_not_allowed")]
