"""A picture of how a value went, drawn with characters over the heights. Plain functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Change = tuple[int, float | None]
"""(height, value from there on); None where it is no number."""


def chart(changes: Sequence[Change], last: int, width: int, rows: int, bars: str) -> list[str]:
    """``rows`` lines of ``width`` cells, and two more: where it changed, and the heights.

    A column stands for equally many heights; numbers are as high as the largest of its heights,
    where there are none, as high as many changes fall on it. ``bars``: characters from empty to
    full. Nothing where there is nothing to draw."""
    if not changes or width < 8:
        return []
    first = changes[0][0]
    columns = _Columns(first, max(1, last - first), width)
    levels = _levels(changes, last, columns)
    ticks = [" "] * width
    for height, _ in changes:
        ticks[columns.of(height)] = "╵" if bars[-1] == "█" else "'"
    heights = _heights([height for height, _ in changes], last, columns)
    return [*_drawn(levels, rows, bars), "".join(ticks).rstrip(), heights]


def _heights(heights: Sequence[int], last: int, columns: _Columns) -> str:
    """The heights below their columns, as many as have room; the last one of all at the end."""
    line, end = "", f"{last}" if heights[-1] != last else ""
    for height in heights:
        at, text = columns.of(height), f"{height}"
        at = min(at, columns.width - len(text))
        free = at > len(line) if line else True
        if free and at + len(text) < columns.width - len(end) + (not end):
            line = line.ljust(at) + text
    return line.ljust(columns.width - len(end)) + end


class _Columns:
    def __init__(self, first: int, span: int, width: int) -> None:
        self.first, self.span, self.width = first, span, width

    def of(self, height: int) -> int:
        return min(self.width - 1, (height - self.first) * self.width // (self.span + 1))


def _levels(changes: Sequence[Change], last: int, columns: _Columns) -> list[float | None]:
    """From 0 to 1 by column; None where nothing is."""
    values = [value for _, value in changes if value is not None]
    if not values:
        many = Counter(columns.of(height) for height, _ in changes)
        most = max(many.values())
        return [many[of] / most if of in many else None for of in range(columns.width)]
    low, high = min(values), max(values)
    found: list[float | None] = [None] * columns.width
    ends = [height for height, _ in changes[1:]] + [last + 1]
    for (height, value), end in zip(changes, ends, strict=True):
        if value is None:
            continue
        level = 1.0 if high == low else (value - low) / (high - low)
        for column in range(columns.of(height), columns.of(max(height, end - 1)) + 1):
            found[column] = max(level, found[column] or 0.0)
    return _filled(found, changes, columns)


def _filled(
    levels: list[float | None], changes: Sequence[Change], columns: _Columns
) -> list[float | None]:
    """Where there are fewer heights than columns, a value goes on to the next height's column."""
    starts = {columns.of(height): value for height, value in changes}
    for column in range(1, columns.width):
        if levels[column] is None and starts.get(column, 0) is not None:
            levels[column] = levels[column - 1]
    return levels


def _drawn(levels: Sequence[float | None], rows: int, bars: str) -> list[str]:
    steps = len(bars) - 1
    found = []
    for row in reversed(range(rows)):
        line = ""
        for level in levels:
            if level is None:
                line += " "
                continue
            full = max(1, round(level * rows * steps))
            line += bars[min(steps, max(0, full - row * steps))]
        found.append(line.rstrip())
    return found
