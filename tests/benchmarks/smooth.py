"""From key to paint, and at rest: ``python -m tests.benchmarks.smooth [RECORDS]``.

The real program in a pseudo-terminal of 120x40. A key that goes one record back or forth is
pressed; the clock stops when the first bytes come, and again when the header on the screen says the
new height, which it does in the same paint as every pane. Between keys nothing is asked until the
terminal is quiet. On a journal of RECORDS records (100,000 by default; a million takes some minutes
to make) at rest, while the journal is verified, and while another process writes a burst of
10,000 events; and on a world of a tenth of that whose reducer and all its libraries are compiled
meanwhile. Then the processor time of an app at rest that watches files and follows the journal.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pyte

from aos_core.files import find_world
from aos_core.new_world import make_world
from tests.benchmarks.journals import COUNTER, grow, long_world

SIZE = (120, 40)
KEYS = 300
QUIET = 0.02
"""Seconds without a byte after which the terminal is quiet; under load it may never be, so no
more than ten times that is waited."""
BURST = 10_000
BUILDS = 6
MIDDLE = 150
REST_SECONDS = 10.0

WRITER = f"""
import sys
from aos_core import World
with World.open(sys.argv[1]) as world:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range({BURST} // 50):
        with world.group():
            for _ in range(50):
                world.fire({COUNTER!r}, "Tick")
"""


class Screen:
    """The program, and what it has painted."""

    def __init__(self, world: Path, *options: str) -> None:
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self._screen)
        self._come: deque[tuple[float, bytes]] = deque()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            command = [sys.executable, "-m", "aos_tui", os.fspath(world), *options]
            os.execv(sys.executable, command)
        ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    @property
    def header(self) -> str:
        return str(self._screen.display[0])

    @property
    def height(self) -> int:
        """What the header says is shown; -1 before it says it."""
        found = re.search(r" h (\d+) ", self.header)
        return int(found[1]) if found else -1

    def press(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def read(self, seconds: float) -> float | None:
        """Take what comes next; the moment in which it came, None where nothing did."""
        if not select.select([self._file], [], [], seconds)[0]:
            return None
        self._come.append((time.perf_counter(), os.read(self._file, 1 << 20)))
        return self._come[-1][0]

    def until(self, holds: Callable[[], bool], patience: float = 120.0) -> float:
        """The moment in which the bytes had come after which ``holds``."""
        begun = time.perf_counter()
        at = 0.0
        while not holds():
            if not self._come:
                self._gather()
            if self._come:
                at = self._paint()
            elif time.perf_counter() - begun > patience:
                raise TimeoutError(self.text)
        return at

    def rest(self) -> None:
        """Until the terminal is quiet."""
        self._gather()
        while self._come:
            self._paint()

    def _gather(self) -> None:
        """Take all that comes until the terminal is quiet. Painting it here takes longer than in
        the app, whose time it is not: meanwhile nothing is painted."""
        end = time.perf_counter() + 10 * QUIET
        while time.perf_counter() < end and self.read(QUIET) is not None:
            pass

    def _paint(self) -> float:
        at, data = self._come.popleft()
        self._stream.feed(data)
        return at

    def close(self) -> None:
        self.press("\x11")  # ctrl+q
        while True:
            try:
                if self.read(10) is None:
                    break
            except OSError:  # the other end is closed
                break
        os.waitpid(self.pid, 0)
        os.close(self._file)


@contextmanager
def shown(world: Path, *options: str) -> Iterator[Screen]:
    """The program on a world that it has opened."""
    screen = Screen(world, *options)
    try:
        screen.until(lambda: screen.height >= 0 and "q quit" in screen.text)
        screen.rest()
        yield screen
    finally:
        screen.close()


def key_to_paint(
    screen: Screen, goes_on: Callable[[], bool] = lambda: True
) -> tuple[list[float], list[float]]:
    """Milliseconds of each key, while ``goes_on``: to the first paint, and to the new height."""
    screen.press("g")
    screen.until(lambda: "Go to" in screen.text)
    screen.rest()
    screen.press(f"{MIDDLE}\r")
    screen.until(lambda: f" h {MIDDLE} of " in screen.header)
    first: list[float] = []
    whole: list[float] = []
    for at in range(KEYS):
        if not goes_on():
            break
        screen.rest()
        key, wanted = ("k", MIDDLE - 1) if at % 2 == 0 else ("j", MIDDLE)
        begun = time.perf_counter()
        screen.press(key)
        painted = screen.read(10.0) or begun
        first.append(1000 * (painted - begun))
        whole.append(1000 * (max(painted, screen.until(holding(screen, wanted))) - begun))
    return first, whole


def holding(screen: Screen, height: int) -> Callable[[], bool]:
    """Whether the header says this height."""
    return lambda: screen.height == height


def figures(name: str, found: tuple[list[float], list[float]]) -> None:
    """Two lines of the report."""
    for what, times in zip(("first paint", "all panes"), found, strict=True):
        if len(times) < 20:
            print(f"{name:<34} over too soon: {len(times)} keys")
            return
        worst = statistics.quantiles(times, n=100)[98]
        print(
            f"{name:<34} {what:<12} median {statistics.median(times):5.1f} ms   p99 {worst:5.1f} ms"
            f"   most {max(times):5.1f} ms   ({len(times)} keys)",
            flush=True,
        )


def at_rest(world: Path) -> None:
    with shown(world) as screen:
        figures("at rest", key_to_paint(screen))


def verifying(world: Path) -> None:
    with shown(world) as screen:
        screen.press("v")
        screen.until(lambda: " % " in screen.header)
        figures("while it verifies", key_to_paint(screen, lambda: " % " in screen.header))


def in_a_burst(world: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, world], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdin is not None and writer.stdout is not None
    writer.stdout.readline()
    with shown(world) as screen:
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        figures(
            f"while {BURST} events are written", key_to_paint(screen, lambda: writer.poll() is None)
        )
    writer.communicate()


def builds(screen: Screen) -> bool:
    """Whether the line above the footer says what the compiler does."""
    return bool(re.search("starting the compiler|compiling|checking", screen.text))


def building(place: Path, records: int) -> None:
    """A saved file is built by itself; what comes of it is the module there was."""
    world = place / "built"
    os.environ |= {"XDG_CACHE_HOME": str(place / "cache"), "XDG_DATA_HOME": str(place / "data")}
    make_world(world, find_world("00"))
    command = [sys.executable, "-m", "aos_core.cli.main", "build", os.fspath(world), "--trust"]
    subprocess.run(command, check=True, capture_output=True)
    grow(world, records)
    found: tuple[list[float], list[float]] = [], []
    with shown(world) as screen:
        for _ in range(BUILDS):
            shutil.rmtree(place / "cache/aos/target")
            with (world / "reducers/counter/src/lib.rs").open("a") as source:
                source.write("// saved\n")
            screen.until(lambda: builds(screen))
            for times, more in zip(
                found, key_to_paint(screen, lambda: builds(screen)), strict=True
            ):
                times += more
            screen.until(lambda: not builds(screen))
            screen.rest()
    figures("while a reducer is built", found)


def resting(world: Path) -> None:
    with shown(world) as screen:
        screen.until(lambda: True)
        time.sleep(1.0)
        before = _processor_seconds(screen.pid)
        end = time.perf_counter() + REST_SECONDS
        while (left := end - time.perf_counter()) > 0:
            screen.read(left)
        used = _processor_seconds(screen.pid) - before
    print(f"{'at rest, of one processor':<34} {100 * used / REST_SECONDS:.2f} %")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as place:
        world = long_world(Path(place) / "long", records, say=True)
        print(f"key to paint on {records:,} records; goal: median 15 ms, p99 50 ms; 1 % at rest")
        at_rest(world)
        verifying(world)
        in_a_burst(world)
        building(Path(place), records // 10)
        resting(world)


if __name__ == "__main__":
    main()
