"""Live adapters: an intent in, a receipt out, with the real effect in between.

The one seam to the world outside. An adapter never journals; what it hands back is delivered like
a prepared receipt. To cancel one, cancel its task: nothing is left of it but, perhaps, a blob that
nothing refers to. This module imports httpx, so import it where somebody goes live, not before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aos_core.adapters import blob, http, llm, timer
from aos_core.adapters.call import Call, Failure, Outside, Tell
from aos_core.adapters.receipt import Receipt

Adapter = Callable[[Call, Outside, Tell], Awaitable[Receipt]]

ADAPTERS: Mapping[str, tuple[str, Adapter]] = {
    "http.request": (http.ADAPTER, http.perform),
    "llm.generate": (llm.ADAPTER, llm.perform),
    "timer.set": (timer.ADAPTER, timer.perform),
    "blob.put": (blob.PUT, blob.perform),
    "blob.get": (blob.GET, blob.perform),
}
"""(adapter id, adapter) by kind of effect. Every other kind is answered by hand or a scenario."""


async def perform(call: Call, outside: Outside, tell: Tell) -> Receipt:
    """Perform an effect whose kind is in ``ADAPTERS``, for real.

    What goes wrong out there is a receipt with status ``error`` or ``timeout`` (see
    :class:`Failure`). No value of a secret is in it, whatever the other side sends back. Raises
    :class:`StoreDamaged` and ``DiskError`` for a store that does not work.
    """
    adapter_id, adapter = ADAPTERS[call.intent.kind]
    try:
        receipt = await adapter(call, outside, tell)
    except Failure as failure:
        receipt = failure.receipt(call, adapter_id)
    return replace(receipt, payload=call.secrets.veiled(receipt.payload))
