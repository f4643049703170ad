"""The tour: it sees what happened, leads to a verified shuffle, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from aos_core.files import bundled_worlds
from aos_tui.actions import remap
from aos_tui.tour import STEPS, Tour, shuffled
from aos_tui.worlds import Worlds
from tests.tui.driving import Driver, opened


def band(on: Driver) -> str:
    return str(on.app.screen.query_one("#tour", Static).render())


def at(on: Driver) -> int:
    """How many steps are done."""
    (found,) = on.app.screen.query("#tour").results(Static)
    tour = found.tour  # type: ignore[attr-defined]
    assert isinstance(tour, Tour)
    return tour.done


async def test_it_leads_to_a_verified_shuffle() -> None:
    async with opened("", tour=True, memory=False) as on:
        assert on.snapshot.world == "04-aggregator"
        for done, (key, keys) in enumerate(
            [("t", "t"), (",", "comma"), ("f", "f"), ("s", "s"), ("v", "v")]
        ):
            assert at(on) == done and f"Tour {done + 1} of 5" in band(on)
            assert f"press {key}  " in band(on)
            await on.keys(keys)
            assert STEPS[done].then in " ".join(band(on).split())
        assert (at(on), on.known["verified"], on.numbers) == (5, True, [])
        assert shuffled(on.snapshot)
        assert "Tour is done" in band(on)
        assert "u undo an answer, x break it, c see what differs" in band(on)
        await on.keys("u", "x", "t", "c")
        assert on.mode == "ComparisonDialog", "what it offers next is there"
        assert "last_statuses" in on.screen and "4 differences" in on.screen
        await on.keys("escape", "w")
        assert on.mode == "WhyDialog"
        await on.keys("escape")
    assert on.errors == []


async def test_the_panes_are_laid_out_again_only_where_its_lines_get_more_or_fewer() -> None:
    async with opened("", tour=True, size=(200, 60)) as on:
        found = on.app.screen.query_one("#tour", Static)
        assert found.size.height == 2
        begun = found._layout_updates
        await on.keys("v", "f", "v")
        assert found._layout_updates == begun, "it says the same"
        await on.keys("t")
        assert found.size.height == 3, "and what was seen"
        assert found._layout_updates > begun
        begun = found._layout_updates
        await on.keys("comma")
        assert found.size.height == 3 and "Tour 3 of 5" in band(on)
        assert found._layout_updates == begun, "other words, as many lines"


async def test_what_happens_counts_and_not_which_key_was_pressed() -> None:
    async with opened("", tour=True) as on:
        await on.keys("v", "s", "f")
        assert at(on) == 0
        await on.keys("T")
        assert at(on) == 1
        await on.keys("0", "dollar_sign")
        assert at(on) == 3
        assert "nothing was shuffled" in band(on)
        await on.keys("t", "enter")  # on a branch of its own it begins anew
        assert on.snapshot.branch != "main" and on.numbers == [1, 2, 3]
        assert "press s" in band(on)
        await on.keys("comma")
        assert "f goes to the live end" in band(on)
        await on.keys("f", "S", "tab", "tab", "escape", "s", "v")
        assert at(on) == 5


async def test_answers_in_their_order_are_no_shuffle() -> None:
    async with opened("", tour=True) as on:
        await on.keys("t", "comma", "f", "r", "r")
        assert "One effect is left, and one has no order" in band(on)
        await on.keys("r")
        assert at(on) == 3 and not shuffled(on.snapshot)
        assert "nothing was shuffled" in band(on)


async def test_esc_leaves_it_and_the_world_stays() -> None:
    async with opened("", tour=True) as on:
        await on.keys("t", "slash", "escape")
        assert at(on) == 1, "esc closed the filter"
        await on.keys("z", "escape")
        assert at(on) == 1, "esc left the zoomed pane"
        await on.keys("escape")
        assert not on.app.screen.query("#tour")
        assert "nothing of this world is kept" in on.said[-1]
        await on.keys("R")
        assert (on.mode, on.snapshot.live) == ("live", 30)


@pytest.mark.parametrize("size", [(80, 24), (60, 15)], ids=["80x24", "60x15"])
async def test_it_hides_nothing_of_what_it_speaks_of(size: tuple[int, int]) -> None:
    async with opened("", tour=True, size=size) as on:
        for keys in ("t", "comma", "f", "s", "v"):
            await on.keys(keys)
            on.app.clear_notifications()
            await on.pilot.pause()
            screen = on.app.screen
            tour = screen.query_one("#tour").region
            assert tour.bottom <= size[1] - 8
            for pane in ("#journal", "#state", "#plan", "#pending"):
                region = screen.query_one(pane).region
                assert region.y >= tour.bottom and region.height >= 1
            focused = screen.focused
            assert focused is not None and focused.region.height >= 3
            assert len(band(on).splitlines()) <= tour.height


async def test_it_is_offered_where_worlds_are_picked(remembered: Path) -> None:
    async with opened("", memory=False) as on:
        await on.keys("text:tour", "enter")
        assert at(on) == 0
        await on.keys("t", "o", "escape")
        assert at(on) == 1
        await on.keys("o", "text:tour", "enter")
        assert (at(on), on.snapshot.live) == (0, 0), "it begins anew"
    assert "04-aggregator" not in remembered.read_text(), "it is no recent world"
    (four,) = (of for of in bundled_worlds() if of.number == "04")
    assert not (four.path / ".aos/journal").exists()


async def test_a_folder_called_like_its_world_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "04-aggregator").mkdir()
    monkeypatch.chdir(tmp_path)
    async with opened("", tour=True) as on:
        assert on.snapshot.live == 0


async def test_it_speaks_of_the_keys_in_force() -> None:
    async with opened("", tour=True) as on:
        assert isinstance(on.app.worlds, Worlds)
        remap({"scenario_step": "f6"})
        try:
            assert "press f6 " in band(on)
        finally:
            remap({})
