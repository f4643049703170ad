"""What is shown instead of panes while a world does not load, or is still to be built."""

from __future__ import annotations

from collections.abc import Iterable
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

from aos_tui.build_text import Line, add_stage, build_lines, unbuilt_lines
from aos_tui.formatting import to_text
from aos_tui.glyphs import ASCII, Glyphs
from aos_tui.painting import PaintsChanges
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_core.problems import Problem
    from aos_tui.building import Building, BuildResult
    from aos_tui.formatting import Palette
    from aos_tui.session.opening import Unbuilt

_BESIDE = 22
"""Columns that a source line cannot have: margins, its number, the scroll bar."""


class ProblemScreen(Pane, PaintsChanges, Screen[None]):
    """Every problem with its place, its line and what to do, as ``aos check`` tells them; where
    only a build is missing, that, and how far it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "build", "build"),
        Binding("r", "retry", "try again"),
        Binding("o", "pick_world", "another world"),
        Binding("escape", "back", show=False),
        Binding("q", "app.quit", "quit"),
        Binding("ctrl+p", "app.command_palette", "palette", show=False),
    ]

    class Retry(Message):
        """The world is to be opened again."""

    class PickWorld(Message):
        """Another world is to be picked; whoever picks none comes back here."""

    class Left(Message):
        """What was there before is to be gone back to."""

    class StopBuild(Message):
        """The build is to be stopped."""

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
        self._lacks: Unbuilt | None = None
        self._told: list[Building] = []
        self.builds = False
        """Whether a build runs."""

    def compose(self) -> ComposeResult:
        yield Static(id="problem-title", markup=False)
        with VerticalScroll(id="problems"):
            yield Static(id="problem-list", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Fill it, now that there is something to fill."""
        self.query_one("#problems").focus()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())
        self._fill()

    def show(self, problems: tuple[Problem, ...], lacks: Unbuilt | None) -> None:
        """Show other problems, where one looks at. ``lacks``: nothing is wrong but that this is
        not built."""
        self._problems, self._lacks = problems, lacks
        self._fill()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be built is built, and once at a time."""
        if action == "build":
            return self._lacks is not None and bool(self._lacks.compiler) and not self.builds
        return not self.builds or action != "retry"

    def say(self, doing: Building) -> None:
        """What the build is doing."""
        if self.builds:
            self._told = add_stage(self._told, doing)
            self._fill()

    def stopped(self) -> None:
        """The build was stopped."""
        self.builds = False
        self._fill()
        self.notify("the build was stopped: b builds again")

    def built(self, result: BuildResult) -> None:
        """How the build ended. A world that is built is opened by who asked for it."""
        from aos_tui.building import NO_TOOLCHAIN, NOT_TRUSTED
        from aos_tui.dialogs import ConfirmDialog, FailureDialog
        from aos_tui.verbs.coding import trust_text

        self.builds = False
        self._fill()
        if result.code == NO_TOOLCHAIN:
            self.post_message(self.Retry())  # which says what is missing
        elif result.code == NOT_TRUSTED:
            question = ConfirmDialog(
                "Build this world?", trust_text(self._world), "Build", "Do not"
            )
            self.app.push_screen(
                question, lambda yes: self.action_build(trust=True) if yes else None
            )
        elif not result.ok:
            self.app.push_screen(FailureDialog(result))

    def on_resize(self) -> None:
        """Source lines are cut to the width."""
        self._fill()

    @property
    def minds_escape(self) -> bool:
        """Whether esc stops something, and does not wait for an error to be put away."""
        return self.builds

    def _fill(self) -> None:
        if not self.query("#problem-title, #problem-list"):
            return  # it is not there yet, or no more
        self._title()
        lines = self._building() if self.builds else self._what_is_wrong()
        self.query_one("#problem-list", Static).update(Group(*map(_hanging, lines)))
        self.refresh_bindings()

    def _title(self) -> None:
        if self.builds:
            what = f"building, {self._told[-1].seconds} s" if self._told else "building"
        elif self._lacks is None:
            what = f"does not load; {self._next}"
        else:
            what = f"not built yet{'; b builds it' if self._lacks.compiler else ''}"
        line = Text(f" aos-tui  {what}  {self._world}", no_wrap=True, overflow="ellipsis")
        title = self.query_one("#problem-title", Static)
        title.update(line)
        title.set_class(self._lacks is not None, "-to-build")

    def _building(self) -> Iterable[Text]:
        module = self._told[-1].module if self._told else ""
        yield Text(f"  Building {module or 'its reducers'}; then the world opens.")
        yield Text()
        yield from self._texts(build_lines(self._told, max(3, self.size.height - 8), self._glyphs))

    def _what_is_wrong(self) -> Iterable[Text]:
        if self._lacks is not None:
            yield from self._texts(unbuilt_lines(self._lacks, self._glyphs))
        else:
            yield from self._report()

    def _texts(self, lines: Iterable[Line]) -> Iterable[Text]:
        for pieces in lines:
            text = to_text(pieces, self.palette())
            text.no_wrap = False
            yield text

    def _report(self) -> Iterable[Text]:
        from aos_core.report import ASCII as PLAIN
        from aos_core.report import UNICODE, lines_of, verdict

        marks = PLAIN if self._glyphs is ASCII else UNICODE
        palette = self.palette()
        width = max(20, self.app.size.width - _BESIDE)
        for of in self._problems:
            yield from (_themed(line, palette) for line in lines_of(of, of.file, marks, width))
            yield Text()
        yield _themed(verdict(self._problems, marks), palette)

    def action_retry(self) -> None:
        """Open the world again."""
        self.post_message(self.Retry())

    def action_pick_world(self) -> None:
        """To the other worlds."""
        self.post_message(self.PickWorld())

    def action_back(self) -> None:
        """Stop the build, or go back to where worlds are picked."""
        self.post_message(self.StopBuild() if self.builds else self.Left())

    def action_build(self, trust: bool = False) -> None:
        """Build the reducers, then open the world."""
        self.builds, self._told = True, []
        self._fill()
        self.post_message(self.Build(trust))


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
