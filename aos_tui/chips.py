"""Hashes as chips: the first digits on a hue that the hash itself picks, so that equal ones look
equal at a glance. The digits say the same without colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.style import Style
from rich.text import Text
from textual.color import Color

HUES: Final = 16
DIGITS: Final = 8
"""So many digits of a hash are its chip."""

_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def hue_of(digits: str) -> int:
    """Which of the hues a hash has, given in hex."""
    return int(digits[:2], 16) % HUES


def chip_styles(dark: bool) -> list[Style]:
    """The style of each hue, to be read on a dark ground or a light one: contrast 4.5 at least."""
    text = Color.parse("#ffffff" if dark else "#101010")
    return [
        Style(color=text.rich_color, bgcolor=_ground(hue / HUES, dark).rich_color)
        for hue in range(HUES)
    ]


def _ground(hue: float, dark: bool) -> Color:
    return Color.from_hsl(hue, 0.5, 0.28) if dark else Color.from_hsl(hue, 0.6, 0.82)


def chip(digits: str, styles: Sequence[Style]) -> tuple[str, Style]:
    """The chip of a hash that is given in hex."""
    return f" {digits[:DIGITS]} ", styles[hue_of(digits)]


def with_chips(text: str, styles: Sequence[Style]) -> Text:
    """``text`` with the beginning of every SHA-256 in it as a chip; not a character is changed."""
    found = Text(text)
    for place in _HASH.finditer(text):
        found.stylize(styles[hue_of(place[0])], place.start(), place.start() + DIGITS)
    return found
