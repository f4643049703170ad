"""The app opens, plays, releases in any order and verifies; asserted on the world, not on widgets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from aos_tui.app import AosApp
from aos_tui.headless import dump, press, settle
from aos_tui.options import Options

SIZES = [(120, 40), (80, 24)]


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[tuple[AosApp, Pilot[None]]]:
    app = AosApp(Options(world="04", memory=True, pace=0.0, **more))
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield app, pilot
    assert app._exception is None
    assert app.return_code in (0, None)


async def play(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await press(pilot, key)


def errors(app: AosApp) -> list[str]:
    return [text for severity, text in app.said if severity == "error"]


@pytest.mark.parametrize("size", SIZES)
async def test_plays_releases_and_verifies(size: tuple[int, int]) -> None:
    async with opened(size) as (app, pilot):
        assert dump(app)["height"] == 0
        await play(pilot, "t")
        assert dump(app)["height"] == 16
        assert dump(app)["pending"] == [1, 2, 3]
        await play(pilot, "R", "v")
        known = dump(app)
        assert (known["height"], known["pending"], known["verified"]) == (30, [], "ok")
        assert errors(app) == []


async def _root_after(*keys: str) -> str:
    async with opened() as (app, pilot):
        await play(pilot, "t", *keys)
        assert dump(app)["pending"] == []
        return str(dump(app)["root"])


async def test_every_order_of_receipts_ends_in_the_same_root() -> None:
    in_order = await _root_after("R")
    focus_pending = ("tab", "tab", "tab")
    assert await _root_after(*focus_pending, "J", "J", "R") == in_order
    assert await _root_after("s") == in_order
    assert await _root_after(*focus_pending, "down", "r", "r", "r") == in_order


async def test_t_plays_the_scenario_to_what_it_expects() -> None:
    async with opened() as (app, pilot):
        await play(pilot, "T")
        assert dump(app)["height"] == 30
        assert errors(app) == []
        assert app.session.snapshot is not None
        assert app.session.snapshot.next_step is None


async def test_a_past_height_is_shown_everywhere_and_offers_a_fork() -> None:
    async with opened() as (app, pilot):
        await play(pilot, "t", "R", "less_than_sign", "less_than_sign")
        assert dump(app)["height"] == 20
        await play(pilot, "comma", "comma")
        assert (dump(app)["height"], dump(app)["mode"]) == (18, "past")
        await play(pilot, "R")
        assert dump(app)["mode"] == "ForkDialog"
        await play(pilot, "enter")
        snapshot = app.session.snapshot
        assert snapshot is not None
        assert snapshot.branch == "main-16"
        assert (snapshot.live, snapshot.pending) == (30, ())
        assert errors(app) == []


async def test_a_filter_leaves_only_what_fits_and_n_goes_round() -> None:
    async with opened() as (app, pilot):
        await play(pilot, "t", "R", "slash", "text:kind:receipt", "enter")
        assert list(app.screen.query_one("#journal-list").rows) == [17, 20, 23]  # type: ignore[attr-defined]
        await play(pilot, "n")
        assert dump(app)["height"] == 17
        await play(pilot, "N")
        assert dump(app)["height"] == 23
        await play(pilot, "escape")
        assert len(app.screen.query_one("#journal-list").rows) == 31  # type: ignore[attr-defined]


async def test_an_edited_receipt_reaches_the_state() -> None:
    async with opened() as (app, pilot):
        await play(pilot, "t", "i", "ctrl+s")
        assert dump(app)["pending"] == [2, 3]
        assert dump(app)["height"] == 19


async def test_a_key_that_does_nothing_says_why() -> None:
    async with opened() as (app, pilot):
        await play(pilot, "R", "J", "x")
        texts = [text for _, text in app.said]
        assert "nothing is waiting" in texts[0]
        assert "pending" in texts[1]
        assert texts[2].startswith("x does nothing here")


async def test_a_world_that_does_not_load_shows_why_and_can_be_retried(tmp_path: Any) -> None:
    app = AosApp(Options(world=str(tmp_path)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert dump(app)["mode"] == "ProblemScreen"
        await press(pilot, "r")
        assert dump(app)["mode"] == "ProblemScreen"
    assert app._exception is None


async def test_a_terminal_that_is_too_small_says_so() -> None:
    async with opened((50, 12)) as (app, _):
        assert app.screen.query_one("#too-small").display
        assert not app.screen.query_one("#panes").display
