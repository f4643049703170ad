"""The app in a browser's tab."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_LOOK_SECONDS = 1.0


async def end_with_server(end: Callable[[], None]) -> None:
    """Call ``end`` when the server is gone that started this process: no browser can reach it any
    more, and it would keep its world locked. Runs until then."""
    server = os.getppid()
    while os.getppid() == server:
        await asyncio.sleep(_LOOK_SECONDS)
    end()
