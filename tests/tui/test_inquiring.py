"""Why a record is there, how a field came to its value, what should hold, and marks."""

from __future__ import annotations

import re

import pytest
from textual.widgets import OptionList, Static, TextArea

from aos_tui.dialogs.choice import Picture
from tests.tui.driving import FOCUS, Driver, opened, words


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
    found = (re.match(r" *([0-9]+)  (?!.*see above)", line) for line in lines)
    return [int(of[1]) for of in found if of is not None]


async def test_the_history_of_a_field_names_heights_and_causes_and_goes_there() -> None:
    async with opened() as on:
        await on.keys("t", "R", *FOCUS["state"], "down", "H")
        assert on.mode == "PastDialog"
        lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
        assert lines[0].split(maxsplit=1) == ["0", "nothing was there yet"]
        assert [line.split()[:2] for line in lines[1:]] == [["2", "Running"], ["30", "Done"]]
        assert "AggregatorEvent Start" in lines[1]
        await on.keys("up", "enter")
        assert on.snapshot.height == 2


async def test_numbers_have_a_picture() -> None:
    async with opened("00") as on:
        await on.keys(*"tttt", *FOCUS["state"], "down", "H")
        assert on.mode == "PastDialog"
        bars = str(on.app.screen.query_one(Picture).render()).splitlines()
        assert [line.count("█") > 0 for line in bars] == [True, True, True, False, False]
        assert bars[-1].split() == ["2", "4", "6"]
        assert "from 0 to 2" in words(on)


async def test_without_a_field_h_says_what_to_choose() -> None:
    async with opened() as on:
        await on.keys("H")
        assert "choose a field in the state pane" in on.said[-1]


async def test_a_property_is_watched_and_its_first_failure_found() -> None:
    text = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'
    async with opened() as on:
        await on.keys("t", "p", f"text:{text}", "ctrl+s")
        assert on.mode == "ConfirmDialog"
        assert "It first fails at height 16" in words(on)
        assert "@pending = 3" in words(on) and "@pending = 2" in words(on)
        await on.keys("y")
        assert (on.snapshot.height, on.snapshot.holds) == (16, "fails")
        await on.keys("comma")
        assert on.snapshot.holds == "holds"


async def test_a_property_that_holds_is_said_to_and_stays_watched() -> None:
    async with opened() as on:
        await on.keys("t", "p", "ctrl+s")
        assert "it holds at all 17 heights" in on.said[-1]
        await on.keys("R")
        assert on.snapshot.holds == "holds"


async def test_a_property_that_failed_earlier_says_where_at_the_live_end() -> None:
    text = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'
    async with opened() as on:
        await on.keys("T", "p", f"text:{text}", "ctrl+s", "escape")
        assert (on.snapshot.holds, on.snapshot.fails_at) == ("holds", 16)
        header = str(on.app.screen.query_one("#header", Static).render())
        assert "p ✓, ✗ 16" in header
        await on.keys("g", "enter")
        assert on.snapshot.height == 16, "g goes where it first fails"
        assert "p ✗ here" in str(on.app.screen.query_one("#header", Static).render())


async def test_a_watched_property_that_comes_to_fail_is_said_once() -> None:
    text = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'
    async with opened() as on:
        await on.keys("p", f"text:{text}", "ctrl+s")
        assert "it holds at all 1 height" in on.said[-1]
        await on.keys("t")
        told = [of for of in on.said if "fails first at height 16" in of]
        assert len(told) == 1 and on.snapshot.fails_at == 16
        await on.keys("R", "comma")
        assert [of for of in on.said if "fails first at height" in of] == told
        await on.keys("p")
        assert text in on.app.screen.query_one(TextArea).text
        await on.keys("ctrl+n")
        assert on.snapshot.holds is None


async def test_what_is_wrong_with_a_property_is_said_with_its_place_while_one_types() -> None:
    async with opened() as on:
        await on.keys("p", 'text:{"op": "le", "args": [{"ref": "@pendin"}, {"nat": 1}]}')
        assert "$.args[0]" in words(on) and "unknown reference" in words(on)
        await on.keys("text:x")
        assert "line 1, column" in words(on)


async def test_examples_come_from_the_world_and_read_well() -> None:
    async with opened("09") as on:
        await on.keys("t", "t")
        examples = await on.app.session.property_examples()
        assert any("@cell:demo/Seat@1[" in text for _, text in examples)
        assert all(on.app.session.property_problem(text) is None for _, text in examples)
        await on.keys("p", "tab", "down", "enter")
        assert on.app.screen.query_one(TextArea).text == examples[1][1]
        await on.keys("ctrl+s", "escape", "p")
        assert on.app.screen.query_one(TextArea).text == examples[1][1]


@pytest.mark.parametrize(
    ("world", "says"),
    [
        ("04", ["pc never becomes Running", "effects are pending only while pc is Running",
                "requests is at most 100", "results has at most 100 items"]),
        ("00", ["the state never becomes Counting", "target is at most 100"]),
        ("08", ["url is never empty", "pc never becomes Trying"]),
    ],
)  # fmt: skip
async def test_a_world_s_schemas_give_a_choice_of_examples(world: str, says: list[str]) -> None:
    async with opened(world) as on:
        await on.keys("T")
        examples = await on.app.session.property_examples()
        assert set(says) <= {what for what, _ in examples}
        assert len({text for _, text in examples}) == len(examples) > 5
        assert all(on.app.session.property_problem(text) is None for _, text in examples)
        await on.keys("p")
        assert on.app.screen.query_one(OptionList).option_count == len(examples)
        for _, text in examples:  # each can be watched, and none is nonsense from the beginning
            await on.app.session.watch(text)
            assert on.snapshot.fails_at != 0, text


async def test_where_all_goes_well_effects_are_pending_only_while_it_runs() -> None:
    async with opened() as on:
        await on.keys("t")
        examples = await on.app.session.property_examples()
        (text,) = (text for what, text in examples if what.startswith("effects are pending only"))
        await on.app.session.watch(text)
        await on.keys("R")
        assert (on.snapshot.holds, on.snapshot.fails_at) == ("holds", None)


async def test_the_first_key_replaces_the_example() -> None:
    async with opened() as on:
        await on.keys("p")
        area = on.app.screen.query_one(TextArea)
        assert area.selected_text == area.text != ""
        await on.keys("x")
        assert area.text == "x"


async def test_a_wrong_property_stays_in_its_dialog() -> None:
    async with opened() as on:
        await on.keys("p", "text:{}", "ctrl+s")
        assert on.mode == "PropertyDialog"
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


async def test_a_long_why_leaves_two_thirds_of_the_width_to_its_text() -> None:
    async with opened("08") as on:
        await on.keys("t", "R", "R", "R", "R", "R", "w")
        lines = [str(of.text) for of in on.app.screen.page.lines]  # type: ignore[attr-defined]
        indents = [len(of) - len(of.lstrip()) for of in lines if of.strip()]
        assert max(indents) <= 26 + 10  # a field stands as far in as its record's words
        assert len({of for of in indents if of < 26}) > 10  # and yet one sees what came of what


async def test_what_there_is_none_of_is_called_none_everywhere() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("T", "w")
        assert "last_request_id  none -> 1" in on.screen
        await on.keys("escape", *FOCUS["state"])
        assert "was none" in on.screen
        await on.keys("D", *["backspace"] * 40, "text:main@16 main", "enter")
        assert "- none" in on.screen and "null" not in on.screen
