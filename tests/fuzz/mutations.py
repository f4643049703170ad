"""Bad input from good: structures with parts changed, bytes with bits changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

HUGE: tuple[Any, ...] = (-1, 2**63, 2**64, -(2**63) - 1, 10**40, 1.5)
WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    "",
    "x",
    "é\ud800",
    [],
    {},
    [[]],
    {"": {}},
    {"$tag": 1},
)


def deep(levels: int, value: Any = None) -> Any:
    """``value`` below so many levels, lists and objects in turn."""
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def wrong(words: Sequence[str]) -> st.SearchStrategy[Any]:
    """What may stand where something else is expected."""
    return st.one_of(
        st.sampled_from(WRONG),
        st.sampled_from(HUGE),
        st.sampled_from(words),
        st.integers(1, 400).map(deep),
    )


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every part below ``node``."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    found = []
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, (dict, list)):
            found += places(item, (*path, key))
    return found


def follow(node: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a path; None where it is no longer there."""
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


ACTS = ("delete", "replace", "copy", "rename", "repeat", "bury")


@st.composite
def mutated(draw: st.DrawFn, good: Any, words: Sequence[str], most: int = 4) -> Any:
    """``good`` with one to ``most`` parts deleted, replaced, copied from elsewhere in it, renamed,
    repeated or buried deep."""
    value, known = copy.deepcopy(good), places(good)
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from(known))
        act = draw(st.sampled_from(ACTS))
        parent = follow(value, path[:-1])
        if follow(value, path) is None or not isinstance(parent, (dict, list)):
            continue
        _act(draw, act, parent, path[-1], (good, known, words))
    return value


def _act(draw: st.DrawFn, act: str, parent: Any, key: Any, of: tuple[Any, Any, Any]) -> None:
    good, known, words = of
    match act:
        case "delete":
            del parent[key]
        case "replace":
            parent[key] = draw(wrong(words))
        case "copy":
            parent[key] = copy.deepcopy(follow(good, draw(st.sampled_from(known))))
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(words))] = parent.pop(key)
        case "repeat" if isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        case "bury":
            parent[key] = deep(draw(st.integers(1, 300)), parent[key])


def words_of(good: Any, *more: str) -> list[str]:
    """Every text in ``good``, keys too."""
    return sorted({*json.dumps(good).split('"')[1::2], *more})


@st.composite
def damaged(draw: st.DrawFn, good: Sequence[bytes]) -> bytes:
    """One of ``good`` cut short, with bytes changed, put in, taken out, repeated, or trailing."""
    data = bytearray(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["cut", "set", "insert", "delete", "repeat", "trail"])):
            case "cut":
                del data[at:]
            case "set" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "delete":
                del data[at : at + draw(st.integers(1, 8))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 64))]
            case "trail":
                data += draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


def cut(good: bytes) -> list[bytes]:
    """Every proper beginning of ``good``, and ``good`` with every trailing byte of a few."""
    return [good[:end] for end in range(len(good))] + [good + bytes([of]) for of in (0, 0xF6, 0xFF)]
