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
    held: str
    failed: str
    change: str
    line: str
    turn: str
    ends: tuple[str, str]
    bracket: tuple[str, str, str, str]
    """A turn's first, middle and last record, and the only one."""
    chosen: str
    dot: str
    bars: str
    """From an empty cell to a full one, for charts."""
    folded: str
    mark: str
    hit: str
    kept: str
    fails: str
    fork: str
    begin: str
    tree: tuple[str, str, str]
    """Before a branch that others follow, before what hangs on that one, before the last one."""
    density: str
    """From nothing to much, no higher than leaves the signs between them to be seen."""

    def legend(self) -> list[tuple[str, str]]:
        """(glyphs, what they say)."""
        return [
            (self.input, "an input: an event that was fired, a swap"),
            (self.receipt, "an input: the receipt of an effect"),
            (self.change, "changed in this turn; inside a turn, by this record"),
            ("".join(self.bracket[:3]), "the records of one turn"),
            (self.folded, "a folded turn: what came in, what came of it; space unfolds it"),
            (f"{self.mark} {self.hit}", "a height that is marked, one that the search has found"),
            (self.density[1:], "in the timeline, as wide as its turn: how many records"),
            (f"{self.turn} {self.chosen}", "there: a turn begins, the shown height"),
            (f"{self.failed} {self.fails}", "there: a fault, where the property first fails"),
            (f"{self.fork} {self.begin}", "there: a branch leaves this one, this one begins"),
            (self.kept, "there: a state is kept, from which travel is quick"),
            (f"{self.pending} {self.ready}", "a step that is pending, ready"),
            (f"{self.waiting} {self.done}", "a step that is waiting, done"),
            (f"{self.skipped} {self.failed}", "a step that was skipped, has failed"),
            (self.held, "an effect that is held back: its receipt never comes"),
        ]

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

    def said(self, text: str) -> str:
        """A text that was made with the signs of ``UNICODE``, in these."""
        return text if self is UNICODE else text.translate(_PLAIN)


UNICODE = Glyphs(
    "▸", "◂", "▾", "◌", "◉", "◷", "✓", "⊘", "∅", "✗", "∆", "─", "┼", ("├", "┤"),
    ("╭", "│", "╰", "╶"), "◉", "·", " ▁▂▃▄▅▆▇█",
    "⊞", "✦", "▪", "∙", "‼", "⋔", "⊢", ("├ ", "│ ", "╰ "), " ▁▂▃▄▅▆",
)  # fmt: skip
ASCII = Glyphs(
    ">", "<", "v", ".", "o", "~", "V", "/", "%", "x", "*", "-", "+", ("[", "]"),
    (",", "|", "`", "-"), "@", "-", " #",
    "#", "'", ":", "s", "!", "Y", "L", ("|-", "| ", "`-"), " .:-=",
)  # fmt: skip

_PLAIN = str.maketrans(
    {
        getattr(UNICODE, name): getattr(ASCII, name)
        for name in ("pending", "ready", "waiting", "done", "skipped", "failed", "change")
    }
)


def pick_glyphs(encoding: str | None, term: str | None) -> Glyphs:
    """ASCII where the output's encoding is not UTF-8 or the terminal is the Linux console."""
    utf8 = (encoding or "").lower().replace("-", "") == "utf8"
    return UNICODE if utf8 and term != "linux" else ASCII
