"""Small crates that build without any dependency, and a compiler where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.build.toolchain import Toolchain, find_toolchain
from aos_core.errors import NoToolchain

MANIFEST = """[package]
name = "tiny"
version = "0.1.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
"""
LOCK = 'version = 4\n\n[[package]]\nname = "tiny"\nversion = "0.1.0"\n'
SOURCE = """static mut TOP: i32 = 4096;

#[no_mangle]
pub unsafe extern "C" fn alloc(size: i32) -> i32 { TOP += size; TOP - size }

#[no_mangle]
pub unsafe extern "C" fn step(out: *mut [i32; 2], pointer: i32, size: i32) {
    assert!(size < 1000, "too long");
    *out = [pointer, size];
}
"""


@pytest.fixture(autouse=True)
def _own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))


@pytest.fixture
def rust() -> Toolchain:
    """A compiler; skips where there is none."""
    try:
        return find_toolchain()
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    return make_crate(tmp_path / "tiny")


def make_crate(root: Path, source: str = SOURCE) -> Path:
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text(MANIFEST)
    (root / "Cargo.lock").write_text(LOCK)
    (root / "src/lib.rs").write_text(source)
    return root
