"""The installed program in a real pseudo-terminal: keys in, a screen out, the journal on disk."""

from __future__ import annotations

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
    terminal.wait("chain ✓ verified", "31 records replayed")

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
