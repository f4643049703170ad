"""Scenarios written from what happened: the inputs of a journal as steps (world-files.md,
*Scenario*).

Played into a fresh branch of the same world they are the same inputs, byte for byte, with the same
stamps; so the records and the root are the same. Every value is read back before it is written
down: one that TOML cannot say exactly (a null in a map, other bytes than the normalised ones)
stands as its CBOR, in ``value_b64`` or ``payload_b64``.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomlkit

from aos_core import canon
from aos_core.air.codec import Codec, RecordCodec, VariantCodec
from aos_core.air.host_json import untyped_to_host
from aos_core.air.misfit import Misfit
from aos_core.air.schemas import Schema
from aos_core.by_hand import EDITED, receipt_schema
from aos_core.errors import AosError, CanonError, Rejected, UsageError, ValueRejected
from aos_core.files import WorldFiles
from aos_core.frames import Frame
from aos_core.history import History
from aos_core.journal import Frames
from aos_core.kernel.program import Program
from aos_core.kernel.records import (
    EventInput,
    Input,
    ManifestInput,
    ReceiptInput,
    input_from_plain,
)
from aos_core.present import asks_for, clip, compact, key_text, short_name
from aos_core.replay import Divergence
from aos_core.scenario_file import Expect
from aos_core.view import View
from aos_core.world import World

MOST_CELLS = 100
"""How many cells of a keyed reducer are spelled out in ``[expect]``; of more, only the number."""

_WIDTH = 100
_MODULE = re.compile(r"modules/([0-9a-f]{64})\.wasm")


class _Unsayable(Exception):
    """Why something cannot be said in a scenario, as half a sentence."""


def scenario_of(
    world: World,
    until: int | None = None,
    *,
    title: str | None = None,
    expect: Expect | None = None,
    sources: bool = False,
) -> str:
    """The scenario of a branch up to height ``until`` (the turns that have ended by then), or to
    its end, with what holds there, unless ``expect`` says something else. ``sources``: see
    :func:`write_scenario`.

    Raises :class:`UsageError` for a height out of range, and what reading the store raises.
    """
    header, end = world.frames[0], last_end(world, until)
    frames = itertools.takewhile(lambda of: of.last_height <= end, rest(world.frames))
    name = world.files.config.name
    return write_scenario(
        title or f"{world.files.config.title}: branch {world.branch} up to height {end}",
        header,
        frames,
        world.program_of,
        world.history,
        expected(world.at(end)) if expect is None else expect,
        begins=manifest_on_disk(world),
        notes=[f"Written from branch {world.branch} of {name}, up to height {end}."],
        sources=sources,
    )


def last_end(world: World, until: int | None = None) -> int:
    """The height of the last turn that has ended by ``until``; the last height without it. Raises
    :class:`UsageError` for a height out of range."""
    if until is None or until == world.height:
        return world.height
    world.frame_at(until)  # is there such a height
    first, last = world.turn_bounds(until)
    return until if until == last else first - 1


def reproduction(
    world: World,
    divergence: Divergence,
    name: str = "reproduction",
    expect: Expect | None = None,
) -> str:
    """The scenario of all inputs up to the turn that diverged, to be saved under ``name``: what
    diverged stands at its head, and it expects what the journal says, unless ``expect`` says
    something else.

    Raises :class:`JournalDamaged` and what reading the store raises.
    """
    title = f"{world.files.config.title}: what diverges at height {divergence.height}"
    with world.read_anew() as travel:
        frames = travel.chain.frames
        until = itertools.takewhile(lambda of: of.height <= divergence.height, rest(frames))
        return write_scenario(
            title,
            frames[0],
            until,
            world.program_of,
            world.history,
            expect,
            begins=manifest_on_disk(world),
            notes=[*_diverged(world, divergence), f"Run it: aos run WORLD --scenario {name}"],
        )


def save_reproduction(world: World, divergence: Divergence) -> Path:
    """Write the reproduction beside the world's scenarios, under a free name; returns its file.

    Raises as :func:`reproduction` and :func:`save`."""
    folder, stem = world.files.home / "scenarios", f"diverges-at-{divergence.height}"
    names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
    name = next(of for of in names if not (folder / f"{of}.toml").exists())
    save(world, folder / f"{name}.toml", reproduction(world, divergence, name))
    return folder / f"{name}.toml"


def rest(frames: Frames) -> Iterator[Frame]:
    """All frames but the first, one after the other."""
    return (frames[index] for index in range(1, len(frames)))


def save(world: World, file: Path, text: str) -> None:
    """Write a scenario, and the modules that it names (see :func:`save_modules`). Raises
    :class:`UsageError` where that cannot be written, :class:`StoreDamaged` where the store lacks
    one."""
    save_modules(world, text)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    except OSError as error:
        raise _not_written(file, error) from error


def save_modules(world: World, text: str) -> list[Path]:
    """Write into the world's ``modules`` those modules that the swaps of a scenario name and that
    are not there, from the store; returns their files. Raises as :func:`save`."""
    swaps = [step["swap"] for step in tomllib.loads(text).get("steps", ()) if "swap" in step]
    paths = {path for of in swaps for path in ([of] if isinstance(of, str) else of.values())}
    written = []
    for path in sorted(paths):
        module = world.files.home / path
        if (named := _MODULE.fullmatch(path)) is not None and not module.exists():
            wasm = world.store.get(bytes.fromhex(named[1]), what="a module")
            try:
                module.parent.mkdir(exist_ok=True)
                module.write_bytes(wasm)
            except OSError as error:
                raise _not_written(module, error) from error
            written.append(module)
    return written


def _not_written(file: Path, error: OSError) -> UsageError:
    text = f"{file.name} cannot be written: {error.strerror}"
    return UsageError(text, file=file, code="not_written")


def write_scenario(
    title: str,
    header: Frame,
    frames: Iterable[Frame],
    program_of: Callable[[bytes], Program],
    history: History,
    expect: Expect | None = None,
    *,
    begins: bytes | None = None,
    notes: Sequence[str] = (),
    sources: bool = False,
) -> str:
    """The scenario, as TOML, that repeats the inputs of ``frames``.

    ``header`` is the world's own, ``frames`` all that follow, headers of forks among them;
    ``history`` knows what their records tell.
    ``expect``: what holds at the end; without it, what the records say: how much is pending, and
    the root where it can be the same. ``begins``: the manifest that a fresh branch begins with,
    if not the header's. ``notes`` stand at the head, a comment each. ``sources``: say too which
    steps of which scenario the inputs came from, so that the head is the same.

    Raises what ``program_of`` raises.
    """
    first = header.body["manifest"]
    writer = _Writer(header, program_of, history, begins or first, sources)
    last, steps = header, []
    for frame in frames:
        last = frame
        steps += [] if frame.is_header else [writer.step(frame)]
    root = canon.hash_text(last.root)
    if expect is None:
        expect = Expect(pending=writer.pending, root=root if writer.exact else None)
    if begins not in (None, first):
        notes = [*notes, _OTHER.format(canon.hash_text(first))]
    head = [*map(_comment, notes), f"title = {_inline(title)}"]
    head.append(f"start_ns = {header.body['created_ns']:_}")
    return "\n\n".join(["\n".join(head), *steps, _expect_section(expect, root)]) + "\n"


_OTHER = (
    "The journal began with manifest {}, a fresh branch begins with another: the files on disk "
    "have changed. What follows may end otherwise."
)


class _Writer:
    """Writes steps one after the other, and counts what they name as the journal goes on.

    ``pending``: how many intents the records leave pending. ``exact``: whether all so far comes
    out the same where the scenario is played."""

    def __init__(
        self,
        header: Frame,
        programs: Callable[[bytes], Program],
        history: History,
        begins: bytes,
        sources: bool,
    ) -> None:
        self._programs, self._history, self._sources = programs, history, sources
        self._height = 0
        self.pending = 0
        self._first: bytes = header.body["manifest"]
        self._in_play = begins  # the manifest that is in force where the scenario is played
        self.exact = begins == self._first

    def _take(self, frame: Frame) -> None:
        self._height = frame.last_height
        for record in frame.records:
            self.pending += record["k"] == "intent"
            self.pending -= record.get("outcome") in ("settled", "orphan")

    def step(self, frame: Frame) -> str:
        """The step of a turn, under comments that say what happened."""
        more, lines = [], []
        try:
            input = input_from_plain(frame.body["input"])
            said = self._said(input)
            lines = ["[[steps]]", *said, *self._stamps(input)]
            more = _behind(input) if "_b64" in said[0] else []
        except (_Unsayable, Rejected) as error:
            self.exact = False
            more = [f"No step can repeat this: {error}."]
        self._take(frame)
        return "\n".join([*map(_comment, [self._heading(frame), *more]), *lines])

    def _said(self, input: Input) -> list[str]:
        match input:
            case EventInput():
                return [f"fire = {_inline(self._event(input))}"]
            case ReceiptInput():
                return [f"deliver = {_inline(self._receipt(input))}"]
            case ManifestInput():
                return [f"swap = {_inline(self._swap(input))}"]
        raise _Unsayable(f"it is a {type(input).__name__}")

    def _stamps(self, input: Input) -> Iterator[str]:
        yield f"at_ns = {input.at_ns:_}"
        yield f"logical_ns = {input.logical_ns:_}"
        yield f"entropy_b64 = {_inline(_base64(input.entropy))}"
        if self._sources:
            yield f"source = {_inline(input.source or {})}"

    def _event(self, input: EventInput) -> dict[str, Any]:
        schema = self._programs(self._history.manifest_at(self._height)).schemas.get(input.schema)
        key = {} if input.key is None else {"key": _bytes(input.key)}
        return {"schema": input.schema, **_value("value", schema, input.value), **key}

    def _receipt(self, input: ReceiptInput) -> dict[str, Any]:
        asked = self._history.asked(input.intent, self._height)
        if asked is None:
            raise _Unsayable("nothing before it asked for the intent of this receipt")
        late = self._history.settled(input.intent, asked.since, self._height)
        schema = receipt_schema(asked, self._programs)  # a swap of modules leaves it as it is
        receipt = {"status": input.status, **_value("payload", schema, input.payload)}
        if input.cost_cents is not None:
            receipt["cost_cents"] = input.cost_cents
        if input.adapter_id != EDITED:
            receipt["adapter_id"] = input.adapter_id
        if input.signature is not None:
            receipt["signature"] = _bytes(input.signature)
        name = {"intent": canon.hash_text(asked.hash)} if late else {"n": asked.n}
        return {**name, "receipt": receipt}

    def _swap(self, input: ManifestInput) -> str | dict[str, str]:
        """The modules to put in force, by name, as files of the world named by what they hold."""
        if input.old != self._in_play:
            raise _Unsayable("other definitions than these are in force there")
        old, new = self._programs(input.old), self._programs(input.new)
        others = [name for name in input.changed if not _only_wasm(name, old, new)]
        if input.settings is not None:
            others.append("settings of world.toml")
        if others or replace(old.catalog.manifest, refs={}) != replace(
            new.catalog.manifest, refs={}
        ):
            changed = ", ".join(others or ["the manifest"])
            raise _Unsayable(f"more than modules was replaced, which a swap cannot say: {changed}")
        first = self._programs(self._first)
        own = [name for name in new.modules if not name.startswith("sys/")]
        named = {
            name: f"modules/{new.wasm_hash(name).hex()}.wasm"
            for name in own
            if name in input.changed or new.modules[name] != first.modules.get(name)
        }
        self._in_play = input.new
        return named if len(own) > 1 else named[own[0]]

    # -- what happened, for people ----------------------------------------------------------

    def _heading(self, frame: Frame) -> str:
        """The heights of a turn and what happened in it."""
        first, last = frame.height, frame.last_height
        heights = f"height {first}" if first == last else f"height {first} to {last}"
        happened = [self._happened(at, of) for at, of in enumerate(frame.records, first)]
        return f"{heights}: {', '.join(of for of in happened if of)}"

    def _happened(self, height: int, record: Mapping[str, Any]) -> str | None:
        """A record in a few words; None for those that say nothing of their own."""
        match record["k"]:
            case "event":
                return short_name(record["schema"]) + _key(record)
            case "receipt":
                came = self._history.outcome(height) or record["outcome"]
                outcome = "" if came == "settled" else f" ({came})"
                return f"{record['status']} for {self._effect(record['intent'])}{outcome}"
            case "manifest_replaced":
                return f"{' and '.join(record['changed']) or 'settings'} replaced"
            case "step":
                return f"{short_name(record['reducer'])}{_key(record)} steps"
            case "plan_started":
                return f"{short_name(record['plan'])} starts"
            case "plan_ended":
                how = record.get("error_code") or record["status"]
                started = self._history.instance(record["instance"], self._height)
                return f"{'a plan' if started is None else short_name(started.plan)} ends: {how}"
            case "intent":
                return f"asks for {self._effect(record['hash'])}"
            case "fault":
                return f"FAULT {record['code']}: {clip(record['text'], 80)}"
        return None

    def _effect(self, hash: bytes) -> str:
        """An intent by its number and what it asks for."""
        asked = self._history.asked(hash, self._height)
        if asked is None:
            return canon.hash_text(hash)
        params = untyped_to_host(canon.decode(asked.intent.params))
        return f"{asked.n}, {clip(asks_for(asked.intent.kind, params), 60)}"


def _key(record: Mapping[str, Any]) -> str:
    return f" [{clip(key_text(record['key']), 40)}]" if "key" in record else ""


def _behind(input: Input) -> list[str]:
    """What stands in an input's CBOR, to be read."""
    data = input.value if isinstance(input, EventInput) else None
    data = input.payload if isinstance(input, ReceiptInput) else data
    if data is None:
        return []
    try:
        plain = canon.decode_lenient(data)
    except CanonError:
        return []
    return [f"which TOML cannot say as it is: {compact(untyped_to_host(plain), 300)}"]


def _only_wasm(name: str, old: Program, new: Program) -> bool:
    """Whether a definition is a module that differs in its wasm alone."""
    if name.startswith("sys/") or name not in old.modules or name not in new.modules:
        return False
    modules = [replace(of.modules[name], wasm_hash=None) for of in (old, new)]
    return modules[0] == modules[1]


# -- values in TOML -------------------------------------------------------------------------


def _value(name: str, schema: Schema | None, data: bytes) -> dict[str, Any]:
    """CBOR as host JSON under ``name`` where that gives the very same bytes, else in base64."""
    if schema is not None:
        try:
            host = _without_nulls(schema.to_host(schema.normalise_bytes(data)))
            read = tomllib.loads(f"value = {_inline(host)}")["value"]
            if canon.encode(schema.from_host(read)) == data:
                return {name: host}
        except (ValueRejected, CanonError, _Unsayable):
            pass
    return {f"{name}_b64": _base64(data)}


def _without_nulls(host: Any) -> Any:
    """Host JSON without members that are null: a record may leave out what is optional."""
    match host:
        case dict():
            return {key: _without_nulls(of) for key, of in host.items() if of is not None}
        case list():
            return [_without_nulls(of) for of in host]
    return host


def _bytes(data: bytes) -> Any:
    """Bytes as text where they are printable UTF-8, else in base64."""
    text = data.decode("utf-8", "replace")
    exact = text.isprintable() and text.encode() == data
    return text if exact else {"bytes_b64": _base64(data)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _inline(value: Any) -> str:
    """A value on one line of TOML. Raises :class:`_Unsayable` for a null."""
    match value:
        case Mapping():
            parts = [f"{_name(key)} = {_inline(of)}" for key, of in value.items()]
            return f"{{ {', '.join(parts)} }}" if parts else "{}"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
        case None:
            raise _Unsayable("TOML has no null")
        case int() if abs(value) >= 100_000:
            return f"{value:_}"
    text: str = tomlkit.item(value).as_string()
    return text


def _name(key: str) -> str:
    name: str = tomlkit.key([key]).as_string()
    return name


def _comment(text: str) -> str:
    """A comment of as many lines as it needs."""
    shown = "".join(of if of.isprintable() else "?" for of in text)
    return textwrap.fill(
        shown, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


# -- what holds at the end ------------------------------------------------------------------


def _expect_section(expect: Expect, root: str) -> str:
    """``[expect]``, with the root that the journal has in a comment."""
    lines = [f"# {root} is the root", "[expect]"]
    lines += [] if expect.root is None else [f"root = {_inline(expect.root)}"]
    lines += ["order_free = true"] if expect.order_free else []
    lines += [] if expect.pending is None else [f"pending = {expect.pending}"]
    lines += [f"cells.{_name(name)} = {count}" for name, count in expect.cells.items()]
    for name, counted in (("effects", expect.effects), ("plans", expect.plans)):
        lines += [f"{name} = {_inline([dict(of) for of in counted])}"] if counted else []
    states, sections = expect.state or {}, []
    for name, state in states.items():
        if isinstance(state, dict) and state:
            parts = [f"{_name(key)} = {_inline(of)}" for key, of in state.items()]
            sections.append("\n".join([f"[expect.state.{_name(name)}]", *parts]))
        else:
            lines.append(f"state.{_name(name)} = {_inline(state)}")
    return "\n\n".join(["\n".join(lines), *sections])


def expected(view: View) -> Expect:
    """What holds at a height: how much is pending, how many cells there are, and every state."""
    cells, states = {}, {}
    for reducer in view.reducers():
        found, module = view.state(reducer), view.program.modules[reducer]
        codec = view.program.schemas[module.abi["state"]].codec
        if module.key_schema is None:
            said = _holds(codec, found)
        else:
            cells[reducer] = len(found)
            spelled = found if len(found) <= MOST_CELLS else {}
            parts = {key: _holds(codec, of) for key, of in spelled.items()}
            said = {key: of for key, of in parts.items() if of is not None}
        if said is not None and said != {}:
            states[reducer] = said
    return Expect(pending=len(view.pending), cells=cells, state=states)


def _holds(codec: Codec, state: Any) -> Any:
    """What of a state can be expected (see ``expectations``), as TOML can say it: of records the
    members that it can say, anything else whole. None where there is nothing."""
    match codec, state:
        case RecordCodec(), dict():
            parts = {name: _holds(of, state.get(name)) for name, of in codec.fields.items()}
            return {name: parts[name] for name in codec.authored if parts[name] is not None}
        case VariantCodec(), dict() if len(state) == 1 and state.keys() <= codec.arms.keys():
            ((tag, payload),) = state.items()
            part = _holds(codec.arms[tag], payload)
            return None if part is None else {tag: part}
    said = _without_nulls(state)
    try:
        _inline(said)
        normal = [canon.encode(codec.normalise(codec.from_host(of))) for of in (said, state)]
    except (Misfit, CanonError, _Unsayable):
        return None
    return said if normal[0] == normal[1] else None


# -- of worlds ------------------------------------------------------------------------------


def manifest_on_disk(world: World) -> bytes | None:
    """The manifest that a fresh branch would begin with; None where the files are not sound."""
    try:
        return WorldFiles.read(world.files.root).catalog.manifest_hash
    except AosError:
        return None


def _diverged(world: World, of: Divergence) -> Iterator[str]:
    """What diverged, a line each."""
    kind = of.record.get("k", "root") if isinstance(of.record, dict) else "root"
    name = world.files.config.name
    yield f"Verification of branch {world.branch} of {name}: record {of.height} ({kind}) diverges."
    for part in ("reducer", "cell", "field"):
        if (value := getattr(of, part)) is not None:
            yield f"{part}: {value}"
    for part in ("expected", "found", "record"):
        yield f"{part}: {clip(json.dumps(getattr(of, part), ensure_ascii=False, default=str), 600)}"
