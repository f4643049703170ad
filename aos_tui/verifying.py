"""Verifying a branch in a process of its own, so that no key waits for a replay.

The process is ``aos verify WORLD --branch B --json --progress-json``. It reads the branch as it
lies on the disk when it comes to it: what is durable then is what is proven, and the world may go
on being written meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import Callable
from typing import Any

from aos_tui import process

DOING = "verifying"
"""The name of the progress that is the verification itself, and no way to it."""


class Verifier:
    """One run. ``tell`` takes each new percent."""

    def __init__(self, world: str, branch: str, tell: Callable[[int], None]) -> None:
        self._world, self._branch, self._tell = world, branch, tell
        self._process: Process | None = None
        self._stopped = False
        self._last_words = ""

    async def run(self) -> dict[str, Any] | None:
        """The document that the command prints; None where it was stopped. Cancelled, it ends the
        process too.

        Raises :class:`AosError` where the process ends without one.
        """
        running = self._process = await process.start(
            "verify", self._world, "--branch", self._branch, "--json", "--progress-json"
        )
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

    async def _listen(self, running: Process) -> None:
        assert running.stderr is not None
        async for line in running.stderr:
            text, told = process.said(line)
            match told:
                case {"progress": {"what": what, "done": int() as done, "total": int() as total}}:
                    if what == DOING and total and not self._stopped:
                        self._tell(100 * done // total)
                case None:
                    self._last_words = text or self._last_words

    def _read(self, answer: bytes) -> dict[str, Any]:
        from aos_core.errors import AosError

        try:
            found: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise AosError(
                f"the process that verifies has ended: {self._last_words or 'it said nothing'}",
                code="internal",
                hint=f"`aos verify {self._world} --branch {self._branch}` says more",
            ) from None
        return found
