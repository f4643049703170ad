"""The state pane by keys: displays, marks, cells, values; and jump mode."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from aos_core.view import View
from aos_tui.dialogs.long_text import LongText
from aos_tui.formatting import plain
from aos_tui.panes.state import StatePane
from aos_tui.panes.state_list import StateList
from tests.tui.driving import FOCUS, Driver, opened
from tests.tui.state_worlds import filled, holding

STATE = FOCUS["state"]
CELLS = 10_000


@pytest.fixture(name="many", scope="module")
def ten_thousand_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("many") / "cells", CELLS)


def pane(on: Driver) -> StatePane:
    return on.app.screen_stack[0].query_one(StatePane)


def title(on: Driver) -> str:
    return str(pane(on).border_title)


def lines(on: Driver) -> list[str]:
    """What is to be seen of the pane, as it is painted."""
    list = on.app.screen_stack[0].query_one(StateList)
    rows = (list.render_line(y).text.rstrip() for y in range(list.size.height))
    return [row for row in rows if row]


def under(on: Driver) -> str:
    """The line under the cursor."""
    list = on.app.screen_stack[0].query_one(StateList)
    assert list._lines is not None
    return plain(list._lines.pieces(list.cursor, 80)).strip()


# -- displays ---------------------------------------------------------------------------------


async def test_d_goes_through_the_displays() -> None:
    async with opened() as on:
        await on.keys("T", *STATE)
        assert title(on) == "State tree  ∆ since height 22"
        assert any("pc" in line and "Done  was Running" in line for line in lines(on))
        await on.keys("d")
        assert title(on) == "State JSON"
        assert lines(on)[:3] == ["demo/Aggregator@1", "{", '  "pc": "Done",']
        await on.keys("y")
        assert json.loads(on.app.clipboard) == on.state
        await on.keys("d")
        assert title(on) == "State CBOR"
        assert '  "pc": {"$tag": "Done"},' in lines(on)
        await on.keys("end")
        assert "bytes more" in lines(on)[-1] or "  " in lines(on)[-1]
        await on.keys("d")
        assert title(on) == "State diff  height 22 -> 30"
        assert "  pc  Running -> Done" in lines(on)
        await on.keys("d")
        assert title(on).startswith("State tree")


async def test_a_mark_is_what_the_diff_compares_with_and_m_the_tree() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", "m", "R", *STATE, "d", "d", "d")
        assert title(on) == "State diff  mark at 16 -> 30"
        await on.keys("M")
        assert title(on) == "State diff  height 22 -> 30"
        await on.keys("d", "M")
        assert title(on) == "State tree  ∆ since mark at 16"
        await on.keys("g", "text:16", "enter")
        assert title(on) == "State tree  ∆ since height 0", "a mark is not compared with itself"


async def test_without_a_mark_m_says_how_to_set_one() -> None:
    async with opened() as on:
        await on.keys("t", *STATE, "M")
        assert "no height is marked" in on.said[-1]
        assert title(on) == "State tree  ∆ since height 0"


async def test_where_nothing_differs_the_diff_says_so() -> None:
    async with opened() as on:
        await on.keys("t", *STATE, "d", "d", "d", "comma")
        assert "no state differs from height 14" in lines(on)[0]
        await on.keys("0")
        assert "no state differs from height 0" in lines(on)[0]


async def test_an_empty_world_teaches() -> None:
    async with opened() as on:
        assert "no reducer has state yet" in lines(on)[0]


# -- values -----------------------------------------------------------------------------------


async def test_enter_opens_a_leaf_whole_and_unfolds_what_has_parts() -> None:
    async with opened() as on:
        await on.keys("T", *STATE, *["down"] * 5, "enter")
        assert under(on).startswith("▾ last_previews")
        await on.keys("down", "enter")
        assert on.mode == "ValueDialog"
        assert on.app.screen._title == "demo/Aggregator@1.last_previews[0]"  # type: ignore[attr-defined]
        texts = [str(of.render()) for of in on.app.screen.query(Static)]
        assert '{"source":"alpha","items":3}' in texts
        await on.keys("escape", "y")
        assert on.app.clipboard == '{"source":"alpha","items":3}'
        await on.keys("Y")
        path, _, value = on.app.clipboard.partition(" = ")
        assert path == "demo/Aggregator@1.last_previews[0]"
        assert json.loads(value) == '{"source":"alpha","items":3}'


async def test_left_and_right_go_out_and_in() -> None:
    async with opened() as on:
        await on.keys("t", *STATE, "down", "down", "right")
        assert under(on).startswith("▾ pending")
        await on.keys("right", "right", "right", "right")
        assert under(on).endswith('"demo"')
        await on.keys("left", "left")
        assert under(on).startswith("▸ 1")
        await on.keys("left", "h")
        assert under(on).startswith("▸ pending")


async def test_what_is_unfolded_and_the_cursor_outlast_heights_without_them() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", *STATE, "down", "down", "space", "down", "space", "down", "down")
        before = under(on)
        await on.keys("0")
        assert "no reducer has state yet" in lines(on)[0]
        await on.keys("f")
        assert under(on) == before and before.startswith("▸ handles")
        await on.keys("d", "d", "d", "d")
        assert under(on) == before


def dialog_title(on: Driver) -> str:
    return str(on.app.screen.query_one("#dialog").border_title)


def safe(text: str) -> bool:
    return not any(unicodedata.category(of)[0] == "C" for of in text)


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eabc\n漢字 שלום\0"


async def test_nothing_in_a_state_commands_the_terminal(tmp_path: Path) -> None:
    text: dict[str, Any] = {"text": {}}
    texts = {"map": {"key": text, "value": text}}
    of = {"record": {"t": text, "b": {"bytes": {}}, "m": texts}}
    value = {"b": b"\0\x1b[31m", "m": {HOSTILE: HOSTILE}, "t": HOSTILE}
    path = holding(tmp_path / "bad", of, value)
    async with opened(path, size=(120, 40)) as on:
        await on.keys(*STATE, "down", "down", "down", "space", "down")
        for _ in range(4):
            shown = lines(on)
            assert len(shown) > 1 and all(map(safe, shown)), shown
            await on.keys("d")
        await on.keys("enter")
        assert on.mode == "ValueDialog"
        said = "".join(str(of.render()) for of in on.app.screen.query(Static))
        assert safe(said.replace("\n", "")) and safe(dialog_title(on))
        await on.keys("escape", "y")
        assert on.app.clipboard == HOSTILE, "what is copied is the value itself"
        await on.keys("H")
        assert on.mode == "PastDialog"
        assert safe(dialog_title(on))


@pytest.mark.paints_at_once
@pytest.mark.parametrize(
    ("type", "value"),
    [({"text": {}}, "x\x1b[3" * 1_000_000), ({"list": {"nat": {}}}, list(range(100_000)))],
    ids=["text", "list"],
)
async def test_a_state_of_megabytes_is_decoded_once(
    tmp_path: Path, type: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = counted(monkeypatch)
    async with opened(holding(tmp_path / "big", type, value)) as on:
        await on.keys(*STATE, "space", "space", "end", "comma", "full_stop")
        await on.keys("d", "end", "d", "d", "d")
        assert len(decoded) == 1
        assert all(len(line) <= 80 for line in lines(on))
        await on.keys("home")
        if isinstance(value, str):
            await on.keys("enter", "end")
            text = on.app.screen.query_one(LongText)
            seen = [text.render_line(y).text for y in range(text.size.height)]
            assert "characters more: y copies all" in seen[-1] and all(map(safe, seen))
            await on.keys("escape")
        await on.keys("y")
        whole = value if isinstance(value, str) else json.dumps(value, indent=2)
        assert on.app.clipboard == whole


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reducers whose states are decoded from now on, one for each time."""
    found: list[str] = []
    decode = View.state_part

    def state_part(self: View, reducer: str, data: bytes) -> Any:
        found.append(reducer)
        return decode(self, reducer, data)

    monkeypatch.setattr(View, "state_part", state_part)
    return found


# -- cells ------------------------------------------------------------------------------------


@pytest.mark.paints_at_once
async def test_of_ten_thousand_cells_those_are_decoded_that_one_looks_at(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = counted(monkeypatch)
    async with opened(many) as on:
        await on.keys(*STATE)
        (held,) = on.snapshot.states.held
        assert (held.total, len(held.keys)) == (CELLS, CELLS)
        assert "10,000 cells" in lines(on)[0]
        assert len(held.now) <= 240
        await on.keys("end")
        assert under(on).startswith("▸ A9999") and "{n: 7}" in under(on)
        assert all("{n: 7}" in line for line in lines(on))
        await on.keys(*["pageup"] * 30)
        assert all("{n: 7}" in line for line in lines(on))
        (held,) = on.snapshot.states.held
        assert len(held.now) <= 240
        assert len(looked) <= 2, "all have the same bytes, so they are decoded once"
        await on.keys("d", "end", "end")
        assert len(on.snapshot.states.documents) <= 200


async def test_a_cell_is_found_by_its_key_as_one_types(many: Path) -> None:
    async with opened(many) as on:
        await on.keys(*STATE, "slash", "text:999")
        (held,) = on.snapshot.states.held
        assert len(held.keys) == 19
        assert "19 of 10,000 cells" in lines(on)[0]
        await on.keys("enter", "down", "space", "down")
        assert under(on).startswith("n")
        on_cell = pane(on).selected
        assert on_cell is not None and on_cell.title == 'demo/R@1["A999"].n'
        await on.keys("up", "escape")
        assert len(on.snapshot.states.held[0].keys) == CELLS
        assert under(on).startswith("▾ A999"), "the cursor stays on the cell"
        await on.keys("slash", "text:zzz")
        assert "0 of 10,000 cells" in lines(on)[0]
        await on.keys("enter", "H")
        assert "choose a field" in on.said[-1]


async def test_the_cursor_stays_on_its_cell_while_others_come_and_go() -> None:
    async with opened("09") as on:
        await on.keys("t", "t", *STATE, "end")
        assert under(on).startswith("▸ A2") or under(on).startswith("▸ A1")
        name = under(on).split()[1]
        await on.keys("T")
        assert "1 cell" in lines(on)[0]
        await on.keys("comma", "less_than_sign", "0", "g", "text:8", "enter")
        assert under(on).split()[1] == name


async def test_the_past_of_a_field_of_a_cell() -> None:
    async with opened("09") as on:
        await on.keys("T", *STATE, "down", "space", "down", "down", "H")
        assert on.mode == "PastDialog"
        assert on.app.screen._title == 'History of demo/Seat@1["A1"].stage'  # type: ignore[attr-defined]
        await on.keys("y")
        first, *rest = on.app.clipboard.splitlines()
        assert "nothing was there yet" in first
        assert [line.split()[1] for line in rest][-1] == "Sold"


async def test_slash_finds_records_where_no_reducer_is_keyed() -> None:
    async with opened() as on:
        await on.keys("t", *STATE, "slash", "text:kind:event")
        assert on.known["focused"] == "filter"


# -- jump mode --------------------------------------------------------------------------------


@pytest.mark.parametrize("zoomed", [False, True], ids=["all", "zoomed"])
@pytest.mark.parametrize(
    ("letter", "focused"),
    [("j", "journal-list"), ("s", "state-list"), ("p", "plan"), ("e", "pending")],
)
async def test_a_letter_goes_to_a_pane(letter: str, focused: str, zoomed: bool) -> None:
    async with opened() as on:
        await on.keys("t", *(("tab", "z") if zoomed else ()), "semicolon")
        assert on.mode == "JumpScreen"
        await on.keys(letter)
        assert (on.mode, on.known["focused"]) == ("live", focused)
        assert on.app.screen.has_class("-zoomed") == zoomed


async def test_letters_stand_on_rows_and_esc_stays() -> None:
    async with opened() as on:
        await on.keys("t", "semicolon", "escape")
        assert (on.mode, on.known["focused"]) == ("live", "journal-list")
        await on.keys("semicolon", "!")
        assert on.mode == "JumpScreen" and "stands nowhere" in on.said[-1]
        marks = [of for of in on.app.screen._labels if of.place is not None]  # type: ignore[attr-defined]
        pc = next(of for of in marks if of.name == "pc")
        await on.keys(pc.letter)
        assert on.known["focused"] == "state-list" and under(on).startswith("pc")
        await on.keys("semicolon")
        await on.pilot.resize_terminal(100, 30)
        await on.pilot.pause()
        assert on.mode == "live", "what the letters stood on is elsewhere"


async def test_the_scrollbar_is_where_the_lines_are_that_were_scrolled_before_it_came() -> None:
    async with opened(size=(80, 24)) as on:
        await on.keys("t", "R", *FOCUS["state"], "down", "0", ">", ".")
        lines = on.app.screen.query_one("#state-list", StateList)
        assert lines.show_vertical_scrollbar
        assert lines.scroll_y == lines.vertical_scrollbar.position > 0
