"""Yes or no."""

from __future__ import annotations

import pytest
from textual.widgets import Button

from aos_tui.dialogs import ConfirmDialog
from tests.tui.dialogs.hosting import Host, run


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["y"], True),
        (["n"], False),
        (["enter"], False),
        (["left", "enter"], True),
        (["escape"], False),
    ],
)
async def test_confirm(keys: list[str], answer: bool) -> None:
    assert (await run(ConfirmDialog("Quit?", "Really [now]?"), *keys)).result is answer


async def test_confirm_shows_its_own_words() -> None:
    app = Host(ConfirmDialog("Drop?", "It goes.", yes="Drop [it]", no="Keep"))
    async with app.run_test() as pilot:
        await pilot.pause()
        labels = [str(button.label) for button in app.dialog.query(Button).results()]
    assert labels == ["Drop [it] y", "Keep n"]
