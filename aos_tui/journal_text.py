"""The lines of the journal as text: a record, a folded turn, and what is said of following."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aos_core.plain import clip, short_name
from aos_tui.formatting import (
    KIND_WIDTH,
    Piece,
    clip_pieces,
    count,
    kind_text,
    plain,
    record_glyph,
    some,
    summary,
)
from aos_tui.record_details import details

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_tui.folding import Line
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Index

_WHAT: Final = 10
"""Cells that what a receipt answers has at least, beside how it came out."""
_SUMMARY: Final = 42
"""Cells from the kind on that summaries may take before details begin, so that those stand below
each other."""
_LEAST: Final = 24
"""Cells for details that are worth it."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands beside the records of a line: whether one is ``marked``, one is a ``hit`` of the
    last search, and the height ``at`` which one is, if that is inside a folded turn."""

    marked: bool = False
    hit: bool = False
    at: int | None = None


def line_pieces(
    line: Line, width: int, digits: int, signs: Signs, index: Index, glyphs: Glyphs
) -> list[Piece]:
    """A line of the journal, for ``width`` cells; heights take ``digits`` of them."""
    if line.folded:
        return _turn(line, width, digits, signs, index, glyphs)
    height = line.last
    if (row := index.row(height)) is None:
        return _unreadable(glyphs.bracket[3], height, digits, glyphs)
    record, first, last = row
    is_first = height == first
    where = 3 if first == last else 0 if is_first else 2 if height == last else 1
    start: list[Piece] = [
        (glyphs.bracket[where], "dim"),
        _sign(signs, glyphs),
        (f"{height:>{digits}} ", "" if is_first else "dim"),
    ]
    room = width - len(plain(start))
    pieces = [*start, *_what(record, height, is_first, room, index, glyphs)]
    return _with_details(pieces, record, height, width, digits, index)


def _with_details(
    pieces: list[Piece], record: Record, height: int, width: int, digits: int, index: Index
) -> list[Piece]:
    """A line, and in a column at its right, where there is room, more of what the record says."""
    column = digits + KIND_WIDTH + _SUMMARY
    if width < column + _LEAST:
        return pieces
    at = len(plain(pieces))
    gap = max(column - at, 2)
    more = clip_pieces(details(record, index, height), width - at - gap)
    return [*pieces, (" " * gap, ""), *more]


def _turn(
    line: Line, width: int, digits: int, signs: Signs, index: Index, glyphs: Glyphs
) -> list[Piece]:
    """A folded turn: its last height, or the one where one is; what came in, what came of it."""
    if (records := index.records(*line)) is None:
        return _unreadable(glyphs.folded, line.last, digits, glyphs)
    here = line.last if signs.at is None else signs.at
    start: list[Piece] = [
        (glyphs.folded, "input"),
        _sign(signs, glyphs),
        (f"{here:>{digits}} ", "" if signs.at is None else "wait"),
    ]
    room = width - len(plain(start))
    what = [*start, *_what(records[0], line.first, True, room, index, glyphs)]
    at = None if signs.at is None else signs.at - line.first + 1
    sums = [turn_sum(records, glyphs, at, brief=brief) for brief in range(3)]
    fits = next((of for of in sums if len(plain(what)) + len(plain(of)) <= width), sums[-1])
    room = max(0, width - len(plain(fits)))
    what = clip_pieces(_with_details(what, records[0], line.first, room, digits, index), room)
    return [*what, (" " * (room - len(plain(what))), ""), *fits]


def turn_sum(
    records: Sequence[Record], glyphs: Glyphs, at: int | None = None, *, brief: int = 0
) -> list[Piece]:
    """What a turn came to: its faults, the reducers whose state it changed, how many effects it
    asked for and records it has beside the first; ``at``: the how many-th of them is shown.
    ``brief`` 1: with fewer words, 2: in signs and figures."""
    faults = dict.fromkeys(record["code"] for record in records if record.kind == "fault")
    changed = dict.fromkeys(
        short_name(record["reducer"])
        for record in records
        if record.kind == "step" and record.get("before") != record.get("after")
    )
    asked = sum(1 for record in records if record.kind == "intent")
    pieces: list[Piece] = []
    if faults:
        codes = "" if brief > 1 else f" {some(list(faults), 2)}"
        pieces.append((f"  {glyphs.failed}{codes}", "bad"))
    if changed:
        names = "" if brief > 1 else f" {some(list(changed), 2)}"
        pieces.append((f"  {glyphs.change}{names}", "change"))
    if asked and not brief:
        pieces.append((f"  asks {asked}", ""))
    many = len(records)
    if at is not None:
        shown = f"{at}/{many}" if brief else f"{at} of {count(many, 'record')}"
    elif many == 1:
        return pieces
    else:
        shown = f"+{many - 1}" if brief else f"+{count(many - 1, 'record')}"
    return [*pieces, (f"  {shown}", "dim" if at is None else "wait")]


def _what(
    record: Record, height: int, is_first: bool, room: int, index: Index, glyphs: Glyphs
) -> list[Piece]:
    """What a record says, in ``room`` cells: where that is too little, without what stands apart at
    its end, then without the host, then cut."""
    role = "bad" if record.kind == "fault" else "" if is_first else "dim"
    start = [record_glyph(record, glyphs), (f" {kind_text(record):<{KIND_WIDTH}} ", role)]
    room -= len(plain(start))
    said: list[Piece] = []
    for host in (True, False):
        said = summary(record, index, glyphs, height, host=host)
        if len(plain(said)) > room and said[-1][0].startswith("  "):
            said = said[:-1]
        if len(plain(said)) <= room:
            break
    if record.kind == "receipt":  # how it came out says more than all of what it answers
        (what, role), *came = said
        left = room - len(plain(came))
        said = [(clip(what, left), role), *came] if left >= _WHAT else said
    return [*start, *clip_pieces(said, max(0, room))]


def _sign(signs: Signs, glyphs: Glyphs) -> Piece:
    if signs.marked:
        return glyphs.mark, "wait"
    return (glyphs.hit, "input") if signs.hit else (" ", "")


def _unreadable(bracket: str, height: int, digits: int, glyphs: Glyphs) -> list[Piece]:
    return [
        (f"{bracket} {height:>{digits}} ", "bad"),
        (f"{glyphs.failed} {'damaged':<{KIND_WIDTH}} ", "bad"),
        ("cannot be read", "dim"),
    ]


def following_text(following: bool, away: bool, new: int) -> str:
    """What the journal says where it does not follow the live end: that one has gone to an earlier
    height, or that the lines were scrolled ``away``; and how many records are ``new`` since."""
    if following and not away:
        return ""
    what = "scrolled away" if following else "not following"
    return f"{what}{f', {new} new' if new else ''}: f follows"
