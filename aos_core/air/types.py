"""AIR types as data (air-v1, section 3).

``parse_type`` reads the JSON form, ``Type.to_json`` writes the typed form that is hashed: unknown
members such as ``$comment`` are dropped (air-v1-bytes, B-3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aos_core.errors import AirError
from aos_core.hints import did_you_mean

PRIMITIVES = (
    "bool",
    "int",
    "nat",
    "dec128",
    "bytes",
    "text",
    "time",
    "duration",
    "hash",
    "uuid",
    "unit",
)
MAP_KEYS = ("int", "nat", "text", "uuid", "hash")


@dataclass(frozen=True, slots=True)
class Prim:
    """A primitive: one of :data:`PRIMITIVES`."""

    name: str

    def to_json(self) -> dict[str, Any]:
        return {self.name: {}}


@dataclass(frozen=True, slots=True)
class Record:
    """A record; ``fields`` as authored: ((name, type), ...)."""

    fields: tuple[tuple[str, Type], ...]

    def to_json(self) -> dict[str, Any]:
        return {"record": {name: of.to_json() for name, of in self.fields}}


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant; ``arms`` as authored: ((tag, type), ...)."""

    arms: tuple[tuple[str, Type], ...]

    def to_json(self) -> dict[str, Any]:
        return {"variant": {tag: of.to_json() for tag, of in self.arms}}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of ``item``."""

    item: Type

    def to_json(self) -> dict[str, Any]:
        return {"list": self.item.to_json()}


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of ``item``."""

    item: Type

    def to_json(self) -> dict[str, Any]:
        return {"set": self.item.to_json()}


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from ``key`` (one of :data:`MAP_KEYS`) to ``value``."""

    key: Prim
    value: Type

    def to_json(self) -> dict[str, Any]:
        return {"map": {"key": self.key.to_json(), "value": self.value.to_json()}}


@dataclass(frozen=True, slots=True)
class Option:
    """``item`` or nothing."""

    item: Type

    def to_json(self) -> dict[str, Any]:
        return {"option": self.item.to_json()}


@dataclass(frozen=True, slots=True)
class Ref:
    """Another schema, by name."""

    name: str

    def to_json(self) -> dict[str, Any]:
        return {"ref": self.name}


Type = Prim | Record | Variant | ListOf | SetOf | MapOf | Option | Ref


KINDS = (*PRIMITIVES, "record", "variant", "list", "set", "map", "option", "ref")

Fail = Callable[[AirError], None]


def _raise(error: AirError) -> None:
    raise error


def parse_type(node: Any, path: str = "$", fail: Fail = _raise) -> Type:
    """The type that ``node`` (JSON) describes. What is wrong goes to ``fail`` as an
    :class:`AirError` with the JSON path; where that does not raise, unit stands for it."""
    if not isinstance(node, dict):
        return _bad(fail, 'a type must be an object such as {"text": {}}', path)
    for name in PRIMITIVES:
        if name in node:
            return Prim(name)
    if "record" in node:
        return Record(_members(node["record"], f"{path}.record", fail))
    if "variant" in node:
        return Variant(_members(node["variant"], f"{path}.variant", fail))
    if "list" in node:
        return ListOf(parse_type(node["list"], f"{path}.list", fail))
    if "set" in node:
        return SetOf(parse_type(node["set"], f"{path}.set", fail))
    if "map" in node:
        return _parse_map(node["map"], f"{path}.map", fail)
    if "option" in node:
        return Option(parse_type(node["option"], f"{path}.option", fail))
    if "ref" in node:
        if not isinstance(node["ref"], str):
            return _bad(fail, "ref must be the name of a schema", f"{path}.ref")
        return Ref(node["ref"])
    names = sorted(map(str, node))
    hint = did_you_mean(names[0], KINDS) if names else None
    return _bad(
        fail,
        f"unknown type {', '.join(names) or '(empty)'}",
        path,
        hint or f"known: {', '.join(KINDS)}",
    )


def _bad(fail: Fail, message: str, path: str, hint: str | None = None) -> Prim:
    fail(AirError(message, path=path, hint=hint))
    return Prim("unit")


def _members(node: Any, path: str, fail: Fail) -> tuple[tuple[str, Type], ...]:
    if not isinstance(node, dict):
        _bad(fail, "expected an object of names and types", path)
        return ()
    members = ((name, item) for name, item in node.items() if name != "$comment")
    return tuple((name, parse_type(item, f"{path}.{name}", fail)) for name, item in members)


def _parse_map(node: Any, path: str, fail: Fail) -> Type:
    if not isinstance(node, dict) or "key" not in node or "value" not in node:
        return _bad(fail, "a map needs key and value", path)
    key = parse_type(node["key"], f"{path}.key", fail)
    if not isinstance(key, Prim) or key.name not in MAP_KEYS:
        key = _bad(fail, f"a map key must be one of {', '.join(MAP_KEYS)}", f"{path}.key")
    return MapOf(key, parse_type(node["value"], f"{path}.value", fail))
