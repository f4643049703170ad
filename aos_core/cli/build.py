"""``build``: from the crates of a world to modules."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.cli.options import HERE, ForceBuild, OptionalWorld, RequireHashes, command
from aos_core.cli.output import Out
from aos_core.cli.stopping import stopped_cleanly
from aos_core.errors import AosError, BuildFailed, ModuleMissing, NoToolchain, NotTrusted
from aos_core.files import WorldFiles, find_world, prebuilt_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aos_core.air.nodes import DefModule
    from aos_core.build import BuildArtifact
    from aos_core.build.request import Tell

commands = typer.Typer()

Trust = Annotated[
    bool,
    typer.Option("--trust", help="Agree to building this world, now and from now on."),
]


EachLine = Annotated[
    bool,
    typer.Option(
        "--each-line",
        help="Stay, and build again for each line on stdin: `build`, or `trust`, which agrees to "
        "building this world. One JSON line on stdout for each.",
    ),
]


@command(commands, "build")
def build(
    out: Out,
    world: OptionalWorld = HERE,
    force_build: ForceBuild = False,
    trust: Trust = False,
    require_hashes: RequireHashes = False,
    each_line: EachLine = False,
) -> int:
    """Compile reducers that changed.

    What was built from the same sources by the same compiler is taken from the cache.
    """
    if each_line:
        with stopped_cleanly():
            return _build_each_line(replace(out, json=True), find_world(world), force_build)
    files = WorldFiles.read(find_world(world))
    with stopped_cleanly():
        modules = build_world(out, files, force=force_build, agreed=trust)
    if require_hashes:
        require(world)
    if out.json:
        out.document({"modules": [of.to_json() for of in modules]})
        return 0
    for of in modules:
        for line in of.lines(files.home):
            out.text(line)
    if not modules:
        out.text("this world has no modules of its own")
    return 0


def require(world: str) -> None:
    """What ``--require-hashes`` asks for, of the files and modules as they are now. Raises as
    ``lock.require_hashes``."""
    from aos_core.lock import require_hashes

    require_hashes(WorldFiles.read(find_world(world)))


def _build_each_line(out: Out, world: Path, force: bool) -> int:
    """Whoever builds often starts us once: imports and the search for a compiler are done before
    the first line comes. Ends with its input; the exit code is that of the last build."""
    _warm_up()
    code = 0
    for line in sys.stdin:
        try:
            modules = build_world(
                out, WorldFiles.read(world), force=force, agreed=line.strip() == "trust"
            )
            out.line({"modules": [of.to_json() for of in modules]})
            code = 0
        except AosError as error:
            out.error(error)
            code = error.exit_code
    return code


def _warm_up() -> None:
    from aos_core.air import load
    from aos_core.build import rust
    from aos_core.build.toolchain import toolchains
    from aos_core.wasm import runtime

    _ = load, rust, runtime
    toolchains()


@dataclass(frozen=True, slots=True)
class Module:
    """A module and where it came from. For people: ``found`` says why nothing was compiled,
    ``source`` is the crate or the file it is made of, ``place`` where it lies, ``wrote`` whether it
    was put there now; ``before`` is the SHA-256, in hex, that the last build gave, None where that
    is not known."""

    name: str
    made: BuildArtifact
    found: str
    source: Path
    place: Path
    wrote: bool = False
    before: str | None = None

    def lines(self, home: Path) -> Iterator[str]:
        """What was built, from what, what is new about it, and where it was written."""
        made, now = self.made, self.made.wasm_hash.hex()
        compiled = not made.cached
        yield f"{self.name}  {f'built in {made.ms / 1000:.1f} s' if compiled else self.found}"
        yield f"  from    {_shown(self.source, home)}{f', by {made.toolchain}' if compiled else ''}"
        yield f"  module  {self._changed(now)}{len(made.wasm):,} bytes"
        yield f"  sha256  {now}"
        yield f"  {'wrote ' if self.wrote else 'stands'}  {_shown(self.place, home)}"

    def _changed(self, now: str) -> str:
        if self.before is None:
            return "new, " if self.wrote else ""
        same = self.before == now
        return "the same as before, " if same else f"changed: {self.before[:12]} -> {now[:12]}, "

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "wasm_hash": f"sha256:{self.made.wasm_hash.hex()}",
            "cached": self.made.cached,
            "ms": self.made.ms,
            "bytes": len(self.made.wasm),
        }


def _shown(path: Path, home: Path) -> str:
    """A path as seen from the world, where it is in it."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def build_world(
    out: Out, files: WorldFiles, *, force: bool = False, agreed: bool = False
) -> list[Module]:
    """Every module of a world, built where it has to be, and compiled for this machine.

    Asks once whether a stranger's world may be built; ``agreed`` says yes. Raises what
    ``Builder.build`` raises, and :class:`ModuleMissing` for a module that cannot be called.
    """
    from aos_core.build.module_cache import last_built, remember_last

    if agreed and not files.bundled:
        _agree(files.root)
    before = last_built(files.build_cache)
    modules = []
    for module in own_modules(files):
        built = _build_module(out, files, module, force)
        modules.append(replace(built, before=before.get(module.name)))
        _load(files, module, built.made)
    remember_last(files.build_cache, {of.name: of.made.wasm_hash.hex() for of in modules})
    return modules


def build_stale(out: Out, files: WorldFiles) -> None:
    """Before a world runs: build the crates that were changed since they were built. A world that
    ships goes on with its committed modules where there is no compiler."""
    stale = [of for of in own_modules(files) if is_stale(files, of)]
    try:
        for module in stale:
            _build_module(out, files, module, False)
    except NoToolchain as error:
        if not files.bundled:
            raise
        names = ", ".join(of.name for of in stale)
        out.notice(f"the sources of {names} have changed, but {error.message}: the old module runs")


def own_modules(files: WorldFiles) -> list[DefModule]:
    """The modules that a world defines, whether there is wasm for them yet or not."""
    from aos_core.air.load import load_files
    from aos_core.air.nodes import DefModule

    found = load_files(files.texts, lambda _: None).all(DefModule)
    return [of for of in found if not of.name.startswith("sys/")]


def is_stale(files: WorldFiles, module: DefModule) -> bool:
    """Whether the module comes from a crate that nothing was built from as it is now."""
    from aos_core.build import find_built
    from aos_core.build.prebuilt import is_current

    crate = files.crate_of(module)
    if crate is None or files.file_of(module) is not None:
        return False
    if files.bundled and is_current(prebuilt_root(), crate):
        return False
    return find_built(files.build_cache, crate) is None


def _build_module(out: Out, files: WorldFiles, module: DefModule, force: bool) -> Module:
    from aos_core.build import Builder, BuildRequest

    crate, file = files.crate_of(module), files.file_of(module)
    if file is not None:
        if crate is not None:
            out.notice(f"{file} stands before the crate {crate}, which is not built")
        made = Builder(None).build(BuildRequest(file))
        return Module(module.name, made, "not compiled: its module is there", file, file)
    if crate is None:
        raise ModuleMissing(
            f"{module.name} has neither a crate nor wasm",
            module=module.name,
            hint=f'name its crate in world.toml, under [modules."{module.name}"]',
        )
    with out.building(module.name) as tell:
        return _build_crate(out, files, module, crate, force, tell)


def _build_crate(
    out: Out, files: WorldFiles, module: DefModule, crate: Path, force: bool, tell: Tell
) -> Module:
    from aos_core.build import Builder, BuildRequest
    from aos_core.build.prebuilt import is_current, locked_compilers

    prefer = locked_compilers(prebuilt_root()) if files.bundled else ()
    if files.bundled and is_current(prebuilt_root(), crate):
        return _committed(out, module, crate, force, Builder(None, prefer=prefer, tell=tell))
    builder = Builder(files.build_cache, prefer=prefer, tell=tell)
    request = BuildRequest(crate, world=None if files.bundled else files.root, force=force)
    made = _build_asking(out, builder, request)
    if not made.kept:
        raise AosError(
            f"{module.name} is built, but cannot be kept in {files.build_cache}, so nothing can "
            "run it",
            code="cache_unwritable",
            file=files.build_cache,
            hint="make room there, or let this user write to it",
        )
    place = files.build_cache / f"{made.wasm_hash.hex()}.wasm"
    found = "not compiled: built from these sources before"
    return Module(module.name, made, found, crate, place, wrote=not made.cached)


def _committed(out: Out, module: DefModule, crate: Path, force: bool, builder: Any) -> Module:
    """The module that ships with us, whose sources are those it was built from."""
    from aos_core.build import Builder, BuildRequest

    place = prebuilt_root() / f"{crate.name}.wasm"
    made = Builder(None).build(BuildRequest(place))
    shipped = Module(module.name, made, "not compiled: it ships", crate, place)
    if not force:
        return shipped
    rebuilt = builder.build(BuildRequest(crate))
    if rebuilt.wasm != made.wasm:
        out.notice(
            f"{rebuilt.toolchain} builds other bytes than the ones that ship; those stay in use"
        )
        return shipped
    return replace(shipped, made=rebuilt)


def _build_asking(out: Out, builder: Any, request: Any) -> BuildArtifact:
    try:
        try:
            made: BuildArtifact = builder.build(request)
        except NotTrusted as error:
            if not _asked(out, request.world):
                raise error from None
            _agree(request.world)
            made = builder.build(request)
    except BuildFailed as error:
        out.diagnostics(error.diagnostics or error.log)
        raise
    out.diagnostics(made.warnings)
    return made


def _asked(out: Out, world: Path) -> bool:
    """Ask the person at the terminal; no where there is none."""
    return out.agrees(
        f"Building {world}\nruns its build scripts and macros on your machine, as you. "
        "Do you trust its author?"
    )


def _agree(world: Path) -> None:
    from aos_core.build.trust import trust

    try:
        trust(world)
    except OSError as error:
        raise AosError(
            f"the agreement cannot be remembered: {error.strerror}", file=error.filename
        ) from error


def _load(files: WorldFiles, module: DefModule, made: BuildArtifact) -> None:
    """Whether it can be called; and the compiled code is there when the world opens."""
    from aos_core.wasm.runtime import Runtime

    runtime = Runtime(lambda _: made.wasm, files.data_dir / "cache/wasmtime")
    runtime.load(made.wasm_hash, module.entry)
