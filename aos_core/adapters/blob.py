"""``blob.put`` and ``blob.get``, live: the world's own store."""

from __future__ import annotations

from dataclasses import replace

from aos_core.adapters.call import SIGNATURE, Call, Outside, Tell
from aos_core.adapters.prepared import SELF_ANSWERING
from aos_core.adapters.receipt import Receipt

PUT, GET = "host.blob.put", "host.blob.get"


async def perform(call: Call, outside: Outside, tell: Tell) -> Receipt:
    """What a prepared answer gives too: the store is at hand in a simulation as well."""
    intent = call.intent
    receipt = SELF_ANSWERING[intent.kind](intent, call.params, outside.store.get)
    return replace(receipt, adapter_id=f"host.{intent.kind}", signature=SIGNATURE)
