"""Codecs: what each type accepts, refuses, and writes (air-v1, section 3; B-8, B-10, B-18)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air.schemas import Schema, Schemas
from aos_core.air.types import parse_type
from aos_core.air.values import NULL, UNIT, Value, to_plain
from aos_core.errors import AirError, ValueRejected

HASH = "sha256:" + "ab" * 32
UUID = "01234567-89ab-cdef-0123-456789abcdef"
TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
INT: dict[str, Any] = {"int": {}}
RECORD = {"record": {"bb": NAT, "a": {"option": TEXT}}}
CHOICE = {"variant": {"On": {"unit": {}}, "Level": NAT, "Maybe": {"option": TEXT}}}


def map_of(key: str, value: Any) -> dict[str, Any]:
    return {"map": {"key": {key: {}}, "value": value}}


def schema(of: Any, **others: Any) -> Schema:
    types = {"t/T@1": of} | {f"t/{name}@1": other for name, other in others.items()}
    return Schemas({name: parse_type(node) for name, node in types.items()})["t/T@1"]


def test_the_normalised_keys_of_the_vectors() -> None:
    def key(of: Any, value: Any) -> str:
        return schema(of).encode(schema(of).normalise(value)).hex()

    assert key(TEXT, "alpha") == "d9d9f765616c706861"
    assert key(NAT, 7) == "d9d9f707"
    assert key({"set": TEXT}, ["b", "aa", "a"]) == "d9d9f78361616162626161"


@pytest.mark.parametrize(
    ("of", "given", "normalised"),
    [
        ({"bool": {}}, True, True),
        ({"bool": {}}, "false", False),
        ({"bool": {}}, "true", True),
        (INT, -(2**63), -(2**63)),
        (INT, 2**63 - 1, 2**63 - 1),
        (NAT, 2**64 - 1, 2**64 - 1),
        ({"time": {}}, 2**64 - 1, 2**64 - 1),
        ({"duration": {}}, -(2**63), -(2**63)),
        ({"dec128": {}}, "-12.50E+3", "-12.50E+3"),
        (TEXT, "é", "é"),
        ({"hash": {}}, HASH, HASH),
        ({"uuid": {}}, UUID, UUID),
        ({"bytes": {}}, b"\xff", b"\xff"),
        ({"bytes": {}}, "aGk=", b"aGk="),
        ({"unit": {}}, None, None),
        ({"unit": {}}, {"any": "thing"}, None),
        ({"option": NAT}, None, None),
        ({"option": NAT}, 3, 3),
        (RECORD, {"a": "x", "bb": 1}, {"a": "x", "bb": 1}),
        (RECORD, {"bb": 1}, {"a": None, "bb": 1}),
        (CHOICE, {"$tag": "Level", "$value": 3}, {"$tag": "Level", "$value": 3}),
        (CHOICE, {"Level": 3}, {"$tag": "Level", "$value": 3}),
        (CHOICE, {"$tag": "Level", "$value": 3, "more": 1}, {"$tag": "Level", "$value": 3}),
        (CHOICE, {"$tag": "Level"}, {"$tag": "Level"}),
        (CHOICE, {"$tag": "On"}, {"$tag": "On"}),
        (CHOICE, {"$tag": "On", "$value": "x"}, {"$tag": "On", "$value": None}),
        (CHOICE, {"On": 5}, {"$tag": "On", "$value": None}),
        (CHOICE, {"Maybe": None}, {"$tag": "Maybe", "$value": None}),
        ({"list": NAT}, [3, 1, 3], [3, 1, 3]),
        ({"list": NAT}, (3, 1), [3, 1]),
        ({"set": NAT}, [256, 3, 24, 3, 256], [3, 24, 256]),
        ({"set": TEXT}, ["b", "aa", "a", "b"], ["a", "b", "aa"]),
        ({"set": RECORD}, [{"bb": 2}, {"bb": 1}, {"a": None, "bb": 2}], None),
        (map_of("int", TEXT), {-1: "x", 256: "y", 24: "z"}, {24: "z", 256: "y", -1: "x"}),
        (map_of("text", NAT), {"bb": 1, "c": 2}, {"c": 2, "bb": 1}),
        (map_of("hash", NAT), {HASH: 1}, {HASH: 1}),
        (map_of("uuid", NAT), {UUID: 1}, {UUID: 1}),
    ],
)
def test_what_is_accepted(of: Any, given: Any, normalised: Any) -> None:
    if normalised is None and given is not None and "set" in of:
        normalised = [{"a": None, "bb": 1}, {"a": None, "bb": 2}]
    of_schema = schema(of)
    found = of_schema.normalise(given)
    assert found == normalised
    assert type(found) is type(normalised)
    assert of_schema.encode(found) == canon.encode(normalised), "in canonical order"
    assert of_schema.normalise_bytes(canon.encode_plain(given)) == normalised


@pytest.mark.parametrize(
    ("of", "given", "path"),
    [
        ({"bool": {}}, 1, "$"),
        ({"bool": {}}, "True", "$"),
        (INT, True, "$"),
        (INT, 1.0, "$"),
        (INT, "1", "$"),
        (INT, 2**63, "$"),
        (INT, -(2**63) - 1, "$"),
        (NAT, -1, "$"),
        (NAT, 2**64, "$"),
        ({"time": {}}, -1, "$"),
        ({"time": {}}, "2026-01-31T12:00:00Z", "$"),
        ({"duration": {}}, 2**63, "$"),
        ({"dec128": {}}, "", "$"),
        ({"dec128": {}}, "1.", "$"),
        ({"dec128": {}}, "NaN", "$"),
        ({"dec128": {}}, "1\n", "$"),
        ({"dec128": {}}, 1, "$"),
        (TEXT, b"x", "$"),
        (TEXT, None, "$"),
        (TEXT, "\ud800", "$"),
        ({"bytes": {}}, "\ud800", "$"),
        ({"bytes": {}}, [1, 2], "$"),
        ({"hash": {}}, "sha256:" + "AB" * 32, "$"),
        ({"hash": {}}, "ab" * 32, "$"),
        ({"uuid": {}}, UUID[:-1], "$"),
        ({"uuid": {}}, UUID.replace("-", ""), "$"),
        ({"option": NAT}, "x", "$"),
        (RECORD, [], "$"),
        (RECORD, {"a": "x"}, "$.bb"),
        (RECORD, {"bb": -1}, "$.bb"),
        (RECORD, {"bb": 1, "zz": 2}, "$"),
        (CHOICE, "On", "$"),
        (CHOICE, {}, "$"),
        (CHOICE, {"On": None, "Level": 1}, "$"),
        (CHOICE, {"Off": None}, "$"),
        (CHOICE, {"$tag": "Off"}, "$"),
        (CHOICE, {"$tag": 1}, "$"),
        (CHOICE, {1: 1}, "$"),
        (CHOICE, {"Level": None}, "$.Level"),
        ({"list": NAT}, {}, "$"),
        ({"list": NAT}, [1, "x"], "$.1"),
        ({"set": NAT}, "ab", "$"),
        (map_of("text", NAT), [["a", 1]], "$"),
        (map_of("text", NAT), {1: 1}, "$.key 1"),
        (map_of("nat", NAT), {"1": 1}, "$.key '1'"),
        (map_of("text", NAT), {"a": "x"}, "$.a"),
        (map_of("text", {"list": RECORD}), {"m": [{"bb": 1}, {"bb": 2, "a": 5}]}, "$.m.1.a"),
        ({"option": CHOICE}, {"Maybe": 7}, "$.Maybe"),
    ],
)
def test_what_is_refused_names_its_place(of: Any, given: Any, path: str) -> None:
    with pytest.raises(ValueRejected) as caught:
        schema(of).normalise(given)
    assert caught.value.where["path"] == path
    assert caught.value.where["schema"] == "t/T@1"


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(ValueRejected, match=r"field is missing at \$\.bb of t/T@1"):
        schema(RECORD).normalise({})
    with pytest.raises(ValueRejected, match="unknown field 'zz'; known: bb, a"):
        schema(RECORD).normalise({"bb": 1, "zz": 1})
    with pytest.raises(ValueRejected, match="unknown tag 'Off'; known: On, Level, Maybe"):
        schema(CHOICE).normalise({"Off": 1})


def test_bytes_that_are_not_cbor_are_a_rejected_value() -> None:
    with pytest.raises(ValueRejected, match="not CBOR for t/T@1"):
        schema(NAT).normalise_bytes(b"\x00\x00")
    assert schema(NAT).normalise_bytes(bytes.fromhex("d9d9f71807")) == 7


def test_a_field_is_optional_through_a_reference_too() -> None:
    of = schema({"record": {"x": {"ref": "t/Maybe@1"}}}, Maybe={"option": NAT})
    assert of.normalise({}) == {"x": None}


def test_references_that_are_unknown_or_go_in_circles() -> None:
    with pytest.raises(AirError, match="unknown schema t/No@1"):
        schema({"list": {"ref": "t/No@1"}})
    with pytest.raises(AirError, match="t/T@1 -> t/B@1 -> t/T@1"):
        schema({"record": {"b": {"ref": "t/B@1"}}}, B={"option": {"ref": "t/T@1"}})
    assert schema({"record": {"a": {"ref": "t/B@1"}, "b": {"ref": "t/B@1"}}}, B=NAT)


def test_a_variant_with_and_without_null_stays_two_values() -> None:
    """B-8."""
    of = schema(CHOICE)
    assert of.encode(of.normalise({"$tag": "On"})) != of.encode(of.normalise({"On": None}))


# Host JSON


@pytest.mark.parametrize(
    ("of", "host", "value"),
    [
        ({"time": {}}, "1970-01-01T00:00:01Z", 1_000_000_000),
        ({"time": {}}, 5, 5),
        ({"bytes": {}}, "aGk=", b"aGk="),
        ({"bytes": {}}, {"bytes_b64": "aGk="}, b"hi"),
        ({"option": {"bytes": {}}}, {"bytes_b64": ""}, b""),
        (CHOICE, "On", {"$tag": "On"}),
        (CHOICE, {"Level": 3}, {"$tag": "Level", "$value": 3}),
        (CHOICE, {"$tag": "Level", "$value": 3}, {"$tag": "Level", "$value": 3}),
        (map_of("nat", {"time": {}}), {"7": 1, "10": "1970-01-01T00:00:00Z"}, {7: 1, 10: 0}),
        (map_of("nat", TEXT), [[7, "a"], ["8", "b"]], {7: "a", 8: "b"}),
        (map_of("nat", TEXT), [[7, "first"], ["7", "second"]], {7: "first"}),
        (map_of("text", NAT), {"bytes_b64": 1}, {"bytes_b64": 1}),
        ({"set": {"bytes": {}}}, [{"bytes_b64": "aGk="}, "hi"], [b"hi"]),
    ],
)
def test_host_json_is_read(of: Any, host: Any, value: Any) -> None:
    assert schema(of).from_host(host) == value


@pytest.mark.parametrize(
    ("of", "host", "path"),
    [
        ({"time": {}}, "tomorrow", "$"),
        ({"time": {}}, "1969-12-31T00:00:00Z", "$"),
        ({"bytes": {}}, {"bytes_b64": "!"}, "$.bytes_b64"),
        ({"bytes": {}}, {"bytes_b64": 5}, "$"),
        ({"bytes": {}}, {"b64": "aGk="}, "$"),
        (CHOICE, {"Maybe": 1}, "$.Maybe"),
        (CHOICE, 5, "$"),
        (CHOICE, "Off", "$"),
        ({"list": {"time": {}}}, [0, "x"], "$.1"),
        ({"record": {"t": {"time": {}}}}, {"t": "x"}, "$.t"),
        (map_of("nat", TEXT), {"x": "a"}, "$"),
        (map_of("nat", TEXT), [["7"]], "$"),
        (map_of("nat", TEXT), "7", "$"),
        (map_of("text", {"bytes": {}}), {"a": {}}, "$.a"),
        (map_of("text", TEXT), [[5, "x"]], "$.key 5"),
        ({"set": NAT}, 5, "$"),
    ],
)
def test_host_json_that_is_refused_names_its_place(of: Any, host: Any, path: str) -> None:
    with pytest.raises(ValueRejected) as caught:
        schema(of).from_host(host)
    assert caught.value.where["path"] == path


def test_host_json_is_written() -> None:
    of = schema({"record": {"v": CHOICE, "u": CHOICE, "m": map_of("nat", {"bytes": {}})}})
    value = of.normalise({"v": {"Level": 1}, "u": {"On": None}, "m": {3: b"hi"}})
    assert of.to_host(value) == {"v": {"Level": 1}, "u": "On", "m": {"3": {"bytes_b64": "aGk="}}}
    assert list(of.to_host(value)) == ["v", "u", "m"], "in the order of the author"


# Open records: receipts of plan effects


def open_schema(of: Any) -> Schema:
    return Schemas({"t/R@1": parse_type(of)}).open("t/R@1")


RECEIPT = {"record": {"status": NAT, "note": {"option": TEXT}, "at": {"record": {"ns": NAT}}}}


def test_an_open_record_keeps_what_it_does_not_name() -> None:
    of = open_schema(RECEIPT)
    value = of.normalise({"zz": {"b": [1, b"x"], "a": None}, "status": 2, "at": {"ns": 1, "q": 0}})
    assert value == {
        "at": {"ns": 1, "q": 0},
        "zz": {"a": None, "b": [1, b"x"]},
        "note": None,
        "status": 2,
    }
    assert of.encode(value) == canon.encode(value)
    assert of.normalise(value) == value
    host = of.to_host(value)
    assert host["zz"] == {"a": None, "b": [1, {"bytes_b64": base64.b64encode(b"x").decode()}]}
    assert of.from_host(json.loads(json.dumps(host))) == value


def test_an_open_record_lets_named_fields_be_missing_and_tells_which() -> None:
    of = open_schema(RECEIPT)
    assert of.codec.missing(of.normalise({})) == "at"
    assert of.codec.missing(of.normalise({"at": {}, "status": 1})) == "at.ns"
    assert of.codec.missing(of.normalise({"at": {"ns": 1}})) == "status"
    assert of.codec.missing(of.normalise({"at": {"ns": 1}, "status": 1})) is None


def test_an_open_record_still_types_what_it_names() -> None:
    with pytest.raises(ValueRejected) as caught:
        open_schema(RECEIPT).normalise({"status": "x"})
    assert caught.value.where["path"] == "$.status"
    with pytest.raises(ValueRejected, match="64 bits"):
        open_schema(RECEIPT).normalise({"more": 2**70})
    with pytest.raises(ValueRejected):
        open_schema(RECEIPT).normalise({"more": object()})


def test_extra_members_get_a_kind_by_their_form() -> None:
    """B-18."""
    of = open_schema(RECEIPT)
    extras: dict[str, Any] = {"n": 1, "i": -1, "t": "x", "h": HASH, "b": b"", "z": None, "y": True}
    extras |= {"l": [1], "r": {"a": 1}, "m": {1: "x"}}
    kinded = of.kinded(of.normalise({"status": 1} | extras)).data
    assert {name: kinded[name].kind for name in extras} == {
        "n": "Nat",
        "i": "Int",
        "t": "Text",
        "h": "Hash",
        "b": "Bytes",
        "z": "Null",
        "y": "Bool",
        "l": "List",
        "r": "Record",
        "m": "Map",
    }


@pytest.mark.parametrize(
    ("of", "value", "kinded"),
    [
        ({"unit": {}}, None, UNIT),
        ({"option": INT}, None, NULL),
        ({"option": INT}, 3, Value("Int", 3)),
        (NAT, 3, Value("Nat", 3)),
        ({"time": {}}, 3, Value("TimeNs", 3)),
        ({"duration": {}}, 3, Value("DurationNs", 3)),
        (TEXT, HASH, Value("Text", HASH)),
        ({"hash": {}}, HASH, Value("Hash", HASH)),
        ({"uuid": {}}, UUID, Value("Uuid", UUID)),
        ({"dec128": {}}, "1", Value("Dec128", "1")),
        ({"bytes": {}}, b"x", Value("Bytes", b"x")),
        ({"bool": {}}, True, Value("Bool", True)),
        ({"list": NAT}, [1], Value("List", (Value("Nat", 1),))),
        ({"set": INT}, [1], Value("Set", (Value("Int", 1),))),
        (map_of("nat", TEXT), {1: "x"}, Value("Map", ((Value("Nat", 1), Value("Text", "x")),))),
        (CHOICE, {"$tag": "On"}, Value("Record", {"$tag": Value("Text", "On"), "$value": UNIT})),
        (
            CHOICE,
            {"$tag": "Level", "$value": 1},
            Value("Record", {"$tag": Value("Text", "Level"), "$value": Value("Nat", 1)}),
        ),
    ],
)
def test_values_in_the_evaluator_carry_the_kind_of_their_type(
    of: Any, value: Any, kinded: Value
) -> None:
    assert schema(of).kinded(schema(of).normalise(value)) == kinded


def test_a_set_has_one_order_in_the_evaluator_wherever_it_comes_from() -> None:
    of = schema({"set": CHOICE})
    with_null, without = {"$tag": "On", "$value": None}, {"$tag": "On"}
    level = {"$tag": "Level", "$value": 1}
    assert of.kinded(of.normalise([without, level])) == of.kinded(of.normalise([level, with_null]))
    assert len(of.kinded(of.normalise([without, with_null])).data) == 1


# Random types and values

NAMES = st.text("abc$ü", min_size=1, max_size=3)
Pair = tuple[dict[str, Any], st.SearchStrategy[Any]]
PRIMITIVES: list[Pair] = [
    ({"bool": {}}, st.booleans()),
    (INT, st.integers(-(2**63), 2**63 - 1)),
    (NAT, st.integers(0, 2**64 - 1)),
    ({"time": {}}, st.integers(0, 2**64 - 1)),
    ({"duration": {}}, st.integers(-(2**63), 2**63 - 1)),
    ({"dec128": {}}, st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True)),
    (TEXT, st.text(max_size=5)),
    ({"bytes": {}}, st.binary(max_size=5)),
    ({"hash": {}}, st.binary(min_size=32, max_size=32).map(canon.hash_text)),
    ({"uuid": {}}, st.uuids().map(str)),
    ({"unit": {}}, st.none()),
]
MAP_KEYS = [pair for pair in PRIMITIVES if set(pair[0]) & {"int", "nat", "text", "hash", "uuid"}]


def tagged(arms: dict[str, Pair]) -> st.SearchStrategy[Any]:
    def value(tag: str) -> st.SearchStrategy[Any]:
        of, values = arms[tag]
        if "unit" in of:
            return st.just({"$tag": tag})
        return values.map(lambda item: {"$tag": tag, "$value": item})

    return st.sampled_from(sorted(arms)).flatmap(value)


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    kind = draw(st.sampled_from(["record", "variant", "list", "set", "option", "map"]))
    if kind in ("record", "variant"):
        members = draw(st.dictionaries(NAMES, inner, min_size=1, max_size=4))
        values = tagged(members)
        if kind == "record":
            values = st.fixed_dictionaries({name: item for name, (_, item) in members.items()})
        return {kind: {name: of for name, (of, _) in members.items()}}, values
    of, item = draw(inner)
    if kind == "option":
        return {kind: of}, st.none() | item
    if kind == "map":
        key, keys = draw(st.sampled_from(MAP_KEYS))
        return {kind: {"key": key, "value": of}}, st.dictionaries(keys, item, max_size=4)
    return {kind: of}, st.lists(item, max_size=4)


TYPED = st.recursive(st.sampled_from(PRIMITIVES), containers, max_leaves=6)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Schema, Any]:
    of, values = draw(TYPED)
    return schema(of), draw(values)


@given(typed_values())
def test_normalising_twice_changes_nothing(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    once = of.normalise(value)
    data = of.encode(once)
    assert of.encode(of.normalise(once)) == data
    assert data == canon.encode(once), "maps and sets are in canonical order"
    assert of.encode(of.normalise_bytes(data)) == data
    assert of.encode(of.normalise_bytes(canon.encode_plain(value))) == data


@given(typed_values())
def test_host_json_goes_out_and_comes_back(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    value = of.normalise(value)
    host = json.loads(json.dumps(of.to_host(value)))
    assert of.encode(of.from_host(host)) == of.encode(value)


@given(typed_values())
def test_values_of_the_evaluator_fit_the_type_again(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    kinded = of.kinded(of.normalise(value))
    assert of.kinded(of.normalise(to_plain(kinded))) == kinded


@given(TYPED)
def test_zero_values_are_valid(typed: Pair) -> None:
    of = schema(typed[0])
    zero = of.zero()
    assert of.encode(of.normalise(zero)) == of.encode(zero)
    assert of.codec.missing(zero) is None


@pytest.mark.parametrize(
    ("arms", "zero"),
    [
        ({"B": {"unit": {}}, "A": {"unit": {}}, "C": NAT}, {"$tag": "A"}),
        ({"Cc": NAT, "A": TEXT}, {"$tag": "A", "$value": ""}),
    ],
)
def test_the_zero_of_a_variant_does_not_depend_on_the_order_of_its_arms(
    arms: dict[str, Any], zero: Any
) -> None:
    backwards = dict(reversed(arms.items()))
    assert schema({"variant": arms}).zero() == schema({"variant": backwards}).zero() == zero


@given(typed_values())
def test_a_value_fits_the_open_form_of_its_schema_unchanged(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    opened = Schemas({"t/T@1": of.type}).open("t/T@1")
    assert opened.encode(opened.normalise(value)) == of.encode(of.normalise(value))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["$tag", "$value", "a", "bb"]), inner)
    ),
    max_leaves=5,
)


@given(TYPED, JUNK)
def test_junk_is_rejected_or_normalised_never_anything_else(typed: Pair, junk: Any) -> None:
    of = schema(typed[0])
    act: Callable[[Any], Any]
    for act in (of.normalise, of.from_host):
        try:
            value = act(junk)
        except ValueRejected:
            continue
        assert of.encode(of.normalise(value)) == of.encode(value)
