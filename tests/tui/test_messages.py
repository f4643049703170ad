"""What is said: it lies over no dialog that comes after it, and is listed."""

from __future__ import annotations

import pytest

from tests.tui.driving import opened, toasts


@pytest.mark.parametrize("key", ["e", "semicolon", "question_mark", "ctrl+p"])
async def test_what_was_said_does_not_lie_over_a_dialog(key: str) -> None:
    async with opened() as on:
        await on.keys("x")
        assert toasts(on)
        on.app.notify("mind this", severity="warning")
        await on.pilot.pause()
        await on.keys(key)
        assert on.mode not in ("live", "past")
        assert toasts(on) == []
        await on.keys("escape")
        assert toasts(on) == [], "it is over"


@pytest.mark.parametrize("late", [0, 10])
async def test_an_error_that_could_not_be_read_is_said_again_after_the_dialogs(
    monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    now = [100.0]
    monkeypatch.setattr("aos_tui.app.monotonic", lambda: now[0])
    async with opened() as on:
        on.app.notify("it broke", severity="error")
        await on.pilot.pause()
        assert toasts(on) == ["it broke"]
        now[0] += late
        await on.keys("B", "r")
        assert on.mode == "RenameDialog" and toasts(on) == []
        await on.keys("escape")
        assert toasts(on) == [], "there is a dialog still"
        await on.keys("escape")
        assert toasts(on) == ([] if late else ["it broke"])
        now[0] += 10
        await on.keys("tab")
        assert toasts(on) == []
        assert on.errors == ["it broke"], "it was one"


async def test_what_is_said_together_with_a_dialog_is_seen_there() -> None:
    async with opened() as on:
        await on.keys("t", "enter", "y")
        (said,) = toasts(on)
        assert "copied" in said


async def test_all_that_was_said_is_listed_the_newest_first() -> None:
    async with opened() as on:
        await on.keys("exclamation_mark")
        assert "Nothing was said yet" in on.screen
        await on.keys("escape", "x")
        on.app.notify("it broke\x1b[2J\nmend it", severity="error")
        on.app.notify("[b]mind", severity="warning")
        await on.keys("exclamation_mark")
        assert on.mode == "ValueDialog"
        text = on.screen
        assert "\x1b" not in text
        places = [text.index(of) for of in ("! [b]mind", "✗ it broke", "  mend it", "nothing is")]
        assert places == sorted(places)


async def test_what_is_said_again_and_again_is_listed_once() -> None:
    async with opened() as on:
        await on.keys("x", *["escape"] * 6)
        on.app.notify("it broke", severity="error")
        await on.keys("exclamation_mark")
        lines = [line.strip("┃│ ") for line in on.screen.splitlines()]
        (idle,) = (of for of in lines if "nothing runs" in of)
        assert idle.endswith("q quits  (3 times)"), "every other esc put it away"
        assert sum("it broke" in of for of in lines) == 1


async def test_an_error_that_is_on_its_way_when_a_dialog_comes_is_said_once_after_it() -> None:
    async with opened() as on:
        on.app.notify("it broke", severity="error")
        await on.app.screen.run_action("help")
        await on.pilot.pause()
        assert (on.mode, toasts(on)) == ("HelpDialog", [])
        await on.keys("escape")
        assert toasts(on) == ["it broke"]
