"""Worlds as one picks and makes them: the ladder that ships, recent ones, folders, a new one.

Functions for a thread: all of them read the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aos_core.plain import clean

if TYPE_CHECKING:
    from aos_tui.options import Options


def holds(check: Callable[[Path], bool], path: Path) -> bool:
    """What there is at a path; False where one may not look, or where it is none."""
    try:
        return check(path)
    except OSError:
        return False


TOUR = "aggregator"
"""The slug of the world that the tour goes through."""


@dataclass(frozen=True, slots=True)
class Place:
    """A world one can pick: ``group`` is ``here``, ``recent`` or ``ships``, ``path`` absolute. The
    rest is to be shown: ``around`` is the folder it stands in, empty for one that ships.
    ``problem``: why it cannot be opened as it is; ``missing``: its folder is not there."""

    group: str
    path: str
    name: str
    around: str
    title: str
    summary: str = ""
    problem: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """What more there is to know of a world: names of its scenarios and branches, where its journal
    is, and the first words of its README."""

    scenarios: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    data: str = ""
    readme: str = ""


def places(recent: Sequence[str]) -> list[Place]:
    """The world one stands in, the ``recent`` ones, and those that ship."""
    from aos_core.files import bundled_worlds

    ladder = bundled_worlds()
    shipped = {str(of.path.resolve()): of.path.name for of in ladder}
    here = _here()
    found = []
    if here is not None and here not in recent and holds(Path.is_file, Path(here) / "world.toml"):
        found.append(_place("here", here, shipped))
    found += [_place("recent", path, shipped) for path in recent]
    return [
        *found,
        *(Place("ships", str(of.path), of.path.name, "", of.title, of.summary) for of in ladder),
    ]


def _here() -> str | None:
    """The folder one stands in; None where it is gone."""
    try:
        return str(Path.cwd().resolve())
    except OSError:
        return None


def _place(group: str, path: str, shipped: dict[str, str]) -> Place:
    from aos_core.errors import AosError
    from aos_core.files import read_config

    root, name, around = Path(path), shipped.get(path), ""
    if name is None:
        name, around = Path(path).name, shown_path(str(Path(path).parent))

    def place(
        title: str = "", summary: str = "", problem: str = "", missing: bool = False
    ) -> Place:
        return Place(
            group, path, clean(name), around, clean(title), clean(summary), clean(problem), missing
        )

    if not holds(Path.is_dir, root):
        return place(problem="its folder is not there", missing=True)
    files = (root / "world.toml", root.parent / "world.toml")
    file = next((of for of in files if holds(Path.is_file, of)), None)
    if file is None:
        return place(problem="there is no world.toml in it any more")
    try:
        config = read_config(file)
    except AosError as error:
        return place(problem=f"its world.toml does not load: {error.message}")
    return place(config.title, config.summary)


def shown_path(path: str) -> str:
    """A path to be shown, with ``~`` for the home directory."""
    home = os.path.expanduser("~")  # noqa: PTH111  Path.home() raises where there is none
    return clean(f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path)


def details(path: str) -> Details:
    """What more there is to know of the world at ``path``; nothing where it does not load."""
    from aos_core.branches import list_branches
    from aos_core.errors import AosError
    from aos_core.files import WorldFiles

    try:
        files = WorldFiles.read(Path(path))
        branches = list_branches(files.data_dir / "journal")
    except (AosError, OSError):
        return Details()
    return Details(
        tuple(files.scenarios),
        tuple(branches),
        shown_path(str(files.data_dir)),
        _readme(files.home),
    )


_README_BYTES = 4000


def _readme(home: Path) -> str:
    """The first paragraph of a README that is words: no heading, no picture, no code."""
    try:
        with (home / "README.md").open("rb") as file:
            text = file.read(_README_BYTES).decode(errors="replace")
    except OSError:
        return ""
    whole = text.rpartition("\n\n")[0] or text  # the last one may be cut off
    parts = (" ".join(part.split()) for part in whole.split("\n\n"))
    return clean(next((part.replace("`", "") for part in parts if part[:1].isalnum()), ""))


def folder_problem(text: str) -> str | None:
    """Why there is no world to open at the path that was typed, or None."""
    if not text.strip():
        return "type the path of a world's folder"
    path = Path(typed_path(text))
    if not holds(Path.exists, path):
        return f"there is nothing at {shown_path(str(path))}"
    if not holds(Path.is_dir, path):
        return f"{path.name} is a file; a world is a folder with a world.toml"
    around = path.parent if path.name.startswith("air") else path
    if not any(holds(Path.is_file, of / "world.toml") for of in (path, around)):
        return "there is no world.toml in it: an empty one makes a folder with AIR assets a world"
    return None


def typed_path(text: str) -> str:
    """The absolute path that was typed, ``~`` and all."""
    # not as Path does it: `..` is taken away by the letter, and an unknown ~user stays
    path = os.path.expanduser(text.strip())  # noqa: PTH111
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except OSError:  # the folder one stands in is gone
        return path


def writing_problem(folder: Path) -> str | None:
    """Why nothing can be written to a folder, which may still have to be made, or None."""
    there = next((of for of in (folder, *folder.parents) if holds(Path.exists, of)), Path(os.sep))
    if not holds(Path.is_dir, there):
        return f"{shown_path(str(there))} is a file"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"you may not write to {shown_path(str(there))}"
    return None


def new_problem(folder: str, name: str) -> tuple[str, str] | None:
    """(field, what is wrong with it) of a new world, or None. Fields: ``folder``, ``name``."""
    if not folder.strip():
        return "folder", "type the folder that it is to stand in"
    around = Path(typed_path(folder))
    if (problem := writing_problem(around)) is not None:
        return "folder", problem
    if not name.strip():
        return "name", "it needs a name"
    if "/" in name or os.sep in name or name.strip(". ") == "" or not name.isprintable():
        return "name", "the name is that of its folder: no / in it"
    place = around / name.strip()
    if os.path.lexists(place) and not (holds(Path.is_dir, place) and not any(place.iterdir())):
        return "name", f"{shown_path(str(place))} exists and is not empty"
    return None


def new_world(folder: str, name: str, model: str) -> str:
    """Make a world as ``aos new`` does, like the one at the path ``model``, or the small template
    where that is empty; returns its path. Raises :class:`aos_core.errors.AosError`."""
    from contextlib import suppress

    from aos_core.build.trust import trust
    from aos_core.new_world import make_world

    place = Path(typed_path(folder)) / name.strip()
    make_world(place, Path(model).resolve() if model else None)
    with suppress(OSError):  # then building asks
        trust(place)
    return str(place)


def tour_options(options: Options) -> Options:
    """Options that open the tour's world, in memory: nothing of it is kept."""
    from aos_core.files import bundled_worlds

    path = next(str(of.path) for of in bundled_worlds() if of.slug == TOUR)
    return replace(
        options, world=path, branch="main", scenario="basic", at=None,
        memory=True, watch=False, tour=True,
    )  # fmt: skip
