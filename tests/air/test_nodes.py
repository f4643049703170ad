"""Nodes: what the typed form keeps and drops (B-3), names, and what parsing refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.manifest import Manifest
from aos_core.air.nodes import DefPlan, node_bytes, node_hash, parse_node
from aos_core.air.types import parse_type
from aos_core.errors import AirError

ZERO = "sha256:" + "0" * 64
ONE = "sha256:" + "1" * 64
NAT: dict[str, Any] = {"nat": {}}

SCHEMA = {"$kind": "defschema", "name": "t/S@1", "type": NAT}
REDUCER = {
    "$kind": "defmodule",
    "name": "t/R@1",
    "module_kind": "reducer",
    "wasm_hash": ONE,
    "abi": {"reducer": {"state": "t/S@1", "event": "t/E@1"}},
}
PURE = {
    "$kind": "defmodule",
    "name": "t/F@1",
    "module_kind": "pure",
    "wasm_hash": ONE,
    "abi": {"pure": {"input": "t/S@1", "output": "t/S@1"}},
}
PLAN = {"$kind": "defplan", "name": "t/p@1", "input": "t/S@1", "steps": []}
CAP = {"$kind": "defcap", "name": "t/c@1", "cap_type": "c", "schema": {"record": {}}}
CAP_TYPED = {**CAP, "enforcer": {"module": "sys/CapAllowAll@1"}}
EFFECT = {
    "$kind": "defeffect",
    "name": "t/e@1",
    "kind": "e",
    "params_schema": "t/S@1",
    "receipt_schema": "t/S@1",
    "cap_type": "c",
    "origin_scope": "both",
}
POLICY = {"$kind": "defpolicy", "name": "t/po@1", "rules": []}
SECRET = {"$kind": "defsecret", "name": "t/s@1", "binding_id": "env:X"}
MANIFEST = {
    "$kind": "manifest",
    "air_version": "1",
    "schemas": [],
    "modules": [],
    "plans": [],
    "caps": [],
    "policies": [],
}
MANIFEST_TYPED = {name: of for name, of in MANIFEST.items() if name != "$kind"}
NODES = [SCHEMA, REDUCER, PURE, PLAN, CAP_TYPED, EFFECT, POLICY, SECRET]


def typed(node: dict[str, Any], **more: Any) -> dict[str, Any]:
    return parse_node(node | more).to_json()


def step(op: str, **fields: Any) -> dict[str, Any]:
    return {"id": "s", "op": op} | fields


def emit(cap: str, kind: str) -> dict[str, Any]:
    bind = {"effect_id_as": "h"}
    return step("emit_effect", kind=kind, params={"null": {}}, cap=cap, bind=bind)


def reducer(**more: Any) -> dict[str, Any]:
    return {"reducer": REDUCER["abi"]["reducer"] | more}  # type: ignore[index]


@pytest.mark.parametrize("node", NODES, ids=lambda node: str(node["name"]))
def test_the_least_form_is_typed_as_itself(node: dict[str, Any]) -> None:
    assert typed(node) == node
    assert typed(node, **{"$comment": "x", "unknown": 1}) == node


KEPT: list[tuple[dict[str, Any], str, Any, Any]] = [
    # node, field, authored, typed (None: dropped)
    (REDUCER, "key_schema", "t/K@1", "t/K@1"),
    (REDUCER, "key_schema", None, None),
    (REDUCER, "wasm_hash", "", ZERO),
    (REDUCER, "wasm_hash", "sha256", ZERO),
    (REDUCER, "wasm_hash", "sha256:", ZERO),
    (REDUCER, "wasm_hash", None, ZERO),
    (REDUCER, "abi", reducer(effects_emitted=[], cap_slots={}), reducer()),
    (REDUCER, "abi", reducer(context=None), reducer()),
    (
        REDUCER,
        "abi",
        reducer(context="t/C@1", annotations="t/A@1"),
        reducer(context="t/C@1", annotations="t/A@1"),
    ),
    (REDUCER, "abi", reducer(effects_emitted=["b", "a"]), reducer(effects_emitted=["b", "a"])),
    (REDUCER, "abi", reducer(cap_slots={"default": "c"}), reducer(cap_slots={"default": "c"})),
    (REDUCER, "abi", reducer(more=1), reducer()),
    (
        PURE,
        "abi",
        {"pure": {"input": "t/I@1", "output": "t/O@1", "context": "t/C@1"}},
        {"pure": {"input": "t/I@1", "output": "t/O@1", "context": "t/C@1"}},
    ),
    (PLAN, "output", "t/S@1", "t/S@1"),
    (PLAN, "output", None, None),
    (PLAN, "locals", {}, None),
    (PLAN, "locals", {"a": "t/S@1", "$comment": "x"}, {"a": "t/S@1"}),
    (PLAN, "edges", [], None),
    (PLAN, "edges", [{"from": "a", "to": "b", "x": 1}], [{"from": "a", "to": "b"}]),
    (PLAN, "edges", [{"from": "a", "to": "b", "when": None}], [{"from": "a", "to": "b"}]),
    (
        PLAN,
        "edges",
        [{"from": "a", "to": "b", "when": {"bool": True, "x": 1}}],
        [{"from": "a", "to": "b", "when": {"bool": True, "x": 1}}],
    ),
    (PLAN, "required_caps", [], None),
    (PLAN, "required_caps", ["b", "aa", "b"], ["aa", "b"]),
    (PLAN, "allowed_effects", ["b", "aa", "b"], ["aa", "b"]),
    (PLAN, "invariants", [], None),
    (PLAN, "invariants", [{"bool": True, "x": 1}], [{"bool": True, "x": 1}]),
    (CAP, "enforcer", None, {"module": "sys/CapAllowAll@1"}),
    (CAP, "enforcer", {}, {"module": "sys/CapAllowAll@1"}),
    (CAP, "enforcer", {"module": "t/F@1", "x": 1}, {"module": "t/F@1"}),
    (POLICY, "rules", [{"decision": "deny"}], [{"when": {}, "decision": "deny"}]),
    (POLICY, "rules", [{"when": {}, "decision": "allow"}], [{"when": {}, "decision": "allow"}]),
    (
        POLICY,
        "rules",
        [{"when": {"cap_name": "c"}, "decision": "allow", "x": 1}],
        [{"when": {"cap_name": "c"}, "decision": "allow"}],
    ),
    (SECRET, "expected_digest", ONE, ONE),
    (SECRET, "expected_digest", None, None),
    (SECRET, "allowed_caps", [], None),
    (SECRET, "allowed_caps", ["b", "a"], ["b", "a"]),
    (SECRET, "allowed_plans", [], None),
    (SECRET, "allowed_plans", ["t/p@1"], ["t/p@1"]),
    (
        MANIFEST,
        "schemas",
        [{"name": "t/S@1", "hash": ONE, "x": 1}],
        [{"name": "t/S@1", "hash": ONE}],
    ),
    (MANIFEST, "schemas", [{"name": "t/S@1", "hash": ZERO}], [{"name": "t/S@1"}]),
    (MANIFEST, "effects", [], None),
    (MANIFEST, "effects", [{"name": "t/e@1"}], [{"name": "t/e@1"}]),
    (MANIFEST, "secrets", [], None),
    (MANIFEST, "secrets", [{"name": "t/s@1"}], [{"name": "t/s@1"}]),
    (MANIFEST, "triggers", [], None),
    (
        MANIFEST,
        "triggers",
        [{"event": "t/E@1", "plan": "t/p@1", "correlate_by": None}],
        [{"event": "t/E@1", "plan": "t/p@1"}],
    ),
    (
        MANIFEST,
        "triggers",
        [{"event": "t/E@1", "plan": "t/p@1", "correlate_by": "id"}],
        [{"event": "t/E@1", "plan": "t/p@1", "correlate_by": "id"}],
    ),
    (MANIFEST, "module_bindings", {}, None),
    (MANIFEST, "module_bindings", {"t/R@1": {"slots": {}}}, {"t/R@1": {}}),
    (
        MANIFEST,
        "module_bindings",
        {"t/R@1": {"slots": {"default": "g"}}},
        {"t/R@1": {"slots": {"default": "g"}}},
    ),
    (MANIFEST, "defaults", None, None),
    (MANIFEST, "defaults", {}, {}),
    (MANIFEST, "defaults", {"policy": None, "cap_grants": []}, {}),
    (MANIFEST, "defaults", {"policy": "t/po@1"}, {"policy": "t/po@1"}),
    (
        MANIFEST,
        "defaults",
        {"cap_grants": [{"name": "g", "cap": "t/c@1", "params": {"b": 1, "a": 2}, "expiry_ns": 0}]},
        {"cap_grants": [{"name": "g", "cap": "t/c@1", "params": {"b": 1, "a": 2}, "expiry_ns": 0}]},
    ),
    (
        MANIFEST,
        "defaults",
        {"cap_grants": [{"name": "g", "cap": "t/c@1", "params": {}, "expiry_ns": None}]},
        {"cap_grants": [{"name": "g", "cap": "t/c@1", "params": {}}]},
    ),
    (MANIFEST, "routing", None, None),
    (MANIFEST, "routing", {}, {}),
    (MANIFEST, "routing", {"events": [], "inboxes": []}, {}),
    (
        MANIFEST,
        "routing",
        {"events": [{"event": "t/E@1", "reducer": "t/R@1", "x": 1}]},
        {"events": [{"event": "t/E@1", "reducer": "t/R@1"}]},
    ),
    (
        MANIFEST,
        "routing",
        {"events": [{"event": "t/E@1", "reducer": "t/R@1", "key_field": "id"}]},
        {"events": [{"event": "t/E@1", "reducer": "t/R@1", "key_field": "id"}]},
    ),
    (
        MANIFEST,
        "routing",
        {"inboxes": [{"source": "in", "reducer": "t/R@1"}]},
        {"inboxes": [{"source": "in", "reducer": "t/R@1"}]},
    ),
]


@pytest.mark.parametrize(("node", "field", "authored", "kept"), KEPT)
def test_what_is_kept_and_what_is_dropped(
    node: dict[str, Any], field: str, authored: Any, kept: Any
) -> None:
    found = typed(node, **{field: authored})
    least = MANIFEST_TYPED if node is MANIFEST else typed(node)
    others = {name: of for name, of in least.items() if name != field}
    assert found == others | ({} if kept is None else {field: kept})


def test_the_typed_form_of_a_manifest_is_hashed_without_its_kind() -> None:
    assert typed(MANIFEST) == MANIFEST_TYPED
    bare = parse_node({"$kind": "manifest"})
    assert bare.to_json() == MANIFEST_TYPED, "earlier authoring: no air_version"
    assert node_bytes(bare) == canon.encode(MANIFEST_TYPED)


def test_three_rules_of_what_is_hashed() -> None:
    """B-3, B-5."""
    assert node_bytes(parse_node(SCHEMA)) == canon.encode(SCHEMA)
    assert node_hash(parse_node(SCHEMA)) == canon.digest(SCHEMA)
    builtin = SCHEMA | {"name": "sys/S@1"}
    assert b"$kind" not in node_bytes(parse_node(builtin))
    assert b"$kind" in node_bytes(parse_node(REDUCER | {"name": "sys/R@1"}))


@pytest.mark.parametrize("node", [*NODES, MANIFEST], ids=lambda node: str(node["$kind"]))
def test_the_hash_survives_parsing_the_typed_form(node: dict[str, Any]) -> None:
    once = parse_node(node)
    again = parse_node({"$kind": node["$kind"]} | canon.decode(node_bytes(once)))
    assert node_hash(again) == node_hash(once)
    assert again == once


def test_the_typed_form_of_a_published_plan(reference: Callable[[str], Any]) -> None:
    (vector,) = reference("test-vectors/plans.json")
    assert vector["label"] == "defplan_min_end"
    node = parse_node(vector["json"])
    assert node_bytes(node).hex() == (
        "d9d9f7a4646e616d656f636f6d2e61636d652f506c616e403165246b696e6467646566706c616e65696e7075"
        "7470636f6d2e61636d652f506f696e74403165737465707381a262696463656e64626f7063656e64"
    )
    digest = "2eb9a105df863b26e66657a7efbfa37cf961082cb96591c7f1cad187b53a401d"
    assert node_hash(node).hex() == digest


def test_the_typed_form_of_the_least_plan_that_ends() -> None:
    node = {
        "$kind": "defplan",
        "name": "com.acme/Plan@1",
        "input": "com.acme/Point@1",
        "steps": [{"id": "end", "op": "end"}],
        "edges": [],
        "required_caps": [],
        "allowed_effects": [],
    }
    digest = "2eb9a105df863b26e66657a7efbfa37cf961082cb96591c7f1cad187b53a401d"
    assert node_hash(parse_node(node)).hex() == digest


# Types


@pytest.mark.parametrize(
    ("authored", "kept"),
    [
        ({"text": {}, "$comment": "x"}, {"text": {}}),
        ({"text": {"max": 5}}, {"text": {}}),
        ({"record": {"$comment": "x", "a": {"nat": {}, "b": 1}}}, {"record": {"a": NAT}}),
        ({"variant": {"$comment": "x", "A": {"unit": None}}}, {"variant": {"A": {"unit": {}}}}),
        ({"record": {}}, {"record": {}}),
        ({"variant": {}}, {"variant": {}}),
        ({"map": {"key": NAT, "value": NAT, "x": 1}}, {"map": {"key": NAT, "value": NAT}}),
        ({"option": {"ref": "t/S@1", "x": 1}}, {"option": {"ref": "t/S@1"}}),
        ({"list": NAT, "set": NAT}, {"list": NAT}),
        ({"ref": "t/S@1", "option": NAT}, {"option": NAT}),
        ({"record": {}, "unit": {}}, {"unit": {}}),
        ({"uuid": {}, "bool": {}}, {"bool": {}}),
    ],
)
def test_the_typed_form_of_types(authored: Any, kept: Any) -> None:
    assert parse_type(authored).to_json() == kept


@pytest.mark.parametrize(
    ("node", "path"),
    [
        (5, "$"),
        ({}, "$"),
        ({"number": {}}, "$"),
        ({"record": []}, "$.record"),
        ({"record": {"a": 5}}, "$.record.a"),
        ({"list": {}}, "$.list"),
        ({"variant": {"A": {"x": {}}}}, "$.variant.A"),
        ({"map": {"key": NAT}}, "$.map"),
        ({"map": {"key": {"bytes": {}}, "value": NAT}}, "$.map.key"),
        ({"map": {"key": {"ref": "t/S@1"}, "value": NAT}}, "$.map.key"),
        ({"ref": 5}, "$.ref"),
    ],
)
def test_what_is_no_type_names_its_place(node: Any, path: str) -> None:
    with pytest.raises(AirError) as caught:
        parse_type(node)
    assert caught.value.where["path"] == path


# Steps


@pytest.mark.parametrize(
    ("authored", "kept"),
    [
        (step("end", result=None), step("end")),
        (step("end", result={"x": 1}, note="x"), step("end", result={"x": 1})),
        (
            step("assign", expr={"nat": 1, "x": 1}, bind={"var": "v"}),
            step("assign", expr={"nat": 1, "x": 1}, bind={"as": "v"}),
        ),
        (
            step("await_event", event="t/E@1", bind={"as": "v", "x": 1}, where=None),
            step("await_event", event="t/E@1", bind={"as": "v"}),
        ),
        (
            step("await_receipt", bind={"as": "v"}, **{"for": {"ref": "@var:h", "x": 1}}),
            step("await_receipt", bind={"as": "v"}, **{"for": {"ref": "@var:h", "x": 1}}),
        ),
        (emit("c", "e") | {"idempotency_key": None}, emit("c", "e")),
        (emit("c", "e") | {"idempotency_key": "k"}, emit("c", "e") | {"idempotency_key": "k"}),
        (step("raise_event", event="t/E@1", value=1), step("raise_event", event="t/E@1", value=1)),
    ],
)
def test_steps_keep_their_own_fields_only(authored: Any, kept: Any) -> None:
    assert typed(PLAN, steps=[authored])["steps"] == [kept]


def test_derived_sets_are_filled_sorted_by_bytes() -> None:
    steps = [emit("b", "x.y"), emit("aa", "x"), emit("Z", "x")]
    found = typed(PLAN, steps=steps)
    assert found["required_caps"] == ["Z", "aa", "b"]
    assert found["allowed_effects"] == ["x", "x.y"]
    node = parse_node(PLAN | {"steps": steps, "required_caps": ["b"]})
    assert isinstance(node, DefPlan)
    assert node.to_json()["required_caps"] == ["b"], "given ones stand as they are"
    assert node.derived("cap") == ("Z", "aa", "b")


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        (5, "$.steps[0]"),
        ({"op": "end"}, "$.steps[0]"),
        (step("jump"), "$.steps[0].op"),
        (step("assign", bind={"as": "v"}), "$.steps[0]"),
        (step("assign", expr=1, bind={}), "$.steps[0].bind"),
        (step("assign", expr=1, bind={"as": 5}), "$.steps[0].bind.as"),
        (emit("c", "e") | {"bind": {"as": "h"}}, "$.steps[0].bind"),
        (emit("c", "e") | {"cap": 5}, "$.steps[0].cap"),
        (step("raise_event", event=5, value=1), "$.steps[0].event"),
    ],
)
def test_bad_steps_name_their_place(bad: Any, path: str) -> None:
    with pytest.raises(AirError) as caught:
        parse_node(PLAN | {"steps": [bad]})
    assert caught.value.where["path"] == path


# What parsing refuses


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ([], "$"),
        ({}, "$"),
        ({"$kind": "defthing", "name": "t/S@1"}, "$.$kind"),
        ({"$kind": []}, "$.$kind"),
        (SCHEMA | {"name": "S@1"}, "$.name"),
        ({"$kind": "defschema", "name": "t/S@1"}, "$"),
        (REDUCER | {"module_kind": "pure"}, "$.abi"),
        (REDUCER | {"module_kind": "other"}, "$.module_kind"),
        (REDUCER | {"wasm_hash": "sha256:xyz"}, "$.wasm_hash"),
        (REDUCER | {"abi": {"reducer": {"state": "t/S@1"}}}, "$.abi.reducer"),
        (REDUCER | {"abi": reducer(cap_slots={"a": 1})}, "$.abi.reducer.cap_slots.a"),
        (REDUCER | {"abi": reducer(effects_emitted=["a", 1])}, "$.abi.reducer.effects_emitted[1]"),
        (PLAN | {"locals": {"a": 1}}, "$.locals.a"),
        (PLAN | {"edges": {}}, "$.edges"),
        (PLAN | {"edges": [{"from": "a"}]}, "$.edges[0]"),
        (PLAN | {"required_caps": [1]}, "$.required_caps[0]"),
        (CAP | {"enforcer": {"module": 5}}, "$.enforcer.module"),
        (CAP | {"enforcer": "t/F@1"}, "$.enforcer"),
        (EFFECT | {"origin_scope": "host"}, "$.origin_scope"),
        (
            POLICY | {"rules": [{"when": {"host": "x"}, "decision": "allow"}]},
            "$.rules[0].when.host",
        ),
        (POLICY | {"rules": [{"decision": "maybe"}]}, "$.rules[0].decision"),
        (SECRET | {"binding_id": 5}, "$.binding_id"),
        (MANIFEST | {"air_version": "2"}, "$.air_version"),
        (MANIFEST | {"schemas": {}}, "$.schemas"),
        (MANIFEST | {"schemas": [{"name": "t/S@1", "hash": "abc"}]}, "$.schemas[0].hash"),
        (MANIFEST | {"secrets": [{"alias": "a", "version": 1, "binding_id": "x"}]}, "$.secrets[0]"),
        (MANIFEST | {"module_bindings": {"t/R@1": 5}}, "$.module_bindings.t/R@1"),
        (MANIFEST | {"routing": {"events": [{"event": "t/E@1"}]}}, "$.routing.events[0]"),
        (
            MANIFEST | {"defaults": {"cap_grants": [{"name": "g", "cap": "c"}]}},
            "$.defaults.cap_grants[0]",
        ),
        (
            MANIFEST
            | {
                "defaults": {
                    "cap_grants": [{"name": "g", "cap": "c", "params": 1, "expiry_ns": -1}]
                }
            },
            "$.defaults.cap_grants[0].expiry_ns",
        ),
    ],
)
def test_what_is_no_node_names_its_place(node: Any, path: str) -> None:
    with pytest.raises(AirError) as caught:
        parse_node(node)
    assert caught.value.where["path"] == path


@pytest.mark.parametrize("name", ["t/S@1", "a.b-c_1/S.x_y-2@10", "com.acme/Plan@1", "t/s@9"])
def test_names(name: str) -> None:
    """B-6."""
    assert parse_node(SCHEMA | {"name": name})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "S@1",
        "t/S",
        "t/S@0",
        "t/S@01",
        "t/S@-1",
        "t/S@1\n",
        "T/S@1",
        "1/S@1",
        "t/1S@1",
        "t//S@1",
        "t/S@1@2",
        "t/S @1",
        "t/é@1",
    ],
)
def test_what_is_no_name(name: str) -> None:
    """B-6."""
    with pytest.raises(AirError, match=r"is not a name|not an empty one"):
        parse_node(SCHEMA | {"name": name})


def test_a_manifest_lists_nodes_by_kind() -> None:
    node = parse_node(MANIFEST | {"plans": [{"name": "t/p@1"}]})
    assert isinstance(node, Manifest)
    assert [ref.name for ref in node.refs["plans"]] == ["t/p@1"]
    assert set(Manifest.LISTS) == set(node.refs)


def test_an_empty_text_names_nothing() -> None:
    manifest = {"$kind": "manifest", "air_version": "1", "schemas": [{"name": ""}]}
    with pytest.raises(AirError, match="not an empty one") as refused:
        parse_node(manifest)
    assert refused.value.where["path"] == "$.schemas[0].name"
