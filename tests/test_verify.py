"""Verification in stretches, side by side, broken off and gone on with."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aos_core.errors import JournalDamaged, UsageError
from aos_core.replay import Divergence
from aos_core.verify import cluster, let_go, processes, proven_before, usual_cause, verify, work
from aos_core.world import World
from tests.support import EVENT, ROOT, copy_example, forge, log, release_all, start

TURNS = 240


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world with some hundred turns, and a snapshot every 8."""
    world = copy_example(tmp_path_factory.mktemp("verify") / "world")
    with World.open(world) as opened, opened.group():
        for _ in range(TURNS // 4):
            opened.fire(EVENT, start())
            release_all(opened)
    return world


@pytest.fixture
def world(played: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(played, tmp_path / "world"))


class Counted(ThreadPoolExecutor):
    """Threads, which say what they were given."""

    def __init__(self) -> None:
        super().__init__(2)
        self.given: list[Any] = []

    def __exit__(self, *of: Any) -> None:
        super().__exit__(*of)
        let_go()

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        assert fn is work
        self.given.extend(args)
        return super().submit(fn, *args, **more)


def test_stretches_run_side_by_side_and_cover_everything_once(world: Path) -> None:
    with World.open(world) as opened, Counted() as threads:
        alone = verify(opened, again=True)
        report = verify(opened, executor=threads, jobs=1, again=True)
        assert report.ok and alone.ok
        assert (report.root, report.head) == (opened.root, opened.head) == (alone.root, alone.head)
        cuts = [(of.first, of.last) for of in threads.given]
        assert cuts[0][0] == -1 and cuts[-1][1] == len(opened.frames) - 1
        assert [last for _, last in cuts[:-1]] == [first for first, _ in cuts[1:]]
        assert len(cuts) > 2 and all(first % 8 == 0 for first, _ in cuts[1:])


def test_processes_find_what_one_finds(world: Path) -> None:
    with World.open(world) as opened, processes(2) as pool:
        assert verify(opened, executor=pool, jobs=2, again=True).ok
    height = forge(world, 149)
    with World.open(world, write=False) as opened, processes(2) as pool:
        assert opened.trouble is not None and opened.height < height
        alone, together = verify(opened), verify(opened, executor=pool, jobs=2)
        assert alone.divergence is not None
        assert alone.divergence == together.divergence and alone.divergence.height == height
        assert alone.divergence.field == "after" and "altered" in usual_cause(
            opened, alone.divergence
        )


def test_damage_that_a_process_finds_is_told_as_it_is(world: Path) -> None:
    with World.open(world, write=False) as opened:
        frame = opened.frames[150]
        with log(world).open("r+b") as file:
            file.seek(frame.offset + 20)
            file.write(b"\xff\xff")
        found: list[JournalDamaged] = []
        with pytest.raises(JournalDamaged) as caught, processes(2) as pool:
            verify(opened, executor=pool, jobs=2, again=True)
        found.append(caught.value)
        with pytest.raises(JournalDamaged) as caught:
            verify(opened, again=True)
        found.append(caught.value)
    assert found[0].to_json() == found[1].to_json()
    assert found[0].where["height"] == frame.height and found[0].where["offset"] == frame.offset


def test_a_worker_that_goes_on_reads_the_disk_again(tmp_path: Path) -> None:
    world = copy_example(tmp_path / "small")
    with World.open(world) as opened, opened.group():
        for _ in range(4):
            opened.fire(EVENT, start())
    with World.open(world, write=False) as opened, ThreadPoolExecutor(1) as threads:
        assert verify(opened, executor=threads, again=True).ok
        with log(world).open("r+b") as file:
            file.seek(opened.frames[2].offset + 20)
            file.write(b"\xff\xff")
        with pytest.raises(JournalDamaged):
            verify(opened, executor=threads, again=True)
        threads.submit(let_go).result()


def test_the_first_of_several_differences_counts(world: Path) -> None:
    class Late(ThreadPoolExecutor):
        """The first stretch is done last."""

        def submit(self, fn: Any, /, stretch: Any, **more: Any) -> Future[Any]:  # type: ignore[override]
            return super().submit(_differs, stretch.first)

    with World.open(world) as opened, Late(4) as threads:
        report = verify(opened, executor=threads, jobs=2, again=True)
    assert report.divergence is not None and report.divergence.height == 0


def _differs(at: int) -> Any:
    time.sleep(0.2 if at < 0 else 0.0)
    return Divergence(max(at, 0), None, 1, 2)


def test_what_was_verified_is_not_run_again(world: Path) -> None:
    with World.open(world) as opened, Counted() as threads:
        assert verify(opened, again=True).skipped is None
        before = opened.height
        report = verify(opened, executor=threads, jobs=2)
        assert report.ok and report.skipped == before and threads.given == []
        opened.fire(EVENT, start())
        release_all(opened)
        report = verify(opened, executor=threads, jobs=2)
        assert report.ok and report.skipped == before and report.records == opened.height + 1
        assert [(of.first, of.last) for of in threads.given] == [(240, 244)]
        assert verify(opened, again=True).to_json().keys() == {
            "ok", "frames", "records", "root", "head", "seconds",
        }  # fmt: skip
        assert verify(opened).to_json()["verified_before"] == opened.height


def test_other_bytes_or_another_engine_are_verified_anew(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as opened:
        verify(opened)
        monkeypatch.setattr("aos_core.verify.ran_by", lambda: "another engine")
        assert verify(opened).skipped is None
        monkeypatch.undo()
    data = bytearray(log(world).read_bytes())
    data[len(data) // 2] ^= 1
    log(world).write_bytes(data)
    with World.open(world, write=False) as opened, pytest.raises(JournalDamaged) as caught:
        verify(opened)
    assert 0 < int(str(caught.value.where["offset"])) <= len(data) // 2


def test_what_was_verified_before_is_told_while_the_bytes_are_the_same(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as opened:
        assert proven_before(opened) is None
        verify(opened)
        end = opened.height
        assert proven_before(opened) == end
        monkeypatch.setattr("aos_core.verify.ran_by", lambda: "another engine")
        assert proven_before(opened) is None
        monkeypatch.undo()
        opened.fire(EVENT, start())
        assert proven_before(opened) == end, "so far, and no farther"
        with opened.fork(end, "side") as side:
            assert proven_before(side) == end
            side.fire(EVENT, start())
            verify(side)
            assert proven_before(side) == side.height
            with side.fork(side.height, "empty") as empty:
                verify(empty)
                assert verify(empty).skipped == proven_before(empty) == empty.height
    whole = log(world).read_bytes()
    with World.open(world, write=False) as opened:
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        log(world).write_bytes(changed)
        assert proven_before(opened) is None
        log(world).write_bytes(whole)
        assert proven_before(opened) == end


def test_broken_off_it_goes_on_from_where_it_was(world: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 100:
            raise KeyboardInterrupt

    with World.open(world) as opened:
        with pytest.raises(KeyboardInterrupt):
            verify(opened, again=True, progress=stop)
        assert verify(opened).skipped == opened.frames[99].last_height


def test_without_snapshots_one_stretch_is_everything(world: Path) -> None:
    (world / ".aos/snapshots.db").unlink()
    with World.open(world, write=False) as opened, Counted() as threads:
        assert verify(opened, executor=threads, jobs=2, again=True).ok
        assert len(threads.given) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE nodes SET data = x'00'",
        "DELETE FROM nodes",
        "UPDATE snapshots SET data = x'00'",
        "UPDATE snapshots SET data = (SELECT data FROM snapshots LIMIT 1)",
        "UPDATE snapshots SET height = height + 1",
        "DROP TABLE nodes",
    ],
)
def test_bad_snapshots_change_no_verdict(world: Path, change: str) -> None:
    with sqlite3.connect(world / ".aos/snapshots.db") as database:
        database.execute(change)
    database.close()
    with World.open(world) as opened, Counted() as threads:
        assert verify(opened, executor=threads, jobs=2, again=True).ok
        for height in (1, 100, opened.height):
            frame = opened.frames[opened.frame_at(height)]
            assert opened.at(frame.last_height).root == frame.root
        opened.fire(EVENT, start())


def test_a_world_in_memory_is_verified_here(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    assert verify(opened).ok and verify(opened).skipped is None
    with Counted() as threads, pytest.raises(UsageError):
        verify(opened, executor=threads)


def test_workers_end_with_the_process_that_wants_their_work(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time\n"
        "from aos_core.verify import processes\n"
        "if __name__ == '__main__':\n"
        "    with processes(2) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not _runs(worker):
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def dask_address() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


@pytest.mark.filterwarnings("default")
def test_a_real_cluster_runs_the_stretches(world: Path, dask_address: str) -> None:
    height = forge(world, 201)
    with World.open(world, write=False) as opened, cluster(dask_address) as (executor, threads):
        assert threads == 2 and isinstance(executor, Executor)
        report = verify(opened, executor=executor, jobs=threads)
    assert report.divergence is not None and report.divergence.height == height


def test_no_scheduler_is_an_error_that_says_what_to_do() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UsageError, match="no scheduler") as caught, cluster("tcp://127.0.0.1:9"):
        pass
    assert "dask scheduler" in (caught.value.hint or "")
