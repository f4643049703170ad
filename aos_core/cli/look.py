"""``state``, ``journal``, ``record``, ``plan``: what a branch holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.branches import list_branches
from aos_core.cli import completion
from aos_core.cli.opening import exit_code, open_world, read_json
from aos_core.cli.options import HERE, At, Branch, GivenWorld, OptionalWorld, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError, ValueRejected
from aos_core.plain import escaped

if TYPE_CHECKING:
    from aos_core.view import PlanView, StepView, View
    from aos_core.world import World

commands = typer.Typer()

Reducer = Annotated[
    str | None,
    typer.Argument(
        metavar="REDUCER",
        help="One reducer.",
        show_default=False,
        autocompletion=completion.reducers,
    ),
]
Key = Annotated[
    str | None,
    typer.Argument(metavar="KEY", help="One cell of a keyed reducer.", show_default=False),
]


@command(commands, "state")
def state(
    out: Out,
    world: OptionalWorld = HERE,
    reducer: Reducer = None,
    key: Key = None,
    at: At = None,
    branch: Branch = "main",
) -> int:
    """Decoded state of all reducers or one."""
    with open_world(out, world, branch) as opened:
        view = opened.at(opened.height if at is None else at)
        if reducer is None:
            value = view.states()
        else:
            value = view.state(reducer) if key is None else _cell(view, reducer, key)
        for warning in opened.state_warnings():
            out.notice(warning)
        if out.json:
            out.document(value)
        else:
            out.text(escaped(json.dumps(value, ensure_ascii=False, indent=2)))
        return exit_code(out, opened)


def _cell(view: View, reducer: str, text: str) -> Any:
    """The state of one cell; its key as text or as JSON, whichever its schema takes."""
    cells = view.state(reducer)
    if view.program.modules[reducer].key_schema is None:
        raise UsageError(f"{reducer} is not keyed: it has one state", hint="leave the key out")
    try:
        value = view.state(reducer, text)
    except ValueRejected:
        value = view.state(reducer, read_json(text, "the key", lambda: "'\"a\"', or 7"))
    if value is None:
        known = ", ".join(cells) or "none"
        raise UsageError(f"{reducer} has no cell {text!r}", hint=f"keys: {known}", code="no_cell")
    return value


From = Annotated[int, typer.Option("--from", metavar="H", min=0, help="First height.")]
To = Annotated[
    int | None, typer.Option("--to", metavar="H", help="Last height.", show_default=False)
]
FilterText = Annotated[
    str,
    typer.Option(
        "--filter",
        metavar="F",
        help="Such as 'kind:receipt schema:Agg* after:100 before:200 text:alpha'.",
        show_default=False,
    ),
]


Follow = Annotated[
    bool, typer.Option("--follow", help="Go on with what is added, until interrupted or --to.")
]
POLL_SECONDS = 0.1
"""How often a journal that is followed is looked at: one call of the system, if nothing is new."""


@command(commands, "journal")
def journal(
    out: Out,
    world: OptionalWorld = HERE,
    first: From = 0,
    last: To = None,
    filter: FilterText = "",
    follow: Follow = False,
    branch: Branch = "main",
) -> int:
    """The records, one a line."""
    while True:
        with open_world(out, world, branch) as opened:
            code = _tell(out, opened, filter, first, last, follow)
            journals = opened.files.data_dir / "journal"
        if code is not None:
            return code
        out.notice(f"branch {branch} was renamed or deleted: waiting for another one")
        while branch not in list_branches(journals):
            time.sleep(POLL_SECONDS)


def _tell(
    out: Out, world: World, filter: str, first: int, last: int | None, follow: bool
) -> int | None:
    """Show the records and, where they are to be followed, those that come; the exit code, or None
    where the name that was asked for is free, or another journal's."""
    from aos_core.filters import parse_filter

    shown, tell, branch = parse_filter(filter), _teller(out, world), world.branch
    begin, told = first, False
    while True:
        end = world.height if last is None else min(last, world.height)
        for height in shown.heights(world.history, begin, end):
            tell(height)
            told = True
        begin = max(begin, end + 1)
        if not follow or world.trouble is not None or end == last:
            if not told and not out.json:
                out.notice(f"no record fits {filter!r}" if filter else "no record is there")
            return exit_code(out, world)
        if world.branch != branch:  # what came until that was seen is told; more may come for ever
            return None
        while not world.refresh():
            if world.gone or world.branch != branch:
                return None
            time.sleep(POLL_SECONDS)


def _teller(out: Out, world: World) -> Callable[[int], None]:
    """Shows the record of a height, on one line."""
    from aos_core.present import RecordReader
    from aos_core.story import Teller

    if out.json:
        reader = RecordReader(world)
        return lambda height: out.line(reader.to_json(height))
    teller = Teller(world)
    return lambda height: out.text(teller.line(height))


Height = Annotated[int, typer.Argument(metavar="H", help="The record's height.", min=0)]


@command(commands, "record")
def record(out: Out, world: GivenWorld, height: Height, branch: Branch = "main") -> int:
    """One record, whole."""
    from aos_core.present import RecordReader
    from aos_core.story import Teller

    with open_world(out, world, branch) as opened:
        if height > opened.height:
            raise UsageError(f"there is no height {height}: the last is {opened.height}")
        whole = RecordReader(opened).to_json(height)
        if out.json:
            out.document(whole)
        else:
            first, last = opened.turn_bounds(height)
            out.text(Teller(opened).line(height))
            out.text(f"in the turn of {first}..{last}")
            out.text(escaped(json.dumps(whole, ensure_ascii=False, indent=2)))
        return exit_code(out, opened)


Number = Annotated[
    str | None,
    typer.Argument(metavar="#N", help="One instance: its number.", show_default=False),
]


@command(commands, "plan")
def plan(
    out: Out,
    world: OptionalWorld = HERE,
    number: Number = None,
    at: At = None,
    branch: Branch = "main",
) -> int:
    """Plan instances, or one with every step."""
    with open_world(out, world, branch) as opened:
        view = opened.at(opened.height if at is None else at)
        if number is None:
            _show_plans(out, view)
        else:
            _show_plan(out, view.plan(_number(number)))
        return exit_code(out, opened)


def _number(text: str) -> int:
    found = re.fullmatch(r"#?([0-9]+)", text)
    if found is None:
        raise UsageError(f"{text!r} is no number of a plan instance", hint="such as 0, or '#0'")
    return int(found[1])


def _show_plans(out: Out, view: View) -> None:
    plans = view.plans()
    if out.json:
        out.document([of.to_json() for of in plans])
        return
    for of in plans:
        waiting = ", ".join(view.plan(of.number).waiting)
        out.text(_headline(of) + (f", waits in {waiting}" if waiting else ""))
    if not plans:
        out.text("no plan has started")


def _headline(of: PlanView) -> str:
    from aos_core.plain import short_name

    when = f"since {of.started}" if of.ended is None else f"{of.started}..{of.ended}"
    why = "" if of.error is None else f": {of.error}{f', {of.text}' if of.text else ''}"
    return f"#{of.number} {short_name(of.plan)}  {of.status}  {when}{why}"


_SIGNS = {
    "pending": ("·", "dim"),
    "waiting": ("◷", "yellow"),
    "done": ("✓", "green"),
    "skipped": ("-", "dim"),
    "failed": ("✗", "red"),
}


def _show_plan(out: Out, found: PlanView) -> None:
    if out.json:
        out.document({**found.to_json(), "steps": [step.to_json() for step in found.steps]})
        return
    out.text(_headline(found))
    width = max((len(step.id) for step in found.steps), default=0)
    for step in found.steps:
        _show_step(out, step, width)


def _show_step(out: Out, step: StepView, width: int) -> None:
    from rich.text import Text

    from aos_core.plain import clip
    from aos_core.words import plainly

    sign, style = _SIGNS[step.state]
    height = "" if step.height is None else str(step.height)
    line = f" {height:>5} {step.id:<{width}}  {step.op:<13}  {step.state:<7}"
    said = ""
    if step.error is not None:
        said = f"{step.error['code']}: {step.error['text']}"
    elif step.has_value:
        said = plainly(step.value, 400)
    room = max(20, out.console.width - len(line) - 3)
    out.print(Text.assemble((sign, style), f"{line}  {clip(said, room)}".rstrip()))
