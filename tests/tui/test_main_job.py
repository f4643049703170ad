"""The main job by its keys: a scenario is played, receipts are released, in whatever order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.driving import FOCUS, SIZES, on_disk, opened


async def final_root(*keys: str) -> str:
    """The root after the scenario's event, these keys, and nothing left to wait for."""
    async with opened() as on:
        await on.keys("t", *keys)
        assert on.numbers == []
        assert on.state["last_statuses"] == [202, 200, 201]
        return str(on.known["root"])


@pytest.mark.parametrize("size", SIZES)
async def test_the_main_job(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        assert (on.snapshot.height, on.known["verified"]) == (0, None)
        await on.keys("t")
        assert (on.snapshot.height, on.numbers, on.known["pending"]) == (16, [1, 2, 3], 3)
        await on.keys("R", "v")
        assert (on.snapshot.height, on.known["pending"], on.known["verified"]) == (30, 0, True)
        assert on.errors == []


async def test_nothing_is_lost_by_quitting(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "r", "q")
        height, root = on.snapshot.live, on.snapshot.root.hex()
    assert on_disk(world)[:2] == (height, root) == (19, root)
    async with opened(world) as on:
        assert (on.snapshot.height, on.numbers) == (19, [2, 3])
        await on.keys("R", "v")
        assert on.known["verified"] is True
    assert on_disk(world)[0] == 30


async def test_a_scenario_is_played_by_steps_or_to_its_end() -> None:
    async with opened() as on:
        await on.keys("t", "t")
        played = on.known["root"]
        assert on.snapshot.next_step is None
        assert "at its end, all as expected" in on.said[-1]
    async with opened() as on:
        await on.keys("T")
        assert (on.known["root"], on.snapshot.next_step) == (played, None)
        assert on.errors == []


async def test_at_the_scenarios_end_t_begins_it_anew_on_another_branch() -> None:
    async with opened() as on:
        await on.keys("T", "t")
        assert on.mode == "ForkDialog"
        await on.keys("enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("main-0", 16, [1, 2, 3])


async def test_a_release_step_that_finds_nothing_says_so_and_ends_the_scenario(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R")
        assert on.snapshot.next_step == "nothing is left to release"
        await on.keys("t")
        assert on.app.session.at_scenario_end
        assert on.snapshot.live == 30
        assert "at its end, all as expected" in on.said[-1]
    async with opened(world) as on:
        assert on.snapshot.next_step is None


async def test_what_a_scenario_expects_and_does_not_get_is_said(world: Path) -> None:
    path = world / "scenarios/basic.toml"
    path.write_text(path.read_text().replace("202, 200, 201", "202, 200, 500"))
    async with opened(world, memory=True) as on:
        await on.keys("T")
        assert any("last_statuses" in text for text in on.errors)


async def test_esc_stops_a_scenario_that_plays_between_two_turns() -> None:
    async with opened(pace=30.0) as on:
        await on.pilot.press("T")
        await on.until(lambda: on.snapshot.live == 16)
        await on.pilot.press("T", "escape")
        assert "plays already" in on.said[0]
        on.app.workers.cancel_group(on.app.screen, "play")
        await on.until(lambda: on.snapshot.next_step == "release all")
        await on.keys("t")
        assert (on.snapshot.live, on.snapshot.next_step) == (30, None)


@pytest.mark.parametrize("keys", [("u",), ("g", "text:5", "enter", "F", "enter")])
async def test_a_branch_on_which_a_scenario_plays_is_not_left(keys: tuple[str, ...]) -> None:
    async with opened(pace=30.0) as on:
        await on.pilot.press("T")
        await on.until(lambda: on.snapshot.live == 16)
        for key in keys:
            for each in key.removeprefix("text:") if key.startswith("text:") else (key,):
                await on.pilot.press(each)
                await on.pilot.pause(0.1)
        await on.until(lambda: any("a scenario plays" in of for of in on.errors))
        assert on.snapshot.branch == "main"
        on.app.workers.cancel_group(on.app.screen, "play")
        await on.until(lambda: on.snapshot.next_step == "release all")
        await on.keys("f", "u")
        assert on.snapshot.branch == "main-undo-1"


# -- orders ------------------------------------------------------------------------------------


async def test_every_order_of_receipts_ends_in_the_same_root() -> None:
    in_order = await final_root("R")
    assert await final_root("s") == in_order
    assert await final_root(*FOCUS["pending"], "down", "r", "r", "r") == in_order


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("R",), "abc"),
        ((*FOCUS["pending"], "J", "R"), "bac"),
        ((*FOCUS["pending"], "J", "J", "R"), "bca"),
        ((*FOCUS["pending"], "down", "down", "K", "R"), "acb"),
        ((*FOCUS["pending"], "down", "r"), "b"),
        ((*FOCUS["pending"], "space", "down", "down", "space", "r"), "ac"),
        ((*FOCUS["pending"], "down", "space", "space", "up", "space", "r"), "a"),
        ((*FOCUS["pending"], "J", "S", "text:2,3,1", "enter"), "acb"),
        (("S", "text:3,1,2", "enter"), "cab"),
    ],
)
async def test_receipts_are_delivered_in_the_order_that_is_shown(
    keys: tuple[str, ...], order: str
) -> None:
    async with opened() as on:
        await on.keys("t", *keys)
        assert "".join(on.receipts) == order
        assert on.errors == []


async def test_a_shuffle_says_its_seed_which_repeats_it() -> None:
    async with opened() as on:
        await on.keys("t", "s")
        seed, said = on.said[-1].removeprefix("s: seed ").split(", ", 1)
        numbers = said.removeprefix("order ").removesuffix("; S repeats it").split(", ")
        order = on.receipts
        assert ["abc"[int(n) - 1] for n in numbers] == order != ["a", "b", "c"]
    async with opened() as on:
        await on.keys("t", "S", f"text:{seed}", "enter")
        assert on.receipts == order


async def test_an_arranged_order_stays_when_one_looks_at_the_past() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "J", "r", "0", "f", "R")
        assert "".join(on.receipts) == "abc"  # the cursor followed a, which went first
    async with opened() as on:
        await on.keys("t", "r", "comma", "comma", "comma", *FOCUS["pending"])
        pane = on.app.screen.pending  # type: ignore[attr-defined]
        assert pane.in_order() == [item.intent_hash for item in on.snapshot.pending]
