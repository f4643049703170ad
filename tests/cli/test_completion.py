"""What the shell offers, asked as a shell asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.cli.main import app
from tests.support import EVENT, REDUCER, ROOT


def offered(line: str, cwd: Path = ROOT) -> list[str]:
    """What bash would show for the last word of a command line."""
    words = line.split(" ")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_AOS_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "aos_core.cli.main"],
        env=environment, cwd=cwd, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("aos ver", ["verify"]),
        ("aos check agg", ["aggregator"]),
        ("aos new x --from agg", ["aggregator"]),
        ("aos run 04 --scenario o", ["one-fails", "out-of-order"]),
        ("aos pending --scenario o", []),
        ("aos state 04 ", [REDUCER]),
        ("aos release --sc", ["--scenario"]),
        ("aos state no-such-world ", []),
    ],
)
def test_names_are_offered(line: str, there: list[str], tmp_path: Path) -> None:
    assert offered(line, tmp_path) == there


def test_the_events_a_world_listens_to_come_first(tmp_path: Path) -> None:
    schemas = offered("aos fire 04 demo/", tmp_path)
    assert schemas[:2] == [EVENT, "demo/AggregateRequested@1"]
    assert len(set(schemas)) == len(schemas) > 2


def test_branches_are_those_of_the_world_named_or_the_one_here(asked: Path) -> None:
    assert offered(f"aos journal {asked} --branch ") == ["main"]
    assert offered("aos journal --branch ", asked) == ["main"]


def test_a_world_that_does_not_load_offers_nothing(world: Path) -> None:
    (world / "air/manifest.air.json").write_text("{", "utf-8")
    assert offered(f"aos fire {world} demo/") == []


def test_one_command_installs_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aos_core.cli.main", "--install-completion", "bash"],
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
             "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "completion installed" in done.stdout
    script = (tmp_path / ".bash_completions/aos.sh").read_text("utf-8")
    assert "complete -o default -F _aos_completion aos" in script
    assert str(tmp_path / ".bash_completions/aos.sh") in (tmp_path / ".bashrc").read_text("utf-8")


def test_every_argument_that_names_something_is_completed() -> None:
    import typer.main

    group = typer.main.get_command(app)
    names = {"world", "worlds", "branch", "scenario", "schema", "reducer", "from_"}
    lacking = [
        f"{command.name} {of.name}"
        for command in group.commands.values()  # type: ignore[attr-defined]
        for of in command.params
        if of.name in names and of._custom_shell_complete is None
    ]
    assert lacking == []
