"""The reducer's border: event hashes, envelopes, contexts, intents, and what a step may answer."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air.load import builtin_nodes
from aos_core.air.nodes import DefSchema
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_core.errors import StepFault
from aos_core.kernel.reducers import (
    Output,
    RaisedEffect,
    RaisedEvent,
    envelope,
    event_hash,
    legacy_envelope,
    parse_output,
)
from aos_core.kernel.state import Intent
from tests.kernel.worlds import World, kinds, module

BUILTIN = {node.name: node.type for node in builtin_nodes().values() if isinstance(node, DefSchema)}
COUNTER = {"variant": {"Start": {"record": {"target": {"nat": {}}}}, "Tick": {"unit": {}}}}
SCHEMAS = Schemas(BUILTIN | {"demo/CounterEvent@1": parse_type(COUNTER)})
TICK = bytes.fromhex("d9d9f7a16424746167645469636b")
INTENT = "56b577c8b362ae4abbf8c40f88be46db67aa210101bc780ad5d3143a4cf76cdb"


def encoded(schema: str, value: Any) -> bytes:
    return SCHEMAS[schema].encode(SCHEMAS[schema].normalise(value))


@pytest.mark.parametrize(
    ("value", "data", "digest"),
    [
        (
            {"Start": {"target": 3}},
            "d9d9f7a26424746167655374617274662476616c7565a16674617267657403",
            "0ddbb2abbfc2ab639685d6c1214a36f67f142b73c8afd89bdcf32965ef7bff50",
        ),
        (
            {"$tag": "Tick"},
            "d9d9f7a16424746167645469636b",
            "ebab0e8b869b517e60b5f91c856a60da0f5847bf5bfee076c686d6fdbb8fe6b7",
        ),
        (
            {"$tag": "Tick", "$value": None},
            "d9d9f7a26424746167645469636b662476616c7565f6",
            None,
        ),
    ],
)
def test_published_events(value: Any, data: str, digest: str | None) -> None:
    """B-1, B-12."""
    found = encoded("demo/CounterEvent@1", value)
    assert found.hex() == data
    if digest is not None:
        assert event_hash("demo/CounterEvent@1", found, None).hex() == digest


def test_a_key_is_part_of_the_event_hash_only_where_there_is_one() -> None:
    plain = canon.digest({"schema": "t/E@1", "value": TICK})
    keyed = canon.digest({"schema": "t/E@1", "value": TICK, "key": b""})
    assert event_hash("t/E@1", TICK, None) == plain
    assert event_hash("t/E@1", TICK, b"") == keyed


FIRED = {
    "intent_hash": f"sha256:{INTENT}",
    "reducer": "demo/TimerSM@1",
    "effect_kind": "timer.set",
    "adapter_id": "adapter.timer.fake",
    "status": "ok",
    "requested": {"deliver_at_ns": 1_000_000},
    "receipt": {"delivered_at_ns": 1_000_000},
    "cost_cents": 0,
    "signature": bytes(64),
}


def test_published_timer_receipt_event() -> None:
    """B-22."""
    value = encoded("sys/TimerFired@1", FIRED)
    assert canon.sha256(value).hex() == (
        "2f73748ad17a160eed15caf6f941bc42cd59b966ae58a3745bf74db9e2062c9d"
    )
    assert event_hash("sys/TimerFired@1", value, None).hex() == (
        "9cf3ff75a2b6ee512dd1e4cd5b489b2048fe7d9eb2cca3bbcdcbb2d6a14b534b"
    )
    wrapped = canon.encode({"$tag": "Fired", "$value": canon.decode(value)})
    assert len(wrapped) == 351
    assert canon.sha256(wrapped).hex() == (
        "eceee97b73025b468fe74f802bac0297b3103c110e05a8e95ba663503f17a8e5"
    )
    assert event_hash("demo/TimerEvent@1", wrapped, None).hex() == (
        "8ab5f87051ced09058c2256bae70079c4d63a939f736ea8543d703d64e130ef9"
    )


def test_published_context() -> None:
    """The vector leaves ``key`` out where there is none (B-12: only for keyed reducers)."""
    value = SCHEMAS["sys/ReducerContext@1"].normalise(
        {
            "now_ns": 1,
            "logical_now_ns": 2,
            "journal_height": 3,
            "entropy": b"\x11" * 64,
            "event_hash": "sha256:" + "0" * 64,
            "manifest_hash": "sha256:" + "1" * 64,
            "reducer": "com.acme/Reducer@1",
            "cell_mode": False,
        }
    )
    assert value.pop("key") is None
    assert canon.digest(value).hex() == (
        "72da46bd3eb88cf3e471585a737dfc15067fecf2da3405a5045103d1298245d9"
    )


def test_published_intent() -> None:
    """B-19."""
    params = encoded("sys/TimerSetParams@1", {"deliver_at_ns": 1_000_000})
    assert params.hex() == "d9d9f7a2636b6579f66d64656c697665725f61745f6e731a000f4240"
    origin = {"kind": "reducer", "name": "demo/TimerSM@1", "key": b""}
    intent = Intent("timer.set", params, "timer_grant", bytes(32), origin)
    assert intent.hash.hex() == INTENT
    pre_image = (
        "d9d9f7a4636361706b74696d65725f6772616e74646b696e646974696d65722e73657466706172616d73581c"
        "d9d9f7a2636b6579f66d64656c697665725f61745f6e731a000f4240"
        "6f6964656d706f74656e63795f6b65795820"
    )
    assert canon.sha256(bytes.fromhex(pre_image) + bytes(32)) == intent.hash


def test_the_origin_of_an_intent_is_stored_but_not_hashed() -> None:
    one = Intent("k", b"", "c", bytes(32), {"kind": "reducer", "name": "t/R@1", "key": b""})
    two = Intent("k", b"", "c", bytes(32), {"kind": "reducer", "name": "t/Q@1", "key": b""})
    assert one.hash == two.hash
    assert bytes(one) != bytes(two)
    assert canon.decode(bytes(one)) == one.to_plain()


# Envelopes


def test_published_envelope() -> None:
    """B-11."""
    data = envelope(None, "demo/CounterEvent@1", TICK, None, None)
    assert data.hex() == (
        "a36776657273696f6e01657374617465f6656576656e74a266736368656d617364656d6f2f436f756e746572"
        "4576656e7440316576616c75654ed9d9f7a16424746167645469636b"
    )


def test_the_members_of_an_envelope_stand_in_their_order() -> None:
    """B-11."""
    plain = cbor2.loads(envelope(b"s", "t/E@1", b"v", b"k", b"c"))
    assert plain == {
        "version": 1,
        "state": b"s",
        "event": {"schema": "t/E@1", "value": b"v", "key": b"k"},
        "ctx": b"c",
    }
    assert list(plain) == ["version", "state", "event", "ctx"]
    assert list(plain["event"]) == ["schema", "value", "key"]
    assert list(cbor2.loads(envelope(None, "t/E@1", b"v", None, None))["event"]) == [
        "schema",
        "value",
    ]


def test_the_earlier_envelope_has_its_context_inline() -> None:
    keyed = cbor2.loads(legacy_envelope(None, "t/E@1", b"v", b"k"))
    assert keyed["ctx"] == {"key": b"k", "cell_mode": True}
    assert keyed["event"] == {"schema": "t/E@1", "value": b"v"}
    plain = cbor2.loads(legacy_envelope(b"s", "t/E@1", b"v", None))
    assert plain["ctx"] == {"key": None, "cell_mode": False}


# Outputs


@pytest.mark.parametrize(
    ("plain", "output"),
    [
        ({"state": None}, Output(None, (), ())),
        ({"state": b"s", "domain_events": [], "effects": [], "ann": None}, Output(b"s", (), ())),
        ({"state": b"", "domain_events": None, "effects": None}, Output(b"", (), ())),
        ({"state": b"s", "ann": b"note", "more": 1}, Output(b"s", (), ())),
        (
            {"state": b"s", "domain_events": [{"schema": "t/E@1", "value": b"v", "key": b""}]},
            Output(b"s", (RaisedEvent("t/E@1", b"v", b""),), ()),
        ),
        (
            {"state": b"s", "domain_events": [{"schema": "t/E@1", "value": b"v", "key": None}]},
            Output(b"s", (RaisedEvent("t/E@1", b"v", None),), ()),
        ),
        (
            {"state": b"s", "effects": [{"kind": "k", "params_cbor": b"p"}]},
            Output(b"s", (), (RaisedEffect("k", b"p", "default", None),)),
        ),
        (
            {
                "state": b"s",
                "effects": [
                    {"kind": "k", "params": b"p", "cap_slot": "c", "idempotency_key": bytes(32)}
                ],
            },
            Output(b"s", (), (RaisedEffect("k", b"p", "c", bytes(32)),)),
        ),
    ],
)
def test_outputs(plain: Any, output: Output) -> None:
    """B-11."""
    assert parse_output(cbor2.dumps(plain)) == output
    assert parse_output(canon.encode(plain)) == output


def test_bytes_may_come_as_a_list_of_integers() -> None:
    """As serde writes a plain ``Vec<u8>``."""
    event = {"schema": "t/E@1", "value": [0xF6], "key": [0x61, 0x6B]}
    effect = {"kind": "k", "params": [0xA0], "idempotency_key": [255] * 32}
    plain = {"state": [], "ann": [1], "domain_events": [event], "effects": [effect]}
    assert parse_output(cbor2.dumps(plain)) == Output(
        b"",
        (RaisedEvent("t/E@1", b"\xf6", b"ak"),),
        (RaisedEffect("k", b"\xa0", "default", b"\xff" * 32),),
    )


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ("bf657374617465f6ff", None),
        ("a1657374617465" + "5f41014102ff", b"\x01\x02"),
        ("a1657374617465" + "9f180118ffff", b"\x01\xff"),
        ("a2657374617465f6" + "6573746174654101", b"\x01"),
        ("b9000178057374617465f6", None),
    ],
    ids=["map", "bytes", "list", "equal keys", "long lengths"],
)
def test_outputs_as_other_encoders_write_them(data: str, state: bytes | None) -> None:
    assert parse_output(bytes.fromhex(data)) == Output(state, (), ())


@pytest.mark.parametrize(
    "value",
    ["bf6377686f7f61616162ffff", "a26377686f61786377686f626162", "a1780377686f" + "78026162"],
    ids=["indefinite", "equal keys", "long lengths"],
)
def test_an_event_is_journaled_in_canonical_form_however_it_was_written(value: str) -> None:
    def react(_: dict[str, Any]) -> Any:
        event = {"schema": "demo/Heard@1", "value": bytes.fromhex(value)}
        return {"state": None, "domain_events": [event]}

    world = World(
        module("demo/R@1", "demo/Go@1"),
        reducers={"demo/R@1": react},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    done = world.go()
    assert kinds(done.records) == ["event", "step", "event"]
    assert done.records[2]["value"] == {"who": "ab"}


def test_state_bytes_are_taken_verbatim() -> None:
    """B-2."""
    not_canonical = bytes.fromhex("a2626262016161180a")
    assert parse_output(cbor2.dumps({"state": not_canonical})).state == not_canonical


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        {},
        {"domain_events": []},
        {"state": "text"},
        {"state": {"a": 1}},
        {"state": b"", "ann": "text"},
        {"state": b"", "ann": ""},
        {"state": [256]},
        {"state": [-1]},
        {"state": [True]},
        {"state": [[1]]},
        {"state": b"", "domain_events": {}},
        {"state": b"", "domain_events": 0},
        {"state": b"", "domain_events": [b"x"]},
        {"state": b"", "domain_events": [{"schema": "t/E@1"}]},
        {"state": b"", "domain_events": [{"schema": b"t/E@1", "value": b""}]},
        {"state": b"", "domain_events": [{"schema": "t/E@1", "value": "v"}]},
        {"state": b"", "domain_events": [{"schema": "t/E@1", "value": b"", "key": "k"}]},
        {"state": b"", "effects": ""},
        {"state": b"", "effects": [{"kind": "k"}]},
        {"state": b"", "effects": [{"params": b""}]},
        {"state": b"", "effects": [{"kind": "k", "params": {"a": 1}}]},
        {"state": b"", "effects": [{"kind": "k", "params": b"", "cap_slot": 1}]},
        {"state": b"", "effects": [{"kind": "k", "params": b"", "idempotency_key": bytes(31)}]},
        {"state": b"", "effects": [{"kind": "k", "params": b"", "idempotency_key": [0] * 31}]},
        {"state": b"", "effects": [{"kind": "k", "params": b"", "idempotency_key": "k" * 32}]},
    ],
)
def test_outputs_that_are_rubbish(plain: Any) -> None:
    with pytest.raises(StepFault) as caught:
        parse_output(cbor2.dumps(plain))
    assert caught.value.code == "bad_output"


@pytest.mark.parametrize("data", ["", "a1", "a1657374617465f600", "bf657374617465f6"])
def test_outputs_that_are_not_the_cbor_we_accept(data: str) -> None:
    with pytest.raises(StepFault) as caught:
        parse_output(bytes.fromhex(data))
    assert caught.value.code == "bad_output"


WORDS = st.sampled_from(
    [
        "state",
        "domain_events",
        "effects",
        "ann",
        "kind",
        "params",
        "schema",
        "value",
        "key",
        "cap_slot",
        "idempotency_key",
        "params_cbor",
    ]
)
PLAIN = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)


@given(PLAIN, PLAIN, PLAIN)
def test_any_answer_is_an_output_or_a_fault(state: Any, events: Any, effects: Any) -> None:
    plain = {"state": state, "domain_events": events, "effects": effects}
    for data in (cbor2.dumps(plain), cbor2.dumps(state)):
        try:
            assert isinstance(parse_output(data), Output)
        except StepFault as error:
            assert error.code == "bad_output"
