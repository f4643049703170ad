"""The list of branches."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from rich.text import Text
from textual.widgets import OptionList

from aos_tui.dialogs import BranchesDialog, BranchOption
from tests.tui.dialogs.hosting import OPEN, Host, run
from tests.tui.dialogs.samples import branches


async def test_the_branches_are_listed_and_another_is_chosen() -> None:
    assert (await run(branches(), "down", "enter")).result == ("open", "b")
    assert (await run(branches(), "enter")).result is None
    assert (await run(branches(), "down", "c")).result == ("diff", "b")
    for keys in (("c",), ("end", "c"), ("s", "end", "c")):
        assert (await run(branches(), *keys)).result == OPEN


async def test_what_changes_the_list_leaves_it_open() -> None:
    asked: list[tuple[str, list[str]]] = []

    def change(of: BranchesDialog, what: str, names: Sequence[str]) -> None:
        asked.append((what, list(names)))

    keys = ("r", "d", "down", "r", "d", "s", "end", "r", "d", "enter")
    assert (await run(branches(change), *keys)).result == OPEN
    assert asked == [("rename", ["a"]), ("rename", ["b"]), ("delete", ["b"]), ("restore", ["gone"])]


@pytest.mark.parametrize(
    ("keys", "deleted"),
    [
        (("down", "space", "d"), ["b"]),
        (("space", "d"), None),  # it is open
        (
            ("down", "down", "space", "d"),
            ["above"],
        ),  # what is under the cursor is said to be needed
        (("s", "end", "up", "space", "home", "down", "space", "delete"), ["b", "a-2"]),
        (("s", "a", "d"), ["b", "a-1", "a-2"]),
        (("s", "a", "s", "d"), ["b"]),  # those that are not to be seen are not meant
        (("s", "a", "a", "home", "down", "d"), ["b"]),
        (("down", "space", "space", "end", "d"), None),
    ],
)
async def test_those_that_are_selected_are_deleted_together(
    keys: tuple[str, ...], deleted: list[str] | None
) -> None:
    asked: list[list[str]] = []
    await run(branches(lambda of, what, names: asked.append(list(names))), *keys)
    assert asked == ([] if deleted is None else [deleted])


async def test_what_is_selected_is_marked_and_counted() -> None:
    app = Host(branches())
    async with app.run_test() as pilot:
        await pilot.press("down", "space")
        found, frame = app.dialog.query_one(OptionList), app.dialog.query_one("#dialog")
        assert str(found.get_option_at_index(1).prompt) == "x b [b]" and found.highlighted == 1
        assert frame.border_title == "Branches, 3 of them not shown, 1 selected"
        await pilot.press("space")
        assert str(found.get_option_at_index(1).prompt) == "  b [b]"
        assert frame.border_title == "Branches, 3 of them not shown"


async def test_the_list_of_branches_shows_what_has_become_of_it_where_one_was() -> None:
    def change(of: BranchesDialog, what: str, names: Sequence[str]) -> None:
        of.busy = True

    def after(whole: bool, selected: Collection[str]) -> list[BranchOption]:
        return [BranchOption(Text(name), name) for name in "acd"]

    app = Host(branches(change))
    async with app.run_test() as pilot:
        await pilot.pause()
        found, dialog = app.dialog.query_one(OptionList), app.dialog
        assert isinstance(dialog, BranchesDialog)
        await pilot.press("down", "d", "down", "d", "enter", "c", "s")
        assert (found.highlighted, found.option_count, app.result) == (2, 5, OPEN)
        dialog.show(after, None)
        assert (found.highlighted, found.option_count) == (2, 3)
        dialog.show(after, "nowhere")
        assert found.highlighted == 2
        dialog.show(after, "c")
        assert found.highlighted == 1
        dialog.show(lambda whole, selected: after(whole, selected)[1:], None)
        assert found.highlighted == 0  # the branch where one was
        dialog.busy = False
        await pilot.press("enter")
    dialog.show(after, "a")
    assert app.result == ("open", "c")


async def test_s_shows_the_branches_that_are_left_out_and_stays_where_one_is() -> None:
    app = Host(branches())
    async with app.run_test() as pilot:
        await pilot.pause()
        found = app.dialog.query_one(OptionList)
        assert found.option_count == 5
        await pilot.press("down", "s")
        assert (found.option_count, found.highlighted) == (7, 1)
        await pilot.press("s", "end", "enter")
        assert (app.result, found.option_count) == (OPEN, 7)
