"""A branch that another process renames, rotates or deletes while it is open here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aos_core.branches import BranchLock, list_branches
from aos_core.cli.main import main
from aos_core.errors import AosError, BranchLocked, ReadOnly, UsageError
from aos_core.journal import JournalMissing
from aos_core.rotation import KEPT
from aos_core.testing import assert_replays
from aos_core.verify import verify
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, ROOT, log, release_all, start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="what is open cannot be renamed there")

HEAD = "import sys; from pathlib import Path; from aos_core.world import World\n"


def python(code: str, *words: object) -> int:
    """Run code in a process of its own, to the end."""
    command = [sys.executable, "-c", HEAD + code, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def aos(world: Path, verb: str, *words: object) -> None:
    """Run ``aos`` in a process of its own."""
    command = [sys.executable, "-m", main.__module__, verb, str(world), *map(str, words)]
    subprocess.run([*command, "--quiet"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def run_again(world: Path, branch: str = "main") -> None:
    """Another process begins a run of that name."""
    code = "with World.anew(Path(sys.argv[1]), sys.argv[2]): pass"
    assert python(code, world, branch) == 0


def branches(world: Path) -> list[str]:
    return list_branches(world / ".aos/journal")


@pytest.fixture(name="forked")
def _forked(world: Path) -> Path:
    """``main``, and ``side`` forked from it, with an answer more."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        with found.fork(found.height, "side") as side:
            release_all(side, 1)
    return world


# -- renamed ----------------------------------------------------------------------------------


def test_a_reader_goes_on_with_a_branch_that_was_renamed(forked: Path) -> None:
    with World.open(forked, write=False) as reader:
        head, height = reader.head, reader.height
        aos(forked, "rename", "main", "root")
        assert not reader.lost and not reader.gone
        assert not reader.refresh()
        assert (reader.branch, reader.lineage, reader.head) == ("root", ("root",), head)
        assert reader.log == log(forked, "root")
        with pytest.raises(UsageError, match="nothing is lost, all is there: root") as caught:
            reader.put_back()
        assert caught.value.code == "not_lost" and branches(forked) == ["root", "side"]
        aos(forked, "release", 1, "--branch", "root")
        assert reader.refresh() and reader.height > height
        assert_replays(reader)


def test_a_child_goes_on_whatever_its_parent_is_called(forked: Path) -> None:
    with World.open(forked, "side") as side:
        aos(forked, "rename", "main", "root")
        assert not side.lost
        release_all(side, 2)
        assert side.refresh() is False
        assert (side.branch, side.lineage, side.owner(1)) == ("side", ("root", "side"), "root")
        with pytest.raises(UsageError, match="all is there: root, side"):
            side.put_back()
        with side.fork(side.height, "grandchild") as grandchild:
            assert grandchild.lineage == ("root", "side", "grandchild")
        release_all(side)
        assert_replays(side)
        side.rename_branch("root", "main")
        assert side.lineage == ("main", "side")
    assert branches(forked) == ["grandchild", "main", "side"]


def test_what_is_deleted_or_renamed_here_goes_by_the_names_there_are_now(forked: Path) -> None:
    with (
        World.open(forked, "side", write=False) as one,
        World.open(forked, "side", write=False) as two,
    ):
        aos(forked, "rename", "side", "mine")
        aos(forked, "fork", "side")
        with pytest.raises(UsageError) as caught:
            one.delete_branch("mine")
        assert caught.value.code == "branch_open"
        two.rename_branch("side", "theirs")
        assert two.branch == "mine"
        one.delete_branch("theirs")
    assert branches(forked) == ["main", "mine"]


def test_what_is_renamed_while_one_looks_for_it_is_not_lost(
    forked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was read before a rename shows a name that is gone after it."""
    renaming: list[subprocess.Popen[bytes]] = []

    def slowly(folder: Path) -> list[str]:
        monkeypatch.undo()
        found = list_branches(folder)
        words = ("rename", str(forked), "root", "main", "--quiet")
        renaming.append(subprocess.Popen([sys.executable, "-m", main.__module__, *words], cwd=ROOT))
        with suppress(subprocess.TimeoutExpired):
            renaming[0].wait(2)
        return found

    with World.open(forked, "side") as side:
        aos(forked, "rename", "main", "root")
        monkeypatch.setattr("aos_core.file_journal.list_branches", slowly)
        assert not side.lost
        with renaming[0]:
            pass
        side.follow_names()
        assert side.lineage == ("main", "side")


# -- rotated ----------------------------------------------------------------------------------


def test_who_reads_an_earlier_run_stays_with_it(world: Path) -> None:
    aos(world, "run", "--scenario", "basic")
    with (
        World.open(world, "basic", write=False) as reader,
        reader.fork(reader.height, "side") as side,
    ):
        file, head = log(world, "basic").stat(), reader.head
        aos(world, "run", "--scenario", "basic")  # the same records, in another file
        assert log(world, "basic").read_bytes() == log(world, "basic~1").read_bytes()
        for found in (reader, side):
            assert not found.lost
            found.refresh()
        assert (reader.branch, reader.head) == ("basic~1", head)
        assert reader.log is not None and os.path.samestat(reader.log.stat(), file)
        assert side.lineage == ("basic~1", "side")
        for found in (reader, side):
            with pytest.raises(UsageError, match="all is there: basic~1"):
                found.put_back()
    assert branches(world) == ["basic", "basic~1", "side"]


def test_what_was_opened_is_verified_and_not_what_has_its_name_now(forked: Path) -> None:
    with World.open(forked, write=False) as reader:
        run_again(forked)
        report = reader.verify()
        assert (report.ok, report.head, reader.branch) == (True, reader.head, "main~1")
    with World.open(forked) as again:
        assert again.height == 0


def test_a_fork_that_is_rotated_together_with_its_parent_keeps_the_order(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
        found.rename_branch("main", "S~1")
    aos(world, "rename", "side", "S")
    with World.open(world, "S", write=False) as reader:
        assert reader.lineage == ("S~1", "S")
        run_again(world, "S")
        reader.follow_names()
        assert (reader.lineage, reader.branch) == (("S~2", "S~1"), "S~1")
        assert_replays(reader)


# -- moved by hand ----------------------------------------------------------------------------


def test_a_writer_goes_on_under_the_name_that_somebody_gave_its_file(forked: Path) -> None:
    with World.open(forked, "side") as side:
        log(forked, "side").rename(log(forked, "mine"))
        with pytest.raises(ReadOnly, match="is there, as branch mine") as caught:
            release_all(side, 2)
        assert caught.value.code == "journal_renamed" and not side.lost
        side.follow_names()
        release_all(side)
        assert (side.branch, side.writable) == ("mine", True)
        with pytest.raises(BranchLocked):
            World.open(forked, "mine")
        BranchLock(log(forked, "side")).drop()  # nobody holds the old one
        assert not (forked / ".aos/journal/side.lock").exists()
        offsets = sorted(of.stem for of in (forked / ".aos/index").glob("*.offsets"))
        assert offsets == ["main", "mine"]
        head = side.head
    with World.open(forked, "mine") as again:
        assert again.head == head
        assert_replays(again)


def test_a_writer_whose_file_somebody_else_writes_by_its_new_name_writes_nothing(
    forked: Path,
) -> None:
    with World.open(forked, "side") as side:
        log(forked, "side").rename(log(forked, "mine"))
        with World.open(forked, "mine") as mine:
            side.follow_names()
            acts: list[Callable[[], object]] = [lambda: release_all(side), side.put_back]
            for act in acts:
                with pytest.raises(AosError, match="mine"):
                    act()
            release_all(mine)
            head = mine.head
        assert branches(forked) == ["main", "mine"]
    with World.open(forked, "mine") as again:
        assert again.head == head
        assert_replays(again)


def test_what_stands_at_the_name_of_a_journal_that_is_gone_is_not_discarded(forked: Path) -> None:
    with World.open(forked, "side") as side:
        empty = side.fork(side.height, "empty")
    log(forked, "empty").unlink()
    with World.open(forked, "side") as side:
        side.fork(0, "other").close()
    log(forked, "other").rename(log(forked, "empty"))
    with pytest.raises(ReadOnly):
        empty.discard()
    assert branches(forked) == ["empty", "main", "side"]


# -- deleted ----------------------------------------------------------------------------------


def test_a_branch_that_another_process_deleted_is_brought_back_and_not_put_back(
    forked: Path,
) -> None:
    with World.open(forked, "side", write=False) as reader:
        aos(forked, "delete", "side", "--yes")
        assert (reader.lost, reader.gone) == (True, True)
        with pytest.raises(UsageError, match="branch side was deleted") as caught:
            reader.put_back()
        assert caught.value.code == "branch_removed" and branches(forked) == ["main"]
        aos(forked, "restore", "side")
        assert (reader.lost, reader.refresh()) == (False, False)
        assert_replays(reader)


def test_of_a_parent_that_is_put_back_nothing_is_missing(forked: Path) -> None:
    with World.open(forked, "side") as side:
        with World.open(forked) as parent:
            release_all(parent)  # after what side has read of it
            head = parent.head
        before = log(forked).read_bytes()
        log(forked).unlink()
        side.put_back()
        assert log(forked).read_bytes() == before
    with World.open(forked) as again:
        assert (again.head, again.trouble) == (head, None)


def test_a_file_that_comes_back_is_written_as_before(forked: Path) -> None:
    away = forked / "away.log"
    with World.open(forked, "side") as side:
        log(forked, "side").rename(away)
        with pytest.raises(ReadOnly, match="deleted or moved"):
            release_all(side)
        assert (side.lost, side.writable) == (True, False)
        away.rename(log(forked, "side"))
        assert (side.lost, side.writable) == (False, True)
        release_all(side)
        assert_replays(side)


def test_what_has_the_name_of_a_branch_that_is_gone_proves_nothing(forked: Path) -> None:
    with World.open(forked, write=False) as reader:
        log(forked).unlink()
        with World.open(forked) as another:
            another.fire(EVENT, start(topic="another"))
            release_all(another)
            assert another.height > reader.height
        proofs: list[Callable[[], object]] = [reader.verify, lambda: verify(reader)]
        for prove in proofs:
            with pytest.raises(JournalMissing, match="main: its file was deleted"):
                prove()


@pytest.mark.parametrize("renamed", ["other", ""])
def test_a_run_that_is_withdrawn_takes_no_other_along(forked: Path, renamed: str) -> None:
    anew = World.anew(forked, "S")
    log(forked, "S").rename(log(forked, renamed) if renamed else forked / "away.log")
    log(forked, "side").rename(log(forked, "S"))
    side = log(forked, "S").read_bytes()
    anew.withdraw()
    assert branches(forked) == ["S", "main"] and log(forked, "S").read_bytes() == side


def test_what_stands_at_the_name_of_a_parent_that_is_gone_is_not_renamed(forked: Path) -> None:
    with World.open(forked, "side", write=False) as side:
        log(forked).unlink()
        World.open(forked).close()
        with pytest.raises(ReadOnly, match="main cannot be renamed: its file was deleted"):
            side.rename_branch("main", "mine")
        with pytest.raises(ReadOnly, match="side cannot be renamed: its file was deleted"):
            log(forked).replace(log(forked, "side"))
            side.rename_branch("side", "mine")
        assert side.read_only == "it was opened for reading only"
    assert branches(forked) == ["side"]


def test_a_disk_that_went_away_is_told_as_what_is_lost(forked: Path) -> None:
    """As a mount that is gone: asking for a file fails, and not because it is not there."""
    folder, away = forked / ".aos", forked / "away"
    with World.open(forked, write=False) as reader, World.open(forked, "side") as side:
        folder.rename(away)
        folder.symlink_to(folder)
        assert (reader.lost, side.lost, reader.refresh()) == (True, True, False)
        with pytest.raises(AosError):
            side.put_back()
        folder.unlink()
        away.rename(folder)
        assert (reader.lost, side.lost) == (False, False)
        release_all(side)


def test_what_is_looked_for_makes_no_folder_anew(forked: Path) -> None:
    with World.open(forked, "side") as side:
        (forked / ".aos").rename(forked / "elsewhere")
        assert (side.lost, (forked / ".aos").exists()) == (True, False)
        side.put_back()
        assert (side.lost, branches(forked)) == (False, ["main", "side"])


# -- what stays behind ------------------------------------------------------------------------


def _locks(world: Path) -> Iterator[str]:
    return (of.stem for of in sorted((world / ".aos/journal").glob("*.lock")))


def test_locks_do_not_pile_up_where_branches_are_renamed(forked: Path) -> None:
    with World.open(forked, "side") as side:
        for n in range(3):
            aos(forked, "rename", "main", "root")
            aos(forked, "rename", "root", "main")
            side.rename_branch(side.branch, f"side-{n}")
        (forked / ".aos/journal/killed.lock").touch()
        with BranchLock(log(forked, "held")):
            side.rename_branch("side-2", "side")
            assert list(_locks(forked)) == ["held", "side"]
        with pytest.raises(BranchLocked):
            World.open(forked, "side")


def test_a_run_that_a_rotation_left_which_was_killed_goes_with_the_next(world: Path) -> None:
    def heads() -> dict[str, bytes]:
        names = [name for name in branches(world) if name.startswith("S")]
        found = {}
        for name in names:
            with World.open(world, name, write=False) as opened:
                found[name] = opened.head
        return found

    def begin(n: int) -> bytes:
        with World.anew(world, "S") as found:
            found.fire(EVENT, start(topic=f"run {n}"))
            return found.head

    runs = [begin(n) for n in range(KEPT + 1)]
    code = "import os; World.anew(Path(sys.argv[1]), 'S'); os.kill(os.getpid(), 9)"
    for _ in range(2):
        assert python(code, world) == -9
    assert {"S~6", "S~7"} < set(heads()) and set(runs) < set(heads().values())
    with World.open(world, "S~7") as found:
        found.fork(found.height, "S-child").close()
        found.fork(found.height, "S~2024").close()  # a name that no rotation gave
    last = begin(9)
    found_ = heads()
    numbers = {f"S~{n}" for n in range(1, KEPT + 1)}
    assert set(found_) == {"S", "S~7", "S~2024", "S-child"} | numbers
    assert found_["S"] == last and runs[-1] in found_.values()


def test_runs_are_swept_only_while_there_are_enough_others(world: Path) -> None:
    def begin() -> None:
        World.anew(world, "S").close()

    for _ in range(KEPT + 1):
        begin()
    World.anew(world, "S")._journal.close()  # killed: nothing is dropped
    assert "S~6" in branches(world)
    for name in ("S~2", "S~4"):
        log(world, name).unlink()
    begin()
    assert "S~6" in branches(world), "there were four others"
    begin()
    assert branches(world) == ["S", *(f"S~{n}" for n in range(1, KEPT + 1))]


def test_a_run_with_a_number_that_a_person_gave_it_can_be_brought_back(world: Path) -> None:
    def begin() -> None:
        World.anew(world, "S").close()

    for _ in range(KEPT + 1):
        begin()
    with World.open(world, "S") as found:
        head = found.rename_branch("S~5", "S~6").head
    begin()
    with World.open(world, "S") as found:
        assert "S~6" not in found.branches()
        assert found.restore_branch("S~6").head == head
