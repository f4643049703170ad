"""Lists of lines to choose from: how to break a receipt, plan instances, past values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Sparkline, Static
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog, Result


class ChoiceDialog(Dialog[Result]):
    """``lines``: (text, what the dialog dismisses with; None for a line that only says something).
    ``chosen``: the line to begin at."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("y", "copy_all", show=False),
    ]

    def __init__(
        self, title: str, lines: Sequence[tuple[Text | str, Result | None]], chosen: int = 0
    ) -> None:
        super().__init__(title)
        self._lines, self._chosen = lines, chosen

    def body(self) -> ComposeResult:
        yield OptionList(
            *(
                Option(of if isinstance(of, Text) else Text(of), disabled=result is None)
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

    def action_down(self) -> None:
        """To the next line."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """To the line before."""
        self.query_one(OptionList).action_cursor_up()

    def action_copy_all(self) -> None:
        """Copy all lines."""
        self.copy("\n".join(str(of) for of, _ in self._lines))


FAULTS: tuple[tuple[str, str, str], ...] = (
    ("e", "error", "the adapter says that it failed"),
    ("t", "timeout", "nothing came in time"),
    ("d", "duplicate", "the prepared answer comes twice"),
    ("l", "late", "a timeout first, then the prepared answer"),
    ("m", "malformed", "an answer that no schema fits; the border refuses it"),
    ("n", "never", "nothing comes, now or later: it stays pending"),
)
"""(key, fault, what it means)"""


class BreakDialog(ChoiceDialog[str]):
    """Dismisses with the fault, or None."""

    SAYS = "Answers the effect wrongly, on purpose; u undoes it."
    MORE = "enter or its letter: break it so"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"fault('{fault}')", show=False) for key, fault, _ in FAULTS
    ]

    def __init__(self, what: str) -> None:
        lines = [(f"{key}  {fault:<10} {meaning}", fault) for key, fault, meaning in FAULTS]
        super().__init__(f"Break {what}", lines)

    def action_fault(self, fault: str) -> None:
        """Dismiss with it."""
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
    """Dismisses with a height, or None. ``numbers`` are drawn above the list."""

    KEYS = (("y", "copy_all", "Copy"),)
    MORE = "enter go there"

    def __init__(
        self,
        title: str,
        says: str,
        lines: Sequence[tuple[Text | str, int | None]],
        chosen: int,
        numbers: Sequence[float],
    ) -> None:
        super().__init__(title, lines, chosen)
        self._says, self._numbers = says, numbers

    def says(self) -> str:
        return self._says

    def body(self) -> ComposeResult:
        if len(self._numbers) > 1:
            yield Sparkline(self._numbers, summary_function=max)
            yield Static(f"from {min(self._numbers):g} to {max(self._numbers):g}", id="range")
        yield from super().body()
