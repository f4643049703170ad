"""From records and values to short text. Plain functions; they know nothing of Textual.

Text comes in *pieces*: (text, role). A role says what a piece means; a pane turns it into a colour
of the theme with :func:`to_text`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from rich.style import Style
from rich.text import Text

from aos_core.effect_words import json_line, target
from aos_core.kind_words import KIND_WORDS
from aos_core.plain import clip, escaped, short_name
from aos_tui.chips import DIGITS, chip, chipped
from aos_tui.glyphs import Glyphs
from aos_tui.snapshot import NOTHING_LEFT, Index, Snapshot, Verified

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_core.view import Pending

Piece = tuple[str, str]
Palette = Mapping[str, Style]

KIND_WIDTH: Final = 8
_KINDS: Final = {kind: word for word, kinds in KIND_WORDS.items() for kind in kinds}
STATE_ROLES: Final = {
    "pending": "dim",
    "ready": "name",
    "waiting": "wait",
    "done": "good",
    "skipped": "dim",
    "failed": "bad",
    "running": "wait",
    "ok": "good",
    "error": "bad",
}


def to_text(pieces: Iterable[Piece], palette: Palette) -> Text:
    """Pieces as one line of styled text that never wraps; neighbours of one role are one span, as
    each is painted with its colours spelled out."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for role, of in groupby(pieces, key=itemgetter(1)):
        text.append("".join(part for part, _ in of), palette.get(role))
    return text


def plain(pieces: Iterable[Piece]) -> str:
    """Pieces without their roles."""
    return "".join(part for part, _ in pieces)


def clip_pieces(pieces: Iterable[Piece], width: int) -> list[Piece]:
    """The first ``width`` characters of pieces, ``..`` at their end where some are left out."""
    found: list[Piece] = []
    room = width
    for text, role in pieces:
        if len(text) > room:
            return _ended([*found, (text[:room], role)])
        found.append((text, role))
        room -= len(text)
    return found


def _ended(pieces: list[Piece]) -> list[Piece]:
    """Pieces whose last two characters say that more is left out."""
    left = 2
    found: list[Piece] = []
    for text, role in reversed(pieces):
        cut = min(left, len(text))
        left -= cut
        found.append((f"{text[: len(text) - cut]}{'.' * cut}", role))
    return found[::-1]


def short_hash(digest: bytes) -> str:
    """The first digits of a hash."""
    return f"{digest.hex()[:4]}.."


def pretty(value: Any) -> str:
    """A value of host JSON over several lines."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=2, default=repr))


def in_words(value: Any, width: int) -> str:
    """A value of host JSON on one line, with the words of the state pane."""
    from aos_core.words import plainly

    return plainly(value, width, none="none")


def count(number: int, noun: str) -> str:
    """``1 turn``, ``2 turns``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(words: Sequence[str], most: int = 8) -> str:
    """``1, 2, 3``, and how many more there are where there are more than ``most``."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def diagnostic(value: Any) -> str:
    """Plain CBOR data in diagnostic notation (RFC 8949, section 8)."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case bytes():
            return f"h'{value.hex()}'"
        case str():
            return escaped(json.dumps(value, ensure_ascii=False))
        case Mapping():
            items = (f"{diagnostic(key)}: {diagnostic(item)}" for key, item in value.items())
            return "{" + ", ".join(items) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(diagnostic, value)) + "]"
        case _:
            return str(value)


# -- effects --------------------------------------------------------------------------------


def answer_line(item: Pending, payload: Any) -> str:
    """What the prepared receipt says; ``payload`` is its host JSON."""
    if item.prepared is None:
        return "no answer prepared: i gives one"
    words = [item.prepared.status] if item.prepared.status != "ok" else []
    words.append(outcome(payload))
    return f"answer ready: {' '.join(word for word in words if word)}"


def outcome(payload: Any) -> str:
    """A receipt's payload in a few words: status and beginning of the body for HTTP, beginning
    of the answer for a model."""
    if not isinstance(payload, Mapping):
        return json_line(payload, 40)
    if "status" in payload and "headers" in payload:
        return f"{payload['status']} {clip(str(payload.get('body_preview') or ''), 60)}".rstrip()
    if "output_preview" in payload:
        return clip(str(payload["output_preview"]), 60)
    return json_line({name: of for name, of in payload.items() if of is not None}, 60)


def origin_text(origin: Mapping[str, Any], index: Index, height: int | None = None) -> str:
    """Who asked, at a height: ``aggregator_plan #0 emit_a``, or the reducer."""
    name = short_name(origin["name"])
    if origin["kind"] != "plan":
        return name
    plan = index.plan(origin.get("instance", b""), height)
    return f"{name}{'' if plan is None else f' #{plan[0]}'} {origin['step']}"


# -- records --------------------------------------------------------------------------------


def kind_word(kind: str) -> str:
    """What people call a kind of records, as the journal's column has it."""
    return _KINDS.get(kind, kind)


def kind_text(record: Record) -> str:
    """The word of the journal's kind column."""
    return kind_word(record.kind)


def record_glyph(record: Record, glyphs: Glyphs) -> Piece:
    """The glyph before a record's kind."""
    if record.kind == "receipt":
        return glyphs.receipt, "input"
    if record.kind == "fault":
        return glyphs.failed, "bad"
    if record.by is None and record.kind != "genesis":
        return glyphs.input, "input"
    return " ", ""


def summary(
    record: Record,
    index: Index,
    glyphs: Glyphs,
    height: int | None = None,
    *,
    host: bool = True,
) -> list[Piece]:
    """What a record says, in one short line; ``height``: where it stands on the branch of the
    index; ``host``: whether that of a URL is named. The words are those of
    ``aos_core.row_words``, by which it is found."""
    match record.kind:
        case "genesis":
            return [
                (f"{record['world']} ", "name"),
                chip(record["manifest"]),
                (" manifest", "dim"),
            ]
        case "event":
            return _event(record)
        case "receipt":
            return _receipt(record, index, height)
        case "step":
            changed = record.get("before") != record.get("after")
            mark = (f" {glyphs.change}", "change") if changed else (" unchanged", "dim")
            return [(short_name(record["reducer"]), "name"), mark, *_key(record)]
        case "plan_started":
            number, name = index.plan(record["instance"], height) or ("?", record["plan"])
            return [(short_name(name), "name"), (f" #{number} started", "")]
        case "plan_step":
            return _plan_step(record, index, height, glyphs)
        case "plan_ended":
            return _plan_ended(record, index, height, glyphs)
        case "decision":
            return _decision(record, index, glyphs)
        case "intent":
            what = target(record["kind"], record["params"], host=host)
            return [(what, "name"), (f"  {record['kind']}", "dim")]
        case "fault":
            return [(f"{record['code']} ", "bad"), (clip(f"{record['text']}", 120), "bad")]
        case "manifest_replaced":
            return [(clip(", ".join(map(short_name, record["changed"])) or "settings", 80), "name")]
    return [(record.kind, "")]


def _event(record: Record) -> list[Piece]:
    value = record["value"]
    tag = value.get("$tag") if isinstance(value, Mapping) else None
    return [(short_name(record["schema"]), "name"), (f" {tag}" if tag else "", ""), *_key(record)]


def _key(record: Record) -> list[Piece]:
    """The key of a cell, or of an event where it can be read; mere bytes say nothing here."""
    from aos_core.words import key_text

    key = record.get("key")
    shown = key_text(key) if isinstance(key, bytes) else "0x"
    return [] if shown.startswith("0x") else [(f" [{clip(shown, 24)}]", "dim")]


def _receipt(record: Record, index: Index, height: int | None) -> list[Piece]:
    from aos_core.row_words import answered

    intent = index.intent(record["intent"])
    what = short_hash(record["intent"])
    if intent is not None:
        what = target(intent["kind"], intent["params"], host=False)
    status = record["status"]
    came, said = came_as(record, index, height), answered(status, record["payload"])
    how: Piece = (f" {said}", "good" if status == "ok" else "bad")
    match came:
        case "settled":
            return [(what, "name"), how]
        case "duplicate":  # it says what was said before
            return [(what, "name"), (" duplicate", "bad")]
    return [(what, "name"), how, (f" {came}", "bad")]


def came_as(record: Record, index: Index, height: int | None) -> str:
    """The outcome of a receipt, for people: one that came when its intent was settled is told to be
    a ``duplicate`` or ``late``, which its record alone cannot tell."""
    if record["outcome"] != "late":
        return str(record["outcome"])
    return (None if height is None else index.outcome(height)) or "settled before"


def _instance(record: Record, index: Index, height: int | None) -> str:
    plan = index.plan(record["instance"], height)
    return "#?" if plan is None else f"#{plan[0]}"


def _plan_step(record: Record, index: Index, height: int | None, glyphs: Glyphs) -> list[Piece]:
    state = record["state"]
    mark = f"{glyphs.step(state)} {state}"
    number = _instance(record, index, height)
    return [(f"{number} ", "dim"), (record["step"], ""), (f" {mark}", STATE_ROLES.get(state, ""))]


def _plan_ended(record: Record, index: Index, height: int | None, glyphs: Glyphs) -> list[Piece]:
    ok = record["status"] == "ok"
    text = f"{_instance(record, index, height)} ended {record['status']}"
    why = record.get("error_code")
    return [
        (text, ""),
        (f" {glyphs.done if ok else glyphs.failed}", "good" if ok else "bad"),
        (f" {why}" if why else "", "bad"),
    ]


def _decision(record: Record, index: Index, glyphs: Glyphs) -> list[Piece]:
    allowed = record["cap"] == "allow" and record.get("policy") in (None, "allow")
    mark = f"{glyphs.done} allow" if allowed else f"{glyphs.failed} deny"
    why = record.get("code")
    return [
        (mark, "good" if allowed else "bad"),
        (f" {record['grant']}", "dim"),
        (f" {why}" if why else "", "bad"),
    ]


# -- the lines around the panes -------------------------------------------------------------


def chain_text(verified: Verified, live: int, glyphs: Glyphs) -> Piece:
    """What is proven of the chain."""
    match verified.state:
        case "running":
            return f"chain {glyphs.waiting} {verified.percent} %", "wait"
        case "ok" if verified.height == live:
            return f"chain {glyphs.done} verified{' before' if verified.before else ''}", "good"
        case "ok":
            return f"chain {glyphs.done} to {verified.height}", "good"
        case "bad":
            return f"chain {glyphs.failed} broken at {verified.height}", "bad"
    return "chain unverified", "dim"


_SHORTER: Final = ("before", "word", "waiting", "root", "property", "chain", "read-only")
"""What gives way to names in the header, the least needed first: the panes and the line below the
header say the same at length."""
_LITTLE: Final = 3
"""So many of them are little to give for names that are whole; all, for names that can be told
apart."""
_BRANCH: Final = 24
_WORLD: Final = 8
"""So many cells of a name are worth that."""
_MOST: Final = 32
"""So many of a branch's are worth more than the rest of the world's."""


def header(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Piece]:
    """The line at the top, for ``width`` cells. Figures are shortened until names can be told
    apart; then names are cut: the world's at its end, the branch's inside, for names of branches
    that belong together begin alike."""
    names = len(snapshot.world) + len(snapshot.branch)
    least = min(len(snapshot.branch), _BRANCH) + min(len(snapshot.world), _WORLD)
    for shorter in range(len(_SHORTER) + 1):
        figures = _figures(snapshot, width, glyphs, _SHORTER[:shorter])
        room = width - len(plain(figures)) - 3
        if room >= (names if shorter < _LITTLE else least):
            break
    start: Piece = (" aos-tui  " if names + 9 <= room else " ", "dim")
    told = min(_MOST, room - min(len(snapshot.world), _WORLD))
    branch = clip_inside(snapshot.branch, max(4, told, room - len(snapshot.world)))
    world = clip(snapshot.world, max(4, room - len(branch)))
    return [start, (world, "name"), (f"  {branch}", ""), *figures]


def _figures(snapshot: Snapshot, width: int, glyphs: Glyphs, shorter: Sequence[str]) -> list[Piece]:
    """What the header says beside names."""
    wide, roomy = width >= _WIDE, width >= _ROOMY
    digits = DIGITS if wide else 4
    figures: list[Piece] = []
    if not snapshot.writable:
        figures.append(("  r/o" if "read-only" in shorter else "  read-only", "bad"))
    end: Piece = ("live", "good") if snapshot.at_end else (f"of {snapshot.live}", "wait")
    figures += [(f"  h {snapshot.height} ", "name"), end]
    if roomy and "root" not in shorter:
        figures += [("  root " if wide else "  ", "dim"), chip(snapshot.root, digits)]
    chain, role = chain_text(snapshot.verified, snapshot.live, glyphs)
    if not wide or "before" in shorter:
        chain = chain.removesuffix(" before")
    if not roomy or "word" in shorter:
        chain = chain.removeprefix("chain ")
    if "chain" in shorter:
        chain = chain.removesuffix(" verified").replace("unverified", "?")
    figures.append((f"  {chain}", role))
    figures.append(_property_chip(snapshot, glyphs, short="property" in shorter))
    waiting = len(snapshot.pending)
    short = f"  {glyphs.waiting} {waiting}" if waiting else ""
    said = short if "waiting" in shorter else f"  {waiting} waiting"
    return [*figures, (said, "wait" if waiting else "dim")]


def clip_inside(text: str, width: int) -> str:
    """``text`` in ``width`` characters: what is too long loses its middle, for ends differ."""
    if len(text) <= width:
        return text
    end = max(0, width - 2) // 2
    return f"{text[: max(0, width - 2 - end)]}..{text[len(text) - end :]}"


def _property_chip(snapshot: Snapshot, glyphs: Glyphs, *, short: bool) -> Piece:
    """Whether the property that is watched holds at the shown height, and where it first fails; in
    short only the latter, where it does."""
    if snapshot.holds is None:
        return "", ""
    here = {"holds": glyphs.done, "fails": glyphs.failed}.get(snapshot.holds, "silent")
    first = snapshot.fails_at
    if first is None:
        role = {"holds": "good", "fails": "bad"}.get(snapshot.holds, "dim")
        return f"  p {here}", role
    if short:
        return f"  p {glyphs.failed} {first}", "bad"
    if snapshot.holds == "fails":
        return f"  p {here} {'here' if first == snapshot.height else f'from {first}'}", "bad"
    return f"  p {here}, {glyphs.failed} {first}", "bad"


_ROOMY: Final = 78
"""Cells from which on the header has room for the root."""
_WIDE: Final = 100
"""Cells from which on it has room for all the digits of a chip."""


def timeline_text(snapshot: Snapshot, width: int) -> list[Piece]:
    """What stands beside the bar: of all the ways to say it the longest that ``width`` cells have
    room for; the figures, which the header has too, give way first."""
    ways = list(_ways(snapshot))
    return next((way for way in ways if len(plain(way)) <= width), clip_pieces(ways[-1], width))


def _ways(snapshot: Snapshot) -> Iterable[list[Piece]]:
    records = count(snapshot.live + 1, "record")
    done: Piece = (f"{records}, {count(snapshot.turns, 'turn')}", "")
    fewer: Piece = (records, "")
    if snapshot.progress is not None:
        progress = " ".join(snapshot.progress.split())
        yield [done, (f"  {progress}", "input")]
        yield [(progress, "input")]
        how_far = progress.partition(";")[0]  # and not how to stop it
        yield [(how_far, "input")]
        yield [(how_far.partition(": ")[2] or how_far, "input")]  # nor what it is of
    elif (step := snapshot.next_step) is not None:
        said = "" if step == NOTHING_LEFT else "next: "
        words, key = f"{said}{_brief(step)} ", ("(t)", "name")
        yield [done, (f"  {words}", "dim"), key]
        yield [fewer, (f"  {words}", "dim"), key]
        yield [(words, "dim"), key]
        yield [("t: ", "name"), (_brief(step), "dim")]
    elif snapshot.scenario is not None:
        for ended in (f"scenario {snapshot.scenario} is at its end", "the scenario is at its end"):
            yield [done, (f"  {ended}", "dim")]
            yield [fewer, (f"  {ended}", "dim")]
        yield [("the scenario is at its end", "dim")]
    else:
        yield [done]
        yield [fewer]


def _brief(step: str) -> str:
    """What a scenario's step does, its schema without namespace and version."""
    if step == "expect":
        return "check expectations"
    return " ".join(short_name(word) for word in step.split())


def banner(snapshot: Snapshot, glyphs: Glyphs) -> list[Piece]:
    """Why the branch can only be read, else what is wrong on disk, or differs from what it runs."""
    if (trouble := snapshot.trouble) is not None:
        more = "; ".join(part for part in (trouble.place, trouble.hint) if part)
        return [
            *chipped(f" {glyphs.failed} {trouble.message}", "bad"),
            (f"\n   {more}" if more else "", ""),
        ]
    if (problem := snapshot.disk_problem) is not None:
        return [
            (f" {glyphs.change} on disk: {clip(problem, 140)}", "wait"),
            ("\n   the journal's own code stays in force; mend the file, b looks at it again", ""),
        ]
    names = ", ".join(snapshot.disk_changes)
    return [
        (f" {glyphs.change} on disk: another {clip(names, 100)}", "wait"),
        ("  b builds it, then swaps to it or rehearses; F forks first", ""),
    ]


def empty_journal(snapshot: Snapshot) -> list[str]:
    """What a journal with nothing but genesis teaches."""
    if snapshot.trouble is not None:
        return ["", "What comes after cannot be read."]
    events = ", ".join(map(short_name, snapshot.first_events)) or "none: no event is routed"
    lines = ["", "Nothing has happened yet.", "", "e  fires the first event", f"   {events}"]
    if snapshot.next_step is not None:
        lines += [
            "",
            f"t  plays the scenario {snapshot.scenario}:",
            f"   {_brief(snapshot.next_step)}",
        ]
    return lines
