"""The app's own themes, beside Textual's: dark, light, and one for eyes that mix up red and green.

A colour says a *role* (docs/design.md), and a glyph or a word says the same. Every text of these
themes has a contrast of at least 4.5 on what it stands on, the row under the cursor included.
"""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DIM: Final = "aos-dim"
"""The variable for what matters less; a theme without it dims the text instead."""
CURSOR: Final = "row-cursor"
"""The variable for the row under the cursor."""


def _theme(
    name: str, *, dark: bool, cursor: str, text: str, dim: str, primary: str,
    grounds: tuple[str, str, str], roles: tuple[str, str, str, str, str],
) -> Theme:  # fmt: skip
    """``grounds``: of panes, dialogs, bars; ``roles``: good, bad, wait, change, input."""
    good, bad, wait, change, given = roles
    background, surface, panel = grounds
    return Theme(
        name,
        primary=primary, secondary=given, accent=change, warning=wait, error=bad, success=good,
        foreground=text, background=background, surface=surface, panel=panel, dark=dark,
        variables={
            "text": text, "text-muted": dim, "text-disabled": dim, DIM: dim, CURSOR: cursor,
            "text-success": good, "text-error": bad, "text-warning": wait, "text-accent": change,
            "text-primary": given, "text-secondary": given, "footer-key-foreground": given,
            "block-cursor-background": cursor, "block-cursor-foreground": text,
            "input-selection-background": cursor, "input-selection-foreground": text,
            "button-color-foreground": background, "button-foreground": text,
        },
    )  # fmt: skip


OWN: Final = (
    _theme(
        "aos-dark", dark=True, primary="#4f8fe8", cursor="#0a337c", text="#e6e9ef", dim="#a3adbd",
        grounds=("#0f1218", "#161b24", "#1c2330"),
        roles=("#7fdca4", "#ff8f9b", "#ffc777", "#d4a8ff", "#82b8ff"),
    ),
    _theme(
        "aos-light", dark=False, primary="#2a63b8", cursor="#cfdff7", text="#1b1f26", dim="#4c535e",
        grounds=("#fbfbf8", "#f3f3ee", "#e8e9e3"),
        roles=("#0a5f34", "#a3122a", "#744600", "#6d2499", "#124a90"),
    ),
    _theme(
        "aos-safe", dark=True, primary="#0f8fd6", cursor="#0a337c", text="#f2f2f2", dim="#adb3bb",
        grounds=("#101214", "#181b1f", "#20252b"),
        roles=("#63bdf2", "#ff8534", "#faf0a0", "#f0b6da", "#b4ccff"),
    ),
)  # fmt: skip
"""``aos-safe`` rests on the palette of Okabe and Ito (2008, "Color Universal Design"): blue,
vermilion and yellow, made lighter until they can be read as text and told apart by how light they
are."""
