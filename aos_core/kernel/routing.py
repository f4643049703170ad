"""From an event to where it goes: targets, wrapping, keys (air-v1, section 7; B-15)."""

from __future__ import annotations

from typing import Any, NamedTuple

from aos_core import canon
from aos_core.errors import ValueRejected
from aos_core.kernel.program import Program, Target

_ABSENT = object()


# Named tuples here, as in turn.py and running.py: a turn makes several of each, and a frozen
# dataclass takes three times as long to make.


class Delivery(NamedTuple):
    """An event on its way to a reducer: already wrapped, its cell key known."""

    reducer: str
    schema: str
    value: bytes
    key: bytes | None


class Routed(NamedTuple):
    """An event, normalised, with all that ingesting it will do."""

    schema: str
    plain: Any
    value: bytes
    key: bytes | None
    deliveries: tuple[Delivery, ...]


def route(program: Program, schema: str, value: Any, key: bytes | None) -> Routed:
    """Normalise an event and work out its routes. ``value`` is CBOR bytes or runtime data.

    Raises :class:`ValueRejected`: nothing of the event has happened then.
    """
    if schema not in program.schemas.types:
        known = ", ".join(sorted(program.targets)) or "none is routed"
        raise ValueRejected(
            f"unknown event schema {schema!r}", hint=f"routed events: {known}", schema=schema
        )
    of = program.schemas[schema]
    if isinstance(value, bytes):
        plain, encoded = of.read(value)
    else:
        plain = of.normalise(value)
        encoded = of.encode(plain)
    targets = program.targets.get(schema, ())
    deliveries = tuple(
        [_deliver(program, schema, plain, encoded, key, target) for target in targets]
    )
    routed_key = next((d.key for d in deliveries if d.key is not None), None)
    return Routed(schema, plain, encoded, routed_key or key, deliveries)


def _deliver(
    program: Program, schema: str, plain: Any, encoded: bytes, key: bytes | None, target: Target
) -> Delivery:
    module = program.modules[target.reducer]
    wrapped = plain
    if target.tag is not None:  # else the module takes the event as it is
        wrapped = {"$tag": target.tag, "$value": plain}
        encoded = canon.SELF_DESCRIBE + canon.encode_ordered(wrapped)
    cell = _cell_key(program, module.key_schema, wrapped, key, target, schema)
    return Delivery(target.reducer, module.abi["event"], encoded, cell)


def _cell_key(
    program: Program,
    key_schema: str | None,
    wrapped: Any,
    key: bytes | None,
    target: Target,
    schema: str,
) -> bytes | None:
    if key_schema is None:
        if key is not None:
            raise _bad_key(f"{schema} has a key, but {target.reducer} is not keyed", schema, target)
        return None
    of = program.schemas[key_schema]
    given = None if key is None else of.read(key)[1]
    if target.key_path is None:
        if given is None:
            text = f"{schema} has no key for the keyed reducer {target.reducer}"
            raise _bad_key(text, schema, target)
        return given
    found = _walk(wrapped, target.key_path)
    if found is _ABSENT:
        path = ".".join(target.key_path)
        text = f"{schema} has no {path}, the key of {target.reducer}"
        raise ValueRejected(text, path=path, schema=schema, reducer=target.reducer)
    extracted = of.encode(of.normalise(found))
    if given is not None and given != extracted:
        text = f"the key of {schema} differs from the one that its value names"
        raise _bad_key(text, schema, target)
    return extracted


def _bad_key(text: str, schema: str, target: Target) -> ValueRejected:
    return ValueRejected(text, path="$.key", schema=schema, reducer=target.reducer)


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def correlates(plain: Any, path: str) -> bool:
    """Whether a plan's input has something at ``correlate_by``."""
    return _walk(plain, tuple(path.split("."))) is not _ABSENT
