"""The app on a long journal, and on one that another writes: ``python -m tests.benchmarks.app``.

- ``lag``: from the moment in which another process has acknowledged a turn to the moment in which
  the app shows it; and processor time per second of an app that follows a branch at rest.
- ``keys``: how long each key takes until nothing runs, on a journal of the given number of records
  (default 20,000; ``python -m tests.benchmarks.app 1000000`` takes as long as making that does)
  against one of some hundred.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aos_core import World
from aos_core.files import find_world, prebuilt_root
from aos_tui.app import AosApp
from aos_tui.headless import press, settle
from aos_tui.options import POLL, Options
from tests.support import EVENT, start

TURNS = 40
REST_SECONDS = 5.0
KEYS = ("0", "pagedown", "dollar_sign", "pageup", "comma", "less_than_sign", "full_stop", "f")
RUNS = 5

WRITER = """
import json, sys, time
from aos_core import World
from tests.support import EVENT, start
with World.open(sys.argv[1]) as world:
    print("ready", flush=True)
    for line in sys.stdin:
        world.fire(EVENT, start())
        print(json.dumps([world.height, time.monotonic()]), flush=True)
"""


def prepare(place: Path, records: int) -> Path:
    """A world on disk with so many records, or a few more."""
    root = place / f"world-{records}"
    shutil.copytree(find_world("04"), root, ignore=shutil.ignore_patterns(".aos"))
    (root / "modules").mkdir()
    shutil.copy(prebuilt_root() / "aggregator.wasm", root / "modules/Aggregator.wasm")
    with World.open(root) as world:
        while world.height < records:
            with world.group():
                for _ in range(20):
                    world.fire(EVENT, start())
                    for item in world.pending:
                        world.deliver(item.answer())
    return root


async def lag(root: Path) -> dict[str, Any]:
    """Milliseconds, and milliseconds of processor time in each second at rest."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdin is not None and writer.stdout is not None
    await writer.stdout.readline()
    app = AosApp(Options(world=os.fspath(root), poll=POLL))
    shown: dict[int, float] = {}
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        show = app.session._changed

        def seen(snapshot: Any) -> None:
            show(snapshot)
            shown.setdefault(snapshot.live, time.monotonic())

        app.session._changed = seen
        found = []
        for turn in range(TURNS):
            writer.stdin.write(b"\n")
            height, at = json.loads(await writer.stdout.readline())
            while height not in shown:
                await asyncio.sleep(0.001)
            found.append(1000 * (shown[height] - at))
            await asyncio.sleep(0.01 + turn * 0.003)
        begun = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.sleep(REST_SECONDS)
        done = resource.getrusage(resource.RUSAGE_SELF)
    writer.stdin.close()
    await writer.wait()
    used = done.ru_utime + done.ru_stime - begun.ru_utime - begun.ru_stime
    return {
        "lag_ms": round(statistics.median(found), 1),
        "lag_max_ms": round(max(found), 1),
        "rest_ms_per_s": round(1000 * used / REST_SECONDS, 1),
    }


async def keys(root: Path) -> dict[str, float]:
    """The median milliseconds of each key until nothing runs."""
    app = AosApp(Options(world=os.fspath(root), poll=0.0))
    found: dict[str, list[float]] = {}
    async with app.run_test(size=(120, 40)) as pilot:
        app.animation_level = "none"
        await settle(pilot)
        for _ in range(RUNS):
            for key in KEYS:
                begun = time.perf_counter()
                await press(pilot, key)
                found.setdefault(key, []).append(1000 * (time.perf_counter() - begun))
    return {key: round(statistics.median(of), 1) for key, of in found.items()}


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as place:
        few, many = prepare(Path(place), 300), prepare(Path(place), records)
        report = {
            "follow": asyncio.run(lag(few)),
            "keys_few": asyncio.run(keys(few)),
            "keys_many": asyncio.run(keys(many)),
            "records": records,
        }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
