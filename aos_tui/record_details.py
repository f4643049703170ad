"""What a record says beyond its summary, for journals that are wide enough: the value of an event
or step, the states before and after, who asked and what was answered.

Values are walked no further than there is room: one that is large costs no more than a small one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from aos_core.effect_words import target
from aos_core.plain import clean, clip, short_name
from aos_tui.chips import chip
from aos_tui.formatting import Piece, origin_text, outcome

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_tui.snapshot import Index

MOST: Final = 200
"""So many characters of a value at most."""
_HASH: Final = "sha256:"
_HASH_LENGTH: Final = len(_HASH) + 64
_NESTED: Final = frozenset({"Record", "List", "Set", "Map"})
"""Kinds whose parts have kinds of their own."""


def details(record: Record, index: Index, height: int | None = None) -> list[Piece]:
    """Pieces; none where the summary says it all. ``height``: as for the summary."""
    match record.kind:
        case "event":
            return _dim(brief(_inside(record["value"])))
        case "step":
            return _states(record)
        case "receipt":
            return _dim(_answer(record["payload"]))
        case "plan_started":
            return _dim(_shown("for", brief(record.get("correlation"), kinded=True)))
        case "plan_step":
            return _dim(_step(record, index))
        case "plan_ended":
            return _dim(brief(record.get("result")))
        case "decision":
            return _dim(_asked(record["intent"], index))
        case "intent":
            return _dim(f"{origin_text(record['origin'], index, height)}  {record['cap']}")
    return []


def brief(value: Any, *, kinded: bool = False, most: int = MOST) -> str:
    """A value of a record on one line: what is empty is left out, text stands without quotes, the
    outermost fields without braces.

    ``kinded``: each value is wrapped in its kind, as those of plan steps are."""
    if kinded:
        value, kinded = _unwrapped(value)
    if _empty(value):
        return ""
    if isinstance(value, Mapping) and "$tag" not in value:
        parts = _members(value.items(), kinded)
    else:
        parts = _flow(value, kinded)
    found, room = [], most
    for text in islice(parts, most):
        found.append(text)
        room -= len(text)
        if room < 0:
            break
    return clip(clean("".join(found)), most)


def _dim(text: str) -> list[Piece]:
    return [(text, "dim")] if text else []


def _shown(label: str, text: str) -> str:
    return f"{label} {text}" if text else ""


def _inside(value: Any) -> Any:
    """What a variant holds: the summary names its tag."""
    return value.get("$value") if isinstance(value, Mapping) and "$tag" in value else value


def _states(record: Record) -> list[Piece]:
    """The hashes of a state, before and after; one where they are the same."""
    before, after = record["before"], record["after"]
    pieces: list[Piece] = []
    if before is not None and before != after:
        pieces += [chip(before, 4), (" to ", "dim")]
    return [*pieces, chip(after, 4)] if after is not None else [*pieces, ("nothing", "dim")]


def _answer(payload: Any) -> str:
    """A receipt's payload without the status, which the summary has."""
    if isinstance(payload, Mapping) and {"status", "headers"} <= payload.keys():
        return str(payload.get("body_preview") or "")[:MOST]
    return outcome(payload)


def _step(record: Record, index: Index) -> str:
    """What a step waits for; else its value: that of one that asked is what it asked for, that of
    one that waited what was answered."""
    on, value = record.get("on"), record.get("value")
    if on is not None:
        name = short_name(on) if isinstance(on, str) else ""
        return _shown("for", _asked(on, index) if isinstance(on, bytes) else name)
    match value:
        case {"Record": {"intent_hash": {"Bytes": bytes(intent)}}}:
            return _asked(intent, index)
        case {"Record": {"status": {"Int": code}, "headers": _, "body_preview": {"Text": body}}}:
            return f"{code} {body[:MOST]}"
    return brief(value, kinded=True)


def _asked(intent: bytes, index: Index) -> str:
    found = index.intent(intent)
    return "" if found is None else target(found["kind"], found["params"])


def _flow(value: Any, kinded: bool) -> Iterator[str]:
    """A value as the pieces of one line, made as they are asked for."""
    if kinded:
        value, kinded = _unwrapped(value)
    match value:
        case str():
            yield value[len(_HASH) :][:8] if _is_hash(value) else value[:MOST]
        case bytes():
            yield value[:4].hex()
        case {"$tag": tag}:
            yield str(tag)
            if not _empty(value.get("$value")):
                yield " "
                yield from _flow(value["$value"], kinded)
        case Mapping():
            yield "{"
            yield from _members(value.items(), kinded)
            yield "}"
        case list() | tuple():
            yield "["
            yield from _joined(_flow(of, kinded) for of in value)
            yield "]"
        case None:
            yield "none"
        case bool():
            yield str(value).lower()
        case _:
            yield str(value)


def _members(items: Iterable[tuple[Any, Any]], kinded: bool) -> Iterator[str]:
    def member(name: Any, value: Any) -> Iterator[str]:
        yield f"{str(name)[:MOST]}: "
        yield from _flow(value, kinded)

    shown = (pair for pair in items if not _empty(_unwrapped(pair[1])[0] if kinded else pair[1]))
    yield from _joined(member(*pair) for pair in shown)


def _joined(parts: Iterable[Iterator[str]]) -> Iterator[str]:
    for n, part in enumerate(parts):
        if n:
            yield ", "
        yield from part


def _unwrapped(value: Any) -> tuple[Any, bool]:
    """What stands in a kind, and whether its parts have kinds too."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None, False
    ((kind, inside),) = value.items()
    if kind == "Map":
        inside = {str(_unwrapped(key)[0]): of for key, of in inside}
    return inside, kind in _NESTED


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | list | tuple | str) and not value)


def _is_hash(text: str) -> bool:
    return len(text) == _HASH_LENGTH and text.startswith(_HASH)
