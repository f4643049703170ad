"""Replay and verification: run the inputs of a journal again and compare.

The first difference is named by record, reducer, cell and field. Two comparisons:

- ``replay``: with what the journal names. Every frame must come out with the very same bytes.
- ``compare_with``: with other definitions or modules. Manifest, module hashes and roots are then
  expected to differ; what is compared is the derived records and the parts of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.errors import CanonError, Diverged, Rejected, ValueRejected
from aos_core.frames import Frame
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Program, Settings
from aos_core.kernel.records import Record, input_from_plain, show_field
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment, Programs, Turn, turn

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference. ``record`` is the expected one, as host JSON."""

    height: int
    record: Any
    expected: Any
    found: Any
    reducer: str | None = None
    cell: str | None = None
    field: str | None = None

    def to_json(self) -> dict[str, Any]:
        names = ("height", "record", "reducer", "cell", "field", "expected", "found")
        found = {name: getattr(self, name) for name in names}
        may = ("reducer", "cell", "field")
        return {name: of for name, of in found.items() if of is not None or name not in may}

    def describe(self) -> str:
        """One sentence for people."""
        place = " ".join(part for part in (self.reducer, self.cell, self.field) if part)
        kind = self.record.get("k", "root") if isinstance(self.record, dict) else "root"
        return (
            f"record {self.height} ({kind}){': ' + place if place else ''}: "
            f"expected {_short(self.expected)}, found {_short(self.found)}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found. ``seconds`` of wall time; ``root`` and ``head`` 32 bytes each;
    ``skipped``: the height up to which it was verified before, where that was not run again."""

    ok: bool
    frames: int
    records: int
    root: bytes
    head: bytes
    seconds: float
    divergence: Divergence | None = None
    skipped: int | None = None

    def to_json(self) -> dict[str, Any]:
        plain = {
            "ok": self.ok,
            "frames": self.frames,
            "records": self.records,
            "root": canon.hash_text(self.root),
            "head": canon.hash_text(self.head),
            "seconds": round(self.seconds, 6),
        }
        more: dict[str, Any] = {}
        if self.skipped is not None:
            more["verified_before"] = self.skipped
        if self.divergence is not None:
            more["divergence"] = self.divergence.to_json()
        return plain | more


@dataclass(frozen=True, slots=True)
class Replayed:
    """A frame, the state after it, the moment after it, and its turn (None for a header)."""

    frame: Frame
    state: State
    after: Moment
    turn: Turn | None


def replay(frames: Sequence[Frame], programs: Programs, modules: Modules) -> Iterator[Replayed]:
    """Run every frame again; headers of forks may stand between. Raises :class:`Diverged` at the
    first frame that does not come out with the same bytes; its ``divergence`` says where."""
    state, moment = begin(frames[0])
    yield Replayed(frames[0], state, moment, None)
    rest = (frames[at] for at in range(1, len(frames)))
    yield from resume(rest, state, moment, programs, modules)


def resume(
    frames: Iterable[Frame], state: State, moment: Moment, programs: Programs, modules: Modules
) -> Iterator[Replayed]:
    """As :func:`replay`, from the state and the moment before the first of ``frames``."""
    for frame in frames:
        if frame.is_header:
            moment = go_on(frame, state, moment)
            yield Replayed(frame, state, moment, None)
            continue
        made = rerun(frame, state, moment, programs, modules)
        state, moment = made.state, made.after
        yield Replayed(frame, state, moment, made)


def rerun(frame: Frame, state: State, moment: Moment, programs: Programs, modules: Modules) -> Turn:
    """The turn of one frame, run again and compared. Raises :class:`Diverged`."""
    try:
        made = turn(programs, state, input_from_plain(frame.body["input"]), moment, modules)
    except (Rejected, CanonError) as error:
        raise _diverged(
            Divergence(frame.height, _shown(frame, 0), "an accepted input", error.message)
        ) from error
    prev = frame.prev or b""
    if frame_payload(frame.height, prev, made) != frame.payload:
        raise _diverged(_locate(frame, frame_body(frame.height, prev, made)))
    return made


def frame_payload(height: int, prev: bytes, made: Turn) -> bytes:
    """The bytes of :func:`frame_body`: what ``canon.encode_plain`` gives for it, in half the time,
    since records are in canonical order as they are made."""
    return canon.encode_prepared(
        {
            "prev": prev,
            "root": made.state.root,
            "input": made.input.to_prepared(),
            "height": height,
            "records": [record.to_prepared() for record in made.records],
        }
    )


def frame_body(height: int, prev: bytes, made: Turn) -> dict[str, Any]:
    """The body of the frame of a turn (journal-format.md, 4)."""
    return {
        "height": height,
        "prev": prev,
        "input": made.input.to_plain(),
        "records": [record.to_plain() for record in made.records],
        "root": made.state.root,
    }


def begin(header: Frame) -> tuple[State, Moment]:
    """The state and moment after the header of a world. Raises :class:`Diverged`."""
    body = header.body
    settings = _settings(header)
    manifest, world = body.get("manifest"), body.get("world")
    if not isinstance(manifest, bytes):
        raise _diverged(Divergence(0, None, "a hash", untyped_to_host(manifest), field="manifest"))
    if type(body.get("created_ns")) is not int:
        found = untyped_to_host(body.get("created_ns"))
        raise _diverged(Divergence(0, None, "nanoseconds", found, field="created_ns"))
    state = State(manifest)
    _check_header(header, [{"k": "genesis", "manifest": manifest, "world": world}], state)
    return state, Moment(header.last_height + 1, 0, settings)


def go_on(header: Frame, state: State, moment: Moment) -> Moment:
    """The moment after the header of a fork. Raises :class:`Diverged`."""
    if header.height != moment.height:
        raise _diverged(
            Divergence(header.height, None, moment.height, header.height, field="height")
        )
    _check_header(header, [], state)
    return Moment(moment.height, moment.logical_ns, _settings(header))


def _settings(header: Frame) -> Settings:
    plain = header.body.get("settings")
    try:
        return Settings.from_plain(plain)
    except Rejected:
        found = Divergence(
            header.height, None, "settings", untyped_to_host(plain), field="settings"
        )
        raise _diverged(found) from None


def _check_header(header: Frame, records: list[Any], state: State) -> None:
    """A header has to agree with itself and with the state it begins in."""
    expected = {"manifest": state.manifest, "records": records, "root": state.root}
    found = {name: header.body.get(name) for name in expected}
    path = first_difference(found, expected, "")
    if path is not None:
        field, mine, theirs = path
        name = field.rpartition(".")[2]
        raise _diverged(
            Divergence(
                header.height, _shown(header, 0), show_field(name, mine), show_field(name, theirs),
                field=field,
            )
        )  # fmt: skip


def _diverged(divergence: Divergence) -> Diverged:
    error = Diverged(
        divergence.describe(),
        height=divergence.height,
        reducer=divergence.reducer,
        cell=divergence.cell,
        field=divergence.field,
        hint=f"look at the record, or fork it at {max(divergence.height - 1, 0)} and go on there",
    )
    error.divergence = divergence
    return error


def _locate(frame: Frame, body: Mapping[str, Any]) -> Divergence:
    """The first record, and in it the first field, that differs; else the input or the root."""
    found = canon.decode(canon.encode_plain(body))
    expected: Mapping[str, Any] = frame.body
    for index in range(max(len(expected["records"]), len(found["records"]))):
        mine, theirs = _at(expected["records"], index), _at(found["records"], index)
        if mine != theirs:
            return record_difference(frame.height, index, expected["records"], found["records"])
    for field in ("root", "input"):
        if (path := first_difference(expected[field], found[field], field)) is not None:
            return Divergence(
                frame.last_height, _shown(frame, -1), show_field("root", path[1]),
                show_field("root", path[2]), field=path[0],
            )  # fmt: skip
    return Divergence(frame.height, _shown(frame, 0), "these bytes", "other bytes", field="frame")


def record_difference(
    height: int, index: int, expected: Sequence[Any], found: Sequence[Any]
) -> Divergence:
    """What differs in record ``index`` of a turn that begins at ``height``; plain records."""
    mine, theirs = _at(expected, index), _at(found, index)
    reducer, cell = _reducer_behind(height, index, expected if mine is not None else found)
    path = None if mine is None or theirs is None else _first_field(mine, theirs)
    if path is None:
        return Divergence(
            height + index, _host(mine), _host(mine), _host(theirs), reducer=reducer, cell=cell
        )
    field, before, after = path
    name = field.partition(".")[0]
    return Divergence(
        height + index,
        _host(mine),
        show_field(name, before),
        show_field(name, after),
        reducer=reducer,
        cell=cell,
        field=field,
    )


def _first_field(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """As :func:`first_difference`; a record's ``hash`` comes last: it follows from the others."""
    plain = [{name: of[name] for name in of if name != "hash"} for of in (mine, theirs)]
    return first_difference(plain[0], plain[1], "") or first_difference(mine, theirs, "")


def _reducer_behind(
    height: int, index: int, records: Sequence[Any]
) -> tuple[str | None, str | None]:
    """(reducer, cell) of the step that a record is, or that caused it within its turn."""
    record: Any = records[index]
    while record.get("k") != "step":
        by = record.get("by")
        if type(by) is not int or not height <= by < height + index:
            return None, None
        index = by - height
        record = records[index]
    return record.get("reducer"), _cell(record.get("key"))


def _cell(key: Any) -> str | None:
    return key.hex() if isinstance(key, bytes) else None


def first_difference(mine: Any, theirs: Any, path: str) -> tuple[str, Any, Any] | None:
    """(path, mine, theirs) of the first place where two plain values differ, or None."""
    if type(mine) is type(theirs) and isinstance(mine, dict):
        for key in canon.key_order({**mine, **theirs}):
            inner = first_difference(
                mine.get(key, _MISSING), theirs.get(key, _MISSING), _join(path, key)
            )
            if inner is not None:
                return inner
        return None
    if type(mine) is type(theirs) and isinstance(mine, list):
        for index in range(max(len(mine), len(theirs))):
            inner = first_difference(
                _at(mine, index, _MISSING), _at(theirs, index, _MISSING), _join(path, index)
            )
            if inner is not None:
                return inner
        return None
    if mine == theirs and type(mine) is type(theirs):
        return None
    return path, _or_absent(mine, theirs), _or_absent(theirs, mine)


def _or_absent(value: Any, other: Any) -> Any:
    """A missing value shows as null; beside a null that is there, as a word."""
    if value is not _MISSING:
        return value
    return "absent" if other is None else None


def _join(path: str, part: Any) -> str:
    return f"{path}.{part}" if path else str(part)


def _at(items: Sequence[Any], index: int, default: Any = None) -> Any:
    return items[index] if index < len(items) else default


def _host(plain: Mapping[str, Any] | None) -> Any:
    if plain is None:
        return None
    return {name: show_field(name, value) for name, value in plain.items()}


def _shown(frame: Frame, index: int) -> Any:
    return _host(frame.records[index]) if frame.records else None


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# -- with other code ------------------------------------------------------------------------


def compare_with(
    frames: Iterable[Replayed], program: Program, programs: Programs, modules: Modules
) -> Divergence | None:
    """Run the inputs with ``program`` instead of what the journal names; the first difference.

    ``frames``: the replay with what it names, beside which this one runs. Replacements of the
    manifest are left out: they are about other code themselves.
    """
    state: State | None = None
    moment: Moment | None = None
    use: Callable[[bytes], Program] = lambda _: program  # noqa: E731
    for replayed in frames:
        if state is None or moment is None or replayed.turn is None:
            state = state or State(program.manifest_hash)
            moment = replayed.after
            continue
        if replayed.turn.records[0].kind == "manifest_replaced":
            moment = replayed.after
            continue
        try:
            made = turn(use, state, replayed.turn.input, _at_moment(replayed, moment), modules)
        except (Rejected, CanonError) as error:
            record = replayed.turn.records[0].to_plain()
            return Divergence(
                replayed.frame.height, _host(record), "an accepted input", error.message
            )
        found = _compare_turns(replayed, made, programs, program)
        if found is not None:
            return found
        state, moment = made.state, made.after
    return None


def _at_moment(replayed: Replayed, moment: Moment) -> Moment:
    """Heights and settings are the journal's, whatever replacements were left out."""
    return Moment(replayed.frame.height, moment.logical_ns, moment.settings)


def _compare_turns(
    replayed: Replayed, made: Turn, programs: Programs, program: Program
) -> Divergence | None:
    assert replayed.turn is not None
    expected, height = replayed.turn, replayed.frame.height
    for index in range(max(len(expected.records), len(made.records))):
        mine: Record | None = _at(expected.records, index)
        theirs: Record | None = _at(made.records, index)
        if mine is not None and mine == theirs:
            continue
        if mine is not None and theirs is not None and same_step(mine, theirs):
            old = programs(expected.states[index].manifest)
            states = expected.states[index], made.states[index]
            return state_difference(height + index, mine, states, old, program)
        plain = [record.to_plain() for record in expected.records]
        return record_difference(
            height, index, plain, [record.to_plain() for record in made.records]
        )
    return None


def same_step(mine: Record, theirs: Record) -> bool:
    """Whether two records are steps of one cell, so that they differ in what they did."""
    return mine.kind == theirs.kind == "step" and all(
        mine.get(name) == theirs.get(name) for name in ("reducer", "key")
    )


def state_difference(
    height: int, record: Record, states: tuple[State, State], old: Program, new: Program
) -> Divergence:
    """The field of the cell's state in which two steps differ; ``states`` are those after them."""
    reducer, key = record["reducer"], record.get("key")
    mine = _decode_cell(old, reducer, states[0].cell(reducer, key or b""))
    theirs = _decode_cell(new, reducer, states[1].cell(reducer, key or b""))
    path = first_difference(mine, theirs, "")
    if path is None:  # the same values in other bytes
        path = ("after", record["after"], canon.sha256(states[1].cell(reducer, key or b"") or b""))
    return Divergence(
        height,
        _host(record.to_plain()),
        show_field(path[0], path[1]),
        show_field(path[0], path[2]),
        reducer=reducer,
        cell=_cell(key),
        field=path[0] or None,
    )


def _decode_cell(program: Program, reducer: str, data: bytes | None) -> Any:
    """Host JSON of a cell's state; the bytes themselves where they do not fit the schema."""
    if data is None:
        return None
    schema = program.schemas[program.modules[reducer].abi["state"]]
    try:
        return schema.to_host(schema.normalise_bytes(data))
    except ValueRejected:
        return data
