"""Values and comments as TOML says them, and what it cannot say."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import tomlkit

_WIDTH = 100


class Unsayable(Exception):
    """Why something cannot be said, as half a sentence."""


def inline(value: Any) -> str:
    """A value on one line of TOML. Raises :class:`Unsayable` for a null."""
    match value:
        case Mapping():
            parts = [f"{toml_key(key)} = {inline(of)}" for key, of in value.items()]
            return f"{{ {', '.join(parts)} }}" if parts else "{}"
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case None:
            raise Unsayable("TOML has no null")
        case int() if abs(value) >= 100_000:
            return f"{value:_}"
    text: str = tomlkit.item(value).as_string()
    return text


def toml_key(key: str) -> str:
    """A key, in quotes where TOML wants them."""
    name: str = tomlkit.key([key]).as_string()
    return name


def comment(text: str) -> str:
    """A comment of as many lines as it needs."""
    shown = "".join(of if of.isprintable() else "?" for of in text)
    return textwrap.fill(
        shown, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def without_nulls(host: Any) -> Any:
    """Host JSON without members that are null: a record may leave out what is optional."""
    match host:
        case dict():
            return {key: without_nulls(of) for key, of in host.items() if of is not None}
        case list():
            return [without_nulls(of) for of in host]
    return host
