"""The two versions of 06-safe-upgrade: each runs, and they differ in what the upgrade is about."""

from __future__ import annotations

import pytest

from aos_core.files import WorldFiles
from aos_core.scenario import run_scenario
from tests.fixtures import compiled_once  # noqa: F401
from tests.support import ROOT

ONE, TWO = (ROOT / "examples/06-safe-upgrade" / name for name in (".", "air.v2"))


@pytest.mark.parametrize("name", WorldFiles.read(TWO).scenarios)
def test_version_two_runs_as_its_scenarios_say(name: str) -> None:
    run = run_scenario(TWO, name, memory=True)
    assert run.ok, [item.text for item in run.expectations if not item.ok]


def test_the_same_answers_mean_down_in_version_one_and_up_in_version_two() -> None:
    found = []
    for root in (ONE, TWO):
        run = run_scenario(root, "primary-down", memory=True)
        found.append(run.world.state("demo/Checker@1")["checks"]["1"]["outcome"])
    assert found == [{"Down": {"source": "primary"}}, {"Up": {"source": "mirror"}}]


def test_the_upgrade_changes_the_plan_and_the_policy_and_no_schema_and_no_module() -> None:
    changed = WorldFiles.read(TWO).catalog.changed_from(WorldFiles.read(ONE).catalog)
    assert changed == (
        "demo/check_plan@1", "demo/check_plan@2", "demo/check_policy@1", "demo/check_policy@2",
    )  # fmt: skip
