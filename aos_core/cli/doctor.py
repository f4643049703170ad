"""``doctor``: what this machine lacks, and how to get it; whether a world's bytes are whole."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from aos_core.cli import completion
from aos_core.cli.options import command
from aos_core.cli.output import Out
from aos_core.errors import AosError, DamagedError
from aos_core.files import WorldFiles, find_world, prebuilt_root

commands = typer.Typer()

LACKING = 1
_PACKAGES = ("textual", "rich", "wasmtime", "cbor2", "watchfiles")
_SMALL = (80, 24)

World = Annotated[
    str | None,
    typer.Argument(
        metavar="WORLD",
        help="Look at this world too.",
        show_default=False,
        autocompletion=completion.worlds,
    ),
]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``state``: ``ok``; ``warning``, what works without it is most;
    ``error``, little does. ``hint``: how to mend it."""

    name: str
    state: Literal["ok", "warning", "error"]
    found: str
    hint: str | None = None


@command(commands, "doctor")
def doctor(out: Out, world: World = None) -> int:
    """Say what this machine lacks.

    And how to get it: versions, Rust for building reducers, the terminal, places to write to. Of a
    world also whether its bytes are whole: every frame of every branch, every object that they
    name, snapshots, index. Exits with 3 where they are damaged.
    """
    checks, damaged = [*_versions(), *_rust(), *_terminal(), *_places()], False
    if world is not None:
        files = WorldFiles.read(find_world(world))
        checks += _world(files)
        bytes_of = list(_bytes(out, files))
        checks += [of for of, _ in bytes_of]
        damaged = any(bad for _, bad in bytes_of)
    ok = all(of.state != "error" for of in checks)
    if out.json:
        out.document({"ok": ok, "checks": [asdict(of) for of in checks]})
    else:
        _show(out, checks)
    if damaged:
        return DamagedError.exit_code
    return 0 if ok else LACKING


def _show(out: Out, checks: list[Check]) -> None:
    from rich.text import Text

    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}
    width = max(len(of.name) for of in checks)
    for of in checks:
        line = Text.assemble(marks[of.state], f" {of.name:<{width}}  {of.found}")
        out.console.print(line, soft_wrap=True)
        if of.hint is not None:
            out.console.print(Text(f"    what to do: {of.hint}", "dim"), soft_wrap=True)


def _versions() -> Iterator[Check]:
    yield Check("aos-tui", "ok", _version("aos-tui") or "not installed: run from a checkout")
    yield Check("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    for name in _PACKAGES:
        if (version := _version(name)) is not None:
            yield Check(name, "ok", version)
        else:
            yield Check(
                name, "error", "is not installed", f"{sys.executable} -m pip install {name}"
            )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _rust() -> Iterator[Check]:
    """Every compiler, and whether it can build reducers."""
    from aos_core.build.toolchain import HOW_TO_GET, TARGET, find_toolchain, toolchains

    found = toolchains()
    for of in found:
        if of.library is not None:
            yield Check("rust", "ok", f"{of.name} at {of.rustc}, with {TARGET}")
        elif of.able:
            said = f"{of.name} at {of.rustc}; builds its library for {TARGET} at the first use"
            yield Check("rust", "ok", said)
        else:
            yield Check("rust", "ok", f"{of.name} at {of.rustc}, which cannot build for {TARGET}")
    try:
        yield Check("reducers", "ok", f"are built with {find_toolchain().rustc}")
    except AosError as error:
        yield Check("reducers", "warning", f"cannot be built here: {error.message}", error.hint)
        if not found:
            yield Check("rust", "warning", "none in the path", HOW_TO_GET)


def _terminal() -> Iterator[Check]:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8":
        yield Check("text", "ok", "UTF-8")
    else:
        hint = "set LANG to a UTF-8 locale, such as C.UTF-8"
        yield Check("text", "warning", f"{encoding or 'unknown'}: signs show as ?", hint)
    if not sys.stdout.isatty():
        yield Check("terminal", "ok", "none here, output goes to a file or a program")
        return
    columns, lines = os.get_terminal_size()
    kind = os.environ.get("TERM", "unknown")
    colours = os.environ.get("COLORTERM", "")
    said = f"{kind} {colours}".rstrip() + f", {columns}x{lines}"
    if columns < _SMALL[0] or lines < _SMALL[1]:
        yield Check("terminal", "warning", said, "the app wants 80x24 at least")
    elif kind in ("dumb", "unknown"):
        yield Check("terminal", "warning", said, "set TERM to what your terminal is")
    else:
        yield Check("terminal", "ok", said)


def _places() -> Iterator[Check]:
    import platformdirs

    from aos_core.build.toolchain import cache_dir

    data, cache = platformdirs.user_data_path("aos"), cache_dir()
    for name, place, variable in (("data", data, "DATA"), ("cache", cache, "CACHE")):
        if _writable(place):
            yield Check(name, "ok", f"{place}")
        else:
            hint = f"make it writable, or set XDG_{variable}_HOME to another place"
            yield Check(name, "warning", f"{place} cannot be written", hint)


def _writable(place: Path) -> bool:
    nearest = next(of for of in (place, *place.parents) if of.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def _bytes(out: Out, files: WorldFiles) -> Iterator[tuple[Check, bool]]:
    """What is in the world's ``.aos``, each with whether it is damaged."""
    from aos_core.health import examine

    with out.several() as progress:
        for of in examine(files.data_dir, progress):
            damaged = of.state == "damage"
            state = "error" if of.state == "damage" else of.state
            yield Check(of.name, state, of.found, of.hint), damaged


def _world(files: WorldFiles) -> Iterator[Check]:
    from aos_core.build.trust import is_trusted
    from aos_core.cli.build import is_stale, own_modules

    yield Check("world", "ok", f"{files.config.name} at {files.root}")
    kept = files.data_dir
    if _writable(kept):
        yield Check("journals", "ok", str(kept))
    else:
        yield Check("journals", "error", f"{kept} cannot be written", "make it writable")
    crates = False
    for module in own_modules(files):
        crate, file = files.crate_of(module), files.file_of(module)
        crates = crates or (file is None and crate is not None)
        if file is not None:
            there = file.is_file()
            said = str(file) if there else f"{file} is not there"
            yield Check(module.name, "ok" if there else "error", said)
        elif crate is None:
            hint = "name its crate or wasm in world.toml"
            yield Check(module.name, "error", "has neither a crate nor wasm", hint)
        elif not is_stale(files, module):
            yield Check(module.name, "ok", f"built, from {crate}")
        elif files.bundled and (prebuilt_root() / f"{crate.name}.wasm").is_file():
            yield Check(module.name, "warning", f"older than {crate}", "`aos build` compiles it")
        else:
            yield Check(module.name, "error", f"not built from {crate}", "`aos build` compiles it")
    if crates and not files.bundled and not is_trusted(files.root):
        hint = "`aos build` asks once"
        yield Check("trust", "warning", "you have not agreed to building this world", hint)
