"""``verify``: replay and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aos_core import canon
from aos_core.cli.build import require
from aos_core.cli.opening import open_world
from aos_core.cli.options import HERE, Branch, OptionalWorld, RequireHashes, command
from aos_core.cli.output import Out
from aos_core.errors import Diverged

if TYPE_CHECKING:
    from aos_core.replay import Divergence, Report

commands = typer.Typer()

WithDisk = Annotated[
    bool,
    typer.Option("--with-disk", help="With the files on disk instead of those the journal names."),
]


@command(commands, "verify")
def verify(
    out: Out,
    world: OptionalWorld = HERE,
    branch: Branch = "main",
    with_disk: WithDisk = False,
    require_hashes: RequireHashes = False,
) -> int:
    """Replay a branch and compare.

    Its inputs run again; every record and every root has to come out the same.
    """
    if require_hashes:
        require(world)
    with open_world(out, world, branch) as opened, out.progress("verifying") as progress:
        report = opened.verify(with_disk=with_disk, progress=progress)
    if out.json:
        out.document(report.to_json())
    else:
        _show(out, report, with_disk)
    return 0 if report.ok else Diverged.exit_code


def _show(out: Out, report: Report, with_disk: bool) -> None:
    from rich.text import Text

    if report.divergence is not None:
        _show_divergence(out, report.divergence)
    else:
        what = "with the files on disk: same records and states" if with_disk else "verified"
        count = f"{report.frames} frames, {report.records} records"
        out.print(Text(f"✓ {what}: {count}", "green"))
    out.text(f"root {canon.hash_text(report.root)}")
    out.text(f"head {canon.hash_text(report.head)}")


def _show_divergence(out: Out, found: Divergence) -> None:
    from rich.text import Text

    from aos_core.present import compact

    kind = found.record.get("k") if isinstance(found.record, dict) else None
    out.print(Text(f"✗ diverges at record {found.height}{f' ({kind})' if kind else ''}", "red"))
    for name in ("reducer", "cell", "field"):
        if (value := getattr(found, name)) is not None:
            out.text(f"  {name:<9}{value}")
    out.text(f"  expected {compact(found.expected, 400)}")
    out.text(f"  found    {compact(found.found, 400)}")
