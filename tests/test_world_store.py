"""What a world has in its store and its index: lost, altered, put back, made anew."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.branches import DiskError, list_branches
from aos_core.errors import ModuleMissing, ReadOnly, StoreDamaged, UsageError, WorldError
from aos_core.filters import find
from aos_core.store import SqliteStore
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, IMPORTS, REDUCER, WASM, patch_reducer, release_all, start


def test_a_module_without_wasm_is_named(world: Path) -> None:
    (world / "modules/Aggregator.wasm").unlink()
    with pytest.raises(WorldError) as caught:
        World.open(world)
    assert REDUCER in str(caught.value)


@pytest.mark.parametrize(
    ("wasm", "words"),
    [
        (IMPORTS, "imports env.now"),
        (b"rubbish", "not wasm"),
        (b"\0asm\1\0\0\0", "does not export memory, alloc, step"),
    ],
)
def test_a_module_that_cannot_be_used_is_named_before_anything_is_begun(
    world: Path, wasm: bytes, words: str
) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(wasm)
    with pytest.raises(ModuleMissing, match=words) as caught:
        World.open(world)
    assert caught.value.where["module"] == REDUCER
    assert list_branches(world / ".aos/journal") == []
    (world / "modules/Aggregator.wasm").write_bytes(WASM.read_bytes())
    with World.open(world) as found:
        assert found.fire(EVENT, start()).fault is None


def test_other_wasm_than_its_hash_is_a_warning_and_what_is_found_runs(world: Path) -> None:
    patch_reducer(world, b"fetch_c", b"fetch_C")
    with World.open(world) as found:
        problems = found.files.catalog.problems
        assert {(of.severity, of.code) for of in problems} == {("warning", "stale_hash")}
        wasm = (world / "modules/Aggregator.wasm").read_bytes()
        assert found.program.wasm_hash(REDUCER) == canon.sha256(wasm)
        found.fire(EVENT, start())
        assert found.state(REDUCER)["pending"]["1"]["handles"][2] == "fetch_C"


def damage(world: Path, digest: bytes, data: bytes | None) -> None:
    with sqlite3.connect(world / ".aos/store.db") as store:
        if data is None:
            done = store.execute("DELETE FROM objects WHERE hash = ?", (digest,))
        else:
            done = store.execute("UPDATE objects SET data = ? WHERE hash = ?", (data, digest))
        assert done.rowcount == 1
    store.close()


def asked(world: Path) -> tuple[bytes, bytes]:
    """A world on disk after a Start; the hashes of its manifest and of its wasm."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        return found.program.manifest_hash, found.program.wasm_hash(REDUCER)


@pytest.mark.parametrize(("data", "words"), [(None, "missing from"), (b"altered", "altered in")])
def test_wasm_that_the_store_lost_is_named_by_its_module(
    world: Path, data: bytes | None, words: str
) -> None:
    _, wasm = asked(world)
    damage(world, wasm, data)
    with pytest.raises(StoreDamaged, match=words) as caught:
        World.open(world, write=False)
    assert caught.value.where["module"] == REDUCER and REDUCER in caught.value.message
    assert caught.value.exit_code == 3


def test_a_definition_that_the_store_lost_is_named(world: Path) -> None:
    manifest, _ = asked(world)
    damage(world, manifest, b"altered")
    with pytest.raises(StoreDamaged, match="the manifest is altered"):
        World.open(world, write=False)


def test_what_the_store_lost_is_put_back_from_the_files(world: Path) -> None:
    manifest, wasm = asked(world)
    for digest in (wasm, manifest):
        damage(world, digest, None)
        with World.open(world) as found:
            assert found.trouble is None and len(found.pending) == 3
            assert_replays(found)
        with World.open(world, write=False) as reader:
            assert len(reader.pending) == 3


def test_what_the_store_lost_and_no_file_holds_is_an_error(world: Path) -> None:
    _, wasm = asked(world)
    damage(world, wasm, None)
    patch_reducer(world, b"fetch_c", b"fetch_C")
    with pytest.raises(StoreDamaged) as caught:
        World.open(world)
    assert caught.value.where["module"] == REDUCER
    (world / "modules/Aggregator.wasm").unlink()
    with pytest.raises(StoreDamaged):
        World.open(world)
    (world / "modules/Aggregator.wasm").write_bytes(WASM.read_bytes())
    with World.open(world) as found:
        assert len(found.pending) == 3, "nothing was lost meanwhile"


def test_what_was_lost_with_the_folder_is_put_back_into_whatever_store_is_there_by_then(
    world: Path,
) -> None:
    asked(world)
    with World.open(world) as found:
        shutil.rmtree(world / ".aos")
        with pytest.raises(ReadOnly, match="branch other was not made"):
            found.fork(found.height, "other")
        assert not (world / ".aos").exists(), "nothing begins it anew unasked"
        SqliteStore(world / ".aos/store.db").close()
        found.put_back()
    with World.open(world, write=False) as reader:  # it puts nothing into the store
        assert len(reader.pending) == 3
        assert_replays(reader)


def test_what_a_full_disk_refused_to_put_back_is_kept_for_another_try(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(world)

    def full(*_: object) -> list[bytes]:
        raise DiskError("no space is left")

    with World.open(world) as found:
        shutil.rmtree(world / ".aos")
        with monkeypatch.context() as patched, pytest.raises(DiskError):
            patched.setattr(SqliteStore, "put_all", full)
            found.put_back()
        found.put_back()
    with World.open(world, write=False) as reader:
        assert_replays(reader)


def test_a_store_that_is_gone_is_made_anew_from_the_files(world: Path) -> None:
    asked(world)
    for file in (world / ".aos").glob("store.db*"):
        file.unlink()
    with pytest.raises(UsageError, match="there is no store"):
        World.open(world, write=False)
    with World.open(world) as found:
        assert len(found.pending) == 3
        assert_replays(found)


def test_a_reader_follows_the_writer(world: Path) -> None:
    with World.open(world) as writer, World.open(world, write=False) as reader:
        assert not reader.refresh()
        writer.fire(EVENT, start())
        writer.deliver(writer.pending[1].answer())
        assert reader.height == 0
        assert reader.refresh()
        assert (reader.head, reader.root) == (writer.head, writer.root)
        assert [item.n for item in reader.pending] == [1, 3]
        assert not reader.refresh()
        release_all(writer)
        assert reader.refresh()
        assert reader.at(20).root == writer.at(20).root
        assert_replays(reader)
        assert not writer.refresh()


def test_a_reader_that_is_behind_leaves_the_index_of_the_writer_alone(world: Path) -> None:
    with World.open(world) as writer, World.open(world, write=False) as reader:
        writer.fire(EVENT, start())
        reader.refresh()
        writer.fire(EVENT, start(topic="later"))
        assert len(writer.pending) == 6  # taken in, a turn further than the reader is
        before = _turns(world)
        assert [item.n for item in reader.pending] == [1, 2, 3]
        assert reader.history.events == 1
        assert _turns(world) == before
        assert [item.n for item in writer.pending] == [1, 2, 3, 4, 5, 6]


def test_an_index_that_has_more_is_made_anew_once_the_journal_goes_on_differently(
    world: Path,
) -> None:
    with World.open(world) as of:
        of.fire(EVENT, start())
        height = of.height
        shutil.copy(world / ".aos/journal/main.log", world / "copy")
        of.fire(EVENT, start(topic="lost"))
        assert of.history.events == 2
    shutil.copy(world / "copy", world / ".aos/journal/main.log")
    shutil.rmtree(world / ".aos/index")
    with World.open(world) as of:
        assert of.height == height
        assert of.history.events == 1
        of.fire(EVENT, start(topic="other"))
        assert find(of, "text:lost") == []
        assert len(find(of, "text:other kind:event")) == 2
        assert len(of.pending) == 6


def test_what_is_pending_is_looked_up_and_not_searched_for(world: Path) -> None:
    asked(world)
    with World.open(world) as of, closing(sqlite3.connect(world / ".aos/index.db")) as database:
        of.history.catch_up()
        planned = database.execute(
            "EXPLAIN QUERY PLAN SELECT max(height) FROM records"
            " WHERE branch = 1 AND subject = x'00' AND kind = 'intent' AND height <= 9"
        ).fetchall()
    assert "subject=? AND branch=? AND kind=? AND height<?" in planned[0][-1]


def _turns(world: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(world / ".aos/index.db")) as database:
        return database.execute("SELECT branch, first, last FROM turns").fetchall()
