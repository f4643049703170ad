"""A damaged snapshots.db changes no command's answer and lets none fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT, damage_kept

READING = (
    ("pending",),
    ("state",),
    ("state", "--at", "100"),
    ("plan",),
    ("plan", "--at", "90"),
    ("plan", "7"),
    ("journal",),
    ("record", "40"),
    ("why", "100"),
    ("verify", "--again"),
    ("diff", "main@60", "main@100"),
)


@pytest.fixture
def busy(world: Path, aos: Aos) -> Path:
    """Ten plans that wait for three receipts each; a state is kept after the eighth."""
    for _ in range(10):
        assert aos("fire", world, EVENT, START_JSON).code == 0
    return world


@pytest.mark.parametrize("change", ["altered", "deleted"])
def test_reading_commands_say_what_they_said(busy: Path, aos: Aos, change: str) -> None:
    sound = busy.with_name("sound")
    shutil.copytree(busy, sound)
    assert damage_kept(busy, change)
    notes = 0
    for name, *rest in READING:
        given, expected = (aos(name, world, *rest, "--json") for world in (busy, sound))
        assert expected.code == 0, (name, expected)
        if name == "verify":
            assert given.json["root"] == expected.json["root"] and given.json["ok"]
        else:
            assert (given.code, given.out) == (0, expected.out), name
        assert "snapshots.db" not in expected.err
        assert given.err.count("snapshots.db") <= 1
        notes += given.err.count("snapshots.db")
    assert notes, "somebody had to run turns again, and said so"


def test_writing_commands_go_on(busy: Path, aos: Aos) -> None:
    assert damage_kept(busy, "deleted")
    done = aos("release", busy, "2", "--json")
    assert done.code == 0 and done.err.count("snapshots.db") == 1
    assert aos("fire", busy, EVENT, START_JSON, "--json").err == "", "it is kept anew"
    assert len(aos("pending", busy, "--json").json) == 32
