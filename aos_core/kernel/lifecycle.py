"""The life cycles of the kernel, as literal tables. Read this file first.

Rules
-----
- What may happen to a plan step, a plan instance or an intent is said here and nowhere else.
- The tables know nothing of values, expressions, wasm, journals or hosts.
- A pair (state, input) that is not in its table is a mistake of the caller: ``advance`` raises
  :class:`LifecycleError`, and because all state is immutable, nothing has changed.
- The words of these tables are the words of records, of ``--json`` and of the app's legend.

Theory of operation
-------------------
A *turn* takes one input and runs until nothing is left to do (``turn.py``). Two queues feed it:
deliveries to reducers and plan instances that can go on. A plan instance runs in *tasks*
(``plans.py``): all ready effects are asked for first, then the ready list is walked, until the
instance ends or only waits. What it waits for stands in the state: pending intents and awaited
events. Nothing else remembers anything: a turn is a function of (state, input).

A step of a plan starts ``pending``. It is *ready* when its predecessors are finished and one of
its incoming edges holds; ready is derived from the others, so it is no state of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aos_core.errors import LifecycleError

Table = Mapping[str, Mapping[str, str]]

STEP: Final[Table] = {
    #           input     next state
    "pending": {"run": "done", "wait": "waiting", "skip": "skipped", "fail": "failed"},
    "waiting": {"run": "done", "fail": "failed"},
    "done": {},
    "skipped": {},
    "failed": {},
}

INSTANCE: Final[Table] = {
    "new": {"start": "queued"},
    "queued": {"take": "running", "wake": "queued"},
    "running": {"pause": "waiting", "yield": "queued", "end": "ended", "fail": "failed"},
    "waiting": {"wake": "queued"},
    "ended": {},
    "failed": {},
}

INTENT: Final[Table] = {
    "unknown": {"ask": "pending"},
    # a fault takes nothing away: the intent can be released again
    "pending": {"receipt": "settled", "fault": "pending"},
    # a second receipt is late; a settled request may be asked again under its old hash
    "settled": {"receipt": "settled", "ask": "pending"},
}

FINISHED: Final = frozenset({"done", "skipped"})
"""Step states that let successors go on."""


def advance(table: Table, state: str, event: str) -> str:
    """The state after ``event``. Raises :class:`LifecycleError` where the table has no entry."""
    try:
        return table[state][event]
    except KeyError:
        raise LifecycleError(f"{event!r} is not possible in state {state!r}") from None
