"""Clocks and entropy: the formulas of the journal's text, word for word, in real journals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.hosts import LiveHost, Past, SimulatedHost, shuffle_key
from aos_core.kernel.records import EventInput, ReceiptInput
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import (
    EVENT,
    REDUCER,
    numbered,
    patch_reducer,
    release_all,
    start,
)

ENTROPY = bytes(64)


def sha512(form: list[Any]) -> bytes:
    return hashlib.sha512(canon.encode(form)).digest()


def inputs(world: World) -> list[dict[str, Any]]:
    return [dict(frame.body["input"]) for frame in world.frames if "input" in frame.body]


def test_simulated_time_and_entropy_by_their_formulas(world: Path) -> None:
    host = SimulatedHost(seed=7, start_ns=1000, step_ns=10)
    opened = World.open(world, memory=True, scenario="basic", host=host)
    opened.fire(EVENT, start())
    receipts = [item.answer() for item in opened.pending]
    opened.deliver(receipts[1])
    opened.fire(EVENT, start(topic="again"))
    opened.deliver(receipts[0])
    opened.deliver(receipts[1])  # once more: late
    stamped = inputs(opened)
    assert [of["at_ns"] for of in stamped] == [1000, 1010, 1020, 1030, 1040]
    assert [of["logical_ns"] for of in stamped] == [0, 10, 20, 30, 40]
    one, two = receipts[0].intent, receipts[1].intent
    assert [of["entropy"] for of in stamped] == [
        sha512(["event", 7, 0]),
        sha512(["receipt", 7, two, 0]),
        sha512(["event", 7, 1]),
        sha512(["receipt", 7, one, 0]),
        sha512(["receipt", 7, two, 1]),
    ]


def test_entropy_in_bytes_anybody_can_check() -> None:
    past = Past(created_ns=0, inputs=3, events=lambda: 2, deliveries=lambda intent: 1)
    event = EventInput(schema="demo/X@1", value=b"\xf6")
    receipt = ReceiptInput(intent=b"\x11" * 32, adapter_id="", status="ok", payload=b"\xf6")
    form = bytes.fromhex("d9d9f7 83 65 6576656e74 07 02".replace(" ", ""))
    assert SimulatedHost(seed=7).stamp(event, past)[2] == hashlib.sha512(form).digest()
    form = bytes.fromhex("d9d9f7 84 67 72656365697074 07 5820".replace(" ", "")) + b"\x11" * 32
    assert SimulatedHost(seed=7).stamp(receipt, past)[2] == hashlib.sha512(form + b"\1").digest()


def test_a_shuffle_key_is_of_seed_and_intent() -> None:
    intent = b"\x22" * 32
    assert shuffle_key(7, intent) == canon.sha256(canon.encode(["shuffle", 7, intent]))


def test_a_simulated_world_is_created_when_it_starts(world: Path) -> None:
    opened = World.open(world, memory=True, host=SimulatedHost(start_ns=77))
    assert opened.frames[0].body["created_ns"] == 77


def test_derived_entropy_reaches_no_root(world: Path) -> None:
    roots = set()
    for seed in (1, 2):
        opened = World.open(world, memory=True, host=SimulatedHost(seed))
        opened.fire(EVENT, start())
        roots.add(opened.root)
    assert len(roots) == 1


def test_a_live_host_counts_from_genesis_and_draws_entropy() -> None:
    host, past = (
        LiveHost(),
        Past(created_ns=5, inputs=0, events=lambda: 0, deliveries=lambda intent: 0),
    )
    before = host.created_ns()
    at_ns, elapsed, entropy = host.stamp(EventInput(schema="x", value=b"\xf6"), past)
    assert before <= at_ns <= host.created_ns() and elapsed == at_ns - 5
    assert len(entropy) == 64 and entropy != ENTROPY
    assert entropy != host.stamp(EventInput(schema="x", value=b"\xf6"), past)[2]


class Backwards:
    """A host whose clock runs backwards, as a clock that is set does."""

    def __init__(self) -> None:
        self.now = 10_000

    def created_ns(self) -> int:
        return 0

    def elapsed_ns(self, past: Past) -> int:
        return self.now - past.created_ns

    def stamp(self, input: object, past: Past) -> tuple[int, int, bytes]:
        self.now -= 1000
        return self.now, self.now - past.created_ns, ENTROPY


def test_logical_time_never_falls_whatever_the_clock_does(world: Path) -> None:
    opened = World.open(world, memory=True, host=Backwards())
    opened.fire(EVENT, start())
    release_all(opened)
    assert [of["at_ns"] for of in inputs(opened)] == [9000, 8000, 7000, 6000]
    assert [of["logical_ns"] for of in inputs(opened)] == [9000] * 4
    assert opened.verify().ok


def test_what_was_advanced_is_added_once_and_survives_a_fork(world: Path) -> None:
    opened = World.open(world, memory=True, host=SimulatedHost(start_ns=1000, step_ns=10))
    opened.fire(EVENT, start())
    opened.advance(500)
    opened.advance(5)
    release_all(opened, 1, 2)
    assert [of["logical_ns"] for of in inputs(opened)] == [0, 515, 525]
    assert [of["at_ns"] for of in inputs(opened)] == [1000, 1515, 1525]
    with opened.fork(opened.height, "on") as fork:
        release_all(fork)
        assert inputs(fork)[-1]["logical_ns"] == 535


def test_live_time_goes_on_from_genesis_after_reopening(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        created = opened.frames[0].body["created_ns"]
    with World.open(world) as again:
        again.fire(EVENT, start())
        first, second = inputs(again)
    assert first["logical_ns"] == first["at_ns"] - created
    assert second["logical_ns"] == max(first["logical_ns"], second["at_ns"] - created)


def test_two_live_worlds_differ_in_head_and_agree_in_root(world: Path) -> None:
    with World.open(world) as one:
        one.fire(EVENT, start())
        with World.anew(world, "other") as two:
            two.fire(EVENT, start())
            assert one.root == two.root and one.head != two.head


def test_a_replacement_is_stamped_too(world: Path) -> None:
    opened = World.open(world, memory=True, host=SimulatedHost(seed=3, start_ns=100, step_ns=7))
    opened.fire(EVENT, start())
    patch_reducer(world, b"fetch_c", b"fetch_C")
    opened.swap()
    stamped = inputs(opened)[-1]
    assert (stamped["at_ns"], stamped["logical_ns"]) == (107, 7)
    assert len(stamped["entropy"]) == 64
    assert numbered(opened, 1).n == 1 and opened.state(REDUCER)["pc"] == "Running"
