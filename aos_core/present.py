"""Records and values for readers: host JSON for programs, short text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aos_core import canon
from aos_core.air.codec import Schema, untyped_to_host
from aos_core.errors import CanonError, ValueRejected
from aos_core.kernel.program import Program
from aos_core.kernel.records import Record, show_field
from aos_core.plain import clip as clip
from aos_core.view import kinded_to_host, origin_json, typed_to_host

if TYPE_CHECKING:
    from aos_core.world import World


class RecordReader:
    """The records of a world as host JSON. What is asked for may have been appended since."""

    def __init__(self, world: World) -> None:
        self._world = world

    def to_json(self, height: int) -> dict[str, Any]:
        """``{height, k, by?, ...}``, named as in the journal; hashes as ``sha256:..``, values
        by their schema where it is known."""
        record = self._world.records[height]
        by = {} if record.by is None else {"by": record.by}
        return {"height": height, "k": record.kind, **by, **self.fields(height)}

    def fields(self, height: int) -> dict[str, Any]:
        """The fields of a record alone, as in :meth:`to_json`."""
        record, program = self._world.records[height], self.program(height)
        return {name: self._field(record, name, program, height) for name in record.fields}

    def program(self, height: int) -> Program:
        """The program that record ``height`` was made by."""
        return self._world.program_of(self._world.history.manifest_at(height))

    def _field(self, record: Record, name: str, program: Program, height: int) -> Any:
        value = record[name]
        match record.kind, name:
            case "event", "value":
                return typed_to_host(program.schemas.get(record["schema"]), value)
            case "receipt", "payload":
                return typed_to_host(self._receipt_schema(record["intent"], program, height), value)
            case "intent", "params":
                effect = program.effects.get(record["kind"])
                schema = None if effect is None else program.schemas[effect.params_schema]
                return typed_to_host(schema, value)
            case "intent", "origin":
                return origin_json(value)
            case "step", "key":
                return cell_key(program, record["reducer"], value)
            case ("plan_step", "value") | ("plan_started", "correlation"):
                return kinded_to_host(value)
            case "plan_ended", "result":
                return typed_to_host(
                    self._output_schema(record["instance"], program, height), value
                )
            case "fault", "where":
                return {part: show_field(part, of) for part, of in value.items()}
        return show_field(name, value)

    def _receipt_schema(self, hash: bytes, program: Program, height: int) -> Schema | None:
        asked = self._world.history.asked(hash, height)
        if asked is None or asked.intent.kind not in program.effects:
            return None
        reducer = asked.intent.origin["kind"] == "reducer"
        return program.receipt_schema(asked.intent.kind, reducer=reducer)

    def _output_schema(self, instance: bytes, program: Program, height: int) -> Schema | None:
        started = self._world.history.instance(instance, height)
        plan = None if started is None else program.plans.get(started.plan)
        output = None if plan is None else plan.node.output
        return None if output is None else program.schemas[output]


def cell_key(program: Program, reducer: str, key: bytes) -> Any:
    """The key of a cell as host JSON, by its schema where the program knows one."""
    module = program.modules.get(reducer)
    if module is not None and module.key_schema is not None:
        try:
            schema = program.schemas[module.key_schema]
            return schema.to_host(schema.normalise_bytes(key))
        except ValueRejected:
            pass
    return untyped_to_host(key)


# -- short text -----------------------------------------------------------------------------


def short_name(name: str) -> str:
    """``demo/Aggregator@1`` as ``Aggregator``."""
    return name.rpartition("/")[2].partition("@")[0]


def compact(value: Any, width: int = 60) -> str:
    """A value of host JSON on one line, to be read, not parsed: text stands without quotes."""
    return clip(_plainly(value), width)


def _plainly(value: Any) -> str:
    match value:
        case str():
            return value or '""'
        case dict():
            return "{" + ", ".join(f"{name}: {_plainly(of)}" for name, of in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_plainly, value)) + "]"
    return json.dumps(value)


def bytes_text(data: bytes) -> str:
    """Bytes to be read: as text where they are printable UTF-8, else in hex."""
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() and text.encode() == data else f"0x{data.hex()}"


def key_text(key: bytes) -> str:
    """The key of a cell or event to be read: the value, where it is canonical bytes of one."""
    if key.startswith(canon.SELF_DESCRIBE):
        try:
            return compact(untyped_to_host(canon.decode(key)))
        except CanonError:
            pass
    return bytes_text(key)


def asks_for(kind: str, params: Any) -> str:
    """An effect in a few words: ``http.request GET https://example.com/``."""
    if isinstance(params, Mapping) and "url" in params:
        return f"{kind} {params.get('method', '')} {params['url']}"
    if isinstance(params, Mapping):
        shown = {name: of for name, of in params.items() if of not in (None, {}, [])}
        return f"{kind} {', '.join(f'{name} {compact(of, 24)}' for name, of in shown.items())}"
    return f"{kind} {compact(params, 40)}"


def answers(payload: Any) -> str:
    """A receipt's payload in a few words: for HTTP its status and the beginning of the body."""
    if isinstance(payload, Mapping) and {"status", "headers"} <= set(payload):
        return f"{payload['status']} {payload.get('body_preview') or ''}".rstrip()
    if isinstance(payload, Mapping):
        return compact({name: of for name, of in payload.items() if of is not None}, 200)
    return compact(payload, 200)


NOTHING = object()
"""Stands where one of two values has no such part."""


def changes(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of every part in which two values of host JSON differ."""
    for parts, old, new in changed_parts(before, after, (path,) if path else ()):
        yield ".".join(parts), old, new


def changed_parts(
    before: Any, after: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """As :func:`changes`, with the names on the way."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            inner = (*path, str(name))
            yield from changed_parts(before.get(name, NOTHING), after.get(name, NOTHING), inner)
    elif before is NOTHING or after is NOTHING or before != after:
        yield path, before, after
