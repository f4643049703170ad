"""``aos export``: what it writes, what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Aos
from tests.cli.test_completion import offered
from tests.support import patch_reducer

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def played(world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world with branch basic, and where one is: beside it."""
    assert aos("run", world, "--scenario", "basic").code == 0
    monkeypatch.chdir(world.parent)
    return world


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("scenario", "world/scenarios/basic-30.toml"),
        ("pytest", "world/tests/test_basic_30.py"),
        ("html", "aggregator-basic-30.html"),
    ],
)
def test_what_is_written(form: str, file: str, played: Path, aos: Aos) -> None:
    done = aos("export", played, "--as", form, "--branch", "basic", "--json")
    path = played.parent / file
    assert (done.code, done.err, done.json["path"]) == (0, "", str(path))
    assert path.read_text("utf-8") == (GOLDEN / f"export-{form}.txt").read_text("utf-8")
    assert set(done.json) - {"path"} == ({"passes", "why"} if form == "pytest" else set())


def test_what_people_are_told(played: Path, aos: Aos) -> None:
    done = aos("export", played, "--as", "pytest", "--branch", "basic", "-o", "test_x.py")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "saved test_x.py",
        "it passes: it ends as branch basic at height 30",
    ]
    assert "aos_world(" in (played.parent / "test_x.py").read_text("utf-8")


def test_an_exported_scenario_is_one_of_the_world(played: Path, aos: Aos) -> None:
    aos("export", played, "--as", "scenario", "--branch", "basic")
    runs = [
        aos("run", played, "--scenario", name, "--json").json["runs"][0]
        for name in ("basic", "basic-30")
    ]
    assert runs[0]["root"] == runs[1]["root"] and runs[1]["verified"]


def test_up_to_a_height_inside_a_turn(played: Path, aos: Aos) -> None:
    done = aos("export", played, "--as", "scenario", "--branch", "basic", "--at", "18")
    assert done.err == "note: 18 is inside a turn: what has ended before counts, up to 16\n"
    assert (played / "scenarios/basic-16.toml").is_file()
    gone = aos("export", played, "--as", "scenario", "--branch", "basic", "--at", "99", "--json")
    assert gone.code == 2 and "99" in gone.error["message"]


def test_nothing_is_overwritten_without_force(played: Path, aos: Aos) -> None:
    words = ("export", played, "--as", "html", "--branch", "basic", "-o", "x.html")
    (played.parent / "x.html").write_text("mine")
    refused = aos(*words, "--json")
    assert (refused.code, refused.error["code"]) == (2, "file_exists")
    assert (played.parent / "x.html").read_text() == "mine"
    assert aos(*words, "--force").code == 0
    assert (played.parent / "x.html").read_text() != "mine"


def test_what_is_refused(played: Path, aos: Aos) -> None:
    property = ("--property", '{"bool": true}')
    for words, code in (
        (("--as", "html", *property), "usage"),
        (("--as", "pdf"), "usage"),
        ((), "usage"),
        (("--as", "html", "--branch", "none"), "no_branch"),
        (("--as", "html", "-o", "world"), "usage"),
    ):
        branch = () if "--branch" in words else ("--branch", "basic")
        done = aos("export", played, *branch, *words, "--json")
        assert (done.code, done.error["code"]) == (2, code), words
    patch_reducer(played, b"fetch_a", b"fetch_z")
    asked = ("--branch", "basic", "--at", "16")  # where the handles are still there
    done = aos("export", played, "--as", "scenario", *asked, "--json")
    assert (done.code, done.error["code"]) == (2, "not_the_same")
    assert "handles" in done.error["message"]
    assert not list((played / "scenarios").glob("basic-*"))


def test_words_are_offered(tmp_path: Path) -> None:
    assert offered("aos export 04 --as ", tmp_path) == ["scenario", "pytest", "html"]
    assert offered("aos exp", tmp_path) == ["export"]
