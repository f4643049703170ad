"""The installed program without any argument, in a real pseudo-terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aos_core.world import World
from tests.tui.terminal import Terminal


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_a_world_is_picked_played_and_remembered(
    world: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    state = tmp_path / "state"
    terminal = Terminal(None, *size, place=world, XDG_STATE_HOME=str(state))
    try:
        terminal.wait("pick a world", "The folder you are in", "Take the tour", "00-counter")
        terminal.tell_size()
        terminal.press("join")  # a word of its title
        terminal.wait("world", until=lambda text: "Take the tour" not in text)
        terminal.press("\r")
        terminal.wait("Nothing has happened yet.", "h 0 live")
        terminal.press("t")
        terminal.wait("h 16 live", "3 waiting")
        terminal.press("s")
        terminal.wait("h 30 live", "0 waiting", "Done")
        terminal.press("o")
        terminal.wait("pick a world", "open now", "esc goes back")
        terminal.press("\x1b")
        terminal.wait("h 30 live")
        terminal.press("v")
        terminal.wait("✓ verified")
        terminal.press("q")
        assert terminal.ended() == 0
    finally:
        terminal.close()
    (file,) = state.rglob("tui.json")
    assert json.loads(file.read_text())["recent"] == [str(world.resolve())]
    with World.open(world) as found:
        assert (found.height, found.pending, found.verify().ok) == (30, [], True)

    again = Terminal(None, *size, place=tmp_path, XDG_STATE_HOME=str(state))
    try:
        again.wait("Recent", "world", "Three HTTP requests")
        again.press("\r")
        again.wait("h 30 live")
        again.press("q")
        assert again.ended() == 0
    finally:
        again.close()
