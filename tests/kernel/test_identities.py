"""Names by content: instances, intents, derived keys, entropy, the root and what is not in it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air.load import load_files
from aos_core.air.nodes import DefModule
from aos_core.air.values import Value
from aos_core.errors import Rejected
from aos_core.kernel.compiled_plans import Plan
from aos_core.kernel.program import compile_program
from aos_core.kernel.records import ManifestInput
from aos_core.kernel.routing import Routed
from aos_core.kernel.running import Running
from aos_core.kernel.state import State
from tests.kernel.worlds import (
    World,
    assign,
    await_,
    emit,
    end,
    endings,
    kinds,
    listen,
    module,
    moves,
    of_kind,
    op,
    plan,
    program,
    ref,
    say,
    schema,
    started,
    values,
)

P, R, S = "demo/p@1", "demo/R@1", "demo/S@1"
ENTROPY = bytes(range(64))
LISTENING = [listen("l"), end()]


def instance_id(world: World, value: Any, correlation: Any, n: int) -> bytes:
    """The formula of the journal's text, over bytes built here."""
    input_hash = canon.sha256(canon.encode(value))
    parts = [world.program.plans[P].hash, input_hash, correlation, n]
    return canon.sha256(canon.encode(parts))


def ids(world: World) -> set[bytes]:
    return {instance.id for instance in world.instances}


# -- plan instances


@given(st.lists(st.text("gs", min_size=1, max_size=8), min_size=1, max_size=5), st.booleans())
def test_an_instance_gets_the_lowest_number_that_is_free(bursts: list[str], asks: bool) -> None:
    """However many equal ones begin and end within a turn, and in the turns before it; what they
    asked for keeps their numbers."""
    seen: list[bytes] = []
    kept = Running.identity

    def checked(run: Running, plan: Plan, routed: Routed, correlation: Value | None) -> bytes:
        taken = {intent.origin.get("instance") for _, intent in run.state.pending.items()}
        names = (
            canon.digest([plan.hash, canon.sha256(routed.value), None, n]) for n in range(1000)
        )
        free = next(id for id in names if id not in taken and id not in run.state.plans)
        assert kept(run, plan, routed, correlation) == free
        seen.append(free)
        return free

    def burst(envelope: dict[str, Any]) -> dict[str, Any]:
        value = canon.encode({"who": "a", "n": 1})
        events = {"g": "demo/Go@1", "s": "demo/Said@1"}
        letter, *rest = canon.decode(envelope["event"]["value"])["who"]
        raised = [{"schema": events[letter], "value": value}]
        if rest:  # in a step of its own, so that plans run in between
            value = canon.encode({"who": "".join(rest)})
            raised.append({"schema": "demo/Heard@1", "value": value})
        return {"state": None, "domain_events": raised}

    steps = [*([emit("e")] if asks else []), listen("l"), end()]
    world = World(
        plan(P, steps, ("l", "end")),
        module(R, "demo/Heard@1"),
        reducers={R: burst},
        routes=[("demo/Heard@1", R)],
        triggers=[("demo/Go@1", P)],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Running, "identity", checked)
        for said in bursts:
            world.fire("demo/Heard@1", {"who": said})
            if world.pending:
                world.deliver(world.pending[0].hash)
    assert len(seen) == sum(said.count("g") for said in bursts)


def test_the_identity_of_an_instance_is_its_plan_input_correlation_and_number() -> None:
    world = World(plan(P, LISTENING, ("l", "end")), triggers=[("demo/Go@1", P, "who")])
    world.go("a", 1)
    value = {"who": "a", "n": 1}
    assert ids(world) == {instance_id(world, value, {"Text": "a"}, 0)}
    assert of_kind(world.records, "plan_started")[0]["instance"] in ids(world)
    plan_hash = canon.parse_hash(
        next(r.hash or "" for r in world.program.catalog.manifest.refs["plans"])
    )
    assert world.program.plans[P].hash == plan_hash


def test_without_correlation_null_stands_in_its_place() -> None:
    world = World(plan(P, LISTENING, ("l", "end")), **started(P))
    world.go("a", 1)
    assert ids(world) == {instance_id(world, {"who": "a", "n": 1}, None, 0)}


def test_equal_instances_are_numbered_and_a_free_number_is_used_again() -> None:
    where = op("eq", ref("event.n"), {"nat": 0})
    world = World(plan(P, [listen("l", where=where), end()], ("l", "end")), **started(P))
    value = {"who": "a", "n": 1}
    numbered = [instance_id(world, value, None, n) for n in range(3)]
    world.go("a", 1)
    world.go("a", 1)
    world.go("b", 1)  # another input starts again at 0
    assert ids(world) == {*numbered[:2], instance_id(world, {"who": "b", "n": 1}, None, 0)}
    world.said("x", 0)
    assert not ids(world)
    world.go("a", 1)
    assert ids(world) == {numbered[0]}


def test_a_number_is_not_used_again_while_an_intent_of_it_is_pending() -> None:
    world = World(plan(P, [emit("a"), end()], ("a", "end")), **started(P))
    value = {"who": "a", "n": 0}
    world.go()
    world.go()
    origins = {intent.origin["instance"] for intent in world.pending}
    assert not world.instances
    assert origins == {instance_id(world, value, None, n) for n in range(2)}
    first = next(
        i for i in world.pending if i.origin["instance"] == instance_id(world, value, None, 0)
    )
    world.deliver(first.hash)
    done = world.go()
    assert of_kind(done.records, "plan_started")[0]["instance"] == instance_id(
        world, value, None, 0
    )


# -- intents


def intent_hash(q: str, key: bytes) -> bytes:
    params = canon.encode({"q": q})
    form = {"kind": "demo.ask", "params": params, "cap": "asks", "idempotency_key": key}
    return canon.sha256(canon.encode(form))


def derived_key(origin: dict[str, Any], n: int) -> bytes:
    return canon.sha256(canon.encode(["key", origin, n]))


def origin_of(world: World, step: str) -> dict[str, Any]:
    instance = of_kind(world.records, "plan_started")[0]["instance"]
    return {"kind": "plan", "name": P, "instance": instance, "step": step}


def test_the_hash_of_an_intent() -> None:
    """B-19."""
    world = World(plan(P, [emit("a")]), **started(P))
    world.go()
    (intent,) = world.pending
    assert intent.hash == intent_hash("a", bytes(32))
    (entry,) = of_kind(world.records, "intent")
    assert (entry["hash"], entry["idempotency_key"]) == (intent.hash, bytes(32))
    assert entry["params"] == {"q": "a"}
    assert dict(entry["origin"]) == origin_of(world, "a")


def test_a_given_idempotency_key_is_part_of_it() -> None:
    """B-19."""
    key = bytes(range(32))
    for shape in ({"hash": canon.hash_text(key)}, {"text": canon.hash_text(key)}, ref("var:k")):
        steps = [assign("k", op("hash", {"nat": 1})), emit("a", idempotency_key=shape)]
        world = World(plan(P, steps, ("k", "a")), **started(P))
        world.go()
        (intent,) = world.pending
        if shape == ref("var:k"):
            key = canon.parse_hash(values(world.records)["k"]["Hash"])
            assert key == canon.sha256(canon.encode({"Nat": 1}))
        assert (intent.idempotency_key, intent.hash) == (key, intent_hash("a", key))


def test_what_is_no_idempotency_key_is_a_bad_value() -> None:
    steps = [assign("k", {"text": "short"}), emit("a", idempotency_key=ref("var:k"))]
    world = World(plan(P, steps, ("k", "a")), **started(P))
    world.go()
    assert endings(world.records) == [("error", "bad_value")]


def test_equal_pending_requests_get_derived_keys() -> None:
    same = [emit(name, {"text": "same"}) for name in ("a", "b", "c")]
    world = World(plan(P, same), **started(P))
    world.go()
    keys = [of["idempotency_key"] for of in of_kind(world.records, "intent")]
    expected = [
        bytes(32),
        derived_key(origin_of(world, "b"), 0),
        derived_key(origin_of(world, "c"), 0),
    ]
    assert keys == expected
    assert {i.hash for i in world.pending} == {intent_hash("same", key) for key in expected}


def test_equal_requests_of_a_reducer_count_up() -> None:
    """One origin asks three times over: n tells them apart."""
    params = canon.encode({"q": "same"})
    world = World(
        module(R, "demo/Go@1", emits=["demo.ask"]),
        reducers={
            R: lambda _: {"state": None, "effects": [{"kind": "demo.ask", "params": params}]}
        },
        routes=[("demo/Go@1", R)],
    )
    for _ in range(3):
        world.go()
    origin = {"kind": "reducer", "name": R}
    keys = [of["idempotency_key"] for of in of_kind(world.records, "intent")]
    assert keys == [bytes(32), derived_key(origin, 0), derived_key(origin, 1)]


def test_a_settled_request_may_be_asked_again_under_its_hash() -> None:
    steps = [
        emit("a", {"text": "same"}),
        await_("wa", "a"),
        emit("b", {"text": "same"}),
        await_("wb", "b"),
        end(result=ref("var:wb.n")),
    ]
    edges = [("a", "wa"), ("wa", "b"), ("b", "wb"), ("wb", "end")]
    world = World(plan(P, steps, *edges, output="demo/Nat@1"), **started(P))
    world.go()
    (first,) = world.pending
    world.answer("same", {"n": 1})
    (second,) = world.pending
    assert first.hash == second.hash
    assert second.origin["step"] == "b"
    world.answer("same", {"n": 2})
    assert of_kind(world.records, "plan_ended")[0]["result"] == 2


# -- entropy and context


def test_derived_events_have_derived_entropy_and_the_times_of_their_input() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        said = [
            {"schema": "demo/Said@1", "value": canon.encode({"who": who, "n": 0})}
            for who in ("x", "y")
        ]
        return {"state": None, "domain_events": said}

    context = {"context": "sys/ReducerContext@1"}
    world = World(
        module(R, "demo/Go@1", **context),
        module(S, "demo/Said@1", **context),
        reducers={R: react, S: lambda _: {"state": None}},
        routes=[("demo/Go@1", R), ("demo/Said@1", S)],
    )
    done = world.go(at_ns=7, logical_ns=5, entropy=ENTROPY)
    contexts = [canon.decode(call["ctx"]) for _, call in world.calls]
    derived = [hashlib.sha512(canon.encode(["derived", ENTROPY, k])).digest() for k in range(2)]
    assert [of["entropy"] for of in contexts] == [ENTROPY, *derived]
    assert {(of["now_ns"], of["logical_now_ns"]) for of in contexts} == {(7, 5)}
    events = [1 + i for i, of in enumerate(done.records) if of.kind == "event"]
    assert [of["journal_height"] for of in contexts] == events
    for (name, call), of in zip(world.calls, contexts, strict=True):
        event = {"schema": call["event"]["schema"], "value": call["event"]["value"]}
        assert of["event_hash"] == canon.hash_text(canon.digest(event))
        assert of["manifest_hash"] == canon.hash_text(world.program.manifest_hash)
        assert (of["reducer"], of["cell_mode"]) == (name, False)
        assert "key" not in of
        assert call["ctx"].startswith(canon.SELF_DESCRIBE)


def test_a_plans_events_and_a_reducers_share_one_count() -> None:
    world = World(
        plan(P, [say("x"), say("y")]),
        module(S, "demo/Said@1", context="sys/ReducerContext@1"),
        reducers={S: lambda _: {"state": None}},
        routes=[("demo/Said@1", S)],
        **started(P),
    )
    world.go(entropy=ENTROPY)
    got = [canon.decode(call["ctx"])["entropy"] for _, call in world.calls]
    assert got == [hashlib.sha512(canon.encode(["derived", ENTROPY, k])).digest() for k in range(2)]


def test_a_module_that_declares_no_context_gets_none() -> None:
    world = World(
        module(R, "demo/Go@1"),
        reducers={R: lambda _: {"state": None}},
        routes=[("demo/Go@1", R)],
    )
    world.go()
    assert set(world.calls[0][1]) == {"version", "state", "event"}


# -- another manifest


def test_an_instance_keeps_the_plan_it_started_with() -> None:
    old_steps = [emit("a"), await_("w", "a"), assign("old", {"nat": 1})]
    new_steps = [emit("a"), await_("w", "a"), assign("new", {"nat": 2})]
    edges = [("a", "w")]
    world = World(plan(P, old_steps, *edges, ("w", "old")), **started(P))
    world.go()
    (before,) = world.instances
    other = program(plan(P, new_steps, *edges, ("w", "new")), **started(P))
    world.swap(other)
    old = world.state.manifest
    done = world.put(ManifestInput(old=old, new=other.manifest_hash, changed=(P,)))
    assert kinds(done.records) == ["manifest_replaced"]
    assert (done.records[0]["old"], done.records[0]["new"]) == (old, other.manifest_hash)
    assert (done.state.manifest, done.state.plans.root) == (
        other.manifest_hash,
        State(old).with_instance(before).plans.root,
    )
    assert moves(world.answer("a").records) == [("w", "done"), ("old", "done")]
    world.go()
    assert moves(world.answer("a").records) == [("w", "done"), ("new", "done")]


def test_settings_of_a_replacement_hold_from_the_next_turn_on() -> None:
    world = World()
    plain = {**world.moment.settings.to_plain(), "state_schema": "off"}
    here = world.state.manifest
    done = world.put(ManifestInput(old=here, new=here, changed=(), settings=plain))
    assert done.after.settings.state_schema == "off"
    assert done.after.settings.to_plain() == plain
    assert done.records[0]["settings"] == plain


def test_a_waiting_instance_takes_an_event_whose_shape_has_changed() -> None:
    steps = [listen("l", "demo/V@1"), assign("x", ref("var:l.a"))]
    old: dict[str, Any] = {"nat": {}}
    new: dict[str, Any] = {"record": {"a": {"nat": {}}}}
    waiting = plan(P, steps, ("l", "x"))
    world = World(schema("demo/V@1", old), waiting, **started(P))
    world.go()
    other = program(schema("demo/V@1", new), waiting, **started(P))
    world.swap(other)
    world.put(ManifestInput(old=world.state.manifest, new=other.manifest_hash, changed=()))
    done = world.fire("demo/V@1", {"a": 3})
    assert values(done.records) == {"l": {"Record": {"a": {"Nat": 3}}}, "x": {"Nat": 3}}


def test_a_receipt_for_an_effect_that_is_gone_is_rejected_until_it_is_back() -> None:
    world = World(plan(P, [emit("a"), end()], ("a", "end")), **started(P))
    world.go()
    first = world.state.manifest
    bare = compile_program(load_files({"m.json": '{"$kind": "manifest", "effects": []}'}, no_wasm))
    world.swap(bare)
    world.put(ManifestInput(old=first, new=bare.manifest_hash, changed=()))
    with pytest.raises(Rejected, match=r"no longer lists demo\.ask"):
        world.answer("a")
    world.put(ManifestInput(old=bare.manifest_hash, new=first, changed=()))
    assert world.answer("a").records[0]["outcome"] == "orphan"


def no_wasm(node: DefModule) -> None:
    return None
