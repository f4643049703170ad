"""What holds of every dialog: it fits, esc leaves it, and no cursor blinks."""

from __future__ import annotations

import pytest
from textual.widgets import Input, TextArea

from tests.tui.dialogs.hosting import Host
from tests.tui.dialogs.samples import EVERY, receipt


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("name", EVERY)
async def test_nothing_is_cut_off_and_esc_backs_out(name: str, size: tuple[int, int]) -> None:
    app = Host(EVERY[name]())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        frame = app.dialog.query_one("#dialog")
        inside = frame.content_region
        assert app.dialog.region.contains_region(frame.region)
        for part in (
            *frame.children,
            *frame.query("Button, Input, TextArea, Select, Reader, #more"),
        ):
            assert not part.display or inside.contains_region(part.region), part
            assert part.region.area > 0 or not part.display or part.id == "more", part
        assert app.focused is not None
        await pilot.press("escape")
        await pilot.pause()
        assert app.result in (None, False)


async def test_a_field_blinks_no_cursor_where_animations_are_off() -> None:
    app = Host(receipt())
    async with app.run_test() as pilot:
        await pilot.pause()
        for display in ("form", "json"):
            fields = [*app.dialog.query(Input), *app.dialog.query(TextArea)]
            assert len(fields) == 2, display
            assert not any(field.cursor_blink for field in fields)
            await pilot.press("ctrl+t")
