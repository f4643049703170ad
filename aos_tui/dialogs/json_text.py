"""JSON as people type it into a dialog."""

from __future__ import annotations

import json
from typing import Any

from aos_core.plain import escaped
from aos_tui.dialogs.base import Wrong


def json_text(value: Any) -> str:
    """``value`` as indented JSON; what a terminal would obey is escaped."""
    return escaped(json.dumps(value, indent=2, ensure_ascii=False))


def parse_json(text: str) -> Any:
    """The value that ``text`` spells. Raises :class:`Wrong`, with the place where there is one."""
    if not text.strip():
        raise Wrong("there is no JSON here yet")
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        place = (error.lineno - 1, error.colno - 1)
        said = error.msg[:1].lower() + error.msg[1:]
        raise Wrong(f"line {error.lineno}, column {error.colno}: {said}", place) from None
    except RecursionError:
        raise Wrong("the JSON is nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise Wrong(str(error)) from None


def _no_constant(name: str) -> Any:
    raise Wrong(f"{name} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Wrong(f'"{name}" stands twice in one object')
        members[name] = value
    return members
