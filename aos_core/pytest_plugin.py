"""The pytest plugin: fixtures for tests of worlds (docs/testing-worlds.md).

Every pytest run of whoever has aos-tui installed loads this file, so it imports nothing of the
runtime before a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aos_core.scenario import Order, Run
    from aos_core.scenario_file import Scenario
    from aos_core.testing import Clock, Play
    from aos_core.world import World

MARKER = "aos_world"
_MARKER_HELP = (
    f"{MARKER}(path, scenario=None): the world of this test, relative to its file, or the slug or "
    "number of one that ships; scenario: whose answers are prepared"
)
_WHERE = "The world of the tests: a directory, or the slug or number of one that ships"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aos", "worlds of aos-tui")
    group.addoption("--aos-world", metavar="WORLD", help=f"{_WHERE}.")
    parser.addini("aos_world", f"{_WHERE}, relative to the root directory.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER_HELP)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``aos_scenario`` runs once for every scenario of its world."""
    if "aos_scenario" in metafunc.fixturenames:
        from aos_core.files import WorldFiles

        place = _place(metafunc.definition)
        metafunc.parametrize("aos_scenario", WorldFiles.read(place).scenarios)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The world of this test, begun anew in memory, with simulated time and entropy."""
    from aos_core.world import World

    mark = request.node.get_closest_marker(MARKER)
    scenario = None if mark is None else mark.kwargs.get("scenario")
    with World.open(_place(request.node), memory=True, scenario=scenario) as opened:
        yield opened


@pytest.fixture
def clock(world: World) -> Clock:
    """The clock of ``world``: it jumps, and delivers the timers that are due."""
    from aos_core.testing import Clock

    return Clock(world)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Plays scenarios of the world of this test, each from the beginning."""
    from aos_core.testing import play

    place, runs = _place(request.node), []

    def call(scenario: str | Scenario, order: str | Order | None = None) -> Run:
        runs.append(play(place, scenario, order))
        return runs[-1]

    yield call
    for run in runs:
        run.world.close()


def _place(node: pytest.Item) -> Path:
    """The directory of a test's world: as its mark says, the option, the ini file; otherwise the
    nearest folder above its file that is one. Raises :class:`UsageError` where there is none."""
    from aos_core.errors import UsageError
    from aos_core.files import find_world

    config = node.config
    mark = node.get_closest_marker(MARKER)
    named: list[tuple[Path, str | None]] = [
        (node.path.parent, str(mark.args[0]) if mark is not None and mark.args else None),
        (config.invocation_params.dir, config.getoption("--aos-world")),
        (config.rootpath, config.getini("aos_world")),
    ]
    for base, name in named:
        if name:
            return base / name if (base / name).is_dir() else find_world(name)
    for folder in node.path.parents:
        if (folder / "world.toml").is_file():
            return folder
    raise UsageError(
        f"no folder above {node.path.name} is a world",
        hint=f"mark the test with @pytest.mark.{MARKER}(path), set aos_world in the ini file, or "
        "give --aos-world",
    )
