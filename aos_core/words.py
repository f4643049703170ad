"""Values in few words, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.errors import CanonError
from aos_core.plain import clip


def plainly(value: Any, width: int = 60, *, none: str = "null") -> str:
    """A value of host JSON on one line, to be read, not parsed: no text in it stands in quotes.
    ``none``: what stands for null."""
    return clip(_spelled(value, none), width)


def _spelled(value: Any, none: str) -> str:
    match value:
        case None:
            return none
        case str():
            return value or '""'
        case dict():
            members = (f"{name}: {_spelled(of, none)}" for name, of in value.items())
            return "{" + ", ".join(members) + "}"
        case list():
            return "[" + ", ".join(_spelled(of, none) for of in value) + "]"
    return json.dumps(value)


def bytes_text(data: bytes) -> str:
    """Bytes to be read: as text where they are printable UTF-8, else in hex."""
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() and text.encode() == data else f"0x{data.hex()}"


def key_text(key: bytes) -> str:
    """The key of a cell or event to be read: the value, where it is canonical bytes of one."""
    if key.startswith(canon.SELF_DESCRIBE):
        try:
            return plainly(untyped_to_host(canon.decode(key)))
        except CanonError:
            pass
    return bytes_text(key)


def asks_for(kind: str, params: Any) -> str:
    """An effect in a few words: ``http.request GET https://example.com/``."""
    if isinstance(params, Mapping) and "url" in params:
        return f"{kind} {params.get('method', '')} {params['url']}"
    if isinstance(params, Mapping):
        shown = {name: of for name, of in params.items() if of not in (None, {}, [])}
        return f"{kind} {', '.join(f'{name} {plainly(of, 24)}' for name, of in shown.items())}"
    return f"{kind} {plainly(params, 40)}"


def answers(payload: Any) -> str:
    """A receipt's payload in a few words: for HTTP its status and the beginning of the body."""
    if isinstance(payload, Mapping) and {"status", "headers"} <= set(payload):
        return f"{payload['status']} {payload.get('body_preview') or ''}".rstrip()
    if isinstance(payload, Mapping):
        return plainly({name: of for name, of in payload.items() if of is not None}, 200)
    return plainly(payload, 200)
