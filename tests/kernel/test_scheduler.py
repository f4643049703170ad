"""Plans step by step: what is ready, in which order it runs, what a receipt wakes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aos_core import canon
from tests.kernel.worlds import (
    World,
    assign,
    await_,
    emit,
    end,
    endings,
    kinds,
    moves,
    of_kind,
    op,
    outcome,
    plan,
    ref,
    say,
    started,
    values,
)

P = "demo/p@1"


def running(steps: list[Any], *edges: Any, **more: Any) -> World:
    """A world in which ``demo/Go@1`` started a plan of these steps."""
    world = World(plan(P, steps, *edges, **more), **started(P))
    world.go()
    return world


def asked(world: World) -> list[str]:
    """The questions of all intents, in the order of their records."""
    return [of["params"]["q"] for of in of_kind(world.records, "intent")]


# -- emitting


def test_all_ready_emits_go_out_in_listing_order_before_the_plan_pauses() -> None:
    steps = [await_("w", "c"), emit("c"), assign("x", {"nat": 1}), emit("a"), emit("b")]
    world = running(steps, ("c", "w"))
    assert moves(world.records) == [
        ("c", "done"),
        ("a", "done"),
        ("b", "done"),
        ("w", "waiting"),  # listed first, but no emit: it comes after all of them
        ("x", "done"),
    ]
    assert asked(world) == ["c", "a", "b"]
    assert len(world.pending) == 3


def test_an_emit_that_becomes_ready_goes_out_before_the_rest_of_the_list() -> None:
    steps = [
        emit("a"),
        await_("w", "a"),
        assign("x", {"nat": 1}),
        emit("b"),
        assign("y", ref("var:x")),
    ]
    world = running(steps, ("a", "w"), ("x", "b"), ("x", "y"))
    assert moves(world.records) == [
        ("a", "done"),
        ("w", "waiting"),
        ("x", "done"),
        ("b", "done"),
        ("y", "done"),
    ]
    assert asked(world) == ["a", "b"]


def test_decisions_of_a_task_stand_before_its_intents() -> None:
    """B-21."""
    world = running([emit("a"), emit("b")])
    assert [k for k in kinds(world.records) if k in ("decision", "intent", "plan_ended")] == [
        "decision",
        "decision",
        "intent",
        "intent",
        "plan_ended",
    ]


# -- awaiting


def parallel(count: int) -> World:
    """``count`` effects awaited side by side, their numbers added up at the end."""
    names = "abcd"[:count]
    total: Any = ref("var:wa.n")
    for name in names[1:]:
        total = op("add", total, ref(f"var:w{name}.n"))
    steps = [emit(n) for n in names] + [await_(f"w{n}", n) for n in names]
    steps += [assign("sum", total), end(result=ref("var:sum"))]
    edges = [(n, f"w{n}") for n in names] + [(f"w{n}", "sum") for n in names]
    return running(steps, *edges, ("sum", "end"), output="demo/Nat@1")


def test_several_awaits_stand_side_by_side() -> None:
    world = parallel(3)
    assert moves(world.records)[3:] == [("wa", "waiting"), ("wb", "waiting"), ("wc", "waiting")]
    (instance,) = world.instances
    assert set(instance.waits) == {"wa", "wb", "wc"}
    assert set(instance.waits.values()) == {intent.hash for intent in world.pending}


def test_a_receipt_wakes_exactly_its_own_step() -> None:
    world = parallel(3)
    done = world.answer("b", {"n": 7})
    assert kinds(done.records) == ["receipt", "plan_step"]
    assert moves(done.records) == [("wb", "done")]
    (instance,) = world.instances
    assert set(instance.waits) == {"wa", "wc"}
    assert instance.status == "waiting"
    assert not instance.receipts


@pytest.mark.parametrize("count", [3, 4])
def test_the_order_of_receipts_leaves_no_trace(count: int) -> None:
    """Equal values, states and roots, in the end and for every set of receipts on the way."""
    begin = parallel(count)
    names = "abcd"[:count]
    roots: dict[frozenset[str], bytes] = {}
    finals = []
    for order in itertools.permutations(names):
        world = begin.fork()
        for at, name in enumerate(order, 1):
            world.answer(name, {"n": 10 + ord(name)})
            root = roots.setdefault(frozenset(order[:at]), world.state.root)
            assert world.state.root == root
        finals.append((values(world.records), world.state.root, endings(world.records)))
        assert of_kind(world.records, "plan_ended")[0]["result"] == sum(10 + ord(n) for n in names)
    assert all(final == finals[0] for final in finals)
    assert len(set(roots.values())) == 2**count - 1  # and nothing is merged that differs


def test_a_receipt_before_its_await_is_kept_for_it() -> None:
    """B-18."""
    steps = [
        emit("a"),
        emit("b"),
        await_("wa", "a"),
        await_("wb", "b"),
        end(result=ref("var:wb.n")),
    ]
    edges = [("a", "wa"), ("wa", "wb"), ("b", "wb"), ("wb", "end")]
    world = running(steps, *edges, output="demo/Nat@1")
    assert moves(world.records) == [("a", "done"), ("b", "done"), ("wa", "waiting")]
    early = world.answer("b", {"n": 5})
    assert kinds(early.records) == ["receipt"]
    assert outcome(early) == "settled"
    (instance,) = world.instances
    assert [receipt.payload["n"] for receipt in instance.receipts.values()] == [5]
    late = world.answer("a", {"n": 1})
    assert moves(late.records) == [("wa", "done"), ("wb", "done"), ("end", "done")]
    assert of_kind(late.records, "plan_ended")[0]["result"] == 5


def test_an_early_receipt_and_a_timely_one_end_in_one_root() -> None:
    steps = [emit("a"), emit("b"), await_("wa", "a"), await_("wb", "b"), emit("c")]
    begin = running(steps, ("a", "wa"), ("wa", "wb"), ("b", "wb"), ("wb", "c"))
    roots = set()
    for order in ("ab", "ba"):
        world = begin.fork()
        for name in order:
            world.answer(name)
        roots.add(world.state.root)
        assert values(world.records)["wb"] == {"Record": {"n": {"Nat": 1}, "note": "Null"}}
    assert len(roots) == 1


def test_a_kept_receipt_is_not_lost_to_an_equal_request() -> None:
    """``a``'s receipt is kept untaken while ``b`` asks the same: two answers, two awaits."""
    steps = [
        emit("a", {"text": "same"}),
        emit("s"),
        await_("ws", "s"),
        emit("b", {"text": "same"}),
        await_("wb", "b"),
        await_("wa", "a"),
    ]
    edges = [("s", "ws"), ("ws", "b"), ("b", "wb"), ("wb", "wa")]
    world = running(steps, *edges)
    world.answer("same", {"n": 1})
    world.answer("s")
    world.answer("same", {"n": 2})
    got = values(world.records)
    assert got["wa"]["Record"]["n"] == {"Nat": 1}
    assert got["wb"]["Record"]["n"] == {"Nat": 2}
    assert endings(world.records) == [("ok", None)]


def test_an_intent_hash_is_awaited_as_well_as_a_handle() -> None:
    by_hash = {
        "id": "w",
        "op": "await_receipt",
        "for": ref("step:a.intent_hash"),
        "bind": {"as": "w"},
    }
    world = running([emit("a"), by_hash], ("a", "w"))
    assert moves(world.answer("a").records) == [("w", "done")]


def test_awaiting_what_was_never_emitted_ends_the_instance() -> None:
    nothing = {"id": "w", "op": "await_receipt", "for": {"text": "h_z"}, "bind": {"as": "w"}}
    world = running([nothing])
    assert moves(world.records) == [("w", "failed")]
    assert endings(world.records) == [("error", "unknown_handle")]


# -- guards, skips, joins


YES, NO = {"bool": True}, {"bool": False}


def test_a_guard_that_is_false_skips_and_skipping_spreads() -> None:
    steps = [
        assign("a", {"nat": 1}),
        assign("b", ref("var:a")),
        assign("c", ref("var:b")),
        end("z"),
    ]
    world = running(steps, ("a", "b", NO), ("b", "c"), ("c", "z"))
    assert moves(world.records) == [
        ("a", "done"),
        ("b", "skipped"),
        ("c", "skipped"),
        ("z", "skipped"),
    ]
    assert endings(world.records) == [("ok", None)]


def test_the_guard_of_an_edge_from_a_skipped_step_is_not_evaluated() -> None:
    steps = [assign("a", {"nat": 1}), assign("b", ref("var:a")), assign("c", {"nat": 2})]
    unbound = op("eq", ref("var:b"), {"nat": 1})
    world = running(steps, ("a", "b", NO), ("b", "c", unbound))
    assert moves(world.records)[1:] == [("b", "skipped"), ("c", "skipped")]
    assert endings(world.records) == [("ok", None)]


def test_a_join_runs_where_one_of_its_edges_holds() -> None:
    steps = [assign("a", {"nat": 1}), assign("l", {"nat": 2}), assign("r", {"nat": 3}), end("j")]
    edges = [("a", "l", YES), ("a", "r", NO), ("l", "j"), ("r", "j")]
    world = running(steps, *edges)
    assert sorted(moves(world.records)) == [
        ("a", "done"),
        ("j", "done"),
        ("l", "done"),
        ("r", "skipped"),
    ]


def test_a_join_waits_for_all_of_its_predecessors() -> None:
    steps = [emit("a"), await_("w", "a"), assign("x", {"nat": 1}), assign("j", {"nat": 2})]
    world = running(steps, ("a", "w"), ("w", "j", NO), ("x", "j"))
    assert ("j", "done") not in moves(world.records)
    assert moves(world.answer("a").records) == [("w", "done"), ("j", "done")]


def test_a_join_all_of_whose_edges_fail_is_skipped() -> None:
    steps = [assign("a", {"nat": 1}), assign("b", {"nat": 1}), end("j")]
    world = running(steps, ("a", "j", NO), ("b", "j", NO))
    assert moves(world.records)[-1] == ("j", "skipped")


def test_a_guard_that_is_no_bool_is_an_expr_error() -> None:
    world = running([assign("a", {"nat": 1}), end("z")], ("a", "z", {"nat": 1}))
    assert endings(world.records) == [("error", "expr_error")]


def test_a_plan_of_finished_steps_ends_without_an_end_step() -> None:
    world = running([assign("a", {"nat": 1})])
    assert endings(world.records) == [("ok", None)]
    assert not world.instances


# -- raising


def test_a_raise_lets_the_walk_go_on_and_then_the_task_ends() -> None:
    """``r`` and ``s`` share one task; what follows ``r`` waits for the next one."""
    steps = [say("r"), assign("after", {"nat": 1}), say("s"), emit("e"), await_("w", "e")]
    world = running(steps, ("r", "after"), ("e", "w"))
    shown = [of for of in world.records if of.kind in ("plan_step", "event", "intent")]
    order = [of["step"] if of.kind == "plan_step" else of.kind for of in shown]
    assert order == ["event", "e", "r", "s", "w", "event", "event", "intent", "after"]


def test_after_a_raise_an_end_in_the_same_list_still_ends_the_instance() -> None:
    world = running([say("r"), end(), assign("never", {"nat": 1})], ("r", "never"))
    assert moves(world.records) == [("r", "done"), ("end", "done")]
    assert kinds(world.records)[-2:] == ["event", "plan_ended"]


def test_an_instance_that_raised_goes_on_although_it_now_waits_for_an_event() -> None:
    listen = {"id": "l", "op": "await_event", "event": "demo/Heard@1", "bind": {"as": "l"}}
    world = running([say("r"), listen, emit("next")], ("r", "next"))
    assert moves(world.records) == [("r", "done"), ("l", "waiting"), ("next", "done")]
    assert asked(world) == ["next"]


def test_what_a_raise_woke_or_started_is_queued_before_the_raiser() -> None:
    raiser = plan(P, [say("r"), assign("after", {"nat": 1})], ("r", "after"))
    other = {**plan("demo/q@1", [assign("q", {"nat": 1})]), "input": "demo/Said@1"}
    world = World(raiser, other, triggers=[("demo/Go@1", P), ("demo/Said@1", "demo/q@1")])
    world.go()
    assert moves(world.records) == [("r", "done"), ("q", "done"), ("after", "done")]


def test_a_raised_value_that_does_not_fit_ends_the_instance_with_bad_value() -> None:
    world = running([say("r", n={"int": -1})])
    assert moves(world.records) == [("r", "failed")]
    assert endings(world.records) == [("error", "bad_value")]
    assert kinds(world.records).count("event") == 1


# -- ending


def test_end_ends_at_once_whatever_else_is_there() -> None:
    """B-21."""
    steps = [emit("a"), await_("w", "a"), end(), assign("x", {"nat": 1})]
    world = running(steps, ("a", "w"))
    assert moves(world.records) == [("a", "done"), ("w", "waiting"), ("end", "done")]
    assert endings(world.records) == [("ok", None)]
    assert len(world.pending) == 1  # its effect is still asked for


def test_a_result_is_typed_by_the_output() -> None:
    """B-10, B-20."""
    world = running([end(result={"int": 3})], output="demo/Nat@1")
    (ended,) = of_kind(world.records, "plan_ended")
    assert (ended["status"], ended["result"]) == ("ok", 3)
    world = running([end(result={"int": -3})], output="demo/Nat@1")
    assert moves(world.records) == [("end", "failed")]
    assert endings(world.records) == [("error", "bad_value")]


# -- values


def test_what_each_step_gives() -> None:
    """B-17."""
    steps = [emit("a"), assign("x", ref("var:h_a")), say("r", n={"nat": 4}), end()]
    world = running(steps, ("a", "x"), ("x", "r"), ("r", "end"))
    (intent,) = world.pending
    assert values(world.records) == {
        "a": {
            "Record": {
                "handle": {"Text": "h_a"},
                "intent_hash": {"Bytes": intent.hash},
                "params": {"Record": {"q": {"Text": "a"}}},
            }
        },
        "x": {"Text": "h_a"},
        "r": {
            "Record": {
                "schema": {"Text": "demo/Said@1"},
                "value": {"Record": {"who": {"Text": "r"}, "n": {"Nat": 4}}},
            }
        },
        "end": "Unit",
    }


@pytest.mark.parametrize(
    ("literal", "expression"),
    [
        ({"tag": "A"}, {"variant": {"tag": "A"}}),
        ({"tag": "A", "value": {"nat": 1}}, {"variant": {"tag": "A", "value": {"nat": 1}}}),
        ({"list": [{"tag": "A"}]}, {"list": [{"variant": {"tag": "A"}}]}),
    ],
)
def test_a_tagged_literal_may_be_assigned_to_what_has_no_type(
    literal: Any, expression: Any
) -> None:
    world = running([assign("x", literal), assign("y", expression)])
    found = values(world.records)
    assert found["x"] == found["y"]
    assert len(found) == 2
    (stored, _) = world.program.plans[P].node.steps
    assert stored.args["expr"] == literal


def test_a_local_types_what_is_assigned_to_it() -> None:
    steps = [assign("x", {"int": 3}), assign("y", {"int": 3})]
    world = running(steps, locals={"x": "demo/Nat@1"})
    assert values(world.records) == {"x": {"Nat": 3}, "y": {"Int": 3}}
    world = running([assign("x", {"text": "no"})], locals={"x": "demo/Nat@1"})
    assert endings(world.records) == [("error", "bad_value")]


def test_a_receipt_is_typed_where_named_and_untyped_elsewhere() -> None:
    """B-18."""
    world = running([emit("a"), await_("w", "a")], ("a", "w"))
    digest = canon.hash_text(bytes(32))
    world.answer("a", {"n": 2, "extra": {"i": -1, "h": digest}, "note": "x"})
    assert values(world.records)["w"] == {
        "Record": {
            "n": {"Nat": 2},
            "note": {"Text": "x"},
            "extra": {"Record": {"i": {"Int": -1}, "h": {"Hash": digest}}},
        }
    }


# -- receipts that are not ok


@pytest.mark.parametrize("status", ["ok", "error", "timeout"])
def test_every_status_resumes_the_plan_and_guards_see_it(status: str) -> None:
    steps = [emit("a"), await_("w", "a"), assign("good", {"nat": 1}), assign("bad", {"nat": 1})]
    is_ok = op("eq", ref("var:w.$status"), {"text": "ok"})
    edges = [("a", "w"), ("w", "good", is_ok), ("w", "bad", op("not", is_ok))]
    world = running(steps, *edges)
    done = world.answer("a", {"n": 1}, status)
    assert done.records[0]["status"] == status
    ran = {step for step, state in moves(done.records) if state == "done"}
    assert ran == {"w", "good" if status == "ok" else "bad"}


def test_a_missing_named_field_is_an_error_of_an_ok_receipt_only() -> None:
    begin = running([emit("a"), await_("w", "a"), end()], ("a", "w"), ("w", "end"))
    world = begin.fork()
    done = world.answer("a", {"note": "no n"})
    assert outcome(done) == "settled"
    assert moves(done.records) == [("w", "failed")]
    assert endings(done.records) == [("error", "receipt_error")]
    for status in ("error", "timeout"):
        world = begin.fork()
        done = world.answer("a", {"message": "down"}, status)
        assert moves(done.records) == [("w", "done"), ("end", "done")]
        assert values(done.records)["w"] == {
            "Record": {"note": "Null", "message": {"Text": "down"}}
        }
