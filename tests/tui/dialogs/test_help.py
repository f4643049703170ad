"""The list of keys, and how every dialog shows its own."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.widgets import Input, TextArea

from aos_tui import dialogs, form
from aos_tui.dialogs import HelpDialog, RehearsalDialog
from aos_tui.dialogs.own_keys import own_keys
from tests.tui.dialogs.hosting import OPEN, Host, run
from tests.tui.dialogs.samples import EVERY, branches, help_dialog, record


async def test_help_closes_with_the_key_that_opened_it() -> None:
    assert (await run(help_dialog(), "question_mark")).result is None
    assert (await run(help_dialog(), "f1")).result is None


@pytest.mark.parametrize("name", sorted(EVERY.keys() - {"help"}))
async def test_every_dialog_shows_its_own_keys_and_is_there_again_behind_them(name: str) -> None:
    app = Host(EVERY[name]())
    async with app.run_test() as pilot:
        await pilot.pause()
        typing = isinstance(app.focused, Input | TextArea)
        frame = app.dialog.query_one("#dialog")
        assert str(frame.border_subtitle).endswith("f1 keys" if typing else "? keys")
        before = app.focused
        for key in ["f1"] if typing else ["f1", "question_mark"]:
            await pilot.press(key)
            assert isinstance(app.screen, HelpDialog)
            ((heading, rows), *_) = app.screen._groups
            shown = {of for keys, _ in rows for of in keys.split()}
            assert heading == "In this dialog" and {"esc", "?", "f1"} <= shown
            for _, more in app.screen._groups:
                shown |= {of for keys, _ in more for of in keys.split()}
            buttons = app.dialog.keys()  # type: ignore[attr-defined]
            assert {key for key, _, _ in buttons} <= shown
            await pilot.press("escape")
            assert app.screen is app.dialog and app.focused is before and app.result == OPEN


async def test_in_a_text_field_a_question_mark_is_a_character() -> None:
    app = Host(EVERY["fork"]())
    async with app.run_test() as pilot:
        await pilot.press("end", "question_mark")
        assert app.dialog.query_one(Input).value == "try?" and app.screen is app.dialog
        await pilot.press("tab")
        assert app.dialog.query_one("#dialog").border_subtitle == "? keys"
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpDialog)


async def test_only_keys_that_do_something_are_shown() -> None:
    for goes in (True, False):
        app = Host(RehearsalDialog("Rehearsed", [], goes=goes))
        async with app.run_test():
            (_, rows), *_ = own_keys(app.dialog)  # type: ignore[arg-type]
            assert ("g" in dict(rows)) == goes


async def test_the_keys_of_what_has_the_focus_stand_apart() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.press("l")
        (_, rows), (heading, around) = own_keys(app.dialog)  # type: ignore[arg-type]
        assert heading == "Where the cursor is"
        assert dict(around)["enter"].startswith("follow the link") and "enter" not in dict(rows)


async def test_help_waits_while_the_list_of_branches_changes() -> None:
    dialog = branches()
    dialog.busy = True
    app = Host(dialog)
    async with app.run_test() as pilot:
        await pilot.press("question_mark")
        assert app.screen is dialog


def test_every_key_of_a_dialog_says_what_it_does() -> None:
    silent = [
        f"{kind.__name__}: {of.key}"
        for package in (dialogs, form)
        for module in iter_modules(package.__path__, f"{package.__name__}.")
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass)
        if issubclass(kind, DOMNode) and kind.__module__ == module.name
        for of in kind.__dict__.get("BINDINGS", ())
        if isinstance(of, Binding) and not of.description
    ]
    assert silent == []
