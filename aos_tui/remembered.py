"""What the app remembers of its user between two runs, in one file of the state directory.

The theme that was chosen, the worlds that were opened, and whether the size of the terminal was
spoken of. Whatever is wrong with the file, the app starts as if there were none, and what cannot be
written is not remembered: nothing of it is worth a word.

Several apps may run. Each reads, changes and writes the file alone: nobody loses what another has
said of something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

MOST = 10
"""So many worlds are remembered."""

_BUSY_SECONDS = 5.0
"""So long one waits for another process, which needs milliseconds."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """``recent``: absolute paths of worlds, newest first."""

    theme: str | None = None
    recent: tuple[str, ...] = ()
    size_told: bool = False


def state_file() -> Path:
    """Where it is kept."""
    return platformdirs.user_state_path("aos") / "tui.json"


def recall() -> Remembered:
    """What is remembered."""
    try:
        given = json.loads(state_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Remembered()
    return _read(given) if isinstance(given, Mapping) else Remembered()


def _read(given: Mapping[str, Any]) -> Remembered:
    theme, recent = given.get("theme"), given.get("recent")
    paths = recent if isinstance(recent, list) else []
    return Remembered(
        theme if isinstance(theme, str) else None,
        tuple(path for path in paths if isinstance(path, str) and path)[:MOST],
        given.get("size_told") is True,
    )


def remember(**changed: Any) -> None:
    """Remember these fields of :class:`Remembered` from now on."""
    _change(lambda there: replace(there, **changed))


def remember_world(path: str) -> None:
    """From now on the world at this absolute path is the newest of the recent ones."""
    _change(lambda there: replace(there, recent=(path, *_without(there, path))[:MOST]))


def forget_world(path: str) -> None:
    """The world at this path is no longer among the recent ones."""
    _change(lambda there: replace(there, recent=_without(there, path)))


def _without(there: Remembered, path: str) -> tuple[str, ...]:
    return tuple(of for of in there.recent if of != path)


def _change(change: Callable[[Remembered], Remembered]) -> None:
    from aos_core.whole_files import put_whole

    file = state_file()

    def act() -> None:
        put_whole(file, json.dumps(asdict(change(recall())), indent=2).encode())

    alone(file, act)


def alone(path: Path, act: Callable[[], None]) -> None:
    """Change what is remembered at this path while no other process does. What cannot be written,
    or not be locked, is not remembered."""
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=_BUSY_SECONDS):
            act()
    except (OSError, NotImplementedError):  # the latter where nothing can be locked
        return
