"""Earlier runs of a branch make room for the next one: each is kept a while, under a number."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import suppress

from aos_core.disk import Disk, frames_until, leave
from aos_core.errors import AosError
from aos_core.journal import JournalMissing

KEPT = 5
"""How many earlier runs of a branch are kept."""


class OlderRuns:
    """The earlier runs of a branch while a new one begins: they move on by one number, and that is
    either taken back, where the new run is refused, or made final, where it is kept. Whoever stops
    between leaves a run more than ``KEPT``, and none less."""

    def __init__(self, disk: Disk, branch: str) -> None:
        self._disk, self._branch = disk, branch
        self._moved: list[tuple[str, str]] = []

    def move_on(self) -> None:
        """Make the name free: what has it becomes ``branch~1``, ``~1`` becomes ``~2``, and so on,
        the oldest with a number beyond ``KEPT``.

        Raises :class:`BranchLocked` while somebody writes one that has to move."""
        names = set(self._disk.branches())
        if self._branch not in names:
            return
        chain = [self._branch, *(f"{self._branch}~{n}" for n in range(1, KEPT + 1))]
        free = next((n for n in range(1, KEPT + 1) if chain[n] not in names), None)
        if free is None:
            numbers = (f"{self._branch}~{n}" for n in range(KEPT + 1, KEPT + 2 + len(names)))
            self._move(chain[KEPT], next(name for name in numbers if name not in names))
            free = KEPT
        for n in range(free, 0, -1):
            self._move(chain[n - 1], chain[n])

    def _move(self, name: str, new: str) -> None:
        self._moved.append((name, new))  # it may be done although it raises, if not durably
        self._disk.rename(name, new)

    def move_back(self) -> None:
        """Give each the name that it had. Raises as :meth:`move_on`."""
        while self._moved:
            name, new = self._moved[-1]
            there = self._disk.branches()
            if new in there and name not in there:
                self._disk.rename(new, name)
            self._moved.pop()

    def drop_oldest(self) -> None:
        """Drop all that got a number beyond ``KEPT``, what a rotation that was killed has left too,
        once there are ``KEPT`` others: but those that another branch was forked from, or that
        somebody writes. One that a removed branch was forked from, or perhaps one that cannot be
        read, can be brought back, and one that got its number otherwise: a person may have given
        it. Raises :class:`DiskError`, :class:`ReadOnly`."""
        with self._disk.changing():
            names = set(self._disk.branches())
            numbered = (f"{self._branch}~{n}" for n in itertools.count(1))
            runs = list(itertools.takewhile(names.__contains__, numbered))
            for name in runs[KEPT:]:
                with suppress(AosError):  # the next rotation tries again
                    self._drop(name)

    def _drop(self, name: str) -> None:
        others = [of for of in self._disk.branches() if of != name]
        forked = _has_fork(self._disk, name, others)
        if not forked:
            mine = name in (new for _, new in self._moved)
            once = _has_fork(self._disk, name, self._disk.removed(), removed=True)
            self._disk.remove(name, for_good=mine and forked is False and once is False)


def _has_fork(
    disk: Disk, branch: str, names: Iterable[str], *, removed: bool = False
) -> bool | None:
    """Whether one of the branches ``names`` was forked from this one; None: none of those that can
    be read, but one cannot. Raises as opening it."""
    journal = disk.open(branch, write=False)
    unread = False
    try:
        for name in names:
            try:
                parent = disk.ends(name, removed=removed)[0].body.get("parent")
            except JournalMissing:  # it has gone meanwhile, or never came
                continue
            except AosError:
                unread = True
                continue
            if parent and frames_until(journal, parent["head"], parent["height"]) is not None:
                return True
        return None if unread else False
    finally:
        leave(journal)
