"""Memory that keeps journals and objects as a directory does (disk.py), until the process ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from mmap import mmap
from pathlib import Path
from typing import Any

from aos_core.branches import check_branch_name
from aos_core.disk import Disk, removed_names
from aos_core.errors import JournalDamaged, UsageError
from aos_core.frames import Frame
from aos_core.index import Index
from aos_core.journal import Journal, JournalMissing, MemoryJournal
from aos_core.progress import Progress
from aos_core.snapshots import MemorySnapshots, Snapshots
from aos_core.store import MemoryStore, Store


class MemoryDisk:
    """A ``Disk`` in memory: for simulation, tests and benchmarks."""

    def __init__(self) -> None:
        self.store: Store = MemoryStore()
        self.index = Index(None)
        self.snapshots: Snapshots = MemorySnapshots()
        self._journals: dict[str, Journal] = {}
        self._removed: dict[str, Journal] = {}

    def branches(self) -> list[str]:
        return sorted(self._journals)

    def create(self, branch: str, header: Mapping[str, Any]) -> Journal:
        if check_branch_name(branch) in self._journals:
            raise UsageError(f"branch {branch} exists", code="branch_exists")
        self._journals[branch] = MemoryJournal(header)
        return self._journals[branch]

    def open(
        self, branch: str, *, write: bool = False, progress: Progress | None = None
    ) -> Journal:
        if branch not in self._journals:
            raise JournalMissing(f"there is no branch {branch}")
        return self._journals[branch]

    def ends(self, branch: str, *, removed: bool = False) -> tuple[Frame, Frame]:
        journals = self._removed if removed else self._journals
        if branch not in journals:
            raise JournalMissing(f"there is no branch {branch}")
        return journals[branch].header, journals[branch].last

    def damage(self, branch: str) -> JournalDamaged | None:
        return None

    def open_removed(self, branch: str) -> Journal:
        return self._removed[branch]

    def follow(self, journal: Journal) -> str | None:
        return next((name for name, of in self._journals.items() if of is journal), None)

    def removed_as(self, journal: Journal) -> str | None:
        return next((name for name, of in self._removed.items() if of is journal), None)

    def changing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def alone(self) -> AbstractContextManager[object]:
        return nullcontext()

    def rename(self, branch: str, name: str, held: Journal | None = None) -> None:
        if check_branch_name(name) in self._journals:
            raise UsageError(
                f"branch {branch} cannot be renamed: {name} exists", code="branch_exists"
            )
        self._journals[name] = self._journals.pop(branch)
        self.index.rename(branch, name)

    def remove(self, branch: str, *, for_good: bool = False, held: Journal | None = None) -> None:
        journal = self._journals.pop(branch)
        if not for_good:
            free = next(name for name in removed_names(branch) if name not in self._removed)
            self._removed[free] = journal
        self.index.forget(branch)

    def removed(self) -> list[str]:
        return sorted(self._removed)

    def bring_back(self, branch: str) -> None:
        if branch not in self._removed or branch in self._journals:
            raise UsageError(f"branch {branch} cannot be brought back")
        self._journals[branch] = self._removed.pop(branch)

    def discard(self, branch: str) -> None:
        del self._removed[branch]

    def removed_size(self, branch: str) -> int:
        return self._removed[branch].last.end

    def raw(self, removed: Collection[str]) -> Iterator[bytes | mmap]:
        journals = [*self._journals.values(), *(self._removed[of] for of in removed)]
        return (frame.payload for journal in journals for frame in journal.frames)

    def stale_offsets(self) -> list[Path]:
        return []

    def stale_locks(self) -> list[str]:
        return []

    def drop_lock(self, branch: str) -> None:
        pass

    def again(self) -> Disk:
        return self

    def close(self) -> None:
        pass
