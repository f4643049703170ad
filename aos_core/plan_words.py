"""What a plan says of itself, in short text: guards, expressions, states, the ways it went.

Plain functions, quick to import: the app draws before it loads the runtime.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aos_core.plain import clean, clip

if TYPE_CHECKING:
    from aos_core.view import EdgeView, PlanView, StepView

_BETWEEN: Final = {
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "and", "or": "or",
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%",
}  # fmt: skip
"""Operators that stand between their arguments."""


def expression(node: Any, *, short: bool = False) -> str:
    """An AIR expression on one line, operators between their arguments.

    ``short``: references by the last part of their path alone.
    """
    return clean(_expression(node, short))


def _expression(node: Any, short: bool) -> str:
    match node:
        case {"ref": str() as text}:
            return text.rpartition(".")[2].rpartition(":")[2].lstrip("$@") if short else text
        case {"op": "not", "args": [of]}:
            return f"not {_inner(of, short)}"
        case {"op": str() as op, "args": [_, _, *_] as args} if op in _BETWEEN:
            return f" {_BETWEEN[op]} ".join(_inner(of, short) for of in args)
        case {"op": str() as op, "args": list() as args}:
            return f"{op}({', '.join(_expression(of, short) for of in args)})"
        case {"record": dict() as fields}:
            items = (f"{name}: {_expression(of, short)}" for name, of in fields.items())
            return "{" + ", ".join(items) + "}"
        case {"list": list() as items} | {"set": list() as items}:
            return "[" + ", ".join(_expression(of, short) for of in items) + "]"
        case {"map": list() as pairs}:
            items = (
                f"{_expression(of.get('key'), short)}: {_expression(of.get('value'), short)}"
                for of in pairs
            )
            return "{" + ", ".join(items) + "}"
        case {"variant": {"tag": str() as tag, **rest}}:
            return (
                tag if rest.get("value") is None else f"{tag}({_expression(rest['value'], short)})"
            )
        case {"null": _}:
            return "null"
        case dict() if len(node) == 1:
            return _literal(next(iter(node.values())), short)
    return _literal(node, short)


def _literal(value: Any, short: bool) -> str:
    """A constant; a text in quotes where names stand beside it."""
    bare = short and isinstance(value, str)
    return clip(value if bare else json.dumps(value, ensure_ascii=False), 60)


def _inner(node: Any, short: bool) -> str:
    """An argument, in brackets where it is an operator between arguments itself."""
    text = _expression(node, short)
    inside = isinstance(node, dict) and node.get("op") in _BETWEEN
    return f"({text})" if inside else text


def guard_text(when: Any) -> str:
    """What stands beside an edge; empty without a guard."""
    return "" if when is None else expression(when, short=True)


def shown_state(step: StepView, steps: Mapping[str, StepView]) -> str:
    """A step's state; a pending one whose predecessors are all over is shown as ``ready``."""
    over = ("done", "skipped")
    if step.state == "pending" and all(steps[name].state in over for name in step.after):
        return "ready"
    return step.state


def walked_edges(plan: PlanView) -> list[str]:
    """Of each edge ``walked``, ``dead`` or ``open``: whether the plan went that way, will not, or
    has not yet. Where only a guard's value would tell, ``open`` too: it is not kept."""
    states = {step.id: step.state for step in plan.steps}
    ways: dict[str, int] = {}
    for edge in plan.edges:
        ways[edge.target] = ways.get(edge.target, 0) + (states.get(edge.source) == "done")
    return [_walked(edge, states, ways[edge.target], plan.status) for edge in plan.edges]


def _walked(edge: EdgeView, states: Mapping[str, str], ways: int, status: str) -> str:
    source, to = states.get(edge.source), states.get(edge.target)
    if source in ("skipped", "failed") or to == "skipped":
        return "dead"
    if source != "done" or to == "pending":
        return "open" if status == "running" else "dead"
    return "walked" if edge.when is None or ways == 1 else "open"
