"""The whole history on one line: plain functions from landmarks to pieces of text.

Every turn is as wide as every other, so the bar says in how high it stands how many records a turn
made; where there are more turns than cells, a cell stands for some of them. The first cell is
genesis. Over the bar stand signs, one a cell: of several the one that matters most.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from aos_tui.formatting import Piece

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Landmarks, Snapshot

_APART: Final = {"turns": 4, "kept": 8}
"""Signs of these say nothing where they are closer than so many cells."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where heights are on ``width`` cells. ``turns``: the heights at which turns begin, rising,
    evenly thinned out; ``live``: the last height."""

    turns: Sequence[int]
    live: int
    width: int

    def cell(self, height: int) -> int:
        """The cell of a height."""
        if height <= 0 or not self.turns or self.width < 2:
            return 0
        if height >= self.live:
            return self.width - 1
        at = max(0, bisect.bisect_right(self.turns, height) - 1)
        first, end = self._turn(at)
        inside = (height - first) / (end - first)
        return min(self.width - 1, 1 + int((at + inside) * self._scale + _ROUNDING))

    def height(self, cell: int) -> int:
        """The height that a cell shows: of all that are there the last."""
        if cell <= 0 or not self.turns or self.width < 2:
            return 0
        if cell >= self.width - 1:
            return self.live
        found = self._begin(cell + 1) - 1
        return max(1, min(self.live, found))

    def records(self) -> list[float]:
        """How many records each cell stands for."""
        if not self.turns or self.width < 2:
            return [1.0, *[0.0] * (self.width - 1)][: self.width]
        begins = [self._place(cell) for cell in range(1, self.width + 1)]
        return [1.0, *(end - begin for begin, end in pairwise(begins))][: self.width]

    @property
    def _scale(self) -> float:
        """Cells of a turn."""
        return (self.width - 1) / len(self.turns)

    def _turn(self, at: int) -> tuple[int, int]:
        after = self.turns[at + 1] if at + 1 < len(self.turns) else self.live + 1
        return self.turns[at], max(after, self.turns[at] + 1)

    def _place(self, cell: int) -> float:
        """The height, with its fraction, at the left edge of a cell."""
        turn = (cell - 1) / self._scale
        at = min(int(turn + _ROUNDING), len(self.turns) - 1)
        first, end = self._turn(at)
        return first + max(0.0, turn - at) * (end - first)

    def _begin(self, cell: int) -> int:
        """The first height whose cell is not before ``cell``."""
        heights = range(self.live + 1)
        return bisect.bisect_left(heights, cell, key=self.cell)


_ROUNDING: Final = 1e-6


def timeline_bar(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Piece]:
    """The bar on ``width`` cells, its ends included."""
    left, right = glyphs.ends
    axis = axis_of(snapshot, width)
    cells = _bars(axis, glyphs)
    marks = snapshot.landmarks
    if axis.turns and axis.width / len(axis.turns) >= _APART["turns"]:
        _sign(cells, axis, marks.turns, (glyphs.turn, ""))
    kept = {axis.cell(of) for of in marks.kept}
    if len(kept) * _APART["kept"] <= axis.width:
        _sign(cells, axis, marks.kept, (glyphs.kept, "good"))
    for heights, piece in _landmarks(snapshot, marks, glyphs):
        _sign(cells, axis, heights, piece)
    return [(left, "dim"), *cells, (right, "dim")]


def axis_of(snapshot: Snapshot, width: int) -> Axis:
    """Where heights are in the bar that :func:`timeline_bar` makes, its left end left out."""
    return Axis(snapshot.landmarks.turns, snapshot.live, max(1, width - 2))


def _landmarks(
    snapshot: Snapshot, marks: Landmarks, glyphs: Glyphs
) -> Iterable[tuple[Iterable[int], Piece]]:
    """Heights and their sign, what matters most last."""
    yield marks.forks, (glyphs.fork, "change")
    yield marks.begins[-1:], (glyphs.begin, "change")
    yield marks.faults, (glyphs.failed, "bad")
    yield snapshot.marked, (glyphs.mark, "wait")
    yield () if marks.fails is None else (marks.fails,), (glyphs.fails, "bad")
    yield (snapshot.height,), (glyphs.chosen, "input")


def _sign(cells: list[Piece], axis: Axis, heights: Iterable[int], piece: Piece) -> None:
    for height in heights:
        cells[axis.cell(height)] = piece


def _bars(axis: Axis, glyphs: Glyphs) -> list[Piece]:
    """A cell for each: the higher, the more records."""
    records = axis.records()
    most, steps = max(records[1:], default=1.0) or 1.0, len(glyphs.density) - 1
    levels = [min(steps, max(1, round(of / most * steps + _ROUNDING))) for of in records]
    return [
        (glyphs.density[level], "bar") if of else (glyphs.line, "dim")
        for level, of in zip(levels, records, strict=True)
    ]
