"""The first height at which a property fails.

Replay gives the states of a history one after the other, from its beginning or from a snapshot, so
the exact answer is a scan that stops at the first failure: a property may fail, hold again, and
fail again, and no search by halving can tell which failure is the first. Halving finds *a* failure
soon; it bounds the scan, which tells how long the scan can take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aos_core.errors import UsageError
from aos_core.progress import Progress
from aos_core.property import Property
from aos_core.view import View

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Scan(Generic[State]):
    """What a scan found. ``height``: the first one that fails, ``after`` the state there and
    ``before`` the one before it in the scan (None where the scan began with it); all three None
    where none fails. ``seen``: how many heights were looked at; at ``silent`` of them the property
    said nothing."""

    height: int | None
    before: State | None
    after: State | None
    seen: int
    silent: int


def first_failure(
    states: Iterable[tuple[int, State]],
    holds: Callable[[State], bool | None],
    progress: Callable[[int], None] = lambda *_: None,
) -> Scan[State]:
    """The first of (height, state) for which ``holds`` is False; nothing after it is asked for.

    ``progress`` is told how many were looked at, after each; what it raises breaks the scan off.
    """
    before, seen, silent = None, 0, 0
    for height, state in states:
        verdict = holds(state)
        seen += 1
        progress(seen)
        if verdict is False:
            return Scan(height, before, state, seen, silent)
        silent += verdict is None
        before = state
    return Scan(None, None, None, seen, silent)


def some_failure(low: int, high: int, fails: Callable[[int], bool]) -> int:
    """A height that fails while the one before it does not, not always the first, where ``low``
    does not fail and ``high`` does. Looks at about log2(high - low) heights."""
    while high - low > 1:
        middle = (low + high) // 2
        if fails(middle):
            high = middle
        else:
            low = middle
    return high


def bisect(
    property: Property,
    at: Callable[[int], View],
    last: int,
    progress: Progress = lambda *_: None,
) -> Scan[View]:
    """The first of the heights 0 to ``last`` at which ``property`` does not hold. Height 0 may.

    ``at`` gives the world after a record. Where the property says nothing it does not fail. Raises
    :class:`UsageError` for the first height at which it cannot be evaluated, if none before fails.
    """

    def stops(height: int) -> bool:
        try:
            return property.holds(at(height)) is False
        except UsageError:
            return True

    end = last
    if stops(last):
        end = 0 if stops(0) else some_failure(0, last, stops)
    states = ((height, at(height)) for height in range(end + 1))
    return first_failure(states, property.holds, lambda seen: progress(seen, end + 1))
