"""What must hold of every picture of a graph, read from its cells alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from rich.cells import cell_len

from aos_core.graph.draw import UNICODE, Drawing, Run
from aos_core.graph.layout import Edge

Cell = tuple[int, int]
SIDES = {1: (0, -1), 2: (0, 1), 4: (-1, 0), 8: (1, 0)}
OPPOSITE = {1: 2, 2: 1, 4: 8, 8: 4}


class Picture:
    """The cells of a drawing: of lines the arms and edges, of chips and guards whose they are."""

    def __init__(self, drawing: Drawing, edges: Sequence[Edge]) -> None:
        self.drawing, self.edges = drawing, edges
        self.arms: dict[Cell, int] = {}
        self.lines: dict[Cell, tuple[int, ...]] = {}
        self.chips: dict[Cell, int] = {}
        self.guards: dict[Cell, int] = {}
        for y, row in enumerate(drawing.rows):
            for run in row:
                self._add(y, run)

    def _add(self, y: int, run: Run) -> None:
        if run.kind != "line":
            cells = self.chips if run.kind == "chip" else self.guards
            cells |= {(run.x + at, y): run.of[0] for at in range(cell_len(run.text))}
            return
        for at, character in enumerate(run.text):
            heads = {UNICODE.down: 1 | 2, UNICODE.right: 4 | 8}
            arms = heads.get(character, UNICODE.boxes.find(character))
            assert arms > 0, character
            self.arms[run.x + at, y] = arms
            self.lines[run.x + at, y] = run.of

    def faults(self) -> list[str]:
        """All that is wrong with it."""
        return [*self._overlaps(), *self._loose(), *self._unrelated(), *self._broken(),
                *self._unguarded()]  # fmt: skip

    def _overlaps(self) -> Iterator[str]:
        for y, row in enumerate(self.drawing.rows):
            end = 0
            for run in row:
                if run.x < end:
                    yield f"row {y}: {run} begins before {end}"
                end = run.x + cell_len(run.text)
            if end > self.drawing.width:
                yield f"row {y} is wider than the drawing"
        for node, chip in enumerate(self.drawing.chips):
            if any(self.chips.get((chip.x + at, chip.y)) != node for at in range(chip.width)):
                yield f"the chip of {node} is not where it is said to be"

    def _loose(self) -> Iterator[str]:
        """Arms that meet nothing."""
        for (x, y), arms in self.arms.items():
            for side in SIDES:
                if arms & side and not self._meets((x, y), side):
                    yield f"an arm of {x},{y} meets nothing"

    def _meets(self, cell: Cell, side: int) -> bool:
        other = _beside(cell, side)
        if other in self.chips or other in self.guards:
            return True
        return bool(self.arms.get(other, 0) & OPPOSITE[side]) or self._hop(other, side)

    def _hop(self, cell: Cell, side: int) -> bool:
        """Whether a line goes on behind another that passes."""
        after = _beside(cell, side)
        return (
            self.arms.get(cell) == 1 | 2
            and side in (4, 8)
            and (
                bool(self.arms.get(after, 0) & OPPOSITE[side])
                or after in self.guards
                or self._hop(after, side)
            )
        )

    def _unrelated(self) -> Iterator[str]:
        """Pieces shared by edges of different ends."""
        for cell, of in self.lines.items():
            for side in (2, 8):
                other = _beside(cell, side)
                if not self.arms[cell] & side or other not in self.lines:
                    continue
                both = sorted(set(of) & set(self.lines[other]))
                for one, two in combinations(both, 2):
                    if not self._related(self.edges[one], self.edges[two]):
                        yield f"{self.edges[one]} and {self.edges[two]} share a piece at {cell}"

    def _related(self, one: Edge, two: Edge) -> bool:
        """Whether two edges share an end, or lead as all do from some steps to all of others."""
        ends = {frozenset(edge[:2]) for edge in self.edges}
        crosswise = {frozenset((one.source, two.target)), frozenset((two.source, one.target))}
        return bool({*one[:2]} & {*two[:2]}) or crosswise <= ends

    def _broken(self) -> Iterator[str]:
        for number, edge in enumerate(self.edges):
            if edge.source != edge.target and not self._leads(number, edge):
                yield f"{edge} is not one line"
            rows = {y for (_, y), of in self.lines.items() if number in of}
            rows |= {y for (_, y), of in self.guards.items() if number == of}
            if not rows <= self.drawing.edge_rows[number]:
                yield f"{edge} is in rows that are not said"

    def _leads(self, number: int, edge: Edge) -> bool:
        """Whether the edge can be followed from chip to chip, and ends at nothing else."""
        mine = {cell for cell, of in self.lines.items() if number in of}
        mine |= {cell for cell, of in self.guards.items() if number == of}
        mine |= {cell for cell, node in self.chips.items() if node in edge[:2]}
        seen, rest = set[Cell](), [cell for cell in mine if self.chips.get(cell) == edge.source]
        while rest:
            cell = rest.pop()
            if cell not in seen:
                seen.add(cell)
                rest += [at for side in SIDES for at in self._next(cell, side, mine)]
        return mine <= seen and edge.target in {self.chips.get(cell) for cell in seen}

    def _next(self, cell: Cell, side: int, mine: set[Cell]) -> Iterator[Cell]:
        other = _beside(cell, side)
        if self.arms.get(cell, 15) & side:
            while other not in mine and self._hop(other, side):
                other = _beside(other, side)
            if other in mine and self.arms.get(other, 15) & OPPOSITE[side]:
                yield other
        if cell in self.lines and self.guards.get(_beside(other, side)) in self.lines[cell]:
            yield _beside(other, side)  # a guard stands beside its line

    def _unguarded(self) -> Iterator[str]:
        drawn = set(self.guards.values())
        for number, edge in enumerate(self.edges):
            if edge.guard and edge.source != edge.target and number not in drawn:
                yield f"{edge} is without its guard"


def _beside(cell: Cell, side: int) -> Cell:
    return cell[0] + SIDES[side][0], cell[1] + SIDES[side][1]
