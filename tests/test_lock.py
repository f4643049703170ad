"""``lock``: hashes into files, only where they change, and never another manifest."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.nodes import DefModule, node_bytes
from aos_core.branches import DiskError
from aos_core.errors import CheckFailed, ModuleMissing, ReadOnly, WorldError
from aos_core.files import WorldFiles
from aos_core.lock import Locked, drifts, lock, require_hashes

AGGREGATOR = Path(__file__).parents[1] / "examples/04-aggregator"
WASM = b"\0asm\1\0\0\0"
REDUCER = {
    "$kind": "defmodule",
    "name": "demo/R@1",
    "module_kind": "reducer",
    "abi": {"reducer": {"state": "demo/T@1", "event": "demo/T@1"}},
}
MANIFEST = {
    "$comment": "Zoë's world",
    "$kind": "manifest",
    "schemas": [{"name": "demo/T@1"}, {"hash": "", "name": "sys/TimerFired@1"}],
    "modules": [{"name": "demo/R@1"}, {"name": "sys/CapEnforceHttpOut@1", "hash": "sha256"}],
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world whose hashes are all absent or placeholders, with nodes in arrays."""
    (tmp_path / "world.toml").write_text('name = "tiny"\n')
    for folder in ("air", "defs", "modules"):
        (tmp_path / folder).mkdir()
    put(tmp_path / "air/manifest.json", MANIFEST)
    put(
        tmp_path / "defs/all.json",
        [{"$kind": "defschema", "name": "demo/T@1", "type": {"text": {}}}, REDUCER],
    )
    (tmp_path / "defs/empty.json").write_text("\n")
    (tmp_path / "modules/R.wasm").write_bytes(WASM)
    return tmp_path


def put(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


def run(world: Path, write: bool = True) -> Locked:
    return lock(WorldFiles.read(world), write)


def contents(world: Path) -> dict[Path, tuple[bytes, int]]:
    """Bytes and inode of every file: a file written anew gets another inode."""
    files = (path for path in sorted(world.rglob("*")) if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_ino) for path in files}


ALL = (
    "air/manifest.json: demo/T@1",
    "air/manifest.json: sys/TimerFired@1",
    "air/manifest.json: demo/R@1",
    "air/manifest.json: sys/CapEnforceHttpOut@1",
    "defs/all.json: demo/R@1",
)


def test_every_hash_is_filled_with_what_is_there(world: Path) -> None:
    locked = run(world)
    assert locked.changed == ALL
    catalog = WorldFiles.read(world).catalog
    assert catalog.problems == ()
    manifest = json.loads((world / "air/manifest.json").read_text("utf-8"))
    own = canon.sha256(node_bytes(catalog.nodes["defschema", "demo/T@1"]))
    assert manifest["schemas"][0] == {"name": "demo/T@1", "hash": canon.hash_text(own)}
    _, module = json.loads((world / "defs/all.json").read_text())
    assert module == {**REDUCER, "wasm_hash": canon.hash_text(canon.sha256(WASM))}


def test_the_manifest_hash_is_the_same_with_placeholders_and_with_hashes(world: Path) -> None:
    before = WorldFiles.read(world).catalog.manifest_hash
    assert run(world).manifest_hash == before
    assert WorldFiles.read(world).catalog.manifest_hash == before
    assert run(world, write=False).manifest_hash == before


def test_a_second_run_changes_nothing(world: Path) -> None:
    run(world)
    before = contents(world)
    assert run(world).changed == ()
    assert contents(world) == before


def test_checking_says_what_would_change_and_writes_nothing(world: Path) -> None:
    before = contents(world)
    assert run(world, write=False).changed == ALL
    assert contents(world) == before


def lines(world: Path) -> list[tuple[str, int, str]]:
    return [(of.file, of.line, of.name) for of in drifts(WorldFiles.read(world))]


def test_hashes_that_are_not_pinned_are_told_with_file_and_line(world: Path) -> None:
    (world / "air/manifest.json").write_text(json.dumps(MANIFEST, indent=1), "utf-8")
    assert lines(world) == [
        ("air/manifest.json", 6, "demo/T@1"),
        ("air/manifest.json", 10, "sys/TimerFired@1"),
        ("air/manifest.json", 15, "demo/R@1"),
        ("air/manifest.json", 18, "sys/CapEnforceHttpOut@1"),
        ("defs/all.json", 1, "demo/R@1"),
    ]
    with pytest.raises(WorldError) as caught:
        require_hashes(WorldFiles.read(world))
    error = caught.value
    assert (error.code, error.where) == (
        "hash_drift", {"file": world / "air/manifest.json", "line": 6},
    )  # fmt: skip
    assert error.message.startswith("tiny: 5 hashes do not fit\n  air/manifest.json:6: demo/T@1")
    assert error.message.count("is not written") == 5
    assert "aos lock" in str(error.hint)


def test_a_hash_that_is_stale_is_told_with_both(world: Path) -> None:
    run(world)
    require_hashes(WorldFiles.read(world))
    (world / "modules/R.wasm").write_bytes(WASM + b"\0\1\0")
    with pytest.raises(WorldError, match=r"defs/all\.json:") as caught:
        require_hashes(WorldFiles.read(world))
    old, new = (canon.hash_text(canon.sha256(of)) for of in (WASM, WASM + b"\0\1\0"))
    assert f"demo/R@1: wasm_hash says {old}, found {new}" in caught.value.message


def test_a_line_is_found_among_equal_names_and_escapes(world: Path) -> None:
    """The same name stands in a comment, in text, in another list, and is escaped."""
    text = """{"$kind": "manifest",
     "$comment": {"name": "demo/R@1", "is": "\\"name\\": \\"demo/R@1\\""},
     "schemas": [{"name": "demo/T@1"},
       {"name": "sys/TimerFired@1"}],
     "defaults": {"cap_grants": []},
     "modules": [
       {"hash": "",
        "name": "demo\\/R@1"}]}"""
    (world / "air/manifest.json").write_text(text, "utf-8")
    found = [(line, name) for file, line, name in lines(world) if file == "air/manifest.json"]
    assert found == [(3, "demo/T@1"), (4, "sys/TimerFired@1"), (8, "demo/R@1")]


def test_only_the_files_that_change_are_written(world: Path) -> None:
    run(world)
    put(world / "defs/more.json", {"$kind": "defschema", "name": "demo/U@1", "type": {"nat": {}}})
    before = contents(world)
    (world / "modules/R.wasm").write_bytes(WASM + b"\0\1\0")
    assert run(world).changed == ("air/manifest.json: demo/R@1", "defs/all.json: demo/R@1")
    after = contents(world)
    written = {path.relative_to(world).as_posix() for path in after if after[path] != before[path]}
    assert written == {"air/manifest.json", "defs/all.json", "modules/R.wasm"}


def test_stale_hashes_are_replaced(world: Path) -> None:
    run(world)
    path = world / "air/manifest.json"
    good = path.read_bytes()
    manifest = json.loads(good)
    manifest["modules"][1]["hash"] = "sha256:" + "a" * 64
    put(path, manifest)
    assert run(world, write=False).changed == (ALL[3],)
    run(world)
    assert path.read_bytes() == good


def test_keys_keep_their_order_and_the_style_is_plain(world: Path) -> None:
    run(world)
    text = (world / "air/manifest.json").read_text("utf-8")
    manifest = json.loads(text)
    assert text == json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    assert "Zoë" in text
    assert list(manifest) == list(MANIFEST)
    assert list(manifest["schemas"][1]) == ["hash", "name"]


def test_mode_and_links_of_a_file_stay(world: Path) -> None:
    path, real = world / "air/manifest.json", world / "real"
    path.chmod(0o640)
    path.rename(real)
    path.symlink_to(real)
    run(world)
    assert path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert json.loads(real.read_text("utf-8"))["modules"][0]["hash"].startswith("sha256:")


def test_a_file_that_changed_meanwhile_is_not_overwritten(world: Path) -> None:
    files = WorldFiles.read(world)
    put(world / "air/manifest.json", {**MANIFEST, "$comment": "edited"})
    before = contents(world)
    with pytest.raises(WorldError, match="changed while it was being locked"):
        lock(files, True)
    assert contents(world) == before


def test_a_failed_write_leaves_the_file_whole_and_nothing_beside_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = contents(world)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        run(world)
    assert contents(world) == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_a_folder_without_permission_is_a_typed_error(world: Path) -> None:
    (world / "air").chmod(0o555)
    with pytest.raises(ReadOnly):
        run(world)


def test_a_module_without_wasm_cannot_be_locked(world: Path) -> None:
    (world / "modules/R.wasm").unlink()
    before = contents(world)
    with pytest.raises(ModuleMissing, match=r"demo/R@1"):
        run(world)
    assert contents(world) == before


def test_a_world_that_does_not_load_cannot_be_locked(world: Path) -> None:
    put(world / "defs/more.json", {"$kind": "defschema", "name": "demo/T@1", "type": {"nat": {}}})
    with pytest.raises(CheckFailed, match="defined twice"):
        run(world)


def test_what_resolves_to_nothing_and_what_is_not_listed_stays(world: Path) -> None:
    plans = [{"name": "demo/none@1"}]
    put(world / "air/manifest.json", {**MANIFEST, "modules": [], "plans": plans})
    assert run(world).changed == ALL[:2]
    manifest = json.loads((world / "air/manifest.json").read_text("utf-8"))
    assert manifest["plans"] == plans


def test_a_number_that_no_file_can_hold_is_a_typed_error(world: Path) -> None:
    path = world / "air/manifest.json"
    path.write_text(path.read_text("utf-8").replace('"Zo\\u00eb\'s world"', "1e999"), "utf-8")
    before = contents(world)
    with pytest.raises(WorldError, match="cannot be written back"):
        run(world)
    assert contents(world) == before


def test_the_aggregator_is_locked() -> None:
    files = WorldFiles.read(AGGREGATOR)
    assert lock(files, write=False).changed == ()
    assert files.catalog.problems == ()


def test_the_aggregator_with_placeholders_is_the_same_world_and_locks_to_the_same_files(
    tmp_path: Path,
) -> None:
    files = WorldFiles.read(AGGREGATOR)
    copy = tmp_path / "world"
    shutil.copytree(AGGREGATOR, copy, ignore=shutil.ignore_patterns(".aos"))
    (copy / "modules").mkdir()
    (copy / "modules/Aggregator.wasm").write_bytes(_wasm(files))
    for name, text in files.texts.items():
        (copy / name).write_text(HASH.sub(canon.hash_text(canon.ZERO_HASH), text), "utf-8")
    blank = WorldFiles.read(copy)
    assert blank.texts != files.texts
    assert blank.catalog.manifest_hash == files.catalog.manifest_hash
    assert run(copy).manifest_hash == files.catalog.manifest_hash
    assert WorldFiles.read(copy).texts == files.texts


HASH = re.compile("sha256:[0-9a-f]{64}")


def _wasm(files: WorldFiles) -> bytes:
    module = files.catalog.nodes["defmodule", "demo/Aggregator@1"]
    assert isinstance(module, DefModule)
    wasm = files.wasm_of(module)
    assert wasm is not None
    return wasm
