"""Journals of thousands of records: opened in view, read where one looks, damaged far away."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aos_core.chain import Records
from aos_core.world import World
from aos_tui.app import AosApp
from aos_tui.formatting import plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.options import Options
from aos_tui.panes.opening import lines
from aos_tui.snapshot import Doing
from tests.support import EVENT, copy_example, log, release_all, start
from tests.tui.driving import Driver, flip, opened, painted


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = copy_example(tmp_path_factory.mktemp("grown") / "world")
    with World.open(world, fast=True) as made, made.group():
        for _ in range(150):
            made.fire(EVENT, start())
            release_all(made)
    return world


@pytest.fixture
def long(grown: Path, tmp_path: Path) -> Path:
    """A journal of some thousand records."""
    return Path(shutil.copytree(grown, tmp_path / "world"))


# -- opening -----------------------------------------------------------------------------------


async def test_opening_that_takes_long_says_what_it_does_and_why(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, go = threading.Event(), threading.Event()
    real = World.open.__func__  # type: ignore[attr-defined]

    def slow(cls: type[World], *given: Any, **more: Any) -> World:
        seen.wait(60)
        more["progress"]("indexing the journal", 30, 100)
        go.wait(60)
        return real(cls, *given, **more)  # type: ignore[no-any-return]

    monkeypatch.setattr(World, "open", classmethod(slow))
    app = AosApp(Options(world=str(long), poll=0.0, pace=0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        line = app.screen.query_one("#opening")
        for _ in range(500):
            if line.display:
                break
            await pilot.pause(0.01)
        on = Driver(app, pilot)
        assert "opening the world" in on.screen
        # of a world that is not known yet nothing is said
        assert "No plan" not in on.screen and "no reducer" not in on.screen
        seen.set()
        await on.until(lambda: "missing or behind" in on.screen)
        shown = str(line.render())
        assert "indexing the journal" in shown and "30 %" in shown and "q quits" in shown
        go.set()
        await on.until(lambda: app.session.snapshot is not None)
        assert not line.display
    assert app._exception is None


async def test_one_can_quit_while_a_journal_is_indexed(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(cls: type[World], /, *_: Any, progress: Callable[..., None], **more: Any) -> World:
        done = 0
        while True:
            done += 1
            progress("indexing the journal", done % 100, 100)

    monkeypatch.setattr(World, "open", classmethod(endless))
    app = AosApp(Options(world=str(long), poll=0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("q")
    assert (app.return_code, app._exception) == (0, None)


async def test_opening_that_is_quick_shows_nothing_new(world: Path) -> None:
    async with opened(world) as on:
        line = on.app.screen.query_one("#opening")
        assert not line.display


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_bar_of_an_opening_fits(width: int) -> None:
    for done in (0, 50, 100):
        shown = plain(lines(Doing("indexing the journal", done, 100), width, UNICODE))
        assert max(map(len, shown.splitlines())) <= max(width, 75)
        assert len(shown.splitlines()[0]) <= width and f"{done} %" in shown
    assert plain(lines(Doing("", 0, 0), width, ASCII)) == " ~ opening the world     q quits"


# -- looking -----------------------------------------------------------------------------------


async def test_panes_touch_only_records_that_are_seen(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(long) as on:
        touched: set[int] = set()
        get = Records._get

        def spy(self: Records, height: int) -> Any:
            touched.add(height)
            return get(self, height)

        monkeypatch.setattr(Records, "_get", spy)
        assert on.snapshot.live > 4000
        for key in ("0", "pagedown", "dollar_sign", "pageup", "comma", "less_than_sign"):
            before = set(touched)
            await on.keys(key)
            assert len(touched - before) < 200, key
        before = set(touched)
        await on.keys("g", "backspace", "backspace", "backspace", "backspace", "text:2000", "enter")
        assert on.snapshot.height == 2000
        assert len(touched - before) < 200
        assert len(on.snapshot.landmarks.turns) < 1100
        await on.keys("f")
        assert on.snapshot.plan_count == 150


async def test_every_plan_instance_can_be_looked_at(long: Path) -> None:
    async with opened(long) as on:
        assert on.snapshot.plan is not None and on.snapshot.plan.number == 149
        await on.keys("tab", "right_square_bracket")
        assert on.snapshot.plan.number == 0
        await on.keys("left_square_bracket", "left_square_bracket")
        assert on.snapshot.plan.number == 148


# -- damage that is found late -----------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_record_that_cannot_be_read_is_a_row_that_says_so(
    long: Path, size: tuple[int, int]
) -> None:
    with World.open(long, write=False) as found:
        at = found.frame_at(2000)
        offset, (first, last) = found.frames[at].offset, found.turn_bounds(2000)
    async with opened(long, size=size) as on:
        flip(log(long), offset + 40)
        live = on.snapshot.live
        await on.keys("g", *["backspace"] * 4, f"text:{last + 3}", "enter")
        text = str(on.app.screen.query_one("#banner").render())
        assert "is damaged" in text and f"height {first}" in text
        assert on.snapshot.height == live, "one stays where one was"
        await on.keys("g", *["backspace"] * 4, f"text:{first - 1}", "enter")
        assert (on.snapshot.height, on.snapshot.live) == (first - 1, live)
        on.app.screen.query_one("#journal-list").scroll_to(
            y=first - 1, animate=False, immediate=True, force=True
        )
        await on.pilot.pause()
        shown = "\n".join(of.text for of in painted(on.app))
        assert f"{first} ✗ damaged" in shown and "cannot be read" in shown
        await on.keys("f", "v")
        assert on.mode == "ProofDialog"
        await on.keys("escape")
        assert on.snapshot.height == live, "what was acknowledged stays visible"


async def test_damage_that_only_a_row_meets_is_told_above_the_panes(long: Path) -> None:
    with World.open(long, write=False) as found:
        offset = found.frames[found.frame_at(2000)].offset
    async with opened(long) as on:
        flip(log(long), offset + 40)
        assert on.snapshot.trouble is None
        on.app.screen.query_one("#journal-list").scroll_to(
            y=1995, animate=False, immediate=True, force=True
        )
        await on.until(lambda: on.snapshot.trouble is not None)
        assert "is damaged" in str(on.app.screen.query_one("#banner").render())
