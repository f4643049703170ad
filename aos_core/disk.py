"""Where a world keeps its journals and objects: a directory, or memory with the same behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from aos_core.branches import BranchLock, branch_path, check_branch_name, disk_errors, list_branches
from aos_core.errors import AosError, JournalDamaged, UsageError
from aos_core.frames import Frame
from aos_core.journal import FileJournal, Journal, JournalMissing, MemoryJournal
from aos_core.store import MemoryStore, SqliteStore, Store

BUSY_SECONDS = 30.0
"""How long the coming and going of branches waits for another process before it gives up."""


class Disk(Protocol):
    """The journals of a world, by branch, and its store."""

    store: Store

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        """A new branch, open for writing. Raises :class:`UsageError` where it exists."""

    def open(self, branch: str, *, write: bool) -> Journal:
        """An existing branch. Raises :class:`JournalMissing` and what journals raise."""

    def read(self, branch: str) -> tuple[Sequence[Frame], JournalDamaged | None]:
        """The good frames of a branch as it lies there now, and what is wrong after them.

        Raises as :meth:`open`."""

    def changing(self) -> AbstractContextManager[object]:
        """The short lock under which branches come and go. May be taken again while held."""

    def rename(self, branch: str, name: str) -> None:
        """Give a branch a free name. Raises :class:`BranchLocked` while somebody writes it."""

    def remove(self, branch: str) -> None:
        """Drop a branch. Raises :class:`BranchLocked` while somebody writes it."""

    def again(self) -> Disk:
        """The same place for another world, which closes it by itself."""

    def close(self) -> None:
        """Give up the store."""


class FileDisk:
    """``.aos``: ``journal/<branch>.log`` and ``store.db``."""

    def __init__(self, root: Path, *, write: bool) -> None:
        """Raises :class:`ReadOnly` or ``DiskError`` where the directory cannot be used, and
        :class:`JournalMissing` where there is nothing to read."""
        self.root = root
        self._journals = root / "journal"
        if write:
            with disk_errors(self._journals, f"{root} cannot be written"):
                self._journals.mkdir(parents=True, exist_ok=True)
        elif not list_branches(self._journals):
            raise JournalMissing(
                "this world has no journal yet",
                file=root,
                hint="`aos fire` or `aos run` begins one",
            )
        self.store: Store = SqliteStore(root / "store.db", read_only=not write)
        # not thread-local: a world is opened in one worker thread and used in another
        self._lock = FileLock(root / "world.lock", timeout=BUSY_SECONDS, thread_local=False)

    def branches(self) -> list[str]:
        return list_branches(self._journals)

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        with self.changing():
            return FileJournal.create(self._path(branch), header)

    def open(self, branch: str, *, write: bool) -> Journal:
        return FileJournal.open(self._path(branch), write=write)

    def read(self, branch: str) -> tuple[Sequence[Frame], JournalDamaged | None]:
        with FileJournal.open(self._path(branch), write=False) as journal:
            return journal.frames, journal.damage

    @contextmanager
    def changing(self) -> Iterator[None]:
        with disk_errors(self.root, f"branches of {self.root} cannot be changed"), self._lock:
            yield

    def rename(self, branch: str, name: str) -> None:
        old, new = self._path(branch), self._path(name)
        what = f"branch {branch} cannot be renamed"
        with self.changing(), BranchLock(old), disk_errors(old, what):
            old.rename(new)

    def remove(self, branch: str) -> None:
        path = self._path(branch)
        what = f"branch {branch} cannot be removed"
        with self.changing(), BranchLock(path), disk_errors(path, what):
            path.unlink()

    def again(self) -> Disk:
        return FileDisk(self.root, write=True)

    def close(self) -> None:
        self.store.close()

    def _path(self, branch: str) -> Path:
        return branch_path(self._journals, branch)


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

    def read(self, branch: str) -> tuple[Sequence[Frame], JournalDamaged | None]:
        journal = self.open(branch, write=False)
        return journal.frames, journal.damage

    def changing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def rename(self, branch: str, name: str) -> None:
        self._journals[check_branch_name(name)] = self._journals.pop(branch)

    def remove(self, branch: str) -> None:
        del self._journals[branch]

    def again(self) -> Disk:
        return self

    def close(self) -> None:
        pass


def with_ancestors(disk: Disk, frames: Sequence[Frame]) -> list[Frame]:
    """``frames``, from a header on, after those of the branches they were forked from.

    A parent is found by its head, never by its name. Raises :class:`UsageError` where it is gone.
    """
    found = list(frames)
    while (parent := found[0].body.get("parent")) is not None:
        found[:0] = _frames_until(disk, parent["head"])
    return found


def _frames_until(disk: Disk, head: bytes) -> Sequence[Frame]:
    """The frames of whichever branch has a frame of this hash, up to that frame."""
    for _, frames in _readable(disk):
        for index, frame in enumerate(frames, 1):
            if frame.hash == head:
                return frames[:index]
    raise UsageError(
        "the branch that this one was forked from is gone, or damaged before that point",
        code="no_parent",
        head=head.hex(),
        hint="put its log back into .aos/journal, under any name",
    )


def _readable(disk: Disk) -> Iterator[tuple[str, Sequence[Frame]]]:
    """Every branch with its good frames; one that cannot be read at all is left out."""
    for name in disk.branches():
        try:
            frames, _ = disk.read(name)
        except AosError:
            continue
        yield name, frames


KEPT = 5
"""How many earlier runs of a branch are kept."""


def set_aside_older(disk: Disk, branch: str) -> None:
    """Make the name free: what has it becomes ``branch~1``, ``~1`` becomes ``~2``, and so on.

    The oldest is dropped, or gets a number beyond ``KEPT`` where another branch was forked from
    it. Raises :class:`BranchLocked` while somebody writes one that has to move.
    """
    names = set(disk.branches())
    if branch not in names:
        return
    chain = [branch, *(f"{branch}~{n}" for n in range(1, KEPT + 1))]
    free = next((n for n in range(1, KEPT + 1) if chain[n] not in names), None)
    if free is None:
        _make_room(disk, chain[KEPT])
        free = KEPT
    for n in range(free, 0, -1):
        disk.rename(chain[n - 1], chain[n])


def _make_room(disk: Disk, oldest: str) -> None:
    if not _has_children(disk, oldest):
        disk.remove(oldest)
        return
    names, stem = disk.branches(), oldest.rpartition("~")[0]
    beyond = (f"{stem}~{n}" for n in range(KEPT + 1, KEPT + 2 + len(names)))
    disk.rename(oldest, next(name for name in beyond if name not in names))


def _has_children(disk: Disk, branch: str) -> bool:
    frames, _ = disk.read(branch)
    heads = {frame.hash for frame in frames}
    parents = [other[0].body.get("parent") for name, other in _readable(disk) if name != branch]
    return any(parent is not None and parent["head"] in heads for parent in parents)
