"""Lists of lines to choose from: how to break a receipt, plan instances, past values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog, LineList, Result
from aos_tui.hanging import Hanging


class ChoiceDialog(Dialog[Result]):
    """``lines``: (text, what the dialog dismisses with; None for a line that only says something).
    ``chosen``: the line to begin at; ``indent``: what stands there, and what is broken off it below
    it."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "take the line under the cursor"),
        Binding("y", "copy_all", "copy all lines"),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[tuple[Text | str, Result | None]],
        chosen: int = 0,
        indent: int = 0,
    ) -> None:
        super().__init__(title)
        self._lines, self._chosen, self._indent = lines, chosen, indent

    def body(self) -> ComposeResult:
        yield LineList(
            *(
                Option(Hanging(_text(of), self._indent), disabled=result is None)
                for of, result in self._lines
            ),
            compact=True,
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(OptionList).highlighted = self._chosen

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._lines[event.option_index][1])

    def action_copy_all(self) -> None:
        """Copy all lines."""
        self.copy("\n".join(str(of) for of, _ in self._lines))


def _text(of: Text | str) -> Text:
    return of if isinstance(of, Text) else Text(of)


FAULTS: tuple[tuple[str, str, str], ...] = (
    ("e", "error", "one receipt: the adapter failed; its payload is zeroes"),
    ("t", "timeout", "one receipt: nothing came in time; its payload is zeroes"),
    ("d", "duplicate", "two receipts: the prepared answer, and it again"),
    ("l", "late", "two receipts: a timeout, then the prepared answer"),
    ("m", "malformed", "a receipt that no schema fits; the border refuses it"),
    ("n", "never", "no receipt: R and s leave it waiting; again: it may come"),
)
"""(key, fault, what it will do)"""

_MEANING = 14
"""The column in which it is said what a fault does."""

NEED_ANSWER = ("duplicate", "late")
"""The faults that are made of the prepared answer."""


class BreakDialog(ChoiceDialog[str]):
    """Dismisses with the fault, or None. ``missing``: why there is no prepared answer, where there
    is none."""

    SAYS = "Answers the effect wrongly, on purpose; u undoes each receipt."
    MORE = "enter or its letter: break it so"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"fault('{fault}')", f"{fault}: {meaning}") for key, fault, meaning in FAULTS
    ]

    def __init__(self, what: str, missing: str | None = None) -> None:
        self._missing = missing
        lines = [self._line(*fault) for fault in FAULTS]
        super().__init__(f"Break {what}", lines, indent=_MEANING)

    def _line(self, key: str, fault: str, meaning: str) -> tuple[str, str | None]:
        if self._missing is not None and fault in NEED_ANSWER:
            return f"{key}  {fault}".ljust(_MEANING) + f"not here: {self._missing}", None
        return f"{key}  {fault}".ljust(_MEANING) + meaning, fault

    def action_fault(self, fault: str) -> None:
        """Dismiss with it."""
        if self._missing is not None and fault in NEED_ANSWER:
            self.notify(f"{fault}: {self._missing}", severity="warning")
        else:
            self.dismiss(fault)


class InstancesDialog(ChoiceDialog[int]):
    """Dismisses with the number of a plan instance, or None. ``left_out``: so many older ones that
    are over are not in the list."""

    KEYS = (("y", "copy_all", "Copy"),)
    MORE = "enter show it"

    def __init__(
        self, lines: Sequence[tuple[Text | str, int | None]], chosen: int, left_out: int
    ) -> None:
        super().__init__("Plan instances", lines, chosen)
        self._left_out = left_out

    def says(self) -> str:
        if not self._left_out:
            return "The newest first."
        return f"The newest first; {self._left_out} older ones that are over are left out."


class PastDialog(ChoiceDialog[int]):
    """Dismisses with a height, or None. ``drawn`` makes the lines of a picture, above the list,
    for a width in cells."""

    KEYS = (("y", "copy_all", "Copy"),)
    MORE = "enter go there"

    def __init__(
        self,
        title: str,
        says: str,
        lines: Sequence[tuple[Text | str, int | None]],
        chosen: int,
        drawn: Callable[[int], Sequence[str]],
        indent: int = 0,
    ) -> None:
        super().__init__(title, lines, chosen, indent)
        self._says, self._drawn = says, drawn

    def says(self) -> str:
        return self._says

    def body(self) -> ComposeResult:
        if lines := self._drawn(_WIDE):
            yield Picture(self._drawn, len(lines))
        yield from super().body()


_WIDE = 80


class Picture(Static):
    """Lines that are drawn for the width there is; the last ones are what stands below."""

    def __init__(self, drawn: Callable[[int], Sequence[str]], lines: int) -> None:
        super().__init__(markup=False)
        self._drawn = drawn
        self.styles.height = lines

    def render(self) -> Text:
        """The lines."""
        *bars, heights = self._drawn(self.size.width) or [""]
        return Text.assemble("\n".join([*bars, ""]), (heights, "dim"))
