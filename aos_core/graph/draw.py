"""A graph as rows of text: chips for its nodes, box characters for its edges.

A drawing is geometry alone: what state a node is in, and which edges count, is known to whoever
paints it. Each cell of an edge collects the directions in which lines leave it; their union picks
the character. Where edges merely pass each other there is a hop (``─│─``), so that ``┼`` always
means a junction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from aos_core.graph.layout import Edge, Layers, Link, layered
from aos_core.graph.place import Extent, placed
from aos_core.graph.route import Bend, Wire, routed

UP: Final = 1
DOWN: Final = 2
LEFT: Final = 4
RIGHT: Final = 8
_VERTICAL: Final = UP | DOWN
_HORIZONTAL: Final = LEFT | RIGHT

GUARD_MOST: Final = 18
"""Cells that a guard takes, at most."""


class Lines(NamedTuple):
    """Characters: ``boxes`` by the union of directions, heads down and right."""

    boxes: str
    down: str
    right: str


UNICODE: Final = Lines(" ╵╷│╴╯╮┤╶╰╭├─┴┬┼", "▾", "▸")
ASCII: Final = Lines(" |||-+++-+++-+++", "v", ">")


class Form(NamedTuple):
    """How a graph is drawn. ``right``: from left to right instead of top down. ``padding``: cells
    before and behind the text of a chip. ``distance``: cells between neighbours. ``cut``: cells of
    a name, at most. ``heads``: a row of arrow heads below every bend, not only where it is free."""

    right: bool = False
    padding: int = 1
    distance: int = 3
    cut: int | None = None
    heads: bool = True

    def name(self, text: str) -> str:
        """A name as it is written."""
        return _cut(text, self.cut)

    def guard(self, text: str) -> str:
        """A guard as it is written."""
        return _cut(text, min(self.cut or GUARD_MOST, GUARD_MOST))


class Chip(NamedTuple):
    """Where a node stands. Its text is padding, a blank for its glyph, a blank, ``label``,
    padding."""

    x: int
    y: int
    width: int
    label: str


class Run(NamedTuple):
    """A piece of a row. ``kind``: ``chip`` (``of`` has its node), ``line`` or ``guard`` (``of`` has
    the edges that meet in it, by number)."""

    x: int
    text: str
    kind: str
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows of runs from left to right; ``chips`` by node, ``edge_rows`` the rows of each edge,
    ``ways`` its corners, from the cell below its upper node to the one above its lower one."""

    form: Form
    width: int
    rows: tuple[tuple[Run, ...], ...]
    chips: tuple[Chip, ...]
    edge_rows: tuple[frozenset[int], ...]
    ways: tuple[tuple[Cell, ...], ...]

    @property
    def height(self) -> int:
        """In rows."""
        return len(self.rows)

    def text(self, glyph: Callable[[int], str]) -> str:
        """The picture without colours; ``glyph`` of each node by its number."""
        return "\n".join(self._line(row, glyph) for row in self.rows)

    def _line(self, row: Sequence[Run], glyph: Callable[[int], str]) -> str:
        line = ""
        for run in row:
            line += " " * (run.x - cell_len(line))
            line += self.with_glyph(run, glyph(run.of[0])) if run.kind == "chip" else run.text
        return line.rstrip()

    def with_glyph(self, chip: Run, glyph: str) -> str:
        """The text of a chip with its glyph, one cell wide."""
        at = self.form.padding
        return f"{chip.text[:at]}{glyph}{chip.text[at + 1 :]}"


Cell = tuple[int, int]
"""(x, y)"""
Arms = dict[int, int]
"""Of each edge in a cell, the directions it goes there."""


def drawn(
    names: Sequence[str],
    edges: Sequence[Edge],
    form: Form,
    lines: Lines = UNICODE,
    layers: Layers | None = None,
) -> Drawing:
    """Draw a graph. ``layers`` as :func:`layered` makes them, where they are known already: they do
    not depend on ``form``. Names and guards hold no control characters."""
    layers = layers or layered(len(names), edges)
    return _Pen(names, edges, form, layers).drawing(lines)


def _cut(text: str, most: int | None) -> str:
    if most is None or cell_len(text) <= most:
        return text
    return set_cell_size(text, max(0, most - 2)).rstrip() + ".."


class _Pen:
    """Works out where everything is, then draws it; used once."""

    def __init__(
        self, names: Sequence[str], edges: Sequence[Edge], form: Form, layers: Layers
    ) -> None:
        self._edges, self._form, self._layers = edges, form, layers
        self._labels = [form.name(name) for name in names]
        self._guards = [form.guard(edge.guard) for edge in edges]
        self._widths = [cell_len(label) + 2 + 2 * form.padding for label in self._labels]
        self._places = placed(layers, self._extents(), form.distance)
        self._routes = [
            routed([Wire(self._places[of.upper], self._places[of.lower]) for of in gap])
            for gap in layers.gaps
        ]
        self._tails = [self._tail(gap) for gap in range(len(self._routes))]
        self._starts, self._ends = self._along()
        self._ways: list[list[Cell]] = [[] for _ in edges]
        self._arms: dict[int, dict[int, Arms]] = {}  # by row, then by column
        self._heads: dict[int, set[int]] = {}
        self._texts: dict[int, dict[int, tuple[str, int]]] = {}

    def _extents(self) -> list[Extent]:
        """What items take across: names stand across where the graph goes down."""
        found = [Extent(0, 0)] * self._layers.items
        if self._form.right:
            return found
        for node, width in enumerate(self._widths):
            found[node] = Extent((width - 1) // 2, width - 1 - (width - 1) // 2)
        for link in self._guarded():
            before, behind = found[link.lower]
            found[link.lower] = Extent(before, max(behind, 1 + cell_len(self._guards[link.edge])))
        return found

    def _guarded(self) -> Iterator[Link]:
        for gap in self._layers.gaps:
            yield from (link for link in gap if link.first and self._guards[link.edge])

    def _along(self) -> tuple[list[int], list[int]]:
        """Where each layer begins, and where it ends, along the way edges go."""
        starts, ends, at = [], [], 0
        for number, row in enumerate(self._layers.rows):
            starts.append(at)
            nodes = [item for item in row if item < self._layers.nodes]
            at += max((self._size(item) for item in nodes), default=0)
            ends.append(at)
            if number < len(self._routes):
                at += self._lead + self._routes[number].tracks + self._tails[number]
        return starts, ends

    def _size(self, node: int) -> int:
        """Cells of a chip along the way edges go."""
        return self._widths[node] if self._form.right else 1

    @property
    def _lead(self) -> int:
        """Cells between a layer and the first track."""
        return 1 if self._form.right else 0

    def _tail(self, gap: int) -> int:
        """Cells between the last track of a gap and the next layer: for heads and guards."""
        guards = [self._guards[of.edge] for of in self._layers.gaps[gap] if of.first]
        longest = max((cell_len(guard) for guard in guards if guard), default=0)
        if self._form.right:
            return longest + 3 if longest else 1 + bool(self._routes[gap].tracks)
        return 1 if self._form.heads or longest or not self._routes[gap].tracks else 0

    # -- cells ------------------------------------------------------------------------------

    def drawing(self, lines: Lines) -> Drawing:
        for number, gap in enumerate(self._layers.gaps):
            for link, bends in zip(gap, self._routes[number].bends, strict=True):
                self._link(number, link, bends)
        stand = self._stand()
        first_x = min([0, *(min(cells) for cells in self._arms.values())])
        first_y = min([0, *self._arms])
        chips = tuple(of._replace(x=of.x - first_x, y=of.y - first_y) for of in stand)
        last = max([-1, *self._arms, *(chip.y for chip in stand)])
        at: dict[int, list[tuple[int, Chip]]] = {}
        for node, chip in enumerate(stand):
            at.setdefault(chip.y, []).append((node, chip))
        rows = tuple(self._row(y, at.get(y, ()), first_x, lines) for y in range(first_y, last + 1))
        edge_rows: list[set[int]] = [set() for _ in self._edges]
        for y, row in enumerate(rows):
            for edge in {edge for run in row if run.kind != "chip" for edge in run.of}:
                edge_rows[edge].add(y)
        width = max((row[-1].x + cell_len(row[-1].text) for row in rows if row), default=0)
        ways = tuple(tuple((x - first_x, y - first_y) for x, y in way) for way in self._ways)
        return Drawing(self._form, width, rows, chips, tuple(map(frozenset, edge_rows)), ways)

    def _cell(self, across: int, along: int) -> Cell:
        return (along, across) if self._form.right else (across, along)

    def _link(self, gap: int, link: Link, bends: Sequence[Bend]) -> None:
        """The cells of a link, from below its upper item to above its lower one."""
        place, end = self._places[link.upper], self._starts[gap + 1]
        along = self._starts[gap]
        if link.upper < self._layers.nodes:
            along += self._size(link.upper)
        first = self._ends[gap] + self._lead
        corners = [(place, along)]
        for bend in bends:
            corners += [(place, first + bend.track), (bend.to, first + bend.track)]
            place = bend.to
        corners.append((place, end - 1))
        cells = [self._cell(*corner) for corner in corners]
        self._ways[link.edge] += cells
        self._stroke(link.edge, cells)
        if not self._tails[gap]:
            return
        if link.last:
            x, y = self._cell(place, end - 1)
            self._heads.setdefault(y, set()).add(x)
        if link.first and (guard := self._guards[link.edge]):
            at = end + 1 - self._tails[gap] if self._form.right else end - 1
            x, y = self._cell(place, at)
            self._texts.setdefault(y, {})[x if self._form.right else x + 2] = guard, link.edge

    def _stroke(self, edge: int, corners: Sequence[Cell]) -> None:
        """Draw between corners, with an arm at each end towards what stands there."""
        back, ahead = (LEFT, RIGHT) if self._form.right else (UP, DOWN)
        self._touch(edge, corners[0], back)
        self._touch(edge, corners[-1], ahead)
        for (x, y), (to_x, to_y) in pairwise(corners):
            if y == to_y and x != to_x:
                left, right = sorted((x, to_x))
                self._touch(edge, (left, y), RIGHT)
                self._touch(edge, (right, y), LEFT)
                row = self._arms[y]
                for at in range(left + 1, right):
                    arms = row.setdefault(at, {})
                    arms[edge] = arms.get(edge, 0) | _HORIZONTAL
            elif y != to_y:
                upper, lower = sorted((y, to_y))
                self._touch(edge, (x, upper), DOWN)
                self._touch(edge, (x, lower), UP)
                for at in range(upper + 1, lower):
                    self._touch(edge, (x, at), _VERTICAL)

    def _touch(self, edge: int, cell: Cell, directions: int) -> None:
        arms = self._arms.setdefault(cell[1], {}).setdefault(cell[0], {})
        arms[edge] = arms.get(edge, 0) | directions

    # -- rows -------------------------------------------------------------------------------

    def _stand(self) -> list[Chip]:
        """The chips, in the order of their nodes."""
        rank = {item: at for at, row in enumerate(self._layers.rows) for item in row}
        found = []
        for node, (label, width) in enumerate(zip(self._labels, self._widths, strict=True)):
            before = 0 if self._form.right else (width - 1) // 2
            x, y = self._cell(self._places[node], self._starts[rank[node]])
            found.append(Chip(x - before, y, width, label))
        return found

    def _row(
        self, y: int, chips: Sequence[tuple[int, Chip]], first_x: int, lines: Lines
    ) -> tuple[Run, ...]:
        """The runs of a row, from left to right."""
        pad = " " * self._form.padding
        runs = [
            Run(chip.x - first_x, f"{pad}  {chip.label}{pad}", "chip", (node,))
            for node, chip in chips
        ]
        cells = self._arms.get(y, {})
        hidden: set[int] = set()
        for x, (text, edge) in self._texts.get(y, {}).items():
            runs.append(Run(x - first_x, text, "guard", (edge,)))
            hidden.update(range(x, x + cell_len(text)))
        head = lines.right if self._form.right else lines.down
        heads = self._heads.get(y, ())
        text, start, end = "", 0, 0
        of: tuple[int, ...] = ()
        for x in sorted(cells):
            if x in hidden:
                continue
            character, edges = _character(cells[x], lines)
            if x != end or edges != of:
                if text:
                    runs.append(Run(start - first_x, text, "line", of))
                text, start, of = "", x, edges
            text += head if x in heads else character
            end = x + 1
        if text:
            runs.append(Run(start - first_x, text, "line", of))
        return tuple(sorted(runs))


def _character(arms: Arms, lines: Lines) -> tuple[str, tuple[int, ...]]:
    """What stands in a cell, and the edges that it belongs to."""
    if len(arms) == 1:
        ((edge, directions),) = arms.items()
        return lines.boxes[directions], (edge,)
    union = 0
    for directions in arms.values():
        union |= directions
    if union == _VERTICAL | _HORIZONTAL and set(arms.values()) == {_VERTICAL, _HORIZONTAL}:
        over = tuple(edge for edge, directions in arms.items() if directions == _VERTICAL)
        return lines.boxes[_VERTICAL], over
    return lines.boxes[union], tuple(arms)
