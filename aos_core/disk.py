"""Where a world keeps its journals and objects, and a directory that does so."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from aos_core.branches import (
    BranchLock,
    branch_name,
    branch_path,
    disk_errors,
    list_branches,
    stale_locks,
)
from aos_core.chain import Chain, Segment
from aos_core.errors import (
    AosError,
    BranchLocked,
    JournalDamaged,
    ReadOnly,
    StoreDamaged,
    UsageError,
)
from aos_core.file_journal import FileJournal
from aos_core.frames import FRAME_OVERHEAD, Frame, scan
from aos_core.index import Index
from aos_core.journal import Journal, JournalMissing
from aos_core.layer import OPERATING_SYSTEM
from aos_core.network import remote_file_system
from aos_core.offsets import forget_offsets, offsets_path
from aos_core.progress import Progress
from aos_core.snapshots import Snapshots, StoredSnapshots
from aos_core.store import SqliteStore, Store

BUSY_SECONDS = 30.0
"""How long the coming and going of branches waits for another process before it gives up."""

_TORN = re.compile(r"\.torn-[0-9]+$")


class Disk(Protocol):
    """The journals of a world, by branch, its store, and what is derived from them."""

    store: Store
    index: Index
    snapshots: Snapshots

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        """A new branch, open for writing. Raises :class:`UsageError` where it exists."""

    def open(
        self, branch: str, *, write: bool = False, progress: Progress | None = None
    ) -> Journal:
        """An existing branch. Raises :class:`JournalMissing` and what journals raise."""

    def open_removed(self, branch: str) -> Journal:
        """A branch that was removed, to be read. Raises as :meth:`open`."""

    def ends(self, branch: str, *, removed: bool = False) -> tuple[Frame, Frame]:
        """The header and the last frame of a branch, or of one that was ``removed``; as a rule
        nothing between them is read. Raises as :meth:`open`."""

    def damage(self, branch: str) -> JournalDamaged | None:
        """What is wrong with a branch, as opening it to read would find: an end that is missing, or
        what somebody has come upon before. Nothing is run. Raises as :meth:`open`."""

    def follow(self, journal: Journal) -> str | None:
        """The name of the branch that a journal is which is open here; it goes on under that, where
        somebody else has given it. None where it is no branch any more, or cannot be reached."""

    def removed_as(self, journal: Journal) -> str | None:
        """The name under which a journal that is open here can be brought back; None where it was
        not removed."""

    def changing(self) -> AbstractContextManager[object]:
        """The short lock under which branches come and go. May be taken again while held."""

    def alone(self) -> AbstractContextManager[object]:
        """The right to write every branch, while none can come or go: for ``gc``. Raises
        :class:`BranchLocked`, which names who writes one."""

    def rename(self, branch: str, name: str, held: Journal | None = None) -> None:
        """Give a branch a free name. ``held``: its journal, where it is open here; that goes on
        under the new name. Raises :class:`BranchLocked` while somebody else writes it."""

    def remove(self, branch: str, *, for_good: bool = False, held: Journal | None = None) -> None:
        """Drop a branch; it can be brought back until ``gc``, unless it went ``for_good``.
        ``held``: its journal, where it is open here for writing. Raises :class:`BranchLocked`
        while somebody else writes it."""

    def removed(self) -> list[str]:
        """The names of the branches that can be brought back, sorted."""

    def bring_back(self, branch: str) -> None:
        """Undo :meth:`remove`. Raises :class:`UsageError` where there is none or its name is
        taken."""

    def discard(self, branch: str) -> None:
        """Drop a removed branch for good."""

    def removed_size(self, branch: str) -> int:
        """How many bytes a removed branch takes."""

    def raw(self, removed: Collection[str]) -> Iterator[bytes | mmap]:
        """The bytes of every journal and of these removed ones, good or not, and of the unfinished
        frames that were moved aside; each is to be looked at before the next is asked for."""

    def stale_offsets(self) -> list[Path]:
        """The arrays of offsets that are of no branch."""

    def stale_locks(self) -> list[str]:
        """The branches that are gone and whose locks are still there."""

    def drop_lock(self, branch: str) -> None:
        """Remove the lock of a branch that is gone, unless somebody holds it."""

    def again(self) -> Disk:
        """The same place for another world, which closes it by itself."""

    def close(self) -> None:
        """Give up the store and what is beside it."""


class FileDisk:
    """``.aos``: ``journal/<branch>.log``, ``store.db``; derived: ``index.db``, ``index/``,
    ``snapshots.db``."""

    def __init__(self, root: Path, *, write: bool) -> None:
        """Raises :class:`ReadOnly` or ``DiskError`` where the directory cannot be used, and
        :class:`JournalMissing` where there is nothing to read."""
        self.root = root
        self._journals = root / "journal"
        self._removed = self._journals / "removed"
        if write:
            _need_local(root)
            with disk_errors(self._journals, f"{root} cannot be written"):
                self._journals.mkdir(parents=True, exist_ok=True)
        elif not list_branches(self._journals) and not list_branches(self._removed):
            raise JournalMissing(
                "this world has no journal yet",
                file=root,
                hint="`aos fire` or `aos run` begins one",
            )
        self.store: Store = SqliteStore(root / "store.db", read_only=not write)
        self.index = Index(root / "index.db")
        self.snapshots: Snapshots = StoredSnapshots(root / "snapshots.db", write=write)
        self._read_whole: dict[tuple[Path, int, int], JournalDamaged | None] = {}
        """What was found in files of this size and time: one without an array of offsets has to be
        read whole, once."""
        # not thread-local: a world is opened in one worker thread and used in another
        self._lock = FileLock(root / "world.lock", timeout=BUSY_SECONDS, thread_local=False)

    def branches(self) -> list[str]:
        with disk_errors(self._journals, "branches cannot be listed"):
            return list_branches(self._journals)

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        with self.changing():
            return FileJournal.create(self._path(branch), header)

    def open(
        self, branch: str, *, write: bool = False, progress: Progress | None = None
    ) -> Journal:
        return FileJournal.open(self._path(branch), write=write, progress=progress)

    def ends(self, branch: str, *, removed: bool = False) -> tuple[Frame, Frame]:
        path = branch_path(self._removed if removed else self._journals, branch)
        if path.exists():
            with disk_errors(path, f"branch {branch} cannot be read"):
                found = _ends(path)
            if found is not None:
                return found
        with FileJournal.open(path, write=False) as journal:  # it says what is wrong
            return journal.header, journal.last

    def damage(self, branch: str) -> JournalDamaged | None:
        path = self._path(branch)
        with disk_errors(path, f"branch {branch} cannot be read"):
            if not path.exists():
                raise JournalMissing(f"there is no branch {branch}", file=path)
            of = path.stat()
            key = (path, of.st_size, of.st_mtime_ns)
        if offsets_path(path).exists() or key not in self._read_whole:
            with FileJournal.open(path, write=False) as journal:
                self._read_whole[key] = journal.damage
        return self._read_whole[key]

    def open_removed(self, branch: str) -> Journal:
        return FileJournal.open(branch_path(self._removed, branch), write=False)

    def follow(self, journal: Journal) -> str | None:
        assert isinstance(journal, FileJournal), "all that are opened here are"
        with suppress(OSError, AosError):  # no right to look, a disk that went away
            if journal.in_place:
                journal.back()
                return branch_name(journal.path)
            with self._settled():
                path = journal.found_in(self._journals)
                if path is not None:
                    _go_on(journal, path)
                    return branch_name(path)
        return None

    def removed_as(self, journal: Journal) -> str | None:
        assert isinstance(journal, FileJournal), "all that are opened here are"
        with disk_errors(self._removed, "removed branches cannot be read"), self._settled():
            path = journal.found_in(self._removed)
        return None if path is None else branch_name(path)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """While no branch comes or goes: one that is renamed may be missed in a folder that is
        read meanwhile. Where nothing can be locked one looks all the same."""
        with ExitStack() as held:
            if self._journals.is_dir():  # else the lock would make its folder anew
                with suppress(AosError):
                    held.enter_context(self.changing())
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        with disk_errors(self.root, f"branches of {self.root} cannot be changed"), self._lock:
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self.changing(), ExitStack() as locks:
            for branch in self.branches():
                try:
                    locks.enter_context(BranchLock(self._path(branch)))
                except BranchLocked as error:
                    hint = "close it there, then try again: gc needs every branch for itself"
                    where: dict[str, Any] = {**error.where}
                    raise BranchLocked(error.message, hint=hint, **where) from error
            yield

    def rename(self, branch: str, name: str, held: Journal | None = None) -> None:
        old, new = self._path(branch), self._path(name)
        what = f"branch {branch} cannot be renamed"
        mine = held if isinstance(held, FileJournal) else None
        written = mine is not None and mine.has_lock
        with self._sweeping(), ExitStack() as undo, disk_errors(old, what):
            if new.exists():
                raise UsageError(f"{what}: {name} exists", code="branch_exists", file=new)
            # who writes it has the lock of either name for as long as it may be found under it
            lock = undo.enter_context(BranchLock(new if written else old))
            if mine is not None:
                mine.need_in_place(what)
            forget_offsets(new, OPERATING_SYSTEM)  # equal runs have equal headers
            OPERATING_SYSTEM.rename(old, new)
            if mine is not None:
                mine.moved(new, lock if written else None)
            if written:
                undo.pop_all()
            OPERATING_SYSTEM.sync_directory(self._journals)
            if offsets_path(old).exists():
                OPERATING_SYSTEM.rename(offsets_path(old), offsets_path(new))
            self.index.rename(branch, name)

    @contextmanager
    def _sweeping(self) -> Iterator[None]:
        """As :meth:`changing`; afterwards the locks of branches that are gone go too."""
        with self.changing():
            yield
            with suppress(OSError):  # they can wait
                for branch in self.stale_locks():
                    BranchLock(self._path(branch)).drop()

    def remove(self, branch: str, *, for_good: bool = False, held: Journal | None = None) -> None:
        path = self._path(branch)
        what = f"branch {branch} cannot be removed"
        mine = held if isinstance(held, FileJournal) and held.has_lock else None
        lock = BranchLock(path) if mine is None else nullcontext()
        with self.changing(), lock, disk_errors(path, what):
            if mine is not None:
                mine.need_in_place(what)
            if for_good:
                OPERATING_SYSTEM.unlink(path)
            else:
                self._removed.mkdir(exist_ok=True)
                OPERATING_SYSTEM.rename(path, self._free(branch))
                OPERATING_SYSTEM.sync_directory(self._removed)
            OPERATING_SYSTEM.sync_directory(self._journals)
            forget_offsets(path, OPERATING_SYSTEM)
            self.index.forget(branch)

    def removed(self) -> list[str]:
        return list_branches(self._removed)

    def bring_back(self, branch: str) -> None:
        old, new = branch_path(self._removed, branch), self._path(branch)
        what = f"branch {branch} cannot be brought back"
        with self.changing(), disk_errors(new, what):
            if not old.exists():
                known = ", ".join(self.removed()) or "none"
                raise UsageError(f"{what}: there is none", hint=f"removed branches: {known}")
            if new.exists():
                raise UsageError(
                    f"{what}: its name is taken",
                    code="branch_exists",
                    hint=f"rename branch {branch} first",
                )
            forget_offsets(new, OPERATING_SYSTEM)
            OPERATING_SYSTEM.rename(old, new)
            OPERATING_SYSTEM.sync_directory(self._journals)

    def discard(self, branch: str) -> None:
        path = branch_path(self._removed, branch)
        with disk_errors(path, f"removed branch {branch} cannot be dropped"):
            OPERATING_SYSTEM.unlink(path)
            OPERATING_SYSTEM.sync_directory(self._removed)

    def removed_size(self, branch: str) -> int:
        path = branch_path(self._removed, branch)
        with disk_errors(path, f"removed branch {branch} cannot be read"):
            return path.stat().st_size

    def raw(self, removed: Collection[str]) -> Iterator[bytes | mmap]:
        aside = (path for path in self._journals.iterdir() if _TORN.search(path.name))
        kept = (branch_path(self._removed, branch) for branch in removed)
        for path in (*map(self._path, self.branches()), *sorted(aside), *kept):
            with disk_errors(path, f"{path.name} cannot be read"), path.open("rb") as file:
                if file.seek(0, os.SEEK_END):  # what is empty cannot be mapped
                    with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                        yield data

    def stale_offsets(self) -> list[Path]:
        known = {offsets_path(self._path(branch)).name for branch in self.branches()}
        found = (self.root / "index").glob("*.offsets*")
        return sorted(path for path in found if path.name not in known)

    def stale_locks(self) -> list[str]:
        return stale_locks(self._journals)

    def drop_lock(self, branch: str) -> None:
        path = self._path(branch)
        with self.changing(), disk_errors(path, f"the lock of branch {branch} cannot be removed"):
            if not path.exists():
                BranchLock(path).drop()

    def put_back(self) -> bool:
        """Make the store again where its file was deleted or moved while it was open, with all that
        can still be read of it; what is derived is begun anew. So where another one has been made
        in its place. Whether that was so. Raises as opening it."""
        old = self.store
        if not isinstance(old, SqliteStore) or old.in_place:
            return False
        new = SqliteStore(old.path)
        try:
            with suppress(StoreDamaged):  # what it lacks is named when it is asked for
                old.copy_to(new)
        except BaseException:  # such as of a full disk: what is here is all there is
            new.close()
            raise
        self.store = new
        for gone in (self.snapshots, self.index, old):
            with suppress(AosError):
                gone.close()
        self.index = Index(self.root / "index.db")
        self.snapshots = StoredSnapshots(self.root / "snapshots.db", write=True)
        return True

    def again(self) -> Disk:
        return FileDisk(self.root, write=True)

    def close(self) -> None:
        self.snapshots.close()
        self.index.close()
        self.store.close()

    def _path(self, branch: str) -> Path:
        return branch_path(self._journals, branch)

    def _free(self, branch: str) -> Path:
        """A free path among the removed for a branch of this name."""
        paths = (branch_path(self._removed, name) for name in removed_names(branch))
        return next(path for path in paths if not path.exists())


def _go_on(journal: FileJournal, path: Path) -> None:
    """Go on under the name that somebody else gave to the file of a journal. One that is written
    needs the lock of that name: without it nothing can be appended."""
    lock = None
    if journal.has_lock:  # who renames as we do asks for it before
        lock = BranchLock(path)
        try:
            lock.acquire()
        except AosError:
            return
        with suppress(OSError):  # it is learned anew then
            OPERATING_SYSTEM.rename(offsets_path(journal.path), offsets_path(path))
    journal.moved(path, lock)


def _need_local(root: Path) -> None:
    kind = remote_file_system(root)
    if kind is not None:
        raise ReadOnly(
            f"{root} lies on a network file system ({kind}), whose locks may not hold: two writers "
            "could damage a journal there",
            code="network_disk",
            hint="copy the world to a disk of this machine and work there; reading is possible",
            file=root,
        )


def removed_names(branch: str) -> Iterator[str]:
    """What a removed branch may be called: others of its name may be there already."""
    yield branch
    yield from (f"{branch[:74]},{n}" for n in itertools.count(2))


def _ends(path: Path) -> tuple[Frame, Frame] | None:
    """The header and the last frame of a log; None where they are not whole and good."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)

        def length_at(offset: int) -> int:
            file.seek(offset)
            return int.from_bytes(file.read(4), "little") + FRAME_OVERHEAD

        def frame(start: int, length: int) -> Frame | None:
            if start < 0 or start + length > size:
                return None
            file.seek(start)
            frames, problem = scan(file.read(length), start, None)
            return frames[0] if problem is None and len(frames) == 1 else None

        if size < FRAME_OVERHEAD:
            return None
        length = length_at(size - 4)
        first, last = frame(0, length_at(0)), frame(size - length, length)
    return None if first is None or last is None else (first, last)


def chain_of(disk: Disk, name: str, journal: Journal, first: Sequence[str] = ()) -> Chain:
    """The branch ``name``, which ``journal`` holds, after those it was forked from.

    A parent is found by its head, never by its name; ``first`` names where to look first. Raises
    :class:`UsageError` where it is gone.
    """
    segments = [Segment(name, journal)]
    with ExitStack() as undo:
        while (parent := segments[0].journal.header.body.get("parent")) is not None:
            segments.insert(0, _find(disk, parent["head"], parent["height"], first))
            undo.callback(leave, segments[0].journal)
        undo.pop_all()
    return Chain(segments)


def _find(disk: Disk, head: bytes, height: int, first: Sequence[str]) -> Segment:
    """The segment of whichever branch has a frame of this hash, up to that frame."""
    names = disk.branches()
    near = [name for name in first if name in names]
    for name, journal in _readable(disk, [*near, *names]):
        count = frames_until(journal, head, height)
        if count is not None:
            return Segment(name, journal, count)
        leave(journal)
    raise UsageError(
        "the branch that this one was forked from is gone, or damaged before that point",
        code="no_parent",
        head=head.hex(),
        hint="`aos branches --removed` lists those that can be brought back; or put its log back "
        "into .aos/journal, under any name",
    )


def frames_until(journal: Journal, head: bytes, height: int) -> int | None:
    """How many frames end with the one of this hash, which ends at ``height``; None: not here."""
    if journal.header.hash == head:
        return 1
    try:
        index = journal.index_at(height)
        return index + 1 if index > 0 and journal.frame(index).hash == head else None
    except AosError:
        return None


def _readable(disk: Disk, names: Sequence[str]) -> Iterator[tuple[str, Journal]]:
    """The branches, open to be read; one that cannot be read at all is left out."""
    for name in names:
        try:
            yield name, disk.open(name, write=False)
        except AosError:
            continue


def leave(journal: Journal) -> None:
    """Give up a journal that was opened to be looked at; one in memory is others' too."""
    if isinstance(journal, FileJournal):
        journal.close()
