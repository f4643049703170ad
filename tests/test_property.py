"""Properties over worlds: how references are read, what is not there, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.property import Property, to_host
from aos_core.view import View
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, TEXT, module, record, schema
from tests.scenarios import finished
from tests.support import ROOT, answering, tiny_world

AGGREGATOR, SEAT, HELLO = "demo/Aggregator@1", "demo/Seat@1", "demo/Hello@1"


def ref(text: str) -> dict[str, Any]:
    return {"ref": text}


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def nat(value: int) -> dict[str, Any]:
    return {"nat": value}


def text(value: str) -> dict[str, Any]:
    return {"text": value}


@pytest.fixture(scope="module")
def aggregator() -> Iterator[World]:
    with finished(ROOT / "examples/04-aggregator", "basic") as world:
        yield world


@pytest.fixture(scope="module")
def seats() -> Iterator[World]:
    with finished(ROOT / "examples/09-cells", "basic") as world:
        yield world


@pytest.fixture(scope="module")
def hello() -> Iterator[World]:
    with finished(ROOT / "examples/01-hello-timer", "basic") as world:
        yield world


def verdicts(world: World, node: Any) -> list[bool | None]:
    """By height."""
    parsed = Property.parse(node, world.program)
    return [parsed.holds(world.at(height)) for height in range(world.height + 1)]


def only(world: World, reference: str, height: int) -> str:
    (reading,) = Property.parse(op("eq", ref(reference), nat(0)), world.program).evaluate(
        world.at(height)
    )
    return str(reading)


def refused(world: World, node: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        Property.parse(node, world.program)
    assert caught.value.code == "bad_property"
    return caught.value


# -- values -----------------------------------------------------------------------------------


def test_states_pending_and_cells_are_read_at_every_height(
    aggregator: World, seats: World, hello: World
) -> None:
    last = aggregator.height
    assert only(aggregator, f"@state:{AGGREGATOR}.last_statuses", last).endswith(
        "= [202, 200, 201]"
    )
    assert only(hello, f"@state:{HELLO}.$value.greeting", hello.height).endswith('= "Hello, Ada!"')
    assert only(seats, f"@cell:{SEAT}[A1].guest", seats.height) == (
        f'@cell:{SEAT}[A1].guest = "ann"'
    )
    for world in (aggregator, seats, hello):
        counts = [len(world.at(height).pending) for height in range(world.height + 1)]
        shown = [only(world, "@pending", height) for height in range(world.height + 1)]
        assert shown == [f"@pending = {count}" for count in counts] and max(counts) > 0


def test_whole_states_read_as_the_view_shows_them(
    aggregator: World, seats: World, hello: World
) -> None:
    compared = 0
    for world, reducer in ((aggregator, AGGREGATOR), (hello, HELLO)):
        parsed = Property.parse(op("eq", ref(f"@state:{reducer}"), nat(0)), world.program)
        for height in range(world.height + 1):
            view = world.at(height)
            assert parsed.values(view) == {f"@state:{reducer}": view.state(reducer)}
            compared += view.state(reducer) is not None
    parsed = Property.parse(op("eq", ref(f"@cell:{SEAT}[A3]"), nat(0)), seats.program)
    for height in range(seats.height + 1):
        view = seats.at(height)
        assert parsed.values(view) == {f"@cell:{SEAT}[A3]": view.state(SEAT, "A3")}
    assert compared > 10


def test_values_carry_the_kinds_of_the_schema(aggregator: World) -> None:
    """A literal of another kind differs, and a number compares by value."""
    where = f"@state:{AGGREGATOR}."
    assert verdicts(aggregator, op("eq", ref(where + "requests"), {"int": 1}))[-1] is True
    statuses = {"list": [{"int": code} for code in (202, 200, 201)]}
    assert verdicts(aggregator, op("eq", ref(where + "last_statuses"), statuses))[-1] is True
    hashes = [op("hash", ref(where + "last_statuses")), op("hash", statuses)]
    assert verdicts(aggregator, op("eq", *hashes))[-1] is True
    other = {"list": [nat(code) for code in (202, 200, 201)]}
    hashes = [op("hash", ref(where + "last_statuses")), op("hash", other)]
    assert verdicts(aggregator, op("eq", *hashes))[-1] is False


@pytest.mark.parametrize("key", ["A1", '"A1"', ' "A1" '])
def test_a_key_is_json_or_bare_text(seats: World, key: str) -> None:
    assert only(seats, f"@cell:{SEAT}[{key}].guest", 5).endswith('= "ann"')


def cells(tmp_path: Path, key_type: Any, value: Any) -> World:
    """One cell, whose key is a field of the event."""
    path = tiny_world(
        tmp_path / "cells",
        schema("demo/Key@1", key_type),
        schema("demo/Ev@1", record(key={"ref": "demo/Key@1"})),
        schema("demo/St@1", record(n=NAT)),
        module("demo.x/My.Cells-2@12", "demo/Ev@1", "demo/St@1", key="demo/Key@1"),
        wasm={"My.Cells-2": answering({"state": canon.encode_plain({"n": 7})})},
        routes=[("demo/Ev@1", "demo.x/My.Cells-2@12", "key")],
    )
    world = World.open(path, memory=True)
    assert world.fire("demo/Ev@1", {"key": value}).fault is None
    return world


@pytest.mark.parametrize(
    ("key_type", "value", "key"),
    [
        (NAT, 7, "7"),
        (TEXT, "7", "7"),
        (TEXT, "7", '"7"'),
        (TEXT, "7 of 9", "7 of 9"),
        (TEXT, "true", "true"),
        (TEXT, "a.b/c@1 [x", "a.b/c@1 [x"),
        (TEXT, "a].n", '"a].n"'),
        (TEXT, '"', r'"\""'),
        (TEXT, "", '""'),
        (TEXT, '"x', '"x'),
        (record(a=NAT, b=TEXT), {"a": 1, "b": "]"}, '{"b": "]", "a": 1}'),
        ({"bool": {}}, True, "true"),
    ],
)
def test_names_and_keys_are_read_exactly(
    tmp_path: Path, key_type: Any, value: Any, key: str
) -> None:
    with cells(tmp_path, key_type, value) as world:
        reference = f"@cell:demo.x/My.Cells-2@12[{key}].n"
        assert only(world, reference, world.height) == f"{reference} = 7"
        assert only(world, reference, 0) == f"{reference} is not there"


def test_state_bytes_that_do_not_fit_their_schema_are_read_untyped(tmp_path: Path) -> None:
    path = tiny_world(
        tmp_path / "odd",
        schema("demo/Ev@1", NAT),
        schema("demo/St@1", record(n=NAT)),
        module("demo/Odd@1", "demo/Ev@1", "demo/St@1"),
        wasm={"Odd": answering({"state": canon.encode_plain({"n": "text", "more": [1, b"x"]})})},
        routes=[("demo/Ev@1", "demo/Odd@1")],
    )
    with World.open(path, memory=True) as world:
        world.fire("demo/Ev@1", 1)
        assert only(world, "@state:demo/Odd@1.n", world.height).endswith('= "text"')
        parsed = Property.parse(op("eq", ref("@state:demo/Odd@1"), nat(1)), world.program)
        view = world.at(world.height)
        assert parsed.values(view) == {"@state:demo/Odd@1": view.state("demo/Odd@1")}


# -- what is not there ------------------------------------------------------------------------


def test_a_path_into_no_state_says_nothing_and_the_state_itself_is_null(seats: World) -> None:
    guest = verdicts(seats, op("eq", ref(f"@cell:{SEAT}[A2].guest"), text("bob")))
    assert guest[0] is None and True in guest and False not in guest
    assert guest[-1] is None, "the cell was deleted"
    there = verdicts(seats, op("ne", ref(f"@cell:{SEAT}[A2]"), {"null": {}}))
    assert there == [verdict is not None for verdict in guest]


def test_another_arm_of_a_variant_says_nothing(hello: World) -> None:
    waits = verdicts(hello, op("eq", ref(f"@state:{HELLO}.$value.due_ns"), nat(5_000_000_000)))
    tags = [(hello.at(h).state(HELLO) or {}).keys() for h in range(hello.height + 1)]
    assert waits == [True if "Waiting" in tag else None for tag in tags]
    assert True in waits and waits[-1] is None


def test_a_missing_item_and_null_say_nothing(aggregator: World) -> None:
    requests = ref(f"@state:{AGGREGATOR}.pending")
    found = verdicts(aggregator, op("eq", op("len", op("get", requests, nat(1))), nat(0)))
    assert found[-1] is None and False in found, "it is there while the request is pending"
    last = ref(f"@state:{AGGREGATOR}.last_request_id")
    no_value = [
        (aggregator.at(h).state(AGGREGATOR) or {}).get("last_request_id") is None
        for h in range(aggregator.height + 1)
    ]
    assert verdicts(aggregator, op("ge", last, nat(0))) == [None if no else True for no in no_value]
    assert True in no_value and False in no_value


def test_null_says_nothing_and_neither_yes_nor_no(seats: World) -> None:
    parsed = Property.parse(ref(f"@cell:{SEAT}[A1]"), seats.program)
    assert parsed.holds(seats.at(0)) is None
    with pytest.raises(UsageError, match="this gives Record"):
        parsed.holds(seats.at(seats.height))


def test_an_object_that_is_more_than_an_and_is_what_expressions_take_it_for(seats: World) -> None:
    node = {"ref": "@pending"} | op("and", {"bool": True}, {"bool": True})
    with pytest.raises(UsageError, match="this gives Nat"):
        Property.parse(node, seats.program).holds(seats.at(0))


def test_no_part_of_an_and_at_the_top_hides_another(seats: World) -> None:
    nothing = op("eq", ref(f"@cell:{SEAT}[Z9].guest"), text("x"))
    few = op("le", ref("@pending"), nat(2))
    alone = verdicts(seats, few)
    assert False in alone and True in alone
    expected = [False if verdict is False else None for verdict in alone]
    assert verdicts(seats, op("and", nothing, few)) == expected
    assert verdicts(seats, op("and", op("and", {"bool": True}, nothing), few)) == expected
    assert set(verdicts(seats, op("or", nothing, few))) == {None}


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        (f"@state:{SEAT}.guest", "is keyed", f'@cell:{SEAT}["key"].guest'),
        (f"@state:{SEAT}[A1].guest", "is keyed", f"@cell:{SEAT}[A1].guest"),
        (f"@cell:{SEAT}.guest", "key of a cell is missing", "in brackets"),
        (f"@cell:{SEAT}[].guest", "key of a cell is missing", "in brackets"),
        (f"@cell:{SEAT}[A1", "key of a cell is missing", "in brackets"),
        (f"@cell:{SEAT}[A1].gest", "there is no 'gest' in demo/SeatState@1", "did you mean guest?"),
        (f"@cell:{SEAT}[A1].stage.$value.x", "there is no 'x'", "until_ns"),
        (f"@cell:{SEAT}[A1].guest.x", "there is no 'x'", "get and has"),
        (f"@cell:{SEAT}[A1]guest", "'guest' is no path", ".field"),
        (f"@cell:{SEAT}[A1].", "'.' is no path", ".field"),
        (f"@cell:{SEAT}[A1].a..b", "is no path", ".field"),
        ("@cell:demo/Seats@1[A1]", "there is no reducer 'demo/Seats@1'", f"did you mean {SEAT}?"),
        ("@cell:demo/Seat@11[A1]", "there is no reducer 'demo/Seat@11'", SEAT),
        ("@state:nothing/Like@1", "there is no reducer", f"known: {SEAT}"),
        ("@state:Seat.guest", "unknown reference", f"with its version: @state:{SEAT}"),
        ("@cell:Seat[A1]", "unknown reference", f'@cell:{SEAT}["key"]'),
        ("@pending.x", "unknown reference", "@pending"),
        ("@plan.input", "unknown reference", "a property knows @state:"),
        (7, "a reference is a text", "@state:"),
    ],
)
def test_a_reference_that_is_wrong_is_told(
    seats: World, reference: Any, message: str, hint: str
) -> None:
    error = refused(seats, op("eq", nat(1), ref(reference)))
    assert message in error.message and error.where["path"] == "$.args[1].ref"
    assert error.hint is not None and hint in error.hint


def test_a_reducer_without_key_has_no_cells(hello: World) -> None:
    error = refused(hello, op("eq", nat(1), ref(f"@cell:{HELLO}[x].$tag")))
    assert "not keyed" in error.message
    assert error.hint is not None and f"@state:{HELLO}" in error.hint


def test_a_key_that_does_not_fit_is_told(tmp_path: Path) -> None:
    with cells(tmp_path, NAT, 7) as world:
        error = refused(world, op("eq", nat(1), ref("@cell:demo.x/My.Cells-2@12[x].n")))
        assert "expected nat" in error.message and "'x'" in error.message


@pytest.mark.parametrize(
    ("node", "path", "message"),
    [
        ("{", None, "no JSON"),
        ("[" * 100_000, None, "no JSON"),
        ("7", "$", "expected an expression"),
        ('{"opp": "eq"}', "$", "not an expression"),
        (op("equals", nat(1), nat(1)), "$.op", "unknown operator 'equals'"),
        (op("and", {"bool": True}), "$", "and takes 2 or more arguments"),
        (op("eq", nat(1)), "$", "eq takes 2 arguments"),
        (op("and", op("eq", nat(1), nat(1)), op("eq", nat(-1), nat(1))), "$.args[1].args[0].nat",
         "out of range"),
        (op("add", nat(1), nat(1)), "$", "add gives something else"),
        (op("and", {"bool": True}, op("len", ref("@pending"))), "$.args[1]", "len gives something"),
        (nat(1), "$", "nat gives something else"),
    ],
)  # fmt: skip
def test_an_expression_that_is_wrong_is_told(
    hello: World, node: Any, path: str | None, message: str
) -> None:
    error = refused(hello, node)
    assert message in error.message and error.where.get("path") == path


def test_a_property_nested_too_deep_is_told(hello: World) -> None:
    node: Any = {"bool": True}
    for _ in range(5000):
        node = op("not", node)
    assert "nested too deep" in refused(hello, node).message


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (ref("@pending"), "says yes or no, and this gives Nat"),
        (op("le", ref("@pending"), text("3")), "le: cannot order Nat and Text"),
        (op("eq", op("div", nat(6), ref("@pending")), nat(6)), "div: division by zero"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_with_its_height(
    hello: World, node: Any, message: str
) -> None:
    parsed = Property.parse(node, hello.program)
    with pytest.raises(UsageError) as caught:
        parsed.holds(hello.at(0))
    assert message in caught.value.message and caught.value.code == "bad_property"
    assert caught.value.where["height"] == 0 and "path" in caught.value.where
    assert caught.value.hint is not None and "@pending = 0" in caught.value.hint


def test_text_and_json_give_the_same_property(seats: World) -> None:
    node = op("le", ref("@pending"), nat(2))
    assert verdicts(seats, json.dumps(node)) == verdicts(seats, node)


def test_every_reference_is_read_once_in_the_order_of_the_text(seats: World) -> None:
    node = op("and", op("le", ref("@pending"), nat(2)),
              op("or", op("eq", ref(f"@cell:{SEAT}[A1].guest"), text("x")),
                 op("eq", ref("@pending"), nat(1))))  # fmt: skip
    readings = Property.parse(node, seats.program).evaluate(seats.at(0))
    assert [of.reference for of in readings] == ["@pending", f"@cell:{SEAT}[A1].guest"]


def test_a_reducer_that_a_manifest_did_not_have_yet_has_no_state(
    seats: World, hello: World
) -> None:
    """A property of the manifest at the end, looked at before it came."""
    parsed = Property.parse(op("eq", ref(f"@cell:{SEAT}[A1].guest"), text("ann")), seats.program)
    before: View = hello.at(hello.height)
    assert parsed.holds(before) is None and parsed.values(before) == {}


def test_host_json_of_values_is_that_of_schemas(aggregator: World) -> None:
    """Every value of every event, receipt and state schema that a history holds."""
    schemas = aggregator.program.schemas
    for record_ in aggregator.records:
        if record_.kind == "event":
            of = schemas[record_["schema"]]
            value = of.normalise(record_["value"])
            assert to_host(of.kinded(value)) == of.to_host(value)
