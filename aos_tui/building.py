"""Building the reducers of a world in a process of its own, so that no key waits for a compiler.

Runs ``aos build`` and reads what it says: the lines of the compiler as they come, then the modules
or an error with the places of what does not compile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BuildResult:
    """``modules`` that were compiled now, by name; or what is wrong: ``code`` and ``message`` of
    the error with its ``hint``, and the compiler's own words in ``details``."""

    modules: tuple[str, ...] = ()
    code: str | None = None
    message: str = ""
    hint: str = ""
    details: str = ""

    @property
    def ok(self) -> bool:
        return self.code is None


async def build(world: str, tell: Callable[[str], None], *, trust: bool = False) -> BuildResult:
    """Build what has changed in ``world``; ``tell`` takes each line as it comes. ``trust``: the
    person agreed to run the world's build scripts. Cancelled, it ends the compiler too."""
    arguments = ["build", world, "--json", "--progress-json", *(["--trust"] if trust else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aos_core.cli.main",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**24,
        start_new_session=os.name != "nt",
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        details, document = await asyncio.gather(
            _listen(process.stderr, tell), process.stdout.read()
        )
        await process.wait()
    except asyncio.CancelledError:
        _end(process)
        await process.wait()
        raise
    return _result(document, details)


async def _listen(stream: asyncio.StreamReader, tell: Callable[[str], None]) -> str:
    """What the compiler found; the rest goes to ``tell``."""
    found = []
    async for line in stream:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        match said:
            case {"diagnostic": {"rendered": str() as rendered}}:
                found.append(rendered.rstrip())
            case {"progress": {"line": str() as text}} | {"notice": str() as text}:
                tell(text)
    return "\n\n".join(found)


def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and the compilers it started."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGTERM)


def _result(document: bytes, details: str) -> BuildResult:
    try:
        said: Any = json.loads(document)
    except ValueError:
        return BuildResult(code="internal", message="`aos build` ended without a word")
    match said:
        case {"error": {"code": code, "message": message, "hint": hint}}:
            return BuildResult((), code, message, hint or "", details)
        case {"modules": list() as modules}:
            built = tuple(of["name"] for of in modules if not of["cached"])
            return BuildResult(built, details=details)
    return BuildResult(code="internal", message=f"`aos build` said {said!r}")
