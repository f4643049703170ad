"""``L``: effects performed for real, against a real server, while the app stays up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aos_core.canon import encode, hash_text
from aos_core.world import World
from tests.adapters.fixtures import (
    VALUE,
    real_server,  # noqa: F401
    with_secret,  # noqa: F401
    without_proxies,  # noqa: F401
)
from tests.adapters.servers import Server, closed_port
from tests.adapters.worlds import KEY, get, live_world
from tests.kernel.worlds import module
from tests.support import answering, tiny_world
from tests.tui.driving import opened, words


def world_of(tmp_path: Path, *urls: str) -> Path:
    path = tmp_path / "live"
    with live_world(path) as world:
        for url in urls:
            get(world, url, headers={"authorization": KEY})
    return path


async def test_what_leaves_the_simulation_is_asked_for_once(tmp_path: Path, server: Server) -> None:
    path = world_of(tmp_path, f"{server.url}/ok", f"{server.url}/ok")
    async with opened(path) as on:
        await on.keys("L")
        assert on.mode == "ConfirmDialog"
        assert f"{server.url.removeprefix('http://')}/ok" in words(on)
        assert "with the secret" in words(on) and VALUE not in words(on)
        await on.keys("escape")
        assert server.paths == [] and on.numbers == [1, 2]
        await on.keys("L", "y")
        await on.until(lambda: not on.app.session.live_running and on.numbers == [2])
        assert server.paths == ["/ok"]
        await on.keys("L")
        await on.until(lambda: not on.app.session.live_running and on.numbers == [])
        assert any("live: 1 receipt of 1 came" in of for of in on.said)
        await on.keys("v")
        assert on.known["verified"] is True
    assert VALUE.encode() not in b"".join(
        of.read_bytes() for of in (path / ".aos").rglob("*") if of.is_file()
    )


async def test_another_body_to_the_same_place_is_asked_for_anew(
    tmp_path: Path, server: Server
) -> None:
    path = tmp_path / "live"
    with live_world(path) as world:
        for body in (b"one", b"another", b"one"):
            ref = hash_text(world.store.put(body))
            get(world, f"{server.url}/echo", method="POST", body_ref=ref)
    async with opened(path) as on:
        await on.keys("L")
        assert "with a body of 3 bytes" in words(on) and "POST" in words(on)
        await on.keys("y")
        await on.until(lambda: not on.app.session.live_running and on.numbers == [2, 3])
        await on.keys("L")
        assert "with a body of 7 bytes" in words(on)
        assert "asked before" not in words(on)
        await on.keys("escape", "tab", "tab", "tab", "a", "L")
        assert on.mode == "ConfirmDialog"
        assert words(on).count("asked before") == 1
        await on.keys("escape", "space", "down", "L")
        await on.until(lambda: not on.app.session.live_running and on.numbers == [2])
        assert [of.body for of in server.seen] == [b"one", b"one"]


async def test_an_adapter_that_fails_is_a_receipt(tmp_path: Path) -> None:
    path = world_of(tmp_path, f"http://127.0.0.1:{closed_port()}/")
    async with opened(path) as on:
        await on.keys("L", "y")
        await on.until(lambda: not on.app.session.live_running and on.numbers == [])
        (receipt,) = (
            of for of in on.snapshot.records[: on.snapshot.live + 1] if of.kind == "receipt"
        )
        assert receipt["status"] == "error"


async def test_esc_cancels_and_what_has_not_come_stays_pending(
    tmp_path: Path, server: Server
) -> None:
    path = world_of(tmp_path, f"{server.url}/hang")
    async with opened(path) as on:
        await on.keys("L")
        await on.pilot.press("y")
        await on.until(server.asked.is_set)
        await on.pilot.press("comma")  # one can look on meanwhile
        await on.until(lambda: on.snapshot.height == on.snapshot.live - 1)
        await on.pilot.press("L")
        await on.pilot.press("escape")
        await on.until(lambda: not on.app.session.live_running)
        await on.until(lambda: any("did not come" in of for of in on.said))
        await on.keys("f")
        assert on.numbers == [1] and on.errors == []


@pytest.mark.parametrize("keys", [("u",), ("F", "ctrl+u", "x", "enter")], ids=["undo", "fork"])
async def test_one_does_not_leave_the_branch_that_a_receipt_belongs_to(
    tmp_path: Path, server: Server, keys: tuple[str, ...]
) -> None:
    path = world_of(tmp_path, f"{server.url}/hang")
    async with opened(path) as on:
        await on.keys("L")
        await on.pilot.press("y")
        await on.until(server.asked.is_set)
        for key in keys:
            await on.pilot.press(key)
        await on.until(lambda: any("belongs to this branch" in of for of in on.errors))
        assert on.snapshot.branch == "main"
        await on.pilot.press("escape", "escape")
        await on.until(lambda: not on.app.session.live_running)


async def test_leaving_breaks_off_what_is_performed(tmp_path: Path, server: Server) -> None:
    path = world_of(tmp_path, f"{server.url}/hang")
    async with opened(path) as on:
        await on.keys("L")
        await on.pilot.press("y")
        await on.until(server.asked.is_set)
    performing = asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.wait_for(performing, 10)  # else the process would not end before the other side


async def test_what_has_just_ended_can_still_be_cancelled(tmp_path: Path, server: Server) -> None:
    ended = asyncio.new_event_loop()
    ended.close()
    async with opened(world_of(tmp_path, f"{server.url}/ok")) as on:
        task = asyncio.current_task()
        assert task is not None
        on.app.session._performing = ended, task
        await on.keys("escape")
        on.app.session._performing = None
        assert on.errors == []


async def test_a_kind_without_an_adapter_says_so(tmp_path: Path) -> None:
    effect = {"kind": "demo.ask", "params": encode({"q": "a"}), "cap_slot": "default"}
    path = tiny_world(
        tmp_path / "asking",
        module("demo/R@1", "demo/Go@1", emits=["demo.ask"], slots={"default": "demo.ask"}),
        wasm={"R": answering({"state": b"\xf6", "effects": [effect]})},
        routes=[("demo/Go@1", "demo/R@1")],
        bindings={"demo/R@1": {"default": "asks"}},
    )
    with World.open(path) as world:
        world.fire("demo/Go@1", {"who": "a", "n": 1})
    async with opened(path) as on:
        await on.keys("L", "y")
        await on.until(lambda: any("adapter" in of for of in on.said))
        assert on.numbers == [1] and not on.app.session.live_running
