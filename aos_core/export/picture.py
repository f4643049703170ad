"""The picture of a plan instance, as inline SVG: its steps in layers, each below those that it
comes after, with the state of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from aos_core.view import PlanView, StepView

SIGNS = {"pending": "◌", "waiting": "◷", "done": "✓", "skipped": "⊘", "failed": "✗"}

_CHARACTER = 8
"""Pixels that a letter takes at most."""
_HEIGHT, _GAP, _BETWEEN = 26, 34, 20


def plan_picture(plan: PlanView) -> str:
    """The SVG of an instance; without steps nothing."""
    rows = _layers(plan.steps)
    if not rows:
        return ""
    width = max(len(step.id) + 4 for step in plan.steps) * _CHARACTER
    across = max(len(row) for row in rows) * (width + _BETWEEN) - _BETWEEN + 2
    down = len(rows) * (_HEIGHT + _GAP) - _GAP + 2
    middles = dict(_middles(rows, width, across))
    lines = "".join(
        _line(middles[before], middles[step.id])
        for step in plan.steps
        for before in step.after
        if before in middles
    )
    boxes = "".join(_box(step, middles[step.id], width) for step in plan.steps)
    label = escape(f"{plan.plan}: {', '.join(f'{of.id} {of.state}' for of in plan.steps)}")
    return (
        f'<svg viewBox="0 0 {across} {down}" width="{across}" height="{down}" role="img" '
        f'aria-label="{label}">{lines}{boxes}</svg>'
    )


def _layers(steps: Sequence[StepView]) -> list[list[StepView]]:
    """The steps, each one layer below the last of those that it comes after."""
    depths: dict[str, int] = {}
    left = list(steps)
    while left:
        known = {step.id for step in left}
        ready = [step for step in left if not known.intersection(step.after)]
        for step in ready or left:  # of a circle, which no sound plan has, all at once
            depths[step.id] = 1 + max((depths.get(of, -1) for of in step.after), default=-1)
        left = [step for step in left if step.id not in depths]
    rows: dict[int, list[StepView]] = {}
    for step in steps:
        rows.setdefault(depths[step.id], []).append(step)
    return [rows[depth] for depth in sorted(rows)]


def _middles(
    rows: Sequence[Sequence[StepView]], width: int, across: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    """(step, middle of its box's upper edge); each row stands in the middle."""
    for depth, row in enumerate(rows):
        taken = len(row) * (width + _BETWEEN) - _BETWEEN
        left = (across - taken) // 2
        for index, step in enumerate(row):
            x = left + index * (width + _BETWEEN) + width // 2
            yield step.id, (x, 1 + depth * (_HEIGHT + _GAP))


def _line(before: tuple[int, int], after: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = (before[0], before[1] + _HEIGHT), after
    half = (y + to_y) // 2
    return f'<path d="M{x} {y} C{x} {half} {to_x} {half} {to_x} {to_y}"/>'


def _box(step: StepView, middle: tuple[int, int], width: int) -> str:
    x, y = middle
    name = escape(f"{SIGNS[step.state]} {step.id}")
    return (
        f'<g class="{step.state}"><rect x="{x - width // 2}" y="{y}" width="{width}" '
        f'height="{_HEIGHT}" rx="5"/><text x="{x}" y="{y + 17}">{name}</text></g>'
    )
