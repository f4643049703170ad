"""Literals: both lenses give one stored form (air-v1, section 4; B-4)."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air import expr, literals
from aos_core.air.literals import NULL, runtime, stored
from aos_core.air.nodes import DefPlan, node_hash, parse_node
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_core.air.values import NULL as NULL_VALUE
from aos_core.air.values import to_plain, variant
from aos_core.errors import AirError

HASH = "sha256:" + "0" * 64
UUID = "01234567-89ab-cdef-0123-456789abcdef"
TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
INT: dict[str, Any] = {"int": {}}
CHOICE = {"variant": {"On": {"unit": {}}, "Level": NAT, "Point": {"ref": "t/Point@1"}}}
SCHEMAS = Schemas(
    {
        "t/Point@1": parse_type({"record": {"x": INT, "note": {"option": TEXT}}}),
        "t/Maybe@1": parse_type({"option": NAT}),
    }
)
POINT = {"record": {"x": {"int": 1}, "note": NULL}}


def map_of(key: str, value: Any) -> dict[str, Any]:
    return {"map": {"key": {key: {}}, "value": value}}


def store(node: Any, of: Any) -> Any:
    return stored(node, parse_type(of), SCHEMAS, "$")


@pytest.mark.parametrize(
    ("of", "authored", "form"),
    [
        ({"bool": {}}, True, {"bool": True}),
        (INT, -1, {"int": -1}),
        (INT, "-9223372036854775808", {"int": -(2**63)}),
        (NAT, "18446744073709551615", {"nat": 2**64 - 1}),
        ({"dec128": {}}, "0.20", {"dec128": "0.20"}),
        (TEXT, "x", {"text": "x"}),
        ({"bytes": {}}, "aGk=", {"bytes_b64": "aGk="}),
        ({"time": {}}, 5, {"time_ns": 5}),
        ({"time": {}}, "5", {"time_ns": 5}),
        ({"time": {}}, "1970-01-01T00:00:01Z", {"time_ns": 1_000_000_000}),
        ({"duration": {}}, -5, {"duration_ns": -5}),
        ({"hash": {}}, HASH, {"hash": HASH}),
        ({"uuid": {}}, UUID, {"uuid": UUID}),
        ({"unit": {}}, None, NULL),
        ({"option": NAT}, None, NULL),
        ({"option": NAT}, 3, {"nat": 3}),
        ({"ref": "t/Maybe@1"}, 3, {"nat": 3}),
        ({"ref": "t/Point@1"}, {"x": 1}, POINT),
        (
            {"ref": "t/Point@1"},
            {"x": 1, "note": "n"},
            {"record": {**POINT["record"], "note": {"text": "n"}}},
        ),
        ({"ref": "t/Point@1"}, {"record": {"x": 1}}, POINT),
        ({"record": {"p": {"ref": "t/Maybe@1"}}}, {}, {"record": {"p": NULL}}),
        (CHOICE, "On", {"tag": "On"}),
        (CHOICE, {"On": None}, {"tag": "On"}),
        (CHOICE, {"tag": "On"}, {"tag": "On"}),
        (CHOICE, {"Level": 3}, {"tag": "Level", "value": {"nat": 3}}),
        (CHOICE, {"tag": "Level", "value": 3}, {"tag": "Level", "value": {"nat": 3}}),
        (CHOICE, {"$tag": "Level", "$value": 3}, {"tag": "Level", "value": {"nat": 3}}),
        (CHOICE, {"Point": {"x": 1}}, {"tag": "Point", "value": POINT}),
        (CHOICE, {"variant": {"tag": "Level", "value": 3}}, {"tag": "Level", "value": {"nat": 3}}),
        ({"list": NAT}, [3, 1, 3], {"list": [{"nat": 3}, {"nat": 1}, {"nat": 3}]}),
        ({"list": NAT}, {"list": [3, {"nat": 1}]}, {"list": [{"nat": 3}, {"nat": 1}]}),
        ({"set": NAT}, [24, 3, 24], {"set": [{"nat": 3}, {"nat": 24}]}),
        ({"set": TEXT}, ["b", "aa", "a"], {"set": [{"text": "a"}, {"text": "b"}, {"text": "aa"}]}),
        (
            map_of("text", NAT),
            {"bb": 1, "c": 2},
            {
                "map": [
                    {"key": {"text": "c"}, "value": {"nat": 2}},
                    {"key": {"text": "bb"}, "value": {"nat": 1}},
                ]
            },
        ),
        (
            map_of("nat", TEXT),
            [[24, "x"], [1, "y"], [24, "z"]],
            {
                "map": [
                    {"key": {"nat": 1}, "value": {"text": "y"}},
                    {"key": {"nat": 24}, "value": {"text": "x"}},
                ]
            },
        ),
        (map_of("nat", TEXT), {"7": "x"}, {"map": [{"key": {"nat": 7}, "value": {"text": "x"}}]}),
        (
            map_of("nat", TEXT),
            {"map": [{"key": 7, "value": "x"}]},
            {"map": [{"key": {"nat": 7}, "value": {"text": "x"}}]},
        ),
        (
            {"list": {"bytes": {}}},
            ["aGk=", ""],
            {"list": [{"bytes_b64": "aGk="}, {"bytes_b64": ""}]},
        ),
    ],
)
def test_the_stored_form_of_what_is_authored(of: Any, authored: Any, form: Any) -> None:
    assert store(authored, of) == form
    assert store(form, of) == form, "the stored form is stored as itself"


@pytest.mark.parametrize(
    ("node", "form"),
    [
        ({"text": "a", "$comment": "x"}, {"text": "a"}),
        ({"null": {}}, NULL),
        ({"text": "a", "record": 5}, {"text": "a"}),
        ({"text": "a", "bytes_b64": ""}, {"bytes_b64": ""}),
        (
            {"set": [{"nat": 24}, {"nat": 1}, {"nat": 24}]},
            {"set": [{"nat": 1}, {"nat": 24}]},
        ),
        (
            {
                "map": [
                    {"key": {"text": "bb"}, "value": {"nat": 1}},
                    {"key": {"text": "c"}, "value": {"nat": 2}},
                    {"key": {"text": "bb"}, "value": {"nat": 3}},
                ]
            },
            {
                "map": [
                    {"key": {"text": "c"}, "value": {"nat": 2}},
                    {"key": {"text": "bb"}, "value": {"nat": 1}},
                ]
            },
        ),
        ({"variant": {"tag": "A"}}, {"tag": "A"}),
        ({"variant": {"tag": "A", "value": {"null": {}}}}, {"tag": "A", "value": NULL}),
        (
            {"record": {"v": {"list": [{"variant": {"tag": "A"}}]}}, "more": 1},
            {"record": {"v": {"list": [{"tag": "A"}]}}},
        ),
    ],
)
def test_a_constant_expression_is_folded(node: Any, form: Any) -> None:
    assert store(node, TEXT) == form


@pytest.mark.parametrize(
    "node",
    [
        {"ref": "@plan.input", "more": 1},
        {"op": "not", "args": [{"bool": True, "more": 1}]},
        {"record": {"a": {"ref": "@plan.input"}, "s": {"set": [{"nat": 2}, {"nat": 1}]}}},
        {"list": [{"variant": {"tag": "A"}}, {"ref": "@var:x"}]},
    ],
)
def test_any_other_expression_stays_as_authored(node: Any) -> None:
    assert store(node, TEXT) == node


@pytest.mark.parametrize(
    "node",
    [
        {"set": [{"nat": 2}, {"nat": 1}], "$comment": "x"},
        {"variant": {"tag": "A"}},
        {"ref": "@plan.input"},
        {"tag": "A"},
        {"tag": "A", "value": {"tag": "B", "value": {"nat": 1}}},
        {"record": {"a": {"tag": "A", "value": None}, "b": {"text": "x"}}},
        {"list": [{"tag": "A"}]},
        {"set": [{"tag": "B"}, {"tag": "A"}]},
        {"map": [{"key": {"text": "k"}, "value": {"tag": "A"}}]},
    ],
)
def test_an_expression_in_an_untyped_slot_stays_as_authored(node: Any) -> None:
    assert stored(node, None, SCHEMAS, "$") == node


@pytest.mark.parametrize(
    "node",
    [
        5,
        "text",
        {"a": 1},
        [1],
        None,
        {"tag": 1},
        {"tag": "A", "x": 1},
        {"tag": "A", "value": "x"},
        {"tag": "A", "value": {"ref": "@plan.input"}},
        {"record": {"a": {"tag": "A"}, "b": "x"}},
        {"map": [{"key": {"tag": "A"}}]},
    ],
)
def test_sugar_in_an_untyped_slot_is_refused(node: Any) -> None:
    with pytest.raises(AirError, match="needs a schema") as caught:
        stored(node, None, SCHEMAS, "$.x")
    assert caught.value.where["path"] == "$.x"


@pytest.mark.parametrize(
    ("fields", "node", "form"),
    [
        ({"text": {"record": {"a": TEXT}}}, {"text": {"a": "x"}}, {"record": {"a": {"text": "x"}}}),
        (
            {"record": {"record": {"a": TEXT}}},
            {"record": {"a": "x"}},
            {"record": {"a": {"text": "x"}}},
        ),
        ({"ref": NAT}, {"ref": 5}, {"nat": 5}),
        ({"op": TEXT}, {"op": "addd"}, {"text": "addd"}),
        ({"op": TEXT}, {"op": "add"}, {"text": "add"}),
        ({"nat": TEXT}, {"nat": "x"}, {"text": "x"}),
        ({"list": {"list": TEXT}}, {"list": ["a"]}, {"list": [{"text": "a"}]}),
    ],
)
def test_a_field_may_be_named_like_a_constructor(fields: Any, node: Any, form: Any) -> None:
    (name,) = fields
    of = {"record": fields}
    assert store(node, of) == {"record": {name: form}}
    nested = {"record": {"in": of}}
    assert store({"in": node}, nested) == store({"record": {"in": node}}, nested)
    assert store({"in": node}, nested) == {"record": {"in": {"record": {name: form}}}}


def test_what_names_an_arm_or_a_key_like_a_constructor_is_sugar() -> None:
    assert store({"text": 5}, {"variant": {"text": NAT}}) == {"tag": "text", "value": {"nat": 5}}
    (pair,) = store({"text": 5}, map_of("text", NAT))["map"]
    assert pair == {"key": {"text": "text"}, "value": {"nat": 5}}


@pytest.mark.parametrize(
    "of", [NAT, {"unit": {}}, {"ref": "t/Point@1"}, {"record": {"note": {"option": TEXT}}}]
)
def test_an_expression_with_a_mistake_is_explained_as_one(of: Any) -> None:
    mistyped = {"op": "addd", "args": [{"nat": 1}, {"nat": 2}]}
    with pytest.raises(AirError, match="unknown operator 'addd'") as caught:
        store(mistyped, of)
    assert caught.value.where["path"] == "$.op"
    with pytest.raises(AirError, match="unknown operator 'addd'") as caught:
        store({"record": {"a": mistyped}}, {"record": {"a": of}})
    assert caught.value.where["path"] == "$.record.a.op"
    with pytest.raises(AirError, match="unknown operator 'addd'"):
        stored(mistyped, None, SCHEMAS, "$")


def test_a_field_that_fits_neither_way_is_explained_by_its_schema() -> None:
    of = {"record": {"text": {"record": {"a": TEXT}}}}
    with pytest.raises(AirError, match="expected text, got integer 1") as caught:
        store({"text": {"a": 1}}, of)
    assert caught.value.where["path"] == "$.text.a"


def test_unknown_members_of_sugar_records_are_dropped() -> None:
    of = {"record": {"at": {"ref": "t/Point@1"}}}
    node = {"$comment": "c", "at": {"x": 1, "why": {"deep": [1]}}}
    assert store(node, of) == {"record": {"at": POINT}}
    with pytest.raises(AirError, match="unknown field 'why'"):
        store({"at": {"record": {"x": 1, "why": 1}}}, of)


def test_the_value_of_a_variant_may_be_null() -> None:
    node = {"record": {"v": {"variant": {"tag": "A", "value": None}}, "w": {"ref": "@plan.input"}}}
    assert store(node, {"record": {"v": CHOICE, "w": TEXT}}) == node
    assert store(node["record"]["v"], CHOICE) == {"tag": "A"}
    assert expr.parse(node["record"]["v"]).run(expr.Env(NULL_VALUE)) == variant("A")


def test_a_sugar_record_with_a_field_named_like_a_constructor_may_be_an_expression() -> None:
    of = {"record": {"text": TEXT}}
    assert store({"text": "x"}, of) == {"text": "x"}
    assert store({"record": {"text": "x"}}, of) == {"record": {"text": {"text": "x"}}}


@pytest.mark.parametrize(
    ("of", "node", "path"),
    [
        (NAT, -1, "$"),
        (NAT, True, "$"),
        (NAT, "x", "$"),
        (NAT, "9" * 5000, "$"),
        (INT, 2**63, "$"),
        (TEXT, 5, "$"),
        ({"bytes": {}}, "!", "$"),
        ({"bytes": {}}, 5, "$"),
        ({"bytes": {}}, [1], "$"),
        ({"time": {}}, "tomorrow", "$"),
        ({"time": {}}, "1969-12-31T00:00:00Z", "$"),
        ({"hash": {}}, "sha256:", "$"),
        ({"ref": "t/Point@1"}, {}, "$"),
        ({"ref": "t/Point@1"}, 5, "$"),
        ({"ref": "t/Point@1"}, {"record": {"x": 1, "y": 2}}, "$.y"),
        ({"ref": "t/Point@1"}, {"x": 1, "op": "addd"}, "$.op"),
        ({"ref": "t/Point@1"}, {"x": "one"}, "$.x"),
        (CHOICE, "Off", "$"),
        (CHOICE, {"Off": 1}, "$"),
        (CHOICE, {"On": None, "Level": 1}, "$"),
        (CHOICE, 5, "$"),
        (CHOICE, {"Point": {"x": None}}, "$.Point.x"),
        ({"list": NAT}, 5, "$"),
        ({"list": NAT}, [1, "x"], "$[1]"),
        ({"set": NAT}, [None], "$[0]"),
        (map_of("text", NAT), 5, "$"),
        (map_of("text", NAT), [["a"]], "$[0]"),
        (map_of("nat", NAT), {"x": 1}, "$[0]"),
    ],
)
def test_what_does_not_fit_its_type_names_its_place(of: Any, node: Any, path: str) -> None:
    with pytest.raises(AirError) as caught:
        store(node, of)
    assert caught.value.where["path"] == path


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (NULL, None),
        ({"bytes_b64": "aGk="}, b"hi"),
        ({"time_ns": 5}, 5),
        ({"record": {"a": {"list": [{"nat": 1}]}}}, {"a": [1]}),
        ({"map": [{"key": {"nat": 1}, "value": {"text": "x"}}]}, {1: "x"}),
        ({"tag": "A"}, {"$tag": "A", "$value": None}),
        ({"tag": "A", "value": {"nat": 1}}, {"$tag": "A", "$value": 1}),
        ({"set": [{"text": "a"}]}, ["a"]),
    ],
)
def test_the_runtime_data_of_a_stored_literal(form: Any, data: Any) -> None:
    assert runtime(form) == data


# Random types with values in sugar

LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ({"bool": {}}, st.booleans()),
    (INT, st.integers(-(2**63), 2**63 - 1)),
    (NAT, st.integers(0, 2**64 - 1) | st.integers(0, 2**64 - 1).map(str)),
    (TEXT, st.text(max_size=4)),
    ({"bytes": {}}, st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode())),
    ({"unit": {}}, st.none()),
    ({"time": {}}, st.integers(0, 2**64 - 1)),
]
NAMES = st.sampled_from(["a", "b", "cc"])
TAGS = st.sampled_from(["A", "B", "Cc"])


def single(tag: str, value: Any) -> dict[str, Any]:
    return {tag: value}


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    kind = draw(st.sampled_from(["record", "variant", "list", "set", "option", "map"]))
    if kind == "record":
        fields = draw(st.dictionaries(NAMES, inner, max_size=3))
        values: Any = st.fixed_dictionaries({name: item for name, (_, item) in fields.items()})
        return {kind: {name: of for name, (of, _) in fields.items()}}, values
    if kind == "variant":
        arms = draw(st.dictionaries(TAGS, inner, min_size=1, max_size=3))
        cases = [item.map(partial(single, tag)) for tag, (_, item) in arms.items()]
        values = st.one_of(cases)
        return {kind: {tag: of for tag, (of, _) in arms.items()}}, values
    of, item = draw(inner)
    if kind == "option":
        return {kind: of}, st.none() | item
    if kind == "map":
        keys = st.integers(0, 300)
        return map_of("nat", of), st.lists(st.tuples(keys, item).map(list), max_size=3)
    return {kind: of}, st.lists(item, max_size=3)


TYPED = st.recursive(st.sampled_from(LEAVES), containers, max_leaves=6)


@given(TYPED, st.data())
def test_the_stored_form_is_stable_and_fits_its_type(typed: Any, data: st.DataObject) -> None:
    of, values = typed
    sugar = json.loads(json.dumps(data.draw(values)))
    form = store(sugar, of)
    assert store(form, of) == form
    codec = SCHEMAS.compile(parse_type(of))
    value = codec.normalise(runtime(form))
    assert canon.encode_ordered(value) == canon.encode_plain(value)


@given(TYPED, st.data())
def test_sets_and_maps_are_stored_by_content_alone(typed: Any, data: st.DataObject) -> None:
    of, values = typed
    items = json.loads(json.dumps(data.draw(st.lists(values, max_size=4))))
    shuffled = data.draw(st.permutations(items + items))
    form = store(items, {"set": of})
    assert store(shuffled, {"set": of}) == form
    encoded = [canon.encode(item) for item in form["set"]]
    assert encoded == sorted(set(encoded))


def plan(**slots: Any) -> dict[str, Any]:
    return {
        "$kind": "defplan",
        "name": "t/p@1",
        "input": "t/Point@1",
        "output": "t/Point@1",
        "steps": [
            {"id": "raise", "op": "raise_event", "event": "t/Point@1", "value": slots["value"]},
            {"id": "end", "op": "end", "result": slots["value"]},
        ],
        "edges": [{"from": "raise", "to": "end"}],
    }


@given(TYPED, st.data())
def test_the_hash_of_a_plan_survives_its_json(typed: Any, data: st.DataObject) -> None:
    of, values = typed
    form = store(json.loads(json.dumps(data.draw(values))), of)
    node = parse_node(plan(value=form))
    assert isinstance(node, DefPlan)
    again = parse_node(canon.decode(canon.encode(node.to_json())))
    assert isinstance(again, DefPlan)
    assert node_hash(again) == node_hash(node)
    assert store(again.steps[0].args["value"], of) == form


def test_fold_agrees_with_the_evaluator_on_which_member_counts() -> None:
    node = {"uuid": UUID, "bytes_b64": "aGk=", "text": "x", "list": []}
    value = expr.parse(node).run(expr.Env(input=NULL_VALUE))
    assert to_plain(value) == runtime(literals.fold(node))
