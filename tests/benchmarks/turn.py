"""What a turn costs besides its wasm: ``python -m tests.benchmarks.turn``.

The four turns of a request on a young fork of example 04, run again with steps answered from
memory. CPU time of this thread, the fastest of many runs, a turn on average.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aos_core import World
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Limits
from aos_core.kernel.records import input_from_plain
from aos_core.kernel.turn import turn
from aos_core.replay import rerun
from tests.benchmarks.kernel import WORLD, request

RUNS = 1500


class Remembered:
    """Modules that answer what they were asked before from memory."""

    def __init__(self, inner: Modules) -> None:
        self._inner = inner
        self._known: dict[tuple[bytes, bytes], bytes] = {}

    def step(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        if (wasm, envelope) not in self._known:
            self._known[wasm, envelope] = self._inner.step(wasm, envelope, limits)
        return self._known[wasm, envelope]

    def run(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        return self._inner.run(wasm, envelope, limits)


def fastest_us(act: Callable[[], object]) -> float:
    """The shortest CPU time of ``act``, in microseconds."""
    taken = []
    for _ in range(RUNS):
        begin = time.thread_time_ns()
        act()
        taken.append(time.thread_time_ns() - begin)
    return min(taken) / 1000


def main() -> None:
    with World.open(WORLD, memory=True) as base, base.fork(0, "young") as world:
        request(world)
        modules, programs = Remembered(world._modules), world.program_of
        turns = [
            (frame, *world.travel.after(index))
            for index, frame in enumerate(world.frames[1:])
            if not frame.is_header
        ]
        inputs = [input_from_plain(frame.body["input"]) for frame, _, _ in turns]

        def again() -> None:
            for frame, state, moment in turns:
                rerun(frame, state, moment, programs, modules)

        def bare(*, root: bool) -> None:
            for input, (_, state, moment) in zip(inputs, turns, strict=True):
                made = turn(programs, state, input, moment, modules)
                if root:
                    _ = made.state.root

        for name, act in (
            ("turn", lambda: bare(root=False)),
            ("turn and root", lambda: bare(root=True)),
            ("rerun", again),
        ):
            print(f"{name:15}{fastest_us(act) / len(turns):8.0f} us")


if __name__ == "__main__":
    main()
