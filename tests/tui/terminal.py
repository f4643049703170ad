"""The installed program in a pseudo-terminal: keys in, a screen out."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect", reason="pseudo-terminals are not to be had here")
pyte = pytest.importorskip("pyte")

PROGRAM = Path(sys.executable).with_name("aos-tui")
PATIENCE = 60.0
"""Seconds until what must come has come; a slow machine is no failure."""


class Terminal:
    """The program on a screen of ``columns`` x ``rows``; without a ``world`` as if one had named
    none. Started in the folder ``place``, as an argument of ``within``; ``more`` of the
    environment."""

    def __init__(
        self,
        world: Path | None,
        columns: int,
        rows: int,
        *,
        place: Path | None = None,
        within: Sequence[str] = (),
        **more: str,
    ) -> None:
        if not PROGRAM.exists():
            pytest.skip(f"aos-tui is not installed beside {sys.executable}")
        self._screen = pyte.Screen(columns, rows)
        self.raw = bytearray()
        """All that was written to the terminal."""
        self.cooked = False
        """Whether it echoes and takes whole lines, as a shell finds it: known once it has ended."""
        self._stream = pyte.ByteStream(self._screen)
        command = [*within, str(PROGRAM), *map(str, filter(None, [world])), "--no-watch"]
        env = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONUTF8": "1"}
        # a test runner's own idea of the size would go before that of the pseudo-terminal
        sized = ("COLUMNS", "LINES")
        inherited = {name: of for name, of in os.environ.items() if name not in sized}
        self._child = pexpect.spawn(
            command[0],
            command[1:],
            dimensions=(rows, columns),
            cwd=None if place is None else str(place),
            env={**inherited, **env, "TEXTUAL_ANIMATIONS": "none", **more},
            timeout=PATIENCE,
        )

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def tell_size(self) -> None:
        """On a busy machine the size may be set after the program asked for it."""
        self._child.kill(signal.SIGWINCH)

    @property
    def pid(self) -> int:
        return int(self._child.pid)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program is told, as by any terminal."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def wait(self, *words: str, until: Callable[[str], bool] = bool) -> str:
        """Read until all ``words`` are on the screen; returns it."""
        deadline = time.monotonic() + PATIENCE
        while not (all(word in self.text for word in words) and until(self.text)):
            assert time.monotonic() < deadline, f"{words} never came:\n{self.text}"
            try:
                self._take(0.2)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                raise AssertionError(f"it ended before {words} came:\n{self.text}") from None
        return self.text

    def pause(self, seconds: float) -> None:
        """Read what comes in that time, or until it ends."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._take(left)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return

    def _take(self, seconds: float) -> None:
        data = self._child.read_nonblocking(65536, timeout=seconds)
        self.raw += data
        self._stream.feed(data)

    def ended(self) -> int | None:
        """The exit code, once it has quit by itself."""
        self.pause(PATIENCE)
        wanted = termios.ECHO | termios.ICANON
        self.cooked = termios.tcgetattr(self._child.fileno())[3] & wanted == wanted
        self._child.close()
        return self._child.exitstatus  # type: ignore[no-any-return]

    def close(self) -> None:
        self._child.close(force=True)
