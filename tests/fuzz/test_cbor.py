"""CBOR, whole, cut at every byte, and with trailing bytes: read or refused, never misread."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cbor2
import pytest
from hypothesis import strategies as st

from aos_core import canon
from aos_core.errors import CanonError
from tests.fuzz.harness import attack
from tests.fuzz.mutations import cut, damaged, deep
from tests.worlds.apiary import inspection, terms

GOOD = [canon.encode(value) for value in (inspection(), terms(), [1, -1, "x", b"y", None, {}])]
BOMBS = {
    "a string longer than memory": "5b7fffffffffffffff",
    "an array of 2^64 - 1 items": "9bffffffffffffffff",
    "a map of 2^62 pairs": "bb4000000000000000",
    "a thousand arrays": "81" * 1000 + "00",
    "a hundred thousand maps": "a100" * 100_000,
    "an endless array": "9f" + "00" * 10,
    "an endless text": "7f6161",
    "a bignum": "c249010000000000000000",
    "a duplicate key": "a2616101616102",
    "a shared reference to itself": "d81c81d81d00",
    "a map as a key": "a1a00000",
    "two NaN keys": "a2f97e0000f97e0001",
    "a break alone": "ff",
    "not UTF-8": "61ff",
    "a surrogate in UTF-8": "63eda080",
    "nothing": "",
}


def holds(data: bytes, decode: Any = canon.decode) -> None:
    """What is read is plain data with canonical bytes of its own, which read the same again."""
    try:
        value = decode(data)
    except CanonError as error:
        assert error.message
        return
    again = canon.encode(value)
    assert canon.encode(decode(again)) == again
    with pytest.raises(CanonError):
        decode(data + b"\x00")


@pytest.mark.parametrize("decode", [canon.decode, canon.decode_lenient])
def test_bytes_are_read_or_refused(decode: Any) -> None:
    attack(damaged(GOOD) | st.binary(max_size=64), lambda data: holds(data, decode), 600)


@pytest.mark.parametrize("good", GOOD, ids=["inspection", "terms", "list"])
def test_cut_at_every_byte_and_with_trailing_bytes(good: bytes) -> None:
    holds(good)
    for data in cut(good):
        with pytest.raises(CanonError):
            canon.decode(data)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    with pytest.raises(CanonError):
        canon.decode(bytes.fromhex(BOMBS[name]))


@pytest.mark.parametrize("levels", [canon.MAX_DEPTH + 1, 5_000])
def test_what_is_too_deep_to_write_is_refused(levels: int) -> None:
    with pytest.raises(CanonError, match="deep"):
        canon.encode(deep(levels))


def test_canary_a_lenient_reader_fails_the_same_attack() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        attack(damaged(GOOD), lambda data: holds(data, _lenient), 600, shrink=False)


def _lenient(data: bytes) -> Any:
    """Like ``canon.decode``, but takes trailing bytes."""
    stream = BytesIO(data)
    try:
        cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORError, ValueError, TypeError) as error:
        raise CanonError(str(error)) from error
    return canon.decode(data[: stream.tell()])
