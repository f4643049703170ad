"""AIR nodes as data: parsing, and the typed form that is hashed (air-v1, section 2; B-3).

Every node class has ``parse(json, path)`` and ``to_json()``. The latter writes fields exactly as
the table of B-3 says: absent stays absent, some empty lists are dropped, decoration is gone.
Parsing looks at structure only; whether names resolve is for :mod:`aos_core.air.check`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from aos_core import canon
from aos_core.air.types import Type, parse_type
from aos_core.errors import AirError
from aos_core.hints import did_you_mean

_Part = TypeVar("_Part")

NAME = re.compile(r"[a-z][a-z0-9._-]*/[A-Za-z][A-Za-z0-9._-]*@[1-9][0-9]*\Z")
PLACEHOLDERS = ("", "sha256", "sha256:", canon.hash_text(canon.ZERO_HASH))
"""What may stand where a hash is still to be written."""


class Findings:
    """What is wrong with the structure of one node, and the objects that were looked at.

    ``strict``: the first error is raised. Else all are kept, and what is wrong reads as empty;
    ``broken`` are the items of arrays that were wrong, as they stand, by path, and ``contained``
    counts the errors in them: where there is no other, the rest of the node is sound.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.errors: list[AirError] = []
        self.objects: list[Fields] = []
        self.broken: dict[str, Any] = {}
        self.contained = 0

    def fail(self, error: AirError) -> None:
        if self.strict:
            raise error
        self.errors.append(error)

    def unknown_members(self) -> Iterator[tuple[str, str, str | None]]:
        """(path, name, hint) of members that nothing reads: they are dropped."""
        for fields in self.objects:
            for name in fields.node:
                if name not in fields.asked and not name.startswith("$"):
                    rest = fields.asked - fields.node.keys() - fields.missed
                    near = difflib.get_close_matches(name, fields.missed, 1)
                    if not near:
                        yield fields.at(name), name, did_you_mean(name, rest)


class Fields:
    """Typed access to the members of a JSON object; every failure names its JSON path.

    ``asked`` are the members that were looked for, ``missed`` those of them that must be there.
    """

    def __init__(self, node: Any, path: str, findings: Findings) -> None:
        self.path, self.findings = path, findings
        self.asked: set[str] = set()
        self.missed: set[str] = set()
        self._dead = not isinstance(node, dict)
        self.node: dict[str, Any] = {} if self._dead else node
        findings.objects.append(self)
        if self._dead:
            self.fail("expected an object")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def fail(self, message: str, name: str | None = None, hint: str | None = None) -> None:
        """Something is wrong: with a member, or with the object."""
        path = self.path if name is None else self.at(name)
        self.findings.fail(AirError(message, path=path, hint=hint))

    def get(self, name: str) -> Any:
        """The member as it stands, None where it is absent."""
        self.asked.add(name)
        return self.node.get(name)

    def need(self, name: str) -> Any:
        self.asked.add(name)
        if name not in self.node and not self._dead:
            near = difflib.get_close_matches(name, self.node.keys() - self.asked, 1)
            hint = f"did you mean {name} where {near[0]} stands?" if near else None
            self.missed.add(name)
            self.fail(f"field {name!r} is missing", hint=hint)
        return self.node.get(name)

    def text(self, name: str) -> str:
        """A text; an empty one names nothing."""
        value = self.need(name)
        if isinstance(value, str) and value:
            return value
        if name in self.node:
            self.fail(
                f"{name} must be a text" + (", not an empty one" if value == "" else ""), name
            )
        return ""

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.get(name) is not None else None

    def choice(self, name: str, among: Collection[str]) -> str:
        """One of some texts."""
        value = self.text(name)
        if value and value not in among:
            self.fail(f"unknown {name} {value!r}", name, did_you_mean(value, among))
        return value

    def list(self, name: str) -> list[Any]:
        value = self.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self.fail(f"{name} must be an array", name)
        return []

    def texts(self, name: str) -> tuple[str, ...]:
        items = self.list(name)
        for index, item in enumerate(items):
            if not isinstance(item, str) or not item:
                self.fail("expected a text", f"{name}[{index}]")
        return tuple(item for item in items if isinstance(item, str))

    def map(self, name: str) -> dict[str, Any]:
        value = self.get(name)
        if value is None or isinstance(value, dict):
            return {key: item for key, item in (value or {}).items() if key != "$comment"}
        self.fail(f"{name} must be an object", name)
        return {}

    def text_map(self, name: str) -> dict[str, str]:
        value = self.map(name)
        for key, item in value.items():
            if not isinstance(item, str) or not item:
                self.fail("expected a text", f"{name}.{key}")
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def hash(self, name: str) -> str | None:
        """A hash, or None for a placeholder (B-5)."""
        value = self.get(name)
        if value is None or (isinstance(value, str) and value.strip().lower() in PLACEHOLDERS):
            return None
        if not isinstance(value, str) or not canon.is_hash_text(value):
            hint = "sha256: and 64 hex digits, or leave it out"
            self.fail(f"{value!r} is not a hash", name, hint)
            return None
        return value

    def type(self, name: str) -> Type:
        return parse_type(self.need(name), self.at(name), self.findings.fail)

    def inside(self, name: str) -> Fields:
        """The object at ``name``; empty where it is absent."""
        value = self.get(name)
        return Fields({} if value is None else value, self.at(name), self.findings)

    def must(self, name: str) -> Fields:
        """The object at ``name``. Where there is none, nothing more is said of it."""
        value = self.need(name)
        if name in self.node:
            return Fields(value, self.at(name), self.findings)
        nothing = Fields({}, self.at(name), self.findings)
        nothing._dead = True
        return nothing

    def not_known(self) -> None:
        """Nothing can be said of the members: what kind of object it is, is wrong already."""
        self.asked |= self.node.keys()
        self._dead = True

    def each(self, name: str, parse: Callable[[Fields], _Part]) -> tuple[_Part, ...]:
        """What an array holds."""
        found = []
        for index, item in enumerate(self.list(name)):
            before, path = len(self.findings.errors), f"{self.at(name)}[{index}]"
            found.append(parse(Fields(item, path, self.findings)))
            if (errors := len(self.findings.errors) - before) > 0:
                self.findings.broken[path] = item
                self.findings.contained += errors
        return tuple(found)


def _given(**fields: Any) -> dict[str, Any]:
    """The members that are there: neither None nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}


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
    def parse(cls, fields: Fields) -> NamedRef:
        return cls(fields.text("name"), fields.hash("hash"))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name} | _given(hash=self.hash)


@dataclass(frozen=True, slots=True)
class Route:
    event: str
    reducer: str
    key_field: str | None

    @classmethod
    def parse(cls, fields: Fields) -> Route:
        return cls(fields.text("event"), fields.text("reducer"), fields.optional_text("key_field"))

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "reducer": self.reducer} | _given(key_field=self.key_field)


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
        return {"event": self.event, "plan": self.plan} | _given(correlate_by=self.correlate_by)


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
