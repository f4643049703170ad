"""What is found when a world's bytes are looked at, and that nothing is changed by looking."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.file_journal import FileJournal
from aos_core.health import Finding, examine
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, WASM, forget_offsets, log, release_all, start


@pytest.fixture
def played(world: Path) -> Path:
    with (world / "world.toml").open("a", encoding="utf-8") as file:
        file.write("\n[snapshots]\nturns = 2\n")
    with World.open(world) as found:
        found.fire(EVENT, start())
        with found.fork(found.height, "side") as side:
            release_all(side)
            side.history.catch_up()
        release_all(found)
    return world


def _examine(world: Path) -> list[Finding]:
    return list(examine(world / ".aos", lambda what, done, total: None))


def _bad(world: Path) -> dict[str, Finding]:
    return {of.name: of for of in _examine(world) if of.state != "ok"}


def _store(world: Path, statement: str, *given: bytes) -> None:
    with closing(sqlite3.connect(world / ".aos/store.db")) as database, database:
        assert database.execute(statement, given).rowcount == 1


def test_a_whole_world_is_ok_and_stays_as_it_is(played: Path) -> None:
    def logs() -> Iterator[tuple[str, bytes]]:
        for path in sorted((played / ".aos").rglob("*")):
            if path.suffix in (".log", ".offsets", ".db"):
                yield str(path), path.read_bytes()

    before, told = list(logs()), list[tuple[str, int, int]]()
    findings = list(examine(played / ".aos", lambda *of: told.append(of)))
    assert {of.state for of in findings} == {"ok"}
    assert [of.name for of in findings] == [
        "branch main", "branch side", "store", "snapshots", "index",
    ]  # fmt: skip
    assert {what for what, _, _ in told} == {
        "checking branch main", "checking branch side", "checking the store",
    }  # fmt: skip
    assert all(done <= total for _, done, total in told)
    assert list(logs()) == before


def test_a_world_without_a_journal_is_ok(world: Path) -> None:
    (finding,) = _examine(world)
    assert finding.state == "ok"


def test_every_frame_is_looked_at(played: Path) -> None:
    """Opening looks at the ends only: a flipped bit between them is found here, with its place."""
    with FileJournal.open(log(played), write=False) as journal:
        frame = journal.frame(2)
    data = bytearray(log(played).read_bytes())
    data[frame.offset + 30] ^= 4
    log(played).write_bytes(data)
    found = _bad(played)
    assert found["branch main"].state == "damage"
    place = f"(offset {frame.offset}, height {frame.height})"
    assert place in found["branch main"].found and found["branch main"].hint
    assert set(found) == {"branch main"}, "the other branch was forked before that"


def test_a_header_that_is_damaged_and_a_fork_without_its_parent(played: Path) -> None:
    data = log(played).read_bytes()
    log(played).write_bytes(b"\xff" * 50 + data[50:])
    found = _bad(played)
    assert found["branch main"].state == found["branch side"].state == "damage"
    assert "forked from" in found["branch side"].found


def test_an_unfinished_end_is_a_warning(played: Path) -> None:
    with log(played, "side").open("ab") as file:
        file.write(b"\x00\x01\x00\x00half a frame")
    found = _bad(played)
    assert {name: of.state for name, of in found.items()} == {"branch side": "warning"}


def test_an_altered_object_is_named(played: Path) -> None:
    wasm = canon.sha256(WASM.read_bytes())
    _store(
        played,
        "UPDATE objects SET data = CAST(x'ff' || substr(data, 2) AS BLOB) WHERE hash = ?",
        wasm,
    )
    found = _bad(played)["store"]
    assert found.state == "damage" and canon.hash_text(wasm) in found.found and found.hint


def test_missing_objects_are_named(played: Path) -> None:
    wasm = canon.sha256(WASM.read_bytes())
    _store(played, "DELETE FROM objects WHERE hash = ?", wasm)
    found = _bad(played)["store"]
    assert found.state == "damage" and canon.hash_text(wasm) in found.found
    World.anew(played, "again").close()  # which puts it back
    with World.open(played, write=False) as opened:
        manifest = opened.program.manifest_hash
        body = opened.records[opened.history.of_kind("receipt", 0, opened.height)[0]]
        blob = canon.parse_hash(body["payload"]["body_ref"])
    assert not _bad(played)
    _store(played, "DELETE FROM objects WHERE hash = ?", blob)
    found = _bad(played)["store"]
    assert found.state == "warning" and canon.hash_text(blob) in found.found
    _store(played, "DELETE FROM objects WHERE hash = ?", manifest)
    states = [of.state for of in _examine(played) if of.name == "store"]
    assert sorted(states) == ["damage", "warning"]


def test_a_store_that_is_none(played: Path) -> None:
    for path in (played / ".aos").glob("store.db*"):
        path.unlink()
    (played / ".aos/store.db").write_bytes(b"no database" * 100)
    found = _bad(played)
    assert found["store"].state == "damage" and set(found) == {"store"}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE nodes SET data = zeroblob(length(data))", "nodes"),
        ("DELETE FROM nodes", "nodes"),
        ("UPDATE snapshots SET data = zeroblob(length(data))", "altered"),
        ("UPDATE snapshots SET data = (SELECT data FROM snapshots ORDER BY height DESC)", "root"),
    ],
)
def test_snapshots_that_are_not_what_was_kept(played: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(played / ".aos/snapshots.db")) as database, database:
        assert database.execute(statement).rowcount > 0
    found = _bad(played)
    assert set(found) == {"snapshots"} and found["snapshots"].state == "warning"
    assert said in found["snapshots"].found and "snapshots.db" in (found["snapshots"].hint or "")


def test_an_index_that_knows_more_of_the_same_journal_is_well(played: Path) -> None:
    """As after a group that was taken back, or while another process writes."""
    with World.open(played, write=False) as opened:
        end = opened.frames[-1].offset
    os.truncate(log(played), end)
    forget_offsets(played)
    assert _bad(played) == {}
    with closing(sqlite3.connect(played / ".aos/index.db")) as database, database:
        database.execute("UPDATE turns SET head = zeroblob(32)")
    assert "of another journal" in _bad(played)["index"].found


def test_an_index_of_another_world_or_none(played: Path) -> None:
    path = played / ".aos/index.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE branches SET head = header WHERE name = 'side'")
    found = _bad(played)
    assert found["index"].state == "warning" and "branch side" in found["index"].found
    for beside in (played / ".aos").glob("index.db*"):
        beside.unlink()
    path.write_bytes(b"no database" * 100)
    assert "no database of ours" in _bad(played)["index"].found
    assert path.read_bytes().startswith(b"no database"), "looked at, not mended"
