"""Building the reducers of a world in a process of its own, so that no key waits for a compiler.

The process is ``aos build --each-line``: started once, ahead of the first save, so that a build
costs what the compiler costs and no start of Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aos_tui import process as processes


@dataclass(frozen=True, slots=True)
class BuildResult:
    """``modules`` that were compiled now, by name; or what is wrong: ``code`` and ``message`` of
    the error with its place and ``hint``, and the compiler's own words in ``details``."""

    modules: tuple[str, ...] = ()
    code: str | None = None
    message: str = ""
    hint: str = ""
    details: str = ""

    @property
    def ok(self) -> bool:
        return self.code is None


class Compiler:
    """Builds one world, as often as one asks. ``tell`` takes each line said while it builds."""

    def __init__(self, world: str, tell: Callable[[str], None]) -> None:
        self._world, self._tell = world, tell
        self._process: Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._asked: object | None = None
        self._last_words = ""

    async def start(self) -> None:
        """Start the process, where none runs."""
        if self._process is not None and self._process.returncode is None:
            return
        self._process = await processes.start(
            "build", self._world, "--each-line", "--json", "--progress-json", talks=True
        )
        self._listener = asyncio.create_task(self._listen(self._process))

    async def build(self, *, trust: bool = False) -> BuildResult:
        """Build what has changed. ``trust``: the person agreed to run the world's build scripts.
        Cancelled, it ends the compiler too."""
        mine = self._asked = object()  # a build that follows a stopped one is another
        self._last_words = ""
        try:
            await self.start()
            return await self._ask("trust" if trust else "build")
        except asyncio.CancelledError:
            await self.end()
            raise
        finally:
            if self._asked is mine:
                self._asked = None

    async def _ask(self, word: str) -> BuildResult:
        process, listener = self._process, self._listener
        assert process is not None and listener is not None
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(f"{word}\n".encode())
            await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer:
            await listener
        return _result(answer, self._last_words)

    async def _listen(self, process: Process) -> None:
        """Take in stderr to its end; what comes after a build is over is told to nobody."""
        assert process.stderr is not None
        async for line in process.stderr:
            text, told = processes.said(line)
            self._last_words = text or self._last_words
            if self._asked is not None and (said := _progress(told)) is not None:
                self._tell(said)

    async def end(self) -> None:
        """End the process, and the compilers that it started."""
        process, self._process = self._process, None
        if process is None or self._listener is None:
            return
        await asyncio.gather(processes.end(process), self._listener)


def _progress(said: Any) -> str | None:
    match said:
        case {"progress": {"line": str() as text}} | {"notice": str() as text}:
            return text
    return None


def _result(answer: bytes, last_words: str) -> BuildResult:
    if not answer:
        return BuildResult(
            code="internal", message="the process that builds has ended", details=last_words
        )
    said: Any = json.loads(answer)
    match said:
        case {"error": {"code": code, "message": message, "hint": hint} as error}:
            found = [of["rendered"].rstrip() for of in error.get("diagnostics", ())]
            details = "\n\n".join(found) or str(error["where"].get("file", ""))
            return BuildResult((), code, message, hint or "", details)
        case {"modules": list() as modules}:
            return BuildResult(tuple(of["name"] for of in modules if not of["cached"]))
    return BuildResult(code="internal", message=f"`aos build` said {said!r}")
