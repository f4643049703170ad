"""How a graph is drawn so that it fits a pane: a ladder of forms, the roomiest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from aos_core.graph.draw import UNICODE, Drawing, Form, Lines, drawn
from aos_core.graph.layout import Edge, Layers, Link, layered

LADDER: Final = (
    Form(padding=1, distance=3),
    Form(padding=1, distance=2),
    Form(padding=1, distance=2, heads=False),
    Form(padding=1, distance=1),
    Form(padding=1, distance=1, heads=False),
    Form(padding=0, distance=2),
    Form(padding=0, distance=2, heads=False),
    Form(right=True, padding=1, distance=1),
    Form(right=True, padding=0, distance=1),
    Form(right=True, padding=0, distance=0),
    Form(padding=0, distance=1, cut=12),
    Form(padding=0, distance=1, cut=12, heads=False),
    Form(padding=0, distance=1, cut=8),
)

_CLOSELY: Final = 40
"""Items up to which the least of several drawings that do not fit is looked for."""

Size = tuple[int, int]
"""Columns, rows."""


def fitted(
    names: Sequence[str],
    edges: Sequence[Edge],
    room: Size,
    lines: Lines = UNICODE,
    layers: Layers | None = None,
) -> Drawing:
    """The first drawing of the ladder that fits ``room``.

    Where none does: the one that is least too large, of those that show names in full; columns that
    are missing weigh as two rows, for people scroll down more easily. What is too large even at the
    least that it may take is not drawn to find that out.
    """
    layers = layers or layered(len(names), edges)
    bounds = {form: _over(_least_size(names, edges, form, layers), room) for form in LADDER}
    best: Drawing | None = None
    least = 0
    whole = sorted((of for of in LADDER if of.cut is None and bounds[of]), key=bounds.__getitem__)
    for form in (*(of for of in LADDER if not bounds[of]), *whole):
        hopeless = bounds[form] > 0 and (bounds[form] >= least or layers.items > _CLOSELY)
        if best is not None and hopeless:
            break
        drawing = drawn(names, edges, form, lines, layers)
        over = _over((drawing.width, drawing.height), room)
        if not over:
            return drawing
        if form.cut is None and (best is None or over < least):
            best, least = drawing, over
    assert best is not None, "the ladder has forms that cut no name"
    return best


def _over(size: Size, room: Size) -> int:
    return 2 * max(0, size[0] - room[0]) + max(0, size[1] - room[1])


def _least_size(names: Sequence[str], edges: Sequence[Edge], form: Form, layers: Layers) -> Size:
    """What a drawing takes at the least: its chips side by side, and the tracks that must be."""
    widths = [cell_len(form.name(name)) + 2 + 2 * form.padding for name in names]
    rows = [[widths[item] for item in row if item < layers.nodes] for row in layers.rows]
    bent = [_bends(gap) for gap in layers.gaps]
    across = max((len(row) - 1 for row in rows), default=0) * form.distance
    guards = [
        max((cell_len(form.guard(edges[of.edge].guard)) for of in gap if of.first), default=0)
        for gap in layers.gaps
    ]
    if form.right:
        gaps = sum(
            1 + bends + (guard + 3 if guard else 1 + bends)
            for bends, guard in zip(bent, guards, strict=True)
        )
        return sum(max(row, default=0) for row in rows) + gaps, max(map(len, rows)) + across
    heights = sum(
        1 + (bends and (form.heads or guard > 0)) for bends, guard in zip(bent, guards, strict=True)
    )
    widest = max((sum(row) + (len(row) - 1) * form.distance for row in rows if row), default=0)
    return widest, sum(map(bool, rows)) + heights


def _bends(gap: Sequence[Link]) -> bool:
    """Whether a gap needs a track: something in it parts or joins. Edges of one pair lie on one
    another."""
    pairs = {(of.upper, of.lower) for of in gap}
    return min(len({upper for upper, _ in pairs}), len({lower for _, lower in pairs})) < len(pairs)
