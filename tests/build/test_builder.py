"""Building for real: equal bytes, what is cached and what is not, and everything that can fail."""

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aos_core.build import BuildArtifact, Builder, BuildRequest, find_built, module_cache
from aos_core.build.toolchain import Toolchain, toolchains
from aos_core.build.trust import is_trusted, trust
from aos_core.errors import BuildFailed, NoToolchain, NotTrusted, WorldError
from aos_core.new_world import make_world
from aos_core.wasm import Runtime, StepLimits, check_module
from tests.build.conftest import SOURCE, make_crate

pytestmark = [
    pytest.mark.usefixtures("rust"),
    pytest.mark.timeout(300),  # a machine may have to build the library first
]


def build(crate: Path, cache: Path | None = None, *, force: bool = False) -> BuildArtifact:
    return Builder(cache).build(BuildRequest(crate, force=force))


# ---- bytes


def test_what_is_built_is_a_module_that_runs(crate: Path, rust: Toolchain) -> None:
    made = build(crate)
    assert (made.toolchain, made.cached, made.kept) == (rust.name, False, False)
    assert "Compiling tiny" in made.log
    limits = StepLimits(10_000, 2, 1)
    answer = Runtime(lambda _: made.wasm).step(made.wasm_hash, b"abc", limits)
    assert answer == b"abc"


def test_two_places_and_two_users_build_equal_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crate with the SDK, its macros and a panic that names its file: everything whose path
    could get into the module."""
    made = []
    for place, user in (("one", "ann"), ("some/longer/way", "bob")):
        world = tmp_path / place / "world"
        make_world(world)
        source = world / "reducers/counter/src/lib.rs"
        source.write_text(source.read_text().replace("+= 1;", "+= 1; assert!(state.goal < 99);"))
        monkeypatch.setenv("CARGO_HOME", str(tmp_path / user / "cargo"))
        builder = Builder(None, target_dir=tmp_path / user / "target")
        made.append(builder.build(BuildRequest(world / "reducers/counter")))
    assert made[0].wasm == made[1].wasm
    assert made[0].fingerprint == made[1].fingerprint
    for secret in (str(tmp_path), str(Path.home())):
        assert secret.encode() not in made[0].wasm
    assert b"counter/src/lib.rs" in made[0].wasm


def test_a_dependency_outside_of_the_workspace_leaves_no_path(tmp_path: Path) -> None:
    crate = make_crate(
        tmp_path / "tiny", SOURCE.replace("assert!(size < 1000", "assert!(far::fits(size)")
    )
    far = make_crate(
        tmp_path / "elsewhere/far",
        "pub fn fits(size: i32) -> bool { [1, 2][size as usize % 5] < 3 }",
    )
    manifest = (crate / "Cargo.toml").read_text()
    (far / "Cargo.toml").write_text(
        manifest.replace("tiny", "far").replace('["cdylib"]', '["lib"]')
    )
    (crate / "Cargo.toml").write_text(
        f'{manifest}[dependencies]\nfar = {{ path = "../elsewhere/far" }}\n'
    )
    (crate / "Cargo.lock").write_text(
        'version = 4\n\n[[package]]\nname = "far"\nversion = "0.1.0"\n\n'
        '[[package]]\nname = "tiny"\nversion = "0.1.0"\ndependencies = [\n "far",\n]\n'
    )
    wasm = build(crate).wasm
    assert b"/deps/far-0.1.0/src/lib.rs" in wasm
    assert str(tmp_path).encode() not in wasm


def test_settings_of_the_user_do_not_reach_the_module(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = build(crate)
    for name, value in {
        "RUSTFLAGS": "-Copt-level=0",
        "CARGO_ENCODED_RUSTFLAGS": "-Copt-level=0",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
        "CARGO_BUILD_TARGET": "i-am-no-target",
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": "/bin/false",
        "RUSTC_WRAPPER": "/bin/false",
        "RUSTC": "/bin/false",
    }.items():
        monkeypatch.setenv(name, value)
    (crate / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.0.0"\n')
    (crate / "Cargo.toml").write_text(
        (crate / "Cargo.toml").read_text() + "[profile.release]\nopt-level = 0\nlto = false\n"
    )
    assert build(crate).wasm == plain.wasm


def test_sources_that_are_older_than_what_was_built_are_built(tmp_path: Path) -> None:
    """As those that were put back, unpacked, or copied with their times; a dependency's too."""
    crate = make_crate(tmp_path / "tiny", SOURCE.replace("4096", "near::TOP"))
    near = make_crate(crate / "near", "pub const TOP: i32 = 4096;")
    for of in (crate, near):
        manifest = (of / "Cargo.toml").read_text()
        (of / "Cargo.toml").write_text(
            manifest.replace("tiny", "near").replace('["cdylib"]', '["lib"]')
            if of is near
            else f'{manifest}[workspace]\n[dependencies]\nnear = {{ path = "near" }}\n'
        )
    (crate / "Cargo.lock").write_text(
        'version = 4\n\n[[package]]\nname = "near"\nversion = "0.1.0"\n\n'
        '[[package]]\nname = "tiny"\nversion = "0.1.0"\ndependencies = [\n "near",\n]\n'
    )
    made = {build(crate).wasm}
    for source, old, new in (
        (crate / "src/lib.rs", "1000", "2000"),
        (near / "src/lib.rs", "4096", "8192"),
    ):
        source.write_text(source.read_text().replace(old, new))
        os.utime(source, (0, 0))
        made.add(build(crate).wasm)
    assert len(made) == 3


# ---- the cache


def test_the_second_build_is_a_hit_and_says_so(
    crate: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aos")
    first, second = build(crate, tmp_path / "cache"), build(crate, tmp_path / "cache")
    assert (first.cached, second.cached) == (False, True)
    assert (first.wasm, first.fingerprint) == (second.wasm, second.fingerprint)
    assert second.log == ""
    said = [record.getMessage() for record in caplog.records if record.name == "aos.build"]
    assert any("tiny: missed, nothing was built from sources" in line for line in said)
    assert any("tiny: hit" in line for line in said)


def test_force_builds_again(crate: Path, tmp_path: Path) -> None:
    first = build(crate, tmp_path / "cache")
    again = build(crate, tmp_path / "cache", force=True)
    assert not again.cached and "Finished" in again.log
    assert again.wasm == first.wasm


def test_an_edit_is_a_miss_and_going_back_a_hit(crate: Path, tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", crate / "src/lib.rs"
    first = build(crate, cache)
    source.write_text(SOURCE.replace("1000", "2000"))
    assert find_built(cache, crate) is None
    edited = build(crate, cache)
    assert not edited.cached and edited.wasm != first.wasm
    assert find_built(cache, crate) == edited.wasm
    source.write_text(SOURCE)
    assert build(crate, cache).cached
    assert find_built(cache, crate) == first.wasm


def test_another_compiler_is_a_miss(
    crate: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    able = [of.version for of in toolchains() if of.able]
    if len(set(able)) < 2:
        pytest.skip("this machine has one compiler only")
    caplog.set_level(logging.DEBUG, "aos")
    made = [
        Builder(tmp_path / "cache", prefer={version}).build(BuildRequest(crate))
        for version in able[:2]
    ]
    assert [of.cached for of in made] == [False, False]
    assert made[0].fingerprint != made[1].fingerprint
    assert "missed, it was built by another compiler" in caplog.text
    assert find_built(tmp_path / "cache", crate) == made[1].wasm, "what runs needs no compiler"


@pytest.mark.parametrize("harm", ["wasm gone", "wasm cut", "wasm other", "entry cut", "entry odd"])
def test_a_damaged_cache_builds_again(crate: Path, tmp_path: Path, harm: str) -> None:
    cache = tmp_path / "cache"
    first = build(crate, cache)
    (entry,), (wasm,) = cache.glob("*.json"), cache.glob("*.wasm")
    match harm:
        case "wasm gone":
            wasm.unlink()
        case "wasm cut":
            wasm.write_bytes(first.wasm[:100])
        case "wasm other":
            wasm.write_bytes(first.wasm[:-1] + bytes([first.wasm[-1] ^ 1]))
        case "entry cut":
            entry.write_text(entry.read_text()[:20])
        case "entry odd":
            entry.write_text('{"sha256": 7}')
    assert find_built(cache, crate) is None
    again = build(crate, cache)
    assert (again.cached, again.wasm) == (False, first.wasm)
    assert build(crate, cache).cached


def test_a_full_disk_leaves_the_result_usable(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    made = build(crate, tmp_path / "cache")
    monkeypatch.undo()
    check_module(made.wasm)
    assert not made.kept
    assert "No space left" in caplog.text
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]
    assert find_built(tmp_path / "cache", crate) is None


def test_a_cache_that_cannot_be_made_leaves_the_result_usable(crate: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    made = build(crate, tmp_path / "file/cache")
    check_module(made.wasm)
    assert not made.kept


def test_old_builds_give_way(tmp_path: Path) -> None:
    for number in range(module_cache.KEPT + 3):
        built = module_cache.Built("f", f"{number:064x}", "rustc")
        module_cache.keep(tmp_path, f"sources-{number}", built, b"wasm")
    assert len(list(tmp_path.glob("*.json"))) == module_cache.KEPT
    assert len(list(tmp_path.glob("*.wasm"))) == module_cache.KEPT


def test_concurrent_builds_compile_once(crate: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: build(crate, tmp_path / "cache"), range(4)))
    assert sorted(of.cached for of in made) == [False, True, True, True]
    assert len({of.wasm for of in made}) == 1


# ---- what fails


def test_errors_of_the_compiler_have_their_places(crate: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    broken = SOURCE.replace("TOP - size }", "true }").replace("*out", "*missing")
    (crate / "src/lib.rs").write_text(broken)
    with pytest.raises(BuildFailed) as caught:
        build(crate, cache)
    found = {(of.line, of.column): of for of in caught.value.diagnostics}
    assert set(found) == {(4, 65), (9, 6)}
    assert found[4, 65].text == "mismatched types [E0308]"
    assert all(of.file == crate / "src/lib.rs" and of.level == "error" for of in found.values())
    assert "expected `i32`, found `bool`" in found[4, 65].rendered
    assert caught.value.where["line"] in (4, 9)
    assert find_built(cache, crate) is None
    (crate / "src/lib.rs").write_text(SOURCE)
    assert not build(crate, cache).cached


def test_an_error_in_a_dependency_has_its_place(tmp_path: Path) -> None:
    make_world(tmp_path / "world")
    source = tmp_path / "world/reducers/sdk/src/lib.rs"
    source.write_text(source.read_text() + "\nfn broken() -> u8 {}\n")
    with pytest.raises(BuildFailed) as caught:
        build(tmp_path / "world/reducers/counter")
    (first,) = caught.value.diagnostics
    assert (first.file, first.line) == (source, len(source.read_text().splitlines()))


def test_warnings_come_with_the_module(crate: Path) -> None:
    (crate / "src/lib.rs").write_text(SOURCE + "\nfn unused() {}\n")
    made = build(crate)
    (warning,) = made.warnings
    assert (warning.level, warning.line) == ("warning", 12)
    assert "never used" in warning.text


def test_a_crate_that_makes_no_module_says_what_is_missing(crate: Path) -> None:
    manifest = (crate / "Cargo.toml").read_text()
    (crate / "Cargo.toml").write_text(manifest.replace('["cdylib"]', '["lib"]'))
    with pytest.raises(BuildFailed, match="`crate-type` must have cdylib"):
        build(crate)


def test_a_lock_file_that_does_not_fit_says_what_to_do(crate: Path) -> None:
    (crate / "Cargo.lock").unlink()
    with pytest.raises(BuildFailed) as caught:
        build(crate)
    assert "cargo generate-lockfile" in (caught.value.hint or "")


def test_a_library_of_another_name_is_found(crate: Path) -> None:
    manifest = (crate / "Cargo.toml").read_text()
    (crate / "Cargo.toml").write_text(manifest.replace("[lib]", '[lib]\nname = "other"'))
    check_module(build(crate).wasm)


def test_a_folder_without_a_crate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="there is no crate at"):
        build(tmp_path)


def test_no_compiler_is_an_error_that_says_how_to_get_one(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.build.toolchain.toolchains", list)
    with pytest.raises(NoToolchain) as caught:
        build(crate, tmp_path / "cache")
    assert "rustup target add wasm32-unknown-unknown" in (caught.value.hint or "")
    assert "apt-get install" in (caught.value.hint or "")


def test_a_build_that_is_killed_leaves_nothing_to_trust(crate: Path, tmp_path: Path) -> None:
    cache, marker = tmp_path / "cache", tmp_path / "it runs"
    script = crate / "build.rs"
    script.write_text(
        f'fn main() {{ std::fs::write("{marker}", "").unwrap(); loop {{ std::thread::park() }} }}'
    )
    command = (
        "import sys; from pathlib import Path; from aos_core.build import *;"
        "Builder(Path(sys.argv[1])).build(BuildRequest(Path(sys.argv[2])))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", command, str(cache), str(crate)], start_new_session=True
    )
    try:
        end = time.monotonic() + 60
        while not marker.exists():
            assert child.poll() is None and time.monotonic() < end, "the build has not begun"
            time.sleep(0.01)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert find_built(cache, crate) is None
    script.unlink()
    assert not build(crate, cache).cached
    assert build(crate, cache).cached


# ---- trust


def test_a_strangers_world_is_built_after_one_agreement(crate: Path, tmp_path: Path) -> None:
    request = BuildRequest(crate, world=tmp_path)
    builder = Builder(tmp_path / "cache")
    with pytest.raises(NotTrusted):
        builder.build(request)
    assert find_built(tmp_path / "cache", crate) is None
    trust(tmp_path)
    assert not builder.build(request).cached
    assert is_trusted(tmp_path / "tiny/..") and not is_trusted(crate)


def test_what_is_built_already_needs_no_agreement(crate: Path, tmp_path: Path) -> None:
    build(crate, tmp_path / "cache")
    made = Builder(tmp_path / "cache").build(BuildRequest(crate, world=tmp_path))
    assert made.cached


def test_a_copy_of_a_trusted_world_is_another(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    trust(tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "theirs")
    assert not is_trusted(tmp_path / "theirs")
