"""Canonical CBOR: against an encoder written here from RFC 8949, and what the decoder refuses."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.errors import CanonError

TAG = bytes.fromhex("d9d9f7")
INTEGERS = st.integers(-(2**63), 2**64 - 1) | st.sampled_from(
    [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63, -1, -24, -25, -256, -257]
)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(allow_nan=False),
    st.text(),
    st.binary(max_size=300),
)
KEYS = INTEGERS | st.text() | st.binary() | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def head(major: int, number: int) -> bytes:
    for bits, size, form in ((24, 1, "B"), (25, 2, "H"), (26, 4, "I"), (27, 8, "Q")):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 256**size:
            return bytes([major << 5 | bits]) + struct.pack(f">{form}", number)
    raise AssertionError(number)


def written(value: Any) -> bytes:
    """The deterministic encoding of RFC 8949, 4.2.1, written without looking at ours."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return cbor2.dumps(value, canonical=True)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return head(3, len(data)) + data
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(written, value))
    members = sorted((written(key), written(item)) for key, item in value.items())
    return head(5, len(members)) + b"".join(key + item for key, item in members)


def refuses(decode: Callable[[bytes], Any], data: bytes) -> bool:
    """Whether ``data`` is refused, and by CanonError alone."""
    try:
        decode(data)
    except CanonError:
        return True
    except Exception:
        return False
    return False


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@given(VALUES)
def test_encoding_is_that_of_the_rfc(value: Any) -> None:
    assert canon.encode(value) == TAG + written(value)
    assert canon.encode_plain(value) == written(value)
    assert canon.digest(value) == canon.sha256(TAG + written(value))


@given(VALUES)
@example({"b": 0, "aa": {10: 1, -1: 2, "": 3}, b"": [{1000: {}, 2: {}}]})
def test_decoding_gives_the_value_back_in_canonical_order(value: Any) -> None:
    data = canon.encode(value)
    decoded = canon.decode(data)
    assert decoded == value
    assert canon.decode(data[3:]) == value
    assert TAG + canon.encode_ordered(decoded) == data


@given(VALUES, st.data())
def test_the_order_of_a_dict_does_not_matter(value: Any, data: st.DataObject) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(item) for item in value]
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}
        return value

    assert canon.encode(shuffled(value)) == canon.encode(value)


def test_map_keys_are_ordered_by_their_encoded_bytes() -> None:
    value = dict.fromkeys([1, -1, 256, 24], 0)
    assert canon.encode(value).hex() == "d9d9f7a40100181800190100002000"
    assert canon.key_order(["b", "aa", "", "a"]) == ["", "a", "b", "aa"]
    assert canon.key_order(["é", "zz", "z"]) == ["z", "zz", "é"]
    assert canon.key_order(["a", 100000, b"", -1]) == [100000, -1, b"", "a"]


def test_published_vectors(reference: Callable[[str], Any]) -> None:
    files = ("canonical-cbor", "schemas", "plans")
    vectors = [item for name in files for item in reference(f"test-vectors/{name}.json")]
    assert len(vectors) == 5
    for vector in vectors:
        assert canon.encode(vector["json"]).hex() == vector["cbor_hex"], vector["label"]
        assert canon.hash_text(canon.digest(vector["json"])) == vector["hash"], vector["label"]
        assert canon.decode(bytes.fromhex(vector["cbor_hex"])) == vector["json"]


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0.0, "f90000"),
        (-0.0, "f98000"),
        (1.0, "f93c00"),
        (1.5, "f93e00"),
        (65504.0, "f97bff"),
        (65520.0, "fa477ff000"),
        (100000.0, "fa47c35000"),
        (3.4028234663852886e38, "fa7f7fffff"),
        (3.4028235677973366e38, "fb47effffff0000000"),
        (5.960464477539063e-8, "f90001"),
        (0.00006103515625, "f90400"),
        (1.1, "fb3ff199999999999a"),
        (math.inf, "f97c00"),
        (-math.inf, "f9fc00"),
        (math.nan, "f97e00"),
        (struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0], "f97e00"),
    ],
)
def test_floats_take_the_shortest_form(value: float, data: str) -> None:
    assert canon.encode_plain(value).hex() == data


@given(st.floats() | st.floats(width=16) | st.floats(width=32))
def test_floats_are_encoded_as_another_encoder_does(value: float) -> None:
    assert canon.encode_plain(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "nothing"),
        ("d9d9f7", "only the tag"),
        ("0000", "trailing byte"),
        ("d9d9f7a0f6", "trailing item after the tag"),
        ("a201000101", "duplicate key"),
        ("a2616100616101", "duplicate text key"),
        ("a20100180101", "duplicate key in a longer form"),
        ("9fff", "indefinite list"),
        ("bfff", "indefinite map"),
        ("5f4101ff", "indefinite bytes"),
        ("7f6161ff", "indefinite text"),
        ("81bf616100ff", "indefinite map inside a list"),
        ("ff", "break"),
        ("1c", "reserved length"),
        ("3b8000000000000000", "integer below int64"),
        ("3bffffffffffffffff", "the lowest 65-bit integer"),
        ("c249010000000000000000", "bignum above nat64"),
        ("c24101", "small bignum"),
        ("c34100", "small negative bignum"),
        ("c100", "time tag"),
        ("c06a323031332d30332d3231", "date tag"),
        ("c482200a", "decimal fraction"),
        ("c5822003", "bigfloat"),
        ("d81c01", "shareable"),
        ("d81c81d81d00", "a list that holds itself"),
        ("d901008263616263d81900", "string reference"),
        ("d8236161", "regular expression"),
        ("d82550" + "00" * 16, "uuid"),
        ("d901028101", "set"),
        ("d9d9f8a0", "unknown tag"),
        ("81c24101", "tag inside"),
        ("a1c2410101", "tagged key"),
        ("f7", "undefined"),
        ("e0", "simple value"),
        ("f8ff", "simple value in two bytes"),
        ("a18000", "list as a key"),
        ("a1a000", "map as a key"),
        ("61ff", "text that is not UTF-8"),
        ("63eda080", "half a character"),
        ("9bffffffffffffffff", "a list longer than the data"),
        ("5bffffffffffffffff", "bytes longer than the data"),
    ],
)
def test_what_is_refused_on_input(data: str, why: str) -> None:
    assert refuses(canon.decode, bytes.fromhex(data)), why


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("1801", 1),
        ("1b0000000000000001", 1),
        ("3b7fffffffffffffff", -(2**63)),
        ("1bffffffffffffffff", 2**64 - 1),
        ("a2026162016161", {1: "a", 2: "b"}),
        ("81d9d9f7a0", [{}]),
        ("d9d9f7d9d9f700", 0),
        ("fb3ff0000000000000", 1.0),
    ],
)
def test_what_is_accepted_although_it_is_not_canonical(data: str, value: Any) -> None:
    """B-1."""
    decoded = canon.decode(bytes.fromhex(data))
    assert decoded == value
    assert type(decoded) is type(value)
    assert canon.encode_ordered(decoded) == written(value)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("9f01ff", [1]),
        ("bf6161bf616201ffff", {"a": {"b": 1}}),
        ("5f41014102ff", b"\x01\x02"),
        ("7f61616162ff", "ab"),
        ("d9d9f7a2616100616101", {"a": 1}),
        ("a3616201616102616203", {"a": 2, "b": 3}),
        ("a20100180102", {1: 2}),
    ],
)
def test_what_only_the_lenient_decoder_accepts(data: str, value: Any) -> None:
    assert refuses(canon.decode, bytes.fromhex(data))
    decoded = canon.decode_lenient(bytes.fromhex(data))
    assert written(decoded) == written(value)
    assert canon.encode_ordered(decoded) == written(value)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "9f01",
        "bf6161ff",
        "ff",
        "81ff",
        "9fff00",
        "5f6161ff",
        "7f4161ff",
        "7f61c361a9ff",
        "9fc24101ff",
        "9ff7ff",
        "9f" * 193 + "ff" * 193,
        "bf00" * 193 + "00" + "ff" * 193,
    ],
)
def test_what_the_lenient_decoder_refuses(data: str) -> None:
    assert refuses(canon.decode_lenient, bytes.fromhex(data))


@given(VALUES)
@example({"list": [1, -1, 2**40, 1.5, "text", b"bytes", None, True], "m": {"a": {24: {}}}})
def test_every_truncation_is_refused(value: Any) -> None:
    data = canon.encode(value)
    for end in range(len(data)):
        assert refuses(canon.decode, data[:end]), data[:end].hex()
    for end in range(len(data) - 3):
        assert refuses(canon.decode, data[3 : 3 + end])


def test_the_truncation_test_would_notice_a_lax_or_a_leaking_decoder() -> None:
    assert not refuses(lambda data: data, b"\x82\x01")
    assert not refuses(cbor2.loads, b"\x82\x01")


@given(VALUES, st.binary(min_size=1, max_size=8))
def test_trailing_bytes_are_refused(value: Any, more: bytes) -> None:
    assert refuses(canon.decode, canon.encode(value) + more)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_have_one_canonical_form(data: bytes) -> None:
    try:
        value = canon.decode(data)
    except CanonError:
        return
    again = canon.encode(value)
    assert canon.encode(canon.decode(again)) == again


@pytest.mark.parametrize(
    "value",
    [
        2**64,
        -(2**63) - 1,
        {"a": [2**70]},
        {1, 2},
        object(),
        {(1, 2): 3},
        {frozenset(): 3},
        cbor2.undefined,
        cbor2.CBORTag(2, b"\x01"),
        "\ud800",
        {"\ud800": 1},
        {"\ud800": 1, 2: 1},
        nested(193),
        nested(5000),
    ],
)
def test_what_cannot_be_encoded(value: Any) -> None:
    with pytest.raises(CanonError):
        canon.encode(value)


def test_the_depth_limit_is_the_same_both_ways() -> None:
    assert canon.MAX_DEPTH == 192, "what a journal may hold must not shrink"
    data = canon.encode(nested(canon.MAX_DEPTH))
    assert canon.decode(data) == nested(canon.MAX_DEPTH)
    assert refuses(canon.decode, b"\x81" + data[3:])
    assert refuses(canon.decode, b"\x81" * 100_000 + b"\x00")


def test_hashes_in_text_form() -> None:
    digest = canon.digest({})
    text = "sha256:75bd49cb964988d6fd2c058f51230c3dc2a254753751fbe0f313b4b1e0681b69"
    assert canon.hash_text(digest) == text
    assert canon.parse_hash(text) == digest
    empty_list = "05b63fef282b5626ef398248dce2cd13235d7816d2b67352cf31330d1a491c1b"
    assert canon.digest([]).hex() == empty_list


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "A" * 64,
        "SHA256:" + "0" * 64,
        "0" * 64,
        "sha256:" + "0" * 64 + "\n",
    ],
)
def test_what_is_no_hash(text: str) -> None:
    assert not canon.is_hash_text(text)
    with pytest.raises(CanonError):
        canon.parse_hash(text)


MANY_KEYS = st.sampled_from([KEYS, INTEGERS, st.text(), st.text("abyz\u00e9\ud7ff\U0001f600")])


@given(MANY_KEYS.flatmap(lambda keys: st.lists(keys, max_size=40, unique_by=lambda of: (of,))))
def test_keys_are_ordered_by_their_encoded_form(keys: list[Any]) -> None:
    assert canon.key_order(keys) == sorted(keys, key=written)
    assert list(map(type, canon.key_order(keys))) == list(map(type, sorted(keys, key=written)))


def test_keys_that_are_equal_in_python_are_not_taken_for_one_another() -> None:
    for keys in ([1, "a"], [True, "a"], [1, 2], [True, 2], [b"a", 1], ["a", "b"]):
        assert canon.encode_plain(dict.fromkeys(keys)) == written(dict.fromkeys(keys))


@given(st.lists(INTEGERS, min_size=1, max_size=5), st.sampled_from([-(2**63) - 1, 2**64]))
def test_a_key_beyond_64_bits_is_refused(keys: list[int], far: int) -> None:
    with pytest.raises(CanonError, match="does not fit into 64 bits"):
        canon.key_order([*keys, far])


@given(VALUES, VALUES)
def test_what_is_prepared_may_stand_inside_other_data(value: Any, other: Any) -> None:
    whole = {"a": value, "bb": [other]}
    parts = {"a": canon.prepare(value), "bb": [canon.prepare(other)]}
    assert canon.encode_prepared(parts) == written(whole)
    parts = {"a": canon.Encoded(written(value)), "bb": [canon.Encoded(written(other))]}
    assert canon.encode_prepared(parts) == written(whole)


@given(VALUES)
def test_preparing_changes_nothing_that_it_is_given(value: Any) -> None:
    before = repr(value)
    assert canon.encode_prepared(canon.prepare(value)) == written(value)
    assert repr(value) == before
    assert repr(canon.ordered(value)) == repr(canon.decode(written(value)))


@given(VALUES)
def test_our_own_bytes_are_decoded_without_checks(value: Any) -> None:
    data = canon.encode(value)
    assert repr(canon.decode_own(data)) == repr(canon.decode(data))


def test_a_float_is_found_wherever_data_is_in_order_already() -> None:
    for value in ({"a": 1.5}, [b"\xfb", 1.5], {"a": [0.0, -0.0]}, "\u00fb", b"\xfb" * 40):
        assert canon.encode_ordered(value) == written(value)


def test_only_what_is_encoded_already_may_be_foreign() -> None:
    with pytest.raises(CanonError):
        canon.encode_prepared({"a": object()})
    with pytest.raises(CanonError):
        canon.prepare({"a": canon.Encoded(b"\x00")})
