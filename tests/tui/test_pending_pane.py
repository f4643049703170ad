"""The pending pane: what is selected, and what became of what was released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.panes.pending import LINES, LINGER, PendingPane
from tests.tui.driving import FOCUS, Driver, opened


def pane(on: Driver) -> PendingPane:
    return on.app.screen.query_one(PendingPane)


def lines(on: Driver) -> list[str]:
    """The first line of each entry of the pane."""
    return [str(of.prompt).split("\n")[0] for of in pane(on).options]


def results(on: Driver) -> list[str]:
    """What the pane says of what was released."""
    return [line.strip() for line in lines(on) if " ◂ " in line]


# -- selecting --------------------------------------------------------------------------------


async def test_all_and_none_are_selected_with_one_key() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "a")
        assert str(pane(on).border_subtitle) == "3 selected"
        await on.keys("space", "r")
        assert on.receipts == ["b", "c"]
        await on.keys("a", "a", "a", "r")
        assert on.receipts == ["b", "c", "a"]
        await on.keys("a")
        assert "nothing to select" in on.said[-1]


@pytest.mark.parametrize(
    ("clicks", "order"),
    [
        ([(1, 2, {})], "b"),  # on its number
        ([(10, 2, {"control": True}), (10, 4, {"control": True})], "bc"),
        ([(10, 2, {"control": True}), (10, 2, {"control": True})], "b"),  # the cursor is there
        ([(10, 4, {"shift": True})], "abc"),
        ([(1, 0, {}), (1, 4, {})], "ac"),
    ],
)
async def test_effects_are_selected_with_the_mouse(
    clicks: list[tuple[int, int, dict[str, bool]]], order: str
) -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"])
        for x, y, held in clicks:
            await on.pilot.click(PendingPane, offset=(x + 1, y + 1), **held)
            await on.pilot.pause()
        assert on.mode == "live", "nothing was opened"
        await on.keys("r")
        assert "".join(on.receipts) == order


async def test_a_plain_click_opens_the_record() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"])
        await on.pilot.click(PendingPane, offset=(11, 3))
        await on.keys()
        await on.until(lambda: on.mode == "RecordDialog")


# -- held back ----------------------------------------------------------------------------------


def held(on: Driver) -> list[str]:
    """The numbers of the effects that say they never come, each with the sign before the word."""
    shown = [str(of.prompt).split("\n") for of in pane(on).options]
    never = [line for line in shown if "never comes" in line[1]]
    return [f"{line[0].strip()[0]} {line[1].split()[0]}" for line in never]


async def test_an_effect_that_never_comes_says_so_and_is_left_by_all_that_release_all() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n")
        assert held(on) == [f"1 {UNICODE.held}"]
        assert lines(on)[-1].strip().startswith("1 "), "last: it has no place in the order"
        await on.keys("K")
        assert "no place in the order" in on.said[-1]
        await on.keys("comma", "f")
        assert held(on) == [f"1 {UNICODE.held}"]
        await on.keys("R")
        assert (on.numbers, on.receipts) == ([1], ["b", "c"])
        for key in ("R", "s", "S"):
            await on.keys(key)
            assert "held back by x n" in on.said[-1] and on.mode == "live"
        await on.keys("r")
        assert (on.numbers, on.errors) == ([], [])


async def test_the_scenario_does_not_answer_what_never_comes() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n")
        for key in ("t", "T"):
            await on.keys(key)
            assert on.snapshot.live == 16 and "would answer what never comes" in on.said[-1]
        await on.keys("R", "end", "x", "n", "T")
        assert on.snapshot.live == 30 and on.errors == []


async def test_shuffling_leaves_it_and_the_way_back_is_the_same_key() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "x", "n", "s")
        assert on.numbers == [2]
        await on.keys("u", "u", "end", "x", "n")
        assert "may come again" in on.said[-1] and held(on) == []
        await on.keys("R")
        assert on.numbers == []


async def test_u_right_after_it_takes_the_sign_away_and_undoes_no_input() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n", "home", "x", "n")
        assert len(held(on)) == 2
        await on.keys("u")
        assert held(on) == [f"1 {UNICODE.held}"] and "effect 2" in on.said[-1]
        await on.keys("u")
        assert held(on) == [] and (on.snapshot.branch, on.snapshot.live) == ("main", 16)
        await on.keys("u")
        assert on.snapshot.live == 0, "there is nothing else to undo but the input"


async def test_u_undoes_the_input_that_came_after_it() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n", "home", "r")
        assert on.receipts == ["b"]
        await on.keys("u")
        assert on.receipts == [] and held(on) == [f"1 {UNICODE.held}"]


@pytest.mark.parametrize("memory", [True, False])
async def test_u_undoes_an_input_where_the_last_thing_one_did_was_a_fork(
    world: Path, memory: bool
) -> None:
    async with opened(world, memory=memory) as on:
        await on.keys("t", *FOCUS["pending"], "x", "n", "F", "text:side", "enter")
        await on.app.session.open_branch("main")
        assert held(on) == [f"1 {UNICODE.held}"]
        await on.keys("u")
        assert on.snapshot.live == 0 and on.said[-1].startswith("undone: ")


async def test_u_after_it_minds_no_other_name_and_no_other_height(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", *FOCUS["pending"], "x", "n")
        await on.app.session.rename_branch("main", "other")
        await on.keys("comma", "comma", "u", "f")
        assert "effect 1: its receipt may come again" in on.said[-1] and held(on) == []
        assert (on.snapshot.branch, on.snapshot.live) == ("other", 16)


async def test_the_last_place_of_the_order_is_before_what_is_held_back() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n", "home", "J", "J")
        assert "no place further" in on.said[-1]
        await on.keys("R")
        assert on.receipts == ["c", "b"]


async def test_without_unicode_it_is_said_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", "n")
        assert held(on) == [f"1 {ASCII.held}"]


# -- released -----------------------------------------------------------------------------------


async def test_a_released_receipt_says_its_result_and_where_it_went() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", *FOCUS["pending"], "r")
        assert results(on) == ["1 ◂ ✓ 202  record 17  GET example.com/api/a"]
        assert pane(on).numbers(pane(on).to_release()) == [2], "the cursor is on what waits"
        await on.keys("J", "r")
        assert results(on) == ["2 ◂ ✓ 200  record 20  GET example.com/api/b"]
        await on.keys("r")
        assert lines(on) == [" 3 ◂ ✓ 201  record 23  GET example.com/api/c", " nothing is waiting"]


async def test_what_is_cut_ends_with_the_sign_of_the_other_panes() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "r")
        assert "GET example.." in lines(on)[0] and "…" not in on.screen
        await on.keys("e", "ctrl+s")  # more lines than the pane has: there is a scroll bar
        assert "…" not in on.screen


async def test_it_goes_with_the_height_at_which_it_came() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "R")
        assert len(results(on)) == 3
        await on.keys("less_than_sign")
        assert on.snapshot.height == 22
        assert [line[:3] for line in results(on)] == ["1 ◂", "2 ◂"], "the third still waits here"
        await on.keys("less_than_sign", "comma")
        assert on.snapshot.height == 18
        assert [line[:3] for line in results(on)] == ["1 ◂"], "it has come, the turn goes on"
        await on.keys("comma", "comma")
        assert (on.snapshot.height, results(on), on.numbers) == (16, [], [1, 2, 3])
        await on.keys("f")
        assert len(results(on)) == 3


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("e", ["1 ◂ ✗ error  record 17"]),
        ("t", ["1 ◂ ✗ timeout  record 17"]),
        ("d", ["1 ◂ ✓ 202  record 17", "1 ◂ ⊘ duplicate, nothing changed  record 20"]),
        ("l", ["1 ◂ ✗ timeout  record 17", "1 ◂ ⊘ late, nothing changed  record 20"]),
        ("m", []),
        ("n", []),
    ],
)
async def test_what_became_of_a_broken_receipt_is_seen(key: str, said: list[str]) -> None:
    async with opened(size=(160, 40)) as on:
        await on.keys("t", *FOCUS["pending"], "x", key)
        assert [line.removesuffix("  GET example.com/api/a") for line in results(on)] == said


async def test_the_newest_few_are_shown_and_the_others_counted() -> None:
    async with opened() as on:
        await on.keys("t", "e", "ctrl+s", *FOCUS["pending"], "R")
        shown = lines(on)
        assert len(shown) == LINES + 1
        assert shown[0].strip() == "2 others before"


async def test_an_event_puts_them_away_and_so_does_another_branch() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "r", "e", "ctrl+s")
        assert results(on) == []
        await on.keys("r")
        assert len(results(on)) == 1
        await on.keys("u")
        assert results(on) == []


async def test_they_go_when_their_time_is_over() -> None:
    now = [100.0]
    async with opened() as on:
        shown = pane(on)
        shown._clock = lambda: now[0]
        on.app.animation_level = "full"
        await on.keys("t", *FOCUS["pending"], "down", "r")
        assert len(results(on)) == 1
        now[0] += LINGER - 1
        shown.sweep()
        assert len(results(on)) == 1
        now[0] += 1
        shown.sweep()
        assert results(on) == []
        assert shown.numbers(shown.to_release()) == [3], "the cursor stays where it is"


async def test_where_nothing_may_move_by_itself_no_timer_runs() -> None:
    async with opened() as on:
        set_timer: list[Any] = []
        pane(on).set_timer = lambda *of, **_: set_timer.append(of)  # type: ignore
        await on.keys("t", *FOCUS["pending"], "r")
        assert set_timer == []
        on.app.animation_level = "full"
        await on.keys("r")
        assert [of[0] for of in set_timer] == [LINGER]


@pytest.mark.parametrize(("world", "size"), [("01", (60, 20)), ("01", (80, 24)), ("09", (120, 40))])
async def test_an_effect_whose_parameters_do_not_tell_its_kind_begins_with_it(
    world: str, size: tuple[int, int]
) -> None:
    async with opened(world, size=size) as on:
        await on.keys("t", *FOCUS["pending"])
        assert lines(on)[0].split()[:2] == ["1", "timer.set"]
        assert lines(on)[0].count("timer.set") == 1
