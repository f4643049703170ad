"""The entry of ``aos``: the commands, and what happens to arguments that are none."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated

import typer
from typer.main import get_command

from aos_core.cli import (
    author,
    branches,
    build,
    doctor,
    export,
    gc,
    live,
    look,
    new,
    play,
    prove,
    rehearse,
    trace,
)
from aos_core.cli.interrupts import never_lost
from aos_core.cli.options import INTERRUPTED
from aos_core.cli.output import Out, reader_gone
from aos_core.errors import UsageError

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="See, simulate and prove AgentOS worlds. `aos COMMAND --help` says more.",
)
for group in (
    author, new, build, doctor, play, prove, rehearse, live, look, trace, branches, export, gc,
):  # fmt: skip
    app.add_typer(group.commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aos {importlib.metadata.version('aos-tui')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Say which version this is.", callback=_show_version, is_eager=True
    ),
]


@app.callback()
def _root(version: Version = False) -> None:
    pass


# typer keeps the class to itself; of its public errors this is the one that leads there
_ArgumentError: type[Exception] = next(
    of for of in typer.BadParameter.__mro__ if of.__name__ == "ClickException"
)


@cache
def _commands() -> Callable[..., object]:
    """All commands, put together once: that takes longer than many of them."""
    return get_command(app)


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code."""
    args = list(argv) or ["--help"]
    _log_if_asked()
    try:
        code = _commands()(args=args, prog_name="aos", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except _ArgumentError as error:
        return _bad_arguments(error, args)
    return code if isinstance(code, int) else 0


def _log_if_asked() -> None:
    """``AOS_LOG=debug`` says on stderr what was hit, missed, found, and why."""
    level = os.environ.get("AOS_LOG", "").upper()
    if level not in logging.getLevelNamesMapping():
        return
    log = logging.getLogger("aos")
    log.setLevel(level)
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
        log.handlers[0].setFormatter(logging.Formatter("%(name)s: %(message)s"))


def _bad_arguments(error: BaseException, args: list[str]) -> int:
    context = getattr(error, "ctx", None)
    command = "aos" if context is None else context.command_path
    message = getattr(error, "format_message", error.__str__)()
    told = UsageError(message.strip(), hint=f"`{command} --help` shows what it takes")
    Out(json="--json" in args, debug="--debug" in args).error(told)
    return told.exit_code


def run() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal without our glyphs shows ?, and no command fails for it
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        with never_lost():
            code = main(sys.argv[1:])
        if sys.stdout is not None:  # it may have been closed before this began
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = reader_gone()
    except OSError as error:
        sys.stderr.write(f"error: stdout cannot be written: {error.strerror}\n")
        reader_gone()
        code = UsageError.exit_code
    sys.exit(code)


if __name__ == "__main__":
    run()
