"""A command of ours that runs long, in a process of its own, so that no key waits for it.

The process is ``aos .. --json --progress-json``: its progress is told, its one document is read.
It reads a branch as it lies on the disk when it comes to it: what is durable then counts, and the
world may go on being written meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import Callable
from typing import Any

from aos_tui import process


class Command:
    """One run of ``words``. ``doing`` is the name of the progress that is the work itself, and no
    way to it; ``tell`` takes each new percent of it."""

    def __init__(self, words: tuple[str, ...], doing: str, tell: Callable[[int], None]) -> None:
        self._words, self._doing, self._tell = words, doing, tell
        self._process: Process | None = None
        self._stopped = False
        self._last_words = ""

    async def run(self) -> dict[str, Any] | None:
        """The document that the command prints; None where it was stopped. Cancelled, it ends the
        process too.

        Raises :class:`AosError` where the process ends without one.
        """
        running = self._process = await process.start(*self._words, "--json", "--progress-json")
        if self._stopped:
            self.stop()
        try:
            assert running.stdout is not None
            answer, _ = await asyncio.gather(running.stdout.read(), self._listen(running))
            await running.wait()
        finally:
            await process.end(running)
        if self._stopped:
            return None
        return self._read(answer)

    def stop(self) -> None:
        """End the process; :meth:`run` returns when it is gone."""
        self._stopped = True
        if self._process is not None:
            process.stop(self._process)

    async def end(self) -> None:
        """End the process, and return when it is gone."""
        if self._process is not None:
            await process.end(self._process)

    async def _listen(self, running: Process) -> None:
        assert running.stderr is not None
        async for line in running.stderr:
            text, told = process.said(line)
            match told:
                case {"progress": {"what": what, "done": int() as done, "total": int() as total}}:
                    if what == self._doing and total and not self._stopped:
                        self._tell(100 * done // total)
                case None:
                    self._last_words = text or self._last_words

    def _read(self, answer: bytes) -> dict[str, Any]:
        from aos_core.errors import AosError

        try:
            found: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise AosError(
                f"the process that was {self._doing} has ended: "
                f"{self._last_words or 'it said nothing'}",
                code="internal",
                hint=f"`aos {' '.join(self._words)}` says more",
            ) from None
        return found


def error_of(document: dict[str, Any]) -> Exception | None:
    """The error that a command printed instead of its document, or None."""
    from aos_core.errors import AosError

    match document:
        case {"error": {"code": code, "message": message, "hint": hint, "where": where}}:
            return AosError(message, hint=hint, code=code, **where)
    return None
