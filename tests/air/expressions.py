"""Expressions and values in few letters, and an environment to run them in."""

from __future__ import annotations

from typing import Any

from aos_core.air import expr
from aos_core.air.expr import Env
from aos_core.air.values import Value, make_map, record, variant

HASH = "sha256:" + "0" * 64
UUID = "01234567-89ab-cdef-0123-456789abcdef"
TRUE, FALSE = Value("Bool", True), Value("Bool", False)


def nat(value: int) -> Value:
    return Value("Nat", value)


def int_(value: int) -> Value:
    return Value("Int", value)


def text(value: str) -> Value:
    return Value("Text", value)


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def N(value: int) -> dict[str, Any]:  # noqa: N802
    return {"nat": value}


def I(value: int) -> dict[str, Any]:  # noqa: E743, N802
    return {"int": value}


def T(value: str) -> dict[str, Any]:  # noqa: N802
    return {"text": value}


def B(value: str) -> dict[str, Any]:  # noqa: N802
    return {"bytes_b64": value}


def L(*items: Any) -> dict[str, Any]:  # noqa: N802
    return {"list": list(items)}


def S(*items: Any) -> dict[str, Any]:  # noqa: N802
    return {"set": list(items)}


def M(*pairs: Any) -> dict[str, Any]:  # noqa: N802
    return {"map": [{"key": key, "value": value} for key, value in pairs]}


def R(**fields: Any) -> dict[str, Any]:  # noqa: N802
    return {"record": fields}


YES, NO = {"bool": True}, {"bool": False}
NONE: dict[str, Any] = {"null": {}}
TIME, SPAN = {"time_ns": 5}, {"duration_ns": 5}
ENV = Env(
    input=record(a=record(b=nat(1)), m=make_map([(text("k"), text("v"))]), l=Value("List", ())),
    vars={"x": record(y=nat(2)), "x.y": nat(3), "x.y.z": record(w=nat(4)), "r": record(s=nat(5))},
    steps={"emit.1": record(handle=text("h"))},
    statuses={"r": "ok", "x.y": "error"},
    event=variant("Done", record(id=nat(9))),
)


def run(node: Any, env: Env = ENV) -> Value:
    return expr.parse(node).run(env)
