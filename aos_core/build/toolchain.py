"""Rust toolchains that can build for ``wasm32-unknown-unknown``, and how to get one.

Two kinds serve. rustup's, with the target added. And Debian's web toolchain, which has no library
for the target, only its source: that is built once, into the user's cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import platformdirs
from filelock import AcquireReturnProxy, BaseFileLock, FileLock, Timeout

from aos_core.build.stages import LIBRARY, WAITING
from aos_core.errors import BuildFailed, NoToolchain

_log = logging.getLogger("aos.build")

TARGET = "wasm32-unknown-unknown"
_RUSTUP = f"rustup target add {TARGET}"
_DEBIAN = "apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld-22"
WAYS = ((_RUSTUP, "rustup comes from https://rustup.rs"), (_DEBIAN, "on Debian, as root"))
"""(command, what it needs): each brings what builds reducers."""
HOW_TO_GET = "run " + ", or ".join(f"`{command}` ({needs})" for command, needs in WAYS)

Tell = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One rustc with its cargo.

    ``version``: what ``rustc -vV`` prints. ``library``: the folder of the target's compiled
    standard library, None while it is still to be built from ``source``. ``linker``: the program
    that links, None where rustc brings its own. ``sysroot``: given to rustc where the library is
    not its own.
    """

    rustc: Path
    version: str
    library: Path | None
    source: Path
    linker: Path | None
    sysroot: Path | None = None

    @property
    def name(self) -> str:
        """The first line of its version: ``rustc 1.96.0 (..)``."""
        return self.version.partition("\n")[0]

    @property
    def able(self) -> bool:
        """Whether it can build for the target, now or after building its library."""
        return self.library is not None or (
            self.linker is not None and (self.source / "vendor").is_dir()
        )

    @property
    def cargo(self) -> Path:
        return self.rustc.with_name("cargo")

    def quick_identity(self) -> dict[str, str]:
        """What a build depends on, without reading the whole library."""
        return {"rustc": self.version, "library": self._library(whole=False), **self._linker()}

    def identity(self) -> dict[str, str]:
        """The same with the SHA-256 of every byte of the library: equal ones build equal bytes."""
        return {"rustc": self.version, "library": self._library(whole=True), **self._linker()}

    def _library(self, *, whole: bool) -> str:
        assert self.library is not None
        total = hashlib.sha256()
        for path in sorted(self.library.glob("*.rlib")):
            said = hashlib.sha256(path.read_bytes()).hexdigest() if whole else path.stat().st_size
            total.update(f"{path.name}\0{said}\n".encode())
        return total.hexdigest()

    def _linker(self) -> dict[str, str]:
        if self.linker is None:
            return {"linker": "rust-lld"}
        return {"linker": f"{self.linker.name}, {_ask(self.linker, '--version')}"}

    def environment(self, **more: str) -> dict[str, str]:
        """The variables cargo runs with: the user's, less what would change what is built."""
        kept = {name: of for name, of in os.environ.items() if not _SWAYING.match(name)}
        path = f"{self.rustc.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        own = {"RUSTC": str(self.rustc), "RUSTC_WRAPPER": "", "RUSTC_WORKSPACE_WRAPPER": ""}
        return {**kept, "PATH": path, **own, **more}


_SWAYING = re.compile(
    r"RUST(C|FLAGS|DOC|UP_TOOLCHAIN)|CARGO_(ENCODED|BUILD|PROFILE|TARGET|INCREMENTAL|UNSTABLE)"
)


def find_toolchain(prefer: Collection[str] = ()) -> Toolchain:
    """The first that is able: one whose version is in ``prefer``, else one with the target, else
    one that can build the target's library. Raises :class:`NoToolchain`."""
    able = [of for of in toolchains() if of.able]
    if not able:
        raise NoToolchain(
            f"no Rust toolchain on this machine can build for {TARGET}", hint=HOW_TO_GET
        )
    return min(able, key=lambda of: (of.version not in prefer, of.library is None))


def toolchains() -> list[Toolchain]:
    """Every rustc in the path, and Debian's: able or not, by path."""
    places = [Path(place) for place in os.get_exec_path()] + [Path("/usr/bin")]
    paths = dict.fromkeys(path for place in places if (path := place / "rustc").is_file())
    probed = [of for path in paths if (of := _probe(path)) is not None]
    return list({of.rustc: of for of in probed}.values())


def version_of(rustc: Path) -> str:
    """The version of a compiler. Raises :class:`NoToolchain` where it does not run."""
    found = _probe(rustc.absolute())
    if found is None:
        raise NoToolchain(f"{rustc} does not run, or has no cargo beside it", hint=HOW_TO_GET)
    return found.version


def look_anew() -> None:
    """Forget what is known of compilers: one may have been installed, or given a target."""
    _probe.cache_clear()


@cache
def _probe(rustc: Path) -> Toolchain | None:
    """What a rustc is; None where it does not run. A proxy of rustup's leads to the real one, so
    that a toolchain file in somebody's folder has no say."""
    try:
        sysroot = Path(_ask(rustc, "--print", "sysroot"))
        real = sysroot / "bin" / rustc.name
        rustc = real if real.is_file() else rustc
        version = _ask(rustc, "-vV")
    except (OSError, subprocess.CalledProcessError) as error:
        _log.debug("%s does not run: %s", rustc, error)
        return None
    if not rustc.with_name("cargo").is_file():
        return None
    libraries = sysroot / "lib/rustlib"
    library = libraries / TARGET / "lib"
    found = Toolchain(rustc, version, None, libraries / "src/rust/library", None)
    if any(library.glob("libstd-*.rlib")):
        return replace(found, library=library)
    return replace(found, linker=_newest_linker())


def _ask(program: Path, *args: str) -> str:
    # not where we stand: rustup looks there for a file that names another toolchain
    done = subprocess.run(
        [program, *args], check=True, capture_output=True, text=True, cwd=program.parent
    )
    return done.stdout.strip()


def _newest_linker() -> Path | None:
    def version(path: Path) -> int:
        number = path.name.rpartition("-")[2]
        return int(number) if number.isdigit() else 0

    found = [path for path in Path("/usr/bin").glob("wasm-ld*") if os.access(path, os.X_OK)]
    return max(found, key=version, default=None)


def cache_dir() -> Path:
    """Where this user's caches of builds lie."""
    return platformdirs.user_cache_path("aos")


def prepare(found: Toolchain, tell: Tell) -> Toolchain:
    """The toolchain with a library: its own, or one built from its source, once for each compiler.

    Raises :class:`BuildFailed` where that does not work.
    """
    if found.library is not None:
        return found
    place = _sysroot(found)
    lock = FileLock(place.with_suffix(".lock"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with acquire(lock, tell):
            if not place.is_dir():
                _build_library(found, place, tell)
    except OSError as error:
        raise BuildFailed(
            f"the standard library for {TARGET} cannot be kept: {error.strerror}",
            file=place,
            hint="make room there, or set XDG_CACHE_HOME to another place",
        ) from error
    return replace(found, library=place / "lib/rustlib" / TARGET / "lib", sysroot=place)


def is_ready(found: Toolchain) -> bool:
    """Whether it builds at once, without building its library first."""
    return found.library is not None or _sysroot(found).is_dir()


def _sysroot(found: Toolchain) -> Path:
    """Where the library of a compiler that brings none is kept."""
    key = hashlib.sha256(f"{found.version}\n{_SEED}".encode()).hexdigest()[:16]
    return cache_dir() / f"sysroot-{key}"


def acquire(lock: BaseFileLock, tell: Tell) -> AcquireReturnProxy[BaseFileLock]:
    """The lock, held; who has to wait for another build says so."""
    with contextlib.suppress(Timeout):
        return lock.acquire(timeout=0)
    tell(WAITING)
    return lock.acquire()


_SEED = """[package]
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

_CRATES = 20
"""About as many as the library is made of: for the progress only."""


def _build_library(found: Toolchain, place: Path, tell: Tell) -> None:
    """Build the library aside, and put it in its place whole."""
    tell(f"{LIBRARY} for {TARGET}, once: about half a minute")
    for left in place.parent.glob(f"{place.name}-*.tmp"):  # of a build that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        dir=place.parent, prefix=f"{place.name}-", suffix=".tmp"
    ) as name:
        work = Path(name)
        (work / "Cargo.toml").write_text(_SEED)
        (work / "lib.rs").write_text("#![no_std]\n")
        done = 0

        def count(line: str) -> None:
            nonlocal done
            if line.strip().startswith("Compiling"):
                done += 1
                tell(f"{LIBRARY}: {done} of about {_CRATES}, {line.split()[1]}")

        log = _run_cargo(found, _library_args(found), work, _library_flags(found, work), count)
        library = work / "sysroot/lib/rustlib" / TARGET / "lib"
        library.mkdir(parents=True)
        for rlib in (work / "target" / TARGET / "release/deps").glob("*.rlib"):
            if not rlib.name.startswith("libsysroot_seed-"):
                shutil.copy2(rlib, library)
        if not any(library.glob("libstd-*.rlib")):
            raise BuildFailed("the standard library was built, but is not there", log=log)
        (work / "sysroot").replace(place)


def _library_args(found: Toolchain) -> list[str]:
    vendored = f"source.library.directory={json.dumps(str(found.source / 'vendor'))}"
    args = ["build", "--offline", "--release", "--target", TARGET]
    args += ["-Zbuild-std=std,panic_abort", "--config", "source.crates-io.replace-with='library'"]
    return [*args, "--config", vendored]


def _library_flags(found: Toolchain, work: Path) -> Mapping[str, str]:
    flags = [
        f"--remap-path-prefix={found.source.resolve()}=/rustc/library",
        f"--remap-path-prefix={found.source}=/rustc/library",
        f"--remap-path-prefix={work}=/seed",
        "-Cembed-bitcode=yes",
    ]
    return {
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_HOME": str(work / "cargo-home"),
        "CARGO_TARGET_DIR": str(work / "target"),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
    }


def _run_cargo(
    tools: Toolchain, args: Sequence[str], cwd: Path, env: Mapping[str, str], tell: Tell
) -> str:
    """Run cargo, every line of stderr told as it comes; returns them all."""
    with subprocess.Popen(
        [tools.cargo, *args],
        cwd=cwd,
        env=tools.environment(**env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as child:
        assert child.stderr is not None
        lines = []
        try:
            for line in child.stderr:
                lines.append(line)
                tell(line.rstrip())
        except BaseException:
            child.terminate()
            raise
    log = "".join(lines)
    if child.returncode:
        raise BuildFailed(f"`cargo {args[0]}` failed in {cwd}", log=log)
    return log
