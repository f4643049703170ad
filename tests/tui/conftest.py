"""What the app's tests share: the aggregator on disk, and no animations."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.screen import Screen

from tests.fixtures import aggregator, compiled_once

__all__ = ["aggregator", "compiled_once"]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No animation and no blinking cursor: a test waits for nothing but the app. And one terminal,
    whatever the one is that runs the tests."""
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture(autouse=True)
def quiet_is_soon_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot waits, several times a key, until nothing was computed for 20 ms: more than half of
    the time that these tests took. Half of it is enough where a paint is not put off for longer:
    Textual's frames are as many as the app has."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.01 / 20)
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", 0.001)


_paint = Screen._compositor_refresh
_pause = Pilot.pause


def _paint_later(screen: Screen[Any]) -> None:
    if screen is not screen.app.screen:
        _paint(screen)  # that asks the screen above to paint, no more


async def _pause_and_paint(pilot: Pilot[Any], delay: float | None = None) -> None:
    await _pause(pilot, delay)
    screen = pilot.app.screen
    if screen._compositor._dirty_regions:
        _paint(screen)


@pytest.fixture(autouse=True)
def painted_where_one_waits(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has changed is painted when a pilot pauses, not at each change on the way there: a third
    of what these tests took. ``paints_at_once`` marks those that are about painting, or are to meet
    what only an app in haste meets."""
    if request.node.get_closest_marker("paints_at_once") is None:
        monkeypatch.setattr(Screen, "_compositor_refresh", _paint_later)
        monkeypatch.setattr(Pilot, "pause", _pause_and_paint)


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialog that opens by itself takes keys at once: a test knows what it waits for."""
    monkeypatch.setattr("aos_tui.dialogs.base.UNREAD_SECONDS", 0.0)


_parsed: dict[tuple[object, ...], list[RuleSet]] = {}


@pytest.fixture(autouse=True)
def parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stylesheet says under the same variables is parsed once for all apps, which only read
    it: a seventh of what it takes to start one."""
    parse = Stylesheet._parse_rules

    def once(self: Stylesheet, *args: Any, **more: Any) -> list[RuleSet]:
        key = (*args, *more.items(), *self._variables.items())
        if key not in _parsed:
            _parsed[key] = parse(self, *args, **more)
        return _parsed[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", once)


@pytest.fixture(autouse=True, scope="package")
def collects_rarely() -> Iterator[None]:
    """An app makes and drops many objects: a third of its time here would go into looking for
    garbage among them. Elsewhere Python's own measure holds: engines of wasm are worth giving back
    soon."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 10, 10)
    yield
    gc.set_threshold(*usual)


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of what the app remembers, also in a process of its own: nobody's own. The size of
    the terminal was spoken of."""
    state = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    file = state / "aos/tui.json"
    file.parent.mkdir()
    file.write_text('{"size_told": true}')
    monkeypatch.setattr("aos_tui.remembered.state_file", lambda: file)
    return file
