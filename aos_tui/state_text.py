"""What a state says, in short text: values by their schema, whole states as JSON and as CBOR.

Plain functions, as in ``formatting``. What they write of values is bounded by the room there is:
of a text of 5 MB nothing is touched but its beginning. Lines go through :func:`shown` before they
are painted, since values come from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len, set_cell_size

from aos_core.plain import clean
from aos_tui.chips import chip
from aos_tui.formatting import Piece, diagnostic

if TYPE_CHECKING:
    from aos_core.air.parts import Difference, Part
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import States

ONE_LINE: Final = 34
"""What fits in so many cells stands on one line in JSON and CBOR."""
MOST_HEX: Final = 4096
"""So many bytes of a state are shown in hex."""
_DEEP: Final = 3
_SECOND: Final = 1_000_000_000
_UNITS: Final = (
    (86_400 * _SECOND, "d"), (3600 * _SECOND, "h"), (60 * _SECOND, "min"), (_SECOND, "s"),
    (1_000_000, "ms"), (1000, "us"), (1, "ns"),
)  # fmt: skip
_TOKEN: Final = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=: ))|(?P<text>"(?:[^"\\]|\\.)*"?)|(?P<hash>h\'[0-9a-f]*\'?)'
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)|(?P<dim>[{}\[\],:]+)"
)


_NUMBER: Final = re.compile(r"(?<![^\s(\[{,:])[-+]?\d[\d.,:eE+-]*$")
_CUT: Final = re.compile(r"\.+[ ,]*$")
_GOES_ON: Final = re.compile(r"\d|[.,:eE+-]+\d")


def cut(text: str, width: int) -> str:
    """At most ``width`` characters of a line, none of which commands the terminal."""
    return clean(text if len(text) <= width else f"{text[: max(0, width - 2)]}..")


def shown(text: str, width: int) -> str:
    """As :func:`cut`; of a number that is cut nothing is left: a part of it reads as another."""
    if len(text) <= width:
        return clean(text)
    kept = text[: max(0, width - 2)]
    return clean(f"{_whole_numbers(kept, text[len(kept) :])}..")


def _whole_numbers(kept: str, rest: str) -> str:
    """``kept`` without the number at its end that goes on in ``rest``."""
    return _NUMBER.sub("", kept) if _GOES_ON.match(rest) else kept


def fitted(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """Pieces in ``width`` cells; where they are cut, they end with ``..``, and of a number that is
    cut nothing is left."""
    if sum(cell_len(text) for text, _ in pieces) <= width:
        return list(pieces)
    found: list[Piece] = []
    left = max(0, width - 2)
    for text, role in pieces:
        if (size := cell_len(text)) > left:
            kept = set_cell_size(text, left)
            if role == "number":
                kept = ""
            elif role not in _NO_NUMBERS:
                kept = _whole_numbers(kept, text[len(kept) :])
            # a part of it may be cut already
            return [*found, (f"{_CUT.sub('', kept)}..", role)]
        found.append((text, role))
        left -= size
    return found


_NO_NUMBERS: Final = ("text", "hash")
"""The roles of what digits may be a part of that are no number."""


# -- one value --------------------------------------------------------------------------------


def time_text(ns: int) -> str:
    """Nanoseconds since 1970 as a date and a time, UTC, without zeros behind the seconds."""
    from aos_core.air.rfc3339 import from_ns  # not needed before a world is open

    return from_ns(ns).replace("T", " ")


def duration_text(ns: int) -> str:
    """Nanoseconds in the one or two largest units: ``1 min 30 s``."""
    left, found = abs(ns), list[str]()
    for size, unit in _UNITS:
        if len(found) < 2 and left >= size:
            found.append(f"{left // size} {unit}")
            left %= size
        elif found:
            break
    exact = "" if not left else " and more"
    return ("-" if ns < 0 else "") + (" ".join(found) or "0 s") + exact


def value_pieces(part: Part, room: int) -> list[Piece]:
    """A value in about ``room`` cells; of one that has parts, its beginning."""
    match part.kind:
        case "variant":
            payload = part.payload
            inner = [] if payload is None else [(" ", ""), *value_pieces(payload, room)]
            return [(clean(str(part.tag)), "word"), *inner]
        case "record" | "map" | "list" | "set":
            return [(preview(part, room), "dim")]
    return [scalar(part, room)]


def scalar(part: Part, room: int) -> Piece:
    """A value without parts, told by its schema."""
    value = part.value
    match part.kind:
        case "none":
            return "none", "dim"
        case "unit":
            return "()", "dim"
        case "bool":
            return str(value).lower(), "word"
        case "time":
            return time_text(value), "number"
        case "duration":
            return duration_text(value), "number"
        case "hash":
            return chip(bytes.fromhex(value.removeprefix("sha256:")))
        case "uuid":
            return cut(value, room), "hash"
        case "text":
            quoted = json.dumps(value[: room + 1], ensure_ascii=False)
            more = len(value) > room + 1
            return cut(quoted[:-1] + ".." if more else quoted, room), "text"
        case "bytes":
            size = f"{len(value):,} bytes "
            return cut(f"{size}h'{value[:room].hex()}'", room), "hash"
    try:
        return shown(str(value), room), "number"
    except ValueError:
        return "a number of thousands of digits", "number"


def preview(part: Part, room: int, deep: int = 0) -> str:
    """The beginning of a value with parts, on one line."""
    kind = part.kind
    if kind not in ("record", "map", "list", "set", "variant"):
        return scalar(part, room)[0]
    if kind == "variant":
        payload = part.payload
        inner = "" if payload is None else f" {preview(payload, room, deep)}"
        return clean(str(part.tag)) + inner
    begin, end = "[]" if kind in ("list", "set") else "{}"
    keys, found, used = part.members(), list[str](), 2
    for key in keys:
        if used >= room or deep == _DEEP:
            found.append("..")
            break
        inner_part = part.part(key)
        assert inner_part is not None
        name = f"{shown(str(key), 20)}: " if begin == "{" else ""
        inner = preview(inner_part, max(4, room - used - len(name)), deep + 1)
        found.append(name + inner)
        if inner == "..":
            break
        used += len(found[-1]) + 2
    return f"{begin}{', '.join(found)}{end}"


def amount(part: Part) -> str:
    """How many parts a value has, where that is not said by its schema."""
    payload = part.payload
    if payload is not None:
        return amount(payload)
    noun = {"list": "item", "set": "member", "map": "entry"}.get(part.kind)
    if noun is None:
        return ""
    number = len(part.value)
    plural = "entries" if noun == "entry" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def whole_text(part: Part) -> str:
    """A value in full, to be copied or read: a text as it is, anything else as JSON."""
    host = part.host()
    return host if isinstance(host, str) else json.dumps(host, ensure_ascii=False, indent=2)


def whole_cbor(data: bytes) -> str:
    """All of a state's bytes: in diagnostic notation where they are canonical, and in hex."""
    from aos_core import canon
    from aos_core.errors import CanonError

    try:
        return f"{diagnostic(canon.decode(data))}\n\n{data.hex()}"
    except CanonError:
        return data.hex()


# -- whole states -----------------------------------------------------------------------------


def json_lines(value: Any) -> Iterator[tuple[str, str]]:
    """Host JSON over several lines; (text, role)."""
    for line in _lines(value, lambda of: json.dumps(of, ensure_ascii=False), "", "", 0):
        yield line, "code"


def cbor_lines(data: bytes) -> Iterator[tuple[str, str]]:
    """CBOR in diagnostic notation, then its bytes in hex; (text, role)."""
    from aos_core import canon
    from aos_core.errors import CanonError

    try:
        for line in _lines(canon.decode(data), diagnostic, "", "", 0):
            yield line, "code"
    except CanonError as error:
        yield f"no canonical CBOR: {error.message}", "bad"
    yield "", ""
    yield f"{len(data):,} bytes", "dim"
    for at in range(0, min(len(data), MOST_HEX), 8):
        row = data[at : at + 8]
        letters = "".join(chr(of) if 32 <= of < 127 else "." for of in row)
        yield f"{at:04x}  {row.hex(' '):<23}  {letters}", "hex"
    if len(data) > MOST_HEX:
        yield f"and {len(data) - MOST_HEX:,} bytes more", "dim"


def _lines(
    value: Any, write: Callable[[Any], str], before: str, after: str, depth: int
) -> Iterator[str]:
    indent = "  " * depth
    if not _has_parts(value) or _fits(value, ONE_LINE - len(before)):
        yield f"{indent}{before}{write(value)}{after}"
        return
    begin, end = "{}" if isinstance(value, Mapping) else "[]"
    yield f"{indent}{before}{begin}"
    last = len(value) - 1
    items = value.items() if isinstance(value, Mapping) else ((None, of) for of in value)
    for index, (key, item) in enumerate(items):
        name = f"{write(key)}: " if begin == "{" else ""
        yield from _lines(item, write, name, "" if index == last else ",", depth + 1)
    yield f"{indent}{end}{after}"


def _has_parts(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def _fits(value: Any, room: int) -> bool:
    return _left(value, room) >= 0


def _left(value: Any, room: int) -> int:
    """What a value leaves of a line's room; less than 0 where it does not fit."""
    if isinstance(value, str | bytes):
        return room - len(value) - 2
    if not isinstance(value, Mapping | list | tuple):
        return room - 5 if not isinstance(value, int) else room - value.bit_length() // 3 - 1
    room -= 2
    items = [*value.items()] if isinstance(value, Mapping) and len(value) <= room else value
    for item in items:
        if room < 0:
            break
        parts = item if isinstance(value, Mapping) and isinstance(item, tuple) else (item,)
        for of in parts:
            room = _left(of, room - 2)
    return room


def code_pieces(line: str) -> list[Piece]:
    """A line of JSON or of diagnostic notation, told apart by roles."""
    found: list[Piece] = []
    end = 0
    for token in _TOKEN.finditer(line):
        found.append((line[end : token.start()], ""))
        found.append((token.group(), token.lastgroup or ""))
        end = token.end()
    found.append((line[end:], ""))
    return [piece for piece in found if piece[0]]


# -- what differs -----------------------------------------------------------------------------


def difference_lines(
    differences: Sequence[Difference], width: int
) -> list[tuple[int, list[Piece]]]:
    """(index of the difference, line): every place that differs, below its reducer (-1), with what
    was and what is; over three lines where one is too short."""
    found: list[tuple[int, list[Piece]]] = []
    reducer = ""
    for index, (path, before, now) in enumerate(differences):
        name, inner = _split(path)
        if name != reducer:
            reducer = name
            found.append((-1, [(shown(name, width), "name")]))
        room = max(8, width - 6)
        old, new = (
            [("not there", "dim")] if of is None else value_pieces(of, room) for of in (before, now)
        )
        place = shown(inner.lstrip(".") or "the state", width - 2)
        line: list[Piece] = [(f"  {place}  ", "key"), *old, (" -> ", "dim"), *new]
        if sum(len(text) for text, _ in line) <= width:
            found.append((index, line))
        else:
            found.append((index, [(f"  {place}", "key")]))
            found.append((index, fitted([("     ", ""), *old], width)))
            found.append((index, fitted([("  -> ", "dim"), *new], width)))
    return found


def _split(path: str) -> tuple[str, str]:
    """(reducer, what follows); a reducer's name ends with its version, ``@1``."""
    match = re.match(r"(.*?@[0-9]+)(.*)", path, re.DOTALL)
    return (match[1], match[2]) if match else (path, "")


# -- titles -----------------------------------------------------------------------------------

DISPLAYS: Final = {"tree": "tree", "json": "JSON", "cbor": "CBOR", "diff": "diff"}
"""The displays in their order, and what they are called."""


def states_title(states: States, height: int, glyphs: Glyphs) -> str:
    """The display, and what it is compared with."""
    name = f"State {DISPLAYS[states.wish.display]}"
    against = f"{'mark at' if states.marked else 'height'} {states.against}"
    match states.wish.display:
        case "tree" if height:
            return f"{name}  {glyphs.change} since {against}"
        case "diff":
            return f"{name}  {against} -> {height}"
    return name


def nothing_to_see(states: States, live: int) -> list[str]:
    """What a display without a line teaches."""
    if states.wish.find and states.wish.display != "diff":
        return [f"no cell has {states.wish.find!r} in its key", "", "esc  shows all cells again"]
    if states.wish.display != "diff":
        return ["no reducer has state yet:", "its first event makes it"]
    more = ["", "m  marks a height, M  compares with it", "d  shows the states as a tree"]
    return [f"no state differs from height {states.against}", *(more if live else more[2:])]
