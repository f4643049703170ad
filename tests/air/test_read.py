"""``Schema.read``: one pass over what comes in gives what the two careful ones give."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings

from aos_core import canon
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_core.errors import CanonError, ValueRejected
from tests.fuzz.mutations import damaged, mutated

TYPE = {
    "record": {
        "n": {"nat": {}},
        "who": {"option": {"text": {}}},
        "tags": {"set": {"text": {}}},
        "by": {"map": {"key": {"text": {}}, "value": {"int": {}}}},
        "of": {"variant": {"A": {"unit": {}}, "B": {"bytes": {}}}},
    }
}
VALUE = {
    "n": 3,
    "who": "me",
    "tags": ["a", "bb"],
    "by": {"x": -1},
    "of": {"$tag": "B", "$value": b"x"},
}


def _written(value: Any) -> bytes:
    try:
        return canon.encode_plain(value)
    except CanonError:
        return b"\xff"


OF = Schemas({"t/Read@1": parse_type(TYPE)})["t/Read@1"]
CANONICAL = OF.encode(OF.normalise(VALUE))
OTHER_FORMS = [
    CANONICAL[3:],  # without the tag
    cbor2.dumps(VALUE),  # maps in another order
    cbor2.dumps({**VALUE, "tags": ["bb", "a", "a"]}),
    cbor2.dumps({name: of for name, of in VALUE.items() if name != "who"}),
]
FOREIGN = [
    CANONICAL.replace(b"an\x03", b"an\xc2\x41\x03"),  # a small bignum
    CANONICAL.replace(
        b"an\x03", b"an\xc5\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    ),  # a bigfloat
    CANONICAL.replace(b"an\x03", b"an\xd8\x1c\x03"),  # shared
    CANONICAL.replace(b"an\x03", b"an\x18\x03"),  # longer than need be
]


def carefully(data: bytes) -> tuple[Any, bytes] | str:
    try:
        plain = OF.normalise_bytes(data)
    except ValueRejected as error:
        return error.message
    return plain, OF.encode(plain)


def read(data: bytes) -> tuple[Any, bytes] | str:
    try:
        return OF.read(data)
    except ValueRejected as error:
        return error.message


def same(data: bytes) -> None:
    found, expected = read(data), carefully(data)
    assert found == expected
    if not isinstance(found, str):
        assert canon.encode_prepared(found[0]) == canon.encode_prepared(expected[0])


@pytest.mark.parametrize("data", [CANONICAL, *OTHER_FORMS])
def test_other_forms_give_the_same_value_and_the_same_bytes(data: bytes) -> None:
    same(data)
    assert read(data)[1] == CANONICAL or data == OTHER_FORMS[-1]


@pytest.mark.parametrize("data", [*FOREIGN, b"", CANONICAL[:-1], CANONICAL + b"\0", b"\xf7"])
def test_what_is_refused_is_refused_in_the_same_words(data: bytes) -> None:
    assert data not in (CANONICAL, CANONICAL[3:])
    same(data)


@settings(max_examples=300)
@given(damaged([CANONICAL, *OTHER_FORMS]) | mutated(VALUE, ["n", "$tag", "C"]).map(_written))
def test_whatever_comes_reads_as_it_does_with_care(data: bytes) -> None:
    same(data)


@given(damaged([CANONICAL]))
def test_a_unit_swallows_anything_but_not_uncarefully(data: bytes) -> None:
    unit = Schemas({"t/Unit@1": parse_type({"unit": {}})})["t/Unit@1"]
    try:
        expected = unit.normalise_bytes(data)
    except ValueRejected:
        with pytest.raises(ValueRejected):
            unit.read(data)
    else:
        assert unit.read(data) == (expected, canon.encode(None))


def test_canonical_bytes_are_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = carefully(CANONICAL)
    monkeypatch.setattr(canon, "decode_lenient", None)
    assert read(CANONICAL) == read(CANONICAL[3:]) == expected
