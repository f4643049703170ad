"""Another scenario of the world is chosen inside the app, and each branch goes on with its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len

from aos_core import checking
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.world import World
from tests.tui.driving import Driver, on_disk, opened, toasts, words


def listed(on: Driver) -> str:
    """The lines of the list, what is broken off one joined."""
    assert on.mode == "ScenariosDialog"
    return " ".join(on.screen.split())


async def test_another_scenario_begins_on_a_branch_of_its_own(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T", "O")
        main = on_disk(world)
        assert "◉ basic" in on.screen and "◉ one-fails" not in on.screen
        assert "One of the three answers 500" in listed(on)
        await on.keys("down", "enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("play-one-fails", 0)
        assert on.snapshot.scenario == "one-fails"
        assert "t plays its first step" in on.said[-1]
        await on.keys("T")
        assert on.said[-1].startswith("scenario one-fails: at its end, all as expected")
        assert on.state["last_statuses"] == [202, 500, 201]
        assert on_disk(world) == main
        await on.keys("O", "enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("play-one-fails-2", 0)


async def test_a_branch_goes_on_with_the_scenario_that_was_played_there(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "O", "down", "enter", "t")
        await on.app.session.open_branch("main")
        assert (on.snapshot.scenario, on.snapshot.next_step) == ("basic", "release all")
    async with opened(world, branch="play-one-fails") as on:
        assert (on.snapshot.scenario, on.snapshot.next_step) == ("one-fails", "release all")
    async with opened(world, branch="play-one-fails", scenario="basic") as on:
        assert on.snapshot.scenario == "basic", "who names one gets it"


async def test_what_was_named_on_the_command_line_gives_way_to_what_is_chosen(world: Path) -> None:
    async with opened(world, scenario="two-at-once") as on:
        await on.keys("t", "O")
        assert "◉ two-at-once" in on.screen
        await on.keys("home", "enter", "t")
        await on.app.session.open_branch("main")
        assert on.snapshot.scenario == "two-at-once"
        await on.app.session.open_branch("play-basic")
        assert on.snapshot.scenario == "basic"


async def test_in_memory_it_has_the_time_of_the_scenario() -> None:
    async with opened("04") as on:
        await on.keys("O", "down", "enter", "t")
    async with opened("04", scenario="one-fails") as named:
        await named.keys("t")
    assert on.snapshot.root == named.snapshot.root
    assert on.snapshot.branch == "play-one-fails"


async def test_what_cannot_be_played_says_why(world: Path) -> None:
    (world / "scenarios/bad.toml").write_text("title = 3\n")
    (world / "scenarios/alien.toml").write_text(
        '[[steps]]\nfire = { schema = "demo/Alien@1", value = {} }\n'
    )
    async with opened(world, (120, 40)) as on:
        await on.keys("O")
        assert "✗ cannot be played: unknown schema demo/Alien@1" in listed(on)
        assert "✗ cannot be played: line 1: title: expected a text" in listed(on)
        await on.keys("home", "enter")
        assert on.snapshot.branch == "play-basic", "what cannot be played is passed over"


async def test_a_world_with_one_scenario_with_none_and_with_none_to_play(world: Path) -> None:
    config, folder = world / "world.toml", world / "scenarios"
    config.write_text(config.read_text().replace('default_scenario = "basic"\n', ""))
    for file in folder.glob("*.toml"):
        if file.stem != "basic":
            file.unlink()
    async with opened(world) as on:
        await on.keys("t")
        assert on.errors[-1].endswith("O lists its scenarios")
        await on.keys("O")
        assert "This world has one scenario." in words(on)
        (folder / "basic.toml").write_text("[")
        await on.keys("escape", "O")
        assert "None can be played here: aos check says more" in words(on).replace("\n", " ")
        await on.keys("enter")
        assert on.mode == "ScenariosDialog"
        shutil.rmtree(folder)
        await on.keys("escape", "O")
        assert on.mode != "ScenariosDialog"
        assert "this world has no scenarios" in toasts(on)[-1]


async def test_none_is_begun_while_one_plays(world: Path) -> None:
    async with opened(world, pace=60.0) as on:
        on.app.screen.action_scenario_all()  # type: ignore[attr-defined]
        await on.pilot.pause(0.1)
        await on.pilot.press("O")
        await on.pilot.pause()
        assert "a scenario plays: esc stops it" in on.said
        await on.pilot.press("escape", "escape")


async def test_what_is_chosen_and_not_played_yet_stays_that_of_its_branch(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "O", "down", "enter")
        await on.app.session.open_branch("main")
        assert on.snapshot.scenario == "basic"
        await on.app.session.open_branch("play-one-fails")
        assert on.snapshot.scenario == "one-fails"
        await on.app.session.open_branch("main")
        await on.app.session.rename_branch("play-one-fails", "mine")
    async with opened(world, branch="mine") as on:
        assert on.snapshot.scenario == "one-fails"
        await on.keys("t", "u")
        assert on.snapshot.branch == "mine-undo-1"
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.scenario) == ("mine-undo-1", "one-fails")
        await on.keys("t")
    async with opened(world, branch="mine-undo-1", scenario="basic") as on:
        assert on.snapshot.scenario == "basic", "who names one gets it"
    async with opened(world, branch="mine") as on:
        assert on.snapshot.scenario == "one-fails"


async def test_what_was_named_goes_on_counting_where_none_was_chosen(world: Path) -> None:
    async with opened(world, scenario="two-at-once") as on:
        await on.keys("O", "home", "enter")
        await on.app.session.open_branch("main")
        assert on.snapshot.scenario == "two-at-once"
        await on.app.session.open_branch("play-basic")
        assert on.snapshot.scenario == "basic"


async def test_what_is_named_for_a_branch_gets_the_better_of_what_was_chosen_there_before(
    world: Path,
) -> None:
    async with opened(world) as on:
        await on.keys("O", "down", "enter")
    async with opened(world, scenario="basic") as on:
        assert (on.snapshot.branch, on.snapshot.scenario) == ("play-one-fails", "basic")
        await on.keys("t", "O", "down", "enter", "t")
        await on.app.session.open_branch("play-one-fails")
    async with opened(world) as on:
        assert (on.snapshot.branch, on.snapshot.scenario) == ("play-one-fails", "basic")


async def test_a_branch_that_played_one_scenario_may_be_forked_with_another(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T")
    async with opened(world, scenario="one-fails") as on:
        await on.keys("F", "enter")
        assert (on.snapshot.branch, on.snapshot.scenario) == ("main-30", "one-fails")


async def test_a_branch_that_can_be_written_again_goes_on_with_its_own(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("O", "down", "enter")
    with World.open(world, "play-one-fails") as holder:
        async with opened(world) as on:
            assert (on.snapshot.writable, on.snapshot.scenario) == (False, "one-fails")
            holder.close()
            await on.keys("t")
            assert (on.snapshot.writable, on.snapshot.scenario) == (True, "one-fails")


async def test_what_was_begun_and_not_played_gives_way(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("O", "enter", "O", "enter", "O", "down", "enter")
        assert await on.app.session.branches() == ["main", "play-one-fails"]
    async with opened(world) as on:
        await on.keys("t", "O", "home", "enter")
        assert await on.app.session.branches() == ["main", "play-basic", "play-one-fails"]
    async with opened(world) as on:
        await on.keys("O", "enter")
        assert await on.app.session.branches() == ["main", "play-basic-2", "play-one-fails"]
        await on.keys("t", "c")
        assert on.errors == []
        assert "main" in words(on), "it is compared with what is there"


async def test_a_file_that_goes_while_they_are_listed_costs_only_its_own_line(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(file: Path) -> Scenario:
        if file.stem == "basic":
            file.with_stem("one-fails").unlink(missing_ok=True)
        return read_scenario(file)

    monkeypatch.setattr(checking, "read_scenario", read)
    async with opened(world, (120, 40)) as on:
        await on.keys("O")
        assert "✗ cannot be played: there is no one-fails.toml" in listed(on)
        assert "◉ basic" in on.screen


async def test_wide_names_keep_the_titles_below_each_other(world: Path) -> None:
    basic = (world / "scenarios/basic.toml").read_text()
    long = "Three requests whose receipts come in the order in which they were asked for"
    for name in ("三つの要求", "三つの要求が並んで同時に走るという筋書き"):
        text = basic.replace("Receipts in order of emission: a, b, c", long)
        (world / f"scenarios/{name}.toml").write_text(text, encoding="utf-8")
    async with opened(world) as on:
        await on.keys("O")
        starts = ("Receipts", "One of", "Two req", "Three", "order in w")
        lines = [line for line in on.screen.split("\n") if "│" in line]
        at = [cell_len(line[: line.index(of)]) for of in starts for line in lines if of in line]
        assert len(at) == 8 and len(set(at)) == 1
        assert "三つの要求が並んで同時..  " in on.screen
