"""The text of a scenario: the inputs of frames as its steps (docs/scenarios.md).

Played into a fresh branch of the same world they are the same inputs, byte for byte, with the same
stamps; so the records and the root are the same. Every value is read back before it is written
down: one that TOML cannot say exactly (a null in a map, other bytes than the normalised ones)
stands as its CBOR, in ``value_b64`` or ``payload_b64``.
"""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.air.schemas import Schema
from aos_core.by_hand import EDITED, receipt_schema
from aos_core.errors import CanonError, Rejected, ValueRejected
from aos_core.frames import Frame
from aos_core.history import History
from aos_core.kernel.program import Program
from aos_core.kernel.records import (
    EventInput,
    Input,
    ManifestInput,
    ReceiptInput,
    input_from_plain,
)
from aos_core.plain import clip, short_name
from aos_core.scenario_expect import expect_section
from aos_core.scenario_file import Expect
from aos_core.toml_values import Unsayable, comment, inline, without_nulls
from aos_core.words import asks_for, key_text, plainly


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
    head = [*map(comment, notes), f"title = {inline(title)}"]
    head.append(f"start_ns = {header.body['created_ns']:_}")
    return "\n\n".join(["\n".join(head), *steps, expect_section(expect, root)]) + "\n"


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
        except (Unsayable, Rejected) as error:
            self.exact = False
            more = [f"No step can repeat this: {error}."]
        self._take(frame)
        return "\n".join([*map(comment, [self._heading(frame), *more]), *lines])

    def _said(self, input: Input) -> list[str]:
        match input:
            case EventInput():
                return [f"fire = {inline(self._event(input))}"]
            case ReceiptInput():
                return [f"deliver = {inline(self._receipt(input))}"]
            case ManifestInput():
                return [f"swap = {inline(self._swap(input))}"]
        raise Unsayable(f"it is a {type(input).__name__}")

    def _stamps(self, input: Input) -> Iterator[str]:
        yield f"at_ns = {input.at_ns:_}"
        yield f"logical_ns = {input.logical_ns:_}"
        yield f"entropy_b64 = {inline(_base64(input.entropy))}"
        if self._sources:
            yield f"source = {inline(input.source or {})}"

    def _event(self, input: EventInput) -> dict[str, Any]:
        schema = self._programs(self._history.manifest_at(self._height)).schemas.get(input.schema)
        key = {} if input.key is None else {"key": _bytes(input.key)}
        return {"schema": input.schema, **_value("value", schema, input.value), **key}

    def _receipt(self, input: ReceiptInput) -> dict[str, Any]:
        asked = self._history.asked(input.intent, self._height)
        if asked is None:
            raise Unsayable("nothing before it asked for the intent of this receipt")
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
            raise Unsayable("other definitions than these are in force there")
        old, new = self._programs(input.old), self._programs(input.new)
        others = [name for name in input.changed if not _only_wasm(name, old, new)]
        if input.settings is not None:
            others.append("settings of world.toml")
        if others or replace(old.catalog.manifest, refs={}) != replace(
            new.catalog.manifest, refs={}
        ):
            changed = ", ".join(others or ["the manifest"])
            raise Unsayable(f"more than modules was replaced, which a swap cannot say: {changed}")
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
    return [f"which TOML cannot say as it is: {plainly(untyped_to_host(plain), 300)}"]


def _only_wasm(name: str, old: Program, new: Program) -> bool:
    """Whether a definition is a module that differs in its wasm alone."""
    if name.startswith("sys/") or name not in old.modules or name not in new.modules:
        return False
    modules = [replace(of.modules[name], wasm_hash=None) for of in (old, new)]
    return modules[0] == modules[1]


# -- values ---------------------------------------------------------------------------------


def _value(name: str, schema: Schema | None, data: bytes) -> dict[str, Any]:
    """CBOR as host JSON under ``name`` where that gives the very same bytes, else in base64."""
    if schema is not None:
        try:
            host = without_nulls(schema.to_host(schema.normalise_bytes(data)))
            read = tomllib.loads(f"value = {inline(host)}")["value"]
            if canon.encode(schema.from_host(read)) == data:
                return {name: host}
        except (ValueRejected, CanonError, Unsayable):
            pass
    return {f"{name}_b64": _base64(data)}


def _bytes(data: bytes) -> Any:
    """Bytes as text where they are printable UTF-8, else in base64."""
    text = data.decode("utf-8", "replace")
    exact = text.isprintable() and text.encode() == data
    return text if exact else {"bytes_b64": _base64(data)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
