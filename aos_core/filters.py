"""Filters over the journal: ``kind:receipt schema:Agg* after:100 text:alpha``.

The command line and the app share this language. Different keys must all hold; of several
``kind`` or ``schema`` tokens one is enough; every ``text`` must be found.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from fnmatch import fnmatchcase

from aos_core.air.codec import untyped_to_host
from aos_core.errors import UsageError
from aos_core.kernel.records import KINDS, Record, show_field

Filter = Callable[[int, Record], bool]
"""(height, record) -> whether it is shown."""

KEYS = ("kind", "schema", "after", "before", "text")
_EXAMPLE = "for example kind:receipt schema:Agg* after:100 before:200 text:alpha"


def parse_filter(text: str) -> Filter:
    """The filter of a text; the empty one shows everything. A word without a key is a ``text``.

    ``kind`` and ``schema`` take ``*``; a schema may be given without its namespace and version.
    ``after`` and ``before`` are exclusive. Raises :class:`UsageError`.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise _bad(f"a quote in {text!r} is not closed") from None
    wanted: dict[str, list[str]] = {}
    for word in words:
        key, colon, value = word.partition(":")
        if not colon:
            key, value = "text", word
        if key not in KEYS:
            raise _bad(f"a filter knows no {key!r}; it knows {', '.join(KEYS)}")
        wanted.setdefault(key, []).append(value)
    makers = {
        "kind": _kinds,
        "schema": _schemas,
        "after": _after,
        "before": _before,
        "text": _texts,
    }
    tests = [makers[key](values) for key, values in wanted.items()]
    return lambda height, record: all(test(height, record) for test in tests)


def _bad(message: str) -> UsageError:
    return UsageError(message, hint=_EXAMPLE, code="bad_filter")


def _kinds(patterns: list[str]) -> Filter:
    kinds = {kind for kind in KINDS for pattern in patterns if fnmatchcase(kind, pattern)}
    if not kinds:
        raise _bad(f"no record is of kind {' or '.join(patterns)}; kinds are {', '.join(KINDS)}")
    return lambda _, record: record.kind in kinds


def _schemas(patterns: list[str]) -> Filter:
    def fits(height: int, record: Record) -> bool:
        name = record.get("schema")
        if name is None:
            return False
        short = name.rpartition("/")[2]
        names = (name, short, short.partition("@")[0])
        return any(fnmatchcase(of, pattern) for of in names for pattern in patterns)

    return fits


def _height(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise _bad(f"{text!r} is no height")
    return int(text)


def _after(values: list[str]) -> Filter:
    bound = max(map(_height, values))
    return lambda height, _: height > bound


def _before(values: list[str]) -> Filter:
    bound = min(map(_height, values))
    return lambda height, _: height < bound


def _texts(values: list[str]) -> Filter:
    needles = [value.casefold() for value in values]

    def fits(height: int, record: Record) -> bool:
        shown = {name: show_field(name, of) for name, of in record.fields.items()}
        text = json.dumps(untyped_to_host(shown), ensure_ascii=False).casefold()
        return all(needle in text for needle in needles)

    return fits
