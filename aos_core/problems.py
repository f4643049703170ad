"""What is wrong with a world, as a list of problems that each know their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aos_core.errors import AosError, CheckFailed
from aos_core.places import Spot, find, json_places, line_column, line_of, toml_places

MEMBER = "unknown_member"
"""The code of a problem that is about a member's name, not about its value."""
NO_WASM = "no_wasm"
"""The code of a module that there is no wasm for."""
NOT_BUILT = "not_built"
"""The code of a module whose source is there, and that nobody has built: nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a world; ``severity`` is ``error`` or ``warning``.

    ``line`` and ``column``, from 1, are of what ``path`` names; ``excerpt`` is that line. They are
    known where the text is: see :func:`placed`. ``node``: the name of the definition that it is
    about, where it is about one.
    """

    severity: str
    code: str
    file: str | None
    path: str | None
    message: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    node: str | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """Place, message and hint, a line each."""
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        parts = (" ".join(filter(None, (place, self.path))), self.message, self.hint)
        return "\n  ".join(part for part in parts if part)

    def to_json(self) -> dict[str, Any]:
        """Everything but the excerpt."""
        names = ("severity", "code", "file", "line", "column", "path", "message", "hint")
        return {name: getattr(self, name) for name in names}


def problem_of(error: AosError, file: str | None = None) -> Problem:
    """An error as a problem: of ``file``, or of the file that it names itself."""
    where = error.where
    place = where.get("path", where.get("module"))
    line, column = where.get("line"), where.get("column")
    named = where.get("file")
    return Problem(
        "error",
        error.code,
        file if file is not None or named is None else str(named),
        None if place is None else str(place),
        error.message,
        error.hint,
        line if isinstance(line, int) else None,
        column if isinstance(column, int) else None,
    )


def placed(problems: Iterable[Problem], texts: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems with line, column and excerpt, where ``texts`` (by file) has their file."""
    places: dict[str, Mapping[str, Spot]] = {}
    return tuple(_placed(of, texts, places) for of in problems)


def _placed(
    of: Problem, texts: Mapping[str, str], places: dict[str, Mapping[str, Spot]]
) -> Problem:
    text = texts.get(of.file or "")
    if text is None or of.excerpt is not None:
        return of
    if of.line is None and of.path is not None and of.file is not None:
        if of.file not in places:
            read = toml_places if of.file.endswith(".toml") else json_places
            places[of.file] = read(text)
        spot = find(places[of.file], of.path)
        if spot is not None:
            line, column = line_column(text, spot.key if of.code == MEMBER else spot.value)
            of = replace(of, line=line, column=column)
    return of if of.line is None else replace(of, excerpt=_printable(line_of(text, of.line)))


def _printable(text: str) -> str:
    """One column for each character, and none that a terminal would obey."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]", lambda of: _shown(of[0]), text)


def _shown(character: str) -> str:
    return " " if character == "\t" else "\N{REPLACEMENT CHARACTER}"


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether one of them is more than a warning."""
    return any(of.severity == "error" for of in problems)


def only_builds_lack(problems: Iterable[Problem]) -> bool:
    """Whether a world does not run for no other reason than that modules are not built yet."""
    return {of.code for of in problems if of.severity == "error"} == {NOT_BUILT}


def raise_errors(problems: Sequence[Problem]) -> None:
    """Raise :class:`CheckFailed`, with every problem, where one of them is an error."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        first = errors[0]
        place = f"{first.file or 'world'} {first.path or ''}".strip()
        if first.line is not None:
            place = f"{first.file}:{first.line}:{first.column}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise CheckFailed(f"{place}: {first.message}{more}", tuple(problems))
