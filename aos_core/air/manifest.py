"""The manifest as data: which definitions a world has, and how they are put together.

Parsed and written as the definitions are (:mod:`aos_core.air.nodes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aos_core.air.fields import Fields, given


@dataclass(frozen=True, slots=True)
class NamedRef:
    name: str
    hash: str | None

    @classmethod
    def parse(cls, fields: Fields) -> NamedRef:
        return cls(fields.text("name"), fields.hash("hash"))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name} | given(hash=self.hash)


@dataclass(frozen=True, slots=True)
class Route:
    event: str
    reducer: str
    key_field: str | None

    @classmethod
    def parse(cls, fields: Fields) -> Route:
        return cls(fields.text("event"), fields.text("reducer"), fields.optional_text("key_field"))

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "reducer": self.reducer} | given(key_field=self.key_field)


@dataclass(frozen=True, slots=True)
class Inbox:
    source: str
    reducer: str

    @classmethod
    def parse(cls, fields: Fields) -> Inbox:
        return cls(fields.text("source"), fields.text("reducer"))

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "reducer": self.reducer}


@dataclass(frozen=True, slots=True)
class Trigger:
    event: str
    plan: str
    correlate_by: str | None

    @classmethod
    def parse(cls, fields: Fields) -> Trigger:
        return cls(fields.text("event"), fields.text("plan"), fields.optional_text("correlate_by"))

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "plan": self.plan} | given(correlate_by=self.correlate_by)


@dataclass(frozen=True, slots=True)
class Grant:
    name: str
    cap: str
    params: Any
    expiry_ns: int | None

    @classmethod
    def parse(cls, fields: Fields) -> Grant:
        expiry = fields.get("expiry_ns")
        if expiry is not None and (type(expiry) is not int or expiry < 0):
            fields.fail("expiry_ns: nanoseconds, not negative", "expiry_ns")
        return cls(fields.text("name"), fields.text("cap"), fields.need("params"), expiry)

    def to_json(self) -> dict[str, Any]:
        expiry = {} if self.expiry_ns is None else {"expiry_ns": self.expiry_ns}
        return {"name": self.name, "cap": self.cap, "params": self.params} | expiry


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest; ``refs`` by list name. ``to_json`` is what is hashed: without ``$kind``."""

    kind: ClassVar[str] = "manifest"
    LISTS: ClassVar[Mapping[str, str]] = {
        "schemas": "defschema",
        "modules": "defmodule",
        "plans": "defplan",
        "effects": "defeffect",
        "caps": "defcap",
        "policies": "defpolicy",
        "secrets": "defsecret",
    }
    has_version: bool
    refs: Mapping[str, tuple[NamedRef, ...]]
    routes: tuple[Route, ...] | None
    inboxes: tuple[Inbox, ...]
    triggers: tuple[Trigger, ...]
    policy: str | None
    grants: tuple[Grant, ...]
    has_defaults: bool
    bindings: Mapping[str, Mapping[str, str]]

    @classmethod
    def parse(cls, fields: Fields) -> Manifest:
        version = fields.get("air_version")
        if version not in (None, "1"):
            fields.fail(f"air_version {version!r} is not supported", "air_version", 'write "1"')
        routing, defaults = fields.inside("routing"), fields.inside("defaults")
        bindings = {
            name: Fields(item, f"{fields.at('module_bindings')}.{name}", fields.findings).text_map(
                "slots"
            )
            for name, item in fields.map("module_bindings").items()
        }
        return cls(
            version is not None,
            {name: fields.each(name, NamedRef.parse) for name in cls.LISTS},
            routing.each("events", Route.parse) if fields.get("routing") is not None else None,
            routing.each("inboxes", Inbox.parse),
            fields.each("triggers", Trigger.parse),
            defaults.optional_text("policy"),
            defaults.each("cap_grants", Grant.parse),
            fields.get("defaults") is not None,
            bindings,
        )

    def to_json(self) -> dict[str, Any]:
        def each(items: tuple[Any, ...] | None) -> list[Any]:
            return [item.to_json() for item in items or ()]

        always = ("schemas", "modules", "plans", "caps", "policies")
        lists = {name: each(self.refs[name]) for name in self.LISTS}
        result: dict[str, Any] = {"air_version": "1"}
        result |= {name: of for name, of in lists.items() if of or name in always}
        result |= given(
            triggers=each(self.triggers),
            module_bindings={
                name: given(slots=dict(slots)) for name, slots in self.bindings.items()
            },
        )
        if self.has_defaults:
            result |= {"defaults": given(policy=self.policy, cap_grants=each(self.grants))}
        if self.routes is not None:
            events, inboxes = each(self.routes), each(self.inboxes)
            result |= {"routing": given(events=events, inboxes=inboxes)}
        return result
