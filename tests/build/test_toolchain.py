"""Finding compilers, and the library that is built once."""

import os
import subprocess
from pathlib import Path

import pytest

from aos_core.build import toolchain as module
from aos_core.build.toolchain import TARGET, Toolchain, find_toolchain, prepare
from aos_core.errors import BuildFailed, NoToolchain


def tool(tmp_path: Path, name: str, *, library: bool, source: bool = False) -> Toolchain:
    """A compiler that is only looked at."""
    root = tmp_path / name
    (root / "source/vendor").mkdir(parents=True)
    return Toolchain(
        rustc=root / "rustc",
        version=f"rustc {name}\nhost: here",
        library=root if library else None,
        source=root / ("source" if source else "absent"),
        linker=root / "wasm-ld",
    )


@pytest.fixture
def having(monkeypatch: pytest.MonkeyPatch) -> list[Toolchain]:
    """The compilers of this machine: filled by each test."""
    found: list[Toolchain] = []
    monkeypatch.setattr(module, "toolchains", lambda: found)
    return found


def test_a_compiler_with_the_target_comes_before_one_without(
    tmp_path: Path, having: list[Toolchain]
) -> None:
    debian = tool(tmp_path, "debian", library=False, source=True)
    rustup = tool(tmp_path, "rustup", library=True)
    having += [debian, rustup]
    assert find_toolchain() is rustup
    assert find_toolchain({debian.version}) is debian
    assert find_toolchain({"another"}) is rustup


def test_a_compiler_that_cannot_get_a_library_is_no_compiler(
    tmp_path: Path, having: list[Toolchain]
) -> None:
    having.append(tool(tmp_path, "old", library=False))
    with pytest.raises(NoToolchain):
        find_toolchain()
    having.append(tool(tmp_path, "able", library=False, source=True))
    assert find_toolchain().name == "rustc able"


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_proxy_leads_to_the_real_compiler_and_broken_ones_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, proxy, broken = tmp_path / "real", tmp_path / "proxy", tmp_path / "broken"
    for place in (real / "bin", proxy, broken):
        place.mkdir(parents=True)
    (real / "bin/cargo").touch()
    (real / f"lib/rustlib/{TARGET}/lib").mkdir(parents=True)
    (real / f"lib/rustlib/{TARGET}/lib/libstd-1.rlib").touch()
    script(real / "bin/rustc", f'[ "$1" = -vV ] && echo "rustc 9" || echo {real}')
    script(proxy / "rustc", f"echo {real}")
    script(broken / "rustc", "exit 1")
    monkeypatch.setenv("PATH", f"{broken}:{proxy}:/bin")
    found = module.toolchains()[0]
    assert (found.rustc, found.version) == (real / "bin/rustc", "rustc 9")
    assert (found.able, found.linker) == (True, None)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_library_that_does_not_build_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    debian = tool(tmp_path, "debian", library=False, source=True)
    script(debian.cargo, "echo '   Compiling core v0.0.0' >&2; echo 'error: no room' >&2; exit 1")
    said: list[str] = []
    with pytest.raises(BuildFailed) as caught:
        prepare(debian, said.append)
    assert "error: no room" in caught.value.log
    assert said[1:] == ["standard library: 1 of about 20, core"]
    assert [path.suffix for path in (tmp_path / "cache/aos").iterdir()] in ([], [".lock"])


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_library_is_built_once_and_what_a_killed_build_left_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    debian = tool(tmp_path, "debian", library=False, source=True)
    deps = f"target/{TARGET}/release/deps"
    script(
        debian.cargo,
        f"echo run >> {tmp_path}/runs; mkdir -p {deps}; touch {deps}/libstd-1.rlib "
        f"{deps}/libsysroot_seed-1.rlib",
    )
    first = prepare(debian, lambda _: None)
    assert first.library is not None and first.sysroot is not None
    assert [path.name for path in first.library.iterdir()] == ["libstd-1.rlib"]
    left = first.sysroot.with_name(f"{first.sysroot.name}-left.tmp")
    left.mkdir()
    assert prepare(debian, lambda _: None) == first
    assert (tmp_path / "runs").read_text() == "run\n"
    subprocess.run(["rm", "-r", first.sysroot], check=True)
    prepare(debian, lambda _: None)
    assert not left.exists()


def test_a_cache_that_cannot_be_written_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BuildFailed, match="cannot be kept"):
        prepare(tool(tmp_path, "debian", library=False, source=True), lambda _: None)


def test_equal_toolchains_have_equal_identities_and_others_not(tmp_path: Path) -> None:
    one = tool(tmp_path, "one", library=True)
    script(tmp_path / "one/wasm-ld", "echo LLD 1")
    (tmp_path / "one/libcore.rlib").write_bytes(b"abc")
    before, quick = one.identity(), one.quick_identity()
    assert before["linker"] == "wasm-ld, LLD 1"
    (tmp_path / "one/libcore.rlib").write_bytes(b"abd")
    assert one.identity() != before
    assert one.quick_identity() == quick, "of the same size: only the whole look tells"
    (tmp_path / "one/libcore.rlib").write_bytes(b"abcd")
    assert one.quick_identity() != quick
    script(tmp_path / "one/wasm-ld", "echo LLD 2")
    assert one.identity()["linker"] == "wasm-ld, LLD 2"
