"""The verbs that choose the height which every pane shows."""

from __future__ import annotations

from aos_tui.verbs.base import Base


class Travel(Base):
    """To records, turns and heights."""

    def travel(self, height: int) -> None:
        """Show a height in every pane; the journal's cursor goes ahead, so that keys add up."""
        self.journal.list.go(height)
        self.session.want(height)
        self.work(self.session.refresh, group="travel", newest=True)

    def action_back(self) -> None:
        """One record back."""
        self._step(self.session.wanted - 1)

    def action_forward(self) -> None:
        """One record forward."""
        self._step(self.session.wanted + 1)

    def action_turn_back(self) -> None:
        """To the end of the turn before."""
        self._step(self.session.turn_end(-1))

    def action_turn_on(self) -> None:
        """To the end of the next turn; inside a turn, to its end."""
        self._step(self.session.turn_end(1))

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
        self.journal.follow()
        self.session.let_plan_go()
        self.session.want(None)
        self.work(self.session.refresh, group="travel", newest=True)

    def action_go_to(self) -> None:
        """Ask for a height."""
        live = 0 if self.snapshot is None else self.snapshot.live

        def validate(text: str) -> str | None:
            if not text.strip().isdecimal():
                return f"a number from 0 to {live}"
            there = int(text) <= live
            return None if there else f"there is no height {int(text)}: the last is {live}"

        def answer(text: str) -> None:
            self.travel(int(text))

        label, offered = f"height, 0 (genesis) to {live} (live)", self.session.wanted
        if self.snapshot is not None and (fails := self.snapshot.fails_at) is not None:
            label, offered = f"{label}; the property fails first at {fails}", fails
        self._ask("PromptDialog", answer, "Go to", label, str(offered), validate)
