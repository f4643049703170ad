"""Which worlds may be built. Building runs cargo, and so build scripts and macros of whoever
wrote the crate: a person says yes once for each world directory, and that is remembered."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs
from filelock import FileLock

from aos_core.errors import NotTrusted


def _file() -> Path:
    return platformdirs.user_data_path("aos") / "trusted-worlds.json"


def is_trusted(world: Path) -> bool:
    """Whether the user has agreed to building this world directory."""
    return os.fspath(world.resolve()) in _read()


def trust(world: Path) -> None:
    """Remember that the user agrees. Raises :class:`OSError` where it cannot be written."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        worlds = sorted({*_read(), os.fspath(world.resolve())})
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(worlds, indent=2) + "\n", encoding="utf-8")
        beside.replace(file)


def require_trust(world: Path) -> None:
    """Raises :class:`NotTrusted` unless the user has agreed to building this world."""
    if not is_trusted(world):
        raise NotTrusted(
            "building this world runs its build scripts and macros on your machine, "
            "and you have not agreed to that yet",
            file=world,
            hint="if you trust its author: `aos build` in a terminal asks once, "
            "and `aos build --trust` agrees",
        )


def _read() -> list[str]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
