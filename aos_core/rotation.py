"""Earlier runs of a branch make room for the next one: each is kept a while, under a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from aos_core.disk import Disk, frames_until, leave
from aos_core.errors import AosError

KEPT = 5
"""How many earlier runs of a branch are kept."""


def set_aside_older(disk: Disk, branch: str) -> None:
    """Make the name free: what has it becomes ``branch~1``, ``~1`` becomes ``~2``, and so on.

    The oldest is dropped, or gets a number beyond ``KEPT`` where another branch was forked from
    it; where a removed one was, it can be brought back too. Raises :class:`BranchLocked` while
    somebody writes one that has to move.
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


def move_up_older(disk: Disk, branch: str) -> None:
    """What :func:`set_aside_older` did, taken back: ``~1`` has the name again, ``~2`` becomes
    ``~1``, up to the first number that nothing has."""
    names = set(disk.branches())
    chain = [branch, *(f"{branch}~{n}" for n in range(1, KEPT + 1))]
    for newer, older in pairwise(chain):
        if older not in names:
            return
        disk.rename(older, newer)


def _make_room(disk: Disk, oldest: str) -> None:
    names = disk.branches()
    if not _has_fork(disk, oldest, [name for name in names if name != oldest]):
        may_be_needed = _has_fork(disk, oldest, disk.removed(), removed=True)
        disk.remove(oldest, for_good=not may_be_needed)
        return
    stem = oldest.rpartition("~")[0]
    beyond = (f"{stem}~{n}" for n in range(KEPT + 1, KEPT + 2 + len(names)))
    disk.rename(oldest, next(name for name in beyond if name not in names))


def _has_fork(disk: Disk, branch: str, names: Iterable[str], *, removed: bool = False) -> bool:
    """Whether one of the branches ``names`` was forked from this one. Raises as opening it."""
    journal = disk.open(branch, write=False)
    try:
        return any(
            frames_until(journal, parent["head"], parent["height"]) is not None
            for parent in _parents(disk, names, removed)
        )
    finally:
        leave(journal)


def _parents(disk: Disk, names: Iterable[str], removed: bool) -> Iterator[Mapping[str, Any]]:
    """What those were forked from that can be read."""
    for name in names:
        with suppress(AosError):
            parent = disk.ends(name, removed=removed)[0].body.get("parent")
            if parent is not None:
                yield parent
