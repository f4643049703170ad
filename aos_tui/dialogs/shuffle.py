"""Ask in which order the pending receipts shall arrive."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.widgets import Input, Label

from aos_tui.dialogs.base import Form, Wrong

Order = tuple[Literal["seed"], int] | tuple[Literal["order"], list[int]]


class ShuffleDialog(Form[Order]):
    """Dismisses with ("seed", n), ("order", places in the pending list, from 1), or None.

    ``count``: how many receipts there are; ``seed``: the one to suggest.
    """

    KEYS = (("enter", "submit", "Release"),)
    REFUSED = "not released"
    AUTO_FOCUS = "Input"

    def __init__(self, count: int, seed: int) -> None:
        super().__init__("Shuffle")
        self._count = count
        self._seed = seed

    def says(self) -> str:
        return (
            f"Releases all {self._count} pending receipts, in an order made from a seed (the same"
            f" seed gives the same order) or in the order you write: the places in the pending"
            f" list, from 1 to {self._count}."
        )

    def body(self) -> ComposeResult:
        backwards = ",".join(map(str, range(self._count, 0, -1))) if self._count > 1 else "seed 7"
        example = backwards if len(backwards) < 20 else f"{self._count},1,2,.."
        yield Label(f"seed or order, such as  seed {self._seed}  or  {example}", markup=False)
        yield Input(f"seed {self._seed}", compact=True)

    def read(self) -> Order:
        return parse_order(self.query_one(Input).value, self._count)

    def fine(self, result: Order) -> str:
        if result[0] == "seed":
            return f"ok: an order made from seed {result[1]}"
        return f"ok: {', then '.join(map(str, result[1]))}"

    def on_input_submitted(self) -> None:
        self.action_submit()


def parse_order(text: str, count: int) -> Order:
    """What ``text`` asks for: ``seed 7``, ``7``, or ``2,3,1``, each of 1 to ``count`` once.

    Raises :class:`Wrong`.
    """
    words = text.replace(",", " ").split()
    if words[:1] == ["seed"]:
        words = words[1:]
        if len(words) != 1:
            raise Wrong("write one number after seed, such as seed 7")
        return "seed", _number(words[0])
    if not words:
        raise Wrong("write a seed, such as seed 7, or an order")
    if len(words) == 1 and "," not in text:
        return "seed", _number(words[0])
    order = [_number(word) for word in words]
    for place in order:
        if not 1 <= place <= count:
            raise Wrong(f"there is no receipt {place}: they are 1 to {count}")
        if order.count(place) > 1:
            raise Wrong(f"{place} stands twice")
    if missing := sorted(set(range(1, count + 1)) - set(order)):
        raise Wrong(f"missing: {', '.join(map(str, missing))}")
    return "order", order


def _number(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 18):
        raise Wrong(f"{word} is no whole number of at most 18 digits")
    return int(word)
