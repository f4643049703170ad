"""What tests of journals share. Fixtures: import them where they are used."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from aos_core import frames
from aos_core.canon import sha256
from aos_core.file_journal import FileJournal
from aos_core.journal import Journal

ROOT = bytes(range(32))
HEADER: dict[str, Any] = {
    "format": 1,
    "semantics": 1,
    "world": "demo",
    "height": 0,
    "records": [{"k": "genesis"}],
    "root": ROOT,
}


def body(last: Journal | frames.Frame, records: int = 1, text: str = "x") -> dict[str, Any]:
    """A frame that fits after ``last``."""
    height = last.height if isinstance(last, Journal) else last.last_height
    head = last.head if isinstance(last, Journal) else last.hash
    return {
        "height": height + 1,
        "prev": head,
        "input": {"k": "event", "text": text},
        "records": [{"k": "event", "n": n} for n in range(records)],
        "root": sha256(text.encode()),
    }


def fork_header(parent: Journal) -> dict[str, Any]:
    return HEADER | {
        "parent": {"head": parent.head, "height": parent.height},
        "prev": parent.head,
        "height": parent.height + 1,
        "records": [],
        "root": parent.frames[-1].root,
    }


def payloads(some: Journal) -> list[bytes]:
    return [frame.payload for frame in some.frames]


@pytest.fixture(name="log")
def journal_log(tmp_path: Path) -> Path:
    return tmp_path / ".aos" / "journal" / "main.log"


@pytest.fixture(name="three")
def three_frames(log: Path) -> bytes:
    """The bytes of a journal of three frames, which lies at ``log``."""
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made, records=2))
        made.append(body(made, text="the last one"))
    return log.read_bytes()


def crc32c_by_the_book(data: bytes) -> int:
    """CRC-32C bit by bit: polynomial 1EDC6F41, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packed_by_the_book(payload: bytes) -> bytes:
    length = struct.pack("<I", len(payload))
    crc = struct.pack("<I", crc32c_by_the_book(length + payload))
    return length + payload + crc + length
