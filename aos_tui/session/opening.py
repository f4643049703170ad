"""Opening a branch: for writing where that works, else for reading; and which there are."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aos_tui.options import Options

if TYPE_CHECKING:
    from aos_core.errors import AosError
    from aos_core.hosts import SimulatedHost
    from aos_core.progress import StageProgress
    from aos_core.scenario_file import Scenario
    from aos_core.world import World


def open_branch(
    options: Options, branch: str, progress: StageProgress | None = None
) -> tuple[World, AosError | None]:
    """(world, what keeps it from being written; None where it can be).

    Raises :class:`aos_core.errors.AosError`: what keeps it from being written, where it cannot be
    read either.
    """
    from aos_core.branches import DiskError
    from aos_core.errors import BranchLocked, ReadOnly

    try:
        return open_world(options, branch, write=True, progress=progress), None
    except (BranchLocked, ReadOnly, DiskError) as error:
        return _open_to_read(options, branch, error, progress), error


def _open_to_read(
    options: Options, branch: str, why: AosError, progress: StageProgress | None
) -> World:
    from aos_core.errors import AosError

    try:
        return open_world(options, branch, write=False, progress=progress)
    except AosError:
        raise why from None


def open_world(
    options: Options, branch: str, *, write: bool, progress: StageProgress | None = None
) -> World:
    """A branch of the options' world. In memory its time is that of the scenario; where none is
    asked for, it goes on with the one that was played last there."""
    from aos_core.files import WorldFiles, find_world
    from aos_core.hosts import SimulatedHost
    from aos_core.scenario_file import read_scenario
    from aos_core.world import World

    host = None
    if options.memory:
        files = WorldFiles.read(find_world(options.world))
        name = options.scenario or files.config.default_scenario
        host = SimulatedHost()
        if name is not None:
            host = simulated(read_scenario(files.scenario_path(name)))
    world = World.open(
        options.world,
        branch,
        memory=options.memory,
        write=write,
        scenario=options.scenario,
        host=host,
        progress=progress,
    )
    if options.scenario is None:
        _use_last_scenario(world)
    return world


def _use_last_scenario(world: World) -> None:
    from aos_core.errors import AosError

    with suppress(AosError):  # renamed, deleted or broken since: then it is the default one
        if (name := world.history.last_scenario) is not None:
            world.use_scenario(name)


def simulated(scenario: Scenario) -> SimulatedHost:
    """The time and the chance of a scenario."""
    from aos_core.hosts import SimulatedHost

    return SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)


def branches_on_disk(world: str) -> list[str]:
    """The names of the branches of a world that is not open. Raises as loading it does."""
    from aos_core.branches import list_branches
    from aos_core.files import WorldFiles, find_world

    return list_branches(WorldFiles.read(find_world(world)).data_dir / "journal")


def folders_of(world: str) -> list[Path]:
    """The folders in which a change may mend a world that does not load."""
    from aos_core.errors import AosError
    from aos_core.files import WorldFiles, find_world

    try:
        root = find_world(world)
    except AosError:
        return []
    try:
        files = WorldFiles.read(root)
        data = [files.data_dir] if files.data_dir.is_dir() else []
        return [*files.watched(), *data]  # its journals may be elsewhere than the world is
    except AosError:
        return [root]


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """What a world lacks that runs as soon as its reducers are built. ``modules``: (name, its
    source as seen from the world). ``compiler``: what builds them; empty where nothing here does,
    and then ``ways`` are commands that bring one, each with what it needs. ``library``: whether
    the compiler's library has to be built before, once."""

    modules: tuple[tuple[str, str], ...]
    compiler: str = ""
    library: bool = False
    ways: tuple[tuple[str, str], ...] = ()


def unbuilt(world: str) -> Unbuilt | None:
    """What a world that is not open lacks, where reducers have their source here and no build of
    it; None where there is no such reducer."""
    from aos_core.build.builder import find_built
    from aos_core.build.toolchain import WAYS, find_toolchain, is_ready, look_anew
    from aos_core.errors import AosError, NoToolchain
    from aos_core.files import WorldFiles, find_world

    try:
        files = WorldFiles.read(find_world(world))
        crates = {
            name: Path(os.path.normpath(files.home / of.crate))
            for name, of in files.config.modules.items()
            if of.crate is not None and of.wasm is None
        }
        modules = tuple(
            (name, os.path.relpath(_source(of), files.home))
            for name, of in crates.items()
            if of.is_dir() and find_built(files.build_cache, of) is None
        )
    except AosError:
        return None
    if not modules:
        return None
    look_anew()
    try:
        compiler = find_toolchain()
    except NoToolchain:
        return Unbuilt(modules, ways=WAYS)
    return Unbuilt(modules, compiler.name, not is_ready(compiler))


def _source(crate: Path) -> Path:
    """Where a crate's code begins; the folder of one that is laid out otherwise."""
    usual = crate / "src/lib.rs"
    return usual if usual.is_file() else crate
