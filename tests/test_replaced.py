"""A world whose definitions and modules are replaced while it lives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import CheckFailed, ModuleMissing, Rejected, UsageError, WorldError
from aos_core.modules import WorldModules
from aos_core.scenario import edited
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
    start,
    tiny_world,
)


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
