"""The process is told to end: its terminal is gone, or someone sends it the signal that asks.

The app then leaves as it does by its key, but asks nothing: what runs for it is ended, the place is
remembered, and a terminal that is still there is left as it was.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aos_tui import process

if TYPE_CHECKING:
    from textual.app import App

PATIENCE_SECONDS = 10
"""How long leaving may take: where nobody reads the terminal, to paint is to wait for ever."""


def leave_when_told(app: App[Any]) -> None:
    """From now on leave on SIGHUP and SIGTERM, with the exit code that shells give for these. Only
    in the app's own loop, in the main thread."""
    if os.name == "nt":
        return
    loop = asyncio.get_running_loop()

    def leave(number: int, _: object) -> None:
        signal.signal(signal.SIGALRM, lambda *_: _give_up(128 + number))
        signal.alarm(PATIENCE_SECONDS)
        with suppress(RuntimeError):  # the loop has ended: it is being left already
            loop.call_soon_threadsafe(app.exit, None, 128 + number)

    # not by the loop's own handlers: these would wait for a loop that waits for the terminal
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, leave)


def _give_up(code: int) -> None:
    process.kill_all()
    os._exit(code)
