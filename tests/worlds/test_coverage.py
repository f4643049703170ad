"""The apiary's JSON uses every part of the language of AIR at least once: it is walked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aos_core.air import expr
from aos_core.air.load import builtin_nodes
from aos_core.air.nodes import DefEffect, DefPlan
from aos_core.air.operators import OPERATORS
from aos_core.air.types import MAP_KEYS, PRIMITIVES
from aos_core.files import WorldFiles
from tests.worlds.apiary import PATH

Node = dict[str, Any]


def nodes() -> dict[str, Node]:
    """Every node by kind and name."""
    found = {}
    for file in sorted(PATH.rglob("*.air.json")):
        document = json.loads(file.read_text("utf-8"))
        for node in document if isinstance(document, list) else [document]:
            found[f"{node['$kind']} {node.get('name')}"] = node
    return found


NODES = nodes()
PLANS = [node for node in NODES.values() if node["$kind"] == "defplan"]
MANIFEST = NODES["manifest None"]


def objects(node: Any) -> Iterator[Node]:
    """Every JSON object in ``node``, itself too."""
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node:
        if isinstance(item, (dict, list)):
            yield from objects(item)


def type_of(schema: str) -> Node:
    found: Node = NODES[f"defschema {schema}"]["type"]
    return found


def types(of: Node) -> Iterator[tuple[str, Any]]:
    """(constructor, body) of every type in a type."""
    ((name, body),) = of.items()
    yield name, body
    inner = {"record": list, "variant": list}.get(name)
    parts = list(body.values()) if inner else [body] if name in ("list", "set", "option") else []
    for part in [body["key"], body["value"]] if name == "map" else parts:
        yield from types(part)


def test_every_type_and_every_key_of_a_map() -> None:
    every = [of for name in NODES if name.startswith("defschema")
             for of in types(type_of(name.split()[1]))]  # fmt: skip
    containers = {"record", "variant", "list", "set", "map", "option", "ref"}
    assert {name for name, _ in every} == {*PRIMITIVES, *containers}
    assert {key for name, of in every if name == "map" for key in of["key"]} == set(MAP_KEYS)


def test_every_step_operator_and_reference() -> None:
    steps = [step for plan in PLANS for step in plan["steps"]]
    ops = {"assign", "emit_effect", "await_receipt", "await_event", "raise_event", "end"}
    assert {step["op"] for step in steps} == ops
    assert any("idempotency_key" in step for step in steps)
    assert any("where" in step for step in steps)
    found = list(objects(PLANS))
    assert {of["op"] for of in found if "args" in of} == set(OPERATORS)
    refs = " ".join(of["ref"] for of in found if "ref" in of and of["ref"].startswith("@"))
    for part in ("@plan.input ", "@plan.input.", "@var:", "@step:", "@event.", ".$status",
                 "@var:correlation_id"):  # fmt: skip
        assert part in f"{refs} ", part


def test_every_part_of_a_plan_and_of_a_manifest() -> None:
    assert {part for plan in PLANS for part in plan if plan[part]} == {
        "$kind", "name", "input", "output", "locals", "steps", "edges", "required_caps",
        "allowed_effects", "invariants",
    }  # fmt: skip
    assert any("when" in edge for plan in PLANS for edge in plan["edges"])
    assert any(edge.keys() == {"from", "to"} for plan in PLANS for edge in plan["edges"])
    routes = MANIFEST["routing"]
    assert routes["inboxes"] and {"key_field" in route for route in routes["events"]} == {
        True,
        False,
    }
    assert {"correlate_by" in trigger for trigger in MANIFEST["triggers"]} == {True, False}
    (policy,) = (node for node in NODES.values() if node["$kind"] == "defpolicy")
    assert {rule["decision"] for rule in policy["rules"]} == {"allow", "deny"}
    assert MANIFEST["module_bindings"]


# -- literals ---------------------------------------------------------------------------------


def slots() -> Iterator[tuple[Any, str | None]]:
    """(node, schema) of every slot that takes an expression or a literal."""
    kinds = {node["kind"]: node for node in NODES.values() if node["$kind"] == "defeffect"}
    for plan in PLANS:
        for step in plan["steps"]:
            match step["op"]:
                case "assign":
                    yield step["expr"], plan.get("locals", {}).get(step["bind"]["as"])
                case "raise_event":
                    yield step["value"], step["event"]
                case "end":
                    yield step["result"], plan["output"]
                case "emit_effect":
                    effect = kinds.get(step["kind"])
                    yield step["params"], effect["params_schema"] if effect else None


def sugar(node: Any, of: Node) -> Iterator[tuple[str, str]]:
    """(type, form) of every natural literal under a type."""
    ((name, body),) = of.items()
    if name == "ref":
        yield from sugar(node, type_of(body))
        return
    if name == "option" and node is not None:
        yield from sugar(node, body)
        return
    form = "tagged" if isinstance(node, dict) and "tag" in node else type(node).__name__
    yield name, form
    match name:
        case "record":
            for field, item in node.items():
                yield from sugar(item, body[field])
        case "variant" if isinstance(node, dict):
            tag, value = (
                (node["tag"], node.get("value")) if "tag" in node else next(iter(node.items()))
            )
            yield from sugar(value, body[tag])
        case "list" | "set":
            for item in node:
                yield from sugar(item, body)
        case "map":
            for key, item in node.items() if isinstance(node, dict) else node:
                yield from sugar(key, body["key"])
                yield from sugar(item, body["value"])


def test_every_literal_in_its_natural_form() -> None:
    natural = [(node, schema) for node, schema in slots() if not expr.is_expr(node)]
    found = {of for node, schema in natural for of in sugar(node, type_of(schema or ""))}
    assert found == {
        ("bool", "bool"), ("nat", "int"), ("nat", "str"), ("int", "int"), ("dec128", "str"),
        ("bytes", "str"), ("text", "str"), ("time", "str"), ("time", "int"), ("duration", "int"),
        ("hash", "str"), ("uuid", "str"), ("unit", "NoneType"), ("option", "NoneType"),
        ("record", "dict"), ("list", "list"), ("set", "list"), ("map", "dict"), ("map", "list"),
        ("variant", "str"), ("variant", "dict"), ("variant", "tagged"),
    }  # fmt: skip


def test_every_literal_in_its_tagged_form() -> None:
    expressions = [node for node, _ in slots() if expr.is_expr(node)]
    found = {name for of in objects(expressions) for name in of if len(of) == 1}
    assert {*expr.CONSTANTS, *expr.CONTAINERS, "null", "bytes_b64"} <= found


def test_both_lenses_mean_the_same() -> None:
    """Two steps assign the same terms, one in each lens; their stored forms are equal."""
    plan = WorldFiles.read(PATH).catalog.nodes["defplan", "apiary/harvest@1"]
    assert isinstance(plan, DefPlan)
    stored: dict[str, Node] = {
        step.id: step.args["expr"]["record"] for step in plan.steps if "expr" in step.args
        and "record" in step.args["expr"]
    }  # fmt: skip
    assert stored["sugar"].keys() == type_of("apiary/Terms@1")["record"].keys()
    assert stored["sugar"] == stored["tagged"]


def test_an_effect_of_its_own_and_built_in_ones() -> None:
    builtin = {node.effect for node in builtin_nodes().values() if isinstance(node, DefEffect)}
    kinds = {step["kind"] for plan in PLANS for step in plan["steps"] if "kind" in step}
    assert kinds - builtin == {"scale.read"} and kinds & builtin == {"http.request"}
