"""Whether other code could go on with the states the old one left, tried before the swap."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from aos_core.errors import CheckFailed
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, REDUCER, edit_json, log, patch_reducer, release_all, start


def put(world: Path, body: str) -> None:
    """A reducer of text: ``body`` is its step."""
    wat = f"""(module (memory (export "memory") 1)
      (func (export "alloc") (param i32) (result i32) (i32.const 1024))
      (func (export "step") (param i32 i32) (result i32 i32) {body}))"""
    (world / "modules/Aggregator.wasm").write_bytes(bytes(wasmtime.wat2wasm(wat)))


def test_a_module_that_cannot_go_on_is_told_with_the_event_that_was_tried(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
        put(world, "unreachable")
        before, size = opened.root, log(world).stat().st_size
        (risk,) = opened.swap_risks()
        assert (risk.reducer, risk.key, risk.code) == (REDUCER, None, "trap")
        assert opened.records[risk.height].kind == "event"
        assert opened.records[risk.height]["schema"] == "demo/AggregateComplete@1"
        assert (opened.root, log(world).stat().st_size) == (before, size)


def test_a_module_that_can_go_on_is_no_risk(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        assert opened.swap_risks() == ()
        patch_reducer(world, b"fetch_a", b"fetch_x")
        assert opened.disk_changes() == (REDUCER,)
        assert opened.swap_risks() == ()


def test_before_the_first_event_there_is_nothing_to_try(world: Path) -> None:
    with World.open(world) as opened:
        put(world, "unreachable")
        assert opened.swap_risks() == ()


def test_a_world_that_does_not_load_is_an_error(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        edit_json(
            world / "air/manifest.air.json",
            '"plan": "demo/aggregator_plan@1"',
            '"plan": "demo/no@1"',
        )
        with pytest.raises(CheckFailed):
            opened.swap_risks()
