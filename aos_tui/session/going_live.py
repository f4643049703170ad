"""Effects performed for real: in a thread of their own, so that one can look on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aos_tui.session import reading
from aos_tui.session.questions import Questions

if TYPE_CHECKING:
    from aos_core.live import Outcome
    from aos_core.view import Pending


@dataclass(frozen=True, slots=True)
class Call:
    """What would be performed. ``what``: its number and what it asks for; ``more``: what goes with
    it, a line each: the body's size, the names of the secrets that it uses. ``same``: equal for
    calls that send the same to the same place, so that one is asked about them once."""

    what: str
    more: tuple[str, ...]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """What became of a live release: how many receipts came, of how many, and what went wrong."""

    came: int
    asked: int
    wrong: tuple[str, ...]


class GoingLive(Questions):
    """The one way out of the world."""

    _performing: tuple[asyncio.AbstractEventLoop, asyncio.Task[object]] | None = None
    _breaking_off = False
    _refreshing: asyncio.Future[None] | None = None

    @property
    def live_running(self) -> bool:
        """Whether something is being performed."""
        return self._performing is not None

    async def calls(self, intents: Sequence[bytes]) -> list[Call]:
        """What releasing these for real would do. Raises :class:`UsageError` for one that is not
        pending."""

        return await self._run(lambda: [self._call(self._pending(intent)) for intent in intents])

    def _call(self, item: Pending) -> Call:
        from aos_core import canon
        from aos_core.kernel.secrets import references
        from aos_core.words import asks_for

        params = canon.decode(item.intent.params)
        secrets = list(references(params))
        more = [f"with the secret {', '.join(secrets)}"] if secrets else []
        same: tuple[str, ...]
        match params:
            case {"method": str(method), "url": str(url)}:
                ref = params.get("body_ref")
                more.insert(0, "without a body" if ref is None else self._body(ref))
                same = (item.kind, method.upper(), url, str(ref))
            case _:
                same = (item.kind, canon.sha256(item.intent.params).hex())
        return Call(f"{item.n}  {asks_for(item.kind, item.params)}", tuple(more), same)

    def _body(self, ref: str) -> str:
        """What is known of a body before it is sent."""
        from aos_core import canon
        from aos_core.errors import AosError

        try:
            size = len(self._opened.store.get(canon.parse_hash(ref), what="a blob"))
        except AosError:
            return f"with the body {ref[:19]}.., which the store lacks"
        return f"with a body of {size:,} {'byte' if size == 1 else 'bytes'}"

    async def release_live(self, intents: Sequence[bytes]) -> Came:
        """Perform these effects, side by side, and deliver each receipt as it comes; until
        :meth:`cancel_live`. Raises as :func:`aos_core.live.release`."""
        items = await self._run(lambda: [self._pending(intent) for intent in intents])
        came: list[Outcome] = []

        def arrived(outcome: Outcome) -> None:
            came.append(outcome)
            self._soon(partial(self._show, f"live: {len(came)} of {len(items)} came; esc cancels"))

        def watch(item: Pending, done: int, total: int | None) -> None:
            much = f"{done:,}" if total is None else f"{done:,} of {total:,}"
            text = f"live: effect {item.n}, {much}; esc cancels"
            if text != self.progress:
                self._soon(partial(self.tell_progress, text))

        async def perform() -> None:
            from aos_core.live import release

            task = asyncio.current_task()
            assert task is not None
            self._performing = asyncio.get_running_loop(), task
            if self._breaking_off:  # before there was anything to cancel
                return
            await release(self._opened, items, watch=watch, arrived=arrived)

        self.tell_progress(f"live: {len(items)} under way; esc cancels")
        self._breaking_off = leaving = False
        try:
            await asyncio.to_thread(asyncio.run, perform())
        except asyncio.CancelledError:
            leaving = not self._breaking_off
            if leaving:  # the app: no thread stays behind
                self.cancel_live()
                raise
        finally:
            self._performing = None
            self.progress = None
            self._wanted = None
            if not leaving:
                await self.refresh()
        faults = [reading.fault_text(of.turn) for of in came if of.turn and of.turn.fault]
        errors = [of.error.message for of in came if of.error is not None]
        return Came(sum(of.turn is not None for of in came), len(items), (*faults, *errors))

    def _show(self, progress: str) -> None:
        self.progress = progress
        self._refreshing = asyncio.ensure_future(self.refresh())

    def cancel_live(self) -> None:
        """Break off what is being performed: what has not come stays pending."""
        self._breaking_off = True
        if self._performing is not None:
            loop, task = self._performing
            with suppress(RuntimeError):  # it has just ended, and its loop is closed
                loop.call_soon_threadsafe(task.cancel)
