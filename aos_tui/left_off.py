"""How each world was left: the branch that was shown, what was marked, what is watched, and the
scenarios of branches that may not have played any of them yet.

One small file a world, in the state directory and not in the world: it is its user's, a world may
be read-only, and others may open it too. Whatever is wrong with a file, or if it is of another
version, its world opens as if there were none; and what cannot be written is not remembered.

Several processes may show one world. Each reads, changes and writes the file alone: of one thing
the last word counts, and nobody loses what another has said of something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from aos_tui import remembered

VERSION = 1

MAIN = "main"
"""The branch that one begins on."""

MOST = 100
"""So many worlds are remembered, those that were changed last."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marked ``heights`` of a branch, rising. ``frame``: the hash, in hex, of the frame that
    the last of them is in; it names the history up to there, so that a branch which was begun anew
    under the same name does not get the marks of the one before."""

    heights: tuple[int, ...]
    frame: str


@dataclass(frozen=True, slots=True)
class Left:
    """``marks`` by branch. ``fails_at``: where the ``property`` that is watched was seen to fail
    first. ``scenarios``: those that were in force where a branch was begun, by its name."""

    branch: str = MAIN
    marks: Mapping[str, Marks] = field(default_factory=dict)
    property: str | None = None
    fails_at: int | None = None
    scenarios: Mapping[str, str] = field(default_factory=dict)

    def with_marks(self, branch: str, marks: Marks | None) -> Left:
        """The same with other marks of a branch; None: with none."""
        others = {name: of for name, of in self.marks.items() if name != branch}
        return replace(self, marks=others if marks is None else {**others, branch: marks})


def recall_left(world: Path) -> Left:
    """How the world in this folder was left."""
    try:
        given = json.loads(_file(world).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Left()
    if not isinstance(given, dict) or given.get("version") != VERSION:
        return Left()
    branch, text = given.get("branch"), given.get("property")
    found = {name: _marks(of) for name, of in _table(given.get("marks")).items()}
    scenarios = _table(given.get("scenarios"))
    return Left(
        branch if isinstance(branch, str) else MAIN,
        {name: of for name, of in found.items() if of is not None},
        text if isinstance(text, str) else None,
        given["fails_at"] if _is_height(given.get("fails_at")) else None,
        {branch: of for branch, of in scenarios.items() if isinstance(of, str)},
    )


def _table(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _marks(given: Any) -> Marks | None:
    match given:
        case {"heights": [_, *_] as heights, "frame": str(frame)} if all(map(_is_height, heights)):
            return Marks(tuple(sorted(set(heights))), frame)
    return None


def _is_height(given: Any) -> bool:
    return type(given) is int and given >= 0


def remember_left(world: Path, left: Left) -> None:
    """Remember from now on that the world in this folder was left so."""
    change_left(world, lambda _: left)


def change_left(world: Path, change: Callable[[Left], Left]) -> None:
    """Remember ``change`` of what is remembered by now of the world in this folder. Where that is
    the same, nothing is written."""
    from aos_core.whole_files import drop_oldest, put_whole

    file = _file(world)

    def act() -> None:
        before = recall_left(world)
        left = change(before)
        if left != before:
            told = {"version": VERSION, "world": str(world), **asdict(left)}
            file.parent.mkdir(exist_ok=True)
            put_whole(file, json.dumps(told, indent=2).encode(errors="replace"))
            drop_oldest(file.parent.glob("*.json"), MOST)

    remembered.alone(file.parent, act)


def _file(world: Path) -> Path:
    name = hashlib.sha256(str(world).encode(errors="surrogateescape")).hexdigest()[:32]
    return remembered.state_file().with_name("worlds") / f"{name}.json"
