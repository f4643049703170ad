"""What a rehearsal costs: ``python -m tests.benchmarks.rehearse``.

The same history of rung 04, verified and rehearsed with the module that wrote it, in one process,
in turns.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aos_core import World
from aos_core.files import find_world, prebuilt_root
from aos_core.other_code import with_module
from aos_core.rehearse import rehearse
from tests.benchmarks.measure import Figure

REDUCER = "demo/Aggregator@1"
REQUESTS = 40


def seconds(act: Callable[[], object]) -> float:
    """How long one call took."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def figures() -> list[Figure]:
    wasm = (prebuilt_root() / "aggregator.wasm").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "world"
        shutil.copytree(find_world("04"), root, ignore=shutil.ignore_patterns(".aos"))
        (root / "modules").mkdir()
        (root / "modules/Aggregator.wasm").write_bytes(wasm)
        with World.open(root, fast=True) as world:
            assert world.scenario is not None
            fire = world.scenario.steps[0].value
            with world.group():
                for _ in range(REQUESTS):
                    world.fire(fire["schema"], fire["value"])
                    for item in world.pending:
                        world.deliver(item.answer())
            turns = len(world.frames) - 1
            same = with_module(world, REDUCER, wasm)
            assert rehearse(world, same).same
            taken: dict[str, list[float]] = {"verify": [], "same": []}
            for _ in range(5):
                taken["verify"].append(seconds(world.verify))
                taken["same"].append(seconds(lambda: rehearse(world, same)))
    verify, again = (statistics.median(of) for of in taken.values())
    return [
        (f"verification of {turns:,} turns of 04, one process", turns / verify, "turns a second"),
        ("a rehearsal of them with the same module", again / verify, "x of it"),
    ]


def main() -> None:
    for what, value, of in figures():
        print(f"{what:60}{value:10.2f} {of}")


if __name__ == "__main__":
    main()
