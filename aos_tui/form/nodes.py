"""The fields of a value: a tree that is edited, and gives host JSON.

Knows no widgets; :mod:`aos_tui.form.shape` makes it by a type. What is valid comes back as the same
value; what a field holds and does not read is a *wrong*, and stands in the draft as it was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aos_core.air.misfit import Misfit
from aos_tui.form import leaf

SHOWN_ROWS = 100
"""So many rows of a list a form shows; the others are kept as they are."""

Wrongs = Iterator[tuple["Node", str, str]]
"""(the node, its path, what is wrong with it)"""


class Node:
    """A part of a value."""

    def draft(self) -> Any:
        """Host JSON as it stands; what does not read is the text that was typed."""
        raise NotImplementedError

    def wrongs(self, path: str = "$") -> Wrongs:
        """Every part that does not read, in order."""
        return iter(())


@dataclass(eq=False)
class Leaf(Node):
    """A primitive as text in one of its notations."""

    kind: str
    notation: str
    text: str

    def draft(self) -> Any:
        try:
            return leaf.read(self.kind, self.text, self.notation)
        except Misfit:
            return self.text

    def wrongs(self, path: str = "$") -> Wrongs:
        try:
            leaf.read(self.kind, self.text, self.notation)
        except Misfit as misfit:
            yield self, path, misfit.message

    def renote(self) -> None:
        """Go on to the next notation that this value has. Raises :class:`Misfit` for none."""
        known = leaf.notations(self.kind)
        at = known.index(self.notation)
        others = [*known[at + 1 :], *known[:at]]
        failed = Misfit(f"a {self.kind} has one notation")
        for new in others:
            try:
                self.text = leaf.rewrite(self.kind, self.text, self.notation, new)
            except Misfit as misfit:
                failed = misfit
            else:
                self.notation = new
                return
        raise failed


@dataclass(eq=False)
class Flag(Node):
    """A bool."""

    on: bool

    def draft(self) -> Any:
        return self.on


class Nothing(Node):
    """A unit."""

    def draft(self) -> Any:
        return None


@dataclass(eq=False)
class Group(Node):
    """A record. Members that its type does not name are fields too where they are text, numbers or
    bools; ``extra`` are the others, kept as they are."""

    fields: dict[str, Node]
    extra: dict[str, Any] = field(default_factory=dict)

    def draft(self) -> Any:
        shown = {
            name: node.draft()
            for name, node in self.fields.items()
            if not (isinstance(node, Maybe) and node.left_out and node.item is None)
        }
        return shown | self.extra

    def wrongs(self, path: str = "$") -> Wrongs:
        for name, node in self.fields.items():
            yield from node.wrongs(f"{path}.{name}")


@dataclass(eq=False)
class Choice(Node):
    """A variant: the chosen tag, and what belongs to it; an arm that was left keeps its values.

    ``arms``: by tag, what makes the fields of one that is newly chosen; none for a unit."""

    arms: Mapping[str, Callable[[], Node | None]]
    tag: str | None
    payload: Node | None
    _left: dict[str, Node | None] = field(default_factory=dict)

    def choose(self, tag: str) -> None:
        """Go over to another arm."""
        if tag == self.tag:
            return
        if self.tag is not None:
            self._left[self.tag] = self.payload
        self.tag = tag
        self.payload = self._left[tag] if tag in self._left else self.arms[tag]()

    def draft(self) -> Any:
        if self.tag is None or self.payload is None:
            return self.tag
        value = self.payload.draft()
        return {"$tag": self.tag, "$value": value} if self.tag == "$tag" else {self.tag: value}

    def wrongs(self, path: str = "$") -> Wrongs:
        if self.tag is None:
            yield self, path, "a variant without arms has no value"
        elif self.payload is not None:
            yield from self.payload.wrongs(f"{path}.{self.tag}")


@dataclass(eq=False)
class Maybe(Node):
    """An option, or (``left_out``) a field that may be missing; None: nothing is there.

    ``of``: the type of what may be there, as AIR JSON; ``make`` makes its fields."""

    of: Any
    make: Callable[[], Node]
    item: Node | None
    left_out: bool = False
    _left: Node | None = None

    def put(self, there: bool) -> None:
        """Whether something is there; what was comes back."""
        if there and self.item is None:
            self.item = self._left or self.make()
        elif not there:
            self._left, self.item = self.item, None

    def draft(self) -> Any:
        return None if self.item is None else self.item.draft()

    def wrongs(self, path: str = "$") -> Wrongs:
        if self.item is not None:
            yield from self.item.wrongs(path)


@dataclass(eq=False)
class Rows(Node):
    """A list or a set; ``make`` makes another item."""

    make: Callable[[], Node]
    items: list[Node]
    is_set: bool = False

    def add(self) -> None:
        """Another item at the end."""
        self.items.append(self.make())

    def draft(self) -> Any:
        return [item.draft() for item in self.items]

    def wrongs(self, path: str = "$") -> Wrongs:
        for at, item in enumerate(self.items):
            yield from item.wrongs(f"{path}.{at}")


@dataclass(eq=False)
class Pairs(Node):
    """A map: its keys and values, in the order in which they are shown; ``make`` makes another."""

    make: Callable[[], tuple[Leaf, Node]]
    items: list[tuple[Leaf, Node]]

    def add(self) -> None:
        """Another entry at the end."""
        self.items.append(self.make())

    def draft(self) -> Any:
        """A key that stands twice is no mistake yet: pairs keep what would fall together."""
        pairs = [(str(key.draft()), of.draft()) for key, of in self.items]
        found = dict(pairs)
        return found if len(found) == len(pairs) else [list(of) for of in pairs]

    def wrongs(self, path: str = "$") -> Wrongs:
        seen: set[Any] = set()
        for key, of in self.items:
            found = list(key.wrongs(f"{path} (a key)"))
            yield from found
            named = key.draft()
            if not found and named in seen:
                yield key, f"{path}.{named}", "this key stands here twice"
            seen.add(named)
            yield from of.wrongs(f"{path}.{named}")


def size(node: Node) -> int:
    """How many parts a value has that a form shows."""
    inner: list[Node] = []
    match node:
        case Group():
            inner = list(node.fields.values())
        case Choice() if node.payload is not None:
            inner = [node.payload]
        case Maybe() if node.item is not None:
            inner = [node.item]
        case Rows():
            inner = node.items[:SHOWN_ROWS]
        case Pairs():
            inner = [of for _, of in node.items[:SHOWN_ROWS]]
    return 1 + sum(map(size, inner))
