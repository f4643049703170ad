"""Every world of ``examples``: sound, as its scenarios expect, proven, and as its README says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from aos_core import files, scenario
from aos_core.files import WorldFiles
from aos_core.scenario import MOST_ORDERS, run_scenario
from aos_tui.headless import run_headless
from aos_tui.options import parse
from tests.cli.conftest import Aos, _own_home, aos
from tests.fixtures import compiled_once
from tests.support import ROOT

__all__ = ["_own_home", "aos", "compiled_once"]

WORLDS = sorted(path.parent for path in (ROOT / "examples").glob("*/world.toml"))
# a version that is not in force may be opened by its folder, with scenarios of its own
VERSIONS = sorted(path.parent for path in (ROOT / "examples").glob("*/air*/scenarios"))
PLAYED = [
    (world, name) for world in (*WORLDS, *VERSIONS) for name in WorldFiles.read(world).scenarios
]
STORIES = sorted((ROOT / "tests/golden").glob("story-of-*.txt"))
COMMAND = re.compile(r"^(aos|aos-tui) +([^#\n]*)", re.MULTILINE)


def called(of: object) -> str:
    """``04-aggregator``, ``06-safe-upgrade/air.v2``, or the name of a scenario."""
    return str(of.relative_to(ROOT / "examples")) if isinstance(of, Path) else str(of)


every_world = pytest.mark.parametrize("world", WORLDS, ids=called)
every_version = pytest.mark.parametrize("world", [*WORLDS, *VERSIONS], ids=called)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the examples alone, as the current folder: the real ones stay as they are."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".aos"))
    (tmp_path / "reducers").symlink_to(ROOT / "reducers")
    monkeypatch.setattr(files, "_bundled_roots", lambda: (tmp_path / "examples",))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@every_version
def test_it_checks_without_a_problem(world: Path, aos: Aos) -> None:
    done = aos("check", world, "--json")
    assert (done.code, done.json) == (0, {"ok": True, "problems": []})


@pytest.mark.parametrize(("world", "name"), PLAYED, ids=called)
def test_a_scenario_is_as_expected_and_proven_in_every_order(world: Path, name: str) -> None:
    done = run_scenario(world, name, memory=True)
    assert [item.text for item in done.expectations if not item.ok] == []
    assert done.expectations, "a scenario that expects nothing cannot fail"
    assert done.report.ok
    assert done.world.at(done.world.height).state_problems() == []
    tried = [re.match(r"order free: (all )?(\d+) ", item.text) for item in done.expectations]
    orders = [of for of in tried if of is not None]
    assert len(orders) == done.scenario.expect.order_free
    assert all(of[1] or int(of[2]) == MOST_ORDERS for of in orders)


@every_version
def test_a_state_that_does_not_fit_is_a_fault_here(world: Path) -> None:
    assert WorldFiles.read(world).config.state_schema == "enforce"


@every_world
def test_the_commands_of_its_readme_work(
    world: Path, aos: Aos, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario, "MOST_ORDERS", 6)  # every order is tried above
    text = (world / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^## Try it\n+```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(block.splitlines()) >= 3
    for program, rest in COMMAND.findall(block):
        if program == "aos":
            done = aos(*shlex.split(rest))
            assert (done.code, done.err) == (0, ""), rest
        else:
            options = parse([*shlex.split(rest), "--memory", "--headless"])
            assert run_headless(options) == 0, rest


@every_world
def test_its_readme_names_every_scenario_and_shows_a_picture(world: Path) -> None:
    text = (world / "README.md").read_text("utf-8")
    named = re.findall(r"^\| `(.*?)\.toml`", text, re.MULTILINE)
    assert sorted(named) == WorldFiles.read(world).scenarios
    pictures = re.findall(r"^!\[[^]]+\]\((.*?)\)", text, re.MULTILINE)
    assert pictures and all((world / picture).is_file() for picture in pictures)
    assert f"[{world.name}]({world.name}/)" in (world.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("golden", STORIES, ids=lambda path: path.stem)
def test_the_story_of_a_rung(golden: Path, aos: Aos, checkout: Path) -> None:
    world = checkout / "examples" / golden.stem.removeprefix("story-of-")
    default = WorldFiles.read(world).config.default_scenario
    done = aos("run", world, "--scenario", default)
    assert (done.code, done.err) == (0, "")
    assert done.out == golden.read_text("utf-8")
