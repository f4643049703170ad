"""The lines of the state pane's displays. Plain classes: they know nothing of Textual.

Each knows how many lines it has, and makes one when it is asked for.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aos_core.plain import clean
from aos_tui.formatting import Piece
from aos_tui.outline import Outline, Path, Row
from aos_tui.state_text import (
    amount,
    code_pieces,
    cut,
    difference_lines,
    fitted,
    preview,
    scalar,
    shown,
    value_pieces,
    whole_text,
)

if TYPE_CHECKING:
    from aos_core.air.parts import Part
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Held, States

Text = tuple[str, Callable[[], str]]
"""What it is, and what makes its text, which may take a while."""


@dataclass(frozen=True, slots=True)
class Field:
    """A place in the state: the reducer, the key of its cell, and the members of host JSON below
    it; ``title`` for people."""

    reducer: str
    cell: bytes
    members: tuple[str, ...]
    title: str


class Lines(Protocol):
    """What a display shows."""

    def __len__(self) -> int: ...

    def pieces(self, row: int, width: int) -> list[Piece]:
        """A line, for ``width`` cells."""
        ...

    def whole(self, row: int) -> Text | None:
        """The value of a line."""
        ...


class TreeLines:
    """Every reducer, cell and value; ``unfolded`` as :class:`Outline` has it."""

    def __init__(self, states: States, unfolded: Mapping[Path, bool], glyphs: Glyphs) -> None:
        self.outline, self._glyphs = Outline(states.held, unfolded), glyphs

    def __len__(self) -> int:
        return len(self.outline)

    def pieces(self, row: int, width: int) -> list[Piece]:
        of, glyphs = self.outline[row], self._glyphs
        fold = (glyphs.open if of.unfolded else glyphs.input) if of.folds else " "
        mark: Piece = (f"{glyphs.change if of.changed else ' '} ", "change")
        start = f"{'  ' * max(0, of.depth - 1)}{fold} "
        if of.depth == 0:
            name: Piece = (f"{shown(of.name, width)} ", "name")
        else:
            name = (f"{shown(of.name, max(of.width, 1)):<{of.width}} ", "key")
        room = max(8, width - len(start) - len(name[0]) - 2)
        return fitted([(start, "dim"), name, mark, *_value(of, room)], width)

    def whole(self, row: int) -> Text | None:
        of = self.outline[row]
        title = path_text(of)
        if of.part is not None:
            part = of.part
            return title, lambda: whole_text(part)
        if of.cell is not None:
            return None
        names = [of.held.names.get(key, "") for key in of.held.keys if key in of.held.names]
        return f"the keys of {title} around here", lambda: "\n".join(names)

    def path_and_value(self, row: int) -> Text | None:
        """``path = value`` in JSON."""
        of = self.outline[row]
        if (part := of.part) is None:
            return None
        title = path_text(of)
        return title, lambda: f"{title} = {json.dumps(part.host(), ensure_ascii=False)}"

    def field(self, row: int) -> Field | None:
        """The place of a line in the state; None of a keyed reducer, and of what is not there
        yet."""
        of = self.outline[row]
        if of.part is None or of.cell is None:
            return None
        steps = tuple(step for part, key in _walk(of) for step in part.steps(key))
        return Field(of.held.reducer, of.cell, steps, clean(path_text(of)))


def _value(of: Row, room: int) -> list[Piece]:
    """What stands behind a name."""
    if of.part is None:
        return [(_cells(of.held) if of.cell is None else "..", "dim")]
    if of.part.type is None and of.part is of.held.now.get(of.cell or b""):
        return [("not of its schema  ", "bad"), (preview(of.part, room), "dim")]
    if of.unfolded:
        tag = of.part.tag
        inner = " ".join(text for text in (amount(of.part),) if text)
        return [*([] if tag is None else [(f"{clean(tag)} ", "word")]), (inner, "dim")]
    if of.depth == 0 and of.folds:
        return [(preview(of.part, room), "dim")]
    found = value_pieces(of.part, room)
    if of.changed and of.before is not None and not of.folds and not of.before.members():
        found += [(f"  was {_was(of.before)}", "dim")]
    return found


def _was(before: Part) -> str:
    return preview(before, 30) if before.kind == "variant" else scalar(before, 30)[0]


def _cells(held: Held) -> str:
    found, total = len(held.keys), f"{held.total:,} cell{'' if held.total == 1 else 's'}"
    words = [total if found == held.total else f"{found:,} of {total}"]
    if held.changed:
        words.append(f"{len(held.changed):,} changed")
    if held.gone:
        words.append(f"{len(held.gone):,} gone")
    return ", ".join(words)


def _walk(of: Row) -> list[tuple[Part, Any]]:
    """(a value, the key of its part) from the state down to the row's own."""
    begin = 2 if of.held.keyed else 1
    part, found = of.held.now.get(of.path[1] if of.held.keyed else b""), []
    for key in of.path[begin:]:
        assert part is not None
        found.append((part, key))
        part = part.part(key)
    return found


def path_text(of: Row) -> str:
    """A row's path: ``demo/Seat@1["A 7"].holder``."""
    text = of.held.reducer
    if of.held.keyed and len(of.path) > 1:
        name = of.held.names.get(of.path[1], "..")
        text += f"[{json.dumps(name, ensure_ascii=False)}]"
    return text + "".join(part.step_text(key) for part, key in _walk(of))


class TextLines:
    """States as JSON or CBOR, one below the other, each below its name."""

    def __init__(self, states: States) -> None:
        self._documents = states.documents
        self._starts: list[int] = []
        rows = 0
        for of in self._documents:
            self._starts.append(rows)
            rows += len(of.lines) + 1
        self._rows = rows
        self.shift = 0

    def __len__(self) -> int:
        return self._rows

    def pieces(self, row: int, width: int) -> list[Piece]:
        at = self._at(row)
        of, line = self._documents[at], row - self._starts[at] - 1
        if line < 0:
            return [(shown(of.title, width), "name")]
        text, role = of.lines[line]
        # who looks along a line wants the digits of a number that is longer than the pane is wide
        text = cut(text[self.shift :], width) if self.shift else shown(text, width)
        return code_pieces(text) if role == "code" else [(text, role)]

    def whole(self, row: int) -> Text | None:
        of = self._documents[self._at(row)]
        return of.title, of.whole

    def _at(self, row: int) -> int:
        return bisect.bisect_right(self._starts, row) - 1


class DifferenceLines:
    """What differs, by path: what was, and what is."""

    def __init__(self, states: States) -> None:
        self._differences = states.differences
        self._width = -1
        self._lines: list[tuple[int, list[Piece]]] = []
        self.lay_out(80)

    def lay_out(self, width: int) -> None:
        """Break lines for ``width`` cells."""
        if width != self._width:
            self._width = width
            self._lines = difference_lines(self._differences, width)

    def __len__(self) -> int:
        return len(self._lines)

    def pieces(self, row: int, width: int) -> list[Piece]:
        self.lay_out(width)
        return self._lines[row][1] if row < len(self._lines) else []

    def whole(self, row: int) -> Text | None:
        at = self._lines[row][0]
        if at < 0:
            return None
        path, before, now = self._differences[at]

        def text() -> str:
            old, new = ("not there" if of is None else whole_text(of) for of in (before, now))
            return f"{path}\n\nwas\n{old}\n\nis\n{new}"

        return path, text
