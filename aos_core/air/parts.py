"""A value with its type, walked part by part.

Nothing below a part is looked at before it is asked for, so a state of 100,000 items costs no more
to look at than what is looked at. A variant stands for its payload: its parts are the payload's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.air.schemas import Schemas
from aos_core.air.types import ListOf, MapOf, Option, Prim, Record, Ref, SetOf, Type, Variant

Key = Any
"""What names a part: a record's field, a map's key, the index of a list or a set."""

_KINDS: Final = {Record: "record", Variant: "variant", ListOf: "list", SetOf: "set", MapOf: "map"}
_PLAIN_KINDS: Final = {
    type(None): "none", bool: "bool", int: "int", str: "text", bytes: "bytes", dict: "map",
    list: "list", tuple: "list",
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """A normalised value of ``type``; None: untyped data."""

    value: Any
    type: Type | None
    schemas: Schemas

    @property
    def kind(self) -> str:
        """A primitive's name, ``record``, ``variant``, ``list``, ``set``, ``map``; ``none`` for an
        option without value. Of untyped data, what it is in CBOR."""
        of = self._bare
        if of is None:
            return _PLAIN_KINDS.get(type(self.value), "other")
        if self.value is None and not (isinstance(of, Prim) and of.name == "unit"):
            return "none"
        return of.name if isinstance(of, Prim) else _KINDS[type(of)]

    @property
    def _bare(self) -> Type | None:
        of = self.type
        while isinstance(of, Ref | Option):
            of = self.schemas.types[of.name] if isinstance(of, Ref) else of.item
        return of

    @property
    def tag(self) -> str | None:
        """The tag of a variant."""
        return str(self.value["$tag"]) if self.kind == "variant" else None

    @property
    def payload(self) -> Part | None:
        """What a variant holds; None where its arm has no value."""
        of = self._bare
        if not isinstance(of, Variant) or self.value is None or "$value" not in self.value:
            return None
        arm = dict(of.arms)[self.value["$tag"]]
        found = Part(self.value["$value"], arm, self.schemas)
        return None if found.kind == "unit" else found

    def members(self) -> Sequence[Key]:
        """What names its parts, in order: fields as authored; none of a scalar."""
        match self._bare:
            case Record(fields):
                named = [name for name, _ in fields if name in self.value]
                known = set(named)
                return (*named, *(key for key in self.value if key not in known))
            case Variant():
                return () if (payload := self.payload) is None else payload.members()
        if isinstance(self.value, dict):
            return list(self.value)
        return range(len(self.value)) if isinstance(self.value, list | tuple) else ()

    def part(self, key: Key) -> Part | None:
        """The part that a key names, if it is there."""
        of, value, inner = self._bare, self.value, None
        match of:
            case Variant():
                return None if (payload := self.payload) is None else payload.part(key)
            case Record(fields):
                inner = dict(fields).get(key)
            case MapOf(_, inner_type):
                inner = inner_type
            case ListOf(item) | SetOf(item):
                inner = item
        if isinstance(value, dict):
            return Part(value[key], inner, self.schemas) if key in value else None
        if isinstance(value, list | tuple) and type(key) is int and key < len(value):
            return Part(value[key], inner, self.schemas)
        return None

    def steps(self, key: Key) -> tuple[str, ...]:
        """How host JSON gets to the part of a key: the names of members and indexes."""
        if self.kind != "variant":
            return (str(key),)
        payload = self.payload
        return (self.value["$tag"], *(() if payload is None else payload.steps(key)))

    def step_text(self, key: Key) -> str:
        """The same as it is written: ``.field``, ``[2]``, ``["a key"]``."""
        steps, kind = self.steps(key), self._innermost
        last = f"[{key}]" if kind in ("list", "set") else _member(str(key), kind)
        return "".join(_member(tag, "record") for tag in steps[:-1]) + last

    @property
    def _innermost(self) -> str:
        payload = self.payload
        return self.kind if payload is None else payload._innermost

    def host(self) -> Any:
        """Host JSON of it."""
        if self.type is None:
            return untyped_to_host(self.value)
        return self.schemas.compile(self.type).to_host(self.value)


def _member(name: str, kind: str) -> str:
    if kind == "record" and _WORD.match(name):
        return f".{name}"
    return f"[{json.dumps(name, ensure_ascii=False)}]"


Difference = tuple[str, Part | None, Part | None]
"""(path, before, now); None where there is no such part."""


def differences(before: Part | None, now: Part | None, path: str = "") -> Iterator[Difference]:
    """Every place in which two values differ, the innermost; lists are compared index by index,
    sets by what is in them."""
    if before is None or now is None:
        yield path, before, now
    elif before.value != now.value or before.kind != now.kind:
        shape = (before.kind, before.tag, before._innermost)
        if shape != (now.kind, now.tag, now._innermost) or not (before.members() or now.members()):
            yield path, before, now
        elif now._innermost == "set":
            yield from _members_of_sets(before, now, path)
        else:
            yield from _inside(before, now, path)


def _inside(before: Part, now: Part, path: str) -> Iterator[Difference]:
    for key in now.members():
        yield from _differ(before, now, key, path + now.step_text(key))
    for key in before.members():
        if now.part(key) is None:
            yield from _differ(before, now, key, path + before.step_text(key))


def _differ(before: Part, now: Part, key: Key, path: str) -> Iterator[Difference]:
    old, new = before.part(key), now.part(key)
    if old is None or new is None or old.value is not new.value:
        yield from differences(old, new, path)


def _members_of_sets(before: Part, now: Part, path: str) -> Iterator[Difference]:
    old, new = (
        {canon.encode_plain(item): of.part(key) for key, item in _items(of)} for of in (before, now)
    )
    for encoded in {**old, **new}:
        if encoded not in old or encoded not in new:
            yield f"{path}{{}}", old.get(encoded), new.get(encoded)


def _items(of: Part) -> Iterator[tuple[Key, Any]]:
    for key in of.members():
        part = of.part(key)
        assert part is not None
        yield key, part.value
