"""No key that the app needs is one that a terminal, or what runs in it, keeps for itself."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import aos_tui
from aos_tui.actions import ACTIONS

KEPT = {
    "Windows Terminal": r"""
        alt\+(enter|space|f4|up|down|left|right) f11 menu ctrl\+(shift\+)?tab ctrl\+shift\+.*
        alt\+shift\+.* ctrl\+alt\+.* ctrl\+(comma|plus|minus|0|insert|[cv]) shift\+insert""",
    "GNOME Terminal": r"""
        f1 f10 f11 ctrl\+shift\+.* shift\+(page.*|home|end|insert) ctrl\+(page.*|plus|minus|0)
        alt\+.*""",
    "Konsole": r"shift\+(up|down|left|right|page.*|home|end|insert) f1 f11 ctrl\+shift\+.*",
    "macOS": r"super\+.* ctrl\+(up|down|left|right) f11",
    "tmux": r"ctrl\+b",
    "GNU screen": r"ctrl\+a",
}
"""By who keeps them, as they come: patterns of keys."""

OTHER_WAY = {"pan": "to walk shows what is not in sight, and the mouse drags the picture"}


def keepers(key: str) -> list[str]:
    return [who for who, of in KEPT.items() if re.fullmatch("|".join(of.split()), key)]


def bindings() -> Iterator[tuple[str, str, str]]:
    """(where, what it does, its keys) of every binding that is made in the app."""
    for action in ACTIONS:
        if action.keys:
            yield "the table", action.name, action.keys
    seen = set()
    for module in pkgutil.walk_packages(aos_tui.__path__, "aos_tui."):
        if module.name.endswith("__main__"):
            continue
        for of in vars(importlib.import_module(module.name)).values():
            if isinstance(of, type) and issubclass(of, DOMNode) and of not in seen:
                seen.add(of)
                if of.__module__.startswith("aos_tui"):
                    for one in Binding.make_bindings(of.__dict__.get("BINDINGS", ())):
                        if not one.action.startswith("elsewhere("):  # it says whose key it is
                            yield of.__name__, one.action, one.key
    assert len(seen) > 50


def ways() -> dict[tuple[str, str], set[str]]:
    """All keys of what a binding does, where it does it."""
    found: dict[tuple[str, str], set[str]] = {}
    for where, action, keys in bindings():
        name = action.removeprefix("app.")
        found.setdefault((where, name), set()).update(keys.split(","))
    return found


def test_the_list_is_one_of_such_keys() -> None:
    assert keepers("ctrl+shift+f") == ["Windows Terminal", "GNOME Terminal", "Konsole"]
    assert keepers("ctrl+b") == ["tmux"] and keepers("ctrl+a") == ["GNU screen"]
    assert keepers("t") == keepers("f2") == keepers("ctrl+s") == []


@pytest.mark.parametrize(("where", "action"), ways())
def test_it_can_be_done_by_a_key_that_comes(where: str, action: str) -> None:
    keys = ways()[where, action]
    comes = [key for key in keys if not keepers(key)]
    assert comes or action.partition("(")[0] in OTHER_WAY, f"{keys}: {keepers(min(keys))}"
