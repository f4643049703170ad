"""A catalog, compiled: what a turn looks things up in. Built once per manifest.

Nothing here changes after it was built, and a turn interprets no JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.air import literals
from aos_core.air.builtins import RECEIPT_EVENTS
from aos_core.air.load import Catalog
from aos_core.air.manifest import Route, Trigger
from aos_core.air.nodes import (
    DefCap,
    DefEffect,
    DefModule,
    DefPlan,
    DefPolicy,
    DefSecret,
    Rule,
    node_hash,
)
from aos_core.air.schemas import Schema, Schemas
from aos_core.errors import AirError, Rejected, ValueRejected
from aos_core.kernel.compiled_plans import Plan, compile_plan
from aos_core.kernel.records import is_nat


@dataclass(frozen=True, slots=True)
class Limits:
    """``fuel`` units, ``memory_mib`` and ``output_mib`` MiB a step; ``tasks`` a turn."""

    fuel: int = 1_000_000_000
    memory_mib: int = 64
    output_mib: int = 16
    tasks: int = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What of ``world.toml`` decides how inputs are run; journaled at genesis.

    ``state_schema``: ``off``, ``warn`` or ``enforce``. ``abi``: ``v1`` or ``legacy`` by module.
    """

    limits: Limits
    state_schema: str
    abi: Mapping[str, str]

    def to_plain(self) -> dict[str, Any]:
        return {
            "limits": {name: getattr(self.limits, name) for name in Limits.__slots__},
            "state_schema": self.state_schema,
            "abi": dict(self.abi),
        }

    @classmethod
    def from_plain(cls, plain: Any) -> Settings:
        """The settings of a journaled map. Raises :class:`Rejected` for one of no known form."""
        match plain:
            case {"limits": dict() as limits, "state_schema": str() as mode, "abi": dict() as abi}:
                if set(limits) == set(Limits.__slots__) and all(map(is_nat, limits.values())):
                    return cls(Limits(**limits), mode, abi)
        raise Rejected("these are no settings of a world")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an event goes: a reducer, the tag it is wrapped in, the path of its key."""

    reducer: str
    tag: str | None
    key_path: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A capability grant of ``cap``, its params read under that one's schema; ``encoded`` are
    their canonical bytes."""

    name: str
    cap: str
    cap_type: str
    enforcer: str
    params: Mapping[str, Any]
    encoded: bytes
    expiry_ns: int | None


@dataclass(frozen=True, slots=True)
class Program:
    """The compiled manifest."""

    catalog: Catalog
    schemas: Schemas
    modules: Mapping[str, DefModule]
    effects: Mapping[str, DefEffect]
    grants: Mapping[str, Grant]
    bindings: Mapping[str, Mapping[str, str]]
    policy: tuple[Rule, ...] | None
    targets: Mapping[str, tuple[Target, ...]]
    triggers: Mapping[str, tuple[Trigger, ...]]
    plans: Mapping[str, Plan]
    secrets: Mapping[str, DefSecret]

    @property
    def manifest_hash(self) -> bytes:
        return self.catalog.manifest_hash

    def wasm_hash(self, module: str) -> bytes:
        """SHA-256 of a module's wasm. Raises :class:`AirError` where the module has none."""
        found = self.modules[module].wasm_hash
        if found is None:
            raise AirError(f"module {module} has no wasm_hash")
        return canon.parse_hash(found)

    def receipt_schema(self, kind: str, *, reducer: bool) -> Schema:
        """The schema of an effect's receipts; those of plan effects keep extra fields (B-18)."""
        name = self.effects[kind].receipt_schema
        return self.schemas[name] if reducer else self.schemas.open(name)


def compile_program(catalog: Catalog) -> Program:
    """The program of a catalog. Raises :class:`AirError` for what does not fit together."""
    modules = {node.name: node for node in catalog.all(DefModule)}
    effects = {node.effect: node for node in catalog.effects()}
    manifest = catalog.manifest
    return Program(
        catalog=catalog,
        schemas=catalog.schemas,
        modules=modules,
        effects=effects,
        grants=_grants(catalog),
        bindings=manifest.bindings,
        policy=_policy(catalog),
        targets=_targets(manifest.routes or (), modules, catalog.schemas),
        triggers=_triggers(manifest.triggers),
        plans={
            node.name: compile_plan(node, node_hash(node), catalog.schemas, effects)
            for node in catalog.all(DefPlan)
        },
        secrets={node.name: node for node in catalog.all(DefSecret)},
    )


def _grants(catalog: Catalog) -> dict[str, Grant]:
    caps = {node.name: node for node in catalog.all(DefCap)}
    grants: dict[str, Grant] = {}
    for index, grant in enumerate(catalog.manifest.grants):
        path = f"$.defaults.cap_grants[{index}]"
        cap = caps.get(grant.cap)
        if cap is None:
            raise AirError(f"grant {grant.name}: unknown cap {grant.cap}", path=f"{path}.cap")
        if grant.name in grants:
            raise AirError(f"grant {grant.name} is given twice", path=path)
        params, encoded = _grant_params(grant.params, cap, catalog.schemas, f"{path}.params")
        grants[grant.name] = Grant(
            grant.name, cap.name, cap.cap_type, cap.enforcer, params, encoded, grant.expiry_ns
        )
    return grants


def _grant_params(
    node: Any, cap: DefCap, schemas: Schemas, path: str
) -> tuple[Mapping[str, Any], bytes]:
    stored = literals.literal(node, cap.schema, schemas, path)
    schema = Schema(cap.name, cap.schema, schemas.compile(cap.schema))
    try:
        params = schema.normalise(literals.runtime(stored))
    except ValueRejected as error:
        raise AirError(error.message, path=path) from error
    return params, schema.encode(params)


def _policy(catalog: Catalog) -> tuple[Rule, ...] | None:
    name = catalog.manifest.policy
    if name is None:
        return None
    for node in catalog.all(DefPolicy):
        if node.name == name:
            rules: tuple[Rule, ...] = node.rules
            return rules
    raise AirError(f"unknown policy {name}", path="$.defaults.policy")


def _triggers(triggers: tuple[Trigger, ...]) -> dict[str, tuple[Trigger, ...]]:
    """By event; the plans of one event in the order of their names, bytewise (B-15)."""
    names = {trigger.event for trigger in triggers}
    by_plan: Callable[[Trigger], bytes] = lambda trigger: trigger.plan.encode()  # noqa: E731
    return {
        name: tuple(sorted((t for t in triggers if t.event == name), key=by_plan))
        for name in sorted(names)
    }


def _targets(
    routes: tuple[Route, ...], modules: Mapping[str, DefModule], schemas: Schemas
) -> dict[str, tuple[Target, ...]]:
    """Where each schema goes, in the order of ``routing.events``; a route to a variant binds
    its member schemas too (air-v1, section 7; B-15)."""
    targets: dict[str, list[Target]] = {}

    def bind(schema: str, target: Target) -> None:
        targets.setdefault(schema, []).append(target)

    for index, route in enumerate(routes):
        path = f"$.routing.events[{index}]"
        module = modules.get(route.reducer)
        if module is None or module.module_kind != "reducer":
            raise AirError(f"route to unknown reducer {route.reducer}", path=f"{path}.reducer")
        key_path = tuple(route.key_field.split(".")) if route.key_field else None
        event = module.abi["event"]
        tags = schemas.member_tags(event)
        if route.event == event:
            bind(event, Target(route.reducer, None, key_path))
            for member, tag in tags.items():
                if key_path is None or member not in RECEIPT_EVENTS.values():
                    bind(member, Target(route.reducer, tag, key_path))
        elif route.event in tags:
            # the path of an explicit route starts at the event's own value, not at its wrapping
            inner = ("$value", *key_path) if key_path else None
            bind(route.event, Target(route.reducer, tags[route.event], inner))
        else:
            raise AirError(
                f"{route.reducer} takes {event}, which does not hold {route.event}",
                path=f"{path}.event",
                hint=f"route {event}, or add an arm to it that refers to {route.event}",
            )
    return {schema: tuple(found) for schema, found in targets.items()}
