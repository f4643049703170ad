"""Scenario files: what is left out has its default, what makes no sense is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.errors import WorldError
from aos_core.scenario_file import Scenario, read_scenario


def read(tmp_path: Path, text: str) -> Scenario:
    (tmp_path / "x.toml").write_text(text, "utf-8")
    return read_scenario(tmp_path / "x.toml")


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert (found.name, found.title, found.seed) == ("x", "x", 0)
    assert (found.start_ns, found.step_ns) == (1_700_000_000_000_000_000, 1_000_000)
    assert (found.answers, found.steps) == ((), ())


STEP = "[[steps]]\n"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("sede = 1", "sede", "did you mean seed"),
        ("[[answers]]\nmatch = { knd = 'x' }", "answers[0].match.knd", "did you mean kind"),
        ("[[answers]]\nhttp = { stats = 1 }", "answers[0].http.stats", "did you mean status"),
        (STEP + "fire = { schema = 'x', vale = 1 }", "steps[0].fire.vale", "did you mean value"),
        (STEP + "realease = 'all'", "steps[0].realease", "did you mean release"),
        (STEP + "fire = { schema = 'x' }", "steps[0].fire.value", "expected a value"),
        (STEP + "fire = { schema = 'x', value = 1, value_b64 = '' }", "steps[0].fire.value_b64",
         "not both"),
        (STEP + "fire = { schema = 'x', value_b64 = '?' }", "steps[0].fire.value_b64", "base64"),
        (STEP + "deliver = { n = 1, intent = '', receipt = {} }", "steps[0].deliver.intent",
         "not both"),
        (STEP + "deliver = { intent = 'sha256:1', receipt = {} }", "steps[0].deliver.intent",
         "64 lower-case"),
        (STEP + "swap = { x = 1 }", "steps[0].swap.x", "expected a text"),
        (STEP + "release = 'all'\nsource = { step = 1 }", "steps[0].source.scenario", "a text"),
        (STEP + "release = 'all'\nsource = { scenario = 'x', step = -1 }", "steps[0].source.step",
         "from 0"),
        ("expect = { root = 'sha256:1' }", "expect.root", "64 lower-case"),
        (STEP + "release = { urls = 'x' }", "steps[0].release.urls", "did you mean url"),
        (STEP + "expect = { order_free = true }", "steps[0].expect.order_free", "known: cells"),
        ("expect = { effects = [{ kinds = 1 }] }", "expect.effects[0].kinds", "did you mean kind"),
        ("seed = 'x'", "seed", "expected a whole number"),
        ("seed = -1", "seed", "from 0"),
        ("step_ns = true", "step_ns", "expected a whole number"),
        ("start_ns = 9223372036854775808", "start_ns", "from 0 to"),
        ("title = 1", "title", "expected a text"),
        ("answers = 1", "answers", "expected an array"),
        ("answers = [1]", "answers[0]", "expected a table"),
        ("[[answers]]\nmatch = 1", "answers[0].match", "expected a table"),
        ("[[answers]]\nmatch = { url = 1 }", "answers[0].match.url", "expected a text"),
        ("[[answers]]\nmatch = { nth = 0 }", "answers[0].match.nth", "from 1"),
        ("[[answers]]\nstatus = 'bad'", "answers[0].status", "one of ok, error, timeout"),
        ("[[answers]]\nhttp = {}\npayload = {}", "answers[0].payload", "not both"),
        ("[[answers]]\nhttp = {}\nllm = { text = '' }", "answers[0].llm", "not both"),
        ("[[answers]]\nllm = {}", "answers[0].llm.text", "expected a text"),
        ("[[answers]]\nllm = { txt = '' }", "answers[0].llm.txt", "did you mean text"),
        (
            "[[answers]]\nllm = { text = '', prompt_tokens = -1 }",
            "answers[0].llm.prompt_tokens",
            "from 0",
        ),
        ("[[answers]]\nhttp = { json = 1, body = 'x' }", "answers[0].http.json", "not both"),
        ("[[answers]]\nhttp = { status = '200' }", "answers[0].http.status", "a whole number"),
        ("[[answers]]\nhttp = { headers = { a = 1 } }", "answers[0].http.headers.a", "a text"),
        ("[[answers]]\nhttp = { json = 1979-05-27 }", "answers[0].http.json", "what JSON can say"),
        ("[[answers]]\nhttp = { json = nan }", "answers[0].http.json", "what JSON can say"),
        ("[[answers]]\ncost_cents = -1", "answers[0].cost_cents", "from 0"),
        (STEP, "steps[0]", "exactly one of"),
        (STEP + "release = 'all'\nadvance_ns = 1", "steps[0]", "exactly one of"),
        (STEP + "fire = { value = 1 }", "steps[0].fire.schema", "expected a text"),
        (STEP + "fire = { schema = 'x' }", "steps[0].fire.value", "expected a value"),
        (STEP + "fire = 1", "steps[0].fire", "expected a table"),
        (STEP + "release = 'some'", "steps[0].release", '"all", "shuffle"'),
        (STEP + "release = []", "steps[0].release", "numbers from 1"),
        (STEP + "release = [1, 1]", "steps[0].release", "each once"),
        (STEP + "release = [true]", "steps[0].release", "numbers from 1"),
        (STEP + "release = {}", "steps[0].release", "a match"),
        (STEP + "break = { fault = 'error' }", "steps[0].break.n", "from 1"),
        (STEP + "break = { n = 1 }", "steps[0].break.fault", "one of error"),
        (STEP + "break = { n = 1, fault = 'x' }", "steps[0].break.fault", "one of error"),
        (STEP + "deliver = { n = 1 }", "steps[0].deliver.receipt", "expected a table"),
        (STEP + "advance_ns = 0", "steps[0].advance_ns", "from 1"),
        (STEP + "swap = 1", "steps[0].swap", "expected a text"),
        (STEP + "release = 'all'\nat_ns = -1", "steps[0].at_ns", "from 0"),
        (STEP + "release = 'all'\nlogical_ns = 'x'", "steps[0].logical_ns", "a whole number"),
        (STEP + "release = 'all'\nentropy_b64 = 'x'", "steps[0].entropy_b64", "64 bytes"),
        (STEP + "release = 'all'\nentropy_b64 = 1", "steps[0].entropy_b64", "expected a text"),
        ("expect = { pending = -1 }", "expect.pending", "from 0"),
        ("expect = { cells = { r = -1 } }", "expect.cells.r", "from 0"),
        ("expect = { cells = 1 }", "expect.cells", "table"),
        ("expect = { effects = [{ count = 'x' }] }", "expect.effects[0].count", "whole number"),
        ("expect = { plans = [{ cod = 'x' }] }", "expect.plans[0].cod", "did you mean code"),
        ("expect = { plans = [{ status = 'x' }] }", "expect.plans[0].status", "one of running"),
        ("expect = { plans = [{ code = 1 }] }", "expect.plans[0].code", "expected a text"),
        ("expect = { order_free = 1 }", "expect.order_free", "true or false"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_with_its_place(
    tmp_path: Path, text: str, path: str, words: str
) -> None:
    with pytest.raises(WorldError) as caught:
        read(tmp_path, text)
    assert caught.value.where["path"] == path
    assert caught.value.where["file"] == tmp_path / "x.toml"
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_what_is_no_toml_is_told(tmp_path: Path) -> None:
    for text in ("seed = ", "seed = 1\nseed = 2"):
        with pytest.raises(WorldError, match="not TOML: ") as caught:
            read(tmp_path, text)
        assert caught.value.where["line"] == text.count("\n") + 1
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(WorldError, match="not UTF-8: byte 0xff"):
        read_scenario(tmp_path / "x.toml")
    with pytest.raises(WorldError, match=r"there is no y\.toml"):
        read_scenario(tmp_path / "y.toml")
