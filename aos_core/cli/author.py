"""``list``, ``check``, ``lock``: worlds as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from aos_core.air.load import Problem
from aos_core.cli.options import HERE, OptionalWorld, RequireHashes, command
from aos_core.cli.output import Out
from aos_core.errors import AirError, AosError, CheckFailed, WorldError
from aos_core.files import WorldFiles, bundled_worlds, find_world

commands = typer.Typer()


@command(commands, "list")
def list_worlds(out: Out) -> int:
    """The worlds that ship, by number."""
    worlds = bundled_worlds()
    if out.json:
        names = ("number", "slug", "title", "summary")
        out.document(
            [{name: getattr(of, name) for name in names} | {"path": str(of.path)} for of in worlds]
        )
        return 0
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    for of in worlds:
        table.add_row(of.number, of.slug, f"{of.title}\n{of.summary}")
    out.print(table)
    return 0


@command(commands, "check")
def check_world(
    out: Out, world: OptionalWorld = HERE, require_hashes: RequireHashes = False
) -> int:
    """Find all that is wrong with a world."""
    files = WorldFiles.read(find_world(world))
    problems = find_problems(files)
    if require_hashes and all(of.severity != "error" for of in problems):
        problems = [of for of in problems if of.code != "stale_hash"] + _drifts(files)
    ok = all(of.severity != "error" for of in problems)
    if out.json:
        out.document({"ok": ok, "problems": [of.to_json() for of in problems]})
    else:
        _show(out, problems, ok)
    return 0 if ok else WorldError.exit_code


def find_problems(files: WorldFiles) -> list[Problem]:
    """Everything that keeps a world from running, or from meaning what it seems to."""
    from aos_core.air.check import check

    found: list[Problem] = []
    try:
        found.extend(check(files.catalog))
    except CheckFailed as error:
        found.extend(of for of in error.problems if isinstance(of, Problem))
    except WorldError as error:
        found.append(_problem(error))
    else:
        found.extend(_unfit(files, found))
    return found + _scenario_problems(files)


def _unfit(files: WorldFiles, found: Sequence[Problem]) -> list[Problem]:
    """What only compiling shows, where nothing else stands in its way; and wasm that is none."""
    from aos_core.air.nodes import DefModule
    from aos_core.kernel.program import compile_program
    from aos_core.wasm.runtime import check_module

    if any(of.severity == "error" for of in found):
        return []
    try:
        compile_program(files.catalog)
        for module in files.catalog.all(DefModule):
            if not module.name.startswith("sys/"):
                check_module(files.require_wasm(module), module.entry)
    except WorldError as error:
        return [_problem(error)]
    return []


def _drifts(files: WorldFiles) -> list[Problem]:
    """Every hash that is not written, or not what is there, as an error."""
    from aos_core.lock import DRIFT_HINT, drifts

    return [
        Problem("error", "hash_drift", of.file, f"line {of.line}", of.text, DRIFT_HINT)
        for of in drifts(files)
    ]


def _scenario_problems(files: WorldFiles) -> list[Problem]:
    from aos_core.scenario_file import read_scenario

    found = []
    default = files.config.default_scenario
    if default is not None and default not in files.scenarios:
        known = ", ".join(files.scenarios) or "none"
        message = f"default_scenario {default!r} is no scenario"
        found.append(
            Problem(
                "error", "no_scenario", "world.toml", "default_scenario", message, f"known: {known}"
            )
        )
    for name in files.scenarios:
        try:
            read_scenario(files.scenario_path(name))
        except WorldError as error:
            found.append(_problem(error))
    return found


def _problem(error: AosError) -> Problem:
    where = {name: str(of) for name, of in error.where.items()}
    path = where.get("path") or where.get("line") or where.get("module")
    code = "bad_air" if isinstance(error, AirError) else error.code
    return Problem("error", code, where.get("file"), path, error.message, error.hint)


def _show(out: Out, problems: Sequence[Problem], ok: bool) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for of in problems:
        mark = ("✗ error  ", "red") if of.severity == "error" else ("! warning", "yellow")
        place = ": ".join(part for part in (of.file, of.path) if part)
        out.print(Text.assemble(mark, f" {of.code}  ", (place, "bold")))
        out.print(Padding(Text(of.message), (0, 0, 0, 4)))
        if of.hint is not None:
            out.print(Padding(Text(of.hint, style="dim"), (0, 0, 0, 4)))
    errors = sum(of.severity == "error" for of in problems)
    warnings = len(problems) - errors
    verdict = "✓ ok" if ok else "✗ not ok"
    found = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    out.print(Text(f"{verdict}: {found}", "green" if ok else "red"))


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


@command(commands, "lock")
def lock_world(
    out: Out,
    world: OptionalWorld = HERE,
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
) -> int:
    """Fill or check hashes.

    Of definitions and modules; with --check, exit 1 where one would change.
    """
    from aos_core import canon
    from aos_core.lock import lock

    locked = lock(WorldFiles.read(find_world(world)), not check)
    manifest = canon.hash_text(locked.manifest_hash)
    if out.json:
        out.document({"changed": list(locked.changed), "manifest_hash": manifest})
    else:
        verb = "differs" if check else "changed"
        for name in locked.changed:
            out.text(f"{verb}  {name}")
        out.text(f"manifest {manifest}" + ("" if locked.changed else ", all hashes in place"))
    return 1 if check and locked.changed else 0
