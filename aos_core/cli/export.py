"""``export``: a session as a file that others can run or read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.cli.opening import exit_code, open_world
from aos_core.cli.options import HERE, At, Branch, OptionalWorld, command
from aos_core.cli.output import Out
from aos_core.cli.prove import stopped_cleanly
from aos_core.errors import UsageError

if TYPE_CHECKING:
    from aos_core.world import World

commands = typer.Typer()


class Form(StrEnum):
    """What a session can become."""

    scenario = "scenario"
    pytest = "pytest"
    html = "html"


As = Annotated[
    Form,
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
    if property is not None and form is not Form.pytest:
        raise UsageError("a property is for a test", hint="--as pytest, or leave it out")
    with stopped_cleanly(), open_world(out, world, branch) as opened:
        from aos_core.export import proposed_file
        from aos_core.scenario_writer import last_end

        end = last_end(opened, at)
        if at is not None and end != at:
            out.notice(f"{at} is inside a turn: what has ended before counts, up to {end}")
        file = output or proposed_file(opened.files, form, branch, end)
        said = _export(out, opened, form, file.absolute(), end, property, force)
        if out.json:
            out.document({"path": str(file.absolute()), **said})
        else:
            out.text(f"saved {file}")
            if "why" in said:
                out.text(said["why"])
        return exit_code(out, opened)


def _export(
    out: Out, world: World, form: Form, file: Path, end: int, property: str | None, force: bool
) -> dict[str, Any]:
    """Write the file; what ``--json`` says of it beside its path."""
    from aos_core.export import export_html, export_pytest, export_scenario

    with out.progress("exporting") as progress:
        match form:
            case Form.scenario:
                notices = export_scenario(world, file, end, force=force)
            case Form.pytest:
                tested = export_pytest(
                    world, file, end, property=property, force=force, progress=progress
                )
                return {"passes": tested.passes, "why": tested.why}
            case Form.html:
                notices = export_html(world, file, end, force=force, progress=progress)
    for notice in notices:
        out.notice(notice)
    return {}
