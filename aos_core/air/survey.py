"""A catalog, indexed for the rules of ``check``; makes their problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aos_core.air.load import Catalog, Key, builtin_nodes
from aos_core.air.manifest import Grant, Manifest
from aos_core.air.nodes import DefCap, DefEffect, DefModule, DefPlan, Node
from aos_core.air.plan_view import PlanView
from aos_core.hints import did_you_mean
from aos_core.problems import Problem

Problems = Iterator[Problem]
MANIFEST: Key = (Manifest.kind, "manifest")
LIST_OF: Mapping[str, str] = {kind: name for name, kind in Manifest.LISTS.items()}


@dataclass(frozen=True, slots=True)
class Survey:
    """``effects`` by kind, as the kernel knows them; ``caps``, ``modules``, ``grants``, ``plans``
    by name. Paths of problems are relative to their node."""

    catalog: Catalog
    effects: Mapping[str, DefEffect]
    caps: Mapping[str, DefCap]
    modules: Mapping[str, DefModule]
    plans: Mapping[str, PlanView]
    grants: Mapping[str, Grant]

    @classmethod
    def of(cls, catalog: Catalog) -> Survey:
        effects = {node.effect: node for node in catalog.effects()}
        plans: list[DefPlan] = catalog.all(DefPlan)
        errors = [(of.file, of.path) for of in catalog.problems if of.severity == "error"]
        return cls(
            catalog,
            effects,
            {node.name: node for node in catalog.all(DefCap)},
            {node.name: node for node in catalog.all(DefModule)},
            {
                plan.name: PlanView(
                    plan,
                    catalog.schemas,
                    effects,
                    _inside(catalog, plan, errors),
                    (plan.kind, plan.name) in catalog.partial,
                )
                for plan in plans
            },
            {grant.name: grant for grant in reversed(catalog.manifest.grants)},
        )

    @property
    def manifest(self) -> Manifest:
        return self.catalog.manifest

    def listed(self) -> Iterator[tuple[Key, str, Node]]:
        """Every listed node once with its key and its path in the manifest."""
        seen = set()
        for name, kind in Manifest.LISTS.items():
            for index, ref in enumerate(self.manifest.refs[name]):
                key = (kind, ref.name)
                if key in self.catalog.nodes and key not in seen:
                    seen.add(key)
                    yield key, f"{name}[{index}]", self.catalog.nodes[key]

    def own(self, kind: type[Any]) -> list[Any]:
        """The world's own nodes of a kind."""
        return [
            node for node in self.catalog.all(kind) if (kind.kind, node.name) not in builtin_nodes()
        ]

    def cap_types(self) -> set[str]:
        return {cap.cap_type for cap in self.caps.values()}

    def granted_type(self, grant: str) -> str | None:
        """The cap type of a grant, where both grant and cap exist."""
        found = self.grants.get(grant)
        cap = self.caps.get(found.cap) if found else None
        return cap.cap_type if cap else None

    def error(
        self, code: str, key: Key, path: str, message: str, hint: str | None = None
    ) -> Problem:
        return self._problem("error", code, key, path, message, hint)

    def warning(
        self, code: str, key: Key, path: str, message: str, hint: str | None = None
    ) -> Problem:
        return self._problem("warning", code, key, path, message, hint)

    def _problem(
        self, severity: str, code: str, key: Key, path: str, message: str, hint: str | None
    ) -> Problem:
        place = self.catalog.places.get(key)
        root = place.path if place else "$"
        at = f"{root}.{path}" if path else root
        node = None if key == MANIFEST else key[1]
        said = message if node is None else f"{node}: {message}"
        file = place.file if place else None
        return Problem(severity, code, file, at, said, hint, node=node)

    def unknown(
        self, name: str, code: str, key: Key, path: str, message: str, hint: str | None = None
    ) -> Problems:
        """The error that there is no ``name``, unless it is there and could not be read."""
        if not self.is_lost(name):
            yield self.error(code, key, path, message, hint)

    def unknown_reducer(self, path: str, name: str) -> Problems:
        """The error that the manifest names a reducer that there is not."""
        if name in self.modules:
            yield self.error("unknown_reducer", MANIFEST, path, f"{name} is no reducer")
            return
        hint, message = self.hint(name, DefModule.kind), f"unknown reducer {name}"
        yield from self.unknown(name, "unknown_reducer", MANIFEST, path, message, hint)

    def is_lost(self, name: str) -> bool:
        """Whether there may be something of this name that could not be read."""
        return self.catalog.any_lost or name in self.catalog.lost

    def hint(self, name: str, kind: str) -> str | None:
        """What to do about a name of ``kind`` that no node has."""
        if (kind, name) in self.catalog.places:
            file = self.catalog.places[kind, name].file
            return f"it is defined in {file}: list it under {LIST_OF[kind]} in the manifest"
        return did_you_mean(name, (of for kind_, of in self.catalog.nodes if kind_ == kind))


def _inside(
    catalog: Catalog, plan: DefPlan, errors: list[tuple[str | None, str | None]]
) -> frozenset[str]:
    """The paths, relative to a plan, of the errors that loading found in it."""
    place = catalog.places.get((plan.kind, plan.name))
    root = f"{place.path}." if place else "$."
    return frozenset(
        path.removeprefix(root)
        for file, path in errors
        if place and file == place.file and path and path.startswith(root)
    )
