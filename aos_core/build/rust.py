"""The Rust backend: cargo, with everything that decides the bytes of a module held fast.

What differs from place to place must not reach the module, so every path that the compiler could
write down is remapped. The rest is part of the fingerprint: :func:`recipe`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from aos_core.build.diagnostics import Diagnostic, parse_message
from aos_core.build.freshness import forget_changed, remember
from aos_core.build.request import Compiled, Tell
from aos_core.build.sources import LOCK, Crate
from aos_core.build.toolchain import TARGET, Toolchain, cache_dir
from aos_core.errors import BuildFailed

_log = logging.getLogger("aos.build")

PROFILE = {
    "opt-level": "3",
    "lto": "off",
    "codegen-units": "1",
    "panic": "abort",
    "strip": "symbols",
    "debug": "false",
    "incremental": "false",
}
"""The release profile, whatever a manifest or the user's settings say."""

_REMAP = "--remap-path-prefix="
_WORKSPACE, _TARGET_DIR, _DEPENDENCIES = "/reducers", "/target", "/deps"


def recipe(tools: Toolchain) -> dict[str, Any]:
    """Flags, with ``<name>`` for what is a place on this machine, profile and target."""
    flags = [
        f"{_REMAP}<target-dir>={_TARGET_DIR}",
        f"{_REMAP}<workspace>={_WORKSPACE}",
        f"{_REMAP}<dependency>={_DEPENDENCIES}/<name-version>",
    ]
    if tools.linker is not None:
        flags.append("-Clinker=<linker>")
    if tools.sysroot is not None:
        flags.append("--sysroot=<library>")
    return {"target": TARGET, "flags": flags, "profile": PROFILE}


@dataclass(frozen=True, slots=True)
class RustBackend:
    """Compiles crates with one toolchain. ``target_dir``: where cargo works; by default one for
    each workspace and compiler in the user's cache, so that dependencies are built once."""

    tools: Toolchain
    target_dir: Path | None = None

    def compile(self, crate: Crate, tell: Tell) -> Compiled:
        """Build one crate. Raises :class:`BuildFailed` with what the compiler found."""
        target_dir = self.target_dir or self._target_dir(crate)
        dependencies = self._dependencies(crate)
        run = _Run(crate, self._places(crate, target_dir, dependencies), tell)
        args = ["build", "--locked", "--release", "--lib", "--target", TARGET]
        args += ["--package", crate.name, "--message-format=json"]
        env = {
            "CARGO_TARGET_DIR": str(target_dir),
            "CARGO_TERM_COLOR": "never",
            "CARGO_INCREMENTAL": "0",
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self._flags(run.places)),
            **{f"CARGO_PROFILE_RELEASE_{_upper(name)}": of for name, of in PROFILE.items()},
        }
        _log.debug("cargo %s in %s", " ".join(args), crate.workspace)
        contents = crate.contents
        forget_changed(target_dir, contents)
        code = run.cargo(self.tools, args, env)
        if code or run.module is None:
            raise self._failure(crate, run)
        remember(target_dir, contents)
        try:
            wasm = run.module.read_bytes()
        except OSError as error:
            raise BuildFailed(
                f"the module that cargo built cannot be read: {error.strerror}", file=run.module
            ) from error
        return Compiled(wasm, run.log, run.of_level("warning"))

    def _target_dir(self, crate: Crate) -> Path:
        said = f"{crate.workspace}\n{self.tools.version}\n{self.tools.sysroot}"
        return cache_dir() / "target" / hashlib.sha256(said.encode()).hexdigest()[:16]

    def _dependencies(self, crate: Crate) -> dict[str, Path]:
        """The folder of every package outside the workspace, by name and version; what is missing
        is fetched. Raises :class:`BuildFailed`."""
        args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
        done = subprocess.run(
            [self.tools.cargo, *args],
            cwd=crate.root,
            env=self.tools.environment(CARGO_TERM_COLOR="never"),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise BuildFailed(
                f"cargo cannot tell what {crate.name} depends on: {_first_error(done.stderr)}",
                log=done.stderr,
                file=crate.root,
                hint=_lock_hint(crate, done.stderr),
            )
        packages = json.loads(done.stdout)["packages"]
        folders = {f"{of['name']}-{of['version']}": _folder(of) for of in packages}
        return {name: of for name, of in folders.items() if not of.is_relative_to(crate.workspace)}

    @staticmethod
    def _places(
        crate: Crate, target_dir: Path, dependencies: Mapping[str, Path]
    ) -> dict[str, Path]:
        """What stands in the module instead of each place; rustc takes the last that fits."""
        return {
            _WORKSPACE: crate.workspace,
            _TARGET_DIR: target_dir,
            **{f"{_DEPENDENCIES}/{name}": of for name, of in sorted(dependencies.items())},
        }

    def _flags(self, places: Mapping[str, Path]) -> list[str]:
        flags = [f"{_REMAP}{place}={name}" for name, place in places.items() if name]
        if self.tools.linker is not None:
            flags.append(f"-Clinker={self.tools.linker}")
        if self.tools.sysroot is not None:
            flags.append(f"--sysroot={self.tools.sysroot}")
        return flags

    def _failure(self, crate: Crate, run: _Run) -> BuildFailed:
        errors = run.of_level("error")
        if not errors:
            what = _first_error(run.log) or "cargo built no module: `crate-type` must have cdylib"
            return BuildFailed(
                f"{crate.name} does not build: {what}",
                log=run.log,
                file=crate.root,
                hint=_lock_hint(crate, run.log),
            )
        first, more = errors[0], len(errors) - 1
        also = f" (and {more} more)" if more else ""
        return BuildFailed(
            f"{crate.name} does not compile: {first.text}{also}",
            diagnostics=errors,
            log=run.log,
            file=first.file,
            line=first.line,
            column=first.column,
        )


class _Run:
    """One run of cargo: what it says, as it says it."""

    def __init__(self, crate: Crate, places: Mapping[str, Path], tell: Tell) -> None:
        self.places = dict(places)
        self.module: Path | None = None
        self._crate, self._tell = crate, tell
        self._lines: list[str] = []
        self._found: list[Diagnostic] = []

    @property
    def log(self) -> str:
        return "\n".join(self._lines)

    def of_level(self, level: str) -> tuple[Diagnostic, ...]:
        return tuple(of for of in self._found if of.level == level)

    def cargo(self, tools: Toolchain, args: Sequence[str], env: Mapping[str, str]) -> int:
        """Run it to its end, or until we are interrupted: then it ends with us."""
        with subprocess.Popen(
            [tools.cargo, *args],
            cwd=self._crate.root,
            env=tools.environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as child:
            assert child.stdout is not None and child.stderr is not None
            words = threading.Thread(target=self._hear, args=(child.stderr,), daemon=True)
            words.start()
            try:
                for line in child.stdout:
                    self._read(line)
                words.join()
            except BaseException:
                child.terminate()
                raise
        return child.returncode

    def _hear(self, stream: IO[str]) -> None:
        for line in stream:
            self._say(line.rstrip())

    def _read(self, line: str) -> None:
        message = parse_message(line, self._crate.name, {**self.places, "": self._crate.workspace})
        if message.module is not None:
            self.module = message.module
        if message.diagnostic is not None and not self._is_told(message.diagnostic):
            self._found.append(message.diagnostic)
            for text in message.diagnostic.rendered.rstrip().splitlines():
                self._say(text)

    def _is_told(self, new: Diagnostic) -> bool:
        """A macro can make the compiler say the same of one place again."""
        return any(replace(of, rendered=new.rendered) == new for of in self._found)

    def _say(self, text: str) -> None:
        self._lines.append(text)
        self._tell(text)


def _folder(package: Mapping[str, Any]) -> Path:
    return Path(package["manifest_path"]).parent


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _first_error(log: str) -> str:
    lines = (line.strip() for line in log.splitlines())
    return next((line.removeprefix("error: ") for line in lines if line.startswith("error")), "")


def _lock_hint(crate: Crate, log: str) -> str | None:
    if LOCK in log or "--locked" in log:
        return (
            f"builds take what {LOCK} names: run `cargo generate-lockfile` in "
            f"{os.fspath(crate.workspace)} once, and keep the file with the sources"
        )
    return None
