"""The content-addressed store: one test case for both backends, then what SQLite adds."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_core import store as store_module
from aos_core.branches import DiskError
from aos_core.canon import hash_text, sha256
from aos_core.errors import AosError, ReadOnly, StoreDamaged, UsageError
from aos_core.store import MemoryStore, SqliteStore, Store


class StoreCase(ABC):
    """What every store does."""

    @abstractmethod
    def make(self, directory: Path) -> Store: ...

    @abstractmethod
    def alter(self, store: Store, digest: bytes, data: bytes) -> None:
        """Put ``data`` behind the store's back where ``digest`` lies."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with self.make(tmp_path) as store:
            yield store

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)), b"x" * 3_000_000])
    def test_what_is_put_is_got_by_its_hash(self, store: Store, data: bytes) -> None:
        assert not store.has(sha256(data))
        assert store.put(data) == sha256(data)
        assert store.has(sha256(data))
        assert store.get(sha256(data)) == data

    def test_putting_twice_is_putting_once(self, store: Store) -> None:
        assert store.put(b"x") == store.put(b"x")
        assert store.put_all([b"x", b"y", b"x"]) == [sha256(b"x"), sha256(b"y"), sha256(b"x")]
        assert store.get(sha256(b"x")) == b"x"

    @pytest.mark.parametrize("size", [0, 1, 2**20, 3_000_001])
    def test_a_draft_becomes_an_object_when_it_is_kept(self, store: Store, size: int) -> None:
        data = (bytes(range(251)) * (size // 251 + 1))[:size]
        with store.draft() as draft:
            for at in range(0, size, 65_537):
                draft.write(data[at : at + 65_537])
            assert not store.has(sha256(data))
            assert (draft.size, draft.keep()) == (size, sha256(data))
        assert store.get(sha256(data)) == data

    def test_a_draft_that_is_not_kept_leaves_nothing(self, store: Store) -> None:
        with store.draft() as draft:
            draft.write(b"x")
        assert not store.has(sha256(b"x"))

    def test_a_draft_heals_an_altered_object(self, store: Store) -> None:
        digest = store.put(b"good")
        self.alter(store, digest, b"evil")
        with store.draft() as draft:
            draft.write(b"good")
            draft.keep()
        assert store.get(digest) == b"good"

    def test_a_draft_has_the_limit_of_an_object(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_module, "MAX_OBJECT", 10)
        with store.draft() as draft, pytest.raises(UsageError, match="too many"):
            draft.write(b"x" * 6)
            draft.write(b"x" * 6)

    def test_putting_nothing_is_fine(self, store: Store) -> None:
        assert store.put_all([]) == []

    def test_all_or_nothing(self, store: Store) -> None:
        def blobs() -> Iterator[bytes]:
            yield b"first"
            raise RuntimeError("no more")

        with pytest.raises(RuntimeError, match="no more"):
            store.put_all(blobs())
        assert not store.has(sha256(b"first"))
        store.put(b"second")

    def test_the_iterable_may_use_the_store(self, store: Store) -> None:
        first = store.put(b"first")
        assert store.put_all(store.get(first) + b"%d" % n for n in range(2)) == [
            sha256(b"first0"),
            sha256(b"first1"),
        ]

    def test_what_is_missing_is_named(self, store: Store) -> None:
        with pytest.raises(StoreDamaged, match="module demo/X@1 is missing") as caught:
            store.get(sha256(b"x"), what="module demo/X@1")
        assert hash_text(sha256(b"x")) in caught.value.message
        assert caught.value.hint is not None

    def test_what_is_altered_is_never_handed_out_and_can_be_healed(self, store: Store) -> None:
        digest = store.put(b"x")
        self.alter(store, digest, b"y")
        with pytest.raises(StoreDamaged, match="an object is altered") as caught:
            store.get(digest)
        assert hash_text(digest) in caught.value.message
        store.put(b"x")
        assert store.get(digest) == b"x"

    def test_an_object_beyond_the_limit_is_refused(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_module, "MAX_OBJECT", 10)
        with pytest.raises(UsageError, match="11 bytes"):
            store.put_all([b"small", b"x" * 11])
        assert not store.has(sha256(b"small"))

    def test_closing_twice_is_fine(self, store: Store) -> None:
        store.close()
        store.close()


class TestMemoryStore(StoreCase):
    def make(self, directory: Path) -> Store:
        return MemoryStore()

    def alter(self, store: Store, digest: bytes, data: bytes) -> None:
        assert isinstance(store, MemoryStore)
        store._objects[digest] = data


class TestSqliteStore(StoreCase):
    def make(self, directory: Path) -> Store:
        return SqliteStore(directory / "store.db")

    def alter(self, store: Store, digest: bytes, data: bytes) -> None:
        assert isinstance(store, SqliteStore)
        alter(store.path, digest, data)


@settings(max_examples=30, deadline=None)
@given(blobs=st.lists(st.binary(max_size=50), max_size=8))
def test_any_blobs_come_back_from_both(
    tmp_path_factory: pytest.TempPathFactory, blobs: list[bytes]
) -> None:
    for store in (MemoryStore(), SqliteStore(tmp_path_factory.mktemp("any") / "store.db")):
        with store:
            assert [store.get(digest) for digest in store.put_all(blobs)] == blobs


def alter(path: Path, digest: bytes, data: object) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE objects SET data = ? WHERE hash = ?", (data, digest))
    database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".aos" / "store.db"


def test_objects_outlive_the_process(path: Path) -> None:
    with SqliteStore(path) as store:
        digest = store.put(b"x")
    with SqliteStore(path) as store:
        assert store.get(digest) == b"x"


def test_writes_survive_a_crash(path: Path) -> None:
    """WAL with synchronous FULL is what makes a commit durable before it returns."""
    with SqliteStore(path) as store:
        assert store._database.execute("PRAGMA journal_mode").fetchone() == (b"wal",)
        assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_reading_only(path: Path) -> None:
    with pytest.raises(UsageError, match="no store"):
        SqliteStore(path, read_only=True)
    assert not path.parent.exists()
    with SqliteStore(path) as writer, SqliteStore(path, read_only=True) as reader:
        digest = writer.put(b"x")
        assert reader.get(digest) == b"x"
        with pytest.raises(ReadOnly, match="reading only"):
            reader.put(b"y")
        assert not writer.has(sha256(b"y"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_directory_without_permission(path: Path) -> None:
    with SqliteStore(path) as store:
        digest = store.put(b"x")
    path.with_name("store.db.lock").unlink()
    path.parent.chmod(0o500)
    try:
        with pytest.raises(ReadOnly) as caught:
            SqliteStore(path)
        assert str(path.parent) in (caught.value.hint or "")
        with SqliteStore(path, read_only=True) as reader:
            assert reader.get(digest) == b"x"
    finally:
        path.parent.chmod(0o700)


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(UsageError, match="closed"):
        store.put(b"x")
    with pytest.raises(UsageError, match="closed"):
        store.get(bytes(32))


def test_many_threads(path: Path) -> None:
    with SqliteStore(path) as store:
        errors: list[Exception] = []

        def work(n: int) -> None:
            try:
                for m in range(20):
                    assert store.get(store.put(b"%d" % (n * m))) == b"%d" % (n * m)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


WORKER = """
import sys
from pathlib import Path
from aos_core.store import SqliteStore
sys.stdin.read(1)
with SqliteStore(Path(sys.argv[1])) as store:
    for n in range(30):
        store.put(b"%d" % n)
    store.put(sys.argv[2].encode())
"""


def test_many_processes_that_all_make_it(path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), f"worker {n}"], stdin=subprocess.PIPE
        )
        for n in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"!")
        child.stdin.flush()
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    with SqliteStore(path, read_only=True) as store:
        expected = [b"%d" % n for n in range(30)] + [b"worker %d" % n for n in range(4)]
        assert [data for data in expected if not store.has(sha256(data))] == []


def test_a_writer_that_never_gets_its_turn_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.0)
    with SqliteStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DiskError, match="locked"):
            store.put(b"x")
        other.execute("ROLLBACK")
        other.close()
        assert store.has(store.put(b"x"))


def test_openers_take_turns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.0)
    path.parent.mkdir()
    with FileLock(f"{path}.lock"), pytest.raises(DiskError, match="cannot be opened"):
        SqliteStore(path)
    SqliteStore(path).close()


def test_a_write_that_sqlite_refuses_halfway_leaves_nothing(path: Path) -> None:
    with SqliteStore(path) as store:
        store._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
        with pytest.raises(AosError):
            store.put_all([b"small", b"x" * 2000])
        assert not store.has(sha256(b"small"))
        assert store.has(store.put(b"small"))


def test_a_full_disk_is_told_and_nothing_is_half_written(path: Path) -> None:
    with SqliteStore(path) as store:
        store._database.execute("PRAGMA max_page_count = 20")
        with pytest.raises(DiskError, match="full"):
            store.put_all([b"small", b"x" * 500_000])
        assert not store.has(sha256(b"small"))
        assert store.has(store.put(b"small"))


def test_an_object_that_became_a_text_is_damage(path: Path) -> None:
    with SqliteStore(path) as store:
        digest = store.put(b"x")
        alter(path, digest, "y")
        with pytest.raises(StoreDamaged, match="altered"):
            store.get(digest)
        database = sqlite3.connect(path)
        with database:
            database.execute("UPDATE objects SET data = CAST(x'ff' AS TEXT)")
        database.close()
        with pytest.raises(StoreDamaged, match="altered"):
            store.get(digest)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "data", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 200]
)
def test_a_file_that_is_no_database_is_damage_and_is_left_alone(
    path: Path, data: bytes, read_only: bool
) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(StoreDamaged) as caught:
        SqliteStore(path, read_only=read_only)
    assert caught.value.where["file"] == path
    assert caught.value.exit_code == 3
    assert path.read_bytes() == data


def test_a_database_of_somebody_else_is_damage(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE objects (something)")
    database.close()
    with SqliteStore(path) as store, pytest.raises(StoreDamaged):
        store.put(b"x")


def test_a_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(DiskError, match="store cannot be opened"):
        SqliteStore(tmp_path / "file" / "store.db")


def test_damage_that_sqlite_quotes_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put_all([b"%d" % n * 300 for n in range(20)])
    wrong = bytearray(path.read_bytes())
    at = wrong.index(b"CREATE TABLE")
    for offset in range(80):
        path.write_bytes(wrong[: at + offset] + b"\x80" + wrong[at + offset + 1 :])
        try:
            with SqliteStore(path) as store:
                store.put(b"x")
        except AosError:
            pass


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_wrong_bytes_anywhere_give_the_right_object_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("wrong") / "store.db"
    blobs = [b"%d" % n * 300 for n in range(20)]
    with SqliteStore(path) as store:
        digests = store.put_all(blobs)
    wrong = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(wrong) - 1))
    wrong[at : at + 8] = data.draw(st.binary(min_size=1, max_size=200))
    path.write_bytes(wrong[: data.draw(st.integers(at, len(wrong)))])
    try:
        with SqliteStore(path, read_only=data.draw(st.booleans())) as store:
            for digest, blob in zip(digests, blobs, strict=True):
                try:
                    assert store.get(digest) == blob
                except AosError:
                    pass
                try:
                    assert store.get(store.put(blob)) == blob
                except AosError:
                    pass
    except AosError:
        pass
