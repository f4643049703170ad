"""A small world that uses all that ``check`` looks at, and changes that break it or do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aos_core.air.load import Catalog, load_files
from aos_core.air.nodes import DefModule

Node = dict[str, Any]
Nodes = dict[str, Any]
NAT: Node = {"nat": {}}
TEXT: Node = {"text": {}}
UNIT: Node = {"unit": {}}


def ref(name: str) -> Node:
    return {"ref": name}


def schema(name: str, type: Node) -> Node:
    return {"$kind": "defschema", "name": f"demo/{name}@1", "type": type}


def sound() -> Nodes:
    """A world without problems, by short names: it uses everything that a rule looks at."""
    go = {"id": NAT, "who": TEXT, "note": {"option": TEXT}}
    return {
        "Go": schema("Go", {"record": go}),
        "Said": schema("Said", {"record": {"id": NAT, "what": TEXT}}),
        "Note": schema(
            "Note", {"record": {"id": NAT, "tags": {"map": {"key": TEXT, "value": NAT}}}}
        ),
        "Count": schema("Count", {"record": {"n": NAT}}),
        "Nat": schema("Nat", NAT),
        "Event": schema(
            "Event",
            {"variant": {"Note": ref("demo/Note@1"), "Fired": ref("sys/TimerFired@1")}},
        ),
        "AskParams": schema("AskParams", {"record": {"q": TEXT, "how": ref("demo/How@1")}}),
        "How": schema("How", {"variant": {"Fast": UNIT, "Slow": NAT}}),
        "AskReceipt": schema("AskReceipt", {"record": {"n": NAT}}),
        "ask": {
            "$kind": "defeffect",
            "name": "demo/ask@1",
            "kind": "demo.ask",
            "params_schema": "demo/AskParams@1",
            "receipt_schema": "demo/AskReceipt@1",
            "cap_type": "demo.ask",
            "origin_scope": "both",
        },
        "asks": {
            "$kind": "defcap",
            "name": "demo/asks@1",
            "cap_type": "demo.ask",
            "schema": {"record": {"most": {"option": NAT}}},
        },
        "cells": {
            "$kind": "defmodule",
            "name": "demo/Cells@1",
            "module_kind": "reducer",
            "key_schema": "demo/Nat@1",
            "abi": {
                "reducer": {
                    "state": "demo/Count@1",
                    "event": "demo/Event@1",
                    "effects_emitted": ["timer.set"],
                    "cap_slots": {"clock": "timer"},
                }
            },
        },
        "plan": {
            "$kind": "defplan",
            "name": "demo/plan@1",
            "input": "demo/Go@1",
            "output": "demo/Count@1",
            "locals": {"count": "demo/Count@1"},
            "steps": [
                {
                    "id": "ask",
                    "op": "emit_effect",
                    "kind": "demo.ask",
                    "params": {
                        "record": {
                            "q": ref("@plan.input.who"),
                            "how": {"variant": {"tag": "Slow", "value": {"nat": 3}}},
                        }
                    },
                    "cap": "may_ask",
                    "idempotency_key": {"hash": "sha256:" + "1" * 64},
                    "bind": {"effect_id_as": "h"},
                },
                {"id": "got", "op": "await_receipt", "for": ref("@var:h"), "bind": {"as": "got"}},
                {
                    "id": "count",
                    "op": "assign",
                    "expr": {"record": {"n": ref("@var:got.n")}},
                    "bind": {"as": "count"},
                },
                {
                    "id": "say",
                    "op": "raise_event",
                    "event": "demo/Said@1",
                    "value": {
                        "record": {"id": ref("@step:count.n"), "what": ref("@step:ask.handle")}
                    },
                },
                {
                    "id": "heard",
                    "op": "await_event",
                    "event": "demo/Said@1",
                    "where": {
                        "op": "eq",
                        "args": [ref("@event.id"), ref("@var:correlation_id")],
                    },
                    "bind": {"as": "heard"},
                },
                {"id": "end", "op": "end", "result": {"record": {"n": ref("@var:heard.id")}}},
            ],
            "edges": [
                {"from": "ask", "to": "got"},
                {
                    "from": "got",
                    "to": "count",
                    "when": {"op": "eq", "args": [ref("@var:got.$status"), {"text": "ok"}]},
                },
                {"from": "count", "to": "say"},
                {"from": "say", "to": "heard"},
                {"from": "heard", "to": "end"},
            ],
            "required_caps": ["may_ask"],
            "allowed_effects": ["demo.ask"],
            "invariants": [{"op": "ge", "args": [ref("@plan.input.id"), {"nat": 0}]}],
        },
        "policy": {
            "$kind": "defpolicy",
            "name": "demo/policy@1",
            "rules": [
                {
                    "when": {
                        "effect_kind": "demo.ask",
                        "cap_name": "may_ask",
                        "cap_type": "demo.ask",
                        "origin_kind": "plan",
                        "origin_name": "demo/plan@1",
                    },
                    "decision": "allow",
                }
            ],
        },
        "secret": {
            "$kind": "defsecret",
            "name": "demo/secret@1",
            "binding_id": "env:X",
            "allowed_caps": ["may_ask"],
            "allowed_plans": ["demo/plan@1"],
        },
        "manifest": {
            "$kind": "manifest",
            "air_version": "1",
            "schemas": [
                {"name": f"demo/{name}@1"}
                for name in ("Go", "Said", "Note", "Count", "Nat", "Event", "How")
            ]
            + [{"name": f"demo/Ask{name}@1"} for name in ("Params", "Receipt")]
            + [{"name": f"sys/Timer{name}@1"} for name in ("Fired", "SetParams", "SetReceipt")],
            "modules": [{"name": "demo/Cells@1"}],
            "plans": [{"name": "demo/plan@1"}],
            "effects": [{"name": "demo/ask@1"}, {"name": "sys/timer.set@1"}],
            "caps": [{"name": "demo/asks@1"}],
            "policies": [{"name": "demo/policy@1"}],
            "secrets": [{"name": "demo/secret@1"}],
            "defaults": {
                "policy": "demo/policy@1",
                "cap_grants": [
                    {"name": "may_ask", "cap": "demo/asks@1", "params": {"most": 3}},
                    {"name": "may_wait", "cap": "sys/timer@1", "params": {"record": {}}},
                ],
            },
            "routing": {
                "events": [
                    {
                        "event": "demo/Event@1",
                        "reducer": "demo/Cells@1",
                        "key_field": "$value.id",
                    },
                    {"event": "sys/TimerFired@1", "reducer": "demo/Cells@1"},
                ],
                "inboxes": [{"source": "mail", "reducer": "demo/Cells@1"}],
            },
            "triggers": [{"event": "demo/Go@1", "plan": "demo/plan@1", "correlate_by": "id"}],
            "module_bindings": {"demo/Cells@1": {"slots": {"clock": "may_wait"}}},
        },
    }


FILES = {"manifest": "air/manifest.json", "plan": "plans/plan.json"}
"""The rest stands in one array, in the order of ``sound``."""


def load(nodes: Nodes) -> Catalog:
    files = {FILES[name]: json.dumps(node) for name, node in nodes.items() if name in FILES}
    files["defs/all.json"] = json.dumps([of for name, of in nodes.items() if name not in FILES])
    return load_files(files, wasm_hash)


def wasm_hash(module: DefModule) -> bytes | None:
    native = module.name.startswith("sys/") or module.name == "demo/Wasmless@1"
    return None if native else b"\x01" * 32


Change = Callable[[Nodes], None]


def changed(*changes: Change) -> Catalog:
    """The sound world with changes, loaded."""
    nodes = sound()
    for change in changes:
        change(nodes)
    return load(nodes)


def put(path: str, value: Any) -> Change:
    """Sets ``node.member[0].member``; a list one longer than the index grows."""

    def change(nodes: Nodes) -> None:
        *parents, last = _parts(path)
        at: Any = nodes
        for part in parents:
            at = at[part]
        if isinstance(at, list) and last == len(at):
            at.append(value)
        else:
            at[last] = value

    return change


def drop(path: str) -> Change:
    def change(nodes: Nodes) -> None:
        *parents, last = _parts(path)
        at: Any = nodes
        for part in parents:
            at = at[part]
        del at[last]

    return change


def _parts(path: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in path.split("/")]


def also(*changes: Change) -> Change:
    def change(nodes: Nodes) -> None:
        for of in changes:
            of(nodes)

    return change


def step(index: int, **fields: Any) -> Change:
    return lambda nodes: nodes["plan"]["steps"][index].update(fields)


def invariant(node: Any) -> Change:
    return put("plan/invariants/1", node)


LOOSE = {
    "$kind": "defmodule",
    "name": "demo/Loose@1",
    "module_kind": "reducer",
    "abi": {"reducer": {"state": "demo/Count@1", "event": "sys/TimerFired@1"}},
}
AGAIN = [
    {"id": "again", "op": "await_receipt", "for": ref("@var:h"), "bind": {"as": "again"}},
    {"from": "got", "to": "again"},
]
GRANT_OF_TIMERS = {"name": "other", "cap": "sys/timer@1", "params": {}}
WASMLESS = {
    "$kind": "defmodule",
    "name": "demo/Wasmless@1",
    "module_kind": "reducer",
    "abi": {"reducer": {"state": "demo/Count@1", "event": "demo/Go@1"}},
}
SECOND_ASK = {**sound()["ask"], "name": "demo/zask@1"}
BESIDE = {"id": "beside", "op": "assign", "expr": ref("@var:got"), "bind": {"as": "beside"}}
AT = "air/manifest.json $."
IN = "plans/plan.json $."
PART = "defs/all.json $"


def deep(levels: int) -> Node:
    of = NAT
    for _ in range(levels):
        of = {"list": of}
    return of


def secretive(alias: str) -> Change:
    """The effect's text may be a secret, and is one."""
    named = {"record": {"alias": {"text": alias}, "version": {"nat": 1}}}
    secret = {"variant": {"tag": "secret", "value": named}}

    def change(nodes: Nodes) -> None:
        nodes["AskParams"]["type"]["record"]["q"] = ref("sys/TextOrSecretRef@1")
        nodes["plan"]["steps"][0]["params"]["record"]["q"] = secret
        nodes["manifest"]["schemas"].append({"name": "sys/TextOrSecretRef@1"})

    return change


# id: (change, severity, code, file and path, a word of the message or the hint)
BROKEN: dict[str, tuple[Change, str, str, str, str]] = {
    # -- check_world
    "a listed name without a node": (
        put("manifest/plans/1", {"name": "demo/plam@1"}),
        "error", "unknown_name", AT + "plans[1].name", "did you mean demo/plan@1?",
    ),
    "a manifest without a version": (
        drop("manifest/air_version"),
        "warning", "no_air_version", AT.removesuffix("."), '"air_version": "1"',
    ),
    "a name listed twice": (
        put("manifest/caps/1", {"name": "demo/asks@1"}),
        "error", "duplicate", AT + "caps[1].name", "twice",
    ),
    "a node that is not listed": (
        drop("manifest/secrets"),
        "warning", "not_listed", PART + "[13]", "secrets",
    ),
    "an unknown schema": (
        put("cells/abi/reducer/state", "demo/Coumt@1"),
        "error", "unknown_schema", PART + "[11].abi.reducer.state", "did you mean demo/Count@1?",
    ),
    "a schema that exists but is not listed": (
        drop("manifest/schemas/8"),
        "error", "unknown_schema", PART + "[9].receipt_schema", "defs/all.json",
    ),
    "an unlisted built-in schema": (
        drop("manifest/schemas/11"),
        "warning", "not_listed", AT + "effects[1]", "sys/TimerSetReceipt@1",
    ),
    "an unknown schema of a local": (
        put("plan/locals/other", "demo/Nope@1"),
        "error", "unknown_schema", IN + "locals.other", "demo/Nope@1",
    ),
    "an unknown event raised": (
        step(3, event="demo/Sayd@1"),
        "error", "unknown_schema", IN + "steps[3].event", "demo/Said@1",
    ),
    "an unlisted schema in a cap": (
        put("asks/schema/record/more", {"option": ref("sys/BlobGetParams@1")}),
        "warning", "not_listed", PART + "[10].schema.record.more.option.ref", "BlobGetParams",
    ),
    "effects assumed": (
        put("manifest/effects", []),
        "warning", "no_effects_listed", AT[:-1], "built-in",
    ),
    "two effects of one kind": (
        also(put("zask", SECOND_ASK), put("manifest/effects/2", {"name": "demo/zask@1"})),
        "error", "duplicate", PART + "[9].kind", "demo/zask@1",
    ),
    "an effect nobody can be granted": (
        put("ask/cap_type", "demo.asc"),
        "warning", "unknown_cap_type", PART + "[9].cap_type", "did you mean demo.ask?",
    ),
    "a reducer without wasm": (
        also(put("wasmless", WASMLESS), put("manifest/modules/1", {"name": "demo/Wasmless@1"})),
        "error", "no_wasm", PART + "[14].wasm_hash", "modules/Wasmless.wasm",
    ),
    "a reducer's unknown effect": (
        put("cells/abi/reducer/effects_emitted/1", "timer.sat"),
        "error", "unknown_effect", PART + "[11].abi.reducer.effects_emitted[1]", "timer.set",
    ),
    "a reducer's unlisted built-in effect": (
        put("cells/abi/reducer/effects_emitted/1", "blob.put"),
        "error", "unknown_effect", PART + "[11].abi.reducer.effects_emitted[1]",
        "list sys/blob.put@1 under effects",
    ),
    "a reducer's effect that is for plans": (
        also(
            put("ask/origin_scope", "plan"),
            put("cells/abi/reducer/effects_emitted/1", "demo.ask"),
        ),
        "error", "origin_scope", PART + "[11].abi.reducer.effects_emitted[1]", "only plans",
    ),
    "a reducer's effect without a grant": (
        also(drop("manifest/defaults/cap_grants/1"), drop("manifest/module_bindings")),
        "warning", "not_granted", PART + "[11].abi.reducer.effects_emitted[0]", "timer",
    ),
    "a reducer's effect with two grants and no slot": (
        also(
            put("manifest/defaults/cap_grants/2", GRANT_OF_TIMERS), drop("manifest/module_bindings")
        ),
        "warning", "not_granted", PART + "[11].abi.reducer.effects_emitted[0]", "module_bindings",
    ),
    "bindings of an unknown module": (
        put("manifest/module_bindings/demo\x00", {}),
        "error", "unknown_reducer", AT + "module_bindings.demo\x00", "unknown reducer",
    ),
    "a binding of an undeclared slot": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clok": "may_wait"}}}),
        "warning", "unknown_slot", AT + "module_bindings.demo/Cells@1.slots.clok", "clock",
    ),
    "a binding to an unknown grant": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clock": "may_wai"}}}),
        "error", "unknown_grant", AT + "module_bindings.demo/Cells@1.slots.clock", "may_wait",
    ),
    "a binding to a grant of another type": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clock": "may_ask"}}}),
        "error", "cap_type", AT + "module_bindings.demo/Cells@1.slots.clock", "timer",
    ),
    "two grants of one name": (
        put("manifest/defaults/cap_grants/2", {**GRANT_OF_TIMERS, "name": "may_wait"}),
        "error", "duplicate", AT + "defaults.cap_grants[2].name", "may_wait",
    ),
    "a grant of an unknown cap": (
        put("manifest/defaults/cap_grants/0/cap", "demo/ask@1"),
        "error", "unknown_cap", AT + "defaults.cap_grants[0].cap", "did you mean demo/asks@1?",
    ),
    "grant params with an unknown field": (
        put("manifest/defaults/cap_grants/0/params", {"must": 3}),
        "error", "bad_literal", AT + "defaults.cap_grants[0].params.must", "did you mean most?",
    ),
    "grant params of another type": (
        put("manifest/defaults/cap_grants/0/params", {"most": "many"}),
        "error", "bad_literal", AT + "defaults.cap_grants[0].params.most", "many",
    ),
    "an unlisted enforcer": (
        put("asks/enforcer", {"module": "sys/CapEnforceHttpOut@1"}),
        "warning", "not_listed", PART + "[10].enforcer.module", "modules",
    ),
    "an unlisted enforcer of a built-in cap": (
        put("manifest/defaults/cap_grants/2", {"name": "w", "cap": "sys/http.out@1", "params": {}}),
        "warning", "not_listed", AT + "modules", "sys/CapEnforceHttpOut@1",
    ),
    "an enforcer that is a reducer": (
        put("asks/enforcer", {"module": "demo/Cells@1"}),
        "warning", "no_enforcer", PART + "[10].enforcer.module", "sys/CapCheckInput@1",
    ),
    "an enforcer that is not run": (
        put("asks/enforcer", {"module": "sys/CapEnforceGovernance@1"}),
        "warning", "not_run", PART + "[10].enforcer.module", "allows nothing",
    ),
    "a context of another kind": (
        put("cells/abi/reducer/context", "demo/Go@1"),
        "error", "unknown_context", PART + "[11].abi.reducer.context", "sys/ReducerContext@1",
    ),
    "an unknown enforcer": (
        put("asks/enforcer", {"module": "demo/Guard@1"}),
        "warning", "unknown_enforcer", PART + "[10].enforcer.module", "allows nothing",
    ),
    "an unknown default policy": (
        put("manifest/defaults/policy", "demo/polisy@1"),
        "error", "unknown_policy", AT + "defaults.policy", "did you mean demo/policy@1?",
    ),
    "a policy of an unknown effect": (
        put("policy/rules/0/when/effect_kind", "demo.asq"),
        "warning", "unknown_effect_kind", PART + "[12].rules[0].when.effect_kind", "demo.ask",
    ),
    "a policy of an unknown cap type": (
        put("policy/rules/0/when/cap_type", "demo.asq"),
        "warning", "unknown_cap_type", PART + "[12].rules[0].when.cap_type", "demo.ask",
    ),
    "a secret that nobody defined": (
        also(
            put("AskParams/type/record/key", ref("sys/TextOrSecretRef@1")),
            put("manifest/schemas/12", {"name": "sys/TextOrSecretRef@1"}),
            put("manifest/schemas/13", {"name": "sys/SecretRef@1"}),
            put(
                "plan/steps/0/params/record/key",
                {
                    "variant": {
                        "tag": "secret",
                        "value": {
                            "record": {"alias": {"text": "demo/secret"}, "version": {"nat": 2}}
                        },
                    }
                },
            ),
        ),
        "warning", "unknown_secret", IN + "steps[0].params.record.key.variant",
        "did you mean demo/secret@1?",
    ),
    "a secret of an unknown grant": (
        put("secret/allowed_caps/1", "may_asq"),
        "warning", "unknown_name", PART + "[13].allowed_caps[1]", "may_ask",
    ),
    "a route to an unknown reducer": (
        put("manifest/routing/events/0/reducer", "demo/Cell@1"),
        "error", "unknown_reducer", AT + "routing.events[0].reducer", "demo/Cells@1",
    ),
    "a route to a pure module": (
        put("manifest/routing/events/0/reducer", "sys/CapEnforceHttpOut@1"),
        "error", "unknown_reducer", AT + "routing.events[0].reducer", "no reducer",
    ),
    "a route of an event that is no member": (
        put("manifest/routing/events/2", {"event": "demo/Go@1", "reducer": "demo/Cells@1"}),
        "error", "wrong_event", AT + "routing.events[2].event", "route demo/Event@1",
    ),
    "a keyed reducer without key_field": (
        drop("manifest/routing/events/0/key_field"),
        "error", "key_field", AT + "routing.events[0]", "keyed",
    ),
    "a key_field that is not in the event": (
        put("manifest/routing/events/0/key_field", "$value.idd"),
        "error", "key_field", AT + "routing.events[0].key_field", "did you mean id?",
    ),
    "an unkeyed reducer with key_field": (
        drop("cells/key_schema"),
        "error", "key_field", AT + "routing.events[0].key_field", "not keyed",
    ),
    "a reducer that never gets its receipts": (
        drop("manifest/routing/events/1"),
        "warning", "no_receipt_route", PART + "[11].abi.reducer.effects_emitted[0]", "TimerFired",
    ),
    "a receipt event for keyed and unkeyed reducers": (
        also(
            put("loose", LOOSE),
            put("manifest/modules/1", {"name": "demo/Loose@1"}),
            put(
                "manifest/routing/events/2",
                {"event": "sys/TimerFired@1", "reducer": "demo/Loose@1"},
            ),
        ),
        "error", "mixed_receipts", AT + "routing.events", "demo/Loose@1, which is not",
    ),
    "an inbox of an unknown reducer": (
        put("manifest/routing/inboxes/0/reducer", "demo/Cell@1"),
        "error", "unknown_reducer", AT + "routing.inboxes[0].reducer", "demo/Cells@1",
    ),
    "a trigger of an unknown plan": (
        put("manifest/triggers/0/plan", "demo/plam@1"),
        "error", "unknown_plan", AT + "triggers[0].plan", "did you mean demo/plan@1?",
    ),
    "a trigger whose event is not the plan's input": (
        put("manifest/triggers/0/event", "demo/Said@1"),
        "error", "wrong_event", AT + "triggers[0].event", "takes demo/Go@1",
    ),
    "a trigger of an unknown event": (
        put("manifest/triggers/0/event", "demo/Goo@1"),
        "error", "unknown_schema", AT + "triggers[0].event", "did you mean demo/Go@1?",
    ),
    "a trigger given twice": (
        put("manifest/triggers/1", {"event": "demo/Go@1", "plan": "demo/plan@1"}),
        "error", "duplicate", AT + "triggers[1]", "demo/plan@1",
    ),
    "a correlation by a field that is not there": (
        put("manifest/triggers/0/correlate_by", "idd"),
        "warning", "correlate_by", AT + "triggers[0].correlate_by", "did you mean id?",
    ),
    "types in a circle": (
        put("How/type/variant/Slow", ref("demo/AskParams@1")),
        "error", "cyclic_type", PART + "[7].type.variant.Slow.ref",
        "demo/AskParams@1 -> demo/How@1 -> demo/AskParams@1",
    ),
    "a type that is too deep": (
        put("How/type/variant/Slow", deep(140)),
        "error", "too_large", PART + "[7].type", "levels",
    ),
    "a secret that nothing binds": (
        put("secret/binding_id", "vault:X"),
        "warning", "bad_binding", PART + "[13].binding_id", "env:NAME",
    ),
    # -- check_plans
    "a secret that is for others": (
        also(secretive("demo/secret"), put("secret/allowed_plans", ["demo/other@1"])),
        "warning", "secret_denied", IN + "steps[0].params.record.q", "demo/other@1",
    ),
    # -- as authored
    "a member that nobody knows": (
        also(drop("plan/invariants"), put("plan/invariant", [])),
        "warning", "unknown_member", IN + "invariant", "did you mean invariants?",
    ),
    "a step's member of another op": (
        step(2, where={"bool": True}),
        "warning", "unknown_member", IN + "steps[2].where", "dropped",
    ),
    "two steps of one id": (
        put("plan/steps/6", {"id": "end", "op": "end", "result": {"n": 1}}),
        "error", "duplicate", IN + "steps[6].id", "end",
    ),
    "an edge to nowhere": (
        put("plan/edges/4/to", "ent"),
        "error", "unknown_step", IN + "edges[4].to", "did you mean end?",
    ),
    "an edge given twice": (
        put("plan/edges/5", {"from": "ask", "to": "got", "when": {"bool": True}}),
        "error", "duplicate", IN + "edges[5]", "guards",
    ),
    "a cycle": (
        put("plan/edges/5", {"from": "say", "to": "count"}),
        "error", "cycle", IN + "edges[5]", "count -> say -> count",
    ),
    "an edge to its own step": (
        put("plan/edges/5", {"from": "say", "to": "say"}),
        "error", "cycle", IN + "edges[5]", "say -> say",
    ),
    "a guard that does not parse": (
        put("plan/edges/1/when", {"op": "equals", "args": []}),
        "error", "bad_expression", IN + "edges[1].when.op", "unknown operator",
    ),
    "an operator that is misspelt": (
        put("plan/edges/1/when/op", "equ"),
        "error", "bad_expression", IN + "edges[1].when.op", "did you mean eq?",
    ),
    "a reference that is misspelt": (
        put("plan/edges/1/when/args/0/ref", "@vra:got.n"),
        "error", "bad_expression", IN + "edges[1].when.args[0].ref", "did you mean @var:?",
    ),
    "a where that is no expression": (
        step(4, where="always"),
        "error", "bad_expression", IN + "steps[4].where", "expected an expression",
    ),
    "an input path that is not there": (
        put("plan/steps/0/params/record/q/ref", "@plan.input.whom"),
        "error", "unknown_field", IN + "steps[0].params.record.q.ref", "did you mean who?",
    ),
    "an event path that is not there": (
        put("plan/steps/4/where/args/0/ref", "@event.idd"),
        "error", "unknown_field", IN + "steps[4].where.args[0].ref", "did you mean id?",
    ),
    "a path into a handle": (
        put("plan/steps/3/value/record/what/ref", "@var:h.intent"),
        "error", "unknown_field", IN + "steps[3].value.record.what.ref", "'intent'",
    ),
    "a field of an emit's value": (
        put("plan/steps/3/value/record/what/ref", "@step:ask.handles"),
        "error", "unknown_field", IN + "steps[3].value.record.what.ref", "did you mean handle?",
    ),
    "a path of a typed local": (
        put("plan/steps/3/value/record/id/ref", "@step:count.m"),
        "error", "unknown_field", IN + "steps[3].value.record.id.ref", "known: n",
    ),
    "an unbound variable": (
        put("plan/steps/2/expr/record/n/ref", "@var:gott.n"),
        "error", "unknown_variable", IN + "steps[2].expr.record.n.ref", "did you mean got?",
    ),
    "a variable read before it is bound": (
        put("plan/steps/0/params/record/q/ref", "@var:got.q"),
        "error", "bound_later", IN + "steps[0].params.record.q.ref", "before got",
    ),
    "a variable of a step beside": (
        put("plan/steps/6", BESIDE),
        "warning", "perhaps_unbound", IN + "steps[6].expr.ref", "an edge from got to beside",
    ),
    "an unknown step": (
        put("plan/steps/3/value/record/id/ref", "@step:cound.n"),
        "error", "unknown_step", IN + "steps[3].value.record.id.ref", "did you mean count?",
    ),
    "a step that is no ancestor": (
        put("plan/steps/2/expr/record/n/ref", "@step:heard.id"),
        "error", "not_an_ancestor", IN + "steps[2].expr.record.n.ref", "does not come after",
    ),
    "an event in an invariant": (
        invariant({"op": "eq", "args": [ref("@event.id"), {"nat": 1}]}),
        "error", "event_reference", IN + "invariants[1].args[0].ref", "await_event",
    ),
    "an event in a guard": (
        put("plan/edges/4/when", ref("@event")),
        "error", "event_reference", IN + "edges[4].when.ref", "await_event",
    ),
    "a field too many": (
        put("plan/steps/0/params/record/hou", {"text": "x"}),
        "error", "bad_literal", IN + "steps[0].params.record.hou", "did you mean how?",
    ),
    "a field too few": (
        drop("plan/steps/3/value/record/id"),
        "error", "bad_literal", IN + "steps[3].value.record", "'id' is missing",
    ),
    "an unknown tag": (
        put("plan/steps/0/params/record/how/variant/tag", "Slaw"),
        "error", "bad_literal", IN + "steps[0].params.record.how.variant.tag", "Slow",
    ),
    "a constant out of range": (
        put("plan/steps/0/params/record/how/variant/value", {"int": -3}),
        "error", "bad_literal", IN + "steps[0].params.record.how.variant.value", "range",
    ),
    "a constant of another type": (
        step(5, result={"record": {"n": {"text": "x"}}}),
        "error", "bad_literal", IN + "steps[5].result.record.n", "expected nat",
    ),
    "a constant with a variant that does not fit": (
        step(0, params={"record": {"q": {"nat": 1}, "how": {"variant": {"tag": "Fast"}}}}),
        "error", "bad_literal", IN + "steps[0].params", "expected text",
    ),
    "an idempotency key that is no hash": (
        step(0, idempotency_key={"text": "once"}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "64 hex digits",
    ),
    "an idempotency key of another kind": (
        step(0, idempotency_key={"nat": 5}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "nat is not a hash",
    ),
    "an idempotency key of too few bytes": (
        step(0, idempotency_key={"bytes_b64": "AAAA"}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "3 bytes",
    ),
    "a receipt awaited twice": (
        also(put("plan/steps/6", AGAIN[0]), put("plan/edges/5", AGAIN[1])),
        "warning", "awaited_twice", IN + "steps[6].for", "@var:got",
    ),
    "an await of what is no handle": (
        put("plan/steps/1/for/ref", "@var:correlation_id"),
        "error", "not_a_handle", IN + "steps[1].for", "known: h",
    ),
    "an await of a handle's text that nobody binds": (
        step(1, **{"for": {"text": "hh"}}),
        "error", "not_a_handle", IN + "steps[1].for", "did you mean h?",
    ),
    "an unknown effect": (
        put("plan/steps/0/kind", "demo.asq"),
        "error", "unknown_effect", IN + "steps[0].kind", "did you mean demo.ask?",
    ),
    "an effect that is for reducers": (
        put("ask/origin_scope", "reducer"),
        "error", "origin_scope", IN + "steps[0].kind", "only reducers",
    ),
    "an unknown grant": (
        put("plan/steps/0/cap", "may_asc"),
        "error", "unknown_grant", IN + "steps[0].cap", "did you mean may_ask?",
    ),
    "a grant of another type": (
        put("plan/steps/0/cap", "may_wait"),
        "error", "cap_type", IN + "steps[0].cap", "needs demo.ask",
    ),
    "other required caps": (
        put("plan/required_caps/1", "may_wait"),
        "error", "derived_set", IN + "required_caps", "its steps use may_ask",
    ),
    "other allowed effects": (
        put("plan/allowed_effects", ["timer.set"]),
        "error", "derived_set", IN + "allowed_effects", "its steps use demo.ask",
    ),
    "no result for an output": (
        drop("plan/steps/5/result"),
        "error", "end_result", IN + "steps[5]", "demo/Count@1",
    ),
    "a result without an output": (
        drop("plan/output"),
        "error", "end_result", IN + "steps[5].result", "declares no output",
    ),
    "a correlated plan that takes any event": (
        put("plan/steps/4/where", {"op": "eq", "args": [ref("@event.id"), ref("@plan.input.id")]}),
        "error", "uncorrelated", IN + "steps[4]", "@var:correlation_id",
    ),
}  # fmt: skip

FINE: dict[str, Change] = {
    "an unknown member of a receipt": put("plan/steps/2/expr/record/n/ref", "@var:got.more.of.it"),
    "a map's item by its key": also(
        put("plan/input", "demo/Note@1"),
        put("manifest/triggers/0/event", "demo/Note@1"),
        put("plan/steps/0/params/record/q/ref", "@plan.input.tags.any"),
    ),
    "an option's value": put("plan/steps/0/params/record/q/ref", "@plan.input.note"),
    "the earlier name of the input": put("plan/steps/0/params/record/q/ref", "@input.who"),
    "a handle asked for anew and awaited again": also(
        put("plan/steps/6", AGAIN[0]),
        lambda nodes: nodes["plan"]["steps"].append({**nodes["plan"]["steps"][0], "id": "anew"}),
        put("plan/edges/5", {"from": "got", "to": "anew"}),
        put("plan/edges/6", {"from": "anew", "to": "again"}),
    ),
    "a handle by its step": put("plan/steps/1/for/ref", "@step:ask.handle"),
    "a handle by its name": step(1, **{"for": {"text": "h"}}),
    "32 bytes as idempotency key": step(0, idempotency_key={"bytes_b64": "A" * 43 + "="}),
    "a literal instead of an expression": step(5, result={"n": 4}),
    "a variant literal": step(0, params={"q": "x", "how": {"Slow": 4}}),
    "numbers of another kind": step(5, result={"record": {"n": {"int": 4}}}),
    "an unlisted built-in cap": put("manifest/caps", [{"name": "demo/asks@1"}]),
    "sets left out": also(drop("plan/required_caps"), drop("plan/allowed_effects")),
    "a native module without wasm": put("manifest/modules/1", {"name": "sys/Workspace@1"}),
    "a slot named default": put(
        "manifest/module_bindings", {"demo/Cells@1": {"slots": {"default": "may_wait"}}}
    ),
    "a reference inside an invariant": invariant(
        {"op": "ge", "args": [ref("@var:count.n"), {"nat": 0}]}
    ),
}
