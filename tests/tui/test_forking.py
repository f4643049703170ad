"""What one does in the past goes on upon a branch of its own; between branches one goes by B."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.driving import FOCUS, on_disk, opened


async def test_a_fork_keeps_whole_turns(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T")
        starts = [on.app.session.fork_start(height) for height in (0, 5, 16, 18, 19, 30)]
        assert starts == [0, 0, 16, 16, 19, 30]
        await on.keys("F")
        assert "goes on after height 30. The past" in on.app.screen.says()  # type: ignore[attr-defined]
        await on.keys("escape", "g", "text:18", "enter", "F")
        says = on.app.screen.says()  # type: ignore[attr-defined]
        assert "inside a turn" in says and "goes on after height 16. The past" in says
        await on.keys("text:try", "enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("try", 16, [1, 2, 3])
    assert on_disk(world)[0] == 30
    assert on_disk(world, "try")[0] == 16


async def test_releasing_in_the_past_offers_a_fork_and_then_releases_there() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", "R")
        assert on.mode == "ForkDialog"
        await on.keys("enter")
        assert on.snapshot.branch == "main-16"
        assert (on.snapshot.live, on.numbers) == (30, [])
        assert on.errors == []


async def test_releasing_in_the_past_releases_there_what_was_selected_here() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", *FOCUS["pending"], "down", "r")
        assert "releases effect 2 on the new branch" in on.app.screen.says()  # type: ignore[attr-defined]
        await on.keys("enter")
        assert (on.snapshot.branch, on.numbers) == ("main-16", [1, 3])


@pytest.mark.parametrize("memory", [True, False])
async def test_b_goes_to_another_branch_and_back(world: Path, memory: bool) -> None:
    async with opened(world, memory=memory) as on:
        await on.keys("t", "F", "text:try", "enter", "R", "B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("main", 16, [1, 2, 3])
        assert on.snapshot.scenario == "basic"
        await on.keys("r", "B")
        assert on.mode == "BranchesDialog"
        await on.keys("down", "enter", "v")
        assert (on.snapshot.branch, on.snapshot.live, on.known["verified"]) == ("try", 30, True)
        await on.keys("B", "enter")
        assert (on.mode, on.snapshot.branch) == ("live", "try")


async def test_firing_in_the_past_offers_a_fork_and_then_asks_for_the_event() -> None:
    async with opened() as on:
        await on.keys("T", "0", "e", "enter")
        assert (on.mode, on.snapshot.branch) == ("EventDialog", "main-0")
        await on.keys("ctrl+s")
        assert on.snapshot.live == 16


async def test_backing_out_of_a_fork_leaves_everything() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", "r")
        assert on.mode == "ForkDialog"
        await on.keys("escape")
        assert (on.snapshot.branch, on.snapshot.height, on.snapshot.live) == ("main", 16, 30)
