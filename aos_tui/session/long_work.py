"""Work that takes long, told in percent and broken off by ``cancel``: by a command of ours in a
process of its own for a world on disk, by a thread for one in memory, which no process can read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from aos_tui.session.following import Following

if TYPE_CHECKING:
    from aos_tui.command import Command

Value = TypeVar("Value")
Progress = Callable[[int, int], None]
Tell = Callable[[int], None]
"""Takes each new percent."""


class _Cancelled(Exception):
    """Raised inside work in a thread that was broken off."""


class LongWork(Following):
    """Begins it, and breaks it off."""

    _commands: Mapping[str, Command] = MappingProxyType({})
    """What runs, by what it is doing."""

    async def _by_process(
        self, words: tuple[str, ...], doing: str, tell: Tell
    ) -> dict[str, Any] | None:
        """The document that ``aos`` prints for ``words``; None where it was broken off. Raises
        :class:`AosError` where the process ends without one."""
        from aos_tui.command import Command

        mine = Command(words, doing, tell)
        self._commands = {**self._commands, doing: mine}
        try:
            return await mine.run()
        finally:
            self._commands = {of: it for of, it in self._commands.items() if it is not mine}

    async def _by_thread(self, act: Callable[[Progress], Value], tell: Tell) -> Value | None:
        """What ``act``, which is given the progress to tell, returns; None where it was broken
        off."""
        shown = -1

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if self._stop:
                raise _Cancelled
            if (percent := 100 * done // total) > shown:
                shown = percent
                self._soon(partial(tell, percent))

        try:
            return await asyncio.to_thread(act, progress)
        except _Cancelled:
            return None

    def cancel(self) -> None:
        """Break off what takes long: verification, a rehearsal, an export, a scenario that
        plays."""
        self._stop = True
        for command in self._commands.values():
            command.stop()

    async def close(self) -> None:
        """Give up the world. What runs is broken off, and nothing of it is left."""
        self._closed = True
        self.cancel()
        try:
            await asyncio.gather(*(command.end() for command in self._commands.values()))
        finally:
            await super().close()
