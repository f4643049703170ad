"""The two queues of a turn, and what a turn leaves behind when a reducer misbehaves."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import StepFault
from tests.kernel.worlds import (
    NAT,
    World,
    assign,
    emit,
    endings,
    kinds,
    module,
    moves,
    outcome,
    plan,
    record,
    ref,
    say,
    schema,
)
from tests.support import answering, wat

R, P, Q = "demo/R@1", "demo/p@1", "demo/q@1"
OK = {"state": None}


def event(schema: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"schema": schema, "value": canon.encode(value), **more}


def effect(q: Any, kind: str = "demo.ask", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "params": canon.encode({"q": q}), **more}


# -- the queues


def order(world: World) -> list[str]:
    """Reducers and plan steps in the order in which they ran."""
    return [
        of["reducer"] if of.kind == "step" else of["step"]
        for of in world.records
        if of.kind in ("step", "plan_step")
    ]


def test_deliveries_and_plan_tasks_alternate_a_plan_first() -> None:
    names = [f"demo/R{i}@1" for i in range(3)]
    plans = [plan(f"demo/p{i}@1", [assign(f"p{i}", {"nat": i})]) for i in range(3)]
    world = World(
        *plans,
        *(module(name, "demo/Go@1") for name in names),
        reducers={name: lambda _: OK for name in names},
        routes=[("demo/Go@1", name) for name in reversed(names)],
        triggers=[("demo/Go@1", f"demo/p{i}@1") for i in (2, 0, 1)],
    )
    world.go()
    assert order(world) == ["p0", names[2], "p1", names[1], "p2", names[0]]


def test_the_queue_that_alone_has_work_runs_and_leaves_the_turn_taking_as_it_was() -> None:
    """Two tasks run while no delivery is there; then a delivery and a task are: a plan first."""
    other = {**plan(Q, [assign("q", {"nat": 1})]), "input": "demo/Said@1"}
    world = World(
        plan(P, [say("r"), assign("x", {"nat": 1})], ("r", "x")),
        other,
        module(R, "demo/Said@1"),
        reducers={R: lambda _: OK},
        routes=[("demo/Said@1", R)],
        triggers=[("demo/Go@1", P), ("demo/Said@1", Q)],
    )
    world.go()
    assert order(world) == ["r", "q", R, "x"]


def test_events_of_a_reducer_are_ingested_at_once_and_in_order() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        said = [event("demo/Said@1", {"who": who, "n": 0}) for who in ("x", "y")]
        return {"state": None, "domain_events": said}

    world = World(
        module(R, "demo/Go@1"),
        module("demo/S@1", "demo/Said@1"),
        reducers={R: react, "demo/S@1": lambda _: OK},
        routes=[("demo/Go@1", R), ("demo/Said@1", "demo/S@1")],
    )
    done = world.go()
    assert kinds(done.records) == ["event", "step", "event", "event", "step", "step"]
    assert [of.by for of in done.records] == [None, 1, 2, 2, 3, 4]
    heard = [canon.decode(call["event"]["value"])["who"] for name, call in world.calls[1:]]
    assert heard == ["x", "y"]


def test_a_reducers_effect_follows_its_events() -> None:
    def react(envelope: dict[str, Any]) -> Any:
        said = [event("demo/Said@1", {"who": "x", "n": 0})]
        return {"state": None, "domain_events": said, "effects": [effect("a")]}

    world = World(
        module(R, "demo/Go@1", emits=["demo.ask"]),
        reducers={R: react},
        routes=[("demo/Go@1", R)],
    )
    assert kinds(world.go().records) == ["event", "step", "event", "decision", "intent"]


def test_a_turn_that_needs_more_tasks_than_its_budget_faults() -> None:
    """Said makes Said for ever: the budget counts deliveries and plan tasks alike."""
    world = World(
        module(R, "demo/Said@1"),
        reducers={
            R: lambda _: {
                "state": None,
                "domain_events": [event("demo/Said@1", {"who": "again", "n": 0})],
            }
        },
        routes=[("demo/Said@1", R)],
    ).limited(tasks=7)
    done = world.said("x")
    assert done.fault is not None
    assert done.fault["code"] == "task_budget"
    assert len(world.calls) == 7
    assert "7" not in done.fault["text"] and "7" in done.fault_text


def test_a_turn_may_use_its_whole_budget() -> None:
    world = World(
        plan(P, [say("r"), assign("x", {"nat": 1})], ("r", "x")),
        module(R, "demo/Said@1"),
        reducers={R: lambda _: OK},
        routes=[("demo/Said@1", R)],
        triggers=[("demo/Go@1", P)],
    )
    assert world.fork().limited(tasks=3).go().fault is None
    assert world.fork().limited(tasks=2).go().fault is not None


# -- faults


def faulty(output: Any, **more: Any) -> World:
    """A reducer that counts on ``demo/Go@1`` and gives ``output`` on ``demo/Said@1``; a plan
    waits for nothing but stands beside it."""

    def react(envelope: dict[str, Any]) -> Any:
        if envelope["event"]["schema"] == "demo/Either@1":
            value = canon.decode(envelope["event"]["value"])
            if value["$tag"] == "Go":
                return {"state": canon.encode_plain({"n": value["$value"]["n"]})}
        if isinstance(output, Exception):
            raise output
        return output

    world = World(
        schema(
            "demo/Either@1",
            {"variant": {"Go": {"ref": "demo/Go@1"}, "Said": {"ref": "demo/Said@1"}}},
        ),
        module(R, "demo/Either@1", "demo/Count@1", **{"emits": ["demo.ask"], **more}),
        plan(P, [emit("p")]),
        reducers={R: react},
        routes=[("demo/Either@1", R)],
        triggers=[("demo/Said@1", P)],
        state_schema="enforce",
    )
    world.go(n=3)
    return world


COUNT = canon.encode_plain({"n": 1})
BAD: dict[str, tuple[Any, str]] = {
    "trap": (StepFault("it fell over", code="trap"), "trap"),
    "out of fuel": (StepFault("out of fuel", code="out_of_fuel"), "out_of_fuel"),
    "no map": ([1], "bad_output"),
    "no state": ({"effects": []}, "bad_output"),
    "state that is no bytes": ({"state": {"n": 1}}, "bad_output"),
    "events that are no list": ({"state": COUNT, "domain_events": 1}, "bad_output"),
    "event without a value": (
        {"state": COUNT, "domain_events": [{"schema": "demo/Go@1"}]},
        "bad_output",
    ),
    "short key": ({"state": COUNT, "effects": [effect("a", idempotency_key=b"k")]}, "bad_output"),
    "event of an unknown schema": (
        {"state": COUNT, "domain_events": [event("demo/Nothing@1", 1)]},
        "bad_event",
    ),
    "event that does not fit": (
        {"state": COUNT, "domain_events": [event("demo/Heard@1", {"who": 1})]},
        "bad_event",
    ),
    "event that is no CBOR": (
        {"state": COUNT, "domain_events": [{"schema": "demo/Heard@1", "value": b"\xff"}]},
        "bad_event",
    ),
    "second event does not fit": (
        {
            "state": COUNT,
            "domain_events": [event("demo/Heard@1", {"who": "x"}), event("demo/Heard@1", {})],
        },
        "bad_event",
    ),
    "two effects": ({"state": COUNT, "effects": [effect("a"), effect("b")]}, "too_many_effects"),
    "state that does not fit": ({"state": canon.encode_plain({"n": "x"})}, "bad_state"),
    "state that is no CBOR": ({"state": b"\xff\x00"}, "bad_state"),
    "effect not declared": (
        {"state": COUNT, "effects": [effect("a", "timer.set")]},
        "effect_not_declared",
    ),
    "params that do not fit": ({"state": COUNT, "effects": [effect(1)]}, "bad_params"),
    "params that are no CBOR": (
        {"state": COUNT, "effects": [{"kind": "demo.ask", "params": b"\xff"}]},
        "bad_params",
    ),
    "slot not bound": ({"state": COUNT, "effects": [effect("a", cap_slot="x")]}, "slot_not_bound"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_fault_leaves_the_input_one_record_and_the_old_state(name: str) -> None:
    output, code = BAD[name]
    world = faulty(output)
    state, root, moment = world.state, world.state.root, world.moment
    done = world.said("x")
    assert kinds(done.records) == ["event", "fault"]
    assert done.fault is done.records[-1]
    assert (done.fault["code"], done.fault["where"]) == (code, {"reducer": R})
    assert done.fault["text"]
    assert done.fault.by == moment.height
    assert done.states == (state, state)
    assert world.state.root == root
    assert done.after.height == moment.height + 2
    # the world goes on: the reducer's next step sees the state before the fault
    assert world.go(n=9).fault is None
    assert canon.decode(world.calls[-1][1]["state"]) == {"n": 3}


def test_a_good_output_of_the_same_reducer_is_no_fault() -> None:
    done = faulty({"state": COUNT, "effects": [effect("a")]}).said("x")
    assert done.fault is None
    assert canon.decode(done.state.cell(R, b"") or b"") == {"n": 1}


@pytest.mark.parametrize("policy", ["off", "warn"])
def test_only_enforce_faults_on_a_state_that_does_not_fit(policy: str) -> None:
    odd = canon.encode_plain({"n": "x"})
    world = World(
        module(R, "demo/Go@1", "demo/Count@1"),
        reducers={R: lambda _: {"state": odd}},
        routes=[("demo/Go@1", R)],
        state_schema=policy,
    )
    assert world.go().fault is None
    assert world.state.cell(R, b"") == odd


def test_a_state_is_kept_as_the_reducer_wrote_it() -> None:
    """Verbatim, though its keys are in no canonical order."""
    odd = bytes.fromhex("a2616e01616101")
    world = World(
        schema("demo/Pair@1", record(a=NAT, n=NAT)),
        module(R, "demo/Go@1", "demo/Pair@1"),
        reducers={R: lambda _: {"state": odd}},
        routes=[("demo/Go@1", R)],
    )
    done = world.go()
    assert world.state.cell(R, b"") == odd
    assert done.records[1]["after"] == canon.sha256(odd)


def test_a_denied_effect_of_a_reducer_faults_the_turn_with_its_code() -> None:
    deny = {
        "$kind": "defpolicy",
        "name": "demo/deny@1",
        "rules": [{"when": {"origin_kind": "reducer"}, "decision": "deny"}],
    }
    world = World(
        deny,
        module(R, "demo/Go@1", emits=["demo.ask"]),
        reducers={R: lambda _: {"state": None, "effects": [effect("a")]}},
        routes=[("demo/Go@1", R)],
        policy="demo/deny@1",
    )
    done = world.go()
    assert kinds(done.records) == ["event", "fault"]
    assert done.fault is not None
    assert done.fault["code"] == "policy_denied"


def test_a_receipt_whose_turn_faults_leaves_its_intent_pending() -> None:
    """It can be released again, with another receipt or on a mended module."""
    broken = True

    def react(envelope: dict[str, Any]) -> Any:
        if broken:
            raise StepFault("it fell over", code="trap")
        return OK

    world = World(
        plan(
            P,
            [emit("a"), {**await_a(), "id": "w"}, say("r", ref("plan.input.who"))],
            ("a", "w"),
            ("w", "r"),
        ),
        module(R, "demo/Said@1"),
        reducers={R: react},
        routes=[("demo/Said@1", R)],
        triggers=[("demo/Go@1", P)],
    )
    world.go()
    state, (intent,) = world.state, world.pending
    for _ in range(2):
        done = world.deliver(intent.hash, {"n": 1})
        assert kinds(done.records) == ["receipt", "fault"]
        assert outcome(done) == "faulted"
        assert done.records[0]["payload"] == {"n": 1, "note": None}
        assert done.states == (state, state)
        assert world.pending == [intent]
    broken = False
    done = world.deliver(intent.hash, {"n": 2})
    assert outcome(done) == "settled"
    assert endings(done.records) == [("ok", None)]
    assert not world.pending


def await_a() -> dict[str, Any]:
    return {"op": "await_receipt", "for": ref("var:h_a"), "bind": {"as": "w"}}


def test_a_fault_keeps_logical_time() -> None:
    world = faulty(StepFault("it fell over"))
    done = world.fire("demo/Said@1", {"who": "x", "n": 0}, logical_ns=77)
    assert done.after.logical_ns == 77


# -- the same with real wasm


def wasm_world(wasm: bytes) -> World:
    return World(
        module(R, "demo/Go@1", "demo/Count@1", emits=["demo.ask"]),
        plan(P, [emit("p")]),
        reducers={R: wasm},
        routes=[("demo/Go@1", R)],
        triggers=[("demo/Go@1", P)],
    )


def test_real_wasm_steps_and_asks() -> None:
    output = {"state": COUNT, "effects": [effect("from wasm")]}
    world = wasm_world(answering(output))
    done = world.go()
    assert done.fault is None
    assert world.state.cell(R, b"") == COUNT
    assert sorted(canon.decode(of.params)["q"] for of in world.pending) == ["from wasm", "p"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("unreachable", "trap"),
        ("(loop (br 0)) unreachable", "out_of_fuel"),
        ("(i32.const 0) (i32.const 0)", "bad_output"),
        ("(i32.const -8) (i32.const 8)", "bad_output"),
    ],
)
def test_real_wasm_that_misbehaves_faults(body: str, code: str) -> None:
    world = wasm_world(wat(body))
    state = world.state
    done = world.go()
    assert kinds(done.records) == ["event", "fault"]
    assert done.fault is not None
    assert done.fault["code"] == code
    assert world.state is state
    assert moves(world.records) == []  # of the plan that had already run, nothing is left
