"""Every operator's table: what it gives, and what it refuses (air-v1, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.air import expr
from aos_core.air.expr import EvalError
from aos_core.air.operators import OPERATORS
from aos_core.air.values import NULL, Value, make_map, record, variant
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
    int_,
    nat,
    op,
    run,
    text,
)


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


def test_of_equal_keys_of_a_map_expression_the_last_stays() -> None:
    computed = M((op("concat", T("a"), T("")), N(1)), (T("b"), N(2)), (T("a"), N(3)))
    assert run(computed) == make_map([(text("a"), nat(3)), (text("b"), nat(2))])
    assert run(op("get", computed, T("a"))) == nat(3)
