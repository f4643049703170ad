"""Watching the files of a world: says when what they mean may have changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

KINDS = frozenset({".rs", ".toml", ".lock", ".wat", ".wasm", ".json"})
SOURCES = frozenset({".rs", ".toml", ".lock", ".wat"})
"""Those of them that a compiler reads."""

_OURS = frozenset({".aos", "target", ".git"})
_BUILT = "/.aos/cache/modules/"
_QUIET_MS = 20
"""An editor may write a file in several steps."""


async def changes(folders: Sequence[Path], *, built: bool = False) -> AsyncIterator[list[Path]]:
    """The files below ``folders`` that were written or deleted, a sorted list each time; what we
    and cargo write ourselves left out, but for modules where ``built`` is set: `aos build` may run
    elsewhere. Runs until cancelled."""
    from watchfiles import awatch

    if not folders:
        return

    def wanted(_: object, path: str) -> bool:
        found = Path(path)
        if built and found.suffix == ".wasm" and _BUILT in found.as_posix():
            return True
        return found.suffix in KINDS and not _OURS & set(found.parts)

    watcher = awatch(*folders, watch_filter=wanted, step=_QUIET_MS, debounce=400)
    async for found in watcher:
        yield sorted({Path(path) for _, path in found})
