"""Values that do not fit their type, and how that is said."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, NoReturn


class Misfit(Exception):
    """A value that does not fit; ``path`` grows as the error rises through the containers."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = list(path)

    def inside(self, part: str) -> Misfit:
        self.path.insert(0, part)
        return self


def inside(part: str, act: Callable[[Any], Any], value: Any) -> Any:
    """What ``act`` makes of a part of a value; one that does not fit says which part it is."""
    try:
        return act(value)
    except Misfit as misfit:
        raise misfit.inside(part) from None


def refuse(expected: str, value: Any) -> NoReturn:
    """Raises :class:`Misfit` for a value that is not of the expected kind at all."""
    raise Misfit(f"expected {expected}, got {_name(value)} {shown(value)}")


def shown(value: Any) -> str:
    """A value that came from outside, however long or deep, in at most 60 characters."""
    try:
        text = reprlib.repr(value)
    except ValueError:  # Python does not write out integers of thousands of digits
        return "of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def _name(value: Any) -> str:
    names = {bool: "bool", int: "integer", str: "text", bytes: "bytes", list: "list", dict: "map"}
    return names.get(type(value), "null" if value is None else type(value).__name__)
