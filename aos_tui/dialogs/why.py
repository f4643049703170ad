"""Why a record is there, and what it led to: a tree to walk in, down to the fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import LineList
from aos_tui.dialogs.walk import WalkDialog
from aos_tui.state_lines import Field


@dataclass(frozen=True, slots=True)
class WhyLine:
    """A line that stands for record ``height``, or for a ``field`` that the record changed."""

    text: Text
    height: int
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class WhyPage:
    """``chosen``: the line of the record that was asked about."""

    height: int
    lines: Sequence[WhyLine]
    chosen: int
    whole: bool


class WhyDialog(WalkDialog[WhyPage]):
    """Enter asks why about the record under the cursor; of a field, ``history`` shows its past, and
    gives the height that is chosen there to what it is given."""

    SAYS = "Read downwards: each record came of one above it, further left."
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "why the record under the cursor; of a field its history"),
        Binding("w", "why", "why the record under the cursor"),
    ]

    def __init__(
        self,
        page: WhyPage,
        look: Callable[[int], Awaitable[WhyPage | None]],
        history: Callable[[Field, int, Callable[[int], None]], None],
    ) -> None:
        super().__init__(page, look)
        self._history = history
        self._title = self.title_of(page)

    def title_of(self, page: WhyPage) -> str:
        return f"Why record {page.height}"

    def body(self) -> ComposeResult:
        # once one has walked there is a button more, and no room for all of it in 80 columns
        self.MORE = "enter why it" if self._way else "enter why it; on a field its history"
        if not self.page.whole:
            self.MORE += "; aos why tells more than is here"
        yield LineList(*(Option(of.text) for of in self.page.lines), compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self._begin)

    async def _turn_to(self, page: WhyPage) -> None:
        await super()._turn_to(page)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """At the record that was asked about, with what is on both sides of it."""
        tree, chosen = self.query_one(OptionList), self.page.chosen
        tree.highlighted = chosen
        tree.scroll_to(y=chosen - tree.size.height // 2, animate=False, force=True)

    def _line(self) -> WhyLine:
        at = self.query_one(OptionList).highlighted
        return self.page.lines[self.page.chosen if at is None else at]

    def target(self) -> int:
        return self._line().height

    @on(OptionList.OptionSelected)
    def _choose(self) -> None:
        line = self._line()
        if line.field is not None:
            self._history(line.field, line.height, self.walk)
        else:
            self.action_why()

    def action_why(self) -> None:
        """Ask about the record under the cursor."""
        if self.target() == self.page.height:
            self.notify("this is the record that is asked about")
        else:
            self.walk(self.target())

    def action_copy_all(self) -> None:
        """Copy all lines."""
        self.copy("\n".join(str(of.text) for of in self.page.lines))
