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
from tests.support import EVENT, REDUCER, answered, log, release_all, start

Body = dict[str, Any]


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
    answered(world)
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
    answered(world)

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
    answered(world)
    rewrite(world, in_frame(2, lambda body: body.update(root=bytes(32))))
    found = trouble(world)
    assert found.field == "root" and found.expected == canon.hash_text(bytes(32))
    assert found.found.startswith("sha256:") and found.found != found.expected


def test_a_changed_step_is_named_by_record_reducer_and_field(world: Path) -> None:
    answered(world)

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
    answered(world)

    def lie(body: Body) -> None:
        body["records"][2]["value"]["topic"] = "another"

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert (found.height, found.reducer, found.field) == (3, REDUCER, "value.topic")
    assert (found.expected, found.found) == ("another", "demo")


def test_a_changed_event_from_outside_names_no_reducer(world: Path) -> None:
    answered(world)

    def lie(body: Body) -> None:
        body["records"][0]["value"]["$value"]["topic"] = "another"

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert (found.height, found.reducer) == (1, None)
    assert found.field == "value.$value.topic"


@pytest.mark.parametrize("more", [True, False])
def test_records_too_many_or_too_few_are_named(world: Path, more: bool) -> None:
    answered(world)
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
    answered(world)

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
    answered(world)

    def lie(body: Body) -> None:
        body["input"] = input

    rewrite(world, in_frame(1, lie))
    found = trouble(world)
    assert found.height == 1 and found.expected == "an accepted input"


def test_an_input_that_is_written_in_another_way_is_a_divergence(world: Path) -> None:
    answered(world)
    rewrite(world, in_frame(3, lambda body: body["input"].update(signature=None)))
    found = trouble(world)
    assert found.field is not None and found.field.startswith("input")


def test_a_field_that_no_frame_has_is_a_divergence(world: Path) -> None:
    answered(world)
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
    answered(world)
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


def test_a_copied_journal_verifies_anywhere(world: Path, tmp_path: Path) -> None:
    answered(world)
    shutil.copytree(world, tmp_path / "elsewhere")
    with World.open(tmp_path / "elsewhere", write=False) as found:
        assert found.verify().ok and log(tmp_path / "elsewhere").is_file()


def test_a_missing_value_is_told_from_a_null() -> None:
    assert first_difference({"laps": None}, {}, "state") == ("state.laps", None, "absent")
    assert first_difference({}, {"laps": 1}, "state") == ("state.laps", None, 1)


def test_where_nothing_was_expected_it_is_said_in_words() -> None:
    said = Divergence(7, {"k": "event"}, None, {"a": 1}).describe()
    assert said == "record 7 (event): expected nothing, found {'a': 1}"
