"""The verbs for other code: build what was edited, and swap to what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aos_tui.session.reading import does_not_load
from aos_tui.verbs.rehearsing import Rehearsing

if TYPE_CHECKING:
    from textual.screen import Screen

    from aos_tui.building import Building, BuildResult, Compiler
    from aos_tui.session import Session

ASKED = "b"
"""Why something is built or offered where no file was written: a person pressed it."""
BUILD = "build"
"""The group of the worker that builds."""


def trust_text(world: str) -> str:
    """What a person agrees to who has a world built."""
    return (
        f"{world}\n\nBuilding it runs its build scripts and macros on this machine, as you. Do so "
        "only if you trust its author. Asked once for this world."
    )


class Coding(Rehearsing):
    """Build, swap, and say what a changed file means."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._compiler: Compiler | None = None
        self._told: Screen[Any] | None = None
        self._offered: bytes | None = None
        """The hash of the definitions on disk that were offered last, and not taken back."""
        self._deferred: str | None = None

    def expect_edits(self) -> None:
        """Have the process that builds ready before the first save."""
        if self.session.has_sources:
            self.work(lambda: self._the_compiler().start(), group="compiler")

    def _the_compiler(self) -> Compiler:
        from aos_tui.building import Compiler

        if self._compiler is None:
            self._compiler = Compiler(str(self.session.root), self._tell_build)
        return self._compiler

    def _tell_build(self, build: Building) -> None:
        self.session.tell_progress(f"{build.text}; esc stops it")

    async def on_unmount(self) -> None:
        """No compiler outlives the screen, and nobody is told that it was ended."""
        self.app.workers.cancel_group(self, BUILD)
        if self._compiler is not None:
            await self._compiler.end()

    @property
    def building(self) -> bool:
        """Whether a compiler runs."""
        return any(of.group == BUILD and not of.is_finished for of in self.app.workers)

    def stop_building(self) -> None:
        """End the compiler."""
        self.app.workers.cancel_group(self, BUILD)
        self.notify("the build was stopped; the module stays as it was")

    def action_build(self) -> None:
        """Build what has changed, then offer what is on disk."""
        if self.session.has_sources:
            self._build(ASKED, trust=False)
        else:
            self.offer_swap(ASKED, asked=True)

    def files_written(self, paths: Sequence[Path]) -> None:
        """Files of the world were written: build where they are sources, then offer to swap."""
        from aos_tui.watch import SOURCES

        if not self.session.root.is_dir():
            return  # nobody has written anything: the world's folder was deleted
        names = ", ".join(dict.fromkeys(path.name for path in paths))
        if self.session.has_sources and any(path.suffix in SOURCES for path in paths):
            self._build(names, trust=False)
        else:
            self.offer_swap(names)

    def _build(self, why: str, *, trust: bool) -> None:
        """Start a build; one that runs is of sources that are no longer there."""
        self._take_back()
        self.app.workers.cancel_group(self, BUILD)
        self.work(partial(self._build_and_offer, why, trust), group=BUILD)

    async def _build_and_offer(self, why: str, trust: bool) -> None:
        from aos_tui.building import NOT_TRUSTED

        self.notify(f"{why}: building, esc stops it")
        try:
            result = await self._the_compiler().build(trust=trust)
        finally:
            self.session.tell_progress(None)
        self.app.clear_notifications()
        if result.ok:
            self.offer_swap(why, asked=True)
            return
        if why != ASKED and not self.session.root.is_dir():
            return  # it was deleted meanwhile
        await self._look_at_disk()  # be it that world.toml no longer reads: the banner says so
        if result.code == NOT_TRUSTED:
            self._ask_trust(why, result)
        else:
            self._show_failure(why, result)

    async def _look_at_disk(self) -> tuple[str, ...]:
        """What differs there now, and is shown."""
        changed = await self.session.look_at_disk()
        await self.session.refresh()
        return changed

    def _tell(self, name: str, answer: Callable[[Any], None], *given: Any, unasked: bool) -> None:
        """Show what came of the files; it stands in place of what was told of older ones."""
        self._take_back()
        self._ask(name, answer, *given, unasked=unasked)
        self._told = self.app.screen_stack[-1]

    def _take_back(self) -> None:
        """Close what older files had to say, where it is still on the screen."""
        if self._told is not None and self._told is self.app.screen:
            self.app.pop_screen()
            self._offered = None
        self._told = None

    def _ask_trust(self, why: str, result: BuildResult) -> None:
        self._tell(
            "ConfirmDialog",
            lambda yes: self._build(why, trust=True) if yes else None,
            "Build this world?", trust_text(str(self.session.root)), "Build", "Do not",
            unasked=why != ASKED,
        )  # fmt: skip

    def _show_failure(self, why: str, result: BuildResult) -> None:
        """What the compiler says, with its places; the world goes on with the module it has."""
        more = "The world goes on with the module it has."
        self._tell("FailureDialog", lambda _: None, result, more, unasked=why != ASKED)

    def on_screen_resume(self) -> None:
        """Say now what a dialog kept from being said."""
        if self._deferred is not None:
            self.offer_swap(self._deferred, late=True)

    def action_swap(self) -> None:
        """Put what is on disk in force."""
        if not self._at_end(self.action_swap, "swaps"):
            return

        async def act() -> None:
            fault = await self.session.swap()
            self._say_fault(fault)
            if fault is None:
                self.notify("from now on turns run what is on disk; the journal says so")

        self.work(act)

    def offer_swap(self, written: str, *, asked: bool = False, late: bool = False) -> None:
        """Where what is on disk means another program, ask whether to use it; after a save only
        where that program was not offered before: the banner says it all the while. ``asked``: a
        person wants to know even if there is nothing to ask; ``late``: the person did something
        else meanwhile."""

        async def act() -> None:
            changed = await self._look_at_disk()
            problem = self.session.disk_problem
            self._deferred = None
            if self.app.screen not in (self, self._told):
                self._deferred = written  # another dialog is open: when that is closed
            elif changed and written != ASKED and self.session.disk_hash == self._offered:
                if asked:
                    self.notify(f"{written}: what is on disk is what was offered; b asks again")
            elif changed:
                risks = await self.session.swap_risks()
                self._ask_swap(written, changed, risks, unasked=late or written != ASKED)
            else:
                self._take_back()
                if problem is None:
                    self._offered = None
                if asked and problem is not None:
                    self.notify(does_not_load(problem), severity="error")
                elif asked:
                    self.notify("the files on disk are those in force already")

        self.work(act, group="disk")

    def _ask_swap(
        self, written: str, changed: Sequence[str], risks: Sequence[str], *, unasked: bool
    ) -> None:
        what = ", ".join(changed)
        head = f"Other than what is in force: {what}."
        if written != ASKED:
            head = f"Saved: {written}. {head}"
        text = (
            f"{head}\n\nSwap: turns run it from now on. The change is an input in the journal, so "
            "what came before still replays as it was.\n"
            "Rehearse: the whole history runs again with it, beside this one, and you see what "
            "would differ.\n"
            "Not now: b asks again."
        )
        if risks:
            text += "\n\n! The last event, tried again on the state there is, faults:\n"
            text += "\n".join(risks)
            text += "\n\nSuch a cell cannot go on before the code is mended. F forks first."
        acts = {"swap": self.action_swap, "rehearse": self.action_rehearse}
        self._tell("SwapDialog", lambda what: acts[what](), "Rebuilt", text, unasked=unasked)
        self._offered = self.session.disk_hash
