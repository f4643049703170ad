"""Expressions: parsed once into closures, evaluated over kinded values (air-v1, section 5).

``parse`` gives an :class:`Expr`; ``expr.run(env)`` gives a :class:`Value` or raises
:class:`EvalError` with the path of the failing part. Nothing here has a side effect.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from aos_core.air import operators
from aos_core.air.codec import PRIMITIVE_CODECS
from aos_core.air.misfit import Misfit
from aos_core.air.operators import Missing, OperatorError
from aos_core.air.values import KEY_KINDS, NULL, Value, make_map, make_set, variant
from aos_core.air.values import text as make_text
from aos_core.errors import AirError, CanonError
from aos_core.hints import did_you_mean

CONSTANTS: Mapping[str, tuple[str, str]] = {
    "bool": ("Bool", "bool"),
    "int": ("Int", "int"),
    "nat": ("Nat", "nat"),
    "dec128": ("Dec128", "dec128"),
    "text": ("Text", "text"),
    "time_ns": ("TimeNs", "time"),
    "duration_ns": ("DurationNs", "duration"),
    "hash": ("Hash", "hash"),
    "uuid": ("Uuid", "uuid"),
}
CONTAINERS = ("record", "list", "set", "map", "variant")
CONSTRUCTORS = ("ref", "null", "bytes_b64", *CONSTANTS, "op", *CONTAINERS)
"""Of several in one object the first counts."""
_JSON_TYPES: Mapping[str, type] = {"bool": bool} | dict.fromkeys(
    ("int", "nat", "time_ns", "duration_ns"), int
)


class EvalError(Exception):
    """An expression that failed; ``path`` is the JSON path of the failing part."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class NotThere(EvalError):
    """It failed for want of a part: a name that is not bound, a member or an item that is not
    there, or null where an operator needs a value."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Env(NamedTuple):
    """What references resolve to. ``statuses``: the receipt's status by variable."""

    input: Value
    vars: Mapping[str, Value] = _NOTHING
    steps: Mapping[str, Value] = _NOTHING
    statuses: Mapping[str, str] = _NOTHING
    event: Value | None = None


Run = Callable[[Env], Value]


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: ``root`` is ``input``, ``var``, ``step`` or ``event``; ``path`` its parts."""

    root: str
    parts: tuple[str, ...]
    text: str
    path: str


Refer = Callable[[Any, str], Reference]


@dataclass(frozen=True, slots=True)
class Expr:
    """A compiled expression: its JSON as authored, its references, the closure, its JSON path."""

    source: Any
    references: tuple[Reference, ...]
    run: Run
    constant: bool
    path: str


def parse(node: Any, path: str = "$", refer: Refer | None = None) -> Expr:
    """Compile an expression. ``refer`` reads (text, JSON path) of a reference; those of plans, if
    left out. Raises :class:`AirError` with the JSON path."""
    parser = _Parser(refer or _parse_reference)
    run = parser.parse(node, path)
    return Expr(node, tuple(parser.references), run, parser.constant, path)


def constructor(node: Any) -> str | None:
    """The constructor that an object names, whatever it is given."""
    if not isinstance(node, dict):
        return None
    return next((name for name in CONSTRUCTORS if name in node), None)


def is_expr(node: Any) -> bool:
    """Whether a node at an ExprOrValue slot reads as an expression (B-4, rule 1): what its
    constructor is given has to have the constructor's form."""
    members = _members(node)
    return members is not None and all(map(is_expr, members))


def is_meant_as_expr(node: Any) -> bool:
    """Whether a node that is neither an expression nor sugar is best explained as a bad expression,
    by the form of what its constructor is given, such as an unknown operator."""
    name = constructor(node)
    if name is None or name not in CONTAINERS:
        return name is not None
    members = _members(node)
    return members is not None and all(map(is_meant_as_expr, members))


def _members(node: Any) -> list[Any] | None:
    """The expressions inside an expression; None when ``node`` does not have the form of one."""
    name = constructor(node)
    if name is None:
        return None
    match name, node[name]:
        case "ref" | "bytes_b64", str():
            return []
        case "null", dict() as nothing:
            return None if nothing else []
        case "op", str() as op:
            args = node.get("args")
            return args if op in operators.OPERATORS and isinstance(args, list) else None
        case "record", dict() as fields:
            return list(fields.values())
        case "list" | "set", list() as items:
            return items
        case "map", list() as pairs if all(isinstance(pair, dict) for pair in pairs):
            return [member for pair in pairs for member in (pair.get("key"), pair.get("value"))]
        case "variant", {"tag": str(), **rest}:
            return [] if rest.get("value") is None else [rest["value"]]
        case "nat", int() as number if number < 0:
            return None
        case _, value if name in CONSTANTS and type(value) is _JSON_TYPES.get(name, str):
            return []
    return None


class _Parser:
    def __init__(self, refer: Refer) -> None:
        self.refer = refer
        self.references: list[Reference] = []
        self.constant = True

    def parse(self, node: Any, path: str) -> Run:
        if not isinstance(node, dict):
            raise AirError(
                "expected an expression", path=path, hint='for example {"ref": "@plan.input"}'
            )
        name = constructor(node)
        if name is None:
            names = sorted(node)
            hint = did_you_mean(names[0], CONSTRUCTORS) if names else None
            raise AirError(
                f"not an expression: {', '.join(names) or '(empty)'}",
                path=path,
                hint=hint
                or "expressions have ref, op, or one constructor such as text, nat, record, list",
            )
        if name == "op":
            return self._operator(node, path)
        if name in CONSTANTS:
            kind, codec = CONSTANTS[name]
            return _constant(Value(kind, _typed(codec, node[name], f"{path}.{name}")))
        parse: Callable[[Any, str], Run] = getattr(self, f"_{name}")
        return parse(node[name], f"{path}.{name}")

    def _null(self, node: Any, path: str) -> Run:
        if node != {}:
            raise AirError("null takes {}", path=path)
        return _constant(NULL)

    def _bytes_b64(self, node: Any, path: str) -> Run:
        return _constant(Value("Bytes", _base64(node, path)))

    def _ref(self, text: Any, path: str) -> Run:
        reference = self.refer(text, path)
        self.references.append(reference)
        self.constant = False
        return _resolver(reference)

    def _operator(self, node: dict[str, Any], path: str) -> Run:
        self.constant = False
        name, args = node["op"], node.get("args")
        operator = operators.OPERATORS.get(name) if isinstance(name, str) else None
        if operator is None:
            hint = did_you_mean(name, operators.OPERATORS)
            hint = hint or f"known: {', '.join(operators.OPERATORS)}"
            raise AirError(f"unknown operator {name!r}", path=f"{path}.op", hint=hint)
        if not isinstance(args, list) or not operator.accepts(len(args)):
            count = len(args) if isinstance(args, list) else 0
            raise AirError(f"{name} takes {operator.arity} arguments, got {count}", path=path)
        runs = [self.parse(arg, f"{path}.args[{index}]") for index, arg in enumerate(args)]
        apply = operator.apply

        def run(env: Env) -> Value:
            values = [run(env) for run in runs]
            try:
                return apply(*values)
            except (OperatorError, CanonError) as error:
                missing = isinstance(error, Missing) or NULL in values
                failure = NotThere if missing else EvalError
                raise failure(f"{name}: {error}", path) from None

        return run

    def _record(self, node: Any, path: str) -> Run:
        if not isinstance(node, dict):
            raise AirError("record takes an object", path=path)
        runs = {name: self.parse(item, f"{path}.{name}") for name, item in node.items()}
        return lambda env: Value("Record", {name: run(env) for name, run in runs.items()})

    def _list(self, node: Any, path: str) -> Run:
        runs = self._items(node, path)
        return lambda env: Value("List", tuple(run(env) for run in runs))

    def _set(self, node: Any, path: str) -> Run:
        runs = self._items(node, path)

        def run(env: Env) -> Value:
            try:
                return make_set(run(env) for run in runs)
            except CanonError as error:  # nested too deep
                raise EvalError(f"set: {error}", path) from None

        return run

    def _items(self, node: Any, path: str) -> list[Run]:
        if not isinstance(node, list):
            raise AirError("expected an array of expressions", path=path)
        return [self.parse(item, f"{path}[{index}]") for index, item in enumerate(node)]

    def _map(self, node: Any, path: str) -> Run:
        if not isinstance(node, list):
            raise AirError("map takes an array of {key, value}", path=path)
        pairs = [
            (
                self.parse(_part(pair, "key", at), f"{at}.key"),
                self.parse(_part(pair, "value", at), f"{at}.value"),
            )
            for at, pair in ((f"{path}[{index}]", pair) for index, pair in enumerate(node))
        ]
        return lambda env: make_map(
            (_map_key(key(env), f"{path}[{index}].key"), item(env))
            for index, (key, item) in enumerate(pairs)
        )

    def _variant(self, node: Any, path: str) -> Run:
        tag = _part(node, "tag", path)
        if not isinstance(tag, str):
            raise AirError("a variant's tag is a text", path=f"{path}.tag")
        if node.get("value") is None:
            return _constant(variant(tag))
        run = self.parse(node["value"], f"{path}.value")
        return lambda env: variant(tag, run(env))


def _part(node: Any, name: str, path: str) -> Any:
    if not isinstance(node, dict) or name not in node:
        raise AirError(f"expected an object with {name}", path=path)
    return node[name]


def _map_key(key: Value, path: str) -> Value:
    if key.kind not in KEY_KINDS:
        raise EvalError(f"{key.kind} cannot be the key of a map", path)
    return key


def _constant(value: Value) -> Run:
    return lambda _: value


def _typed(codec: str, value: Any, path: str) -> Any:
    if codec == "bool" and not isinstance(value, bool):  # its codec takes texts as well
        raise AirError("expected bool: true or false", path=path)
    try:
        return PRIMITIVE_CODECS[codec].normalise(value)
    except Misfit as misfit:
        raise AirError(misfit.message, path=path) from None


def _base64(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise AirError(f"not base64: {error}", path=path) from error


_HEADS = {
    "input": "@plan.input", "@input": "@plan.input", "@plan": "@plan.input", "@var": "@var:",
    "@step": "@step:", "@event": "@event",
}  # fmt: skip


def _parse_reference(text: Any, path: str) -> Reference:
    if isinstance(text, str):
        for root, head in (("var", "@var:"), ("step", "@step:")):
            if text.startswith(head) and len(text) > len(head):
                return Reference(root, tuple(text[len(head) :].split(".")), text, path)
        for root, head in (("input", "@plan.input"), ("input", "@input"), ("event", "@event")):
            if text == head:
                return Reference(root, (), text, path)
            if text.startswith(head + "."):
                return Reference(root, tuple(text[len(head) + 1 :].split(".")), text, path)
    head = re.split(r"[.:]", str(text).removeprefix("@plan."), maxsplit=1)[0]
    near = difflib.get_close_matches(head, _HEADS, 1)
    raise AirError(
        f"unknown reference {text!r}",
        path=path,
        hint=f"did you mean {_HEADS[near[0]]}?"
        if near
        else "known: @plan.input[.path], @var:name[.path], @step:id[.path], @event[.path]",
    )


def _resolver(reference: Reference) -> Run:
    parts, path, text = reference.parts, reference.path, reference.text
    if reference.root == "input":
        return lambda env: _walk(env.input, parts, text, path)
    if reference.root == "event":
        return lambda env: _event(env, parts, text, path)
    names = "vars" if reference.root == "var" else "steps"
    return lambda env: _named(env, names, parts, text, path)


def _event(env: Env, parts: tuple[str, ...], text: str, path: str) -> Value:
    if env.event is None:
        raise NotThere(f"{text}: there is no event here", path)
    return _walk(env.event, parts, text, path)


def _named(env: Env, names: str, parts: tuple[str, ...], text: str, path: str) -> Value:
    """Names may hold dots, so the longest name that is bound wins (B-17)."""
    bound: Mapping[str, Value] = getattr(env, names)
    for length in range(len(parts), 0, -1):
        name, rest = ".".join(parts[:length]), parts[length:]
        if name in bound:
            if rest == ("$status",) and names == "vars" and name in env.statuses:
                return make_text(env.statuses[name])
            return _walk(bound[name], rest, text, path)
    raise NotThere(f"{text} is not bound yet", path)


def _walk(value: Value, parts: tuple[str, ...], text: str, path: str) -> Value:
    for part in parts:
        kind, data = value
        found = data.get(part) if kind == "Record" else operators.member(value, part)
        if found is None:
            raise NotThere(f"{text}: there is no {part!r} in a {value.kind}", path)
        value = found
    return value
