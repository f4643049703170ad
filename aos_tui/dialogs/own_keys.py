"""The keys of a dialog, for its help: they are told from the bindings of its own classes.

What Textual's widgets bind themselves (the cursor's way through a text and the like) is left out:
it is what it is everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from textual.actions import parse
from textual.binding import Binding

from aos_tui.actions import shown_key

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from aos_tui.dialogs.base import Dialog

Row = tuple[str, str]
"""(keys, what they do)"""

_OURS = __name__.partition(".")[0]


def own_keys(dialog: Dialog[Any]) -> list[tuple[str, Sequence[Row]]]:
    """(heading, rows): the keys of the dialog, then of what has the focus in it, if that has
    some."""
    focused = dialog.focused
    upwards = () if focused is None else focused.ancestors_with_self
    inner = list(takewhile(lambda of: of is not dialog, upwards))
    around = [row for of in inner for row in _rows(of)]
    whole = [*_unbound(dialog, inner), *_rows(dialog)]
    return [("In this dialog", whole), *([("Where the cursor is", around)] if around else [])]


def _unbound(dialog: Dialog[Any], inner: Sequence[DOMNode]) -> Iterator[Row]:
    """The buttons whose keys a widget of Textual's binds, as enter in a field."""
    found = (of for node in (dialog, *inner) for of in _bindings(node))
    bound = {key for of in found for key in map(shown_key, of.key.split(","))}
    buttons = dialog.keys()
    for key, _, label in buttons:
        if key not in bound:
            yield key, label.lower()


def _rows(node: DOMNode) -> Iterator[Row]:
    taken: set[str] = set()
    for of in _bindings(node):
        keys = [key for key in of.key.split(",") if key not in taken]
        taken.update(keys)
        _, name, parameters = parse(of.action)
        if keys and of.description and node.check_action(name, parameters):
            yield " ".join(map(shown_key, keys)), of.description


def _bindings(node: DOMNode) -> Iterator[Binding]:
    """What classes of ours bind, the most special one first."""
    for kind in type(node).__mro__:
        if kind.__module__.partition(".")[0] == _OURS:
            found = kind.__dict__.get("BINDINGS", ())
            yield from (of for of in found if isinstance(of, Binding))
