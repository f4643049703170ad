"""A value as text, however long."""

from __future__ import annotations

from aos_tui.dialogs import ValueDialog
from aos_tui.dialogs.long_text import LongText
from tests.tui.dialogs.hosting import Host


async def test_y_copies_the_whole_of_a_value_that_is_shown_in_part() -> None:
    text = "[b]" * 40_000
    app = Host(ValueDialog("Value", text))
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("end")
        long = app.dialog.query_one(LongText)
        shown = "".join(long._lines)
        assert len(shown) < len(text)
        assert shown.startswith("[b][b]")
        assert shown.endswith("70000 characters more: y copies all")
        assert "70000 characters more" in long.render_line(long.size.height - 1).text
        await pilot.press("y")
    assert app.clipboard == text
