"""What the app remembers of its user between two runs, in one file of the state directory.

The theme that was chosen, the worlds that were opened, and whether the size of the terminal was
spoken of. Whatever is wrong with the file, the app starts as if there were none, and what cannot be
written is not remembered: nothing of it is worth a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

MOST = 10
"""So many worlds are remembered."""


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
    except (OSError, ValueError):
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
    from aos_core.whole_files import put_whole

    path = state_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put_whole(path, json.dumps(asdict(replace(recall(), **changed)), indent=2).encode())
    except OSError:
        return


def remember_world(path: str) -> None:
    """From now on the world at this absolute path is the newest of the recent ones."""
    remember(recent=(path, *(of for of in recall().recent if of != path))[:MOST])


def forget_world(path: str) -> None:
    """The world at this path is no longer among the recent ones."""
    remember(recent=tuple(of for of in recall().recent if of != path))
