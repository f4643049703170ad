"""Everything that is wrong with a world on disk: its definitions, modules, settings, scenarios."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aos_core.air.check import check
from aos_core.air.load import Catalog, read_files
from aos_core.air.nodes import DefModule
from aos_core.errors import ModuleMissing, WorldError
from aos_core.files import WorldFiles, bare_config
from aos_core.hints import did_you_mean
from aos_core.kernel.program import compile_program
from aos_core.problems import NO_WASM, NOT_BUILT, Problem, has_errors, placed, problem_of
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.wasm.runtime import check_module
from aos_core.whole_files import read_text

_CONFIG = "world.toml"


def find_problems(root: Path) -> tuple[Problem, ...]:
    """Everything that keeps a world from running, or from meaning what it seems to, in the order of
    the files; paths of files relative to the world. What one file lacks hides nothing of another.

    Raises :class:`WorldError` where there is no world.
    """
    root = root.resolve()
    found: list[Problem] = []
    try:
        files = WorldFiles.read(root)
    except WorldError as error:
        if Path(str(error.where.get("file"))).name != _CONFIG:
            raise
        found.append(problem_of(error))
        files = WorldFiles.read(root, config=bare_config(root))
    catalog, missing = _read(files)
    bare = bool(found)  # without its settings nobody knows where a module comes from
    checked = (_unbuilt(files, catalog, of) for of in check(catalog))
    found += [of for of in checked if of.code != NO_WASM or not bare]
    found += missing
    if not has_errors(found):
        found += _unfit(files, catalog)
    found += _scenario_problems(files, catalog)
    texts = {of: read_text(root / of) for of in _files(root, found)}
    known = placed((replace(of, file=_relative(root, of.file)) for of in found), texts)
    return tuple(sorted(known, key=lambda of: (of.file or "", of.line or 0, of.column or 0)))


def _read(files: WorldFiles) -> tuple[Catalog, list[Problem]]:
    """The definitions, and the modules whose named wasm is not there."""
    missing: dict[str, Problem] = {}

    def wasm_hash(module: DefModule) -> bytes | None:
        try:
            return files.wasm_hash(module)
        except ModuleMissing as error:
            missing[module.name] = problem_of(error)
            return None

    catalog = read_files(files.texts, wasm_hash)
    return replace(catalog, lost=catalog.lost | missing.keys()), list(missing.values())


def _unbuilt(files: WorldFiles, catalog: Catalog, problem: Problem) -> Problem:
    """Of a module without wasm whose crate is there: that it is not built yet, where it is named;
    any other problem as it is."""
    if problem.code != NO_WASM:
        return problem
    name = problem.node
    crates = (files.crate_of(of) for of in catalog.all(DefModule) if of.name == name)
    crate = next(crates, None)
    if crate is None or not crate.is_dir():
        return problem
    return Problem(
        "error", NOT_BUILT, str(files.home / _CONFIG), f"modules.{name}.crate",
        f"{name} is not built yet: its source is there, its wasm is not", "`aos build` compiles it",
    )  # fmt: skip


def _unfit(files: WorldFiles, catalog: Catalog) -> list[Problem]:
    """What only compiling shows, where nothing else stands in its way; and wasm that is none."""
    try:
        compile_program(catalog)
    except WorldError as error:
        return [problem_of(error)]
    found = []
    for module in catalog.all(DefModule):
        if not module.name.startswith("sys/"):
            try:
                check_module(files.require_wasm(module), module.entry)
            except WorldError as error:
                found.append(problem_of(error))
    return found


def _scenario_problems(files: WorldFiles, catalog: Catalog) -> list[Problem]:
    found = []
    default = files.config.default_scenario
    if default is not None and default not in files.scenarios:
        message = f"default_scenario {default!r} is no scenario"
        hint = did_you_mean(default, files.scenarios)
        found.append(
            Problem(
                "error", "no_scenario", str(files.home / _CONFIG), "default_scenario", message, hint
            )
        )
    for file in files.scenario_files:
        found += checked_scenario(file, catalog)[1]
    return found


def checked_scenario(file: Path, catalog: Catalog) -> tuple[Scenario | None, list[Problem]]:
    """A scenario, None where it cannot be read; and what keeps it from that, or from being played
    with these definitions."""
    try:
        scenario = read_scenario(file)
    except WorldError as error:
        return None, [problem_of(error)]
    return scenario, _unknown_events(scenario, str(file), catalog)


def _unknown_events(scenario: Scenario, file: str, catalog: Catalog) -> list[Problem]:
    """Events that are fired and that no schema of the world describes."""
    return [
        Problem(
            "error", "unknown_schema", file, f"steps[{step.index}].fire.schema",
            f"unknown schema {step.value['schema']}",
            did_you_mean(step.value["schema"], catalog.schemas.types),
        )
        for step in scenario.steps
        if step.verb == "fire"
        and step.value["schema"] not in catalog.schemas.types
        and ("defschema", step.value["schema"]) not in catalog.nodes
        and step.value["schema"] not in catalog.lost
    ]  # fmt: skip


def _files(root: Path, found: list[Problem]) -> set[str]:
    """The text files, relative to the world, that problems name and that can be read."""
    named = {_relative(root, of.file) for of in found}
    return {of for of in named if of and of.endswith((".json", ".toml")) and (root / of).is_file()}


def _relative(root: Path, file: str | None) -> str | None:
    path = Path(file) if file is not None else root
    return path.relative_to(root).as_posix() if file and path.is_relative_to(root) else file
