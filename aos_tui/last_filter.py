"""The last look at what is painted: nothing in it commands the terminal, or is said twice; and
where the terminal has no other signs than those of ASCII, none of Textual's own is another."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from aos_core.plain import SIGN, commands

JOINERS = "\u200c\u200d"
"""Format characters that letters and pictures are made with."""


class _NoCommands(LineFilter):
    """Panes and dialogs say by a sign what cannot be shown; where one forgot, it is left out here.
    Such characters take no cell, so every line keeps its width. Neighbours of one style become one:
    each costs the terminal's line some forty bytes."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        segments = list(Segment.simplify(segments))
        if all(text.isprintable() or control for text, _, control in segments):
            return segments
        return [of if of.control else Segment(_without(of.text), of.style, None) for of in segments]


NO_COMMANDS = _NoCommands()
"""The one there is: Textual remembers what each filter made of a line."""


class _AsciiSigns(LineFilter):
    """What Textual draws by itself: where text is cut, and the ends of a scrollbar."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(text.isascii() for text, _, _ in segments):
            return segments
        return [Segment(text.translate(_SIGNS), style, of) for text, style, of in segments]


_SIGNS = str.maketrans("…▁▂▃▄▅▆▇█▎▊", ".        ||")

ASCII_SIGNS = _AsciiSigns()


def _without(text: str) -> str:
    return "".join(of if of in JOINERS or not commands(of) else SIGN * cell_len(of) for of in text)
