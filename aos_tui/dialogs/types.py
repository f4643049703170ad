"""AIR types in a form that people read at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from textwrap import indent
from typing import Any, cast

from aos_tui.form.shape import kind_of

MOST_PARTS = 1000
"""Of a type of more parts only the upper levels are shown: nobody reads more, and it takes long."""


def type_text(type_json: Any, width: int | None = None) -> str:
    """The type ``type_json`` (AIR JSON) as text: ``{topic: text, primary: {name: text}}``.

    A variant is ``A | B {name: text}``, an option ``text?``, a list ``[text]``. Without ``width``
    it is one line; with it, what does not fit in ``width`` columns is broken over lines. Where a
    type is large, its deeper parts are ``..``.
    """
    shown = _cut(type_json, _levels(type_json))
    flat = _flat(shown)
    return flat if width is None or len(flat) <= width else _broken(shown, width)


def _cut(of: Any, levels: int) -> Any:
    """The type down to some levels; what lies deeper is two dots."""
    if levels == 0:
        return {"..": {}}
    match kind_of(of):
        case ("record" | "variant") as kind, inner:
            return {kind: {name: _cut(part, levels - 1) for name, part in inner.items()}}
        case "map", inner:
            return {"map": inner | {"value": _cut(inner["value"], levels - 1)}}
        case ("list" | "set" | "option") as kind, inner:
            return {kind: _cut(inner, levels - 1)}
    return of


def _levels(of: Any) -> int:
    """How many levels of a type have :data:`MOST_PARTS` together. Parts that are one object are
    looked at once: a few schemas that refer to the next twice each are millions of parts."""
    level, parts = {id(of): (of, 1)}, 0
    for levels in count():
        parts += sum(times for _, times in level.values())
        if parts > MOST_PARTS or not level:
            return levels
        below: dict[int, tuple[Any, int]] = {}
        for part, times in level.values():
            for inner in _inner(part):
                below[id(inner)] = (inner, times + below.get(id(inner), (inner, 0))[1])
        level = below
    raise AssertionError


def _inner(of: Any) -> Iterable[Any]:
    match kind_of(of):
        case "record" | "variant", inner:
            return cast(dict[str, Any], inner).values()
        case "map", inner:
            return (inner["value"],)
        case "list" | "set" | "option", inner:
            return (inner,)
    return ()


def _flat(node: Any) -> str:
    match kind_of(node):
        case "record", of:
            return "{" + ", ".join(f"{name}: {_flat(field)}" for name, field in of.items()) + "}"
        case "variant", of:
            return " | ".join(_flat_arm(tag, arm) for tag, arm in of.items())
        case "list", of:
            return f"[{_flat(of)}]"
        case "set", of:
            return f"set[{_flat(of)}]"
        case "map", of:
            return f"map[{_flat(of['key'])}, {_flat(of['value'])}]"
        case "option", of:
            return f"{_flat_inner(of)}?"
        case kind, _:
            return kind


def _flat_inner(node: Any) -> str:
    return f"({_flat(node)})" if kind_of(node)[0] == "variant" else _flat(node)


def _flat_arm(tag: str, arm: Any) -> str:
    return tag if kind_of(arm)[0] == "unit" else f"{tag} {_flat_inner(arm)}"


def _fit(prefix: str, node: Any, width: int) -> str:
    """``prefix`` and the type, on one line where that fits."""
    flat = prefix + _flat_inner(node)
    if len(flat) <= width:
        return flat
    if kind_of(node)[0] == "variant":
        return f"{prefix.rstrip()}\n{indent(_broken(node, width - 2), '  ')}"
    return prefix + _broken(node, width)


def _broken(node: Any, width: int) -> str:
    match kind_of(node):
        case "record", of:
            fields = [_fit(f"{name}: ", field, width - 2) for name, field in of.items()]
            return "{\n" + indent("\n".join(fields), "  ") + "\n}"
        case "variant", of:
            return "\n".join(_broken_arm(tag, arm, width) for tag, arm in of.items())
        case "list", of:
            return _bracket("[", of, "]", width)
        case "set", of:
            return _bracket("set[", of, "]", width)
        case "map", of:
            return _bracket(f"map[{_flat(of['key'])}, ", of["value"], "]", width)
        case "option", of:
            if kind_of(of)[0] == "variant":
                return _bracket("(", of, ")?", width)
            return f"{_broken(of, width)}?"
        case _:
            return _flat(node)


def _bracket(left: str, node: Any, right: str, width: int) -> str:
    if kind_of(node)[0] == "variant":
        return f"{left}\n{indent(_broken(node, width - 2), '  ')}\n{right}"
    return f"{left}{_broken(node, width)}{right}"


def _broken_arm(tag: str, arm: Any, width: int) -> str:
    if kind_of(arm)[0] == "unit":
        return f"| {tag}"
    first, *rest = _fit(f"{tag} ", arm, width - 2).split("\n")
    return "\n".join([f"| {first}", *(f"  {line}" for line in rest)])
