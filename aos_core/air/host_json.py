"""Host JSON without a schema (docs/scenarios.md, *Values*): bytes are ``{"bytes_b64": ..}``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from aos_core.air.misfit import Misfit


def untyped_from_host(value: Any) -> Any:
    """Runtime data of host JSON without a schema: only ``{"bytes_b64": ..}`` is special."""
    if isinstance(value, dict):
        if set(value) == {"bytes_b64"}:
            return bytes_from_host(value)
        return {key: untyped_from_host(item) for key, item in value.items()}
    if isinstance(value, list):
        return [untyped_from_host(item) for item in value]
    return value


def untyped_to_host(value: Any) -> Any:
    """Host JSON of untyped runtime data."""
    if isinstance(value, bytes):
        return {"bytes_b64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(key): untyped_to_host(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [untyped_to_host(item) for item in value]
    return value


def bytes_from_host(value: Mapping[str, Any]) -> bytes:
    """The bytes of ``{"bytes_b64": text}``."""
    if set(value) != {"bytes_b64"} or not isinstance(value["bytes_b64"], str):
        raise Misfit('expected text or {"bytes_b64": ".."}')
    try:
        return base64.b64decode(value["bytes_b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Misfit(f"not base64: {error}", "bytes_b64") from error


def utf8(text: str) -> bytes:
    """The bytes of a text. Raises :class:`Misfit` for one that has none."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Misfit(f"{text!r} holds half a character (a lone surrogate)") from error
