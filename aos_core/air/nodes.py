"""AIR nodes as data: parsing, and the typed form that is hashed (air-v1, section 2; B-3).

Every node class has ``parse(fields)`` and ``to_json()``. The latter writes fields exactly as
the table of B-3 says: absent stays absent, some empty lists are dropped, decoration is gone.
Parsing looks at structure only; whether names resolve is for :mod:`aos_core.air.check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from aos_core import canon
from aos_core.air.fields import Fields, Findings, given
from aos_core.air.manifest import Manifest
from aos_core.air.types import Type
from aos_core.hints import did_you_mean

NAME = re.compile(r"[a-z][a-z0-9._-]*/[A-Za-z][A-Za-z0-9._-]*@[1-9][0-9]*\Z")


@dataclass(frozen=True, slots=True)
class DefSchema:
    kind: ClassVar[str] = "defschema"
    name: str
    type: Type

    @classmethod
    def parse(cls, fields: Fields) -> DefSchema:
        return cls(fields.text("name"), fields.type("type"))

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

    MEMBERS: ClassVar[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
        "reducer": (("state", "event"), ("context", "annotations")),
        "pure": (("input", "output"), ("context",)),
    }
    """The schemas that the ABI of each kind names: those that it must, those that it may."""

    @classmethod
    def parse(cls, fields: Fields) -> DefModule:
        module_kind = fields.choice("module_kind", cls.MEMBERS)
        abi = fields.must("abi")
        if module_kind in cls.MEMBERS:
            abi = abi.must(module_kind)
        else:
            abi.not_known()
        must, may = cls.MEMBERS.get(module_kind, ((), ()))
        schemas = {name: abi.text(name) for name in must}
        schemas |= {name: abi.text(name) for name in may if abi.get(name) is not None}
        return cls(
            fields.text("name"),
            module_kind,
            fields.hash("wasm_hash"),
            fields.optional_text("key_schema"),
            schemas,
            abi.texts("effects_emitted"),
            abi.text_map("cap_slots"),
        )

    def to_json(self) -> dict[str, Any]:
        extra = given(effects_emitted=list(self.effects_emitted), cap_slots=dict(self.cap_slots))
        return {
            "$kind": self.kind,
            "name": self.name,
            "module_kind": self.module_kind,
            "wasm_hash": self.wasm_hash or canon.hash_text(canon.ZERO_HASH),
            "abi": {self.module_kind: dict(self.abi) | extra},
        } | given(key_schema=self.key_schema)


@dataclass(frozen=True, slots=True)
class Step:
    """One plan step; ``args`` are the op's own fields, as authored or in stored form. One that
    could not be read has neither op nor args."""

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
    def parse(cls, fields: Fields) -> Step:
        before = len(fields.findings.errors)
        op = fields.choice("op", cls.FIELDS)
        if op not in cls.FIELDS:
            fields.not_known()
        must, may = cls.FIELDS.get(op, ((), ()))
        args = {name: fields.need(name) for name in must}
        args |= {name: fields.get(name) for name in may if fields.get(name) is not None}
        if "bind" in args:
            args["bind"] = cls._parse_bind(op, fields.must("bind"))
        for name in ("kind", "cap", "event"):
            if name in args:
                args[name] = fields.text(name)
        step = cls(fields.text("id"), op, args)
        return step if len(fields.findings.errors) == before else cls(step.id, "", {})

    @staticmethod
    def _parse_bind(op: str, fields: Fields) -> dict[str, str]:
        """``bind:{var}`` is accepted for ``bind:{as}``: earlier authoring."""
        if op == "emit_effect":
            return {"effect_id_as": fields.text("effect_id_as")}
        earlier = "as" not in fields.node and "var" in fields.node
        return {"as": fields.text("var" if earlier else "as")}

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
    def parse(cls, fields: Fields) -> Edge:
        return cls(fields.text("from"), fields.text("to"), fields.get("when"))

    def to_json(self) -> dict[str, Any]:
        return {"from": self.source, "to": self.target} | given(when=self.when)


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
    def parse(cls, fields: Fields) -> DefPlan:
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
        } | given(
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
    def parse(cls, fields: Fields) -> DefCap:
        enforcer = fields.inside("enforcer").optional_text("module")
        return cls(
            fields.text("name"),
            fields.text("cap_type"),
            fields.type("schema"),
            enforcer or "sys/CapAllowAll@1",
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
    def parse(cls, fields: Fields) -> DefEffect:
        return cls(
            fields.text("name"),
            fields.text("kind"),
            fields.text("params_schema"),
            fields.text("receipt_schema"),
            fields.text("cap_type"),
            fields.choice("origin_scope", ("reducer", "plan", "both")),
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
    def parse(cls, fields: Fields) -> Rule:
        decision = fields.choice("decision", ("allow", "deny"))
        given = fields.map("when")  # null is absent, as everywhere
        when = {name: of for name, of in given.items() if of is not None}
        for name, of in when.items():
            if not isinstance(of, str):
                fields.fail("expected a text", f"when.{name}")
            if name not in cls.MATCHERS:  # a matcher that is dropped would widen the rule
                hint = did_you_mean(name, cls.MATCHERS)
                fields.fail(f"unknown matcher {name!r}", f"when.{name}", hint)
        sound = (name for name, of in when.items() if name in cls.MATCHERS and isinstance(of, str))
        return cls({name: when[name] for name in sound}, decision)

    def to_json(self) -> dict[str, Any]:
        return {"when": dict(self.when), "decision": self.decision}


@dataclass(frozen=True, slots=True)
class DefPolicy:
    kind: ClassVar[str] = "defpolicy"
    name: str
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, fields: Fields) -> DefPolicy:
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
    def parse(cls, fields: Fields) -> DefSecret:
        return cls(
            fields.text("name"),
            fields.text("binding_id"),
            fields.optional_text("expected_digest"),
            fields.texts("allowed_caps"),
            fields.texts("allowed_plans"),
        )

    def to_json(self) -> dict[str, Any]:
        return {"$kind": self.kind, "name": self.name, "binding_id": self.binding_id} | given(
            expected_digest=self.expected_digest,
            allowed_caps=list(self.allowed_caps),
            allowed_plans=list(self.allowed_plans),
        )


Node = DefSchema | DefModule | DefPlan | DefCap | DefEffect | DefPolicy | DefSecret
NODE_KINDS: Mapping[str, type[Node]] = {
    of.kind: of for of in (DefSchema, DefModule, DefPlan, DefCap, DefEffect, DefPolicy, DefSecret)
}
_REFERRED_WITHOUT_KIND = ("defschema", "defeffect", "defcap")


def parse_node(node: Any, path: str = "$") -> Node | Manifest:
    """The node that a JSON object describes. Raises :class:`AirError`, the first there is."""
    parsed = read_node(node, path, Findings(strict=True))
    assert parsed is not None
    return parsed


def read_node(node: Any, path: str, findings: Findings) -> Node | Manifest | None:
    """The node that a JSON object describes, as far as it does; None of an unknown kind."""
    fields = Fields(node, path, findings)
    kind = fields.choice("$kind", (*NODE_KINDS, Manifest.kind))
    if kind == Manifest.kind:
        return Manifest.parse(fields)
    if kind not in NODE_KINDS:
        fields.not_known()
        return None
    parsed = NODE_KINDS[kind].parse(fields)
    if isinstance(fields.node.get("name"), str) and not NAME.match(parsed.name):
        fields.fail(f"{parsed.name!r} is not a name", "name", "a name is namespace/Name@1")
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
