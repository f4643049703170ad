"""What definitions cost: ``python -m tests.benchmarks.air``.

- load, check and compile of a large world (503 definitions), against reading its JSON alone;
- turns a second for every world that ships, and how much of a turn is the reducer's step;
- normalisation of an event, against plain ``cbor2.loads`` and ``dumps`` of the same bytes.

Figures are medians of one run; quote ratios, the absolute times are this machine's.
"""

from __future__ import annotations

import json
import time
from typing import Any

import cbor2

from aos_core import World
from aos_core.air.check import check
from aos_core.air.load import load_files
from aos_core.air.schemas import Schema
from aos_core.files import Listed, bundled_worlds
from aos_core.kernel.program import compile_program
from aos_core.scenario import Player
from tests.air.checked_worlds import sound, wasm_hash
from tests.benchmarks.measure import median_us
from tests.support import EVENT, EXAMPLE, start
from tests.worlds import apiary

COPIES = 100


def large_world() -> dict[str, str]:
    """The world of the tests of ``check``, and of its plan and its records a hundred more."""
    nodes = sound()
    manifest, more = nodes.pop("manifest"), []
    lists = {"defschema": "schemas", "defplan": "plans"}
    for n in range(COPIES):
        for name in ("Go", "Said", "Count", "Note", "plan"):
            of = json.dumps(nodes[name])
            for part in ("Go", "Said", "Count", "Note", "plan"):
                of = of.replace(f"demo/{part}@1", f"demo/{part}{n}@1")
            more.append(json.loads(of))
            manifest[lists[more[-1]["$kind"]]].append({"name": more[-1]["name"]})
        trigger = {"event": f"demo/Go{n}@1", "plan": f"demo/plan{n}@1", "correlate_by": "id"}
        manifest["triggers"].append(trigger)
    return {"air/all.json": json.dumps([manifest, *nodes.values(), *more])}


def definitions() -> None:
    texts = large_world()
    count = len(json.loads(texts["air/all.json"])) - 1
    reading = median_us(lambda: [json.loads(text) for text in texts.values()], 9)
    loading = median_us(lambda: load_files(texts, wasm_hash), 5)
    catalog = load_files(texts, wasm_hash)
    assert all(problem.severity == "warning" for problem in check(catalog)), check(catalog)[:3]
    checking = median_us(lambda: check(catalog), 5)
    compiling = median_us(lambda: compile_program(catalog), 5)
    print(f"{count} definitions, {len(texts['air/all.json']) / 1024:.0f} KiB")
    print(f"  read as JSON   {reading / 1000:8.1f} ms")
    for name, us in (("load, hash", loading), ("check", checking), ("compile", compiling)):
        print(f"  {name:<14} {us / 1000:8.1f} ms  {us / reading:6.1f}x, {us / count:.0f} us each")


def turns(listed: Listed) -> None:
    """The default scenario of a world, played again and again from its beginning."""
    with World.open(listed.path, memory=True) as base:
        if base.scenario is None:
            return
        step, spent = base._runtime.step, [0]

        def timed(*args: Any) -> bytes:
            begin = time.perf_counter_ns()
            try:
                return step(*args)
            finally:
                spent[0] += time.perf_counter_ns() - begin

        base._runtime.step = timed  # type: ignore[assignment, method-assign]
        count, begin = 0, time.perf_counter_ns()
        while time.perf_counter_ns() - begin < 2 * 10**9:
            with base.fork(0, f"run-{count}") as world:
                before = len(world.frames)
                Player(world, base.scenario).play()
                count += len(world.frames) - before
        taken = time.perf_counter_ns() - begin
    share = 100 * spent[0] / taken
    print(f"  {listed.path.name:<20} {count * 10**9 / taken:7.0f} a second, {share:.0f} % in steps")


def normalisation(name: str, of: Schema, value: Any) -> None:
    data = of.encode(of.from_host(value))
    assert of.encode(of.normalise_bytes(data)) == data

    def plain() -> bytes:
        return cbor2.dumps(cbor2.loads(data))

    def normal() -> bytes:
        return of.encode(of.normalise_bytes(data))

    bare, whole = median_us(plain, 2000), median_us(normal, 2000)
    print(
        f"  {name:<20} {whole:6.1f} us, plain {bare:5.1f} us, {whole / bare:.1f}x  ({len(data)} B)"
    )


def main() -> None:
    definitions()
    print("turns")
    for listed in bundled_worlds():
        turns(listed)
    print("normalisation of an event")
    with World.open(EXAMPLE, memory=True) as world:
        normalisation("04 Start", world.program.schemas[EVENT], start())
    with World.open(apiary.PATH, memory=True) as world:
        schemas = world.program.schemas
        normalisation("apiary Inspection", schemas["apiary/Inspection@1"], apiary.inspection())
        normalisation("apiary Treated", schemas["apiary/Treated@1"], apiary.treated(apiary.A, 1))
        normalisation("apiary Paid", schemas["apiary/Paid@1"], apiary.paid("x"))


if __name__ == "__main__":
    main()
