"""Where a world keeps its journals and objects: a directory, or memory with the same behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from aos_core.branches import BranchLock, branch_path, check_branch_name, disk_errors, list_branches
from aos_core.errors import ReadOnly, UsageError
from aos_core.journal import FileJournal, Journal, JournalMissing, MemoryJournal
from aos_core.store import MemoryStore, SqliteStore, Store


class Disk(Protocol):
    """The journals of a world, by branch, and its store."""

    store: Store

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        """A new branch, open for writing. Raises :class:`UsageError` where it exists."""

    def open(self, branch: str, *, write: bool) -> Journal:
        """An existing branch. Raises :class:`JournalMissing` and what journals raise."""

    def set_aside(self, branch: str, name: str) -> None:
        """Give a branch another name; what had that name is gone."""

    def again(self) -> Disk:
        """The same place for another world, which closes it by itself."""

    def close(self) -> None:
        """Give up the store."""


class FileDisk:
    """``.aos``: ``journal/<branch>.log`` and ``store.db``."""

    def __init__(self, root: Path, *, write: bool) -> None:
        """Raises :class:`ReadOnly` or ``DiskError`` where the directory cannot be used."""
        self.root = root
        if write:
            with disk_errors(root / "journal", f"{root} cannot be written"):
                (root / "journal").mkdir(parents=True, exist_ok=True)
        elif not (root / "store.db").exists():
            raise JournalMissing(
                "this world has no journal yet",
                file=root,
                hint="`aos fire` or `aos run` begins one",
            )
        self.store: Store = SqliteStore(root / "store.db", read_only=not write)

    def branches(self) -> list[str]:
        return list_branches(self.root / "journal")

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        return FileJournal.create(branch_path(self.root / "journal", branch), header)

    def open(self, branch: str, *, write: bool) -> Journal:
        return FileJournal.open(branch_path(self.root / "journal", branch), write=write)

    def set_aside(self, branch: str, name: str) -> None:
        path = branch_path(self.root / "journal", branch)
        lock = FileLock(self.root / "world.lock")
        with lock, BranchLock(path), disk_errors(path, f"branch {branch} cannot be renamed"):
            path.replace(branch_path(self.root / "journal", name))

    def again(self) -> Disk:
        return FileDisk(self.root, write=True)

    def close(self) -> None:
        self.store.close()


class MemoryDisk:
    """The same in memory: for simulation, tests and benchmarks."""

    def __init__(self) -> None:
        self.store: Store = MemoryStore()
        self._journals: dict[str, Journal] = {}

    def branches(self) -> list[str]:
        return sorted(self._journals)

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        if check_branch_name(branch) in self._journals:
            raise UsageError(f"branch {branch} exists", code="branch_exists")
        self._journals[branch] = MemoryJournal(header)
        return self._journals[branch]

    def open(self, branch: str, *, write: bool) -> Journal:
        if branch not in self._journals:
            raise JournalMissing(f"there is no branch {branch}")
        return self._journals[branch]

    def set_aside(self, branch: str, name: str) -> None:
        self._journals[check_branch_name(name)] = self._journals.pop(branch)

    def again(self) -> Disk:
        return self

    def close(self) -> None:
        pass


def lineage(disk: Disk, journal: Journal) -> list[Journal]:
    """The journal and those it was forked from, oldest first. A parent is found by its head.

    Raises :class:`UsageError` where a parent is gone.
    """
    chain = [journal]
    while (parent := chain[0].header.body.get("parent")) is not None:
        chain.insert(0, _holding(disk, parent["head"]))
    return chain


def _holding(disk: Disk, head: bytes) -> Journal:
    """A reader of the branch that has a frame of this hash."""
    for name in disk.branches():
        try:
            journal = disk.open(name, write=False)
        except (UsageError, ReadOnly):
            continue
        if any(frame.hash == head for frame in journal.frames):
            return journal
    raise UsageError(
        "the branch that this one was forked from is gone", code="no_parent", head=head.hex()
    )


KEPT = 5
"""How many earlier runs of a branch are kept."""


def set_aside_older(disk: Disk, branch: str) -> None:
    """Make the name free: what has it becomes ``branch~1``, ``~1`` becomes ``~2``, and so on.

    The oldest is dropped, unless another branch was forked from it.
    """
    names = disk.branches()
    if branch not in names:
        return
    last = f"{branch}~{KEPT}"
    if last in names and _has_children(disk, last):
        free = next(
            n for n in range(KEPT + 1, KEPT + 2 + len(names)) if f"{branch}~{n}" not in names
        )
        disk.set_aside(last, f"{branch}~{free}")
    for n in range(KEPT - 1, 0, -1):
        if f"{branch}~{n}" in names:
            disk.set_aside(f"{branch}~{n}", f"{branch}~{n + 1}")
    disk.set_aside(branch, f"{branch}~1")


def _has_children(disk: Disk, branch: str) -> bool:
    heads = {frame.hash for frame in disk.open(branch, write=False).frames}
    others = [disk.open(name, write=False) for name in disk.branches() if name != branch]
    parents = [journal.header.body.get("parent") for journal in others]
    return any(parent is not None and parent["head"] in heads for parent in parents)
