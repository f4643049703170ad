"""What is painted is what has changed: no less, and not much more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte
import pytest
from textual._compositor import CompositorUpdate
from textual.widget import Widget

from aos_tui.painting import Changes
from aos_tui.stylesheet import Stylesheet
from tests.tui.driving import SIZES, journal_of, opened, painted

pytestmark = pytest.mark.paints_at_once


class Terminal:
    """A terminal that gets whatever a compositor paints."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self.paints = 0

    @contextmanager
    def painting(self, monkeypatch: pytest.MonkeyPatch, console: Any) -> Iterator[None]:
        """Take part in what is painted meanwhile."""
        whole, part = Changes.render_full_update, Changes.render_partial_update

        def both(update: CompositorUpdate | None) -> Any:
            if update is not None:
                self._stream.feed(update.render_segments(console).replace("\n", "\r\n"))
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
