"""Names that are not taken yet: of branches, of scenarios."""

from __future__ import annotations

import itertools
from collections.abc import Collection


def free_name(stem: str, taken: Collection[str]) -> str:
    """``stem``, or where that is taken the first of ``stem-2`` and so on that is not."""
    names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)
