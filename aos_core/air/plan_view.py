"""A plan as the rules of ``check`` look at it: its graph, its expressions, what its names hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_core.air import expr
from aos_core.air.expr import Expr, Reference
from aos_core.air.nodes import DefEffect, DefPlan, Step
from aos_core.air.schemas import Schemas
from aos_core.air.types import MapOf, Option, Prim, Record, Ref, Type, Variant
from aos_core.errors import AirError

CORRELATION_ID = "correlation_id"
"""The variable that a trigger binds."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a plan that holds an expression or, with ``expr`` None, a literal.

    ``step`` is the step that reads it (None: an invariant), ``event`` the schema of ``@event``
    where there is one, ``of`` the type of the slot where it has a known one. ``error`` is set
    where it should be an expression and is none.
    """

    path: str
    node: Any
    step: str | None
    event: str | None
    of: Type | None
    expr: Expr | None
    error: AirError | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a name holds: a value of type ``of``; ``open`` records may hold more fields."""

    of: Type
    open: bool = False


class PlanView:
    """``before`` has the ancestors of each step, ``binders`` the steps that bind a variable.

    Paths are relative to the plan. Of steps that share an id the first counts. ``wrong`` are the
    paths at which an error is known already: what holds one is not looked at again. In a
    ``partial`` plan steps or edges are missing: nothing can be said of what comes before what.
    """

    def __init__(
        self,
        plan: DefPlan,
        schemas: Schemas,
        effects: Mapping[str, DefEffect],
        wrong: frozenset[str] = frozenset(),
        partial: bool = False,
    ) -> None:
        self.plan, self._schemas, self._effects, self._wrong = plan, schemas, effects, wrong
        self.partial = partial
        self.key = (plan.kind, plan.name)
        self.steps = {step.id: step for step in reversed(plan.steps)}
        self.before = _ancestors(self.predecessors())
        self.binders: dict[str, list[Step]] = {}
        for step in plan.steps:
            if step.binds is not None:
                self.binders.setdefault(step.binds, []).append(step)
        self.sites = tuple(self._all_sites())

    def each(self, op: str) -> Iterator[tuple[str, Step]]:
        """(path, step) of every step with this op."""
        for index, step in enumerate(self.plan.steps):
            if step.op == op:
                yield f"steps[{index}]", step

    def predecessors(self) -> dict[str, list[str]]:
        """The steps before each step, by the edges that join existing ones."""
        found: dict[str, list[str]] = {step.id: [] for step in self.plan.steps}
        for edge in self.plan.edges:
            if edge.source in found and edge.target in found:
                found[edge.target].append(edge.source)
        return found

    def references(self) -> Iterator[tuple[Site, Reference]]:
        for site in self.sites:
            for reference in site.expr.references if site.expr else ():
                yield site, reference

    def emit_of(self, step: Step) -> Step | None:
        """The step whose handle an ``await_receipt`` names, where that can be told."""
        match step.args["for"]:
            case {"ref": str() as text} if text.startswith("@var:"):
                binders = self.binders.get(text.removeprefix("@var:"), [])
                return next((of for of in binders if of.op == "emit_effect"), None)
        return None

    def held(self, step: Step) -> Held | None:
        """What the variable of a step holds, or None where that is not typed."""
        match step.op:
            case "assign":
                return self._named(self.plan.locals.get(step.binds or ""))
            case "emit_effect":
                return Held(Prim("text"))
            case "await_event":
                return self._named(step.args["event"])
            case "await_receipt":
                emit = self.emit_of(step)
                effect = self._effects.get(emit.args["kind"]) if emit else None
                return self._named(effect.receipt_schema, open=True) if effect else None
            case "end":
                return self._named(self.plan.output)
        return None

    def _named(self, schema: str | None, *, open: bool = False) -> Held | None:
        return Held(Ref(schema), open) if schema in self._schemas.types and schema else None

    def _all_sites(self) -> Iterator[Site]:
        for index, step in enumerate(self.plan.steps):
            yield from self._step_sites(step, f"steps[{index}]")
        for index, edge in enumerate(self.plan.edges):
            if edge.when is not None:
                yield _expression(edge.when, f"edges[{index}].when", edge.target)
        for index, invariant in enumerate(self.plan.invariants):
            yield _expression(invariant, f"invariants[{index}]", None)

    def _step_sites(self, step: Step, path: str) -> Iterator[Site]:
        args = step.args
        for name, of in self._slots(step).items():
            at = f"{path}.{name}"
            if name in args and not self._is_wrong(at):
                yield _slot(args[name], at, step.id, of)
        if step.op == "await_receipt":
            yield _expression(args["for"], f"{path}.for", step.id)
        if step.op == "await_event" and "where" in args:
            yield _expression(args["where"], f"{path}.where", step.id, args["event"])

    def _is_wrong(self, path: str) -> bool:
        inside = (f"{path}.", f"{path}[")
        return any(of == path or of.startswith(inside) for of in self._wrong)

    def _slots(self, step: Step) -> dict[str, Type | None]:
        """The ExprOrValue slots of a step, and their types where those are known."""

        def named(schema: str | None) -> Type | None:
            held = self._named(schema)
            return held.of if held else None

        match step.op:
            case "assign":
                return {"expr": named(self.plan.locals.get(step.binds or ""))}
            case "emit_effect":
                effect = self._effects.get(step.args["kind"])
                params = named(effect.params_schema) if effect else None
                return {"params": params, "idempotency_key": None}
            case "raise_event":
                return {"value": named(step.args["event"])}
            case "end":
                return {"result": named(self.plan.output)}
        return {}


def _slot(node: Any, path: str, step: str, of: Type | None) -> Site:
    if expr.is_expr(node):
        return _expression(node, path, step, of=of)
    return Site(path, node, step, None, of, None, None)


def _expression(
    node: Any, path: str, step: str | None, event: str | None = None, of: Type | None = None
) -> Site:
    try:
        return Site(path, node, step, event, of, expr.parse(node, path), None)
    except AirError as error:
        return Site(path, node, step, event, of, None, error)


def _ancestors(predecessors: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """All steps from which a step can be reached; a step of a cycle is its own ancestor."""
    result = {}
    for step, direct in predecessors.items():
        seen, rest = set(direct), list(direct)
        while rest:
            fresh = set(predecessors[rest.pop()]) - seen
            seen |= fresh
            rest += fresh
        result[step] = frozenset(seen)
    return result


def longest(parts: tuple[str, ...], names: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """The name that a reference begins with, and its path: names may hold dots (B-17)."""
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in names:
            return name, parts[length:]
    return None


@dataclass(frozen=True, slots=True)
class Lack:
    """A part that a path names and its type does not have; ``known`` are the parts it has."""

    part: str
    known: tuple[str, ...]


def lack(held: Held, parts: tuple[str, ...], schemas: Schemas) -> Lack | None:
    """What a path asks for in vain, or None. In a variant one arm that has it is enough."""
    of = held.of
    for index, part in enumerate(parts):
        match bare(of, schemas):
            case Record(fields):
                known = dict(fields)
                if part not in known:
                    return None if held.open else Lack(part, tuple(known))
                of = known[part]
            case Variant(arms) if part == "$value":
                rest = parts[index + 1 :]
                lacks = [lack(Held(arm, held.open), rest, schemas) for _, arm in arms]
                return None if None in lacks or not lacks else lacks[0]
            case Variant() if part == "$tag":
                of = Prim("text")
            case Variant():
                return Lack(part, ("$tag", "$value"))
            case MapOf(Prim("text"), value):
                of = value
            case _:
                return Lack(part, ())
    return None


def bare(of: Type, schemas: Schemas) -> Type:
    """``of`` without references and options around it."""
    of = schemas.resolve(of)
    while isinstance(of, Option):
        of = schemas.resolve(of.item)
    return of
