"""Questions about the past: why a record is there, how a field came to its value, what should
hold and where it first does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from aos_tui.formatting import kind_text, plain, summary
from aos_tui.glyphs import UNICODE
from aos_tui.session.experiments import Experiments

if TYPE_CHECKING:
    from aos_core.view import PlanView, View
    from aos_core.world import World
    from aos_tui.snapshot import Index

MOST_LINKS, MOST_FIELDS, MOST_INSTANCES = 500, 20, 500


Path = tuple[str, ...]
"""Of a field, as the state pane has it: reducer, for a keyed one the cell's key, then members."""


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
    fields: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class PastValue:
    """What a field became at ``height``, ``by`` which event."""

    height: int
    value: str
    by: str


@dataclass(frozen=True, slots=True)
class Past:
    """The values of a field, the first one first; ``numbers``: the same for a picture, if they
    are numbers. ``whole``: nothing before them is left out."""

    values: tuple[PastValue, ...]
    numbers: tuple[float, ...]
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
    """What the index and replay answer."""

    async def why(self, height: int) -> tuple[tuple[Why, ...], bool]:
        """The chain that led to a record and all that it led to, in reading order; and whether
        that is all of it."""
        return await self._run(lambda: _why(self._opened, self._index, height))

    async def instances(self, height: int) -> tuple[PlanView, ...]:
        """The last plan instances that have started by ``height``, and all that run, the newest
        first."""
        found = await self._run(lambda: self._opened.at(height).last_plans(MOST_INSTANCES))
        return tuple(reversed(found))

    async def field_past(self, path: Sequence[str], height: int) -> Past:
        """How the field at ``path`` (reducer, for a keyed one the cell's key, then members) came
        to its value at ``height``."""

        def look() -> Past:
            from aos_core.field_history import field_history
            from aos_core.present import NOTHING, compact

            world = self._opened
            cell, members = _cell_of(world, path, height)
            found = field_history(world, path[0], cell, members, height)
            values = tuple(
                PastValue(
                    of.height,
                    "not there" if of.value is NOTHING else compact(of.value, 200),
                    "" if of.event is None else _line(world, self._index, of.event),
                )
                for of in found.changes
            )
            return Past(values, tuple(found.numbers() or ()), found.whole)

        return await self._run(look)

    def property_problem(self, text: str) -> str | None:
        """What is wrong with the text of a property, or None."""
        from aos_core.errors import AosError
        from aos_core.property import Property

        try:
            Property.parse(text, self._opened.program)
        except AosError as error:
            return f"{error.message}{f': {error.hint}' if error.hint else ''}"
        return None

    async def watch(self, text: str) -> Verdict:
        """Look through the whole history for where a property first fails, and keep it."""

        def look() -> Verdict:
            from aos_core.bisect import bisect
            from aos_core.property import Property

            world = self._opened
            self.kept_property = property = Property.parse(text, world.program)
            found = bisect(property, world.at, world.height, self._not_closed)
            self.first_failure = found.height

            def read(view: View | None) -> tuple[str, ...]:
                return () if view is None else tuple(map(str, property.evaluate(view)))

            return Verdict(
                text, found.height, read(found.after), read(found.before), found.seen, found.silent
            )

        return await self._run(look)

    def _not_closed(self, *_: int) -> None:
        from aos_tui.session.showing import Closed

        if self._closed:
            raise Closed


def _why(world: World, index: Index, height: int) -> tuple[tuple[Why, ...], bool]:
    from aos_core.causes import causes, effects

    above = causes(world, height, most=MOST_LINKS)
    below = effects(world, height, most=MOST_LINKS)
    at = max((of.depth for of in above.links), default=0)

    def why(of: int, depth: int, again: bool = False) -> Why:
        text = _line(world, index, of)
        if again:
            return Why(of, depth, text, again=True)
        return Why(of, depth, text, of == height, fields=_fields(world, of))

    found = (
        *(why(of.height, at - of.depth, of.again) for of in above.links),
        why(height, at),
        *(why(of.height, at + of.depth, of.again) for of in below.links),
    )
    return found, above.whole and below.whole


def _line(world: World, index: Index, height: int) -> str:
    record = world.records[height]
    return f"{height}  {kind_text(record)} {plain(summary(record, index, UNICODE))}"


def _fields(world: World, height: int) -> tuple[tuple[str, Path], ...]:
    """What a step changed in its cell, a line for each field, and where the field is."""
    from aos_core.present import NOTHING, changed_parts, compact

    record = world.records[height]
    if record.kind != "step":
        return ()
    reducer, cell = record["reducer"], record.get("key") or b""
    views = world.at(height - 1), world.at(height)

    def state(view: View) -> object:
        data = view.state_bytes(reducer, cell)
        return NOTHING if data is None else view.decode_state(reducer, data)

    def text(value: object) -> str:
        return "nothing" if value is NOTHING else compact(value, 32)

    place = _place_of(views[1], reducer, cell)
    found = list(islice(changed_parts(state(views[0]), state(views[1])), MOST_FIELDS + 1))
    lines = [
        (f"{'.'.join(path) or 'state'}  {text(old)} -> {text(new)}", (*place, *path))
        for path, old, new in found[:MOST_FIELDS]
    ]
    return (*lines, ("..", place)) if len(found) > MOST_FIELDS else tuple(lines)


def _place_of(view: View, reducer: str, cell: bytes) -> Path:
    """Where the state pane has a cell."""
    from aos_core.present import cell_key
    from aos_core.view import json_key

    module = view.program.modules.get(reducer)
    if module is None or module.key_schema is None:
        return (reducer,)
    return reducer, json_key(cell_key(view.program, reducer, cell))


def _cell_of(world: World, path: Sequence[str], height: int) -> tuple[bytes, Sequence[str]]:
    """(the cell's key, the members below it) of a path as the state pane has it."""
    from aos_core.errors import UsageError
    from aos_core.present import cell_key
    from aos_core.view import json_key

    reducer, view = path[0], world.at(height)
    module = view.program.modules.get(reducer)
    if module is None or module.key_schema is None:
        return b"", path[1:]
    if len(path) < 2:
        raise UsageError("a keyed reducer has no fields of its own", hint="choose one of its cells")
    for entry in view.kernel_state.cells[reducer].items():
        key = entry[0]
        if json_key(cell_key(view.program, reducer, key)) == path[1]:
            return key, path[2:]
    raise UsageError(f"there is no cell {path[1]} at height {height}")
