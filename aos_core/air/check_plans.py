"""The rules of ``check`` for plans: each gives the problems it finds (air-v1, sections 9, 12)."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from aos_core import canon
from aos_core.air import expr, literals
from aos_core.air.expr import Env, EvalError, Reference
from aos_core.air.load import builtin_nodes
from aos_core.air.misfit import Misfit
from aos_core.air.nodes import DefEffect, Step
from aos_core.air.plan_view import (
    CORRELATION_ID,
    Held,
    PlanView,
    Site,
    bare,
    lack,
    longest,
)
from aos_core.air.schemas import Schemas
from aos_core.air.survey import Problems, Survey
from aos_core.air.types import ListOf, Option, Record, Ref, SetOf, Type, Variant
from aos_core.air.values import UNIT, to_plain
from aos_core.errors import AirError
from aos_core.hints import did_you_mean
from aos_core.problems import Problem

# -- the graph --------------------------------------------------------------------------------


def step_ids_are_unique(survey: Survey) -> Problems:
    for view in survey.plans.values():
        seen: set[str] = set()
        for index, step in enumerate(view.plan.steps):
            if step.id in seen:
                path = f"steps[{index}].id"
                yield survey.error("duplicate", view.key, path, f"two steps have the id {step.id}")
            seen.add(step.id)


def edges_join_steps(survey: Survey) -> Problems:
    for view in survey.plans.values():
        seen: set[tuple[str, str]] = set()
        for index, edge in enumerate(view.plan.edges):
            path = f"edges[{index}]"
            for end, name in (("from", edge.source), ("to", edge.target)):
                if name not in view.steps:
                    yield from survey.unknown(
                        name, "unknown_step", view.key, f"{path}.{end}",
                        f"the edge names step {name!r}, which is not there",
                        did_you_mean(name, view.steps),
                    )  # fmt: skip
            if (edge.source, edge.target) in seen:
                yield survey.error(
                    "duplicate", view.key, path,
                    f"two edges go from {edge.source} to {edge.target}",
                    'join their guards with {"op": "or"}',
                )  # fmt: skip
            seen.add((edge.source, edge.target))


def plans_are_acyclic(survey: Survey) -> Problems:
    for view in survey.plans.values():
        try:
            TopologicalSorter(view.predecessors()).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            edges = [(edge.source, edge.target) for edge in view.plan.edges]
            path = f"edges[{edges.index((cycle[-2], cycle[-1]))}]"
            way = " -> ".join(cycle)
            yield survey.error("cycle", view.key, path, f"the steps form a cycle: {way}")


# -- expressions and references ---------------------------------------------------------------


def expressions_parse(survey: Survey) -> Problems:
    for view in survey.plans.values():
        for site in view.sites:
            if site.error is not None:
                path = str(site.error.where.get("path", site.path))
                yield survey.error(
                    "bad_expression", view.key, path, site.error.message, site.error.hint
                )


def references_resolve(survey: Survey) -> Problems:
    for view in survey.plans.values():
        for site, reference in view.references():
            match reference.root:
                case "input":
                    held = Held(Ref(view.plan.input))
                    yield from _path(survey, view, reference, held, reference.parts)
                case "event":
                    yield from _event(survey, view, site, reference)
                case "var":
                    yield from _variable(survey, view, site, reference)
                case "step":
                    yield from _step(survey, view, site, reference)


def _event(survey: Survey, view: PlanView, site: Site, reference: Reference) -> Problems:
    if site.event is not None:
        yield from _path(survey, view, reference, Held(Ref(site.event)), reference.parts)
        return
    yield survey.error(
        "event_reference", view.key, reference.path,
        f"{reference.text}: there is no event here",
        "only the where of an await_event knows @event",
    )  # fmt: skip


def _variable(survey: Survey, view: PlanView, site: Site, reference: Reference) -> Problems:
    found = longest(reference.parts, {**view.binders, CORRELATION_ID: []})
    if found is None:
        yield from survey.unknown(
            reference.parts[0], "unknown_variable", view.key, reference.path,
            f"{reference.text}: no step binds it",
            did_you_mean(reference.parts[0], [*view.binders, CORRELATION_ID]),
        )  # fmt: skip
        return
    name, rest = found
    binders = view.binders.get(name, [])
    if site.step is not None and binders and name != CORRELATION_ID:
        yield from _bound_before(survey, view, site.step, binders, reference)
    if rest == ("$status",) and any(step.op == "await_receipt" for step in binders):
        return
    held = {view.held(step) for step in binders}
    if len(held) == 1:
        yield from _path(survey, view, reference, held.pop(), rest)


def _bound_before(
    survey: Survey, view: PlanView, reader: str, binders: list[Step], reference: Reference
) -> Problems:
    before = view.before.get(reader, frozenset())
    if view.partial or any(step.id in before for step in binders):
        return
    names = ", ".join(step.id for step in binders)
    if all(step.id == reader or reader in view.before[step.id] for step in binders):
        yield survey.error(
            "bound_later", view.key, reference.path,
            f"{reference.text} is read by step {reader} before {names} binds it",
        )  # fmt: skip
    else:
        yield survey.warning(
            "perhaps_unbound", view.key, reference.path,
            f"{reference.text}: no edge makes {reader} wait for {names}, which binds it",
            f"add an edge from {binders[0].id} to {reader}",
        )  # fmt: skip


def _step(survey: Survey, view: PlanView, site: Site, reference: Reference) -> Problems:
    found = longest(reference.parts, view.steps)
    if found is None:
        yield from survey.unknown(
            reference.parts[0], "unknown_step", view.key, reference.path,
            f"{reference.text}: there is no such step",
            did_you_mean(reference.parts[0], view.steps),
        )  # fmt: skip
        return
    name, rest = found
    if site.step is not None and not view.partial and name not in view.before.get(site.step, ()):
        yield survey.error(
            "not_an_ancestor", view.key, reference.path,
            f"{reference.text}: step {site.step} does not come after {name}",
            f"add an edge from {name} to {site.step}",
        )  # fmt: skip
    step = view.steps[name]
    fields = _STEP_FIELDS.get(step.op)
    if fields is None:
        yield from _path(survey, view, reference, view.held(step), rest)
    elif rest and rest[0] not in fields:
        hint = did_you_mean(rest[0], fields)
        yield _no_part(survey, view, reference, rest[0], hint)


_STEP_FIELDS = {
    "emit_effect": ("handle", "intent_hash", "params"),
    "raise_event": ("schema", "value"),
}
"""The members of a step's value (B-17)."""


def _path(
    survey: Survey,
    view: PlanView,
    reference: Reference,
    held: Held | None,
    parts: tuple[str, ...],
) -> Problems:
    schemas = survey.catalog.schemas
    if held is None or (isinstance(held.of, Ref) and held.of.name not in schemas.types):
        return  # not typed, or of an unknown schema, which is a problem of its own
    found = lack(held, parts, schemas)
    if found is not None:
        hint = did_you_mean(found.part, found.known)
        yield _no_part(survey, view, reference, found.part, hint)


def _no_part(
    survey: Survey, view: PlanView, reference: Reference, part: str, hint: str | None
) -> Problem:
    message = f"{reference.text}: there is no {part!r} there"
    return survey.error("unknown_field", view.key, reference.path, message, hint)


# -- values -----------------------------------------------------------------------------------


def values_fit_their_slots(survey: Survey) -> Problems:
    """Literals, and what is constant in expressions: a field, a tag, a number out of range."""
    schemas = survey.catalog.schemas
    for view in survey.plans.values():
        for site in view.sites:
            if site.of is None or site.error is not None:
                continue
            if site.expr is None:
                found = _misfit(literals.runtime(site.node), site.of, schemas, site.path)
            else:
                found = _misfits(site.node, site.of, schemas, site.path)
            for path, message, hint in found:
                yield survey.error("bad_literal", view.key, path, message, hint)


Misfits = Iterator[tuple[str, str, str | None]]
"""(path, message, hint)"""


def _misfits(node: Any, of: Type, schemas: Schemas, path: str) -> Misfits:
    """What of an expression cannot fit its slot, whatever the references in it give."""
    match _constructor(node), bare(of, schemas):
        case "record", Record(fields):
            yield from _record_misfits(node["record"], dict(fields), schemas, path)
        case ("list" | "set") as name, ListOf(item) | SetOf(item):
            for index, part in enumerate(node[name]):
                yield from _misfits(part, item, schemas, f"{path}.{name}[{index}]")
        case "variant", Variant(arms):
            tag, payload = node["variant"]["tag"], node["variant"].get("value")
            if tag not in dict(arms):
                hint = did_you_mean(tag, dict(arms))
                yield f"{path}.variant.tag", f"there is no tag {tag!r}", hint
            elif payload is not None:
                yield from _misfits(payload, dict(arms)[tag], schemas, f"{path}.variant.value")
        case _:
            yield from _constant_misfits(node, of, schemas, path)


def _constructor(node: dict[str, Any]) -> str | None:
    """The container that an expression builds; all else is looked for first, as in ``expr``."""
    if any(name in node for name in ("ref", "null", "bytes_b64", "op", *expr.CONSTANTS)):
        return None
    return next((name for name in expr.CONTAINERS if name in node), None)


def _record_misfits(
    node: dict[str, Any], fields: dict[str, Type], schemas: Schemas, path: str
) -> Misfits:
    for name in node:
        if name not in fields:
            hint = did_you_mean(name, fields)
            yield f"{path}.record.{name}", f"there is no field {name!r}", hint
    for name, of in fields.items():
        if name in node:
            yield from _misfits(node[name], of, schemas, f"{path}.record.{name}")
        elif not isinstance(schemas.resolve(of), Option):
            yield f"{path}.record", f"field {name!r} is missing", None


def _constant_misfits(node: Any, of: Type, schemas: Schemas, path: str) -> Misfits:
    parsed = expr.parse(node, path)
    if not parsed.constant:
        return
    try:
        value = to_plain(parsed.run(Env(UNIT)))
    except EvalError as error:
        yield error.path, error.message, None
    else:
        yield from _misfit(value, of, schemas, path)


def _misfit(value: Any, of: Type, schemas: Schemas, path: str) -> Misfits:
    try:
        schemas.compile(of).normalise(value)
    except Misfit as misfit:
        inside = f" at {'.'.join(misfit.path)}" if misfit.path else ""
        yield path, misfit.message + inside, None


def idempotency_keys_are_hashes(survey: Survey) -> Problems:
    """Of constant ones: a hash, or 32 bytes (B-19)."""
    for view in survey.plans.values():
        for path, step in view.each("emit_effect"):
            key = step.args.get("idempotency_key")
            match key:
                case {"hash": text} | {"text": text} if not canon.is_hash_text(text):
                    message = f"{text!r} is not a hash"
                case {"bytes_b64": _} if len(_bytes(key)) != 32:
                    message = f"{len(_bytes(key))} bytes are not a hash"
                case dict() if not key.keys() & {"hash", "text", "bytes_b64", "ref", "op"}:
                    message = f"{' '.join(sorted(key))} is not a hash"
                case _:
                    continue
            yield survey.error(
                "bad_literal", view.key, f"{path}.idempotency_key", message,
                "an idempotency key is sha256: and 64 hex digits, or 32 bytes",
            )  # fmt: skip


def _bytes(node: Any) -> bytes:
    value: bytes = expr.parse(node).run(Env(UNIT)).data
    return value


# -- what plans ask for -----------------------------------------------------------------------


def awaits_name_handles(survey: Survey) -> Problems:
    for view in survey.plans.values():
        handles = {step.binds for _, step in view.each("emit_effect") if step.binds}
        for path, step in view.each("await_receipt"):
            node = step.args["for"]
            if _is_handle(view, node, handles) or _unbound(view, node):
                continue
            name = str(_named(node))
            hint = did_you_mean(name, handles)
            yield from survey.unknown(
                name, "not_a_handle", view.key, f"{path}.for",
                f"step {step.id} awaits what no emit_effect binds", hint,
            )  # fmt: skip


def receipts_are_awaited_once(survey: Survey) -> Problems:
    """The first await takes the receipt; one that comes after it waits for ever."""
    for view in survey.plans.values():
        for path, step in view.each("await_receipt"):
            first = _taken_before(view, step)
            if first is not None:
                yield survey.warning(
                    "awaited_twice", view.key, f"{path}.for",
                    f"step {step.id} awaits the receipt that {first.id} has taken",
                    f"use what {first.id} binds: @var:{first.binds}",
                )  # fmt: skip


def _taken_before(view: PlanView, step: Step) -> Step | None:
    """An await before ``step`` of the same handle, with no emit between them that binds it anew."""
    handle, before = _handle(step), view.before.get(step.id, frozenset())
    if handle is None:
        return None
    emits = [of.id for of in view.binders.get(handle, ()) if of.id in before]
    for _, first in view.each("await_receipt"):
        if first.id == step.id or first.id not in before or _handle(first) != handle:
            continue
        if not any(first.id in view.before.get(emit, ()) for emit in emits):
            return first
    return None


def _handle(step: Step) -> str | None:
    """The handle that an await names by its variable or its text."""
    match step.args["for"]:
        case {"ref": str(text)} if text.startswith("@var:"):
            return text.removeprefix("@var:")
        case {"text": str(text)}:
            return text
    return None


def _is_handle(view: PlanView, node: Any, handles: set[str]) -> bool:
    """Whether ``for`` gives a handle; an expression that computes it gets the benefit."""
    try:
        parsed = expr.parse(node)
    except AirError:
        return True  # a problem of its own
    if "ref" not in node:
        return "op" in node or node.get("text") in handles
    (reference,) = parsed.references
    if reference.root == "var":
        return ".".join(reference.parts) in handles
    found = longest(reference.parts, view.steps)
    if reference.root != "step" or found is None:
        return False
    name, rest = found
    return view.steps[name].op == "emit_effect" and rest in (("handle",), ("intent_hash",))


def _unbound(view: PlanView, node: Any) -> bool:
    """Whether ``for`` names a variable that nothing binds: another rule says so."""
    match node:
        case {"ref": str() as text} if text.startswith("@var:"):
            parts = tuple(text.removeprefix("@var:").split("."))
            return longest(parts, {**view.binders, CORRELATION_ID: []}) is None
    return False


def _named(node: Any) -> Any:
    return node["ref"].removeprefix("@var:") if "ref" in node else node.get("text")


def emits_are_granted(survey: Survey) -> Problems:
    for view in survey.plans.values():
        for path, step in view.each("emit_effect"):
            effect = survey.effects.get(step.args["kind"])
            if effect is None:
                yield from unknown_effect(survey, view.key, f"{path}.kind", step.args["kind"])
            elif effect.origin_scope == "reducer":
                yield survey.error(
                    "origin_scope", view.key, f"{path}.kind",
                    f"only reducers may ask for {effect.effect}",
                )  # fmt: skip
            yield from _granted(survey, view, path, step, effect)


def _granted(
    survey: Survey, view: PlanView, path: str, step: Step, effect: DefEffect | None
) -> Problems:
    cap = step.args["cap"]
    if cap not in survey.grants:
        yield from survey.unknown(
            cap, "unknown_grant", view.key, f"{path}.cap",
            f"step {step.id}: there is no grant {cap!r}", did_you_mean(cap, survey.grants),
        )  # fmt: skip
        return
    granted = survey.granted_type(cap)
    if effect is not None and granted not in (None, effect.cap_type):
        yield survey.error(
            "cap_type", view.key, f"{path}.cap",
            f"grant {cap} is of {granted}; {effect.effect} needs {effect.cap_type}",
        )  # fmt: skip


def unknown_effect(survey: Survey, key: tuple[str, str], path: str, kind: str) -> Problems:
    """The problem of an effect that the manifest does not list, or that there is not."""
    name = next(
        (node.name for node in builtin_nodes().values()
         if isinstance(node, DefEffect) and node.effect == kind),
        None,
    )  # fmt: skip
    listing = f"list {name} under effects in the manifest" if name else None
    hint = listing or did_you_mean(kind, survey.effects)
    yield from survey.unknown(kind, "unknown_effect", key, path, f"unknown effect {kind}", hint)


def derived_sets_agree(survey: Survey) -> Problems:
    for view in survey.plans.values():
        pairs = (
            ("required_caps", view.plan.required_caps, view.plan.derived("cap")),
            ("allowed_effects", view.plan.allowed_effects, view.plan.derived("kind")),
        )
        for name, given, derived in pairs:
            if given and set(given) != set(derived) and not view.partial:
                found = ", ".join(derived) or "none"
                yield survey.error(
                    "derived_set", view.key, name,
                    f"{name} says {', '.join(given)}, its steps use {found}",
                    f"correct it, or leave {name} out",
                )  # fmt: skip


def results_match_outputs(survey: Survey) -> Problems:
    for view in survey.plans.values():
        for path, step in view.each("end"):
            if view.plan.output is None and "result" in step.args:
                message = f"step {step.id} gives a result, but the plan declares no output"
                yield survey.error("end_result", view.key, f"{path}.result", message)
            if view.plan.output is not None and "result" not in step.args:
                message = f"step {step.id} gives no result of the output {view.plan.output}"
                yield survey.error("end_result", view.key, path, message)


def correlated_waits_are_filtered(survey: Survey) -> Problems:
    """Of a plan that a trigger correlates, each wait for an event tells whose event it is."""
    correlated = {of.plan for of in survey.manifest.triggers if of.correlate_by is not None}
    for name in sorted(correlated & survey.plans.keys()):
        view = survey.plans[name]
        filtered = {
            site.step
            for site, of in view.references()
            if site.event is not None and of.root == "var" and of.parts[0] == CORRELATION_ID
        }
        for path, step in view.each("await_event"):
            if step.id not in filtered:
                yield survey.error(
                    "uncorrelated", view.key, path,
                    f"a trigger has correlate_by, so step {step.id} would take others' events",
                    f"refer to @var:{CORRELATION_ID} in its where",
                )  # fmt: skip
