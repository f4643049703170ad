"""Scenario files, read and checked (world-files.md, *Scenario*). Running them: ``scenario.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.errors import WorldError
from aos_core.toml_table import Table, read_toml

FAULTS = ("error", "timeout", "duplicate", "late", "malformed", "never")
"""How a receipt can be broken: one vocabulary everywhere."""

_VERBS = ("fire", "release", "break", "deliver", "advance_ns", "swap", "expect")
_STAMPS = ("at_ns", "logical_ns", "entropy_b64")


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer the effects that ``match``; ``http`` or ``payload`` as written."""

    match: Mapping[str, Any]
    status: str
    http: Mapping[str, Any] | None
    payload: Mapping[str, Any] | None
    cost_cents: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``verb`` and its ``value`` as written; ``stamps`` where a session was exported."""

    index: int
    verb: str
    value: Any
    stamps: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold. Absent fields are None and say nothing."""

    order_free: bool = False
    pending: int | None = None
    state: Mapping[str, Any] | None = None
    effects: tuple[Mapping[str, Any], ...] = ()


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
    """Read a scenario file. Raises :class:`WorldError` with its place."""
    known = ("title", "seed", "start_ns", "step_ns", "answers", "steps", "expect")
    table = Table(read_toml(file), file, "", known)
    return Scenario(
        name=file.stem,
        title=table.get("title", str, file.stem),
        seed=table.get("seed", int, 0),
        start_ns=table.get("start_ns", int, 1_700_000_000_000_000_000),
        step_ns=table.get("step_ns", int, 1_000_000),
        answers=tuple(_read_answer(item) for item in _tables(table, "answers", _ANSWER)),
        steps=tuple(
            _read_step(item, index)
            for index, item in enumerate(_tables(table, "steps", (*_VERBS, *_STAMPS)))
        ),
        expect=_read_expect(table.sub("expect", _EXPECT)),
    )


_ANSWER = ("match", "status", "http", "payload", "cost_cents")
_MATCH = ("kind", "url", "method", "step", "plan", "cap", "reducer", "nth")
_HTTP = ("status", "json", "body", "headers")
_EXPECT = ("order_free", "pending", "state", "effects")


def _tables(table: Table, key: str, known: tuple[str, ...]) -> list[Table]:
    items = table.get(key, list, [])
    return [
        Table(item, table.file, f"{table.at(key)}[{index}]", known)
        for index, item in enumerate(items)
    ]


def _read_answer(table: Table) -> Answer:
    http = table.sub("http", _HTTP).data if "http" in table.data else None
    if http is not None and "payload" in table.data:
        raise table.bad("payload", "give http or payload, not both")
    if http is not None and "json" in http and "body" in http:
        raise table.bad("http", "give json or body, not both")
    return Answer(
        table.sub("match", _MATCH).data,
        table.choice("status", ("ok", "error", "timeout"), "ok"),
        http,
        table.get("payload", dict),
        table.get("cost_cents", int),
    )


def _read_step(table: Table, index: int) -> Step:
    verbs = [verb for verb in _VERBS if verb in table.data]
    if len(verbs) != 1:
        raise WorldError(
            f"a step has exactly one of {', '.join(_VERBS)}", file=table.file, path=table.path
        )
    verb = verbs[0]
    value = table.data[verb]
    match verb:
        case "fire":
            table.sub("fire", ("schema", "value", "key")).get("schema", str)
            if "schema" not in value or "value" not in value:
                raise table.bad("fire", "needs schema and value")
        case "break":
            table.sub("break", ("n", "fault")).choice("fault", FAULTS, "")
        case "deliver":
            table.sub("deliver", ("n", "receipt"))
        case "advance_ns":
            table.natural("advance_ns", 1)
        case "expect":
            value = _read_expect(table.sub("expect", _EXPECT))
    stamps = {name: table.data[name] for name in _STAMPS if name in table.data}
    return Step(index, verb, value, stamps)


def _read_expect(table: Table) -> Expect:
    effects = tuple(
        item.data for item in _tables(table, "effects", ("kind", "count", "cap", "plan", "reducer"))
    )
    return Expect(
        table.get("order_free", bool, False),
        table.get("pending", int),
        table.get("state", dict),
        effects,
    )
