"""What is asked of a builder, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aos_core.build.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """``source``: the folder of a crate, a ``.wat`` or a ``.wasm`` file. ``world``: the directory
    of a stranger's world that it belongs to, which the user must have agreed to building; None for
    what is the user's own or ours. ``force``: build even what is in the cache."""

    source: Path
    world: Path | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class BuildArtifact:
    """A module. ``wasm_hash``: SHA-256, 32 bytes. ``fingerprint``: SHA-256, hex, of all that it
    was built from: sources, lock file, target, profile, flags, compiler. ``toolchain``: its name.
    ``ms``: how long it took now. ``log``: what the compiler said; empty if ``cached``.
    ``kept``: whether the cache has it."""

    wasm: bytes
    wasm_hash: bytes
    fingerprint: str
    toolchain: str
    ms: int
    log: str = ""
    warnings: tuple[Diagnostic, ...] = ()
    cached: bool = False
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a backend gives: the module, and what the compiler said."""

    wasm: bytes
    log: str = ""
    warnings: tuple[Diagnostic, ...] = ()


Tell = Callable[[str], None]
"""Takes one line of progress."""
