"""The committed modules and their lock: what `--check` lets pass, and what it does not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.build.prebuilt import (
    check_prebuilt,
    is_current,
    locked_compilers,
    read_lock,
    write_prebuilt,
)
from aos_core.build.toolchain import Toolchain
from aos_core.canon import sha256
from tests.build.conftest import LOCK, make_crate
from tests.support import ROOT

pytestmark = pytest.mark.timeout(300)  # a machine may have to build the library first


@pytest.fixture
def workspace(tmp_path: Path, rust: Toolchain) -> Path:
    """A workspace with one reducer, built and locked."""
    root = tmp_path / "reducers"
    make_crate(root / "tiny")
    (root / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["tiny"]\n')
    (root / "Cargo.lock").write_text(LOCK)
    write_prebuilt(root, lambda _: None)
    return root


def check(workspace: Path) -> tuple[bool, list[str]]:
    """Whether it passes, and what it says of the crate."""
    said: list[str] = []
    same = check_prebuilt(workspace, said.append)
    return same, [line for line in said if line.startswith("tiny: ")]


def test_what_was_written_passes(workspace: Path, rust: Toolchain) -> None:
    assert check(workspace) == (True, ["tiny: equal"])
    entry = read_lock(workspace / "prebuilt")["tiny"]
    wasm = (workspace / "prebuilt/tiny.wasm").read_bytes()
    assert entry["sha256"] == sha256(wasm).hex()
    assert entry["toolchain"]["rustc"] == rust.version
    assert set(entry["toolchain"]) == {"rustc", "library", "linker", "target", "flags", "profile"}
    assert str(workspace) not in json.dumps(entry)
    assert locked_compilers(workspace / "prebuilt") == {rust.version}


def test_a_copy_elsewhere_passes(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace, tmp_path / "far/away/reducers")
    assert check(tmp_path / "far/away/reducers") == (True, ["tiny: equal"])


def test_another_module_does_not_pass(workspace: Path) -> None:
    path = workspace / "prebuilt/tiny.wasm"
    path.write_bytes(path.read_bytes() + b"\0")
    assert check(workspace) == (False, ["tiny: the committed module is not the one its lock names"])


def test_another_module_with_its_lock_does_not_pass(workspace: Path) -> None:
    path, lock = workspace / "prebuilt/tiny.wasm", workspace / "prebuilt/lock"
    path.write_bytes(path.read_bytes() + b"\0\1\0")
    entries = read_lock(workspace / "prebuilt")
    entries["tiny"]["sha256"] = sha256(path.read_bytes()).hex()
    lock.write_text(json.dumps(entries))
    assert check(workspace) == (False, ["tiny: a rebuild gives other bytes"])


def test_changed_sources_do_not_pass(workspace: Path) -> None:
    source = workspace / "tiny/src/lib.rs"
    source.write_text(source.read_text() + "\n")
    assert check(workspace) == (False, ["tiny: the sources have changed since it was built"])
    assert not is_current(workspace / "prebuilt", workspace / "tiny")


def test_with_another_toolchain_the_committed_module_is_trusted(workspace: Path) -> None:
    entries = read_lock(workspace / "prebuilt")
    entries["tiny"]["toolchain"]["library"] = "0" * 64
    (workspace / "prebuilt/lock").write_text(json.dumps(entries))
    same, (line,) = check(workspace)
    assert same
    assert line.startswith("tiny: not compared, the committed module is trusted: another library")


@pytest.mark.parametrize("gone", ["module", "lock entry", "crate"])
def test_crates_modules_and_lock_must_name_each_other(workspace: Path, gone: str) -> None:
    if gone == "module":
        (workspace / "prebuilt/tiny.wasm").rename(workspace / "prebuilt/other.wasm")
    elif gone == "lock entry":
        (workspace / "prebuilt/lock").write_text("{}")
    else:
        (workspace / "Cargo.toml").write_text("[workspace]\nmembers = []\n")
    said: list[str] = []
    assert not check_prebuilt(workspace, said.append)
    assert any(line.startswith("tiny: not in ") for line in said)


def test_without_sources_what_ships_is_current(tmp_path: Path) -> None:
    assert is_current(tmp_path, tmp_path / "no-such-crate")


def test_the_script_refuses_a_compiler_that_does_not_run() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "reducers/build.py", "--rustc", "/bin/false"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "/bin/false does not run" in done.stderr
    assert "rustup target add" in done.stderr


def test_the_committed_modules_are_those_of_the_lock() -> None:
    prebuilt = ROOT / "reducers/prebuilt"
    named = {name: entry["sha256"] for name, entry in read_lock(prebuilt).items()}
    assert named == {path.stem: sha256(path.read_bytes()).hex() for path in prebuilt.glob("*.wasm")}
    assert all(is_current(prebuilt, ROOT / "reducers" / name) for name in named)
