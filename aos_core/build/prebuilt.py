"""The committed modules of a workspace, and the lock that says what they were built from.

`prebuilt/lock` names, for each module, its SHA-256, the fingerprint of its sources, and everything
of the toolchain that decides bytes. With the same toolchain a rebuild must give the same bytes;
with another it cannot be compared, and the committed module is trusted.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aos_core.build.builder import Builder
from aos_core.build.request import BuildRequest
from aos_core.build.rust import recipe
from aos_core.build.sources import MANIFEST, Crate
from aos_core.build.toolchain import version_of
from aos_core.whole_files import put_whole

Lock = dict[str, dict[str, Any]]
Say = Callable[[str], None]


def read_lock(prebuilt: Path) -> Lock:
    """The lock in a folder of prebuilt modules; empty where there is none.

    Raises :class:`OSError`, :class:`ValueError`."""
    path = prebuilt / "lock"
    lock: Lock = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return lock


def is_current(prebuilt: Path, crate: Path) -> bool:
    """Whether the lock was made from the sources of ``crate`` as they are now, or there are none
    to compare with."""
    if not (crate / MANIFEST).is_file():
        return True
    try:
        entry = read_lock(prebuilt)[crate.name]
        return bool(entry["sources"] == Crate.read(crate).fingerprint)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def locked_compilers(prebuilt: Path) -> set[str]:
    """The versions of rustc that the lock names."""
    try:
        return {entry["toolchain"]["rustc"] for entry in read_lock(prebuilt).values()}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def write_prebuilt(workspace: Path, say: Say, rustc: Path | None = None) -> None:
    """Build every reducer of ``workspace`` into ``prebuilt`` and write the lock: with ``rustc``,
    else with the compiler of the old lock, else with the first that is able.

    Raises what :meth:`Builder.build` raises, and :class:`OSError`."""
    prebuilt = workspace / "prebuilt"
    prebuilt.mkdir(exist_ok=True)
    prefer = locked_compilers(prebuilt) if rustc is None else {version_of(rustc)}
    builder = Builder(None, prefer=prefer, tell=say)
    lock: Lock = {}
    for crate in reducer_crates(workspace):
        lock[crate.name], wasm = _build(builder, crate)
        put_whole(prebuilt / f"{crate.name}.wasm", wasm, mode=0o644)
        say(f"{crate.name}: {len(wasm)} bytes, sha256 {lock[crate.name]['sha256']}")
    text = json.dumps(lock, indent=2) + "\n"
    put_whole(prebuilt / "lock", text.encode(), mode=0o644)


def check_prebuilt(workspace: Path, say: Say) -> bool:
    """Whether what is committed is what the lock names, the lock names the sources as they are,
    and a build in a fresh folder gives the same bytes, where the toolchain is the same.

    Raises what :meth:`Builder.build` raises, and :class:`OSError`."""
    prebuilt = workspace / "prebuilt"
    lock = read_lock(prebuilt)
    crates = reducer_crates(workspace)
    same = _names_match(prebuilt, lock, crates, say)
    with tempfile.TemporaryDirectory() as fresh:
        builder = Builder(
            None, prefer=locked_compilers(prebuilt), tell=say, target_dir=Path(fresh).resolve()
        )
        for crate in crates:
            if crate.name in lock and (prebuilt / f"{crate.name}.wasm").is_file():
                same = _check_one(builder, crate, prebuilt, lock[crate.name], say) and same
    return same


def _names_match(prebuilt: Path, lock: Lock, crates: list[Path], say: Say) -> bool:
    """Crates, lock and committed modules name each other."""
    have: dict[str, set[str]] = {
        "crates": {crate.name for crate in crates},
        "modules": {path.stem for path in prebuilt.glob("*.wasm")},
        "lock": set(lock),
    }
    named = [*have.values()]
    odd = sorted(set[str]().union(*named) - named[0].intersection(*named))
    for name in odd:
        say(f"{name}: not in {', '.join(of for of, names in have.items() if name not in names)}")
    return not odd


def _check_one(
    builder: Builder, crate: Path, prebuilt: Path, entry: dict[str, Any], say: Say
) -> bool:
    committed = hashlib.sha256((prebuilt / f"{crate.name}.wasm").read_bytes()).hexdigest()
    if committed != entry["sha256"]:
        say(f"{crate.name}: the committed module is not the one its lock names")
        return False
    if Crate.read(crate).fingerprint != entry["sources"]:
        say(f"{crate.name}: the sources have changed since it was built")
        return False
    differing = _differing(builder, entry)
    if differing:
        say(f"{crate.name}: not compared, the committed module is trusted: another {differing}")
        return True
    _, wasm = _build(builder, crate)
    equal = hashlib.sha256(wasm).hexdigest() == committed
    say(f"{crate.name}: {'equal' if equal else 'a rebuild gives other bytes'}")
    return equal


def _differing(builder: Builder, entry: dict[str, Any]) -> str:
    """What of the toolchain is not as locked: names with both values' first lines."""
    ours = _toolchain(builder)
    return ", ".join(
        f"{name} (locked {_first_line(entry['toolchain'].get(name))}, here {_first_line(of)})"
        for name, of in ours.items()
        if entry["toolchain"].get(name) != of
    )


def _first_line(value: object) -> str:
    return str(value).partition("\n")[0]


def _toolchain(builder: Builder) -> dict[str, Any]:
    return {**builder.toolchain.identity(), **recipe(builder.toolchain)}


def _build(builder: Builder, crate: Path) -> tuple[dict[str, Any], bytes]:
    made = builder.build(BuildRequest(crate))
    entry = {
        "sha256": made.wasm_hash.hex(),
        "sources": Crate.read(crate).fingerprint,
        "toolchain": _toolchain(builder),
    }
    return entry, made.wasm


def reducer_crates(workspace: Path) -> list[Path]:
    """The folders of the workspace's members that compile to a module, sorted."""
    return sorted(path for path in members(workspace) if is_reducer(path))


def is_reducer(crate: Path) -> bool:
    """Whether a crate compiles to a module."""
    return "cdylib" in _manifest(crate).get("lib", {}).get("crate-type", [])


def members(workspace: Path) -> Iterator[Path]:
    """The folders of all members of a workspace, in its own order."""
    for pattern in _manifest(workspace)["workspace"]["members"]:
        yield from (path for path in workspace.glob(pattern) if (path / MANIFEST).is_file())


def _manifest(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
