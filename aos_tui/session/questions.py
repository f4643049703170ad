"""Questions about the past: why a record is there, how a field came to its value, what should
hold and where it first does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aos_core.plain import clean
from aos_tui.formatting import in_words, kind_text, plain, summary
from aos_tui.glyphs import UNICODE
from aos_tui.session.examples import Example, property_examples
from aos_tui.session.experiments import Experiments
from aos_tui.session.reading import changed_fields
from aos_tui.session.showing import LOOK
from aos_tui.session.watching import Watch
from aos_tui.state_lines import Field

if TYPE_CHECKING:
    from aos_core.view import PlanView
    from aos_core.world import World
    from aos_tui.snapshot import Index

MOST_LINKS, MOST_INSTANCES = 500, 500


@dataclass(frozen=True, slots=True)
class Why:
    """A record in the tree of causes and effects: the larger ``depth``, the later in the chain.
    ``asked``: the record that was asked about; ``again``: one that was told already. ``fields``:
    what a step changed, as text, and where it is."""

    height: int
    depth: int
    text: str
    asked: bool = False
    again: bool = False
    fields: tuple[tuple[str, Field], ...] = ()


@dataclass(frozen=True, slots=True)
class PastValue:
    """What a field became at ``height``, ``by`` which event."""

    height: int
    value: str
    by: str


@dataclass(frozen=True, slots=True)
class Past:
    """The values of a field, the first one first; ``picture``: the same as (height, number), None
    for what is no number. ``whole``: nothing before them is left out."""

    values: tuple[PastValue, ...]
    picture: tuple[tuple[int, float | None], ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a property holds at every height up to the end: ``height`` is the first at which it
    does not; ``readings``: what it refers to there and, ``before``, one height earlier."""

    text: str
    height: int | None
    readings: tuple[str, ...]
    before: tuple[str, ...]
    seen: int
    silent: int


class Questions(Experiments):
    """What the index and replay answer. ``looking``: whether a property is looked for in the
    past."""

    looking = False

    async def why(self, height: int) -> tuple[tuple[Why, ...], bool]:
        """The chain that led to a record and all that it led to, in reading order; and whether
        that is all of it."""
        return await self._run(lambda: _why(self._opened, self._index, height))

    async def instances(self, height: int) -> tuple[PlanView, ...]:
        """The last plan instances that have started by ``height``, and all that run, the newest
        first."""
        found = await self._run(lambda: self._opened.at(height).last_plans(MOST_INSTANCES))
        return tuple(reversed(found))

    async def field_past(self, field: Field, height: int) -> Past:
        """How a field came to its value at ``height``."""

        def look() -> Past:
            from aos_core.field_history import field_history
            from aos_core.present import NOTHING

            world = self._opened
            found = field_history(world, field.reducer, field.cell, field.members, height)
            values = tuple(
                PastValue(
                    of.height,
                    "not there" if of.value is NOTHING else clean(in_words(of.value, 200)),
                    "" if of.event is None else clean(_line(world, self._index, of.event)),
                )
                for of in found.changes
            )
            drawn = found.numbers() is not None
            picture = tuple(
                (of.height, float(of.value) if drawn and of.value is not NOTHING else None)
                for of in found.changes
            )
            return Past(values, picture, found.whole)

        return await self._run(look)

    def property_problem(self, text: str) -> str | None:
        """What is wrong with the text of a property, or None."""
        from aos_core.errors import AosError
        from aos_core.property import Property

        try:
            Property.parse(text, self._opened.program)
        except AosError as error:
            where = f"at {path}: " if (path := error.where.get("path")) else ""
            return f"{where}{error.message}{f': {error.hint}' if error.hint else ''}"
        return None

    async def property_examples(self) -> list[Example]:
        """Properties to begin with, for the world as it is now."""
        return await self._run(lambda: property_examples(self._opened.at(self._opened.height)))

    async def watch(self, text: str) -> Verdict | None:
        """Watch a property from now on, and look through the whole history for where it first
        fails, with progress; None where :meth:`cancel` broke that off: it is looked for on."""
        from aos_core.property import Property

        property = await self._run(lambda: Property.parse(text, self._opened.program))
        watch = self.property_watch = Watch(text, property)
        self._stop, self.looking, shown = False, True, -1
        try:
            while await self._run(lambda: watch.look_on(self._opened, LOOK)):
                if self._stop or watch is not self.property_watch:
                    return None
                if (percent := 100 * watch.seen // (self._opened.height + 1)) != shown:
                    self.tell_progress(f"property: looked at {(shown := percent)} %")
        finally:
            self.looking = False
            self.tell_progress(None)
            await self.refresh()
        return await self._run(lambda: _verdict(self._opened, watch))

    async def unwatch(self) -> None:
        """Watch no property any more."""
        self.property_watch = None
        await self.refresh()


def _verdict(world: World, watch: Watch) -> Verdict:
    def read(height: int | None) -> tuple[str, ...]:
        if height is None or height < 0:
            return ()
        return tuple(map(clean, map(str, watch.property.evaluate(world.at(height)))))

    first = watch.fails_at
    before = None if first is None else first - 1
    return Verdict(watch.text, first, read(first), read(before), watch.seen, watch.silent)


def _why(world: World, index: Index, height: int) -> tuple[tuple[Why, ...], bool]:
    from aos_core.causes import causes, effects

    above = causes(world, height, most=MOST_LINKS)
    below = effects(world, height, most=MOST_LINKS)
    at = max((of.depth for of in above.links), default=0)

    def why(of: int, depth: int, again: bool = False) -> Why:
        text = _line(world, index, of)
        if again:
            return Why(of, depth, text, again=True)
        return Why(of, depth, text, of == height, fields=changed_fields(world, of))

    found = (
        *(why(of.height, at - of.depth, of.again) for of in above.links),
        why(height, at),
        *(why(of.height, at + of.depth, of.again) for of in below.links),
    )
    return found, above.whole and below.whole


def _line(world: World, index: Index, height: int) -> str:
    record = world.records[height]
    return f"{height}  {kind_text(record)} {plain(summary(record, index, UNICODE, height))}"
