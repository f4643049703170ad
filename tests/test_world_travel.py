"""``World.at``: every height, and every record of a turn, has its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.errors import UsageError
from aos_core.replay import replay
from aos_core.world import World
from tests.fixtures import aggregator, begun, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, module, schema
from tests.support import (
    EVENT,
    PLAN,
    REDUCER,
    answering,
    numbered,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)


def long_history(world: Path, **options: Any) -> World:
    """Two requests, a late receipt, one that times out, a swap, a faulted turn."""
    found = World.open(world, memory=True, **options)
    found.fire(EVENT, start())
    receipt = numbered(found, 2).answer()
    found.deliver(receipt)
    found.deliver(receipt)
    found.fire(EVENT, start("d", "a", "e"))
    found.use_scenario("two-at-once")
    release_all(found, 6, 3)
    patch_reducer(world, b"fetch_c", b"fetch_C")
    found.swap()
    item = numbered(found, 1)
    found.deliver(Receipt(item.intent_hash, "timeout", item.schema.zero() | {"body_preview": ""}))
    return found


def test_every_height_agrees_with_a_fresh_replay_up_to_there(world: Path) -> None:
    found = long_history(world)
    states = []
    for made in replay(found.frames, found.program_of, found._modules):
        states += [made.state] if made.turn is None else list(made.turn.states)
    assert len(states) == found.height + 1
    for height in (*range(found.height + 1), *range(found.height, -1, -1)):
        view = found.at(height)
        assert view.height == height and view.root == states[height].root
        assert {item.intent_hash for item in view.pending} == {
            intent.hash for _, intent in states[height].pending.items()
        }
        running = {plan.id for plan in view.plans() if plan.status == "running"}
        assert running == {id for id, _ in states[height].plans.items()}
    for height in (-1, found.height + 1):
        with pytest.raises(UsageError, match=f"no height {height}"):
            found.at(height)


def test_inside_a_turn_every_record_has_its_state(opened: World) -> None:
    first, last = opened.turn_bounds(2)
    assert (first, last) == (1, opened.height)
    assert opened.at(1).state(REDUCER) is None
    assert opened.at(2).state(REDUCER)["pc"] == "Running"
    counts = [len(opened.at(height).pending) for height in range(last + 1)]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 3
    assert [opened.frame_at(height) for height in (0, 1, last)] == [0, 1, 1]


def test_a_view_stays_as_it_was_while_the_world_goes_on(opened: World) -> None:
    view = opened.at(opened.height)
    before = (view.root, view.states(), [item.n for item in view.pending], view.plans())
    release_all(opened)
    assert (view.root, view.states(), [item.n for item in view.pending], view.plans()) == before
    assert [step.state for step in view.plan(0).steps if step.op == "await_receipt"] == [
        "waiting"
    ] * 3


def test_plans_are_shown_with_the_states_of_their_steps(opened: World) -> None:
    release_all(opened, 2)
    (shown,) = opened.at(opened.height).plans()
    assert (shown.number, shown.plan, shown.status, shown.ended) == (0, PLAN, "running", None)
    found = opened.at(opened.height).plan(0)
    states = {step.id: step.state for step in found.steps}
    assert states["emit_a"] == states["await_b"] == states["status_b"] == "done"
    assert states["await_a"] == states["await_c"] == "waiting"
    assert states["raise"] == "pending"
    assert found.waiting == ("await_a", "await_c")
    release_all(opened)
    done = opened.at(opened.height).plan(0)
    assert done.status == "ok" and done.ended is not None
    assert {step.state for step in done.steps} == {"done"}
    with pytest.raises(UsageError, match="no plan instance #1"):
        opened.at(opened.height).plan(1)
    with pytest.raises(UsageError, match="no plan instance #0"):
        opened.at(0).plan(0)


def test_numbers_of_pending_intents_start_at_1_whenever_nothing_is_pending(opened: World) -> None:
    opened.fire(EVENT, start("a", "b", "c", topic="more"))
    release_all(opened, 1, 2, 4)
    opened.fire(EVENT, start("a", "b", "c", topic="again"))
    assert [item.n for item in opened.pending] == [3, 5, 6, 7, 8, 9]
    release_all(opened)
    opened.fire(EVENT, start())
    assert [item.n for item in opened.pending] == [1, 2, 3]
    assert [item.n for item in opened.at(opened.turn_bounds(2)[1]).pending] == [1, 2, 3]


def test_a_world_in_which_nothing_happened_can_be_looked_at(world: Path) -> None:
    found = World.open(world, memory=True)
    view = found.at(0)
    assert (view.states(), view.pending, view.plans(), view.state(REDUCER)) == ({}, [], [], None)
    assert view.reducers() == [REDUCER]
    with pytest.raises(UsageError, match="there is no reducer 'demo/Nobody@1'"):
        view.state("demo/Nobody@1")


def keyed_world(to: Path, key: str, path: str = "n") -> Path:
    return tiny_world(
        to,
        schema("demo/Pair@1", {"record": {"a": NAT, "b": NAT}}),
        module("demo/R@1", "demo/Go@1", "demo/Count@1", key=key),
        wasm={"R": answering({"state": canon.encode_plain({"n": 1})})},
        routes=[("demo/Go@1", "demo/R@1", path)],
    )


def test_keyed_states_are_objects_by_the_keys_json_text(tmp_path: Path) -> None:
    by_number = World.open(keyed_world(tmp_path / "n", "demo/Nat@1"), memory=True)
    by_text = World.open(keyed_world(tmp_path / "t", "demo/Text@1", "who"), memory=True)
    for found in (by_number, by_text):
        assert found.state("demo/R@1") == {}
        for who, n in (("ä b", 7), ("a", 12)):
            found.fire("demo/Go@1", {"who": who, "n": n})
    assert by_number.state("demo/R@1") == {"7": {"n": 1}, "12": {"n": 1}}
    assert by_text.state("demo/R@1") == {"a": {"n": 1}, "ä b": {"n": 1}}
    assert by_number.state("demo/R@1", 7) == {"n": 1}
    assert by_number.state("demo/R@1", 8) is None


def test_a_state_that_does_not_fit_its_schema_is_shown_untyped(tmp_path: Path) -> None:
    of = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1", "demo/Count@1"),
        wasm={"R": answering({"state": canon.encode_plain({"m": b"\1"})})},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    found = World.open(of, memory=True)
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    view = found.at(found.height)
    assert view.state("demo/R@1") == {"m": {"bytes_b64": "AQ=="}}
    problem = view.state_problem("demo/R@1", view.state_bytes("demo/R@1") or b"")
    assert problem is not None and "field is missing" in problem
    (warning,) = found.state_warnings()
    assert warning.startswith("the state of demo/R@1 does not fit") and problem in warning


@pytest.mark.parametrize(("mode", "told"), [("warn", 1), ("off", 0)])
def test_a_state_that_does_not_fit_is_told_where_the_world_wants_it(
    tmp_path: Path, mode: str, told: int
) -> None:
    of = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1", "demo/Count@1"),
        wasm={"R": answering({"state": canon.encode_plain({"m": 1})})},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    with (of / "world.toml").open("a", encoding="utf-8") as config:
        config.write(f'[checks]\nstate_schema = "{mode}"\n')
    found = World.open(of, memory=True)
    assert found.state_warnings() == []
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    assert len(found.state_warnings()) == told
