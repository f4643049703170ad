"""The verbs that try things out: break a receipt, undo, compare."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aos_core.effect_words import target
from aos_core.plain import clean, clip
from aos_tui.chips import chip
from aos_tui.formatting import Piece, count, kind_word, some
from aos_tui.session.branching import Place
from aos_tui.verbs.base import on_what_is_shown, on_what_is_written
from aos_tui.verbs.writing import Writing

if TYPE_CHECKING:
    from aos_core.view import Pending
    from aos_tui.session import Session
    from aos_tui.session.experiments import Broken, Comparison
    from aos_tui.session.going_live import Call


class Experimenting(Writing):
    """Break, go live, undo, compare, diff."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._performed: set[tuple[str, ...]] = set()
        """What was allowed to be performed for real, so that it is asked for once: another body to
        the same URL is something else."""

    @on_what_is_written
    def action_break_receipt(self) -> None:
        """Answer the effect under the cursor wrongly."""
        item = self.pending.current
        if item is None:
            self.no_dialog(self.nothing_waits("there is no receipt to break"))
            return

        def ask() -> None:
            missing = _no_answer(item)
            answer = partial(self._break, item)
            self._ask("BreakDialog", answer, _title(item), missing)

        if self._at_end(ask, f"asks how to break the receipt of effect {item.n}"):
            ask()

    def _break(self, item: Pending, fault: str) -> None:
        from aos_tui.dialogs.choice import NEED_ANSWER

        n = item.n
        if fault == "never":
            held = self.pending.hold(item)
            nothing = "nothing comes, it stays pending; u now or x n again lets it come"
            self.notify(f"effect {n}: {nothing if held else 'its receipt may come again'}")
            return

        async def act() -> None:
            done = await self.session.break_receipt(item.intent_hash, fault)
            if done.refused is not None:
                self.notify(f"refused at the border, nothing has happened: {done.refused}")
            elif done.fault is None:
                undo = "u u undo" if fault in NEED_ANSWER else "u undoes it"
                self.notify(f"effect {n}: {_told(fault, done)}. {undo}, c compares")
            self._say_fault(done.fault)

        self.work(act)

    @on_what_is_written
    def action_release_live(self) -> None:
        """Perform what is selected for real."""
        intents = self.pending.to_release()
        if not intents:
            self.no_dialog(self.nothing_waits("e fires an event"))
        elif self.session.live_running:
            self.no_dialog("effects are being performed already: esc cancels them")
        elif self._at_end(self.action_release_live, "asks whether to perform them for real"):
            self.prepare(partial(self._ask_live, intents))

    async def _ask_live(self, intents: list[bytes]) -> None:
        calls = await self.session.calls(intents)
        if all(of.same in self._performed for of in calls):
            self.work(partial(self._go_live, intents), group="live")
            return

        def answer(yes: bool) -> None:
            if yes:
                self._performed |= {of.same for of in calls}
                self.work(partial(self._go_live, intents), group="live")

        says = (
            f"{count(len(calls), 'effect')} would leave the simulation, which cannot be taken back."
            " Asked once for each method, URL and body."
        )
        text = "\n".join([says, "", *("\n   ".join((of.what, *self._notes(of))) for of in calls)])
        self._ask("ConfirmDialog", answer, "Perform for real?", text, "Perform", "Not now")

    def _notes(self, call: Call) -> tuple[str, ...]:
        known = ("asked before",) if call.same in self._performed else ()
        return (*call.more, *known)

    async def _go_live(self, intents: list[bytes]) -> None:
        found = await self.session.release_live(intents)
        left = found.asked - found.came
        stay = "stays" if left == 1 else "stay"
        stays = f"; {count(left, 'effect')} did not come and {stay} pending" if left else ""
        self.notify(
            f"live: {count(found.came, 'receipt')} of {found.asked} came{stays}",
            severity="warning" if left else "information",
        )
        for wrong in found.wrong:
            self.notify(wrong, severity="error")

    @on_what_is_written
    def action_undo(self) -> None:
        """A new branch before the last input; what has inputs of its own stays. Where the last
        thing one did was to hold an effect back, that is undone first."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.snapshot.lost:
            self.ask_lost()
        elif (number := self.pending.let_last_come()) is not None:
            self.notify(f"effect {number}: its receipt may come again; u once more undoes an input")
        else:
            self.work(self._undo)

    async def _undo(self) -> None:
        found = await self.session.undo()
        if found is None:
            self.notify("nothing to undo: this is the beginning of the world")
            return
        what = kind_word(found.kind)
        self.notify(
            f"undone: {what} {found.first} of {found.of}, which is as it was: B goes back. "
            f"On branch {found.name}"
        )

    @on_what_is_written
    def action_compare(self) -> None:
        """Compare this end with the one before the last experiment."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
            return
        before = self.session.before
        if before is None:
            self.no_dialog(
                "nothing to compare with yet: s, x or a swap begins an experiment, and u goes back "
                "before it on a branch of its own; D compares any two"
            )
            return
        self.prepare(partial(self.compare_places, before, Place(self.snapshot.branch, None)))

    @on_what_is_shown
    def action_diff(self) -> None:
        """Ask for two branches or heights, and compare them."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        else:
            self.prepare(self._ask_diff)

    async def _ask_diff(self) -> None:
        from aos_core.errors import AosError

        assert self.snapshot is not None
        names, here = await self.session.branches(), self.snapshot.branch
        before = self.session.before or Place(here, max(0, self.snapshot.height - 1))
        initial = f"{before} {Place(here, self.snapshot.height)}"

        def validate(text: str) -> str | None:
            sides = text.split()
            if len(sides) != 2:
                return "two of them: a branch, or branch@height"
            return next((wrong for side in sides if (wrong := _problem(side, names))), None)

        def answer(text: str) -> None:
            self.prepare(partial(compare, text))

        async def compare(text: str) -> None:
            before, after = map(_place, text.split())
            try:
                await self.compare_places(before, after)
            except AosError:  # such as a height that is not there: what was typed can be mended
                ask(text)
                raise

        def ask(text: str) -> None:
            self._ask("PromptDialog", answer, "Compare", label, text, validate)

        label = (
            "Two places, a space between: a branch, for its end, or branch@height.\n"
            f"Branches: {some(names)}"
        )
        ask(initial)

    async def compare_places(self, before: Place, after: Place) -> None:
        """Show what differs between two ends."""
        found = await self.session.compare(before, after)
        more = "" if found.whole else "there is more: aos diff shows all of it"
        verdict = _verdict(found)
        if not found.same and before == self.session.before and before.branch == after.branch:
            verdict.append((f"\n{_MOMENT}", "dim"))
        self._ask("ComparisonDialog", lambda _: None, found.names, verdict, found.changes, more)


_MOMENT = "the moment before: u, then R, goes another way, and c compares both ends"
"""What to do where an experiment can be compared only with where it began."""


def _title(item: Pending) -> str:
    return f"effect {item.n}: {clean(clip(target(item.kind, item.params), 48))}"


def _no_answer(item: Pending) -> str | None:
    """Why no prepared answer can come twice or late, or None where there is one."""
    if item.problem is not None:
        return "its prepared answer cannot be given"
    return None if item.prepared is not None else "no answer is prepared: i writes one"


def _told(fault: str, done: Broken) -> str:
    """What happened, by the heights of the receipts."""
    first = done.heights[0]
    if fault == "duplicate":
        return f"record {first}, the same again {done.heights[1]}: no change"
    if fault == "late":
        return f"timeout {first}, its answer late {done.heights[1]}: no change"
    return f"answered with {fault}, record {first}"


def _verdict(found: Comparison) -> list[Piece]:
    mine, theirs = map(chip, found.roots)
    if found.same:
        return [("= same root ", ""), mine, (" both end in the very same state", "")]
    differ = count(len(found.changes), "difference")
    return [(f"{differ}: root ", ""), mine, (" and ", ""), theirs]


def _problem(side: str, names: list[str]) -> str | None:
    name, at, height = side.partition("@")
    if name not in names:
        return f"there is no branch {name}; there are {', '.join(names[:8])}"
    return f"{height!r} is no height" if at and not height.isdecimal() else None


def _place(side: str) -> Place:
    name, at, height = side.partition("@")
    return Place(name, int(height) if at else None)
