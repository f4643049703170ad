"""What is said for a while: it hides no pane, an error stays, esc puts it away."""

from __future__ import annotations

import pytest

from tests.tui.driving import FOCUS, opened


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
