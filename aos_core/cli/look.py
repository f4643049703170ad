"""``state``, ``journal``, ``record``: what a branch holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.cli.opening import exit_code, open_world, read_json
from aos_core.cli.options import HERE, At, Branch, GivenWorld, OptionalWorld, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError, ValueRejected

if TYPE_CHECKING:
    from aos_core.view import View

commands = typer.Typer()

Reducer = Annotated[
    str | None, typer.Argument(metavar="[REDUCER]", help="One reducer.", show_default=False)
]
Key = Annotated[
    str | None,
    typer.Argument(metavar="[KEY]", help="One cell of a keyed reducer.", show_default=False),
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
            out.text(json.dumps(value, ensure_ascii=False, indent=2))
        return exit_code(out, opened)


def _cell(view: View, reducer: str, text: str) -> Any:
    """The state of one cell; its key as text or as JSON, whichever its schema takes."""
    cells = view.state(reducer)
    if view.program.modules[reducer].key_schema is None:
        raise UsageError(f"{reducer} is not keyed: it has one state", hint="leave the key out")
    try:
        value = view.state(reducer, text)
    except ValueRejected:
        value = view.state(reducer, read_json(text, "the key"))
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


@command(commands, "journal")
def journal(
    out: Out,
    world: OptionalWorld = HERE,
    first: From = 0,
    last: To = None,
    filter: FilterText = "",
    branch: Branch = "main",
) -> int:
    """The records, one a line."""
    from aos_core.cli.story import Teller
    from aos_core.filters import parse_filter
    from aos_core.present import RecordReader

    shown = parse_filter(filter)
    with open_world(out, world, branch) as opened:
        reader, teller = RecordReader(opened), Teller(opened)
        end = opened.height if last is None else min(last, opened.height)
        for height in range(first, end + 1):
            if not shown(height, opened.records[height]):
                continue
            if out.json:
                out.line(reader.to_json(height))
            else:
                out.text(teller.line(height))
        return exit_code(out, opened)


Height = Annotated[int, typer.Argument(metavar="H", help="The record's height.", min=0)]


@command(commands, "record")
def record(out: Out, world: GivenWorld, height: Height, branch: Branch = "main") -> int:
    """One record, whole."""
    from aos_core.cli.story import Teller
    from aos_core.present import RecordReader

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
            out.text(json.dumps(whole, ensure_ascii=False, indent=2))
        return exit_code(out, opened)
