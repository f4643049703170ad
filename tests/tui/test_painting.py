"""What is painted is what has changed: no less, and not much more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte
import pytest
from textual._compositor import CompositorUpdate
from textual.strip import Strip
from textual.widget import Widget

from aos_core.history import History
from aos_core.world import World
from aos_tui.painting import Changes
from aos_tui.panes.journal_list import JournalList
from aos_tui.stylesheet import Stylesheet
from tests.support import EVENT, start
from tests.tui.driving import SIZES, journal_of, opened, painted

pytestmark = pytest.mark.paints_at_once


class Terminal:
    """A terminal that gets whatever a compositor paints."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self.paints = self.written = 0
        """How often something was painted in part, and all characters."""

    @contextmanager
    def painting(self, monkeypatch: pytest.MonkeyPatch, console: Any) -> Iterator[None]:
        """Take part in what is painted meanwhile."""
        whole, part = Changes.render_full_update, Changes.render_partial_update

        def both(update: CompositorUpdate | None) -> Any:
            if update is not None:
                text = update.render_segments(console).replace("\n", "\r\n")
                self.written += len(text)
                self._stream.feed(text)
            return update

        def changed(of: Changes) -> Any:
            self.paints += 1
            return both(part(of))

        with monkeypatch.context() as patch:
            patch.setattr(Changes, "render_full_update", lambda of, *a, **k: both(whole(of, *a)))
            patch.setattr(Changes, "render_partial_update", changed)
            yield

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]


def whole(app: Any) -> list[str]:
    """The screen, all of it painted at once."""
    return [strip.text.rstrip() for strip in painted(app)]


@pytest.mark.parametrize("size", SIZES)
async def test_paints_of_what_has_changed_add_up_to_the_whole(
    world: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(size)
    async with opened(world, size=size) as on:
        with terminal.painting(monkeypatch, on.app.console):
            on.app.refresh(layout=True)
            keys = ["t", "k", "k", "j", ",", ".", "R", "tab", "tab", "down", "z", "m", "t", "F"]
            for key in [*keys, "?", "down", "pagedown", "escape", "e", "tab", "tab", "x", "escape"]:
                await on.keys(key)
                assert terminal.lines == whole(on.app), key
    assert terminal.paints > 20, "most of that was painted in part"


async def test_a_pane_in_which_nothing_changes_is_not_asked_for_its_lines(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    real = Widget.render_lines

    def render_lines(widget: Widget, crop: Any) -> Any:
        asked.append((str(widget.id), crop.height))
        return real(widget, crop)

    async with opened(world, size=(120, 40)) as on:
        await on.keys("t", "R")
        with monkeypatch.context() as patch:
            patch.setattr(Widget, "render_lines", render_lines)
            journal_of(on).action_step(-1)
            await on.until(lambda: ("journal-list", 2) in asked)
            await on.keys("k")
        assert not {"footer", "plan-list"} & {id for id, _ in asked}


async def test_of_what_comes_while_one_reads_in_the_past_only_that_is_painted(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, made = Terminal((120, 40)), 0
    strip = JournalList._strip

    def making(of: JournalList, *given: Any) -> Strip:
        nonlocal made
        made += 1
        return strip(of, *given)

    monkeypatch.setattr(JournalList, "_strip", making)
    with World.open(world) as writer:
        for _ in range(8):  # heights of three digits, and more than fits
            writer.fire(EVENT, start())
        async with opened(world, size=(120, 40), poll=0.01) as on:
            await on.keys("home", "down")
            with terminal.painting(monkeypatch, on.app.console):
                on.app.refresh(layout=True)
                await on.pilot.pause()
                whole_screen, terminal.written, made = terminal.written, 0, 0
                for _ in range(3):
                    writer.fire(EVENT, start())
                    await on.until(lambda: on.snapshot.live == writer.height)
                    await on.pilot.pause()
                    assert terminal.lines == whole(on.app)
                    assert f"of {writer.height} " in terminal.lines[0]
                assert made == 0, "the lines that are in sight are as they were"
                assert 0 < terminal.written < whole_screen / 2
                await on.keys("end")
                assert terminal.lines == whole(on.app)


async def test_what_could_not_be_told_yet_is_told_when_it_can(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as writer:
        for _ in range(8):
            writer.fire(EVENT, start())
        async with opened(world, size=(120, 40), poll=0.01) as on:
            await on.keys("home", "down")
            lines = journal_of(on)
            with monkeypatch.context() as patch:
                patch.setattr(History, "ready", property(lambda _: False))
                lines.scroll_to(y=80, animate=False, immediate=True, force=True)
                await on.pilot.pause()
                assert "#?" in on.screen
            writer.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == writer.height)
            await on.pilot.pause()
            assert "#?" not in on.screen and "#5 emit_a" in on.screen


async def test_what_a_dialog_shows_is_styled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    styled: list[Any] = []
    real = Stylesheet.apply

    def apply(sheet: Stylesheet, node: Any, **more: Any) -> None:
        styled.append(node)
        real(sheet, node, **more)

    async with opened("04") as on:
        with monkeypatch.context() as patch:
            patch.setattr(Stylesheet, "apply", apply)
            await on.keys("e")
        shown = list(on.app.screen.walk_children(Widget))
        assert len(shown) > 50 and on.app.screen.has_class("-normal", "-middle")
        assert sum(styled.count(of) for of in shown) < 1.5 * len(shown)
