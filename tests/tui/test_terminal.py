"""The installed program in a real pseudo-terminal: keys in, a screen out, the journal on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aos_core.world import World
from tests.tui.terminal import Terminal


@pytest.fixture(params=[(120, 40), (80, 24)], ids=["120x40", "80x24"])
def terminal(world: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    found = Terminal(world, *request.param)
    yield found
    found.close()


def test_the_main_job_with_keys_only(terminal: Terminal, world: Path) -> None:
    screen = terminal.wait("Nothing has happened yet.", "fires the first event", "h 0 live")
    terminal.tell_size()
    assert all(pane in screen for pane in ("Journal", "State", "Plan", "Pending"))
    terminal.wait("q quit", until=lambda text: "q quit" in text.splitlines()[-1])

    terminal.press("t")
    terminal.wait("h 16 live", "3 waiting", "Pending  3", "#0  waits for 3", "await_b")

    terminal.press("\t\t\tJ")  # to the pending pane: the first effect goes after the second
    terminal.wait("Pending", until=lambda text: text.index("/api/b  ") > 0)
    terminal.press("r")
    terminal.wait("h 19 live", "2 waiting", "receipt  GET /api/a 202")

    terminal.press("R")
    terminal.wait("h 30 live", "0 waiting", "nothing is waiting", "Done")

    terminal.press("v")
    terminal.wait("chain ✓ verified", "by the journal's own code")

    terminal.press(",")
    terminal.wait("h 29 of 30")
    terminal.press("f")
    terminal.wait("h 30 live")

    terminal.press("q")
    assert terminal.ended() == 0

    with World.open(world) as found:
        assert found.height == 30
        assert found.state("demo/Aggregator@1")["last_statuses"] == [202, 200, 201]
        assert found.pending == []
        assert found.verify().ok


def test_within_gnu_screen_a_lone_escape_arrives(world: Path, tmp_path: Path) -> None:
    if shutil.which("screen") is None:
        pytest.skip("GNU screen is not installed")
    sockets = tmp_path / "screens"
    sockets.mkdir(mode=0o700)
    terminal = Terminal(
        world,
        80,
        24,
        within=["screen", "-U", "-c", "/dev/null"],
        SCREENDIR=str(sockets),
        LANG="C.UTF-8",
    )
    try:
        terminal.wait("Nothing has happened yet.", "q quit")
        terminal.press("t")
        terminal.wait("h 16 live", "3 waiting")
        terminal.press("g")
        terminal.wait("Go to")
        terminal.press("\x1b")
        terminal.wait("h 16 live", until=lambda text: "Go to" not in text)
        terminal.press("q")
        terminal.wait(until=lambda text: "screen is terminating" in text or not text.strip())
    finally:
        # where it was not ended, closing its terminal would only detach it
        subprocess.run(
            ["screen", "-X", "quit"],
            env={**os.environ, "SCREENDIR": str(sockets)},
            capture_output=True,
        )
        terminal.close()
