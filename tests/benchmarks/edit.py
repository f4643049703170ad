"""The author's loop in the app: ``python -m tests.benchmarks.edit``.

A constant of the aggregator's source is edited and saved, the app builds and offers the swap, the
swap is taken. Given are medians of the build (cargo, then machine code from the wasm), and of
everything besides: noticing the file, reading the world again, trying the state, showing the
dialog; and the swap.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from aos_core.build import trust
from aos_core.world import World
from aos_tui.building import BuildResult, Compiler
from tests.support import EVENT, ROOT, start
from tests.tui.driving import Driver, opened

RUNS = 9


def prepare(place: Path) -> Path:
    """A copy of the example beside its reducers, with one turn behind it."""
    away = shutil.ignore_patterns("target", ".aos")
    shutil.copytree(ROOT / "reducers", place / "reducers", ignore=away)
    world = place / "examples/world"
    shutil.copytree(ROOT / "examples/04-aggregator", world, ignore=away)
    (world / "modules").mkdir()
    module = world / "modules/Aggregator.wasm"
    shutil.copy(ROOT / "reducers/prebuilt/aggregator.wasm", module)
    with World.open(world) as begun:
        begun.fire(EVENT, start())
    module.unlink()
    trust.trust(world)
    return world


async def dialog(on: Driver) -> None:
    while type(on.app.screen).__name__ != "ConfirmDialog":
        await asyncio.sleep(0.004)


async def measure(world: Path) -> tuple[list[float], list[float], list[float]]:
    """(build, save to offer less build, swap), milliseconds of each run but the first two."""
    built: list[float] = []
    build = Compiler.build

    async def watched(self: Compiler, *, trust: bool = False) -> BuildResult:
        begin = time.perf_counter()
        result = await build(self, trust=trust)
        built.append((time.perf_counter() - begin) * 1000)
        return result

    Compiler.build = watched  # type: ignore[method-assign]
    source = world.parents[1] / "reducers/aggregator/src/lib.rs"
    builds, others, swaps = [], [], []
    async with opened(world, size=(120, 40), watch=True) as on:
        await on.pilot.pause(1.5)  # a person has looked at the world before
        for run in range(RUNS + 2):
            text = source.read_text("utf-8").replace(f'"fetch_c{run or ""}"', f'"fetch_c{run + 1}"')
            begin = time.perf_counter()
            source.write_text(text, "utf-8")
            await dialog(on)
            offered, height = time.perf_counter(), on.snapshot.live
            pressing = asyncio.create_task(on.pilot.press("y"))  # it waits longer than the app
            while on.snapshot.live == height:
                await asyncio.sleep(0.004)
            done = time.perf_counter()
            await pressing
            builds.append(built[-1])
            others.append((offered - begin) * 1000 - built[-1])
            swaps.append((done - offered) * 1000)
    return builds[2:], others[2:], swaps[2:]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_DATA_HOME"] = f"{place}/data"
        figures = asyncio.run(measure(prepare(Path(place))))
    for name, of in zip(("build", "save to offer besides", "swap"), figures, strict=True):
        print(f"{name:24}{statistics.median(of):7.0f} ms   {min(of):.0f} to {max(of):.0f}")


if __name__ == "__main__":
    main()
