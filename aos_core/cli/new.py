"""``new``: a world to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aos_core.cli import completion
from aos_core.cli.options import command
from aos_core.cli.output import Out
from aos_core.files import find_world

commands = typer.Typer()

Place = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where: a folder that is empty or not there.")
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="SLUG",
        help="Like this world that ships.",
        show_default=False,
        autocompletion=completion.worlds,
    ),
]


@command(commands, "new")
def new(out: Out, dir: Place, from_: From = None) -> int:
    """Make a new world.

    With a reducer crate that builds, runs and has tests.
    """
    from aos_core.build.trust import trust
    from aos_core.new_world import make_world

    files = make_world(dir, None if from_ is None else find_world(from_).resolve())
    try:
        trust(dir)  # who made it may build it
    except OSError as error:
        out.notice(f"`aos build` will ask whether to trust this world: {error.strerror}")
    if out.json:
        out.document({"path": str(dir.absolute()), "files": files})
        return 0
    for name in files:
        out.text(f"  {name}")
    path = shlex.quote(str(dir))
    out.text(f"made {dir}; next: aos build {path} && aos run {path}")
    return 0
