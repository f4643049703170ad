"""The expression operators: one table, one function each (air-v1, section 5; B-16, B-17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.air.values import NUMBERS, ORDERED, Value, kinded_bytes, number


class OperatorError(Exception):
    """An operator that cannot be applied to these values."""


class Missing(OperatorError):
    """There is no such item."""


class Operator(NamedTuple):
    """``apply`` takes ``least`` arguments, or more if ``open``."""

    apply: Callable[..., Value]
    least: int
    open: bool = False

    @property
    def arity(self) -> str:
        return f"{self.least} or more" if self.open else str(self.least)

    def accepts(self, count: int) -> bool:
        return count >= self.least if self.open else count == self.least


def member(value: Value, name: str) -> Value | None:
    """The field of a record or the item of a text-keyed map, or None."""
    if value.kind == "Record":
        found: Value | None = value.data.get(name)
        return found
    if value.kind == "Map":
        return next((item for key, item in value.data if key == Value("Text", name)), None)
    return None


def equal(left: Value, right: Value) -> bool:
    """Structural equality; kinds must match, except that Int and Nat compare by number."""
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return bool(left.data == right.data)
    if left.kind != right.kind:
        return False
    if left.kind == "Record":
        return left.data.keys() == right.data.keys() and all(
            equal(item, right.data[name]) for name, item in left.data.items()
        )
    if left.kind in ("List", "Set"):
        return len(left.data) == len(right.data) and all(map(equal, left.data, right.data))
    if left.kind == "Map":
        return len(left.data) == len(right.data) and all(
            equal(a[0], b[0]) and equal(a[1], b[1])
            for a, b in zip(left.data, right.data, strict=True)
        )
    return bool(left.data == right.data)


def _bool(value: bool) -> Value:
    return Value("Bool", value)


def _need(value: Value, *kinds: str) -> Any:
    if value.kind not in kinds:
        raise OperatorError(f"expected {' or '.join(kinds)}, got {value.kind}")
    return value.data


def _len(value: Value) -> Value:
    return number(len(_need(value, "List", "Set", "Map", "Record", "Text", "Bytes")), nat=True)


def _find(box: Value, key: Value) -> Value | None:
    if box.kind == "Record":
        return member(box, _need(key, "Text"))
    if box.kind == "Map":
        return next((item for of, item in box.data if equal(of, key)), None)
    index = _need(key, "Nat", "Int")
    return box.data[index] if 0 <= index < len(box.data) else None


def _get(box: Value, key: Value) -> Value:
    _need(box, "Record", "Map", "List")
    found = _find(box, key)
    if found is None:
        raise Missing(f"there is no {key.data!r} in this {box.kind}")
    return found


def _has(box: Value, key: Value) -> Value:
    if _need(box, "Record", "Map", "Set", "List") is not None and box.kind in ("Set", "List"):
        return _bool(any(equal(item, key) for item in box.data))
    return _bool(_find(box, key) is not None)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def apply(left: Value, right: Value) -> Value:
        numbers = left.kind in ORDERED and right.kind in ORDERED
        if not numbers and not left.kind == right.kind == "Text":
            raise OperatorError(f"cannot order {left.kind} and {right.kind}")
        return _bool(compare(left.data, right.data))

    return apply


def _and(*values: Value) -> Value:
    checked = [_need(value, "Bool") for value in values]  # every argument, no short circuit
    return _bool(all(checked))


def _or(*values: Value) -> Value:
    checked = [_need(value, "Bool") for value in values]  # every argument, no short circuit
    return _bool(any(checked))


def _concat(left: Value, right: Value) -> Value:
    return Value("Text", _need(left, "Text") + _need(right, "Text"))


def _contains(box: Value, item: Value) -> Value:
    _need(box, "Text", "Bytes", "List", "Set", "Map")
    if box.kind in ("Text", "Bytes"):
        return _bool(_need(item, box.kind) in box.data)
    keys = (pair[0] for pair in box.data) if box.kind == "Map" else box.data
    return _bool(any(equal(of, item) for of in keys))


def _arithmetic(compute: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    """Two nats give a nat unless the result is negative; anything mixed gives an int."""

    def apply(left: Value, right: Value) -> Value:
        result = compute(_need(left, *NUMBERS), _need(right, *NUMBERS))
        nat = left.kind == right.kind == "Nat" and result >= 0
        low, high = (0, canon.NAT_MAX) if nat else (canon.INT_MIN, canon.INT_MAX)
        if not low <= result <= high:
            raise OperatorError(f"{result} overflows {'nat' if nat else 'int'}")
        return number(result, nat=nat)

    return apply


def _divide(left: int, right: int) -> int:
    """Division that truncates toward zero."""
    if right == 0:
        raise OperatorError("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    """The remainder, with the sign of the dividend."""
    return left - right * _divide(left, right)


def _hash(value: Value) -> Value:
    return Value("Hash", canon.hash_text(canon.sha256(kinded_bytes(value))))


def _hash_bytes(value: Value) -> Value:
    return Value("Hash", canon.hash_text(canon.sha256(_need(value, "Bytes"))))


OPERATORS: dict[str, Operator] = {
    "len": Operator(_len, 1),
    "get": Operator(_get, 2),
    "has": Operator(_has, 2),
    "eq": Operator(lambda a, b: _bool(equal(a, b)), 2),
    "ne": Operator(lambda a, b: _bool(not equal(a, b)), 2),
    "lt": Operator(_ordering(lambda a, b: a < b), 2),
    "le": Operator(_ordering(lambda a, b: a <= b), 2),
    "gt": Operator(_ordering(lambda a, b: a > b), 2),
    "ge": Operator(_ordering(lambda a, b: a >= b), 2),
    "and": Operator(_and, 2, open=True),
    "or": Operator(_or, 2, open=True),
    "not": Operator(lambda a: _bool(not _need(a, "Bool")), 1),
    "concat": Operator(_concat, 2),
    "starts_with": Operator(lambda a, b: _bool(_need(a, "Text").startswith(_need(b, "Text"))), 2),
    "ends_with": Operator(lambda a, b: _bool(_need(a, "Text").endswith(_need(b, "Text"))), 2),
    "contains": Operator(_contains, 2),
    "add": Operator(_arithmetic(lambda a, b: a + b), 2),
    "sub": Operator(_arithmetic(lambda a, b: a - b), 2),
    "mul": Operator(_arithmetic(lambda a, b: a * b), 2),
    "div": Operator(_arithmetic(_divide), 2),
    "mod": Operator(_arithmetic(_remainder), 2),
    "hash": Operator(_hash, 1),
    "hash_bytes": Operator(_hash_bytes, 1),
}
