"""``why`` and ``diff``: how a record came about, and what makes two histories differ."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.cli import completion
from aos_core.cli.opening import exit_code, open_world
from aos_core.cli.options import Branch, GivenWorld, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError

if TYPE_CHECKING:
    from aos_core.causes import Link
    from aos_core.diff import Change
    from aos_core.world import World

commands = typer.Typer()

Height = Annotated[int, typer.Argument(metavar="H", help="The record's height.", min=0)]
Depth = Annotated[
    int | None,
    typer.Option(
        "--depth", metavar="N", help="Effects so many steps away.", min=0, show_default=False
    ),
]


@command(commands, "why")
def why(
    out: Out, world: GivenWorld, height: Height, depth: Depth = None, branch: Branch = "main"
) -> int:
    """What led to a record, and what it led to.

    Causes up to the inputs that began it, across turns: a receipt comes from the intent that it
    answers, a plan step from the steps that it comes after, all of them. Effects to the end, or so
    many steps deep.
    """
    from aos_core.causes import causes, effects
    from aos_core.present import RecordReader

    with open_world(out, world, branch) as opened:
        if height > opened.height:
            raise UsageError(f"there is no height {height}: the last is {opened.height}")
        above = causes(opened, height)
        below = effects(opened, height, depth)
        if out.json:
            reader = RecordReader(opened)

            def plain(links: Sequence[Link]) -> list[dict[str, Any]]:
                return [{**reader.to_json(of.height), "depth": of.depth} for of in links]

            out.document({"causes": plain(above.once[::-1]), "effects": plain(below.once)})
        else:
            _show_tree(out, opened, height, above.links, below.links)
        if not above.whole:
            out.notice(f"not all: {len(above.links)} causes are shown")
        if not below.whole:
            out.notice(f"not all: {len(below.links)} effects are shown")
        return exit_code(out, opened)


def _show_tree(
    out: Out, world: World, height: int, above: Sequence[Link], below: Sequence[Link]
) -> None:
    """The causes from their beginnings down to the record, which is marked, then its effects: each
    further to the right than what led to it."""
    from rich.text import Text

    from aos_core.story import Teller

    teller, own = Teller(world), max((of.depth for of in above), default=0)
    lines = [(of.height, own - of.depth, of.again) for of in above]
    lines += [(height, own, False), *((of.height, own + of.depth, of.again) for of in below)]
    for at, depth, again in lines:
        told = "see above" if again else f"{world.records[at].kind}  {teller.words(at)}"
        out.line_of_text(Text(f"{at:>5} {'  ' * depth}{told}", "bold" if at == height else ""))


Side = Annotated[
    str,
    typer.Argument(
        metavar="BRANCH[@H]",
        help="A branch, or a height of one.",
        show_default=False,
        autocompletion=completion.branches,
    ),
]


@command(commands, "diff")
def diff(out: Out, world: GivenWorld, before: Side, after: Side) -> int:
    """What differs between two branches or heights.

    Of the state: cells field by field, live plans, what is pending, the manifest. It costs what
    differs, not what there is.
    """
    from aos_core.diff import diff_states

    sides = [_side(before), _side(after)]
    with ExitStack() as closing:
        opened = {
            name: closing.enter_context(open_world(out, world, name))
            for name in dict.fromkeys(name for name, _ in sides)
        }
        views = [
            opened[name].at(opened[name].height if height is None else height)
            for name, height in sides
        ]
        found = diff_states(*views)
        if out.json:
            out.document([of.to_json() for of in found])
        else:
            _show_changes(out, list(found))
        return max(exit_code(out, of) for of in opened.values())


def _side(text: str) -> tuple[str, int | None]:
    name, at, height = text.partition("@")
    if at and not (height.isascii() and height.isdecimal()):
        raise UsageError(f"{height!r} is no height", hint="such as main, or main@17")
    return name, int(height) if at else None


def _show_changes(out: Out, found: Sequence[Change]) -> None:
    from rich.text import Text

    from aos_core.present import NOTHING
    from aos_core.words import plainly

    for of in found:
        out.text(of.path)
        for sign, style, value in (("-", "red", of.before), ("+", "green", of.after)):
            if value is not NOTHING:
                out.line_of_text(Text(f"  {sign} {plainly(value, 400)}", style))
    if not found:
        out.text("no difference")
