"""What one tries out, and what one asks about the past, by keys, asserted on the world."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from textual.selection import SELECT_ALL
from textual.widgets import Input, OptionList

from aos_core.world import World
from aos_tui.dialogs.choice import FAULTS
from aos_tui.hanging import HangingLines
from aos_tui.headless import settle
from tests.support import start
from tests.tui.driving import Driver, opened, words


def receipts(on: Driver) -> list[tuple[str, str]]:
    """(status, outcome) of every receipt."""
    records = on.snapshot.records[: on.snapshot.live + 1]
    return [(of["status"], of["outcome"]) for of in records if of.kind == "receipt"]


# -- breaking ---------------------------------------------------------------------------------

EXPECTED = {
    "error": ([("error", "settled")], [2, 3]),
    "timeout": ([("timeout", "settled")], [2, 3]),
    "duplicate": ([("ok", "settled"), ("ok", "late")], [2, 3]),
    "late": ([("timeout", "settled"), ("ok", "late")], [2, 3]),
    "malformed": ([], [1, 2, 3]),
    "never": ([], [1, 2, 3]),
}


@pytest.mark.parametrize(("key", "fault"), [(key, fault) for key, fault, _ in FAULTS])
async def test_a_receipt_is_broken_in_every_way(key: str, fault: str) -> None:
    async with opened() as on:
        await on.keys("t", "x")
        assert on.mode == "BreakDialog"
        await on.keys(key)
        assert (receipts(on), on.numbers) == EXPECTED[fault]
        assert on.errors == []
        await on.keys("v")
        assert on.known["verified"] is True


async def test_what_the_border_refuses_is_told() -> None:
    async with opened() as on:
        await on.keys("t", "x", "m")
        assert "refused at the border, nothing has happened" in on.said[-1]


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("e", "one receipt: the adapter failed", "answered with error, record 17. u undoes it"),
        ("t", "one receipt: nothing came in time", "answered with timeout, record 17. u undoes it"),
        ("d", "two receipts: the prepared answer, and it again",
         "record 17, the same again 20: no change"),
        ("l", "two receipts: a timeout, then the prepared answer",
         "timeout 17, its answer late 20: no change"),
        ("m", "the border refuses it", "refused at the border, nothing has happened"),
        ("n", "R and s leave it waiting", "nothing comes, it stays pending"),
    ],
)  # fmt: skip
async def test_each_fault_says_what_it_will_do_and_then_what_happened(
    key: str, before: str, after: str
) -> None:
    async with opened() as on:
        await on.keys("t", "x")
        lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
        assert any(line.startswith(f"{key}  ") and before in line for line in lines)
        root = on.known["root"]
        await on.keys(key)
        assert after in on.said[-1]
        kinds = [of.kind for of in on.snapshot.records[: on.snapshot.live + 1]]
        heights = [height for height, kind in enumerate(kinds) if kind == "receipt"]
        assert all(re.search(rf"\b{height}\b", on.said[-1]) for height in heights)
        assert (on.known["root"] == root) is (key in "mn")


async def test_without_a_prepared_answer_two_faults_say_what_they_need(world: Path) -> None:
    (world / "scenarios/basic.toml").write_text('title = "none"\n')
    async with opened(world) as on:
        await on.keys("e")
        await on.write(json.dumps(start()))
        await on.keys("ctrl+s", "x")
        lines = [str(of.prompt) for of in on.app.screen.query_one(OptionList).options]
        refused = [line.split()[1] for line in lines if "no answer is prepared" in line]
        assert refused == ["duplicate", "late"]
        await on.keys("d", "l")
        assert on.mode == "BreakDialog" and "i writes one" in on.said[-1]
        await on.keys("e")
        assert (receipts(on), on.numbers) == ([("error", "settled")], [2, 3])


async def test_the_chosen_line_breaks_it_too_and_esc_does_not() -> None:
    async with opened() as on:
        await on.keys("t", "x", "escape")
        assert receipts(on) == []
        await on.keys("x", "j", "enter")
        assert receipts(on) == [("timeout", "settled")]


async def test_with_nothing_to_break_x_says_so() -> None:
    async with opened() as on:
        await on.keys("x")
        assert "nothing is waiting for a receipt" in on.said[-1]


# -- undo, compare ----------------------------------------------------------------------------


async def test_undo_goes_before_the_last_input_and_keeps_the_branch(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t")
        root = on.known["root"]
        await on.keys("r", "u")
        assert (on.snapshot.branch, on.snapshot.live, on.known["root"]) == (
            "main-undo-17", 16, root,
        )  # fmt: skip
        assert "undone: receipt 17 of main, which is as it was" in on.said[-1]
        await on.keys("u")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-undo-1", 0)
        await on.keys("u")
        assert "nothing to undo" in on.said[-1]
    with World.open(world, write=False) as kept:
        assert kept.height == 19
        assert set(kept.branches()) == {"main", "main-undo-1"}


async def test_quick_undos_add_up() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        await on.app._press_keys(["u", "u", "u", "u", "u"])
        await settle(on.pilot)
        assert (on.snapshot.live, on.numbers) == (0, [])
        assert any("nothing to undo" in text for text in on.said)


async def test_undone_twice_at_one_height_the_names_differ() -> None:
    async with opened() as on:
        await on.keys("t", "r", "u", "r", "u")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-undo-17-2", 16)


@pytest.mark.parametrize("memory", [True, False])
async def test_undoing_on_leaves_one_branch_and_nothing_with_an_input_goes(
    world: Path, memory: bool
) -> None:
    async with opened(world, memory=memory) as on:
        await on.keys("t", "R", "u", "u")
        assert await on.app.session.branches() == ["main", "main-undo-20"]
        await on.keys("r", "u")  # it has an input of its own now
        assert await on.app.session.branches() == ["main", "main-undo-20", "main-undo-20-2"]
        await on.keys("u")
        assert await on.app.session.branches() == ["main", "main-undo-17", "main-undo-20"]
        lines = {of.name: of for of in await on.app.session.branch_lines()}
        assert [of.name for of in lines.values() if of.removed] == []
        assert {name: (of.parent, of.fork) for name, of in lines.items()} == {
            "main": (None, None), "main-undo-17": ("main", 16), "main-undo-20": ("main", 19),
        }  # fmt: skip
        assert (lines["main"].height, lines["main-undo-20"].height) == (30, 22)
        await on.keys("v")
        assert on.known["verified"] is True


async def test_what_one_has_named_does_not_give_way_to_undo(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R", "F", "text:mine", "enter", "u")
        assert on.snapshot.branch == "main-undo-23"
        await on.keys("B", "r", "ctrl+u", "text:kept", "enter", "escape", "u")
        assert on.snapshot.branch == "main-undo-20"
        names = await on.app.session.branches()
        assert names == ["kept", "main", "main-undo-20", "mine"]


async def test_the_input_of_a_fork_is_undone_under_the_name_of_the_fork(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "F", "ctrl+u", "text:mine", "enter", "r", "r", "u")
        assert (on.snapshot.branch, on.snapshot.live) == ("mine-undo-20", 19)
        assert "undone: receipt 20 of mine" in on.said[-1]
        await on.keys("u")
        assert (on.snapshot.branch, on.snapshot.live) == ("mine-undo-17", 16)
        await on.keys("c")
        assert "mine compared with mine-undo-17" in words(on)
        await on.keys("escape", "u", "c")
        assert "mine compared with main-undo-1" in words(on)


async def test_after_coming_back_to_an_empty_undo_c_finds_what_was_undone(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R", "u")
    async with opened(world, branch="main-undo-23") as on:
        await on.keys("u", "c")
        assert on.mode == "ComparisonDialog" and "main compared with main-undo-20" in words(on)
        assert await on.app.session.branches() == ["main", "main-undo-20"]


async def test_an_undo_that_somebody_else_writes_stays(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R", "u")
    with World.open(world, "main-undo-23"):
        async with opened(world, branch="main-undo-23") as on:
            await on.keys("u")
            names = await on.app.session.branches()
            assert names == ["main", "main-undo-20", "main-undo-23"]
            assert on.errors == []


async def test_two_orders_are_compared_and_end_in_the_same_root() -> None:
    async with opened() as on:
        await on.keys("t", "R")
        first = on.known["root"]
        await on.keys("u", "u", "u")
        assert on.numbers == [1, 2, 3]
        await on.keys("S", "text:3,1,2", "enter")
        assert on.known["root"] == first
        await on.keys("B", "down", "escape", "D", f"text:main {on.snapshot.branch}", "enter")
        assert on.mode == "ComparisonDialog"
        assert "same root" in words(on)


async def test_a_broken_receipt_makes_another_end_which_c_shows() -> None:
    async with opened() as on:
        await on.keys("t", "R", "u", "x", "e", "c")
        assert on.mode == "ComparisonDialog"
        assert "main compared with main-undo-23" in words(on)
        assert "- main   + main-undo-23" in words(on)
        assert re.search(r"[0-9]+ differences?: root", words(on))
        assert "demo/Aggregator@1" in words(on)


async def test_where_an_experiment_began_is_told_from_another_end() -> None:
    async with opened() as on:
        await on.keys("t", "s", "c")
        assert "main@16 compared with main" in words(on) and "the moment before" in words(on)
        await on.keys("escape", "u", "R", "c")
        assert "same root" in words(on) and "the moment before" not in words(on)


async def test_a_plan_and_an_effect_that_one_end_has_are_compared_in_a_few_words() -> None:
    async with opened() as on:
        await on.keys("t", "R", "u", "c")
        lines = [of.strip() for of in words(on).splitlines()]
        at = next(at for at, of in enumerate(lines) if of.startswith("plans["))
        assert lines[at + 1] == "- does not run"
        assert lines[at + 2].startswith("+ runs: await_c waiting; emit_a, ")
        at = next(at for at, of in enumerate(lines) if of.startswith("pending["))
        asked = "http.request GET example.com/api/c, from emit_c"
        assert lines[at + 1 : at + 3] == ["- is not pending", f"+ waits: {asked}"]


async def test_what_differs_hangs_below_where_it_begins_and_can_be_selected() -> None:
    async with opened() as on:
        await on.keys("t", "R", "u", "c")
        lines = words(on).splitlines()
        at = next(at for at, of in enumerate(lines) if "+ runs: await_c" in of)
        assert lines[at + 1].startswith("    ") and lines[at + 1].strip()
        selected = on.app.screen.query_one(HangingLines).get_selection(SELECT_ALL)
        assert selected is not None and "+ runs: await_c waiting" in selected[0]


async def test_a_running_plan_is_compared_step_by_step() -> None:
    async with opened() as on:
        await on.keys("t", "r", "D", "enter")
        assert "].steps.status_a\n  + done\n" in words(on)


async def test_after_several_undos_c_compares_with_the_branch_that_has_something() -> None:
    async with opened() as on:
        await on.keys("t", "R", "u", "u", "u", "R", "c")
        assert on.mode == "ComparisonDialog"
        assert f"main compared with {on.snapshot.branch}" in words(on)
        assert "same root" in words(on)


async def test_back_from_a_branch_with_nothing_of_its_own_that_is_compared() -> None:
    async with opened() as on:
        await on.keys("t", "R", "F", "text:-side", "enter")
        side = on.snapshot.branch
        await on.keys("B", "up", "enter", "c")
        assert on.mode == "ComparisonDialog"
        assert f"{side} compared with main" in words(on)


async def test_with_nothing_to_compare_c_says_how_to_begin() -> None:
    async with opened() as on:
        await on.keys("c")
        assert "nothing to compare with yet" in on.said[-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [("main", "two of"), ("main other", "there is no branch other"), ("main main@x", "no height")],
)
async def test_a_wrong_comparison_says_what_is_wrong(text: str, says: str) -> None:
    async with opened() as on:
        await on.keys("t", "D", f"text:{text}", "enter")
        assert on.mode == "PromptDialog"
        assert says in words(on)


async def test_heights_of_one_branch_are_compared() -> None:
    async with opened() as on:
        await on.keys("t", "D", "text:main@0 main@2", "enter")
        assert on.mode == "ComparisonDialog"
        assert "+ {pc: Running" in words(on)


async def test_a_height_that_is_not_there_is_an_error() -> None:
    async with opened() as on:
        await on.keys("t", "D", "text:main@0 main@999", "enter")
        assert any("has no height 999" in of for of in on.errors)
        assert on.app.screen.query_one(Input).value == "main@0 main@999", "to be mended"
        await on.keys("text:main@0 main@2", "enter")
        assert on.mode == "ComparisonDialog"


async def test_on_a_fork_c_compares_with_what_was_there_before_the_shuffle() -> None:
    async with opened() as on:
        await on.keys("t", "x", "t", "R", "g", "ctrl+u", "text:16", "enter", "F", "enter", "s", "c")
        assert "main-16@16 compared with main-16" in words(on)
