"""What a step and a turn cost: ``python -m tests.benchmarks.turn``.

Everything is measured against a *bare step* of the same reducer on the same input, the obvious
way: a store, its fuel, an instance, ``alloc``, the input written, the entry, the output read, with
the public classes of the wasmtime package. A turn is all of it: the event's bytes normalised,
routed, the step, what it raised, the state's root, the records, the frame's bytes and its hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import wasmtime

from aos_core import World, canon
from aos_core.frames import pack
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Limits, Program
from aos_core.kernel.records import EventInput, Input, input_from_plain
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment, turn
from aos_core.replay import frame_payload
from tests.benchmarks.measure import Act, Figure, medians_us


class Remembering:
    """Modules that keep what they were asked."""

    def __init__(self, inner: Modules) -> None:
        self.inner = inner
        self.asked: dict[tuple[bytes, bytes], bytes] = {}

    def step(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        self.asked[wasm, envelope] = self.inner.step(wasm, envelope, limits)
        return self.asked[wasm, envelope]

    def run(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        return self.inner.run(wasm, envelope, limits)


class Answering:
    """Modules that answer from what was kept: a turn without its wasm."""

    def __init__(self, known: Mapping[tuple[bytes, bytes], bytes]) -> None:
        self._known = known

    def step(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        return self._known[wasm, envelope]

    def run(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        raise AssertionError("none of these worlds has a pure module")


class OneTurn:
    """A turn that can be run again and again: its program, the state before it, its input."""

    def __init__(
        self, world: World, state: State, moment: Moment, input: Input, prev: bytes
    ) -> None:
        self.programs: Callable[[bytes], Program] = world.program_of
        self.modules: Modules = world._modules
        self.state, self.moment, self.input, self.prev = state, moment, input, prev

    def whole(self, modules: Modules) -> bytes:
        """Everything up to the bytes of the frame."""
        made = turn(self.programs, self.state, self.input, self.moment, modules)
        assert made.fault is None
        payload = frame_payload(self.moment.height, self.prev, made)
        return canon.sha256(payload) + pack(payload)

    def asked(self) -> dict[tuple[bytes, bytes], bytes]:
        remembering = Remembering(self.modules)
        self.whole(remembering)
        return remembering.asked


def bare_step(wasm: bytes, envelope: bytes) -> Act:
    """A step the obvious way."""
    engine = wasmtime.Engine(_config())
    module = wasmtime.Module(engine, wasm)

    def step() -> bytes:
        store = wasmtime.Store(engine)
        store.set_fuel(Limits().fuel)
        exports = wasmtime.Instance(store, module, []).exports(store)
        memory: Any = exports["memory"]
        alloc: Any = exports["alloc"]
        entry: Any = exports["step"]
        at = alloc(store, len(envelope))
        memory.write(store, envelope, at)
        result = alloc(store, 8)
        entry(store, result, at, len(envelope))
        pair = memory.read(store, result, result + 8)
        start, size = int.from_bytes(pair[:4], "little"), int.from_bytes(pair[4:], "little")
        output = bytes(memory.read(store, start, start + size))
        store.close()
        return output

    return step


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cranelift_nan_canonicalization = True
    return config


def turns_of(world: World, first: int) -> list[OneTurn]:
    """The turns of a world's journal from frame ``first`` on."""
    return [
        OneTurn(world, *world.travel.after(index - 1), input_from_plain(frame.body["input"]),
                frame.prev or b"")
        for index, frame in enumerate(world.frames)
        if index >= first and not frame.is_header
    ]  # fmt: skip


@contextmanager
def counter() -> Iterator[tuple[World, OneTurn]]:
    """A tick of rung 00."""
    with World.open("00", memory=True, fast=True) as world:
        world.fire("demo/CounterEvent@1", {"Start": {"target": 2**40}})
        world.fire("demo/CounterEvent@1", "Tick")
        yield world, turns_of(world, 2)[0]


def of_steps(world: World, turns: list[OneTurn]) -> tuple[dict[tuple[bytes, bytes], bytes], Act]:
    """What the turns ask of modules, and the same asked by bare steps."""
    asked = {key: of for one in turns for key, of in one.asked().items()}
    bare = [bare_step(world._disk.store.get(wasm, what="wasm"), of) for wasm, of in asked]
    assert [step() for step in bare] == list(asked.values())
    return asked, lambda: [step() for step in bare]


def step_and_turn() -> list[Figure]:
    """The fast step, and a whole turn of a counter, against a bare step."""
    with counter() as (world, one):
        asked, bare = of_steps(world, [one])
        ((wasm, envelope),) = asked
        limits, answering = Limits(), Answering(asked)
        us = medians_us(
            {
                "bare": bare,
                "fast": lambda: one.modules.step(wasm, envelope, limits),
                "turn": lambda: one.whole(one.modules),
                "rest": lambda: one.whole(answering),
            }
        )
    return [
        ("bare step of a counter, public classes", us["bare"], "us"),
        ("the fast step", us["fast"] / us["bare"], "x of it, goal 0.20"),
        ("a whole turn of the counter", us["turn"] / us["bare"], "x of it, goal 0.7"),
        ("the same without its wasm", us["rest"], "us"),
    ]


def request() -> list[Figure]:
    """A request of rung 04, one event and three receipts, against the bare steps in it."""
    with (
        World.open("04", memory=True, fast=True) as base,
        base.fork(0, "young") as world,
    ):
        assert world.scenario is not None
        fire = world.scenario.steps[0].value
        world.fire(fire["schema"], fire["value"])
        for item in world.pending:
            world.deliver(item.answer())
        turns = turns_of(world, 1)
        asked, bare = of_steps(world, turns)
        records = len(world.records) - 1
        answering = Answering(asked)
        us = medians_us(
            {
                "bare": bare,
                "turns": lambda: [one.whole(one.modules) for one in turns],
                "rest": lambda: [one.whole(answering) for one in turns],
            },
            each=5,
        )
    return [
        (f"a request of 04: {len(turns)} turns, {records} records, {len(asked)} steps",
         us["turns"] / us["bare"], "x of its bare steps"),
        ("the same for each record", us["turns"] / records, "us"),
        ("the same without its wasm", us["rest"] / records, "us a record"),
    ]  # fmt: skip


SIZES = (1, 1_000, 100_000)


def cells() -> list[Figure]:
    """A turn in a world of 1, 1,000 and 100,000 cells."""
    acts: dict[str, Act] = {}
    with World.open("09", memory=True, fast=True) as world:
        schema = next(iter(world.program.targets))
        reducer = world.program.targets[schema][0].reducer
        of = world.program.schemas[schema]
        first, again = (
            of.encode(of.from_host({"Hold": {"seat": seat, "guest": "ann", "for_ns": 1}}))
            for seat in ("A1", "A2")
        )
        world.submit(EventInput(schema=schema, value=first))
        state, moment = world.travel.after(1)
        ((_, seat),) = state.cells[reducer].items()
        input = EventInput(schema=schema, value=again, logical_ns=moment.logical_ns)
        for size in SIZES:
            for number in range(size - 1):
                state = state.with_cell(reducer, canon.encode(f"seat-{size}-{number}"), seat)
            one = OneTurn(world, state, moment, input, bytes(32))
            answering = Answering(one.asked())
            acts[f"{size:,}"] = partial(one.whole, answering)
        us = medians_us(acts)
    least = us["1"]
    return [
        (f"a turn without its wasm among {name} cells", of / least, "x of that with one")
        for name, of in us.items()
        if name != "1"
    ]


HISTORY = (100, 20_000)


def history() -> list[Figure]:
    """A tick fired after 100 and after 20,000 turns, in memory."""
    with ExitStack() as stack:
        acts: dict[str, Act] = {}
        for turns in HISTORY:
            world = stack.enter_context(World.open("00", memory=True, fast=True))
            world.fire("demo/CounterEvent@1", {"Start": {"target": 2**40}})
            acts[str(turns)] = partial(world.fire, "demo/CounterEvent@1", "Tick")
            for _ in range(turns):
                acts[str(turns)]()
        us = medians_us(acts, rounds=20, each=10)
    short, long = (us[str(turns)] for turns in HISTORY)
    return [(f"a tick after {HISTORY[1]:,} turns", long / short, "x of after 100")]


def figures() -> list[Figure]:
    return [*step_and_turn(), *request(), *cells(), *history()]


def main() -> None:
    for what, value, of in figures():
        print(f"{what:60}{value:10.2f} {of}")


if __name__ == "__main__":
    main()
