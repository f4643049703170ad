"""Where the terminal has no more than ASCII, nothing else is painted: not by Textual either."""

from __future__ import annotations

import pytest
from textual.app import App

from tests.tui.driving import opened, painted

DIALOGS: tuple[tuple[str, ...], ...] = (
    ("e",),
    ("B",),
    ("F",),
    ("S",),
    ("D",),
    ("p",),
    ("g",),
    ("w",),
    ("i",),
    ("x",),
    ("L",),
    ("enter",),
    ("ctrl+s",),
    ("ctrl+p",),
    ("semicolon",),
    ("question_mark",),
    ("exclamation_mark",),
)


def others(app: App[None]) -> set[str]:
    return {sign for line in painted(app) for sign in line.text if not sign.isascii()}


async def test_every_dialog_is_painted_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened() as on:
        await on.keys("t")
        assert others(on.app) == set()
        for keys in DIALOGS:
            await on.keys(*keys)
            assert on.mode != "live" and (keys, others(on.app)) == (keys, set())
            await on.keys("escape", "escape")
            assert on.mode == "live"
        await on.keys("R", "enter")
        assert on.mode == "RecordDialog" and others(on.app) == set()


async def test_elsewhere_more_is_painted() -> None:
    async with opened() as on:
        await on.keys("t", "B")
        assert others(on.app)
