"""Screens on which a new focus paints the widgets that it changes, and nothing else."""

from __future__ import annotations

from typing import Any

from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget


class PaintsFocus(Screen[Any]):
    """Of Textual's own screens everything is painted with each new focus: in a long form that is
    most of what a key costs, and over a slow line more than 10 kB.

    Not the first base of a dialog: Textual's styles go by the first."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
