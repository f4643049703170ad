"""What the state pane, the past of a field, the property dialog and jump mode look like."""

from __future__ import annotations

import pytest

from aos_tui.options import Options
from tests.tui.driving import FOCUS
from tests.tui.test_snapshots import SIZES, Compare, compare

STATE = FOCUS["state"]
SCREENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tree": ("04", ("T", *STATE, "down", "down", "down", "space", "down", "space")),
    "json": ("04", ("T", *STATE, "d")),
    "cbor": ("04", ("T", *STATE, "d", "d")),
    "diff": ("04", ("T", *STATE, "d", "d", "d")),
    "since-mark": ("04", ("t", "m", "R", *STATE, "M")),
    "cells": ("09", ("t", "t", "t", *STATE, "down", "space")),
    "finding": ("09", ("t", "t", "t", *STATE, "slash", "text:2")),
    "value": ("04", ("T", *STATE, *["down"] * 5, "space", "down", "enter")),
    "past-number": ("00", (*"tttt", *STATE, "down", "H")),
    "past-text": ("04", ("T", *STATE, "down", "H")),
    "property": ("09", ("t", "t", "p")),
    "property-wrong": ("09", ("t", "t", "p", 'text:{"op": "le", "args": [{"ref": "@pendin"}, 1]}')),
    "jump": ("04", ("t", "semicolon")),
    "jump-zoomed": ("04", ("t", *STATE, "z", "semicolon")),
}


@SIZES
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    world, keys = SCREENS[name]
    assert compare(snap_compare, Options(world, memory=True), keys, size)


@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_a_chart_without_unicode(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("TERM", "linux")
    options = Options("00", memory=True)
    assert compare(snap_compare, options, (*"tttt", *STATE, "down", "H"), size)
