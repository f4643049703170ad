"""Expressions: every operator's table, references, errors, and kinds (air-v1, section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air import expr
from aos_core.air.expr import Env, EvalError, NotThere, Reference
from aos_core.air.operators import OPERATORS
from aos_core.air.values import (
    NULL,
    UNIT,
    Value,
    kinded_bytes,
    make_map,
    make_set,
    record,
    variant,
)
from aos_core.errors import AirError

HASH = "sha256:" + "0" * 64
UUID = "01234567-89ab-cdef-0123-456789abcdef"
TRUE, FALSE = Value("Bool", True), Value("Bool", False)


def nat(value: int) -> Value:
    return Value("Nat", value)


def int_(value: int) -> Value:
    return Value("Int", value)


def text(value: str) -> Value:
    return Value("Text", value)


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def N(value: int) -> dict[str, Any]:  # noqa: N802
    return {"nat": value}


def I(value: int) -> dict[str, Any]:  # noqa: E743, N802
    return {"int": value}


def T(value: str) -> dict[str, Any]:  # noqa: N802
    return {"text": value}


def B(value: str) -> dict[str, Any]:  # noqa: N802
    return {"bytes_b64": value}


def L(*items: Any) -> dict[str, Any]:  # noqa: N802
    return {"list": list(items)}


def S(*items: Any) -> dict[str, Any]:  # noqa: N802
    return {"set": list(items)}


def M(*pairs: Any) -> dict[str, Any]:  # noqa: N802
    return {"map": [{"key": key, "value": value} for key, value in pairs]}


def R(**fields: Any) -> dict[str, Any]:  # noqa: N802
    return {"record": fields}


YES, NO = {"bool": True}, {"bool": False}
NONE: dict[str, Any] = {"null": {}}
TIME, SPAN = {"time_ns": 5}, {"duration_ns": 5}
ENV = Env(
    input=record(a=record(b=nat(1)), m=make_map([(text("k"), text("v"))]), l=Value("List", ())),
    vars={"x": record(y=nat(2)), "x.y": nat(3), "x.y.z": record(w=nat(4)), "r": record(s=nat(5))},
    steps={"emit.1": record(handle=text("h"))},
    statuses={"r": "ok", "x.y": "error"},
    event=variant("Done", record(id=nat(9))),
)


def run(node: Any, env: Env = ENV) -> Value:
    return expr.parse(node).run(env)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (NONE, NULL),
        ({"null": {}}, NULL),
        (YES, TRUE),
        (I(-1), int_(-1)),
        (N(1), nat(1)),
        ({"dec128": "0.2"}, Value("Dec128", "0.2")),
        (T("x"), text("x")),
        (B("aGk="), Value("Bytes", b"hi")),
        (TIME, Value("TimeNs", 5)),
        ({"duration_ns": -5}, Value("DurationNs", -5)),
        ({"hash": HASH}, Value("Hash", HASH)),
        ({"uuid": UUID}, Value("Uuid", UUID)),
        (R(a=N(1), b=R()), record(a=nat(1), b=record())),
        (L(N(2), N(1)), Value("List", (nat(2), nat(1)))),
        (S(N(24), N(1), I(1)), Value("Set", (nat(1), nat(24)))),
        (
            M((T("bb"), N(1)), (T("c"), N(2)), (T("bb"), N(3))),
            Value("Map", ((text("c"), nat(2)), (text("bb"), nat(3)))),
        ),
        ({"variant": {"tag": "A"}}, variant("A")),
        ({"variant": {"tag": "A", "value": N(1)}}, variant("A", nat(1))),
        ({"text": "wins", "list": 5, "op": "no"}, text("wins")),
    ],
)
def test_constructors(node: Any, value: Value) -> None:
    parsed = expr.parse(node)
    assert parsed.constant
    assert parsed.references == ()
    assert parsed.run(ENV) == value


OPERATOR_TABLE: list[tuple[Any, Value]] = [
    (op("len", T("aé😀")), nat(3)),
    (op("len", B("aGk=")), nat(2)),
    (op("len", L(N(1), N(1))), nat(2)),
    (op("len", S(N(1), N(1))), nat(1)),
    (op("len", M((N(1), N(1)))), nat(1)),
    (op("len", R(a=N(1))), nat(1)),
    (op("get", R(a=N(1)), T("a")), nat(1)),
    (op("get", M((N(1), T("x"))), I(1)), text("x")),
    (op("get", M((T("k"), T("x"))), T("k")), text("x")),
    (op("get", L(T("a"), T("b")), N(1)), text("b")),
    (op("get", L(T("a"), T("b")), I(0)), text("a")),
    (op("has", R(a=NONE), T("a")), TRUE),
    (op("has", R(a=NONE), T("b")), FALSE),
    (op("has", M((N(1), T("x"))), I(1)), TRUE),
    (op("has", M((N(1), T("x"))), N(2)), FALSE),
    (op("has", S(N(1)), I(1)), TRUE),
    (op("has", L(N(1)), N(0)), FALSE),
    (op("has", L(N(1)), I(1)), TRUE),
    (op("eq", N(1), I(1)), TRUE),
    (op("eq", L(N(1)), L(I(1))), TRUE),
    (op("eq", R(a=N(1), b=N(2)), R(b=N(2), a=N(1))), TRUE),
    (op("eq", R(a=N(1)), R(a=N(1), b=N(2))), FALSE),
    (op("eq", M((N(1), T("x"))), M((I(1), T("x")))), TRUE),
    (op("eq", S(N(2), N(1)), S(N(1), N(2))), TRUE),
    (op("eq", L(N(1)), L(N(1), N(2))), FALSE),
    (op("eq", L(N(1)), S(N(1))), FALSE),
    (op("eq", T(HASH), {"hash": HASH}), FALSE),
    (op("eq", TIME, N(5)), FALSE),
    (op("eq", N(0), NO), FALSE),
    (op("eq", NONE, NONE), TRUE),
    (op("ne", N(1), I(1)), FALSE),
    (op("ne", T("a"), T("b")), TRUE),
    (op("lt", N(1), I(2)), TRUE),
    (op("le", I(2), N(2)), TRUE),
    (op("gt", TIME, {"time_ns": 4}), TRUE),
    (op("ge", SPAN, {"duration_ns": 6}), FALSE),
    (op("lt", {"time_ns": 1}, N(2)), TRUE),
    (op("gt", {"duration_ns": -1}, I(-2)), TRUE),
    (op("le", {"time_ns": 7}, {"duration_ns": 7}), TRUE),
    (op("ge", N(6), {"time_ns": 7}), FALSE),
    (op("lt", T("Z"), T("a")), TRUE),
    (op("lt", T("\uffff"), T("\U00010000")), TRUE),
    (op("lt", T("b"), T("aa")), FALSE),
    (op("lt", N(2), I(2)), FALSE),
    (op("gt", N(2), I(2)), FALSE),
    (op("ge", N(2), I(2)), TRUE),
    (op("ge", T("b"), T("a")), TRUE),
    (op("and", YES, YES, YES), TRUE),
    (op("and", YES, NO, YES), FALSE),
    (op("or", NO, NO), FALSE),
    (op("or", NO, NO, YES), TRUE),
    (op("not", NO), TRUE),
    (op("concat", T("a"), T("b")), text("ab")),
    (op("starts_with", T("abc"), T("ab")), TRUE),
    (op("ends_with", T("abc"), T("ab")), FALSE),
    (op("contains", T("abc"), T("b")), TRUE),
    (op("contains", B("aGk="), B("aQ==")), TRUE),
    (op("contains", L(N(1)), I(1)), TRUE),
    (op("contains", S(T("a")), T("b")), FALSE),
    (op("contains", M((N(1), T("x"))), I(1)), TRUE),
    (op("contains", M((N(1), T("x"))), T("x")), FALSE),
    (op("add", N(2), N(3)), nat(5)),
    (op("add", N(2), I(3)), int_(5)),
    (op("add", N(2**64 - 2), N(1)), nat(2**64 - 1)),
    (op("sub", N(3), N(2)), nat(1)),
    (op("sub", N(2), N(3)), int_(-1)),
    (op("sub", N(2), N(2)), nat(0)),
    (op("sub", N(0), N(2**63)), int_(-(2**63))),
    (op("mul", I(-2), N(3)), int_(-6)),
    (op("div", N(7), N(2)), nat(3)),
    (op("div", I(-7), I(2)), int_(-3)),
    (op("div", I(7), I(-2)), int_(-3)),
    (op("div", I(-7), I(-2)), int_(3)),
    (op("div", I(-1), N(2)), int_(0)),
    (op("mod", N(7), N(2)), nat(1)),
    (op("mod", I(-7), I(2)), int_(-1)),
    (op("mod", I(7), I(-2)), int_(1)),
    (op("mod", I(-6), I(2)), int_(0)),
    (op("hash_bytes", B("")), Value("Hash", canon.hash_text(canon.sha256(b"")))),
]

ERRORS: list[tuple[Any, str]] = [
    (op("len", N(1)), "expected List or Set or Map or Record or Text or Bytes, got Nat"),
    (op("get", R(), T("a")), "there is no 'a'"),
    (op("get", R(a=N(1)), N(0)), "expected Text, got Nat"),
    (op("get", M((N(1), N(1))), N(2)), "there is no 2"),
    (op("get", L(N(1)), N(1)), "there is no 1"),
    (op("get", L(N(1)), I(-1)), "there is no -1"),
    (op("get", L(N(1)), T("0")), "expected Nat or Int, got Text"),
    (op("get", S(N(1)), N(0)), "got Set"),
    (op("get", NONE, T("a")), "got Null"),
    (op("has", T("abc"), T("a")), "got Text"),
    (op("has", R(), N(1)), "expected Text"),
    (op("lt", N(1), T("a")), "cannot order Nat and Text"),
    (op("lt", TIME, T("5")), "cannot order TimeNs and Text"),
    (op("ge", T(HASH), {"hash": HASH}), "cannot order Text and Hash"),
    (op("ge", {"dec128": "1"}, {"dec128": "2"}), "cannot order"),
    (op("le", YES, NO), "cannot order"),
    (op("and", NO, N(1)), "expected Bool, got Nat"),
    (op("or", YES, N(1)), "expected Bool, got Nat"),
    (op("and", NO, op("div", N(1), N(0))), "division by zero"),
    (op("or", YES, op("div", N(1), N(0))), "division by zero"),
    (op("not", N(0)), "expected Bool"),
    (op("concat", T("a"), {"hash": HASH}), "expected Text, got Hash"),
    (op("starts_with", {"uuid": UUID}, T("0")), "expected Text, got Uuid"),
    (op("ends_with", T("a"), {"dec128": "1"}), "expected Text, got Dec128"),
    (op("contains", T("a"), B("")), "expected Text, got Bytes"),
    (op("contains", R(a=N(1)), T("a")), "got Record"),
    (op("add", TIME, SPAN), "expected Int or Nat, got TimeNs"),
    (op("add", T("1"), N(1)), "got Text"),
    (op("add", N(2**64 - 1), N(1)), "overflows nat"),
    (op("add", I(2**63 - 1), N(1)), "overflows int"),
    (op("sub", I(-(2**63)), N(1)), "overflows int"),
    (op("sub", N(0), N(2**63 + 1)), "overflows int"),
    (op("mul", N(2**33), N(2**33)), "overflows nat"),
    (op("div", I(-(2**63)), I(-1)), "overflows int"),
    (op("div", N(1), N(0)), "division by zero"),
    (op("mod", I(1), I(0)), "division by zero"),
    (op("hash_bytes", T("x")), "expected Bytes, got Text"),
]


@pytest.mark.parametrize(("node", "value"), OPERATOR_TABLE)
def test_operators(node: Any, value: Value) -> None:
    """B-17."""
    parsed = expr.parse(node)
    assert parsed.run(ENV) == value
    assert not parsed.constant


@pytest.mark.parametrize(("node", "message"), ERRORS)
def test_what_operators_refuse(node: Any, message: str) -> None:
    """B-17."""
    with pytest.raises(EvalError) as caught:
        run(node)
    assert message in caught.value.message


def test_the_tables_name_every_operator() -> None:
    assert {node["op"] for node, _ in OPERATOR_TABLE} | {"hash"} == set(OPERATORS)
    fail = {node["op"] for node, _ in ERRORS}
    assert fail | {"eq", "ne", "hash", "gt"} == set(OPERATORS), "those that never fail are named"


@pytest.mark.parametrize("name", OPERATORS)
def test_the_number_of_arguments_is_checked_when_parsed(name: str) -> None:
    operator = OPERATORS[name]
    few = [T("x")] * (operator.least - 1)
    many = [T("x")] * (operator.least + 1)
    with pytest.raises(AirError, match=f"{name} takes {operator.least}"):
        expr.parse(op(name, *few))
    if operator.open:
        assert expr.parse(op(name, *many))
    else:
        with pytest.raises(AirError, match=f"got {operator.least + 1}"):
            expr.parse(op(name, *many))
    with pytest.raises(AirError, match="got 0"):
        expr.parse({"op": name})


# The hash operator: the kinded form


@pytest.mark.parametrize(
    ("node", "digest"),
    [
        (N(5), "579b3da309fc7bf97270d6f6cacbeddbf180927e141e51fb5642a0afd30211fb"),
        (I(-1), "92a7116010b9346c89e017aadebec6502f5864291b88ee51e6dccfb53c87f1aa"),
        (NONE, "7c4ac26567cc278ba1064af50694c571430ac8364dbb59002dc12b9557bf38fa"),
        (B("AQI="), "eb52f42a0fae20755be30d48fdf4bc98a0459b3ec55ed9560956d8d4639b695b"),
        (
            R(workspace=T("alpha"), step=T("emit_resolve")),
            "8b908bed9bbb5426940a814bf6b6d4cc9ce356e212dc9464419e0fdd3a376a4b",
        ),
    ],
)
def test_published_hashes(node: Any, digest: str) -> None:
    """B-16."""
    assert run(op("hash", node)) == Value("Hash", f"sha256:{digest}")


def test_the_kinded_form_is_what_is_hashed() -> None:
    """B-16."""
    value = run(R(workspace=T("alpha"), step=T("emit_resolve")))
    assert kinded_bytes(value).hex() == (
        "d9d9f7a1665265636f7264a26473746570a164546578746c656d69745f7265736f6c7665"
        "69776f726b7370616365a1645465787465616c706861"
    )
    plain = canon.hash_text(canon.digest({"workspace": "alpha", "step": "emit_resolve"}))
    assert plain.startswith("sha256:ceee8f06")
    assert run(op("hash", N(1))) != run(op("hash", I(1)))


@pytest.mark.parametrize(
    ("value", "kinded"),
    [
        (NULL, "Null"),
        (UNIT, "Unit"),
        (TRUE, {"Bool": True}),
        (Value("Int", -1), {"Int": -1}),
        (nat(1), {"Nat": 1}),
        (Value("Bytes", b"\x01"), {"Bytes": b"\x01"}),
        (text("x"), {"Text": "x"}),
        (Value("Hash", "sha256:" + "0" * 64), {"Hash": "sha256:" + "0" * 64}),
        (Value("TimeNs", 7), {"TimeNs": 7}),
        (Value("DurationNs", -7), {"DurationNs": -7}),
        (Value("Dec128", "1"), {"Dec128": "1"}),
        (Value("Uuid", UUID), {"Uuid": UUID}),
        (Value("List", tuple(map(nat, range(300)))), {"List": [{"Nat": n} for n in range(300)]}),
        (make_set([nat(24), nat(1)]), {"Set": [{"Nat": 1}, {"Nat": 24}]}),
        (variant("A"), {"Record": {"$tag": {"Text": "A"}, "$value": "Unit"}}),
        (record(bb=NULL, a=UNIT), {"Record": {"a": "Unit", "bb": "Null"}}),
    ],
)
def test_the_kinded_form_of_each_kind(value: Value, kinded: Any) -> None:
    """B-16."""
    assert kinded_bytes(value) == canon.encode(kinded)


def test_the_kinded_form_of_a_set_is_ordered_by_kind_then_by_value() -> None:
    """B-16: texts bytewise, without regard to their length; the value keeps its own order."""
    high = {"hash": "sha256:" + "f" * 64}
    mixed = run(
        S({"uuid": UUID}, high, {"hash": HASH}, T("b"), T("aa"), N(300), N(7), I(-1), I(-9))
    )
    one = [{"Int": -9}, {"Int": -1}, {"Nat": 7}, {"Nat": 300}, {"Text": "aa"}, {"Text": "b"}]
    two = [{"Hash": HASH}, {"Hash": "sha256:" + "f" * 64}, {"Uuid": UUID}]
    assert kinded_bytes(mixed) == canon.encode({"Set": one + two})
    assert run(S(T("aa"), T("b"))).data == (text("b"), text("aa"))


def test_of_equal_keys_of_a_map_expression_the_last_stays() -> None:
    computed = M((op("concat", T("a"), T("")), N(1)), (T("b"), N(2)), (T("a"), N(3)))
    assert run(computed) == make_map([(text("a"), nat(3)), (text("b"), nat(2))])
    assert run(op("get", computed, T("a"))) == nat(3)


def test_the_kinded_form_of_a_map_has_maps_as_keys() -> None:
    """B-16."""
    value = make_map([(text("bb"), nat(2)), (text("c"), nat(1))])
    one = bytes.fromhex("a164546578746163") + bytes.fromhex("a1634e617401")
    two = bytes.fromhex("a16454657874626262") + bytes.fromhex("a1634e617402")
    assert kinded_bytes(value) == canon.SELF_DESCRIBE + b"\xa1\x63Map\xa2" + one + two


# References


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


def test_an_error_carries_the_path_of_the_failing_part() -> None:
    with pytest.raises(EvalError) as caught:
        run(R(a=L(N(1), op("not", op("div", N(1), N(0))))))
    assert caught.value.path == "$.record.a.list[1].args[0]"
    assert caught.value.message == "div: division by zero"


@pytest.mark.parametrize("key", [L(N(1)), R(), NONE, B(""), YES, TIME, S(), M()])
def test_only_five_kinds_can_be_map_keys(key: Any) -> None:
    with pytest.raises(EvalError) as caught:
        run(S(M((T("ok"), N(1)), (key, N(1)))))
    assert "cannot be the key of a map" in caught.value.message
    assert caught.value.path == "$.set[0].map[1].key"


def test_a_set_may_hold_anything() -> None:
    assert run(op("len", S(R(a=N(1)), R(a=I(1)), L(), M((N(1), N(1)))))) == nat(3)


def test_too_deep_a_set_is_an_error_of_evaluation() -> None:
    deep: Any = N(1)
    for _ in range(200):
        deep = L(deep)
    with pytest.raises(EvalError, match="nested too deep"):
        run(S(deep))


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


# Fuzz

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


# -- what is not there --------------------------------------------------------------------------


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


def test_references_may_be_read_by_another_language() -> None:
    def refer(text: Any, path: str) -> Reference:
        return Reference("var", (text,), text, path)

    parsed = expr.parse({"op": "not", "args": [{"ref": "any.thing at all"}]}, refer=refer)
    assert [(of.text, of.path) for of in parsed.references] == [
        ("any.thing at all", "$.args[0].ref")
    ]
    assert parsed.run(Env(UNIT, {"any.thing at all": TRUE})) == FALSE
