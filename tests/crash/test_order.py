"""What a frame names is in the store, committed, before a byte of the frame is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from aos_core.canon import sha256
from aos_core.layer import FileLayer
from aos_core.store import SqliteStore
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once
from tests.support import EVENT, release_all, start

__all__ = ["aggregator", "compiled_once"]


@dataclass
class Written:
    """A frame's bytes, and the hashes that another process would have found when it came."""

    data: bytes
    committed: set[bytes]

    def names(self, objects: Iterable[bytes]) -> set[bytes]:
        return {of for of in objects if of in self.data or of.hex().encode() in self.data}


def committed(world: Path) -> set[bytes]:
    with closing(sqlite3.connect(world / ".aos/store.db")) as other:
        return {hash for (hash,) in other.execute("SELECT hash FROM objects")}


def spy_on_writes(world: Path, patch: pytest.MonkeyPatch) -> list[Written]:
    """Fills as frames are written."""
    written: list[Written] = []
    write = FileLayer.write

    def spy(self: FileLayer, file: BinaryIO, at: int, data: bytes) -> None:
        written.append(Written(data, committed(world)))
        write(self, file, at, data)

    patch.setattr(FileLayer, "write", spy)
    return written


def add_custom_section(world: Path) -> None:
    """The same module with another hash."""
    path = world / "modules/Aggregator.wasm"
    path.write_bytes(path.read_bytes() + b"\x00\x02\x01x")


def test_objects_are_committed_before_the_frame_that_names_them(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = spy_on_writes(world, monkeypatch)
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
        add_custom_section(world)
        opened.swap()
    objects = committed(world)
    later = objects - written[0].committed
    for frame in written:
        assert frame.names(objects) <= frame.committed
    assert written[0].names(objects), "a header names what it runs"
    assert any(frame.names(later) for frame in written[1:-1]), "receipts name their blobs"
    assert written[-1].names(later), "a replacement names what comes instead"


def test_canary_a_store_that_commits_after_the_frame_is_found(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bytes] = []

    def late(self: SqliteStore, blobs: Iterable[bytes]) -> list[bytes]:
        held.extend(new := list(blobs))
        return [sha256(data) for data in new]

    with World.open(world) as opened:
        opened.fire(EVENT, start())
        with monkeypatch.context() as patch:
            written = spy_on_writes(world, patch)
            patch.setattr(SqliteStore, "put_all", late)
            release_all(opened)
        opened.store.put_all(held)
    objects = committed(world)
    assert not all(frame.names(objects) <= frame.committed for frame in written)
