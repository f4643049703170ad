"""The journal of a real world, recomputed from its text: frames, headers, heights, roots."""

from __future__ import annotations

import hashlib
import struct
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cbor2
from crc32c import crc32c

from aos_core import canon
from aos_core.files import WorldFiles
from aos_core.hosts import SimulatedHost
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.test_root import naive_state_root
from tests.support import (
    EVENT,
    PLAN,
    REDUCER,
    log,
    release_all,
    start,
)


def file_frames(data: bytes) -> list[tuple[dict[str, Any], str]]:
    """(payload, its SHA-256) of every frame, read with nothing of ours but a CBOR library."""
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        payload = data[at + 4 : at + 4 + length]
        crc, again = struct.unpack_from("<II", data, at + 4 + length)
        assert again == length
        assert crc == crc32c(data[at : at + 4 + length])
        found.append((cbor2.loads(payload), hashlib.sha256(payload).hexdigest()))
        at += length + 12
    return found


def played(world: Path, branch: str = "main") -> World:
    opened = World.open(world, branch)
    opened.fire(EVENT, start())
    release_all(opened, 2, 3, 1)
    return opened


def test_frames_chain_by_the_hash_of_their_payloads(world: Path) -> None:
    with played(world) as opened:
        head = opened.head.hex()
    frames = file_frames(log(world).read_bytes())
    assert len(frames) == 5
    before, height = None, 0
    for body, digest in frames:
        assert body.get("prev") == (None if before is None else bytes.fromhex(before))
        assert body["height"] == height
        height += len(body["records"])
        before = digest
    assert before == head, "the head is the hash of the last payload"
    assert set(frames[1][0]) == {"height", "prev", "input", "records", "root"}


def test_the_header_says_what_replay_needs(world: Path) -> None:
    host = SimulatedHost(start_ns=123)
    with World.open(world, host=host) as opened:
        manifest = opened.program.manifest_hash
        assert opened.height == 0 and opened.root == opened.at(0).root
    ((header, _),) = file_frames(log(world).read_bytes())
    assert set(header) == {
        "format", "semantics", "world", "manifest", "settings", "engine", "created_ns", "height",
        "records", "root",
    }  # fmt: skip
    assert (header["format"], header["semantics"], header["height"]) == (1, 1, 0)
    assert (header["world"], header["created_ns"]) == ("aggregator", 123)
    assert header["manifest"] == manifest == WorldFiles.read(world).catalog.manifest_hash
    assert header["records"] == [{"k": "genesis", "manifest": manifest, "world": "aggregator"}]
    assert header["engine"] == f"wasmtime {version('wasmtime')}"
    limits = {"fuel": 10**9, "memory_mib": 64, "output_mib": 16, "tasks": 100_000}
    assert header["settings"] == {"limits": limits, "state_schema": "enforce", "abi": {}}
    assert header["root"] == canon.digest(
        {"manifest": manifest, "cells": {}, "plans": bytes(32), "pending": bytes(32)}
    )


def test_genesis_is_record_0_and_the_first_event_record_1(world: Path) -> None:
    with played(world) as opened:
        assert [record.kind for record in opened.records[:4]] == [
            "genesis", "event", "step", "event",
        ]  # fmt: skip
        assert opened.records[1]["schema"] == EVENT
        assert opened.frames[1].height == 1
        assert opened.height == len(opened.records) - 1 == opened.frames[-1].last_height


def test_a_forks_header_names_its_parents_head_and_height(world: Path) -> None:
    with played(world) as opened:
        end = opened.frames[2].last_height
        with opened.fork(end, "side") as fork:
            assert fork.height == end and fork.root == opened.at(end).root
    ((header, _),) = file_frames(log(world, "side").read_bytes())
    parent, digest = file_frames(log(world).read_bytes())[2]
    first, _ = file_frames(log(world).read_bytes())[0]
    assert header["parent"] == {"head": bytes.fromhex(digest), "height": end}
    assert header["prev"] == bytes.fromhex(digest)
    assert header["height"] == end + 1 == parent["height"] + len(parent["records"])
    assert (header["records"], header["root"]) == ([], parent["root"])
    for name in ("format", "semantics", "world", "engine", "created_ns", "settings", "manifest"):
        assert header[name] == first[name]
    assert set(header) == set(first) | {"prev", "parent"}


def test_the_root_of_every_frame_is_that_of_the_state_after_it(world: Path) -> None:
    with played(world) as opened:
        for frame in opened.frames:
            view = opened.at(frame.last_height)
            assert frame.root == view.root == naive_state_root(view.kernel_state)


def test_the_root_covers_what_is_alive_and_nothing_else(world: Path) -> None:
    with played(world) as opened:
        before, after = opened.at(0).kernel_state, opened.at(opened.height).kernel_state
        assert len(after.plans) == len(after.pending) == 0, "what has ended is not in it"
        assert set(after.cells) == {REDUCER}
        cell = canon.sha256(
            b"\0" + canon.sha256(b"") + canon.sha256(after.cell(REDUCER, b"") or b"")
        )
        parts = {"manifest": before.manifest, "cells": {REDUCER: cell}}
        empty = {"plans": bytes(32), "pending": bytes(32)}
        assert opened.root == canon.digest(parts | empty)


def test_heights_clocks_and_entropy_are_not_in_the_root(world: Path) -> None:
    roots = []
    for detour in (False, True):
        host = SimulatedHost(seed=int(detour), start_ns=5 + detour, step_ns=1 + detour)
        opened = World.open(world, memory=True, host=host)
        if detour:  # a receipt more, an hour later: another height, another time
            opened.advance(3_600_000_000_000)
        opened.fire(EVENT, start())
        receipt = opened.pending[0].answer()
        opened.deliver(receipt)
        if detour:
            opened.deliver(receipt)
        roots.append((opened.root, opened.height))
    assert roots[0][0] == roots[1][0] and roots[0][1] != roots[1][1]


def test_records_hold_what_the_table_says(world: Path) -> None:
    with played(world) as opened:
        (frame, *_) = [f for f in opened.frames if f.body.get("input", {}).get("k") == "event"]
        by_kind = {record["k"]: record for record in frame.records}
        assert {kind: set(record) - {"k", "by"} for kind, record in by_kind.items()} == {
            "event": {"schema", "value", "key", "hash"},
            "step": {"reducer", "before", "after"},
            "plan_started": {"instance", "plan", "correlation"},
            "decision": {"intent", "grant", "cap", "policy", "rule"},
            "intent": {"hash", "kind", "params", "cap", "idempotency_key", "origin"},
            "plan_step": {"instance", "step", "state", "on"},
        }
        assert "by" not in frame.records[0]
        for height, record in enumerate(frame.records[1:], frame.height + 1):
            assert frame.height <= record["by"] < height


def test_an_instance_is_named_by_plan_input_correlation_and_number(world: Path) -> None:
    with played(world) as opened:
        started = next(record for record in opened.records if record.kind == "plan_started")
        event = next(
            record
            for record in opened.records
            if record.get("schema") == "demo/AggregateRequested@1"
        )
        plan = opened.program.plans[PLAN].hash
        of = opened.program.schemas["demo/AggregateRequested@1"]
        input_hash = canon.sha256(of.encode(event["value"]))
        assert started["correlation"] == {"Nat": 1}
        assert started["instance"] == canon.digest([plan, input_hash, {"Nat": 1}, 0])


def test_equal_requests_have_keys_by_the_formula(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start("a", "a", "a"))
    first, second, third = (asked.intent for asked in opened.history.all_asked())
    assert first.idempotency_key == bytes(32)
    for intent in (second, third):
        assert intent.idempotency_key == canon.digest(["key", dict(intent.origin), 0])
    assert len({first.hash, second.hash, third.hash}) == 3
    opened.fire(EVENT, start("a", "a", "a", topic="again"))
    assert len({asked.hash for asked in opened.history.all_asked()}) == 6
    release_all(opened)
    assert opened.verify().ok and opened.state(REDUCER)["pc"] == "Done"


def test_what_the_history_reads_is_what_the_kernel_asked(world: Path) -> None:
    """Intents are rebuilt from their records: byte for byte those of the state."""
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    pending = opened.at(opened.height).kernel_state.pending
    for asked in opened.history.all_asked():
        assert asked.intent.hash == asked.hash
        assert bytes(asked.intent) == bytes(pending.get(asked.hash) or b"")
