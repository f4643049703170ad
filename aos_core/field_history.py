"""The history of one field: every height at which it changed, its values, and what changed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aos_core.present import NOTHING
from aos_core.world import World

MOST_STEPS = 2_000
"""So many steps of a cell are looked at, the last ones."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A field after record ``height``, a step: its value as host JSON, :data:`NOTHING` where it is
    not there; ``event`` is the height of the event that was delivered, None at the beginning."""

    height: int
    value: Any
    event: int | None


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """``changes`` rise by height; ``whole``: they begin with the first step there was."""

    changes: tuple[Changed, ...]
    whole: bool

    def numbers(self) -> list[float] | None:
        """The values, where each is a number or is not there: for a picture."""
        values = [of.value for of in self.changes if of.value is not NOTHING]
        if not values or any(type(of) not in (int, float) for of in values):
            return None
        return [float(of) for of in values]


def field_history(
    world: World, reducer: str, cell: bytes, path: Sequence[str], until: int
) -> FieldHistory:
    """How the field at ``path`` (names of members, indexes of lists) of a cell's state came to its
    value at height ``until``. Raises what running turns again raises."""
    where = "kind = 'step' AND name = ? AND subject = ?"
    steps = world.history.matching(where, (reducer, cell), until)
    found: list[Changed] = []
    for height, value, event in _values(world, reducer, cell, path, steps[-MOST_STEPS:]):
        if not found or (found[-1].value is not value and found[-1].value != value):
            found.append(Changed(height, value, event))
    return FieldHistory(tuple(found), len(steps) <= MOST_STEPS)


def _values(
    world: World, reducer: str, cell: bytes, path: Sequence[str], steps: Sequence[int]
) -> Iterator[tuple[int, Any, int | None]]:
    for height in steps:
        view = world.at(height)
        data = view.state_bytes(reducer, cell)
        state = NOTHING if data is None else view.decode_state(reducer, data)
        yield height, follow(state, path), world.records[height].by


def follow(value: Any, path: Sequence[str]) -> Any:
    """The part of host JSON at ``path``, or :data:`NOTHING`."""
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return NOTHING
    return value
