"""What differs between two states, and that it costs no more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.diff import diff_states
from aos_core.kernel.state import State
from aos_core.merkle import MerkleMap, Source
from aos_core.present import NOTHING
from aos_core.view import View
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import module, record, schema
from tests.support import (
    EVENT,
    PLAN,
    REDUCER,
    answering,
    edit_json,
    release_all,
    start,
    tiny_world,
)

CELLS = "demo/Cells@1"
MANY = 10_000


class Counting:
    """Keeps the nodes of maps, and counts what is read of them."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, bytes] = {}
        self.read = 0

    def keep(self, of: MerkleMap[bytes]) -> bytes:
        for node in of.unkept():
            self.nodes[node.hash()] = node.to_bytes()
        return of.root

    def load(self, root: bytes) -> MerkleMap[bytes]:
        def get(digest: bytes) -> bytes:
            self.read += 1
            return self.nodes[digest]

        return MerkleMap.load(root, Source(get, lambda _, data: data))


@pytest.fixture
def cells(tmp_path: Path) -> World:
    """A world with one keyed reducer, in memory."""
    key = schema("demo/Key@1", {"text": {}})
    seat = schema("demo/Seat@1", record(holder={"text": {}}, count={"nat": {}}))
    reducer = module(CELLS, "demo/Go@1", "demo/Seat@1", key="demo/Key@1")
    wasm = {"Cells": answering({"state": None})}
    return World.open(tiny_world(tmp_path / "world", key, seat, reducer, wasm=wasm), memory=True)


def _view(world: World, state: State) -> View:
    return View(
        0,
        state,
        world.program_of,
        world.records,
        world.history,
        lambda asked, schema: None,
        lambda height: "",
    )


def _key(n: int) -> bytes:
    return canon.encode(f"seat {n}")


def _seat(holder: str, count: int) -> bytes:
    return canon.encode({"holder": holder, "count": count})


def test_only_what_differs_is_read(cells: World) -> None:
    counting = Counting()
    before: MerkleMap[bytes] = MerkleMap()
    for n in range(MANY):
        before = before.set(_key(n), _seat("nobody", n))
    after = before.set(_key(17), _seat("Zoe", 17)).delete(_key(4)).set(_key(MANY), _seat("Al", 0))
    roots = counting.keep(before), counting.keep(after)
    assert len(counting.nodes) > MANY
    manifest = cells.program.manifest_hash
    old, new = (_view(cells, State(manifest, {CELLS: counting.load(of)})) for of in roots)
    counting.read = 0
    found = [(of.path, of.before, of.after) for of in diff_states(old, new)]
    assert sorted(found, key=lambda of: of[0]) == [
        (f'{CELLS}["seat 10000"]', NOTHING, {"holder": "Al", "count": 0}),
        (f'{CELLS}["seat 17"].holder', "nobody", "Zoe"),
        (f'{CELLS}["seat 4"]', {"holder": "nobody", "count": 4}, NOTHING),
    ]
    depth = 5  # of the leaves among 10,000, a nibble each; the path of a change is read twice
    assert 0 < counting.read <= 3 * 2 * depth + 16


def test_equal_states_are_not_looked_into(cells: World) -> None:
    counting = Counting()
    full: MerkleMap[bytes] = MerkleMap()
    for n in range(100):
        full = full.set(_key(n), _seat("nobody", n))
    root, manifest = counting.keep(full), cells.program.manifest_hash
    one, other = (_view(cells, State(manifest, {CELLS: counting.load(root)})) for _ in "ab")
    counting.read = 0
    assert list(diff_states(one, other)) == []
    assert counting.read == 0


def test_bytes_that_mean_the_same_differ_all_the_same(cells: World) -> None:
    """A state is its bytes: whoever compares roots must find what makes them differ."""
    manifest = cells.program.manifest_hash
    seat = {"holder": "Zoe", "count": 1}
    one, other = canon.encode(seat), canon.encode_plain(seat)  # with the tag and without
    states = (
        _view(cells, State(manifest, {CELLS: MerkleMap[bytes]().set(_key(1), of)}))
        for of in (one, other)
    )
    (change,) = diff_states(*states)
    assert change.path == f'{CELLS}["seat 1"]'
    assert [set(of) for of in (change.before, change.after)] == [{"bytes_b64"}] * 2
    assert change.before != change.after


def test_a_step_of_a_real_world(world: Path) -> None:
    with World.open(world, memory=True) as found:
        found.fire(EVENT, start())
        asked = found.height
        release_all(found, 1)
        changes = {
            of.path: of.to_json() for of in diff_states(found.at(asked), found.at(found.height))
        }
        assert not [path for path in changes if path.startswith(REDUCER)]
        (pending,) = [of for path, of in changes.items() if path.startswith("pending")]
        assert pending["before"]["kind"] == "http.request" and pending["after"] is None
        assert pending["before"]["params"]["url"] == "https://example.com/api/a"
        plan = [path for path in changes if path.startswith("plans")]
        assert any(path.endswith(".waits.await_a") for path in plan)
        assert any(path.endswith(".steps.await_a") for path in plan)
        release_all(found)
        by_end = [of.to_json() for of in diff_states(found.at(asked), found.at(found.height))]
        assert {"path": f"{REDUCER}.pc", "before": "Running", "after": "Done"} in by_end
        (ended,) = [of for of in by_end if of["path"].startswith("plans")]
        assert ended["before"]["plan"] == PLAN and ended["after"] is None
        back = [of.to_json() for of in diff_states(found.at(found.height), found.at(asked))]
        assert [_turned(of) for of in by_end] == back


def _turned(of: dict[str, Any]) -> dict[str, Any]:
    return {"path": of["path"], "before": of["after"], "after": of["before"]}


def test_another_manifest_is_a_difference(world: Path) -> None:
    with World.open(world, memory=True) as found:
        found.fire(EVENT, start())
        before = found.height
        edit_json(world / "air/policy.air.json", '"allow"', '"deny"')
        found.swap()
        (change,) = diff_states(found.at(before), found.at(found.height))
        assert change.path == "manifest" and change.before != change.after
