"""Dialogs in which one walks from record to record: enter goes on, backspace goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from aos_tui.dialogs.base import Dialog

Page = TypeVar("Page")


class WalkDialog(Dialog[int], Generic[Page]):
    """Dismisses with the height to go to, or None. ``look`` makes the page of a record, None where
    it cannot be made and that was said.

    Esc leaves at once, however far one has walked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "go", "go to the record under the cursor, in the panes"),
        Binding("backspace", "return", "to the page before"),
        Binding("y", "copy_all", "copy the page, whole"),
    ]

    def __init__(self, page: Page, look: Callable[[int], Awaitable[Page | None]]) -> None:
        super().__init__("")
        self.page = page
        self._look = look
        self._way: list[Page] = []

    def title_of(self, page: Page) -> str:
        """The title of the dialog on a page."""
        raise NotImplementedError

    def target(self) -> int:
        """The height of what is under the cursor."""
        raise NotImplementedError

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        back = (("backspace", "return", "Before"),) if self._way else ()
        return (("g", "go", "Go there"), *back, ("y", "copy_all", "Copy"), *super().keys())

    def walk(self, height: int) -> None:
        """Show the page of another record."""

        async def act() -> None:
            page = await self._look(height)
            if page is not None and self.is_current:
                self._way.append(self.page)
                await self._turn_to(page)

        self.run_worker(act(), exclusive=True, group="walk")

    def action_return(self) -> None:
        """To the page before."""
        if not self._way:
            self.notify("this is where you began: esc closes it")
            return
        self.run_worker(self._turn_to(self._way.pop()), exclusive=True, group="walk")

    async def _turn_to(self, page: Page) -> None:
        focused = None if self.focused is None else type(self.focused)
        self.page, self._title = page, self.title_of(page)
        await self.recompose()
        self.call_after_refresh(self._focus_again, focused)

    def _focus_again(self, kind: type[Widget] | None) -> None:
        """Where the focus was, if there is such a place on this page."""
        found = next(iter(self.query(kind)), None) if kind is not None else None
        (found or self.query(self.AUTO_FOCUS or "*").first()).focus()

    def action_go(self) -> None:
        """To what is under the cursor, in the panes."""
        self.dismiss(self.target())

    def action_copy_all(self) -> None:
        """Copy the whole page."""
        raise NotImplementedError
