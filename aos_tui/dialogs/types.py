"""AIR types in a form that people read at a glance."""

from __future__ import annotations

from textwrap import indent
from typing import Any

_COMPOSITE = ("record", "variant", "list", "set", "map", "option", "ref")


def type_text(type_json: Any, width: int | None = None) -> str:
    """The type ``type_json`` (AIR JSON) as text: ``{topic: text, primary: {name: text}}``.

    A variant is ``A | B {name: text}``, an option ``text?``, a list ``[text]``. Without ``width``
    it is one line; with it, what does not fit in ``width`` columns is broken over lines.
    """
    flat = _flat(type_json)
    return flat if width is None or len(flat) <= width else _broken(type_json, width)


def _kind(node: Any) -> tuple[str, Any]:
    """The one member of ``node`` that says what it is: (kind, what belongs to it)."""
    for kind in _COMPOSITE:
        if kind in node:
            return kind, node[kind]
    return next(name for name in node if not name.startswith("$")), None


def _flat(node: Any) -> str:
    match _kind(node):
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
        case "ref", of:
            return str(of)
        case kind, _:
            return kind


def _flat_inner(node: Any) -> str:
    return f"({_flat(node)})" if _kind(node)[0] == "variant" else _flat(node)


def _flat_arm(tag: str, arm: Any) -> str:
    return tag if _kind(arm)[0] == "unit" else f"{tag} {_flat_inner(arm)}"


def _fit(prefix: str, node: Any, width: int) -> str:
    """``prefix`` and the type, on one line where that fits."""
    flat = prefix + _flat_inner(node)
    if len(flat) <= width:
        return flat
    if _kind(node)[0] == "variant":
        return f"{prefix.rstrip()}\n{indent(_broken(node, width - 2), '  ')}"
    return prefix + _broken(node, width)


def _broken(node: Any, width: int) -> str:
    match _kind(node):
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
            if _kind(of)[0] == "variant":
                return _bracket("(", of, ")?", width)
            return f"{_broken(of, width)}?"
        case _:
            return _flat(node)


def _bracket(left: str, node: Any, right: str, width: int) -> str:
    if _kind(node)[0] == "variant":
        return f"{left}\n{indent(_broken(node, width - 2), '  ')}\n{right}"
    return f"{left}{_broken(node, width)}{right}"


def _broken_arm(tag: str, arm: Any, width: int) -> str:
    if _kind(arm)[0] == "unit":
        return f"| {tag}"
    first, *rest = _fit(f"{tag} ", arm, width - 2).split("\n")
    return "\n".join([f"| {first}", *(f"  {line}" for line in rest)])
