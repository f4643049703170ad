"""What counts as the sources of a crate: everything that cargo would read, wherever it lies."""

import shutil
from pathlib import Path

import pytest

from aos_core.build.sources import Crate
from aos_core.errors import WorldError

FILES = {
    "Cargo.toml": """[workspace]
members = ["main", "shared/*"]
exclude = ["outside"]
[workspace.dependencies]
sdk = { path = "shared/sdk" }
serde = "1"
[patch.crates-io]
patched = { path = "patched" }
""",
    "Cargo.lock": "version = 4\n",
    "main/Cargo.toml": """[package]
name = "main-crate"
[dependencies]
sdk.workspace = true
serde.workspace = true
[target.'cfg(unix)'.dependencies]
far = { path = "../../far" }
[build-dependencies]
builds = { path = "../builds" }
[dev-dependencies]
tests = { path = "../tests" }
""",
    "main/src/lib.rs": "mod deep;",
    "main/src/deep/mod.rs": "",
    "main/data.json": "{}",
    "shared/sdk/Cargo.toml": '[package]\nname = "sdk"\n[dependencies]\nmacros = {path="macros"}\n',
    "shared/sdk/src/lib.rs": "",
    "shared/sdk/macros/Cargo.toml": '[package]\nname = "macros"\n',
    "shared/sdk/macros/src/lib.rs": "",
    "patched/Cargo.toml": '[package]\nname = "patched"\n',
    "builds/Cargo.toml": '[package]\nname = "builds"\n',
    "tests/Cargo.toml": '[package]\nname = "tests"\n',
    "outside/Cargo.toml": '[package]\nname = "outside"\n',
    "../far/Cargo.toml": '[package]\nname = "far"\n',
    "../far/src/lib.rs": "",
}

READ = [
    "Cargo.toml", "Cargo.lock", "main/Cargo.toml", "main/src/lib.rs", "main/src/deep/mod.rs",
    "main/data.json", "shared/sdk/src/lib.rs", "shared/sdk/macros/src/lib.rs",
    "patched/Cargo.toml", "builds/Cargo.toml", "../far/src/lib.rs",
]  # fmt: skip
NOT_READ = [
    "tests/Cargo.toml", "main/target/debug/lib.rs", "main/.git/index", "rustfmt.toml",
    "outside/src/lib.rs",
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "here/workspace"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def fingerprint(workspace: Path, crate: str = "main") -> str:
    return Crate.read(workspace / crate).fingerprint


@pytest.mark.parametrize("name", READ)
def test_a_changed_byte_in_what_is_read_is_another_fingerprint(workspace: Path, name: str) -> None:
    before = fingerprint(workspace)
    path = workspace / name
    path.write_text(path.read_text() + "\n")
    assert fingerprint(workspace) != before


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_makes_no_difference(workspace: Path, name: str) -> None:
    before = fingerprint(workspace)
    path = workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# other\n" + (path.read_text() if path.exists() else ""))
    assert fingerprint(workspace) == before


def test_a_new_a_lost_and_a_renamed_file_are_other_fingerprints(workspace: Path) -> None:
    seen = [fingerprint(workspace)]
    (workspace / "main/src/new.rs").write_text("")
    seen.append(fingerprint(workspace))
    (workspace / "main/src/new.rs").rename(workspace / "main/src/newer.rs")
    seen.append(fingerprint(workspace))
    (workspace / "main/src/deep/mod.rs").unlink()
    seen.append(fingerprint(workspace))
    assert len(set(seen)) == 4


def test_settings_of_cargo_in_the_workspace_count(workspace: Path) -> None:
    before = fingerprint(workspace)
    (workspace / ".cargo").mkdir()
    (workspace / ".cargo/config.toml").write_text("[net]\noffline = true\n")
    assert fingerprint(workspace) != before


def test_two_copies_have_one_fingerprint(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace.parent, tmp_path / "a/longer/way")
    assert fingerprint(tmp_path / "a/longer/way/workspace") == fingerprint(workspace)


def test_the_workspace_is_the_one_cargo_finds(workspace: Path) -> None:
    crate = Crate.read(workspace / "main")
    assert (crate.name, crate.workspace) == ("main-crate", workspace)
    outside = Crate.read(workspace / "outside")
    assert outside.workspace == outside.root
    (workspace / "outside/Cargo.toml").write_text(
        '[package]\nname = "outside"\nworkspace = "../shared"\n'
    )
    (workspace / "shared/Cargo.toml").write_text("[workspace]\n")
    assert Crate.read(workspace / "outside").workspace == workspace / "shared"


@pytest.mark.parametrize("text", ["[package", "", "[workspace]\n", "package = 3\n"])
def test_a_manifest_that_makes_no_sense_is_an_error_with_its_place(
    workspace: Path, text: str
) -> None:
    path = workspace / "main/Cargo.toml"
    path.write_text(text)
    with pytest.raises(WorldError) as caught:
        Crate.read(workspace / "main")
    assert caught.value.code == "bad_crate"
    assert caught.value.where["file"] == path


def test_a_crate_or_dependency_that_is_not_there_is_an_error(workspace: Path) -> None:
    with pytest.raises(WorldError, match="there is no crate at"):
        Crate.read(workspace / "absent")
    shutil.rmtree(workspace / "builds")
    with pytest.raises(WorldError, match="builds"):
        Crate.read(workspace / "main")
