"""Opening a world, cold against warm: ``python -m tests.benchmarks.open``.

Cold compiles every module; warm takes compiled code from the cache. Both open the same journal,
in a process of its own each time, and take turns. Measured inside the process, from an imported
library to an opened world; the whole process is given too.

Also: four modules compiled one after the other and side by side, in one process.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from aos_core import World
from aos_core.canon import sha256
from aos_core.files import find_world, prebuilt_root
from aos_core.wasm import Runtime

RUNS = 9
SLUG = "04"
CODE = ".aos/cache/wasmtime"

OPEN = """
import json, sys, time
import wasmtime
from aos_core import World
begin = time.perf_counter()
with World.open(sys.argv[1]) as world:
    print(json.dumps((time.perf_counter() - begin) * 1000))
"""


def open_ms(root: Path) -> tuple[float, float]:
    """(milliseconds to open, milliseconds of the whole process)"""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", OPEN, root], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout)), (time.perf_counter() - begin) * 1000


def prepare(place: Path) -> Path:
    """A copy of the world outside of its tree, with its wasm, and one turn behind it."""
    root = place / "world"
    shutil.copytree(find_world(SLUG), root, ignore=shutil.ignore_patterns(".aos"))
    (root / "modules").mkdir()
    shutil.copy(prebuilt_root() / "aggregator.wasm", root / "modules/Aggregator.wasm")
    with World.open(root) as world:
        assert world.scenario is not None
        fire = world.scenario.steps[0].value
        world.fire(fire["schema"], fire["value"])
    return root


def load_ms(modules: list[bytes], *, together: bool, code: Path | None = None) -> float:
    """Milliseconds to load them all into a new runtime."""
    runtime = Runtime({sha256(of): of for of in modules}.__getitem__, code)
    begin = time.perf_counter()
    if together:
        runtime.load_all((sha256(of), "step") for of in modules)
    else:
        for of in modules:
            runtime.load(sha256(of))
    return (time.perf_counter() - begin) * 1000


def variants(count: int) -> list[bytes]:
    """The same module, told apart by a custom section."""
    wasm = (prebuilt_root() / "aggregator.wasm").read_bytes()
    return [wasm + bytes([0, 3, 1, ord("n"), number]) for number in range(count)]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = prepare(Path(name))
        open_ms(root)  # bytecode and disk caches
        cold, warm = [], []
        for _ in range(RUNS):
            shutil.rmtree(root / CODE)
            cold.append(open_ms(root))
            warm.append(open_ms(root))
        ways = ("open", "whole process")
        for way, a, b in zip(ways, zip(*cold, strict=True), zip(*warm, strict=True), strict=True):
            ratio = statistics.median(x / y for x, y in zip(a, b, strict=True))
            said = f"cold {statistics.median(a):7.1f} ms, warm {statistics.median(b):7.1f} ms"
            print(f"{way:<14} {said}, ratio {ratio:.1f}x")
        modules = variants(4)
        pairs = [
            (load_ms(modules, together=False), load_ms(modules, together=True)) for _ in range(RUNS)
        ]
        alone, together = (statistics.median(side) for side in zip(*pairs, strict=True))
        load_ms(modules, together=True, code=Path(name) / "code")
        cached = statistics.median(
            load_ms(modules, together=True, code=Path(name) / "code") for _ in range(RUNS)
        )
        print(f"4 modules      one by one {alone:.0f} ms, side by side {together:.0f} ms, ", end="")
        print(f"from the cache {cached:.1f} ms; wasmtime {version('wasmtime')}")


if __name__ == "__main__":
    main()
