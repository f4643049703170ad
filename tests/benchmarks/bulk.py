"""Many events at once: ``python -m tests.benchmarks.bulk [--quick]``.

The events of rung 00, whose turns are the smallest there are, so that what stands beside the turn
shows most. `aos fire -`, and `aos run` of a scenario with as many steps, as commands of their own,
against a bare loop that fires the same events into a world in memory; CPU time of
the process, without the time that an interpreter and a world take to begin. Then the most memory
that each took, many events against few, and what `aos verify` takes after it.

Ratios are of one run, its sides taking turns. With ``--quick`` 500 and 5,000 events instead of
10,000 and 100,000, in some seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from aos_core import World
from tests.benchmarks.measure import Figure
from tests.support import counter_world

COUNTER = "demo/CounterEvent@1"
START = {"Start": {"target": 2**40}}
STEP = '[[steps]]\nfire = { schema = "demo/CounterEvent@1", value = %s }\n'


@dataclass(frozen=True)
class Used:
    """What a command took: ``wall`` and ``cpu`` in seconds, ``memory`` at its most in MB."""

    wall: float
    cpu: float
    memory: float


def aos(*args: object, stdin: Path | None = None) -> Used:
    """One command; its output goes to a file, as that of a bulk does."""
    command = [sys.executable, "-m", "aos_core.cli.main", *map(str, args)]
    with (stdin or Path(os.devnull)).open("rb") as given, tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        child = subprocess.Popen(command, stdin=given, stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    cpu = used.ru_utime + used.ru_stime
    return Used(time.perf_counter() - begun, cpu, used.ru_maxrss / 1024)


def fire(place: Path, count: int) -> Used:
    """``aos fire -`` of so many events."""
    lines = place / f"{count}.lines"
    lines.write_text("".join(['{"Start": {"target": 1000000000}}\n', *['"Tick"\n'] * (count - 1)]))
    return aos("fire", _world(place, f"fire-{count}"), COUNTER, "-", "--json", stdin=lines)


def run(place: Path, count: int) -> Used:
    """``aos run`` of so many steps; it verifies them too, and tells the story."""
    root = _world(place, f"run-{count}")
    (root / "scenarios").mkdir(exist_ok=True)
    steps = [STEP % "{ Start = { target = 1000000000 } }", *[STEP % '"Tick"'] * (count - 1)]
    (root / "scenarios/bulk.toml").write_text("".join(steps), "utf-8")
    return aos("run", root, "--scenario", "bulk")


def verify(place: Path, count: int) -> Used:
    """``aos verify`` of what was fired."""
    return aos("verify", place / f"fire-{count}", "--again", "--jobs", 1)


def bare(place: Path, count: int) -> float:
    """CPU seconds of so many events in memory, in a loop. In a process of its own: what this one
    takes would count as the memory of those that it begins."""
    here = [sys.executable, "-m", "tests.benchmarks.bulk", "--loop", str(_world(place, "bare"))]
    done = subprocess.run([*here, str(count)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def loop(root: str, count: int) -> float:
    """The same, in this process."""
    with World.open(root, memory=True, fast=True) as world:
        world.fire(COUNTER, START)
        begun = time.process_time()
        for _ in range(count - 1):
            world.fire(COUNTER, "Tick")
        return time.process_time() - begun


def _world(place: Path, name: str) -> Path:
    root = place / name
    if not root.exists():
        return counter_world(root)
    shutil.rmtree(root / ".aos", ignore_errors=True)
    return root


def figures(few: int = 10_000, many: int = 100_000) -> list[Figure]:
    """A line of `fire -` against a bare loop; speed and memory of many events."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        loops, alone, bulk = [], [], []
        for _ in range(3):
            loops.append(bare(place, few) / few)
            alone.append(fire(place, 1).cpu)
            bulk.append(fire(place, few))
        one, begin = min(loops), min(alone)
        each = (min(of.cpu for of in bulk) - begin) / few
        found = [
            ("a bare loop of ticks in memory, CPU", one * 1e6, "us a turn"),
            (f"`fire -` of {few:,} ticks, CPU", each / one, "x of it"),
        ]
        for what, side in (("fire -", fire), ("run", run), ("verify", verify)):
            small, large = side(place, few), side(place, many)
            found += [
                (f"`{what}` of {many:,} ticks", many / large.wall, "turns a second"),
                (f"its memory, {large.memory:.0f} MB at most", large.memory / small.memory,
                 f"x of {few:,} ticks"),
            ]  # fmt: skip
        return found


def main() -> None:
    if sys.argv[1:2] == ["--loop"]:
        print(loop(sys.argv[2], int(sys.argv[3])))
        return
    for what, value, of in figures(500, 5_000) if "--quick" in sys.argv[1:] else figures():
        print(f"{what:50}{value:10.2f} {of}")


if __name__ == "__main__":
    main()
