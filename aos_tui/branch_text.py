"""The branches of a world as a small graph: plain functions from branches to lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aos_core.plain import clip
from aos_tui.branch_names import is_made
from aos_tui.chips import chip
from aos_tui.formatting import Piece

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.branching import BranchLine

WIDEST: Final = 30
"""So many cells a branch's place in the tree and its name take at most."""

MOST_MADE: Final = 4
"""So many branches that undo and the like have named are shown; where there are more, none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list; ``branch`` None: it says how many are not shown: ``hidden``, which undo
    and F have named, and ``deleted``."""

    branch: BranchLine | None
    tree: str = ""
    hidden: int = 0
    deleted: int = 0


def arranged(branches: Sequence[BranchLine], glyphs: Glyphs, *, whole: bool) -> list[Row]:
    """Every branch below the one it was forked from, by the height of the fork; those that can be
    brought back at the end. Unless ``whole``, those are left out, and branches that undo has named
    where they are many, but for the one that is open and those that lead to one that is shown."""
    kept = [of for of in branches if not of.removed]
    hidden = set() if whole else _hidden(kept)
    shown = [of for of in kept if of.name not in hidden]
    names = {of.name for of in shown}
    children: dict[str | None, list[BranchLine]] = {}
    for of in sorted(shown, key=lambda of: (of.fork or 0, of.name)):
        is_child = of.parent in names and of.parent != of.name
        children.setdefault(of.parent if is_child else None, []).append(of)
    roots = sorted(children.get(None, ()), key=lambda of: shown.index(of), reverse=True)
    rows: list[Row] = []
    left = [(of, "", "") for of in roots]  # the next one is the last: undo makes long chains
    while left:
        of, tree, below = left.pop()
        rows.append(Row(of, tree))
        for at, child in enumerate(reversed(children.get(of.name, ()))):
            tee = glyphs.tree[0] if at else glyphs.tree[2]
            left.append((child, below + tee, below + (glyphs.tree[1] if at else "  ")))
    removed = [of for of in branches if of.removed]
    if whole:
        return [*rows, *map(Row, removed)]
    if hidden or removed:
        rows.append(Row(None, hidden=len(hidden), deleted=len(removed)))
    return rows


def lineage_of_present(branches: Sequence[BranchLine]) -> set[str]:
    """The branch that is open and those that it goes on from: none of them can be deleted."""
    parents = {of.name: of.parent for of in branches if not of.removed}
    at = next((of.name for of in branches if of.present), None)
    found: set[str] = set()
    while at is not None and at not in found:
        found.add(at)
        at = parents.get(at)
    return found


def _hidden(branches: Sequence[BranchLine]) -> set[str]:
    made = {of.name for of in branches if is_made(of.name, of.fork) and not of.present}
    if len(made) <= MOST_MADE:
        return set()
    parents = {of.name: of.parent for of in branches}
    for of in branches:
        if of.name in made:
            continue
        above = of.parent
        while above is not None and above in made:  # it leads to one that is shown
            made.discard(above)
            above = parents.get(above)
    return made


def branch_lines(
    rows: Sequence[Row], glyphs: Glyphs, selected: Collection[str] = ()
) -> list[list[Piece]]:
    """The rows as text, those of ``selected`` branches marked. A chip has the role ``chip`` with
    the number of its hue."""
    found = [row.branch for row in rows if row.branch is not None]
    roots = Counter(of.root for of in found if of.root)
    names = [len(row.tree) + len(row.branch.name) for row in rows if row.branch is not None]
    width = min(WIDEST, max(names, default=0))
    digits = max((len(str(of.height)) for of in found), default=1)
    forks = max((len(str(of.fork)) + 1 for of in found if of.fork is not None), default=0)
    return [
        [(f"  {_left_out(row)}: s shows all", "dim")]
        if row.branch is None
        else [
            _sign(row.branch, selected, glyphs),
            *_line(row, row.branch, width, digits, forks, roots[row.branch.root] > 1, glyphs),
        ]
        for row in rows
    ]


def _left_out(row: Row) -> str:
    parts = []
    if row.hidden:
        parts.append(f"{row.hidden} more that undo and F have named")
    if row.deleted:
        parts.append(f"{row.deleted} deleted")
    return " and ".join(parts)


def _sign(of: BranchLine, selected: Collection[str], glyphs: Glyphs) -> Piece:
    if of.name in selected and not of.removed:
        return f"{glyphs.done} ", "input"
    return f"{glyphs.chosen} " if of.present else "  ", "input"


def _line(
    row: Row, of: BranchLine, width: int, digits: int, forks: int, same: bool, glyphs: Glyphs
) -> list[Piece]:
    name = clip(of.name, max(4, width - len(row.tree)))
    role = "name" if of.present else "dim" if of.removed or is_made(of.name, of.fork) else ""
    pieces: list[Piece] = [
        (row.tree, "dim"),
        (name, role),
        (" " * max(1, width - len(row.tree) - len(name) + 1), ""),
    ]
    if of.problem is not None:
        return [*pieces, (f"{glyphs.failed} {of.problem}", "bad")]
    fork = "" if of.fork is None else f"@{of.fork}"
    pieces += [
        (f"{fork:<{forks}} ", "dim"),
        (f"h {of.height:>{digits}} ", ""),
        chip(of.root),
        (" = " if same else "   ", "good"),
        (f"{glyphs.done} " if of.proven else "  ", "good"),
    ]
    if of.damage is not None:
        return [*pieces, (f"{glyphs.failed} {of.damage}", "bad")]
    if of.removed:
        return [*pieces, ("deleted: enter brings it back", "wait")]
    since = "nothing has happened here yet" if of.fork is None else "nothing since it was forked"
    return [*pieces, (glyphs.said(of.input or since), "dim")]
