"""``World``: what it accepts and refuses, and the three ways to go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.errors import (
    CheckFailed,
    Diverged,
    Rejected,
    UnknownIntent,
    UsageError,
    ValueRejected,
    WorldError,
)
from aos_core.journal import JournalMissing
from aos_core.kernel.records import EventInput
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, begun, compiled_once  # noqa: F401
from tests.support import (
    EVENT,
    REDUCER,
    TRAPS,
    WASM,
    answering,
    kinds,
    log,
    numbered,
    plain,
    release_all,
    start,
    wat,
)


@pytest.mark.parametrize(
    ("schema", "value", "key", "error", "words"),
    [
        ("demo/Nothing@1", 1, None, ValueRejected, "unknown event schema"),
        (EVENT, {"Stop": 1}, None, ValueRejected, "unknown tag 'Stop'"),
        (EVENT, {"Start": {"topic": 1}}, None, ValueRejected, "Start"),
        (EVENT, start(), "k", ValueRejected, "not keyed"),
        (EVENT, start(), {"b64": "x"}, ValueRejected, "bytes_b64"),
        (EVENT, start(), 5, ValueRejected, "the key: expected"),
    ],
)
def test_an_event_that_is_rejected_leaves_no_trace(
    world: Path, schema: str, value: Any, key: Any, error: type[Rejected], words: str
) -> None:
    with World.open(world) as on_disk:
        on_disk.fire(EVENT, start())
        before, size = (on_disk.head, on_disk.root), log(world).stat().st_size
        with pytest.raises(error, match=words):
            on_disk.fire(schema, value, key=key)
        assert log(world).stat().st_size == size
        assert (on_disk.head, on_disk.root) == before
        on_disk.fire(EVENT, start())


def test_a_receipt_that_is_rejected_leaves_its_intent_pending(world: Path) -> None:
    with World.open(world) as on_disk:
        on_disk.fire(EVENT, start())
        good, size = numbered(on_disk, 1).answer(), log(world).stat().st_size
        bad: list[tuple[Receipt, type[Rejected]]] = [
            (Receipt(b"\x07" * 32, "ok", good.payload), UnknownIntent),
            (Receipt(b"\x07" * 31, "ok", good.payload), Rejected),
            (Receipt(good.intent, "fine", good.payload), Rejected),
            (Receipt(good.intent, "ok", ["not", "a", "receipt"]), ValueRejected),
            (Receipt(good.intent, "ok", {**good.payload, "status": "200"}), ValueRejected),
            (Receipt(good.intent, "ok", {1, 2}), ValueRejected),
            (Receipt(good.intent, "ok", good.payload, cost_cents=-1), Rejected),
        ]
        for receipt, error in bad:
            with pytest.raises(error):
                on_disk.deliver(receipt)
        assert log(world).stat().st_size == size
        assert [item.n for item in on_disk.pending] == [1, 2, 3]
        assert kinds(on_disk.deliver(good))[0] == "receipt"


def test_stamps_that_go_back_in_time_are_rejected(opened: World) -> None:
    opened.advance(100)
    release_all(opened, 1)
    before = opened.head
    with pytest.raises(Rejected, match="logical time goes back"):
        opened.fire(EVENT, start(), stamps={"logical_ns": 5})
    with pytest.raises(Rejected, match="entropy of an input must be 64 bytes"):
        opened.fire(EVENT, start(), stamps={"entropy": b"x"})
    assert opened.head == before


def swapped_for(world: Path, wasm: bytes) -> World:
    """The world after a Start, its reducer swapped for other wasm."""
    found = World.open(world, memory=True)
    found.fire(EVENT, start())
    (world / "modules/Aggregator.wasm").write_bytes(wasm)
    found.swap()
    return found


def test_a_fault_takes_a_height_and_changes_nothing_else(world: Path) -> None:
    found = swapped_for(world, TRAPS)
    before = found.at(found.height).kernel_state
    made = found.fire(EVENT, start(topic="again"))
    assert kinds(made) == ["event", "fault"] and made.fault is not None
    assert made.fault["code"] == "trap" and made.fault["where"] == {"reducer": REDUCER}
    assert made.fault["text"] == "unreachable code was reached"
    assert found.root == before.root and len(found.frames[-1].records) == 2
    assert_replays(found)


def test_a_receipt_whose_turn_faults_can_be_released_again_on_a_mended_module(
    world: Path,
) -> None:
    found = swapped_for(world, TRAPS)
    release_all(found, 1, 2)
    last, root = numbered(found, 3), found.root
    made = found.deliver(last.answer())
    assert made.fault is not None and made.records[0]["outcome"] == "faulted"
    assert found.root == root
    assert numbered(found, 3).intent_hash == last.intent_hash
    (world / "modules/Aggregator.wasm").write_bytes(WASM.read_bytes())
    found.swap()
    made = found.deliver(last.answer())
    assert made.fault is None and made.records[0]["outcome"] == "settled"
    assert found.state(REDUCER)["pc"] == "Done" and found.pending == []
    assert_replays(found)


@pytest.mark.parametrize(
    ("wasm", "code"),
    [
        (wat("(loop (br 0)) unreachable"), "out_of_fuel"),
        (wat("(i32.const 0) (i32.const 0)"), "bad_output"),
        (answering({"state": b"\x01"}), "bad_state"),
    ],
)
def test_a_reducer_that_never_ends_or_answers_rubbish_faults(
    world: Path, wasm: bytes, code: str
) -> None:
    text = (world / "world.toml").read_text("utf-8")
    (world / "world.toml").write_text(text + "\n[limits]\nfuel = 1_000_000\n", "utf-8")
    (world / "modules/Aggregator.wasm").write_bytes(wasm)
    found = World.open(world, memory=True)
    made = found.fire(EVENT, start())
    assert made.fault is not None and made.fault["code"] == code
    assert found.root == found.at(0).root
    assert_replays(found)


def test_a_failed_plan_ends_alone(world: Path) -> None:
    found = World.open(world, memory=True)
    value = start()
    value["Start"]["secondary"]["url"] = "https://elsewhere.example/api/b"
    made = found.fire(EVENT, value)
    assert made.fault is None
    ended = next(record for record in made.records if record.kind == "plan_ended")
    assert (ended["status"], ended["error_code"]) == ("error", "host_not_allowed")
    (shown,) = found.at(found.height).plans()
    assert (shown.status, shown.error) == ("error", "host_not_allowed")
    assert found.state(REDUCER)["pc"] == "Running", "the reducer's step stands"
    found.fire(EVENT, start(topic="good"))
    release_all(found)
    assert found.state(REDUCER)["results"].keys() == {"2"}
    assert_replays(found)


# -- worlds that are none ----------------------------------------------------------------------


def test_a_world_that_does_not_check_is_not_begun(world: Path) -> None:
    text = (world / "air/manifest.air.json").read_text("utf-8")
    (world / "air/manifest.air.json").write_text(
        text.replace('"reducer": "demo/Aggregator@1"', '"reducer": "demo/Nobody@1"'), "utf-8"
    )
    with pytest.raises(CheckFailed) as caught:
        World.open(world)
    assert caught.value.problems
    with pytest.raises(JournalMissing):
        World.open(world, write=False)


def test_no_world_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no world"):
        World.open(tmp_path / "nothing")
    with pytest.raises(WorldError, match=r"there is no world\.toml"):
        World.open(tmp_path)


def test_an_input_is_submitted_whole(opened: World) -> None:
    """What the public verbs are made of; here an event in bytes that nobody normalised."""
    value = canon.encode({"Start": start()["Start"]})
    made = opened.submit(EventInput(schema=EVENT, value=value), source={"scenario": "x", "step": 1})
    assert made.records[0]["value"]["$tag"] == "Start"
    assert opened.history.last_step("x") == 1 and opened.history.last_step("y") == -1
    assert plain(made.records) == [dict(of) for of in opened.frames[-1].records]
    assert not isinstance(opened.trouble, Diverged)
