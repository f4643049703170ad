"""Prepared answers of a model, and what a scenario may expect of plans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.scenario import Run, run_scenario
from tests.fixtures import compiled_once  # noqa: F401
from tests.support import copy_example, write_scenario

PLAN = "demo/summarize_plan@1"
FIRE = """
[[steps]]
fire = { schema = "demo/Summarize@1", value = { url = "https://example.com/a", max_tokens = %s } }
"""
RELEASE = '[[steps]]\nrelease = "all"\n'
PAGE = '[[answers]]\nmatch = { kind = "http.request" }\nhttp = { body = "a page" }\n'


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The summarizer, copied, with its own wasm."""
    return copy_example(tmp_path / "world", "07-llm-summarizer", Summarizer="llm-summarizer")


def run(world: Path, answer: str, expect: str = "", max_tokens: int = 100) -> Run:
    text = f"{PAGE}{answer}{FIRE % max_tokens}{RELEASE}{RELEASE}[expect]\n{expect}\n"
    return run_scenario(world, write_scenario(world, "x", text), memory=True)


def answer(llm: str) -> str:
    return f'[[answers]]\nmatch = {{ kind = "llm.generate" }}\nllm = {llm}\n'


def test_an_answer_of_a_model_is_a_message_in_the_store(world: Path) -> None:
    text = answer('{ text = "é, no {nth}", prompt_tokens = 4, completion_tokens = 3 }')
    opened = run(world, text + "cost_cents = 2\n").world
    receipt = [of for of in opened.records if of.kind == "receipt"][-1]
    message = '{"role":"assistant","content":"é, no 1"}'.encode()
    output = canon.sha256(message)
    assert receipt["payload"] == {
        "output_ref": canon.hash_text(output),
        "token_usage": {"prompt": 4, "completion": 3},
        "cost_cents": 2,
        "provider_id": "openai",
        "output_preview": "é, no 1",
    }
    assert receipt["cost_cents"] == 2
    assert opened.blob(output) == message


def test_only_the_beginning_of_an_answer_is_shown(world: Path) -> None:
    done = run(world, answer(f'{{ text = "{"x" * 300}" }}'))
    (summary,) = done.world.state("demo/Summarizer@1")["summaries"].values()
    assert summary["outcome"]["Done"]["text"] == "x" * 256
    blob = done.world.blob(canon.parse_hash(summary["outcome"]["Done"]["output_ref"]))
    assert json.loads(blob)["content"] == "x" * 300
    assert done.world.state("demo/Summarizer@1")["tokens"] == 0


def test_an_answer_of_a_model_fits_nothing_else(world: Path) -> None:
    text = f'[[answers]]\nllm = {{ text = "x" }}\n{FIRE % 100}{RELEASE}'
    with pytest.raises(UsageError, match=r"an llm answer does not fit http\.request"):
        run_scenario(world, write_scenario(world, "x", text), memory=True)


@pytest.mark.parametrize(
    ("expect", "ok", "text"),
    [
        (f'{{ plan = "{PLAN}" }}', True, f"{PLAN} was started"),
        ('{ plan = "demo/other@1" }', False, "demo/other@1 was started; found none"),
        ('{ code = "max_tokens_exceeded", count = 1 }', True, "1 times max_tokens_exceeded"),
        ('{ status = "error", code = "expired" }', False, "error expired was started; found none"),
        ('{ status = "ok", count = 1 }', False, "1 times ok; found 0"),
        ('{ status = "running", count = 0 }', True, "0 times running"),
    ],
)
def test_what_is_expected_of_plans(world: Path, expect: str, ok: bool, text: str) -> None:
    """More tokens are asked for than are granted, so the plan ends with the code of the denial."""
    done = run(world, answer('{ text = "x" }'), f"plans = [{expect}]", max_tokens=201)
    (found,) = done.expectations
    assert (found.ok, found.text) == (ok, f"at the end: {text}")


def test_plans_are_expected_at_a_step_too(world: Path) -> None:
    text = f'{PAGE}{FIRE % 100}[[steps]]\nexpect = {{ plans = [{{ status = "running" }}] }}\n'
    done = run_scenario(world, write_scenario(world, "x", text), memory=True)
    assert [item.text for item in done.expectations] == ["after step 1: running was started"]
    assert done.ok
