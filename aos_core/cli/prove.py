"""``verify`` and ``bisect``: what replay shows of a history."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core import canon
from aos_core.cli.build import require
from aos_core.cli.opening import exit_code, open_world
from aos_core.cli.options import HERE, Branch, OptionalWorld, RequireHashes, command
from aos_core.cli.output import Out
from aos_core.cli.stopping import stopped_cleanly
from aos_core.errors import Diverged
from aos_core.progress import Progress

if TYPE_CHECKING:
    from aos_core.bisect import Scan
    from aos_core.property import Property
    from aos_core.replay import Divergence, Report
    from aos_core.view import View
    from aos_core.world import World

FAILED = 1
"""The exit code of a property that fails."""

commands = typer.Typer()

WithDisk = Annotated[
    bool,
    typer.Option("--with-disk", help="With the files on disk instead of those the journal names."),
]


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes to run it in; without it as many as are worth it.",
        show_default=False,
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Run it on the workers of a dask scheduler, which see the world under the same path.",
        show_default=False,
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Run everything, also what was verified before.")
]
Reproduce = Annotated[
    bool,
    typer.Option(
        "--reproduce", help="Where it diverges, write a scenario that shows it, into scenarios/."
    ),
]

WORTH_A_JOB = 1500
"""A process more is worth it for so many turns: it begins in the time that they take."""


@command(commands, "verify")
def verify(
    out: Out,
    world: OptionalWorld = HERE,
    branch: Branch = "main",
    jobs: Jobs = None,
    dask: Dask = None,
    again: Again = False,
    with_disk: WithDisk = False,
    reproduce: Reproduce = False,
    require_hashes: RequireHashes = False,
) -> int:
    """Replay a branch and compare.

    Its inputs run again; every record and every root has to come out the same. What was verified
    before, by the same engine and from the same bytes, is not run again.
    """
    if require_hashes:
        require(world)
    with stopped_cleanly(), open_world(out, world, branch) as opened:
        with out.progress("verifying") as progress:
            if with_disk:
                report = opened.verify(with_disk=True, progress=progress)
            else:
                report = _verify(opened, jobs, dask, again, progress)
        written = _write_reproduction(opened, report) if reproduce else None
        why = None if report.ok else _why(opened, report, with_disk)
    if out.json:
        more = {} if why is None else {"why": why}
        out.document(report.to_json() | more | ({} if written is None else {"scenario": written}))
    else:
        _show(out, report, with_disk, why)
        if written is not None:
            out.text(f"scenario {written}: `aos run {world} --scenario {Path(written).stem}`")
    return 0 if report.ok else Diverged.exit_code


def _verify(
    world: World, jobs: int | None, dask: str | None, again: bool, progress: Progress
) -> Report:
    from aos_core.verify import cluster, processes, verify

    if dask is not None:
        with cluster(dask) as (executor, threads):
            return verify(world, executor=executor, jobs=threads, again=again, progress=progress)
    if jobs is None:
        jobs = min(os.cpu_count() or 1, 1 + len(world.frames) // WORTH_A_JOB)
    if jobs == 1:
        return verify(world, again=again, progress=progress)
    with processes(jobs) as executor:
        return verify(world, executor=executor, jobs=jobs, again=again, progress=progress)


def _why(world: World, report: Report, with_disk: bool) -> str | None:
    from aos_core.verify import usual_cause

    found = report.divergence
    return None if found is None else usual_cause(world, found, with_disk=with_disk)


def _write_reproduction(world: World, report: Report) -> str | None:
    from aos_core.scenario_writer import save_reproduction

    found = report.divergence
    return None if found is None else str(save_reproduction(world, found))


def _show(out: Out, report: Report, with_disk: bool, why: str | None) -> None:
    from rich.text import Text

    if report.divergence is not None:
        _show_divergence(out, report.divergence)
        out.text(f"  why      {why}")
    else:
        what = "with the files on disk: same records and states" if with_disk else "verified"
        count = f"{report.frames} frames, {report.records} records"
        before = "" if report.skipped is None else f", up to record {report.skipped} before"
        out.print(Text(f"✓ {what}: {count}{before}", "green"))
    out.text(f"root {canon.hash_text(report.root)}")
    out.text(f"head {canon.hash_text(report.head)}")


def _show_divergence(out: Out, found: Divergence) -> None:
    from rich.text import Text

    from aos_core.words import plainly

    kind = found.record.get("k") if isinstance(found.record, dict) else None
    out.print(Text(f"✗ diverges at record {found.height}{f' ({kind})' if kind else ''}", "red"))
    for name in ("reducer", "cell", "field"):
        if (value := getattr(found, name)) is not None:
            out.text(f"  {name:<9}{value}")
    out.text(f"  expected {plainly(found.expected, 400)}")
    out.text(f"  found    {plainly(found.found, 400)}")


PropertyText = Annotated[
    str,
    typer.Option(
        "--property",
        metavar="EXPR",
        help="An expression of AIR, as JSON, over @state:REDUCER.path, @cell:REDUCER[KEY].path "
        "and @pending.",
        show_default=False,
    ),
]


@command(commands, "bisect")
def bisect(
    out: Out, property: PropertyText, world: OptionalWorld = HERE, branch: Branch = "main"
) -> int:
    """The first height at which a property fails.

    Exits with 1 where it fails, with 0 where it holds at every height, all fields null then.
    """
    from aos_core.bisect import bisect as first
    from aos_core.property import Property

    with open_world(out, world, branch) as opened:
        parsed = Property.parse(property, opened.program)
        with out.progress("searching") as progress:
            found = first(parsed, opened.at, opened.height, progress)
        if found.silent == found.seen:
            out.notice("what the property refers to is never there: it cannot fail")
        if out.json:
            out.document(_failure(opened, parsed, found))
        else:
            _show_failure(out, opened, parsed, found)
        code = exit_code(out, opened)
        return code if found.height is None else FAILED


def _failure(world: World, property: Property, found: Scan[View]) -> dict[str, Any]:
    from aos_core.present import RecordReader

    at = found.height
    return {
        "height": at,
        "record": None if at is None else RecordReader(world).to_json(at),
        "before": None if found.before is None else property.values(found.before),
        "after": None if found.after is None else property.values(found.after),
    }


def _show_failure(out: Out, world: World, property: Property, found: Scan[View]) -> None:
    from rich.text import Text

    from aos_core.story import Teller

    if found.silent == found.seen:
        out.print(Text(f"says nothing at any height, 0..{world.height}", "yellow"))
        return
    if found.height is None:
        silent = f"; says nothing at {found.silent} of them" if found.silent else ""
        out.print(Text(f"✓ holds at every height, 0..{world.height}{silent}", "green"))
        return
    out.print(Text(f"✗ fails first at record {found.height}", "red"))
    out.text(Teller(world).line(found.height))
    for when, view in (("before", found.before), ("after", found.after)):
        for reading in () if view is None else property.evaluate(view):
            out.text(f"  {when:<7} {reading}")
