"""Text is selected with the mouse, in the panes that draw their lines themselves, and copied."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from aos_tui.panes.journal_list import JournalList
from aos_tui.panes.selecting import SelectingLines
from aos_tui.panes.state_list import StateList
from tests.tui.driving import Driver, opened


async def drag(on: Driver, where: type, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press the button at ``start`` of a widget, let it go at ``end``, whose cell is taken too."""
    await on.pilot.mouse_down(where, offset=start)
    await on.pilot.hover(where, offset=end)
    await on.pilot.mouse_up(where, offset=end)
    await on.pilot.pause()


async def copied(on: Driver, key: str) -> str:
    await on.keys(key)
    return on.app.clipboard


@pytest.mark.parametrize("key", ["y", "ctrl+c"])
async def test_lines_of_the_journal(key: str) -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t")
        lines = on.app.screen.query_one(JournalList)
        first, second = (lines.line_text(row).rstrip() for row in (1, 2))
        await drag(on, JournalList, (3, 1), (9, 2))
        assert await copied(on, key) == f"{first[3:]}\n{second[:10]}"
        assert on.snapshot.height == 16, "dragging goes nowhere"


async def test_a_part_of_a_line_shows_that_it_is_selected() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t")
        lines = on.app.screen.query_one(JournalList)
        wanted = lines.line_text(3)[4:13]
        await drag(on, JournalList, (4, 3), (12, 3))
        shown = on.app.screen.get_component_rich_style("screen--selection").bgcolor
        strip = lines.render_line(3)
        marked = "".join(of.text for of in strip if of.style and of.style.bgcolor == shown)
        assert marked == wanted
        assert strip.text.rstrip() == lines.line_text(3).rstrip()
        assert await copied(on, "y") == wanted


async def test_from_one_pane_into_another_what_is_in_sight() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t")
        state, journal = (on.app.screen.query_one(of) for of in (StateList, JournalList))
        await on.pilot.mouse_down(JournalList, offset=(3, 10))
        await on.pilot.hover(StateList, offset=(20, 1))
        await on.pilot.mouse_up(StateList, offset=(20, 1))
        text = await copied(on, "y")
        assert journal.line_text(10).rstrip()[3:] in text
        assert state.line_text(0).rstrip() in text
        assert journal.line_text(9).rstrip() not in text


async def test_escape_and_a_click_let_go_and_the_cursor_is_copied_again() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t")
        await drag(on, JournalList, (3, 1), (9, 2))
        await on.keys("escape")
        assert not on.app.screen.selections
        await drag(on, JournalList, (3, 1), (9, 2))
        await on.pilot.click(JournalList, offset=(9, 2))
        await on.keys()
        assert not on.app.screen.selections
        assert on.snapshot.height == 2, "a click goes where it is"
        assert '"height": 2' in await copied(on, "y")


def test_of_wide_characters_those_are_marked_that_are_selected() -> None:
    mark = Style(reverse=True)
    screen = SimpleNamespace(get_component_rich_style=lambda _: mark)
    strip = Strip([Segment("東京 tokyo")])
    for span, wanted in (((1, 4), "京 t"), ((0, 1), "東"), ((3, -1), "tokyo")):
        shown = SelectingLines._shown(SimpleNamespace(screen=screen), strip, *span)  # type: ignore[arg-type]
        assert "".join(of.text for of in shown if of.style == mark) == wanted
        assert shown.text == strip.text
