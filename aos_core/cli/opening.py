"""Opening worlds for commands: to read or to write, with the notices a person needs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from aos_core.branches import list_branches
from aos_core.cli.output import Out
from aos_core.errors import AosError, UsageError
from aos_core.files import WorldFiles, find_world

if TYPE_CHECKING:
    from aos_core.disk import FileDisk
    from aos_core.kernel.program import Program
    from aos_core.world import World

MAIN = "main"


@contextmanager
def open_world(
    out: Out,
    world: str,
    branch: str,
    *,
    write: bool = False,
    scenario: str | None = None,
    beside_disk: bool = False,
) -> Iterator[World]:
    """Open a world, and close it at the end. To write it must be whole; a damaged one can still be
    read: see :func:`exit_code`. What a person should know is told when it is known, once; that the
    files on disk are others only where the command is not about that (``beside_disk``). Raises
    what ``World.open`` raises."""
    from aos_core.journal import JournalMissing
    from aos_core.world import World

    try:
        with _patiently(out) as progress:
            opened = World.open(
                world, branch, write=write, scenario=scenario, progress=progress, fast=True
            )
    except JournalMissing as error:
        raise _with_branches(error, world, branch) from error
    with opened:
        told = opened.notices
        for notice in told:
            out.notice(notice)
        if write and opened.trouble is not None:
            raise opened.trouble
        if write and opened.files.data_dir.parent != opened.files.root:
            out.notice(f"the journal is kept in {opened.files.data_dir}")
        if not beside_disk:
            _compare_with_disk(out, opened)
        try:
            yield opened
        except AosError:
            leave_no_trace(opened)
            raise
        finally:
            for notice in opened.notices:
                if notice not in told:
                    out.notice(notice)


def leave_no_trace(world: World) -> None:
    """Where a command was refused that has begun a branch and written nothing to it, take that
    away; where it cannot be, it stays, and is no harm."""
    if world.begun and not world.has_own:
        with suppress(AosError):
            world.withdraw()


def open_disk(world: str, *, write: bool = False) -> FileDisk:
    """Where a world keeps its branches, none of them opened. Raises :class:`UsageError` where there
    are none, :class:`ReadOnly`, :class:`DiskError`, :class:`StoreDamaged`."""
    from aos_core.disk import FileDisk

    return FileDisk(_with_journals(world).data_dir, write=write)


def _with_journals(world: str) -> WorldFiles:
    files = WorldFiles.read(find_world(world))
    folder = files.data_dir / "journal"
    if not list_branches(folder) and not list_branches(folder / "removed"):
        raise _no_journal(files)
    return files


def _no_journal(files: WorldFiles, branch: str = MAIN) -> UsageError:
    if branch == MAIN:
        text, hint = "this world has no journal yet", "`aos fire` or `aos run` begins one"
    else:
        text = f"there is no branch {branch}: this world has no journal yet"
        hint = (
            f"leave out --branch {branch}: `aos fire` begins main, `aos fork` makes others from it"
        )
    return UsageError(text, hint=hint, code="no_branch", file=files.data_dir)


PATIENCE_SECONDS = 0.3
"""So long nothing is said of what is made anew when a world is opened."""


@contextmanager
def _patiently(out: Out) -> Iterator[Callable[[str, int, int], None]]:
    """What tells of progress, once that has taken a while."""
    begun = time.monotonic()
    with out.several() as parts:

        def tell(what: str, done: int, total: int) -> None:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                parts(what, done, total)

        yield tell


def _with_branches(error: AosError, world: str, branch: str) -> AosError:
    """The error with the branches there are."""
    files = WorldFiles.read(find_world(world))
    names = list_branches(files.data_dir / "journal")
    if not names and not list_branches(files.data_dir / "journal" / "removed"):
        return _no_journal(files, branch)
    hint = f"branches: {', '.join(names) or 'none'}"
    return UsageError(error.message, hint=hint, code=error.code, **error.where)


def _compare_with_disk(out: Out, world: World) -> None:
    """A branch goes on with what it began with; say so where the files say something else."""
    try:
        changed = world.files.catalog.changed_from(world.program.catalog)
    except AosError as error:
        out.notice(f"the files on disk do not load ({error.message}); `aos check` says more")
        return
    if changed:
        out.notice(
            f"the files on disk differ from what branch {world.branch} runs: {', '.join(changed)}; "
            "it goes on with its own, and `aos verify --with-disk` compares"
        )


def exit_code(out: Out, world: World) -> int:
    """The exit code of a command that has shown what could be read, the trouble told."""
    if world.trouble is None:
        return 0
    if not out.quiet:
        out.complain(world.trouble)
    return world.trouble.exit_code


def program_of(files: WorldFiles) -> Program:
    """What a world's files say. Raises what loading them does."""
    from aos_core.kernel.program import compile_program

    return compile_program(files.catalog)


def example_event(program: Callable[[], Program], schema: str) -> str:
    """A value of an event's schema, for a hint; where there is none, what JSON looks like."""
    try:
        of = program().schemas[schema]
        value = json.dumps(of.to_host(of.zero()), ensure_ascii=False)
    except (AosError, KeyError):
        value = '{"Tag": {"field": "value"}}'
    shown = value if len(value) <= LONGEST_EXAMPLE else f"{value[:LONGEST_EXAMPLE]}..."
    return f"{shown}; text needs quotes of its own: '\"a\"'"


LONGEST_EXAMPLE = 300
"""Characters of an example in a hint."""


def read_json(text: str, what: str, example: Callable[[], str]) -> Any:
    """Host JSON from an argument or a line of input. Raises :class:`UsageError`."""
    try:
        return _decode(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{what} is no JSON: {error}",
            hint=f"for example {example()}",
            code="bad_json",
        ) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode
"""As ``json.loads``, which makes such an object at every call."""
