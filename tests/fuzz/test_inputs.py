"""Events and receipts: refused with their place and without a trace, or taken and replayable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from operator import methodcaller
from typing import Any

import pytest
from hypothesis import strategies as st

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.codec import RecordCodec
from aos_core.air.misfit import Misfit
from aos_core.errors import CanonError, UnknownIntent
from aos_core.kernel.records import EventInput, ReceiptInput
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.fuzz.harness import attack, placed, refused_or_replays
from tests.fuzz.mutations import cut, damaged, deep, mutated, words_of
from tests.worlds.apiary import PATH, A, inspection, paid, receipt, treated, wanted

EVENTS: dict[str, Any] = {
    "apiary/Inspection@1": inspection(),
    "apiary/HiveEvent@1": {"Inspected": inspection(note="x", queen={"Virgin": "q"})},
    "apiary/Treated@1": treated(A, 3),
    "apiary/HarvestWanted@1": wanted("x"),
    "apiary/Paid@1": paid("x"),
    "apiary/YardEvent@1": {"Harvested": {"batch": "x", "outcome": {"Unsold": {"Refused": -1}}}},
    "apiary/Weighed@1": {"batch": "x", "grams": 1},
}
WORDS = words_of(
    EVENTS, "$tag", "$value", "bytes_b64", "secret", "true", "Merged", "sys/TimerFired@1"
)
WORLD: dict[str, World] = {}
NUMBERS = count()


@pytest.fixture(autouse=True, scope="module")
def busy() -> Iterator[None]:
    """The apiary with effects of every kind pending; each case forks it."""
    with World.open(PATH, memory=True) as world:
        world.fire("apiary/Inspection@1", inspection())
        world.fire("apiary/Treated@1", treated(A, 1))
        world.fire("apiary/HarvestWanted@1", wanted("a"))
        world.fire("apiary/Weighed@1", {"batch": "b", "grams": 5})
        world.fire("apiary/Paid@1", paid("b"))
        assert {item.intent.kind for item in world.pending} == KINDS
        WORLD["busy"] = world
        yield


KINDS = {"timer.set", "scale.read", "http.request"}


def fork() -> World:
    return WORLD["busy"].fork(WORLD["busy"].height, f"case-{next(NUMBERS)}")


# -- events -----------------------------------------------------------------------------------

hosts = st.one_of(
    *(st.tuples(st.just(name), mutated(value, WORDS)) for name, value in EVENTS.items()),
    st.tuples(st.sampled_from([*EVENTS, "apiary/None@1", "", "sys/TimerFired@1"]),
              st.sampled_from(WORDS) | st.integers() | st.integers(1, 3000).map(deep)),
)  # fmt: skip
keys = st.one_of(
    st.none(), st.none(), st.none(), st.text(max_size=3), st.just("\ud800"),
    st.just({"bytes_b64": "!"}),
    st.just({"bytes_b64": ""}), st.just([]), st.just(canon.encode(A)),
)  # fmt: skip


def fire(case: tuple[tuple[str, Any], Any]) -> None:
    (schema, value), key = case
    refused_or_replays(fork(), lambda world: world.fire(schema, value, key=key))


def test_host_json() -> None:
    attack(st.tuples(hosts, keys), fire, 150)


WRITTEN = {name: canon.encode(value) for name, value in EVENTS.items()}
raw = st.sampled_from(sorted(EVENTS)).flatmap(
    lambda name: st.tuples(st.just(name), damaged([WRITTEN[name]]) | st.binary(max_size=40))
)
encodable = st.sampled_from(sorted(EVENTS)).flatmap(
    lambda name: st.tuples(st.just(name), mutated(EVENTS[name], WORDS).map(encoded))
)


def encoded(value: Any) -> bytes:
    """CBOR of anything JSON can say, canonical or not."""
    try:
        return canon.encode(value)
    except CanonError:
        return b"\xff"


def submit(case: tuple[tuple[str, bytes], Any]) -> None:
    (schema, data), key = case
    event = EventInput(schema=schema, value=data, key=key if isinstance(key, bytes) else None)
    refused_or_replays(fork(), lambda world: world.submit(event))


def test_cbor() -> None:
    attack(st.tuples(raw | encodable, keys), submit, 150)


def test_cbor_cut_at_every_byte_and_with_trailing_bytes() -> None:
    world = fork()
    for data in cut(WRITTEN["apiary/Treated@1"]):
        event = EventInput(schema="apiary/Treated@1", value=data)
        assert refused_or_replays(world, methodcaller("submit", event)) is None


def test_canary_a_record_that_takes_anything_fails_the_same_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strict = RecordCodec.normalise

    def lax(self: RecordCodec, value: Any) -> Any:
        try:
            return strict(self, value)
        except Misfit:
            return value

    monkeypatch.setattr(RecordCodec, "normalise", lax)
    with pytest.raises((AssertionError, AttributeError, CanonError, KeyError, TypeError)):
        attack(st.tuples(hosts, keys), fire, 250, shrink=False)


def test_canary_a_rejection_that_leaves_a_trace_fails_the_same_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = World.fire

    def hasty(self: World, schema: str, value: Any, **more: Any) -> Any:
        before(self, "apiary/Letter@1", "first")
        return before(self, schema, value, **more)

    monkeypatch.setattr(World, "fire", hasty)
    with pytest.raises(AssertionError, match="left a trace"):
        attack(st.tuples(hosts, keys), fire, 250, shrink=False)


# -- receipts ---------------------------------------------------------------------------------

statuses = st.sampled_from(["ok", "ok", "ok", "error", "timeout", "fine", "", "OK"])
numbers = st.sampled_from([None, None, 0, 3, -1, 2**64, 10**30])


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    item = draw(st.sampled_from(WORLD["busy"].pending))
    payload = draw(mutated(receipt(item).payload, WORDS) | st.sampled_from(WORDS))
    intent = draw(st.sampled_from([item.intent.hash] * 8 + [bytes(32), b"", b"x" * 31]))
    signature = draw(st.sampled_from([None, b"", bytes(64)]))
    cost = draw(numbers)
    return Receipt(intent, draw(statuses), payload, draw(st.sampled_from(["t", "", "é"])), cost,
                   signature)  # fmt: skip


def deliver(of: Receipt) -> None:
    world = fork()
    made = refused_or_replays(world, lambda world: world.deliver(of))
    if made is None:
        assert {item.intent.kind for item in world.pending} == KINDS


def test_receipts() -> None:
    attack(st.deferred(receipts), deliver, 120)


@st.composite
def raw_receipts(draw: st.DrawFn) -> ReceiptInput:
    item = draw(st.sampled_from(WORLD["busy"].pending))
    return ReceiptInput(
        intent=item.intent.hash,
        adapter_id="raw",
        status=draw(st.sampled_from(["ok", "error"])),
        payload=draw(damaged([canon.encode(receipt(item).payload)])),
        late=draw(st.booleans()),
    )


def test_receipts_of_damaged_bytes() -> None:
    attack(
        st.deferred(raw_receipts),
        lambda of: refused_or_replays(fork(), lambda world: world.submit(of)),
        80,
    )


def test_a_receipt_cut_at_every_byte_and_with_trailing_bytes_leaves_its_intent_pending() -> None:
    world = fork()
    for item in world.pending:
        for data in cut(canon.encode(receipt(item).payload)):
            cut_short = ReceiptInput(
                intent=item.intent.hash, adapter_id="raw", status="ok", payload=data
            )
            made = refused_or_replays(world, methodcaller("submit", cut_short))
            assert made is None
    assert len(world.pending) == 4


def test_an_unknown_intent_says_so() -> None:
    with pytest.raises(UnknownIntent) as error:
        fork().deliver(Receipt(bytes(32), "ok", {}))
    assert placed(error.value)
