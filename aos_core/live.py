"""Going live: pending intents performed for real, side by side, their receipts delivered as they
come.

Outside of ``World``, which never goes live by itself. Imports httpx: import it where it is used.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aos_core import canon
from aos_core.adapters.call import Call, Outside, Secrets
from aos_core.adapters.live import ADAPTERS, perform
from aos_core.adapters.secrets import resolve
from aos_core.errors import AosError, UsageError
from aos_core.hosts import LiveHost
from aos_core.kernel.state import Intent
from aos_core.kernel.turn import Turn
from aos_core.view import Pending
from aos_core.world import World

LLM_URL = "AOS_LLM_URL"
"""The environment variable that stands before the ``base_url`` of every LLM provider."""

Watch = Callable[[Pending, int, int | None], None]
"""(what is performed, done, in all or None); units as :data:`aos_core.adapters.call.Tell`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an intent: the turn of its receipt, or the error for which it is still
    pending."""

    item: Pending
    turn: Turn | None = None
    error: AosError | None = None


Arrived = Callable[[Outcome], None]


def _nothing(*_: object) -> None:
    pass


def release_live(
    world: World,
    items: Sequence[Pending],
    *,
    watch: Watch = _nothing,
    arrived: Arrived = _nothing,
    environ: Mapping[str, str] = os.environ,
) -> list[Outcome]:
    """:func:`release`, for callers without an event loop. Ctrl+C cancels it."""
    return asyncio.run(release(world, items, watch=watch, arrived=arrived, environ=environ))


async def release(
    world: World,
    items: Sequence[Pending],
    *,
    watch: Watch = _nothing,
    arrived: Arrived = _nothing,
    environ: Mapping[str, str] = os.environ,
) -> list[Outcome]:
    """Perform pending intents side by side, and deliver each receipt when it comes; the outcomes
    in order of arrival, each told to ``arrived`` when its frame is durable.

    ``environ`` holds the values of ``env:`` secrets. An effect that goes wrong is a receipt like
    any other; an error of the store or the border leaves its own intent pending, and the rest
    goes on. Cancelled, it leaves pending what has not come: the other side may have acted all the
    same. Raises :class:`UsageError` for a kind without an adapter and :class:`SecretError`:
    nothing was sent then.
    """
    calls = [_call(world, item, environ) for item in items]
    outside = Outside(
        world.store,
        world.files.config.live,
        waits=isinstance(world.host, LiveHost),
        llm_url=environ.get(LLM_URL),
    )
    outcomes: list[Outcome] = []

    async def one(item: Pending, call: Call) -> None:
        try:
            receipt = await perform(call, outside, partial(watch, item))
            outcome = Outcome(item, turn=world.deliver(receipt))
        except AosError as error:
            outcome = Outcome(item, error=error)
        outcomes.append(outcome)
        arrived(outcome)

    async with asyncio.TaskGroup() as group:
        for item, call in zip(items, calls, strict=True):
            group.create_task(one(item, call))
    return outcomes


def _call(world: World, item: Pending, environ: Mapping[str, str]) -> Call:
    if item.kind not in ADAPTERS:
        raise UsageError(
            f"there is no live adapter for {item.kind} (number {item.n})",
            code="no_adapter",
            hint=f"give its receipt by hand, or let a scenario answer it; live are: "
            f"{', '.join(ADAPTERS)}",
        )
    params = resolve(item.intent, world.program, environ)
    return Call(
        intent=item.intent,
        params=params,
        schema=item.schema,
        logical_ns=world.logical_now_ns,
        denied=partial(_denied, world, item.intent),
        secrets=Secrets(canon.decode(item.intent.params), params),
    )


def _denied(world: World, intent: Intent, method: str, url: str) -> str | None:
    """The code with which another request than the one that ``intent`` names is denied."""
    return world.denial(intent, {**canon.decode(intent.params), "method": method, "url": url})
