"""What to do about a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_SHOWN = 12


def did_you_mean(name: object, known: Iterable[str]) -> str | None:
    """The known name nearest to ``name``, or the known ones where they are few; else None."""
    names = sorted(set(known))
    if near := difflib.get_close_matches(str(name), names, 1):
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= _MOST_SHOWN else None
