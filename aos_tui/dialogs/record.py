"""One record in full, with the way to what caused it and what it led to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from aos_core.plain import clean
from aos_tui.chips import chip_styles, with_chips
from aos_tui.dialogs.base import LineList, Reader, shorten
from aos_tui.dialogs.walk import WalkDialog

SHOWN = 12_000
"""How many characters of a section are laid out: a record has several, and one walks quickly."""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """``sections``: (heading, text); ``links``: (label, height) of causes and consequences."""

    height: int
    title: str
    sections: Sequence[tuple[str, str]]
    links: Sequence[tuple[str, int]] = ()


class RecordDialog(WalkDialog[RecordPage]):
    """The links lead from record to record; ``g`` goes to the one under the cursor, or with the
    text in focus to the one that is shown."""

    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,right", "links", "to the causes and consequences"),
        Binding("h,left", "text", "to the text"),
    ]

    def __init__(
        self, page: RecordPage, look: Callable[[int], Awaitable[RecordPage | None]]
    ) -> None:
        super().__init__(page, look)
        self._title = page.title

    def title_of(self, page: RecordPage) -> str:
        return page.title

    def body(self) -> ComposeResult:
        self.MORE = "tab links  enter follow" if self.page.links else ""
        if self._way:  # there is a button more, and no room for all of it in 80 columns
            self.MORE = self.MORE.removeprefix("tab links  ")
        styles = chip_styles(self.app.current_theme.dark)
        with Reader():
            for heading, text in self.page.sections:
                yield Label(heading, classes="heading", markup=False)
                yield Static(
                    with_chips(clean(shorten(text, SHOWN), keep="\n"), styles), classes="text"
                )
        if self.page.links:
            yield Label("Causes and consequences", classes="heading")
            labels = (Option(Content(clean(label))) for label, _ in self.page.links)
            yield Links(*labels, compact=True)

    def target(self) -> int:
        links = next(iter(self.query(Links)), None)
        if links is None or not links.has_focus or links.highlighted is None:
            return self.page.height
        return self.page.links[links.highlighted][1]

    @on(OptionList.OptionSelected)
    def _follow(self, event: OptionList.OptionSelected) -> None:
        self.walk(self.page.links[event.option_index][1])

    def action_links(self) -> None:
        """To the links."""
        for links in self.query(Links):
            links.focus()

    def action_text(self) -> None:
        """To the text."""
        self.query_one(Reader).focus()

    def action_copy_all(self) -> None:
        """Copy every section, whole."""
        self.copy("\n\n".join(f"{heading}\n{text}" for heading, text in self.page.sections))


class Links(LineList):
    """Records to walk to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "follow the link: show that record"),
    ]

    def on_mount(self) -> None:
        """Begin at the first."""
        self.highlighted = 0
