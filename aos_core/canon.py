"""Canonical CBOR, hashes, content addresses. Knows nothing else of the project.

The encoding is RFC 8949, section 4.2.1 (core deterministic encoding): definite lengths, shortest
integers and floats, map keys sorted bytewise by their encoded form. *Canonical bytes* carry the
self-describe tag ``d9 d9 f7`` once, outermost (air-v1, B-1); *plain* bytes do not.

Values are plain Python data: ``None``, ``bool``, ``int`` (64 bits), ``float``, ``str``, ``bytes``,
lists or tuples, and dicts.
"""

from __future__ import annotations

import bisect
import hashlib
import re
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from operator import is_
from typing import Any, NoReturn

import cbor2

from aos_core.errors import CanonError

SELF_DESCRIBE = bytes.fromhex("d9d9f7")
MAX_DEPTH = 192
VALUE_DEPTH = 48
"""How deep a value may be nested where it enters. In kinded form it is up to three times as deep (a
map is a list of pairs there), and it stands inside instances and frames; those must still fit into
``MAX_DEPTH``."""
INT_MIN, INT_MAX, NAT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
ZERO_HASH = bytes(32)

_HASH_TEXT = re.compile(r"sha256:[0-9a-f]{64}\Z")


def sha256(data: bytes) -> bytes:
    """SHA-256 of ``data``, 32 bytes."""
    return hashlib.sha256(data).digest()


def hash_text(digest: bytes) -> str:
    """The text form of a hash: ``sha256:`` and 64 lower-case hex digits."""
    return "sha256:" + digest.hex()


def is_hash_text(text: str) -> bool:
    """Whether ``text`` is a hash in its text form."""
    return _HASH_TEXT.match(text) is not None


def parse_hash(text: str) -> bytes:
    """The 32 bytes of a hash in its text form. Raises :class:`CanonError`."""
    if not is_hash_text(text):
        raise CanonError(f"{text!r} is not a hash: expected sha256: and 64 lower-case hex digits")
    return bytes.fromhex(text[7:])


def encode(value: Any) -> bytes:
    """Canonical bytes of ``value``, with the self-describe tag. Raises :class:`CanonError`."""
    return SELF_DESCRIBE + encode_plain(value)


def encode_plain(value: Any) -> bytes:
    """Canonical encoding of ``value`` without the tag. Raises :class:`CanonError`."""
    return encode_prepared(prepare(value))


def encode_ordered(value: Any) -> bytes:
    """Like :func:`encode_plain` for plain data whose maps are in canonical order already."""
    data = encode_prepared(value)
    # cbor2 writes a finite float as fb and 8 bytes, never shorter. Where there is no such byte
    # there is none; elsewhere a hook for floats costs three times as much (it is asked for all).
    if b"\xfb" not in data:
        return data
    try:
        return cbor2.dumps(value, encoders=_FLOATS)
    except _CANNOT as error:
        raise CanonError(f"cannot be encoded: {error}") from error


def ordered(value: Any) -> Any:
    """Plain data with every map in canonical order, as :func:`decode` gives it. Raises
    :class:`CanonError` for what is not plain data."""
    return _ordered(value, MAX_DEPTH, None)


def prepare(value: Any) -> Any:
    """``value`` as :func:`encode_prepared` takes it. Raises :class:`CanonError` for what is not
    plain data. What is prepared may stand inside other prepared data."""
    return _ordered(value, MAX_DEPTH, _encoded_float)


def encode_prepared(value: Any) -> bytes:
    """Canonical encoding, without the tag, of what :func:`prepare` gave, or of plain data that
    needs no preparing: every map in canonical order, no float anywhere. Nothing is checked.
    :class:`Encoded` may stand for any part."""
    try:
        return cbor2.dumps(value, default=_write_encoded)
    except _CANNOT as error:
        raise CanonError(f"cannot be encoded: {error}") from error


_CANNOT = (cbor2.CBORError, RecursionError, UnicodeEncodeError)


def decode(data: bytes, depth: int = MAX_DEPTH) -> Any:
    """The value of one CBOR item, with or without the tag, maps in canonical order.

    Refuses integers beyond 64 bits, indefinite lengths, duplicate keys, trailing bytes, foreign
    tags and anything that is not plain data. Raises :class:`CanonError`.
    """
    return _decode(data, depth, lenient=False)


def decode_lenient(data: bytes, depth: int = MAX_DEPTH) -> Any:
    """Like :func:`decode`, for what comes from outside: indefinite lengths pass, as other encoders
    write them, and the last of equal map keys counts."""
    return _decode(data, depth, lenient=True)


def _decode(data: bytes, depth: int, *, lenient: bool) -> Any:
    body = data[3:] if data.startswith(SELF_DESCRIBE) else data
    stream = BytesIO(body)
    try:
        value = cbor2.load(
            stream,
            max_depth=MAX_DEPTH,
            allow_indefinite=lenient,
            allow_duplicate_keys=lenient,
            semantic_decoders=_FOREIGN_TAGS,
        )
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise CanonError(f"not CBOR: {error}") from error
    if stream.tell() != len(body):
        raise CanonError(f"{len(body) - stream.tell()} trailing bytes after the CBOR item")
    # most of what is decoded is one of these, as a reducer's small answer is
    return value if type(value) in _SCALARS else _ordered(value, depth, None)


def decode_own(data: bytes) -> Any:
    """As :func:`decode`, for bytes that this process has just encoded: checks nothing, which is
    four times as fast."""
    return cbor2.loads(data[3:] if data.startswith(SELF_DESCRIBE) else data)


def decode_unchecked(data: bytes) -> Any:
    """The value of CBOR that begins ``data``, for who encodes it again and compares: nothing but
    that the bytes are canonical is checked by that, and all of it. Raises ValueError and others."""
    body = data[3:] if data.startswith(SELF_DESCRIBE) else data
    return cbor2.loads(body, max_depth=MAX_DEPTH, semantic_decoders=_FOREIGN_TAGS)


def digest(value: Any) -> bytes:
    """SHA-256 of the canonical bytes of ``value`` (tag included)."""
    return sha256(encode(value))


def digest_prepared(value: Any) -> bytes:
    """As :func:`digest`, for what :func:`encode_prepared` takes."""
    return sha256(SELF_DESCRIBE + encode_prepared(value))


def key_order(keys: Iterable[Any]) -> list[Any]:
    """Map keys in canonical order: bytewise by their encoded form."""
    return list(_order_of(tuple(keys)))


def _order_of(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(keys) < 2:
        return keys
    try:
        # the same records recur all the time: 0.2 us instead of 0.6, and a turn orders dozens
        return _known_order(keys) if len(keys) <= _KNOWN_KEYS else _text_order(keys)
    except TypeError:  # a key that is no text
        return _number_order(keys) or tuple(sorted(keys, key=encode_plain))


def _number_order(keys: tuple[Any, ...]) -> tuple[int, ...] | None:
    """Integers in canonical order: 0, 1, .. and then -1, -2, ..; None for other keys."""
    if not _INT.issuperset(map(type, keys)):
        return None
    order = sorted(keys)
    if order[0] >= 0:
        return tuple(order) if order[-1] <= NAT_MAX else None
    if order[0] < INT_MIN or order[-1] > NAT_MAX:
        return None
    first = bisect.bisect_left(order, 0)
    return (*order[first:], *reversed(order[:first]))


def _text_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Raises TypeError for keys that are no texts."""
    if "".join(keys).isascii():
        # the length stands first in the encoding; two sorts in C take a quarter of one in Python
        return tuple(sorted(sorted(keys), key=len))
    return tuple(sorted(keys, key=_encoded_order))


_KNOWN_KEYS = 16
_known_order = lru_cache(maxsize=4096)(_text_order)
"""For up to ``_KNOWN_KEYS`` keys, so that what it keeps stays small. Only texts get into it: among
other keys, 1 and True would be taken for one another."""


def _encoded_order(text: str) -> tuple[int, bytes]:
    """Orders texts as their encoded forms: the length stands first in the encoding."""
    data = text.encode(errors="surrogatepass")  # a lone surrogate is refused when it is encoded
    return len(data), data


def _ordered(value: Any, depth: int, wrap: Callable[[float], Encoded] | None) -> Any:
    """``value`` with every map in canonical order, floats through ``wrap`` if it is given; refuses
    what is not plain data. What is in order already is given as it is, not copied."""
    of = type(value)
    if of in _SCALARS:
        return value
    if of is int:
        if not INT_MIN <= value <= NAT_MAX:
            bits = value.bit_length()
            shown = str(value) if bits <= 128 else f"of {bits} bits"
            raise CanonError(f"integer {shown} does not fit into 64 bits")
        return value
    if of is float:
        return value if wrap is None else wrap(value)
    if depth == 0:
        raise CanonError("nested too deep")
    below = depth - 1
    if of is list or of is tuple:
        if of is list and _SCALARS.issuperset(map(type, value)):
            return value
        items = [item if type(item) in _SCALARS else _ordered(item, below, wrap) for item in value]
        return value if of is list and all(map(is_, items, value)) else items
    if of is dict or of is cbor2.frozendict:
        if not _KEYS.issuperset(map(type, value)):
            raise CanonError("a map key must be a plain scalar")
        keys = tuple(value)
        order = _order_of(keys)
        result = value if order == keys and of is dict else {key: value[key] for key in order}
        for key in order:
            item = result[key]
            if type(item) not in _SCALARS:
                new = _ordered(item, below, wrap)
                if new is not item:
                    result = dict(result) if result is value else result
                    result[key] = new
        return result
    raise CanonError(f"{of.__name__} is not plain data")


_SCALARS = frozenset([type(None), bool, str, bytes])
_INT = frozenset([int])
_KEYS = _SCALARS | {int}  # of two NaN keys nobody could say whether they are one


class Encoded:
    """Something encoded already, without the tag, to stand inside prepared data as it is."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def _write_encoded(encoder: cbor2.CBOREncoder, part: Any) -> None:
    if type(part) is not Encoded:
        raise CanonError(f"{type(part).__name__} is not plain data")
    encoder.write(part.data)


def _encoded_float(value: float) -> Encoded:
    """Shortest float that holds the value; NaN is ``f9 7e00`` (RFC 8949, 4.2.2)."""
    if value != value:
        return Encoded(b"\xf9\x7e\x00")
    for head, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            data = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == value:
            return Encoded(head + data)
    return Encoded(b"\xfb" + struct.pack(">d", value))


def _write_float(encoder: cbor2.CBOREncoder, value: float) -> None:
    encoder.write(_encoded_float(value).data)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a foreign tag")


_FOREIGN_TAGS = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000),
    _refuse_tag,
)
"""Tags that cbor2 would interpret: small bignums and shared references would pass as plain data."""

_FLOATS: dict[type, Callable[[cbor2.CBOREncoder, Any], None]] = {float: _write_float}
