"""Rehearsal: the same code changes nothing, other code is named by what it does otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aos_core.disk import FileDisk
from aos_core.errors import ModuleMissing, UsageError
from aos_core.files import WorldFiles
from aos_core.kernel.state import State
from aos_core.other_code import Code, with_files, with_module
from aos_core.rehearsal import Rehearsal
from aos_core.rehearse import rehearse, rehearsed_name
from aos_core.rehearse_folder import rehearse_folder
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.scenarios import finished
from tests.support import (
    EVENT,
    REDUCER,
    TRAPS,
    answered,
    copy_example,
    edit_json,
    release_all,
    start,
    tiny_world,
)
from tests.test_ladder import PLAYED, called

NOTE = b"\x00\x05\x04note"
"""A custom section of wasm: another hash, the same behaviour."""


def with_disk(world: World, **more: Any) -> Rehearsal:
    return rehearse(world, with_files(world), **more)


def alive(state: State) -> tuple[Any, ...]:
    """What of a state does not follow from its manifest."""
    plans = [(id, of._replace(manifest=b"")) for id, of in state.plans.items()]
    pending = [hash for hash, _ in state.pending.items()]
    return {name: of.root for name, of in state.cells.items()}, plans, pending


# -- the same ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), PLAYED, ids=called)
def test_rebuilt_code_of_the_same_behaviour_changes_nothing(path: Path, name: str) -> None:
    with finished(path, name) as world:
        wasm = {
            of.name: built + NOTE
            for of in world.program.modules.values()
            if not of.name.startswith("sys/") and (built := world.files.wasm_of(of)) is not None
        }
        code = with_files(world, WorldFiles.read(world.files.root, wasm))
        found = rehearse(world, code, keep="kept")
        assert (found.same, found.first_difference, found.changed) == (True, None, 0)
        assert (found.records, found.height) == (world.height + 1, world.height - found.left_out)
        assert set(found.code) == set(wasm), "it ran with other modules"
        with world.open_beside("kept") as kept:  # it is one like any other
            assert kept.verify().ok
            ours, theirs = (of.at(of.height).kernel_state for of in (kept, world))
            assert ours.manifest != theirs.manifest and alive(ours) == alive(theirs)


def test_the_same_code_gives_the_very_same_branch(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 2, 3, 1)
        same = with_disk(found, keep="again")
        assert (same.same, same.code, same.head) == (True, (), found.head)
        assert same.summary == "changes nothing of 31"
    with World.open(world, "again") as again:
        assert again.verify().ok and again.root == found.root


def test_forks_are_rehearsed_from_genesis(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
        with found.fork(found.height, "one") as one:
            release_all(one, 2, 3)
            same = with_disk(one, keep="whole")
            assert same.same and same.frames == len(one.frames)
            assert one.tree().branches["whole"].parent is None


# -- another reducer --------------------------------------------------------------------------


@pytest.fixture
def played(world: Path) -> Path:
    answered(world)
    return world


def patched(world: Path, old: bytes = b"fetch_a", new: bytes = b"fetch_z") -> bytes:
    wasm = (world / "modules/Aggregator.wasm").read_bytes()
    assert wasm.count(old) == 1 and len(old) == len(new)
    return wasm.replace(old, new)


def test_a_changed_reducer_is_named_and_nothing_is_written(played: Path) -> None:
    with World.open(played, write=False) as world:
        found = rehearse(world, with_module(world, REDUCER, patched(played)))
        assert world.branches() == ["main"]
    first = found.first_difference
    assert first is not None and not found.same
    assert (first.height, first.reducer, first.field) == (2, REDUCER, "pending.1.handles.0")
    assert (first.expected, first.found, found.found_at) == ("fetch_a", "fetch_z", 2)
    # the step after Start, and the one that takes the result: it starts from another state
    assert (found.changed, found.records) == (2, 31)
    assert found.summary == "changes 2 of 31"
    assert found.diff == () and found.effects_lost.count == found.effects_new.count == 0


def test_what_is_kept_verifies_and_the_old_branch_stays(played: Path) -> None:
    with World.open(played, write=False) as world:
        before = world.head
        code = with_module(world, REDUCER, patched(played))
        found = rehearse(world, code, keep=rehearsed_name(world))
        assert found.branch == "main+rehearsed" and rehearsed_name(world) == "main+rehearsed-2"
        with pytest.raises(UsageError, match="exists"):
            rehearse(world, code, keep="main+rehearsed")
    with World.open(played, "main+rehearsed") as kept:
        assert kept.verify().ok
        assert (kept.height, kept.root, kept.head) == (found.height, found.root, found.head)
        assert rehearse(kept, with_module(kept, REDUCER, patched(played))).same
        kept.fire(EVENT, start(topic="more"))
    with World.open(played) as world:
        assert world.head == before and world.verify().ok


def test_a_difference_in_the_states_at_the_end_is_told_field_by_field(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())  # it waits, so what the step wrote is still there
        found = rehearse(opened, with_module(opened, REDUCER, patched(world)))
    assert [(of.path, of.before, of.after) for of in found.diff] == [
        (f"{REDUCER}.pending.1.handles", ["fetch_a", "fetch_b", "fetch_c"],
         ["fetch_z", "fetch_b", "fetch_c"]),
    ]  # fmt: skip


def test_new_faults_and_faults_that_are_gone(played: Path) -> None:
    with World.open(played, write=False) as world:
        good = world.files.require_wasm(world.program.modules[REDUCER])
        found = rehearse(world, with_module(world, REDUCER, TRAPS), keep="broken")
        (fault,) = found.faults_new.items
        assert (fault["height"], fault["code"], fault["reducer"]) == (1, "trap", REDUCER)
        assert found.effects_lost.count == 3 and not found.effects_new.count
        assert [of["receipt"] for of in found.effects_lost.items] == [23, 17, 20]
        assert all(of["kind"] == "http.request" for of in found.effects_lost.items)
    with World.open(played, "broken", write=False) as broken:
        assert broken.verify().ok
        mended = rehearse(broken, with_module(broken, REDUCER, good))
        assert [of["code"] for of in mended.faults_gone.items] == ["trap"]
        assert mended.effects_new.count == 3, "nobody has recorded receipts for them"


def test_a_receipt_that_faulted_and_came_again_is_late_where_it_settles_at_once(
    world: Path,
) -> None:
    good = (world / "modules/Aggregator.wasm").read_bytes()
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened, 1, 2)
        (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
        opened.swap()
        assert release_all(opened, 3)[0].fault is not None
        (world / "modules/Aggregator.wasm").write_bytes(good)
        opened.swap()
        assert release_all(opened, 3)[0].fault is None
        found = rehearse(opened, with_module(opened, REDUCER, good), keep="mended")
        assert found.left_out == 2, "both swaps were of this module alone"
        assert found.faults_gone.count == 1 and found.diff == ()
        assert not found.effects_lost.count and not found.effects_new.count
    with World.open(world, "mended") as mended:
        assert mended.verify().ok
        receipts = [of["outcome"] for of in mended.records if of.kind == "receipt"]
        assert receipts == ["settled", "settled", "settled", "late"]
    with World.open(world, write=False) as opened:
        quiet = rehearse(opened, with_module(opened, REDUCER, TRAPS))
        assert quiet.effects_lost.count == 3, "not once more for the receipt that faulted"
        settled = [at for at, of in enumerate(opened.records) if of.get("outcome") == "settled"]
        assert [of["receipt"] for of in quiet.effects_lost.items] == settled


def test_replacements_of_other_definitions_stay_where_they_were(played: Path) -> None:
    with World.open(played) as world:
        edit_json(played / "air/policy.air.json", '"cap_name": "cap_http_aggregate",', "")
        world.swap()
        world.fire(EVENT, start(topic="two"))
        found = rehearse(world, with_module(world, REDUCER, patched(played)), keep="kept")
        assert found.left_out == 0 and found.height == world.height
    with World.open(played, "kept") as kept:
        assert kept.verify().ok
        (swap,) = (of for of in kept.records if of.kind == "manifest_replaced")
        assert swap["changed"] == ["demo/aggregator_policy@1"]


def test_other_modules_and_bad_wasm_are_refused(played: Path) -> None:
    with World.open(played, write=False) as world:
        with pytest.raises(UsageError, match="demo/Nobody@1") as error:
            with_module(world, "demo/Nobody@1", TRAPS)
        assert error.value.hint == f"known: {REDUCER}"
        with pytest.raises(ModuleMissing):
            with_module(world, REDUCER, b"no wasm")


def test_a_plan_of_another_definition_is_still_the_same_plan(played: Path) -> None:
    """Its instances have other identities; what they did has not changed."""
    edit_json(played / "plans/aggregator_plan.air.json", '"id": "emit_a"', '"id":  "emit_a"')
    with World.open(played, write=False) as world:
        assert with_disk(world).same
    text = (played / "plans/aggregator_plan.air.json").read_text("utf-8")
    (played / "plans/aggregator_plan.air.json").write_text(
        text.replace('"emit_a"', '"first"'), "utf-8"
    )
    with World.open(played, write=False) as world:
        found = with_disk(world, keep="renamed")
    first = found.first_difference
    assert first is not None and first.field in ("step", "origin.step")
    assert found.code == ("demo/aggregator_plan@1",)
    # only what names the step differs, and every receipt has found its way
    assert found.effects_lost.count == found.effects_new.count == 0 and found.diff == ()
    with World.open(played, "renamed") as renamed:
        assert renamed.verify().ok


def test_an_input_that_is_not_accepted_any_more_is_listed(played: Path) -> None:
    with World.open(played, write=False) as world:
        texts = dict(world.files.texts)
        name = next(
            of for of in texts if "AggregatorEvent" in texts[of] and "defschema" in texts[of]
        )
        texts[name] = texts[name].replace('"Start"', '"Begin"')
        files = WorldFiles.read(world.files.root)
        files = WorldFiles(
            files.root, files.home, files.config, texts, files.blobs, files.bundled, files.wasm
        )
        found = rehearse(world, with_files(world, files))
    assert [of["height"] for of in found.refused.items] == [1]
    first = found.first_difference
    assert first is not None and (first.height, first.expected) == (1, "an accepted input")
    assert found.changed == found.records - 1 and found.height == 0


# -- breaking off -----------------------------------------------------------------------------


class Enough(Exception):
    pass


def test_broken_off_it_leaves_nothing_behind(played: Path) -> None:
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 3:
            raise Enough

    with World.open(played, write=False) as world:
        code = with_module(world, REDUCER, patched(played))
        with pytest.raises(Enough):
            rehearse(world, code, keep="kept", progress=stop)
        assert told == [(1, 4), (2, 4), (3, 4)]
        assert world.branches() == ["main"] and world.tree(removed=True).branches == {}
        assert rehearse(world, code, keep="kept").branch == "kept"
        assert world.branches() == ["kept", "main"]


def test_an_interrupt_when_it_has_just_got_its_name_is_told_as_one(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = FileDisk.rename

    def interrupted(self: FileDisk, branch: str, name: str) -> None:
        rename(self, branch, name)
        raise KeyboardInterrupt

    monkeypatch.setattr(FileDisk, "rename", interrupted)
    with World.open(played, write=False) as world:
        with pytest.raises(KeyboardInterrupt):
            with_disk(world, keep="kept")
        assert world.branches() == ["kept", "main"]
    with World.open(played, "kept") as kept:
        assert kept.verify().ok


def test_the_rest_of_one_that_was_killed_makes_room(played: Path) -> None:
    with World.open(played) as world:
        world.fork(world.height, "kept~unfinished").close()
        with_disk(world, keep="kept")
        assert world.branches() == ["kept", "main"]
    locks = {path.name for path in (played / ".aos/journal").glob("*.lock")}
    assert "kept~unfinished.lock" not in locks, "nor is its lock left"


def test_many_turns_are_written_in_groups(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aos_core.rehearse.GROUP", 2)
    with World.open(world) as opened:
        for n in range(3):
            opened.fire(EVENT, start(topic=str(n)))
            release_all(opened)
        assert with_disk(opened, keep="kept").head == opened.head


# -- many journals ----------------------------------------------------------------------------


def test_a_folder_of_worlds_is_told_journal_by_journal(played: Path, tmp_path: Path) -> None:
    other = copy_example(tmp_path / "another")
    with World.open(other) as world:
        world.fire(EVENT, start(topic="other"))
        world.fork(world.height, "side").close()
    copy_example(tmp_path / "empty")

    def code(of: World) -> Code:
        return with_module(of, REDUCER, patched(played))

    told = list(rehearse_folder(tmp_path, code))
    summaries = [(of.name, of.rehearsal and of.rehearsal.summary) for of in told]
    assert summaries == [
        ("another main", "changes 1 of 17"),
        ("another side", "changes 1 of 17"),
        ("world main", "changes 2 of 31"),
    ]
    assert json.dumps([of.to_json() for of in told])
    (only,) = rehearse_folder(played, code)
    assert only.branch == "main"
    with pytest.raises(UsageError, match="no journal"):
        list(rehearse_folder(tmp_path / "empty", code))


def test_what_is_wrong_with_one_journal_stops_no_other(played: Path, tmp_path: Path) -> None:
    tiny = tiny_world(tmp_path / "tiny")
    World.open(tiny).close()
    told = list(rehearse_folder(tmp_path, lambda of: with_module(of, REDUCER, patched(played))))
    assert [of.error is None for of in told] == [False, True]
    assert told[0].error is not None and REDUCER in told[0].error.message
