"""Where a command's words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from aos_core.errors import AosError
from aos_core.plain import clean, escaped
from aos_core.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from aos_core.build import Diagnostic

READER_GONE = 141
"""What a shell reports for a command whose reader went away."""

PartProgress = Callable[[str, int, int | None], None]
"""(of what, done, in all or None)"""


@dataclass(frozen=True)
class Out:
    """The flags that every command has, and what they mean.

    ``json``: stdout carries JSON and nothing else. ``quiet``: no progress, no notices.
    ``progress_json``: both as JSON lines. ``debug``: errors come with their traceback.
    """

    json: bool = False
    quiet: bool = False
    progress_json: bool = False
    debug: bool = False
    no_color: bool = False

    @cached_property
    def console(self) -> Console:
        """For people; colours only on a terminal, and not against ``NO_COLOR``."""
        return self._console(sys.stdout)

    def _console(self, file: TextIO) -> Console:
        from aos_core.cli.console import PlainConsole

        return PlainConsole(file, no_color=self.no_color or bool(os.environ.get("NO_COLOR")))

    def print(self, *parts: RenderableType) -> None:
        """Show to people, wrapped at the width of the terminal."""
        for part in parts:
            self.console.print(part)

    def text(self, text: str) -> None:
        """One line for people, never broken: it may be cut and piped."""
        self.console.print(text, soft_wrap=True)

    def line_of_text(self, line: RenderableType) -> None:
        """One line for people with its styles, never broken."""
        self.console.print(line, soft_wrap=True)

    def document(self, value: Any) -> None:
        """The one JSON document of a command."""
        sys.stdout.write(_indented(value) + "\n")
        sys.stdout.flush()

    def line(self, value: Any) -> None:
        """One JSON line of a stream, on its way at once."""
        sys.stdout.write(_one_line(value) + "\n")
        sys.stdout.flush()

    def notice(self, text: str) -> None:
        """Something a person should know, on stderr."""
        if self.progress_json:
            self._tell({"notice": text})
        elif not self.quiet:
            _say(f"note: {text}\n")

    def error(self, error: AosError) -> None:
        """Say what is wrong, where, and what to do."""
        if self.debug:
            traceback.print_exception(error, file=sys.stderr)
        if self.json:
            self.line({"error": error.to_json()})
        else:
            self.complain(error)

    def complain(self, error: AosError) -> None:
        """An error for people, on stderr even where stdout carries JSON."""
        _say(f"error: {error.message}\n")
        for name, value in error.where.items():
            _say(f"  {name}: {value}\n")
        if error.hint is not None:
            _say(f"  what to do: {error.hint}\n")

    def agrees(self, question: str) -> bool:
        """Ask the person at the terminal; no where there is none."""
        if self.json or self.progress_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """A progress bar where a terminal would show it; nothing elsewhere."""
        if self.progress_json:
            yield self._json_progress(what)
        elif self.quiet or not sys.stderr.isatty():
            yield lambda *_: None
        else:
            from rich.progress import Progress as Bar

            with Bar(console=self._console(sys.stderr), transient=True) as bar:
                task = bar.add_task(what, total=None)
                yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def several(self) -> Iterator[PartProgress]:
        """The same for things that go on side by side: a bar for each, by its name."""
        if self.progress_json:
            parts: dict[str, Progress] = {}
            yield lambda what, done, total: parts.setdefault(what, self._json_progress(what))(
                done, total or 0
            )
        elif self.quiet or not sys.stderr.isatty():
            yield lambda *_: None
        else:
            from rich.progress import Progress as Bar

            with Bar(console=self._console(sys.stderr), transient=True) as bar:
                tasks: dict[str, Any] = {}

                def show(what: str, done: int, total: int | None) -> None:
                    if what not in tasks:
                        tasks[what] = bar.add_task(what, total=total)
                    bar.update(tasks[what], completed=done, total=total)

                yield show

    @contextmanager
    def building(self, what: str) -> Iterator[Callable[[str], None]]:
        """What takes the lines that a compiler says, as they come: what is built and for how long
        is shown on a terminal, and said in plain lines elsewhere."""
        from aos_core.cli.building import Live, Plain

        if self.progress_json:
            yield lambda line: self._tell({"progress": {"what": what, "line": line}})
        elif self.quiet:
            yield lambda _: None
        else:
            console = self._console(sys.stderr)
            live = console.is_terminal and not console.is_dumb_terminal
            with Live(what, console) if live else Plain(what, sys.stderr) as shown:
                yield shown.tell

    def diagnostics(self, found: Sequence[Diagnostic] | str) -> None:
        """What a compiler found; all it said, where it named no places."""
        if self.progress_json:
            for of in () if isinstance(found, str) else found:
                self._tell({"diagnostic": of.to_json()})
        elif not self.quiet and not sys.stderr.isatty():  # a terminal has seen it come
            text = found if isinstance(found, str) else "\n".join(of.rendered for of in found)
            sys.stderr.write(f"{text.rstrip()}\n" if text else "")

    def _json_progress(self, what: str) -> Progress:
        shown = -1

        def tell(done: int, total: int) -> None:
            nonlocal shown
            step = 100 * done // total if total else done >> 20  # percent, or MiB of who knows
            if step != shown:
                shown = step
                self._tell({"progress": {"what": what, "done": done, "total": total}})

        return tell

    def _tell(self, value: Any) -> None:
        sys.stderr.write(_one_line(value) + "\n")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stderr.write(clean(text, keep="\n"))


def reader_gone() -> int:
    """What to exit with where nobody reads stdout any more; it goes nowhere from now on."""
    # without this the interpreter complains when it closes stdout
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def _one_line(value: Any) -> str:
    return escaped(_compact(value))


def _indented(value: Any) -> str:
    return escaped(_spread(value))


_compact = json.JSONEncoder(ensure_ascii=False).encode
_spread = json.JSONEncoder(ensure_ascii=False, indent=2).encode
