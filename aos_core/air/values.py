"""Values inside the expression evaluator: plain data that carries its kind (B-16, B-17).

Kinds matter: ``hash`` of Nat 1 and of Int 1 differ, although ``eq`` compares numbers by value.
A variant is a Record with members ``$tag`` and ``$value``.

=========== =================================================
kind        ``data``
=========== =================================================
Null, Unit  None
Bool        bool
Int, Nat, TimeNs, DurationNs   int
Text, Dec128, Hash, Uuid       str
Bytes       bytes
List, Set   tuple of Value (a set: sorted, no duplicates)
Map         tuple of (Value, Value), sorted by key
Record      dict from text to Value
=========== =================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.errors import CanonError


class Value(NamedTuple):
    """One value with its kind; treat ``data`` as immutable."""

    kind: str
    data: Any


NULL = Value("Null", None)
UNIT = Value("Unit", None)
NUMBERS = ("Int", "Nat")
KEY_KINDS = ("Int", "Nat", "Text", "Hash", "Uuid")
"""What may be the key of a map, in the order that the kinded form of a set has."""
ORDERED = ("Int", "Nat", "TimeNs", "DurationNs")


def text(value: str) -> Value:
    """A Text value."""
    return Value("Text", value)


def number(value: int, *, nat: bool) -> Value:
    """A Nat or an Int."""
    return Value("Nat" if nat else "Int", value)


def record(**fields: Value) -> Value:
    """A Record value."""
    return Value("Record", fields)


def variant(tag: str, value: Value = UNIT) -> Value:
    """A variant: a Record with ``$tag`` and ``$value``."""
    return Value("Record", {"$tag": text(tag), "$value": value})


def make_set(items: Iterable[Value]) -> Value:
    """A Set: sorted by runtime bytes, without duplicates."""
    unique = {canon.encode_plain(to_plain(item)): item for item in reversed(list(items))}
    return Value("Set", tuple(unique[key] for key in sorted(unique)))


def make_map(pairs: Iterable[tuple[Value, Value]]) -> Value:
    """A Map: sorted by runtime bytes of the keys; of equal keys the last stays."""
    unique = {canon.encode_plain(to_plain(key)): (key, of) for key, of in pairs}
    return Value("Map", tuple(unique[key] for key in sorted(unique)))


_PART = 64
"""What a part of a value weighs at least, in bytes."""


def check_size(value: Value, deepest: int, largest: int) -> None:
    """Raises :class:`CanonError` for a value nested deeper than ``deepest``, or of more than
    ``largest`` bytes; stops there, since what it shares with itself can be very large written out.
    """
    total, stack = 0, [(value, 0)]
    while stack:
        (kind, data), depth = stack.pop()
        if depth > deepest:
            raise CanonError("nested too deep")
        total += _PART
        if isinstance(data, (str, bytes)):
            total += len(data)
        elif kind == "Record":
            stack.extend([(item, depth + 1) for item in data.values()])
        elif kind in ("List", "Set"):
            stack.extend((item, depth + 1) for item in data)
        elif kind == "Map":
            stack.extend((item, depth + 1) for pair in data for item in pair)
        if total > largest:
            raise CanonError(f"larger than {largest} bytes")


def to_plain(value: Value) -> Any:
    """The runtime form (air-v1, section 3), kinds dropped; fit for any codec."""
    kind, data = value
    if kind in ("List", "Set"):
        return [to_plain(item) for item in data]
    if kind == "Record":
        return {name: to_plain(item) for name, item in data.items()}
    if kind == "Map":
        return {to_plain(key): to_plain(item) for key, item in data}
    return data


def from_untyped(data: Any) -> Value:
    """The value of untyped runtime data (B-18): kinds are guessed from the form."""
    if data is None:
        return NULL
    if isinstance(data, bool):
        return Value("Bool", data)
    if isinstance(data, int):
        return number(data, nat=data >= 0)
    if isinstance(data, str):
        return Value("Hash" if canon.is_hash_text(data) else "Text", data)
    if isinstance(data, bytes):
        return Value("Bytes", data)
    if isinstance(data, float):  # no AIR type is a float; kept readable, never computed with
        return Value("Dec128", repr(data))
    if isinstance(data, (list, tuple)):
        return Value("List", tuple(map(from_untyped, data)))
    if all(isinstance(key, str) for key in data):
        return Value("Record", {key: from_untyped(item) for key, item in data.items()})
    return make_map((from_untyped(key), from_untyped(item)) for key, item in data.items())


def to_kinded(value: Value) -> Any:
    """The kinded form as plain data, maps in canonical order and no floats: what an instance
    keeps of its values in the state.

    As B-16, but for a Map, which is a list of pairs here (a map key must be a scalar to us), and
    for the order of a Set, which is that of the runtime bytes.
    """
    kind, data = value
    if kind in ("Null", "Unit"):
        return kind
    if kind in ("List", "Set"):
        return {kind: [to_kinded(item) for item in data]}
    if kind == "Record":
        return {kind: {name: to_kinded(data[name]) for name in canon.key_order(data)}}
    if kind == "Map":
        return {kind: [[to_kinded(key), to_kinded(item)] for key, item in data]}
    return {kind: data}


def from_kinded(plain: Any) -> Value:
    """The value of what :func:`to_kinded` gave."""
    if isinstance(plain, str):
        return Value(plain, None)
    ((kind, data),) = plain.items()
    if kind in ("List", "Set"):
        return Value(kind, tuple(map(from_kinded, data)))
    if kind == "Record":
        return Value(kind, {name: from_kinded(item) for name, item in data.items()})
    if kind == "Map":
        return Value(kind, tuple((from_kinded(key), from_kinded(item)) for key, item in data))
    return Value(kind, data)


def kinded_bytes(value: Value) -> bytes:
    """Canonical bytes of the kinded form, exactly B-16: what the ``hash`` operator hashes."""
    return canon.SELF_DESCRIBE + _encode_kinded(value)


def _encode_kinded(value: Value) -> bytes:
    kind, data = value
    if kind in ("Null", "Unit"):
        return canon.encode_plain(kind)
    if kind in ("List", "Set"):
        items = sorted(data, key=_kinded_order) if kind == "Set" else data
        body = _head(4, len(items)) + b"".join(map(_encode_kinded, items))
    elif kind == "Record":
        members = [(canon.encode_plain(name), _encode_kinded(item)) for name, item in data.items()]
        body = _encode_map(members)
    elif kind == "Map":
        body = _encode_map([(_encode_kinded(key), _encode_kinded(item)) for key, item in data])
    else:
        body = canon.encode_plain(data)
    return _head(5, 1) + canon.encode_plain(kind) + body


def _kinded_order(item: Value) -> tuple[int, int | bytes]:
    """Where an item stands in the kinded form of a set: by kind, then by number or by text, which
    is compared bytewise, its length aside. What the reference has in no set comes last."""
    kind, data = item
    if kind not in KEY_KINDS:
        return len(KEY_KINDS), _encode_kinded(item)
    return KEY_KINDS.index(kind), data if kind in NUMBERS else data.encode()


def _encode_map(members: list[tuple[bytes, bytes]]) -> bytes:
    return _head(5, len(members)) + b"".join(key + item for key, item in sorted(members))


def _head(major: int, count: int) -> bytes:
    """The head of an array (4) or map (5): RFC 8949, section 3; a byte string's, re-labelled."""
    head = canon.encode_plain(count)
    return bytes([head[0] | major << 5]) + head[1:]
