"""Primitives as one types them into a field: each has notations, the first of them its usual one.

Knows no widgets. Values are host JSON.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from aos_core.air import rfc3339
from aos_core.air.codec import PRIMITIVE_CODECS
from aos_core.air.misfit import Misfit
from aos_core.plain import clean, clip, escaped

TEXT, LINES, QUOTED, HEX, BASE64, NANOSECONDS, DATE = (
    "text",
    "lines",
    "quoted",
    "hex",
    "base64",
    "ns",
    "RFC 3339",
)
_NOTATIONS = {
    "text": (TEXT, LINES, QUOTED),
    "bytes": (TEXT, HEX, BASE64),
    "time": (DATE, NANOSECONDS),
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}\Z", re.ASCII)
_SHORT = 32
"""Bytes up to which hex is read more easily than base64."""
_SECOND = 1_000_000_000


def notations(kind: str) -> tuple[str, ...]:
    """How values of a primitive may be written."""
    return _NOTATIONS.get(kind, (kind,))


def write(kind: str, value: Any) -> tuple[str, str]:
    """(notation, text) of host JSON in the notation that shows it best.

    Raises :class:`Misfit` for what no text stands for; whether the text fits is :func:`read`'s to
    say.
    """
    if kind == "bytes" and isinstance(value, dict):
        return _write_bytes(PRIMITIVE_CODECS[kind].from_host(value))
    if isinstance(value, str):
        if kind == "text":
            return _write_text(value)
        if kind == "bytes" and not _harmless(value):
            return _write_bytes(PRIMITIVE_CODECS[kind].normalise(value))
        return notations(kind)[0], clean(value)
    if kind in ("int", "nat", "duration", "time") and type(value) is int:
        return notations(kind)[-1], str(value)
    PRIMITIVE_CODECS[kind].normalise(value)  # it says best what is wrong
    raise Misfit(f"expected {kind}")


def read(kind: str, text: str, notation: str) -> Any:
    """The host JSON that a text stands for. Raises :class:`Misfit` where it fits no value."""
    host = _host(kind, text, notation)
    codec = PRIMITIVE_CODECS[kind]
    codec.normalise(codec.from_host(host))
    return host


def rewrite(kind: str, text: str, old: str, new: str) -> str:
    """The text in another notation. Raises :class:`Misfit` where that has none for it."""
    value = read(kind, text, old)
    if kind == "text":
        return _quoted(value) if new == QUOTED else str(value)
    if kind == "bytes":
        return _bytes_as(PRIMITIVE_CODECS[kind].normalise(_raw(value)), new)
    if kind == "time":
        at = value if isinstance(value, int) else rfc3339.to_ns(value)
        return str(at) if new == NANOSECONDS else _date(at)
    return text


def also(kind: str, text: str, notation: str) -> str:
    """The same value said otherwise, where that helps to read it: a date, seconds, a count of
    bytes; nothing where it does not, or where the text does not read."""
    try:
        value = read(kind, text, notation)
        if kind == "time":
            return _date(value) if isinstance(value, int) else f"{rfc3339.to_ns(value)} ns"
        if kind == "duration":
            return f"{value / _SECOND:g} s"
        if kind == "bytes":
            return f"{len(PRIMITIVE_CODECS[kind].normalise(_raw(value)))} bytes"
    except Misfit:
        pass
    return ""


def _host(kind: str, text: str, notation: str) -> Any:
    if kind == "text":
        return _unquoted(text) if notation == QUOTED else text
    if kind == "bytes":
        return text if notation == TEXT else _encoded(text, notation)
    text = text.strip()
    if not text:
        raise Misfit(f"{kind} is missing: {_form(kind)}")
    if kind in ("int", "nat", "duration"):
        return _whole(kind, text)
    return _time(text) if kind == "time" else text


def _time(text: str) -> int | str:
    if _WHOLE.match(text):
        return int(text)
    try:
        rfc3339.to_ns(text)
    except ValueError:
        raise Misfit(f"{_typed(text)} is no time: {_form('time')}") from None
    return text


def _whole(kind: str, text: str) -> int:
    if not _WHOLE.match(text):
        raise Misfit(f"{_typed(text)} is no {kind}: {_form(kind)}")
    return int(text)


def _form(kind: str) -> str:
    """What the text of a primitive has to be like."""
    form = PRIMITIVE_CODECS[kind].form
    if kind == "time":
        return f"such as 2026-01-31T12:00:00Z, or {form}"
    return f"a whole number, {form}" if kind in ("int", "nat", "duration") else form


def _typed(text: str) -> str:
    return repr(clip(text, 40))


def _unquoted(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise Misfit('a quoted text is JSON, such as "a\\n"')
    return value


def _encoded(text: str, notation: str) -> dict[str, str]:
    if notation == BASE64:
        return {"bytes_b64": "".join(text.split())}
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise Misfit("hex is pairs of the digits 0 to 9 and a to f, such as 00 ff") from None
    return {"bytes_b64": base64.b64encode(data).decode()}


def _raw(value: Any) -> Any:
    return PRIMITIVE_CODECS["bytes"].from_host(value)


def _write_text(value: str) -> tuple[str, str]:
    if _harmless(value):
        return TEXT, value
    if _harmless(value, "\n"):
        return LINES, value
    return QUOTED, _quoted(value)


def _quoted(value: str) -> str:
    return escaped(json.dumps(value, ensure_ascii=False))


def _harmless(text: str, keep: str = "") -> bool:
    """Whether a field can show a text as it is, so that no terminal obeys it."""
    return clean(text, keep) == text


def _write_bytes(data: bytes) -> tuple[str, str]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _harmless(text):
        return TEXT, text
    notation = HEX if len(data) <= _SHORT else BASE64
    return notation, _bytes_as(data, notation)


def _bytes_as(data: bytes, notation: str) -> str:
    if notation == HEX:
        return data.hex(" ")
    if notation == BASE64:
        return base64.b64encode(data).decode()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Misfit("these bytes are no text") from None
    if not _harmless(text):
        raise Misfit("these bytes are text with control characters: hex shows them")
    return text


def _date(at: int) -> str:
    try:
        return rfc3339.from_ns(at)
    except ValueError as error:
        raise Misfit(str(error)) from None
