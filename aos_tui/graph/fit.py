"""How a graph is drawn so that it fits a pane: a ladder of forms, the roomiest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aos_tui.graph.draw import UNICODE, Drawing, Form, Lines, drawn
from aos_tui.graph.layout import Edge, Layers, layered

LADDER: Final = (
    Form(padding=1, distance=3),
    Form(padding=1, distance=2),
    Form(padding=1, distance=2, heads=False),
    Form(padding=0, distance=2),
    Form(padding=0, distance=2, heads=False),
    Form(right=True, padding=1, distance=1),
    Form(right=True, padding=0, distance=1),
    Form(right=True, padding=0, distance=0),
    Form(padding=0, distance=1, cut=12),
    Form(padding=0, distance=1, cut=12, heads=False),
    Form(padding=0, distance=1, cut=8),
)


def fitted(
    names: Sequence[str],
    edges: Sequence[Edge],
    room: tuple[int, int],
    lines: Lines = UNICODE,
    layers: Layers | None = None,
) -> Drawing:
    """The first drawing of the ladder that fits ``room`` (columns, rows).

    Where none does: the one that is least too large, of those that show names in full; columns that
    are missing weigh as two rows, for people scroll down more easily.
    """
    layers = layers or layered(len(names), edges)
    best: Drawing | None = None
    least = 0
    for form in LADDER:
        drawing = drawn(names, edges, form, lines, layers)
        over = 2 * max(0, drawing.width - room[0]) + max(0, drawing.height - room[1])
        if not over:
            return drawing
        if form.cut is None and (best is None or over < least):
            best, least = drawing, over
    assert best is not None, "the ladder has forms without cut names"
    return best
