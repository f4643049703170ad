"""What durability costs, and what a long journal costs: ``python -m tests.benchmarks.durable``.

    python -m tests.benchmarks.durable write          turns a second, against raw write and fsync
    python -m tests.benchmarks.durable open           10, 10,000 and 1,000,000 records
    python -m tests.benchmarks.durable turn           a turn after 1,000 and 1,000,000 records
    python -m tests.benchmarks.durable verify         one and two workers
    python -m tests.benchmarks.durable travel         anywhere, and to the neighbour
    python -m tests.benchmarks.durable diff           two large states
    python -m tests.benchmarks.durable follow         from a durable turn to a reader that has it

Without a name all of them run. Ratios are of one run, its sides taking turns; absolute times are
this machine's. Long journals are made once, under ``AOS_BENCH`` or the folder for temporary files;
the longest takes some minutes. The comparison with an event store of another make needs
``pip install eventsourcing``.
"""

from __future__ import annotations

import importlib
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from aos_core import World
from aos_core.merkle import MerkleMap
from aos_core.verify import processes, verify
from tests.benchmarks.journals import COUNTER, RECORDS_A_TURN, long_world, make_world

HOME = Path(os.environ.get("AOS_BENCH", str(Path(tempfile.gettempdir()) / "aos-benchmarks")))
SMALL, MIDDLE, LARGE = 10, 10_000, 1_000_000


def median_ms(taken: list[float]) -> float:
    return statistics.median(taken) * 1000


def timed(act: Callable[[], object]) -> float:
    """Seconds that ``act`` takes."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


# -- writing --------------------------------------------------------------------------------


def write() -> None:
    """Durable turns a second, one by one and in groups, against what the disk can do."""
    turns, rounds = 100, 7
    sides: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=HOME) as place:
        root = make_world(Path(place) / "world")
        with World.open(root) as world, World.open(root, memory=True) as memory:
            for of in (world, memory):
                of.fire(COUNTER, {"Start": {"target": 2**40}})
            frame = len(world.frames[1].payload) + 12
            for _ in range(rounds):
                for name, act in (
                    ("raw write + fsync", lambda: raw(Path(place) / "raw", frame, turns)),
                    ("a sync each", lambda: fire(world, turns)),
                    ("groups of 100", lambda: fire_group(world, turns)),
                    ("in memory", lambda: fire(memory, turns)),
                    ("eventsourcing, SQLite", lambda: other_store(Path(place), frame, turns)),
                ):
                    sides.setdefault(name, []).append(timed(act) / turns)
    raw_ms = median_ms(sides["raw write + fsync"])
    for name, taken in sides.items():
        ms = median_ms(taken)
        print(f"{name:24}{1000 / ms:9,.0f} turns/s {ms:9.3f} ms {ms / raw_ms:7.2f}x raw")


def raw(file: Path, size: int, times: int) -> None:
    """As many bytes written and synced as often."""
    data = bytes(size)
    with file.open("ab", buffering=0) as out:
        for _ in range(times):
            out.write(data)
            os.fsync(out.fileno())


def fire(world: World, times: int) -> None:
    for _ in range(times):
        world.fire(COUNTER, "Tick")


def fire_group(world: World, times: int) -> None:
    with world.group():
        fire(world, times)


def other_store(place: Path, size: int, times: int) -> None:
    """As many events appended, one by one, by the SQLite recorder of ``eventsourcing``."""
    persistence: Any = importlib.import_module("eventsourcing.persistence")
    sqlite: Any = importlib.import_module("eventsourcing.sqlite")
    recorder = sqlite.SQLiteAggregateRecorder(sqlite.SQLiteDatastore(str(place / "events.db")))
    recorder.create_table()
    origin, data = uuid.uuid4(), bytes(size)
    for version in range(times):
        recorder.insert_events([persistence.StoredEvent(origin, version, "Tick", data)])


# -- opening --------------------------------------------------------------------------------

FIRST_SCREEN = """
import resource, sys, time
begin = time.perf_counter()
from aos_core import World
with World.open(sys.argv[1], write=False) as world:
    view = world.at(world.height)
    shown = [world.records[h] for h in range(max(0, world.height - 40), world.height + 1)]
    states, pending, plans = view.states(), view.pending, view.last_plans(20)
    taken = time.perf_counter() - begin
    print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def open_() -> None:
    """Time to what the first screen shows, and memory, of short and long journals."""
    worlds = {count: world_of(count) for count in (SMALL, MIDDLE, LARGE)}
    taken: dict[int, list[tuple[float, float]]] = {count: [] for count in worlds}
    app: dict[int, list[tuple[float, float]]] = {count: [] for count in worlds}
    for _ in range(7):
        for count, root in worlds.items():
            taken[count].append(library(root))
            app[count].append(whole_app(root))
    for what, sides in (("library", taken), ("app", app)):
        base = statistics.median(seconds for seconds, _ in sides[SMALL])
        for count, pairs in sides.items():
            seconds = statistics.median(of for of, _ in pairs)
            memory = statistics.median(of for _, of in pairs)
            print(
                f"{what:8}{count:10,} records {seconds * 1000:7.0f} ms {seconds / base:5.2f}x "
                f"{memory:6.0f} MB"
            )


def library(root: Path) -> tuple[float, float]:
    """(seconds, MB) from an interpreter that runs to everything that the first screen shows."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_SCREEN, root], capture_output=True, text=True, check=True
    )
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def whole_app(root: Path) -> tuple[float, float]:
    """(seconds, MB) of the app from its beginning to a screen that was written, and its end."""
    command = [sys.executable, "-m", "aos_tui", str(root), "--headless", "--no-watch"]
    begin = time.perf_counter()
    with tempfile.NamedTemporaryFile(suffix=".svg") as shot:
        child = subprocess.Popen([*command, "--screenshot", shot.name])
        _, status, used = os.wait4(child.pid, 0)
        assert status == 0
    return time.perf_counter() - begin, used.ru_maxrss / 1024


def world_of(records: int) -> Path:
    """A world with so many records, nothing of it to be made anew when it is opened."""
    root = long_world(HOME / f"records-{records}", records, say=records > MIDDLE)
    with World.open(root) as world:
        world.history.catch_up()
    return root


# -- one more turn ---------------------------------------------------------------------------


def turn() -> None:
    """A durable turn, and one with what the app asks after it, after few and many records."""
    with World.open(world_of(1_000)) as young, World.open(world_of(LARGE)) as old:
        sides: dict[tuple[str, str], list[float]] = {}
        for _ in range(300):
            for age, world in (("young", young), ("old", old)):
                taken = timed(partial(world.fire, COUNTER, "Tick"))
                sides.setdefault(("turn", age), []).append(taken)
                taken = timed(partial(looked_at, world))
                sides.setdefault(("look", age), []).append(taken)
        for what in ("turn", "look"):
            first, then = (median_ms(sides[what, age]) for age in ("young", "old"))
            print(
                f"{what:5} after 1,000 records {first:7.3f} ms, after {LARGE:,} {then:7.3f} ms, "
                f"{then / first:.2f}x"
            )


def looked_at(world: World) -> object:
    view = world.at(world.height)
    return view.states(), view.pending, view.last_plans(20), world.records[world.height]


# -- proof and travel ------------------------------------------------------------------------


def verify_() -> None:
    """Turns a second of verification on one worker and on two, and their efficiency."""
    root = world_of(200_000)
    with World.open(root) as world:
        turns = len(world.frames)
        sides: dict[int, list[float]] = {1: [], 2: []}
        plain: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(3):
            for jobs, taken in sides.items():
                with processes(jobs) as pool:
                    list(pool.map(burn, [1] * jobs))
                    plain[jobs].append(timed(lambda: list(pool.map(burn, [BURN] * 2))))
                    report = verify(world, executor=pool, jobs=jobs, again=True)
                assert report.ok
                taken.append(report.seconds)
        one, two = (min(taken) for taken in sides.values())
        alone, both = (min(taken) for taken in plain.values())
        print(f"one worker  {turns / one:8,.0f} turns/s")
        print(
            f"two workers {turns / two:8,.0f} turns/s, efficiency {one / two / 2:.2f}; of a plain "
            f"loop in two processes here {alone / both / 2:.2f}"
        )
        again = verify(world)
        print(f"what was verified before: {turns:,} turns in {again.seconds * 1000:.0f} ms")


BURN = 6_000_000


def burn(times: int) -> int:
    """Work for one core."""
    total = 0
    for n in range(times):
        total += n * n % 7
    return total


def travel() -> None:
    """To any record of 100,000 turns, also inside a turn, and to the one before or after."""
    with World.open(world_of(LARGE), write=False) as world:
        chance = random.Random(7)
        heights = [chance.randrange(world.height) for _ in range(200)]
        show("anywhere", [timed(partial(states_at, world, h)) for h in heights])
        at = world.height // 2
        world.at(at)
        back = [timed(partial(states_at, world, h)) for h in range(at - 1, at - 2000, -1)]
        show("one back", back)
        forward = [timed(partial(states_at, world, h)) for h in range(at, at + 2000)]
        show("one forward", forward)
        turns = [timed(partial(states_at, world, h)) for h in range(at, at - 4000, -10)]
        show("one turn back", turns)
        print(f"of {len(world.frames):,} turns")


def states_at(world: World, height: int) -> object:
    return world.at(height).states()


def show(what: str, taken: list[float]) -> None:
    ordered = sorted(taken)
    last = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    print(
        f"{what:14} median {median_ms(ordered):7.2f} ms, 99th percentile {last * 1000:7.2f} ms, "
        f"most {ordered[-1] * 1000:7.2f} ms"
    )


def diff() -> None:
    """Two states of many cells that differ in a few, against reading both."""
    for count in (1_000, 100_000):
        mine = MerkleMap[bytes]()
        for n in range(count):
            mine = mine.set(n.to_bytes(4, "big"), bytes(64))
        theirs = mine
        for n in range(0, count, count // 3):
            theirs = theirs.set(n.to_bytes(4, "big"), b"other")
        _ = mine.root, theirs.root
        taken = [timed(partial(differences, mine, theirs)) for _ in range(50)]
        whole = timed(partial(read_both, mine, theirs))
        found = len(list(mine.diff(theirs)))
        print(
            f"{count:8,} cells, {found} differ: {median_ms(taken):7.3f} ms, reading both "
            f"{whole * 1000:8.1f} ms"
        )


def differences(mine: MerkleMap[bytes], theirs: MerkleMap[bytes]) -> list[object]:
    return list(mine.diff(theirs))


def read_both(mine: MerkleMap[bytes], theirs: MerkleMap[bytes]) -> bool:
    return dict(mine.items()) == dict(theirs.items())


def follow() -> None:
    """From the moment a turn is durable to a reader, another process, that has shown it."""
    with tempfile.TemporaryDirectory(dir=HOME) as place:
        root = Path(shutil.copytree(world_of(SMALL), Path(place) / "world"))
        command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(root), "--follow"]
        with (
            World.open(root) as world,
            subprocess.Popen(
                [*command, "--from", str(world.height + 1), "--json"],
                stdout=subprocess.PIPE,
                text=True,
            ) as reader,
        ):
            assert reader.stdout is not None
            time.sleep(2)
            lags = []
            for _ in range(40):
                world.fire(COUNTER, "Tick")
                lags.append(timed(reader.stdout.readline))
                for _ in range(RECORDS_A_TURN - 1):
                    reader.stdout.readline()
                time.sleep(0.15)
            reader.terminate()
        show("lag", lags)


ALL: dict[str, Callable[[], None]] = {
    "write": write,
    "open": open_,
    "turn": turn,
    "verify": verify_,
    "travel": travel,
    "diff": diff,
    "follow": follow,
}


def main() -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ALL:
        print(f"-- {name}")
        ALL[name]()
    print(f"   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most here")


if __name__ == "__main__":
    main()
