"""The process is told to end, or its terminal goes away: nothing of it stays, nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from aos_core.world import World
from tests.tui.terminal import (
    Terminal,
    asked_to_end,
    left_on,
    processes_of,
    stopped_verifier,
    until,
)


def playing(world: Path) -> Terminal:
    """The program with three effects pending."""
    terminal = Terminal(world, 80, 24)
    terminal.wait("Nothing has happened yet.", "q quit")
    terminal.press("t")
    terminal.wait("h 16 live", "3 waiting")
    return terminal


def is_free_and_whole(world: Path) -> None:
    with World.open(world) as found:  # which takes the lock
        assert found.height == 16 and found.verify().ok


def test_who_asks_it_to_end_finds_the_terminal_as_it_was(world: Path) -> None:
    terminal = playing(world)
    try:
        terminal.press("v")
        verifier = stopped_verifier(terminal, world)
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
        assert left_on(bytes(terminal.raw)) == [] and terminal.cooked
    finally:
        terminal.close()
    assert asked_to_end(verifier)
    until(lambda: processes_of(world) == [], "a process stays behind")
    is_free_and_whole(world)


def stalled(world: Path) -> tuple[Terminal, int]:
    """The program while it verifies, waiting to paint what nobody reads; and the verifier."""
    terminal = playing(world)
    terminal.press("v")
    verifier = stopped_verifier(terminal, world)
    for _ in range(40):
        terminal.press(",.<>" * 5)
        time.sleep(0.1)
    return terminal, verifier


def test_a_terminal_that_stalls_and_then_is_gone_keeps_nothing(world: Path) -> None:
    terminal, verifier = stalled(world)
    terminal.hang_up()
    until(lambda: set(processes_of(world)) <= {verifier}, "the app stays behind")
    assert asked_to_end(verifier)
    until(lambda: processes_of(world) == [], "a process stays behind")
    is_free_and_whole(world)


def test_who_asks_it_to_end_is_obeyed_though_the_terminal_stalls(world: Path) -> None:
    terminal, _ = stalled(world)
    os.kill(terminal.pid, signal.SIGTERM)
    until(lambda: processes_of(world) == [], "a process stays behind")
    assert terminal.ended() == 128 + signal.SIGTERM
    is_free_and_whole(world)
