"""What the app looks like. Worlds are in memory: time and entropy come from the scenario's seed.

After a change that is meant: look at the differences (``--snapshot-report=PATH``), then
``pytest tests/tui/test_snapshots.py --snapshot-update``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from aos_core.files import Listed, bundled_worlds
from aos_core.world import World
from aos_tui.app import AosApp
from aos_tui.headless import press, settle
from aos_tui.left_off import Left, Marks, remember_left
from aos_tui.options import Options
from aos_tui.themes import OWN
from tests.support import log, release_all
from tests.tui.driving import FOCUS, Driver, flip, play

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
SCREENS = {
    "first": (),
    "asked": ("t",),
    "two-of-three": ("t", *FOCUS["pending"], "space", "down", "space", "r"),
    "verified": ("t", "R", "v"),
    "travelling": ("t", "R", "less_than_sign", "less_than_sign", "comma"),
    "two-plans": ("t", "t", *FOCUS["plan"], "left_square_bracket", "down"),
    "filtering": ("t", "R", "slash", "text:kind:receipt"),
    "help": ("t", "question_mark"),
    "record": ("t", "enter"),
    "event": ("e",),
    "receipt": ("t", "i"),
    "shuffle": ("t", "S"),
    "fork": ("t", "R", "comma", "F"),
    "never-comes": ("t", *FOCUS["pending"], "x", "n", "down", "r", "less_than_sign"),
    "messages": ("n", "t", "R", "v", "exclamation_mark"),
    "long-names": ("t", "F", "text:payment-retry-experiment-2", "enter", "p", "ctrl+s", "escape"),
}

Compare = Callable[..., bool]


@SIZES
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    scenario = "two-at-once" if name == "two-plans" else "basic"
    assert compare(snap_compare, Options("04", memory=True, scenario=scenario), SCREENS[name], size)


WIDE = {
    **{name: SCREENS[name] for name in ("verified", "record", "event", "help", "shuffle")},
    "folded": ("t", "R", "C"),
    "compared": ("t", "R", "D", "enter"),
    "palette": ("t", "ctrl+p"),
}


@pytest.mark.parametrize("size", [(200, 60)], ids=["200x60"])
@pytest.mark.parametrize("name", WIDE)
def test_much_room(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options("04", memory=True, scenario="basic"), WIDE[name], size)


@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
@pytest.mark.parametrize("name", ["compared", "palette"])
def test_little_room(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options("04", memory=True, scenario="basic"), WIDE[name], size)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_colours_of_the_terminal(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    options = Options("04", memory=True, theme=theme)
    assert compare(snap_compare, options, ("t", *FOCUS["plan"], "down"), size)


@SIZES
def test_problem_screen(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    # its hint names the worlds that ship: another rung changes nothing here
    one = [of for of in bundled_worlds() if of.number == "04"]
    monkeypatch.setattr("aos_core.files.bundled_worlds", lambda: one)
    assert compare(snap_compare, Options("no-such-world"), (), size)


@pytest.mark.parametrize("size", [(59, 24), (80, 14)], ids=["59x24", "80x14"])
def test_too_small(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options("04", memory=True), ("t",), size)


@pytest.mark.parametrize("size", [(60, 20)], ids=["60x20"])
def test_one_column(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options("04", memory=True), ("t",), size)


@pytest.mark.parametrize("theme", [of.name for of in OWN])
@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_theme(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    options = Options("04", memory=True, theme=theme)
    assert compare(snap_compare, options, ("t", "r", "x", "escape"), size)


@SIZES
def test_without_unicode(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert compare(snap_compare, Options("04", memory=True), ("t", "r"), size)


@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_damaged_journal(snap_compare: Compare, world: Path, size: tuple[int, int]) -> None:
    offsets = play(world)
    flip(log(world), offsets[3] + 40)
    assert compare(snap_compare, Options(str(world), scenario="basic"), (), size)


@SIZES
def test_come_back(snap_compare: Compare, world: Path, size: tuple[int, int]) -> None:
    """As one left it, with the word on where that is."""
    play(world)
    with World.open(world) as found, found.fork(16, "what-if") as made:
        release_all(made, 2)
        marks = {"what-if": Marks((8, 19), made.frames[-1].hash.hex())}
    watched = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 2}]}'
    remember_left(world, Left("what-if", marks, watched, fails_at=16))
    app = AosApp(Options(str(world), poll=0.0))

    async def drive(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await settle(pilot)

    assert snap_compare(app, run_before=drive, terminal_size=size)
    assert app._exception is None


PICKING = {
    "picker": (),
    "picker-filter": ("text:04",),
    "picker-new": ("text:new world", "enter", "text:a/b"),
}
TOUR = {
    "tour-1": (),
    "tour-4": ("t", "comma", "f"),
    "tour-otherwise": ("T", "comma", "f"),
    "tour-done": ("t", "comma", "f", "S", "text:7", "enter", "v"),
}


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch, remembered: Path, tmp_path: Path) -> None:
    """A ladder and recent worlds whose paths and words are the same everywhere."""
    shipped = [
        ("00", "counter", "Counting", "A reducer alone: start with a target, tick until then."),
        ("04", "aggregator", "Three at once", "Three HTTP requests in parallel, and one join."),
    ]
    worlds = [Listed(*of, Path("/ships") / f"{of[0]}-{of[1]}") for of in shipped]
    monkeypatch.setattr("aos_core.files.bundled_worlds", lambda: worlds)
    remembered.write_text('{"size_told": true, "recent": ["/away/gone", "/ships/04-aggregator"]}')
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    monkeypatch.setattr("aos_tui.session.worlds.shown_path", str)
    monkeypatch.setattr("aos_tui.session.worlds.typed_path", lambda _: "/work")


@SIZES
@pytest.mark.usefixtures("ladder")
@pytest.mark.parametrize("name", PICKING)
def test_picker(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options(), PICKING[name], size)


@SIZES
@pytest.mark.parametrize("name", TOUR)
def test_tour(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, Options(tour=True), TOUR[name], size)


@SIZES
def test_opening(
    snap_compare: Compare, world: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(cls: type[World], /, *_: Any, progress: Callable[..., None], **more: Any) -> World:
        while True:  # until the app is left, which raises here
            progress("indexing the journal", 30, 100)
            time.sleep(0.01)

    async def seen(pilot: Pilot[None]) -> None:
        on = Driver(app, pilot)
        await on.until(lambda: "missing or behind" in on.screen)

    monkeypatch.setattr(World, "open", classmethod(endless))
    app = AosApp(Options(str(world), poll=0.0, pace=0.0))
    assert snap_compare(app, run_before=seen, terminal_size=size)
    assert app._exception is None


def compare(
    snap_compare: Compare,
    options: Options,
    keys: tuple[str, ...],
    size: tuple[int, int],
    dialog: Callable[[], Screen[Any]] | None = None,
) -> bool:
    """Whether the app looks as it did, with a dialog over it; a crashed one looks like none."""
    app = AosApp(replace(options, pace=0.0))

    async def drive(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await settle(pilot)
        if dialog is not None:
            app.push_screen(dialog())
            await pilot.pause()
        for key in keys:
            await press(pilot, key)
        app.clear_notifications()
        await pilot.pause()

    same = snap_compare(app, run_before=drive, terminal_size=size)
    assert app._exception is None
    assert app.return_code in (0, None)
    return same
