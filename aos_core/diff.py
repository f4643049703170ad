"""What differs between two states: of two branches, of two heights.

The Merkle maps say where to look, so it costs what differs, however large the states are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.air.values import to_kinded
from aos_core.host_values import kinded_to_host, origin_json, typed_to_host
from aos_core.kernel.state import Instance, Intent
from aos_core.merkle import MerkleMap
from aos_core.present import NOTHING, cell_key, changes
from aos_core.view import View

Part = bytes | Instance | Intent
"""What a leaf of the state holds."""

Of = TypeVar("Of", bytes, Instance, Intent)


@dataclass(frozen=True, slots=True)
class Change:
    """One place in which two states differ: ``demo/Seats@1["A 7"].holder``, ``pending["sha256:
    .."]``, ``plans["sha256:.."].steps.ask``, ``manifest``. ``before`` and ``after`` are host JSON,
    ``NOTHING`` where there is no such place."""

    path: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        """As ``aos diff --json`` prints it: null where there is nothing."""
        before, after = (None if of is NOTHING else of for of in (self.before, self.after))
        return {"path": self.path, "before": before, "after": after}


def diff_states(before: View, after: View) -> Iterator[Change]:
    """Every difference of the cells, field by field, then of the plans, what is pending, and the
    manifest. What each side holds is read by that side's program.

    Cells come by reducer and key bytes. Raises what reading a kept state raises.
    """
    old, new = before.kernel_state, after.kernel_state
    for reducer in sorted({*old.cells, *new.cells}):
        mine, theirs = (of.cells.get(reducer, MerkleMap[bytes]()) for of in (old, new))
        for key, had, has in _by_key(mine, theirs):
            path = _cell_path(before if has is None else after, reducer, key)
            values = _cell(before, reducer, had), _cell(after, reducer, has)
            yield from _compare(path, *values, had, has)
    for id, was, now in _by_key(old.plans, new.plans):
        path = _member("plans", canon.hash_text(id))
        yield from _compare(path, _plan(before, was), _plan(after, now), was, now)
    for hash, asked, asks in _by_key(old.pending, new.pending):
        path = _member("pending", canon.hash_text(hash))
        yield from _compare(path, _intent(before, asked), _intent(after, asks), asked, asks)
    if old.manifest != new.manifest:
        yield Change("manifest", *map(canon.hash_text, (old.manifest, new.manifest)))


def _by_key(mine: MerkleMap[Of], theirs: MerkleMap[Of]) -> list[tuple[bytes, Of | None, Of | None]]:
    return sorted(mine.diff(theirs), key=lambda of: of[0])


def _compare(
    path: str, before: Any, after: Any, had: Part | None, has: Part | None
) -> Iterator[Change]:
    """The places in which two values differ; where only their bytes do, those."""
    found = [Change(*of) for of in changes(before, after, path)]
    if not found and had is not None and has is not None:
        found = [Change(path, untyped_to_host(bytes(had)), untyped_to_host(bytes(has)))]
    yield from found


def _member(path: str, key: Any) -> str:
    return f"{path}[{json.dumps(key, ensure_ascii=False, separators=(',', ':'))}]"


def _cell_path(view: View, reducer: str, key: bytes) -> str:
    module = view.program.modules.get(reducer)
    keyed = key != b"" if module is None else module.key_schema is not None
    return _member(reducer, cell_key(view.program, reducer, key)) if keyed else reducer


def _cell(view: View, reducer: str, data: bytes | None) -> Any:
    if data is None:
        return NOTHING
    if reducer in view.program.modules:
        return view.decode_state(reducer, data)
    return untyped_to_host(data)  # the manifest in force does not know it any more


def _plan(view: View, instance: Instance | None) -> Any:
    """A live instance; a running plan keeps the schemas it started under."""
    if instance is None:
        return NOTHING
    program = view.program_of(instance.manifest)
    schema = program.schemas.get(program.plans[instance.name].node.input)
    waits = {
        step: canon.hash_text(wait) if isinstance(wait, bytes) else wait
        for step, wait in instance.waits.items()
    }
    return {
        "plan": instance.name,
        "input": typed_to_host(schema, instance.input),
        "steps": dict(instance.steps),
        "values": {step: kinded_to_host(to_kinded(of)) for step, of in instance.values.items()},
        "waits": waits,
    }


def _intent(view: View, intent: Intent | None) -> Any:
    if intent is None:
        return NOTHING
    effect = view.program.effects.get(intent.kind)
    schema = None if effect is None else view.program.schemas.get(effect.params_schema)
    return {
        "kind": intent.kind,
        "params": typed_to_host(schema, canon.decode(intent.params)),
        "cap": intent.cap,
        "origin": origin_json(intent.origin),
    }
