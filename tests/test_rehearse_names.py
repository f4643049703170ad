"""Rehearsal where names differ and what happens does not: receipts find their effects all the same,
and what is told is what really differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon, effect_match
from aos_core.adapters.receipt import Receipt
from aos_core.other_code import with_files, with_module
from aos_core.rehearsal import Rehearsal
from aos_core.rehearse import rehearse
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.kernel.worlds import await_, emit, end, module, plan, say
from tests.support import answering, tiny_world

PLAN = "demo/p@1"
ASKER = "demo/R@1"
Node = dict[str, Any]


def asking_plan(*more: Node, q: str = "ask") -> Node:
    """Asks ``q`` and awaits the receipt; then does what else there is to do."""
    return plan(
        PLAN,
        [emit("ask", {"text": q}), await_("told", "ask"), *more, end()],
        ("ask", "told"),
        *(("told", of["id"]) for of in more),
        *((of["id"], "end") for of in more or [{"id": "told"}]),
    )


def planned(to: Path, node: Node) -> Path:
    return tiny_world(to, node, triggers=[("demo/Go@1", PLAN)])


def go(world: World, *who: str) -> None:
    for of in who:
        world.fire("demo/Go@1", {"who": of, "n": 1})


def answer(world: World, *numbers: int) -> None:
    """Receipts for what is pending, by number."""
    pending = {item.n: item for item in world.pending}
    for n in numbers:
        world.deliver(Receipt(pending[n].intent_hash, "ok", {"n": n, "note": None}))


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Three plans have got their receipts, the last first, two of them ask the same; one waits."""
    with World.open(planned(tmp_path / "w", asking_plan())) as world:
        go(world, "a", "a", "b")
        answer(world, 3, 2, 1)
        go(world, "c")
    return tmp_path / "w"


def with_plan(world: Path, node: Node, **more: Any) -> Rehearsal:
    planned(world, node)
    with World.open(world) as opened:
        return rehearse(opened, with_files(opened), **more)


# -- plans ------------------------------------------------------------------------------------


def test_a_plan_that_does_more_differs_in_what_it_does_more(asked: Path) -> None:
    """Its instances, intents, and keys all have other names."""
    found = with_plan(asked, asking_plan(say("said")), keep="more")
    first = found.first_difference
    assert first is not None
    assert (first.record["k"], first.field) == ("plan_step", "step")
    assert (first.expected, first.found) == ("end", "said")
    assert found.changed == 6, "three plans: the step, and the event that it raises"
    for listed in (found.effects_lost, found.effects_new, found.effects_changed, found.refused):
        assert listed.count == 0
    assert found.diff == (), "the plan that waits still waits for the same"
    with World.open(asked, "more") as more:
        assert more.verify().ok
        told = [of["payload"]["n"] for of in more.records if of.kind == "receipt"]
        assert told == [3, 2, 1]
        ended = [of["status"] for of in more.records if of.kind == "plan_ended"]
        assert ended == ["ok"] * 3 and more.waiting == 1


def test_a_plan_that_asks_otherwise_is_told_by_its_params(asked: Path) -> None:
    found = with_plan(asked, asking_plan(q="other"))
    first = found.first_difference
    assert first is not None and (first.expected, first.found) == ("ask", "other")
    asks = [(of["params"]["q"], of["found"]["params"]["q"]) for of in found.effects_changed.items]
    assert asks == [("ask", "other")] * 4
    assert found.effects_lost.count == found.effects_new.count == 0
    # of the plan that waits: the value of its step, and the effect itself
    assert [(of.before, of.after) for of in found.diff] == [("ask", "other")] * 2
    assert all(of.path.endswith(".q") for of in found.diff)


def test_strictly_what_asks_otherwise_is_another_effect(asked: Path) -> None:
    found = with_plan(asked, asking_plan(q="other"), strict=True, keep="strict")
    assert found.effects_changed.count == 0
    receipts = [of["receipt"] for of in found.effects_lost.items]
    assert found.effects_lost.count == 4 and receipts.count(None) == 1
    assert [of["params"]["q"] for of in found.effects_new.items] == ["other"] * 4
    with World.open(asked, "strict") as kept:
        assert kept.verify().ok and kept.waiting == 4
    same = with_plan(asked, asking_plan(say("said")), strict=True)
    assert same.effects_lost.count == 0, "other names are not other params"


# -- what is remembered -----------------------------------------------------------------------


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effect_match, "REMEMBERED", 1)


@pytest.mark.usefixtures("forgetful")
def test_however_much_happens_meanwhile_what_is_pending_gets_its_receipt(tmp_path: Path) -> None:
    with World.open(planned(tmp_path, asking_plan())) as world:
        go(world, "first", "a", "b", "c", "d")
        answer(world, 5, 4, 3, 2, 1)
    found = with_plan(tmp_path, asking_plan(say("said")))
    assert found.effects_lost.count == found.effects_new.count == 0
    assert found.changed == 10


@pytest.mark.usefixtures("forgetful")
def test_a_receipt_that_comes_again_much_later_is_late_here_too(asked: Path) -> None:
    with World.open(asked) as world:
        first = next(of for of in world.records if of.kind == "receipt")
        go(world, "d")
        answer(world, *(item.n for item in world.pending))
        world.deliver(Receipt(first["intent"], "ok", {"n": 9, "note": None}))
        assert world.records[world.height]["outcome"] == "late"
        same = rehearse(world, with_files(world))
        assert same.same and same.effects_lost.count == 0


# -- reducers ---------------------------------------------------------------------------------


def asking_reducer(*asks: str, says: bool = False) -> bytes:
    effects = [
        {"kind": "demo.ask", "params": canon.encode({"q": q}), "cap_slot": "ask"} for q in asks
    ]
    said = {"schema": "demo/Said@1", "value": canon.encode({"who": "it", "n": 0})}
    events = [said] if says else []
    return answering({"state": b"\xf6", "domain_events": events, "effects": effects})


@pytest.fixture
def reducing(tmp_path: Path) -> Path:
    return tiny_world(
        tmp_path / "r",
        module(ASKER, "demo/Go@1", emits=["demo.ask"], slots={"ask": "demo.ask"}),
        module("demo/Listener@1", "demo/Said@1"),
        wasm={"R": asking_reducer("old"), "Listener": answering({"state": b"\xf6"})},
        routes=[("demo/Go@1", ASKER), ("demo/Said@1", "demo/Listener@1")],
        bindings={ASKER: {"ask": "asks"}},
    )


def rehearsed(path: Path, wasm: bytes, **more: Any) -> Rehearsal:
    with World.open(path) as world:
        return rehearse(world, with_module(world, ASKER, wasm), **more)


def test_what_comes_in_between_makes_no_others_of_those_after_it(reducing: Path) -> None:
    with World.open(reducing) as world:
        go(world, "a")
    found = rehearsed(reducing, asking_reducer("old", says=True))
    first = found.first_difference
    assert first is not None and first.height == 3, "event and step are as before"
    assert found.changed == 2, "the event, and the step that takes it"
    assert found.effects_lost.count == found.effects_new.count == 0


def test_an_effect_that_is_not_asked_for_is_lost_once_however_often_its_receipt_came(
    reducing: Path,
) -> None:
    with World.open(reducing) as world:
        go(world, "a")
        (item,) = world.pending
        receipt = Receipt(item.intent_hash, "ok", {"n": 1, "note": None})
        world.deliver(receipt)
        world.deliver(receipt)
        assert world.records[world.height]["outcome"] == "late"
    found = rehearsed(reducing, asking_reducer())
    (lost,) = found.effects_lost.items
    assert lost["params"] == {"q": "old"} and lost["receipt"] is not None
    assert found.changed == 4, "the decision, the intent, both receipts"
