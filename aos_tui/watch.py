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


async def changes(folders: Sequence[Path], *, to_open: bool = False) -> AsyncIterator[list[Path]]:
    """The files below ``folders`` that were written or deleted, a sorted list each time; what we
    and cargo write ourselves left out. ``to_open``: for a world that does not open modules count
    too, for `aos build` may run elsewhere, and journals, which may be mended or put back. Runs
    until cancelled."""
    from watchfiles import awatch

    if not folders:
        return

    def wanted(_: object, path: str) -> bool:
        found = Path(path)
        if to_open and _may_open(found):
            return True
        return found.suffix in KINDS and not _OURS & set(found.parts)

    watcher = awatch(*folders, watch_filter=wanted, step=_QUIET_MS, debounce=400)
    async for found in watcher:
        yield sorted({Path(path) for _, path in found})


def _may_open(path: Path) -> bool:
    built = path.suffix == ".wasm" and _BUILT in path.as_posix()
    return built or (path.suffix == ".log" and path.parent.name == "journal")
