"""The tour: five steps through one world. It looks at what happened, not at which key was pressed.

Plain functions of snapshots; they know nothing of Textual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aos_tui.actions import ACTIONS, ANYWHERE
from aos_tui.formatting import Piece

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Step:
    """``action``: the name of what to do; ``why``: what it is good for, and where to look;
    ``holds``: whether it was done; ``then``: what was seen then."""

    action: str
    title: str
    why: str
    holds: Callable[[Snapshot], bool]
    then: str


def _asked(snapshot: Snapshot) -> bool:
    return any(record.kind == "intent" for record in _records(snapshot))


def _verified(snapshot: Snapshot) -> bool:
    verified = snapshot.verified
    return verified.state == "ok" and verified.height == snapshot.live


STEPS: Sequence[Step] = (
    Step("scenario_step", "Ask three servers at once",
         "The scenario fires an event; a plan asks for three pages, and waits. Look at Plan "
         "and Pending.",
         _asked, "One event made three requests, and none is answered yet."),
    Step("back", "Look back",
         "One record back, and once more if you like: every pane shows the world as it was "
         "there.",
         lambda of: of.height < of.live, "That was the past. Looking changed nothing."),
    Step("follow", "Back to the live end",
         "Only there one can act: the past is never changed.",
         lambda of: of.at_end, "This is the live end again."),
    Step("shuffle", "Answer in another order",
         "The three answers come in a random order. Look at State: which one comes first must "
         "not matter.",
         lambda of: not of.pending and shuffled(of), "All are answered, in another order than they "
         "were asked, and the plan has joined them."),
    Step("verify", "Prove it",
         "The whole journal runs again, from nothing, and every record and root is compared.",
         _verified, "Verified: every record and every root came out the same."),
)  # fmt: skip

AFTER = (
    (
        "Now  ",
        (
            ("undo", "undo an answer, "),
            ("break_receipt", "break it, "),
            ("compare", "see what differs"),
        ),
    ),
    (
        "Or  ",
        (
            ("why", "why a record is there   "),
            ("open_world", "another world   "),
            ("help", "every key"),
        ),
    ),
)
"""What to try next, line by line: (action, what it is good for)."""


def shuffled(snapshot: Snapshot) -> bool:
    """Whether the newest effects were answered in another order than that of their asking."""
    records = _records(snapshot)
    begin = max((at for at, of in enumerate(records) if of.kind == "plan_started"), default=0)
    asked = [of["hash"] for of in records[begin:] if of.kind == "intent"]
    answered = [of["intent"] for of in records[begin:] if of.kind == "receipt"]
    places = [asked.index(of) for of in answered if of in asked]
    return places != sorted(places)


_LOOKED_AT = 200
"""So many records, at most, are looked at: the tour's world has fewer than a hundred."""


def _records(snapshot: Snapshot) -> Sequence[Record]:
    first = max(0, snapshot.live + 1 - _LOOKED_AT)
    return [snapshot.records[at] for at in range(first, snapshot.live + 1)]


class Tour:
    """How far it is."""

    def __init__(self) -> None:
        self.done = 0

    def see(self, snapshot: Snapshot) -> bool:
        """Look at what has happened; whether a step was done by it."""
        before = self.done
        while self.done < len(STEPS) and STEPS[self.done].holds(snapshot):
            self.done += 1
        return self.done != before

    @property
    def over(self) -> bool:
        """Whether all of it is done."""
        return self.done == len(STEPS)

    def lines(self, snapshot: Snapshot | None, glyphs: Glyphs) -> list[list[Piece]]:
        """What to say now, line by line."""
        where = "is done" if self.over else f"{self.done + 1} of {len(STEPS)}"
        title = "" if self.over else f"  {STEPS[self.done].title}"
        said: list[list[Piece]] = [
            [(f"Tour {where}", "input"), (title, "name"), ("   esc leaves it", "dim")]
        ]
        if self.done:
            said.append([(f"{glyphs.done} ", "good"), (STEPS[self.done - 1].then, "")])
        if self.over:
            return [*said, *_next()]
        step = STEPS[self.done]
        said.append([*_press(step.action), (step.why, "")])
        if (other := _otherwise(step, snapshot)) is not None:
            said[-1:] = [[(f"{glyphs.change} ", "wait"), (other, "")]]
        return said


def _press(action: str) -> list[Piece]:
    return [("press ", ""), (key_of(action), "key"), ("  ", "")]


def _next() -> list[list[Piece]]:
    return [
        [(title, "input"), *(of for to in actions for of in _key_and_use(*to))]
        for title, actions in AFTER
    ]


def _key_and_use(action: str, use: str) -> list[Piece]:
    return [(key_of(action), "key"), (f" {use}", "")]


def key_of(action: str) -> str:
    """The key in force of an action of the world's screen."""
    return next(of.key_text for of in ACTIONS if (of.name, of.where) == (action, ANYWHERE))


def _otherwise(step: Step, snapshot: Snapshot | None) -> str | None:
    """What to do where something else happened than the step is about, and it cannot be done."""
    if snapshot is None or step.action not in ("shuffle", "verify"):
        return None
    if snapshot.verified.state == "running":
        return f"It runs: {snapshot.verified.percent} %."
    if not snapshot.at_end:
        return f"This is the past: {key_of('follow')} goes to the live end."
    if step.action == "verify" or len(snapshot.pending) > 1:
        return None
    play = key_of("scenario_step")
    if snapshot.pending:
        return (
            f"One effect is left, and one has no order: release it with {key_of('release')}. Then "
            f"{play} begins anew on a branch."
        )
    return (
        f"They were answered in the order of their asking, so nothing was shuffled. {play} begins "
        f"anew on a branch, then {key_of('shuffle')}."
    )
