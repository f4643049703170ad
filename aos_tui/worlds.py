"""Which world is shown, and how another takes its place.

A world that is to be shown is opened first, behind the screen there is; only when it is open the
one that was shown before is closed. What keeps it from being opened is shown instead, with the way
back.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from aos_tui.session import Closed, Session
from aos_tui.tour import key_of
from aos_tui.world_screen import WorldScreen

if TYPE_CHECKING:
    from textual.worker import Worker

    from aos_tui.app import AosApp
    from aos_tui.building import Compiler
    from aos_tui.dialogs import ConfirmDialog
    from aos_tui.options import Options
    from aos_tui.panes.opening import OpeningLine
    from aos_tui.picker_screen import PickerScreen
    from aos_tui.problem_screen import ProblemScreen
    from aos_tui.snapshot import Doing, Snapshot

ENDLESS = "watch"
"""The group of the workers that never end."""

FIRST = "screen"
"""The mode of the first screen."""


class Opened:
    """A world of the app: its session and its screen."""

    def __init__(self, app: AosApp, options: Options) -> None:
        self.app, self.options = app, options
        self.session = Session(options, self.show, self._show_opening)
        self.compiler: Compiler | None = None
        self._told: tuple[str, ...] = ()
        self._news: tuple[str, ...] = ()
        self._place: tuple[str, int, int] | None = None
        self._disk_problem: str | None = None

    @cached_property
    def screen(self) -> WorldScreen:
        """Its panes."""
        app = self.app
        return WorldScreen(self.session, app.glyphs, app.said, tour=self.options.tour)

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot, where the panes are there; and say what is new of its notices and its
        news."""
        if self is not self.app.worlds.shown or not self.screen.is_running:
            return
        if (place := (snapshot.branch, snapshot.height, snapshot.live)) != self._place:
            self._place = place
            self.app.world_moved()
        self.screen.show(snapshot)
        for notice in snapshot.notices:
            if notice not in self._told:
                self.app.notify(notice, severity="warning", timeout=10)
        known = len(self._news)
        same = snapshot.news[:known] == self._news  # else they are another branch's
        for text in snapshot.news[known:] if same else snapshot.news:
            self.app.notify(text, timeout=10)
        self._told, self._news = snapshot.notices, snapshot.news
        self._list_disk_problem(snapshot.disk_problem)

    def _list_disk_problem(self, problem: str | None) -> None:
        """List it among the messages once; the banner says it as long as it is so."""
        from aos_tui.session.reading import does_not_load

        if problem is not None and problem != self._disk_problem:
            self.app.said.append(("warning", does_not_load(problem)))
        self._disk_problem = problem

    def _show_opening(self, doing: Doing | None) -> None:
        # looked up without a query: this may be told hundreds of times a second
        for screen in self.app.screen_stack:
            line: OpeningLine | None = getattr(screen, "opening", None)
            if line is not None:
                line.show(doing)

    async def end_compiler(self) -> None:
        """End what built the world before it was open; its screen has one of its own."""
        compiler, self.compiler = self.compiler, None
        if compiler is not None:
            await compiler.end()

    async def close(self) -> None:
        """Give up the world; what runs for it is ended."""
        await self.end_compiler()
        await self.session.close()


class Worlds:
    """The world that is ``shown``, and the one that is ``coming`` in its place."""

    def __init__(self, app: AosApp, options: Options) -> None:
        self._app, self._options = app, options
        self.shown: Opened | None = None
        self._coming: Opened | None = None
        self._opening = asyncio.Lock()
        self._mending: Worker[None] | None = None
        self._building: Worker[None] | None = None
        self._question: ConfirmDialog | None = None
        self._left: Options | None = None
        """The world that did not open, and that whoever picks no other one goes back to."""
        self._modes = itertools.count(2)

    @property
    def session(self) -> Session:
        """That of the world that is shown; there must be one."""
        assert self.shown is not None, "no world is open"
        return self.shown.session

    def first_screen(self) -> WorldScreen | PickerScreen:
        """The screen to begin with: a world's that was named, else the picker."""
        options = self._options
        if options.tour:
            from aos_tui.session.worlds import tour_options

            options = tour_options(options)
        if options.world:
            self.shown = self._coming = Opened(self._app, options)
            return self.shown.screen
        return self._picker()

    def begin(self) -> None:
        """Open the world that was named, behind its empty panes."""
        self._open_soon()

    # -- picking ------------------------------------------------------------------------------

    def _picker(self, first: str = "") -> PickerScreen:
        from aos_tui.picker_screen import PickerScreen

        app, shown = self._app, self.shown
        present = None
        if shown is not None:  # the tour's is none of those that are listed
            present = "" if shown.options.tour else str(shown.session.root.resolve())
        return PickerScreen(app.glyphs, remembers=app.remembers, present=present, first=first)

    async def pick(self, *, comes_back: bool = False) -> None:
        """Let a person pick another world; where they came from doing so, go back to that.
        ``comes_back``: who picks none goes back to the world that does not open."""
        from aos_tui.picker_screen import PickerScreen

        app, shown = self._app, self.shown
        if self._builds_coming and not await self.may_break_off("Another world?", "Leave", "Stay"):
            return
        coming = self._coming
        self._left = coming.options if comes_back and coming is not None else None
        if any(isinstance(of, PickerScreen) for of in app.screen_stack):
            while not isinstance(app.screen, PickerScreen):
                await app.pop_screen()
            await self._drop_coming()
        elif shown is None or shown.session.snapshot is not None:
            await app.push_screen(self._picker())
        else:  # the one that was named does not open: nothing is below the picker
            self._left = shown.options
            await self._drop_coming()
            self.shown = None
            named = Path(shown.options.world)
            await self._become(
                self._picker(first=str(named.resolve() if named.is_dir() else named))
            )
            await shown.close()

    async def _become(self, screen: WorldScreen | PickerScreen) -> None:
        """Show this screen, and none below it: each has a mode of the app, a stack of its own."""
        app = self._app
        if screen in app.screen_stack:
            while app.screen is not screen:
                await app.pop_screen()
            return
        if not app.is_running:  # it is being left meanwhile
            return
        before, mode = app.current_mode, f"{FIRST} {next(self._modes)}"
        app.add_mode(mode, lambda: screen)
        there, gone = app.switch_mode(mode), app.remove_mode(before)
        await there
        await gone

    async def stay(self) -> None:
        """Go back to the world that did not open, where one came from there, or to the one that is
        shown; where none is, leave the app."""
        await self._drop_coming()
        left, self._left = self._left, None
        if left is not None:
            self._coming = Opened(self._app, left)
            await self._open_coming()
        elif self.shown is None:
            self._app.exit()
        else:
            await self._become(self.shown.screen)

    def open(self, path: str) -> None:
        """Open the world at ``path`` in place of the one that is shown."""
        self._open(replace(self._plain_options(), world=path))

    def take_tour(self) -> None:
        """Open the tour's world."""
        from aos_tui.session.worlds import tour_options

        self._open(tour_options(self._plain_options()))

    def _plain_options(self) -> Options:
        """Those of the command line, but for what belongs to the world that was named there."""
        return replace(self._options, branch=None, scenario=None, at=None, tour=False)

    def _open(self, options: Options) -> None:
        self._app.run_worker(self._replace_coming(options), group="open")

    async def _replace_coming(self, options: Options) -> None:
        if self.shown is not None and self._is_shown(self.shown, options):
            await self._become(self.shown.screen)
            self._app.notify("this world is open")
            return
        if not await self.may_break_off("Another world?", "Open it", "Stay"):
            return
        await self._drop_coming()
        self._left = None
        self._coming = Opened(self._app, options)
        await self._open_coming()

    def _is_shown(self, shown: Opened, options: Options) -> bool:
        """Whether it is the world that is open already: a second writer would find it locked."""
        if shown.session.snapshot is None or shown.options.tour or options.tour:
            return False
        same = Path(options.world).resolve() == shown.session.root.resolve()
        return same and options.memory == shown.options.memory

    async def _drop_coming(self) -> None:
        """Give up the world that did not open."""
        coming, self._coming = self._coming, None
        self._stop_mending()
        self.stop_build()
        if coming is not None and coming is not self.shown:
            await coming.close()

    # -- opening ------------------------------------------------------------------------------

    def _open_soon(self) -> None:
        self._app.run_worker(self._open_coming(), group="open")

    retry = _open_soon
    """Open again what could not be opened."""

    async def _open_coming(self) -> None:
        async with self._opening:
            coming = self._coming
            if coming is None or coming.session.snapshot is not None:
                return
            try:
                await coming.session.open()
            except Closed:
                return
            except Exception as error:  # whatever is wrong with a world, the app stays up
                if coming is not self._coming:  # it was given up meanwhile
                    return
                await self._show_problems(coming, error)
                return
            if coming is self._coming:
                await self._enter(coming)

    async def _enter(self, world: Opened) -> None:
        """Show a world that is open now, and close the one before."""
        self._stop_mending()
        before, self.shown, self._coming = self.shown, world, None
        await self._become(world.screen)
        if world.session.snapshot is not None:
            world.show(world.session.snapshot)
        if before is not None and before is not world:
            await before.close()
        self._say_height(world)
        self._say_branch(world)
        self._look_after(world)
        await world.end_compiler()
        if self._app.remembers and not world.options.tour:
            from aos_tui.remembered import remember_world

            await asyncio.to_thread(remember_world, str(world.session.root.resolve()))

    def _look_after(self, world: Opened) -> None:
        """What goes on as long as the world's screen is there."""
        world.screen.work(partial(self._watch_again, world), group="property")
        if world.options.watch:
            world.screen.run_worker(self._watch(world), group=ENDLESS)
        if world.options.poll:
            world.screen.run_worker(world.session.follow(), group=ENDLESS)

    def _say_branch(self, world: Opened) -> None:
        """Where one is, if it is not where one begins."""
        session = world.session
        if session.not_back is not None:
            text = f"{session.not_back}\nThis is main; {key_of('branches')} shows the others"
            self._app.notify(text, severity="warning", timeout=10)
        elif session.came_back and session.snapshot is not None:
            branch = session.snapshot.branch
            self._app.notify(
                f"on branch {branch}, as you left it: {key_of('branches')} shows the others"
            )

    async def _watch_again(self, world: Opened) -> None:
        """Watch the property of before, now that the world is shown."""
        with suppress(Closed):
            if (problem := await world.session.watch_again()) is not None:
                text = (
                    f"the property that was watched no longer fits, and is not watched: {problem}"
                )
                self._app.notify(text, severity="warning", timeout=10)

    def _say_height(self, world: Opened) -> None:
        at, snapshot = world.options.at, world.session.snapshot
        if at is not None and snapshot is not None and not 0 <= at <= snapshot.live:
            text = f"there is no height {at}: the last is {snapshot.live}"
            self._app.notify(text, severity="error")

    async def _watch(self, world: Opened) -> None:
        from aos_tui.watch import changes

        world.screen.expect_edits()
        async for paths in changes(world.session.watched()):
            world.screen.files_written(paths)

    # -- what does not open -------------------------------------------------------------------

    def _problem_screen(self) -> ProblemScreen | None:
        from aos_tui.problem_screen import ProblemScreen

        stack = self._app.screen_stack
        return next((of for of in stack if isinstance(of, ProblemScreen)), None)

    async def _show_problems(self, world: Opened, error: Exception) -> None:
        """Show what is wrong instead of the panes, and look whether it is mended."""
        from aos_tui.problem_screen import ProblemScreen

        problems = await world.session.problems_on_disk(error)
        self._app.said += [(of.severity, of.text) for of in problems]
        lacks = await world.session.lacks_only_a_build(problems)
        shown = self._problem_screen()
        if shown is not None:
            shown.show(problems, lacks)
            return
        watched = world.options.watch
        shown = ProblemScreen(world.options.world, self._app.glyphs, watched=watched)
        shown.show(problems, lacks)
        await self._app.push_screen(shown)
        if watched:
            self._mending = self._app.run_worker(self._mend(world), group=ENDLESS)

    async def _mend(self, world: Opened) -> None:
        """Open the world again whenever one of its files changes, while its problems are shown."""
        from aos_tui.watch import changes

        async for _ in changes(await world.session.folders_on_disk(), to_open=True):
            if self._app.screen is self._problem_screen():
                self._open_soon()

    def _stop_mending(self) -> None:
        if self._mending is not None:
            self._mending.cancel()
            self._mending = None

    # -- building what is to open ---------------------------------------------------------------

    def build_soon(self, *, trust: bool) -> None:
        """Build the reducers of the world that does not open for lack of them, then open it."""
        # a group of its own: it goes on for a while after the build, when the world is open
        self._building = self._app.run_worker(self._build(trust=trust), group="build coming")

    async def _build(self, *, trust: bool) -> None:
        from aos_tui.building import Compiler

        world, shown = self._coming, self._problem_screen()
        if world is None or shown is None:
            return
        if world.compiler is None:
            world.compiler = Compiler(world.options.world, shown.say)
        try:
            result = await world.compiler.build(trust=trust)
        except asyncio.CancelledError:
            if world is self._coming:
                shown.stopped()
            raise
        if world is not self._coming:
            return
        self._building = None
        await self._take_question_back()
        shown.built(result)
        if result.ok:
            await self._open_coming()

    def stop_build(self) -> None:
        """Stop it, where one runs."""
        if self._building is not None:
            self._building.cancel()
            self._building = None

    @property
    def _builds_coming(self) -> bool:
        return self._building is not None and not self._building.is_finished

    @property
    def _runs(self) -> str | None:
        """What would be broken off by leaving, in words."""
        shown = self.shown
        if self._builds_coming:
            return "A build runs. Leaving stops it; it can be begun again at any time."
        if shown is None or shown.session.snapshot is None:
            return None
        if shown.session.live_running:
            return "An effect is being performed for real. Leaving cancels it."
        if shown.screen.building:
            return "A build runs. Leaving stops it; the module stays as it was."
        return None

    @property
    def may_leave(self) -> bool:
        """Whether nothing has to be asked, or was asked already: who asks again means it."""
        return self._question is not None or self._runs is None

    async def may_break_off(self, title: str, yes: str, no: str) -> bool:
        """Whether nothing runs that leaving would break off, or a person agrees to that. Only in a
        worker of the app."""
        from aos_tui.dialogs import ConfirmDialog

        if self._question is not None:
            return False
        if (runs := self._runs) is None:
            return True
        self._question = ConfirmDialog(title, runs, yes, no)
        try:
            agreed: bool | None = await self._app.push_screen_wait(self._question)
            return bool(agreed)
        finally:
            self._question = None

    async def _take_question_back(self) -> None:
        """What it asks about is over. It is gone before another screen comes: while a stack is
        taken away nothing can be taken off it."""
        if self._question is not None and self._question is self._app.screen:
            await self._question.dismiss(False)

    async def close(self) -> None:
        """Give up all of it."""
        await self._drop_coming()
        if self.shown is not None:
            await self.shown.close()
