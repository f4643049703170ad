"""Plans, compiled once: what each step computes, what types it, and which steps come before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aos_core.air import expr, literals
from aos_core.air.expr import Env, Expr
from aos_core.air.nodes import DefEffect, DefPlan, Step
from aos_core.air.schemas import Schema, Schemas
from aos_core.air.types import Prim
from aos_core.air.values import Value
from aos_core.errors import AirError

Slot = Callable[[Env], Value]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A compiled step. ``slot`` computes its value, expression or params; ``schema`` types it.
    ``incoming``: the steps before it, each with its guard; ``sources``: those steps."""

    index: int
    id: str
    op: str
    binds: str | None
    slot: Slot | None
    schema: Schema | None
    key: Slot | None
    kind: str
    cap: str
    where: Expr | None
    incoming: tuple[tuple[str, Expr | None], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled plan. ``hash`` is that of its definition; ``receipts`` by effect kind."""

    node: DefPlan
    hash: bytes
    input: Schema
    output: Schema | None
    steps: Mapping[str, PlanStep]
    invariants: tuple[Expr, ...]
    receipts: Mapping[str, Schema]


def compile_plan(
    node: DefPlan, hash: bytes, schemas: Schemas, effects: Mapping[str, DefEffect]
) -> Plan:
    """The plan of a definition with its literals in stored form. Raises :class:`AirError`."""
    incoming: dict[str, list[tuple[str, Expr | None]]] = {step.id: [] for step in node.steps}
    for index, edge in enumerate(node.edges):
        path = f"$.edges[{index}]"
        for end in (edge.source, edge.target):
            if end not in incoming:
                raise AirError(f"edge names unknown step {end!r}", path=path, plan=node.name)
        guard = None if edge.when is None else expr.parse(edge.when, f"{path}.when")
        incoming[edge.target].append((edge.source, guard))
    steps = {
        step.id: _compile_step(index, step, node, schemas, effects, tuple(incoming[step.id]))
        for index, step in enumerate(node.steps)
    }
    invariants = tuple(
        expr.parse(item, f"$.invariants[{index}]") for index, item in enumerate(node.invariants)
    )
    output = _schema(node.output, schemas, "$.output") if node.output else None
    receipts = {
        step.kind: schemas.open(effects[step.kind].receipt_schema)
        for step in steps.values()
        if step.op == "emit_effect"
    }
    input_schema = _schema(node.input, schemas, "$.input")
    return Plan(node, hash, input_schema, output, steps, invariants, receipts)


def _schema(name: str, schemas: Schemas, path: str) -> Schema:
    if name not in schemas.types:
        raise AirError(f"unknown schema {name}", path=path)
    return schemas[name]


def _compile_step(
    index: int,
    step: Step,
    node: DefPlan,
    schemas: Schemas,
    effects: Mapping[str, DefEffect],
    incoming: tuple[tuple[str, Expr | None], ...],
) -> PlanStep:
    path, args = f"$.steps[{index}]", step.args
    schema: Schema | None = None
    slot: Slot | None = None
    key = where = None
    match step.op:
        case "assign":
            name = node.locals.get(step.binds or "")
            schema = _schema(name, schemas, f"$.locals.{step.binds}") if name else None
            slot = _slot(args["expr"], schema, f"{path}.expr")
        case "emit_effect":
            if args["kind"] not in effects:
                raise AirError(f"unknown effect {args['kind']}", path=f"{path}.kind")
            schema = schemas[effects[args["kind"]].params_schema]
            slot = _slot(args["params"], schema, f"{path}.params")
            if "idempotency_key" in args:
                hash_schema = Schema("hash", Prim("hash"), schemas.compile(Prim("hash")))
                key = _slot(args["idempotency_key"], hash_schema, f"{path}.idempotency_key")
        case "raise_event":
            schema = _schema(args["event"], schemas, f"{path}.event")
            slot = _slot(args["value"], schema, f"{path}.value")
        case "end":
            schema = schemas[node.output] if node.output else None
            slot = _slot(args["result"], schema, f"{path}.result") if "result" in args else None
        case "await_receipt":
            slot = expr.parse(args["for"], f"{path}.for").run
        case "await_event":
            schema = _schema(args["event"], schemas, f"{path}.event")
            where = expr.parse(args["where"], f"{path}.where") if "where" in args else None
    kind, cap = args.get("kind", ""), args.get("cap", "")
    sources = tuple(source for source, _ in incoming)
    return PlanStep(
        index, step.id, step.op, step.binds, slot, schema, key, kind, cap, where, incoming, sources
    )


def _slot(node: Any, schema: Schema | None, path: str) -> Slot:
    """An ExprOrValue slot: an expression, or a stored literal of the schema."""
    if schema is None:
        return literals.untyped(node, path).run
    if expr.is_expr(node):
        return expr.parse(node, path).run
    value = schema.kinded(schema.normalise(literals.runtime(node)))
    return lambda _: value
