"""Build the reducers of the bundled worlds into `prebuilt/`, so that running them needs no Rust.

    python reducers/build.py            build, write prebuilt/*.wasm and prebuilt/lock
    python reducers/build.py --check    build elsewhere, compare with what is committed

The bytes depend on the compiler and its library, not on where or when they are built. The lock
names the compiler, so `--check` compares only where the same one is at hand. Exit codes: 0 built,
or equal, or another compiler (with a notice); 1 different bytes; 2 no toolchain, or no build.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKSPACE = Path(__file__).resolve().parent
PREBUILT = WORKSPACE / "prebuilt"
TARGET = "wasm32-unknown-unknown"
NO_TOOLCHAIN = f"""no Rust toolchain for {TARGET} found. Install one of
  rustup target add {TARGET}
  apt-get install rustc-web cargo-web rust-web-src lld-22        (Debian)"""

SYSROOT_SEED = """[package]
name = "sysroot-seed"
version = "0.0.0"
edition = "2021"
[lib]
path = "lib.rs"
[profile.release]
panic = "abort"
opt-level = 3
codegen-units = 1
debug = false
incremental = false
"""


class BuildError(Exception):
    """A sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One rustc with its cargo. Where it lacks the target, as Debian's does, its library is built
    from source first and `linker` links."""

    rustc: Path
    version: str
    sysroot: Path
    linker: str

    @property
    def has_target(self) -> bool:
        return (self.sysroot / "lib/rustlib" / TARGET / "lib").is_dir()

    @property
    def library(self) -> Path:
        return self.sysroot / "lib/rustlib/src/rust/library"

    @property
    def can_build(self) -> bool:
        return bool(self.linker) and (self.library / "vendor").is_dir()

    def cargo(self, *args: str, cwd: Path, env: Mapping[str, str]) -> str:
        """Run cargo, its messages on stderr; return its stdout. Raises BuildError."""
        path = f"{self.rustc.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        full_env = {**os.environ, "RUSTC": str(self.rustc), "PATH": path, **env}
        command = [str(self.rustc.with_name("cargo")), *args]
        done = subprocess.run(command, cwd=cwd, env=full_env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise BuildError(f"`cargo {args[0]}` failed in {cwd}")
        return done.stdout


def find_toolchain() -> Toolchain:
    """The compiler that the lock names, if it is here and able; else the first that has the
    target; else the first that can build the target's library. Raises BuildError."""
    locked = {entry["rustc"] for entry in read_lock().values()}
    paths = dict.fromkeys(Path(p) for p in (shutil.which("rustc"), "/usr/bin/rustc") if p)
    able = [t for t in map(probe, filter(Path.exists, paths)) if t.has_target or t.can_build]
    if not able:
        raise BuildError(NO_TOOLCHAIN)
    return min(able, key=lambda t: (t.version not in locked, not t.has_target))


def probe(rustc: Path) -> Toolchain:
    def ask(*args: str) -> str:
        return subprocess.run([rustc, *args], check=True, capture_output=True, text=True).stdout

    linkers = sorted(path.name for path in Path("/usr/bin").glob("wasm-ld*"))
    sysroot = Path(ask("--print", "sysroot").strip())
    return Toolchain(rustc, ask("-vV").splitlines()[0], sysroot, linkers[-1] if linkers else "")


def cached_sysroot(tools: Toolchain) -> Path:
    """The target's standard library, built once per compiler into the user's cache directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aos-tui"
    sysroot = cache / f"sysroot-{hashlib.sha256(tools.version.encode()).hexdigest()[:16]}"
    if not sysroot.is_dir():
        say(f"building the standard library for {TARGET}, once; about half a minute")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            build_sysroot(tools, Path(work)).rename(sysroot)
    return sysroot


def build_sysroot(tools: Toolchain, work: Path) -> Path:
    (work / "Cargo.toml").write_text(SYSROOT_SEED)
    (work / "lib.rs").write_text("#![no_std]\n")
    flags = [
        f"--remap-path-prefix={tools.library.resolve()}=/rustc/library",
        f"--remap-path-prefix={tools.library}=/rustc/library",
        f"--remap-path-prefix={work}=/seed",
        "-Cembed-bitcode=yes",
    ]
    env = {"RUSTC_BOOTSTRAP": "1", "CARGO_HOME": str(work / "cargo-home"), **flags_env(flags)}
    vendored = f"source.library.directory={json.dumps(str(tools.library / 'vendor'))}"
    config = ["--config", "source.crates-io.replace-with='library'", "--config", vendored]
    args = ["--offline", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"]
    tools.cargo("build", *args, *config, cwd=work, env=env)
    lib = work / "sysroot/lib/rustlib" / TARGET / "lib"
    lib.mkdir(parents=True)
    for rlib in (work / "target" / TARGET / "release/deps").glob("*.rlib"):
        if not rlib.name.startswith("libsysroot_seed-"):
            shutil.copy2(rlib, lib)
    return work / "sysroot"


def flags_env(flags: list[str]) -> dict[str, str]:
    # Not RUSTFLAGS: this variable wins over whatever flags the user has set.
    return {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}


def build(tools: Toolchain, target_dir: Path) -> tuple[dict[str, bytes], list[str]]:
    """Build every reducer crate. Returns the modules by crate name, and the compiler flags with
    `<name>` in place of what differs from machine to machine."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()
    places = {"<workspace>": WORKSPACE, "<cargo-home>": cargo_home}
    flags = [
        "--remap-path-prefix=<workspace>=/reducers",
        "--remap-path-prefix=<cargo-home>=/cargo",
    ]
    if not tools.has_target:
        places["<sysroot>"] = cached_sysroot(tools)
        flags += [f"-Clinker={tools.linker}", "--sysroot=<sysroot>"]
    env = {"CARGO_TARGET_DIR": str(target_dir), **flags_env([fill(f, places) for f in flags])}
    tools.cargo("build", "--locked", "--release", "--target", TARGET, cwd=WORKSPACE, env=env)
    built = target_dir / TARGET / "release"
    modules = {
        crate: (built / f"{crate.replace('-', '_')}.wasm").read_bytes()
        for crate in reducer_crates(tools)
    }
    return modules, flags


def fill(flag: str, places: Mapping[str, Path]) -> str:
    for name, path in places.items():
        flag = flag.replace(name, str(path))
    return flag


def reducer_crates(tools: Toolchain) -> list[str]:
    """Names of the workspace's crates that compile to a module."""
    args = ("metadata", "--no-deps", "--locked", "--format-version", "1")
    packages = json.loads(tools.cargo(*args, cwd=WORKSPACE, env={}))["packages"]
    return sorted(
        package["name"]
        for package in packages
        if any("cdylib" in target["kind"] for target in package["targets"])
    )


Lock = dict[str, dict[str, Any]]


def read_lock() -> Lock:
    path = PREBUILT / "lock"
    lock: Lock = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return lock


def lock_of(tools: Toolchain, modules: Mapping[str, bytes], flags: list[str]) -> Lock:
    return {
        crate: {"sha256": sha256(wasm), "rustc": tools.version, "flags": flags}
        for crate, wasm in modules.items()
    }


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(tools: Toolchain) -> int:
    modules, flags = build(tools, WORKSPACE / "target")
    PREBUILT.mkdir(exist_ok=True)
    for crate, wasm in modules.items():
        (PREBUILT / f"{crate}.wasm").write_bytes(wasm)
        say(f"{crate}: {len(wasm)} bytes, sha256 {sha256(wasm)}")
    lock = json.dumps(lock_of(tools, modules, flags), indent=2) + "\n"
    (PREBUILT / "lock").write_text(lock, encoding="utf-8")
    return 0


def check(tools: Toolchain) -> int:
    """Compare the committed modules, and a build in a fresh directory, with the lock."""
    lock = read_lock()
    files = {path.stem: sha256(path.read_bytes()) for path in PREBUILT.glob("*.wasm")}
    same = files == {crate: entry["sha256"] for crate, entry in lock.items()}
    if not same:
        say("prebuilt/*.wasm are not what prebuilt/lock names")
    with tempfile.TemporaryDirectory() as fresh:
        ours = lock_of(tools, *build(tools, Path(fresh)))
    for crate in sorted({*lock, *ours}):
        here, locked = ours.get(crate), lock.get(crate)
        if here and locked and here["rustc"] != locked["rustc"]:
            say(f"{crate}: not compared: locked with {locked['rustc']}, here {here['rustc']}")
        elif here != locked:
            same = False
            say(f"{crate}: differs from prebuilt/lock; run reducers/build.py")
        else:
            say(f"{crate}: equal")
    return 0 if same else 1


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the reducers of the bundled worlds.")
    parser.add_argument("--check", action="store_true", help="rebuild and compare, write nothing")
    args = parser.parse_args()
    try:
        tools = find_toolchain()
        return check(tools) if args.check else write(tools)
    except BuildError as error:
        say(f"error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
