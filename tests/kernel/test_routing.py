"""Where events go: members of variants, wrapping, cells and keys, the receipts of reducers."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import AirError, Rejected, StepFault, ValueRejected
from tests.kernel.worlds import (
    ASKS,
    NAT,
    TEXT,
    TIMERS,
    Reducer,
    World,
    assign,
    kinds,
    listen,
    module,
    moves,
    of_kind,
    outcome,
    plan,
    program,
    record,
    schema,
)

R, S, P = "demo/R@1", "demo/S@1", "demo/p@1"
FAMILY = schema(
    "demo/Family@1",
    {
        "variant": {
            "Go": {"ref": "demo/Go@1"},
            "Said": {"ref": "demo/Said@1"},
            "Inline": record(who=TEXT),
            "Fired": {"ref": "sys/TimerFired@1"},
        }
    },
)
GO = {"who": "a", "n": 1}


def noting(envelope: dict[str, Any]) -> Any:
    """A reducer whose state is the value of its last event."""
    return {"state": envelope["event"]["value"]}


def routed(*routes: tuple[str, ...], **more: Any) -> World:
    """A world with the reducer R over the family and S over ``demo/Go@1``."""
    return World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", **more),
        module(S, "demo/Go@1", "demo/Go@1"),
        reducers={R: noting, S: noting},
        routes=routes,
    )


def seen(world: World) -> list[tuple[str, str, Any]]:
    """(reducer, schema, value) of every call."""
    return [
        (name, call["event"]["schema"], canon.decode(call["event"]["value"]))
        for name, call in world.calls
    ]


# -- targets and wrapping


def test_a_route_to_a_variant_binds_its_members_which_are_wrapped() -> None:
    """B-15, B-11."""
    world = routed(("demo/Family@1", R))
    done = world.go()
    assert seen(world) == [(R, "demo/Family@1", {"$tag": "Go", "$value": {"who": "a", "n": 0}})]
    entry = done.records[0]
    assert (entry["schema"], entry["value"]) == ("demo/Go@1", {"who": "a", "n": 0})


def test_the_variant_itself_is_delivered_as_it_is() -> None:
    world = routed(("demo/Family@1", R))
    world.fire("demo/Family@1", {"Go": GO})
    assert seen(world) == [(R, "demo/Family@1", {"$tag": "Go", "$value": GO})]


def test_a_member_route_binds_that_member_alone() -> None:
    world = routed(("demo/Said@1", R))
    world.said("x")
    assert kinds(world.go().records) == ["event"]
    assert [value["$tag"] for _, _, value in seen(world)] == ["Said"]


def test_a_family_route_and_a_member_route_deliver_twice() -> None:
    """B-15."""
    world = routed(("demo/Family@1", R), ("demo/Go@1", R))
    world.go()
    assert [name for name, _, _ in seen(world)] == [R, R]


def test_deliveries_follow_the_order_of_the_routes() -> None:
    """B-15."""
    for order in ((R, S), (S, R)):
        routes = {R: ("demo/Family@1", R), S: ("demo/Go@1", S)}
        world = routed(*(routes[name] for name in order))
        world.go()
        assert tuple(name for name, _, _ in seen(world)) == order


def test_a_schema_held_under_two_tags_is_bound_by_neither() -> None:
    twice = schema(
        "demo/Twice@1", {"variant": {"A": {"ref": "demo/Go@1"}, "B": {"ref": "demo/Go@1"}}}
    )
    more: dict[str, Any] = {"reducers": {R: noting}, "routes": [("demo/Twice@1", R)]}
    world = World(twice, module(R, "demo/Twice@1", "demo/Twice@1"), **more)
    assert kinds(world.go().records) == ["event"]
    with pytest.raises(AirError, match="does not hold demo/Go@1"):
        program(twice, module(R, "demo/Twice@1"), routes=[("demo/Go@1", R)])


@pytest.mark.parametrize(
    ("route", "words"),
    [(("demo/Heard@1", R), "does not hold"), (("demo/Go@1", "demo/Nobody@1"), "unknown reducer")],
)
def test_a_route_that_leads_nowhere_is_no_program(route: tuple[str, str], words: str) -> None:
    with pytest.raises(AirError, match=words):
        program(FAMILY, module(R, "demo/Family@1"), routes=[route])


def test_an_event_that_goes_nowhere_is_journaled_all_the_same() -> None:
    world = routed()
    root = world.state.root
    assert kinds(world.said("x").records) == ["event"]
    assert world.state.root == root


def test_an_event_is_normalised_before_it_is_journaled() -> None:
    opts = schema("demo/Opts@1", record(a={"option": NAT}, s={"set": NAT}))
    world = World(
        opts,
        module(R, "demo/Opts@1"),
        reducers={R: noting},
        state_schema="off",
        routes=[("demo/Opts@1", R)],
    )
    done = world.fire("demo/Opts@1", {"s": [2, 1, 2]})
    assert done.records[0]["value"] == {"a": None, "s": [1, 2]}
    delivered = world.calls[0][1]["event"]["value"]
    assert delivered == canon.encode({"a": None, "s": [1, 2]})
    assert done.records[0]["hash"] == canon.digest({"schema": "demo/Opts@1", "value": delivered})


# -- triggers


def test_an_event_wakes_waiting_plans_then_starts_plans_by_name_then_is_delivered() -> None:
    """B-15."""
    late, early = "demo/b@1", "demo/a@1"
    plans = [{**plan(n, [assign(n[5], {"nat": 1})]), "input": "demo/Said@1"} for n in (late, early)]
    world = World(
        *plans,
        plan(P, [listen("l")]),
        module(S, "demo/Said@1", "demo/Said@1"),
        reducers={S: noting},
        routes=[("demo/Said@1", S)],
        triggers=[("demo/Go@1", P), ("demo/Said@1", late), ("demo/Said@1", early)],
    )
    world.go()
    done = world.said("x")
    assert [of["plan"] for of in of_kind(done.records, "plan_started")] == [early, late]
    order = [of["step"] if of.kind == "plan_step" else of.kind for of in done.records]
    assert [of for of in order if of in ("l", "a", "b", "step")] == ["l", "step", "a", "b"]
    assert {of.by for of in of_kind(done.records, "plan_started")} == {
        world.moment.height - len(order)
    }


# -- keyed reducers


KEYED: tuple[Any, ...] = (("demo/Family@1", R, "$value.who"),)


def keyed(reducer: Reducer = noting, *more_routes: tuple[str, ...], **more: Any) -> World:
    return World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", key="demo/Text@1", **more),
        reducers={R: reducer},
        routes=[*KEYED, *more_routes],
        grants=[ASKS, TIMERS],
    )


def cell(who: str) -> bytes:
    return canon.encode(who)


def test_the_key_names_a_cell_which_its_first_event_creates() -> None:
    world = keyed()
    first = world.go("a", 1)
    assert first.records[1]["key"] == cell("a")
    assert (first.records[1]["before"], first.records[0]["key"]) == (None, cell("a"))
    world.go("b", 2)
    world.said("a", 3)
    assert [call["state"] for _, call in world.calls[:2]] == [None, None]
    assert world.calls[2][1]["state"] == world.calls[0][1]["event"]["value"]
    assert [call["event"]["key"] for _, call in world.calls] == [cell("a"), cell("b"), cell("a")]
    cells = dict(world.state.cells[R].items())
    assert set(cells) == {cell("a"), cell("b")}
    assert canon.decode(cells[cell("a")]) == {"$tag": "Said", "$value": {"who": "a", "n": 3}}


def test_the_key_bytes_are_canonical_with_their_tag() -> None:
    """B-15, B-1."""
    world = keyed()
    world.go("alpha")
    assert [key.hex() for key, _ in world.state.cells[R].items()] == ["d9d9f765616c706861"]


def test_a_state_of_null_deletes_the_cell() -> None:
    """B-15."""

    def react(envelope: dict[str, Any]) -> Any:
        gone = canon.decode(envelope["event"]["value"])["$tag"] == "Said"
        return {"state": None if gone else envelope["event"]["value"]}

    world = keyed(react)
    empty = world.state.root
    world.go("a")
    world.go("b")
    with_a = world.fork()
    done = world.said("b")
    assert (done.records[-1]["after"], world.state.cell(R, cell("b"))) == (None, None)
    assert world.state.cell(R, cell("a")) is not None
    world.said("a")
    assert world.state.root == empty  # a reducer without cells leaves no trace
    with_a.said("b")
    again = keyed(react)
    again.go("a")
    assert with_a.state.root == again.state.root


def test_an_unkeyed_reducer_is_one_cell_with_the_empty_key() -> None:
    world = routed(("demo/Go@1", S))
    world.go()
    assert [key for key, _ in world.state.cells[S].items()] == [b""]
    assert "key" not in world.calls[0][1]["event"]


def test_a_key_may_be_given_if_it_is_the_same() -> None:
    world = keyed()
    assert world.fire("demo/Go@1", GO, key=cell("a")).fault is None
    assert world.fire("demo/Go@1", GO, key=b"\x7f\x61a\xff").records[0]["key"] == cell("a")
    with pytest.raises(ValueRejected, match="differs"):
        world.fire("demo/Go@1", GO, key=cell("b"))


def test_a_key_for_an_unkeyed_reducer_is_rejected() -> None:
    world = routed(("demo/Go@1", S))
    state = world.state
    with pytest.raises(ValueRejected, match="not keyed"):
        world.fire("demo/Go@1", GO, key=b"k")
    assert world.state is state


def test_a_key_that_goes_to_no_reducer_is_any_bytes() -> None:
    """B-15."""
    done = routed().fire("demo/Go@1", GO, key=b"\x00" * 8)
    assert done.records[0]["key"] == b"\x00" * 8
    value = canon.encode(GO)
    form = {"schema": "demo/Go@1", "value": value, "key": b"\x00" * 8}
    assert done.records[0]["hash"] == canon.digest(form)


def test_the_key_field_of_a_member_route_starts_at_the_members_own_value() -> None:
    world = World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", key="demo/Text@1"),
        reducers={R: noting},
        routes=[("demo/Go@1", R, "who")],
    )
    assert world.go("b").records[1]["key"] == cell("b")


def test_an_event_without_the_key_field_is_rejected_for_all_routes() -> None:
    odd = schema(
        "demo/Odd@1", {"variant": {"Go": {"ref": "demo/Go@1"}, "Nat": {"ref": "demo/Nat@1"}}}
    )
    world = World(
        odd,
        module(R, "demo/Odd@1", "demo/Odd@1", key="demo/Text@1"),
        module(S, "demo/Nat@1", "demo/Nat@1"),
        reducers={R: noting, S: noting},
        routes=[("demo/Nat@1", S), ("demo/Odd@1", R, "$value.who")],
    )
    with pytest.raises(Rejected, match="has no"):
        world.fire("demo/Nat@1", 1)
    assert world.calls == []
    assert world.go().fault is None


def test_a_key_of_the_wrong_type_is_rejected() -> None:
    world = World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", key="demo/Nat@1"),
        reducers={R: noting},
        routes=KEYED,
    )
    with pytest.raises(ValueRejected):
        world.go("not a number")


def test_a_bad_key_on_a_raised_event_faults_the_turn() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        raised = {"schema": "demo/Go@1", "value": canon.encode(GO), "key": cell("z")}
        return {"state": None, "domain_events": [raised]}

    done = keyed(react).said("a")
    assert done.fault is not None
    assert done.fault["code"] == "bad_event"
    assert done.fault["where"] == {"reducer": R, "cell": cell("a")}


# -- receipts of reducer effects


def setting_a_timer(envelope: dict[str, Any]) -> Any:
    """Sets a timer on Go; otherwise as ``noting``."""
    value = canon.decode(envelope["event"]["value"])
    if value["$tag"] != "Go":
        return noting(envelope)
    params = canon.encode({"deliver_at_ns": value["$value"]["n"]})
    return {"state": None, "effects": [{"kind": "timer.set", "params": params}]}


def test_a_reducers_receipt_comes_back_to_it_wrapped() -> None:
    """B-22."""
    world = World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", emits=["timer.set"]),
        plan(P, [listen("l", "sys/TimerFired@1")]),
        reducers={R: setting_a_timer},
        routes=[("demo/Family@1", R)],
        triggers=[("demo/Said@1", P)],
        grants=[ASKS, TIMERS],
    )
    world = world_with_waiting_plan(world)
    world.go(n=9)
    (intent,) = world.pending
    assert (intent.kind, intent.cap) == ("timer.set", "timers")
    assert dict(intent.origin) == {"kind": "reducer", "name": R}
    payload = {"delivered_at_ns": 9}
    done = world.deliver(intent.hash, payload, cost_cents=0, signature=b"s")
    assert kinds(done.records)[:2] == ["receipt", "event"]
    assert outcome(done) == "settled"
    assert done.records[1].by == world.moment.height - len(done.records)
    expected = {
        "intent_hash": canon.hash_text(intent.hash),
        "reducer": R,
        "effect_kind": "timer.set",
        "adapter_id": "test",
        "status": "ok",
        "requested": {"deliver_at_ns": 9, "key": None},
        "receipt": {"delivered_at_ns": 9, "key": None},
        "cost_cents": 0,
        "signature": b"s",
    }
    assert done.records[1]["value"] == expected
    assert seen(world)[-1] == (R, "demo/Family@1", {"$tag": "Fired", "$value": expected})
    assert ("l", "done") in moves(done.records)  # and a waiting plan sees it as well
    assert not world.pending


def world_with_waiting_plan(world: World) -> World:
    """``demo/Said@1`` has started the plan that waits for a timer."""
    world.fire("demo/Said@1", {"who": "plan", "n": 0})
    return world


def test_a_receipt_without_cost_and_signature_gives_null_and_no_bytes() -> None:
    """B-22."""
    world = keyless_timer()
    (intent,) = world.pending
    done = world.deliver(intent.hash, {"delivered_at_ns": 9}, "timeout")
    value = done.records[1]["value"]
    assert (value["cost_cents"], value["signature"], value["status"]) == (None, b"", "timeout")


def keyless_timer() -> World:
    world = World(
        FAMILY,
        module(R, "demo/Family@1", "demo/Family@1", emits=["timer.set"]),
        reducers={R: setting_a_timer},
        routes=[("demo/Family@1", R)],
        grants=[TIMERS],
    )
    world.go(n=9)
    return world


def test_the_params_of_an_effect_may_be_written_as_other_encoders_do() -> None:
    def react(_: dict[str, Any]) -> Any:
        params = bytes.fromhex("bf6d64656c69766572") + b"_at_ns\x18\x09\xff"
        return {"state": None, "effects": [{"kind": "timer.set", "params_cbor": list(params)}]}

    world = World(
        module(R, "demo/Go@1", emits=["timer.set"]),
        reducers={R: react},
        routes=[("demo/Go@1", R)],
        grants=[TIMERS],
    )
    world.go()
    assert [canon.decode(of.params) for of in world.pending] == [{"deliver_at_ns": 9, "key": None}]


def test_a_reducers_receipt_keeps_no_field_that_its_schema_lacks() -> None:
    world = keyless_timer()
    (intent,) = world.pending
    with pytest.raises(ValueRejected, match="unknown field 'more'"):
        world.deliver(intent.hash, {"delivered_at_ns": 9, "more": 1})
    assert world.pending == [intent]


def test_a_keyed_reducer_gets_its_receipt_in_the_cell_that_asked() -> None:
    """B-15."""
    world = keyed(setting_a_timer, ("sys/TimerFired@1", R), emits=["timer.set"])
    world.go("a", 5)
    world.go("b", 6)
    intent = next(of for of in world.pending if canon.decode(of.params)["deliver_at_ns"] == 6)
    assert dict(intent.origin) == {"kind": "reducer", "name": R, "key": cell("b")}
    done = world.deliver(intent.hash, {"delivered_at_ns": 6})
    (step,) = of_kind(done.records, "step")
    assert step["key"] == done.records[1]["key"] == cell("b")
    assert world.state.cell(R, cell("a")) is None


def test_a_keyed_family_route_does_not_bind_receipts() -> None:
    """B-15."""
    world = keyed(setting_a_timer, emits=["timer.set"])
    world.go("a", 5)
    (intent,) = world.pending
    done = world.deliver(intent.hash, {"delivered_at_ns": 5})
    assert kinds(done.records) == ["receipt", "event"]


def test_a_receipt_event_that_makes_its_reducer_fault_stays_pending() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        if canon.decode(envelope["event"]["value"])["$tag"] == "Fired":
            raise StepFault("no clocks here")
        return setting_a_timer(envelope)

    world = keyed(react, ("sys/TimerFired@1", R), emits=["timer.set"])
    world.go("a", 5)
    (intent,) = world.pending
    done = world.deliver(intent.hash, {"delivered_at_ns": 5})
    assert kinds(done.records) == ["receipt", "fault"]
    assert outcome(done) == "faulted"
    assert done.fault is not None
    assert done.fault["where"] == {"reducer": R, "cell": cell("a")}
    assert world.pending == [intent]


def test_an_effect_without_a_receipt_event_just_settles() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        return {
            "state": None,
            "effects": [{"kind": "demo.ask", "params": canon.encode({"q": "x"})}],
        }

    world = keyed(react, emits=["demo.ask"])
    world.go("a")
    done = world.answer("x")
    assert kinds(done.records) == ["receipt"]
    assert outcome(done) == "settled"
    assert not world.pending
