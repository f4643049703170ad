"""From types to fields: what a value of a type is edited as, and the smallest one.

A type is AIR JSON without references: a type never holds itself, so all can be written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from aos_core import canon
from aos_core.air.misfit import Misfit
from aos_tui.form import leaf
from aos_tui.form.nodes import Choice, Flag, Group, Leaf, Maybe, Node, Nothing, Pairs, Rows

_COMPOSITE = ("record", "variant", "list", "set", "map", "option")

_ZEROES = {
    "text": "",
    "bytes": "",
    "hash": "sha256:" + "0" * 64,
    "uuid": "00000000-0000-0000-0000-000000000000",
    "dec128": "0",
}


def kind_of(of: Any) -> tuple[str, Any]:
    """(kind, what belongs to it) of a type as AIR JSON."""
    for kind in _COMPOSITE:
        if kind in of:
            return kind, of[kind]
    return next(name for name in of if not name.startswith("$")), None


@dataclass(frozen=True, slots=True)
class Shape:
    """How values are taken apart by their types. ``open``: records keep members that they do not
    name, and may lack some that they do (receipts of plans)."""

    open: bool = False

    def load(self, of: Any, value: Any) -> Node:
        """The fields of a value (host JSON). Raises :class:`Misfit`, with the path, where it has
        another shape than the type; a scalar of another kind is a wrong in its field."""
        kind, inner = kind_of(of)
        match kind:
            case "record":
                return self._group(inner, value)
            case "variant":
                return self._choice(inner, value)
            case "option":
                none = value is None
                return _option(inner, None if none else self.load(inner, value))
            case "list" | "set":
                return Rows(partial(zero, inner), self._items(kind, inner, value), kind == "set")
            case "map":
                return Pairs(partial(_entry, inner), self._pairs(inner, value))
            case "unit":
                return Nothing()
            case "bool":
                if not (isinstance(value, bool) or value in ("true", "false")):
                    raise _misfit("bool", value)
                return Flag(value in (True, "true"))
        return Leaf(kind, *leaf.write(kind, value))

    def _group(self, fields: Mapping[str, Any], value: Any) -> Group:
        if not isinstance(value, dict):
            raise _misfit("record", value)
        extra = {name: of for name, of in value.items() if name not in fields}
        if extra and not self.open:
            known = ", ".join(fields) or "none"
            raise Misfit(f"unknown field {next(iter(extra))!r}; known: {known}")
        made: dict[str, Node] = {}
        for name, of in fields.items():
            try:
                made[name] = self._field(of, name, value)
            except Misfit as misfit:
                raise misfit.inside(name) from None
        untyped = {name: node for name, of in extra.items() if (node := _untyped(of)) is not None}
        return Group(made | untyped, {name: extra[name] for name in extra if name not in untyped})

    def _field(self, of: Any, name: str, members: Mapping[str, Any]) -> Node:
        if name in members:
            return self.load(of, members[name])
        if kind_of(of)[0] == "option":
            return self.load(of, None)
        if self.open:
            return Maybe(of, partial(zero, of), None, left_out=True)
        raise Misfit("field is missing")

    def _choice(self, arms: Mapping[str, Any], value: Any) -> Choice:
        payload = None
        match value:
            case str():
                tag, bare = value, True
            case {"$tag": tag, **rest}:
                bare, payload = "$value" not in rest, rest.get("$value")
            case dict() if len(value) == 1:
                ((tag, payload),) = value.items()
                bare = False
            case _:
                raise _misfit(f"one tag of {', '.join(arms)}", value)
        if not isinstance(tag, str) or tag not in arms:
            raise Misfit(f"unknown tag {tag!r}; known: {', '.join(arms)}")
        try:
            return _variant(arms, tag, None if bare else self.load(arms[tag], payload))
        except Misfit as misfit:
            raise misfit.inside(tag) from None

    def _items(self, kind: str, of: Any, value: Any) -> list[Node]:
        if not isinstance(value, list):
            raise _misfit(kind, value)
        made: list[Node] = []
        try:
            made.extend(self.load(of, item) for item in value)
        except Misfit as misfit:
            raise misfit.inside(str(len(made))) from None
        return made

    def _pairs(self, of: Mapping[str, Any], value: Any) -> list[tuple[Leaf, Node]]:
        pairs = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, list) or not all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs
        ):
            raise _misfit("map", value)
        key, made = kind_of(of["key"])[0], []
        for name, item in pairs:
            try:
                made.append((Leaf(key, *leaf.write(key, name)), self.load(of["value"], item)))
            except Misfit as misfit:
                raise misfit.inside(str(name)) from None
        return made


def zero(of: Any) -> Node:
    """The fields of the smallest value."""
    kind, inner = kind_of(of)
    match kind:
        case "record":
            return Group({name: zero(part) for name, part in inner.items()})
        case "variant":
            tag = _least(inner)
            return _variant(inner, tag, None if tag is None else _arm(inner[tag]))
        case "option":
            return _option(inner, None)
        case "list" | "set":
            return Rows(partial(zero, inner), [], kind == "set")
        case "map":
            return Pairs(partial(_entry, inner), [])
        case "unit":
            return Nothing()
        case "bool":
            return Flag(False)
    return _leaf(kind)


def _variant(arms: Mapping[str, Any], tag: str | None, payload: Node | None) -> Choice:
    return Choice({name: partial(_arm, of) for name, of in arms.items()}, tag, payload)


def _arm(of: Any) -> Node | None:
    """What belongs to a newly chosen tag: nothing to a unit."""
    return None if kind_of(of)[0] == "unit" else zero(of)


def _least(arms: Mapping[str, Any]) -> str | None:
    """The tag to begin with: one of a unit, where there is one."""
    return min(arms, key=lambda tag: kind_of(arms[tag])[0] != "unit", default=None)


def _option(of: Any, item: Node | None) -> Maybe:
    return Maybe(of, partial(zero, of), item)


def _entry(of: Mapping[str, Any]) -> tuple[Leaf, Node]:
    """Another entry of a map."""
    return _leaf(kind_of(of["key"])[0]), zero(of["value"])


def _leaf(kind: str) -> Leaf:
    """The smallest value of a primitive."""
    return Leaf(kind, *leaf.write(kind, _ZEROES.get(kind, 0)))


def _untyped(value: Any) -> Node | None:
    """The field of a value without a type, where a field can hold it."""
    if isinstance(value, bool):
        return Flag(value)
    if isinstance(value, str):
        return Leaf("text", *leaf.write("text", value))
    if isinstance(value, int) and canon.INT_MIN <= value <= canon.INT_MAX:
        return Leaf("int", "int", str(value))
    return None


def _misfit(expected: str, value: Any) -> Misfit:
    names = {bool: "a bool", int: "an integer", str: "text", list: "a list", dict: "an object"}
    got = "null" if value is None else names.get(type(value), "another number")
    return Misfit(f"expected {expected}, got {got}")
