"""Picking a world: where none was named, and with o where one is open."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList

from aos_core.files import bundled_worlds
from aos_core.world import World
from aos_tui.app import AosApp
from aos_tui.dialogs.help import HelpDialog
from aos_tui.options import Options, parse
from aos_tui.remembered import MOST, Remembered, forget_world, recall, remember_world
from aos_tui.session.worlds import Place, places
from tests.support import ROOT, copy_example, counter_world
from tests.tui.driving import Driver, on_disk, opened
from tests.tui.picking import (
    PICKER,
    about,
    chosen,
    in_an_empty_folder,  # noqa: F401
    lines,
    picking,
    recent,
)

# -- the list ---------------------------------------------------------------------------------


async def test_the_first_time_it_offers_the_tour_and_the_ladder() -> None:
    async with picking() as on:
        assert chosen(on).startswith("Take the tour")
        ladder = [of for of in lines(on) if of[:2].isdecimal()]
        assert [of.split()[0] for of in ladder] == [of.path.name for of in bundled_worlds()]
        for line, world in zip(ladder, bundled_worlds(), strict=True):
            assert line.endswith(world.summary)


async def test_it_filters_as_one_types_and_opens_what_is_left(remembered: Path) -> None:
    async with picking() as on:
        await on.keys("text:04")
        assert [of.split()[0] for of in lines(on)] == ["04-aggregator"]
        assert "in any order" in about(on)
        await on.keys("enter")
        assert (on.mode, on.snapshot.world) == ("live", "04-aggregator")
        await on.keys("t")
        assert on.numbers == [1, 2, 3]
    (four,) = (of for of in bundled_worlds() if of.number == "04")
    assert recent(remembered) == [str(four.path.resolve())]
    assert not (four.path / ".aos/journal").exists()


async def test_words_are_found_wherever_they_stand_and_esc_empties_the_filter() -> None:
    async with picking() as on:
        every = lines(on)
        await on.keys("text:HTTP order")
        assert len(lines(on)) == 1 and "04-aggregator" in lines(on)[0]
        await on.keys("text:xyz")
        assert lines(on) == []
        assert "esc empties the filter" in str(
            on.app.screen.query_one(OptionList).options[0].prompt
        )
        await on.keys("enter")
        assert on.mode == PICKER
        await on.keys("escape")
        assert lines(on) == every and on.app.screen.query_one(Input).value == ""
        await on.keys("escape")
        assert not on.app.is_running


async def test_the_world_one_stands_in_comes_first(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter_world(elsewhere / "here")
    async with opened("", memory=False) as on:
        assert not chosen(on).startswith("here")
    monkeypatch.chdir(elsewhere / "here")
    async with opened("", memory=False) as on:
        assert chosen(on).startswith("here")
        await on.keys("enter")
        assert on.snapshot.world == "here"
    assert on_disk(elsewhere / "here")[0] == 0


async def test_recent_ones_are_newest_first_and_a_missing_one_is_said(
    world: Path, tmp_path: Path, remembered: Path
) -> None:
    other, gone = counter_world(tmp_path / "other"), counter_world(tmp_path / "gone")
    for place in (gone, other, world):
        remember_world(str(place))
    shutil.rmtree(gone)
    async with picking() as on:
        assert [of.split()[0] for of in lines(on)[:3]] == ["world", "other", "gone"]
        await on.keys("down", "down")
        assert "✗ its folder is not there" in chosen(on)
        assert "delete takes it off this list" in about(on)
        await on.keys("enter")
        assert on.mode == PICKER and "is not there" in on.said[-1]
        await on.keys("delete")
        assert recent(remembered) == [str(world), str(other)]
        assert [of.split()[0] for of in lines(on)[:2]] == ["world", "other"]
        await on.keys("end", "text:ladder-of-nothing", "escape", "text:tour", "delete")
        assert "only recent worlds" in on.said[-1]
        await on.keys("escape", "down", "enter")
        assert on.snapshot.world == "other"
    assert recent(remembered) == [str(other), str(world)]


def test_only_so_many_are_remembered_and_each_once(remembered: Path) -> None:
    for number in range(MOST + 3):
        remember_world(f"/w/{number}")
    remember_world("/w/5")
    assert recall().recent[:2] == ("/w/5", "/w/12") and len(recall().recent) == MOST
    forget_world("/w/5")
    assert "/w/5" not in recall().recent and recall() != Remembered()
    assert recall().size_told, "the rest is kept"


def test_where_the_file_is_nonsense_nothing_is_remembered(remembered: Path) -> None:
    for nonsense in ("", "{", "[" * 100_000, '{"recent": 3, "theme": []}'):
        remembered.write_text(nonsense, encoding="utf-8")
        assert recall() == Remembered()


_OPENING = """
import sys
from pathlib import Path
from aos_tui import remembered
remembered.MOST, remembered.state_file = 1000, lambda: Path(sys.argv[1])
for n in range(40):
    remembered.remember_world(f"{sys.argv[2]}-{n}")
"""


def test_nobody_loses_what_another_app_opened_meanwhile(remembered: Path) -> None:
    command = [sys.executable, "-c", _OPENING, str(remembered)]
    running = [subprocess.Popen([*command, who], cwd=ROOT) for who in "abc"]
    assert [of.wait() for of in running] == [0, 0, 0]
    assert {*recent(remembered)} == {f"{who}-{n}" for who in "abc" for n in range(40)}
    assert recall().size_told, "the rest is kept"


async def test_a_world_that_is_damaged_says_so_and_can_be_looked_at(world: Path) -> None:
    (world / "world.toml").write_text("name = [")
    remember_world(str(world))
    async with picking() as on:
        assert "world.toml does not load" in chosen(on)
        await on.keys("enter")
        assert on.mode == "ProblemScreen"
        await on.keys("escape")
        assert on.mode == PICKER


async def test_control_characters_of_a_world_do_not_reach_the_terminal(world: Path) -> None:
    text = (world / "world.toml").read_text().replace(
        'title = "', 'title = "\\u001b[31mred\\u0007 \\u202e '
    )  # fmt: skip
    (world / "world.toml").write_text(text)
    (world / "README.md").write_text("It \x1b[2J clears\x07 all.\n\nMore.\n")
    remember_world(str(world))
    async with picking(size=(120, 40)) as on:
        await on.until(lambda: "clears" in about(on))
        shown = about(on) + "".join(lines(on))
        assert "red" in shown and not any(of in shown for of in "\x1b\x07\u202e")


async def test_its_keys_are_in_the_help_and_the_size_is_spoken_of(remembered: Path) -> None:
    remembered.unlink()
    async with picking() as on:
        assert any("80x24" in of for of in on.said)
        await on.keys("question_mark")
        assert on.mode == "HelpDialog"
        assert isinstance(on.app.screen, HelpDialog)
        ((heading, rows),) = on.app.screen._groups
        assert heading == "Where worlds are picked"
        assert {"enter", "delete", "?", "esc", "ctrl+q"} <= {key for key, _ in rows}
        await on.keys("escape")
        assert on.mode == PICKER and on.app.screen.query_one(Input).value == ""


async def test_what_is_typed_ahead_of_the_list_waits_for_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_world(str(world))
    begun, going = threading.Event(), threading.Event()

    def slow(recent: Sequence[str]) -> list[Place]:
        begun.set()
        assert going.wait(20)
        return places(recent)

    monkeypatch.setattr("aos_tui.session.worlds.places", slow)
    app = AosApp(Options(poll=0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        on = Driver(app, pilot)
        await on.until(begun.is_set)
        await pilot.press(*"world", "enter")
        assert on.mode == PICKER
        going.set()
        await on.until(lambda: on.mode == "live")
        assert on.snapshot.world == "world"


async def test_an_opening_that_takes_long_is_shown_and_can_be_left(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_world(str(counter_world(tmp_path / "other")))

    def endless(cls: type[World], /, *_: Any, progress: Callable[..., None], **more: Any) -> World:
        for done in itertools.count():
            time.sleep(0.01)
            progress("indexing the journal", done % 100, 100)
        raise AssertionError

    async with opened(world) as on:
        monkeypatch.setattr(World, "open", classmethod(endless))
        await on.pilot.press("o")
        await on.until(lambda: on.mode == PICKER and len(lines(on)) > 5)
        await on.pilot.press("enter")
        await on.until(lambda: bool(on.app.screen.query_one("#opening").display))
        await on.keys("escape", "t")
        assert (on.mode, on.snapshot.world, on.snapshot.live) == ("live", "world", 16)


async def test_keys_in_a_hurry_do_no_harm(world: Path, tmp_path: Path) -> None:
    remember_world(str(counter_world(tmp_path / "other")))
    async with opened(world) as on:
        for keys in (("o", "o"), ("enter", "enter"), ("o", "enter", "escape"), ("escape", "o")):
            await on.pilot.press(*keys)
        await on.keys("text:x")
        for _ in range(3):
            if on.mode == PICKER:
                await on.keys("escape", "escape")
        assert on.mode == "live" and len(on.app.screen_stack) == 1
    assert on_disk(world)[0] == on_disk(tmp_path / "other")[0] == 0


# -- from an open world -----------------------------------------------------------------------


async def test_o_opens_another_world_and_closes_the_one_before(
    world: Path, tmp_path: Path, remembered: Path
) -> None:
    other = counter_world(tmp_path / "other")
    remember_world(str(other))
    async with opened(world) as on:
        await on.keys("t", "o")
        assert on.mode == PICKER
        assert lines(on)[0].startswith("world") and "open now" in lines(on)[0]
        await on.keys("escape")
        assert (on.mode, on.snapshot.live) == ("live", 16)
        await on.keys("R", "o", "enter")
        assert (on.snapshot.world, on.snapshot.live) == ("other", 0)
        assert len(on.app.screen_stack) == 1
        with World.open(world) as free:  # it is not locked any more
            assert free.height == 30
        await on.keys("o", "enter")
        assert (on.snapshot.world, on.snapshot.live) == ("world", 30)
        await on.keys("comma", "v")
        assert (on.snapshot.height, on.known["verified"]) == (29, True)
    assert recent(remembered) == [str(world), str(other)]


async def test_the_open_world_itself_is_gone_back_to(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "o", "up", "enter")
        assert (on.mode, on.snapshot.live, on.said[-1]) == ("live", 16, "this world is open")


async def test_the_open_one_stays_where_the_other_does_not_open(
    world: Path, tmp_path: Path
) -> None:
    bad = copy_example(tmp_path / "bad")
    (bad / "air/module.air.json").write_text("{")
    remember_world(str(bad))
    async with opened(world) as on:
        await on.keys("t", "o", "text:bad", "enter")
        assert on.mode == "ProblemScreen"
        await on.keys("escape")
        assert on.mode == PICKER
        await on.keys("escape", "escape", "R")
        assert (on.snapshot.world, on.snapshot.live, on.numbers) == ("world", 30, [])
        await on.keys("o", "text:bad", "enter")
        assert on.mode == "ProblemScreen"
        shutil.copy(world / "air/module.air.json", bad / "air/module.air.json")
        await on.keys("r")
        assert (on.mode, on.snapshot.world) == ("live", "bad")
    assert on_disk(world)[0] == 30


async def test_from_a_world_that_was_named_and_does_not_open_one_gets_away(
    world: Path, tmp_path: Path
) -> None:
    (world / "world.toml").write_text("name = [")
    other = counter_world(tmp_path / "other")
    remember_world(str(other))
    async with opened(world) as on:
        assert on.mode == "ProblemScreen"
        await on.keys("o")
        assert on.mode == PICKER and chosen(on).startswith("world")
        await on.keys("down", "enter")
        assert on.snapshot.world == "other"


@pytest.mark.parametrize("mended", [False, True])
async def test_esc_goes_back_to_the_world_that_does_not_open(world: Path, mended: bool) -> None:
    whole = (world / "world.toml").read_text()
    (world / "world.toml").write_text("name = [")
    async with opened(world, branch="main") as on:
        await on.keys("o")
        assert on.mode == PICKER and "esc goes back" in on.screen
        if mended:
            (world / "world.toml").write_text(whole)
        await on.keys("escape")
        if mended:
            assert (on.mode, on.snapshot.world) == ("live", world.name)
            return
        assert on.mode == "ProblemScreen" and "world.toml" in on.screen
        await on.keys("r", "o", "escape")
        assert on.mode == "ProblemScreen", "as often as one likes"
        await on.keys("escape")
        assert on.mode == PICKER, "where it was picked"
        await on.keys("escape")
        assert not on.app.is_running or on.app._exit


async def test_esc_goes_back_to_it_from_an_open_one_too(world: Path, tmp_path: Path) -> None:
    other = counter_world(tmp_path / "other")
    remember_world(str(other))
    (other / "world.toml").write_text("name = [")
    async with opened(world) as on:
        await on.keys("o", "text:other", "enter")
        assert on.mode == "ProblemScreen"
        await on.keys("o", "escape")
        assert on.mode == PICKER, "the filter is emptied first"
        await on.keys("escape")
        assert on.mode == "ProblemScreen"
        await on.keys("escape")
        assert on.mode == PICKER
        await on.keys("escape")
        assert (on.mode, on.snapshot.world) == ("live", world.name)
        assert len(on.app.screen_stack) == 1


async def test_there_and_back_many_times_leaves_nothing_behind(world: Path, tmp_path: Path) -> None:
    other = counter_world(tmp_path / "other")
    for place in (world, other):
        remember_world(str(place))
    async with opened(world, poll=0.01) as on:
        for at in range(6):
            await on.keys("o", "enter")
            assert on.snapshot.world == ("other", "world")[at % 2]
        assert len(on.app.screen_stack) == 1
        endless = [of for of in on.app.workers if not of.is_finished]
        assert len(endless) == 1, "only the present world is followed"
    assert on_disk(world)[0] == on_disk(other)[0] == 0


# -- options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["--branch", "x"], ["--scenario", "x"], ["--at", "3"], ["--tour", "04"]]
)
def test_options_of_a_world_need_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        parse(arguments)
    assert exit.value.code == 2
    assert "WORLD" in capsys.readouterr().err


def test_without_a_world_one_is_picked() -> None:
    assert (parse([]).world, parse(["."]).world, parse(["04"]).branch) == ("", ".", None)
