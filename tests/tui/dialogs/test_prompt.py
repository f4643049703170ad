"""One line of text that is asked for."""

from __future__ import annotations

from aos_tui.dialogs import PromptDialog
from tests.tui.dialogs.hosting import OPEN, Host, run


async def test_a_prompt_gives_the_text() -> None:
    assert (await run(PromptDialog("Go", "height", ""), *"12", "enter")).result == "12"


async def test_what_is_typed_replaces_the_initial_text() -> None:
    assert (await run(PromptDialog("Go", "height", "17"), "3", "enter")).result == "3"


async def test_a_prompt_complains_only_after_it_was_touched() -> None:
    app = Host(PromptDialog("Go", "height", "", lambda text: None if text else "write a height"))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.said() == ""
        await pilot.press("enter")
        await pilot.pause()
        assert app.said() == "not done: write a height"
        assert app.result == OPEN
