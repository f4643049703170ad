"""The states as the state pane wishes to see them: never more is decoded than it looks at.

Of a keyed reducer the keys of all cells are known, from the kernel's map, and kept sorted from one
height to the next; values are decoded where one is, and kept for as long as there is room.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from aos_tui.snapshot import Document, Held, States, Wish
from aos_tui.state_text import cbor_lines, json_lines, whole_cbor, whole_text

if TYPE_CHECKING:
    from aos_core.air.parts import Difference, Part
    from aos_core.merkle import MerkleMap
    from aos_core.view import View

    Cells = MerkleMap[bytes]

AROUND = 120
"""So many cells are decoded before and behind the one that one is at."""
MOST_DIFFERENCES = 500
MOST_LINES = 50_000
"""So many lines of one state as text; copying takes all of it."""
ROOM = 128 << 20
"""Bytes of states whose decoded form is kept."""
OBJECTS = 55
"""Bytes of Python objects that a byte of CBOR becomes, at the worst."""

Value = TypeVar("Value")


class _Kept(Generic[Value]):
    """What was made of states, the last used ones: ``ROOM`` bytes of them, as they
    are decoded, or the very last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> Value | None:
        if (found := self._known.get(key)) is None:
            return None
        self._known.move_to_end(key)
        return found[0]

    def put(self, key: tuple[object, ...], value: Value, size: int) -> Value:
        size = OBJECTS * (size + 10)
        self._known[key] = value, size
        self._bytes += size
        while self._bytes > ROOM and len(self._known) > 1:
            self._bytes -= self._known.popitem(last=False)[1][1]
        return value


class StatesReader:
    """Reads states, one height after the other."""

    def __init__(self) -> None:
        self._parts = _Kept["Part"]()
        self._problems = _Kept[str]()
        self._texts = _Kept[Sequence[tuple[str, str]]]()
        self._keys: dict[str, tuple[Cells, list[bytes]]] = {}
        self._names: dict[tuple[bytes, str], dict[bytes, str]] = {}

    def read(self, view: View, before: View, wish: Wish, *, marked: bool) -> States:
        """What is wished for of the states in ``view``, compared with those in ``before``."""
        found = States(wish, before.height, marked)
        if wish.display == "diff":
            shown = list(islice(self._differences(view, before, wish), MOST_DIFFERENCES + 1))
            some = tuple(shown[:MOST_DIFFERENCES])
            more = len(shown) > MOST_DIFFERENCES
            return States(wish, before.height, marked, differences=some, more=more)
        held = tuple(self._held(view, before, wish))
        if wish.display == "tree":
            return States(wish, found.against, marked, held)
        shown_documents = list(islice(self._documents(view, held, wish), wish.documents + 1))
        return States(
            wish, found.against, marked, held,
            documents=tuple(shown_documents[: wish.documents]),
            more=len(shown_documents) > wish.documents,
        )  # fmt: skip

    # -- the tree -----------------------------------------------------------------------------

    def _held(self, view: View, before: View, wish: Wish) -> Iterator[Held]:
        for reducer in view.reducers():
            cells = view.kernel_state.cells.get(reducer)
            if not cells:
                continue
            older = _cells(before, reducer)
            keyed = _keyed(view, reducer)
            every = self._sorted(reducer, cells) if keyed else [b""]
            keys = self._found(view, reducer, every, wish.find) if keyed else every
            look = self._looked_at(reducer, keys, wish) if keyed else every
            changed, gone = _changed(older, cells)
            yield Held(
                reducer=reducer,
                keyed=keyed,
                keys=keys,
                total=len(every),
                names=self._named(view, reducer, look) if keyed else {},
                now=self._decoded(view, reducer, cells, look),
                before=self._decoded(before, reducer, older, look),
                changed=frozenset(changed),
                gone=tuple(gone),
            )

    @staticmethod
    def _looked_at(reducer: str, keys: Sequence[bytes], wish: Wish) -> list[bytes]:
        at = min(wish.at.get(reducer, 0), max(0, len(keys) - 1))
        window = keys[max(0, at - AROUND) : at + AROUND]
        return list(dict.fromkeys([*window, *(key for of, key in wish.cells if of == reducer)]))

    def _decoded(
        self, view: View, reducer: str, cells: Cells | None, keys: Iterable[bytes]
    ) -> dict[bytes, Part]:
        if cells is None or reducer not in view.program.modules:
            return {}
        found = ((key, cells.get(key)) for key in keys)
        return {key: self._part(view, reducer, data) for key, data in found if data is not None}

    def _part(self, view: View, reducer: str, data: bytes) -> Part:
        key = (view.kernel_state.manifest, reducer, data)
        found = self._parts.get(key)
        if found is None:
            found = self._parts.put(key, view.state_part(reducer, data), len(data))
        return found

    def problems(self, view: View, before: View) -> list[str]:
        """What does not fit its schema, a sentence each: of the states without keys, and of some
        cells that are other than ``before``. To look at all cells takes too long here."""
        found = []
        for reducer, cells in view.kernel_state.cells.items():
            if reducer not in view.program.modules:
                continue
            keys: Iterable[bytes] = [b""]
            if _keyed(view, reducer):
                older = _cells(before, reducer)
                keys = [] if older is None else (of[0] for of in older.diff(cells))
            for key in islice(keys, AROUND):
                data = cells.get(key)
                if data is not None and self._part(view, reducer, data).type is None:
                    found.append(self._problem(view, reducer, data))
        return found

    def _problem(self, view: View, reducer: str, data: bytes) -> str:
        key = (view.kernel_state.manifest, reducer, data)
        if (known := self._problems.get(key)) is None:
            why = view.state_problem(reducer, data)
            text = f"the state of {reducer} does not fit its schema: {why}"
            known = self._problems.put(key, text, len(data))
        return known

    # -- keys ---------------------------------------------------------------------------------

    def _sorted(self, reducer: str, cells: Cells) -> list[bytes]:
        """The keys of all cells; from those of the height before, where little has changed."""
        known = self._keys.get(reducer)
        if known is None or (keys := _kept_sorted(*known, cells)) is None:
            keys = sorted(key for key, _ in cells.items())
        self._keys[reducer] = cells, keys
        return keys

    def _named(self, view: View, reducer: str, keys: Iterable[bytes]) -> dict[bytes, str]:
        """What people call cells."""
        from aos_core.host_values import json_key
        from aos_core.present import cell_key

        known = self._names.setdefault((view.kernel_state.manifest, reducer), {})
        for key in keys:
            if key not in known:
                known[key] = json_key(cell_key(view.program, reducer, key))
        return {key: known[key] for key in keys}

    def _found(self, view: View, reducer: str, keys: Sequence[bytes], find: str) -> Sequence[bytes]:
        if not find:
            return keys
        wanted = find.casefold()
        names = self._named(view, reducer, keys)
        return [key for key in keys if wanted in names[key].casefold()]

    # -- text ---------------------------------------------------------------------------------

    def _documents(self, view: View, held: Sequence[Held], wish: Wish) -> Iterator[Document]:
        json = wish.display == "json"
        for of in held:
            cells = view.kernel_state.cells[of.reducer]
            for key in of.keys:
                if (data := cells.get(key)) is not None:
                    part = self._part(view, of.reducer, data)
                    title = _title(of.reducer, self._named(view, of.reducer, [key]), of.keyed)
                    lines = self._lines(view, of.reducer, data, part, wish.display)
                    make = partial(whole_text, part) if json else partial(whole_cbor, data)
                    yield Document(title, lines, make)

    def _lines(
        self, view: View, reducer: str, data: bytes, part: Part, display: str
    ) -> Sequence[tuple[str, str]]:
        key = (view.kernel_state.manifest, reducer, data, display)
        found = self._texts.get(key)
        if found is None:
            made = json_lines(part.host()) if display == "json" else cbor_lines(data)
            lines = list(islice(made, MOST_LINES + 1))
            if len(lines) > MOST_LINES:
                lines[-1] = ("more than is shown here: y copies all of it", "dim")
            found = self._texts.put(key, lines, len(data))
        return found

    # -- what differs -------------------------------------------------------------------------

    def _differences(self, view: View, before: View, wish: Wish) -> Iterator[Difference]:
        from aos_core.air.parts import differences
        from aos_core.merkle import MerkleMap

        mine, theirs = before.kernel_state.cells, view.kernel_state.cells
        for reducer in sorted({*mine, *theirs}):
            old, new = (of.get(reducer, MerkleMap[bytes]()) for of in (mine, theirs))
            for key, had, has in sorted(old.diff(new), key=lambda of: of[0]):
                side = before if has is None else view
                if reducer not in side.program.modules:
                    continue
                keyed = _keyed(side, reducer)
                names = self._named(side, reducer, [key]) if keyed else {}
                if keyed and wish.find.casefold() not in names[key].casefold():
                    continue
                yield from differences(
                    None if had is None else self._side(before, reducer, had),
                    None if has is None else self._side(view, reducer, has),
                    _title(reducer, names, keyed),
                )

    def _side(self, view: View, reducer: str, data: bytes) -> Part | None:
        return self._part(view, reducer, data) if reducer in view.program.modules else None


def nearest(marked: Sequence[int], height: int) -> int | None:
    """The last marked height before ``height``; none there, the first one behind it."""
    others = [of for of in marked if of != height]
    before = [of for of in others if of < height]
    return before[-1] if before else others[0] if others else None


def _title(reducer: str, names: Mapping[bytes, str], keyed: bool) -> str:
    import json

    name = next(iter(names.values()), "")
    return f"{reducer}[{json.dumps(name, ensure_ascii=False)}]" if keyed else reducer


def _cells(view: View, reducer: str) -> Cells | None:
    return view.kernel_state.cells.get(reducer)


def _keyed(view: View, reducer: str) -> bool:
    return view.program.modules[reducer].key_schema is not None


def _changed(older: Cells | None, cells: Cells) -> tuple[list[bytes], list[bytes]]:
    """The keys of those that have another state now, and of those that have none any more."""
    from aos_core.merkle import MerkleMap

    found = list((MerkleMap[bytes]() if older is None else older).diff(cells))
    return (
        [key for key, _, has in found if has is not None],
        sorted(key for key, _, has in found if has is None),
    )


def _kept_sorted(older: Cells, keys: list[bytes], cells: Cells) -> list[bytes] | None:
    """The sorted keys of ``cells``, from those of ``older``; None where too much has changed."""
    most = max(64, len(keys) // 8)
    found = list(islice(older.diff(cells), most + 1))
    if len(found) > most:
        return None
    keys = list(keys)
    for key, had, has in found:
        at = bisect.bisect_left(keys, key)
        if had is None:
            keys.insert(at, key)
        elif has is None:
            del keys[at]
    return keys
