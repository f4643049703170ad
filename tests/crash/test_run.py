"""The command of the full run: its seed, its table, what it says of a case that fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.crash import __main__ as command
from tests.crash.run import Outcome, cases, run_case, table


def test_cases_are_named_by_seed_kind_and_number() -> None:
    names = cases("7", kills=6, cuts=11)
    assert names[:4] == ["7/kills/0", "7/kills/1", "7/cuts/0", "7/cuts/1"]
    assert len(names) == len(set(names)) == 4 + 16 + 16


def test_a_case_is_run_by_its_name() -> None:
    outcome = run_case("7/cuts/3")
    assert outcome.failure is None
    assert outcome.tally == run_case("7/cuts/3").tally
    assert "power cuts" in table([outcome], 1.0)


def test_a_case_that_fails_is_told_with_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(names: list[str], jobs: int, progress: object) -> list[Outcome]:
        return [Outcome(names[0], failure="AssertionError: lost")]

    monkeypatch.setattr(command, "run_all", fails)
    monkeypatch.setattr(sys, "argv", ["crash", "--seed", "5", "--kills", "5"])
    assert command.main() == 1
    told = capsys.readouterr().out
    assert told.startswith("seed 5\n")
    assert "AssertionError: lost" in told
    assert "python -m tests.crash --again 5/kills/0" in told


def test_the_command_runs_in_processes_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--again", "7/cuts/3", "--jobs", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing that was acknowledged was lost" in done.stdout
