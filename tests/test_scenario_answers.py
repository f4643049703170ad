"""Which answer of a scenario an effect gets, and what becomes of its templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.scenarios import FIRE, PAYLOAD, play
from tests.support import PLAN, REDUCER, numbered


def answered(world: Path, answers: str, n: int = 1) -> dict[str, Any]:
    """The payload prepared for the intent of number ``n``."""
    opened, _ = play(world, answers + FIRE)
    payload: dict[str, Any] = numbered(opened, n).answer().payload
    return payload


def answer(match: str, status: int) -> str:
    return f"[[answers]]\nmatch = {match}\nhttp = {{ status = {status} }}\n"


@pytest.mark.parametrize(
    "match",
    [
        '{ kind = "http.request" }',
        '{ url = "https://example.com/api/b" }',
        '{ method = "GET", step = "emit_b" }',
        f'{{ plan = "{PLAN}" }}',
        '{ cap = "cap_http_aggregate" }',
        "{ nth = 2 }",
        '{ kind = "http.request", nth = 2 }',
        '{ step = "emit_b", nth = 1 }',
        "{}",
    ],
)
def test_an_answer_matches_where_every_given_key_does(world: Path, match: str) -> None:
    assert answered(world, answer(match, 201) + answer("{}", 404), 2)["status"] == 201


@pytest.mark.parametrize(
    "match",
    [
        '{ kind = "timer.set" }',
        '{ url = "https://example.com/api/b", method = "PUT" }',
        f'{{ reducer = "{REDUCER}" }}',
        "{ nth = 3 }",
        '{ step = "emit_b", nth = 2 }',
    ],
)
def test_one_key_that_does_not_match_is_enough(world: Path, match: str) -> None:
    assert answered(world, answer(match, 201) + answer("{}", 404), 2)["status"] == 404


def test_the_first_match_wins(world: Path) -> None:
    assert answered(world, answer("{}", 201) + answer("{}", 202))["status"] == 201


def test_templates_are_filled_in_texts_everywhere_and_once(world: Path) -> None:
    json = '{ "of" = ["{url}", 1, { m = "{method} {nth} {other}" }] }'
    http = f'{{ json = {json}, headers = {{ n = "{{nth}}" }} }}'
    payload = answered(world, f"[[answers]]\nmatch = {{}}\nhttp = {http}\n", 3)
    body = '{"of":["https://example.com/api/c",1,{"m":"GET 3 {other}"}]}'
    assert (payload["body_preview"], payload["headers"]) == (body, {"n": "3"})
    assert payload["body_ref"] == canon.hash_text(canon.sha256(body.encode()))
    given = PAYLOAD.replace("by hand", "{method} {nth}")
    assert (
        answered(world, f"[[answers]]\nmatch = {{}}\npayload = {given}\n", 2)["body_preview"]
        == "GET 2"
    )


def test_a_prepared_receipt_varies_in_nothing(world: Path) -> None:
    text = '[[answers]]\nmatch = {}\nhttp = { json = { b = "é", a = 1 } }\n'
    opened, _ = play(world, text + FIRE)
    receipt = numbered(opened, 1).answer()
    body = '{"b":"é","a":1}'.encode()
    assert receipt.payload == {
        "status": 200, "headers": {}, "body_ref": canon.hash_text(canon.sha256(body)),
        "timings": {"start_ns": 0, "end_ns": 0}, "adapter_id": "scenario",
        "body_preview": '{"b":"é","a":1}',
    }  # fmt: skip
    assert (receipt.status, receipt.adapter_id, receipt.cost_cents) == ("ok", "scenario", None)
    opened.deliver(receipt)
    assert opened.blob(canon.sha256(body)) == body


def test_the_preview_is_the_first_256_characters(world: Path) -> None:
    payload = answered(world, f'[[answers]]\nmatch = {{}}\nhttp = {{ body = "{"ä" * 300}" }}\n')
    assert payload["body_preview"] == "ä" * 256


def test_an_answer_without_a_body_refers_to_none(world: Path) -> None:
    payload = answered(world, answer("{}", 204))
    assert (payload["body_ref"], payload["body_preview"]) == (None, "")


def test_a_payload_for_a_request_gets_the_preview_that_every_answer_has(world: Path) -> None:
    bare = PAYLOAD.replace(', body_preview = "by hand"', "")
    payload = answered(world, f"[[answers]]\nmatch = {{}}\npayload = {bare}\n")
    assert (payload["status"], payload["body_preview"]) == (299, "")


def test_an_answer_that_says_nothing_is_told_and_does_not_hide_what_is_pending(world: Path) -> None:
    for text, words in (
        ("[[answers]]\nmatch = {}\n", "says no http, llm or payload"),
        ("[[answers]]\nmatch = {}\npayload = { status = 1.5 }\n", "cannot be given"),
    ):
        opened, _ = play(world, text + FIRE)
        item = numbered(opened, 2)
        assert item.prepared is None and item.problem is not None
        with pytest.raises(UsageError, match=words):
            item.answer()


def test_an_error_may_carry_a_payload_or_the_zero(world: Path) -> None:
    text = '[[answers]]\nmatch = {}\nstatus = "timeout"\ncost_cents = 2\n'
    opened, _ = play(world, text + FIRE)
    receipt = numbered(opened, 1).answer()
    assert (receipt.status, receipt.cost_cents, receipt.payload["status"]) == ("timeout", 2, 0)
    given = text + f"payload = {PAYLOAD}\n"
    assert answered(world, given)["status"] == 299
