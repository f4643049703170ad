"""AIR nodes as data: parsing, and the typed form that is hashed (air-v1, section 2; B-3).

Every node class has ``parse(json, path)`` and ``to_json()``. The latter writes fields exactly as
the table of B-3 says: absent stays absent, some empty lists are dropped, decoration is gone.
Parsing looks at structure only; whether names resolve is for :mod:`aos_core.air.check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from aos_core import canon
from aos_core.air.types import Type, parse_type
from aos_core.errors import AirError

NAME = re.compile(r"[a-z][a-z0-9._-]*/[A-Za-z][A-Za-z0-9._-]*@[1-9][0-9]*\Z")
PLACEHOLDERS = ("", "sha256", "sha256:", canon.hash_text(canon.ZERO_HASH))
"""What may stand where a hash is still to be written."""


class Fields:
    """Typed access to the members of a JSON object; every failure names its JSON path."""

    def __init__(self, node: Any, path: str) -> None:
        if not isinstance(node, dict):
            raise AirError("expected an object", path=path)
        self.node, self.path = node, path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def need(self, name: str) -> Any:
        if name not in self.node:
            raise AirError(f"field {name!r} is missing", path=self.path)
        return self.node[name]

    def text(self, name: str) -> str:
        value = self.need(name)
        if not isinstance(value, str):
            raise AirError(f"{name} must be a text", path=self.at(name))
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.node.get(name) is not None else None

    def list(self, name: str) -> list[Any]:
        value = self.node.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise AirError(f"{name} must be an array", path=self.at(name))
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        items = self.list(name)
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise AirError("expected a text", path=f"{self.at(name)}[{index}]")
        return tuple(items)

    def map(self, name: str) -> dict[str, Any]:
        value = self.node.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise AirError(f"{name} must be an object", path=self.at(name))
        return {key: item for key, item in value.items() if key != "$comment"}

    def text_map(self, name: str) -> dict[str, str]:
        value = self.map(name)
        for key, item in value.items():
            if not isinstance(item, str):
                raise AirError("expected a text", path=f"{self.at(name)}.{key}")
        return value

    def each(self, name: str, parse: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        return tuple(
            parse(item, f"{self.at(name)}[{index}]") for index, item in enumerate(self.list(name))
        )


def hash_or_none(node: Any, path: str) -> str | None:
    """A hash, or None for a placeholder (B-5)."""
    if node is None or node in PLACEHOLDERS:
        return None
    if not isinstance(node, str) or not canon.is_hash_text(node):
        raise AirError(f"{node!r} is not a hash", path=path, hint="sha256: and 64 hex digits")
    return node


def _given(**fields: Any) -> dict[str, Any]:
    """The members that are there: neither None nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}


@dataclass(frozen=True, slots=True)
class DefSchema:
    kind: ClassVar[str] = "defschema"
    name: str
    type: Type

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefSchema:
        fields = Fields(node, path)
        return cls(fields.text("name"), parse_type(fields.need("type"), fields.at("type")))

    def to_json(self) -> dict[str, Any]:
        return {"$kind": self.kind, "name": self.name, "type": self.type.to_json()}


@dataclass(frozen=True, slots=True)
class DefModule:
    """``state`` and ``event`` of a reducer, ``input`` and ``output`` of a pure module."""

    kind: ClassVar[str] = "defmodule"
    name: str
    module_kind: str
    wasm_hash: str | None
    key_schema: str | None
    abi: Mapping[str, str]
    effects_emitted: tuple[str, ...]
    cap_slots: Mapping[str, str]

    @property
    def entry(self) -> Literal["step", "run"]:
        """The export of its wasm that is called."""
        return "step" if self.module_kind == "reducer" else "run"

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefModule:
        fields = Fields(node, path)
        module_kind = fields.text("module_kind")
        if module_kind not in ("reducer", "pure"):
            raise AirError("module_kind must be reducer or pure", path=fields.at("module_kind"))
        abi_fields = Fields(fields.need("abi"), fields.at("abi"))
        abi = Fields(abi_fields.need(module_kind), abi_fields.at(module_kind))
        must = ("state", "event") if module_kind == "reducer" else ("input", "output")
        may = ("context", "annotations") if module_kind == "reducer" else ("context",)
        schemas = {name: abi.text(name) for name in must}
        schemas |= {name: abi.text(name) for name in may if abi.node.get(name) is not None}
        return cls(
            fields.text("name"),
            module_kind,
            hash_or_none(fields.node.get("wasm_hash"), fields.at("wasm_hash")),
            fields.optional_text("key_schema"),
            schemas,
            abi.texts("effects_emitted"),
            abi.text_map("cap_slots"),
        )

    def to_json(self) -> dict[str, Any]:
        extra = _given(effects_emitted=list(self.effects_emitted), cap_slots=dict(self.cap_slots))
        return {
            "$kind": self.kind,
            "name": self.name,
            "module_kind": self.module_kind,
            "wasm_hash": self.wasm_hash or canon.hash_text(canon.ZERO_HASH),
            "abi": {self.module_kind: dict(self.abi) | extra},
        } | _given(key_schema=self.key_schema)


@dataclass(frozen=True, slots=True)
class Step:
    """One plan step; ``args`` are the op's own fields, as authored or in stored form."""

    id: str
    op: str
    args: Mapping[str, Any]

    FIELDS: ClassVar[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
        "assign": (("expr", "bind"), ()),
        "emit_effect": (("kind", "params", "cap", "bind"), ("idempotency_key",)),
        "await_receipt": (("for", "bind"), ()),
        "await_event": (("event", "bind"), ("where",)),
        "raise_event": (("event", "value"), ()),
        "end": ((), ("result",)),
    }

    @classmethod
    def parse(cls, node: Any, path: str) -> Step:
        fields = Fields(node, path)
        op = fields.text("op")
        if op not in cls.FIELDS:
            known = ", ".join(cls.FIELDS)
            raise AirError(f"unknown op {op!r}", path=fields.at("op"), hint=f"known: {known}")
        must, may = cls.FIELDS[op]
        args = {name: fields.need(name) for name in must}
        args |= {name: fields.node[name] for name in may if fields.node.get(name) is not None}
        if "bind" in args:
            args["bind"] = cls._parse_bind(op, args["bind"], fields.at("bind"))
        for name in ("kind", "cap", "event"):
            if name in args:
                fields.text(name)
        return cls(fields.text("id"), op, args)

    @staticmethod
    def _parse_bind(op: str, node: Any, path: str) -> dict[str, str]:
        """``bind:{var}`` is accepted for ``bind:{as}``: earlier authoring."""
        fields = Fields(node, path)
        if op == "emit_effect":
            return {"effect_id_as": fields.text("effect_id_as")}
        return {
            "as": fields.text("var" if "as" not in fields.node and "var" in fields.node else "as")
        }

    @property
    def binds(self) -> str | None:
        """The variable this step binds."""
        bind: dict[str, str] = self.args.get("bind", {})
        return bind.get("as") or bind.get("effect_id_as")

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "op": self.op} | dict(self.args)


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    when: Any | None

    @classmethod
    def parse(cls, node: Any, path: str) -> Edge:
        fields = Fields(node, path)
        return cls(fields.text("from"), fields.text("to"), fields.node.get("when"))

    def to_json(self) -> dict[str, Any]:
        return {"from": self.source, "to": self.target} | _given(when=self.when)


@dataclass(frozen=True, slots=True)
class DefPlan:
    kind: ClassVar[str] = "defplan"
    name: str
    input: str
    output: str | None
    locals: Mapping[str, str]
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    required_caps: tuple[str, ...]
    allowed_effects: tuple[str, ...]
    invariants: tuple[Any, ...]

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefPlan:
        fields = Fields(node, path)
        fields.need("steps")
        return cls(
            fields.text("name"),
            fields.text("input"),
            fields.optional_text("output"),
            fields.text_map("locals"),
            fields.each("steps", Step.parse),
            fields.each("edges", Edge.parse),
            fields.texts("required_caps"),
            fields.texts("allowed_effects"),
            tuple(fields.list("invariants")),
        )

    def derived(self, arg: str) -> tuple[str, ...]:
        """The ``cap`` or ``kind`` of every emit step, sorted bytewise, without duplicates."""
        found = {step.args[arg] for step in self.steps if step.op == "emit_effect"}
        return tuple(sorted(found, key=str.encode))

    def to_json(self) -> dict[str, Any]:
        def listed(given: tuple[str, ...], arg: str) -> list[str]:
            return sorted(set(given), key=str.encode) if given else list(self.derived(arg))

        return {
            "$kind": self.kind,
            "name": self.name,
            "input": self.input,
            "steps": [step.to_json() for step in self.steps],
        } | _given(
            output=self.output,
            locals=dict(self.locals),
            edges=[edge.to_json() for edge in self.edges],
            required_caps=listed(self.required_caps, "cap"),
            allowed_effects=listed(self.allowed_effects, "kind"),
            invariants=list(self.invariants),
        )


@dataclass(frozen=True, slots=True)
class DefCap:
    kind: ClassVar[str] = "defcap"
    name: str
    cap_type: str
    schema: Type
    enforcer: str

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefCap:
        fields = Fields(node, path)
        enforcer = Fields(fields.map("enforcer"), fields.at("enforcer")).optional_text("module")
        schema = parse_type(fields.need("schema"), fields.at("schema"))
        return cls(
            fields.text("name"), fields.text("cap_type"), schema, enforcer or "sys/CapAllowAll@1"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "$kind": self.kind,
            "name": self.name,
            "cap_type": self.cap_type,
            "schema": self.schema.to_json(),
            "enforcer": {"module": self.enforcer},
        }


@dataclass(frozen=True, slots=True)
class DefEffect:
    kind: ClassVar[str] = "defeffect"
    name: str
    effect: str
    params_schema: str
    receipt_schema: str
    cap_type: str
    origin_scope: str

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefEffect:
        fields = Fields(node, path)
        scope = fields.text("origin_scope")
        if scope not in ("reducer", "plan", "both"):
            raise AirError("origin_scope: reducer, plan or both", path=fields.at("origin_scope"))
        return cls(
            fields.text("name"),
            fields.text("kind"),
            fields.text("params_schema"),
            fields.text("receipt_schema"),
            fields.text("cap_type"),
            scope,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "$kind": self.kind,
            "name": self.name,
            "kind": self.effect,
            "params_schema": self.params_schema,
            "receipt_schema": self.receipt_schema,
            "cap_type": self.cap_type,
            "origin_scope": self.origin_scope,
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy rule; ``when`` holds only the given matchers."""

    when: Mapping[str, str]
    decision: str

    MATCHERS: ClassVar[tuple[str, ...]] = (
        "effect_kind",
        "cap_name",
        "cap_type",
        "origin_kind",
        "origin_name",
    )

    @classmethod
    def parse(cls, node: Any, path: str) -> Rule:
        fields = Fields(node, path)
        decision, when = fields.text("decision"), fields.text_map("when")
        if decision not in ("allow", "deny"):
            raise AirError("decision must be allow or deny", path=fields.at("decision"))
        for name in when:
            if name not in cls.MATCHERS:  # a matcher that is dropped would widen the rule
                known = ", ".join(cls.MATCHERS)
                raise AirError(f"unknown matcher {name!r}", path=fields.at("when"), hint=known)
        return cls(when, decision)

    def to_json(self) -> dict[str, Any]:
        return {"when": dict(self.when), "decision": self.decision}


@dataclass(frozen=True, slots=True)
class DefPolicy:
    kind: ClassVar[str] = "defpolicy"
    name: str
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefPolicy:
        fields = Fields(node, path)
        fields.need("rules")
        return cls(fields.text("name"), fields.each("rules", Rule.parse))

    def to_json(self) -> dict[str, Any]:
        rules = [rule.to_json() for rule in self.rules]
        return {"$kind": self.kind, "name": self.name, "rules": rules}


@dataclass(frozen=True, slots=True)
class DefSecret:
    kind: ClassVar[str] = "defsecret"
    name: str
    binding_id: str
    expected_digest: str | None
    allowed_caps: tuple[str, ...]
    allowed_plans: tuple[str, ...]

    @classmethod
    def parse(cls, node: Any, path: str = "$") -> DefSecret:
        fields = Fields(node, path)
        return cls(
            fields.text("name"),
            fields.text("binding_id"),
            fields.optional_text("expected_digest"),
            fields.texts("allowed_caps"),
            fields.texts("allowed_plans"),
        )

    def to_json(self) -> dict[str, Any]:
        return {"$kind": self.kind, "name": self.name, "binding_id": self.binding_id} | _given(
            expected_digest=self.expected_digest,
            allowed_caps=list(self.allowed_caps),
            allowed_plans=list(self.allowed_plans),
        )


@dataclass(frozen=True, slots=True)
class NamedRef:
    name: str
    hash: str | None

    @classmethod
    def parse(cls, node: Any, path: str) -> NamedRef:
        fields = Fields(node, path)
        return cls(fields.text("name"), hash_or_none(fields.node.get("hash"), fields.at("hash")))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name} | _given(hash=self.hash)


@dataclass(frozen=True, slots=True)
class Route:
    event: str
    reducer: str
    key_field: str | None

    @classmethod
    def parse(cls, node: Any, path: str) -> Route:
        fields = Fields(node, path)
        return cls(fields.text("event"), fields.text("reducer"), fields.optional_text("key_field"))

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "reducer": self.reducer} | _given(key_field=self.key_field)


@dataclass(frozen=True, slots=True)
class Inbox:
    source: str
    reducer: str

    @classmethod
    def parse(cls, node: Any, path: str) -> Inbox:
        fields = Fields(node, path)
        return cls(fields.text("source"), fields.text("reducer"))

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "reducer": self.reducer}


@dataclass(frozen=True, slots=True)
class Trigger:
    event: str
    plan: str
    correlate_by: str | None

    @classmethod
    def parse(cls, node: Any, path: str) -> Trigger:
        fields = Fields(node, path)
        return cls(fields.text("event"), fields.text("plan"), fields.optional_text("correlate_by"))

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "plan": self.plan} | _given(correlate_by=self.correlate_by)


@dataclass(frozen=True, slots=True)
class Grant:
    name: str
    cap: str
    params: Any
    expiry_ns: int | None

    @classmethod
    def parse(cls, node: Any, path: str) -> Grant:
        fields = Fields(node, path)
        expiry = fields.node.get("expiry_ns")
        if expiry is not None and (type(expiry) is not int or expiry < 0):
            raise AirError("expiry_ns: nanoseconds, not negative", path=fields.at("expiry_ns"))
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
    def parse(cls, node: Any, path: str = "$") -> Manifest:
        fields = Fields(node, path)
        if (version := fields.node.get("air_version", "1")) != "1":
            raise AirError(
                f"air_version {version!r} is not supported", path=fields.at("air_version")
            )
        routing = Fields(fields.map("routing"), fields.at("routing"))
        defaults = Fields(fields.map("defaults"), fields.at("defaults"))
        bindings = {
            name: Fields(item, f"{fields.at('module_bindings')}.{name}").text_map("slots")
            for name, item in fields.map("module_bindings").items()
        }
        return cls(
            "air_version" in fields.node,
            {name: fields.each(name, NamedRef.parse) for name in cls.LISTS},
            routing.each("events", Route.parse) if fields.node.get("routing") is not None else None,
            routing.each("inboxes", Inbox.parse),
            fields.each("triggers", Trigger.parse),
            defaults.optional_text("policy"),
            defaults.each("cap_grants", Grant.parse),
            fields.node.get("defaults") is not None,
            bindings,
        )

    def to_json(self) -> dict[str, Any]:
        def each(items: tuple[Any, ...] | None) -> list[Any]:
            return [item.to_json() for item in items or ()]

        always = ("schemas", "modules", "plans", "caps", "policies")
        lists = {name: each(self.refs[name]) for name in self.LISTS}
        result: dict[str, Any] = {"air_version": "1"}
        result |= {name: of for name, of in lists.items() if of or name in always}
        result |= _given(
            triggers=each(self.triggers),
            module_bindings={
                name: _given(slots=dict(slots)) for name, slots in self.bindings.items()
            },
        )
        if self.has_defaults:
            result |= {"defaults": _given(policy=self.policy, cap_grants=each(self.grants))}
        if self.routes is not None:
            events, inboxes = each(self.routes), each(self.inboxes)
            result |= {"routing": _given(events=events, inboxes=inboxes)}
        return result


Node = DefSchema | DefModule | DefPlan | DefCap | DefEffect | DefPolicy | DefSecret
NODE_KINDS: Mapping[str, type[Node]] = {
    of.kind: of for of in (DefSchema, DefModule, DefPlan, DefCap, DefEffect, DefPolicy, DefSecret)
}
_REFERRED_WITHOUT_KIND = ("defschema", "defeffect", "defcap")


def parse_node(node: Any, path: str = "$") -> Node | Manifest:
    """The node that a JSON object describes. Raises :class:`AirError`."""
    fields = Fields(node, path)
    kind = fields.text("$kind")
    if kind == Manifest.kind:
        return Manifest.parse(node, path)
    if kind not in NODE_KINDS:
        known = ", ".join([*NODE_KINDS, Manifest.kind])
        raise AirError(f"unknown $kind {kind!r}", path=fields.at("$kind"), hint=f"known: {known}")
    parsed = NODE_KINDS[kind].parse(node, path)
    if not NAME.match(parsed.name):
        raise AirError(
            f"{parsed.name!r} is not a name", path=fields.at("name"), hint="namespace/Name@1"
        )
    return parsed


def node_bytes(node: Node | Manifest) -> bytes:
    """The canonical bytes whose SHA-256 names the node (air-v1, section 1, *Three rules*)."""
    form = node.to_json()
    if not isinstance(node, Manifest):
        builtin = node.name.startswith("sys/")
        if builtin and node.kind in _REFERRED_WITHOUT_KIND:
            del form["$kind"]
    return canon.encode(form)


def node_hash(node: Node | Manifest) -> bytes:
    """SHA-256 of :func:`node_bytes`."""
    return canon.sha256(node_bytes(node))
