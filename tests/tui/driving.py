"""Driving the app by keys, and looking at its world."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual import events
from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Static, TextArea

from aos_core.world import World
from aos_tui.app import AosApp
from aos_tui.dialogs.value_editor import ValueEditor
from aos_tui.headless import dump, press, settle
from aos_tui.options import Options
from aos_tui.panes.journal_list import JournalList
from aos_tui.snapshot import Snapshot
from tests.support import EVENT, release_all, start

SIZES = [(120, 40), (80, 24)]
"""A roomy terminal, and the one that everybody has."""
FOCUS = {
    "journal": (),
    "plan": ("tab",),
    "state": ("tab", "tab"),
    "pending": ("tab", "tab", "tab"),
}
"""The keys that go to a pane from the journal, where one begins."""


def painted(app: App[Any]) -> list[Strip]:
    """The screen as it is painted, with what shines through from the screens behind it."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips(app.size)


@dataclass(frozen=True, slots=True)
class Driver:
    """An open app. What it knows is read from its snapshot, never from a widget."""

    app: AosApp
    pilot: Pilot[None]

    async def keys(self, *keys: str) -> None:
        """Press keys, and after each wait until nothing runs; ``text:..`` types."""
        for key in keys:
            await press(self.pilot, key)

    async def write(self, text: str) -> None:
        """Put ``text`` where the dialog's JSON is, in that display."""
        if self.app.screen.query_one(ValueEditor).is_form:
            await self.keys("ctrl+t")
        self.app.screen.query_one(TextArea).text = text
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """The dialog's value as JSON text."""
        return self.app.screen.query_one(ValueEditor).text

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        for _ in range(1000):
            if holds():
                return
            await self.pilot.pause(0.01)
        raise AssertionError("it never came to that")

    @property
    def snapshot(self) -> Snapshot:
        assert self.app.session.snapshot is not None
        return self.app.session.snapshot

    @property
    def known(self) -> dict[str, Any]:
        return dump(self.app)

    @property
    def screen(self) -> str:
        """What can be read on the screen, line by line."""
        return "\n".join(strip.text for strip in painted(self.app))

    @property
    def mode(self) -> str:
        return str(self.known["mode"])

    @property
    def numbers(self) -> list[int]:
        """The numbers of what is pending at the shown height."""
        return [item.n for item in self.snapshot.pending]

    @property
    def receipts(self) -> list[str]:
        """The URLs' last letters, in the order in which their receipts came."""
        records = self.snapshot.records[: self.snapshot.live + 1]
        of = (record["intent"] for record in records if record.kind == "receipt")
        asked = (self.snapshot.index.intent(intent) for intent in of)
        return [str(record["params"]["url"])[-1] for record in asked if record is not None]

    @property
    def state(self) -> Any:
        """The aggregator's state at the shown height."""
        return self.states()["demo/Aggregator@1"]

    def states(self, *, before: bool = False) -> dict[str, Any]:
        """Host JSON of each reducer, of a keyed one by key; or of what it is compared with."""
        found: dict[str, Any] = {}
        for held in self.snapshot.states.held:
            parts = held.before if before else held.now
            hosts = {held.names.get(key, ""): part.host() for key, part in parts.items()}
            found[held.reducer] = hosts if held.keyed else hosts.get("")
        return found

    @property
    def said(self) -> list[str]:
        return [text for _, text in self.app.said]

    @property
    def errors(self) -> list[str]:
        return [text for severity, text in self.app.said if severity == "error"]


@asynccontextmanager
async def opened(
    world: str | Path = "04", size: tuple[int, int] = (80, 24), **more: Any
) -> AsyncIterator[Driver]:
    """The app on a world: one that ships in memory, one of a directory on its disk."""
    more = {"memory": isinstance(world, str), "pace": 0.0, "poll": 0.0, **more}
    app = AosApp(Options(world=os.fspath(world), **more))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        await settle(pilot)
        yield Driver(app, pilot)
    assert app._exception is None
    assert app.return_code in (0, None)


def toasts(on: Driver) -> list[str]:
    """What is said on any of the screens."""
    return [str(of.render()) for screen in on.app.screen_stack for of in screen.query("Toast")]


def words(on: Driver) -> str:
    """All that the dialog says."""
    screen = on.app.screen
    titles = [str(of.border_title) for of in screen.query("#dialog")]
    return "\n".join([*titles, *(str(of.render()) for of in screen.query(Static))])


async def banner(on: Driver) -> str:
    """The whole of the line that says what is wrong; it is shown."""
    line = on.app.screen.query_one("#banner")
    assert line.display
    return str(line.render())


def journal_of(on: Driver) -> JournalList:
    """The lines of the journal."""
    return on.app.screen_stack[0].query_one(JournalList)


def heights_of(on: Driver) -> list[int]:
    """The last height that each line of the journal stands for."""
    lines = journal_of(on)
    return [lines.line(row).last for row in range(lines.lines)]


def on_disk(world: Path, branch: str = "main") -> tuple[int, str, list[str]]:
    """(height, root in hex, kinds of the records) of a branch as its journal has it."""
    with World.open(world, branch, write=False) as found:
        return found.height, found.root.hex(), [record.kind for record in found.records]


def play(world: Path) -> list[int]:
    """The main job on ``main``; returns where each frame begins in the file."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found)
        return [frame.offset for frame in found.frames]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


async def typed_ahead(on: Driver, *keys: str) -> None:
    """Keys that come all at once, as a slow line or a held key brings them."""
    for key in keys:
        on.app.post_message(events.Key(key, key if len(key) == 1 else None))
    await on.pilot.pause()
    await settle(on.pilot)
    await settle(on.pilot)
