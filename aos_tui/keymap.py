"""The user's own keys, from ``keys.toml`` in the configuration directory (docs/keys.md).

A line gives an action of the table (actions.py) other keys::

    fire = "ctrl+e"
    "pending.mark" = "v, insert"

What is wrong with a line is told, and that action keeps its own keys.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key, _get_unicode_name_from_key

from aos_tui.actions import ACTIONS, ANYWHERE, PICKER, Action

_NAMED = {of.value.rpartition("+")[2] for of in Keys} | set(KEY_NAME_REPLACEMENTS.values())
_KEY = re.compile(r"((ctrl|shift|alt)\+)*[a-z0-9_]+\Z")


@dataclass(frozen=True, slots=True)
class Keymap:
    """Other keys by an action's id, and what was wrong with lines that do not count."""

    keys: Mapping[str, str]
    problems: tuple[str, ...]


def keys_file() -> Path:
    """Where the user's keys are."""
    return platformdirs.user_config_path("aos") / "keys.toml"


def read_keymap(path: Path) -> Keymap:
    """The keymap of a file; of one that is not there, an empty one."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Keymap({}, ())
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        return Keymap({}, (f"{path} cannot be read: {error}",))
    found = keymap_of(given)
    return Keymap(found.keys, tuple(f"{path.name}: {of}" for of in found.problems))


def keymap_of(given: Mapping[str, object]) -> Keymap:
    """The keymap of what a file says."""
    actions = {of.id: of for of in ACTIONS}
    wanted: dict[str, str] = {}
    problems: list[str] = []
    for id, value in _flat(given).items():
        problem, keys = _read(actions.get(id), id, value)
        if problem is not None:
            problems.append(problem)
        else:
            wanted[id] = keys
    while clash := _clash(wanted):
        id, problem = clash
        problems.append(problem)
        del wanted[id]
    return Keymap(wanted, tuple(problems))


def _flat(given: Mapping[str, object]) -> dict[str, object]:
    """``[pending] mark`` is ``pending.mark``."""
    flat: dict[str, object] = {}
    for name, of in given.items():
        if isinstance(of, Mapping):
            flat |= {f"{name}.{inner}": value for inner, value in of.items()}
        else:
            flat[name] = of
    return flat


def _read(action: Action | None, id: str, value: object) -> tuple[str | None, str]:
    """(what is wrong with a line, its keys as Textual names them)"""
    if action is None:
        return f"there is no action {id}: docs/keys.md lists them", ""
    if action.own:
        return f"{id} has keys of the terminal's own, which stay", ""
    words = value if isinstance(value, list) else [value]
    if not words or not all(isinstance(of, str) for of in words):
        return f'{id}: keys are text, such as "ctrl+e" or ["x", "delete"]', ""
    names = [word.strip() for of in words for word in _split(str(of))]
    keys = [_character_to_key(name) if len(name) == 1 else name for name in names]
    for name, key in zip(names, keys, strict=True):
        if not (_KEY.match(key.lower()) and _is_on_keyboards(key)):
            return f"{id}: {name!r} is no key; such as e, E, ctrl+e, f5, shift+tab", ""
    return None, ",".join(keys)


def _is_on_keyboards(key: str) -> bool:
    """Whether what follows ``ctrl+`` and the like names a character, or is a key of Textual."""
    base = key.rpartition("+")[2]
    if len(base) == 1 or base.lower() in _NAMED:
        return True
    try:
        unicodedata.lookup(_get_unicode_name_from_key(base).replace("_", " "))
    except KeyError:
        return False
    return True


def _split(text: str) -> list[str]:
    return [text] if text.strip() == "," else text.split(",")


def _clash(wanted: Mapping[str, str]) -> tuple[str, str] | None:
    """A line that takes a key which another action has in the same place, and what is to be said.

    The one that was asked for gives way; where both were, the later one."""
    holders: dict[str, list[Action]] = {}
    order = {id: at for at, id in enumerate(wanted)}
    for action in sorted(ACTIONS, key=lambda of: order.get(of.id, -1)):
        for key in filter(None, wanted.get(action.id, action.keys).split(",")):
            others = holders.setdefault(key, [])
            other = next((of for of in others if _meet(of, action)), None)
            if other is not None and action.id in wanted:
                say = f"{action.id}: {key} is {other.id} already; it keeps {action.key_text}"
                return action.id, say
            others.append(action)
    return None


def _meet(one: Action, other: Action) -> bool:
    """Whether there is a place in which both have their keys."""
    if PICKER in (one.where, other.where):
        return one.where == other.where
    return one.where == other.where or ANYWHERE in (one.where, other.where)
