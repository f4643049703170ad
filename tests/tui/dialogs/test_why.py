"""Why a record is there."""

from __future__ import annotations

from aos_tui.dialogs import WhyDialog
from tests.tui.dialogs.hosting import Host, settle
from tests.tui.dialogs.samples import why


async def test_of_why_one_walks_both_ways_down_to_a_field() -> None:
    app = Host(why())
    async with app.run_test() as pilot:
        await pilot.pause()
        dialog = app.dialog
        assert isinstance(dialog, WhyDialog)
        for key, height in (
            ("enter", 17), ("down", 17), ("enter", 18), ("up", 18), ("w", 17), ("backspace", 18),
            ("backspace", 17), ("end", 17), ("enter", 3),
        ):  # fmt: skip
            await pilot.press(key)
            await settle(pilot)
            assert dialog.page.height == height, key
        await pilot.press("up", "g")
        await pilot.pause()
    assert app.result == 2
