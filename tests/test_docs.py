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
from aos_core.kernel import lifecycle
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


def test_the_diagrams_of_the_concepts_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not: ``python docs/generate.py``."""
    monkeypatch.syspath_prepend(str(DOCS))
    text = (DOCS / "concepts.md").read_text("utf-8")
    assert importlib.import_module("generate").concepts_page(text) == text


@pytest.mark.parametrize("name", ["STEP", "INSTANCE", "INTENT"])
def test_a_diagram_has_every_way_of_its_table(name: str) -> None:
    """Read back from the page: a line is a way to a state, from the one it is indented under."""
    text = (DOCS / "concepts.md").read_text("utf-8")
    part = text.partition(f"<!-- drawn: {name} -->")[2]
    first, *lines = part.split("```")[1].removeprefix("text\n").splitlines()
    at = [(0, first)]
    found = set()
    for line in lines:
        way = re.fullmatch(r"([ │]*)[├╰]─ (\w+) ─*▸ (\w+)(?:  \((end|again)\))?", line)
        assert way is not None, line
        indent, event, to, note = len(way[1]), way[2], way[3], way[4]
        at = [of for of in at if of[0] <= indent]
        found.add((at[-1][1], event, to))
        assert (note == "end") == (not getattr(lifecycle, name)[to]), line
        at.append((line.index("▸") + 2, to))
    table = getattr(lifecycle, name)
    assert found == {(state, event, to) for state in table for event, to in table[state].items()}
    explained = re.findall(r"(?m)^\| `(\w+)` \|", part.partition("\n## ")[0])
    assert set(explained) == {event for ways in table.values() for event in ways}


def test_a_state_that_nothing_leads_to_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    with pytest.raises(ValueError, match="lost"):
        importlib.import_module("draw_states").diagram({"a": {}, "lost": {}})


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


def test_every_rule_that_code_names_is_on_the_page_of_rules() -> None:
    listed = set(re.findall(r"(?m)^\| (B-\d+) \|", (DOCS / "byte-rules.md").read_text("utf-8")))
    files = [of for room in ("aos_core", "tests") for of in (ROOT / room).rglob("*.py")]
    named = {of for file in files for of in re.findall(r"\bB-\d+", file.read_text("utf-8"))}
    assert named and named == listed


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
