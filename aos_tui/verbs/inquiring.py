"""The verbs that ask about the past: why, history of a field, a property, marks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from aos_core.plain import clean
from aos_tui.chart import chart
from aos_tui.formatting import count
from aos_tui.verbs.base import on_what_is_shown
from aos_tui.verbs.jumping import Jumping

if TYPE_CHECKING:
    from collections.abc import Callable

    from aos_tui.dialogs import WhyLine, WhyPage
    from aos_tui.glyphs import Glyphs
    from aos_tui.session import Session
    from aos_tui.session.questions import Verdict, Why
    from aos_tui.snapshot import Snapshot
    from aos_tui.state_lines import Field

_HEIGHT = 8
"""So many cells of a line of the history are its height."""
_REMEMBERED = 8
"""So many properties of before are offered again."""


class Inquiring(Jumping):
    """Why, history, property, marks."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._properties: list[str] = []
        self._first_failure: int | None = None
        """The one that was told; -1 while a dialog is about to tell it."""

    # -- why --------------------------------------------------------------------------------

    @on_what_is_shown
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
            lines += _why_lines(of, self.glyphs, self.size.width)
        return WhyPage(height, lines, chosen, whole)

    def _field_past(self, field: Field, height: int, answer: Callable[[int], None]) -> None:
        """How a field came to its value at a height; ``answer`` is given the height that is chosen
        there."""
        self.prepare(partial(self._history, field, height, answer))

    # -- a field ----------------------------------------------------------------------------

    @on_what_is_shown
    def action_history(self) -> None:
        """Every height at which the selected field changed."""
        field = self.state.selected
        if self.snapshot is None or field is None:
            self.no_dialog(
                "choose a field in the state pane's tree first: H tells how it came to its value"
            )
            return
        self._field_past(field, self.snapshot.height, self.travel)

    async def _history(self, field: Field, height: int, answer: Callable[[int], None]) -> None:
        past = await self.session.field_past(field, height)
        if not past.values:
            self.notify("no step has touched it yet")
            return
        lines: list[tuple[Text | str, int | None]] = [
            (
                Text.assemble(
                    (f"{of.height:>{_HEIGHT - 2}}  ", "dim"), (of.value, "bold"), f"   by {of.by}"
                ),
                of.height,
            )
            for of in past.values
        ]
        if past.whole:
            lines.insert(0, (Text("     0  nothing was there yet", "dim"), None))
        begin = "" if past.whole else "; older ones are not looked at"
        numbers = [of for _, of in past.picture if of is not None]
        span = f", from {min(numbers):g} to {max(numbers):g}" if len(numbers) > 1 else ""
        had = count(len(past.values), "value")
        says = f"{had} up to height {height}{span}{begin}, each with the height it began at."
        drawn_from = past.picture if len(past.picture) > 1 else ()
        rows = 3 if numbers else 1
        picture = partial(chart, drawn_from, height, rows=rows, bars=self.glyphs.bars)
        self._ask(
            "PastDialog", answer, f"History of {field.title}", says, lines, len(lines) - 1,
            picture, _HEIGHT,
        )  # fmt: skip

    # -- a property -------------------------------------------------------------------------

    def action_property(self) -> None:
        """Ask what should hold, and look where it first does not."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        else:
            self.prepare(self._ask_property)

    async def _ask_property(self) -> None:
        examples = await self.session.property_examples()
        watched = self.session.property_watch
        first = "" if watched is None else watched.text
        earlier = [("before:", text) for text in self._properties if text != first]
        self._ask(
            "PropertyDialog", self._watch_soon, first or examples[0][1],
            [*earlier, *examples], self.session.property_problem, watched is not None,
        )  # fmt: skip

    def _watch_soon(self, text: str) -> None:
        if not text:
            self.work(self._unwatch)
            return
        self._properties = [text, *(of for of in self._properties if of != text)][:_REMEMBERED]
        self.work(partial(self._watch, text), group="property", newest=True)

    async def _unwatch(self) -> None:
        await self.session.unwatch()
        self.notify("no property is watched")

    async def _watch(self, text: str) -> None:
        self._first_failure = -1
        try:
            found = await self.session.watch(text)
        finally:
            snapshot = self.snapshot
            self._first_failure = None if snapshot is None else snapshot.fails_at
        if found is None:
            self.notify("not all of the past is looked at yet: the property is watched")
            return
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

    def say_first_failure(self, snapshot: Snapshot) -> None:
        """Say once that the property which is watched has failed."""
        at, told = snapshot.fails_at, self._first_failure
        if told != -1 and at != told:
            self._first_failure = at
            if at is not None and at != self.session.known_failure:
                self.notify(f"the property fails first at height {at}: g goes there",
                            severity="warning")  # fmt: skip

    # -- marks ------------------------------------------------------------------------------

    @on_what_is_shown
    def action_mark_height(self) -> None:
        """Mark the shown height, or no longer."""
        if self.snapshot is None:
            return
        height = self.snapshot.height
        if self.session.mark(height):
            self.notify(f"height {height} is marked: ' goes back to it")
        else:
            self.notify(f"height {height} is no longer marked")
        self.work(self.session.refresh, group="wish", newest=True)

    @on_what_is_shown
    def action_to_mark(self) -> None:
        """To the mark before the shown height, around to the last."""
        if self.snapshot is None or not (here := self.snapshot.marked):
            self.notify("no height is marked: m marks the one that is shown")
            return
        earlier = [height for height in here if height < self.snapshot.height]
        self.travel(earlier[-1] if earlier else here[-1])


_WIDE_STEPS = 8
"""So many steps away each step stands two cells further to the right, then one."""


def indent_of(depth: int, width: int) -> str:
    """How far to the right a line stands so many steps away: two thirds of ``width`` are left to
    its text, and what is further away stands as far."""
    return " " * min(depth + min(depth, _WIDE_STEPS), width // 3)


def _why_lines(of: Why, glyphs: Glyphs, width: int) -> list[WhyLine]:
    from aos_tui.dialogs import WhyLine

    indent = indent_of(of.depth, width)
    if of.again:
        text = glyphs.said(clean(of.text))
        return [WhyLine(Text(f"{indent}{text}  see above", "dim"), of.height)]
    line = Text.assemble(
        indent, (glyphs.said(clean(of.text)), "bold underline" if of.asked else "")
    )
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
