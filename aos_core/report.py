"""The problems of a world for people: by file, each with its place, its line, and what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text

from aos_core.problems import NOT_BUILT, Problem, only_builds_lack

WIDTH = 72
"""Of a source line that is shown; a longer one is cut around the place."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The glyphs of a report."""

    error: str
    warning: str
    good: str
    cut: str
    bar: str


UNICODE = Marks("✗", "!", "✓", "…", "│")
ASCII = Marks("x", "!", "+", "..", "|")


def report(problems: Sequence[Problem], root: Path, marks: Marks) -> Iterator[Text]:
    """A report, line by line. Files are named as seen from the working directory, so that a
    terminal or an editor can follow ``file:line:column``."""
    for file, group in groupby(problems, key=lambda of: of.file):
        shown = None if file is None else _from_here(root, file)
        yield Text(shown or "the world", style="bold underline")
        for of in group:
            yield from lines_of(of, shown, marks)
            yield Text()
    yield verdict(problems, marks)


def lines_of(of: Problem, file: str | None, marks: Marks, width: int = WIDTH) -> Iterator[Text]:
    """One problem: its place and code, what is wrong, at most ``width`` characters of its line with
    a caret below, what to do."""
    mark, style = _mark(of, marks)
    place = file or ""
    if of.line is not None:
        place += f":{of.line}:{of.column}"
    yield Text.assemble("  ", (place or "the world", "cyan"), "  ", (mark, style), _code(of))
    yield Text.assemble("    ", (of.message, "bold"))
    yield from _excerpt(of, style, marks, width)
    if of.path is not None:
        yield Text(f"    at {of.path}", style="dim")
    if of.hint is not None:
        yield Text.assemble(("    hint: ", "green"), of.hint)


def _mark(of: Problem, marks: Marks) -> tuple[str, str]:
    """(what kind of problem, style)"""
    if of.code == NOT_BUILT:
        return f"{marks.warning} not built yet", "bold yellow"
    if of.severity == "error":
        return f"{marks.error} error", "bold red"
    return f"{marks.warning} warning", "bold yellow"


def _code(of: Problem) -> str:
    return "" if of.code == NOT_BUILT else f" {of.code}"


def _excerpt(of: Problem, style: str, marks: Marks, width: int) -> Iterator[Text]:
    if of.excerpt is None or of.line is None or of.column is None:
        return
    line, at = _window(of.excerpt.rstrip(), of.column - 1, marks.cut, width)
    number = f"    {of.line} {marks.bar} "
    yield Text.assemble((number, "dim"), line)
    blank = f"{marks.bar} ".rjust(len(number))
    yield Text.assemble((blank, "dim"), " " * cell_len(line[:at]), ("^", style))


def _window(line: str, at: int, cut: str, width: int) -> tuple[str, int]:
    """As much of a line as is shown, from its first letter, and where the place is in it."""
    indent = len(line) - len(line.lstrip())
    first = indent if at >= indent else 0
    if at - first > width * 5 // 6:
        first = at - width // 2
    head = cut if first > indent else ""
    tail = cut if first + width < len(line) else ""
    return head + line[first : first + width] + tail, len(head) + at - first


def verdict(problems: Sequence[Problem], marks: Marks) -> Text:
    """The last line: how many there are."""
    errors = sum(of.severity == "error" for of in problems)
    warnings = len(problems) - errors
    found = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if only_builds_lack(problems):
        what = f"{_count(errors, 'module')}, {_count(warnings, 'warning')}"
        return Text(f"{marks.warning} not built yet: {what}", style="yellow")
    if errors:
        return Text(f"{marks.error} not ok: {found}", style="red")
    return Text(f"{marks.good} ok: {found}", style="green")


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _from_here(root: Path, file: str) -> str:
    path, here = root.resolve() / file, Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)
