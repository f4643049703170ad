"""Records and values for readers: host JSON for programs, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aos_core.air.host_json import untyped_to_host
from aos_core.air.schemas import Schema
from aos_core.errors import ValueRejected
from aos_core.host_values import kinded_to_host, origin_json, typed_to_host, with_hashes
from aos_core.kernel.program import Program
from aos_core.kernel.records import Record, show_field

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
            case "plan_step", "value":
                return with_hashes(kinded_to_host(value), self._is_intent)
            case "plan_started", "correlation":
                return kinded_to_host(value)
            case "plan_ended", "result":
                return typed_to_host(
                    self._output_schema(record["instance"], program, height), value
                )
            case "fault", "where":
                return {part: show_field(part, of) for part, of in value.items()}
        return show_field(name, value)

    def _is_intent(self, hash: bytes) -> bool:
        return self._world.history.asked(hash, self._world.height) is not None

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
