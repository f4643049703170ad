"""Trying other code before it is put in force: can it read what the old one has left?

Nothing here changes a world. The last event of every cell is run again, on the state as it is now,
with the new program; a fault there says that the new module cannot go on from the old one's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.errors import Rejected
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Program
from aos_core.kernel.records import EventInput, Record
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment, Programs, turn

MOST_CELLS = 256
"""So many cells are tried, the last changed first."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A cell that the new code cannot go on with. ``key``: of a keyed reducer, canonical bytes;
    ``height``: of the event that was tried; ``code`` and ``text``: of its fault."""

    reducer: str
    key: bytes | None
    height: int
    code: str
    text: str


def risks(
    state: State,
    moment: Moment,
    records: Sequence[Record],
    steps: Iterable[int],
    programs: Programs,
    new: Program,
    modules: Modules,
) -> tuple[Risk, ...]:
    """What would fault at once if ``new`` were in force in ``state``; ``modules`` runs its wasm.

    ``steps``: the heights of steps, the latest first, of which ``records`` tell. Only cells of
    modules that differ are tried."""
    old = programs(state.manifest)
    changed = {
        name
        for name, module in new.modules.items()
        if name in old.modules and module.wasm_hash != old.modules[name].wasm_hash
    }

    def known(manifest: bytes) -> Program:
        return new if manifest == new.manifest_hash else programs(manifest)

    found = []
    state = state.with_manifest(new.manifest_hash)
    for reducer, key, height in _last_events(records, steps, changed):
        fault = _try(state, moment, known, modules, records[height])
        if fault is not None and fault["where"].get("reducer", reducer) == reducer:
            found.append(Risk(reducer, key, height, fault["code"], fault["text"]))
    return tuple(found)


def _last_events(
    records: Sequence[Record], steps: Iterable[int], reducers: set[str]
) -> Iterator[tuple[str, bytes | None, int]]:
    """(reducer, key, height of the event) of every cell's last step, the latest first."""
    seen: set[tuple[str, bytes | None]] = set()
    for at in steps:
        record = records[at]
        if record["reducer"] not in reducers:
            continue
        cell = record["reducer"], record.get("key")
        if cell not in seen and record.by is not None:
            seen.add(cell)
            yield *cell, record.by
        if len(seen) == MOST_CELLS:
            return


def _try(
    state: State, moment: Moment, programs: Programs, modules: Modules, event: Record
) -> Mapping[str, Any] | None:
    """The fault of an event that comes again, or None."""
    input = EventInput(
        schema=event["schema"],
        value=canon.encode(event["value"]),
        key=event.get("key"),
        logical_ns=moment.logical_ns,
    )
    try:
        made = turn(programs, state, input, moment, modules)
    except Rejected as error:
        return {"code": error.code, "text": error.message, "where": {}}
    return None if made.fault is None else {**made.fault.fields, "text": made.fault_text}
