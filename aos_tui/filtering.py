"""The journal's filter: ``kind:receipt schema:Agg* after:100 text:timeout``, bare words are text.

All parts must fit. A part with an unknown name is looked for as text, as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aos_tui.formatting import kind_text, plain, short_name, summary
from aos_tui.glyphs import ASCII
from aos_tui.snapshot import Index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aos_core.kernel.records import Record


@dataclass(frozen=True, slots=True)
class Filter:
    """What a record must have; patterns are in small letters. Empty parts say nothing."""

    kinds: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    after: int = -1
    before: int | None = None

    def heights(self, records: Sequence[Record], live: int, index: Index) -> Iterator[int]:
        """The heights up to ``live`` that fit, rising."""
        end = live + 1 if self.before is None else min(self.before, live + 1)
        for height in range(self.after + 1, end):
            if self.fits(records[height], index):
                yield height

    def fits(self, record: Record, index: Index) -> bool:
        """Whether a record has everything but the right height."""
        kinds = (record.kind, kind_text(record))
        if not all(any(fnmatchcase(kind, of) for kind in kinds) for of in self.kinds):
            return False
        if self.schemas and not self._fits_schema(record):
            return False
        if not self.texts:
            return True
        line = f"{kind_text(record)} {plain(summary(record, index, ASCII))} {dict(record.fields)}"
        return all(text in line.lower() for text in self.texts)

    def _fits_schema(self, record: Record) -> bool:
        name = record.get("schema")
        if not isinstance(name, str):
            return False
        names = (name.lower(), short_name(name).lower())
        return all(any(fnmatchcase(of, pattern) for of in names) for pattern in self.schemas)


def parse_filter(text: str) -> Filter:
    """The filter that a line describes."""
    kinds: list[str] = []
    schemas: list[str] = []
    texts: list[str] = []
    after, before = -1, None
    for part in text.lower().split():
        name, _, value = part.partition(":")
        match name:
            case "kind" if value:
                kinds.append(value)
            case "schema" if value:
                schemas.append(value)
            case "text" if value:
                texts.append(value)
            case "after" if value.isdecimal():
                after = max(after, int(value))
            case "before" if value.isdecimal():
                before = int(value)
            case "kind" | "schema" | "text" | "after" | "before":
                pass  # still being typed
            case _:
                texts.append(part)
    return Filter(tuple(kinds), tuple(schemas), tuple(texts), after, before)
