"""``list``, ``check``, ``lock``: worlds as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aos_core.cli.options import HERE, OptionalWorld, RequireHashes, command
from aos_core.cli.output import Out
from aos_core.errors import WorldError
from aos_core.files import WorldFiles, bundled_worlds, find_world

if TYPE_CHECKING:
    from aos_core.lock import Drift
    from aos_core.problems import Problem

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
    from aos_core.checking import find_problems
    from aos_core.problems import has_errors

    root = find_world(world)
    problems = find_problems(root)
    if require_hashes and not has_errors(problems):
        drifts = _drifts(WorldFiles.read(root))
        problems = (*(of for of in problems if of.code != "stale_hash"), *drifts)
    ok = not has_errors(problems)
    if out.json:
        out.document({"ok": ok, "problems": [of.to_json() for of in problems]})
    else:
        from aos_core.report import ASCII, UNICODE, report

        marks = UNICODE if out.console.encoding.startswith("utf") else ASCII
        for line in report(problems, root, marks):
            out.line_of_text(line)
    return 0 if ok else WorldError.exit_code


def _drifts(files: WorldFiles) -> tuple[Problem, ...]:
    """Every hash that is not written, or not what is there, as an error."""
    from aos_core.lock import DRIFT_HINT, drifts
    from aos_core.places import line_of
    from aos_core.problems import Problem, placed

    def problem(of: Drift) -> Problem:
        line = line_of(files.texts[of.file], of.line)
        column = len(line) - len(line.lstrip()) + 1
        return Problem(
            "error", "hash_drift", of.file, None, of.text, DRIFT_HINT, of.line, column
        )  # fmt: skip

    return placed(map(problem, drifts(files)), files.texts)


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
