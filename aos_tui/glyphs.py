"""The glyphs that say a status, so that none rests on colour alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of glyphs, each a single cell wide."""

    input: str
    receipt: str
    open: str
    pending: str
    ready: str
    waiting: str
    done: str
    skipped: str
    failed: str
    change: str
    line: str
    turn: str
    ends: tuple[str, str]
    bracket: tuple[str, str, str, str]
    """A turn's first, middle and last record, and the only one."""
    chosen: str

    def step(self, state: str) -> str:
        """The glyph of a plan step's state."""
        return {
            "pending": self.pending,
            "ready": self.ready,
            "waiting": self.waiting,
            "done": self.done,
            "skipped": self.skipped,
            "failed": self.failed,
        }.get(state, "?")


UNICODE = Glyphs(
    "▸", "◂", "▾", "◌", "◉", "◷", "✓", "⊘", "✗", "∆", "─", "┼", ("├", "┤"),
    ("╭", "│", "╰", "╶"), "◉",
)  # fmt: skip
ASCII = Glyphs(
    ">", "<", "v", ".", "o", "~", "+", "/", "x", "*", "-", "+", ("[", "]"),
    ("+", "|", "+", "-"), "@",
)  # fmt: skip


def pick_glyphs(encoding: str | None, term: str | None) -> Glyphs:
    """ASCII where the output's encoding is not UTF-8 or the terminal is the Linux console."""
    utf8 = (encoding or "").lower().replace("-", "") == "utf8"
    return UNICODE if utf8 and term != "linux" else ASCII
