"""Text fit to be shown: short, and taken by a terminal for nothing but text."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SIGN: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that is left out."""

_SUSPECT = re.compile(r"[^\n\x20-\x7e\xa1-\xac\xae-\u02ff]")
"""What is worth a closer look."""


def clean(text: str, keep: str = "") -> str:
    """``text`` without what a terminal would take as a command or what turns the direction of
    writing: a sign stands for each such character, save those of ``keep``."""
    if text.isprintable():
        return text
    return "".join(SIGN if commands(of) and of not in keep else of for of in text)


def clip(text: str, width: int) -> str:
    """``text`` on one line, at most ``width`` characters long."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(0, width - 2)] + ".."


def short_name(name: str) -> str:
    """``demo/Aggregator@1`` as ``Aggregator``."""
    return name.rpartition("/")[2].partition("@")[0]


def escaped(json_text: str) -> str:
    """JSON that says the same, in which such characters are escaped; line ends stay."""
    return _SUSPECT.sub(_escape, json_text)


def commands(character: str) -> bool:
    """Whether a character is none to be seen: a control or format character, half of a pair, one
    without a meaning, or the end of a line."""
    kind = unicodedata.category(character)
    return kind[0] == "C" or kind in ("Zl", "Zp")


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if not commands(character):
        return character
    pairs = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at : at + 2].hex()}" for at in range(0, len(pairs), 2))
