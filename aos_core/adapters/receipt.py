"""What an adapter hands back: a receipt for an intent, and the blobs its payload refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.errors import CanonError, ValueRejected
from aos_core.kernel.records import ReceiptInput


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt on its way in. ``intent``: 32 bytes. ``payload``: runtime data. ``blobs`` are
    stored before the receipt is journaled. ``status``: ``ok``, ``error`` or ``timeout``."""

    intent: bytes
    status: str
    payload: Any
    adapter_id: str = "edited"
    cost_cents: int | None = None
    signature: bytes | None = None
    blobs: tuple[bytes, ...] = ()

    def to_input(self, *, late: bool) -> ReceiptInput:
        """The kernel's input. Raises :class:`Rejected` for a status or payload that is none."""
        try:
            payload = canon.encode(self.payload)
        except CanonError as error:
            raise ValueRejected(f"the payload {error.message}", path="$.payload") from error
        return ReceiptInput(
            intent=self.intent,
            adapter_id=self.adapter_id,
            status=self.status,
            payload=payload,
            cost_cents=self.cost_cents,
            signature=self.signature,
            late=late,
        )
