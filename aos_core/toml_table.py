"""Strict reading of TOML tables: unknown keys are errors with a suggestion, types are checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.errors import WorldError
from aos_core.hints import did_you_mean
from aos_core.places import find, line_column, toml_places

_NAMES = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "an array",
    object: "a value",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file, read."""

    file: Path
    text: str
    data: Mapping[str, Any]

    def table(self, known: tuple[str, ...]) -> Table:
        """Its outermost table. Raises :class:`WorldError`."""
        return Table(self.data, self, "", known)

    def error(
        self, message: str, path: str, *, key: bool = False, code: str | None = None,
        hint: str | None = None,
    ) -> WorldError:  # fmt: skip
        """What is wrong at ``path``, with its line and column: of the value, or of its key."""
        spot = find(toml_places(self.text), path)
        line, column = None, None
        if spot is not None:
            line, column = line_column(self.text, spot.key if key else spot.value)
        return WorldError(
            message, file=self.file, path=path or None, line=line, column=column, code=code,
            hint=hint,
        )  # fmt: skip


def read_toml(path: Path) -> Document:
    """The document at ``path``. Raises :class:`WorldError` with its place."""
    try:
        data = path.read_bytes()
        return parse_toml(path, data.decode().replace("\r\n", "\n"))
    except FileNotFoundError:
        raise WorldError(f"there is no {path.name}", file=path, code="no_file") from None
    except OSError as error:
        raise WorldError(f"{path.name} cannot be read: {error}", file=path) from error
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line, column = line_column(before, len(before))
        message = f"not UTF-8: byte 0x{data[error.start]:02x}"
        raise WorldError(
            message, file=path, line=line, column=column, hint="save it as UTF-8"
        ) from error


def parse_toml(path: Path, text: str) -> Document:
    """The document of a text, whose errors say that it stands at ``path``. Raises as
    :func:`read_toml`."""
    try:
        return Document(path, text, tomllib.loads(text))
    except RecursionError:
        raise WorldError("nested too deep", file=path) from None
    except ValueError as error:  # an integer of thousands of digits is no TOMLDecodeError
        raise _not_toml(path, text, str(error)) from error


def _not_toml(path: Path, text: str, said: str) -> WorldError:
    """What ``tomllib`` said; until 3.14 it gives the place only in words."""
    if text.startswith("\ufeff"):
        message, hint = "the file begins with a byte order mark", "save it as UTF-8 without a BOM"
        return WorldError(message, file=path, line=1, column=1, hint=hint)
    line: int | None = None
    column: int | None = None
    if (place := re.search(r" \(at line (\d+), column (\d+)\)\Z", said)) is not None:
        line, column = int(place[1]), int(place[2])
    elif said.endswith("(at end of document)"):
        line, column = line_column(text, len(text))
        said = said.removesuffix(" (at end of document)")
    elif (digits := re.search(r"\d{4000,}", text)) is not None:
        line, column = line_column(text, digits.start())
        said = f"an integer of {len(digits[0])} digits"
    message = said if place is None else said[: place.start()]
    return WorldError(f"not TOML: {message}", file=path, line=line, column=column)


class Table:
    """One table of a TOML file; ``path`` is where it stands in it."""

    def __init__(self, data: Any, of: Document, path: str, known: tuple[str, ...]) -> None:
        if not isinstance(data, dict):
            raise of.error("expected a table", path)
        self.data: Mapping[str, Any] = data
        self.of, self.path = of, path
        for key in data:
            if key not in known:
                raise of.error(
                    f"unknown key {key!r}", self.at(key), key=True, code="bad_key",
                    hint=did_you_mean(key, known),
                )  # fmt: skip

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
            hint = did_you_mean(value, among)
            raise self.bad(key, f"expected one of {', '.join(among)}", hint)
        return value

    def sub(self, key: str, known: tuple[str, ...]) -> Table:
        """The table at ``key``; empty where it is absent."""
        return Table(self.data.get(key, {}), self.of, self.at(key), known)

    def subs(self, key: str, known: tuple[str, ...]) -> list[Table]:
        """The tables in the array at ``key``."""
        items = self.get(key, list, [])
        return [
            Table(item, self.of, f"{self.at(key)}[{index}]", known)
            for index, item in enumerate(items)
        ]

    def bad(self, key: str, message: str, hint: str | None = None) -> WorldError:
        """What is wrong with the value at ``key``."""
        return self.of.error(f"{self.at(key)}: {message}", self.at(key), hint=hint)
