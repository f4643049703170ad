"""What the README shows is what happens."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_library_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    said = re.match(r"[0-9a-f]{64} (True|False) .*'pc': '(\w+)'", capsys.readouterr().out)
    assert said is not None
    assert said.groups() == ("True", "Done")


def test_every_link_and_picture_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 3
    for link in links:
        assert (ROOT / link).exists(), link


def test_each_command_sets_itself_up() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("aos-tui examples/04-aggregator")
    assert "pytest" in commands[1]
