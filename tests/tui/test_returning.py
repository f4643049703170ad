"""Coming back to a world: the branch, the marks and the property are as one left them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static, TextArea

from aos_core.world import World
from aos_tui.headless import run_headless
from aos_tui.left_off import MOST, Left, Marks, recall_left, remember_left
from aos_tui.options import Options, parse, words_of
from tests.support import EVENT, log, release_all, start
from tests.tui.driving import Driver, flip, opened, play

PENDING = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'


def file_of(remembered: Path) -> Path:
    """The one file of how a world was left."""
    (found,) = remembered.with_name("worlds").iterdir()
    return found


def header(on: Driver) -> str:
    return str(on.app.screen.query_one("#header", Static).render())


@pytest.fixture
def left(world: Path) -> Path:
    """A world whose user was on branch ``side``: main ends at 30, side at 19."""
    play(world)
    with World.open(world) as found, found.fork(16, "side") as side:
        release_all(side, 2)
    remember_left(world, Left("side"))
    return world


# -- the branch -------------------------------------------------------------------------------


async def test_the_branch_that_was_left_is_open_again_and_said_once(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "F", "ctrl+u", "text:side", "enter", "r")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.live, on.snapshot.writable) == ("side", 19, True)
        assert on.said == ["on branch side, as you left it: B shows the others"]
        await on.keys("B", "up", "enter")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.said) == ("main", [])


async def test_undone_and_renamed_is_where_one_comes_back_to(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R", "u")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.live) == ("main-undo-23", 22)
        await on.keys("m", "B", "r", "ctrl+u", "text:mine", "enter")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.marked) == ("mine", (22,))


async def test_who_names_a_place_is_there(left: Path) -> None:
    async with opened(left, branch="main") as on:
        assert (on.snapshot.branch, on.said) == ("main", [])
    remember_left(left, Left("side"))
    async with opened(left, at=16) as on:
        assert (on.snapshot.branch, on.snapshot.height, on.snapshot.live) == ("main", 16, 30)
    remember_left(left, Left("side"))
    async with opened(left, branch="side", at=3) as on:
        assert (on.snapshot.branch, on.snapshot.height, on.said) == ("side", 3, [])


@pytest.mark.parametrize("memory", [True, False])
def test_without_a_terminal_or_a_disk_nothing_is_remembered(left: Path, memory: bool) -> None:
    dump = left / "dump.json"
    options = Options(str(left), headless=not memory, memory=memory, poll=0.0, dump=dump)
    assert not options.returns
    before = recall_left(left)
    run_headless(options)
    assert json.loads(dump.read_text())["height"] == (0 if memory else 30)
    assert recall_left(left) == before == Left("side")


async def test_in_memory_one_begins_on_main(left: Path, remembered: Path) -> None:
    async with opened(left, memory=True) as on:
        await on.keys("t", "m", "u")
        assert on.snapshot.branch == "main-undo-1"
    assert recall_left(left) == Left("side")


async def test_a_branch_that_is_gone_is_dropped_without_a_word(left: Path) -> None:
    with World.open(left) as found:
        found.delete_branch("side")
    async with opened(left) as on:
        assert (on.snapshot.branch, on.said) == ("main", [])
        await on.keys("B", "down", "enter", "enter", "enter")
        assert on.snapshot.branch == "side"
    async with opened(left) as on:
        assert on.snapshot.branch == "side"


async def test_a_branch_that_does_not_open_any_more_is_named_and_main_is_there(left: Path) -> None:
    log(left, "side").write_bytes(b"\xff" * 400)
    async with opened(left) as on:
        assert (on.mode, on.snapshot.branch, on.snapshot.writable) == ("live", "main", True)
        assert "branch side, where you were, does not open" in on.said[0]


async def test_a_branch_that_somebody_writes_is_shown(left: Path) -> None:
    with World.open(left, "side"):
        async with opened(left) as on:
            assert (on.mode, on.snapshot.branch) == ("read-only", "side")


async def test_another_world_is_left_and_come_back_to_from_within(
    left: Path, tmp_path: Path
) -> None:
    async with opened("00", memory=False, poll=0.0) as on:
        on.app.worlds.open(str(left))
        await on.keys("comma")
        assert (on.snapshot.world, on.snapshot.branch) == ("world", "side")


# -- marks ------------------------------------------------------------------------------------


async def test_the_marks_of_each_branch_are_there_again(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "m", "R", "m", "F", "ctrl+u", "text:side", "enter", "comma", "m", "f")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.marked) == ("side", (16, 29, 30))
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.marked) == ("main", (16, 30))
        await on.keys("m")
        assert on.snapshot.marked == (16,)
    async with opened(world) as on:
        await on.keys("apostrophe")
        assert on.snapshot.height == 16
    assert set(recall_left(world).marks) == {"main", "side"}


async def test_two_at_one_world_keep_each_other_s_marks(left: Path) -> None:
    with World.open(left, write=False) as main:
        theirs = Marks((30,), main.frames[-1].hash.hex())
    async with opened(left) as on:
        await on.keys("m")
        ours = recall_left(left).marks
        remember_left(left, Left("main", {**ours, "main": theirs}))  # as another process does
        await on.keys("comma", "m")
    found = {name: of.heights for name, of in recall_left(left).marks.items()}
    assert found == {"main": (30,), "side": (18, 19)}


async def test_what_another_says_of_a_branch_that_one_has_left_stays(left: Path) -> None:
    async with opened(left) as on:
        await on.keys("m", "B", "up", "enter")
        (ours,) = recall_left(left).marks.values()
        theirs = Marks((18, 19), ours.frame)
        remember_left(left, Left("side", {"side": theirs}))  # as another process does
        await on.keys("m")
    assert {name: of.heights for name, of in recall_left(left).marks.items()} == {
        "main": (30,), "side": (18, 19),
    }  # fmt: skip


async def test_marks_of_a_history_that_is_gone_are_not_those_of_the_next(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "m", "R")
    assert recall_left(world).marks["main"].heights == (16,)
    log(world).unlink()
    with World.open(world) as found:
        found.fire(EVENT, start(topic="other"))
        assert found.height == 16
    async with opened(world) as on:
        assert (on.snapshot.live, on.snapshot.marked, on.errors) == (16, (), [])


async def test_marks_of_a_branch_that_was_deleted_come_back_with_it(left: Path) -> None:
    async with opened(left) as on:
        await on.keys("m", "B", "up", "enter", "B", "down", "d", "y", *["enter"] * 3)
        assert (on.snapshot.branch, on.snapshot.marked) == ("side", (19,))
    assert recall_left(left).marks["side"].heights == (19,)


# -- the property -----------------------------------------------------------------------------


async def test_the_property_is_watched_again_and_what_was_known_is_no_news(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T", "p", f"text:{PENDING}", "ctrl+s", "escape")
    async with opened(world) as on:
        assert (on.snapshot.holds, on.snapshot.fails_at, on.said) == ("holds", 16, [])
        assert "p ✓, ✗ 16" in header(on)
        await on.keys("p")
        assert on.app.screen.query_one(TextArea).text == PENDING
        await on.keys("ctrl+n")
    async with opened(world) as on:
        assert (on.snapshot.holds, recall_left(world).property) == (None, None)


async def test_a_failure_that_came_while_one_was_away_is_told(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("p", f"text:{PENDING}", "ctrl+s")
    with World.open(world) as found:
        found.fire(EVENT, start())
    async with opened(world) as on:
        assert [of for of in on.said if "fails first at height 16" in of] == on.said != []


async def test_a_property_that_no_longer_fits_is_dropped_with_a_word(world: Path) -> None:
    play(world)
    remember_left(world, Left(property='{"ref": "@state:demo/Gone@1"}', fails_at=3))
    async with opened(world) as on:
        assert on.snapshot.holds is None
        assert len(on.said) == 1 and "no longer fits, and is not watched" in on.said[0]
    assert recall_left(world) == Left()


async def test_the_world_is_shown_before_the_property_is_looked_at(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world)
    remember_left(world, Left(property=PENDING))
    order: list[str] = []

    def noting(name: str, of: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **more: Any) -> Any:
            order.append(name)
            return of(*given, **more)

        return noted

    from aos_core.property import Property
    from aos_tui.world_screen import WorldScreen

    monkeypatch.setattr(Property, "parse", noting("property", Property.parse))
    monkeypatch.setattr(WorldScreen, "show", noting("shown", WorldScreen.show))
    async with opened(world) as on:
        assert on.snapshot.fails_at == 16
    assert order.index("shown") < order.index("property")


# -- the file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '"side"', "[" * 100_000, "\x00\xff", '{"branch": "side"}',
        '{"version": 2, "branch": "side"}', '{"version": 1, "branch": 7}',
        '{"version": 1, "branch": "../side", "marks": 3, "property": [], "fails_at": true}',
        '{"version": 1, "branch": "", "marks": {"main": {"heights": [-1, 2], "frame": ""}}}',
        '{"version": 1, "marks": {"main": {"heights": [], "frame": ""}, "x": {"heights": [true]}}}',
        '{"version": 1, "marks": {"main": {"heights": [16], "frame": "not one"}}}',
        '{"version": 1, "scenarios": {"main": 3, "x": "gone"}}', '{"version": 1, "scenarios": []}',
        f'{{"version": 1, "marks": {{"main": {{"heights": [1{"0" * 999}], "frame": "ab"}}}}}}',
    ],
)  # fmt: skip
async def test_a_file_that_makes_no_sense_is_as_none(
    world: Path, remembered: Path, text: str
) -> None:
    play(world)
    remember_left(world, Left("side"))
    file_of(remembered).write_text(text, encoding="latin-1")
    async with opened(world) as on:
        assert (on.mode, on.snapshot.branch, on.snapshot.marked) == ("live", "main", ())
        assert (on.snapshot.holds, on.said) == (None, [])
        await on.keys("m")
    async with opened(world) as on:
        assert on.snapshot.marked == (30,)


async def test_a_place_that_cannot_be_written_costs_nothing(world: Path, remembered: Path) -> None:
    remembered.with_name("worlds").write_text("in the way")
    async with opened(world) as on:
        await on.keys("t", "m", "u")
        assert (on.snapshot.branch, on.errors) == ("main-undo-1", [])
    async with opened(world) as on:
        assert on.snapshot.branch == "main"


async def test_who_changes_nothing_writes_nothing(left: Path, remembered: Path) -> None:
    file = file_of(remembered)
    file.write_text(file.read_text() + "\n")
    before = file.read_bytes()
    async with opened(left) as on:
        await on.keys("comma", "f")
    assert file.read_bytes() == before


_SAYING = """
import sys
from pathlib import Path
from aos_tui import remembered
from aos_tui.left_off import Marks, change_left
remembered.state_file = lambda: Path(sys.argv[1])
for n in range(60):
    change_left(Path("w"), lambda of: of.with_marks(f"{sys.argv[2]}-{n}", Marks((n,), "ab")))
"""


def test_nobody_loses_what_another_process_says_meanwhile(remembered: Path) -> None:
    command = [sys.executable, "-c", _SAYING, str(remembered)]
    running = [subprocess.Popen([*command, who]) for who in "abc"]
    while any(of.poll() is None for of in running):
        for file in remembered.with_name("worlds").glob("*.json"):
            assert json.loads(file.read_text())["version"] == 1, "it is never half a file"
    assert [of.returncode for of in running] == [0, 0, 0]
    names = {f"{who}-{n}" for who in "abc" for n in range(60)}
    assert recall_left(Path("w")).marks.keys() == names


def test_the_worlds_left_last_are_remembered(tmp_path: Path, remembered: Path) -> None:
    marks = {"main": Marks((1, 2), "ab")}
    for n in range(MOST + 5):
        remember_left(tmp_path / str(n), Left("side", marks, "p", 3))
    assert len(list(remembered.with_name("worlds").iterdir())) == MOST
    assert recall_left(tmp_path / str(MOST + 4)) == Left("side", marks, "p", 3)
    assert recall_left(tmp_path / "none") == Left()


def test_no_branch_is_named_where_none_was_given() -> None:
    assert parse(["x"]).branch is None and not parse(["x"]).names_place
    assert "--branch=main" in words_of(parse(["x", "--branch", "main"]))
    assert not any(of.startswith("--branch") for of in words_of(parse(["x"])))
    assert not parse(["x", "--memory"]).returns and not parse(["x", "--headless"]).returns


# -- what was verified -------------------------------------------------------------------------


async def marked(on: Driver) -> tuple[str, bool]:
    """What the header says of the chain, and whether the branch list has a tick for this one."""
    header = on.screen.splitlines()[0]
    said = header.partition("chain ")[2].partition("  ")[0]
    await on.keys("B")
    line = next(of for of in on.screen.splitlines() if "◉" in of and "h " in of)
    await on.keys("escape")
    return said, "✓" in line


async def test_header_and_branch_list_say_the_same_of_a_verification_of_before(
    world: Path,
) -> None:
    play(world)
    async with opened(world, size=(120, 40)) as on:
        assert await marked(on) == ("unverified", False)
        await on.keys("v")
        assert await marked(on) == ("✓ verified", True)
    async with opened(world, size=(120, 40)) as on:
        assert await marked(on) == ("✓ verified before", True)
        assert on.known["verified"] is True
        await on.keys("e", "ctrl+s")
        assert await marked(on) == ("✓ to 30", False)
        await on.keys("u", "v")
        assert await marked(on) == ("✓ verified", True)
        await on.keys("B", "home", "enter")
        assert on.snapshot.branch == "main"
        assert await marked(on) == ("✓ to 30", False)


async def test_a_verification_of_other_bytes_or_by_another_engine_counts_for_nothing(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = play(world)
    async with opened(world) as on:
        await on.keys("v")
    with monkeypatch.context() as patched:
        patched.setattr("aos_core.verify.ran_by", lambda: "another engine")
        async with opened(world, size=(120, 40)) as on:
            assert await marked(on) == ("unverified", False)
    whole = log(world).read_bytes()
    flip(log(world), offsets[2] + 40)
    async with opened(world, size=(120, 40)) as on:
        assert (await marked(on))[1] is False
        assert on.known["verified"] is not True
    log(world).write_bytes(whole)
    async with opened(world, size=(120, 40)) as on:
        assert await marked(on) == ("✓ verified before", True)


async def test_a_fork_is_verified_as_far_as_what_it_goes_on_from(world: Path) -> None:
    play(world)
    async with opened(world, size=(120, 40)) as on:
        await on.keys("v", "comma", "comma", "F", "text:side", "enter")
        assert await marked(on) == ("unverified", False), "no verification ended there"
        await on.keys("v", "B", "home", "enter", "B", "end", "enter")
        assert on.snapshot.branch == "side"
        assert await marked(on) == ("✓ verified before", True)
