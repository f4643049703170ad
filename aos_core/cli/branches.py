"""``fork``, ``branches``, ``rename``, ``delete``, ``restore``: what a world's histories do."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core import canon
from aos_core.cli import completion
from aos_core.cli.opening import open_disk, open_world
from aos_core.cli.options import HERE, Branch, GivenWorld, OptionalWorld, Yes, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError

if TYPE_CHECKING:
    from aos_core.branch_tree import Branch as Found
    from aos_core.branch_tree import Tree

commands = typer.Typer()

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A branch.", show_default=False, autocompletion=completion.branches
    ),
]
NewName = Annotated[
    str, typer.Argument(metavar="NAME", help="What it will be called.", show_default=False)
]
RemovedName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A deleted branch.",
        show_default=False,
        autocompletion=completion.removed_branches,
    ),
]
ForkAt = Annotated[
    int | None,
    typer.Option(
        "--at", metavar="H", help="After this height; the end, if left out.", show_default=False
    ),
]
Removed = Annotated[bool, typer.Option("--removed", help="Those that can be restored.")]


@command(commands, "fork")
def fork(
    out: Out, world: GivenWorld, name: NewName, at: ForkAt = None, branch: Branch = "main"
) -> int:
    """A new branch that goes on from a height.

    Inside a turn it starts from the beginning of that turn. It costs one small file, however long
    the history.
    """
    with open_world(out, world, branch) as opened:
        height = opened.height if at is None else at
        with opened.fork(height, name) as made:
            made_at, head = made.height, canon.hash_text(made.head)
        if at is not None and made_at != at:
            out.notice(f"{at} is inside a turn: the fork starts before it, at {made_at}")
    if out.json:
        out.document({"branch": name, "height": made_at, "head": head})
    else:
        out.text(f"{name} forked from {branch}@{made_at}, head {head}")
    return 0


@command(commands, "branches")
def branches(out: Out, world: OptionalWorld = HERE, removed: Removed = False) -> int:
    """The branches of a world.

    From their first and last frames alone: nothing is run. Exits with 3 where one cannot be read.
    """
    from aos_core.branch_tree import branch_tree

    with closing(open_disk(world)) as disk:
        tree = branch_tree(disk, removed=removed)
    if out.json:
        out.document([of.to_json() for of in tree.branches.values()])
    else:
        _show(out, tree)
    for error in tree.unreadable.values():
        out.complain(error)
    return max((error.exit_code for error in tree.unreadable.values()), default=0)


def _show(out: Out, tree: Tree) -> None:
    found = tree.branches.values()
    width = max((len(of.name) for of in found), default=0)
    for of in found:
        line = f"{of.name:<{width}}  {of.height:>7}  root {canon.hash_text(of.root)[:19]}"
        if of.parent is not None:
            line += f"  from {of.parent.branch or '(gone)'}@{of.parent.height}"
        out.text(line)
    if not found and not tree.unreadable:
        out.text("none")


@command(commands, "rename")
def rename(out: Out, world: GivenWorld, old: Name, new: NewName) -> int:
    """Give a branch another name.

    Its forks stay its forks: a parent is found by its head, never by its name.
    """
    from aos_core.branch_tree import rename_branch

    with closing(open_disk(world, write=True)) as disk:
        found = rename_branch(disk, old, new)
    if out.json:
        out.document(_document(found))
    else:
        out.text(f"{old} is {new} now")
    return 0


@command(commands, "delete")
def delete(out: Out, world: GivenWorld, name: Name, yes: Yes = False) -> int:
    """Take a branch away.

    Says what it would lose, and asks on a terminal. `aos restore` brings it back until `aos gc`.
    One that others were forked from stays.
    """
    from aos_core.branch_tree import check_deletable, delete_branch

    with closing(open_disk(world, write=True)) as disk:
        found = check_deletable(disk, name)
        loses = _loss(found)
        if not yes and not out.agrees(f"Deleting branch {loses}.\nDelete it?"):
            raise UsageError(
                f"nothing was deleted: it would take branch {loses}",
                code="not_confirmed",
                hint="--yes deletes it; `aos restore` brings it back until `aos gc`",
            )
        found = delete_branch(disk, name)
    if out.json:
        out.document({**_document(found), "records": found.records})
    else:
        out.text(f"deleted {_loss(found)}")
        out.text(f"`aos restore {world} {name}` brings it back, until `aos gc`")
    return 0


def _loss(found: Found) -> str:
    since = "" if found.parent is None else f" since its fork at {found.parent.height}"
    many = "" if found.records == 1 else "s"
    root = canon.hash_text(found.root)
    return f"{found.name}: {found.records} record{many}{since}, last root {root}"


@command(commands, "restore")
def restore(out: Out, world: GivenWorld, name: RemovedName) -> int:
    """Bring a deleted branch back.

    `aos branches --removed` lists those that can be.
    """
    from aos_core.branch_tree import restore_branch

    with closing(open_disk(world, write=True)) as disk:
        found = restore_branch(disk, name)
    if out.json:
        out.document(_document(found))
    else:
        out.text(f"{name} is back, at {found.height}")
    return 0


def _document(found: Found) -> dict[str, Any]:
    return {
        "branch": found.name,
        "height": found.height,
        "head": canon.hash_text(found.head),
        "root": canon.hash_text(found.root),
    }
