"""Heights one travels to: every pane shows the world as it was there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aos_core.world import World
from aos_tui.headless import settle
from aos_tui.session.showing import Showing
from aos_tui.snapshot import Snapshot
from tests.tui.driving import FOCUS, opened, typed_ahead, words


async def test_travelling() -> None:
    async with opened() as on:
        await on.keys("T")
        for keys, height in (
            (("comma",), 29),
            (("full_stop",), 30),
            (("up", "up", "k", "j"), 28),
            (("less_than_sign",), 22),
            (("less_than_sign",), 19),
            (("greater_than_sign",), 22),
            (("full_stop", "greater_than_sign"), 30),
            (("greater_than_sign",), 30),
            (("0",), 0),
            (("greater_than_sign",), 16),
            (("greater_than_sign",), 19),
            (("dollar_sign",), 30),
            (("home",), 0),
            (("g", "text:12", "enter"), 12),
            (("g", "text:3", "escape"), 12),
            (("less_than_sign",), 0),
            (("less_than_sign",), 0),
            (("f",), 30),
        ):
            await on.keys(*keys)
            assert (keys, on.snapshot.height) == (keys, height)
            assert on.mode == ("live" if height == 30 else "past")


async def test_all_panes_follow_to_a_past_height(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T", "g", "text:18", "enter")
        with World.open(world, write=False) as found:
            view = found.at(18)
            assert on.snapshot.root == view.root != found.root
            assert on.states() == view.states()
            assert on.numbers == [item.n for item in view.pending] == [2, 3]
            assert on.snapshot.plan == view.plan(0)


async def test_the_ends_of_history_say_so() -> None:
    async with opened() as on:
        await on.keys("full_stop", "comma")
        assert [text.split(":")[0] for text in on.said] == [
            "this is the live end",
            "this is genesis",
        ]


async def test_following_stays_at_the_live_end_and_a_traveller_stays_where_he_is() -> None:
    async with opened() as on:
        await on.keys("t", "r")
        assert on.snapshot.height == on.snapshot.live == 19
        await on.keys("g", "text:5", "enter", "v")
        assert (on.snapshot.height, on.known["verified"]) == (5, True)


async def test_at_opens_at_a_height() -> None:
    async with opened(at=99) as on:
        assert (on.snapshot.height, on.snapshot.live) == (0, 0)


async def test_a_height_that_is_not_there_is_told_in_the_same_words_everywhere() -> None:
    said = "there is no height 150: the last is 0"
    async with opened(at=150) as on:
        assert on.errors == [said]
        await on.keys("g", "text:150")
        assert f"Error: {said}" in words(on)
        await on.keys("enter")
        assert f"not done: {said}" in words(on)
        await on.keys(*["backspace"] * 3, "text:x", "enter")
        assert "not done: a number from 0 to 0" in words(on)


async def test_inside_a_turn_the_panes_agree_on_what_is_waited_for() -> None:
    async with opened() as on:
        await on.keys("t")
        title = on.app.screen.query_one("#plan")
        assert str(title.border_title).endswith("waits for 3")
        for at in (15, 14, 13):
            await on.keys("comma")
            waits = f"waits for {at - 13}" if at > 13 else "running"
            assert str(title.border_title).endswith(waits)
            assert len(on.numbers) == at - 13
            assert len(title.border_title or "") <= title.size.width - 4


async def test_marks_in_the_state_are_of_the_turn_at_its_end_and_of_the_record_inside() -> None:
    async with opened() as on:
        await on.keys("T", "comma")
        assert on.states(before=True) == on.states()
        await on.keys("f")
        before = on.states(before=True)["demo/Aggregator@1"]
        assert (before["pc"], on.state["pc"]) == ("Running", "Done")


async def test_the_cursor_of_pending_is_on_the_first_of_another_list() -> None:
    async with opened() as on:
        pane = on.app.screen.pending  # type: ignore[attr-defined]
        await on.keys("t", *FOCUS["pending"], "down", "down", "r")
        assert (on.numbers, pane.current.n) == ([1, 2], 2)
        await on.keys("comma", "comma", "comma")
        assert (on.numbers, pane.current.n) == ([1, 2, 3], 1)
        await on.keys("f", "down", "e", "ctrl+s")
        assert (on.numbers, pane.current.n) == ([1, 2, 4, 5, 6], 1)


async def test_a_height_that_is_wanted_while_another_one_is_read_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture = Showing._picture
    reading, going = threading.Event(), threading.Event()

    def slow(session: Showing, height: int, *, following: bool) -> Snapshot:
        if height == 29:
            reading.set()
            assert going.wait(20)
        return picture(session, height, following=following)

    async with opened() as on:
        await on.keys("t", "R")
        monkeypatch.setattr(Showing, "_picture", slow)
        await on.pilot.press("k")
        await on.until(reading.is_set)
        await on.pilot.press("k")
        going.set()
        await settle(on.pilot)
        assert on.snapshot.height == 28
        await on.keys("k")
        assert on.snapshot.height == 27


async def test_the_first_and_the_second_key_of_a_burst_mean_one_height_after_another() -> None:
    async with opened() as on:
        await on.keys("t", "R", "slash", "text:step", "enter")
        await on.keys("g", "text:0", "enter", "n", "n")
        second = on.snapshot.height
        await on.keys("n")
        third = on.snapshot.height
        await on.keys("g", "text:0", "enter")
        await typed_ahead(on, "n", "n", "n", "m", "k", "m", "f", "apostrophe")
        assert (on.snapshot.height, on.snapshot.marked) == (third, (second, third))
        await on.keys("escape", "escape", "f")
        await typed_ahead(on, "less_than_sign", "k", "F", *"side", "enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("side", 19)


async def test_each_key_of_a_burst_gets_a_hit_however_many_there_are() -> None:
    async with opened() as on:
        await on.keys("t", "R", "slash", "text:e", "enter")
        one_by_one = []
        await on.keys("g", "text:0", "enter")
        for _ in range(20):
            await on.keys("n")
            one_by_one.append(on.snapshot.height)
        await on.keys("g", "text:0", "enter")
        await typed_ahead(on, *["n"] * 20)
        assert on.snapshot.height == one_by_one[-1]


async def test_nothing_waits_for_a_height_that_cannot_be_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture = Showing._picture

    def flawed(session: Showing, height: int, *, following: bool) -> Snapshot:
        if height == 29:
            raise RuntimeError("a bug of ours")
        return picture(session, height, following=following)

    async with opened() as on:
        await on.keys("t", "R")
        monkeypatch.setattr(Showing, "_picture", flawed)
        await on.keys("k")
        assert "a bug of ours" in on.errors[-1]
        await on.keys("F")
        assert on.mode == "ForkDialog"
