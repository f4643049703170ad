"""Plans that wait for events, several instances beside one another, and how instances fail."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.kernel.records import ReceiptInput
from aos_core.kernel.turn import Turn
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
    outcome,
    plan,
    ref,
    say,
    started,
    values,
    why,
)

P, Q = "demo/p@1", "demo/q@1"


def running(steps: list[Any], *edges: Any, **more: Any) -> World:
    world = World(plan(P, steps, *edges, **more), **started(P))
    world.go()
    return world


# -- await_event


def test_the_first_fitting_event_resumes_the_plan() -> None:
    where = op("ge", ref("event.n"), {"nat": 5})
    world = running([listen("l", where=where), end()], ("l", "end"))
    assert moves(world.records) == [("l", "waiting")]
    assert kinds(world.said("x", 4).records) == ["event"]
    assert kinds(world.fire("demo/Heard@1", {"who": "x"}).records) == ["event"]
    done = world.said("y", 5)
    assert moves(done.records) == [("l", "done"), ("end", "done")]
    assert values(done.records)["l"] == {"Record": {"who": {"Text": "y"}, "n": {"Nat": 5}}}


def test_an_event_before_the_wait_began_does_not_count() -> None:
    steps = [emit("a"), await_("w", "a"), listen("l")]
    world = running(steps, ("a", "w"), ("w", "l"))
    world.said("too early")
    world.answer("a")
    assert moves(world.records)[-1] == ("l", "waiting")
    world.said("in time")
    assert values(world.records)["l"]["Record"]["who"] == {"Text": "in time"}


def test_what_the_plan_itself_raised_before_its_wait_does_not_count() -> None:
    world = running([say("r"), listen("l")], ("r", "l"))
    assert moves(world.records) == [("r", "done"), ("l", "waiting")]
    assert len(world.instances) == 1


def test_what_a_task_raises_does_not_end_the_wait_that_it_begins() -> None:
    """Neither step follows the other: one task raises the event and begins to wait for it."""
    world = running([say("r"), listen("l"), end()], ("l", "end"))
    assert moves(world.records) == [("r", "done"), ("l", "waiting")]
    assert len(world.instances) == 1
    done = world.said("another")
    assert values(done.records)["l"]["Record"]["who"] == {"Text": "another"}
    assert endings(done.records) == [("ok", None)]


def test_what_a_later_task_raises_ends_the_wait_of_its_own_plan() -> None:
    steps = [emit("a"), await_("w", "a"), say("r"), listen("l"), end()]
    world = running(steps, ("a", "w"), ("w", "r"), ("l", "end"))
    done = world.answer("a")
    assert moves(done.records) == [("w", "done"), ("r", "done"), ("l", "done"), ("end", "done")]
    assert values(done.records)["l"]["Record"]["who"] == {"Text": "r"}


def test_what_a_task_raises_ends_the_waits_of_others() -> None:
    world = running([listen("m"), say("r"), listen("l")], ("m", "r"), ("m", "l"))
    world.go("b")
    done = world.said("both hear this")
    last = [of for of in moves(done.records) if of[0] == "l"]
    # the second is not waiting yet when the first speaks, the first is when the second does
    assert last == [("l", "waiting"), ("l", "waiting"), ("l", "done")]
    (left,) = world.instances
    assert left.input["who"] == "b"


def test_an_event_goes_to_every_waiting_instance() -> None:
    world = World(plan(P, [listen("l"), end()], ("l", "end")), **started(P))
    for who in ("a", "b", "c"):
        world.go(who)
    done = world.said("all of you")
    assert endings(done.records) == [("ok", None)] * 3


# -- the order of those who wait for one event


def queueing() -> World:
    """Instances that wait for their receipt and then, twice, for ``demo/Said@1``."""
    steps = [emit("a", ref("plan.input.who")), await_("w", "a"), listen("l"), listen("m")]
    edges = [("a", "w"), ("w", "l"), ("l", "m")]
    return World(plan(P, steps, *edges), **started(P))


def line(world: World) -> dict[str, int]:
    return {of.input["who"]: of.place for of in world.instances if of.place}


def moved(done: Turn, step: str) -> list[str]:
    """Whose step it was, in the order of the records."""
    who = {id: of.input["who"] for id, of in done.states[0].plans.items()}
    return [who[of["instance"]] for of in of_kind(done.records, "plan_step") if of["step"] == step]


@pytest.mark.parametrize("order", ["fcadeb", "abcdef"])
def test_who_waits_longer_is_woken_first(order: str) -> None:
    """Neither the order of starting nor that of identities counts, but that of the waits."""
    world = queueing()
    for who in "abcdef":
        world.go(who)
    for who in order:
        world.answer(who)
    assert line(world) == {who: place for place, who in enumerate(order, 1)}
    assert moved(world.said("x"), "l") == list(order)
    assert line(world) == {who: place for place, who in enumerate(order, 1)}
    assert moved(world.said("y"), "m") == list(order)


def test_a_place_in_the_line_is_behind_those_who_wait_now() -> None:
    where = op("eq", ref("event.who"), ref("plan.input.who"))
    steps = [listen("l", where=where), end()]
    world = World(plan(P, steps, ("l", "end")), **started(P))
    for who in "abc":
        world.go(who)
    assert line(world) == {"a": 1, "b": 2, "c": 3}
    world.said("a")
    world.go("d")
    assert line(world) == {"b": 2, "c": 3, "d": 4}
    for who in "dc":
        world.said(who)
    world.go("e")
    assert line(world) == {"b": 2, "e": 3}
    for who in "be":
        world.said(who)
    world.go("f")
    assert line(world) == {"f": 1}


def test_each_event_has_a_line_of_its_own() -> None:
    world = World(
        plan(P, [listen("l")]),
        plan(Q, [listen("l", "demo/Heard@1")]),
        triggers=[("demo/Go@1", P), ("demo/Go@1", Q)],
    )
    world.go()
    assert [of.place for of in world.instances] == [1, 1]


def test_the_line_is_in_the_root_and_the_first_place_takes_no_bytes() -> None:
    one, other = queueing(), queueing()
    for world, order in ((one, "ab"), (other, "ba")):
        world.go("a")
        world.go("b")
        for who in order:
            world.answer(who)
    assert one.state.root != other.state.root
    shown = {of.input["who"]: canon.decode(bytes(of)) for of in one.instances}
    assert "place" not in shown["a"]
    assert shown["b"]["place"] == 2


def test_where_sees_the_variables_of_its_own_instance() -> None:
    where = op("eq", ref("event.who"), ref("plan.input.who"))
    world = World(plan(P, [listen("l", where=where), end()], ("l", "end")), **started(P))
    world.go("a")
    world.go("b")
    world.said("b")
    (left,) = world.instances
    assert left.input["who"] == "a"


def test_where_matches_by_correlation() -> None:
    where = op("eq", ref("event.n"), ref("var:correlation_id"))
    world = World(
        plan(P, [listen("l", where=where), end()], ("l", "end")),
        triggers=[("demo/Go@1", P, "n")],
    )
    world.go("a", 1)
    world.go("b", 2)
    starts = of_kind(world.records, "plan_started")
    assert [of["correlation"] for of in starts] == [{"Nat": 1}, {"Nat": 2}]
    done = world.said("x", 2)
    assert of_kind(done.records, "plan_ended")[0]["instance"] == starts[1]["instance"]
    (left,) = world.instances
    assert left.id == starts[0]["instance"]


def test_the_key_of_an_event_correlates_where_nothing_else_does() -> None:
    world = World(plan(P, [listen("l")]), **started(P))
    world.fire("demo/Go@1", {"who": "a", "n": 1}, key=b"k")
    world.go()
    keyed, plain = of_kind(world.records, "plan_started")
    assert keyed["correlation"] == {"Bytes": b"k"}
    assert plain.get("correlation") is None


def test_an_instance_has_one_outstanding_event_wait() -> None:
    steps = [listen("l", "demo/Said@1"), listen("m", "demo/Heard@1"), end()]
    world = running(steps, ("l", "end"), ("m", "end"))
    assert moves(world.records) == [("l", "waiting")]
    assert kinds(world.fire("demo/Heard@1", {"who": "x"}).records) == ["event"]
    assert moves(world.said("x").records) == [("l", "done"), ("m", "waiting")]
    done = world.fire("demo/Heard@1", {"who": "x"})
    assert moves(done.records) == [("m", "done"), ("end", "done")]


def test_of_two_events_at_once_the_first_is_the_one() -> None:
    """A reducer's events are ingested in one go, before the woken plan has its task."""

    def react(envelope: dict[str, Any]) -> Any:
        said = [
            {"schema": "demo/Said@1", "value": canon.encode({"who": who, "n": 0})}
            for who in ("first", "second")
        ]
        return {"state": None, "domain_events": said}

    world = World(
        plan(P, [listen("l"), listen("m")], ("l", "m")),
        module("demo/R@1", "demo/Heard@1"),
        reducers={"demo/R@1": react},
        routes=[("demo/Heard@1", "demo/R@1")],
        **started(P),
    )
    world.go()
    done = world.fire("demo/Heard@1", {"who": "x"})
    assert moves(done.records) == [("l", "done"), ("m", "waiting")]
    assert values(done.records)["l"]["Record"]["who"] == {"Text": "first"}


def test_an_event_wait_ends_the_task_and_only_what_is_awaited_wakes_it() -> None:
    """``x`` is ready, but listed behind the wait; the receipt of ``a`` is awaited by no step."""
    world = running([emit("a"), listen("l"), assign("x", {"nat": 1})])
    assert moves(world.records) == [("a", "done"), ("l", "waiting")]
    assert kinds(world.answer("a").records) == ["receipt"]
    assert moves(world.said("x").records) == [("l", "done"), ("x", "done")]


def test_receipts_are_awaited_beside_an_event() -> None:
    steps = [emit("a"), await_("w", "a"), listen("l"), end()]
    begin = running(steps, ("a", "w"), ("w", "end"), ("l", "end"))
    assert moves(begin.records) == [("a", "done"), ("w", "waiting"), ("l", "waiting")]
    roots = set()
    for events in (("answer", "said"), ("said", "answer")):
        world = begin.fork()
        for name in events:
            world.answer("a") if name == "answer" else world.said("x")
        assert endings(world.records) == [("ok", None)]
        roots.add(world.state.root)
    assert len(roots) == 1


def test_a_where_that_fails_ends_only_its_own_instance() -> None:
    bad = listen("l", where=op("gt", op("div", {"nat": 1}, ref("event.n")), {"nat": 9}))
    world = World(
        plan(P, [bad]),
        plan(Q, [listen("l"), end()], ("l", "end")),
        triggers=[("demo/Go@1", P), ("demo/Go@1", Q)],
    )
    world.go()
    done = world.said("zero", 0)
    assert sorted(endings(done.records)) == [("error", "expr_error"), ("ok", None)]
    assert not world.instances


# -- instances beside one another


def test_two_instances_of_one_plan_keep_their_own_receipts() -> None:
    steps = [emit("a", ref("plan.input.who")), await_("w", "a"), end(result=ref("var:w.n"))]
    edges = [("a", "w"), ("w", "end")]
    world = World(plan(P, steps, *edges, output="demo/Nat@1"), **started(P))
    world.go("x")
    world.go("y")
    assert len(world.instances) == 2
    world.answer("y", {"n": 2})
    world.answer("x", {"n": 1})
    assert [of["result"] for of in of_kind(world.records, "plan_ended")] == [2, 1]
    assert not world.instances
    assert not world.pending


def test_instances_of_two_plans_run_in_the_order_of_their_names() -> None:
    world = World(
        plan(Q, [assign("second", {"nat": 1})]),
        plan(P, [assign("first", {"nat": 1})]),
        triggers=[("demo/Go@1", Q), ("demo/Go@1", P)],
    )
    assert moves(world.go().records) == [("first", "done"), ("second", "done")]


# -- invariants


def test_the_first_false_invariant_ends_the_instance() -> None:
    below = op("lt", op("len", ref("plan.input.who")), {"nat": 3})
    steps = [assign("x", {"nat": 1}), assign("y", {"nat": 2})]
    world = World(plan(P, steps, ("x", "y"), invariants=[below]), **started(P))
    assert endings(world.go("ab").records) == [("ok", None)]
    done = world.go("abc")
    assert moves(done.records) == [("x", "done")]  # checked after each completed step
    assert endings(done.records) == [("error", "invariant_violation")]
    assert of_kind(done.records, "plan_ended")[0]["step"] == "x"


def test_an_invariant_over_a_variable_not_bound_yet_is_an_expr_error() -> None:
    late = op("eq", ref("var:y"), {"nat": 2})
    steps = [assign("x", {"nat": 1}), assign("y", {"nat": 2})]
    world = running(steps, ("x", "y"), invariants=[late])
    assert endings(world.records) == [("error", "expr_error")]


def test_invariants_are_not_checked_after_a_skipped_step_but_at_the_end() -> None:
    never = {"bool": False}
    world = running([assign("x", {"nat": 1})], invariants=[never])
    assert endings(world.records) == [("error", "invariant_violation")]
    world = running([], invariants=[never])  # no step at all: the end alone
    assert endings(world.records) == [("error", "invariant_violation")]
    unbound = op("eq", ref("var:b"), {"nat": 2})
    steps = [assign("b", {"nat": 2}), end("z")]
    world = running(steps, ("b", "z", {"bool": False}), invariants=[unbound])
    assert endings(world.records) == [("ok", None)]


# -- an instance fails, the rest stands


DIVIDES = assign("x", op("div", {"nat": 1}, ref("plan.input.n")))
FAILURES = {
    "expr_error": [DIVIDES],
    "bad_value": [say("r", n={"int": -1})],
    "grant_not_found": [emit("a", cap="nobody")],
    "bad_params": [emit("a", {"nat": 1})],
    "unknown_handle": [
        {"id": "w", "op": "await_receipt", "for": {"text": "?"}, "bind": {"as": "w"}}
    ],
}


@pytest.mark.parametrize("code", FAILURES)
def test_a_failed_plan_ends_alone(code: str) -> None:
    good = plan(Q, [emit("q"), await_("w", "q")], ("q", "w"))
    bad = plan(P, FAILURES[code])
    world = World(bad, good, triggers=[("demo/Go@1", P), ("demo/Go@1", Q)])
    done = world.go()
    assert done.fault is None
    (ended,) = of_kind(done.records, "plan_ended")
    step = FAILURES[code][0]["id"]
    assert (ended["status"], ended["error_code"], ended["step"]) == ("error", code, step)
    assert (step, "failed") in moves(done.records)
    assert "text" not in ended.fields and why(world)
    (left,) = world.instances
    assert left.name == Q
    assert endings(world.answer("q").records) == [("ok", None)]


def test_an_expression_that_fails_says_where() -> None:
    world = running([DIVIDES])
    assert "$.steps[0].expr" in why(world)


def test_what_a_failing_task_already_asked_and_raised_stands() -> None:
    """Its effect is pending, its event is told; only the instance is gone."""
    steps = [emit("a"), say("r"), DIVIDES]
    world = running(steps)
    assert moves(world.records) == [("a", "done"), ("r", "done"), ("x", "failed")]
    assert kinds(world.records)[-3:] == ["event", "intent", "plan_ended"]
    assert [of.params for of in world.pending]
    assert not world.instances


# -- late and orphaned receipts


def test_a_receipt_whose_instance_has_ended_is_an_orphan() -> None:
    world = running([emit("a"), end()], ("a", "end"))
    (intent,) = world.pending
    done = world.deliver(intent.hash)
    assert kinds(done.records) == ["receipt"]
    assert outcome(done) == "orphan"
    assert not world.pending


def test_an_orphans_payload_must_fit_all_the_same() -> None:
    world = running([emit("a"), end()], ("a", "end"))
    done = world.answer("a", {"n": 1, "more": True})
    assert done.records[0]["payload"] == {"n": 1, "more": True, "note": None}


def test_a_second_receipt_is_late_and_changes_nothing() -> None:
    world = running([emit("a"), await_("w", "a"), listen("l")], ("a", "w"), ("w", "l"))
    (intent,) = world.pending
    world.deliver(intent.hash, {"n": 1})
    state = world.state
    done = world.deliver(intent.hash, {"n": 2}, late=True)
    assert kinds(done.records) == ["receipt"]
    assert outcome(done) == "late"
    assert done.records[0]["payload"] == {"n": 2}
    assert done.state._replace(standing=state.standing) == state


@pytest.mark.parametrize("payload", ["bf616e02ff", "a2616e01616e02", "a1616e1802"])
def test_a_payload_may_be_written_as_other_encoders_do(payload: str) -> None:
    world = running([emit("a"), await_("w", "a"), listen("l")], ("a", "w"), ("w", "l"))
    (intent,) = world.pending
    for late in (False, True):
        receipt = ReceiptInput(
            intent=intent.hash,
            adapter_id="test",
            status="ok",
            payload=bytes.fromhex(payload),
            late=late,
        )
        assert world.put(receipt).records[0]["payload"]["n"] == 2


def test_what_is_pending_is_not_late_whatever_the_host_says() -> None:
    world = running([emit("a"), await_("w", "a")], ("a", "w"))
    assert outcome(world.answer("a", late=True)) == "settled"


@pytest.mark.parametrize("name", ["cost_cents", "signature"])
def test_cost_and_signature_are_kept_where_they_were_given(name: str) -> None:
    given: dict[str, Any] = {"cost_cents": 3, "signature": b"s"}
    world = running([emit("a")])
    done = world.answer("a", **{name: given[name]})
    assert done.records[0][name] == given[name]
    assert {"cost_cents", "signature"} - set(done.records[0].fields) == {
        "cost_cents",
        "signature",
    } - {name}
