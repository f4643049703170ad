"""Building the reducers of a world in a process of its own, so that no key waits for a compiler.

The process is ``aos build --each-line``: started once, ahead of the first save, so that a build
costs what the compiler costs and no start of Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aos_core.build.stages import STARTING, stage_of
from aos_tui import process as processes

NO_TOOLCHAIN = "no_toolchain"
NOT_TRUSTED = "not_trusted"
"""Codes of errors that are no fault of the sources."""


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


@dataclass(frozen=True, slots=True)
class Building:
    """A build under way: the module, what is being done, and for how many seconds it runs."""

    module: str
    stage: str
    seconds: int

    @property
    def text(self) -> str:
        """All of it on a line."""
        named = f"{self.module}: " if self.module else ""
        return f"{named}{self.stage}, {self.seconds} s"


class Compiler:
    """Builds one world, as often as one asks. ``tell`` is told how far a build is, at once and at
    least once a second."""

    def __init__(self, world: str, tell: Callable[[Building], None]) -> None:
        self._world, self._tell = world, tell
        self._process: Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ending: asyncio.Future[Any] | None = None
        self._asked: object | None = None
        self._begun = 0.0
        self._doing = ("", STARTING)
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
        self._begun, self._doing = time.monotonic(), ("", STARTING)
        clock = asyncio.create_task(self._tick())
        try:
            await self.start()
            result = await self._ask("trust" if trust else "build")
        except asyncio.CancelledError:
            await self.end()
            raise
        finally:
            clock.cancel()
            if self._asked is mine:
                self._asked = None
        if result.code == NO_TOOLCHAIN:  # it knows what there was when it began
            await self.end()
        return result

    async def _tick(self) -> None:
        while True:
            self._say()
            await asyncio.sleep(1.0)

    def _say(self) -> None:
        module, stage = self._doing
        self._tell(Building(module, stage, int(time.monotonic() - self._begun)))

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
            if self._asked is not None and (doing := _doing(told, self._doing)) != self._doing:
                self._doing = doing
                self._say()

    async def end(self) -> None:
        """End the process, and the compilers that it started; return when they are gone, whoever
        began to end them."""
        process, self._process = self._process, None
        if process is not None and self._listener is not None:
            self._ending = asyncio.gather(processes.end(process), self._listener)
        if self._ending is not None:
            await asyncio.shield(self._ending)


def _doing(said: Any, before: tuple[str, str]) -> tuple[str, str]:
    """(module, stage) from a line on; as ``before`` where it says something else."""
    match said:
        case {"progress": {"what": str() as module, "line": str() as line}}:
            stage = stage_of(line)
            return before if stage is None else (module, stage)
    return before


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
