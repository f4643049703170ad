"""``export``: a session as a file that others can run or read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aos_core.cli.opening import exit_code, open_world
from aos_core.cli.options import HERE, At, Branch, OptionalWorld, command
from aos_core.cli.output import Out
from aos_core.cli.stopping import stopped_cleanly

commands = typer.Typer()


class Word(StrEnum):
    """The forms of ``aos_core.export``, which takes a while to import."""

    scenario = "scenario"
    pytest = "pytest"
    html = "html"


As = Annotated[
    Word,
    typer.Option(
        "--as",
        metavar="scenario|pytest|html",
        help="A scenario, a test that fails on what is wrong, or a report to mail.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        metavar="FILE",
        help="Where to; in the world's scenarios or tests, a report here, if left out.",
        show_default=False,
        dir_okay=False,
    ),
]
MustHold = Annotated[
    str | None,
    typer.Option(
        "--property",
        metavar="EXPR",
        help="What a test requires at every height: an expression of AIR, as JSON, as for "
        "`aos bisect`.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file where it is there.")]


@command(commands, "export")
def export(
    out: Out,
    form: As,
    world: OptionalWorld = HERE,
    output: Output = None,
    branch: Branch = "main",
    at: At = None,
    property: MustHold = None,
    force: Force = False,
) -> int:
    """A branch as a file that others can run or read.

    A scenario is played, a test is run, a branch is verified for its report before anything is
    saved. A test of a branch that diverges, of a turn that faults, or of a property that fails,
    fails until that is mended.
    """
    from aos_core.export import Form, proposed_file
    from aos_core.export import export as export_session
    from aos_core.scenario_writer import last_end

    with stopped_cleanly(), open_world(out, world, branch) as opened:
        end = last_end(opened, at)
        if at is not None and end != at:
            out.notice(f"{at} is inside a turn: what has ended before counts, up to {end}")
        file = output or proposed_file(opened.files, form, branch, end)
        with out.progress("exporting") as progress:
            done = export_session(
                opened, Form(form), file.absolute(), end,
                property=property, force=force, progress=progress,
            )  # fmt: skip
        for notice in done.notices:
            out.notice(notice)
        if out.json:
            out.document(done.to_json())
        else:
            out.text(f"saved {file}")
            if done.why is not None:
                out.text(done.why)
        return exit_code(out, opened)
