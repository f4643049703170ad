"""``aos verify``, and what ``aos`` does with a journal or world that is not what it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT, REDUCER, copy_example, forge, patch_reducer

FIELDS = {"ok", "frames", "records", "root", "head", "seconds"}


def test_verify_reports_what_it_replayed(asked: Path, aos: Aos) -> None:
    done = aos("verify", asked, "--json")
    assert (done.code, done.err) == (0, "")
    report = done.json
    assert set(report) == FIELDS
    assert (report["ok"], report["frames"], report["records"]) == (True, 2, 17)
    people = aos("verify", asked).out.splitlines()
    assert people == [
        "✓ verified: 2 frames, 17 records, up to record 16 before",
        f"root {report['root']}",
        f"head {report['head']}",
    ]
    again = aos("verify", asked, "--again").out.splitlines()
    assert again[0] == "✓ verified: 2 frames, 17 records"


def test_verify_of_another_branch(world: Path, aos: Aos) -> None:
    run = aos("run", world, "--scenario", "out-of-order", "--json").json["runs"][0]
    report = aos("verify", world, "--branch", "out-of-order", "--json").json
    assert (report["root"], report["head"]) == (run["root"], run["head"])


def test_progress_as_json_lines_on_stderr(asked: Path, aos: Aos) -> None:
    done = aos("verify", asked, "--json", "--progress-json")
    assert done.json["ok"]
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert lines[-1] == {"progress": {"what": "verifying", "done": 2, "total": 2}}


def test_with_disk_agrees_with_unchanged_files(asked: Path, aos: Aos) -> None:
    assert aos("verify", asked, "--with-disk", "--json").json["ok"]


def test_with_disk_names_record_reducer_and_field(asked: Path, aos: Aos) -> None:
    patch_reducer(asked, b"fetch_a", b"fetch_z")
    done = aos("verify", asked, "--with-disk", "--json")
    assert done.code == 1
    assert set(done.json) == FIELDS | {"divergence", "why"}
    found = done.json["divergence"]
    assert (found["height"], found["record"]["k"], found["reducer"]) == (2, "step", REDUCER)
    assert found["field"] == "pending.1.handles.0"
    assert (found["expected"], found["found"]) == ("fetch_a", "fetch_z")
    people = aos("verify", asked, "--with-disk")
    assert people.code == 1
    for line in (
        "✗ diverges at record 2 (step)",
        f"  reducer  {REDUCER}",
        "  field    pending.1.handles.0",
        "  expected fetch_a",
        "  found    fetch_z",
    ):
        assert line in people.out.splitlines()


def test_a_branch_goes_on_with_its_own_module_and_says_so(asked: Path, aos: Aos) -> None:
    patch_reducer(asked, b"fetch_a", b"fetch_z")
    done = aos("verify", asked, "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert REDUCER in done.err and "--with-disk" in done.err
    assert aos("verify", asked, "--json", "--quiet").err == ""
    (notice,) = [
        json.loads(line)
        for line in aos("pending", asked, "--json", "--progress-json").err.splitlines()
    ]
    assert REDUCER in notice["notice"]


def _tamper(world: Path, needle: bytes, other: bytes) -> Path:
    log = world / ".aos/journal/main.log"
    data = log.read_bytes()
    at = data.rindex(needle)
    log.write_bytes(data[:at] + other + data[at + len(needle) :])
    return log


def test_a_tampered_byte_exits_3_with_its_place_and_nothing_is_lost(asked: Path, aos: Aos) -> None:
    log = asked / ".aos/journal/main.log"
    offset = log.stat().st_size  # where the frame of the first receipt begins
    aos("release", asked, "--all")
    at_16 = aos("state", asked, "--at", 16, "--json").json
    _tamper(asked, b"beta", b"bets")
    damaged = log.read_bytes()
    first_bad = _second_receipt(asked)
    done = aos("verify", asked, "--json")
    assert done.code == 3
    error = done.error
    assert error["code"] == "journal_damaged"
    assert error["where"]["height"] >= 17
    assert offset <= error["where"]["offset"] < first_bad
    assert error["hint"]
    assert aos("release", asked, 1, "--json").code == 3
    assert aos("fire", asked, EVENT, START_JSON, "--json").code == 3
    state = aos("state", asked, "--at", 16, "--json")
    assert (state.code, state.json) == (3, at_16)  # the prefix is shown, the damage told
    assert "damaged" in state.err
    assert len(aos("journal", asked, "--json").lines) == error["where"]["height"]
    assert log.read_bytes() == damaged


def _second_receipt(world: Path) -> int:
    return (world / ".aos/journal/main.log").stat().st_size


def test_a_frame_that_says_something_else_than_its_inputs_diverges(asked: Path, aos: Aos) -> None:
    forge(asked)
    done = aos("verify", asked, "--json")
    assert done.code == 1
    found = done.json["divergence"]
    assert (found["height"], found["reducer"], found["field"]) == (2, REDUCER, "after")
    assert found["expected"] == f"sha256:{'00' * 32}"
    assert aos("fire", asked, EVENT, START_JSON, "--json").code == 1


def test_a_divergence_can_be_kept_as_a_scenario(asked: Path, aos: Aos) -> None:
    """It plays the inputs up to there; another time it is written beside the first."""
    forge(asked)
    first = aos("verify", asked, "--reproduce", "--json")
    assert (first.code, Path(first.json["scenario"]).name) == (1, "diverges-at-2.toml")
    assert "altered" in first.json["why"]
    kept = Path(first.json["scenario"]).read_bytes()
    people = aos("verify", asked, "--reproduce").out
    assert "diverges-at-2-2.toml: `aos run" in people and "  why      " in people
    assert Path(first.json["scenario"]).read_bytes() == kept
    (run,) = aos("run", asked, "--scenario", "diverges-at-2", "--json").json["runs"]
    assert (run["height"], run["pending"], run["verified"]) == (16, 3, True)


def test_an_unfinished_frame_is_left_alone_by_readers_and_told(asked: Path, aos: Aos) -> None:
    log = asked / ".aos/journal/main.log"
    whole = log.read_bytes()
    log.write_bytes(whole + b"\x10\x00")
    done = aos("verify", asked)
    assert done.code == 0
    assert done.err.startswith("note: ")
    assert log.read_bytes() == whole + b"\x10\x00"


def test_a_store_that_lost_an_object_exits_3(asked: Path, aos: Aos) -> None:
    import sqlite3

    with sqlite3.connect(asked / ".aos/store.db") as store:
        (table,) = store.execute(
            "select name from sqlite_master where type = 'table' and name like 'obj%'"
        ).fetchone()
        store.execute(f"delete from {table}")
    store.close()
    done = aos("verify", asked, "--json")
    assert (done.code, done.error["code"]) == (3, "store_damaged")


def test_a_world_that_cannot_be_written_keeps_its_journal_in_the_home(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).startswith(str(world)) and real(path, mode)
    )
    done = aos("fire", world, EVENT, START_JSON, "--json")
    assert done.code == 0
    assert os.environ["XDG_DATA_HOME"] in done.err
    assert not (world / ".aos").exists()
    assert len(aos("pending", world, "--json").json) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_journal_that_cannot_be_written_is_said_to_be_so(tmp_path: Path, aos: Aos) -> None:
    world = copy_example(tmp_path / "locked")
    aos("fire", world, EVENT, START_JSON)
    (world / ".aos/journal").chmod(0o500)
    try:
        done = aos("fire", world, EVENT, START_JSON, "--json")
        assert (done.code, done.error["code"]) == (2, "read_only")
    finally:
        (world / ".aos/journal").chmod(0o700)
