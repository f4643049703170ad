"""The one thread in which all that reads or writes the open world runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from aos_core.world import World

Value = TypeVar("Value")


class Closed(Exception):
    """Raised inside long work when the session is closed."""


class WorldThread:
    """Holds the open world, and its thread: so the screen never waits."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "world")
        self._loop: tuple[asyncio.AbstractEventLoop, Context] | None = None
        self._world: World | None = None
        self._stop = self._closed = False

    def _begin_thread(self) -> None:
        """Whoever is told something is told on the event loop that runs now."""
        self._loop = asyncio.get_running_loop(), copy_context()

    async def close(self) -> None:
        """Give up the world. What runs is broken off."""
        self._stop = self._closed = True
        await self._run(lambda: None if self._world is None else self._world.close())
        self._pool.shutdown(wait=False)

    @property
    def _opened(self) -> World:
        assert self._world is not None, "the session is open"
        return self._world

    def _soon(self, act: Callable[[], None]) -> None:
        """Do something on the event loop, whichever thread this is, as part of the app."""
        assert self._loop is not None, "the session is open"
        loop, context = self._loop
        with suppress(RuntimeError):  # the loop has ended: nobody looks any more
            loop.call_soon_threadsafe(act, context=context)

    async def _run(self, act: Callable[[], Value]) -> Value:
        """Raises :class:`Closed` where the session is."""
        try:
            found = asyncio.get_running_loop().run_in_executor(self._pool, act)
        except RuntimeError:  # the pool is shut
            raise Closed from None
        return await found
