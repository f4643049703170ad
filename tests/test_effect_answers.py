"""Answers for what only a rehearsal asks for: each goes to the effect that it was prepared for."""

from __future__ import annotations

from typing import Any

from aos_core import canon
from aos_core.effect_answers import Answering
from aos_core.files import WorldFiles, find_world
from aos_core.kernel.records import EventInput, Input
from aos_core.kernel.state import Intent
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.store import MemoryStore


def scenario() -> Scenario:
    files = WorldFiles.read(find_world("04"))
    return read_scenario(files.scenario_path("basic"))


def intent(kind: str, number: int, **params: Any) -> Intent:
    origin = {"kind": "reducer", "name": "demo/R@1", "key": b""}
    return Intent(kind, canon.encode_plain(params), "cap", bytes([number]) * 32, origin)


def at(logical_ns: int) -> Input:
    return EventInput(schema="demo/E@1", value=b"", key=None).stamped(
        logical_ns, logical_ns, bytes(64)
    )


def numbers(answering: Answering, until: int) -> list[tuple[int, int]]:
    """(its number, the last byte of its key) of each that is due."""
    found = []
    while (due := answering.due(until)) is not None:
        found.append((due[0].n, due[1].idempotency_key[-1]))
    return found


def test_what_is_asked_for_anew_gets_the_answer_for_now() -> None:
    answering = Answering(MemoryStore(), scenario())
    timer = intent("timer.set", 1, deliver_at_ns=100, key="k")
    answering.ask(timer, at(1), alone=True)
    answering.ask(intent("demo.ask", 2, q="b"), at(2), alone=True)
    assert numbers(answering, 50) == [(1, 2)]
    answering.ask(timer, at(60), alone=True)
    assert numbers(answering, 99) == []
    assert numbers(answering, 100) == [(2, 1)], "once, and as the third that was asked for"
    assert numbers(answering, 1000) == []


def test_what_the_history_asks_for_anew_gets_no_answer_of_a_scenario() -> None:
    answering = Answering(MemoryStore(), scenario())
    timer = intent("timer.set", 1, deliver_at_ns=100, key="k")
    answering.ask(timer, at(1), alone=True)
    answering.ask(timer, at(60), alone=False)
    assert numbers(answering, 1000) == []
