"""States from their bytes: what a snapshot keeps of a world, made alive again.

The bytes of an instance name its plan and the manifest it started under; what those say is not
repeated in them, so the programs are needed to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from aos_core import canon
from aos_core.air.values import Value, from_kinded, text
from aos_core.kernel.program import Program
from aos_core.kernel.state import Held, Instance, Intent, State
from aos_core.merkle import MerkleMap, Source


def restore(
    plain: Mapping[str, Any],
    get: Callable[[bytes], bytes],
    programs: Callable[[bytes], Program],
    again: Callable[[], State],
) -> State:
    """The state of ``State.to_plain``. ``get`` gives a kept Merkle node by its hash; nodes are
    asked for when they are needed. ``again`` makes the same state without them, where one is
    damaged: any use of the state raises what that raises."""

    def instance(id: bytes, data: bytes) -> Instance:
        return restore_instance(id, canon.decode(data), programs)

    def cells(name: str) -> Source[bytes]:
        return Source(get, lambda _, data: data, lambda: again().cells[name])

    def intent(_: bytes, data: bytes) -> Intent:
        return Intent.from_bytes(data)

    return State(
        manifest=plain["manifest"],
        cells=MappingProxyType(
            {name: MerkleMap.load(root, cells(name)) for name, root in plain["cells"].items()}
        ),
        plans=MerkleMap.load(plain["plans"], Source(get, instance, lambda: again().plans)),
        pending=MerkleMap.load(plain["pending"], Source(get, intent, lambda: again().pending)),
    )


def restore_instance(
    id: bytes, plain: Mapping[str, Any], programs: Callable[[bytes], Program]
) -> Instance:
    """A live instance, as it is between two turns, from its decoded bytes."""
    plans = programs(plain["manifest"]).plans
    name, plan = next(item for item in plans.items() if item[1].hash == plain["plan"])
    correlation = plain.get("correlation")
    values = {step: from_kinded(value) for step, value in plain["values"].items()}
    given = {} if correlation is None else {"correlation_id": from_kinded(correlation)}
    bound: dict[str, Value] = {
        # the name of an effect's handle stands for the handle itself
        bind: text(bind) if plan.steps[step].op == "emit_effect" else values[step]
        for bind, step in plain["binds"].items()
    }
    listens = any(isinstance(wait, str) for wait in plain["waits"].values())
    return Instance(
        id=id,
        name=name,
        plan=plain["plan"],
        manifest=plain["manifest"],
        input=plain["input"],
        known=plan.input.kinded(plain["input"]),
        encoded=_encoded(plain["input"]),
        correlation=given.get("correlation_id"),
        status="waiting",
        steps=plain["steps"],
        values=values,
        forms={step: _encoded(value) for step, value in plain["values"].items()},
        binds=plain["binds"],
        vars={**given, **bound},
        statuses=plain.get("statuses", {}),
        waits=plain["waits"],
        receipts={
            canon.parse_hash(intent): Held(held["status"], held["payload"])
            for intent, held in plain.get("receipts", {}).items()
        },
        events={step: from_kinded(value) for step, value in plain.get("events", {}).items()},
        place=plain.get("place", int(listens)),
    )


def _encoded(plain: Any) -> canon.Encoded:
    return canon.Encoded(canon.encode_plain(plain))
