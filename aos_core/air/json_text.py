"""JSON as authors write it: what cannot be hashed is refused, with line and column."""

from __future__ import annotations

import json
import re
from typing import Any

from aos_core import canon
from aos_core.errors import AirError, CanonError
from aos_core.places import Spot, json_spots, line_column


def parse_json(text: str) -> Any:
    """JSON that can be hashed: no duplicate keys, no NaN, 64-bit integers, 192 levels deep.

    Raises :class:`AirError` with line and column.
    """
    _refuse_bytes(text)
    try:
        document = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
        canon.encode_plain(document)
    except json.JSONDecodeError as error:
        raise _not_json(error) from error
    except (RecursionError, CanonError, ValueError) as error:
        raise _not_hashable(text, error) from error
    return document


def _refuse_bytes(text: str) -> None:
    """What is no text: bytes that are not UTF-8 arrive as lone surrogates."""
    if text.startswith("\ufeff"):
        hint = "save it as UTF-8 without a BOM"
        raise AirError("the file begins with a byte order mark", hint=hint, line=1, column=1)
    if (found := re.search("[\udc80-\udcff]", text)) is not None:
        byte = ord(found[0]) - 0xDC00
        message = f"not UTF-8: byte 0x{byte:02x}"
        raise _at(text, found.start(), message, "save it as UTF-8")


def _at(text: str, offset: int, message: str, hint: str | None = None) -> AirError:
    line, column = line_column(text, offset)
    return AirError(message, hint=hint, line=line, column=column)


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(items)
    if len(result) != len(items):
        raise ValueError("a key stands twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _not_json(error: json.JSONDecodeError) -> AirError:
    rest, before = error.doc[error.pos :].lstrip(), error.doc[: error.pos].rstrip()
    message, hint = f"not JSON: {error.msg}", None
    if error.msg == "Extra data":
        message = "not JSON: there is more after the end of the document"
        hint = "a file holds one node, or one array of nodes"
    elif before.endswith(",") and rest[:1] in ("}", "]"):
        hint = f"no comma before {rest[0]}"
    return _at(error.doc, error.pos, message, hint)


def _not_hashable(text: str, error: Exception) -> AirError:
    """The first thing in a JSON text that means nothing here."""
    seen: set[str] = set()
    for spot in json_spots(text):
        if (message := _unfit(spot, seen)) is not None:
            offset = spot.value if spot.path not in seen else spot.key
            return _at(text, offset, message)
        seen.add(spot.path)
    return AirError(f"cannot be hashed: {error}")


def _unfit(spot: Spot, seen: set[str]) -> str | None:
    if spot.path in seen:
        return f"key {spot.path.rpartition('.')[2]!r} stands twice in one object"
    token = spot.token
    if token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is not JSON"
    if token in ("{", "[") and spot.depth >= canon.MAX_DEPTH:
        return f"cannot be hashed: nested too deep, more than {canon.MAX_DEPTH} levels"
    if re.fullmatch(r"-?\d+", token) and not _fits(token):
        shown = token if len(token) <= 40 else f"of {len(token)} digits"
        return f"cannot be hashed: integer {shown} does not fit into 64 bits"
    texts = spot.path + (json.loads(token) if token.startswith('"') else "")
    if re.search("[\ud800-\udfff]", texts):
        return "cannot be hashed: a text holds half a character (a lone surrogate)"
    return None


def _fits(token: str) -> bool:
    return len(token) <= 20 and canon.INT_MIN <= int(token) <= canon.NAT_MAX
