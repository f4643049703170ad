"""The picture of a plan instance, as inline SVG: the graph that the app draws, in lines instead of
characters. Where its steps stand and how its edges go is known to ``aos_core.graph``.

No state and no way is told by colour alone: a step has a glyph and a frame of its own, a way that
was walked is thick, one that will not be walked is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape

from aos_core.graph.draw import Cell, Chip, Drawing
from aos_core.graph.fit import fitted
from aos_core.graph.layout import Edge
from aos_core.plain import clean
from aos_core.plan_words import expression, guard_text, shown_state, walked_edges
from aos_core.view import EdgeView, PlanView

SIGNS = {"pending": "◌", "ready": "◉", "waiting": "◷", "done": "✓", "skipped": "⊘", "failed": "✗"}

_ROOM = (124, 10_000)
"""Columns and rows: a page goes on downwards."""
_COLUMN, _ROW = 8, 24
"""Pixels of a cell."""
_CHIP = 26
"""Pixels of a step's height: a little more than its row."""
_EDGE = 14
"""Pixels left free around the picture, for half a chip and the thickness of lines."""
_ROUND = 7
"""Pixels of a bend: lines that bend are told from lines that cross."""

Point = tuple[float, float]


def plan_picture(plan: PlanView) -> str:
    """The SVG of an instance; without steps nothing."""
    if not plan.steps:
        return ""
    number = {step.id: at for at, step in enumerate(plan.steps)}
    known = [(edge, way) for edge, way in zip(plan.edges, walked_edges(plan), strict=True)
             if edge.source in number and edge.target in number]  # fmt: skip
    edges = tuple(
        Edge(number[of.source], number[of.target], guard_text(of.when)) for of, _ in known
    )
    drawing = _drawing(tuple(clean(step.id) for step in plan.steps), edges)
    across = drawing.width * _COLUMN + 2 * _EDGE
    down = drawing.height * _ROW + 2 * _EDGE
    label = clean(f"{plan.plan}: {', '.join(f'{of.id} {of.state}' for of in plan.steps)}")
    parts = [*_ways(drawing, known), *_guards(drawing, known), *_steps(drawing, plan)]
    return (
        f'<div class="plan"><svg viewBox="0 0 {across} {down}" width="{across}" height="{down}" '
        f'role="img" aria-label="{escape(label)}">{"".join(parts)}</svg></div>'
    )


@lru_cache(maxsize=64)
def _drawing(names: tuple[str, ...], edges: tuple[Edge, ...]) -> Drawing:
    """Kept, for the instances of a plan differ in their states alone."""
    return fitted(names, edges, _ROOM)


def _middle(cell: Cell) -> Point:
    """The middle of a cell, in pixels."""
    return _EDGE + (cell[0] + 0.5) * _COLUMN, _EDGE + (cell[1] + 0.5) * _ROW


# -- edges ----------------------------------------------------------------------------------


def _ways(drawing: Drawing, known: Sequence[tuple[EdgeView, str]]) -> Iterator[str]:
    """Every edge, those that were walked above the others."""
    for kind in ("dead", "open", "walked"):
        for number, (_, way) in enumerate(known):
            if way == kind and drawing.ways[number]:
                points = _joined(drawing, number)
                yield (
                    f'<g class="way {kind}"><path d="{_line(points)}"/>'
                    f'<path class="head" d="{_head(points)}"/></g>'
                )


def _joined(drawing: Drawing, number: int) -> list[Point]:
    """The corners of an edge from chip to chip, none twice and none on a straight line."""
    points = [_middle(cell) for cell in drawing.ways[number]]
    (x, y), (to_x, to_y) = points[0], points[-1]
    if drawing.form.right:
        points[0] = (x - _COLUMN / 2, y)
        points[-1] = (to_x + _COLUMN / 2, to_y)
    else:
        apart = (_ROW - (_CHIP - _ROW)) / 2
        points[0] = (x, y - apart)
        points[-1] = (to_x, to_y + apart)
    found = [points[0]]
    for at, point in enumerate(points[1:], 1):
        after = points[at + 1] if at + 1 < len(points) else None
        before = found[-1]
        straight = after is not None and any(
            before[axis] == point[axis] == after[axis] for axis in (0, 1)
        )
        if point != before and not straight:
            found.append(point)
    return found


def _line(points: Sequence[Point]) -> str:
    """A line through the points, its corners rounded."""
    parts = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(_ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        into, out = _towards(corner, before, reach), _towards(corner, after, reach)
        parts.append(f"L{_at(into)}Q{_at(corner)} {_at(out)}")
    parts.append(f"L{_at(points[-1])}")
    return "".join(parts)


def _head(points: Sequence[Point]) -> str:
    """A triangle at the end, in the direction of the last piece."""
    x, y = points[-1]
    before = points[-2] if len(points) > 1 else (x, y - 1)
    if before[1] == y:  # to the right
        return f"M{_at((x - 7, y - 4))}L{_at((x, y))}L{_at((x - 7, y + 4))}Z"
    return f"M{_at((x - 4, y - 7))}L{_at((x, y))}L{_at((x + 4, y - 7))}Z"


def _length(one: Point, two: Point) -> float:
    return abs(one[0] - two[0]) + abs(one[1] - two[1])


def _towards(start: Point, to: Point, reach: float) -> Point:
    """The point so far from ``start`` on the way to another; ways go along the axes."""
    whole = _length(start, to) or 1
    return (
        start[0] + (to[0] - start[0]) * reach / whole,
        start[1] + (to[1] - start[1]) * reach / whole,
    )


def _at(point: Point) -> str:
    return " ".join(f"{of:.1f}".removesuffix(".0") for of in point)


def _guards(drawing: Drawing, known: Sequence[tuple[EdgeView, str]]) -> Iterator[str]:
    """What stands beside an edge; whole where a pointer rests on it."""
    for y, row in enumerate(drawing.rows):
        for run in row:
            if run.kind == "guard":
                edge, way = known[run.of[0]]
                left, middle = _EDGE + run.x * _COLUMN, _middle((0, y))[1]
                yield (
                    f'<text class="guard {way}" x="{left}" y="{middle + 4:g}">'
                    f"<title>{escape(expression(edge.when))}</title>{escape(run.text)}</text>"
                )


# -- steps ----------------------------------------------------------------------------------


def _steps(drawing: Drawing, plan: PlanView) -> Iterator[str]:
    by_id = {step.id: step for step in plan.steps}
    for step, chip in zip(plan.steps, drawing.chips, strict=True):
        yield _box(clean(step.id), shown_state(step, by_id), chip)


def _box(id: str, state: str, chip: Chip) -> str:
    left, width = _EDGE + chip.x * _COLUMN, chip.width * _COLUMN
    middle = _middle((chip.x, chip.y))[1]
    return (
        f'<g class="step {state}"><title>{escape(f"{id}: {state}")}</title>'
        f'<rect x="{left}" y="{middle - _CHIP / 2:g}" width="{width}" height="{_CHIP}" rx="6"/>'
        f'<text x="{left + width / 2:g}" y="{middle + 4:g}">'
        f"{SIGNS[state]} {escape(chip.label)}</text></g>"
    )
