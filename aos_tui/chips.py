"""Hashes as chips: the first digits on a hue that the hash itself picks, so that equal ones look
equal at a glance. The digits say the same without colour."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from typing import Final

from rich.color import Color
from rich.style import Style
from rich.text import Text

HUES: Final = 16
DIGITS: Final = 8
"""So many digits of a hash are its chip."""

_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")

_NAMED: Final = re.compile(r"sha256:([0-9a-f]{64})(?![0-9a-f])")


def hue_of(digits: str) -> int:
    """Which of the hues a hash has, given in hex."""
    return int(digits[:2], 16) % HUES


def chip(digest: bytes, digits: int = DIGITS) -> tuple[str, str]:
    """A hash as a piece: its first digits, and the role of its hue."""
    text = digest.hex()
    return f" {text[:digits]} ", f"chip{hue_of(text)}"


def chipped(text: str, role: str = "") -> list[tuple[str, str]]:
    """``text`` as pieces, of each ``sha256:..`` in it no more than its chip."""
    pieces, end = [], 0
    for place in _NAMED.finditer(text):
        pieces += [(text[end : place.start()], role), chip(bytes.fromhex(place[1]))]
        end = place.end()
    return [*pieces, (text[end:], role)]


def chip_styles(dark: bool) -> list[Style]:
    """The style of each hue, to be read on a dark ground or a light one: contrast 4.5 at least."""
    text = Color.parse("#ffffff" if dark else "#101010")
    return [Style(color=text, bgcolor=_ground(hue / HUES, dark)) for hue in range(HUES)]


def _ground(hue: float, dark: bool) -> Color:
    light, full = (0.28, 0.5) if dark else (0.82, 0.6)
    return Color.from_rgb(*(round(255 * of) for of in colorsys.hls_to_rgb(hue, light, full)))


def with_chips(text: str, styles: Sequence[Style]) -> Text:
    """``text`` with the beginning of every SHA-256 in it as a chip; not a character is changed."""
    found = Text(text)
    for place in _HASH.finditer(text):
        found.stylize(styles[hue_of(place[0])], place.start(), place.start() + DIGITS)
    return found
