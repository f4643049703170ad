"""Why a record is there, and what it led to: from the index, across turns.

Every record has at most one cause: the record of its turn that led to it, and of a receipt the
intent that it answers. So causes are a chain, up to an input, and effects are a tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from aos_core.history import History

MOST = 10_000
"""So many effects are given at most."""


@dataclass(frozen=True, slots=True)
class Link:
    """A record at ``height``, ``depth`` steps away from the one that was asked about."""

    height: int
    depth: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What a record led to, every record after what led to it, heights rising among those of one
    cause. ``whole``: nothing was left out for being too deep or too much."""

    links: tuple[Link, ...]
    whole: bool


def causes(history: History, height: int) -> list[Link]:
    """The chain of causes of a record, the nearest first."""
    found: list[Link] = []
    at = history.cause(height)
    while at is not None:
        found.append(Link(at, len(found) + 1))
        at = history.cause(at)
    return found


def effects(history: History, height: int, depth: int | None = None, most: int = MOST) -> Effects:
    """The tree of effects of a record, at most ``depth`` steps away and ``most`` in all."""
    found: list[Link] = []
    whole = True
    left = _led_to(history, height, 1)
    while left:
        link = left.pop()
        if len(found) == most or (depth is not None and link.depth > depth):
            whole = False
            continue
        found.append(link)
        left += _led_to(history, link.height, link.depth + 1)
    return Effects(tuple(found), whole)


def _led_to(history: History, height: int, depth: int) -> list[Link]:
    return [Link(of, depth) for of in reversed(history.effects(height))]
