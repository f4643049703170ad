"""The timeline: where heights are on it, what it shows, and that a click goes there."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from aos_tui.formatting import plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.panes.timeline import Timeline, hung
from aos_tui.snapshot import Landmarks
from aos_tui.timeline_bar import Axis, axis_of, timeline_bar
from tests.tui.driving import Driver, opened
from tests.tui.test_formatting import snapshot

SIZES = st.lists(st.integers(1, 40), max_size=30)


@given(SIZES, st.integers(1, 120))
def test_heights_rise_over_the_cells_and_cells_lead_back(sizes: list[int], width: int) -> None:
    turns = list(accumulate([1, *sizes]))[:-1]
    live = sum(sizes)
    axis = Axis(turns, live, width)
    cells = [axis.cell(height) for height in range(live + 1)]
    assert cells[0] == 0 and cells == sorted(cells)
    assert max(cells) < width
    records = axis.records()
    assert len(records) == width and min(records) >= 0
    if sizes and width > 1:
        assert sum(records) == pytest.approx(live + 1)
        assert axis.height(width - 1) == live
        for cell in range(width - 1):
            height = axis.height(cell)
            assert 0 <= height <= live
            if cell in cells:
                assert height == len(cells) - 1 - cells[::-1].index(cell)


def test_the_bar_is_high_where_a_turn_made_many_records() -> None:
    marks = Landmarks(turns=(1, 17, 20))
    bar = plain(timeline_bar(snapshot(landmarks=marks, height=0, live=22), 12, UNICODE))
    assert bar == "├◉▆▆▆▁▁▁▁▁▁┤"
    ascii = plain(timeline_bar(snapshot(landmarks=marks, height=0, live=22), 12, ASCII))
    assert ascii == "[@===......]"


def test_of_several_signs_in_a_cell_the_one_that_matters_most_is_shown() -> None:
    marks = Landmarks(
        turns=(1, 11, 21), faults=(5, 12), kept=(10, 20), forks=(20,), begins=(10,), fails=25
    )
    given = snapshot(landmarks=marks, live=30, height=30, marked=(5,))
    bar = plain(timeline_bar(given, 63, UNICODE))
    assert [sign for sign in bar if sign in "┼✗∙⋔⊢‼✦◉"] == list("┼✦⊢┼✗⋔┼‼◉")
    assert len(bar) == 63


def test_signs_that_would_be_everywhere_are_left_out() -> None:
    marks = Landmarks(turns=range(1, 400, 4), kept=range(4, 400, 8))
    bar = plain(timeline_bar(snapshot(landmarks=marks, live=400, height=0), 82, UNICODE))
    assert UNICODE.turn not in bar and UNICODE.kept not in bar


@pytest.mark.parametrize("width", [0, 1, 2, 3])
def test_a_bar_without_room_is_still_one(width: int) -> None:
    bar = plain(timeline_bar(snapshot(), width, UNICODE))
    assert len(bar) == 3


def bar_of(on: Driver) -> str:
    timeline = on.app.screen_stack[0].query_one(Timeline)
    return str(timeline.render())[1 : 1 + timeline._width]


async def test_a_click_goes_to_the_height_that_is_shown_there() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R")
        bar = bar_of(on)
        await on.pilot.click("#timeline", offset=(2, 0))
        assert on.snapshot.height == 0
        await on.pilot.click("#timeline", offset=(len(bar) // 2, 0))
        axis = axis_of(on.snapshot, len(bar))
        shown, clicked = on.snapshot.height, len(bar) // 2 - 2
        assert 0 < axis.cell(shown) <= clicked < axis.cell(shown + 1)
        await on.pilot.click("#timeline", offset=(len(bar) - 1, 0))
        assert (on.snapshot.height, on.snapshot.following) == (30, True)
        await on.pilot.click("#timeline", offset=(len(bar) + 4, 0))
        assert on.snapshot.height == 30


async def test_forks_are_shown_where_they_leave_and_where_they_begin(world: Path) -> None:
    async with opened(world, scenario="basic") as on:
        await on.keys("t", "R", "u")
        here = on.snapshot
        assert here.branch != "main"
        assert (list(here.landmarks.begins), here.landmarks.forks) == ([22], [])
        name = here.branch
        await on.app.session.open_branch("main")
        assert (list(on.snapshot.landmarks.begins), on.snapshot.landmarks.forks) == ([], [22])
        assert UNICODE.fork in bar_of(on)
        await on.app.session.delete_branches([name])
        assert on.snapshot.landmarks.forks == []
        await on.app.session.restore_branch(name)
        assert on.snapshot.landmarks.forks == [22]


async def test_states_that_are_kept_are_those_of_this_history(world: Path) -> None:
    toml = world / "world.toml"
    toml.write_text(toml.read_text("utf-8") + "\n[snapshots]\nturns = 2\n", "utf-8")
    async with opened(world, scenario="basic") as on:
        await on.keys("t", "R")
        on.app.session._opened._disk.snapshots.settle()
        await on.keys("t", "e", "escape")
        await on.app.session.fork(16, "other")
        assert list(on.snapshot.landmarks.kept) == []
        await on.app.session.open_branch("main")
        assert list(on.snapshot.landmarks.kept) == [19, 30]


async def test_where_the_property_first_fails_is_shown() -> None:
    async with opened(size=(120, 40)) as on:
        at_most_one = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 1}]}'
        await on.keys("t", "p", "ctrl+u", f"text:{at_most_one}", "ctrl+s", "escape")
        assert on.snapshot.landmarks.fails == 15
        assert UNICODE.fails in bar_of(on)


def test_what_a_banner_goes_on_with_is_set_below_its_words() -> None:
    said = Text(" ∆ on disk: another demo/A@1  b builds it, F forks first\n   mend the file")
    shown = str(hung(said, 34, Console())).split("\n")
    assert [line.rstrip() for line in shown] == [
        " ∆ on disk: another demo/A@1  b",
        "   builds it, F forks first",
        "   mend the file",
    ]
