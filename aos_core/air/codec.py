"""Codecs: what each AIR type does with values (air-v1, section 3; docs/scenarios.md, *Values*).

A codec is a type compiled once; :mod:`aos_core.air.schemas` does that. It knows

- ``normalise``: decode leniently, check, rebuild in the canonical runtime form. The result is
  plain data with every map in canonical order, fit for ``canon.encode_ordered``.
- ``from_host`` / ``to_host``: host JSON (fired events, forms, receipts, scenarios).
- ``kinded``: the evaluator's value of a normalised value.
- ``zero``: the smallest value, for receipts that carry none.

What does not fit raises :class:`Misfit`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from aos_core import canon
from aos_core.air import rfc3339
from aos_core.air.host_json import bytes_from_host, untyped_from_host, untyped_to_host, utf8
from aos_core.air.misfit import Misfit, inside, refuse, shown
from aos_core.air.values import NULL, UNIT, Value, from_untyped, make_map, make_set, variant
from aos_core.errors import CanonError

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class Codec:
    """One type; see the module's docstring.

    ``parts`` and ``deep``: how many parts its zero value has, and how deep types lie in it.
    ``open``: whether a record in it keeps members that it does not name. ``form``: of a number or
    a text, what it has to be like, in words.
    """

    optional = False
    open = False
    parts = 1
    deep = 0
    form = ""

    def normalise(self, value: Any) -> Any:
        raise NotImplementedError

    def from_host(self, value: Any) -> Any:
        """Runtime data of host JSON; not yet normalised."""
        return value

    def missing(self, value: Any) -> str | None:
        """The path of a named field that an open record lacks, or None."""
        return None

    def to_host(self, value: Any) -> Any:
        return value

    def kinded(self, value: Any) -> Value:
        raise NotImplementedError

    def zero(self) -> Any:
        raise NotImplementedError


class _Number(Codec):
    def __init__(self, name: str, kind: str, low: int, high: int, unit: str = "") -> None:
        self.name, self.kind, self.low, self.high = name, kind, low, high
        self.form = f"{low} .. {high}{unit}"

    def normalise(self, value: Any) -> Any:
        if type(value) is not int and (isinstance(value, bool) or not isinstance(value, int)):
            refuse(self.name, value)
        if not self.low <= value <= self.high:
            raise Misfit(f"{shown(value)} is out of range for {self.name}: {self.form}")
        return value

    def kinded(self, value: Any) -> Value:
        return Value(self.kind, value)

    def zero(self) -> Any:
        return 0


class _Time(_Number):
    def from_host(self, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return rfc3339.to_ns(value)
            except ValueError as error:
                raise Misfit(f"expected time: {error}") from error
        return value


class _Text(Codec):
    def __init__(
        self, name: str, kind: str, fits: Callable[[str], bool] | None, empty: str, form: str = ""
    ) -> None:
        self.name, self.kind, self.fits, self.empty, self.form = name, kind, fits, empty, form

    def normalise(self, value: Any) -> Any:
        if not isinstance(value, str):
            refuse(self.name, value)
        if self.fits is not None and not self.fits(value):
            raise Misfit(f"{shown(value)} is not the text form of {self.name}: {self.form}")
        if not value.isascii():  # known to the text itself, where encoding it takes a while
            utf8(value)
        return value

    def kinded(self, value: Any) -> Value:
        return Value(self.kind, value)

    def zero(self) -> Any:
        return self.empty


class _Bool(Codec):
    def normalise(self, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        refuse("bool", value)

    def kinded(self, value: Any) -> Value:
        return Value("Bool", value)

    def zero(self) -> Any:
        return False


class _Bytes(Codec):
    def normalise(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return utf8(value)
        refuse("bytes", value)

    def from_host(self, value: Any) -> Any:
        if isinstance(value, dict):
            return bytes_from_host(value)
        return value

    def to_host(self, value: Any) -> Any:
        return {"bytes_b64": base64.b64encode(value).decode()}

    def kinded(self, value: Any) -> Value:
        return Value("Bytes", value)

    def zero(self) -> Any:
        return b""


class _Unit(Codec):
    def normalise(self, value: Any) -> Any:
        return None

    def kinded(self, value: Any) -> Value:
        return UNIT

    def zero(self) -> Any:
        return None


class OptionCodec(Codec):
    optional = True

    def __init__(self, item: Codec) -> None:
        self.item, self.deep, self.open = item, item.deep + 1, item.open

    def normalise(self, value: Any) -> Any:
        return None if value is None else self.item.normalise(value)

    def from_host(self, value: Any) -> Any:
        return None if value is None else self.item.from_host(value)

    def to_host(self, value: Any) -> Any:
        return None if value is None else self.item.to_host(value)

    def missing(self, value: Any) -> str | None:
        return None if value is None else self.item.missing(value)

    def kinded(self, value: Any) -> Value:
        return NULL if value is None else self.item.kinded(value)

    def zero(self) -> Any:
        return None


class RecordCodec(Codec):
    """A record. ``open``, for receipts of plan effects (B-18), keeps unknown members untyped and
    lets named ones be missing; ``missing`` tells."""

    def __init__(self, fields: Mapping[str, Codec], *, open: bool = False) -> None:
        self.authored = tuple(fields)
        self.fields: dict[str, Codec] = {name: fields[name] for name in canon.key_order(fields)}
        self._fields = tuple((n, of.normalise, of.optional) for n, of in self.fields.items())
        self.open = open
        self.parts = 1 + sum(codec.parts for codec in self.fields.values())
        self.deep = 1 + max((codec.deep for codec in self.fields.values()), default=0)

    def normalise(self, value: Any) -> Any:
        if not isinstance(value, dict):
            refuse("record", value)
        result, known, name = {}, 0, ""
        try:
            for name, normalise, optional in self._fields:
                if name in value:
                    known += 1
                    result[name] = normalise(value[name])
                elif optional:
                    result[name] = None
                elif not self.open:
                    raise Misfit("field is missing")
        except Misfit as misfit:
            raise misfit.inside(name) from None
        if known < len(value):
            extra = [key for key in value if key not in self.fields]
            return self._with_extra(result, value, extra)
        return result

    def _with_extra(self, result: dict[str, Any], value: Any, extra: list[Any]) -> Any:
        if not self.open:
            raise Misfit(f"unknown field {extra[0]!r}; known: {', '.join(self.authored) or 'none'}")
        merged = result | {key: value[key] for key in extra}
        try:
            ordered = canon.ordered(merged)
            canon.encode_ordered(ordered)  # half a character shows only here
            return ordered
        except CanonError as error:
            raise Misfit(error.message) from error

    def from_host(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: inside(key, self._host_field(key), item) for key, item in value.items()}

    def _host_field(self, key: str) -> Callable[[Any], Any]:
        codec = self.fields.get(key)
        return codec.from_host if codec else untyped_from_host

    def to_host(self, value: Any) -> Any:
        known = {n: self.fields[n].to_host(value[n]) for n in self.authored if n in value}
        return known | {k: untyped_to_host(v) for k, v in value.items() if k not in self.fields}

    def missing(self, value: Any) -> str | None:
        for name, codec in self.fields.items():
            if name not in value:
                return name
            if inner := codec.missing(value[name]):
                return f"{name}.{inner}"
        return None

    def kinded(self, value: Any) -> Value:
        fields = self.fields
        return Value(
            "Record",
            {
                key: fields[key].kinded(item) if key in fields else from_untyped(item)
                for key, item in value.items()
            },
        )

    def zero(self) -> Any:
        return {name: codec.zero() for name, codec in self.fields.items()}


class VariantCodec(Codec):
    """A variant: ``{"$tag": Tag, "$value": v}``; ``{Tag: v}`` is accepted."""

    def __init__(self, arms: Mapping[str, Codec]) -> None:
        self.arms = dict(arms)
        self.parts = 1 + max((codec.parts for codec in self.arms.values()), default=0)
        self.deep = 1 + max((codec.deep for codec in self.arms.values()), default=0)
        self.open = any(codec.open for codec in self.arms.values())

    def normalise(self, value: Any) -> Any:
        tag, has_value, payload = self._open(value)
        codec = self.arms[tag]
        if not has_value:
            return {"$tag": tag}
        try:
            return {"$tag": tag, "$value": codec.normalise(payload)}
        except Misfit as misfit:
            raise misfit.inside(tag) from None

    def _open(self, value: Any) -> tuple[str, bool, Any]:
        if not isinstance(value, dict):
            refuse("variant", value)
        if "$tag" in value:
            tag, has_value, payload = value["$tag"], "$value" in value, value.get("$value")
        elif len(value) == 1:
            ((tag, payload),) = value.items()
            has_value = True
        else:
            raise Misfit(f"expected one tag of {', '.join(self.arms)}; got {len(value)} members")
        if not isinstance(tag, str) or tag not in self.arms:
            raise Misfit(f"unknown tag {tag!r}; known: {', '.join(self.arms)}")
        return tag, has_value, payload

    def from_host(self, value: Any) -> Any:
        if isinstance(value, str):
            return {"$tag": value}
        tag, has_value, payload = self._open(value)
        if not has_value:
            return {"$tag": tag}
        return {"$tag": tag, "$value": inside(tag, self.arms[tag].from_host, payload)}

    def to_host(self, value: Any) -> Any:
        tag, codec = value["$tag"], self.arms[value["$tag"]]
        payload = value.get("$value")
        if "$value" not in value or isinstance(codec, _Unit):
            return tag
        return {tag: codec.to_host(payload)}

    def kinded(self, value: Any) -> Value:
        if "$value" not in value:
            return variant(value["$tag"])
        return variant(value["$tag"], self.arms[value["$tag"]].kinded(value["$value"]))

    def zero(self) -> Any:
        tags = canon.key_order(self.arms)  # a stored definition has lost the author's order
        for tag in tags:
            if isinstance(self.arms[tag], _Unit):
                return {"$tag": tag}
        if not tags:
            raise Misfit("a variant without arms has no value")
        return {"$tag": tags[0], "$value": self.arms[tags[0]].zero()}


class ListCodec(Codec):
    def __init__(self, item: Codec, *, is_set: bool) -> None:
        self.item, self.is_set, self.deep, self.open = item, is_set, item.deep + 1, item.open

    def normalise(self, value: Any) -> Any:
        items = self._each(value, self.item.normalise)
        if not self.is_set:
            return items
        unique = {canon.encode_ordered(item): item for item in reversed(items)}
        return [unique[key] for key in sorted(unique)]

    def _each(self, value: Any, act: Callable[[Any], Any]) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            refuse("set" if self.is_set else "list", value)
        result: list[Any] = []
        try:
            result.extend(map(act, value))
        except Misfit as misfit:
            raise misfit.inside(str(len(result))) from None
        return result

    def from_host(self, value: Any) -> Any:
        return self._each(value, self.item.from_host)

    def to_host(self, value: Any) -> Any:
        return [self.item.to_host(item) for item in value]

    def kinded(self, value: Any) -> Value:
        items = tuple(map(self.item.kinded, value))
        return make_set(items) if self.is_set else Value("List", items)

    def zero(self) -> Any:
        return []


class MapCodec(Codec):
    def __init__(self, key: Codec, value: Codec) -> None:
        self.key, self.value, self.deep, self.open = key, value, value.deep + 1, value.open

    def normalise(self, value: Any) -> Any:
        if not isinstance(value, dict):
            refuse("map", value)
        result: dict[Any, Any] = {}
        for key, item in value.items():
            try:  # places get their text where something is wrong: a large map would pay for it
                typed = self.key.normalise(key)
            except Misfit as misfit:
                raise misfit.inside(f"key {key!r}") from None
            if typed not in result:
                try:
                    result[typed] = self.value.normalise(item)
                except Misfit as misfit:
                    raise misfit.inside(str(key)) from None
        return {key: result[key] for key in canon.key_order(result)}

    def from_host(self, value: Any) -> Any:
        """Objects for text-like keys; ``[[k, v], ..]`` or an object of decimal texts for others."""
        pairs = value.items() if isinstance(value, dict) else value
        if not isinstance(value, (dict, list)) or not all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs
        ):
            refuse("map", value)
        result: dict[Any, Any] = {}
        for key, item in pairs:
            result.setdefault(self._host_key(key), inside(str(key), self.value.from_host, item))
        return result

    def _host_key(self, key: Any) -> Any:
        if isinstance(self.key, _Number) and isinstance(key, str):
            try:
                return int(key)
            except ValueError:
                refuse(self.key.name, key)
        return inside(f"key {key!r}", self.key.normalise, key)

    def to_host(self, value: Any) -> Any:
        return {str(key): self.value.to_host(item) for key, item in value.items()}

    def kinded(self, value: Any) -> Value:
        return make_map(
            (self.key.kinded(key), self.value.kinded(item)) for key, item in value.items()
        )

    def zero(self) -> Any:
        return {}


PRIMITIVE_CODECS: Mapping[str, Codec] = {
    "bool": _Bool(),
    "int": _Number("int", "Int", canon.INT_MIN, canon.INT_MAX),
    "nat": _Number("nat", "Nat", 0, canon.NAT_MAX),
    "dec128": _Text(
        "dec128",
        "Dec128",
        lambda t: _DECIMAL.match(t) is not None,
        "0",
        "a decimal number such as -12.50 or 6.02e23",
    ),
    "bytes": _Bytes(),
    "text": _Text("text", "Text", None, ""),
    "time": _Time("time", "TimeNs", 0, canon.NAT_MAX, " ns"),
    "duration": _Number("duration", "DurationNs", canon.INT_MIN, canon.INT_MAX, " ns"),
    "hash": _Text(
        "hash",
        "Hash",
        canon.is_hash_text,
        "sha256:" + "0" * 64,
        "sha256: and 64 digits 0 to 9, a to f",
    ),
    "uuid": _Text(
        "uuid",
        "Uuid",
        lambda t: _UUID.match(t) is not None,
        "00000000-0000-0000-0000-000000000000",
        "32 digits 0 to 9, a to f, as 8-4-4-4-12",
    ),
    "unit": _Unit(),
}
