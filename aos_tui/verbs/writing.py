"""The verbs that write: each is one input of the journal, or several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aos_tui.formatting import count, some
from aos_tui.verbs.base import PLAY, on_what_is_written
from aos_tui.verbs.branching import Branching

if TYPE_CHECKING:
    from aos_tui.session import Session
    from aos_tui.session.session import Played

ALL_HELD = "all that wait are held back by x n: r releases one, x n lets it come again"


class Writing(Branching):
    """Fire, release, play."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._seed = 0
        self._event_texts: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        """By schema why the event that was last tried was not taken."""

    @on_what_is_written
    def action_fire(self) -> None:
        """Fire an event."""
        if self._at_end(self.action_fire, "asks for the event to fire"):
            self.prepare(self._ask_event)

    async def _ask_event(self) -> None:
        choices, initial = await self.session.event_choices()

        def answer(result: tuple[str, Any]) -> None:
            self.work(partial(self._fire, *result))

        self._ask(
            "EventDialog",
            answer,
            choices,
            initial,
            validate=self.session.event_problem,
            preview=self.session.event_preview,
            texts=self._event_texts,
            refused=self._refused,
        )

    async def _fire(self, schema: str, value: Any) -> None:
        from aos_core.errors import Rejected

        self._refused.pop(schema, None)
        try:
            fault = await self.session.fire(schema, value)
        except Rejected as error:
            self._refused[schema] = error.message
            raise
        if fault:
            self._refused[schema] = fault
        self._say_fault(fault)

    @on_what_is_written
    def action_release(self) -> None:
        """Release what is selected."""
        self._release(self.pending.to_release())

    @on_what_is_written
    def action_release_all(self) -> None:
        """Release everything in the shown order, but for what is held back."""
        intents = self.pending.in_order()
        if not intents and self.pending.held:
            self.notify(ALL_HELD)
        else:
            self._release(intents)

    def _release(self, intents: list[bytes]) -> None:
        """Release these; in the past the same ones, on the fork."""
        if not intents:
            self.notify(self.nothing_waits("e fires an event"))
            return
        numbers = some([str(n) for n in self.pending.numbers(intents)])
        noun = "effect" if len(intents) == 1 else "effects"
        if not self._at_end(partial(self._deliver, intents), f"releases {noun} {numbers}"):
            return
        self._deliver(intents)

    def _deliver(self, intents: list[bytes]) -> None:
        async def act() -> None:
            self._say_fault(await self.session.release(intents))

        self.work(act)

    def nothing_waits(self, hint: str) -> str:
        """That nothing is waiting where one is, and what to do: ``hint``, at the end."""
        if self.snapshot is not None and not self.snapshot.at_end:
            return f"nothing is waiting at height {self.snapshot.height}: f goes to the end"
        return f"nothing is waiting for a receipt: {hint}"

    @on_what_is_written
    def action_shuffle(self) -> None:
        """Release everything in a new random order."""
        if self._can_shuffle(self.action_shuffle, self.notify):
            self._shuffle(None)

    def _can_shuffle(self, again: Callable[[], None], say: Callable[[str], None]) -> bool:
        """Whether something can come in another order; ``say`` is told why not."""
        waiting = self.pending.in_order()
        if not waiting:
            nothing = self.nothing_waits("there is no order yet, e fires an event")
            say(ALL_HELD if self.pending.held else nothing)
            return False
        return self._at_end(again, f"releases {count(len(waiting), 'effect')} in another order")

    def _shuffle(self, given: int | None) -> None:
        key, shown = "s" if given is None else "S", self.pending.in_order()

        async def act() -> None:
            self._seed, numbers, fault = await self.session.shuffle(given, shown)
            order = some([str(n) for n in numbers], 12)
            self.notify(f"{key}: seed {self._seed}, order {order}; S repeats it")
            self._say_fault(fault)

        self.work(act)

    @on_what_is_written
    def action_shuffle_by(self) -> None:
        """Release everything by a seed or a permutation."""
        if not self._can_shuffle(self.action_shuffle_by, self.no_dialog):
            return
        shown = self.pending.in_order()

        def answer(result: tuple[str, Any]) -> None:
            how, value = result
            if how == "seed":
                self._shuffle(value)
            else:
                self._deliver([shown[n - 1] for n in value])

        self._ask("ShuffleDialog", answer, len(shown), self._seed)

    @on_what_is_written
    def action_edit(self) -> None:
        """Edit a receipt, then release it."""
        item = self.pending.current
        if item is None:
            self.no_dialog(self.nothing_waits("there is no receipt to edit"))
            return

        def ask() -> None:
            self.prepare(partial(self._ask_receipt, item.intent_hash))

        if self._at_end(ask, f"asks for the receipt of effect {item.n}"):
            ask()

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
            open=form.open,
            preview=form.preview,
        )

    @on_what_is_written
    def action_scenario_step(self) -> None:
        """Play the scenario's next step."""
        if self._can_play(self.action_scenario_step, to_end=False):
            self.work(partial(self._play, self.session.play_step))

    @on_what_is_written
    def action_scenario_all(self) -> None:
        """Play the scenario to its end."""
        if self.playing:
            self.notify("the scenario plays already: esc stops it")
        elif self._can_play(self.action_scenario_all, to_end=True):
            self.work(partial(self._play, self.session.play_all), group=PLAY)

    def _can_play(self, again: Callable[[], None], *, to_end: bool) -> bool:
        """Whether a step is left to play here; at the scenario's end a new branch is offered. None
        that answers what is never to be answered."""
        if not self._at_end(again, "plays the scenario"):
            return False
        if self.pending.held and self.session.scenario_releases(to_end=to_end):
            self.notify("the scenario would answer what never comes: R leaves it, x n lets it come")
            return False
        if not self.session.at_scenario_end:
            return True
        self._offer_fork(again, 0, "The scenario is at its end. On a new branch it begins anew.")
        return False

    async def _play(self, play: Callable[[], Awaitable[Played]]) -> None:
        from aos_core.errors import NotPending

        try:
            played = await play()
        except NotPending as error:
            then = "overtaken by hand? r releases what waits, u goes back"
            self.notify(f"{error.message}\n{error.hint}\n{then}", severity="error")
            return
        if played.passed:
            passed = some(played.passed, 3)
            self.notify(f"passed over, for nothing waits: {passed}; u takes back what you released")
        if played.wrong:
            text = "\n".join(["not as the scenario expects:", *played.wrong])
            self.notify(text, severity="error")
            return
        snapshot = self.snapshot
        if snapshot is not None and snapshot.next_step is None:
            self.notify(f"scenario {snapshot.scenario}: at its end, all as expected")
        elif played.held:
            when = played.held[0].partition(": ")[0]
            held = [of.partition(": ")[2] for of in played.held]
            self.notify(f"{when}, as expected: {some(held, 3)}")
