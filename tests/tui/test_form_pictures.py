"""What the form, the receipt and what was released look like."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import EventDialog
from aos_tui.options import Options
from tests.form.forms import ORDER, PLACE
from tests.tui.driving import FOCUS
from tests.tui.test_snapshots import SIZES, Compare, compare

WORLD = Options("04", memory=True, scenario="basic", theme="aos-dark")
DOWN = ("down",)

FORMS: dict[str, tuple[str, ...]] = {
    "variant": (),
    "another-arm": ("left",),
    "options": (*DOWN * 4, "space", "tab", "text:to the neighbour"),
    "list": (*DOWN * 13, "ctrl+n", "text:C-3"),
    "map": (*DOWN * 20, "ctrl+n", "text:x-new"),
    "error": (*DOWN * 6, "backspace", "text:x", *DOWN * 2, "backspace"),
    "json": ("ctrl+t",),
    "several": ("enter",),
}


@SIZES
@pytest.mark.parametrize("name", FORMS)
def test_form(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    def dialog() -> EventDialog:
        schemas = [("demo/Order@1", ORDER, PLACE)]
        return EventDialog(schemas, validate=lambda *_: None, preview=lambda *_: "")

    assert compare(snap_compare, WORLD, FORMS[name], size, dialog)


SCREENS: dict[str, tuple[str, ...]] = {
    "bytes": ("e", "ctrl+b"),
    "receipt-form": ("t", *FOCUS["pending"], "i"),
    "receipt-json": ("t", *FOCUS["pending"], "i", "ctrl+t"),
    "released": ("t", *FOCUS["pending"], "down", "r"),
    "released-late": ("t", *FOCUS["pending"], "x", "l"),
    "all-selected": ("t", *FOCUS["pending"], "a"),
    "break": ("t", *FOCUS["pending"], "x"),
    "live": ("t", *FOCUS["pending"], "a", "L"),
}


@SIZES
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, WORLD, SCREENS[name], size)
