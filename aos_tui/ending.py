"""The process is told to end: its terminal is gone, or someone sends it the signal that asks.

The app then leaves as it does by its key, but asks nothing: what runs for it is ended, the place is
remembered, and a terminal that is still there is left as it was.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aos_tui import process

if TYPE_CHECKING:
    from textual.app import App

_TOLD = () if os.name == "nt" else (signal.SIGHUP, signal.SIGTERM)

PATIENCE_SECONDS = 10
"""How long leaving may take: where nobody reads the terminal, to paint is to wait for ever."""


def leave_when_told(app: App[Any]) -> None:
    """From now on leave on SIGHUP and SIGTERM, with the exit code that shells give for these. Only
    in the app's own loop, in the main thread.

    A thread minds the signals. Where the main thread waits for a terminal that nobody reads, it
    hears of none that the system gave to another thread; the wakeup file hears of all.
    """
    if os.name == "nt":
        return
    loop = asyncio.get_running_loop()
    heard, said = os.pipe()
    os.set_blocking(said, False)
    signal.set_wakeup_fd(said, warn_on_full_buffer=False)
    for number in _TOLD:
        signal.signal(number, lambda *_: None)

    def mind() -> None:
        while not (told := [number for number in os.read(heard, 64) if number in _TOLD]):
            pass
        code = 128 + told[0]
        with suppress(RuntimeError):  # the loop has ended: it is being left already
            loop.call_soon_threadsafe(app.exit, None, code)
        time.sleep(PATIENCE_SECONDS)
        process.kill_all()
        os._exit(code)

    threading.Thread(target=mind, name="ending", daemon=True).start()
