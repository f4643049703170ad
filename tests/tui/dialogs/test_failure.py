"""What a compiler says, with its carets below what is wrong."""

from __future__ import annotations

from textual.geometry import Offset
from textual.selection import Selection

from aos_tui.dialogs.long_text import LongText
from tests.tui.dialogs.hosting import Host
from tests.tui.dialogs.samples import failure

SOURCE = f"25 |     let number: u32 = {'x' * 80};"
CARETS = f"   |                 --- {'^' * 80} expected `u32`"


def visible(text: LongText) -> list[str]:
    return [text.render_line(of).text.rstrip() for of in range(text.size.height)]


async def test_its_lines_stay_whole_and_one_goes_sideways() -> None:
    app = Host(failure(f"{SOURCE}\n{CARETS}"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = app.dialog.query_one(LongText)
        width = text.scrollable_content_region.width
        assert text.has_focus and width < 80
        assert visible(text)[:2] == [SOURCE[:width], CARETS[:width]]
        for _ in range(60):
            await pilot.press("right")
        end = len(CARETS)
        assert visible(text)[0] == SOURCE[end - width :]
        assert visible(text)[1] == CARETS[end - width :]


async def test_what_is_selected_where_one_went_sideways_is_what_one_sees() -> None:
    app = Host(failure(f"{SOURCE}\n{CARETS}"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["right"] * 20)
        text = app.dialog.query_one(LongText)
        left, style = round(text.scroll_x), text.render_line(1)._segments[0].style
        assert left == 20 and style is not None and style.meta["offset"] == (20, 1)
        found = text.get_selection(Selection(Offset(20, 1), Offset(30, 1)))
        assert found[0] == CARETS[20:30]


async def test_y_copies_all_of_it() -> None:
    app = Host(failure(f"{SOURCE}\n{CARETS}\n"))
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press("y")
    assert app.clipboard == (
        f"a [crate] does not compile\n\n{SOURCE}\n{CARETS}\n\nmend it\nThe world goes on."
    )
