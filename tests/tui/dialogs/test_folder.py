"""The path of a folder, completed as one types."""

from __future__ import annotations

from threading import Event

from textual.widgets import Input

from aos_tui.dialogs import FolderDialog
from aos_tui.session.folders import Folder, Folders
from tests.tui.dialogs.hosting import Host


async def test_what_fitted_before_takes_nothing_away_that_is_typed_since() -> None:
    looked = Event()

    def find(text: str) -> Folders:
        if text:
            looked.wait(60)
        return Folders("", text, (Folder("alpha"),), agreed="alpha")

    app = Host(FolderDialog("Open", lambda _: None, find))
    try:
        async with app.run_test() as pilot:
            await pilot.pause()
            field = app.dialog.query_one(Input)
            field.value = "al"
            await pilot.press("tab")
            assert field.value == "al", "the disk has not answered yet"
            looked.set()
            await app.workers.wait_for_complete()
            await pilot.press("tab")
            assert field.value == "alpha/"
    finally:
        looked.set()
