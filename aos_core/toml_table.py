"""Strict reading of TOML tables: unknown keys are errors with a suggestion, types are checked."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aos_core.errors import WorldError

_NAMES = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "an array",
    object: "a value",
}


def read_toml(path: Path) -> dict[str, Any]:
    """The document at ``path``. Raises :class:`WorldError` with its place."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorldError(f"there is no {path.name}", file=path, code="no_file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorldError(f"{path.name} cannot be read: {error}", file=path) from error


class Table:
    """One table of a TOML file; ``path`` is where it stands in it."""

    def __init__(self, data: Any, file: Path, path: str, known: tuple[str, ...]) -> None:
        if not isinstance(data, dict):
            raise WorldError("expected a table", file=file, path=path or "$")
        self.data: Mapping[str, Any] = data
        self.file, self.path = file, path
        for key in data:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise WorldError(
                    f"unknown key {key!r}", file=file, path=self.at(key), hint=hint, code="bad_key"
                )

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str, of: type, default: Any = None) -> Any:
        """The value at ``key``, checked to be of type ``of``; ``default`` where it is absent."""
        if key not in self.data:
            return default
        value = self.data[key]
        if not isinstance(value, of) or (of is int and isinstance(value, bool)):
            raise self.bad(key, f"expected {_NAMES[of]}")
        return value

    def whole(self, key: str, default: int, least: int, most: int = 2**63 - 1) -> int:
        """A whole number from ``least`` to ``most``."""
        value: int = self.get(key, int, default)
        if not least <= value <= most:
            raise self.bad(key, f"expected a whole number from {least} to {most}")
        return value

    def need(self, key: str, of: type) -> Any:
        """The value at ``key``, which must be there."""
        if key not in self.data:
            raise self.bad(key, f"expected {_NAMES[of]}")
        return self.get(key, of)

    def choice(self, key: str, among: tuple[str, ...], default: str) -> str:
        """One of some texts."""
        value: str = self.get(key, str, default)
        if value not in among:
            raise self.bad(key, f"expected one of {', '.join(among)}")
        return value

    def sub(self, key: str, known: tuple[str, ...]) -> Table:
        """The table at ``key``; empty where it is absent."""
        return Table(self.data.get(key, {}), self.file, self.at(key), known)

    def bad(self, key: str, message: str) -> WorldError:
        return WorldError(f"{self.at(key)}: {message}", file=self.file, path=self.at(key))
