"""Values and worlds at the edge of what the contracts allow; none may break a turn."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.air.check import check
from aos_core.errors import AirError, CheckFailed, Rejected, ValueRejected
from aos_core.kernel.records import EventInput, ManifestInput, ReceiptInput, Record
from aos_core.replay import frame_body
from tests.kernel import worlds
from tests.kernel.worlds import (
    NAT,
    TEXT,
    Node,
    World,
    assign,
    await_,
    emit,
    end,
    endings,
    judged,
    kinds,
    listen,
    module,
    moves,
    of_kind,
    op,
    outcome,
    plan,
    program,
    record,
    ref,
    schema,
    started,
    why,
)

P, R = "demo/p@1", "demo/r@1"
HTTP = "sys/CapEnforceHttpOut@1"


def written(world: World) -> bytes:
    """The last turn as its frame holds it: everything in it can be written."""
    assert world.turn is not None
    assert world.state.root
    return canon.encode_plain(frame_body(1, b"", world.turn))


# -- null is a value --------------------------------------------------------------------------


def effect(kind: str, **more: str) -> Node:
    of = {"params_schema": "demo/AskParams@1", "receipt_schema": "demo/AskReceipt@1", **more}
    return {
        "$kind": "defeffect",
        "name": f"demo/{kind}@1",
        "kind": f"demo.{kind}",
        "cap_type": "demo.ask",
        "origin_scope": "plan",
        **of,
    }


@pytest.mark.parametrize("type", [{"unit": {}}, {"option": TEXT}])
def test_an_event_may_be_null(type: Any) -> None:
    world = World(
        schema("demo/Null@1", type),
        module(R, "demo/Null@1"),
        reducers={R: lambda _: {"state": b"\xf6"}},
        routes=[("demo/Null@1", R)],
    )
    done = world.fire("demo/Null@1", None)
    assert kinds(done.records) == ["event", "step"]
    assert done.records[0]["value"] is None
    assert Record.from_plain(canon.decode(written(world))["records"][0]) == done.records[0]


def test_a_receipt_may_be_null_and_a_late_one_too() -> None:
    asks = {**emit("x"), "kind": "demo.tell"}
    world = World(
        effect("tell", receipt_schema="demo/Anything@1"),
        plan(P, [asks, await_("w", "x"), end()], ("x", "w"), ("w", "end")),
        **started(P),
    )
    world.go()
    (intent,) = world.pending
    null = ReceiptInput(intent=intent.hash, adapter_id="t", status="ok", payload=b"\xf6")
    assert outcome(world.put(null)) == "settled"
    assert endings(world.records) == [("ok", None)]
    late = ReceiptInput(intent=intent.hash, adapter_id="t", status="ok", payload=b"\xf6", late=True)
    assert outcome(world.put(late)) == "late"
    assert written(world)


def test_params_and_raised_events_may_be_null() -> None:
    nothing: Node = {"null": {}}
    raises = {"id": "s", "op": "raise_event", "event": "demo/Anything@1", "value": nothing}
    asks = {**emit("x"), "kind": "demo.ping", "params": nothing}
    ping = effect("ping", params_schema="demo/Anything@1")
    world = World(ping, plan(P, [asks, raises]), **started(P))
    world.go()
    assert endings(world.records) == [("ok", None)]
    assert of_kind(world.records, "intent")[0]["params"] is None
    assert written(world)


def test_a_result_of_null_is_told_from_none() -> None:
    given = World(plan(P, [end(result={"null": {}})], output="demo/Anything@1"), **started(P))
    given.go()
    assert of_kind(given.records, "plan_ended")[0].fields["result"] is None
    without = World(plan(P, [end()]), **started(P))
    without.go()
    assert "result" not in of_kind(without.records, "plan_ended")[0].fields


# -- a plan while it waits --------------------------------------------------------------------


def test_a_guard_that_turns_false_does_not_touch_a_step_that_waits() -> None:
    def sets(id: str, value: bool) -> Node:
        return {**assign(id, {"bool": value}), "bind": {"as": "go"}}

    world = World(
        plan(
            P,
            [sets("a", True), emit("x"), emit("y"), await_("wx", "x"), await_("wy", "y"),
             sets("b", False), end()],
            ("a", "wx", ref("var:go")), ("x", "wx"), ("y", "wy"), ("wy", "b"), ("b", "end"),
            ("wx", "end"),
        ),
        **started(P),
    )  # fmt: skip
    world.go()
    world.answer("y")
    assert ("wx", "skipped") not in moves(world.records)
    world.answer("x")
    assert ("wx", "done") in moves(world.records)
    assert endings(world.records) == [("ok", None)]


def test_a_running_plan_keeps_the_params_schema_it_began_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(plan(P, [listen("l"), emit("x")], ("l", "x")), **started(P))
    world.go()
    changed = tuple(
        schema("demo/AskParams@1", record(q=TEXT, more=TEXT))
        if node["name"] == "demo/AskParams@1"
        else node
        for node in worlds.VOCABULARY
    )
    monkeypatch.setattr(worlds, "VOCABULARY", changed)
    new = program()
    world.swap(new)
    world.put(ManifestInput(old=world.state.manifest, new=new.manifest_hash, changed=()))
    world.said("a")
    assert endings(world.records) == [("ok", None)]
    assert of_kind(world.records, "intent")[0]["params"] == {"q": "x"}


def test_what_is_no_bool_is_named_where_it_stands() -> None:
    def told(*edges: Any, **more: Any) -> str:
        world = World(
            plan(P, [assign("a", {"nat": 1}), assign("b", {"nat": 1})], *edges, **more),
            **started(P),
        )
        world.go()
        return why(world)

    assert told(("a", "b", {"nat": 1})).endswith("at $.edges[0].when")
    assert told(invariants=[{"bool": True}, {"nat": 1}]).endswith("at $.invariants[1]")


# -- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [1, "a"])
@pytest.mark.parametrize("deep", [10, 45])
def test_a_payload_as_deep_as_the_border_lets_in_can_be_kept(key: Any, deep: int) -> None:
    extra: Any = 0
    for _ in range(deep):
        extra = {key: extra}
    world = World(plan(P, [emit("x"), await_("w", "x"), listen("l")], ("x", "w")), **started(P))
    world.go()
    world.answer("x", {"n": 1, "note": None, "extra": extra})
    assert ("w", "done") in moves(world.records)
    assert written(world)


def test_values_that_double_end_the_plan_before_they_fill_the_memory() -> None:
    def doubled(start: Any, twice: Any) -> list[tuple[str, str | None]]:
        steps = [assign("v0", start)]
        steps += [assign(f"v{i}", twice(ref(f"var:v{i - 1}"))) for i in range(1, 40)]
        edges = [(f"v{i - 1}", f"v{i}") for i in range(1, 40)]
        world = World(plan(P, steps, *edges), **started(P))
        world.go()
        return endings(world.records)

    text = doubled({"text": "x" * 2**16}, lambda of: op("concat", of, of))
    assert text == [("error", "bad_value")]
    assert doubled({"nat": 1}, lambda of: {"list": [of, of]}) == [("error", "bad_value")]


def test_schemas_that_share_references_are_refused_before_they_grow() -> None:
    def chain(count: int, fields: str) -> list[Node]:
        def link(i: int) -> Node:
            return {"ref": f"demo/S{i + 1}@1"}

        nodes = [
            schema(f"demo/S{i}@1", record(**{name: link(i) for name in fields}))
            for i in range(count)
        ]
        return [*nodes, schema(f"demo/S{count}@1", NAT)]

    def refused(count: int, fields: str) -> list[str]:
        found = check(program(*chain(count, fields)).catalog)
        return [of.message for of in found if of.severity == "error"]

    assert refused(10, "ab") == []
    (message,) = refused(40, "ab")
    assert "parts" in message
    (message,) = refused(1000, "a")
    assert "in a row" in message or "levels" in message


# -- keys and constants -----------------------------------------------------------------------


@pytest.mark.parametrize("key", [b"", b"garbage", b"\x05\x05", canon.encode("5"), canon.encode(-1)])
def test_a_key_has_to_be_one_of_the_key_schema(key: bytes) -> None:
    event = {"variant": {"Said": {"ref": "demo/Said@1"}, "Fired": {"ref": "sys/TimerFired@1"}}}
    world = World(
        schema("demo/Ev@1", event),
        module(R, "demo/Ev@1", key="demo/Nat@1"),
        reducers={R: lambda _: {"state": b"\xf6"}},
        routes=[("demo/Ev@1", R, "$value.n"), ("sys/TimerFired@1", R)],
    )
    fired = world.program.schemas["sys/TimerFired@1"].zero()
    with pytest.raises(ValueRejected):
        world.fire("sys/TimerFired@1", fired, key=key)
    for same in (canon.encode(5), b"\x05", b"\x18\x05"):
        done = world.fire("sys/TimerFired@1", fired, key=same)
        assert done.records[0]["key"] == canon.encode(5)
    assert [of for of, _ in world.state.cells[R].items()] == [canon.encode(5)]


@pytest.mark.parametrize("key", [{"map": []}, {"list": []}, {"bool": True}, {"null": {}}])
def test_a_constant_map_takes_no_other_keys(key: Any) -> None:
    odd = {"map": [{"key": key, "value": {"variant": {"tag": "A"}}}]}
    with pytest.raises(CheckFailed, match="cannot be the key"):
        program(plan(P, [{**emit("x"), "params": {"record": {"q": odd}}}]))


# -- grants with fields of other types --------------------------------------------------------


def decided(grant: Any, params: Any, cap: Node) -> str | None:
    of = program(cap, grants=[{"name": "g", "cap": "demo/c@1", "params": grant}])
    return judged(of, "g", params).code


def cap(type: Any, cap_type: str = "http.out", **more: Any) -> Node:
    return {"$kind": "defcap", "name": "demo/c@1", "cap_type": cap_type, "schema": type, **more}


GET: Node = {"method": "GET", "url": "http://a.b/x", "headers": {}, "body_ref": None}


@pytest.mark.parametrize("enforcer", [{}, {"enforcer": {"module": HTTP}}])
@pytest.mark.parametrize(
    ("type", "grant"),
    [
        (record(hosts=TEXT), {"hosts": "a.b"}),
        (record(hosts={"list": NAT}), {"hosts": [1]}),
        (record(ports={"list": TEXT}), {"ports": ["80"]}),
        (record(path_prefixes={"list": NAT}), {"path_prefixes": [1]}),
    ],
)
def test_constraints_of_other_types_allow_nothing(type: Any, grant: Any, enforcer: Any) -> None:
    assert decided(grant, GET, cap(type, **enforcer)) == "cap_params_invalid"


@pytest.mark.parametrize(
    ("type", "grant"), [({"unit": {}}, None), ({"list": NAT}, [1]), (TEXT, "x")]
)
def test_a_grant_that_is_no_record_constrains_nothing_by_name(type: Any, grant: Any) -> None:
    assert decided(grant, GET, cap(type)) is None
    assert decided(grant, GET, cap(type, enforcer={"module": HTTP})) == "cap_params_invalid"


def test_an_effect_without_url_is_held_only_to_constraints_there_are() -> None:
    other = {"q": "x"}
    assert decided({}, other, cap({"record": {}})) is None
    hosts = record(hosts={"list": TEXT})
    assert decided({"hosts": ["a.b"]}, other, cap(hosts)) == "effect_params_invalid"


@pytest.mark.parametrize("choice", ["Tool", {"$tag": "Tool", "$value": "x"}, {"$tag": "Tool"}])
def test_an_llm_request_of_another_shape_is_denied(choice: Any) -> None:
    limited = cap(record(tools_allow={"list": TEXT}), "llm.basic")
    params = {"provider": "p", "model": "m", "max_tokens": 1, "tool_choice": choice}
    assert decided({"tools_allow": ["t"]}, params, limited) == "effect_params_invalid"


# -- inputs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_ns": 1.5}, {"at_ns": None}, {"logical_ns": True}, {"entropy": None},
        {"entropy": bytes(63)}, {"source": 5}, {"schema": None}, {"value": "x"}, {"value": None},
        {"key": "k"},
    ],
)  # fmt: skip
def test_an_event_input_of_another_form_is_refused_when_it_is_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=next(iter(wrong))):
        EventInput(**{"schema": "demo/Go@1", "value": b"", **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"intent": None}, {"intent": "x" * 32}, {"adapter_id": None}, {"payload": None},
        {"payload": "x"}, {"signature": 5}, {"late": None}, {"cost_cents": 1.5}, {"status": ["ok"]},
    ],
)  # fmt: skip
def test_a_receipt_input_of_another_form_is_refused_when_it_is_built(wrong: dict[str, Any]) -> None:
    form: dict[str, Any] = {
        "intent": bytes(32),
        "adapter_id": "t",
        "status": "ok",
        "payload": b"\xf6",
    }
    ReceiptInput(**form)
    with pytest.raises(Rejected, match=next(iter(wrong))):
        ReceiptInput(**{**form, **wrong})


def test_a_member_that_has_no_value_is_named() -> None:
    of = program(schema("demo/None@1", {"variant": {}}))
    with pytest.raises(ValueRejected, match="no value"):
        of.schemas["demo/None@1"].zero()


def test_host_json_of_any_depth_or_length_is_a_typed_error() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    text = program().schemas["demo/Text@1"]
    for value in (deep, {"x": deep}, 10**5000, [10**5000]):
        with pytest.raises((ValueRejected, AirError)):
            text.from_host(value)
