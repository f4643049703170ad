"""``llm.generate``, live, against an endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.kernel.records import Record
from aos_core.world import World
from tests.adapters.fixtures import (
    VALUE,
    without_proxies,  # noqa: F401
)
from tests.adapters.servers import Seen, Server, serving
from tests.adapters.test_http import leaks
from tests.adapters.worlds import KEY, LLM, live, live_world, receipts

ENVIRON = {"DEMO_KEY": VALUE}
COMPLETION: dict[str, Any] = {
    "id": "c-1",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "Küsse, kurz", "refusal": None}}],
    "usage": {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234},
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as of:
        of.answer = says(COMPLETION)
        yield of


@pytest.fixture
def world(tmp_path: Path, server: Server) -> Iterator[World]:
    prices = "prompt_cents_per_mtok = 1000\ncompletion_cents_per_mtok = 5000"
    llm = f'[llm.stub]\nbase_url = "{server.url}/v1/"\ntimeout_s = 1\n{prices}'
    with live_world(tmp_path / "world", llm=llm) as of:
        yield of


def says(answer: Any, status: int = 200) -> Callable[[Seen], tuple[int, dict[str, str], bytes]]:
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return lambda _: (status, {"content-type": "application/json"}, data)


def put(world: World, blob: Any) -> str:
    data = blob if isinstance(blob, bytes) else json.dumps(blob).encode()
    return canon.hash_text(world.store.put(data))


def generate(world: World, *messages: Any, **more: Any) -> Record:
    """The record of the receipt."""
    params = {
        "provider": "stub", "model": "m-1", "temperature": "0.25", "max_tokens": 99,
        "message_refs": [put(world, of) for of in messages or (b"Hello",)],
        "tool_refs": None, "tool_choice": None, "api_key": KEY,
    }  # fmt: skip
    world.fire(LLM, {**params, **more})
    (outcome,) = live(world, **ENVIRON)
    assert outcome.turn is not None, outcome.error
    (record,) = receipts(outcome.turn.records)
    assert world.verify().ok
    return record


def error(record: Record) -> str:
    assert record["payload"]["provider_id"] == "stub"
    assert record["payload"]["token_usage"] == {"prompt": 0, "completion": 0}
    return str(record["payload"]["error"]["code"])


def test_the_answer_of_a_model_is_the_receipt(world: World, server: Server) -> None:
    record = generate(world)
    assert (record["status"], record["adapter_id"], record["cost_cents"]) == ("ok", "host.llm", 2)
    payload = record["payload"]
    assert payload["token_usage"] == {"prompt": 1200, "completion": 34}
    assert (payload["cost_cents"], payload["provider_id"]) == (2, "stub")  # 1.37, begun is whole
    assert payload["output_preview"] == "Küsse, kurz"
    output = world.blob(canon.parse_hash(payload["output_ref"]))
    assert output == '{"role":"assistant","content":"Küsse, kurz"}'.encode()


def test_the_request_is_what_such_endpoints_take(world: World, server: Server) -> None:
    system = {"role": "system", "content": "Be brief"}
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    generate(world, system, turns, b"<html>a page</html>", {"no": "message"})
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {VALUE}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {
        "model": "m-1",
        "temperature": 0.25,
        "max_tokens": 99,
        "messages": [
            system,
            *turns,
            {"role": "user", "content": "<html>a page</html>"},
            {"role": "user", "content": '{"no": "message"}'},
        ],
    }


def test_an_answer_can_be_a_message_of_the_next_call(world: World, server: Server) -> None:
    ref = generate(world)["payload"]["output_ref"]
    generate(world, b"more", message_refs=[ref])
    assert server.seen[1].json["messages"] == [{"role": "assistant", "content": "Küsse, kurz"}]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("Auto", "auto"),
        ("Required", "required"),
        ({"Tool": {"name": "look"}}, {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_tools_go_out_and_their_calls_come_back(
    choice: Any, sent: Any, world: World, server: Server
) -> None:
    call = {"id": "t-1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.answer = says({"choices": [{"message": message}]})
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    record = generate(world, tool_refs=[put(world, tool), put(world, [tool])], tool_choice=choice)
    assert server.seen[0].json["tools"] == [tool, tool]
    assert server.seen[0].json["tool_choice"] == sent
    output = world.blob(canon.parse_hash(record["payload"]["output_ref"]))
    assert json.loads(output) == {"role": "assistant", "tool_calls": [call]}
    assert record["payload"]["token_usage"] == {"prompt": 0, "completion": 0}


def test_no_key_is_no_header_and_a_literal_one_is_sent(world: World, server: Server) -> None:
    generate(world, api_key=None)
    generate(world, api_key={"literal": "open"})
    assert "authorization" not in server.seen[0].headers
    assert server.seen[1].headers["authorization"] == "Bearer open"


@pytest.mark.parametrize(
    ("status", "said", "code", "message"),
    [
        (429, {"error": {"message": "slow down"}}, "rate_limited", "HTTP 429: slow down"),
        (401, {"error": "no such key"}, "http_401", "HTTP 401: no such key"),
        (503, b"<html>", "http_503", "HTTP 503: no reason given"),
        (200, b"{", "bad_answer", "no choices"),
        (200, {"choices": []}, "bad_answer", "no choices"),
        (200, b"[" * 100_000, "bad_answer", "no choices"),
        (302, b"", "http_302", "HTTP 302"),
    ],
)
def test_what_the_endpoint_refuses_is_an_error(
    status: int, said: Any, code: str, message: str, world: World, server: Server
) -> None:
    server.answer = says(said, status)
    record = generate(world)
    assert (record["status"], error(record)) == ("error", code)
    assert message in record["payload"]["error"]["message"]


def test_half_characters_do_not_break_a_receipt(world: World, server: Server) -> None:
    server.answer = says(b'{"choices":[{"message":{"content":"a\\ud800b"}}]}')
    assert generate(world)["payload"]["output_preview"] == "a?b"


def test_a_model_that_is_silent_times_out(world: World, server: Server) -> None:
    def hang(_: Seen) -> tuple[int, dict[str, str], bytes]:
        server.gone.wait(10)
        return 200, {}, b""

    server.answer = hang
    record = generate(world)
    server.gone.set()
    assert (record["status"], error(record)) == ("timeout", "timeout")


def test_a_message_that_the_store_lacks_is_an_error(world: World, server: Server) -> None:
    record = generate(world, message_refs=["sha256:" + "1" * 64])
    assert (error(record), server.seen) == ("no_blob", [])


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_key_that_comes_back_is_not_kept(
    status: int, escaped: bool, tmp_path: Path, world: World, server: Server
) -> None:
    key = "".join(f"\\u{ord(of):04x}" for of in VALUE) if escaped else VALUE
    bodies = {200: '{"choices":[{"message":{"content":"KEY"}}]}', 401: '{"error":"bad KEY"}'}
    server.answer = says(bodies[status].replace("KEY", key).encode(), status)
    record = generate(world)
    assert record["status"] == "error"
    assert leaks(tmp_path) == []


def test_a_provider_that_nothing_names_stays_pending(world: World, server: Server) -> None:
    world.fire(LLM, {
        "provider": "other", "model": "m", "temperature": "0", "max_tokens": 1,
        "message_refs": [], "tool_refs": None, "tool_choice": None, "api_key": None,
    })  # fmt: skip
    (outcome,) = live(world)
    assert outcome.error is not None and outcome.error.code == "no_provider"
    assert "[llm.other]" in str(outcome.error.hint).replace('"', "")
    assert (len(world.pending), server.seen) == (1, [])
    (outcome,) = live(world, AOS_LLM_URL=f"{server.url}/mine")
    assert outcome.turn is not None
    assert server.paths == ["/mine/chat/completions"]
