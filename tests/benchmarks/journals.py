"""Long journals to measure with: ``python -m tests.benchmarks.journals FOLDER RECORDS``.

The world counts: every turn is a tick of the counter of rung 00, and a second reducer raises seven
events beside it; so a turn has ten records, two steps of wasm, and another root. All of it is
written by ``World.fire``, in groups that share a sync.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from aos_core import World
from aos_core.files import find_world, prebuilt_root
from tests.support import answering

RECORDS_A_TURN = 10
COUNTER = "demo/CounterEvent@1"
GROUP = 500


def make_world(root: Path) -> Path:
    """The world, without a journal."""
    shutil.copytree(find_world("00"), root, ignore=shutil.ignore_patterns(".aos", "scenarios"))
    (root / "modules").mkdir()
    shutil.copy(prebuilt_root() / "counter.wasm", root / "modules/Counter.wasm")
    events = [{"schema": "demo/Noise@1", "value": bytes([n])} for n in range(7)]
    fan = answering({"state": b"\xf6", "domain_events": events})
    (root / "modules/Fan.wasm").write_bytes(fan)
    nodes = [
        {"$kind": "defschema", "name": "demo/Noise@1", "type": {"nat": {}}},
        {"$kind": "defschema", "name": "demo/Nothing@1", "type": {"unit": {}}},
        {
            "$kind": "defmodule",
            "name": "demo/Fan@1",
            "module_kind": "reducer",
            "abi": {"reducer": {"state": "demo/Nothing@1", "event": COUNTER}},
        },
    ]
    (root / "air/fan.air.json").write_text(json.dumps(nodes), "utf-8")
    path = root / "air/manifest.air.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["schemas"] += [{"name": "demo/Noise@1"}, {"name": "demo/Nothing@1"}]
    manifest["modules"].append({"name": "demo/Fan@1"})
    manifest["routing"]["events"].append({"event": COUNTER, "reducer": "demo/Fan@1"})
    path.write_text(json.dumps(manifest), "utf-8")
    config = (root / "world.toml").read_text("utf-8")
    (root / "world.toml").write_text(config.replace('default_scenario = "basic"\n', ""), "utf-8")
    return root


def grow(root: Path, records: int, say: bool = False) -> None:
    """Ticks until branch ``main`` of the world has so many records."""
    begun = time.perf_counter()
    with World.open(root) as world:
        if world.height == 0:
            world.fire(COUNTER, {"Start": {"target": 2**40}})
        first = world.height
        while world.height < records:
            with world.group():
                for _ in range(min(GROUP, 1 + (records - world.height) // RECORDS_A_TURN)):
                    world.fire(COUNTER, "Tick")
            if say and sys.stderr.isatty():
                speed = (world.height - first) / (time.perf_counter() - begun)
                print(f"\r{world.height:,} records, {speed:,.0f} a second", end="", file=sys.stderr)
    if say and sys.stderr.isatty():
        print(file=sys.stderr)


def long_world(root: Path, records: int, say: bool = False) -> Path:
    """A world with at least so many records in ``root``, made unless it is there."""
    if not (root / "world.toml").exists():
        make_world(root)
    grow(root, records, say)
    return root


if __name__ == "__main__":
    long_world(Path(sys.argv[1]), int(sys.argv[2].replace("_", "")), say=True)
