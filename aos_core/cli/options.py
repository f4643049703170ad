"""The arguments and flags that commands share, and what makes a function a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from errno import ENOSPC
from typing import Annotated, Any

import typer

from aos_core.cli import completion
from aos_core.cli.output import Out, reader_gone
from aos_core.errors import AosError

HERE = "."
INTERRUPTED = 130
INTERNAL = 70

OptionalWorld = Annotated[
    str,
    typer.Argument(
        metavar="WORLD",
        help="A world directory, its slug or number; here, if left out.",
        show_default=False,
        autocompletion=completion.worlds,
    ),
]
GivenWorld = Annotated[
    str,
    typer.Argument(
        metavar="WORLD",
        help="A world directory, its slug or number.",
        autocompletion=completion.worlds,
    ),
]
Branch = Annotated[
    str,
    typer.Option(
        "--branch", metavar="NAME", help="Which journal.", autocompletion=completion.branches
    ),
]
ScenarioName = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="S",
        help="Whose prepared answers apply; the world's default one, if left out.",
        show_default=False,
        autocompletion=completion.scenarios,
    ),
]
At = Annotated[
    int | None,
    typer.Option("--at", metavar="H", help="As of this height.", show_default=False),
]
OrderText = Annotated[
    str | None,
    typer.Option(
        "--order", metavar="2,3,1", help="In which order receipts come.", show_default=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Shuffle receipts by a seed.", show_default=False),
]
RequireHashes = Annotated[
    bool,
    typer.Option(
        "--require-hashes",
        help="Refuse a world in whose files a hash is not written, or is not what is there.",
    ),
]
ForceBuild = Annotated[
    bool, typer.Option("--force-build", help="Compile crates even where nothing changed.")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _flag(name: str, help: str) -> Any:
    return Annotated[bool, typer.Option(name, help=help, rich_help_panel="Everywhere")]


_COMMON = {
    "json": _flag("--json", "JSON on stdout, and nothing else."),
    "quiet": _flag("--quiet", "No progress and no notices."),
    "progress_json": _flag("--progress-json", "Progress and notices as JSON lines on stderr."),
    "debug": _flag("--debug", "Errors with their traceback."),
    "no_color": _flag("--no-color", "No colours; NO_COLOR does the same."),
}


def command(group: typer.Typer, name: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add a function as command ``name``. It takes an :class:`Out` first, then its own arguments
    as typer reads them, and returns the exit code; its errors are told here."""

    def add(function: Callable[..., int]) -> Callable[..., int]:
        _, *own = inspect.signature(function, eval_str=True).parameters.values()

        def call(**given: Any) -> None:
            out = Out(**{flag: given.pop(flag) for flag in _COMMON})
            raise typer.Exit(_guarded(out, function, given))

        # typer reads the signature: the function's own arguments, then what all commands have
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [of.replace(kind=inspect.Parameter.KEYWORD_ONLY) for of in own]
            + [
                inspect.Parameter(
                    flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=of
                )
                for flag, of in _COMMON.items()
            ]
        )
        call.__annotations__ = {of.name: of.annotation for of in own} | _COMMON
        call.__doc__ = function.__doc__
        group.command(name)(call)
        return function

    return add


def _guarded(out: Out, function: Callable[..., int], given: dict[str, Any]) -> int:
    """The exit code of a command, its errors told."""
    try:
        return function(out, **given)
    except AosError as error:
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return reader_gone()
    except Exception as error:
        if isinstance(error, OSError) and (error.errno, error.filename) == (ENOSPC, None):
            raise  # stdout: those of the disk are DiskErrors
        hint = "this is a bug of aos: please report it, with what --debug adds"
        told = AosError(f"{type(error).__name__}: {error}", code="internal", hint=hint)
        out.error(told.with_traceback(error.__traceback__))
        return INTERNAL
