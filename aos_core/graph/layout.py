"""In which layer and order nodes stand: ranks, virtual nodes on long edges, few crossings.

The layered method of Sugiyama, Tagawa and Toda (IEEE SMC-11, 1981). Everything here is abstract:
a *layer* holds the items of one rank, and *across* is the axis along a layer. An item is a node,
numbered from 0 as given, or a virtual node that carries a long edge past a layer.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple


class Edge(NamedTuple):
    """An edge between two nodes by their numbers; ``guard`` is what is written beside it."""

    source: int
    target: int
    guard: str = ""


class Link(NamedTuple):
    """The piece of an edge between two layers, by items. ``first``: it begins at the edge's upper
    node, ``last``: it ends at its lower one."""

    upper: int
    lower: int
    edge: int
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Layers:
    """Items of every layer in their order, and the links of the gap below each layer but the last.

    ``nodes`` is the number of nodes: items from there on are virtual.
    """

    nodes: int
    rows: tuple[tuple[int, ...], ...]
    gaps: tuple[tuple[Link, ...], ...]

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(map(len, self.rows))


_SWEEPS: Final = 8
"""Sweeps of ordering, at most."""
_SWITCHED: Final = 400
"""Items up to which neighbours are switched in pairs as well: slow, but small graphs are looked at
closely."""


def layered(count: int, edges: Sequence[Edge]) -> Layers:
    """Rank ``count`` nodes and order each layer so that few edges cross.

    An edge of a node to itself is left out; one that closes a cycle is turned round.
    """
    arcs = _acyclic(count, edges)
    ranks = _ranks(count, edges, arcs)
    return _ordered(_with_virtual(count, arcs, ranks))


def _acyclic(count: int, edges: Sequence[Edge]) -> list[tuple[int, int, int]]:
    """(upper node, lower node, edge): no cycle among them."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, edge in enumerate(edges):
        if edge.source != edge.target:
            out[edge.source].append((edge.target, number))
    arcs: list[tuple[int, int, int]] = []
    state = [0] * count  # 1 while a node is on the path, 2 when it is left
    entered = {edge.target for edge in edges}
    for root in sorted(range(count), key=lambda node: node in entered):
        stack = [(root, iter(out[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            node, rest = stack[-1]
            found = next(rest, None)
            if found is None:
                state[node] = 2
                stack.pop()
                continue
            target, number = found
            arcs.append((target, node, number) if state[target] == 1 else (node, target, number))
            if not state[target]:
                state[target] = 1
                stack.append((target, iter(out[target])))
    return sorted(arcs, key=lambda arc: arc[2])


def _ranks(count: int, edges: Sequence[Edge], arcs: Sequence[tuple[int, int, int]]) -> list[int]:
    """The longest path to each node; sources stand right above their first successor.

    A guarded edge into a node that several enter is two long: its guard stands on a piece of its
    own.
    """
    entering = [0] * count
    for _, lower, _ in arcs:
        entering[lower] += 1
    below: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for upper, lower, number in arcs:
        length = 2 if edges[number].guard and entering[lower] > 1 else 1
        below[upper].append((lower, length))
    ranks, left = [0] * count, entering.copy()
    ready = [node for node in range(count) if not left[node]]
    for node in ready:  # grows meanwhile
        for lower, length in below[node]:
            ranks[lower] = max(ranks[lower], ranks[node] + length)
            left[lower] -= 1
            if not left[lower]:
                ready.append(lower)
    for node in range(count):
        if not entering[node] and below[node]:
            ranks[node] = min(ranks[lower] - length for lower, length in below[node])
    return ranks


def _with_virtual(count: int, arcs: Sequence[tuple[int, int, int]], ranks: list[int]) -> Layers:
    """Layers in the order in which a walk from the sources meets the items."""
    depth = max(ranks, default=-1) + 1
    gaps: list[list[Link]] = [[] for _ in range(max(0, depth - 1))]
    below: dict[int, list[int]] = {}
    rank_of = dict(enumerate(ranks))
    new = count
    for upper, lower, edge in arcs:
        at = upper
        for rank in range(ranks[upper], ranks[lower]):
            last = rank + 1 == ranks[lower]
            to = lower if last else new
            if not last:
                rank_of[new] = rank + 1
                new += 1
            gaps[rank].append(Link(at, to, edge, at == upper, last))
            below.setdefault(at, []).append(to)
            at = to
    rows: list[list[int]] = [[] for _ in range(depth)]
    entered = {arc[1] for arc in arcs}
    seen: set[int] = set()
    for root in sorted(range(count), key=lambda node: node in entered):
        stack = [root]
        while stack:
            item = stack.pop()
            if item not in seen:
                seen.add(item)
                rows[rank_of[item]].append(item)
                stack += reversed(below.get(item, ()))
    return Layers(count, tuple(map(tuple, rows)), tuple(map(tuple, gaps)))


# -- order ----------------------------------------------------------------------------------


def _neighbours(layers: Layers) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The items above and below each item."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for gap in layers.gaps:
        for link in gap:
            above.setdefault(link.lower, []).append(link.upper)
            below.setdefault(link.upper, []).append(link.lower)
    return above, below


def _ordered(layers: Layers) -> Layers:
    """Barycentre sweeps, down and up in turns; the order with the fewest crossings counts."""
    above, below = _neighbours(layers)
    rows = [list(row) for row in layers.rows]
    best, fewest = [row.copy() for row in rows], _crossings(rows, layers.gaps)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        near = above if down else below
        for at in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            _by_barycentre(rows[at], rows[at - 1 if down else at + 1], near)
        if layers.items <= _SWITCHED:
            _switch(rows, above, below)
        crossings = _crossings(rows, layers.gaps)
        if crossings < fewest:
            best, fewest = [row.copy() for row in rows], crossings
    return Layers(layers.nodes, tuple(map(tuple, best)), layers.gaps)


def _by_barycentre(row: list[int], fixed: Sequence[int], near: dict[int, list[int]]) -> None:
    """Sort a row by the middle of its items' neighbours; one without keeps its place."""
    place = {item: at for at, item in enumerate(fixed)}
    middle = {
        item: sum(place[of] for of in near[item]) / len(near[item]) for item in row if item in near
    }
    moved = iter(sorted(middle, key=lambda item: middle[item]))
    row[:] = [next(moved) if item in middle else item for item in row]


def _switch(
    rows: list[list[int]], above: dict[int, list[int]], below: dict[int, list[int]]
) -> None:
    """Switch neighbours while that takes a crossing away."""
    place = {item: at for row in rows for at, item in enumerate(row)}

    def pairs(left: int, right: int) -> int:
        """Crossings between the edges of two neighbours, in this order."""
        found = 0
        for near in (above, below):
            others = sorted(place[of] for of in near.get(right, ()))
            for of in near.get(left, ()):
                found += bisect_right(others, place[of] - 1)
        return found

    for _ in range(_SWEEPS):
        improved = False
        for row in rows:
            for at in range(len(row) - 1):
                left, right = row[at : at + 2]
                if pairs(right, left) < pairs(left, right):
                    row[at : at + 2] = right, left
                    place[left], place[right] = at + 1, at
                    improved = True
        if not improved:
            return


def _crossings(rows: Sequence[Sequence[int]], gaps: Sequence[Sequence[Link]]) -> int:
    """How many pairs of links cross."""
    place = {item: at for row in rows for at, item in enumerate(row)}
    found = 0
    for gap in gaps:
        ends: list[int] = []
        for _, lower in sorted((place[link.upper], place[link.lower]) for link in gap):
            found += len(ends) - bisect_right(ends, lower)
            insort(ends, lower)
    return found
