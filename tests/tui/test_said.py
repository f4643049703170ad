"""What is said for a while: it hides no pane, an error stays, esc puts it away."""

from __future__ import annotations

import pytest
from rich.console import Console
from textual import events
from textual.widgets._toast import Toast

from aos_tui.headless import settle
from aos_tui.toast_text import toast_text
from tests.tui.driving import FOCUS, opened, toasts


async def test_esc_puts_away_what_is_said_before_it_closes_a_pane() -> None:
    async with opened() as on:
        await on.keys("z", "x")
        assert on.app.screen.query("Toast")
        await on.keys("escape")
        assert not on.app.screen.query("Toast")
        assert on.app.screen.has_class("-zoomed")
        await on.keys("escape")
        assert not on.app.screen.has_class("-zoomed")


@pytest.mark.parametrize("key", ["d", "l", "e", "n"])
async def test_what_is_said_at_80_columns_hides_the_border_of_the_panes_only(key: str) -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", key)
        (toast,) = on.app.screen.query("Toast")
        assert toast.region.height == 1
        assert toast.region.y == on.app.screen.query_one("#pending").region.bottom - 1


async def test_a_dialog_has_what_is_said_below_its_frame() -> None:
    async with opened() as on:
        await on.keys("t", "enter", "y")
        (toast,) = on.app.screen.query("Toast")
        assert not toast.region.overlaps(on.app.screen.query_one("#dialog").region)


async def test_an_error_stays_until_a_key_is_pressed_when_it_could_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("aos_tui.app.monotonic", lambda: now[0])
    async with opened() as on:
        on.app.notify("it broke", severity="error")
        await on.pilot.pause()
        (said,) = on.app._notifications
        assert said.time_left > 3600
        for seconds, stays in ((1.0, True), (1.0, False)):
            now[0] += seconds
            await on.keys("down")
            assert (said in on.app._notifications) == stays


@pytest.mark.parametrize(
    ("world", "keys", "before", "after"),
    [
        ("04", ("e",), "EventDialog", "live"),
        ("04", ("p",), "PropertyDialog", "live"),
        ("04", ("semicolon",), "JumpScreen", "live"),
        ("04", ("t", "comma", "z"), "past", "past"),
        ("04", ("o",), "PickerScreen", "live"),
        ("", ("text:time",), "PickerScreen", "PickerScreen"),
    ],
)
async def test_esc_puts_an_error_away_and_only_then_goes_back(
    world: str, keys: tuple[str, ...], before: str, after: str
) -> None:
    async with opened(world) as on:
        await on.keys(*keys)
        assert on.mode == before
        shown = on.screen
        for text in ("it broke", "and again"):
            on.app.notify(text, severity="error")
            await on.pilot.pause()
            await on.keys("escape")
            assert not on.app.screen.query("Toast")
            assert (on.mode, on.screen) == (before, shown)
        await on.keys("escape")
        assert on.mode == after and on.screen != shown


async def test_an_error_that_a_click_put_away_costs_no_esc() -> None:
    async with opened() as on:
        await on.keys("e")
        on.app.notify("it broke", severity="error")
        await on.pilot.pause()
        await on.pilot.click("Toast")
        await on.keys("escape")
        assert on.mode == "live"


async def test_an_esc_that_was_pressed_before_an_error_came_is_not_for_it() -> None:
    async with opened() as on:
        await on.keys("e")
        on.app.post_message(events.Key("escape", "escape"))
        on.app.notify("it broke", severity="error")
        await on.pilot.pause()
        await settle(on.pilot)
        assert on.mode == "live" and on.app.screen.query("Toast")


async def test_what_was_said_of_a_state_goes_when_the_world_moves_on() -> None:
    async with opened() as on:
        await on.keys("x")
        (said,) = toasts(on)
        assert "nothing is waiting" in said
        await on.keys("t")
        assert on.numbers and toasts(on) == []


async def test_what_is_said_stays_while_others_move_the_world_on() -> None:
    async with opened() as on:
        on.app.notify("read me")
        await on.app.session.play_step()
        await on.pilot.pause()
        assert on.numbers and toasts(on) == ["read me"]


async def test_information_takes_no_warning_away() -> None:
    async with opened() as on:
        on.app.notify("mind this", severity="warning")
        for text in ("one", "two"):
            on.app.notify(text)
            await on.pilot.pause()
        assert toasts(on) == ["mind this", "two"]
        await on.keys("t")
        assert toasts(on) == ["mind this"]


@pytest.mark.parametrize(("columns", "lines"), [(80, 3), (120, 4)])
def test_a_line_that_does_not_fit_goes_on_further_in(columns: int, lines: int) -> None:
    long = " ".join(["word"] * 40)
    text = toast_text(f"what is wrong:\n{long}\nand  more", columns, Console())
    first, *middle, last = text.split("\n")
    assert (first, last) == ("what is wrong:", "and  more")
    assert [of.startswith("  ") for of in middle] == [False] + [True] * (len(middle) - 1)
    assert len(middle) == lines and " ".join(map(str.strip, middle)) == long
    alone = toast_text(long, columns, Console()).split("\n")
    assert len(alone) == lines and " ".join(alone) == long, "one line needs no indent"


def test_lines_are_broken_by_the_cells_that_they_take() -> None:
    wide = toast_text("\u6f22" * 60, 80, Console()).split("\n")
    assert len(wide) == 2 and "".join(wide) == "\u6f22" * 60


async def test_a_line_that_is_longer_by_a_toasts_frame_alone_is_not_cut() -> None:
    async with opened() as on:
        text = "J does nothing here. In pending: move the effect down in the order of release"
        on.app.notify(text)
        await on.pilot.pause()
        assert on.said == [text] and "order of" in on.screen
        assert any(line.rstrip("╯─ ").endswith("release") for line in on.screen.splitlines()[:22])


@pytest.mark.parametrize("columns", [60, 80, 99, 100, 101, 120])
async def test_of_what_fills_its_lines_nothing_is_cut(columns: int) -> None:
    async with opened(size=(columns, 24)) as on:
        longest = toast_text("x" * 200, columns, on.app.console).index("\n")
        for length in range(longest - 3, longest + 3):
            text = f"{'x' * length} the end of it"
            on.app.notify(text)
            await on.pilot.pause()
            (toast,) = on.app.screen.query(Toast)
            lines = toast_text(text, columns, on.app.console).split("\n")
            assert toast.content_size.height == len(lines), length
            assert max(map(len, lines)) <= toast.content_size.width, length
            on.app.clear_notifications()
            await on.pilot.pause()
