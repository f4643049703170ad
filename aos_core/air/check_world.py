"""The rules of ``check`` for a manifest, its modules, its routing and its authority.

Each gives the problems it finds (air-v1, sections 2, 7, 10 and 12; B-7, B-15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from aos_core.air import literals
from aos_core.air.builtins import (
    ALLOW_ALL,
    CHECK_INPUT,
    CHECK_OUTPUT,
    GOVERNANCE_ENFORCER,
    RECEIPT_EVENTS,
)
from aos_core.air.check_plans import unknown_effect
from aos_core.air.load import Key, builtin_nodes, compiles
from aos_core.air.manifest import Grant, Manifest, Route
from aos_core.air.misfit import Misfit
from aos_core.air.nodes import DefCap, DefEffect, DefModule, DefPlan, DefPolicy, DefSchema, Node
from aos_core.air.plan_view import Held, lack
from aos_core.air.schemas import Schemas
from aos_core.air.survey import LIST_OF, MANIFEST, Survey
from aos_core.air.types import ListOf, MapOf, Option, Record, Ref, SetOf, Type, Variant
from aos_core.errors import AirError
from aos_core.hints import did_you_mean
from aos_core.problems import Problem

Problems = Iterator[Problem]


# -- names ------------------------------------------------------------------------------------


def version_is_named(survey: Survey) -> Problems:
    """Earlier authoring names none and means 1."""
    if not survey.manifest.has_version:
        yield survey.warning(
            "no_air_version", MANIFEST, "", "the manifest has no air_version: 1 is assumed",
            'write "air_version": "1"',
        )  # fmt: skip


def listed_names_resolve(survey: Survey) -> Problems:
    for name, kind in Manifest.LISTS.items():
        seen: set[str] = set()
        for index, ref in enumerate(survey.manifest.refs[name]):
            path = f"{name}[{index}].name"
            if (kind, ref.name) not in survey.catalog.nodes:
                yield from survey.unknown(
                    ref.name, "unknown_name", MANIFEST, path, f"there is no {kind} {ref.name}",
                    survey.hint(ref.name, kind),
                )  # fmt: skip
            if ref.name in seen:
                yield survey.error("duplicate", MANIFEST, path, f"{ref.name} is listed twice")
            seen.add(ref.name)


def nodes_are_listed(survey: Survey) -> Problems:
    """A node that no list names is no part of the world."""
    for kind, name in sorted(survey.catalog.places):
        if (kind, name) in survey.catalog.nodes or survey.is_lost(name):
            continue
        if kind != Manifest.kind:
            yield survey.warning(
                "not_listed", (kind, name), "", "the manifest does not list it",
                f"list it under {LIST_OF[kind]}, or delete it",
            )  # fmt: skip


def schemas_are_known(survey: Survey) -> Problems:
    listed = {ref.name for ref in survey.manifest.refs["schemas"]}
    for key, path, name in _schema_uses(survey):
        if (DefSchema.kind, name) not in survey.catalog.nodes:
            hint, message = survey.hint(name, DefSchema.kind), f"unknown schema {name}"
            yield from survey.unknown(name, "unknown_schema", key, path, message, hint)
        elif name not in listed:  # a built-in: here it works, elsewhere it does not (B-7)
            listed.add(name)
            yield survey.warning(
                "not_listed", key, path, f"the manifest does not list {name}",
                "list it under schemas: other runtimes insist on it",
            )  # fmt: skip


def _schema_uses(survey: Survey) -> Iterator[tuple[Key, str, str]]:
    """(node, path, schema) of every place where a listed node names a schema."""
    for key, path, node in survey.listed():
        builtin = key in builtin_nodes()
        if not (builtin and isinstance(node, DefSchema)):
            for at, schema in _named_schemas(node):
                yield (MANIFEST, path, schema) if builtin else (key, at, schema)


def _named_schemas(node: Node) -> Iterator[tuple[str, str]]:
    match node:
        case DefSchema():
            yield from _type_refs(node.type, "type")
        case DefCap():
            yield from _type_refs(node.schema, "schema")
        case DefEffect():
            yield "params_schema", node.params_schema
            yield "receipt_schema", node.receipt_schema
        case DefModule():
            yield from ((f"abi.{node.module_kind}.{at}", of) for at, of in node.abi.items())
            if node.key_schema is not None:
                yield "key_schema", node.key_schema
        case DefPlan():
            yield from _plan_schemas(node)


def _plan_schemas(plan: DefPlan) -> Iterator[tuple[str, str]]:
    yield "input", plan.input
    if plan.output is not None:
        yield "output", plan.output
    yield from ((f"locals.{name}", of) for name, of in plan.locals.items())
    for index, step in enumerate(plan.steps):
        if "event" in step.args:
            yield f"steps[{index}].event", step.args["event"]


def _type_refs(of: Type, path: str) -> Iterator[tuple[str, str]]:
    match of:
        case Ref(name):
            yield f"{path}.ref", name
        case Record(members):
            for name, item in members:
                yield from _type_refs(item, f"{path}.record.{name}")
        case Variant(members):
            for name, item in members:
                yield from _type_refs(item, f"{path}.variant.{name}")
        case ListOf(item):
            yield from _type_refs(item, f"{path}.list")
        case SetOf(item):
            yield from _type_refs(item, f"{path}.set")
        case Option(item):
            yield from _type_refs(item, f"{path}.option")
        case MapOf(_, value):
            yield from _type_refs(value, f"{path}.map.value")


def types_are_acyclic(survey: Survey) -> Problems:
    """Each cycle is told once, at the reference that closes it."""
    types = {node.name: node.type for node in survey.catalog.all(DefSchema)}
    refs = {name: dict.fromkeys(to for _, to in _type_refs(of, "")) for name, of in types.items()}
    while (cycle := _cycle(refs)) is not None:
        name, to = cycle[-2:]
        path = next(path for path, of in _type_refs(types[name], "type") if of == to)
        message, hint = f"the type refers to itself: {' -> '.join(cycle)}", "a type may not recur"
        yield survey.error("cyclic_type", (DefSchema.kind, name), path, message, hint)
        del refs[name][to]


def _cycle(refs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Names that refer to each other in a circle, the least at both ends; None: there are none."""
    try:
        TopologicalSorter(refs).prepare()
    except CycleError as error:
        *names, _ = reversed(error.args[1])
        first = names.index(min(names))
        return [*names[first:], *names[:first], names[first]]
    return None


def types_are_bounded(survey: Survey) -> Problems:
    """What is too deep or too large for any value: the first on the way that is."""
    sound = survey.catalog.schemas.types
    for node in survey.catalog.all(DefSchema):
        if node.name in sound or any(to not in sound for _, to in _type_refs(node.type, "")):
            continue  # where it refers to what is not sound, that is told
        try:
            Schemas({**sound, node.name: node.type}).compile(Ref(node.name))
        except AirError as error:
            yield survey.error("too_large", (DefSchema.kind, node.name), "type", error.message)


# -- effects and modules ----------------------------------------------------------------------


def effects_are_listed(survey: Survey) -> Problems:
    """Earlier authoring lists none and means the built-ins."""
    used = any(plan.plan.derived("kind") for plan in survey.plans.values())
    used = used or any(module.effects_emitted for module in survey.own(DefModule))
    if used and not survey.manifest.refs["effects"]:
        yield survey.warning(
            "no_effects_listed", MANIFEST, "", "the manifest lists no effects: the built-in ones "
            "are assumed", "list those that the world uses under effects",
        )  # fmt: skip


def effect_kinds_are_unique(survey: Survey) -> Problems:
    for key, path, node in survey.listed():
        if isinstance(node, DefEffect) and survey.effects[node.effect] is not node:
            other = survey.effects[node.effect].name
            at = (MANIFEST, path) if key in builtin_nodes() else (key, "kind")
            yield survey.error("duplicate", *at, f"{other} is of kind {node.effect} too")


def effects_have_caps(survey: Survey) -> Problems:
    for node in survey.own(DefEffect):
        if node.cap_type not in survey.cap_types() and not survey.is_lost(node.cap_type):
            yield survey.warning(
                "unknown_cap_type", (node.kind, node.name), "cap_type",
                f"no cap is of type {node.cap_type}, so nobody can be granted the effect",
                did_you_mean(node.cap_type, survey.cap_types()),
            )  # fmt: skip


def modules_have_wasm(survey: Survey) -> Problems:
    """Native ``sys/*`` modules need none."""
    for module in survey.own(DefModule):
        if module.wasm_hash is None and not survey.is_lost(module.name):
            local = module.name.partition("/")[2].partition("@")[0]
            yield survey.error(
                "no_wasm", (module.kind, module.name), "wasm_hash", "there is no wasm for it",
                "`aos build` compiles the crate that world.toml names for it; else "
                f"put it into modules/{local}.wasm of the world, or name its file or its crate "
                f'under [modules."{module.name}"] in world.toml',
            )  # fmt: skip


def contexts_are_known(survey: Survey) -> Problems:
    for module in survey.own(DefModule):
        context = module.abi.get("context")
        wanted = _CONTEXTS.get(module.module_kind)
        if context is not None and context != wanted:
            yield survey.error(
                "unknown_context", (module.kind, module.name), f"abi.{module.module_kind}.context",
                f"a {module.module_kind} is given {wanted}, not {context}",
            )  # fmt: skip


_CONTEXTS = {"reducer": "sys/ReducerContext@1", "pure": "sys/PureContext@1"}


def reducer_effects_are_granted(survey: Survey) -> Problems:
    for module in survey.own(DefModule):
        key = (module.kind, module.name)
        for index, kind in enumerate(module.effects_emitted):
            path = f"abi.{module.module_kind}.effects_emitted[{index}]"
            effect = survey.effects.get(kind)
            if effect is None:
                yield from unknown_effect(survey, key, path, kind)
            elif effect.origin_scope == "plan":
                message = f"only plans may ask for {kind}"
                yield survey.error("origin_scope", key, path, message)
            elif not _can_ask(survey, module, effect.cap_type):
                yield survey.warning(
                    "not_granted", key, path, f"no grant lets it ask for {kind}",
                    f"grant a cap of type {effect.cap_type}; of several, bind one to a slot in "
                    "module_bindings",
                )  # fmt: skip


def _can_ask(survey: Survey, module: DefModule, cap_type: str) -> bool:
    """Whether a slot is bound to a grant of this type, or the only such grant stands in."""
    slots = survey.manifest.bindings.get(module.name, {})
    if any(survey.granted_type(grant) == cap_type for grant in slots.values()):
        return True
    fitting = [name for name in survey.grants if survey.granted_type(name) == cap_type]
    return "default" not in slots and len(fitting) == 1


def module_bindings_fit(survey: Survey) -> Problems:
    for name, slots in survey.manifest.bindings.items():
        path = f"module_bindings.{name}"
        module = survey.modules.get(name)
        if module is None or module.module_kind != "reducer":
            yield from _unknown_reducer(survey, path, name)
            continue
        for slot, grant in slots.items():
            yield from _slot_fits(survey, module, slot, grant, f"{path}.slots.{slot}")


def _slot_fits(survey: Survey, module: DefModule, slot: str, grant: str, path: str) -> Problems:
    if slot not in ("default", *module.cap_slots):
        yield survey.warning(
            "unknown_slot", MANIFEST, path, f"{module.name} declares no slot {slot!r}",
            did_you_mean(slot, ["default", *module.cap_slots]),
        )  # fmt: skip
    if grant not in survey.grants:
        yield from _unknown_grant(survey, MANIFEST, path, grant)
        return
    wanted, granted = module.cap_slots.get(slot), survey.granted_type(grant)
    if wanted is not None and granted not in (None, wanted):
        message = f"grant {grant} is of {granted}; the slot is for {wanted}"
        yield survey.error("cap_type", MANIFEST, path, message)


# -- authority --------------------------------------------------------------------------------


def grants_fit(survey: Survey) -> Problems:
    for index, grant in enumerate(survey.manifest.grants):
        path = f"defaults.cap_grants[{index}]"
        if survey.grants[grant.name] is not grant:
            yield survey.error(
                "duplicate", MANIFEST, f"{path}.name", f"there are two grants {grant.name}"
            )
        cap = survey.caps.get(grant.cap)
        if cap is None:
            hint = survey.hint(grant.cap, DefCap.kind)
            message = f"grant {grant.name}: unknown cap {grant.cap}"
            yield from survey.unknown(
                grant.cap, "unknown_cap", MANIFEST, f"{path}.cap", message, hint
            )
        elif compiles(cap.schema, survey.catalog.schemas):
            yield from _params_fit(survey, grant, cap, f"{path}.params")


def _params_fit(survey: Survey, grant: Grant, cap: DefCap, path: str) -> Problems:
    schemas = survey.catalog.schemas
    try:
        stored = literals.literal(grant.params, cap.schema, schemas, path)
        schemas.compile(cap.schema).normalise(literals.runtime(stored))
    except AirError as error:
        at = str(error.where.get("path", path))
        yield survey.error("bad_literal", MANIFEST, at, error.message, error.hint)
    except Misfit as misfit:
        at = ".".join([path, *misfit.path])
        yield survey.error("bad_literal", MANIFEST, at, misfit.message)


def cap_enforcers_are_listed(survey: Survey) -> Problems:
    """Of the caps in use: a cap whose enforcer is not known allows nothing."""
    listed = {ref.name for ref in survey.manifest.refs["modules"]}
    granted = {grant.cap for grant in survey.manifest.grants}
    for name, cap in survey.caps.items():
        builtin = (cap.kind, name) in builtin_nodes()
        if cap.enforcer == ALLOW_ALL or (builtin and name not in granted):
            continue
        if cap.enforcer in listed:
            continue
        key, path = (MANIFEST, "modules") if builtin else ((cap.kind, name), "enforcer.module")
        if cap.enforcer in survey.modules:
            message = f"the manifest does not list {cap.enforcer}, the enforcer of {name}"
            yield survey.warning("not_listed", key, path, message, "list it under modules")
        else:
            message = f"unknown enforcer {cap.enforcer}: the cap allows nothing"
            hint = survey.hint(cap.enforcer, DefModule.kind)
            yield survey.warning("unknown_enforcer", key, path, message, hint)


def cap_enforcers_can_judge(survey: Survey) -> Problems:
    """Of the caps in use: their enforcer is a pure module for what an enforcer is asked."""
    granted = {grant.cap for grant in survey.manifest.grants}
    for name, cap in survey.caps.items():
        module = survey.modules.get(cap.enforcer)
        if module is None or (name not in granted and (cap.kind, name) in builtin_nodes()):
            continue
        if cap.enforcer == GOVERNANCE_ENFORCER:
            yield survey.warning(
                "not_run", (cap.kind, name), "enforcer.module",
                f"this version does not run {cap.enforcer}: the cap allows nothing",
            )  # fmt: skip
        asked = module.abi.get("input"), module.abi.get("output")
        if module.module_kind != "pure" or asked != (CHECK_INPUT, CHECK_OUTPUT):
            yield survey.warning(
                "no_enforcer", (cap.kind, name), "enforcer.module",
                f"{cap.enforcer} is no enforcer: the cap allows nothing",
                f"an enforcer is a pure module from {CHECK_INPUT} to {CHECK_OUTPUT}",
            )  # fmt: skip


def default_policy_exists(survey: Survey) -> Problems:
    name = survey.manifest.policy
    if name is not None and (DefPolicy.kind, name) not in survey.catalog.nodes:
        hint = survey.hint(name, DefPolicy.kind)
        yield from survey.unknown(
            name, "unknown_policy", MANIFEST, "defaults.policy", f"unknown policy {name}", hint
        )


def policies_name_known_things(survey: Survey) -> Problems:
    """A rule that matches nothing does no harm by itself, so these are warnings."""
    origins = {"reducer": survey.modules, "plan": survey.plans}
    known: dict[str, Mapping[str, Any] | set[str]] = {
        "effect_kind": survey.effects,
        "cap_name": survey.grants,
        "cap_type": survey.cap_types(),
        "origin_kind": origins,
        "origin_name": {**survey.modules, **survey.plans},
    }
    for policy in survey.own(DefPolicy):
        for index, rule in enumerate(policy.rules):
            for name, value in rule.when.items():
                if value not in known[name] and not survey.is_lost(value):
                    yield survey.warning(
                        f"unknown_{name}", (policy.kind, policy.name),
                        f"rules[{index}].when.{name}", f"the rule matches nothing: there is no "
                        f"{name} {value!r}", did_you_mean(value, known[name]),
                    )  # fmt: skip


def _unknown_grant(survey: Survey, key: Key, path: str, grant: str) -> Problems:
    hint = did_you_mean(grant, survey.grants)
    message = f"there is no grant {grant!r}"
    yield from survey.unknown(grant, "unknown_grant", key, path, message, hint)


# -- routing and triggers ---------------------------------------------------------------------


def routes_fit(survey: Survey) -> Problems:
    for index, route in enumerate(survey.manifest.routes or ()):
        path = f"routing.events[{index}]"
        module = survey.modules.get(route.reducer)
        if module is None or module.module_kind != "reducer":
            yield from _unknown_reducer(survey, f"{path}.reducer", route.reducer)
            continue
        if route.reducer.startswith("sys/"):
            message = f"this version does not run {route.reducer}"
            yield survey.error("not_run", MANIFEST, f"{path}.reducer", message)
        event, schemas = module.abi["event"], survey.catalog.schemas
        if event not in schemas:
            continue  # a problem of its own
        if route.event != event and route.event not in schemas.member_tags(event):
            yield survey.error(
                "wrong_event", MANIFEST, f"{path}.event",
                f"{route.reducer} takes {event}, which does not hold {route.event}",
                f"route {event}, or give it one arm that refers to {route.event}",
            )  # fmt: skip
            continue
        yield from _key_field_fits(survey, route, module, path)


def _key_field_fits(survey: Survey, route: Route, module: DefModule, path: str) -> Problems:
    if module.key_schema is None and route.key_field is not None:
        yield survey.error(
            "key_field", MANIFEST, f"{path}.key_field", f"{route.reducer} is not keyed",
            "leave key_field out, or give the module a key_schema",
        )  # fmt: skip
    elif module.key_schema is not None and not route.key_field:
        if route.event not in RECEIPT_EVENTS.values():
            yield survey.error(
                "key_field", MANIFEST, path, f"{route.reducer} is keyed, so the route needs a "
                "key_field", "the path of the key in the event, such as $value.id",
            )  # fmt: skip
    elif route.key_field and route.event in survey.catalog.schemas.types:
        found = _lack(survey, route.event, route.key_field)
        if found is not None:
            yield survey.error("key_field", MANIFEST, f"{path}.key_field", *found)


def _lack(survey: Survey, schema: str, path: str) -> tuple[str, str | None] | None:
    """(message, hint) where a path is not in a schema, or None."""
    found = lack(Held(Ref(schema)), tuple(path.split(".")), survey.catalog.schemas)
    if found is None:
        return None
    return f"{schema} has no {path}: no {found.part!r}", did_you_mean(found.part, found.known)


def reducer_receipts_are_routed(survey: Survey) -> Problems:
    """A reducer that no route brings its receipts asks for effects in vain."""
    for module in survey.own(DefModule):
        for index, kind in enumerate(module.effects_emitted):
            event = RECEIPT_EVENTS.get(kind)
            if event is not None and not _reaches(survey, module, event):
                yield survey.warning(
                    "no_receipt_route", (module.kind, module.name),
                    f"abi.{module.module_kind}.effects_emitted[{index}]",
                    f"no route brings it {event}, the receipt of {kind}",
                    f"refer to {event} in an arm of {module.abi.get('event')}; a keyed reducer "
                    "also needs a route to it without key_field",
                )  # fmt: skip


def _reaches(survey: Survey, module: DefModule, event: str) -> bool:
    routes = [of for of in survey.manifest.routes or () if of.reducer == module.name]
    if any(route.event == event for route in routes):
        return True
    family = any(of.event == module.abi.get("event") and not of.key_field for of in routes)
    return family and event in survey.catalog.schemas.member_tags(module.abi.get("event", ""))


def receipt_events_suit_every_reducer(survey: Survey) -> Problems:
    """A receipt event has the key of the asking cell or none, so keyed and unkeyed reducers
    cannot both take it: whichever asked, the other's route refuses its receipt."""
    emitted = {kind for module in survey.own(DefModule) for kind in module.effects_emitted}
    for kind in sorted(emitted & RECEIPT_EVENTS.keys()):
        event = RECEIPT_EVENTS[kind]
        takers = [of for of in survey.own(DefModule) if _reaches(survey, of, event)]
        keyed = [of.name for of in takers if of.key_schema is not None]
        unkeyed = [of.name for of in takers if of.key_schema is None]
        if keyed and unkeyed:
            yield survey.error(
                "mixed_receipts", MANIFEST, "routing.events",
                f"{event} goes to {keyed[0]}, which is keyed, and to {unkeyed[0]}, which is not: "
                "no receipt suits both",
                f"key both or none, or drop the arm for {event} where {kind} is not asked for",
            )  # fmt: skip


def inboxes_name_reducers(survey: Survey) -> Problems:
    for index, inbox in enumerate(survey.manifest.inboxes):
        module = survey.modules.get(inbox.reducer)
        if module is None or module.module_kind != "reducer":
            path = f"routing.inboxes[{index}].reducer"
            yield from _unknown_reducer(survey, path, inbox.reducer)


def _unknown_reducer(survey: Survey, path: str, name: str) -> Problems:
    if name in survey.modules:
        yield survey.error("unknown_reducer", MANIFEST, path, f"{name} is no reducer")
        return
    hint, message = survey.hint(name, DefModule.kind), f"unknown reducer {name}"
    yield from survey.unknown(name, "unknown_reducer", MANIFEST, path, message, hint)


def triggers_fit(survey: Survey) -> Problems:
    seen: set[tuple[str, str]] = set()
    for index, trigger in enumerate(survey.manifest.triggers):
        path = f"triggers[{index}]"
        if (trigger.event, trigger.plan) in seen:
            message = f"two triggers start {trigger.plan} for {trigger.event}"
            yield survey.error("duplicate", MANIFEST, path, message)
        seen.add((trigger.event, trigger.plan))
        if (DefSchema.kind, trigger.event) not in survey.catalog.nodes:
            hint = survey.hint(trigger.event, DefSchema.kind)
            message = f"unknown schema {trigger.event}"
            yield from survey.unknown(
                trigger.event, "unknown_schema", MANIFEST, f"{path}.event", message, hint
            )
        elif trigger.correlate_by is not None and trigger.event in survey.catalog.schemas:
            found = _lack(survey, trigger.event, trigger.correlate_by)
            if found is not None:
                yield survey.warning("correlate_by", MANIFEST, f"{path}.correlate_by", *found)
        view = survey.plans.get(trigger.plan)
        if view is None:
            hint = survey.hint(trigger.plan, DefPlan.kind)
            message = f"unknown plan {trigger.plan}"
            yield from survey.unknown(
                trigger.plan, "unknown_plan", MANIFEST, f"{path}.plan", message, hint
            )
        elif view.plan.input != trigger.event:
            message = f"{trigger.plan} takes {view.plan.input}, not {trigger.event}"
            yield survey.error("wrong_event", MANIFEST, f"{path}.event", message)
