"""``timer.set``, live: waits as long as logical time lacks, in real time."""

from __future__ import annotations

import asyncio

from aos_core.adapters.call import SIGNATURE, Call, Outside, Tell
from aos_core.adapters.receipt import Receipt

ADAPTER = "timer.set"
_TELL_NS = 1_000_000_000


async def perform(call: Call, outside: Outside, tell: Tell) -> Receipt:
    """The receipt, when ``deliver_at_ns`` has come; at once where ``outside`` does not wait.

    ``delivered_at_ns`` is the logical time then (B-22). What logical time lacks is waited for by
    the clock of this machine: time that a prepared timer has skipped is not made up for.
    """
    deliver_at_ns: int = call.params["deliver_at_ns"]
    if outside.waits:
        await _wait(deliver_at_ns - call.logical_ns, tell)
    payload = {
        "delivered_at_ns": max(deliver_at_ns, call.logical_ns),
        "key": call.params.get("key"),
    }
    return Receipt(call.intent.hash, "ok", payload, ADAPTER, 0, SIGNATURE)


async def _wait(ns: int, tell: Tell) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while (waited := int((loop.time() - begun) * 1e9)) < ns:
        tell(waited, ns)
        await asyncio.sleep(min(ns - waited, _TELL_NS) / 1e9)
