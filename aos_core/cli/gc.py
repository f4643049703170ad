"""``gc``: drop what no journal leads to."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from aos_core.cli.opening import open_disk
from aos_core.cli.options import HERE, OptionalWorld, Yes, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError
from aos_core.files import WorldFiles, find_world

if TYPE_CHECKING:
    from aos_core.gc import Waste

commands = typer.Typer()

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how much it would drop.")]


@command(commands, "gc")
def gc(out: Out, world: OptionalWorld = HERE, dry_run: DryRun = False, yes: Yes = False) -> int:
    """Drop what no journal leads to.

    Objects of the store that nothing names, deleted branches, and what is kept beside journals that
    are gone. Says how much first, and asks on a terminal. Nobody may write the world meanwhile.
    """
    from aos_core.gc import collect, measure

    files = WorldFiles.read(find_world(world))
    with closing(open_disk(world, write=not dry_run)) as disk:
        if dry_run:
            waste = measure(disk, files)
        else:
            with disk.alone():
                waste = measure(disk, files)
                if waste and not yes and not out.agrees(f"{_text(waste)}\nDrop it?"):
                    raise UsageError(
                        f"nothing was dropped; there is {_text(waste)}",
                        code="not_confirmed",
                        hint="--yes drops it, for good",
                    )
                collect(disk, waste)
    for name, child in waste.kept:
        out.notice(f"deleted branch {name} stays: branch {child} was forked from it")
    if out.json:
        out.document({**waste.to_json(), "dropped": not dry_run})
    elif not waste:
        out.text("nothing to drop")
    else:
        out.text(f"{'would drop' if dry_run else 'dropped'} {_text(waste)}")
    return 0


def _text(waste: Waste) -> str:
    parts = [
        _count(len(waste.objects), "object"),
        _count(len(waste.branches), "deleted branch", "es")
        + (f" ({', '.join(waste.branches)})" if waste.branches else ""),
        _count(waste.snapshots, "snapshot"),
        _count(waste.nodes, "node"),
        _count(waste.rows, "row") + " of the index",
        _count(waste.offsets, "array") + " of offsets",
        _count(waste.locks, "lock") + " of branches that are gone",
    ]
    told = [of for of in parts if not of.startswith("0 ")]
    return f"{', '.join(told)}: {waste.bytes:,} bytes"


def _count(n: int, what: str, many: str = "s") -> str:
    return f"{n:,} {what}{'' if n == 1 else many}"
