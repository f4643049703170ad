"""What is shown instead of panes while a world does not load."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.style import Style
from rich.text import Span, Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from aos_tui.glyphs import ASCII, Glyphs
from aos_tui.panes.base import palette_of

if TYPE_CHECKING:
    from aos_core.problems import Problem
    from aos_tui.building import BuildResult
    from aos_tui.formatting import Palette

_BESIDE = 22
"""Columns that a source line cannot have: margins, its number, the scroll bar."""


class ProblemScreen(Screen[None]):
    """Every problem with its place, its line and what to do, as ``aos check`` tells them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "build", "build"),
        Binding("r", "retry", "try again"),
        Binding("o,escape", "pick_world", "another world", key_display="o"),
        Binding("q", "app.quit", "quit"),
        Binding("ctrl+p", "app.command_palette", "palette", show=False),
    ]

    class Retry(Message):
        """The world is to be opened again."""

    class PickWorld(Message):
        """Another world is to be picked, or the one that was there before gone back to."""

    class Build(Message):
        """The reducers are to be built; ``trust``: the person agreed to run the world's build
        scripts."""

        def __init__(self, trust: bool) -> None:
            super().__init__()
            self.trust = trust

    def __init__(self, world: str, glyphs: Glyphs, *, watched: bool) -> None:
        super().__init__()
        self._world, self._glyphs = world, glyphs
        self._next = "it opens when a file is mended" if watched else "r tries again"
        self._problems: tuple[Problem, ...] = ()
        self._to_build = self._builds = False

    def compose(self) -> ComposeResult:
        yield Static(id="problem-title", markup=False)
        with VerticalScroll(id="problems"):
            yield Static(id="problem-list", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Fill it, now that there is something to fill."""
        self.query_one("#problems").focus()
        self._fill()

    def show(self, problems: tuple[Problem, ...], *, to_build: bool) -> None:
        """Show other problems, where one looks at. ``to_build``: nothing is wrong but that the
        reducers are not built, and their sources are here."""
        self._problems, self._to_build, self._builds = problems, to_build, False
        if self.is_mounted:
            self._fill()
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be built is built."""
        return self._to_build or action != "build"

    def say(self, doing: str | None) -> None:
        """What the build is doing, in the title."""
        if doing is not None and self._builds:
            self._title(f" aos-tui  building: {doing.strip()}")

    def built(self, result: BuildResult) -> None:
        """How the build ended. A world that is built is opened by who asked for it."""
        from aos_tui.dialogs import ConfirmDialog, ValueDialog
        from aos_tui.verbs.coding import NOT_TRUSTED, failure_text, trust_text

        self._builds = False
        self._fill()
        if result.code == NOT_TRUSTED:
            question = ConfirmDialog(
                "Build this world?", trust_text(self._world), "Build", "Do not"
            )
            self.app.push_screen(
                question, lambda yes: self.action_build(trust=True) if yes else None
            )
        elif not result.ok:
            self.app.push_screen(ValueDialog("It does not build", failure_text(result)))

    def on_resize(self) -> None:
        """Source lines are cut to the width."""
        self._fill()

    def _fill(self) -> None:
        from aos_core.report import ASCII as PLAIN
        from aos_core.report import UNICODE, lines_of, verdict

        marks = PLAIN if self._glyphs is ASCII else UNICODE
        what = "is not built yet; b builds it" if self._to_build else f"does not load; {self._next}"
        self._title(f" aos-tui  {what}  {self._world}")
        width = max(20, self.app.size.width - _BESIDE)
        lines = [Text(_NOT_BUILT), Text()] if self._to_build else []
        for of in self._problems:
            lines += [*lines_of(of, of.file, marks, width), Text()]
        lines.append(verdict(self._problems, marks))
        palette = palette_of(self.app)
        shown = (_hanging(_themed(line, palette)) for line in lines)
        self.query_one("#problem-list", Static).update(Group(*shown))

    def _title(self, text: str) -> None:
        line = Text(text, no_wrap=True, overflow="ellipsis")
        self.query_one("#problem-title", Static).update(line)
        self.query_one("#problem-title").set_class(self._to_build, "-to-build")

    def action_retry(self) -> None:
        """Open the world again."""
        self.post_message(self.Retry())

    def action_pick_world(self) -> None:
        """To the other worlds."""
        self.post_message(self.PickWorld())

    def action_build(self, trust: bool = False) -> None:
        """Build the reducers, then open the world."""
        if not self._builds:
            self._builds = True
            self.say("starting the compiler")
            self.post_message(self.Build(trust))


_NOT_BUILT = (
    "Its reducers are here as source, and not compiled yet. b compiles them and then opens the "
    "world. That takes a Rust toolchain: `aos doctor` says whether there is one, and how to get it."
)


_ROLES = {"red": "bad", "yellow": "wait", "green": "good", "cyan": "input"}
"""Of the colours that the command line has."""


def _themed(line: Text, palette: Palette) -> Text:
    """A line of the command line in the colours of the theme."""

    def style(of: str | Style) -> Style:
        given = Style.parse(of) if isinstance(of, str) else of
        role = _ROLES.get(given.color.name) if given.color is not None else None
        if given.dim:
            return palette["dim"]
        return given if role is None else given + palette[role]

    spans = [Span(of.start, of.end, style(of.style)) for of in line.spans]
    return Text(line.plain, style(line.style), spans=spans)


def _hanging(line: Text) -> Padding:
    """A line whose rest, where it is broken, stands below its beginning."""
    indent = len(line.plain) - len(line.plain.lstrip())
    return Padding(line[indent:], (0, 0, 0, indent))
