"""Literals in AIR files: two lenses, one stored form (air-v1, section 4; B-4).

*Sugar* is natural JSON under a type; *tagged* names the kind of every part. Whatever the author
wrote, a plan is hashed with its literals in the stored form, which this module produces.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.air import expr, rfc3339
from aos_core.air.codec import PRIMITIVE_CODECS
from aos_core.air.misfit import Misfit
from aos_core.air.schemas import Schemas
from aos_core.air.types import MAP_KEYS, ListOf, MapOf, Option, Prim, Record, SetOf, Type, Variant
from aos_core.errors import AirError
from aos_core.hints import did_you_mean

_TAGS = {
    "bool": "bool",
    "int": "int",
    "nat": "nat",
    "dec128": "dec128",
    "bytes": "bytes_b64",
    "text": "text",
    "time": "time_ns",
    "duration": "duration_ns",
    "hash": "hash",
    "uuid": "uuid",
}
NULL: dict[str, Any] = {"null": {}}
_MAP_KEY_TAGS = frozenset(_TAGS[name] for name in MAP_KEYS)


def stored(node: Any, of: Type | None, schemas: Schemas, path: str) -> Any:
    """The stored form of an ExprOrValue slot of type ``of`` (None: untyped).

    An expression with a reference or an operator, or in an untyped slot, stays as authored, any
    other is folded, and what is no expression is read under the type. Raises :class:`AirError`.
    """
    if of is None:
        untyped(node, path)
        return node
    if expr.is_expr(node):
        return _folded(node, path) if expr.parse(node, path).constant else node
    try:
        return _read(node, of, _Lens(schemas, drops_unknown=True), path)
    except AirError:
        if expr.is_meant_as_expr(node) and not _names_field(node, schemas.resolve(of)):
            expr.parse(node, path)  # its error says more
        raise


def _names_field(node: Any, of: Type) -> bool:
    return isinstance(of, Record) and expr.constructor(node) in dict(of.fields)


def untyped(node: Any, path: str) -> expr.Expr:
    """What an untyped slot gives: an expression or a tagged literal. Raises :class:`AirError`."""
    if expr.is_expr(node) or expr.is_meant_as_expr(node):
        return expr.parse(node, path)
    built = _as_expr(node)
    parsed = expr.parse(built, path) if expr.is_expr(built) else None
    if parsed is None or not parsed.constant:
        raise AirError("natural JSON needs a schema here: write an expression", path=path)
    return parsed


def _as_expr(node: Any) -> Any:
    """The expression that gives a tagged literal; of what is none, no expression."""
    match node:
        case {"tag": str() as tag, **rest} if not set(rest) - {"value"}:
            value = rest.get("value")
            payload = {} if value is None else {"value": _as_expr(value)}
            return {"variant": {"tag": tag, **payload}}
        case {"record": dict() as fields}:
            return {"record": {name: _as_expr(item) for name, item in fields.items()}}
        case {"list": list() as items}:
            return {"list": [_as_expr(item) for item in items]}
        case {"set": list() as items}:
            return {"set": [_as_expr(item) for item in items]}
        case {"map": list() as pairs} if all(isinstance(pair, dict) for pair in pairs):
            return {"map": [{name: _as_expr(pair[name]) for name in pair} for pair in pairs]}
    return node


def _folded(node: Any, path: str) -> Any:
    try:
        return fold(node)
    except AirError as error:
        raise AirError(error.message, path=path) from None


def fold(node: Any) -> Any:
    """The stored form of a constant expression. Raises :class:`AirError`."""
    name = expr.constructor(node)
    if name not in expr.CONTAINERS:
        return {name: node[name]}
    match {name: node[name]}:
        case {"record": fields}:
            return {"record": {name: fold(item) for name, item in fields.items()}}
        case {"list": items}:
            return {"list": [fold(item) for item in items]}
        case {"set": items}:
            return {"set": _sorted_set([fold(item) for item in items])}
        case {"map": pairs}:
            return {"map": _folded_map(pairs)}
    tag, payload = node["variant"]["tag"], node["variant"].get("value")
    return {"tag": tag} if payload is None else {"tag": tag, "value": fold(payload)}


@dataclass(frozen=True, slots=True)
class _Lens:
    """How literals are read; ``drops_unknown``: what a type does not know is left out of sugar."""

    schemas: Schemas
    drops_unknown: bool


def literal(node: Any, of: Type, schemas: Schemas, path: str) -> Any:
    """The stored form of a literal under a type, read as tagged or as sugar.

    A field that the type does not know is refused: in a grant it may be a mistyped limit. Raises
    :class:`AirError`.
    """
    return _read(node, of, _Lens(schemas, drops_unknown=False), path)


def _read(node: Any, of: Type, lens: _Lens, path: str) -> Any:
    of = lens.schemas.resolve(of)
    match of:
        case Prim("unit"):
            if expr.is_meant_as_expr(node) and not expr.is_expr(node):
                raise AirError("expected null", path=path)
            return NULL
        case Prim(name):
            return {_TAGS[name]: _primitive(node, name, path)}
        case Option(item):
            return NULL if node is None or node == NULL else _read(node, item, lens, path)
        case Record(fields):
            return {"record": _record(node, dict(fields), lens, path)}
        case Variant(arms):
            return _variant(node, dict(arms), lens, path)
        case ListOf(item):
            return {"list": _items(node, "list", item, lens, path)}
        case SetOf(item):
            return {"set": _sorted_set(_items(node, "set", item, lens, path))}
        case MapOf(key, value):
            return {"map": _map(node, key, value, lens, path)}
    raise AirError(f"no literal of type {of}", path=path)


def _primitive(node: Any, name: str, path: str) -> Any:
    tag = _TAGS[name]
    if isinstance(node, dict) and set(node) == {tag}:
        node = node[tag]
    if name in ("int", "nat", "duration", "time") and isinstance(node, str):
        node = _number(node, name, path)
    if name == "bytes":
        try:
            base64.b64decode(node, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise AirError(f"not base64: {error}", path=path) from error
        return node
    try:
        return PRIMITIVE_CODECS[name].normalise(node)
    except Misfit as misfit:
        raise AirError(misfit.message, path=path) from None


def _number(text: str, name: str, path: str) -> int:
    try:
        if name == "time" and not text.isdecimal():
            return rfc3339.to_ns(text)
        return int(text)
    except ValueError as error:
        raise AirError(f"not a {name}: {error}", path=path) from error


def _untag(node: Any, tag: str, of: type) -> Any:
    """The inside of a tagged constructor, if ``node`` is one; else ``node``, taken as sugar."""
    if isinstance(node, dict) and set(node) == {tag} and isinstance(node[tag], of):
        return node[tag]
    return node


def _record(node: Any, known: dict[str, Type], lens: _Lens, path: str) -> dict[str, Any]:
    inside = _untag(node, "record", dict)
    tagged = inside is not node and ("record" not in known or set(inside) <= set(known))
    if tagged:
        node = inside
    if not isinstance(node, dict):
        raise AirError("expected an object", path=path)
    for name in node:
        # one that is named like a constructor is a bad expression, not a comment
        strict = tagged or not lens.drops_unknown or name in expr.CONSTRUCTORS
        if strict and name not in known:
            raise AirError(
                f"unknown field {name!r}", path=f"{path}.{name}", hint=did_you_mean(name, known)
            )
    result = {}
    for name, of in known.items():
        if name in node:
            result[name] = _read(node[name], of, lens, f"{path}.{name}")
        elif isinstance(lens.schemas.resolve(of), Option):
            result[name] = NULL
        else:
            raise AirError(f"field {name!r} is missing", path=path)
    return result


def _variant(node: Any, arms: dict[str, Type], lens: _Lens, path: str) -> dict[str, Any]:
    match node:
        case str():
            tag, value = node, None
        case {"variant": dict() as inner}:
            return _variant(inner, arms, lens, path)
        case {"tag": str() as tag, **rest} if not rest or set(rest) == {"value"}:
            value = rest.get("value")
        case {"$tag": str() as tag, **rest}:
            value = rest.get("$value")
        case dict() if len(node) == 1:
            ((tag, value),) = node.items()
        case _:
            raise AirError('expected a variant: "Tag" or {"Tag": value}', path=path)
    if tag not in arms:
        raise AirError(f"unknown tag {tag!r}", path=path, hint=did_you_mean(tag, arms))
    if value is None:
        return {"tag": tag}
    return {"tag": tag, "value": _read(value, arms[tag], lens, f"{path}.{tag}")}


def _items(node: Any, tag: str, of: Type, lens: _Lens, path: str) -> list[Any]:
    node = _untag(node, tag, list)
    if not isinstance(node, list):
        raise AirError("expected an array", path=path)
    return [_read(item, of, lens, f"{path}[{index}]") for index, item in enumerate(node)]


def _map(node: Any, key: Type, value: Type, lens: _Lens, path: str) -> list[dict[str, Any]]:
    node = _untag(node, "map", list)
    pairs = list(node.items()) if isinstance(node, dict) else node
    if not isinstance(pairs, list):
        raise AirError("expected an object or an array of [key, value]", path=path)
    result = []
    for index, pair in enumerate(pairs):
        if isinstance(pair, dict) and set(pair) == {"key", "value"}:
            pair = (pair["key"], pair["value"])
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise AirError("expected [key, value]", path=f"{path}[{index}]")
        at = f"{path}[{index}]"
        result.append((_read(pair[0], key, lens, at), _read(pair[1], value, lens, at)))
    return _sorted_map(result)


def _sorted_set(items: list[Any]) -> list[Any]:
    unique = {canon.encode(item): item for item in reversed(items)}
    return [unique[key] for key in sorted(unique)]


def _folded_map(pairs: list[Any]) -> list[dict[str, Any]]:
    folded = [(fold(pair["key"]), fold(pair["value"])) for pair in pairs]
    for key, _ in folded:
        if not set(key) <= _MAP_KEY_TAGS:
            raise AirError(f"{' '.join(key)} cannot be the key of a map")
    return _sorted_map(folded)


def _sorted_map(pairs: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    unique = {canon.encode(key): (key, item) for key, item in reversed(pairs)}
    return [{"key": unique[at][0], "value": unique[at][1]} for at in sorted(unique)]


def runtime(node: Any) -> Any:
    """Runtime data of a stored literal; fit for the codec of its type."""
    match node:
        case {"null": _}:
            return None
        case {"record": fields}:
            return {name: runtime(item) for name, item in fields.items()}
        case {"list": items} | {"set": items}:
            return [runtime(item) for item in items]
        case {"map": pairs}:
            return {runtime(pair["key"]): runtime(pair["value"]) for pair in pairs}
        case {"tag": tag, **rest}:
            return {"$tag": tag, "$value": runtime(rest["value"]) if "value" in rest else None}
        case {"bytes_b64": text}:
            return base64.b64decode(text)
    ((_, value),) = node.items()
    return value
