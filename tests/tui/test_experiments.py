"""What one tries out, and what one asks about the past, by keys, asserted on the world."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import OptionList, Sparkline, Static

from aos_core.world import World
from aos_tui.dialogs.choice import FAULTS
from tests.tui.driving import FOCUS, Driver, opened


def receipts(on: Driver) -> list[tuple[str, str]]:
    """(status, outcome) of every receipt."""
    records = on.snapshot.records[: on.snapshot.live + 1]
    return [(of["status"], of["outcome"]) for of in records if of.kind == "receipt"]


def words(on: Driver) -> str:
    """All that the dialog says."""
    screen = on.app.screen
    titles = [str(of.border_title) for of in screen.query("#dialog")]
    return "\n".join([*titles, *(str(of.render()) for of in screen.query(Static))])


# -- breaking ---------------------------------------------------------------------------------

EXPECTED = {
    "error": ([("error", "settled")], [2, 3]),
    "timeout": ([("timeout", "settled")], [2, 3]),
    "duplicate": ([("ok", "settled"), ("ok", "late")], [2, 3]),
    "late": ([("timeout", "settled"), ("ok", "late")], [2, 3]),
    "malformed": ([], [1, 2, 3]),
    "never": ([], [1, 2, 3]),
}


@pytest.mark.parametrize(("key", "fault"), [(key, fault) for key, fault, _ in FAULTS])
async def test_a_receipt_is_broken_in_every_way(key: str, fault: str) -> None:
    async with opened() as on:
        await on.keys("t", "x")
        assert on.mode == "BreakDialog"
        await on.keys(key)
        assert (receipts(on), on.numbers) == EXPECTED[fault]
        assert on.errors == []
        await on.keys("v")
        assert on.known["verified"] is True


async def test_what_the_border_refuses_is_told() -> None:
    async with opened() as on:
        await on.keys("t", "x", "m")
        assert "refused at the border, nothing has happened" in on.said[-1]


async def test_the_chosen_line_breaks_it_too_and_esc_does_not() -> None:
    async with opened() as on:
        await on.keys("t", "x", "escape")
        assert receipts(on) == []
        await on.keys("x", "j", "enter")
        assert receipts(on) == [("timeout", "settled")]


async def test_with_nothing_to_break_x_says_so() -> None:
    async with opened() as on:
        await on.keys("x")
        assert "nothing is waiting for a receipt" in on.said[-1]


# -- undo, compare ----------------------------------------------------------------------------


async def test_undo_goes_before_the_last_input_and_keeps_the_branch(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t")
        root = on.known["root"]
        await on.keys("r", "u")
        assert (on.snapshot.branch, on.snapshot.live, on.known["root"]) == ("main-16", 16, root)
        assert "undone: the last receipt" in on.said[-1]
        await on.keys("u")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-0", 0)
        await on.keys("u")
        assert "nothing to undo" in on.said[-1]
    with World.open(world, write=False) as kept:
        assert kept.height == 19
        assert set(kept.branches()) == {"main", "main-16", "main-0"}


async def test_undone_twice_at_one_height_the_names_differ() -> None:
    async with opened() as on:
        await on.keys("t", "r", "u", "r", "u")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-16-2", 16)


async def test_two_orders_are_compared_and_end_in_the_same_root() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        first = on.known["root"]
        await on.keys("u", "u", "u")
        assert on.numbers == [1, 2, 3]
        await on.keys("S", "text:3,1,2", "enter")
        assert on.known["root"] == first
        await on.keys("B", "down", "escape", "D", f"text:main {on.snapshot.branch}", "enter")
        assert on.mode == "ComparisonDialog"
        assert "same root" in words(on)


async def test_a_broken_receipt_makes_another_end_which_c_shows() -> None:
    async with opened() as on:
        await on.keys("t", "R", "u", "x", "e", "c")
        assert on.mode == "ComparisonDialog"
        assert "main and main-22" in words(on)
        assert re.search(r"[0-9]+ differences?: root", words(on))
        assert "demo/Aggregator@1" in words(on)


async def test_with_nothing_to_compare_c_says_how_to_begin() -> None:
    async with opened() as on:
        await on.keys("c")
        assert "nothing to compare with yet" in on.said[-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [("main", "two of"), ("main other", "there is no branch other"), ("main main@x", "no height")],
)
async def test_a_wrong_comparison_says_what_is_wrong(text: str, says: str) -> None:
    async with opened() as on:
        await on.keys("t", "D", f"text:{text}", "enter")
        assert on.mode == "PromptDialog"
        assert says in words(on)


async def test_heights_of_one_branch_are_compared() -> None:
    async with opened() as on:
        await on.keys("t", "D", "text:main@0 main@2", "enter")
        assert on.mode == "ComparisonDialog"
        assert "+ {pc: Running" in words(on)


async def test_a_height_that_is_not_there_is_an_error() -> None:
    async with opened() as on:
        await on.keys("t", "D", "text:main@0 main@999", "enter")
        assert any("has no height 999" in of for of in on.errors)


# -- why, history, property, marks ------------------------------------------------------------


async def test_why_shows_the_ways_from_the_input_and_walks_on_from_any_record() -> None:
    async with opened() as on:
        await on.keys("t", "R", "w")
        assert on.mode == "WhyDialog"
        assert _told(on) == [
            1, 2, 3, *(4, 6, 11), 14, 17, 18, 19, *(8, 12), 15, 20, 21, 22, *(10, 13), 16, 23, 24,
            25, 26, 27, 30,
        ]  # fmt: skip
        lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
        assert any("pc  Running -> Done" in line for line in lines)
        await on.keys("up", "enter")
        assert on.app.screen.query_one("#dialog").border_title == "Why record 27"
        await on.keys("up", "g")
        assert on.snapshot.height == 26


async def test_of_a_field_why_shows_the_history_and_goes_on_from_there() -> None:
    async with opened() as on:
        await on.keys("t", "R", "w", "down", "enter")
        assert on.mode == "PastDialog"
        await on.keys("up", "enter")
        assert on.app.screen.query_one("#dialog").border_title == "Why record 2"
        await on.keys("backspace")
        assert on.app.screen.query_one("#dialog").border_title == "Why record 30"


def _told(on: Driver) -> list[int]:
    lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
    found = (re.match(r" *([0-9]+)  (?!see above)", line) for line in lines)
    return [int(of[1]) for of in found if of is not None]


async def test_the_history_of_a_field_names_heights_and_causes_and_goes_there() -> None:
    async with opened() as on:
        await on.keys("t", "R", *FOCUS["state"], "down", "H")
        assert on.mode == "PastDialog"
        lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
        assert [line.split()[:2] for line in lines] == [["2", "Running"], ["30", "Done"]]
        assert "AggregatorEvent Start" in lines[0]
        await on.keys("up", "enter")
        assert on.snapshot.height == 2


async def test_numbers_have_a_picture() -> None:
    async with opened("00") as on:
        await on.keys(*"tttt", *FOCUS["state"], "down", "space", "down", "H")
        assert on.mode == "PastDialog"
        assert list(on.app.screen.query_one(Sparkline).data or ()) == [0, 1, 2]
        assert "from 0 to 2" in words(on)


async def test_without_a_field_h_says_what_to_choose() -> None:
    async with opened() as on:
        await on.keys("H")
        assert "choose a field in the state pane" in on.said[-1]


async def test_a_property_is_watched_and_its_first_failure_found() -> None:
    text = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'
    async with opened() as on:
        await on.keys("t", "p", f"text:{text}", "enter")
        assert on.mode == "ConfirmDialog"
        assert "It first fails at height 16" in words(on)
        assert "@pending = 3" in words(on) and "@pending = 2" in words(on)
        await on.keys("y")
        assert (on.snapshot.height, on.snapshot.holds) == (16, "fails")
        await on.keys("comma")
        assert on.snapshot.holds == "holds"


async def test_a_property_that_holds_is_said_to_and_stays_watched() -> None:
    async with opened() as on:
        await on.keys("t", "p", "enter")
        assert "it holds at all 17 heights" in on.said[-1]
        await on.keys("R")
        assert on.snapshot.holds == "holds"


async def test_a_wrong_property_stays_in_its_dialog() -> None:
    async with opened() as on:
        await on.keys("p", "text:{}", "enter")
        assert on.mode == "PromptDialog"
        assert on.snapshot.holds is None


async def test_marks_lead_back() -> None:
    async with opened() as on:
        await on.keys("apostrophe")
        assert "no height is marked" in on.said[-1]
        await on.keys("t", "m", "R", "m", "apostrophe")
        assert on.snapshot.height == 16
        await on.keys("apostrophe")
        assert on.snapshot.height == 30
        await on.keys("m", "apostrophe")
        assert on.snapshot.height == 16
