"""Ask for the path of a world's folder, with what may follow as one types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.suggester import SuggestionReady
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Form, LineList, Wrong
from aos_tui.formatting import count

if TYPE_CHECKING:
    from aos_tui.session.folders import Folder, Folders

Find = Callable[[str], "Folders"]


class PathField(Input):
    """A path; tab completes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "screen.complete", "complete what is typed")
    ]


class FolderDialog(Form[str]):
    """Dismisses with what was typed, or None. ``validate`` takes it and says what is wrong;
    ``find`` the folders that it may mean: both look at the disk."""

    KEYS = (("tab", "complete", "Complete"), ("enter", "submit", "Open"))
    MORE = "up, down  choose"
    REFUSED = "not opened"
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "the folder before"),
        Binding("down", "move(1)", "the next folder"),
    ]

    def __init__(self, title: str, validate: Callable[[str], str | None], find: Find) -> None:
        super().__init__(title)
        self._validate, self._find = validate, find
        self._found: Folders | None = None

    def body(self) -> ComposeResult:
        yield Label("path of a world's folder; ~ is home", markup=False)
        yield PathField(placeholder="~/worlds/mine", compact=True)
        yield LineList(compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(OptionList).can_focus = False
        self._look()

    # -- what may follow --------------------------------------------------------------------------

    @on(Input.Changed)
    def _look(self) -> None:
        look: Any = self._fill  # no coroutine: one that is dropped would be missed by Python
        self.run_worker(look, exclusive=True)

    async def _fill(self) -> None:
        field = self.query_one(Input)
        text = field.value
        self._found = found = await asyncio.to_thread(self._find, text)
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options([Option(_line(of)) for of in found.folders])
        if found.left_out:
            listed.add_option(Option(f"  and {found.left_out} more: type on", disabled=True))
        listed.display = bool(found.folders)
        self._suggest()
        self.check()

    @property
    def _typed(self) -> str:
        return self.query_one(Input).value.lstrip()

    def _chosen(self) -> Folder | None:
        at = self.query_one(OptionList).highlighted
        folders: Sequence[Folder] = self._found.folders if self._found is not None else ()
        return folders[at] if at is not None and at < len(folders) else None

    def _next(self) -> str:
        """What tab makes of the path: the chosen folder; else as far as all agree, and where that
        is nothing more, the first."""
        found = self._found
        if found is None or not found.folders or found.path != self._typed:
            return ""  # of what was typed before it would take the rest away
        if (chosen := self._chosen()) is not None:
            return found.text(chosen)
        agreed = found.common
        return agreed if len(agreed) > len(found.path) else found.text(found.folders[0])

    def _suggest(self) -> None:
        """Show it behind the cursor, where right takes it too."""
        field, text = self.query_one(Input), self._next()
        fits = text if text.startswith(field.value) else ""
        field.post_message(SuggestionReady(field.value, fits))

    def action_complete(self) -> None:
        """Take what is shown behind the cursor."""
        if text := self._next():
            field = self.query_one(Input)
            field.value = text
            field.cursor_position = len(text)

    def action_move(self, step: int) -> None:
        """Choose among the folders."""
        listed = self.query_one(OptionList)
        if step > 0:
            listed.action_cursor_down()
        else:
            listed.action_cursor_up()
        self._suggest()

    @on(OptionList.OptionSelected)
    def _click(self) -> None:
        self.action_complete()
        self.query_one(Input).focus()

    # -- how it reads -----------------------------------------------------------------------------

    def check(self) -> None:
        """As every form; but a path that is on its way is not wrong."""
        field, found = self.query_one(Input), self._found
        if not field.value:
            self.say("")
        elif found is None or found.path != self._typed:
            return  # it is being looked for
        elif found.folders and found.typed not in ("", *(of.name for of in found.folders)):
            self.say(
                f"{count(len(found.folders) + found.left_out, 'folder')} so far: tab completes"
            )
        else:
            super().check()

    def read(self) -> str:
        text = self.query_one(Input).value
        if (problem := self._validate(text)) is not None:
            raise Wrong(problem)
        return text

    def fine(self, result: str) -> str:
        return "a world: enter opens it"

    def on_input_submitted(self) -> None:
        self.action_submit()


def _line(folder: Folder) -> Text:
    if folder.world:
        return Text.assemble("  ", (f"{folder.name}/", "bold"), "  a world")
    return Text(f"  {folder.name}/", style="dim")
