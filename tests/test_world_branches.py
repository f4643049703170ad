"""Branches of a world: forks, replaced definitions, kept runs, and what the store lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.branches import DiskError, list_branches
from aos_core.errors import (
    BranchLocked,
    CheckFailed,
    ModuleMissing,
    Rejected,
    StoreDamaged,
    UnknownIntent,
    UsageError,
    WorldError,
)
from aos_core.filters import find
from aos_core.layer import OPERATING_SYSTEM
from aos_core.modules import WorldModules
from aos_core.rotation import KEPT
from aos_core.scenario import edited, run_scenario
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import VOCABULARY, await_, emit, end, manifest, module, plan
from tests.support import (
    EVENT,
    IMPORTS,
    PLAN,
    REDUCER,
    WASM,
    answering,
    edit_json,
    kinds,
    log,
    numbered,
    patch_reducer,
    release_all,
    same,
    start,
    tiny_world,
)

# -- forks ------------------------------------------------------------------------------------


def test_a_fork_at_the_end_of_a_turn_goes_on_from_there(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        end = found.height
        release_all(found)
        done = (found.height, found.root, found.head)
        with found.fork(end, "side") as fork:
            assert (fork.branch, fork.height, fork.root) == ("side", end, found.at(end).root)
            assert [item.n for item in fork.pending] == [1, 2, 3]
            assert fork.head not in {frame.hash for frame in found.frames}
            release_all(fork, 3, 2, 1)
            assert fork.root == found.root and fork.head != found.head
            assert fork.height == found.height
            assert [record.kind for record in fork.records[: end + 1]] == [
                record.kind for record in found.records[: end + 1]
            ]
            for height in range(fork.height + 1):
                if height <= end:
                    assert fork.at(height).root == found.at(height).root
        assert (found.height, found.root, found.head) == done
        assert found.branches() == ["main", "side"]


def test_inside_a_turn_a_fork_starts_at_its_beginning(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
        first, last = found.turn_bounds(found.height)
        for n, height in enumerate(range(first, last)):
            with found.fork(height, f"inside-{n}") as fork:
                assert fork.height == first - 1 and len(fork.pending) == 3
        with found.fork(last, "end") as fork:
            assert fork.height == last and len(fork.pending) == 2
        with found.fork(0, "genesis") as fork:
            assert (fork.height, fork.root) == (0, found.at(0).root)
            fork.fire(EVENT, start())
            assert fork.height == found.turn_bounds(1)[1]


def test_forks_of_forks_reopen_and_go_on(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        receipt = numbered(found, 1).answer()
        found.deliver(receipt)
        with found.fork(found.height, "one") as one:
            release_all(one, 2)
            with one.fork(one.height, "two") as two:
                release_all(two, 3)
                at_two = (two.height, two.root, two.head)
            with one.fork(one.turn_bounds(2)[1], "early") as early:
                assert len(early.pending) == 3, "a fork of a fork before the fork"
            with one.fork(one.height, "empty") as empty, empty.fork(empty.height, "twice") as twice:
                assert twice.root == one.root and twice.height == one.height
    with World.open(world, "two") as again:
        assert (again.height, again.root, again.head) == at_two
        assert again.state(REDUCER)["pc"] == "Done"
        assert_replays(again)
        assert again.deliver(receipt).records[0]["outcome"] == "late", "settled before the fork"
        with pytest.raises(UnknownIntent):
            again.deliver(Receipt(b"\x07" * 32, "ok", receipt.payload))
        again.fire(EVENT, start(topic="on"))
        assert again.state(REDUCER)["requests"] == 2
        assert [item.n for item in again.pending] == [1, 2, 3]
    for name in ("early", "empty", "twice"):
        with World.open(world, name) as again:
            release_all(again)
            assert again.state(REDUCER)["pc"] == "Done"
            assert_replays(again)


def test_a_fork_is_found_by_its_parents_head_and_not_by_its_name(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
        found.fire(EVENT, start(topic="later"))
    log(world).rename(log(world, "renamed"))
    with World.open(world, "side") as side:
        assert len(side.pending) == 3
    log(world, "renamed").unlink()
    with pytest.raises(UsageError) as caught:
        World.open(world, "side")
    assert caught.value.code == "no_parent" and caught.value.hint


def test_a_branch_beside_that_cannot_be_read_harms_nobody(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
    log(world, "aaa").write_bytes(b"\xff" * 100)
    with World.open(world, "side") as side:
        assert len(side.pending) == 3
    with World.anew(world, "side") as anew:
        assert anew.height == 0 and "side~1" in anew.branches()


@pytest.mark.parametrize("name", ["", "a b", "main@3", "../x", "x" * 81, ".."])
def test_names_that_no_branch_may_have(world: Path, name: str) -> None:
    with World.open(world) as found:
        with pytest.raises(UsageError, match="no name for a branch"):
            found.fork(0, name)
        with pytest.raises(UsageError):
            World.anew(world, name)
        assert found.branches() == ["main"]


@pytest.mark.parametrize("memory", [True, False])
def test_a_fork_of_a_name_that_exists_or_a_height_that_does_not(world: Path, memory: bool) -> None:
    with World.open(world, memory=memory) as found:
        found.fork(0, "side").close()
        with pytest.raises(UsageError, match="exists"):
            found.fork(0, "side")
        with pytest.raises(UsageError, match=r"exists|is being written"):
            found.fork(0, "main")
        for height in (-1, 1):
            with pytest.raises(UsageError, match=f"no height {height}"):
                found.fork(height, "other")
        assert found.branches() == ["main", "side"]


def test_a_fork_is_small_however_long_the_history(world: Path) -> None:
    sizes = []
    with World.open(world) as found:
        for n in range(2):
            found.fire(EVENT, start())
            found.fork(found.height, f"f{n}").close()
            for _ in range(5):
                found.fire(EVENT, start())
            sizes.append(log(world, f"f{n}").stat().st_size)
    assert abs(sizes[0] - sizes[1]) <= 2 and sizes[0] < 1000


def test_a_twin_is_the_world_at_genesis_and_nothing_it_does_comes_back(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        before = (found.height, found.head)
        twin = found.twin()
        assert (twin.height, twin.head) == (0, found.frames[0].hash)
        twin.fire(EVENT, start())
        release_all(twin)
        assert twin.state(REDUCER)["pc"] == "Done"
        assert_replays(twin)
        assert (found.height, found.head) == before and found.branches() == ["main"]


# -- replaced definitions ---------------------------------------------------------------------


def test_a_swap_is_one_journaled_input_and_replay_is_exact_around_it(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        old = found.program.manifest_hash
        patch_reducer(world, b"fetch_c", b"fetch_C")
        assert found.disk_changes() == (REDUCER,)
        made = found.swap()
        assert kinds(made) == ["manifest_replaced"]
        record = made.records[0]
        assert (record["old"], record["new"]) == (old, found.program.manifest_hash)
        assert record["changed"] == [REDUCER] and record["old"] != record["new"]
        assert record.get("settings") is None
        assert found.disk_changes() == ()
        found.fire(EVENT, start(topic="new"))
        release_all(found)
        handles = [of.state(REDUCER)["pending"] for of in (found.at(2), found.at(found.height - 1))]
        assert handles[0]["1"]["handles"][2] == "fetch_c"
        assert found.state(REDUCER)["pc"] == "Done"
        assert_replays(found)
        before = found.turn_bounds(2)[1]
        with found.fork(before, "old") as fork:
            assert fork.program.manifest_hash == old
            fork.fire(EVENT, start(topic="old"))
            pending = fork.state(REDUCER)["pending"]
            assert [of["handles"][2] for of in pending.values()] == ["fetch_c", "fetch_c"]
    with World.open(world) as again:
        assert again.verify().ok and again.program.manifest_hash == record["new"]


def test_a_swap_to_what_is_in_force_already_is_answered(world: Path) -> None:
    with World.open(world) as found:
        size = log(world).stat().st_size
        with pytest.raises(UsageError, match="in force already") as caught:
            found.swap()
        assert caught.value.code == "no_change" and log(world).stat().st_size == size
        with pytest.raises(UsageError, match="in force already"):
            found.swap(wasm={REDUCER: WASM.read_bytes()})


def break_manifest(world: Path) -> None:
    edit_json(
        world / "air/manifest.air.json",
        '"reducer": "demo/Aggregator@1"',
        '"reducer": "demo/Nobody@1"',
    )


def break_json(world: Path) -> None:
    (world / "air/policy.air.json").write_text("{", "utf-8")


def break_config(world: Path) -> None:
    (world / "world.toml").write_text("nam = 1", "utf-8")


def import_something(world: Path) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(IMPORTS)


def write_rubbish(world: Path) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(b"rubbish")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (break_manifest, CheckFailed),
        (break_json, CheckFailed),
        (break_config, WorldError),
        (import_something, ModuleMissing),
        (write_rubbish, ModuleMissing),
    ],
)
def test_a_swap_to_an_unsound_world_is_refused_and_nothing_is_written(
    world: Path, spoil: Any, error: type[WorldError]
) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        before, size = (found.head, found.root), log(world).stat().st_size
        spoil(world)
        with pytest.raises(error):
            found.swap()
        assert (found.head, found.root) == before and log(world).stat().st_size == size
        found.fire(EVENT, start())
        assert_replays(found)


def test_a_running_plan_keeps_its_plan_and_a_new_one_gets_the_new(world: Path) -> None:
    found = World.open(world, memory=True)
    found.fire(EVENT, start())
    edit_json(
        world / "plans/aggregator_plan.air.json",
        '"ref": "@plan.input.tertiary.name"',
        '"ref": "@plan.input.primary.name"',
    )
    assert found.swap().records[0]["changed"] == [PLAN]
    found.fire(EVENT, start(topic="new"))
    old, new = (record["instance"] for record in found.records if record.kind == "plan_started")
    instances = dict(found.at(found.height).kernel_state.plans.items())
    assert instances[old].plan != instances[new].plan
    release_all(found)
    done = [
        record for record in found.records if record.get("schema") == "demo/AggregateComplete@1"
    ]
    assert [of["value"]["tertiary"]["name"] for of in done] == ["c", "a"]
    assert_replays(found)


def test_settings_are_replaced_with_the_rest(world: Path) -> None:
    found = World.open(world, memory=True)
    text = (world / "world.toml").read_text("utf-8")
    (world / "world.toml").write_text(text + "\n[limits]\nfuel = 10\n", "utf-8")
    made = found.swap()
    assert made.records[0]["changed"] == [] and made.records[0]["settings"]["limits"]["fuel"] == 10
    faulted = found.fire(EVENT, start())
    assert faulted.fault is not None and faulted.fault["code"] == "out_of_fuel"
    (world / "world.toml").write_text(text, "utf-8")
    found.swap()
    assert found.fire(EVENT, start()).fault is None
    assert_replays(found)


def test_the_context_names_the_manifest_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    step = WorldModules.step

    def watching(self: WorldModules, wasm: bytes, envelope: bytes, limits: Any) -> bytes:
        seen.append(canon.decode(canon.decode(envelope)["ctx"])["manifest_hash"])
        return step(self, wasm, envelope, limits)

    monkeypatch.setattr(WorldModules, "step", watching)
    of = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1", context="sys/ReducerContext@1"),
        wasm={"R": answering({"state": b"\xf6"})},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    found = World.open(of, memory=True)
    hashes = [canon.hash_text(found.program.manifest_hash)]
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    (of / "modules/R.wasm").write_bytes(answering({"state": b"\x00"}))
    found.swap()
    hashes.append(canon.hash_text(found.program.manifest_hash))
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    assert seen == hashes and hashes[0] != hashes[1]


def test_a_pending_effect_that_the_manifest_no_longer_lists_is_still_shown_and_settled(
    tmp_path: Path,
) -> None:
    """Its receipt is typed by the manifest of the plan that waits for it."""
    nodes = plan("demo/p@1", [emit("a"), await_("r", "a"), end()], ("a", "r"), ("r", "end"))
    of = tiny_world(tmp_path, nodes, triggers=[("demo/Go@1", "demo/p@1")])
    found = World.open(of, memory=True)
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    before = [(item.n, item.params, item.schema.zero()) for item in found.pending]
    left = [node for node in VOCABULARY if node["$kind"] == "defschema"]
    (of / "air/all.json").write_text(json.dumps([*left, manifest(left, grants=[])]), "utf-8")
    changed = found.swap().records[0]["changed"]
    assert {"demo/ask@1", "demo/p@1"} <= set(changed)
    assert [(item.n, item.params, item.schema.zero()) for item in found.pending] == before
    made = found.deliver(edited(numbered(found, 1), {"payload": {"n": 3, "note": None}}))
    assert [of.kind for of in made.records][-1] == "plan_ended" and found.pending == []
    assert_replays(found)


def test_what_an_ended_plan_asked_is_shown_as_it_was_typed_then(tmp_path: Path) -> None:
    nodes = plan("demo/p@1", [emit("a"), end()], ("a", "end"))
    of = tiny_world(tmp_path, nodes, triggers=[("demo/Go@1", "demo/p@1")])
    found = World.open(of, memory=True)
    found.fire("demo/Go@1", {"who": "a", "n": 1})
    left = [node for node in VOCABULARY if node["$kind"] == "defschema"]
    (of / "air/all.json").write_text(json.dumps([*left, manifest(left, grants=[])]), "utf-8")
    found.swap()
    (item,) = found.pending
    assert (item.params, item.schema.name) == ({"q": "a"}, "demo/AskReceipt@1")
    with pytest.raises(Rejected, match="no longer lists"):
        found.deliver(edited(item, {"payload": {"n": 3, "note": None}}))
    assert len(found.pending) == 1


# -- kept runs --------------------------------------------------------------------------------


def heads(world: Path) -> dict[str, bytes]:
    found = {}
    for branch in list_branches(world / ".aos/journal"):
        with World.open(world, branch, write=False) as opened:
            found[branch] = opened.head
    return found


def begin(world: Path, n: int, name: str = "S") -> bytes:
    """A run of that name, told from others by its topic; its head."""
    with World.anew(world, name) as found:
        found.fire(EVENT, start(topic=f"run {n}"))
        return found.head


def test_earlier_runs_are_kept_as_1_to_5_the_latest_first(world: Path) -> None:
    runs = [begin(world, n) for n in range(KEPT + 3)]
    names = ["S", *(f"S~{n}" for n in range(1, KEPT + 1))]
    assert heads(world) == dict(zip(names, reversed(runs), strict=False))


def test_a_run_with_children_is_never_dropped(world: Path) -> None:
    oldest = begin(world, 0)
    with World.open(world, "S") as found:
        found.fork(found.height, "child").close()
    runs = [begin(world, n) for n in range(1, KEPT + 3)]
    found_ = heads(world)
    assert found_["S~6"] == oldest, "beyond the five, but there"
    assert runs[0] not in found_.values(), "one without children is dropped"
    assert set(found_) == {"S", "child", *(f"S~{n}" for n in range(1, KEPT + 2))}
    with World.open(world, "child") as child:
        release_all(child)
        assert child.state(REDUCER)["pc"] == "Done"
        assert_replays(child)


def test_a_deleted_branch_can_be_brought_back_however_many_runs_came_since(world: Path) -> None:
    begin(world, 0)
    with World.open(world, "S") as found:
        found.fork(found.height, "child").close()
    with World.open(world, "S", write=False) as found:
        found.delete_branch("child")
    for n in range(1, KEPT + 3):
        begin(world, n)
    with World.open(world, "S") as found:
        with pytest.raises(UsageError) as caught:
            found.restore_branch("child")
        assert caught.value.hint == "bring back S~6 first", "no run has that name"
        found.restore_branch("S~6")
        found.restore_branch("child")
    with World.open(world, "child") as child:
        release_all(child)
        assert_replays(child)


def test_a_gap_is_filled_before_anything_is_dropped(world: Path) -> None:
    runs = [begin(world, n) for n in range(KEPT + 1)]
    log(world, "S~2").unlink()
    begin(world, 9)
    found = heads(world)
    assert found["S~5"] == runs[0] and found["S~2"] == runs[-2]


@pytest.mark.parametrize("gap", [None, "S~2", "S~5"])
def test_where_a_new_run_is_refused_all_earlier_ones_are_as_they_were(
    world: Path, gap: str | None
) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    if gap is not None:
        log(world, gap).unlink()
    before = heads(world)
    anew = World.anew(world, "S")
    assert set(before.values()) < set(heads(world).values()), "killed here, it would lose none"
    anew.withdraw()
    assert heads(world) == before
    begin(world, 9)
    assert len(heads(world)) == KEPT + 1


def test_a_run_that_cannot_begin_moves_none(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    before = heads(world)

    def full(path: Path, header: object) -> None:
        raise DiskError("no space")

    with monkeypatch.context() as patched:
        patched.setattr("aos_core.disk.FileJournal.create", full)
        with pytest.raises(DiskError):
            World.anew(world, "S")
    assert heads(world) == before


@pytest.mark.parametrize("nth", range(1, KEPT + 2))
def test_a_run_that_moved_but_perhaps_not_durably_is_moved_back_too(
    world: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    before, real, left = heads(world), OPERATING_SYSTEM.sync_directory, [nth]

    def fail_once(path: Path) -> None:
        left[0] -= path.name == "journal"
        if left[0] == 0:
            left[0] = -1
            raise OSError(5, "input/output error")
        real(path)

    with monkeypatch.context() as patched:
        patched.setattr(OPERATING_SYSTEM, "sync_directory", fail_once)
        with pytest.raises(DiskError):
            World.anew(world, "S")
    assert heads(world) == before


def test_the_oldest_run_stays_while_somebody_writes_it(world: Path) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    anew = World.anew(world, "S")
    with World.open(world, "S~6") as held:
        anew.close()
        oldest = held.head
    assert heads(world)["S~6"] == oldest


def test_a_run_that_is_being_written_is_not_moved(world: Path) -> None:
    begin(world, 0)
    with World.open(world, "S") as held:
        with pytest.raises(BranchLocked):
            World.anew(world, "S")
        release_all(held)
        assert held.state(REDUCER)["pc"] == "Done"
    assert set(heads(world)) == {"S"}
    begin(world, 1)
    assert set(heads(world)) == {"S", "S~1"}


def test_runs_of_scenarios_are_rotated_and_main_is_never_touched(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        main = found.head
    for _ in range(2):
        run_scenario(world, "out-of-order").world.close()
    found_ = heads(world)
    assert set(found_) == {"main", "out-of-order", "out-of-order~1"}
    assert found_["main"] == main
    assert found_["out-of-order"] == found_["out-of-order~1"], "equal runs have equal heads"


def test_in_memory_runs_are_rotated_alike(world: Path) -> None:
    one = World.anew(world, "S", memory=True)
    two = World.anew(world, "S", memory=True)
    assert one.branches() == two.branches() == ["S"], "each has a memory of its own"
    assert same(one, two)


# -- modules and the store --------------------------------------------------------------------


def test_a_module_without_wasm_is_named(world: Path) -> None:
    (world / "modules/Aggregator.wasm").unlink()
    with pytest.raises(WorldError) as caught:
        World.open(world)
    assert REDUCER in str(caught.value)


@pytest.mark.parametrize(
    ("wasm", "words"),
    [
        (IMPORTS, "imports env.now"),
        (b"rubbish", "not wasm"),
        (b"\0asm\1\0\0\0", "does not export memory, alloc, step"),
    ],
)
def test_a_module_that_cannot_be_used_is_named_before_anything_is_begun(
    world: Path, wasm: bytes, words: str
) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(wasm)
    with pytest.raises(ModuleMissing, match=words) as caught:
        World.open(world)
    assert caught.value.where["module"] == REDUCER
    assert list_branches(world / ".aos/journal") == []
    (world / "modules/Aggregator.wasm").write_bytes(WASM.read_bytes())
    with World.open(world) as found:
        assert found.fire(EVENT, start()).fault is None


def test_other_wasm_than_its_hash_is_a_warning_and_what_is_found_runs(world: Path) -> None:
    patch_reducer(world, b"fetch_c", b"fetch_C")
    with World.open(world) as found:
        problems = found.files.catalog.problems
        assert {(of.severity, of.code) for of in problems} == {("warning", "stale_hash")}
        wasm = (world / "modules/Aggregator.wasm").read_bytes()
        assert found.program.wasm_hash(REDUCER) == canon.sha256(wasm)
        found.fire(EVENT, start())
        assert found.state(REDUCER)["pending"]["1"]["handles"][2] == "fetch_C"


def damage(world: Path, digest: bytes, data: bytes | None) -> None:
    with sqlite3.connect(world / ".aos/store.db") as store:
        if data is None:
            done = store.execute("DELETE FROM objects WHERE hash = ?", (digest,))
        else:
            done = store.execute("UPDATE objects SET data = ? WHERE hash = ?", (data, digest))
        assert done.rowcount == 1
    store.close()


def asked(world: Path) -> tuple[bytes, bytes]:
    """A world on disk after a Start; the hashes of its manifest and of its wasm."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        return found.program.manifest_hash, found.program.wasm_hash(REDUCER)


@pytest.mark.parametrize(("data", "words"), [(None, "missing from"), (b"altered", "altered in")])
def test_wasm_that_the_store_lost_is_named_by_its_module(
    world: Path, data: bytes | None, words: str
) -> None:
    _, wasm = asked(world)
    damage(world, wasm, data)
    with pytest.raises(StoreDamaged, match=words) as caught:
        World.open(world, write=False)
    assert caught.value.where["module"] == REDUCER and REDUCER in caught.value.message
    assert caught.value.exit_code == 3


def test_a_definition_that_the_store_lost_is_named(world: Path) -> None:
    manifest, _ = asked(world)
    damage(world, manifest, b"altered")
    with pytest.raises(StoreDamaged, match="the manifest is altered"):
        World.open(world, write=False)


def test_what_the_store_lost_is_put_back_from_the_files(world: Path) -> None:
    manifest, wasm = asked(world)
    for digest in (wasm, manifest):
        damage(world, digest, None)
        with World.open(world) as found:
            assert found.trouble is None and len(found.pending) == 3
            assert_replays(found)
        with World.open(world, write=False) as reader:
            assert len(reader.pending) == 3


def test_what_the_store_lost_and_no_file_holds_is_an_error(world: Path) -> None:
    _, wasm = asked(world)
    damage(world, wasm, None)
    patch_reducer(world, b"fetch_c", b"fetch_C")
    with pytest.raises(StoreDamaged) as caught:
        World.open(world)
    assert caught.value.where["module"] == REDUCER
    (world / "modules/Aggregator.wasm").unlink()
    with pytest.raises(StoreDamaged):
        World.open(world)
    (world / "modules/Aggregator.wasm").write_bytes(WASM.read_bytes())
    with World.open(world) as found:
        assert len(found.pending) == 3, "nothing was lost meanwhile"


def test_a_store_that_is_gone_is_made_anew_from_the_files(world: Path) -> None:
    asked(world)
    for file in (world / ".aos").glob("store.db*"):
        file.unlink()
    with pytest.raises(UsageError, match="there is no store"):
        World.open(world, write=False)
    with World.open(world) as found:
        assert len(found.pending) == 3
        assert_replays(found)


def test_a_reader_follows_the_writer(world: Path) -> None:
    with World.open(world) as writer, World.open(world, write=False) as reader:
        assert not reader.refresh()
        writer.fire(EVENT, start())
        writer.deliver(writer.pending[1].answer())
        assert reader.height == 0
        assert reader.refresh()
        assert (reader.head, reader.root) == (writer.head, writer.root)
        assert [item.n for item in reader.pending] == [1, 3]
        assert not reader.refresh()
        release_all(writer)
        assert reader.refresh()
        assert reader.at(20).root == writer.at(20).root
        assert_replays(reader)
        assert not writer.refresh()


def test_a_reader_that_is_behind_leaves_the_index_of_the_writer_alone(world: Path) -> None:
    with World.open(world) as writer, World.open(world, write=False) as reader:
        writer.fire(EVENT, start())
        reader.refresh()
        writer.fire(EVENT, start(topic="later"))
        assert len(writer.pending) == 6  # taken in, a turn further than the reader is
        before = _turns(world)
        assert [item.n for item in reader.pending] == [1, 2, 3]
        assert reader.history.events == 1
        assert _turns(world) == before
        assert [item.n for item in writer.pending] == [1, 2, 3, 4, 5, 6]


def test_an_index_that_has_more_is_made_anew_once_the_journal_goes_on_differently(
    world: Path,
) -> None:
    with World.open(world) as of:
        of.fire(EVENT, start())
        height = of.height
        shutil.copy(world / ".aos/journal/main.log", world / "copy")
        of.fire(EVENT, start(topic="lost"))
        assert of.history.events == 2
    shutil.copy(world / "copy", world / ".aos/journal/main.log")
    shutil.rmtree(world / ".aos/index")
    with World.open(world) as of:
        assert of.height == height
        assert of.history.events == 1
        of.fire(EVENT, start(topic="other"))
        assert find(of, "text:lost") == []
        assert len(find(of, "text:other kind:event")) == 2
        assert len(of.pending) == 6


def test_what_is_pending_is_looked_up_and_not_searched_for(world: Path) -> None:
    asked(world)
    with World.open(world) as of, closing(sqlite3.connect(world / ".aos/index.db")) as database:
        of.history.catch_up()
        planned = database.execute(
            "EXPLAIN QUERY PLAN SELECT max(height) FROM records"
            " WHERE branch = 1 AND subject = x'00' AND kind = 'intent' AND height <= 9"
        ).fetchall()
    assert "subject=? AND branch=? AND kind=? AND height<?" in planned[0][-1]


def _turns(world: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(world / ".aos/index.db")) as database:
        return database.execute("SELECT branch, first, last FROM turns").fetchall()
