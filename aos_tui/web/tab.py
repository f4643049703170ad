"""The app in a browser's tab."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

SERVER = "AOS_TUI_SERVER"
"""The variable of the environment with the process id of the server that starts a tab."""

_LOOK_SECONDS = 1.0


async def end_with_server(end: Callable[[], None]) -> None:
    """Call ``end`` when the server is gone: no browser can reach this process any more, and it
    would keep its world locked. Runs until then; where nothing is known of a server, not at all."""
    server = os.environ.get(SERVER)
    if server is None or os.name == "nt":  # there a shell stands between
        return
    while os.getppid() == int(server):
        await asyncio.sleep(_LOOK_SECONDS)
    end()
