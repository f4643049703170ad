"""One record whole, and the way from record to record."""

from __future__ import annotations

from textual.widgets import Label, OptionList, Static

from aos_tui.dialogs import RecordDialog, RecordPage
from tests.tui.dialogs.hosting import OPEN, Host, run, settle
from tests.tui.dialogs.samples import look, record
from tests.tui.driving import painted


async def test_links_lead_from_record_to_record_and_back() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        dialog = app.dialog
        assert isinstance(dialog, RecordDialog)
        for key, height in (
            ("tab", 17), ("down", 17), ("enter", 18), ("enter", 17), ("backspace", 18),
            ("down", 18), ("enter", 19), ("down", 19), ("enter", 19), ("backspace", 18),
            ("backspace", 17), ("backspace", 17),
        ):  # fmt: skip
            await pilot.press(key)
            await settle(pilot)
            assert dialog.page.height == height, key
            assert f"Record {height}" in str(dialog.query_one("#dialog").border_title)
        assert app.result == OPEN
        await pilot.press("g")
        await pilot.pause()
    assert app.result == 16


async def test_g_goes_to_the_record_that_is_shown_while_its_text_is_read() -> None:
    assert (await run(record(), "g")).result == 17
    assert (await run(record(), "right", "down", "left", "g")).result == 17
    assert (await run(record(), "right", "down", "g")).result == 18


async def test_a_link_takes_the_mouse() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.click(OptionList, offset=(2, 0))
        await settle(pilot)
        assert isinstance(app.dialog, RecordDialog) and app.dialog.page.height == 16


async def test_of_five_megabytes_a_part_is_laid_out_and_all_is_copied() -> None:
    text = "x" * 5_000_000
    huge = RecordPage(3, "Record 3", [("Value", text), ("CBOR", text)], [("led to 4", 4)])
    app = Host(RecordDialog(huge, look))
    async with app.run_test() as pilot:
        await pilot.pause()
        for shown in app.dialog.query("Reader Static.text").results(Static):
            said = str(shown.visual)
            assert len(said) < 20_000 and "characters more: y copies all" in said
        await pilot.press("y")
    assert app.clipboard == f"Value\n{text}\n\nCBOR\n{text}"


async def test_nothing_of_a_record_reaches_the_terminal_raw() -> None:
    text = "a\x1b]52;c;\x07\nb\x9b2J \u202e"
    bad = RecordPage(3, "Record 3", [("Value", text)], [("led to \x1b[2J", 4)])
    app = Host(RecordDialog(bad, look))
    async with app.run_test() as pilot:
        await pilot.pause()
        lines = [segment.text for strip in painted(app) for segment in strip]
        shown = "".join(lines)
        assert "]52;c;" in shown and all(of.isprintable() for of in shown)
        await pilot.press("y")
    assert app.clipboard == f"Value\n{text}"


async def test_y_copies_every_section_of_a_record() -> None:
    app = await run(record(), "y")
    assert app.clipboard == "Value\n{'a': [1]}\n\nCBOR\n" + "h'00'\n" * 60
    assert app.result == OPEN


async def test_long_text_scrolls_with_keys() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        reader = app.dialog.query_one("Reader")
        assert reader.has_focus
        for key, moved in (("j", 1), ("down", 2), ("k", 1), ("end", reader.max_scroll_y)):
            await pilot.press(key)
            await settle(pilot)
            assert reader.scroll_offset.y == moved


async def test_the_line_of_keys_has_room_at_80_columns() -> None:
    app = Host(record())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for keys in ((), ("tab", "down", "enter")):
            await pilot.press(*keys)
            await settle(pilot)
            assert app.dialog.query_one("#more").size.height == 1, keys
        assert "enter follow" in str(app.dialog.query_one("#more", Label).render())
