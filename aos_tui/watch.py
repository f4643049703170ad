"""Watching the wasm of a world: says when a reducer was rebuilt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path


async def rebuilt(paths: Sequence[Path]) -> AsyncIterator[list[str]]:
    """The names of watched files that were written, a list each time; runs until cancelled.

    Folders are watched, for builders replace a file rather than write into it.
    """
    from watchfiles import Change, awatch

    watched = {path.resolve() for path in paths}
    folders = {path.parent for path in watched if path.parent.is_dir()}
    if not folders:
        return

    def wanted(change: Change, path: str) -> bool:
        return change != Change.deleted and Path(path).resolve() in watched

    async for changes in awatch(*folders, watch_filter=wanted, recursive=False):
        yield sorted({Path(path).name for _, path in changes})
