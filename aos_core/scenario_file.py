"""Scenario files, read and checked (docs/scenarios.md). Running them: ``scenario.py``.

What can be known without the world is checked here, with its place: keys, types, ranges, verbs.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.toml_table import Document, Table, parse_toml, read_toml

FAULTS = ("error", "timeout", "duplicate", "late", "malformed", "never")
"""How a receipt can be broken: one vocabulary everywhere."""

_VERBS = ("fire", "release", "break", "deliver", "advance_ns", "swap", "expect")
_STAMPS = ("at_ns", "logical_ns", "entropy_b64", "source")
_NAT_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer the effects that ``match``; ``http``, ``llm`` or ``payload`` as written."""

    match: Mapping[str, Any]
    status: str
    http: Mapping[str, Any] | None
    llm: Mapping[str, Any] | None
    payload: Mapping[str, Any] | None
    cost_cents: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``verb`` and its ``value`` as written, of ``expect`` an :class:`Expect`;
    ``stamps`` for its inputs (``at_ns``, ``logical_ns``, ``entropy``), of an exported session;
    ``source``, where one is given, is what its inputs name instead of the step, empty for none."""

    index: int
    verb: str
    value: Any
    stamps: Mapping[str, Any]
    source: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold. Absent fields are None and say nothing; ``cells``: how many a reducer has;
    ``root`` as ``sha256:..``."""

    order_free: bool = False
    pending: int | None = None
    cells: Mapping[str, int] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None
    effects: tuple[Mapping[str, Any], ...] = ()
    plans: tuple[Mapping[str, Any], ...] = ()
    root: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as authored."""

    name: str
    title: str
    seed: int
    start_ns: int
    step_ns: int
    answers: tuple[Answer, ...]
    steps: tuple[Step, ...]
    expect: Expect


def read_scenario(file: Path) -> Scenario:
    """Read a scenario file. Raises :class:`aos_core.errors.WorldError` with its place."""
    return _read(read_toml(file))


def parse_scenario(name: str, text: str) -> Scenario:
    """The scenario of a text that lies in no file. Raises as :func:`read_scenario`, the places in
    ``NAME.toml``."""
    return _read(parse_toml(Path(f"{name}.toml"), text))


def _read(document: Document) -> Scenario:
    known = ("title", "seed", "start_ns", "step_ns", "answers", "steps", "expect")
    table, name = document.table(known), document.file.stem
    return Scenario(
        name=name,
        title=table.get("title", str, name),
        seed=table.whole("seed", 0, 0),
        start_ns=table.whole("start_ns", 1_700_000_000_000_000_000, 0),
        step_ns=table.whole("step_ns", 1_000_000, 0),
        answers=tuple(_read_answer(item) for item in table.subs("answers", _ANSWER)),
        steps=tuple(
            _read_step(item, index)
            for index, item in enumerate(table.subs("steps", (*_VERBS, *_STAMPS)))
        ),
        expect=_read_expect(table.sub("expect", ("order_free", *_EXPECT))),
    )


_ANSWER = ("match", "status", "http", "llm", "payload", "cost_cents")
_PICK = ("kind", "url", "method", "step", "plan", "cap", "reducer")
_HTTP = ("status", "json", "body", "headers")
_LLM = ("text", "prompt_tokens", "completion_tokens")
_EXPECT = ("pending", "cells", "state", "effects", "plans", "root")


def _read_answer(table: Table) -> Answer:
    given = [name for name in ("http", "llm", "payload") if name in table.data]
    if len(given) > 1:
        raise table.bad(given[1], f"give {given[0]} or {given[1]}, not both")
    match = table.sub("match", (*_PICK, "nth"))
    _check_texts(match, _PICK)
    match.whole("nth", 1, 1)
    return Answer(
        match.data,
        table.choice("status", ("ok", "error", "timeout"), "ok"),
        _read_http(table.sub("http", _HTTP)) if "http" in table.data else None,
        _read_llm(table.sub("llm", _LLM)) if "llm" in table.data else None,
        table.get("payload", dict),
        table.whole("cost_cents", 0, 0) if "cost_cents" in table.data else None,
    )


def _read_http(table: Table) -> Mapping[str, Any]:
    if "json" in table.data and "body" in table.data:
        raise table.bad("json", "give json or body, not both")
    table.get("status", int)
    table.get("body", str)
    headers = table.get("headers", dict, {})
    _check_texts(table.sub("headers", tuple(headers)), tuple(headers))
    try:
        json.dumps(table.data.get("json"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise table.bad("json", f"expected what JSON can say: {error}") from error
    return table.data


def _read_llm(table: Table) -> Mapping[str, Any]:
    table.need("text", str)
    table.whole("prompt_tokens", 0, 0)
    table.whole("completion_tokens", 0, 0)
    return table.data


def _check_texts(table: Table, keys: tuple[str, ...]) -> None:
    for key in keys:
        table.get(key, str)


def _read_step(table: Table, index: int) -> Step:
    verbs = [verb for verb in _VERBS if verb in table.data]
    if len(verbs) != 1:
        message = f"{table.path}: a step has exactly one of {', '.join(_VERBS)}"
        raise table.of.error(message, table.path)
    value, stamps = _read_value(table, verbs[0]), _read_stamps(table)
    return Step(index, verbs[0], value, stamps, _read_source(table))


def _read_value(table: Table, verb: str) -> Any:
    """What stands at a step's verb, checked."""
    match verb:
        case "fire":
            event = table.sub("fire", ("schema", "value", "value_b64", "key"))
            event.need("schema", str)
            if _one_of(event, "value", "value_b64") == "value_b64":
                _read_base64(event, "value_b64")
        case "release":
            _check_release(table)
        case "break":
            broken = table.sub("break", ("n", "fault"))
            broken.whole("n", 0, 1)
            broken.choice("fault", FAULTS, "")
        case "deliver":
            edited = table.sub("deliver", ("n", "intent", "receipt"))
            if _one_of(edited, "n", "intent") == "n":
                edited.whole("n", 0, 1)
            else:
                _check_hash(edited, "intent")
            edited.need("receipt", dict)
        case "advance_ns":
            table.whole("advance_ns", 1, 1)
        case "swap" if isinstance(table.data["swap"], dict):
            modules = table.sub("swap", tuple(table.data["swap"]))
            _check_texts(modules, tuple(modules.data))
        case "swap":
            table.get("swap", str)
        case "expect":
            return _read_expect(table.sub("expect", _EXPECT))
    return table.data[verb]


def _one_of(table: Table, first: str, second: str) -> str:
    """Which of two keys, of which exactly one must be there, is."""
    if first in table.data and second in table.data:
        raise table.bad(second, f"give {first} or {second}, not both")
    if second not in table.data:
        table.need(first, object)
        return first
    return second


def _check_hash(table: Table, key: str) -> None:
    if not canon.is_hash_text(table.get(key, str)):
        raise table.bad(key, "expected sha256: and 64 lower-case hex digits")


def _read_base64(table: Table, key: str, form: str = "bytes in base64") -> bytes:
    try:
        return base64.b64decode(table.get(key, str), validate=True)
    except (binascii.Error, ValueError):
        raise table.bad(key, f"expected {form}") from None


def _check_release(table: Table) -> None:
    value = table.data["release"]
    if isinstance(value, dict):
        match = table.sub("release", _PICK)
        _check_texts(match, _PICK)
        known = bool(value)
    elif isinstance(value, list):
        known = all(type(n) is int and n >= 1 for n in value) and len(set(value)) == len(value) > 0
    else:
        known = value in ("all", "shuffle")
    if not known:
        raise table.bad(
            "release", 'expected numbers from 1, each once, "all", "shuffle" or a match'
        )


def _read_stamps(table: Table) -> dict[str, Any]:
    stamps: dict[str, Any] = {
        name: table.whole(name, 0, 0, _NAT_MAX)
        for name in ("at_ns", "logical_ns")
        if name in table.data
    }
    if "entropy_b64" in table.data:
        form = "64 bytes in base64"
        stamps["entropy"] = _read_base64(table, "entropy_b64", form)
        if len(stamps["entropy"]) != 64:
            raise table.bad("entropy_b64", f"expected {form}")
    return stamps


def _read_source(table: Table) -> Mapping[str, Any] | None:
    if "source" not in table.data:
        return None
    source = table.sub("source", ("scenario", "step"))
    if source.data:
        source.need("scenario", str)
        source.need("step", int)
        source.whole("step", 0, 0)
    return source.data


def _read_expect(table: Table) -> Expect:
    effects = table.subs("effects", (*_PICK, "count"))
    for item in effects:
        item.whole("count", 0, 0)
        _check_texts(item, _PICK)
    cells = table.sub("cells", tuple(table.get("cells", dict, {})))
    for reducer in cells.data:
        cells.whole(reducer, 0, 0)
    plans = table.subs("plans", ("plan", "status", "code", "count"))
    for item in plans:
        item.whole("count", 0, 0)
        item.choice("status", ("running", "ok", "error"), "ok")
        _check_texts(item, ("plan", "code"))
    if "root" in table.data:
        _check_hash(table, "root")
    return Expect(
        table.get("order_free", bool, False),
        table.whole("pending", 0, 0) if "pending" in table.data else None,
        cells.data,
        table.get("state", dict),
        tuple(item.data for item in effects),
        tuple(item.data for item in plans),
        table.get("root", str),
    )
