"""The verbs that ask about the past: why, history of a field, a property, marks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from aos_core.plain import clean
from aos_tui.formatting import count
from aos_tui.verbs.looking import Looking

if TYPE_CHECKING:
    from collections.abc import Callable

    from aos_tui.dialogs import WhyLine, WhyPage
    from aos_tui.panes.state import StatePane
    from aos_tui.session import Session
    from aos_tui.session.questions import Verdict, Why


class Inquiring(Looking):
    """Why, history, property, marks."""

    state: StatePane

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._property = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 3}]}'

    # -- why --------------------------------------------------------------------------------

    def action_why(self) -> None:
        """The causes and the consequences of the selected record."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        else:
            self.prepare(partial(self._why, self.snapshot.height))

    async def _why(self, height: int) -> None:
        if (page := await self._why_page(height)) is not None:
            self._ask("WhyDialog", self.travel, page, self._why_page, self._field_past)

    async def _why_page(self, height: int) -> WhyPage | None:
        """The causes and the consequences of a record; None where that fails, which is said."""
        from aos_tui.dialogs import WhyPage

        if (found := await self.attempt(self.session.why(height))) is None:
            return None
        links, whole = found
        lines: list[WhyLine] = []
        chosen = 0
        for of in links:
            chosen = len(lines) if of.asked else chosen
            lines += _why_lines(of)
        return WhyPage(height, lines, chosen, whole)

    def _field_past(
        self, path: tuple[str, ...], height: int, answer: Callable[[int], None]
    ) -> None:
        """How a field came to its value at a height; ``answer`` is given the height that is chosen
        there."""
        self.prepare(partial(self._history, path, height, answer))

    # -- a field ----------------------------------------------------------------------------

    def action_history(self) -> None:
        """Every height at which the selected field changed."""
        path = self.state.selected
        if self.snapshot is None or len(path) < 2:
            self.notify("choose a field in the state pane first: H tells how it came to its value")
            return
        self._field_past(path, self.snapshot.height, self.travel)

    async def _history(
        self, path: tuple[str, ...], height: int, answer: Callable[[int], None]
    ) -> None:
        past = await self.session.field_past(path, height)
        if not past.values:
            self.notify("no step has touched it yet")
            return
        lines: list[tuple[Text | str, int | None]] = [
            (
                Text.assemble((f"{of.height:>6}  ", "dim"), (of.value, "bold"), f"   by {of.by}"),
                of.height,
            )
            for of in past.values
        ]
        begin = "" if past.whole else "; older ones are not looked at"
        says = f"{count(len(past.values), 'value')} up to height {height}{begin}."
        title = ".".join(path[1:]) or path[0]
        self._ask("PastDialog", answer, title, says, lines, len(lines) - 1, past.numbers)

    # -- a property -------------------------------------------------------------------------

    def action_property(self) -> None:
        """Ask what should hold, and look where it first does not."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
            return

        def answer(text: str) -> None:
            self._property = text
            self.work(partial(self._watch, text))

        label = "an AIR expression over the state, as docs/properties.md tells; it is watched"
        self._ask(
            "PromptDialog", answer, "Property", label, self._property, self.session.property_problem
        )

    async def _watch(self, text: str) -> None:
        found = await self.session.watch(text)
        await self.session.refresh()
        if found.height is None:
            silent = f"; it says nothing at {found.silent} of them" if found.silent else ""
            self.notify(f"it holds at all {count(found.seen, 'height')}{silent}")
            return

        def answer(yes: bool) -> None:
            if yes and found.height is not None:
                self.travel(found.height)

        self._ask(
            "ConfirmDialog", answer, f"It first fails at height {found.height}",
            _verdict(found), "Go there", "Stay",
        )  # fmt: skip

    # -- marks ------------------------------------------------------------------------------

    def action_mark_height(self) -> None:
        """Mark the shown height, or no longer."""
        if self.snapshot is None:
            return
        height = self.snapshot.height
        if self.session.mark(height):
            self.notify(f"height {height} is marked: ' goes back to it")
        else:
            self.notify(f"height {height} is no longer marked")

    def action_to_mark(self) -> None:
        """To the mark before the shown height, around to the last."""
        if self.snapshot is None or not (here := self.snapshot.marked):
            self.notify("no height is marked: m marks the one that is shown")
            return
        earlier = [height for height in here if height < self.snapshot.height]
        self.travel(earlier[-1] if earlier else here[-1])


DEEPEST = 24
"""So many steps away a line stands further to the right; what is further stands as far."""


def _why_lines(of: Why) -> list[WhyLine]:
    from aos_tui.dialogs import WhyLine

    indent = "  " * min(of.depth, DEEPEST)
    if of.again:
        return [WhyLine(Text(f"{indent}{of.height}  see above", "dim"), of.height)]
    line = Text.assemble(indent, (clean(of.text), "bold reverse" if of.asked else ""))
    fields = (
        WhyLine(Text(f"{indent}    {clean(text)}", "dim"), of.height, path)
        for text, path in of.fields
    )
    return [WhyLine(line, of.height), *fields]


def _verdict(found: Verdict) -> str:
    parts = [found.text, "", *found.readings]
    if found.before:
        parts += ["", "one height before:", *found.before]
    return "\n".join(parts)
