"""``World``: what it accepts and refuses, what is durable, travel, and one writer a branch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.branches import DiskError
from aos_core.errors import (
    BranchLocked,
    CheckFailed,
    Diverged,
    JournalDamaged,
    ReadOnly,
    Rejected,
    StoreDamaged,
    UnknownIntent,
    UsageError,
    ValueRejected,
    WorldError,
)
from aos_core.journal import JournalMissing
from aos_core.kernel.records import EventInput
from aos_core.replay import replay
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, emit, end, module, plan, schema
from tests.support import (
    EVENT,
    PLAN,
    REDUCER,
    ROOT,
    TRAPS,
    WASM,
    answering,
    forget_offsets,
    kinds,
    log,
    numbered,
    patch_reducer,
    plain,
    release_all,
    same,
    start,
    tiny_world,
    wat,
)


@pytest.fixture
def opened(world: Path) -> World:
    """The aggregator in memory, three requests pending."""
    found = World.open(world, memory=True)
    found.fire(EVENT, start())
    return found


# -- the three ways to go wrong ---------------------------------------------------------------


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


# -- travel -----------------------------------------------------------------------------------


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


# -- durability -------------------------------------------------------------------------------


def test_every_accepted_input_is_on_disk_before_the_call_returns(
    world: Path, tmp_path: Path
) -> None:
    copies: list[Path] = []
    heads: list[tuple[int, bytes, bytes]] = []

    def keep(world_now: World) -> None:
        copy = tmp_path / f"copy{len(copies)}"
        shutil.copytree(world, copy)
        copies.append(copy)
        heads.append((world_now.height, world_now.head, world_now.root))

    with World.open(world) as found:
        keep(found)
        found.fire(EVENT, start())
        keep(found)
        for n in (2, 3, 1):
            release_all(found, n)
            keep(found)
        patch_reducer(world, b"fetch_c", b"fetch_C")
        found.swap()
        keep(found)
    for copy, head in zip(copies, heads, strict=True):
        with World.open(copy, write=False) as again:
            assert (again.height, again.head, again.root) == head
            assert again.trouble is None


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_process_that_is_killed_loses_nothing_it_acknowledged(world: Path) -> None:
    code = (
        "import json, sys; from aos_core.world import World\n"
        f"w = World.open({str(world)!r}); e = json.loads({json.dumps(start())!r})\n"
        f"for n in range(9): w.fire({EVENT!r}, e); print(w.head.hex(), flush=True)\n"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().decode().strip() for _ in range(9)]
        process.kill()
    with World.open(world) as again:
        assert [frame.hash.hex() for frame in again.frames[1:]] == acknowledged


def test_reopening_gives_the_same_world_which_goes_on(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 2)
        before = (found.height, found.root, found.head)
        pending = [(item.n, item.intent_hash, item.since) for item in found.pending]
    with World.open(world) as again:
        assert (again.height, again.root, again.head) == before
        assert [(item.n, item.intent_hash, item.since) for item in again.pending] == pending
        release_all(again)
        assert again.state(REDUCER)["pc"] == "Done"
    with World.open(world) as last:
        assert last.state(REDUCER)["pc"] == "Done"
        assert_replays(last)


def test_after_reopening_a_settled_intent_is_late_and_an_unknown_one_unknown(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        receipt = numbered(found, 1).answer()
        found.deliver(receipt)
    with World.open(world) as again:
        root = again.root
        made = again.deliver(receipt)
        assert (kinds(made), made.records[0]["outcome"]) == (["receipt"], "late")
        assert again.frames[-1].body["input"]["late"] is True and again.root == root
        with pytest.raises(UnknownIntent):
            again.deliver(Receipt(b"\x08" * 32, "ok", receipt.payload))


def test_a_receipt_for_an_ended_instance_is_an_orphan_and_then_late(tmp_path: Path) -> None:
    once = plan("demo/p@1", [emit("a"), end()], ("a", "end"))
    of = tiny_world(tmp_path, once, triggers=[("demo/Go@1", "demo/p@1")])
    with World.open(of) as found:
        made = found.fire("demo/Go@1", {"who": "a", "n": 1})
        assert "plan_ended" in kinds(made)
        (item,) = found.pending
        receipt = Receipt(item.intent_hash, "ok", {"n": 1, "note": None})
        assert found.deliver(receipt).records[0]["outcome"] == "orphan"
        assert found.pending == []
    with World.open(of) as again:
        assert again.deliver(receipt).records[0]["outcome"] == "late"


def test_the_blobs_of_a_receipt_are_there_with_its_frame(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        receipt = numbered(found, 1).answer()
        found.deliver(receipt)
    (blob,) = receipt.blobs
    with World.open(world, write=False) as again:
        assert again.blob(canon.sha256(blob)) == blob
        with pytest.raises(StoreDamaged, match="a blob is missing"):
            again.blob(bytes(32))


def three_frames(world: Path) -> list[int]:
    """A journal of genesis, an event and a receipt; where its frames end."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
        return [frame.end for frame in found.frames]


def test_a_torn_last_frame_is_dropped_with_a_notice_and_the_world_goes_on(world: Path) -> None:
    ends = three_frames(world)
    data = log(world).read_bytes()
    log(world).write_bytes(data[:-5])
    forget_offsets(world)
    with World.open(world, write=False) as reader:
        assert len(reader.frames) == 2 and "left alone" in reader.notices[0]
    with World.open(world) as found:
        assert len(found.frames) == 2 and found.trouble is None and found.writable
        assert "moved to main.torn-1" in found.notices[0]
        release_all(found)
        assert found.state(REDUCER)["pc"] == "Done"
    assert log(world).with_name("main.torn-1").read_bytes() == data[ends[1] : -5]
    with World.open(world) as again:
        assert again.notices == []
        assert_replays(again)


def test_a_flipped_bit_is_named_and_what_is_before_it_lives_on(world: Path) -> None:
    ends = three_frames(world)
    data = bytearray(log(world).read_bytes())
    data[ends[1] + 40] ^= 1
    log(world).write_bytes(data)
    with World.open(world) as found:
        assert isinstance(found.trouble, JournalDamaged) and not found.writable
        assert found.trouble.where["offset"] == ends[1]
        assert found.trouble.where["height"] == found.height + 1
        assert found.state(REDUCER)["pc"] == "Running" and len(found.pending) == 3
        assert found.at(2).state(REDUCER)["pc"] == "Running"
        for write in (
            lambda: found.fire(EVENT, start()),
            lambda: release_all(found, 1),
            lambda: found.swap(),
        ):
            with pytest.raises(ReadOnly, match="is damaged") as caught:
                write()
            assert f"fork it at {found.height}" in (caught.value.hint or "")
        with pytest.raises(JournalDamaged):
            found.verify()
        with found.fork(found.height, "saved") as fork:
            release_all(fork)
            assert fork.state(REDUCER)["pc"] == "Done"
            assert_replays(fork)
    assert log(world).read_bytes() == data
    with World.open(world, "saved") as again:
        assert again.trouble is None and again.state(REDUCER)["pc"] == "Done"


def test_damage_that_comes_while_the_world_is_open_is_found_by_verify(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        assert_replays(found)
        data = bytearray(log(world).read_bytes())
        data[len(data) // 2] ^= 1
        log(world).write_bytes(data)
        with pytest.raises(JournalDamaged):
            found.verify()


def test_a_damaged_header_is_an_error_that_exits_3(world: Path) -> None:
    three_frames(world)
    data = bytearray(log(world).read_bytes())
    data[20] ^= 1
    log(world).write_bytes(data)
    with pytest.raises(JournalDamaged) as caught:
        World.open(world)
    assert caught.value.exit_code == 3 and caught.value.where["height"] == 0


# -- one writer, many readers, and where nothing can be written -------------------------------


def test_a_second_writer_is_told_who_is_first_and_readers_see_the_last_state(world: Path) -> None:
    with World.open(world) as writer:
        writer.fire(EVENT, start())
        with pytest.raises(BranchLocked, match=f"pid {os.getpid()}"):
            World.open(world)
        with pytest.raises(BranchLocked):
            World.anew(world, "main")
        with World.open(world, write=False) as reader:
            assert same(reader, writer) and not reader.writable
            size = log(world).stat().st_size
            with pytest.raises(ReadOnly, match="opened for reading only"):
                reader.fire(EVENT, start())
            with pytest.raises(ReadOnly):
                reader.deliver(numbered(reader, 1).answer())
            with pytest.raises(ReadOnly):
                reader.swap()
            assert log(world).stat().st_size == size
            assert_replays(reader)
        release_all(writer)
    with World.open(world) as again:
        assert again.writable


def test_a_closed_world_can_be_looked_at_and_not_be_written(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
    assert found.state(REDUCER)["pc"] == "Running" and not found.writable
    with pytest.raises(ReadOnly):
        found.fire(EVENT, start())
    found.close()


def test_an_opening_that_fails_leaves_the_branch_free(world: Path) -> None:
    with pytest.raises(UsageError, match="there is no scenario 'nothing'"):
        World.open(world, scenario="nothing")
    with World.open(world) as found:
        assert found.writable


@pytest.mark.parametrize("write", [True, False])
def test_a_branch_that_is_not_there_is_no_branch(world: Path, write: bool) -> None:
    with pytest.raises(JournalMissing, match=r"no journal yet|there is no branch other"):
        World.open(world, "other", write=write)
    with pytest.raises(UsageError):
        World.open(world, "a/b", write=write)
    World.open(world).close()
    with pytest.raises(JournalMissing, match="there is no branch other"):
        World.open(world, "other", write=write)


def test_reading_a_world_without_a_journal_makes_none(world: Path) -> None:
    with pytest.raises(JournalMissing, match="no journal yet"):
        World.open(world, write=False)
    assert not (world / ".aos").exists()


def test_a_directory_that_cannot_be_made_is_a_typed_error(world: Path) -> None:
    (world / ".aos").write_text("in the way")
    with pytest.raises(DiskError) as caught:
        World.open(world)
    assert caught.value.hint and "cannot be written" in caught.value.message
    with World.open(world, memory=True) as found:
        found.fire(EVENT, start())


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_world_that_cannot_be_written_keeps_its_journal_at_home(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    world.chmod(0o555)
    try:
        with World.open(world) as found:
            assert found.files.data_dir.is_relative_to(tmp_path / "data")
    finally:
        world.chmod(0o755)


def test_a_failing_disk_acknowledges_nothing(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        before = (found.height, found.root, found.head, len(found.pending))

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(DiskError, match="No space left"):
                release_all(found, 1)
        assert (found.height, found.root, found.head, len(found.pending)) == before


def test_threads_take_turns(world: Path) -> None:
    found = World.open(world, memory=True)
    errors: list[BaseException] = []

    def work(topic: str) -> None:
        try:
            for _ in range(5):
                found.fire(EVENT, start(topic=topic))
                found.at(found.height).states()
                found.verify()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(found.frames) == 16
    assert found.state(REDUCER)["requests"] == 15
    assert_replays(found)


# -- worlds that are none ---------------------------------------------------------------------


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
