"""``fire -``: events from a stream, in groups that share a sync."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from aos_core.cli.interrupts import held
from aos_core.cli.live import FAULTED, acknowledge, summary
from aos_core.cli.opening import example_event, read_json
from aos_core.cli.options import INTERRUPTED
from aos_core.cli.output import Out
from aos_core.errors import AosError, Rejected, UsageError

if TYPE_CHECKING:
    from aos_core.world import World

MOST_TOGETHER = 256
"""So many lines share a sync at most."""

Lines = list[tuple[int, str]]
"""Lines with their numbers, from 1."""


def fire_lines(out: Out, world: World, schema: str, key: str | None) -> int:
    """Fire every line of stdin; a line that is refused is told, and the rest goes on.

    Lines that have come already share one sync, and are acknowledged after it. What breaks this off
    comes between two lines, and how far it came is said.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError(
            "stdin is closed, so there is nothing to fire",
            hint="pipe one JSON value a line into it, or give the value instead of -",
            code="bad_stdin",
        )
    stream = _Stream(out, world, schema, key)
    try:
        for lines in batches(sys.stdin, MOST_TOGETHER):
            with held() as interrupted:
                failure = stream.fire(lines, interrupted)
                stream.tell()
            if failure is not None:
                raise failure
            if interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        out.notice(f"interrupted: {stream.how_far}")
        return INTERRUPTED
    except BrokenPipeError:
        out.notice(f"nobody reads what is acknowledged any more: {stream.how_far}")
        raise
    except AosError:
        out.notice(f"broken off: {stream.how_far}")
        raise
    if not stream.any:
        out.notice("stdin had no line: nothing was fired")
    return stream.code


class _Stream:
    """What has become of the lines so far."""

    def __init__(self, out: Out, world: World, schema: str, key: str | None) -> None:
        self._out, self._world, self._schema, self._key = out, world, schema, key
        self._told: list[tuple[int, dict[str, Any] | AosError]] = []
        self._last = 0
        self.code = 0
        self.any = False

    @property
    def how_far(self) -> str:
        """Up to where the lines are in the journal, for people."""
        height = f"the branch is at height {self._world.height}"
        if not self._last:
            return f"no line was taken in; {height}"
        return f"the lines up to {self._last} were taken in; {height}"

    def fire(self, lines: Lines, interrupted: list[int]) -> AosError | None:
        """Fire lines in one group, up to an interrupt; what went wrong with the group. What came
        before that is durable."""
        try:
            with self._world.group():
                for number, line in lines:
                    if interrupted:
                        break
                    self._told.append((number, self._fire(number, line)))
        except AosError as error:
            return error
        finally:
            self._keep_what_stays()
        return None

    def _keep_what_stays(self) -> None:
        """Where the sync itself was refused, all is taken back: nothing is said of the lines from
        the first of these on, not even of one that would be refused again."""
        end = self._world.height
        self._told = list(
            takewhile(lambda of: isinstance(of[1], AosError) or of[1]["height"] <= end, self._told)
        )
        self._last = self._told[-1][0] if self._told else self._last

    def _fire(self, number: int, line: str) -> dict[str, Any] | AosError:
        """The acknowledgement of a line, to be said when it is durable, or why it is refused."""
        try:
            made = self._world.fire(self._schema, self._read(number, line), key=self._key)
        except (Rejected, UsageError) as error:
            if not self._world.writable:
                raise
            where = {**error.where, "line": number}
            return AosError(error.message, hint=error.hint, code=error.code, **where)
        return acknowledge(self._world, [made])

    def _read(self, number: int, line: str) -> Any:
        world, schema = self._world, self._schema
        return read_json(
            line, f"line {number}", lambda: example_event(lambda: world.program, schema)
        )

    def tell(self) -> None:
        """Say what has become of the lines since the last time."""
        told, self._told = self._told, []
        self.any = self.any or bool(told)
        for _, of in told:
            if isinstance(of, AosError):
                self._out.error(of)
                self.code = UsageError.exit_code
                continue
            if self._out.json:
                self._out.line(of)
            else:
                self._out.text(summary(of))
            self.code = self.code or (FAULTED if "fault" in of else 0)
        sys.stdout.flush()


def batches(stream: Iterable[str] | None, most: int) -> Iterator[Lines]:
    """The lines of a stream that are not empty, numbered from 1: those that are there, up to
    ``most``, together; the first of them is waited for. None: a stream that is closed.

    Raises :class:`UsageError` where the stream cannot be read, after the lines before that."""
    come: queue.Queue[tuple[int, str] | UsageError | None] = queue.Queue(most)

    def read() -> None:
        number, end = 0, None
        try:
            for number, line in enumerate(stream or (), 1):
                if line.strip():
                    come.put((number, line))
        except (OSError, ValueError) as error:
            hint = "give one JSON value a line, in UTF-8"
            text = f"stdin cannot be read after line {number}: {error}"
            end = UsageError(text, hint=hint, code="bad_stdin")
        come.put(end)

    threading.Thread(target=read, daemon=True).start()
    while isinstance(first := come.get(), tuple):
        lines = [first]
        with contextlib.suppress(queue.Empty):
            while len(lines) < most:
                following = come.get_nowait()
                if not isinstance(following, tuple):
                    come.put(following)  # the end: there is room, and nothing comes after it
                    break
                lines.append(following)
        yield lines
    if first is not None:
        raise first
