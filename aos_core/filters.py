"""Filters over the journal: ``kind:receipt schema:Agg* after:100 text:alpha``.

The command line and the app share this language. Different keys must all hold; of several
``kind`` or ``schema`` tokens one is enough; every ``text`` must be found. It is answered from the
index: no record is read.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aos_core.databases import marks
from aos_core.errors import UsageError
from aos_core.kernel.records import KINDS
from aos_core.kind_words import KIND_WORDS

if TYPE_CHECKING:
    from aos_core.history import History
    from aos_core.world import World

KEYS = ("kind", "schema", "after", "before", "text")
_EXAMPLE = "for example kind:receipt schema:Agg* after:100 before:200 text:alpha"

LONGEST = 10_000
"""Characters of a filter; reading one takes the square of them."""
BATCH = 50_000
"""So many records are looked through together: what is found first is there at once."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted, as far as it is given: ``kinds``, patterns of ``schemas``, texts with their
    case folded, and the heights ``after`` and ``before``, both exclusive."""

    kinds: Sequence[str] | None = None
    schemas: Sequence[str] | None = None
    texts: Sequence[str] = ()
    after: int = -1
    before: int | None = None

    def heights(self, history: History, first: int, last: int) -> Iterator[int]:
        """The heights from ``first`` to ``last`` of the records that it shows, rising."""
        first = max(first, self.after + 1)
        last = last if self.before is None else min(last, self.before - 1)
        if self.kinds is None and self.schemas is None and not self.texts:
            yield from range(first, last + 1)
            return
        where, given = self._condition(history, last)
        for begin in range(first, last + 1, BATCH):
            end = min(last, begin + BATCH - 1)
            yield from history.matching(f"height >= ? AND {where}", (begin, *given), end)

    def _condition(self, history: History, last: int) -> tuple[str, tuple[str, ...]]:
        """The SQL for it, heights aside."""
        tests: list[str] = []
        given: list[str] = []
        if self.kinds is not None:
            tests.append(f"kind IN ({marks(len(self.kinds))})")
            given += self.kinds
        if self.schemas is not None:  # only events have one, and an index knows them by it
            names = [of for of in history.names("event", last) if _fits(of, self.schemas)]
            tests.append(f"kind = 'event' AND name IN ({marks(len(names))})")
            given += names
        for text in self.texts:
            places = ("text", "shown", "kind") if _is_unicode(text) else ()
            tests.append(f"({' OR '.join(f'instr({of}, ?)' for of in places) or '0'})")
            given += [text] * len(places)
        return " AND ".join(tests), tuple(given)


def parse_filter(text: str) -> Filter:
    """The filter of a text; the empty one shows everything. A word without a key is a ``text``,
    which a record has in one of its values, in the name of its kind, or in what its line shows.

    ``kind`` and ``schema`` take ``*``; a schema may be given without its namespace and version.
    ``after`` and ``before`` are exclusive. Raises :class:`UsageError`.
    """
    if len(text) > LONGEST:
        raise _bad(f"a filter has at most {LONGEST:,} characters, not {len(text):,}")
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
    return Filter(
        kinds=_kinds(wanted["kind"]) if "kind" in wanted else None,
        schemas=wanted.get("schema"),
        texts=[of.casefold() for of in wanted.get("text", ())],
        after=max(map(_height, wanted.get("after", ())), default=-1),
        before=min(map(_height, wanted.get("before", ())), default=None),
    )


def find(world: World, text: str, until: int | None = None) -> list[int]:
    """The heights up to ``until`` that a filter shows, rising. Raises :class:`UsageError`."""
    last = world.height if until is None else until
    return list(parse_filter(text).heights(world.history, 0, last))


def _bad(message: str) -> UsageError:
    return UsageError(message, hint=_EXAMPLE, code="bad_filter")


def _kinds(patterns: list[str]) -> list[str]:
    wanted = [kind for of in patterns for kind in KIND_WORDS.get(of, (of,))]
    kinds = [kind for kind in KINDS if any(fnmatchcase(kind, of) for of in wanted)]
    if not kinds:
        known = ", ".join((*KINDS, *KIND_WORDS))
        raise _bad(f"no record is of kind {' or '.join(patterns)}; kinds are {known}")
    return kinds


def _fits(name: str, patterns: Sequence[str]) -> bool:
    short = name.rpartition("/")[2]
    names = (name, short, short.partition("@")[0])
    return any(fnmatchcase(of, pattern) for of in names for pattern in patterns)


def _height(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise _bad(f"{text!r} is no height")
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else 10**18  # beyond any journal


def _is_unicode(text: str) -> bool:
    """Whether a record could hold it: an argument that is no UTF-8 comes with surrogates."""
    return not any("\ud800" <= of <= "\udfff" for of in text)
