"""The list of branches."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import OptionList

from aos_tui.dialogs import BranchesDialog, BranchOption
from tests.tui.dialogs.hosting import OPEN, Host, run
from tests.tui.dialogs.samples import branches


async def test_the_branches_are_listed_and_another_is_chosen() -> None:
    assert (await run(branches(), "down", "enter")).result == ("open", "b")
    assert (await run(branches(), "enter")).result is None
    assert (await run(branches(), "down", "c")).result == ("diff", "b")
    for keys in (("c",), ("end", "c")):
        assert (await run(branches(), *keys)).result == OPEN


async def test_what_changes_the_list_leaves_it_open() -> None:
    asked: list[tuple[str, str]] = []

    def change(of: BranchesDialog, what: str, name: str) -> None:
        asked.append((what, name))

    keys = ("r", "d", "down", "r", "d", "end", "r", "d", "enter")
    assert (await run(branches(change), *keys)).result == OPEN
    assert asked == [("rename", "a"), ("rename", "b"), ("delete", "b"), ("restore", "gone")]


async def test_the_list_of_branches_shows_what_has_become_of_it_where_one_was() -> None:
    def change(of: BranchesDialog, what: str, name: str) -> None:
        of.busy = True

    def after(whole: bool) -> list[BranchOption]:
        return [BranchOption(Text(name), name) for name in "acd"]

    app = Host(branches(change))
    async with app.run_test() as pilot:
        await pilot.pause()
        found, dialog = app.dialog.query_one(OptionList), app.dialog
        assert isinstance(dialog, BranchesDialog)
        await pilot.press("down", "d", "down", "d", "enter", "c", "space")
        assert (found.highlighted, found.option_count, app.result) == (2, 4, OPEN)
        dialog.show(after, None)
        assert (found.highlighted, found.option_count) == (2, 3)
        dialog.show(after, "c")
        assert found.highlighted == 1
        dialog.busy = False
        await pilot.press("enter")
    dialog.show(after, "a")
    assert app.result == ("open", "c")


async def test_space_shows_the_branches_that_are_left_out_and_stays_where_one_is() -> None:
    app = Host(branches())
    async with app.run_test() as pilot:
        await pilot.pause()
        found = app.dialog.query_one(OptionList)
        assert found.option_count == 4
        await pilot.press("down", "space")
        assert (found.option_count, found.highlighted) == (5, 1)
        await pilot.press("space", "down", "enter")
        assert (app.result, found.option_count) == (OPEN, 5)
