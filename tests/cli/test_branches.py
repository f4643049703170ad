"""``aos fork``, ``branches``, ``rename``, ``delete``, ``restore``, ``diff``, ``why``, ``gc``, and
what ``doctor`` says of a world."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.store import SqliteStore
from aos_core.world import World
from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT, REDUCER, ROOT


@pytest.fixture
def forked(asked: Path, aos: Aos) -> Path:
    """``main`` with one receipt in, ``side`` forked before it and played to its end."""
    assert aos("fork", asked, "side").code == 0
    assert aos("release", asked, "1").code == 0
    assert aos("release", asked, "--all", "--branch", "side").code == 0
    return asked


def test_a_fork_says_where_it_begins(asked: Path, aos: Aos) -> None:
    made = aos("fork", asked, "side", "--json").json
    assert set(made) == {"branch", "height", "head"}
    assert (made["branch"], made["height"]) == ("side", 16)
    inside = aos("fork", asked, "early", "--at", 5, "--json")
    assert inside.json["height"] == 0 and "5 is inside a turn" in inside.err
    again = aos("fork", asked, "side", "--json")
    assert (again.code, again.error["code"]) == (2, "branch_exists")
    assert aos("fork", asked, "of-side", "--branch", "side").out.startswith(
        "of-side forked from side@16, head sha256:"
    )


def test_branches_are_listed(forked: Path, aos: Aos) -> None:
    main, side = aos("branches", forked, "--json").json
    assert set(main) == {"name", "height", "head", "root"}
    assert set(side) == {*main, "parent"}
    assert side["parent"]["branch"] == "main" and side["parent"]["height"] == 16
    with World.open(forked, "side", write=False) as opened:
        assert (side["height"], side["head"]) == (opened.height, f"sha256:{opened.head.hex()}")
    lines = aos("branches", forked).out.splitlines()
    assert [line.split()[0] for line in lines] == ["main", "side"]
    assert lines[1].endswith("from main@16")
    assert aos("branches", forked, "--removed", "--json").json == []


def test_a_branch_that_cannot_be_read_is_told_and_exits_3(forked: Path, aos: Aos) -> None:
    log = forked / ".aos/journal/side.log"
    log.write_bytes(b"\xff" * 30 + log.read_bytes()[30:])
    done = aos("branches", forked, "--json")
    assert done.code == 3 and [of["name"] for of in done.json] == ["main"]
    assert "branch side is damaged" in done.err


def test_a_world_without_a_journal_has_no_branches(world: Path, aos: Aos) -> None:
    for command in (("branches", world), ("delete", world, "main"), ("gc", world)):
        done = aos(*command, "--json")
        assert (done.code, done.error["code"]) == (2, "no_branch")
    assert not (world / ".aos").exists()


def test_renamed_deleted_and_restored(forked: Path, aos: Aos) -> None:
    before = {of["name"]: of for of in aos("branches", forked, "--json").json}
    renamed = aos("rename", forked, "side", "aside", "--json").json
    assert renamed == {
        "branch": "aside", **{of: before["side"][of] for of in ("height", "head", "root")},
    }  # fmt: skip
    refused = aos("delete", forked, "aside", "--json")
    assert (refused.code, refused.error["code"]) == (2, "not_confirmed")
    records = before["side"]["height"] - 16
    loses = f"aside: {records} records since its fork at 16, last root {renamed['root']}"
    assert loses in refused.error["message"] and "--yes" in refused.error["hint"]
    parent = aos("delete", forked, "main", "--yes", "--json")
    assert (parent.code, parent.error["code"]) == (2, "has_children")
    assert "aside was forked from it" in parent.error["message"]
    deleted = aos("delete", forked, "aside", "--yes", "--json").json
    assert deleted == {**renamed, "records": records}
    assert [of["name"] for of in aos("branches", forked, "--removed", "--json").json] == ["aside"]
    assert aos("state", forked, "--branch", "aside", "--json").error["code"] == "no_branch"
    assert aos("restore", forked, "aside", "--json").json == renamed
    assert aos("restore", forked, "aside", "--json").error["code"] == "no_branch"
    assert aos("verify", forked, "--branch", "aside").code == 0


def test_a_person_is_asked_before_a_branch_goes(forked: Path, aos: Aos) -> None:
    pexpect = pytest.importorskip("pexpect")

    def answer(word: str) -> tuple[str, int]:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "aos_core.cli.main", "delete", str(forked), "side"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            encoding="utf-8",
            timeout=60,
        )
        child.expect_exact("Delete it? [y/N] ")
        asked = child.before
        child.sendline(word)
        child.expect(pexpect.EOF)
        child.close()
        return asked, child.exitstatus

    asked, code = answer("n")
    assert code == 2 and "since its fork at 16, last root sha256:" in asked
    assert len(aos("branches", forked, "--json").json) == 2
    assert answer("y")[1] == 0
    assert len(aos("branches", forked, "--json").json) == 1


def test_a_branch_that_another_process_writes_stays(forked: Path, aos: Aos) -> None:
    with _writer(forked, "side") as writer:
        for command in (("rename", forked, "side", "x"), ("delete", forked, "side", "--yes"),
                        ("gc", forked, "--yes")):  # fmt: skip
            done = aos(*command, "--json")
            assert (done.code, done.error["code"]) == (2, "branch_locked")
            assert f"pid {writer.pid}" in done.error["message"]
        assert aos("gc", forked, "--dry-run", "--json").code == 0
        assert writer.stdin is not None
        writer.stdin.close()
    assert aos("rename", forked, "side", "x").code == 0


def _writer(world: Path, branch: str) -> subprocess.Popen[str]:
    """Another process that holds a branch until its input ends."""
    command = [sys.executable, "-m", "aos_core.cli.main", "fire", str(world), EVENT, "-", "--json"]
    process = subprocess.Popen(
        [*command, "--branch", branch],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{json.dumps(json.loads(START_JSON))}\n")
    process.stdin.flush()
    process.stdout.readline()  # acknowledged: it has the lock
    return process


def test_what_differs(forked: Path, aos: Aos) -> None:
    found = aos("diff", forked, "main", "side", "--json").json
    assert all(set(of) == {"path", "before", "after"} for of in found)
    assert {"path": f"{REDUCER}.pc", "before": "Running", "after": "Done"} in found
    assert aos("diff", forked, "main@16", "side@16", "--json").json == []
    assert aos("diff", forked, "main@16", "side@16").out == "no difference\n"
    people = aos("diff", forked, "main", "side").out.splitlines()
    at = people.index(f"{REDUCER}.pc")
    assert people[at + 1 : at + 3] == ["  - Running", "  + Done"]
    for side, code in (("main@x", "usage"), ("main@99", "usage"), ("other", "no_branch")):
        done = aos("diff", forked, "main", side, "--json")
        assert (done.code, done.error["code"]) == (2, code)


def test_why_goes_both_ways(forked: Path, aos: Aos) -> None:
    records = aos("journal", forked, "--branch", "side", "--json").lines
    receipt = next(of for of in records if of["k"] == "receipt")
    found = aos("why", forked, receipt["height"], "--branch", "side", "--json").json
    assert set(found) == {"causes", "effects"}
    assert next(of["k"] for of in found["causes"]) == "intent"
    assert found["causes"][-1]["height"] == 1
    for of in [*found["causes"], *found["effects"]]:
        depth = of.pop("depth")
        assert depth >= 1 and of == records[of["height"]], "as the journal prints it"
    short = aos("why", forked, 1, "--depth", 1, "--json")
    assert {of["depth"] for of in short.json["effects"]} == {1}
    assert "not all" in short.err
    assert aos("why", forked, 999, "--json").code == 2


def test_why_for_people_is_a_tree(forked: Path, aos: Aos) -> None:
    lines = aos("why", forked, 14).out.splitlines()
    indents = [len(line[6:]) - len(line[6:].lstrip()) for line in lines]
    own = next(n for n, line in enumerate(lines) if line.startswith("   14 "))
    assert lines[0].startswith("    1 event") and indents[: own + 1] == [
        2 * n for n in range(own + 1)
    ]
    assert all(after <= before + 2 for before, after in itertools.pairwise(indents))
    assert "intent  1: http.request GET https://example.com/api/a" in lines[own]


def test_gc_says_how_much_and_then_drops_it(forked: Path, aos: Aos) -> None:
    with SqliteStore(forked / ".aos/store.db") as store:
        store.put(b"x" * 1000)
    assert aos("delete", forked, "side", "--yes").code == 0
    dry = aos("gc", forked, "--dry-run", "--json").json
    assert set(dry) == {
        "objects", "bytes", "branches", "snapshots", "nodes", "index_rows", "offsets", "locks",
        "dropped",
    }  # fmt: skip
    assert dry["objects"] == 3, "ours, and two answers that came on that branch alone"
    assert (dry["branches"], dry["dropped"]) == (["side"], False)
    assert dry["bytes"] > 1000
    refused = aos("gc", forked, "--json")
    assert (refused.code, refused.error["code"]) == (2, "not_confirmed")
    assert "3 objects, 1 deleted branch (side)" in refused.error["message"]
    assert aos("gc", forked, "--yes", "--json").json == {**dry, "dropped": True}
    assert aos("gc", forked, "--yes").out == "nothing to drop\n"
    assert aos("restore", forked, "side", "--json").code == 2
    assert aos("verify", forked).code == 0


def test_doctor_finds_damage_and_exits_3(forked: Path, aos: Aos) -> None:
    whole = aos("doctor", forked, "--json")
    checks = {of["name"]: of for of in whole.json["checks"]}
    assert {checks[of]["state"] for of in ("branch main", "branch side", "store")} == {"ok"}
    log = forked / ".aos/journal/main.log"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    done = aos("doctor", forked, "--json")
    assert done.code == 3 and not done.json["ok"]
    checks = {of["name"]: of for of in done.json["checks"]}
    assert checks["branch main"]["state"] == "error"
    assert "offset" in checks["branch main"]["found"] and checks["branch main"]["hint"]
    assert "✗ branch main" in aos("doctor", forked).out
