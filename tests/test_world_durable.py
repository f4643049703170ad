"""What a world acknowledged is on the disk: after a kill, a torn end, a flipped bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.errors import JournalDamaged, ReadOnly, StoreDamaged, UnknownIntent
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import emit, end, plan
from tests.support import (
    EVENT,
    REDUCER,
    ROOT,
    forget_offsets,
    kinds,
    log,
    numbered,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)


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
