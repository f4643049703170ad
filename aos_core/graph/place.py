"""Where the items of layers stand across: near their neighbours, long edges straight.

The place of an item is that of its *port*, where its edges leave and enter. Each layer in turn is
placed by weighted least squares under the least distances (pool adjacent violators: exact, in
integers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from aos_core.graph.layout import Layers, Link


class Extent(NamedTuple):
    """Cells that an item takes across, before and behind its port."""

    before: int
    behind: int


_PLACINGS: Final = 12
"""Sweeps of placing, at most."""
_STRAIGHT: Final = 8
"""What straightness weighs between two virtual nodes; between others 1."""
_NEARLY: Final = 6
"""So many cells more an edge counts that is bent by a cell or two."""


def placed(layers: Layers, extents: Sequence[Extent], distance: int) -> list[int]:
    """The place of every item across, from 0; nodes of a layer keep ``distance`` cells apart.

    Each layer in turn goes as near as it can to the median of its neighbours: weighted least
    squares under the order and the distances. The places with the shortest edges count.
    """
    offsets = [_offsets(row, extents, layers.nodes, distance) for row in layers.rows]
    places = [0] * len(extents)
    for row, offset in zip(layers.rows, offsets, strict=True):
        for item, at in zip(row, offset, strict=True):
            places[item] = at
    pulls = _pulls(layers)
    best, least = places.copy(), _stretch(layers, places)
    for sweep in range(_PLACINGS):
        before = places.copy()
        down = sweep % 2 == 0
        sides = (0, 1) if sweep >= _PLACINGS - 2 else (0,) if down else (1,)
        order = range(len(layers.rows))
        for at in order if down else reversed(order):
            _place_row(layers.rows[at], offsets[at], places, pulls, sides)
        if places == before and sweep > 1:
            break
        if (stretch := _stretch(layers, places)) < least:
            best, least = places.copy(), stretch
    _nudge(layers, extents, distance, best, pulls)
    start = min(
        (best[item] - extents[item].before for row in layers.rows for item in row), default=0
    )
    return [at - start for at in best]


def _offsets(row: Sequence[int], extents: Sequence[Extent], nodes: int, distance: int) -> list[int]:
    """The least places of a row's items."""
    found: list[int] = []
    for item in row:
        if not found:
            found.append(extents[item].before)
            continue
        before = row[len(found) - 1]
        apart = min(distance, 1) if before >= nodes and item >= nodes else distance
        found.append(found[-1] + extents[before].behind + extents[item].before + 1 + apart)
    return found


Pulls = list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]
"""Of every item the (neighbour, weight) above it and below it."""


def _weight(layers: Layers, link: Link) -> int:
    return _STRAIGHT if link.upper >= layers.nodes and link.lower >= layers.nodes else 1


def _pulls(layers: Layers) -> Pulls:
    pulls: Pulls = [([], []) for _ in range(layers.items)]
    for gap in layers.gaps:
        for link in gap:
            weight = _weight(layers, link)
            pulls[link.lower][0].append((link.upper, weight))
            pulls[link.upper][1].append((link.lower, weight))
    return pulls


def _stretch(layers: Layers, places: Sequence[int]) -> tuple[int, int]:
    """How far edges go across, those that are nearly straight being the worst; where that is the
    same, the fairer share counts."""
    length = squares = 0
    for gap in layers.gaps:
        for link in gap:
            apart = abs(places[link.upper] - places[link.lower])
            weight = _weight(layers, link)
            length += (apart + _NEARLY * (0 < apart <= 2)) * weight
            squares += apart * apart * weight
    return length, squares


def _nudge(
    layers: Layers, extents: Sequence[Extent], distance: int, places: list[int], pulls: Pulls
) -> None:
    """Straighten edges that are bent by a cell or two, where there is room for it."""

    def cost(item: int, at: int) -> int:
        apart = ((abs(places[of] - at), weight) for side in pulls[item] for of, weight in side)
        return sum((of + _NEARLY * (0 < of <= 2)) * weight for of, weight in apart)

    for row in layers.rows:
        apart = _offsets(row, extents, layers.nodes, distance)
        for at, item in enumerate(row):
            here = places[item]
            near = {places[of] for side in pulls[item] for of, _ in side}
            for to in sorted(place for place in near if 0 < abs(place - here) <= 2):
                free_left = at == 0 or to - places[row[at - 1]] >= apart[at] - apart[at - 1]
                free_right = (
                    at + 1 == len(row) or places[row[at + 1]] - to >= apart[at + 1] - apart[at]
                )
                if free_left and free_right and cost(item, to) < cost(item, places[item]):
                    places[item] = to


def _place_row(
    row: Sequence[int],
    offsets: Sequence[int],
    places: list[int],
    pulls: Pulls,
    sides: tuple[int, ...],
) -> None:
    """Move the items of a row towards their neighbours on the given sides."""
    wanted: list[tuple[int, int]] = []
    for item, offset in zip(row, offsets, strict=True):
        near = sorted((places[of], weight) for side in sides for of, weight in pulls[item][side])
        if near:
            wanted.append((_median(near) - offset, sum(weight for _, weight in near)))
        else:
            wanted.append((places[item] - offset, 0))
    if not any(weight for _, weight in wanted):
        return
    for item, offset, at in zip(row, offsets, _monotonic(wanted), strict=True):
        places[item] = at + offset


def _median(near: Sequence[tuple[int, int]]) -> int:
    """The weighted median of sorted (place, weight); between two, their middle."""
    if len(near) == 1:
        return near[0][0]
    half = sum(weight for _, weight in near)
    passed = 0
    for number, (place, weight) in enumerate(near):
        passed += weight
        if 2 * passed > half:
            return place
        if 2 * passed == half:
            return (place + near[number + 1][0]) // 2
    raise AssertionError("there is a median of something")


def _monotonic(wanted: Sequence[tuple[int, int]]) -> list[int]:
    """The non-decreasing integers nearest to (value, weight) in the least squares: pool adjacent
    violators. What weighs nothing gives way."""
    pools: list[tuple[int, int, int]] = []  # sum of value * weight, weight, size
    scale = 64
    for value, weight in wanted:
        heavy = weight * scale + 1
        pool = (value * heavy, heavy, 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            total, mass, size = pools.pop()
            pool = (total + pool[0], mass + pool[1], size + pool[2])
        pools.append(pool)
    return [(2 * total + mass) // (2 * mass) for total, mass, size in pools for _ in range(size)]
