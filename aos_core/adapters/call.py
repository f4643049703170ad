"""What a live adapter gets, and how it says that something went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aos_core.adapters.prepared import zero_payload
from aos_core.adapters.receipt import Receipt
from aos_core.air.schemas import Schema
from aos_core.kernel.secrets import reference
from aos_core.kernel.state import Intent
from aos_core.live_settings import LiveSettings
from aos_core.store import Store

SIGNATURE = bytes(64)
"""Of a receipt that nobody signs (B-22)."""
MOST_AT_ONCE = 16
"""How many exchanges with servers run side by side."""

Tell = Callable[[int, int | None], None]
"""(done, in all or None): progress in bytes for what is received, in nanoseconds for a timer."""


class Secrets:
    """The values that were put into params, to keep them out of everything that comes back."""

    def __init__(self, asked: Any = None, resolved: Any = None) -> None:
        """``asked``: params with references; ``resolved``: the same with the values."""
        values = {value for value in _values(asked, resolved) if value}
        # a header that is no UTF-8 comes back as Latin-1
        self._values = values | {value.decode("latin-1").encode() for value in values}

    @property
    def longest(self) -> int:
        """In bytes; 0 where there are none."""
        return max(map(len, self._values), default=0)

    def found_in(self, data: bytes | str) -> bool:
        """Whether a value stands in ``data``."""
        data = data.encode(errors="replace") if isinstance(data, str) else data
        return any(value in data for value in self._values)

    def veiled(self, value: Any) -> Any:
        """Runtime data in which every text or byte string that holds a value is ``***``."""
        if isinstance(value, dict):
            return {self.veiled(key): self.veiled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.veiled(item) for item in value]
        if isinstance(value, (str, bytes)) and self.found_in(value):
            return "***" if isinstance(value, str) else b"***"
        return value


def bare(value: Any) -> Any:
    """What stands at a place that takes a text or a secret: the value of a secret as it is, or
    what the ``literal`` arm holds."""
    return value.get("$value") if isinstance(value, dict) else value


def _values(asked: Any, resolved: Any) -> Iterator[bytes]:
    if reference(asked) is not None:
        yield resolved.encode() if isinstance(resolved, str) else resolved
    elif isinstance(asked, dict):
        for key, item in asked.items():
            yield from _values(item, resolved[key])
    elif isinstance(asked, list):
        for before, after in zip(asked, resolved, strict=True):
            yield from _values(before, after)


@dataclass(frozen=True, slots=True)
class Call:
    """An intent on its way out.

    ``params``: runtime data with the values of secrets; never to be logged, shown or kept.
    ``schema``: that of its receipts. ``logical_ns``: logical time at its release. ``denied``:
    (method, URL) -> the code with which its capability would deny that request, or None.
    """

    intent: Intent
    params: Any = field(repr=False)
    schema: Schema
    logical_ns: int
    denied: Callable[[str, str], str | None]
    secrets: Secrets = field(default_factory=Secrets, repr=False)


@dataclass(frozen=True, slots=True)
class Outside:
    """What adapters work with. ``waits``: whether a timer waits for its time; where time is
    simulated nobody does. ``llm_url`` stands before the ``base_url`` of every provider."""

    store: Store
    settings: LiveSettings
    waits: bool = True
    llm_url: str | None = None
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))


class Failure(Exception):
    """An effect that went wrong. It becomes a receipt with ``status``, whose payload is the zero
    value with the fields ``known`` and ``error``: ``{code, message}``."""

    def __init__(self, code: str, message: str, *, status: str = "error") -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.known: dict[str, Any] = {}

    def receipt(self, call: Call, adapter_id: str) -> Receipt:
        payload = zero_payload(call.intent, call.schema)
        if isinstance(payload, dict):
            error = {"code": self.code, "message": self.message}
            payload = {**payload, **self.known, "error": error}
        return Receipt(call.intent.hash, self.status, payload, adapter_id, 0, SIGNATURE)
