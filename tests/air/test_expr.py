"""Expressions: references, errors with their places, what reads as one (air-v1, section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core.air import expr
from aos_core.air.expr import Env, EvalError, NotThere, Reference
from aos_core.air.operators import OPERATORS
from aos_core.air.values import NULL, UNIT, Value, kinded_bytes, record
from aos_core.errors import AirError
from tests.air.expressions import (
    ENV,
    FALSE,
    HASH,
    NO,
    NONE,
    SPAN,
    TIME,
    TRUE,
    UUID,
    YES,
    B,
    I,
    L,
    M,
    N,
    R,
    S,
    T,
    nat,
    op,
    run,
    text,
)

# -- references --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text_", "value"),
    [
        ("@plan.input.a.b", nat(1)),
        ("@input.a.b", nat(1)),
        ("@plan.input.m.k", text("v")),
        ("@plan.input", ENV.input),
        ("@var:x", record(y=nat(2))),
        ("@var:x.y", nat(3)),
        ("@var:x.y.z", record(w=nat(4))),
        ("@var:x.y.z.w", nat(4)),
        ("@var:r.$status", text("ok")),
        ("@var:x.y.$status", text("error")),
        ("@step:emit.1.handle", text("h")),
        ("@event.$tag", text("Done")),
        ("@event.$value.id", nat(9)),
    ],
)
def test_references(text_: str, value: Value) -> None:
    parsed = expr.parse({"ref": text_}, "$.here")
    assert parsed.run(ENV) == value
    assert not parsed.constant
    (reference,) = parsed.references
    assert (reference.text, reference.path) == (text_, "$.here.ref")


@pytest.mark.parametrize(
    ("text_", "message"),
    [
        ("@plan.input.a.c", "there is no 'c' in a Record"),
        ("@plan.input.a.b.c", "there is no 'c' in a Nat"),
        ("@plan.input.l.0", "there is no '0' in a List"),
        ("@var:y", "@var:y is not bound yet"),
        ("@var:x.$status", "there is no '$status'"),
        ("@var:r.s.$status", "there is no '$status'"),
        ("@step:emit", "@step:emit is not bound yet"),
        ("@step:emit.1.$status", "there is no '$status'"),
    ],
)
def test_references_to_what_is_not_there(text_: str, message: str) -> None:
    with pytest.raises(EvalError) as caught:
        run({"ref": text_})
    assert message in caught.value.message
    assert caught.value.path == "$.ref"


def test_event_is_known_only_where_there_is_one() -> None:
    with pytest.raises(EvalError, match="there is no event here"):
        run({"ref": "@event.id"}, Env(input=NULL))


@pytest.mark.parametrize(
    "text_",
    [
        "",
        "@",
        "plan.input",
        "@plan",
        "@plan.inputs",
        "@plan.input[0]",
        "@var",
        "@var:",
        "@step:",
        "@events",
        "@event:x",
        "@other:x",
        5,
        None,
        [],
    ],
)
def test_unknown_references(text_: Any) -> None:
    with pytest.raises(AirError) as caught:
        expr.parse({"ref": text_}, "$.x")
    assert caught.value.where["path"] == "$.x.ref"


def test_all_references_of_an_expression_are_known() -> None:
    node = R(a={"ref": "@var:x"}, b=op("add", {"ref": "@plan.input.a"}, L({"ref": "@step:s"})))
    assert [(r.root, r.parts, r.path) for r in expr.parse(node, "$.e").references] == [
        ("var", ("x",), "$.e.record.a.ref"),
        ("input", ("a",), "$.e.record.b.args[0].ref"),
        ("step", ("s",), "$.e.record.b.args[1].list[0].ref"),
    ]


def test_references_may_be_read_by_another_language() -> None:
    def refer(text: Any, path: str) -> Reference:
        return Reference("var", (text,), text, path)

    parsed = expr.parse({"op": "not", "args": [{"ref": "any.thing at all"}]}, refer=refer)
    assert [(of.text, of.path) for of in parsed.references] == [
        ("any.thing at all", "$.args[0].ref")
    ]
    assert parsed.run(Env(UNIT, {"any.thing at all": TRUE})) == FALSE


# -- errors and their places -------------------------------------------------------------------


def test_an_error_carries_the_path_of_the_failing_part() -> None:
    with pytest.raises(EvalError) as caught:
        run(R(a=L(N(1), op("not", op("div", N(1), N(0))))))
    assert caught.value.path == "$.record.a.list[1].args[0]"
    assert caught.value.message == "div: division by zero"


@pytest.mark.parametrize(
    ("node", "missing"),
    [
        ({"ref": "@plan.input.x"}, True),
        ({"ref": "@var:x"}, True),
        ({"ref": "@event"}, True),
        ({"op": "get", "args": [{"list": []}, {"nat": 0}]}, True),
        ({"op": "lt", "args": [{"null": {}}, {"nat": 0}]}, True),
        ({"op": "not", "args": [{"null": {}}]}, True),
        ({"op": "lt", "args": [{"text": "a"}, {"nat": 0}]}, False),
        ({"op": "div", "args": [{"nat": 1}, {"nat": 0}]}, False),
        ({"op": "get", "args": [{"list": []}, {"text": "a"}]}, False),
    ],
)
def test_a_failure_tells_a_missing_part_from_a_wrong_one(node: Any, missing: bool) -> None:
    with pytest.raises(EvalError) as caught:
        expr.parse(node).run(Env(record()))
    assert isinstance(caught.value, NotThere) == missing


@pytest.mark.parametrize(
    ("node", "path"),
    [
        (5, "$"),
        ("text", "$"),
        ({}, "$"),
        ({"what": 1}, "$"),
        ({"nat": -1}, "$.nat"),
        ({"int": 2**63}, "$.int"),
        ({"hash": "x"}, "$.hash"),
        ({"text": 5}, "$.text"),
        ({"text": "\ud800"}, "$.text"),
        ({"bytes_b64": "!"}, "$.bytes_b64"),
        ({"bytes_b64": 5}, "$.bytes_b64"),
        ({"time_ns": "2026-01-01T00:00:00Z"}, "$.time_ns"),
        ({"list": {}}, "$.list"),
        ({"list": [5]}, "$.list[0]"),
        ({"record": []}, "$.record"),
        ({"record": {"a": "x"}}, "$.record.a"),
        ({"map": {}}, "$.map"),
        ({"map": [{"key": {"nat": 1}}]}, "$.map[0]"),
        ({"map": [[{"nat": 1}, {"nat": 1}]]}, "$.map[0]"),
        ({"variant": {}}, "$.variant"),
        ({"variant": {"tag": 1}}, "$.variant.tag"),
        ({"variant": {"tag": "A", "value": 5}}, "$.variant.value"),
        ({"null": None}, "$.null"),
        ({"null": {"a": 1}}, "$.null"),
        ({"bool": "true"}, "$.bool"),
        ({"ref": 5}, "$.ref"),
        ({"op": "add"}, "$"),
        ({"text": {"a": "x"}, "uuid": "x"}, "$.text"),
        ({"op": "pow", "args": []}, "$.op"),
        ({"op": None}, "$.op"),
        ({"op": "not", "args": [5]}, "$.args[0]"),
    ],
)
def test_what_is_no_expression_names_its_place(node: Any, path: str) -> None:
    with pytest.raises(AirError) as caught:
        expr.parse(node)
    assert caught.value.where["path"] == path


@pytest.mark.parametrize(
    ("node", "reads"),
    [
        ({"ref": "x"}, True),
        ({"ref": 5}, False),
        ({"op": "x"}, False),
        ({"op": "x", "args": []}, False),
        ({"op": "add"}, False),
        ({"op": "add", "args": {}}, False),
        ({"op": "add", "args": ["x"]}, False),
        ({"op": "add", "args": [{"nat": 1}]}, True),
        ({"null": {}}, True),
        ({"null": None}, False),
        ({"null": {"a": 1}}, False),
        ({"text": "x"}, True),
        ({"text": 5}, False),
        ({"text": {"a": "x"}}, False),
        ({"nat": 1}, True),
        ({"nat": 2**64}, True),
        ({"nat": -1}, False),
        ({"nat": True}, False),
        ({"int": -1}, True),
        ({"int": "1"}, False),
        ({"bool": False}, True),
        ({"bool": "true"}, False),
        ({"dec128": "x"}, True),
        ({"dec128": 1}, False),
        ({"hash": "x"}, True),
        ({"uuid": []}, False),
        ({"time_ns": 1}, True),
        ({"time_ns": "2026-01-01T00:00:00Z"}, False),
        ({"duration_ns": -1}, True),
        ({"bytes_b64": ""}, True),
        ({"bytes_b64": [1]}, False),
        ({"record": {}}, True),
        ({"record": {"a": {"text": ""}}}, True),
        ({"record": {"a": "x"}}, False),
        ({"list": [{"nat": 1}, 5]}, False),
        ({"map": []}, True),
        ({"map": [{"key": {"nat": 1}, "value": 5}]}, False),
        ({"map": [5]}, False),
        ({"variant": {"tag": "A"}}, True),
        ({"variant": {"tag": "A", "value": None}}, True),
        ({"variant": {"tag": "A", "value": 5}}, False),
        ({"tag": "A"}, False),
        ({"name": "x"}, False),
        ({}, False),
        ("x", False),
        ([], False),
        (None, False),
    ],
)
def test_what_reads_as_an_expression(node: Any, reads: bool) -> None:
    assert expr.is_expr(node) is reads


# -- whatever comes in -------------------------------------------------------------------------


LEAVES = st.sampled_from(
    [NONE, YES, NO, TIME, SPAN, T(""), T("a"), T("k"), B(""), B("aGk="), N(0), N(1), I(-1)]
    + [{"dec128": "1"}, {"hash": HASH}, {"uuid": UUID}, N(2**64 - 1), I(-(2**63)), L(), R(), S()]
    + [{"ref": f"@{name}"} for name in ("plan.input.a", "plan.input.z", "var:x.y", "event.$tag")]
    + [{"ref": "@step:none"}, {"ref": "@var:r.$status"}]
)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, max_size=3)
    calls = st.sampled_from(sorted(OPERATORS)).flatmap(
        lambda name: st.lists(
            inner, min_size=OPERATORS[name].least, max_size=OPERATORS[name].least
        ).map(lambda args: op(name, *args))
    )
    return (
        calls
        | some.map(lambda items: L(*items))
        | some.map(lambda items: S(*items))
        | st.dictionaries(st.sampled_from("abk"), inner).map(lambda fields: {"record": fields})
        | st.lists(st.tuples(inner, inner), max_size=3).map(lambda pairs: M(*pairs))
        | inner.map(lambda item: {"variant": {"tag": "A", "value": item}})
    )


@given(st.recursive(LEAVES, grown, max_leaves=12))
def test_evaluation_gives_a_value_or_an_evaluation_error(node: Any) -> None:
    parsed = expr.parse(node)
    try:
        value = parsed.run(ENV)
    except EvalError as error:
        assert error.path.startswith("$")
        return
    assert parsed.run(ENV) == value
    assert kinded_bytes(value)


WORDS = st.sampled_from(
    [
        *expr.CONSTANTS,
        *expr.CONTAINERS,
        "ref",
        "op",
        "args",
        "null",
        "bytes_b64",
        "tag",
        "value",
        "key",
        "x",
    ]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(OPERATORS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(JUNK)
def test_parsing_gives_an_expression_or_an_air_error(node: Any) -> None:
    try:
        parsed = expr.parse(node)
    except AirError as error:
        assert str(error.where["path"]).startswith("$")
        return
    assert expr.is_expr(node)
    try:
        parsed.run(ENV)
    except EvalError:
        pass
