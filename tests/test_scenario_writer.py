"""Scenarios written from journals: played again, they are the same history."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_core import canon
from aos_core.adapters.prepared import break_receipt
from aos_core.adapters.receipt import Receipt
from aos_core.errors import Rejected, UsageError, ValueRejected
from aos_core.files import bundled_worlds, examples_root
from aos_core.hosts import LiveHost, SimulatedHost
from aos_core.kernel.records import EventInput, ReceiptInput
from aos_core.scenario import Player, edited, run_scenario
from aos_core.scenario_file import FAULTS, read_scenario
from aos_core.scenario_text import write_scenario
from aos_core.scenario_writer import save, scenario_of
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, TEXT, module, record, schema
from tests.support import EVENT, REDUCER, answering, numbered, release_all, start, tiny_world
from tests.worlds import apiary
from tests.written import inputs, play, same_again, steps, unwrapped

APIARY = apiary.PATH


# -- round trips ------------------------------------------------------------------------------


EVERY = [
    (world.path.name, file.stem)
    for world in bundled_worlds()
    for file in sorted((world.path / "scenarios").glob("*.toml"))
]


@pytest.mark.parametrize(("example", "name"), EVERY)
def test_every_scenario_of_the_ladder_is_written_and_played_again(
    example: str, name: str, tmp_path: Path
) -> None:
    path = examples_root() / example
    scenario = read_scenario(path / f"scenarios/{name}.toml")
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    world = World.open(path, memory=True, scenario=name, host=host)
    Player(world, scenario).play()
    text = same_again(world, tmp_path)
    assert "_b64 = " not in text.replace("entropy_b64 = ", "").replace("bytes_b64 = ", "")


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "never"])
def test_what_was_broken_comes_broken_again(world: Path, fault: str, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    item = numbered(opened, 2)
    for receipt in break_receipt(fault, item.answer(), item.intent, item.schema):
        if fault == "malformed":
            with pytest.raises(Rejected):
                opened.deliver(receipt)
        else:
            opened.deliver(receipt)
    release_all(opened)
    found = steps(same_again(opened, tmp_path))
    late = [of["deliver"] for of in found if "deliver" in of and "intent" in of["deliver"]]
    assert len(late) == (fault in ("duplicate", "late"))
    assert len(found) == len(inputs(opened))


def test_a_late_receipt_of_a_timer_is_written_by_its_schema(tmp_path: Path) -> None:
    opened = World.open(examples_root() / "01-hello-timer", memory=True)
    Player(opened, read_scenario(opened.files.scenario_path("basic"))).play()
    (asked,) = opened.history.all_asked()
    opened.deliver(Receipt(asked.hash, "ok", {"delivered_at_ns": 1, "key": None}, "x"))
    opened.deliver(Receipt(asked.hash, "error", ["any", None, 1.5], "x"))
    *_, typed, untyped = steps(same_again(opened, tmp_path))
    assert typed["deliver"]["receipt"]["payload"] == {"delivered_at_ns": 1}
    assert set(untyped["deliver"]["receipt"]) == {"status", "payload_b64", "adapter_id"}


def test_receipts_by_hand_with_all_they_may_have(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    prepared = numbered(opened, 1).answer()
    extra = {**prepared.payload, "more": {"of": [1.5, float("inf"), b"\0\xff", "\x7f\u2028"]}}
    opened.deliver(replace(prepared, payload=extra, cost_cents=2**64 - 1, signature=b"\xff"))
    opened.deliver(replace(numbered(opened, 2).answer(), adapter_id='"\n', signature=b"ink"))
    receipt = {"status": "error", "payload": numbered(opened, 3).answer().payload}
    opened.deliver(edited(numbered(opened, 3), receipt))
    found = steps(same_again(opened, tmp_path))
    first, second, third = (of["deliver"] for of in found[1:])
    assert first["receipt"]["signature"] == {"bytes_b64": "/w=="}
    assert first["receipt"]["cost_cents"] == 2**64 - 1
    assert second["receipt"]["signature"] == "ink"
    assert set(third["receipt"]) == {"status", "payload"}


def test_a_fork_is_written_with_what_came_before_it(world: Path, tmp_path: Path) -> None:
    with World.open(world, host=SimulatedHost(3)) as opened:
        opened.fire(EVENT, start())
        release_all(opened, 2)
        with opened.fork(opened.frames[1].last_height, "side") as fork:
            release_all(fork, 3, 1)
            text = same_again(fork, tmp_path)
    assert len(steps(text)) == 3 and "branch side" in text


def test_a_live_session_comes_back_with_its_own_clock(world: Path, tmp_path: Path) -> None:
    with World.open(world, host=LiveHost()) as opened:
        opened.fire(EVENT, start())
        opened.advance(10**9)
        release_all(opened, 3, 1, 2)
        same_again(opened, tmp_path)


def test_run_scenario_plays_what_was_saved(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    release_all(opened)
    save(opened, world / "scenarios/again.toml", scenario_of(opened))
    run = run_scenario(world, "again", memory=True)
    assert run.ok and run.world.root == opened.root
    assert any(REDUCER in of.text for of in run.expectations)


def test_up_to_a_height_only_whole_turns_count(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    end = opened.height
    release_all(opened)
    text = scenario_of(opened, end + 1)
    assert text == scenario_of(opened, end) and len(steps(text)) == 1
    again, player = play(world, text, tmp_path)
    assert again.root == opened.at(end).root and all(of.ok for of in player.expectations)
    assert tomllib.loads(scenario_of(opened, 0))["expect"] == {"pending": 0}
    with pytest.raises(UsageError, match="there is no height"):
        scenario_of(opened, opened.height + 1)


def test_a_written_scenario_fails_where_another_end_is_reached(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    release_all(opened)
    text = scenario_of(opened).replace("last_request_id = 1", "last_request_id = 2")
    _, player = play(world, text, tmp_path)
    assert [of.text for of in player.expectations if not of.ok] == [
        f"at the end: {REDUCER}.last_request_id = 2; found 1"
    ]


# -- events -----------------------------------------------------------------------------------


def test_keys_nulls_and_the_largest_numbers(tmp_path: Path) -> None:
    opened = World.open(APIARY, memory=True)
    opened.fire("apiary/Paid@1", apiary.paid("x"))
    opened.fire("apiary/Inspection@1", apiary.inspection())
    opened.fire("apiary/Letter@1", 'dear "bees"\n\t\x00\x7f\u2028 \\ \U0001f41d')
    text = same_again(opened, tmp_path)
    assert "value_b64" in steps(text)[0]["fire"], "a null that is no member cannot be said"
    assert "which TOML cannot say as it is" in text


def test_an_event_in_other_bytes_than_the_normalised_ones(tmp_path: Path) -> None:
    opened = World.open(APIARY, memory=True)
    schema = opened.program.schemas["apiary/Watch@1"]
    value = {"hive": apiary.A, "batch": "x"}
    for data in (
        schema.encode(schema.from_host(value)),
        canon.encode_plain(value),  # without the tag
        b"\xbf" + canon.encode_plain(value)[1:] + b"\xff",  # of indefinite length
    ):
        opened.submit(EventInput(schema="apiary/Watch@1", value=data))
    said = [list(of["fire"]) for of in steps(same_again(opened, tmp_path))]
    assert said == [["schema", "value"], ["schema", "value_b64"], ["schema", "value_b64"]]


def test_a_receipt_in_other_bytes_than_the_normalised_ones(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    receipt = numbered(opened, 1).answer()
    bare = canon.encode_plain(receipt.payload)
    of = ReceiptInput(intent=receipt.intent, adapter_id="x", status="ok", payload=bare)
    opened.submit(of)
    opened.submit(replace(of, late=True))
    found = steps(same_again(opened, tmp_path))
    assert ["payload_b64" in step["deliver"]["receipt"] for step in found[1:]] == [True, True]


def test_the_key_of_an_event(tmp_path: Path) -> None:
    opened = World.open(examples_root() / "09-cells", memory=True)
    key = canon.encode("A1")
    value = {"seat": "A1", "guest": "ann", "for_ns": 5}
    opened.fire("demo/SeatHold@1", value, key={"bytes_b64": "2dn3YkEx"})
    opened.fire("demo/SeatHold@1", {**value, "seat": "a"}, key=b"aa")
    fired = [of["fire"] for of in steps(same_again(opened, tmp_path))]
    assert [of["key"] for of in fired] == [{"bytes_b64": "2dn3YkEx"}, "aa"]
    assert inputs(opened)[0]["key"] == key


HIVES = st.sampled_from([apiary.A, apiary.B])
TEXTS = st.text(max_size=12)
EVENTS = st.one_of(
    st.tuples(st.just("Letter"), TEXTS),
    st.tuples(st.just("Watch"), st.fixed_dictionaries({"hive": HIVES, "batch": TEXTS})),
    st.tuples(st.just("Treated"), st.builds(apiary.treated, HIVES, st.integers(0, 2**64 - 1))),
    st.tuples(
        st.just("Inspection"),
        st.builds(
            lambda hive, weight, note, marks, near: apiary.inspection(
                hive, weight=weight, note=note, marks=marks, neighbours=near
            ),
            HIVES,
            st.integers(-(2**63), 2**63 - 1),
            st.none() | TEXTS,
            st.lists(TEXTS, max_size=3),
            st.dictionaries(HIVES, st.none() | st.integers(-9, 9)),
        ),
    ),
)


@given(st.lists(EVENTS, min_size=1, max_size=4), st.binary(min_size=64, max_size=64))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_in_the_apiary(
    tmp_path: Path, events: list[tuple[str, Any]], entropy: bytes
) -> None:
    opened = World.open(APIARY, memory=True)
    for name, value in events:
        stamps = {"entropy": entropy, "at_ns": 2**64 - 1}
        opened.fire(f"apiary/{name}@1", value, stamps=stamps)
    for item in opened.pending:
        opened.deliver(apiary.receipt(item))
    same_again(opened, tmp_path)


# -- the format -------------------------------------------------------------------------------


def test_it_is_toml_that_people_read(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    lines = scenario_of(opened, title='Of "three"').splitlines()
    assert lines[:3] == [
        f"# Written from branch main of aggregator, up to height {opened.height}.",
        'title = "Of \\"three\\""',
        "start_ns = 1_700_000_000_000_000_000",
    ]  # fmt: skip
    assert lines[4].startswith(f"# height 1 to {opened.height}: AggregatorEvent, Aggregator steps")
    assert all(len(line) <= 100 for line in lines if line.startswith("#"))
    assert f"# {canon.hash_text(opened.root)} is the root" in lines
    assert "asks for 2, http.request GET https://example.com/api/b" in unwrapped("\n".join(lines))


def test_without_expectations_the_records_are_asked(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    header, *frames = opened.frames
    text = write_scenario("x", header, frames, opened.program_of, opened.history)
    expect = tomllib.loads(text)["expect"]
    assert expect == {"pending": 3, "root": canon.hash_text(opened.root)}


def test_what_of_a_state_toml_cannot_say_is_not_expected(tmp_path: Path) -> None:
    option = {"option": NAT}
    of = record(n=NAT, may=option, must={"map": {"key": TEXT, "value": option}}, all={"list": NAT})
    state = {"n": 1, "may": None, "must": {"a": None}, "all": [1]}
    path = tiny_world(
        tmp_path / "tiny",
        schema("demo/S@1", of),
        module("demo/R@1", "demo/Go@1", "demo/S@1"),
        module("demo/Bad@1", "demo/Go@1", "demo/S@1"),
        wasm={
            "R": answering({"state": canon.encode_plain(state)}),
            "Bad": answering({"state": canon.encode_plain({"n": "text"})}),
        },
        routes=[("demo/Go@1", "demo/R@1"), ("demo/Go@1", "demo/Bad@1")],
    )
    opened = World.open(path, memory=True)
    opened.fire("demo/Go@1", {"who": "a", "n": 1})
    text = same_again(opened, tmp_path)
    assert tomllib.loads(text)["expect"]["state"] == {"demo/R@1": {"n": 1, "all": [1]}}


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        ({}, "a receipt is"),
        ({"payload": {}, "payload_b64": ""}, "a receipt is"),
        ({"payload_b64": "?"}, "payload_b64: expected"),
        ({"payload_b64": "/w=="}, "payload_b64 is not CBOR"),
        ({"payload_b64": "9g==", "signature": 1}, "signature: expected"),
    ],
)
def test_a_receipt_by_hand_that_does_not_fit(world: Path, receipt: Any, words: str) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    with pytest.raises(ValueRejected, match=words):
        edited(numbered(opened, 1), receipt)


def test_a_late_receipt_for_what_was_never_asked_for(world: Path, tmp_path: Path) -> None:
    text = f"""
        [[steps]]
        deliver = {{ intent = "sha256:{"0" * 64}", receipt = {{ payload_b64 = "9g==" }} }}
    """
    with pytest.raises(UsageError, match="never asked for"):
        play(world, text, tmp_path)
