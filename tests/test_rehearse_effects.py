"""Rehearsed with other code, effects keep their receipts: which are the same, lost, or new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.effect_match import Asking, Pairs
from aos_core.other_code import with_files, with_module
from aos_core.rehearsal import Rehearsal
from aos_core.rehearse import rehearse
from aos_core.scenario_file import read_scenario
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import TIMERS, module
from tests.support import answering, tiny_world, write_scenario


def asker(q: str | None, kind: str = "demo.ask") -> bytes:
    """A reducer that asks for ``q`` whenever it is called, or for nothing."""
    if q is None:
        return answering({"state": b"\xf6"})
    params = {"q": q} if kind == "demo.ask" else {"deliver_at_ns": int(q), "key": None}
    slot = "default" if kind == "demo.ask" else "timers"
    effect = {"kind": kind, "params": canon.encode(params), "cap_slot": slot}
    return answering({"state": b"\xf6", "effects": [effect]})


@pytest.fixture
def asking(tmp_path: Path) -> Path:
    """A world whose reducer has asked ``old`` and got its receipt."""
    of = tiny_world(
        tmp_path / "asking",
        module("demo/R@1", "demo/Go@1", emits=["demo.ask", "timer.set"],
               slots={"default": "demo.ask", "timers": "timer"}),
        wasm={"R": asker("old")},
        routes=[("demo/Go@1", "demo/R@1")],
        grants=[{"name": "asks", "cap": "demo/asks@1", "params": {}}, TIMERS],
        bindings={"demo/R@1": {"default": "asks", "timers": "timers"}},
    )  # fmt: skip
    with World.open(of) as world:
        world.fire("demo/Go@1", {"who": "a", "n": 1})
        (item,) = world.pending
        world.deliver(Receipt(item.intent_hash, "ok", {"n": 7, "note": None}))
        world.fire("demo/Go@1", {"who": "b", "n": 1})
    return of


def rehearsed(path: Path, wasm: bytes, **more: Any) -> Rehearsal:
    with World.open(path) as world:
        return rehearse(world, with_module(world, "demo/R@1", wasm), **more)


def test_other_params_of_one_origin_take_the_recorded_receipt(asking: Path) -> None:
    found = rehearsed(asking, asker("new"), keep="new")
    assert found.effects_lost.count == found.effects_new.count == 0
    first = found.first_difference
    assert first is not None and first.record["k"] == "intent"
    assert (first.field, first.expected, first.found) == ("params.q", "old", "new")
    told = [(of["params"], of["found"]["params"]) for of in found.effects_changed.items]
    assert told == [({"q": "old"}, {"q": "new"})] * 2, "nobody is to think that it was asked so"
    assert [of.path.rpartition(".")[2] for of in found.diff] == ["q"]
    with World.open(asking, "new") as new:
        assert new.verify().ok
        (receipt,) = (of for of in new.records if of.kind == "receipt")
        assert (receipt["outcome"], receipt["payload"]) == ("settled", {"n": 7, "note": None})


def test_an_effect_no_longer_asked_leaves_its_receipt_out(asking: Path) -> None:
    found = rehearsed(asking, asker(None), keep="quiet")
    with_receipt, without = found.effects_lost.items
    assert (with_receipt["params"], with_receipt["origin"]["name"]) == ({"q": "old"}, "demo/R@1")
    with World.open(asking) as world:
        recorded = [at for at, of in enumerate(world.records) if of.kind == "receipt"]
    assert [with_receipt["receipt"]] == recorded and without["receipt"] is None
    assert found.effects_new.count == 0 and not found.same
    with World.open(asking, "quiet") as quiet:
        assert quiet.verify().ok and quiet.waiting == 0
        assert [of.kind for of in quiet.records].count("receipt") == 0


def test_a_late_receipt_is_never_too_late_to_be_the_same(
    asking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.effect_match.REMEMBERED", 0)
    with World.open(asking) as world:
        (item,) = world.pending
        for _ in range(2):
            world.deliver(Receipt(item.intent_hash, "ok", {"n": 8, "note": None}))
        assert rehearse(world, with_files(world)).same


def test_that_there_is_no_key_is_not_another_name_of_a_key() -> None:
    def asked(hash: bytes, key: bytes) -> Asking:
        origin, params = {"kind": "reducer", "name": "demo/R@1"}, {"q": hash.decode()}
        record = {"hash": hash * 32, "kind": "demo.ask", "origin": origin, "params": params}
        return Asking.of({**record, "cap": "asks", "idempotency_key": key}, 1, None)

    pairs = Pairs()
    pairs.ask([asked(b"1", b"k" * 32)], [asked(b"2", canon.ZERO_HASH)])
    assert pairs.name(b"2" * 32) == b"1" * 32
    assert pairs.name(canon.ZERO_HASH) is None, "all others have none on both sides"


def test_an_effect_with_a_late_receipt_too_is_lost_once(asking: Path) -> None:
    with World.open(asking) as world:
        (item,) = world.pending
        for _ in range(2):
            world.deliver(Receipt(item.intent_hash, "ok", {"n": 8, "note": None}))
        outcomes = [of["outcome"] for of in world.records if of.kind == "receipt"]
    assert outcomes == ["settled", "settled", "late"]
    found = rehearsed(asking, asker(None))
    assert found.effects_lost.count == 2
    assert None not in [of["receipt"] for of in found.effects_lost.items]


def test_a_new_effect_stays_pending_or_is_answered_by_a_scenario(tmp_path: Path) -> None:
    of = tiny_world(
        tmp_path / "w",
        module("demo/R@1", "demo/Go@1", emits=["demo.ask"], slots={"default": "demo.ask"}),
        wasm={"R": asker(None)},
        routes=[("demo/Go@1", "demo/R@1")],
        bindings={"demo/R@1": {"default": "asks"}},
    )
    with World.open(of) as world:
        for who in "ab":
            world.fire("demo/Go@1", {"who": who, "n": 1})
    left = rehearsed(of, asker("new"), keep="left")
    assert [(item["params"], item["answer"]) for item in left.effects_new.items] == [
        ({"q": "new"}, None)
    ] * 2
    with World.open(of, "left") as world:
        assert world.verify().ok and world.waiting == 2
    text = '[[answers]]\nmatch = { kind = "demo.ask", nth = 1 }\npayload = { n = 5 }\n'
    scenario = read_scenario(of / "scenarios" / f"{write_scenario(of, 's', text)}.toml")
    found = rehearsed(of, asker("new"), answers=scenario, keep="answered")
    assert rehearsed(of, asker("new"), answers=scenario, keep="twice").root == found.root
    one, other = found.effects_new.items
    assert one["answer"] is not None and other["answer"] is None
    assert "no answer" in other["problem"]
    with World.open(of, "answered") as world, World.open(of, "twice") as twice:
        assert world.verify().ok and world.waiting == 1
        assert world.head == twice.head, "answers repeat exactly"
        kinds = [of.kind for of in world.records]
        assert kinds.index("receipt") < len(kinds) - 3, "it came before the next event"


def timed_world(of: Path) -> Path:
    """A world whose reducer may set timers, and sets none."""
    return tiny_world(
        of,
        module("demo/R@1", "demo/Go@1", emits=["timer.set"], slots={"timers": "timer"}),
        wasm={"R": asker(None)},
        routes=[("demo/Go@1", "demo/R@1")],
        grants=[TIMERS],
        bindings={"demo/R@1": {"timers": "timers"}},
    )


def test_a_timer_is_answered_when_it_is_due_in_the_history(tmp_path: Path) -> None:
    def timed(due: int) -> bytes:
        return asker(str(due), "timer.set")

    of = timed_world(tmp_path / "w")
    scenario = read_scenario(of / "scenarios" / f"{write_scenario(of, 's', '')}.toml")
    with World.open(of, memory=True) as world:
        for at in (0, 1000, 2000):
            world.fire("demo/Go@1", {"who": "a", "n": 1}, stamps={"logical_ns": at, "at_ns": at})

        def times(due: int) -> list[int]:
            code = with_module(world, "demo/R@1", timed(due))
            rehearse(world, code, answers=scenario, keep=f"due-{due}")
            kept = world.open_beside(f"due-{due}")
            inputs = [frame.body["input"] for frame in kept.frames[1:]]
            return [of["logical_ns"] for of in inputs if of["k"] == "receipt"]

        assert times(1500)[0] == 1500, "between the events"
        assert times(2001) == [], "the history ends before"


def test_a_timer_that_the_history_asks_for_later_is_not_answered_by_the_scenario(
    tmp_path: Path,
) -> None:
    timed = asker("1500", "timer.set")
    of = timed_world(tmp_path / "w")
    scenario = read_scenario(of / "scenarios" / f"{write_scenario(of, 's', '')}.toml")
    with World.open(of, memory=True) as world:

        def fire(at: int) -> None:
            world.fire("demo/Go@1", {"who": "a", "n": 1}, stamps={"logical_ns": at, "at_ns": at})

        fire(0)
        world.swap(wasm={"demo/R@1": timed}, stamps={"logical_ns": 0, "at_ns": 0})
        fire(1000)  # asks for what other code has asked for already
        (item,) = world.pending
        fire(2000)
        found = rehearse(world, with_module(world, "demo/R@1", timed), answers=scenario)
        (second,) = found.effects_new.items
        assert second["intent_hash"] != canon.hash_text(item.intent_hash)
        assert second["answer"] is not None
