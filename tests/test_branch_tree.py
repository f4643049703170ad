"""The branches of a world: listed, renamed, deleted, brought back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aos_core import disk as disk_module
from aos_core import log_file as journal_module
from aos_core.branch_tree import (
    Parent,
    branch_tree,
    check_deletable,
    delete_branch,
    rename_branch,
    restore_branch,
)
from aos_core.branches import DiskError, said_of
from aos_core.disk import Disk, FileDisk
from aos_core.errors import BranchLocked, ReadOnly, UsageError
from aos_core.frames import Frame
from aos_core.journal import JournalMissing
from aos_core.layer import OPERATING_SYSTEM
from aos_core.offsets import offsets_path
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, log, release_all, start


def _disk(world: Path) -> closing[FileDisk]:
    return closing(FileDisk(world / ".aos", write=True))


@pytest.fixture
def forked(world: Path) -> Path:
    """``main``, ``one`` forked from it, ``two`` forked from ``one``."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        with found.fork(found.height, "one") as one:
            release_all(one, 1)
            with one.fork(one.height, "two") as two:
                release_all(two)
        release_all(found)
    return world


def _heads(disk: Disk) -> dict[str, bytes]:
    return {name: of.head for name, of in branch_tree(disk).branches.items()}


def test_a_tree_says_what_opening_says(forked: Path) -> None:
    with _disk(forked) as disk:
        tree = branch_tree(disk)
    assert list(tree.branches) == ["main", "one", "two"] and not tree.unreadable
    for name, of in tree.branches.items():
        with World.open(forked, name, write=False) as found:
            assert (of.height, of.head, of.root) == (found.height, found.head, found.root)
    main, one, two = tree.branches.values()
    assert main.parent is None and main.records == main.height + 1
    assert one.parent is not None and two.parent is not None
    assert (one.parent.branch, two.parent.branch) == ("main", "one")
    assert two.parent == Parent("one", one.height, one.head)
    assert one.records == one.height - one.parent.height
    assert tree.children("main") == ["one"] and tree.children("two") == []


def test_of_a_hundred_branches_only_the_ends_are_read(
    forked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(forked) as found:
        for n in range(20):
            found.fire(EVENT, start())
            found.advance(n)
        frames = len(found.frames)
        for n in range(100):
            found.fork(found.turn_bounds(n % found.height + 1)[1], f"fork-{n}").close()
    read: list[Frame] = []
    for module, name in ((disk_module, "scan"), (journal_module, "scan"),
                         (journal_module, "read_frame")):  # fmt: skip
        monkeypatch.setattr(module, name, _counting(getattr(module, name), read))
    with _disk(forked) as disk:
        tree = branch_tree(disk)
    assert len(tree.branches) == 103
    parents = [tree.branches[f"fork-{n}"].parent for n in range(100)]
    assert {parent and parent.branch for parent in parents} == {"main"}
    ends = 2 * 103
    assert len(read) <= 2 * ends + 2 * frames + 10, "each branch twice, a parent's frames once"


def test_damage_is_found_at_the_end_alone_or_where_it_is_known_of(
    forked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = log(forked).read_bytes()
    read: list[Frame] = []
    for name in ("scan", "read_frame"):
        monkeypatch.setattr(journal_module, name, _counting(getattr(journal_module, name), read))
    with _disk(forked) as disk:
        assert disk.damage("main") is None and len(read) <= 2
        log(forked).write_bytes(whole[:-20])
        found = disk.damage("main")
        assert found is not None and found.where["height"]
        log(forked).write_bytes(whole[:-500] + b"\xff" * 8 + whole[-492:])
        offsets_path(log(forked)).unlink()  # as whoever comes upon it leaves it
        found = disk.damage("main")
        assert found is not None and said_of("main", found.message).startswith("it is damaged: ")
        del read[:]
        assert disk.damage("main") is found and not read, "read whole once"
        with pytest.raises(JournalMissing):
            disk.damage("none")


def _counting(real: Callable[..., Any], read: list[Frame]) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        found = real(*args)
        read.extend(found[0] if isinstance(found, tuple) else [found])
        return found

    return counted


def test_an_unfinished_end_and_damage_are_told_apart(forked: Path) -> None:
    with log(forked, "two").open("ab") as file:
        file.write(b"\x40\x00\x00\x00 unfinished")
    whole = log(forked, "one").read_bytes()
    log(forked, "one").write_bytes(b"\xff" * 40 + whole[40:])
    with _disk(forked) as disk:
        tree = branch_tree(disk)
    assert list(tree.branches) == ["main", "two"]
    assert tree.branches["two"].parent is not None
    assert tree.branches["two"].parent.branch is None, "nobody has that frame any more"
    assert "damaged" in tree.unreadable["one"].message


def test_a_branch_is_renamed_and_its_forks_stay_its_forks(forked: Path) -> None:
    with _disk(forked) as disk:
        before = _heads(disk)
        found = rename_branch(disk, "one", "uno")
        assert found.head == before["one"]
        assert _heads(disk) == {"main": before["main"], "uno": before["one"], "two": before["two"]}
        assert branch_tree(disk).children("uno") == ["two"]
        with pytest.raises(UsageError, match="main exists"):
            rename_branch(disk, "two", "main")
        with pytest.raises(UsageError, match="no name for a branch"):
            rename_branch(disk, "two", "a@b")
        with pytest.raises(JournalMissing) as caught:
            rename_branch(disk, "nothing", "else")
        assert "main, two, uno" in (caught.value.hint or "")
    with World.open(forked, "two") as opened:
        assert_replays(opened)


def test_one_with_children_is_never_deleted(forked: Path) -> None:
    with _disk(forked) as disk:
        for name, child in (("main", "one"), ("one", "two")):
            with pytest.raises(UsageError, match=f"{child} was forked from it") as caught:
                delete_branch(disk, name)
            assert caught.value.code == "has_children"
        assert disk.branches() == ["main", "one", "two"]


def test_a_deleted_branch_comes_back_as_it_was(forked: Path) -> None:
    with _disk(forked) as disk:
        before, loss = _heads(disk), check_deletable(disk, "two")
        assert loss == delete_branch(disk, "two")
        assert loss.records > 0 and disk.branches() == ["main", "one"]
        assert list(branch_tree(disk, removed=True).branches) == ["two"]
        assert branch_tree(disk, removed=True).branches["two"] == loss
        delete_branch(disk, "one")
        with pytest.raises(UsageError) as caught:
            restore_branch(disk, "two")
        assert (caught.value.code, caught.value.hint) == ("no_parent", "bring back one first")
        restore_branch(disk, "one")
        assert restore_branch(disk, "two") == loss
        assert _heads(disk) == before
        with pytest.raises(JournalMissing, match="no removed branch two"):
            restore_branch(disk, "two")
    with World.open(forked, "two") as opened:
        assert_replays(opened)


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(forked: Path) -> None:
    with _disk(forked) as disk:
        delete_branch(disk, "two")
        rename_branch(disk, "one", "two")
        with pytest.raises(UsageError) as caught:
            restore_branch(disk, "two")
        assert caught.value.code == "branch_exists"
        head = branch_tree(disk).branches["two"].head
        delete_branch(disk, "two")
        assert disk.removed() == ["two", "two,2"], "both can be brought back"
        assert restore_branch(disk, "two,2").head == head


def test_who_writes_a_branch_keeps_it(forked: Path) -> None:
    with World.open(forked, "two"), _disk(forked) as disk:
        with pytest.raises(BranchLocked, match="branch two is being written by this very"):
            rename_branch(disk, "two", "x")
        with pytest.raises(BranchLocked, match="branch two is being written by this very"):
            delete_branch(disk, "two")
        assert "two" in disk.branches()


@pytest.mark.parametrize("memory", [False, True])
def test_a_world_does_the_same_to_other_branches(world: Path, memory: bool) -> None:
    with World.open(world, memory=memory) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
        assert list(found.tree().branches) == ["main", "side"]
        assert found.rename_branch("side", "aside").name == "aside"
        assert found.delete_branch("aside").records == 0
        assert found.branches() == ["main"] and list(found.tree(removed=True).branches) == ["aside"]
        assert found.restore_branch("aside").parent == Parent("main", found.height, found.head)
        with pytest.raises(UsageError) as caught:
            found.delete_branch("main")
        assert caught.value.code == "branch_open"


@pytest.mark.parametrize("memory", [False, True])
def test_the_branch_that_is_open_is_renamed_and_goes_on(world: Path, memory: bool) -> None:
    with World.open(world, memory=memory) as found:
        found.fire(EVENT, start())
        head = found.head
        assert found.rename_branch("main", "mine").head == head
        assert (found.branch, found.branches(), found.head) == ("mine", ["mine"], head)
        for taken, code in (("mine", "branch_exists"), ("a@b", "bad_branch_name")):
            with pytest.raises(UsageError) as caught:
                found.rename_branch("mine", taken)
            assert (caught.value.code, found.branch) == (code, "mine")
        release_all(found)
        assert [found.owner(height) for height in (0, found.height)] == ["mine", "mine"]
        with found.fork(16, "side") as side:
            assert side.rename_branch("side", "aside").parent == Parent("mine", 16, head)
        assert found.verify().ok
        if not memory:
            assert found.log == log(world, "mine")
            with pytest.raises(BranchLocked, match="branch mine is being written by this very"):
                World.open(world, "mine")
        head, height = found.head, found.height
    if not memory:
        assert sorted(of.stem for of in (world / ".aos/index").glob("*.offsets")) == [
            "aside", "mine",
        ]  # fmt: skip
        with World.open(world, "mine") as again:
            assert (again.head, again.height) == (head, height)
            assert_replays(again)
        with World.open(world) as main:
            assert main.height == 0, "the old name is free, and its lock too"


def test_a_parent_is_renamed_from_its_child_which_goes_on(forked: Path) -> None:
    with World.open(forked, "two") as two:
        assert [two.owner(at) for at in (16, 17, 20)] == ["main", "one", "two"]
        for old, new in (("main", "root"), ("one", "uno")):
            two.rename_branch(old, new)
        assert [two.owner(at) for at in (16, 17, 20)] == ["root", "uno", "two"]
        assert not two.lost
        two.fire(EVENT, start())
        assert_replays(two)


def test_one_that_somebody_else_writes_is_not_renamed_by_who_reads_it(forked: Path) -> None:
    with World.open(forked, "two") as writer, World.open(forked, "two", write=False) as reader:
        with pytest.raises(BranchLocked, match="branch two is being written"):
            reader.rename_branch("two", "x")
        assert reader.branch == "two"
        writer.close()
        assert reader.rename_branch("two", "x").height == reader.height
        assert not reader.lost and reader.records[reader.height] is not None
    with World.open(forked, "x") as opened:
        assert_replays(opened)


def test_what_is_at_the_name_of_a_lost_journal_is_not_renamed(forked: Path) -> None:
    with World.open(forked, "two") as two:
        log(forked, "two").unlink()
        log(forked, "two").write_bytes(log(forked, "one").read_bytes())
        with pytest.raises(ReadOnly, match="deleted or moved"):
            two.rename_branch("two", "x")
        assert two.branch == "two" and not log(forked, "x").exists()
        with pytest.raises(ReadOnly):
            two.discard()
    assert log(forked, "two").exists()


def test_a_rename_that_cannot_be_made_durable_leaves_one_name(
    forked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "input/output error")

    with World.open(forked, "two") as two:
        monkeypatch.setattr(OPERATING_SYSTEM, "sync_directory", fail)
        with pytest.raises(DiskError):
            two.rename_branch("two", "x")
        monkeypatch.undo()
        assert (two.branch, two.lost) == (two.log.stem if two.log else "", False)
        two.fire(EVENT, start())
        assert_replays(two)


@pytest.mark.parametrize("memory", [False, True])
def test_only_a_fork_that_nothing_has_happened_to_is_discarded(world: Path, memory: bool) -> None:
    with World.open(world, memory=memory) as found:
        found.fire(EVENT, start())
        found.fork(16, "empty").discard()
        assert found.branches() == ["main"] and not found.tree(removed=True).branches
        busy = found.fork(16, "busy")
        release_all(busy, 1)
        with pytest.raises(UsageError) as caught:
            busy.discard()
        assert caught.value.code == "has_inputs" and found.branches() == ["busy", "main"]
        assert found.owner(16) == "main"
