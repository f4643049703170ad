"""A command of ours in a process of its own: how it is started, and how nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

PATIENCE_SECONDS = 5.0
"""How long a process may take to end by itself when it is asked to."""

_running: set[Process] = set()

_LINE_LIMIT = 2**24
"""Bytes of the longest line that is read: a report on large values is one."""


async def start(*arguments: str, talks: bool = False) -> Process:
    """Start ``aos`` with these arguments, in a process group of its own; stdout and stderr are
    pipes, and stdin too where one ``talks`` to it. Raises :class:`OSError`."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aos_core.cli.main", *arguments,
        stdin=PIPE if talks else DEVNULL, stdout=PIPE, stderr=PIPE,
        limit=_LINE_LIMIT, start_new_session=os.name != "nt",
    )  # fmt: skip
    _running.add(started)
    return started


def stop(process: Process) -> None:
    """Ask a process, and those that it started, to end."""
    _signal(process, signal.SIGTERM)


async def end(process: Process) -> None:
    """End a process and those that it started, and return when it is gone."""
    stop(process)
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        if os.name == "nt":
            process.kill()
        else:
            _signal(process, signal.SIGKILL)
        await process.wait()
    _running.discard(process)


def kill_all() -> None:
    """End at once whatever was started and not ended, and those that it started: for a process
    that has no time left. Not on Windows."""
    for process in _running:
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: int) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, number)


def said(line: bytes) -> tuple[str, Any]:
    """(text, what it means as JSON, None where it is none) of one line of stderr."""
    text = line.decode(errors="replace").rstrip()
    try:
        return text, json.loads(text)
    except ValueError:
        return text, None
