"""Ratios of the kernel, measured in one run: ``python -m tests.benchmarks.kernel``.

- one turn in memory (event, step, plan task, records, frame, root) against a bare public-API
  wasm step of the same reducer with the same envelope;
- verification of 1,000 turns.

Figures are medians; quote ratios, the absolute times are this machine's.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from aos_core import World, canon
from aos_core.kernel import reducers
from aos_core.kernel.program import Limits

WORLD, REDUCER = "04", "demo/Aggregator@1"


def start_value(world: World) -> tuple[str, Any]:
    """The first event of the world's default scenario."""
    assert world.scenario is not None
    fire = world.scenario.steps[0].value
    return fire["schema"], fire["value"]


def median_us(act: Callable[[], object], times: int) -> float:
    """The median duration of ``act``, in microseconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter_ns()
        act()
        taken.append(time.perf_counter_ns() - begin)
    return statistics.median(taken) / 1000


def bare_step(world: World) -> Callable[[], bytes]:
    """A step of the reducer by itself, from no state, on its first event."""
    schema, value = start_value(world)
    of = world.program.schemas[schema]
    envelope = reducers.envelope(None, schema, of.encode(of.from_host(value)), None, None)
    wasm = world.program.wasm_hash(REDUCER)
    return lambda: world._modules.step(wasm, envelope, Limits())


def request(world: World) -> None:
    """A whole request: one event, three receipts; four turns."""
    world.fire(*start_value(world))
    for item in world.pending:
        world.deliver(item.answer())


def main() -> None:
    with World.open(WORLD, memory=True) as world:
        step_us = median_us(bare_step(world), 300)
    requests = []
    with World.open(WORLD, memory=True) as base:
        for n in range(100):  # each on a young world: the reducer of 04 keeps every result
            with base.fork(0, f"young-{n}") as world:
                begin = time.perf_counter_ns()
                request(world)
                requests.append((time.perf_counter_ns() - begin) / 4000)
        for _ in range(250):
            request(base)
        report = base.verify()
    turn_us = statistics.median(requests)
    assert report.ok
    print(f"bare public-API step      {step_us:8.0f} us")
    print(f"one turn in memory        {turn_us:8.0f} us   {turn_us / step_us:.2f}x a bare step")
    print(
        f"verify {report.frames - 1:,} turns        {report.seconds:8.2f} s    "
        f"{report.records:,} records, {report.records / report.seconds:,.0f} a second"
    )
    print(f"root {canon.hash_text(report.root)}")


if __name__ == "__main__":
    main()
