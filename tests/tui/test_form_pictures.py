"""What the form, the receipt and what was released look like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from aos_tui.app import AosApp
from aos_tui.dialogs import EventDialog
from aos_tui.headless import press, settle
from aos_tui.options import Options
from tests.form.forms import ORDER, PLACE
from tests.tui.driving import FOCUS
from tests.tui.test_snapshots import SIZES

Compare = Callable[..., bool]
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

    assert compare(snap_compare, FORMS[name], size, dialog)


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
    assert compare(snap_compare, SCREENS[name], size)


def compare(
    snap_compare: Compare,
    keys: tuple[str, ...],
    size: tuple[int, int],
    dialog: Callable[[], EventDialog] | None = None,
) -> bool:
    """Whether the app looks as it did, with a dialog over it; a crashed one looks like none."""
    app = AosApp(Options("04", memory=True, scenario="basic", theme="aos-dark"))

    async def drive(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await settle(pilot)
        if dialog is not None:
            app.push_screen(dialog())
            await pilot.pause()
        for key in keys:
            await press(pilot, key)
        app.clear_notifications()
        await pilot.pause()

    same = snap_compare(app, run_before=drive, terminal_size=size)
    assert app._exception is None
    assert app.return_code in (0, None)
    return same
