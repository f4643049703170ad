"""The picker, for tests: the app without a world, and what can be read there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from tests.tui.driving import Driver, opened

PICKER = "PickerScreen"


@asynccontextmanager
async def picking(**more: Any) -> AsyncIterator[Driver]:
    """The app without a world, in memory, so that those that ship are not written to."""
    async with opened("", **more) as on:
        assert on.mode == PICKER
        yield on


def lines(on: Driver) -> list[str]:
    """What can be picked."""
    listed = on.app.screen.query_one(OptionList)
    return [str(of.prompt).strip() for of in listed.options if not of.disabled]


def chosen(on: Driver) -> str:
    """The line under the cursor."""
    listed = on.app.screen.query_one(OptionList)
    assert listed.highlighted is not None
    return str(listed.get_option_at_index(listed.highlighted).prompt).strip()


def about(on: Driver) -> str:
    return str(on.app.screen.query_one("#about Static", Static).render())


def recent(remembered: Path) -> list[str]:
    found: list[str] = json.loads(remembered.read_text())["recent"]
    return found


@pytest.fixture(name="elsewhere", autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in: empty, and no world."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place
