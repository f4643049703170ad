"""The names of branches that nobody has named: what undo and F call theirs, and how one knows them.

Undo names what it has undone: ``main-undo-23`` is main without record 23, an input, and without
what came after it. F names where its fork leaves: ``main-22`` goes on after record 22 of main.
What is undone or forked on a branch so named is named after main again, so that names stay short
however often one undoes and forks; which of them it was, the tree of branches shows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from aos_core.free_names import free_name

_LONGEST = 60
"""So many characters of a branch's name are taken into that of another."""

_UNDO = re.compile(r"(.+?)(?:-undo-([0-9]+)(?:-[0-9]+)?)+")
_EARLIER = re.compile(r"~[0-9]+$")
"""What an earlier run has at its end: its number changes with every run."""


def named_branch(of: str, lineage: Sequence[str], forks: Sequence[int]) -> str:
    """Branch ``of``, or the nearest one that it goes on from whose name was not made. ``lineage``:
    the branches, the oldest first; ``forks``: the heights after which all but the oldest leave."""
    at = lineage.index(of)
    while at > 0 and is_made(lineage[at], forks[at - 1]):
        at -= 1
    return lineage[at]


def fork_name(of: str, height: int, taken: Collection[str]) -> str:
    """What a fork may be called that goes on after record ``height``; ``of`` is the
    :func:`named_branch` of the one that record is of."""
    return free_name(f"{_stem(of)}-{height}", taken)


def undo_name(of: str, first: int, taken: Collection[str]) -> str:
    """What a branch is called that lacks the turn of branch ``of`` that begins at ``first``; ``of``
    as for :func:`fork_name`."""
    return free_name(f"{_stem(of)}-undo-{first}", taken)


def is_undo(name: str, fork: int | None) -> bool:
    """Whether a branch that leaves after height ``fork`` has the name that undo gave it."""
    found = _UNDO.fullmatch(name)
    return found is not None and fork is not None and int(found[2]) == fork + 1


def is_made(name: str, fork: int | None) -> bool:
    """Whether a branch has the name that undo or F gave it, or is an earlier run."""
    if _EARLIER.search(name) or is_undo(name, fork):
        return True
    return fork is not None and re.search(rf"-{fork}(-[0-9]+)?$", name) is not None


def _stem(of: str) -> str:
    return _EARLIER.sub("", of)[:_LONGEST]
