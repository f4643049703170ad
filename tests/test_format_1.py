"""Journals of format 1 stay readable for ever.

NEVER CHANGE THIS FILE, ``tests/data/journal-v1`` OR ``tests/golden/journal-v1.json``: only add.
People's journals look like this one. Where a test here fails, the code is wrong, not the test.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aos_core.world import World
from tests import journal_reader

SAMPLE = Path(__file__).parent / "data/journal-v1"
EXPECTED: dict[str, list[tuple[int, int, str, str]]] = json.loads(
    (SAMPLE / "expected.json").read_text("utf-8")
)
"""By branch, of every frame: height of its first record, of its last, head, root."""

BRANCHES = sorted(EXPECTED)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample world, in its place."""
    world = Path(shutil.copytree(SAMPLE, tmp_path / "world"))
    (world / "aos").rename(world / ".aos")
    return world


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_frame_is_what_it_was(sample: Path, branch: str) -> None:
    with World.open(sample, branch, write=False) as world:
        frames = [(of.height, of.last_height, of.hash.hex(), of.root.hex()) for of in world.frames]
        assert frames == [tuple(of) for of in EXPECTED[branch]]
        assert world.notices == []


@pytest.mark.parametrize("branch", BRANCHES)
def test_it_runs_to_the_same_records_and_roots(sample: Path, branch: str) -> None:
    with World.open(sample, branch, write=False) as world:
        report = world.verify()
        assert report.ok, report
        assert report.head.hex() == EXPECTED[branch][-1][2]


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_height_has_the_root_of_its_turn(sample: Path, branch: str) -> None:
    ends = {last: root for _, last, _, root in EXPECTED[branch]}
    with World.open(sample, branch, write=False) as world:
        for height in range(world.height + 1):
            root = world.at(height).root.hex()
            assert root == ends.get(height, root)
        assert ends.keys() - {-1} <= set(range(world.height + 1))


def test_a_copy_goes_on(sample: Path) -> None:
    with World.open(sample) as world:
        world.fire("demo/Said@1", {"who": "now", "n": 1})
        assert world.verify().ok


def test_without_the_files_of_the_world(sample: Path) -> None:
    """Journal and store are enough: what lies beside them may be another version by now."""
    (sample / "air/all.json").write_text(json.dumps(_other(sample)), "utf-8")
    with World.open(sample, write=False) as world:
        assert world.disk_changes()
        assert world.verify().ok


def _other(sample: Path) -> Any:
    nodes = json.loads((sample / "air/all.json").read_text("utf-8"))
    nodes[-1]["triggers"] = []
    return nodes


def records(branch: str = "main") -> list[dict[str, Any]]:
    frames = journal_reader.chain(SAMPLE / "aos/journal", branch)
    return [record for frame in frames for record in frame.body["records"]]


def test_the_sample_has_everything() -> None:
    """Every kind of record, every outcome and status of a receipt."""
    every = records()
    assert {of["k"] for of in every} == {
        "genesis", "event", "receipt", "manifest_replaced", "step", "plan_started", "plan_step",
        "plan_ended", "decision", "intent", "fault",
    }  # fmt: skip
    receipts = [of for of in every if of["k"] == "receipt"]
    assert {of["outcome"] for of in receipts} == {"settled", "late", "orphan", "faulted"}
    assert {of["status"] for of in receipts} == {"ok", "error", "timeout"}
    assert {of["state"] for of in every if of["k"] == "plan_step"} == {
        "done", "waiting", "skipped", "failed"
    }  # fmt: skip
    decisions = {(of["cap"], of.get("policy")) for of in every if of["k"] == "decision"}
    assert decisions == {("allow", "allow"), ("allow", "deny"), ("deny", None)}


# -- the independent reader ----------------------------------------------------------------------


@pytest.mark.parametrize("branch", BRANCHES)
def test_another_reader_finds_the_same_frames(branch: str) -> None:
    frames = journal_reader.chain(SAMPLE / "aos/journal", branch)
    found = [(of.body["height"], of.last, of.hash.hex(), of.body["root"].hex()) for of in frames]
    assert found == [tuple(of) for of in EXPECTED[branch]]
    ends = {journal_reader.read(path.read_bytes())[1] for path in SAMPLE.rglob("*.log")}
    assert ends == {"nothing"}


@pytest.mark.parametrize("branch", BRANCHES)
def test_another_reader_comes_to_the_same_roots(branch: str) -> None:
    roots = journal_reader.Roots(journal_reader.objects(SAMPLE / "aos/store.db"))
    frames = journal_reader.chain(SAMPLE / "aos/journal", branch)
    assert [roots.after(frame).hex() for frame in frames] == [of[3] for of in EXPECTED[branch]]
