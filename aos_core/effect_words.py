"""What an effect asks for, in few words. Light: the app needs it for its first paint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aos_core.plain import clean, clip

_LLM = {"provider", "model", "max_tokens"}
"""Parameters that tell a call of a model from other effects."""


def json_line(value: Any, width: int = 60) -> str:
    """A value of host JSON or of a record as JSON on one line; a text alone without quotes."""
    from aos_core.air.host_json import untyped_to_host  # not needed before a world is open
    from aos_core.words import bytes_text

    if isinstance(value, bytes):
        value = bytes_text(value)
    if isinstance(value, str):
        return clean(clip(value, width))
    try:
        text = _json(value, default=bytes_text)
    except TypeError:  # a map whose keys are bytes
        text = _json(untyped_to_host(value))
    return clean(clip(text, width))


def target(kind: str, params: Any, *, host: bool = True) -> str:
    """The parameters of an effect that matter, in a few words.

    ``host``: whether the host of a URL is named too.
    """
    if not isinstance(params, Mapping):
        return json_line(params, 40)
    if "url" in params:
        return f"{params.get('method', '')} {_place(str(params['url']), host)}".strip()
    if params.keys() >= _LLM:
        return f"{params['provider']} {params['model']}, {params['max_tokens']} tokens at most"
    shown = [name for name, of in params.items() if of not in (None, {}, [])]
    shown.sort(key=lambda name: (len(name), name))  # as the journal has them, whoever gives them
    words = (f"{name} {json_line(params[name], 24)}" for name in shown)
    return clip(", ".join(words), 60) or kind


def tells_kind(params: Any) -> bool:
    """Whether what :func:`target` says of an effect tells its kind, too."""
    return isinstance(params, Mapping) and ("url" in params or params.keys() >= _LLM)


def _place(url: str, host: bool) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc if host else ''}{parts.path or '/'}{query}"


_json = partial(json.dumps, ensure_ascii=False, separators=(", ", ": "))
