"""The fields of a value by its type: a tree that takes host JSON, is edited, and gives it back.

Knows no widgets. A type is AIR JSON; a reference in it is followed when its value is made, so types
may refer to themselves. What is valid comes back as the same value; what a field holds and does not
read is a *wrong*, and stands in the draft as it was typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aos_core import canon
from aos_core.air.misfit import Misfit
from aos_tui.form import leaf

DEEPEST = 128
"""A value nested deeper than that has no end."""

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
    """A variant: the chosen tag, and what belongs to it; an arm that was left keeps its values."""

    shape: Shape
    arms: Mapping[str, Any]
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
        self.payload = self._left[tag] if tag in self._left else self.shape.of_arm(self.arms[tag])

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
    """An option, or (``left_out``) a field that may be missing; None: nothing is there."""

    shape: Shape
    of: Any
    item: Node | None
    left_out: bool = False
    _left: Node | None = None

    def put(self, there: bool) -> None:
        """Whether something is there; what was comes back."""
        if there and self.item is None:
            self.item = self._left or self.shape.zero(self.of)
        elif not there:
            self._left, self.item = self.item, None

    def draft(self) -> Any:
        return None if self.item is None else self.item.draft()

    def wrongs(self, path: str = "$") -> Wrongs:
        if self.item is not None:
            yield from self.item.wrongs(path)


@dataclass(eq=False)
class Rows(Node):
    """A list or a set."""

    shape: Shape
    of: Any
    items: list[Node]
    is_set: bool = False

    def add(self) -> None:
        """Another item at the end."""
        self.items.append(self.shape.zero(self.of))

    def draft(self) -> Any:
        return [item.draft() for item in self.items]

    def wrongs(self, path: str = "$") -> Wrongs:
        for at, item in enumerate(self.items):
            yield from item.wrongs(f"{path}.{at}")


@dataclass(eq=False)
class Pairs(Node):
    """A map: its keys and values, in the order in which they are shown."""

    shape: Shape
    key: str
    of: Any
    items: list[tuple[Leaf, Node]]

    def add(self) -> None:
        """Another entry at the end."""
        self.items.append((self.shape.leaf(self.key), self.shape.zero(self.of)))

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


_ZEROES = {
    "text": "",
    "bytes": "",
    "hash": "sha256:" + "0" * 64,
    "uuid": "00000000-0000-0000-0000-000000000000",
    "dec128": "0",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What types are made into. ``types`` are those that references name; ``open``: records keep
    members that they do not name, and may lack some that they do (receipts of plans)."""

    types: Mapping[str, Any] = field(default_factory=dict)
    open: bool = False

    def load(self, of: Any, value: Any, depth: int = 0) -> Node:
        """The fields of a value (host JSON). Raises :class:`Misfit`, with the path, where it has
        another shape than the type; a scalar of another kind is a wrong in its field."""
        kind, inner = self._open(of, depth)
        match kind:
            case "record":
                return self._group(inner, value, depth)
            case "variant":
                return self._choice(inner, value, depth)
            case "option":
                none = value is None
                return Maybe(self, inner, None if none else self.load(inner, value, depth + 1))
            case "list" | "set":
                return Rows(self, inner, self._items(kind, inner, value, depth), kind == "set")
            case "map":
                name = kind_of(inner["key"])[0]
                return Pairs(self, name, inner["value"], self._pairs(name, inner, value, depth))
            case "unit":
                return Nothing()
            case "bool":
                if not (isinstance(value, bool) or value in ("true", "false")):
                    raise _misfit("bool", value)
                return Flag(value in (True, "true"))
        return Leaf(kind, *leaf.write(kind, value))

    def zero(self, of: Any, depth: int = 0) -> Node:
        """The fields of the smallest value. Raises :class:`Misfit` for a type that has none."""
        kind, inner = self._open(of, depth)
        match kind:
            case "record":
                return Group({name: self.zero(part, depth + 1) for name, part in inner.items()})
            case "variant":
                tag = _least(inner)
                payload = None if tag is None else self.of_arm(inner[tag], depth + 1)
                return Choice(self, inner, tag, payload)
            case "option":
                return Maybe(self, inner, None)
            case "list" | "set":
                return Rows(self, inner, [], kind == "set")
            case "map":
                return Pairs(self, kind_of(inner["key"])[0], inner["value"], [])
            case "unit":
                return Nothing()
            case "bool":
                return Flag(False)
        return self.leaf(kind)

    def of_arm(self, of: Any, depth: int = 0) -> Node | None:
        """What belongs to a newly chosen tag: nothing to a unit."""
        return None if self._open(of, depth)[0] == "unit" else self.zero(of, depth)

    def leaf(self, kind: str) -> Leaf:
        """The smallest value of a primitive."""
        return Leaf(kind, *leaf.write(kind, _ZEROES.get(kind, 0)))

    def _open(self, of: Any, depth: int) -> tuple[str, Any]:
        """(kind, what belongs to it), references followed."""
        kind, inner = kind_of(of)
        for _ in range(DEEPEST):
            if kind != "ref":
                break
            if inner not in self.types:
                raise Misfit(f"there is no schema {inner}")
            kind, inner = kind_of(self.types[inner])
        if kind == "ref" or depth > DEEPEST:
            raise Misfit("nested too deep: the type refers to itself without an end")
        return kind, inner

    def _group(self, fields: Mapping[str, Any], value: Any, depth: int) -> Group:
        if not isinstance(value, dict):
            raise _misfit("record", value)
        extra = {name: of for name, of in value.items() if name not in fields}
        if extra and not self.open:
            known = ", ".join(fields) or "none"
            raise Misfit(f"unknown field {next(iter(extra))!r}; known: {known}")
        made: dict[str, Node] = {}
        for name, of in fields.items():
            try:
                made[name] = self._field(of, name, value, depth + 1)
            except Misfit as misfit:
                raise misfit.inside(name) from None
        untyped = {name: node for name, of in extra.items() if (node := _untyped(of)) is not None}
        return Group(made | untyped, {name: extra[name] for name in extra if name not in untyped})

    def _field(self, of: Any, name: str, members: Mapping[str, Any], depth: int) -> Node:
        if name in members:
            return self.load(of, members[name], depth)
        if self._open(of, depth)[0] == "option":
            return self.load(of, None, depth)
        if self.open:
            return Maybe(self, of, None, left_out=True)
        raise Misfit("field is missing")

    def _choice(self, arms: Mapping[str, Any], value: Any, depth: int) -> Choice:
        payload = None
        match value:
            case str():
                tag, bare = value, True
            case {"$tag": tag, **rest}:
                bare, payload = "$value" not in rest, rest.get("$value")
            case dict() if len(value) == 1:
                ((tag, payload),) = value.items()
                bare = False
            case _:
                raise _misfit(f"one tag of {', '.join(arms)}", value)
        if not isinstance(tag, str) or tag not in arms:
            raise Misfit(f"unknown tag {tag!r}; known: {', '.join(arms)}")
        try:
            return Choice(
                self, arms, tag, None if bare else self.load(arms[tag], payload, depth + 1)
            )
        except Misfit as misfit:
            raise misfit.inside(tag) from None

    def _items(self, kind: str, of: Any, value: Any, depth: int) -> list[Node]:
        if not isinstance(value, list):
            raise _misfit(kind, value)
        made: list[Node] = []
        try:
            made.extend(self.load(of, item, depth + 1) for item in value)
        except Misfit as misfit:
            raise misfit.inside(str(len(made))) from None
        return made

    def _pairs(self, key: str, of: Any, value: Any, depth: int) -> list[tuple[Leaf, Node]]:
        pairs = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, list) or not all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs
        ):
            raise _misfit("map", value)
        made = []
        for name, item in pairs:
            try:
                made.append(
                    (Leaf(key, *leaf.write(key, name)), self.load(of["value"], item, depth + 1))
                )
            except Misfit as misfit:
                raise misfit.inside(str(name)) from None
        return made


def _untyped(value: Any) -> Node | None:
    """The field of a value without a type, where a field can hold it."""
    if isinstance(value, bool):
        return Flag(value)
    if isinstance(value, str):
        return Leaf("text", *leaf.write("text", value))
    if isinstance(value, int) and canon.INT_MIN <= value <= canon.INT_MAX:
        return Leaf("int", "int", str(value))
    return None


_COMPOSITE = ("record", "variant", "list", "set", "map", "option", "ref")


def kind_of(of: Any) -> tuple[str, Any]:
    """(kind, what belongs to it) of a type as AIR JSON."""
    for kind in _COMPOSITE:
        if kind in of:
            return kind, of[kind]
    return next(name for name in of if not name.startswith("$")), None


def _least(arms: Mapping[str, Any]) -> str | None:
    """The tag to begin with: one of a unit, else one that does not hold its own type again."""
    ranked = sorted(arms, key=lambda tag: (kind_of(arms[tag])[0] != "unit", _recurs(arms[tag])))
    return ranked[0] if ranked else None


def _recurs(of: Any) -> bool:
    """Whether every value of a type holds one of a type that is referred to."""
    kind, inner = kind_of(of)
    if kind == "record":
        return any(map(_recurs, inner.values()))
    if kind == "variant":
        return all(map(_recurs, inner.values()))
    return kind == "ref"


def _misfit(expected: str, value: Any) -> Misfit:
    names = {bool: "a bool", int: "an integer", str: "text", list: "a list", dict: "an object"}
    got = "null" if value is None else names.get(type(value), "another number")
    return Misfit(f"expected {expected}, got {got}")
