"""Going live: side by side, in order of arrival, broken off; timers and blobs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.hosts import LiveHost
from aos_core.live import Outcome, release, release_live
from aos_core.view import Pending
from aos_core.world import World
from tests.adapters.fixtures import real_server, without_proxies  # noqa: F401
from tests.adapters.servers import Seen, Server
from tests.adapters.worlds import get, live, live_world, receipts
from tests.kernel.worlds import Node, module
from tests.support import answering, tiny_world

SECOND = 1_000_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with live_world(tmp_path / "world") as of:
        yield of


def test_they_run_side_by_side_and_arrive_when_they_come(world: World, server: Server) -> None:
    """The first is answered after the second, and only once both have come in."""
    second_done = threading.Event()

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/first":
            assert second_done.wait(20)
        return 200, {}, seen.path.encode()

    server.answer = answer
    for path in ("first", "second"):
        get(world, f"{server.url}/{path}")
    told: list[int] = []

    def arrived(outcome: Outcome) -> None:
        told.append(outcome.item.n)
        assert outcome.item.n not in [of.n for of in world.pending]  # durable already
        second_done.set()

    outcomes = release_live(world, world.pending, arrived=arrived)
    assert [of.item.n for of in outcomes] == told == [2, 1]
    assert [of["payload"]["body_preview"] for of in receipts(world.records)] == [
        "/second",
        "/first",
    ]
    assert world.verify().ok


def test_sixteen_are_asked_at_once_and_no_more(world: World, server: Server) -> None:
    """Nobody is answered before sixteen are there."""
    inside, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(16, timeout=30)

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        together.wait()
        with lock:
            inside -= 1
        together.wait()
        return 200, {}, b""

    server.answer = answer
    for n in range(48):
        get(world, f"{server.url}/{n}")
    live(world)
    assert [of["status"] for of in receipts(world.records)] == ["ok"] * 48
    assert most == 16


def test_progress_is_told_in_bytes(world: World, server: Server) -> None:
    get(world, f"{server.url}/bytes?n=300000")
    told: list[tuple[int, int, int | None]] = []
    release_live(
        world, world.pending, watch=lambda item, done, total: told.append((item.n, done, total))
    )
    assert told[-1] == (1, 300_000, 300_000)
    assert [of[1] for of in told] == sorted(of[1] for of in told)


async def test_what_is_cancelled_stays_pending_and_what_has_come_stays(
    world: World, server: Server
) -> None:
    get(world, f"{server.url}/ok")
    get(world, f"{server.url}/hang")
    came = asyncio.Event()
    task = asyncio.create_task(release(world, world.pending, arrived=lambda _: came.set()))
    await came.wait()
    assert await asyncio.to_thread(server.asked.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.gone.wait, 20)  # the connection is closed
    assert [of.params["url"] for of in world.pending] == [f"{server.url}/hang"]
    assert world.verify().ok


def test_one_kind_without_an_adapter_and_nothing_is_sent(world: World, server: Server) -> None:
    get(world, f"{server.url}/ok")
    world.fire("demo/AskParams@1", {"q": "?"})
    with pytest.raises(UsageError, match=r"demo\.ask \(number 2\)") as caught:
        live(world)
    assert caught.value.code == "no_adapter"
    assert (server.seen, len(world.pending)) == ([], 2)


def test_an_error_of_one_leaves_the_others_alone(world: World, server: Server) -> None:
    """The body of the first is altered in the store."""
    ref = canon.hash_text(world.store.put(b"body"))
    get(world, f"{server.url}/ok", method="POST", body_ref=ref)
    get(world, f"{server.url}/ok")
    _alter(world, canon.parse_hash(ref))
    by_number = {of.item.n: of for of in live(world)}
    assert by_number[1].error is not None and by_number[1].error.code == "store_damaged"
    assert by_number[2].turn is not None
    assert [of.n for of in world.pending] == [1]


def _alter(world: World, digest: bytes) -> None:
    import sqlite3

    with sqlite3.connect(world.files.data_dir / "store.db") as database:
        database.execute("UPDATE objects SET data = x'00' WHERE hash = ?", (digest,))
    database.close()


# -- timers and blobs -------------------------------------------------------------------------


def asking_world(to: Path, kind: str, params: Any, grant: str, **opening: Any) -> World:
    """A reducer that asks for one effect at every event."""
    effect = {"kind": kind, "params": canon.encode(params), "cap_slot": "it"}
    wasm = answering({"state": None, "effects": [effect]})
    reducer: Node = module("demo/Asker@1", "demo/Go@1", "demo/Anything@1", emits=[kind],
                           slots={"it": grant})  # fmt: skip
    reducer["abi"]["reducer"]["cap_slots"] = {"it": kind.split(".")[0]}
    tiny_world(
        to, reducer, wasm={"Asker": wasm},
        routes=[("demo/Go@1", "demo/Asker@1")],
        grants=({"name": "it", "cap": grant, "params": {}},),
        bindings={"demo/Asker@1": {"it": "it"}},
    )  # fmt: skip
    world = World.open(to, **opening)
    world.fire("demo/Go@1", {"who": "a", "n": 0})
    return world


def timer_world(to: Path, deliver_at_ns: int, **opening: Any) -> World:
    params = {"deliver_at_ns": deliver_at_ns, "key": None}
    return asking_world(to, "timer.set", params, "sys/timer@1", **opening)


class NewBorn(LiveHost):
    """Whatever opening a world takes, it is at its genesis still."""

    def created_ns(self) -> int:
        return super().created_ns() + 3600 * SECOND


def test_a_live_timer_waits_for_logical_time(tmp_path: Path) -> None:
    due = SECOND // 4
    told: list[tuple[int, int | None]] = []

    def watch(_: Pending, done: int, total: int | None) -> None:
        told.append((done, total))

    with timer_world(tmp_path / "world", due, host=NewBorn()) as world:
        assert world.logical_now_ns == 0
        begun = time.monotonic_ns()
        (outcome,) = release_live(world, world.pending, watch=watch)
        assert time.monotonic_ns() - begun >= due
        assert told[0] == (told[0][0], due) and told[0][0] < due
        assert outcome.turn is not None
        (record,) = receipts(outcome.turn.records)
        assert (record["adapter_id"], record["signature"]) == ("timer.set", bytes(64))
        assert record["payload"]["delivered_at_ns"] == world.logical_now_ns == due
        assert world.verify().ok


def test_a_timer_that_is_overdue_does_not_wait(tmp_path: Path) -> None:
    with timer_world(tmp_path / "world", 1) as world:
        now = world.logical_now_ns
        (outcome,) = live(world)
        assert outcome.turn is not None
        (record,) = receipts(outcome.turn.records)
        assert record["payload"]["delivered_at_ns"] >= now  # logical time, not the time it was due


def test_nobody_waits_where_time_is_simulated(tmp_path: Path) -> None:
    hour = 3600 * SECOND
    with timer_world(tmp_path / "world", hour, memory=True) as world:
        (outcome,) = live(world)
        assert outcome.turn is not None
        (record,) = receipts(outcome.turn.records)
        assert record["payload"]["delivered_at_ns"] == hour
        assert world.logical_now_ns == hour


def test_blobs_are_those_of_the_store(tmp_path: Path) -> None:
    ref = canon.hash_text(canon.sha256(b"hello"))
    params = {"blob_ref": ref, "bytes": b"hello"}
    with asking_world(tmp_path / "put", "blob.put", params, "sys/blob@1") as world:
        (outcome,) = live(world)
        assert outcome.turn is not None
        (record,) = receipts(outcome.turn.records)
        assert (record["status"], record["adapter_id"]) == ("ok", "host.blob.put")
        assert world.store.get(canon.sha256(b"hello")) == b"hello"
    with asking_world(tmp_path / "get", "blob.get", {"blob_ref": ref}, "sys/blob@1") as world:
        world.store.put(b"hello")
        (outcome,) = live(world)
        assert outcome.turn is not None
        (record,) = receipts(outcome.turn.records)
        assert (record["payload"]["bytes"], record["adapter_id"]) == (b"hello", "host.blob.get")
