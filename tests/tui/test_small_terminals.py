"""A terminal that is too small, or becomes it: what is open is covered, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.support import patch_reducer
from tests.tui.driving import FOCUS, opened


@pytest.mark.parametrize("size", [(59, 24), (80, 14)])
async def test_a_terminal_that_is_too_small_says_so_and_comes_back(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        assert on.app.screen.query_one("#too-small").display
        assert not on.app.screen.query_one("#panes").display
        for key in ("t", "e", "i", "tab", "slash", "question_mark", "ctrl+p", "x", "B", "g", "z"):
            await on.keys(key)
            assert (on.mode, on.app.focused, on.snapshot.live, on.said) == ("live", None, 0, [])
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.pause()
        assert not on.app.screen.query_one("#too-small").display
        assert on.known["focused"] == "journal-list"
        await on.keys("t", "q")
    assert on.app.return_code == 0


@pytest.mark.parametrize("small", [(40, 10), (59, 24), (80, 14)])
async def test_a_terminal_that_shrinks_below_a_dialog_covers_it_with_what_was_typed(
    small: tuple[int, int],
) -> None:
    async with opened() as on:
        await on.keys("tab", "g", "text:12")
        field, dialog = on.app.focused, on.mode
        assert isinstance(field, Input) and field.value.endswith("12")
        typed = field.value
        await on.pilot.resize_terminal(*small)
        await on.pilot.pause(0.1)
        assert " ".join(on.screen.split()) == (
            "The terminal is smaller than 60x15: please make it larger. ctrl+q quits."
        )
        await on.keys("escape", "text:zz", "ctrl+s", "tab", "enter", "q")
        await on.pilot.click(offset=(20, 5))
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.pause(0.1)
        assert (on.mode, field.value, on.app.focused) == (dialog, typed, field)
        await on.keys("text:34")
        assert field.value == f"{typed}34", "one types on where one was"
        await on.keys("escape")
        assert on.known["focused"] == "plan"


async def test_a_dialog_that_comes_up_where_there_is_no_room_waits_for_it(world: Path) -> None:
    async with opened(world, watch=True) as on:
        await on.keys("t")
        await on.pilot.resize_terminal(50, 12)
        patch_reducer(world, b"fetch_c", b"fetch_C")
        await on.until(lambda: on.mode == "SwapDialog")
        await on.pilot.pause(0.1)
        assert "please make it larger" in " ".join(on.screen.split())
        assert "Rebuilt" not in on.screen
        await on.keys("y")
        assert on.mode == "SwapDialog"
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.pause(0.1)
        assert "Rebuilt" in on.screen
        await on.keys("y")
        assert on.snapshot.records[on.snapshot.live].kind == "manifest_replaced"


async def test_two_dialogs_and_the_palette_are_covered_and_the_app_is_left() -> None:
    async with opened() as on:
        await on.keys("t", "B", "r", "text:x")
        assert on.mode == "RenameDialog"
        await on.pilot.resize_terminal(50, 12)
        await on.pilot.pause(0.1)
        assert "please make it larger" in " ".join(on.screen.split())
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.pause(0.1)
        await on.keys("escape", "escape", "ctrl+p", "text:ver")
        await on.pilot.resize_terminal(50, 12)
        await on.pilot.pause(0.1)
        assert "please make it larger" in " ".join(on.screen.split())
        assert "erify" not in on.screen
        await on.keys("ctrl+q")
    assert on.app.return_code == 0


async def test_dialogs_of_a_screen_without_panes_are_there_however_small(world: Path) -> None:
    (world / "world.toml").write_text("name = [")
    async with opened(world) as on:
        await on.keys("o", "question_mark")
        assert on.mode == "HelpDialog"
        await on.pilot.resize_terminal(50, 12)
        await on.pilot.pause(0.1)
        assert "Where worlds are picked" in on.screen
        await on.keys("escape")
        assert on.mode == "PickerScreen"


@pytest.mark.parametrize("size", [(60, 15), (72, 15), (80, 24), (100, 30), (200, 60)])
async def test_every_pane_has_room_and_the_focused_one_can_be_read(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        await on.keys("t")
        stacked = ("journal", "state", "plan", "pending")
        for pane in stacked if size[0] < 72 else FOCUS:
            focused = on.app.screen.query_one(f"#{pane}")
            assert focused.has_focus_within
            assert focused.content_size.height >= 3
            assert on.app.screen.region.contains_region(focused.region)
            await on.keys("tab")
