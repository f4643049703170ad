"""What a plan says, in short text: guards, expressions, states, what it waits for.

Plain functions, as in ``formatting``. Names of steps and of schemas come from worlds, so whatever
is shown of them goes through :func:`clean`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aos_tui.formatting import clip, compact

if TYPE_CHECKING:
    from aos_core.view import StepView

_BETWEEN: Final = {
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "and", "or": "or",
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%",
}  # fmt: skip
"""Operators that stand between their arguments."""


def clean(text: str) -> str:
    """``text`` without what a terminal would take as a command: a sign stands for each such
    character."""
    return "".join(of if of.isprintable() else "\N{REPLACEMENT CHARACTER}" for of in text)


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
    return compact(value, 60) if short else clip(json.dumps(value, ensure_ascii=False), 60)


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


def layers(steps: Sequence[StepView]) -> list[list[StepView]]:
    """Steps by the length of the longest path that leads to them."""
    by_id = {step.id: step for step in steps}
    depth: dict[str, int] = {}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(name in depth for name in step.after)]
        for step in ready:
            depth[step.id] = 1 + max((depth[name] for name in step.after), default=-1)
        waiting = [step for step in waiting if step.id not in depth]
        if not ready:  # a cycle never loads; this keeps a wrong one visible
            depth |= {step.id: 0 for step in waiting}
            waiting = []
    found: list[list[StepView]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for id, at in depth.items():
        found[at].append(by_id[id])
    return found
