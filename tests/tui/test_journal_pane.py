"""The journal pane: folded by turn, followed or not, searched, marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.markup import escape

from aos_core.world import World
from aos_tui.formatting import clip_pieces, plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.journal_text import following_text, turn_sum
from tests.support import EVENT, start
from tests.tui.driving import FOCUS, Driver, heights_of, journal_of, opened

TURNS = [0, 16, 19, 22, 30]


def line_of(on: Driver, row: int) -> str:
    """The text of a line of the journal that is in sight."""
    lines = journal_of(on)
    return lines.render_line(row - round(lines.scroll_y)).text


async def test_of_a_receipt_how_it_came_out_is_cut_last() -> None:
    async with opened("08", size=(80, 24)) as on:
        await on.keys("t", *FOCUS["pending"], "x", "t")
        records = on.snapshot.records
        (height,) = (at for at, of in enumerate(records) if of.kind == "receipt")
        await on.keys("g", f"text:{height}", "enter")
        assert line_of(on, height).rstrip().endswith(" timeout")


# -- folding ------------------------------------------------------------------------------------


async def test_space_folds_the_turn_under_the_cursor_and_unfolds_it() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R", "space")
        assert heights_of(on) == [*range(23), 30]
        await on.keys("up", "up", "space")
        assert on.snapshot.height == 21
        assert heights_of(on) == [*range(20), 22, 30]
        await on.keys("space")
        assert heights_of(on) == [*range(23), 30]
        await on.keys("end", "space")
        assert heights_of(on) == list(range(31))


async def test_a_folded_turn_says_what_came_in_and_what_came_of_it() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R", "C")
        assert line_of(on, 1).startswith("⊞ 16 ▸ event    AggregatorEvent Start")
        assert line_of(on, 1).rstrip().endswith("  ∆ Aggregator  +15")
        assert line_of(on, 4).rstrip().endswith("  ∆ Aggregator  +7 records")
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.pause()
        assert line_of(on, 4).rstrip().endswith("  ∆  +7")


async def test_the_cursor_goes_turn_by_turn_and_marks_where_one_is_inside() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R", "C")
        assert heights_of(on) == TURNS
        seen = []
        for key in ("up", "up", "down", "home", "end"):
            await on.keys(key)
            seen.append(on.snapshot.height)
        assert seen == [22, 19, 22, 0, 30]
        await on.keys("comma", "comma")
        assert on.snapshot.height == 28
        assert heights_of(on) == TURNS
        assert line_of(on, 4).startswith("⊞ 28 ◂ receipt")
        assert line_of(on, 4).rstrip().endswith("  ∆ Aggregator  6/8")
        await on.keys("up")
        assert on.snapshot.height == 22


async def test_enter_opens_what_came_in_and_inside_a_turn_the_record_where_one_is() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R", "C", "enter")
        assert "Record 23" in str(on.app.screen.query_one("#dialog").border_title)
        await on.keys("escape", "comma", "enter")
        assert "Record 29" in str(on.app.screen.query_one("#dialog").border_title)


async def test_a_click_on_a_bracket_folds_its_turn() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R")
        await on.pilot.click("#journal-list", offset=(0, 5))
        assert heights_of(on) == [0, *range(16, 31)]
        assert on.snapshot.height == 30
        await on.pilot.click("#journal-list", offset=(0, 1))
        assert heights_of(on) == list(range(31))


async def test_what_cannot_be_folded_says_so() -> None:
    async with opened() as on:
        await on.keys("space")
        assert "nothing to fold" in on.said[-1]
        await on.keys("t", "slash", "text:kind:event", "enter", "C")
        assert "not folded" in on.said[-1]


async def test_another_branch_is_folded_as_a_whole_as_the_one_before() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "R", "C", "u")
        assert on.snapshot.branch != "main"
        assert heights_of(on) == TURNS[:4]


# -- following ----------------------------------------------------------------------------------


async def wheel(on: Driver, up: bool) -> None:
    lines = journal_of(on)
    kind = events.MouseScrollUp if up else events.MouseScrollDown
    lines.post_message(kind(lines, 2, 2, 0, 0, 0, False, False, False))
    await on.pilot.pause()


async def test_the_wheel_moves_the_lines_and_nothing_else_until_f(world: Path) -> None:
    async with opened(world, poll=0.01, scenario="basic") as on:
        await on.keys("t", "R")
        pane, lines = on.app.screen.query_one("#journal"), journal_of(on)
        assert (pane.border_subtitle or "") == ""
        for _ in range(5):
            await wheel(on, up=True)
        top = lines.scroll_y
        assert (on.snapshot.height, on.snapshot.following) == (30, True)
        assert pane.border_subtitle == "scrolled away: f follows"
        await on.keys("e", "escape")
        on.app.session._opened.fire(EVENT, start())
        await on.app.session.refresh()
        await on.pilot.pause()
        assert on.snapshot.height == on.snapshot.live > 30
        new = on.snapshot.live - 30
        assert pane.border_subtitle == f"scrolled away, {new} new: f follows"
        assert lines.scroll_y == top
        await on.keys("f")
        assert (pane.border_subtitle or "") == ""
        assert lines.scroll_y + lines.size.height == on.snapshot.live + 1


async def test_the_cursor_going_up_stops_following_and_the_end_resumes(world: Path) -> None:
    async with opened(world, scenario="basic") as on:
        await on.keys("t", "R", "pageup")
        pane = on.app.screen.query_one("#journal")
        height = on.snapshot.height
        assert not on.snapshot.following and pane.border_subtitle == "not following: f follows"
        on.app.session._opened.fire(EVENT, start())
        await on.app.session.refresh()
        await on.pilot.pause()
        new = on.snapshot.live - 30
        assert on.snapshot.height == height
        assert pane.border_subtitle == f"not following, {new} new: f follows"
        await on.keys("end")
        assert on.snapshot.height == on.snapshot.live
        assert (pane.border_subtitle or "") == ""


async def test_a_cursor_key_comes_back_to_the_cursor_from_where_the_wheel_went() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        for _ in range(20):
            await wheel(on, up=True)
        assert journal_of(on).scroll_y == 0
        await on.keys("up")
        lines = journal_of(on)
        assert on.snapshot.height == 29
        assert lines.scroll_y <= 29 < lines.scroll_y + lines.size.height


# -- search and marks ---------------------------------------------------------------------------


async def test_n_goes_on_when_the_filter_is_closed_and_hits_keep_a_sign() -> None:
    async with opened(size=(120, 50)) as on:
        await on.keys("T", "slash", "text:kind:receipt", "enter")
        on.app.clear_notifications()
        await on.keys("escape")
        assert len(heights_of(on)) == 31
        assert [at for at in range(31) if line_of(on, at)[1] == UNICODE.hit] == [17, 20, 23]
        assert "3 found: kind:receipt" in str(on.app.screen.query_one("#journal").border_title)
        seen = []
        for key in ("n", "n", "N", "N"):
            await on.keys(key)
            seen.append(on.snapshot.height)
        assert seen == [17, 20, 17, 23]
        await on.keys("C")
        assert [line_of(on, at)[1] for at in range(5)] == [" ", " ", "▪", "▪", "▪"]


async def test_esc_leaves_the_filter_as_it_was_before_one_typed() -> None:
    async with opened(size=(120, 50)) as on:
        title = on.app.screen.query_one("#journal")
        await on.keys("T", "slash", "text:after:x")
        assert "after:x" in on.screen and "0 found" in str(title.border_title)
        await on.keys("escape")
        assert (str(title.border_title), len(heights_of(on))) == ("Journal", 31)
        await on.keys("n")
        assert "nothing is looked for" in on.said[-1]
        await on.keys("slash")
        assert "after:x" not in on.screen
        await on.keys("text:kind:receipt", "enter", "slash", "text: after:x")
        assert "0 found" in str(title.border_title)
        on.app.clear_notifications()
        await on.keys("escape")
        assert (str(title.border_title), heights_of(on)) == ("Journal  3 found", [17, 20, 23])
        assert on.known["focused"] == "journal-list", "still open, as it was"
        on.app.clear_notifications()
        await on.keys("escape", "slash", "text: after:x", "escape")
        assert str(title.border_title) == "Journal  3 found: kind:receipt"
        assert len(heights_of(on)) == 31
        await on.keys("n")
        assert on.snapshot.height == 17


@pytest.mark.parametrize("keys", [("u", "u"), ("g", "text:5", "enter", "F", "enter")])
async def test_an_open_filter_goes_along_to_a_shorter_branch(keys: tuple[str, ...]) -> None:
    async with opened() as on:
        await on.keys("t", "R", "slash", "text:api", "enter")
        found = heights_of(on)
        assert found[-1] > 20
        await on.keys(*keys)
        assert on.snapshot.live < 20 and on.snapshot.branch != "main"
        assert heights_of(on) == [of for of in found if of <= on.snapshot.live]


async def test_a_text_with_brackets_is_no_markup_in_the_title() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "slash", "text:[b]x", "enter")
        on.app.clear_notifications()
        await on.keys("escape")
        assert escape("0 found: [b]x") in str(on.app.screen.query_one("#journal").border_title)


async def test_marks_stand_beside_their_records_on_the_branch_they_are_of() -> None:
    async with opened(size=(120, 50)) as on:
        await on.keys("t", "R", "less_than_sign", "m", "comma", "comma", "m")
        assert on.snapshot.marked == (20, 22)
        assert line_of(on, 20)[1] == line_of(on, 22)[1] == UNICODE.mark
        await on.keys("C")
        assert [line_of(on, at)[1] for at in range(5)] == [" ", " ", " ", "✦", " "]
        await on.keys("f", "u")
        assert on.snapshot.marked == (20, 22)
        await on.keys("m")
        assert list(on.snapshot.marked) == [20]
        await on.app.session.open_branch("main")
        assert list(on.snapshot.marked) == [20, 22]


async def test_a_filter_that_cannot_be_read_stays_to_be_mended() -> None:
    async with opened() as on:
        await on.keys("t", "slash", "text:kind:receipt foo:bar", "enter")
        assert on.said[-1].startswith("a filter knows no 'foo'")
        await on.keys(*["backspace"] * len("receipt foo:bar"), "text:intent", "enter")
        await on.keys("escape", "escape")  # the message, then the filter
        assert "3 found: kind:intent" in on.screen
        await on.keys("slash", "text: foo:bar", "enter", "escape")
        assert "3 found: kind:intent" in on.screen, "as it was before"


# -- a long journal -----------------------------------------------------------------------------


@pytest.mark.paints_at_once
async def test_a_long_journal_is_folded_and_painted_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aos_core.file_journal import FileJournal
    from tests.benchmarks.journals import RECORDS_A_TURN, long_world

    world = long_world(tmp_path / "long", 20_000)
    async with opened(world, size=(120, 40)) as on:
        live, turns = on.snapshot.live, on.snapshot.turns
        assert live >= 20_000
        frames: list[int] = []
        frame = FileJournal.frame

        def counted(journal: FileJournal, index: int) -> object:
            frames.append(index)
            return frame(journal, index)

        monkeypatch.setattr(FileJournal, "frame", counted)
        await on.keys("C")
        assert journal_of(on).lines == turns + 1
        for key in ("pageup", "home", "pagedown", "space", "down", "end", "C", "pageup", "C"):
            await on.keys(key)
        lines = journal_of(on)
        assert lines.lines == turns + 1
        assert lines.line(turns - 5).last == live - 5 * RECORDS_A_TURN
        assert len(set(frames)) < 400


# -- text ---------------------------------------------------------------------------------------


def test_a_sum_in_words_and_in_signs() -> None:
    with World.open("04", memory=True) as world:
        world.fire(EVENT, start())
        records = world.records[1:17]
    words = plain(turn_sum(records, UNICODE))
    assert words == "  ∆ Aggregator  asks 3  +15 records"
    assert plain(turn_sum(records, ASCII, brief=1)) == "  * Aggregator  +15"
    assert plain(turn_sum(records, ASCII, brief=2)) == "  *  +15"
    assert plain(turn_sum(records[:1], UNICODE)) == "", "no more than the line itself says"
    assert plain(turn_sum(records, UNICODE, 4)).endswith("  4 of 16 records")
    assert plain(turn_sum(records, UNICODE, 4, brief=2)).endswith("  4/16")


@pytest.mark.parametrize("width", range(12))
def test_pieces_are_cut_to_a_width(width: int) -> None:
    pieces = clip_pieces([("abc", "x"), ("defg", "y"), ("hij", "z")], width)
    text = plain(pieces)
    assert len(text) == min(width, 10)
    assert text == "abcdefghij" if width >= 10 else text.endswith(".." if width > 1 else "")


def test_what_is_said_of_following() -> None:
    assert following_text(True, False, 0) == ""
    assert following_text(False, False, 3) == "not following, 3 new: f follows"
    assert following_text(True, True, 0) == "scrolled away: f follows"


async def test_esc_once_more_looks_for_nothing_any_more() -> None:
    async with opened() as on:
        await on.keys("t", "R", "slash", "text:receipt", "enter", "escape")
        assert "found: receipt" in on.screen
        await on.keys("escape")
        assert "found" not in on.screen
        await on.keys("slash")
        assert on.app.focused is not None and getattr(on.app.focused, "value", None) == ""
