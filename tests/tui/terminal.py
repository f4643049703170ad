"""The installed program in a pseudo-terminal: keys in, a screen out."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect", reason="pseudo-terminals are not to be had here")
pyte = pytest.importorskip("pyte")

PROGRAM = Path(sys.executable).with_name("aos-tui")
PATIENCE = 60.0
"""Seconds until what must come has come; a slow machine is no failure."""

MODES = {1000: "mouse", 1003: "mouse", 1006: "mouse", 1049: "screen", 1004: "focus", 2004: "paste"}
"""What the app turns on in a terminal and must turn off again."""


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

    def hang_up(self) -> None:
        """The terminal is gone, as a window that is closed."""
        # not os.close: the object would close it again, whoever has the number by then
        self._child.ptyproc.fileobj.close()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def left_on(raw: bytes) -> list[int]:
    """The modes that a terminal was told to take, and not told to leave."""
    found = [re.findall(rb"\x1b\[\?%d([hl])" % mode, raw) for mode in MODES]
    assert all(found), "not every mode was ever on"
    return [mode for mode, told in zip(MODES, found, strict=True) if told[-1] != b"l"]


def processes_of(world: Path) -> list[int]:
    """The programs on this machine that were started with this world, the clients left out."""
    found = []
    for of in Path("/proc").iterdir():
        try:
            words = (of / "cmdline").read_bytes().split(b"\0") if of.name.isdecimal() else []
        except OSError:
            continue
        if os.fsencode(world) in words and not words[0].endswith(b"ssh"):
            found.append(int(of.name))
    return found


def stopped_verifier(terminal: Terminal, world: Path) -> int:
    """Stop the process that verifies the world as soon as it is there: it stands for a long one.
    What the terminal paints is read meanwhile: ssh takes no keys before that."""
    found: list[int] = []

    def there() -> bool:
        terminal.pause(0.01)
        for pid in processes_of(world):
            with suppress(OSError):
                if b"verify" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGSTOP)
                    found.append(pid)
        return found != []

    until(there, "nothing verifies")
    return found[0]


def asked_to_end(pid: int) -> bool:
    """Whether SIGTERM waits for a process that is stopped; it may go on, and so end. One that is
    gone, though nobody may have asked how it ended yet, was killed, as it is when it does not obey:
    stopped it does not end by itself."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        os.kill(pid, signal.SIGCONT)
    except (FileNotFoundError, ProcessLookupError):
        return True
    if re.search(r"^State:\s*[ZX]", status, re.MULTILINE):
        return True
    waits = int(re.findall(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)[0], 16)
    return bool(waits & 1 << (signal.SIGTERM - 1))
