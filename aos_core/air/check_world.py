"""The rules of ``check`` for a manifest: what it lists, its schemas, effects and modules.

Each gives the problems it finds (air-v1, sections 2 and 12; B-7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from aos_core.air.check_plans import unknown_effect
from aos_core.air.load import Key, builtin_nodes
from aos_core.air.manifest import Manifest
from aos_core.air.nodes import DefCap, DefEffect, DefModule, DefPlan, DefSchema, Node
from aos_core.air.schemas import Schemas
from aos_core.air.survey import LIST_OF, MANIFEST, Problems, Survey
from aos_core.air.types import ListOf, MapOf, Option, Record, Ref, SetOf, Type, Variant
from aos_core.errors import AirError
from aos_core.hints import did_you_mean
from aos_core.problems import NO_WASM

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
                NO_WASM, (module.kind, module.name), "wasm_hash", "there is no wasm for it",
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
            yield from survey.unknown_reducer(path, name)
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
        hint, message = did_you_mean(grant, survey.grants), f"there is no grant {grant!r}"
        yield from survey.unknown(grant, "unknown_grant", MANIFEST, path, message, hint)
        return
    wanted, granted = module.cap_slots.get(slot), survey.granted_type(grant)
    if wanted is not None and granted not in (None, wanted):
        message = f"grant {grant} is of {granted}; the slot is for {wanted}"
        yield survey.error("cap_type", MANIFEST, path, message)
