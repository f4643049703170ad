"""Folders that a path may go on with, for a field in which one is typed.

Functions for a thread: they read the disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MOST = 200
"""So many folders are looked at closer and listed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that fits: its ``name``, and whether it is a ``world``."""

    name: str
    world: bool = False


@dataclass(frozen=True, slots=True)
class Folders:
    """What fits a typed path. ``begin``: what was typed up to the last separator; ``typed``: the
    rest, with which each of the ``folders`` begins; ``left_out`` more do.
    ``agreed``: how all their names begin."""

    begin: str = ""
    typed: str = ""
    folders: tuple[Folder, ...] = ()
    left_out: int = 0
    agreed: str = ""

    def text(self, folder: Folder) -> str:
        """The path with this folder."""
        return f"{self.begin}{folder.name}{os.sep}"

    @property
    def path(self) -> str:
        """What was typed."""
        return self.begin + self.typed

    @property
    def common(self) -> str:
        """The path as far as all that fit agree, with the separator where it is only one."""
        only = len(self.folders) == 1 and not self.left_out
        return self.text(self.folders[0]) if only else self.begin + self.agreed


def folders_that_fit(text: str) -> Folders:
    """The folders that a typed path may mean; hidden ones only where a dot was typed. ``~`` is
    home."""
    text = text.lstrip()
    if text == "~":
        return Folders("", "~", (Folder("~"),))
    at = text.rfind(os.sep) + 1
    begin, typed = text[:at], text[at:]
    around = os.path.expanduser(begin) or os.curdir  # noqa: PTH111  an unknown ~user stays
    try:
        with os.scandir(around) as entries:
            names = sorted(of.name for of in entries if _fits(of, typed))
    except (OSError, ValueError):  # not there, not to be read; or no path at all
        return Folders(begin, typed)
    found = tuple(Folder(of, _is_world(Path(around) / of)) for of in names[:MOST])
    agreed = os.path.commonprefix(names) or typed  # noqa: RUF071  of names: letters are wanted
    return Folders(begin, typed, found, len(names) - len(found), agreed)


def _fits(entry: os.DirEntry[str], typed: str) -> bool:
    name = entry.name
    hidden = name.startswith(".") and not typed.startswith(".")
    if hidden or not name.startswith(typed) or not name.isprintable():
        return False
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_world(path: Path) -> bool:
    try:
        return (path / "world.toml").is_file()
    except OSError:
        return False
