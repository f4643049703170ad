"""Trying things out: answers that are broken on purpose, what was done undone, ends compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from aos_tui.branch_names import is_undo, undo_name
from aos_tui.formatting import in_words
from aos_tui.session import reading
from aos_tui.session.branching import Place
from aos_tui.session.scenarios import Scenarios

if TYPE_CHECKING:
    from aos_core.diff import Change
    from aos_core.view import Pending, View
    from aos_core.world import World

MOST_CHANGES = 500
"""So many differences are shown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ends: their names, their roots, and (path, before, after) of what differs, as text, None
    where there is nothing; ``whole``: there is no more."""

    names: tuple[str, str]
    roots: tuple[bytes, bytes]
    changes: tuple[tuple[str, str | None, str | None], ...]
    whole: bool

    @property
    def same(self) -> bool:
        return self.roots[0] == self.roots[1]


@dataclass(frozen=True, slots=True)
class Broken:
    """What became of an effect that was answered wrongly: the heights of the receipts that came,
    the fault of their turn, and what the border refused."""

    heights: tuple[int, ...]
    fault: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class Undone:
    """What was undone: the input of this ``kind`` at height ``first`` of branch ``of``. ``name`` is
    the branch without it, which is shown now."""

    name: str
    of: str
    first: int
    kind: str


class Experiments(Scenarios):
    """What one does to see what would happen."""

    async def break_receipt(self, intent: bytes, fault: str) -> Broken:
        """Answer an effect wrongly."""

        def act() -> Broken:
            from aos_core.by_hand import broken
            from aos_core.errors import Rejected

            self.begin_experiment()
            item = self._pending(intent)
            heights: list[int] = []
            try:
                for made in broken(self._opened, item, fault):
                    heights.append(self._opened.height - len(made.records) + 1)
                    if made.fault is not None:
                        return Broken(tuple(heights), reading.fault_text(made), None)
            except Rejected as refused:
                if fault != "malformed":
                    raise
                return Broken((), None, refused.message)
            return Broken(tuple(heights), None, None)

        return await self._act(act)

    def begin_experiment(self, *, anew: bool = False) -> None:
        """The end as it is now is what ``c`` compares with; on a branch that undo has made, what
        was undone stays so, unless ``anew``."""
        world, before = self._opened, self.before
        stays = before is not None and before.branch != world.branch and _made_by_undo(world)
        if anew or not stays:
            self.before = Place(world.branch, world.height)

    def _pending(self, intent: bytes) -> Pending:
        from aos_core.errors import UsageError

        for item in self._opened.pending:
            if item.intent_hash == intent:
                return item
        raise UsageError("this effect is no longer pending", hint="look at the pending pane")

    async def undo(self) -> Undone | None:
        """Go on before the last input, on a new branch; None at the beginning of the world.

        What has an input of its own stays. An undo that has none yet gives way to the next one:
        undoing three times leaves one branch, not three of which two are empty."""

        def act() -> Undone | None:
            world = self._opened
            first, _ = world.turn_bounds(world.height)
            if first == 0:
                return None
            of, kind = world.owner(first), world.records[first].kind
            name = undo_name(self._named(first), first, self._taken())
            gives_way = _is_empty_undo(world)
            if gives_way:
                self._give_way(of)
            self._fork(first - 1, name, discard=gives_way)
            return Undone(name, of, first, kind)

        self._need_rest()
        self._stop_verifying()
        return await self._act(act)

    async def compare(self, before: Place, after: Place) -> Comparison:
        """What differs between two ends. Raises :class:`AosError` where one is not there."""

        def look() -> Comparison:
            from aos_core.diff import diff_states

            with self._view(before) as mine, self._view(after) as theirs:
                changes = list(islice(diff_states(mine, theirs), MOST_CHANGES + 1))
                return Comparison(
                    (str(before), str(after)),
                    (mine.root, theirs.root),
                    tuple(
                        (_path(of.path, mine, theirs), *_texts(of)) for of in changes[:MOST_CHANGES]
                    ),
                    len(changes) <= MOST_CHANGES,
                )

        return await self._run(look)

    @contextmanager
    def _view(self, place: Place) -> Iterator[View]:
        """The world at a place, whichever branch is open."""
        from aos_core.errors import UsageError
        from aos_core.world import World

        known = {self._opened.branch: self._opened, **self._parked}
        world = known.get(place.branch)
        opened = None
        if world is None:
            world = opened = World.open(self._opened.files.root, place.branch, write=False)
        try:
            height = world.height if place.height is None else place.height
            if height > world.height:
                raise UsageError(
                    f"branch {place.branch} has no height {height}",
                    hint=f"it ends at {world.height}",
                )
            yield world.at(height)
        finally:
            if opened is not None:
                opened.close()


def _made_by_undo(world: World) -> bool:
    begins = world.begins()
    return is_undo(world.branch, begins[-1] if begins else None)


def _is_empty_undo(world: World) -> bool:
    """Whether a branch was made by undo, and nothing has happened on it since."""
    return _made_by_undo(world) and world.writable and not world.has_own


def _path(path: str, *views: View) -> str:
    """A path with hashes in short, a plan instance with its name."""

    def short(found: re.Match[str]) -> str:
        id = bytes.fromhex(found[1])
        instances = (view.kernel_state.plans.get(id) for view in views)
        name = next((f"{of.name} " for of in instances if of is not None), "")
        return f"[{name}{found[1][:8]}..]"

    return re.sub(r'\["sha256:([0-9a-f]{64})"\]', short, path, count=1)


def _texts(change: Change) -> tuple[str | None, str | None]:
    """Both sides. A plan instance or an effect that only one end has is told in a few words: all of
    it differs then, and most of it says nothing."""
    from aos_core.present import NOTHING

    sides = change.before, change.after
    whole = re.fullmatch(r"(plans|pending)\[[^]]*\]", change.path)
    tell: Callable[[Any], str | None] = _text
    if whole and any(of is NOTHING for of in sides):  # else only their bytes differ
        tell = {"plans": _how_far, "pending": _what_waits}[whole[1]]
    return tell(sides[0]), tell(sides[1])


def _what_waits(intent: Any) -> str:
    """An effect, and who asks for it."""
    from aos_core.effect_words import target
    from aos_core.plain import clean
    from aos_core.present import NOTHING

    if intent is NOTHING:
        return "is not pending"
    origin = intent["origin"]
    by = origin.get("step") or origin["name"]
    return clean(f"waits: {intent['kind']} {target(intent['kind'], intent['params'])}, from {by}")


def _how_far(instance: Any) -> str:
    """The steps by their states, those that are not done first."""
    from aos_core.present import NOTHING

    if instance is NOTHING:
        return "does not run"
    steps: dict[str, list[str]] = {}
    for name, state in instance["steps"].items():
        steps.setdefault(state, []).append(name)
    by_state = sorted(steps.items(), key=lambda of: of[0] == "done")
    told = "; ".join(f"{', '.join(names)} {state}" for state, names in by_state)
    return f"runs: {told or 'no step yet'}"


def _text(value: Any) -> str | None:
    from aos_core.present import NOTHING

    return None if value is NOTHING else in_words(value, 2000)
