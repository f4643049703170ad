"""Verification: honest journals hold; whatever was tampered with is named where it differs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.branches import branch_path
from aos_core.errors import Diverged, ReadOnly
from aos_core.file_journal import FileJournal
from aos_core.modules import WorldModules
from aos_core.replay import Divergence, first_difference
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, await_, emit, end, module, plan, schema
from tests.support import (
    EVENT,
    REDUCER,
    TRAPS,
    answering,
    edit_json,
    log,
    numbered,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)

Body = dict[str, Any]


def play(world: Path) -> None:
    """A journal of genesis, an event and three receipts."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 2, 3, 1)


def rewrite(world: Path, change: Callable[[int, Body], Body], branch: str = "main") -> None:
    """The journal written anew by its own writer: sound frames that say something else."""
    path = branch_path(world / ".aos/journal", branch)
    with FileJournal.open(path, write=False) as journal:
        bodies = [dict(canon.decode(frame.payload)) for frame in journal.frames]
    path.unlink()
    changed = [change(index, body) for index, body in enumerate(bodies)]
    with FileJournal.create(path, changed[0]) as written:
        for body in changed[1:]:
            written.append(body | {"prev": written.head, "height": written.height + 1})


def in_frame(index: int, change: Callable[[Body], Any]) -> Callable[[int, Body], Body]:
    def at(number: int, body: Body) -> Body:
        if number == index:
            change(body)
        return body

    return at


def trouble(world: Path) -> Divergence:
    """What the divergence of a tampered journal is; everything before it can be read."""
    with World.open(world) as found:
        assert isinstance(found.trouble, Diverged) and found.trouble.exit_code == 1
        of: Divergence = found.trouble.divergence
        assert of.height == found.height + 1 or found.frames[-1].last_height < of.height
        report = found.verify()
        assert not report.ok and report.divergence == of
        with pytest.raises(ReadOnly, match="can only be read"):
            found.fire(EVENT, start())
        with found.fork(found.height, "saved") as fork:
            assert fork.verify().ok
    return of


# -- honest journals --------------------------------------------------------------------------


def test_an_honest_journal_holds(world: Path) -> None:
    play(world)
    with World.open(world, write=False) as found:
        report = found.verify()
        assert (report.ok, report.divergence) == (True, None)
        assert (report.frames, report.records) == (5, found.height + 1)
        assert (report.root, report.head) == (found.root, found.head)
        assert report.seconds > 0
        shown = report.to_json()
        assert set(shown) == {"ok", "frames", "records", "root", "head", "seconds"}
        assert shown["root"] == canon.hash_text(found.root)


def test_progress_is_told_frame_by_frame_and_can_break_off(world: Path) -> None:
    play(world)

    class Enough(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Enough

    with World.open(world, write=False) as found:
        told: list[tuple[int, int]] = []
        found.verify(progress=lambda done, total: told.append((done, total)))
        assert told == [(n, 5) for n in range(1, 6)]
        for with_disk in (False, True):
            with pytest.raises(Enough):
                found.verify(progress=stop, with_disk=with_disk)
        assert found.verify().ok


def test_forks_of_forks_verify_through_their_ancestors(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
        with found.fork(found.height, "one") as one:
            release_all(one, 2)
            with one.fork(one.height, "two") as two:
                release_all(two, 3)
                report = two.verify()
                assert report.ok and report.frames == len(two.frames) == 7
                assert report.records == two.height + 1


# -- tampered journals ------------------------------------------------------------------------


def test_a_frame_of_another_root_is_named(world: Path) -> None:
    play(world)
    rewrite(world, in_frame(2, lambda body: body.update(root=bytes(32))))
    found = trouble(world)
    assert found.field == "root" and found.expected == canon.hash_text(bytes(32))
    assert found.found.startswith("sha256:") and found.found != found.expected


def test_a_changed_step_is_named_by_record_reducer_and_field(world: Path) -> None:
    play(world)

    def lie(body: Body) -> None:
        body["records"][1]["after"] = bytes(32)

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert (found.height, found.reducer, found.field) == (2, REDUCER, "after")
    assert found.record["k"] == "step" and found.record["after"] == canon.hash_text(bytes(32))
    assert found.expected == canon.hash_text(bytes(32)) != found.found
    assert found.describe().startswith(f"record 2 (step): {REDUCER} after: expected sha256:000")
    assert found.to_json()["reducer"] == REDUCER and "cell" not in found.to_json()


def test_a_changed_event_names_the_reducer_that_raised_it(world: Path) -> None:
    play(world)

    def lie(body: Body) -> None:
        body["records"][2]["value"]["topic"] = "another"

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert (found.height, found.reducer, found.field) == (3, REDUCER, "value.topic")
    assert (found.expected, found.found) == ("another", "demo")


def test_a_changed_event_from_outside_names_no_reducer(world: Path) -> None:
    play(world)

    def lie(body: Body) -> None:
        body["records"][0]["value"]["$value"]["topic"] = "another"

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert (found.height, found.reducer) == (1, None)
    assert found.field == "value.$value.topic"


@pytest.mark.parametrize("more", [True, False])
def test_records_too_many_or_too_few_are_named(world: Path, more: bool) -> None:
    play(world)
    heights: list[int] = []

    def lie(body: Body) -> None:
        records = body["records"]
        if more:
            records.append(dict(records[-1]))
        else:
            records.pop()
        heights.append(body["height"] + len(records) - (1 if more else 0))

    rewrite(world, in_frame(4, lie))
    found = trouble(world)
    assert found.height == heights[0]
    assert (found.found is None) is more and (found.expected is None) is not more


def test_another_input_gives_other_records(world: Path) -> None:
    play(world)

    def lie(body: Body) -> None:
        payload = canon.decode(body["input"]["payload"])
        body["input"]["payload"] = canon.encode({**payload, "status": 404})

    rewrite(world, in_frame(2, lie))
    found = trouble(world)
    assert (found.field, found.expected, found.found) == ("payload.status", 200, 404)
    assert found.record["k"] == "receipt"


@pytest.mark.parametrize(
    "input",
    [
        {},
        {"k": "dream"},
        {"k": "event"},
        {"k": "event", "schema": "demo/Nothing@1", "value": b"\xf6"},
        {"k": "receipt", "intent": b"\1", "adapter_id": "", "status": "ok", "payload": b"\xf6"},
        {"k": "event", "schema": EVENT, "value": b"\xff"},
        {"k": "event", "schema": EVENT, "value": b"\xf6", "at_ns": "now"},
    ],
)  # fmt: skip
def test_an_input_that_would_be_refused_is_a_divergence(world: Path, input: Any) -> None:
    play(world)

    def lie(body: Body) -> None:
        body["input"] = input

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert found.height == 1 and found.expected == "an accepted input"


def test_an_input_that_is_written_in_another_way_is_a_divergence(world: Path) -> None:
    play(world)
    rewrite(world, in_frame(3, lambda body: body["input"].update(signature=None)))
    found = trouble(world)
    assert found.field is not None and found.field.startswith("input")


def test_a_field_that_no_frame_has_is_a_divergence(world: Path) -> None:
    play(world)
    rewrite(world, in_frame(3, lambda body: body.update(remark="harmless")))
    assert trouble(world).field == "frame"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"root": bytes(32)}, "root"),
        ({"manifest": bytes(32)}, "manifest"),
        ({"manifest": "x"}, "manifest"),
        ({"settings": {}}, "settings"),
        ({"settings": None}, "settings"),
        ({"records": [{"k": "genesis", "manifest": bytes(32), "world": "x"}]}, "records"),
    ],
)
def test_a_header_that_contradicts_itself_is_an_error(
    world: Path, change: Mapping[str, Any], field: str
) -> None:
    play(world)
    rewrite(world, in_frame(0, lambda body: body.update(change)))
    with pytest.raises(Diverged) as caught:
        World.open(world)
    found = caught.value.divergence
    assert found.height == 0 and found.field.partition(".")[0] in (field, "records", "root")
    assert World.open(world, memory=True).height == 0


@pytest.mark.parametrize(
    "change",
    [{"root": bytes(32)}, {"manifest": bytes(32)}, {"settings": 1}],
)
def test_a_forks_header_that_contradicts_its_parent_is_trouble(
    world: Path, change: Mapping[str, Any]
) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
        height = found.height
    rewrite(world, in_frame(0, lambda body: body.update(change)), "side")
    with World.open(world, "side") as side:
        assert isinstance(side.trouble, Diverged) and side.height == height
        assert side.trouble.divergence.field == next(iter(change))


def test_a_reducer_that_is_not_deterministic_is_caught(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = World.open(world, memory=True)
    step, calls = WorldModules.step, [0]

    def drifting(self: WorldModules, wasm: bytes, envelope: bytes, limits: Any) -> bytes:
        calls[0] += 1
        output = canon.decode(step(self, wasm, envelope, limits))
        state = canon.decode(output["state"]) | {"requests": calls[0]}
        return canon.encode_plain({**output, "state": canon.encode_plain(state)})

    monkeypatch.setattr(WorldModules, "step", drifting)
    found.fire(EVENT, start())
    divergence = found.verify().divergence
    assert divergence is not None
    assert (divergence.reducer, divergence.field, divergence.height) == (REDUCER, "after", 2)


# -- with the files on disk -------------------------------------------------------------------


def with_disk(world: Path) -> Divergence | None:
    with World.open(world, write=False) as found:
        assert found.trouble is None, "the branch goes on with its own definitions"
        assert found.verify().ok
        report = found.verify(with_disk=True)
        assert report.ok is (report.divergence is None)
        return report.divergence


def test_unchanged_files_give_the_same(world: Path) -> None:
    play(world)
    assert with_disk(world) is None


def test_files_that_mean_the_same_give_the_same(world: Path) -> None:
    play(world)
    edit_json(world / "air/policy.air.json", '"cap_name": "cap_http_aggregate",', "")
    with World.open(world, write=False) as found:
        assert found.disk_changes() == ("demo/aggregator_policy@1",)
    assert with_disk(world) is None


def test_another_reducer_is_named_by_record_and_field_of_its_state(world: Path) -> None:
    play(world)
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
    play(world)
    edit_json(
        world / "plans/aggregator_plan.air.json",
        '"ref": "@plan.input.tertiary.name"',
        '"ref": "@plan.input.primary.name"',
    )
    found = with_disk(world)
    assert found is not None and found.record["k"] == "plan_started"
    assert (found.record["plan"], found.field) == ("demo/aggregator_plan@1", "instance")


def test_a_module_that_traps_is_named_where_it_first_ran(world: Path) -> None:
    play(world)
    (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
    found = with_disk(world)
    assert found is not None
    assert (found.height, found.record["k"], found.reducer) == (2, "step", REDUCER)
    assert found.found == "fault" and found.field == "k"


def test_a_stricter_schema_refuses_an_input_that_was_accepted(world: Path) -> None:
    play(world)
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

    play(world)
    (world / "air/manifest.air.json").write_text("{", "utf-8")
    with World.open(world, write=False) as found:
        assert found.verify().ok
        with pytest.raises(WorldError):
            found.verify(with_disk=True)


def test_a_copied_journal_verifies_anywhere(world: Path, tmp_path: Path) -> None:
    play(world)
    shutil.copytree(world, tmp_path / "elsewhere")
    with World.open(tmp_path / "elsewhere", write=False) as found:
        assert found.verify().ok and log(tmp_path / "elsewhere").is_file()


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


def test_a_missing_value_is_told_from_a_null() -> None:
    assert first_difference({"laps": None}, {}, "state") == ("state.laps", None, "absent")
    assert first_difference({}, {"laps": 1}, "state") == ("state.laps", None, 1)


def test_where_nothing_was_expected_it_is_said_in_words() -> None:
    said = Divergence(7, {"k": "event"}, None, {"a": 1}).describe()
    assert said == "record 7 (event): expected nothing, found {'a': 1}"
