"""What the journal folded, a dense timeline, the branches, and records and their causes look like.

After a change that is meant: ``pytest tests/tui/test_journal_snapshots.py --snapshot-update``.
"""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from aos_tui.app import AosApp
from aos_tui.headless import press, settle
from aos_tui.options import Options
from tests.tui.test_snapshots import SIZES, Compare, compare

BASIC = Options("04", memory=True, scenario="basic")
SCREENS = {
    "folded": ("t", "R", "C", "up", "m", "comma", "escape"),
    "found": ("t", "R", "slash", "text:kind:receipt", "enter", "escape", "n", "n"),
    "join": ("t", "R", "comma", "comma", "comma", "comma", "w"),
    "walked": ("t", "R", "enter", "tab", "enter", "enter"),
    "renamed": ("t", "R", "u", "r", "B", "r", "text:what-if", "enter", "up"),
    "branches": ("t", "R", "u", "r", "F", "text:mine", "enter", "escape", "B"),
}


@SIZES
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert compare(snap_compare, BASIC, SCREENS[name], size)


@pytest.mark.parametrize("size", [(200, 60), (80, 24)], ids=["200x60", "80x24"])
def test_dense_timeline(snap_compare: Compare, size: tuple[int, int]) -> None:
    """Three hundred turns of different sizes, some marked, one forked from, folded."""
    app = AosApp(Options("04", memory=True, scenario="two-at-once"))

    async def drive(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await settle(pilot)
        world = app.session._opened
        for n in range(60):
            world.fire("demo/AggregatorEvent@1", {"Start": _start(n)})
            for intent in world.pending[: n % 4]:
                world.deliver(intent.answer())
        await app.session.refresh()
        keys = (
            "C",
            "m",
            "pageup",
            "m",
            "pageup",
            "F",
            "text:side",
            "enter",
            "escape",
            "B",
            "home",
            "enter",
        )
        for key in (*keys, "pageup"):
            await press(pilot, key)
        app.clear_notifications()
        await pilot.pause()

    assert snap_compare(app, run_before=drive, terminal_size=size)
    assert app._exception is None


def _start(n: int) -> dict[str, object]:
    def target(name: str) -> dict[str, str]:
        return {"name": name, "url": f"https://example.com/api/{name}", "method": "GET"}

    names = zip(("primary", "secondary", "tertiary"), "abc", strict=True)
    return {"topic": f"topic {n}", **{of: target(name) for of, name in names}}
