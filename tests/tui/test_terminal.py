"""The installed program in a real pseudo-terminal: keys in, a screen out, the journal on disk."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aos_core.world import World

pexpect = pytest.importorskip("pexpect", reason="pseudo-terminals are not to be had here")
pyte = pytest.importorskip("pyte")

PROGRAM = Path(sys.executable).with_name("aos-tui")
PATIENCE = 60.0
"""Seconds until what must come has come; a slow machine is no failure."""


class Terminal:
    """The program on a screen of ``columns`` x ``rows``."""

    def __init__(self, world: Path, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        env = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONUTF8": "1"}
        self._child = pexpect.spawn(
            str(PROGRAM),
            [str(world), "--no-watch"],
            dimensions=(rows, columns),
            env={**os.environ, **env, "TEXTUAL_ANIMATIONS": "none"},
            timeout=PATIENCE,
        )

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def wait(self, *words: str, until: Callable[[str], bool] = bool) -> str:
        """Read until all ``words`` are on the screen; returns it."""
        deadline = time.monotonic() + PATIENCE
        while not (all(word in self.text for word in words) and until(self.text)):
            assert time.monotonic() < deadline, f"{words} never came:\n{self.text}"
            try:
                self._stream.feed(self._child.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                raise AssertionError(f"it ended before {words} came:\n{self.text}") from None
        return self.text

    def ended(self) -> int | None:
        """The exit code, once it has quit by itself."""
        self._child.expect(pexpect.EOF)
        self._child.close()
        return self._child.exitstatus  # type: ignore[no-any-return]

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture(params=[(120, 40), (80, 24)], ids=["120x40", "80x24"])
def terminal(world: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    if not PROGRAM.exists():
        pytest.skip(f"aos-tui is not installed beside {sys.executable}")
    found = Terminal(world, *request.param)
    yield found
    found.close()


def test_the_main_job_with_keys_only(terminal: Terminal, world: Path) -> None:
    screen = terminal.wait("Nothing has happened yet.", "fires the first event", "h 0 live")
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
