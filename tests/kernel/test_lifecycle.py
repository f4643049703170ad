"""The life-cycle tables, pair by pair, and what a turn does with inputs they do not allow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aos_core import canon
from aos_core.errors import LifecycleError, Rejected, UnknownIntent, ValueRejected
from aos_core.kernel.lifecycle import FINISHED, INSTANCE, INTENT, STEP, Table, advance
from aos_core.kernel.records import EventInput, Input, ManifestInput, ReceiptInput
from tests.kernel.worlds import ASKS, World, await_, emit, end, moves, outcome, plan

LEGAL = {
    "step": {
        ("pending", "run"): "done",
        ("pending", "wait"): "waiting",
        ("pending", "skip"): "skipped",
        ("pending", "fail"): "failed",
        ("waiting", "run"): "done",
        ("waiting", "fail"): "failed",
    },
    "instance": {
        ("new", "start"): "queued",
        ("queued", "take"): "running",
        ("queued", "wake"): "queued",
        ("running", "pause"): "waiting",
        ("running", "yield"): "queued",
        ("running", "end"): "ended",
        ("running", "fail"): "failed",
        ("waiting", "wake"): "queued",
    },
    "intent": {
        ("unknown", "ask"): "pending",
        ("pending", "receipt"): "settled",
        ("pending", "fault"): "pending",
        ("settled", "receipt"): "settled",
        ("settled", "ask"): "pending",
    },
}
TABLES: dict[str, Table] = {"step": STEP, "instance": INSTANCE, "intent": INTENT}
STATES = {
    "step": ("pending", "waiting", "done", "skipped", "failed"),
    "instance": ("new", "queued", "running", "waiting", "ended", "failed"),
    "intent": ("unknown", "pending", "settled"),
}
PAIRS = [
    (name, state, event)
    for name, states in STATES.items()
    for state in states
    for event in sorted({event for _, event in LEGAL[name]})
]


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_every_pair_gives_the_state_of_the_table_or_is_refused(
    name: str, state: str, event: str
) -> None:
    legal = LEGAL[name].get((state, event))
    if legal is not None:
        assert advance(TABLES[name], state, event) == legal
        return
    with pytest.raises(LifecycleError, match=f"{event!r} is not possible in state {state!r}"):
        advance(TABLES[name], state, event)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_hold_no_other_state_and_no_other_input(name: str) -> None:
    table = TABLES[name]
    assert tuple(table) == STATES[name]
    assert {(s, e): t for s, row in table.items() for e, t in row.items()} == LEGAL[name]


@pytest.mark.parametrize("name", TABLES)
def test_a_word_of_another_table_is_refused(name: str) -> None:
    for state in STATES[name]:
        with pytest.raises(LifecycleError):
            advance(TABLES[name], state, "explode")
    with pytest.raises(LifecycleError):
        advance(TABLES[name], "nowhere", next(event for _, event in LEGAL[name]))


def test_what_lets_successors_go_on_is_final() -> None:
    assert {"done", "skipped"} == FINISHED
    assert all(not STEP[state] for state in FINISHED)


# -- at the border of a turn


def waiting_world() -> World:
    """A plan that waits for the receipt of ``a``, at logical time 5."""
    steps = [emit("a"), await_("w", "a"), end()]
    world = World(
        plan("demo/p@1", steps, ("a", "w"), ("w", "end")),
        triggers=[("demo/Go@1", "demo/p@1")],
        grants=[ASKS],
    )
    world.go(logical_ns=5)
    assert moves(world.records)[-1] == ("w", "waiting")
    return world


def receipt(world: World, **more: object) -> ReceiptInput:
    fields = {
        "intent": world.pending[0].hash,
        "adapter_id": "test",
        "status": "ok",
        "payload": canon.encode({"n": 1}),
        "logical_ns": 5,
    }
    return ReceiptInput(**{**fields, **more})  # type: ignore[arg-type]


def event(schema: str, data: bytes, **more: object) -> EventInput:
    return EventInput(**{"schema": schema, "value": data, "logical_ns": 5, **more})  # type: ignore[arg-type]


GO = canon.encode({"who": "b", "n": 1})
REJECTED: dict[str, tuple[Callable[[World], Input], type[Rejected]]] = {
    "unknown intent": (lambda w: receipt(w, intent=bytes(32)), UnknownIntent),
    "payload of the wrong type": (
        lambda w: receipt(w, payload=canon.encode({"n": "x"})),
        ValueRejected,
    ),
    "payload that is no record": (lambda w: receipt(w, payload=canon.encode(7)), ValueRejected),
    "payload that is no CBOR": (lambda w: receipt(w, payload=b"\xff"), ValueRejected),
    "payload with bytes after it": (
        lambda w: receipt(w, payload=canon.encode({"n": 1}) + b"\x00"),
        ValueRejected,
    ),
    "late payload that is no CBOR": (
        lambda w: receipt(w, intent=bytes(32), payload=b"\xff", late=True),
        ValueRejected,
    ),
    "unknown schema": (lambda w: event("demo/Nothing@1", GO), ValueRejected),
    "field missing": (
        lambda w: event("demo/Go@1", canon.encode({"who": "b"})),
        ValueRejected,
    ),
    "field unknown": (
        lambda w: event("demo/Go@1", canon.encode({"who": "b", "n": 1, "x": 1})),
        ValueRejected,
    ),
    "number out of range": (
        lambda w: event("demo/Go@1", canon.encode({"who": "b", "n": -1})),
        ValueRejected,
    ),
    "event that is no CBOR": (lambda w: event("demo/Go@1", b"\x1c"), ValueRejected),
    "event: logical time goes back": (lambda w: event("demo/Go@1", GO, logical_ns=4), Rejected),
    "receipt: logical time goes back": (lambda w: receipt(w, logical_ns=4), Rejected),
    "manifest: logical time goes back": (
        lambda w: ManifestInput(old=w.state.manifest, new=w.state.manifest, changed=()),
        Rejected,
    ),
    "manifest that is not in force": (
        lambda w: ManifestInput(old=bytes(32), new=w.state.manifest, changed=(), logical_ns=5),
        Rejected,
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_an_illegal_input_is_rejected_and_nothing_has_happened(name: str) -> None:
    build, error = REJECTED[name]
    world = waiting_world()
    state, moment, root, records = world.state, world.moment, world.state.root, len(world.records)
    with pytest.raises(error) as caught:
        world.put(build(world))
    assert isinstance(caught.value, Rejected)
    assert world.state is state
    assert (world.moment, world.state.root, len(world.records)) == (moment, root, records)
    # and the world goes on
    assert outcome(world.answer("a", logical_ns=5)) == "settled"
    assert not world.instances


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "done"},
        {"intent": b"short"},
        {"cost_cents": -1},
        {"cost_cents": True},
        {"cost_cents": 2**64},
        {"entropy": b"short"},
        {"at_ns": -1},
        {"logical_ns": 2**64},
    ],
    ids=str,
)
def test_a_receipt_that_makes_no_sense_cannot_be_built(fields: dict[str, object]) -> None:
    with pytest.raises(Rejected):
        receipt(waiting_world(), **fields)


def test_equal_logical_time_is_no_way_back() -> None:
    world = waiting_world()
    assert world.go("b", logical_ns=5).after.logical_ns == 5
    assert world.go("c", logical_ns=9).after.logical_ns == 9
