"""The pages of the docs say what is so."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.files import WorldFiles, find_world
from tests.support import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def test_the_page_of_the_command_line_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not: ``python docs/generate.py``."""
    monkeypatch.syspath_prepend(str(DOCS))
    text = (DOCS / "cli.md").read_text("utf-8")
    assert importlib.import_module("generate").page(text) == text


def test_the_page_of_the_keys_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not: ``python docs/generate.py``."""
    monkeypatch.syspath_prepend(str(DOCS))
    text = (DOCS / "keys.md").read_text("utf-8")
    assert importlib.import_module("generate").keys_page(text) == text


def test_every_command_has_its_fields_listed() -> None:
    import typer.main

    from aos_core.cli.main import app

    text = (DOCS / "cli.md").read_text("utf-8")
    table = text.partition("## Fields of `--json`")[2].partition("<!--")[0]
    listed = set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"(?m)^\|([^|]*)\|", table))))
    group = typer.main.get_command(app)
    assert listed == set(group.commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    for link in links:
        assert "://" in link or (page.parent / link).exists(), link


BLOCKS = re.findall(
    r"```python\n(.*?)```", (DOCS / "testing-worlds.md").read_text("utf-8"), re.DOTALL
)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_of_testing_worlds_passes(code: str, tmp_path: Path) -> None:
    """Every block of Python on the page is a test file."""
    number = re.findall(r'aos_world\("(\d\d)"', code)[0]
    (tmp_path / "test_it.py").write_text(code, "utf-8")
    plugin = ["-p", "aos_core.pytest_plugin", "-p", "no:cacheprovider", "--strict-markers"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    scenarios = len(WorldFiles.read(find_world(number)).scenarios)
    more = scenarios - 1 if "aos_scenario" in code else 0
    assert f"{code.count('def test_') + more} passed" in done.stdout
