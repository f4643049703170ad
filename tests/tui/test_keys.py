"""Which keys there are, where they are named, and that one which does nothing says why."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input, Static

from aos_core.world import World
from aos_tui import keys_in_turn
from aos_tui.actions import ACTIONS, ANYWHERE, PICKER
from aos_tui.headless import settle
from aos_tui.keys_in_turn import KeysInTurn
from aos_tui.session import Session
from aos_tui.session.branching import Place
from aos_tui.session.experiments import Comparison, Undone
from aos_tui.snapshot import Snapshot
from aos_tui.world_screen import WorldScreen
from tests.tui.driving import FOCUS, SIZES, opened, typed_ahead

# -- the footer, help and the palette ----------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_footer_begins_with_the_keys_of_the_focused_pane_and_ends_with_help(
    size: tuple[int, int],
) -> None:
    first = {
        "journal": "tT play e fire enter open rR release x break u undo w why v verify",
        "plan": "enter open d list",
        "state": "enter open d display H history / find",
        "pending": "rR release sS shuffle x break i edit",
    }
    async with opened(size=size) as on:
        footer = on.app.screen.query_one("#footer", Static)
        for begins in first.values():
            line = str(footer.render())
            assert line.startswith(begins) and line.endswith(" ? help q quit"), line
            assert len(line) <= size[0] and line.count("/ find") <= 1
            assert ("e fire" in line) or size[0] == 80
            await on.keys("tab")
        assert ("c compare B branches" in str(footer.render())) == (size[0] > 80)
        await on.keys("slash")
        assert str(footer.render()) == "enter to the records esc close", "letters are typed"
        await on.keys("escape")
        line = str(footer.render())
        await on.pilot.click("#footer", offset=(line.index("open"), 0))
        assert on.mode == "RecordDialog", "a key of the pane"
        await on.keys("escape")
        await on.pilot.click("#footer", offset=(line.index("help"), 0))
        assert on.mode == "HelpDialog"


async def test_a_very_wide_footer_names_no_key_twice() -> None:
    async with opened(size=(300, 24)) as on:
        await on.keys(*FOCUS["state"])
        line = str(on.app.screen.query_one("#footer", Static).render())
        assert line.count("/ find") == line.count("tT play") == line.count("? help") == 1
        assert "J later" not in line and "M against" in line


async def test_help_begins_with_the_focused_pane_and_names_every_key() -> None:
    async with opened() as on:
        await on.keys(*FOCUS["pending"], "question_mark")
        groups = on.app.screen._groups  # type: ignore[attr-defined]
        assert groups[0][0] == "In the pending pane"
        assert groups[-1][0] == "Signs"
        lines = [line for _, rows in groups[:-1] for _, line in rows]
        assert sorted(lines) == sorted(
            action.help for action in ACTIONS if action.keys and action.where != PICKER
        )


async def test_the_palette_has_every_action_of_the_table() -> None:
    async with opened() as on:
        titles = {command.title for command in on.app.get_system_commands(on.app.screen)}
        wanted = [of for of in ACTIONS if of.where == ANYWHERE and not of.own]
        assert len(titles) == len(wanted) + 1
        await on.keys("ctrl+p", "text:play", "enter", "enter")
        assert on.snapshot.height in (16, 30)


async def test_every_key_of_the_table_is_bound_once_a_place() -> None:
    seen: set[tuple[str, str]] = set()
    for action in ACTIONS:
        for key in filter(None, action.keys.split(",")):
            assert (action.where, key) not in seen
            seen.add((action.where, key))


# -- keys that do nothing ----------------------------------------------------------------------


async def test_a_key_that_does_nothing_says_why() -> None:
    async with opened() as on:
        for keys, said in (
            (("R",), "nothing is waiting for a receipt: e fires"),
            (("r",), "nothing is waiting for a receipt: e fires"),
            (("s",), "nothing is waiting for a receipt: there is no order"),
            (("S",), "nothing is waiting for a receipt: there is no order"),
            (("i",), "nothing is waiting for a receipt: there is no receipt"),
            (("J",), "J does nothing here. In pending:"),
            (("left_square_bracket",), "[ does nothing here. In plan:"),
            (("x",), "nothing is waiting for a receipt: there is no receipt to break"),
            (("u",), "nothing to undo"),
            (("c",), "nothing to compare with yet"),
            (("apostrophe",), "no height is marked"),
            (("a",), "a does nothing here"),
            (("n",), "nothing is looked for: / says"),
            (("escape", "escape"), "nothing runs"),
            (("b",), "the files on disk are those in force already"),
            (("tab", "right_square_bracket"), "there is no other plan instance"),
            (("down",), "no plan has started"),
            (("enter",), "no plan has started"),
            (("tab", "tab", "space"), "nothing is waiting, so there is nothing to select"),
            (("J",), "nothing is waiting, so there is nothing to move"),
            (("y",), "there is nothing to copy in pending"),
            (("t", "K"), "there is no place further"),
        ):
            await on.keys(*keys)
            assert on.said[-1].startswith(said)
            assert on.mode == "live"


async def test_ctrl_c_says_what_quits() -> None:
    async with opened() as on:
        await on.keys("ctrl+c")
        assert on.said == ["ctrl+c copies what is selected in a field; ctrl+q quits"]


# -- keys that come at once --------------------------------------------------------------------


async def test_keys_typed_ahead_of_a_dialog_do_nothing_else() -> None:
    async with opened() as on:
        for key in "etTR":  # faster than anything here can open
            on.app.post_message(events.Key(key, key))
        await on.until(lambda: on.mode == "EventDialog")
        await settle(on.pilot)  # so that what was typed has arrived
        await on.keys("escape")
        assert (on.mode, on.snapshot.height, on.said) == ("live", 0, [])


async def test_keys_that_come_at_once_mean_what_they_mean_one_by_one() -> None:
    async with opened() as on:
        await typed_ahead(on, "t", "R", "v")
        assert (on.snapshot.live, on.snapshot.verified.state) == (30, "ok")
        assert on.snapshot.verified.height == 30
        await typed_ahead(on, "u", "u", "t")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-undo-20", 30)
        assert on.errors == []


async def test_keys_for_the_world_end_where_a_dialog_comes_up() -> None:
    async with opened() as on:
        await typed_ahead(on, "t", "e", "R", "R")
        assert on.mode == "EventDialog" and on.snapshot.live == 16


async def test_keys_that_wait_for_what_is_written_do_nothing_below_a_dialog() -> None:
    written = asyncio.Event()
    async with opened() as on:
        screen = on.app.screen
        assert isinstance(screen, WorldScreen)
        screen.work(written.wait)
        await on.pilot.press("v", "question_mark")
        await on.until(lambda: on.mode == "HelpDialog")
        written.set()
        await settle(on.pilot)
        assert on.snapshot.verified.state == "unverified"


async def test_keys_typed_ahead_of_a_dialog_are_for_it() -> None:
    async with opened() as on:
        await on.keys("t", "F", "text:side", "enter")
        assert on.snapshot.branch == "side"
        await typed_ahead(on, "B", "up", "enter")
        assert (on.mode, on.snapshot.branch) == ("live", "main")
        await typed_ahead(on, "F", "x", "y", "enter")
        assert (on.mode, on.snapshot.branch) == ("live", "xy")
        await typed_ahead(on, "B", "escape", "comma")
        assert (on.mode, on.snapshot.height) == ("past", 15)


async def test_keys_typed_ahead_of_a_dialog_that_one_could_not_expect_are_for_nobody() -> None:
    async with opened() as on:
        await on.keys("t", "R", "comma")
        await typed_ahead(on, "e", "down", "u", "enter")
        assert on.mode == "ForkDialog"
        assert isinstance(on.app.focused, Input) and on.app.focused.value == "main-22"
        await on.keys("escape", "B", "escape")
        assert (on.mode, on.snapshot.height, on.snapshot.branch) == ("past", 29, "main")


async def test_they_are_so_too_where_that_dialog_comes_between_two_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys_in_turn, "LOOK_SECONDS", 0.3)
    async with opened() as on:
        await on.keys("t", "R", "comma")
        await typed_ahead(on, "e", "down", "u", "enter")
        assert (on.mode, on.snapshot.branch) == ("ForkDialog", "main")


async def test_keys_typed_ahead_of_a_dialog_are_not_for_one_that_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fork_name, named = Session.fork_name, asyncio.Event()

    async def slow(session: Session, height: int) -> str:
        await named.wait()
        return await fork_name(session, height)

    monkeypatch.setattr(Session, "fork_name", slow)
    async with opened() as on:
        screen, answers = on.app.screen, list[bool]()
        assert isinstance(screen, WorldScreen)
        await on.pilot.press("F")
        on.app.post_message(events.Key("y", "y"))
        await on.pilot.pause()
        screen._ask("ConfirmDialog", answers.append, "Files have changed", "Swap?")
        on.app.post_message(events.Key("y", "y"))
        await on.pilot.pause(0.1)
        named.set()
        await settle(on.pilot)
        field = on.app.focused
        assert on.mode == "ForkDialog" and answers == []
        assert isinstance(field, Input) and field.value == "yy"


async def test_a_dialog_that_takes_long_is_not_looked_for_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look, looked = KeysInTurn._look, 0

    async def counted(keys: KeysInTurn) -> None:
        nonlocal looked
        looked += 1
        await look(keys)

    monkeypatch.setattr(KeysInTurn, "_look", counted)
    async with opened() as on:
        screen = on.app.screen
        assert isinstance(screen, WorldScreen)
        screen.prepare(partial(asyncio.sleep, 0.5))
        await typed_ahead(on, "k")
        assert 0 < looked < 100


@pytest.mark.parametrize("keys", ["c", "Bjc", "D\n"])
async def test_keys_typed_ahead_of_a_comparison_do_nothing_below_it(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    compare = Session.compare

    async def slow(session: Session, *places: Place) -> Comparison:
        await asyncio.sleep(0.2)
        return await compare(session, *places)

    monkeypatch.setattr(Session, "compare", slow)
    async with opened() as on:
        await on.keys("t", "R", "u")
        height = on.snapshot.height
        await typed_ahead(on, *("enter" if key == "\n" else key for key in keys), "k", "k")
        assert (on.mode, on.snapshot.height) == ("ComparisonDialog", height)


async def test_a_dialog_is_on_its_way_until_it_is_there_though_another_verb_asked_for_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = Session.event_choices
    asked, going = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> Any:
        asked.set()
        await going.wait()
        return await choices(session)

    monkeypatch.setattr(Session, "event_choices", slow)
    with World.open(world) as holder:
        async with opened(world) as on:
            holder.close()
            await on.pilot.press("e")  # which first tries whether one can write
            await asyncio.wait_for(asked.wait(), 20)
            await on.pilot.pause()
            screen = on.app.screen
            assert isinstance(screen, WorldScreen) and screen.preparing
            going.set()
            await settle(on.pilot)
            assert on.mode == "EventDialog"


@pytest.mark.parametrize("key", ["x", "S", "i", "L", "c", "H"])
async def test_keys_typed_ahead_of_a_dialog_that_does_not_come_are_for_nobody(key: str) -> None:
    async with opened() as on:
        await typed_ahead(on, key, "t")
        assert on.mode == "live" and on.snapshot.live == 0 and len(on.said) == 1
        await on.keys("t")
        assert on.snapshot.live == 16, "what comes later is meant"


async def test_they_are_so_too_where_the_key_for_the_dialog_had_to_wait() -> None:
    async with opened() as on:
        await typed_ahead(on, "t", "R", "x", "u")
        assert (on.snapshot.branch, on.snapshot.live) == ("main", 30)


async def test_a_key_that_is_held_down_does_not_go_on_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undo, begun = Session.undo, itertools.count()
    total = 0

    async def slow(session: Session) -> Undone | None:
        nonlocal total
        total = next(begun) + 1
        await asyncio.sleep(0.3)
        return await undo(session)

    monkeypatch.setattr(Session, "undo", slow)
    async with opened("00") as on:
        await typed_ahead(on, *["u"] * 100)
        assert 1 < total < 12


async def test_keys_behind_the_end_of_a_dialog_are_for_what_was_below_it() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        for first in ((), ("g",)):  # the dialog is on its way, or there already
            await on.keys("f", *first)
            await typed_ahead(on, *("g", "1", "0", "enter", "k", "k", "j")[len(first) :])
            assert (on.mode, on.snapshot.height) == ("past", 9)
        await typed_ahead(on, "g", "x", "escape", "f", "g", "1", "2", "enter", "enter")
        assert (on.mode, on.snapshot.height) == ("RecordDialog", 12)


async def test_what_is_pasted_waits_for_its_turn_as_keys_do() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        for event in (events.Key("g", "g"), events.Paste("7"), events.Key("enter", None)):
            on.app.post_message(event)
        await on.until(lambda: on.snapshot.height == 7)


async def test_a_long_text_typed_at_once_arrives_whole() -> None:
    """As where a terminal does not say that it is pasted."""
    text = "".join(chr(97 + at % 26) for at in range(500))
    async with opened() as on:
        await on.keys("t")
        await typed_ahead(on, "slash", *text)
        assert isinstance(on.app.focused, Input) and on.app.focused.value == text


async def test_keys_behind_one_that_waits_for_what_is_written_wait_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = Session.release

    async def slow(session: Session, *given: Any, **more: Any) -> Any:
        await asyncio.sleep(0.3)
        return await release(session, *given, **more)

    monkeypatch.setattr(Session, "release", slow)
    async with opened() as on:
        await on.keys("t")
        await typed_ahead(on, "r", "e", "down", "f", "j", "q")
        assert on.mode == "EventDialog" and on.snapshot.live == 19


async def test_steps_at_once_add_up_and_are_shown_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[int] = []
    publish = Session._publish

    def counting(session: Session, snapshot: Snapshot) -> None:
        shown.append(snapshot.height)
        publish(session, snapshot)

    async with opened() as on:
        await on.keys("t", "R")
        monkeypatch.setattr(Session, "_publish", counting)
        await typed_ahead(on, *["k"] * 20)
        assert shown[-1] == 10 and len(shown) < 10
        await typed_ahead(on, "m", *["full_stop"] * 5, "m", "j")
        assert (on.snapshot.height, on.snapshot.marked) == (16, (10, 15))
