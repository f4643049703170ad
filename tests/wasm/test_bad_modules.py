"""Modules that misbehave, in a world on disk: a fault or a typed error, the state as it was, and
the same again on replay."""

import shutil
from pathlib import Path

import pytest
import wasmtime

from aos_core import World
from aos_core.build import Builder, BuildRequest
from aos_core.errors import ModuleMissing
from aos_core.new_world import TEMPLATE
from aos_core.testing import assert_replays
from tests.wasm.modules import ALLOC, MEMORY

EVENT = "demo/CounterEvent@1"
START = {"Start": {"goal": 2}}


def stepping(body: str) -> str:
    return f'{MEMORY} {ALLOC} (func (export "step") (param i32 i32) (result i32 i32) {body})'


GROWS = "(loop (drop (memory.grow (i32.const 1))) (br 0)) unreachable"
GROWS_AND_WRITES = """(local $at i32)
  (loop (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
        (i32.store (local.get $at) (i32.const 1)) (br 0)) unreachable"""
OVERLAPS = """(func (export "step") (param i32 i32 i32)
  (i32.store (local.get 0) (local.get 0)) (i32.store offset=4 (local.get 0) (i32.const 8)))"""
TRAPS = '(func (export "step") (param i32 i32) (result i32 i32) unreachable)'

FAULTS = {
    "grows memory for ever": (stepping(GROWS), "out_of_fuel"),
    "grows memory for ever and writes to it": (stepping(GROWS_AND_WRITES), "trap"),
    "points outside of its memory": (stepping("(i32.const 65530) (i32.const 8)"), "bad_output"),
    "has a length of 4 GiB": (stepping("(i32.const 0) (i32.const -1)"), "output_limit"),
    "answers with its own pointer": (f"{MEMORY} {ALLOC} {OVERLAPS}", "bad_output"),
    "traps in alloc": (
        f'{MEMORY} (func (export "alloc") (param i32) (result i32) unreachable) {TRAPS}',
        "trap",
    ),
    "gives no room": (
        f'{MEMORY} (func (export "alloc") (param i32) (result i32) (i32.const 65535)) {TRAPS}',
        "bad_output",
    ),
    "loops for ever": (stepping("(loop (br 0)) unreachable"), "out_of_fuel"),
}

REFUSED = {
    "exports the wrong types": f'{MEMORY} {ALLOC} (func (export "step") (param i64))',
    "imports a host function": f'(import "env" "now" (func)) {MEMORY} {ALLOC}',
    "exports nothing": "",
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    root = tmp_path / "world"
    shutil.copytree(TEMPLATE, root)
    text = (root / "world.toml").read_text().replace("crate =", "wasm = 'counter.wat' #")
    (root / "world.toml").write_text(f"{text}\n[limits]\nfuel = 200_000\nmemory_mib = 2\n")
    return root


def put(root: Path, wat: str) -> None:
    (root / "counter.wat").write_text(f"(module {wat})")


@pytest.mark.parametrize("name", FAULTS)
def test_a_step_that_goes_wrong_is_a_fault_that_replays(world: Path, name: str) -> None:
    wat, code = FAULTS[name]
    put(world, wat)
    with World.open(world) as opened:
        before = opened.root
        made = opened.fire(EVENT, START)
        assert made.fault is not None and made.fault["code"] == code
        assert (opened.root, opened.height) == (before, 2)
        assert_replays(opened)
    with World.open(world) as again:  # compiled code comes from the cache this time
        assert again.trouble is None
        assert (again.root, again.height) == (before, 2)
        assert [record.kind for record in again.records] == ["genesis", "event", "fault"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_cannot_be_called_changes_nothing(world: Path, name: str) -> None:
    put(world, REFUSED[name])
    _assert_refused(world)


def test_a_truncated_module_changes_nothing(world: Path) -> None:
    good = bytes(wasmtime.wat2wasm(f"(module {stepping('(i32.const 0) (i32.const 0)')})"))
    text = (world / "world.toml").read_text()
    (world / "world.toml").write_text(text.replace("counter.wat", "counter.wasm"))
    (world / "counter.wasm").write_bytes(good[: len(good) // 2])
    _assert_refused(world)


def _assert_refused(root: Path) -> None:
    """Before anything is begun: there is no journal that could not go on."""
    for _ in range(2):
        with pytest.raises(ModuleMissing):
            World.open(root)
        assert not (root / ".aos/journal/main.log").exists()


def test_a_text_that_is_none_is_refused_with_its_place(world: Path) -> None:
    (world / "counter.wat").write_text("(module\n  (func (result i32) nonsense))")
    with pytest.raises(ModuleMissing, match="unknown operator") as caught:
        Builder(None).build(BuildRequest(world / "counter.wat"))
    assert (caught.value.where["line"], caught.value.where["column"]) == (2, 22)


def test_text_and_bytes_build_the_same_module(tmp_path: Path) -> None:
    wat, wasm = tmp_path / "of.wat", tmp_path / "of.wasm"
    wat.write_text(f"(module {stepping('(i32.const 0) (i32.const 0)')})")
    text = Builder(None).build(BuildRequest(wat))
    wasm.write_bytes(text.wasm)
    assert Builder(None).build(BuildRequest(wasm)).wasm_hash == text.wasm_hash
    with pytest.raises(ModuleMissing, match="cannot be read"):
        Builder(None).build(BuildRequest(tmp_path / "absent.wat"))
