"""Replay with the files on disk: what they would have done otherwise is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.replay import Divergence
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, await_, emit, end, module, plan, schema
from tests.support import (
    EVENT,
    REDUCER,
    TRAPS,
    answered,
    answering,
    edit_json,
    numbered,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)


def with_disk(world: Path) -> Divergence | None:
    with World.open(world, write=False) as found:
        assert found.trouble is None, "the branch goes on with its own definitions"
        assert found.verify().ok
        report = found.verify(with_disk=True)
        assert report.ok is (report.divergence is None)
        return report.divergence


def test_unchanged_files_give_the_same(world: Path) -> None:
    answered(world)
    assert with_disk(world) is None


def test_files_that_mean_the_same_give_the_same(world: Path) -> None:
    answered(world)
    edit_json(world / "air/policy.air.json", '"cap_name": "cap_http_aggregate",', "")
    with World.open(world, write=False) as found:
        assert found.disk_changes() == ("demo/aggregator_policy@1",)
    assert with_disk(world) is None


def test_another_reducer_is_named_by_record_and_field_of_its_state(world: Path) -> None:
    answered(world)
    patch_reducer(world, b"fetch_c", b"fetch_C")
    found = with_disk(world)
    assert found is not None
    assert (found.height, found.reducer, found.cell) == (2, REDUCER, None)
    assert found.field == "pending.1.handles.2"
    assert (found.expected, found.found) == ("fetch_c", "fetch_C")
    assert found.record["k"] == "step"


def test_another_event_of_a_reducer_is_named_with_that_reducer(tmp_path: Path) -> None:
    def said(n: int) -> bytes:
        value = canon.encode({"who": "r", "n": n})
        return answering(
            {"state": b"\xf6", "domain_events": [{"schema": "demo/Said@1", "value": value}]}
        )

    of = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1"),
        wasm={"R": said(1)},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    with World.open(of) as found:
        made = found.fire("demo/Go@1", {"who": "a", "n": 1})
        assert made.fault is None and len(made.records) == 3
    (of / "modules/R.wasm").write_bytes(said(2))
    found_ = with_disk(of)
    assert found_ is not None
    assert (found_.height, found_.reducer) == (3, "demo/R@1")
    assert (found_.field, found_.expected, found_.found) == ("value.n", 1, 2)


def test_a_keyed_reducer_is_named_with_its_cell(tmp_path: Path) -> None:
    def counting(n: int) -> bytes:
        return answering({"state": canon.encode_plain({"n": n})})

    of = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1", "demo/Count@1", key="demo/Text@1"),
        wasm={"R": counting(1)},
        routes=[("demo/Go@1", "demo/R@1", "who")],
    )
    with World.open(of) as found:
        found.fire("demo/Go@1", {"who": "alpha", "n": 1})
    (of / "modules/R.wasm").write_bytes(counting(2))
    found_ = with_disk(of)
    assert found_ is not None
    assert found_.cell == canon.encode("alpha").hex()
    assert (found_.field, found_.expected, found_.found) == ("n", 1, 2)


def test_another_plan_is_named(world: Path) -> None:
    answered(world)
    edit_json(
        world / "plans/aggregator_plan.air.json",
        '"ref": "@plan.input.tertiary.name"',
        '"ref": "@plan.input.primary.name"',
    )
    found = with_disk(world)
    assert found is not None and found.record["k"] == "plan_started"
    assert (found.record["plan"], found.field) == ("demo/aggregator_plan@1", "instance")


def test_a_module_that_traps_is_named_where_it_first_ran(world: Path) -> None:
    answered(world)
    (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
    found = with_disk(world)
    assert found is not None
    assert (found.height, found.record["k"], found.reducer) == (2, "step", REDUCER)
    assert found.found == "fault" and found.field == "k"


def test_a_stricter_schema_refuses_an_input_that_was_accepted(world: Path) -> None:
    answered(world)
    schemas = world / "air/schemas.air.json"
    text = schemas.read_text("utf-8")
    topic = '"topic": {'
    at = text.index(topic, text.index("demo/AggregateStart@1"))
    changed = text[:at] + text[at:].replace('"text": {}', '"nat": {}', 1)
    schemas.write_text(changed, "utf-8")
    found = None
    with World.open(world, write=False) as opened:
        found = opened.verify(with_disk=True).divergence
    assert found is not None
    assert (found.height, found.expected, found.record["k"]) == (1, "an accepted input", "event")
    assert "topic" in found.found


def test_a_schema_that_types_a_plans_value_anew_is_named(tmp_path: Path) -> None:
    """Same bytes, another kind: a receipt's field that was a nat is now an int."""
    steps = [emit("a"), await_("r", "a"), end()]
    nodes = plan("demo/p@1", steps, ("a", "r"), ("r", "end"))
    of = tiny_world(tmp_path, nodes, triggers=[("demo/Go@1", "demo/p@1")])
    with World.open(of) as found:
        found.fire("demo/Go@1", {"who": "a", "n": 1})
        item = numbered(found, 1)
        found.deliver(_receipt(item))
    text = (of / "air/all.json").read_text("utf-8")
    old = '{"record": {"n": {"nat": {}}, "note": {"option": {"text": {}}}}}'
    assert text.count(old) == 1
    (of / "air/all.json").write_text(text.replace(old, old.replace("nat", "int")), "utf-8")
    found_ = with_disk(of)
    assert found_ is not None and found_.record["k"] == "plan_step"
    assert found_.field is not None and found_.field.startswith("value.")


def _receipt(item: Any) -> Any:
    from aos_core.scenario import edited

    return edited(item, {"payload": {"n": 3, "note": "x"}})


def test_replacements_in_the_journal_are_left_out(world: Path) -> None:
    """The last state of the files is what the journal ended with: from the swap on all agrees."""
    with World.open(world) as found:
        patch_reducer(world, b"fetch_c", b"fetch_C")
        found.swap()
        found.fire(EVENT, start())
        release_all(found)
    assert with_disk(world) is None
    patch_reducer(world, b"fetch_C", b"fetch_x")
    found_ = with_disk(world)
    assert found_ is not None and found_.field == "pending.1.handles.2"
    assert found_.height == 3, "record 1 is the replacement"


def test_a_world_that_no_longer_loads_cannot_be_compared(world: Path) -> None:
    from aos_core.errors import WorldError

    answered(world)
    (world / "air/manifest.air.json").write_text("{", "utf-8")
    with World.open(world, write=False) as found:
        assert found.verify().ok
        with pytest.raises(WorldError):
            found.verify(with_disk=True)


def test_same_state_in_other_bytes_is_still_a_difference(tmp_path: Path) -> None:
    """Two encodings of one value: nothing differs for a reader, but the bytes are the state."""
    of = tiny_world(
        tmp_path,
        schema("demo/Two@1", {"record": {"a": NAT, "b": NAT}}),
        module("demo/R@1", "demo/Go@1", "demo/Two@1"),
        wasm={"R": answering({"state": bytes.fromhex("a2616101616202")})},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    with World.open(of) as found:
        found.fire("demo/Go@1", {"who": "a", "n": 1})
    (of / "modules/R.wasm").write_bytes(answering({"state": bytes.fromhex("a2616202616101")}))
    found_ = with_disk(of)
    assert found_ is not None
    assert (found_.reducer, found_.field) == ("demo/R@1", "after")
    assert found_.expected != found_.found
