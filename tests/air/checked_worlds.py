"""A small world that uses all that ``check`` looks at, and how it is changed."""

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


AGAIN = [
    {"id": "again", "op": "await_receipt", "for": ref("@var:h"), "bind": {"as": "again"}},
    {"from": "got", "to": "again"},
]
AT = "air/manifest.json $."
IN = "plans/plan.json $."
PART = "defs/all.json $"
