"""What a plan says in short text."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core.plain import clean
from aos_core.plan_words import expression, guard_text, shown_state
from aos_core.view import PlanView, StepView
from aos_tui.plan_text import layers, step_text

FINE: dict[str, Any] = {"ref": "@var:fine"}
STATUS: dict[str, Any] = {
    "op": "ne",
    "args": [{"ref": "@var:response.$status"}, {"text": "ok"}],
}


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (None, ""),
        (FINE, "fine"),
        ({"ref": "@var:order.confirmed"}, "confirmed"),
        ({"op": "not", "args": [FINE]}, "not fine"),
        (STATUS, "status != ok"),
        ({"op": "and", "args": [STATUS, FINE]}, "(status != ok) and fine"),
        ({"op": "not", "args": [STATUS]}, "not (status != ok)"),
        ({"op": "has", "args": [{"ref": "@plan.input"}, {"text": "a"}]}, "has(input, a)"),
    ],
)
def test_guards_are_short(when: Any, text: str) -> None:
    assert guard_text(when) == text


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (STATUS, '@var:response.$status != "ok"'),
        ({"record": {"n": {"nat": 1}, "of": {"null": {}}}}, "{n: 1, of: null}"),
        ({"list": [{"bool": True}, {"text": "a b"}]}, '[true, "a b"]'),
        ({"map": [{"key": {"text": "k"}, "value": FINE}]}, '{"k": @var:fine}'),
        ({"variant": {"tag": "Some", "value": {"int": -1}}}, "Some(-1)"),
        ({"variant": {"tag": "None", "value": None}}, "None"),
    ],
)
def test_expressions_are_read_as_people_write_them(node: Any, text: str) -> None:
    assert expression(node) == text


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    assert clean("a\x1b[31mb\tc\x9bd\u202ee") == "a\ufffd[31mb\ufffdc\ufffdd\ufffde"
    assert clean("wide \u65e5\u672c, no\xa0break") == "wide \u65e5\u672c, no\xa0break"


def test_an_opened_step_says_nothing_that_a_terminal_obeys() -> None:
    step = StepView("a\x1bb", "assign", "done", None, 1, ("\x9b",), definition={"cap": "\x07"})
    plan = PlanView(0, b"", "p", "ok", 0, 1, None, (step,), input={"x": "\x9b2J"})
    text = step_text(step, plan, '{\n  "v": "\x9b2J"\n}')
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.endswith('  {\n    "v": "\ufffd2J"\n  }')


def steps() -> list[StepView]:
    def step(id: str, state: str, *after: str) -> StepView:
        return StepView(id, "assign", state, None, None, after)

    return [
        step("a", "done"),
        step("b", "waiting"),
        step("c", "pending", "a"),
        step("d", "pending", "c", "b", "a"),
    ]


def test_layers_follow_the_longest_path() -> None:
    assert [[step.id for step in layer] for layer in layers(steps())] == [["a", "b"], ["c"], ["d"]]


def test_a_step_whose_predecessors_are_over_is_ready() -> None:
    by_id = {step.id: step for step in steps()}
    states = {id: shown_state(step, by_id) for id, step in by_id.items()}
    assert states == {"a": "done", "b": "waiting", "c": "ready", "d": "pending"}


def test_a_step_after_one_that_failed_is_not_ready() -> None:
    failed = StepView("a", "emit_effect", "failed", None, None, ())
    after = StepView("b", "await_receipt", "pending", None, None, ("a",))
    assert shown_state(after, {"a": failed, "b": after}) == "pending"
