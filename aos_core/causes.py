"""Why a record is there, and what it led to: across turns.

A record is there because of an earlier record of its turn; a receipt because of the intent that it
answers; a plan step because of the steps that it comes after, each of which had to be over, and
when it moves again because of what it did before; one that was refused because of the decision. So
causes are no chain where a plan joins, but lead together again. They are shown as a tree: what was
told before is told once more by its height alone (``again``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aos_core.history import Started
    from aos_core.reading import Reader

MOST = 10_000
"""So many effects are given at most."""


@dataclass(frozen=True, slots=True)
class Link:
    """A record at ``height``, ``depth`` steps away from the one that was asked about. ``again``: it
    stands elsewhere too, with what hangs on it."""

    height: int
    depth: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Links:
    """A tree in reading order: of causes, every record before what it led to; of effects, every
    record after what led to it. Of one record's, heights rise. ``whole``: nothing was left out for
    being too deep or too much."""

    links: tuple[Link, ...]
    whole: bool

    @property
    def once(self) -> list[Link]:
        """Every record but once."""
        return [of for of in self.links if not of.again]


@dataclass(slots=True)
class _Steps:
    """What the steps of a plan instance are there for: heights by the height of the later one, and
    the other way round."""

    causes: dict[int, list[int]] = field(default_factory=dict)
    effects: dict[int, list[int]] = field(default_factory=dict)


class Causality:
    """The causes and effects of the records of a world, one step at a time; remembers what it has
    read of plans, so it is to be used for one question."""

    def __init__(self, world: Reader) -> None:
        self._world = world
        self._plans: dict[int, _Steps] = {}

    def causes(self, height: int) -> list[int]:
        """What record ``height`` is there for, rising. The record that set it going is left out
        where one of the others was set going by the same."""
        by = self._world.history.cause(height)
        before = self._steps(height).causes.get(height, [])
        if self._refuses(height - 1):
            before = sorted({*before, height - 1})
        if by is None or any(self._world.history.cause(of) == by for of in before):
            return before
        return sorted({by, *before})

    def effects(self, height: int) -> list[int]:
        """What record ``height`` led to, rising."""
        found = {of for of in self._world.history.effects(height) if height in self.causes(of)}
        refused = [height + 1] if self._refuses(height) else []
        return sorted(found.union(self._steps(height).effects.get(height, ()), refused))

    def _refuses(self, height: int) -> bool:
        """Whether a record is the decision that refuses what the step asks for that comes next."""
        record = self._world.records[height] if height > 0 else None
        return record is not None and record.kind == "decision" and record.get("code") is not None

    def _steps(self, height: int) -> _Steps:
        record = self._world.records[height]
        if record.kind != "plan_step":
            return _Steps()
        started = self._world.history.instance(record["instance"], height)
        if started is None:
            return _Steps()
        if started.started not in self._plans:
            self._plans[started.started] = self._read(started)
        return self._plans[started.started]

    def _read(self, started: Started) -> _Steps:
        world, found = self._world, _Steps()
        plan = world.program_of(started.manifest).plans[started.plan].node
        after: dict[str, list[str]] = {}
        for edge in plan.edges:
            after.setdefault(edge.target, []).append(edge.source)
        last: dict[str, int] = {}
        for height in world.history.steps(started, world.height):
            step = world.records[height]["step"]
            before = [step] if step in last else after.get(step, [])
            causes = sorted({last[of] for of in before if of in last})
            found.causes[height] = causes
            for cause in causes:
                found.effects.setdefault(cause, []).append(height)
            last[step] = height
        return found


def causes(world: Reader, height: int, most: int = MOST) -> Links:
    """The tree of causes of a record; where there are more than ``most``, the nearest. Raises
    :class:`AosError` where a definition that its plans ran under cannot be read."""
    of = Causality(world).causes
    near, whole = _nearest(of, height, most)
    found = _tree(lambda at: [cause for cause in of(at) if cause in near], height)
    return Links(tuple(found), whole)


def effects(world: Reader, height: int, depth: int | None = None, most: int = MOST) -> Links:
    """The tree of effects of a record, at most ``depth`` steps away and ``most`` in all. Raises as
    :func:`causes`."""
    of = Causality(world).effects
    found: list[Link] = []
    told = {height}
    whole = True
    left = [Link(at, 1) for at in reversed(of(height))]
    while left:
        link = left.pop()
        if len(found) == most or (depth is not None and link.depth > depth):
            whole = False
            continue
        if link.height in told:
            found.append(replace(link, again=True))
            continue
        told.add(link.height)
        found.append(link)
        left += [Link(at, link.depth + 1) for at in reversed(of(link.height))]
    return Links(tuple(found), whole)


def _nearest(of: Callable[[int], list[int]], height: int, most: int) -> tuple[set[int], bool]:
    """The ``most`` records that are nearest on the way back from one, and whether that is all."""
    near: set[int] = set()
    left = deque([height])
    while left:
        for cause in reversed(of(left.popleft())):
            if cause in near:
                continue
            if len(near) == most:
                return near, False
            near.add(cause)
            left.append(cause)
    return near, True


def _tree(of: Callable[[int], list[int]], height: int) -> list[Link]:
    """The tree of causes below a record, every record after its own causes, which are told where
    they are met first."""
    found: list[Link] = []
    told: set[int] = set()
    left = [(Link(cause, 1), False) for cause in reversed(of(height))]
    while left:
        link, over = left.pop()
        if over:
            found.append(link)
        elif link.height in told:
            found.append(replace(link, again=True))
        else:
            told.add(link.height)
            left.append((link, True))
            left += [(Link(at, link.depth + 1), False) for at in reversed(of(link.height))]
    return found
