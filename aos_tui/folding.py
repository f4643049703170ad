"""Which turns of a journal are folded to one line, and what each line shows.

It knows the way a journal is folded as a whole, and the turns that are otherwise: so it costs what
was folded by hand, however long the journal is. It knows nothing of Textual.
"""

from __future__ import annotations

import bisect
from typing import NamedTuple, Protocol


class Turns(Protocol):
    """Where the turns of a journal are; genesis is turn 0."""

    def turn(self, number: int) -> tuple[int, int]:
        """(first, last) height of a turn."""

    def turn_of(self, height: int) -> int:
        """The number of the turn of a height."""


class Line(NamedTuple):
    """The heights that a line stands for: those of a folded turn, or one."""

    first: int
    last: int

    @property
    def folded(self) -> bool:
        """Whether it stands for a turn of more than one record."""
        return self.last > self.first


class Folding:
    """``all``: whether turns are folded, but for those that were unfolded by hand."""

    def __init__(self) -> None:
        self.all = False
        self._turns: list[tuple[int, int, int]] = []  # (number, first, last) of the others
        self._before: list[int] = []  # so many lines more or fewer there are before each of them

    def lines(self, live: int, turns: int) -> int:
        """How many lines a journal has up to height ``live``, which has so many turns beside
        genesis."""
        others = sum(last - first for _, first, last in self._turns)
        return turns + 1 + others if self.all else live + 1 - others

    def line(self, row: int, turns: Turns) -> Line:
        """What line ``row`` shows."""
        at = bisect.bisect_right(range(len(self._turns)), row, key=self._row_of_other) - 1
        if at < 0:
            return self._usual(row, turns)
        _, first, last = self._turns[at]
        offset = row - self._row_of_other(at)
        if not self.all:
            return Line(first, last) if offset == 0 else Line(last + offset, last + offset)
        if offset <= last - first:
            return Line(first + offset, first + offset)
        return self._usual(row - self._before[at] - (last - first), turns)

    def row(self, height: int, turns: Turns) -> int:
        """The line that shows a height."""
        at = bisect.bisect_right(self._turns, height, key=lambda of: of[1]) - 1
        if at >= 0 and height <= self._turns[at][2]:
            inside = height - self._turns[at][1] if self.all else 0
            return self._row_of_other(at) + inside
        usual = turns.turn_of(height) if self.all else height
        if at < 0:
            return usual
        _, first, last = self._turns[at]
        return usual + (self._before[at] + last - first) * (1 if self.all else -1)

    def toggle(self, height: int, turns: Turns) -> None:
        """Fold the turn of a height, or unfold it; one of a single record stays as it is."""
        number = turns.turn_of(height)
        first, last = turns.turn(number)
        found = (number, first, last)
        if first == last:
            return
        if found in self._turns:
            self._turns.remove(found)
        else:
            bisect.insort(self._turns, found)
        self._before = []
        total = 0
        for _, first, last in self._turns:
            self._before.append(total)
            total += last - first

    def toggle_all(self) -> None:
        """Fold all turns, or unfold all."""
        self.all = not self.all
        self._turns, self._before = [], []

    def forget(self) -> None:
        """Another journal: what was done by hand does not count for it."""
        self._turns, self._before = [], []

    def _usual(self, row: int, turns: Turns) -> Line:
        return Line(*turns.turn(row)) if self.all else Line(row, row)

    def _row_of_other(self, at: int) -> int:
        number, first, _ = self._turns[at]
        return number + self._before[at] if self.all else first - self._before[at]
