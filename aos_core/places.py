"""Where in a text a path stands: line and column of the members of JSON and TOML documents.

Parsers keep no places. They are looked for only when something is wrong, by reading the text once
more: :func:`json_places` and :func:`toml_places` give every path of a document as messages write
it (``$.steps[0].cap``; in TOML without ``$.``), and :func:`find` the place of one of them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


@dataclass(frozen=True, slots=True)
class Spot:
    """Offsets in a text, in characters from 0: of a value, and of the key that it stands under,
    for an array's item of the value too. ``token`` begins the value."""

    path: str
    key: int
    value: int
    token: str
    depth: int


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def line_of(text: str, line: int) -> str:
    """One line of a text, the first being 1; empty where there is none."""
    lines = text.split("\n", line)
    return lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else ""


def find(places: Mapping[str, Spot], path: str) -> Spot | None:
    """The place of a path; of something that is not there, the place where it belongs."""
    while path:
        if path in places:
            return places[path]
        path = path[: max(path.rfind("."), path.rfind("["))] if set(path) & set(".[") else ""
    return places.get(path)


# -- JSON -------------------------------------------------------------------------------------

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+)')


@dataclass(slots=True)
class _Open:
    """A container that is being read; ``index`` of an array's next item, -1 in an object."""

    path: str
    index: int
    key: str = ""
    at: int = 0


def json_spots(text: str) -> Iterator[Spot]:
    """Every value of a JSON document in its order, of members with one key each of them.

    Meant for text that a parser took, or refused for what it means: ends where that is no JSON.
    """
    stack: list[_Open] = []
    is_key = False
    for found in _TOKEN.finditer(text):
        token, at = found[1], found.start(1)
        if token in "}]":
            if not stack:
                return
            stack.pop()
            is_key = False
        elif token == ",":
            is_key = bool(stack) and stack[-1].index < 0
        elif token == ":":
            is_key = False
        elif is_key:
            stack[-1].key, stack[-1].at = _text(token), at
        else:
            path, key = _next_path(stack, at)
            yield Spot(path, key, at, token, len(stack))
            if token in "{[":
                stack.append(_Open(path, 0 if token == "[" else -1))
                is_key = token == "{"


def _next_path(stack: list[_Open], at: int) -> tuple[str, int]:
    """(path, offset of the key) of the value that stands at ``at``."""
    if not stack:
        return "$", at
    inside = stack[-1]
    if inside.index < 0:
        return f"{inside.path}.{inside.key}", inside.at
    inside.index += 1
    return f"{inside.path}[{inside.index - 1}]", at


def _text(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token


def json_places(text: str) -> dict[str, Spot]:
    """The place of every value of a JSON document, by path."""
    return {spot.path: spot for spot in json_spots(text)}


# -- TOML -------------------------------------------------------------------------------------


@cache
def _parser() -> Parser:
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_toml.language()))


def toml_places(text: str) -> dict[str, Spot]:
    """The place of every value and table of a TOML document, by path."""
    return {spot.path: spot for spot in _Toml(text).spots()}


class _Toml:
    """Reads a document; ``last`` has the index of the last table of each array of tables."""

    def __init__(self, text: str) -> None:
        self.data = text.encode(errors="replace")
        self.last: dict[str, int] = {}

    def spots(self) -> Iterator[Spot]:
        root = _parser().parse(self.data).root_node
        yield self._spot("", root, root)
        for node in root.named_children:
            if node.type == "pair":
                yield from self._pair("", node)
            elif node.type in ("table", "table_array_element"):
                yield from self._table(node)

    def _table(self, node: Node) -> Iterator[Spot]:
        head, *members = node.named_children
        *parents, name = self._key(head)
        path = ""
        for part in parents:
            path = _join(path, part)
            path = f"{path}[{self.last[path]}]" if path in self.last else path
        path = _join(path, name)
        if node.type == "table_array_element":
            self.last[path] = self.last.get(path, -1) + 1
            path = f"{path}[{self.last[path]}]"
        yield self._spot(path, head, head)
        for member in members:
            if member.type == "pair":
                yield from self._pair(path, member)

    def _pair(self, path: str, node: Node) -> Iterator[Spot]:
        key, value = node.named_children[:2]  # a comment may follow
        for part in self._key(key):
            path = _join(path, part)
            yield self._spot(path, key, value)
        yield from self._inside(path, value)

    def _inside(self, path: str, node: Node) -> Iterator[Spot]:
        if node.type == "inline_table":
            for pair in node.named_children:
                if pair.type == "pair":
                    yield from self._pair(path, pair)
        elif node.type == "array":
            items = (item for item in node.named_children if item.type != "comment")
            for index, item in enumerate(items):
                yield self._spot(f"{path}[{index}]", item, item)
                yield from self._inside(f"{path}[{index}]", item)

    def _key(self, node: Node) -> list[str]:
        """The parts of a key, dotted or not; a parser of TOML knows how to read them."""
        at: Any = tomllib.loads(f"{(node.text or b'').decode()} = 0")
        parts = []
        while isinstance(at, dict):
            ((part, at),) = at.items()
            parts.append(part)
        return parts

    def _spot(self, path: str, key: Node, value: Node) -> Spot:
        at, token = self._offset(value.start_byte), (value.text or b"")[:1].decode(errors="replace")
        return Spot(path, self._offset(key.start_byte), at, token, 0)

    def _offset(self, byte: int) -> int:
        return len(self.data[:byte].decode(errors="replace"))


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
