"""The verbs of the world's screen: one ``action_`` method for each line of the action table.

Nothing here waits: dialogs answer through callbacks, and what changes the world runs as a worker.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from aos_tui.actions import help_groups, key_says
from aos_tui.formatting import count

if TYPE_CHECKING:
    from aos_tui.panes.base import Pane
    from aos_tui.panes.journal import JournalPane
    from aos_tui.panes.pending import PendingPane
    from aos_tui.session import Session
    from aos_tui.snapshot import Snapshot


_PLAY = "play"
"""The group of the worker that plays a scenario to its end."""


class Verbs(Screen[None]):
    """What one can do with a world. The panes are the subclass's."""

    session: Session
    journal: JournalPane
    pending: PendingPane

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._seed = 0
        self._event_texts: dict[str, str] = {}
        self._preparing = False

    # -- helpers ----------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        """What is shown."""
        return self.session.snapshot

    def focused_pane(self) -> tuple[str, Pane | None]:
        """(name, pane) that has the focus."""
        raise NotImplementedError

    def work(
        self, act: Callable[[], Awaitable[Any]], *, group: str = "turn", newest: bool = False
    ) -> None:
        """Run something of the session; an error is shown and the app goes on.

        ``newest``: what runs in the group already is dropped.
        """

        async def run() -> None:
            from aos_core.errors import AosError

            try:
                await act()
            except AosError as error:
                self.fail(error)
            except Exception as error:  # a bug of ours: what is in the journal is safe, so go on
                self.log.error(traceback.format_exc())
                text = f"this is a bug in aos-tui, please report it: {error!r}"
                self.notify(text, severity="error", timeout=20)

        self.run_worker(run(), group=group, exclusive=newest)

    def prepare(self, act: Callable[[], Awaitable[Any]]) -> None:
        """As :meth:`work`, for what ends in a dialog: keys typed ahead of it are for it, so the
        screen takes none until it is there."""

        async def run() -> None:
            try:
                await act()
            finally:
                self._preparing = False

        self._preparing = True
        self.work(run, group="prepare")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not self._preparing

    @property
    def preparing(self) -> bool:
        """Whether a dialog is on its way."""
        return self._preparing

    def fail(self, error: Any) -> None:
        """Show an error: what, where, what to do."""
        hint = f"\n{error.hint}" if error.hint else ""
        self.notify(f"{error}{hint}", severity="error", timeout=10)

    def _say_fault(self, fault: str | None) -> None:
        if fault:
            self.notify(fault, severity="error", timeout=10)

    def _ask(self, name: str, answer: Callable[[Any], None], *given: Any, **more: Any) -> None:
        """Push a dialog of this name; ``answer`` gets its result, unless one backed out."""
        from aos_tui import dialogs

        dialog = getattr(dialogs, name)(*given, **more)
        self.app.push_screen(dialog, lambda result: None if result is None else answer(result))

    def _at_end(self, then: Callable[[], None]) -> bool:
        """Whether one can go on here. In the past a fork is offered, and ``then`` runs on it."""
        snapshot = self.snapshot
        if snapshot is None:
            self.notify("the world is still being opened")
            return False
        if not snapshot.writable:
            why = "it can only be read" if snapshot.trouble is None else snapshot.trouble.message
            self.notify(f"branch {snapshot.branch}: {why}\nF forks it to go on", severity="warning")
            return False
        if snapshot.at_end:
            return True
        self._offer_fork(then)
        return False

    # -- writing ----------------------------------------------------------------------------

    def action_fire(self) -> None:
        """Fire an event."""
        if self._at_end(self.action_fire):
            self.prepare(self._ask_event)

    async def _ask_event(self) -> None:
        choices, initial = await self.session.event_choices()

        def answer(result: tuple[str, Any]) -> None:
            async def act() -> None:
                self._say_fault(await self.session.fire(*result))

            self.work(act)

        self._ask(
            "EventDialog",
            answer,
            choices,
            initial,
            validate=self.session.event_problem,
            texts=self._event_texts,
        )

    def action_release(self) -> None:
        """Release what is selected."""
        self._release(self.pending.to_release, self.action_release)

    def action_release_all(self) -> None:
        """Release everything in the shown order."""
        self._release(self.pending.in_order, self.action_release_all)

    def _release(self, which: Callable[[], list[bytes]], again: Callable[[], None]) -> None:
        if not self._at_end(again):
            return
        intents = which()
        if not intents:
            self.notify("nothing is waiting for a receipt: e fires an event")
            return

        async def act() -> None:
            self._say_fault(await self.session.release(intents))

        self.work(act)

    def action_shuffle(self) -> None:
        """Release everything in a new random order."""
        if self._can_shuffle(self.action_shuffle):
            self._shuffle(None)

    def _can_shuffle(self, again: Callable[[], None]) -> bool:
        if not self._at_end(again):
            return False
        if not self.pending.in_order():
            self.notify("nothing is waiting, so there is no order: e fires an event")
            return False
        return True

    def _shuffle(self, given: int | None) -> None:
        async def act() -> None:
            seed, fault = await self.session.shuffle(given)
            self._seed = seed
            self.notify(f"released in the order of seed {seed} (S repeats it)")
            self._say_fault(fault)

        self.work(act)

    def action_shuffle_by(self) -> None:
        """Release everything by a seed or a permutation."""
        if not self._can_shuffle(self.action_shuffle_by):
            return
        shown = self.pending.in_order()

        def answer(result: tuple[str, Any]) -> None:
            how, value = result
            if how == "seed":
                self._shuffle(value)
            else:
                self._release(lambda: [shown[n - 1] for n in value], self.action_shuffle_by)

        self._ask("ShuffleDialog", answer, len(shown), self._seed)

    def action_edit(self) -> None:
        """Edit a receipt, then release it."""
        if not self._at_end(self.action_edit):
            return
        item = self.pending.current
        if item is None:
            self.notify("nothing is waiting, so there is no receipt to edit")
            return

        self.prepare(partial(self._ask_receipt, item.intent_hash))

    async def _ask_receipt(self, intent: bytes) -> None:
        form = await self.session.receipt_form(intent)

        def answer(result: tuple[str, Any, int | None]) -> None:
            async def act() -> None:
                self._say_fault(await self.session.deliver_edited(intent, *result))

            self.work(act)

        self._ask(
            "ReceiptDialog",
            answer,
            form.title,
            form.status,
            form.payload,
            form.cost_cents,
            form.type_json,
            form.validate,
        )

    def action_scenario_step(self) -> None:
        """Play the scenario's next step."""
        if self._can_play(self.action_scenario_step):
            self.work(partial(self._play, self.session.play_step))

    def action_scenario_all(self) -> None:
        """Play the scenario to its end."""
        if self._playing:
            self.notify("the scenario plays already: esc stops it")
        elif self._can_play(self.action_scenario_all):
            self.work(partial(self._play, self.session.play_all), group=_PLAY)

    @property
    def _playing(self) -> bool:
        return any(of.group == _PLAY and not of.is_finished for of in self.app.workers)

    def _can_play(self, again: Callable[[], None]) -> bool:
        """Whether a step is left to play here; at the scenario's end a new branch is offered."""
        if not self._at_end(again):
            return False
        if not self.session.at_scenario_end:
            return True
        self._offer_fork(again, 0, "The scenario is at its end. On a new branch it begins anew.")
        return False

    async def _play(self, play: Callable[[], Awaitable[list[str]]]) -> None:
        wrong = await play()
        for text in wrong:
            self.notify(text, title="not as the scenario expects", severity="error", timeout=10)
        snapshot = self.snapshot
        if not wrong and snapshot is not None and snapshot.next_step is None:
            self.notify(f"scenario {snapshot.scenario}: at its end, all as expected")

    def action_swap(self) -> None:
        """Put what is on disk in force."""
        if not self._at_end(self.action_swap):
            return

        async def act() -> None:
            fault = await self.session.swap()
            self._say_fault(fault)
            if fault is None:
                self.notify("from now on turns run what is on disk; the journal says so")

        self.work(act)

    def offer_swap(self, written: str) -> None:
        """Files were written: where they mean another program, ask whether to use it."""

        async def act() -> None:
            changed = await self.session.look_at_disk()
            await self.session.refresh()
            if changed and self.app.screen is self:
                self._ask_swap(written, changed)

        self.work(act, group="disk")

    def _ask_swap(self, written: str, changed: Sequence[str]) -> None:
        text = (
            f"{written} changed on disk, and with it {', '.join(changed)}.\n\nSwap: turns run it "
            "from now on. The change is an input in the journal, so what came before still replays "
            "as it was. Not now: b swaps later."
        )
        self._ask(
            "ConfirmDialog",
            lambda yes: self.action_swap() if yes else None,
            "Rebuilt", text, "Swap", "Not now",
        )  # fmt: skip

    # -- proof ------------------------------------------------------------------------------

    def action_verify(self) -> None:
        """Run the journal again and compare."""
        self.work(self._verify, group="verify")

    async def _verify(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            self.notify("the world is still being opened")
            return
        if snapshot.verified.state == "running":
            self.notify("verification runs already; esc stops it")
            return
        verified = await self.session.verify()
        if verified.state == "ok":
            records = count(snapshot.live + 1, "record")
            root = f", root {snapshot.root.hex()[:8]}.." if snapshot.at_end else ""
            self.notify(f"verified: {records} replayed to the same bytes{root}")
        elif verified.state == "bad":
            self.notify(f"verification failed at record {verified.height}", severity="error")
            self.show_value("Verification failed", verified.text)
        else:
            self.notify("verification was stopped")

    # -- travel -----------------------------------------------------------------------------

    def travel(self, height: int) -> None:
        """Show a height in every pane."""
        self.session.want(height)
        self.work(self.session.refresh, group="travel", newest=True)

    def action_back(self) -> None:
        """One record back."""
        self._step(self.session.wanted - 1)

    def action_forward(self) -> None:
        """One record forward."""
        self._step(self.session.wanted + 1)

    def action_turn_back(self) -> None:
        """One turn back."""
        self._step(self.session.turn_start(-1) if self.session.wanted else -1)

    def action_turn_on(self) -> None:
        """One turn forward."""
        at, live = self.session.wanted, 0 if self.snapshot is None else self.snapshot.live
        self._step(self.session.turn_start(1) if at < live else live + 1)

    def _step(self, height: int) -> None:
        live = 0 if self.snapshot is None else self.snapshot.live
        if height < 0:
            self.notify("this is genesis: nothing is before it")
        elif height > live:
            self.notify("this is the live end: nothing is after it")
        else:
            self.travel(height)

    def action_first(self) -> None:
        """To genesis."""
        self.travel(0)

    def action_last(self) -> None:
        """To the last record."""
        self.action_follow()

    def action_follow(self) -> None:
        """Follow the live end."""
        self.session.want(None)
        self.work(self.session.refresh, group="travel", newest=True)

    def action_go_to(self) -> None:
        """Ask for a height."""
        live = 0 if self.snapshot is None else self.snapshot.live

        def validate(text: str) -> str | None:
            fits = text.strip().isdecimal() and int(text) <= live
            return None if fits else f"a number from 0 to {live}"

        def answer(text: str) -> None:
            self.travel(int(text))

        label = f"height, 0 (genesis) to {live} (live)"
        self._ask("PromptDialog", answer, "Go to", label, str(self.session.wanted), validate)

    def action_fork(self) -> None:
        """Fork at the shown height."""
        self._offer_fork(lambda: None)

    def _offer_fork(
        self, then: Callable[[], None], height: int | None = None, why: str = ""
    ) -> None:
        """Ask for a fork at a height (None: the shown one); ``then`` runs on it."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
            return
        at = self.snapshot.height if height is None else height
        self.prepare(partial(self._ask_fork, then, at, why))

    async def _ask_fork(self, then: Callable[[], None], height: int, why: str) -> None:
        assert self.snapshot is not None
        taken = await self.session.branches()
        start = self.session.fork_start(height)
        stem = f"{self.snapshot.branch.partition('~')[0][:60]}-{start}"
        names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
        suggested = next(name for name in names if name not in taken)

        def answer(name: str) -> None:
            async def act() -> None:
                await self.session.fork(height, name)
                self.notify(f"on branch {name}, which goes on from height {start}")
                then()

            self.work(act)

        self._ask("ForkDialog", answer, height, start + 1, suggested, taken, why)

    # -- looking ----------------------------------------------------------------------------

    def show_record(self, height: int) -> None:
        """Open a record."""

        async def act() -> None:
            detail = await self.session.detail(height)
            self._ask(
                "RecordDialog", self.travel, detail.title, list(detail.sections), list(detail.links)
            )

        self.prepare(act)

    def show_value(self, title: str, text: str) -> None:
        """Open a text."""
        self._ask("ValueDialog", lambda _: None, title, text)

    def action_filter(self) -> None:
        """Open the journal's filter."""
        self.journal.open_filter()

    def action_next_hit(self) -> None:
        """To the next hit."""
        self._hit(1)

    def action_previous_hit(self) -> None:
        """To the hit before."""
        self._hit(-1)

    def _hit(self, step: int) -> None:
        height = self.journal.hit(step)
        if height is None:
            self.notify("nothing is found: / says what to look for")
        else:
            self.travel(height)

    def action_copy(self) -> None:
        """Copy what is under the cursor."""
        name, pane = self.focused_pane()
        found = None if pane is None else pane.copied()
        if found is None:
            self.notify(f"there is nothing to copy in {name}")
            return
        what, text = found
        self.app.copy_to_clipboard(text)
        kept = self.session.copy_path
        also = "" if kept is None else f"; also in {kept}"
        self.notify(f"copied {what}, {len(text)} characters{also}")

    def action_zoom(self) -> None:
        """Maximise the focused pane, or leave it."""
        if self.maximized is not None:
            self.minimize()
            return
        _, pane = self.focused_pane()
        if pane is None or not self.maximize(pane):
            self.notify("focus a pane first (tab)")

    def action_cancel(self) -> None:
        """Stop what runs, or go back from where one is."""
        snapshot = self.snapshot
        running = snapshot is not None and snapshot.verified.state == "running"
        if running or self._playing:
            self.session.cancel()
        elif self.journal.filtering:
            self.journal.close_filter()
        elif self.maximized is not None:
            self.minimize()
        else:
            self.notify("nothing runs and nothing is open: q quits")

    def action_help(self) -> None:
        """Show the keys."""
        name, _ = self.focused_pane()
        self._ask("HelpDialog", lambda _: None, help_groups(name))

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit()

    def action_elsewhere(self, key: str) -> None:
        """Say where a pane's key works."""
        self.notify(key_says(key))
