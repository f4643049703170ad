"""The examples of docs/scenarios.md are those of the ladder, word for word, and run."""

from __future__ import annotations

import re

import pytest

from aos_core.scenario_file import read_scenario
from tests.support import ROOT

TEXT = (ROOT / "docs/scenarios.md").read_text("utf-8")
QUOTED = re.findall(r"```toml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_every_example_says_where_it_is_from() -> None:
    assert len(QUOTED) == TEXT.count("```toml") > 0


@pytest.mark.parametrize(("file", "text"), QUOTED)
def test_a_quoted_part_stands_in_its_scenario(file: str, text: str) -> None:
    def bare(toml: str) -> str:
        return re.sub(r"(?m)^#.*\n", "", toml)

    assert bare(text) in bare((ROOT / file).read_text("utf-8"))
    read_scenario(ROOT / file)


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_of_the_page_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(code, {})
