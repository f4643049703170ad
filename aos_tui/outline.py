"""The rows of the state's tree: a row is made when it is asked for.

A node knows how many rows are below it, and which of its parts are unfolded; so 100,000 items
unfolded cost as much as ten, and only what is looked at is ever walked.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_core.air.parts import Part
    from aos_tui.snapshot import Held

Path = tuple[Any, ...]
"""A reducer's name, for a keyed one the bytes of a cell's key, then the keys of parts."""

_LOOKED_AT = 200
"""So many names of a node's parts say how wide their column is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the tree. ``part`` is None for a keyed reducer, and for a cell that is not decoded
    yet. ``changed``: it was other before; ``before`` is what it was, None where it was not there.
    ``width``: of the column of names that this one stands in."""

    path: Path
    depth: int
    name: str
    width: int
    held: Held
    part: Part | None
    before: Part | None
    changed: bool
    folds: bool
    unfolded: bool

    @property
    def cell(self) -> bytes | None:
        """The key of the cell that it is, or is in; empty for a reducer without keys."""
        if not self.held.keyed:
            return b""
        return self.path[1] if len(self.path) > 1 else None


class Outline:
    """``unfolded``: by path, where it is not as it begins: reducers unfolded, all else folded."""

    def __init__(self, held: Iterable[Held], unfolded: Mapping[Path, bool]) -> None:
        inner: dict[Path, list[Path]] = {}
        for path, is_open in unfolded.items():
            if is_open and len(path) > 1:
                inner.setdefault(path[:-1], []).append(path)
        self._roots: list[_Node] = []
        self._starts: list[int] = []
        rows = 0
        for of in held:
            node = _Node((of.reducer,), of, of.now.get(b""), of.before.get(b""))
            if unfolded.get(node.path, True):
                node.unfold(inner)
            self._starts.append(rows)
            self._roots.append(node)
            rows += 1 + node.rows
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int) -> Row:
        at = bisect.bisect_right(self._starts, row) - 1
        node, row = self._roots[at], row - self._starts[at]
        while row:
            found = node.below(row - 1)
            if isinstance(found, Row):
                return found
            node, row = found
        return node.row()

    def row_of(self, path: Path) -> int | None:
        """The row of a path; of one that is not there, or folded away, of what it is in, for a
        cell that is gone of the one that is there instead. None where there is no such reducer."""
        for start, node in zip(self._starts, self._roots, strict=True):
            if node.path == path[:1]:
                return start + node.row_of(path)
        return None


class _Node:
    def __init__(self, path: Path, held: Held, part: Part | None, before: Part | None) -> None:
        self.path, self.held, self.part, self.before = path, held, part, before
        self.cells = held.keyed and len(path) == 1
        self.keys: Sequence[Any] = ()
        self.index = self.rows = self.width = self.column = 0
        self.unfolded = False
        self._open: list[_Node] = []
        self._starts: list[int] = []

    def unfold(self, inner: Mapping[Path, Collection[Path]]) -> None:
        """Show its parts; ``inner``: the unfolded ones of each node."""
        self.keys = self._keys()
        self.unfolded = bool(self.keys)
        names = self.held.names.values() if self.cells else map(str, self.keys[:_LOOKED_AT])
        self.width = min(24, max(map(len, names), default=0))
        more = 0
        for index in self._indexed(inner.get(self.path, ())):
            node = self._node(index)
            node.unfold(inner)
            if node.unfolded:
                self._starts.append(index + more)
                self._open.append(node)
                more += node.rows
        self.rows = len(self.keys) + more

    def _keys(self) -> Sequence[Any]:
        if self.cells:
            return self.held.keys
        return () if self.part is None else self.part.members()

    def _indexed(self, paths: Iterable[Path]) -> list[int]:
        found = (self._index(path[-1]) for path in paths)
        return sorted(index for index in found if index is not None)

    def _index(self, key: Any) -> int | None:
        if self.cells:
            at = bisect.bisect_left(self.keys, key)
            return at if at < len(self.keys) and self.keys[at] == key else None
        try:
            return self.keys.index(key)
        except ValueError:
            return None

    def _node(self, index: int) -> _Node:
        key = self.keys[index]
        if self.cells:
            part, before = self.held.now.get(key), self.held.before.get(key)
        else:
            assert self.part is not None
            part = self.part.part(key)
            before = None if self.before is None else self.before.part(key)
        node = _Node((*self.path, key), self.held, part, before)
        node.index, node.column = index, self.width
        return node

    def below(self, row: int) -> Row | tuple[_Node, int]:
        """The row ``row`` below it; or the unfolded node that it is in, and where there."""
        at = bisect.bisect_right(self._starts, row) - 1
        if at < 0:
            return self._leaf(row)
        node, inside = self._open[at], row - self._starts[at]
        if inside <= node.rows:
            return node, inside
        return self._leaf(node.index + inside - node.rows)

    def _leaf(self, index: int) -> Row:
        return self._node(index).row()

    def row(self) -> Row:
        """Its own row."""
        part, before = self.part, self.before
        if self.cells:
            changed, folds = bool(self.held.changed or self.held.gone), bool(self.held.keys)
        else:
            cell = self.held.keyed and len(self.path) == 2
            changed = (
                self.path[1] in self.held.changed
                if cell
                else before is None or part is None or _differ(before.value, part.value)
            )
            folds = part is not None and bool(self.keys or part.members())
        return Row(
            self.path, len(self.path) - 1, self._own_name(), self.column, self.held,
            part, before, changed, folds, self.unfolded,
        )  # fmt: skip

    def _own_name(self) -> str:
        if self.held.keyed and len(self.path) == 2:
            return self.held.names.get(self.path[1], "..")
        return str(self.path[-1])

    def row_of(self, path: Path) -> int:
        """The row of what is below it, counted from its own."""
        if len(path) <= len(self.path) or not self.unfolded:
            return 0
        key = path[len(self.path)]
        index = self._index(key)
        if index is None:
            if not self.cells:
                return 0
            index, path = min(bisect.bisect_left(self.keys, key), len(self.keys) - 1), ()
        at = bisect.bisect_left([of.index for of in self._open], index)
        row = 1 + index + sum(of.rows for of in self._open[:at])
        if path and at < len(self._open) and self._open[at].index == index:
            row += self._open[at].row_of(path)
        return row


def _differ(before: Any, now: Any) -> bool:
    return before is not now and bool(before != now)
