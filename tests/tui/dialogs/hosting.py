"""An app that shows one dialog, and keys pressed in it."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from aos_tui.dialogs.value_editor import ValueEditor

OPEN = "still open"


class Host(App[None]):
    """Shows one dialog and keeps what it dismisses with."""

    def __init__(self, dialog: ModalScreen[Any]) -> None:
        super().__init__()
        self.dialog = dialog
        self.result: Any = OPEN
        self.last = ""

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.push_screen(self.dialog, self._keep)

    def _keep(self, result: Any) -> None:
        self.result = result

    def said(self) -> str:
        """What the message line says now; ``last``: what it said when ``run`` was through."""
        return str(self.dialog.query_one("#message").query_one(Static).visual)


async def run(
    dialog: ModalScreen[Any], *keys: str, text: str | None = None, size: tuple[int, int] = (80, 24)
) -> Host:
    """Type ``text`` over what the dialog's text field holds, then press ``keys``."""
    app = Host(dialog)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if text is not None:
            await write(app, pilot, text)
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        if app.result == OPEN and dialog.query("#message"):
            app.last = app.said()
    return app


async def write(app: Host, pilot: Pilot[None], text: str) -> None:
    """Over what the text field holds; a value is written as JSON, in that display."""
    for editor in app.dialog.query(ValueEditor):
        if editor.is_form:
            await pilot.press("ctrl+t")
        app.dialog.query_one(TextArea).text = text
        break
    else:
        app.dialog.query_one(Input).value = text
    await pilot.pause()


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.animator.wait_until_complete()
    await pilot.pause()
