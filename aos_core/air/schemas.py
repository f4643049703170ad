"""The schemas of a world, each compiled once against the others (air-v1, section 3).

What does not fit raises :class:`ValueRejected` with the path of the offending field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aos_core import canon
from aos_core.air.codec import (
    PRIMITIVE_CODECS,
    Codec,
    ListCodec,
    MapCodec,
    OptionCodec,
    RecordCodec,
    VariantCodec,
)
from aos_core.air.misfit import Misfit
from aos_core.air.types import ListOf, MapOf, Option, Prim, Record, Ref, SetOf, Type, Variant
from aos_core.air.values import Value
from aos_core.errors import AirError, CanonError, ValueRejected

MAX_REFERENCES = 64
"""The longest chain of schemas that refer to one another."""
MAX_PARTS, MAX_DEPTH = 10_000, 128
"""How large a schema's smallest value and how deep its type may be: references that share make
both grow fast."""


class Schema:
    """A named schema of a world: its type, compiled. All methods raise :class:`ValueRejected`."""

    def __init__(self, name: str, type: Type, codec: Codec) -> None:
        self.name, self.type, self.codec = name, type, codec
        # of others, what was decoded would have to be looked through for its depth
        self._closed = not codec.open and codec.deep < canon.VALUE_DEPTH

    def normalise(self, value: Any) -> Any:
        """``value`` in the canonical runtime form, maps in canonical order."""
        return self._guard(self.codec.normalise, value)

    def normalise_bytes(self, data: bytes) -> Any:
        """The normalised value of CBOR bytes, canonical or not."""
        try:
            return self.normalise(canon.decode_lenient(data, canon.VALUE_DEPTH))
        except CanonError as error:
            raise ValueRejected(
                f"not CBOR for {self.name}: {error.message}", schema=self.name
            ) from error

    def read(self, data: bytes) -> tuple[Any, bytes]:
        """The normalised value of CBOR bytes, canonical or not, and its canonical bytes.

        What comes is nearly always canonical already, and then nothing of it needs checking that
        writing it again does not check: 8 us for a small event, not 16.
        """
        if self._closed:
            # whatever is raised: the way below says what is wrong, and where
            with suppress(Exception):
                plain = self.codec.normalise(canon.decode_unchecked(data))
                encoded = self.encode(plain)
                if encoded == data or encoded[len(canon.SELF_DESCRIBE) :] == data:
                    return plain, encoded
        plain = self.normalise_bytes(data)
        return plain, self.encode(plain)

    def encode(self, value: Any) -> bytes:
        """Canonical bytes of an already normalised value."""
        return canon.SELF_DESCRIBE + canon.encode_ordered(value)

    def from_host(self, value: Any) -> Any:
        """The normalised value of host JSON."""
        return self.normalise(self._guard(self.codec.from_host, value))

    def to_host(self, value: Any) -> Any:
        """Host JSON of a normalised value."""
        return self.codec.to_host(value)

    def kinded(self, value: Any) -> Value:
        """The evaluator's value of a normalised value."""
        return self.codec.kinded(value)

    def zero(self) -> Any:
        """The zero value, normalised."""
        return self.normalise(self._guard(lambda _: self.codec.zero(), None))

    def _guard(self, act: Callable[[Any], Any], value: Any) -> Any:
        try:
            return act(value)
        except Misfit as misfit:
            path = ".".join(["$", *misfit.path])
            raise ValueRejected(
                f"{misfit.message} at {path} of {self.name}", path=path, schema=self.name
            ) from None
        except RecursionError:
            raise ValueRejected(
                f"nested too deep for {self.name}", path="$", schema=self.name
            ) from None


class Schemas(Mapping[str, Schema]):
    """All schemas of a world, each compiled at first use; ``open`` ones keep unknown members.

    ``known``: some of them, with all that they refer to, as others have compiled them.
    """

    def __init__(self, types: Mapping[str, Type], known: Schemas | None = None) -> None:
        self.types = dict(types)
        self._known: dict[tuple[str, bool], Schema] = {} if known is None else dict(known._known)

    def __getitem__(self, name: str) -> Schema:
        return self._schema(name, (), open=False)

    def __iter__(self) -> Any:
        return iter(self.types)

    def __len__(self) -> int:
        return len(self.types)

    def open(self, name: str) -> Schema:
        """The schema, its records keeping unknown members untyped (receipts of plan effects)."""
        return self._schema(name, (), open=True)

    def compile(self, of: Type, seen: tuple[str, ...] = (), *, open: bool = False) -> Codec:
        """The codec of a type. Raises :class:`AirError` for an unknown or cyclic reference."""
        match of:
            case Prim(name):
                return PRIMITIVE_CODECS[name]
            case Record(fields):
                return RecordCodec(
                    {name: self.compile(item, seen, open=open) for name, item in fields}, open=open
                )
            case Variant(arms):
                return VariantCodec({tag: self.compile(arm, seen, open=open) for tag, arm in arms})
            case ListOf(item) | SetOf(item):
                is_set = isinstance(of, SetOf)
                return ListCodec(self.compile(item, seen, open=open), is_set=is_set)
            case MapOf(key, value):
                return MapCodec(PRIMITIVE_CODECS[key.name], self.compile(value, seen, open=open))
            case Option(item):
                return OptionCodec(self.compile(item, seen, open=open))
            case Ref(name):
                if name not in self.types:
                    raise AirError(f"unknown schema {name}", schema=seen[-1] if seen else None)
                return self._schema(name, seen, open=open).codec

    def _schema(self, name: str, seen: tuple[str, ...], *, open: bool) -> Schema:
        """Compiled once, however many refer to it."""
        if (name, open) not in self._known:
            if name in seen:
                raise AirError(f"type refers to itself: {' -> '.join((*seen, name))}", schema=name)
            if len(seen) == MAX_REFERENCES:
                raise AirError(f"more than {MAX_REFERENCES} references in a row", schema=name)
            codec = self.compile(self.types[name], (*seen, name), open=open)
            if codec.parts > MAX_PARTS or codec.deep > MAX_DEPTH:
                most = f"{MAX_PARTS} parts or {MAX_DEPTH} levels"
                raise AirError(f"{name} describes values of more than {most}", schema=name)
            self._known[name, open] = Schema(name, self.types[name], codec)
        return self._known[name, open]

    def member_tags(self, event: str) -> dict[str, str]:
        """schema -> tag of those that an event variant holds under exactly one tag, by reference:
        a route to the variant binds them too (air-v1, section 7)."""
        of = self.resolve(Ref(event)) if event in self.types else None
        arms = of.arms if isinstance(of, Variant) else ()
        tags = [(arm.name, tag) for tag, arm in arms if isinstance(arm, Ref)]
        names = [name for name, _ in tags]
        return {name: tag for name, tag in tags if names.count(name) == 1}

    def resolve(self, of: Type) -> Type:
        """``of`` with references at its top followed."""
        while isinstance(of, Ref):
            of = self.types[of.name]
        return of
