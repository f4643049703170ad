"""From exec to first paint, against an empty app: ``python -m tests.benchmarks.first_paint``.

Both run in a pseudo-terminal of 120x40; the clock stops when the first frame's text arrives. The
two take turns, so that the ratio holds where the machine's speed drifts.
"""

from __future__ import annotations

import statistics
import sys
import time

import pexpect

EMPTY = """
from textual.app import App
from textual.widgets import Label
class Empty(App):
    def compose(self):
        yield Label("aos-tui")
Empty().run()
"""
RUNS = 11


def paint_ms(arguments: list[str]) -> float:
    """Milliseconds until the text ``aos-tui`` stands on the screen."""
    begin = time.perf_counter()
    child = pexpect.spawn(
        sys.executable, arguments, dimensions=(40, 120), env=_environment(), timeout=30
    )
    child.expect_exact("aos-tui")
    taken = (time.perf_counter() - begin) * 1000
    child.close(force=True)
    return taken


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def main() -> None:
    ours = ["-m", "aos_tui", "04", "--memory", "--no-watch"]
    empty = ["-c", EMPTY]
    paint_ms(ours), paint_ms(empty)  # bytecode and disk caches
    pairs = [(paint_ms(ours), paint_ms(empty)) for _ in range(RUNS)]
    app, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"aos-tui 04 {app:.0f} ms, empty app {bare:.0f} ms, ratio {ratio:.2f}x (goal 1.4x)")


if __name__ == "__main__":
    main()
