"""Properties over a world: what should hold at every height (docs/properties.md).

A property is an expression of AIR that refers to the world instead of a plan:

- ``@state:<reducer>[.path]``: the state of a reducer without key
- ``@cell:<reducer>[<key>][.path]``: that of one cell of a keyed one; the key is JSON, or bare text
- ``@pending``: how many intents are pending, a nat

Values carry the kinds of the reducer's state schema. **What is not there**: a reference without a
path is null where there is no state. One with a path that leads nowhere (no state, another arm of
a variant, no such key, an option without value) is not there, and neither is what is computed from
it, from a missing item, or from null where an operator needs a value. A property whose value is
not there *says nothing* at that height: it does not fail. The parts of an ``and`` at the top are
judged each by itself, so one that says nothing hides no other that fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.air import expr, operators
from aos_core.air.expr import Env, EvalError, Expr, NotThere, Reference
from aos_core.air.host_json import untyped_to_host
from aos_core.air.nodes import DefModule
from aos_core.air.plan_view import Held, lack
from aos_core.air.schemas import Schema, Schemas
from aos_core.air.types import Ref
from aos_core.air.values import NULL, UNIT, Value, from_untyped, to_plain
from aos_core.errors import AirError, CanonError, UsageError, ValueRejected
from aos_core.hints import did_you_mean
from aos_core.kernel.program import Program
from aos_core.view import View

Read = Callable[[View], Value | None]
"""What a reference refers to at a height; None where it is not there."""

PENDING = "@pending"
FORMS = f'@state:<reducer>[.path], @cell:<reducer>["key"][.path], {PENDING}'
_CODE = "bad_property"
_REFERENCE = re.compile(r"@(state|cell):(.*?@[0-9]+)(.*)", re.DOTALL)
_NO_BOOL = ("len", "concat", "add", "sub", "mul", "div", "mod", "hash", "hash_bytes")
"""The operators that never give a bool."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reference, as written, refers to at a height; ``value`` is None if it is not there."""

    reference: str
    value: Value | None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.reference} is not there"
        return f"{self.reference} = {json.dumps(to_host(self.value), ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class Property:
    """A parsed property; ``source`` is its JSON."""

    source: Any
    _reads: Mapping[str, Read]
    _parts: tuple[Expr, ...]

    @classmethod
    def parse(cls, given: Any, program: Program) -> Property:
        """The property of an expression, as JSON or as JSON text, over worlds that run ``program``.

        Raises :class:`UsageError` (``bad_property``) with the JSON ``path``.
        """
        source = _json(given) if isinstance(given, str) else given
        reads: dict[str, Read] = {}

        def refer(text: Any, path: str) -> Reference:
            if not isinstance(text, str):
                raise AirError(f"a reference is a text, not {text!r}", path=path, hint=_known())
            if text not in reads:
                reads[text] = _reader(text, path, program)
            return Reference("var", (text,), text, path)

        try:
            parts = tuple(_part(node, path, refer) for node, path in _parts(source, "$"))
        except AirError as error:
            raise UsageError(error.message, hint=error.hint, code=_CODE, **error.where) from error
        except RecursionError:
            raise UsageError("the property is nested too deep", code=_CODE, path="$") from None
        return cls(source, reads, parts)

    def holds(self, view: View) -> bool | None:
        """Whether it holds at a height; None where it says nothing.

        Raises :class:`UsageError` (``bad_property``) with ``height`` and ``path`` where it cannot
        be evaluated (a text compared with a number, a division by zero), or gives no bool.
        """
        readings = self.evaluate(view)
        env = Env(UNIT, {of.reference: of.value for of in readings if of.value is not None})
        said: bool | None = True
        for part in self._parts:
            try:
                holds = _judge(part, env)
            except EvalError as error:
                raise UsageError(
                    f"the property cannot be evaluated at height {view.height}: {error.message}",
                    hint=_look(readings),
                    code=_CODE,
                    height=view.height,
                    path=error.path,
                ) from error
            if holds is False:
                return False
            said = said and holds
        return said

    def evaluate(self, view: View) -> tuple[Reading, ...]:
        """What every reference refers to at a height, in the order of their first appearance."""
        return tuple(Reading(text, read(view)) for text, read in self._reads.items())

    def values(self, view: View) -> dict[str, Any]:
        """Host JSON by reference, as ``aos bisect --json`` prints it; without those not there."""
        readings = self.evaluate(view)
        return {of.reference: to_host(of.value) for of in readings if of.value is not None}


def _look(readings: tuple[Reading, ...]) -> str | None:
    shown = "; ".join(map(str, readings))
    return f"look at what it refers to there: {shown}" if shown else None


def _judge(part: Expr, env: Env) -> bool | None:
    try:
        value = part.run(env)
    except NotThere:
        return None
    if value.kind == "Null":
        return None
    if value.kind != "Bool":
        raise EvalError(f"a property says yes or no, and this gives {value.kind}", part.path)
    return bool(value.data)


# -- reading the expression -------------------------------------------------------------------


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the property is no JSON: {error}",
            hint='for example {"op": "le", "args": [{"ref": "@pending"}, {"nat": 3}]}',
            code=_CODE,
        ) from None


def _parts(node: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The parts that must hold one by one, with their paths: those of an ``and`` at the top."""
    match node:
        case {"op": "and", "args": [_, _, *_] as args} if expr.constructor(node) == "op":
            for index, arg in enumerate(args):
                yield from _parts(arg, f"{path}.args[{index}]")
        case _:
            yield node, path


def _part(node: Any, path: str, refer: expr.Refer) -> Expr:
    parsed = expr.parse(node, path, refer)
    name = expr.constructor(node)
    gives = node["op"] if name == "op" else name
    if name not in ("op", "ref", "bool") or gives in _NO_BOOL:
        raise AirError(
            f"a property says yes or no, and {gives} gives something else",
            path=path,
            hint="compare it: eq, ne, lt, le, gt, ge",
        )
    return parsed


def _known() -> str:
    return f"a property knows {FORMS}"


def _reader(text: str, path: str, program: Program) -> Read:
    """What reads a reference. Raises :class:`AirError`."""
    if text == PENDING:
        return lambda view: Value("Nat", len(view.kernel_state.pending))
    reducers = _reducers(program)
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise AirError(f"unknown reference {text!r}", path=path, hint=_near(text, reducers))
    form, name, rest = found.groups()
    if name not in reducers:
        hint = did_you_mean(name, reducers) or f"known: {', '.join(reducers) or 'none'}"
        raise AirError(f"{text}: there is no reducer {name!r}", path=path, hint=hint)
    module = reducers[name]
    if (form == "cell") != (module.key_schema is not None):
        raise _other_form(text, path, module, rest)
    cell = b""
    if module.key_schema is not None:
        key, rest = _split_key(text, path, rest)
        cell = _cell_key(text, path, key, program.schemas[module.key_schema])
    parts = _path(text, path, rest)
    _check_path(text, path, module, parts, program.schemas)
    return _state_reader(name, module.key_schema is not None, cell, parts)


def _reducers(program: Program) -> dict[str, DefModule]:
    listed = sorted(ref.name for ref in program.catalog.manifest.refs["modules"])
    modules = {name: program.modules[name] for name in listed if name in program.modules}
    return {name: of for name, of in modules.items() if of.module_kind == "reducer"}


def _near(text: str, reducers: Mapping[str, DefModule]) -> str:
    """What is said to a reference of no known form."""
    form, colon, _ = text.partition(":")
    if form in ("@state", "@cell") and colon and reducers:
        wants = '["key"]' if form == "@cell" else ""
        return f"the name of a reducer, with its version: {form}:{next(iter(reducers))}{wants}.path"
    return _known()


def _other_form(text: str, path: str, module: DefModule, rest: str) -> AirError:
    if module.key_schema is not None:
        cell = rest if rest.startswith("[") else f'["key"]{rest}'
        hint = f"ask for one cell: @cell:{module.name}{cell}"
        return AirError(f"{text}: {module.name} is keyed", path=path, hint=hint)
    hint = f"ask for its state: @state:{module.name}.path"
    return AirError(f"{text}: {module.name} is not keyed, it has one state", path=path, hint=hint)


def _split_key(text: str, path: str, rest: str) -> tuple[str, str]:
    """(what stands in the brackets, what follows). A key of JSON may hold brackets, a bare one
    ends at the first."""
    if rest.startswith("["):
        end = rest.find("]")
        try:
            _, after = json.JSONDecoder().raw_decode(rest, 1)
            end = after if rest.startswith("]", after) else end
        except (ValueError, RecursionError):
            pass
        if end > 1:
            return rest[1:end], rest[end + 1 :]
    hint = 'write it in brackets after the reducer: ["key"]'
    raise AirError(f"{text}: the key of a cell is missing", path=path, hint=hint)


def _cell_key(text: str, path: str, key: str, schema: Schema) -> bytes:
    """The bytes of a key: of JSON where that fits the schema, else of bare text."""
    try:
        return schema.encode(schema.from_host(json.loads(key)))
    except (ValueError, RecursionError, ValueRejected):
        pass
    try:
        return schema.encode(schema.from_host(key))
    except ValueRejected as error:
        raise AirError(f"{text}: {error.message}", path=path) from error


def _path(text: str, path: str, rest: str) -> tuple[str, ...]:
    if not rest:
        return ()
    dot, *parts = rest.split(".")
    if dot or "" in parts:
        hint = "a path is .field.field: $tag and $value of a variant, a text that is a map's key"
        raise AirError(f"{text}: {rest!r} is no path", path=path, hint=hint)
    return tuple(parts)


def _check_path(
    text: str, path: str, module: DefModule, parts: tuple[str, ...], schemas: Schemas
) -> None:
    lacks = lack(Held(Ref(module.abi["state"])), parts, schemas)
    if lacks is not None:
        hint = did_you_mean(lacks.part, lacks.known) or "items are had by get and has, not by path"
        message = f"{text}: there is no {lacks.part!r} in {module.abi['state']}"
        raise AirError(message, path=path, hint=hint)


# -- reading the world ------------------------------------------------------------------------


def _state_reader(reducer: str, keyed: bool, cell: bytes, parts: tuple[str, ...]) -> Read:
    def read(view: View) -> Value | None:
        module = view.program.modules.get(reducer)
        there = module is not None and (module.key_schema is not None) == keyed
        data = view.state_bytes(reducer, cell) if there else None
        if module is None or data is None:  # a manifest before or after may do without it
            return None if parts else NULL
        found: Value | None = _kinded(view.program.schemas[module.abi["state"]], data)
        for part in parts:
            found = None if found is None else operators.member(found, part)
        return found

    return read


def _kinded(schema: Schema, data: bytes) -> Value:
    """The value of state bytes; untyped where they do not fit their schema, as views show them."""
    try:
        return schema.kinded(schema.normalise_bytes(data))
    except ValueRejected:
        pass
    try:
        return from_untyped(canon.decode(data))
    except CanonError:
        return Value("Bytes", data)


def to_host(value: Value) -> Any:
    """Host JSON of a value, as ``aos state`` prints it."""
    kind, data = value
    if kind == "Record" and data.keys() == {"$tag", "$value"}:
        tag, payload = data["$tag"].data, data["$value"]
        return tag if payload == UNIT else {tag: to_host(payload)}
    if kind == "Record":
        return {name: to_host(item) for name, item in data.items()}
    if kind == "Map":
        return {str(to_plain(key)): to_host(item) for key, item in data}
    if kind in ("List", "Set"):
        return list(map(to_host, data))
    return untyped_to_host(data)
