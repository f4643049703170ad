"""What another process writes is followed, and an idle branch is left alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from pathlib import Path

import pytest

from aos_core.branches import BranchLock, DiskError
from aos_core.errors import ReadOnly
from aos_core.world import World
from aos_tui.options import Options
from aos_tui.session import Session, following
from aos_tui.snapshot import Snapshot
from aos_tui.world_screen import WorldScreen
from tests.support import EVENT, log, start
from tests.tui.driving import Driver, banner, opened, play


def lives_shown(on: Driver) -> list[int]:
    """The last heights of all snapshots that are shown from now on."""
    shown: list[int] = []
    changed = on.app.session._changed

    def show(snapshot: Snapshot) -> None:
        shown.append(snapshot.live)
        changed(snapshot)

    on.app.session._changed = show
    return shown


async def test_a_burst_from_another_process_is_shown_whole(world: Path) -> None:
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            shown = lives_shown(on)
            with holder.group():
                for _ in range(60):
                    holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)
            assert on.snapshot.root == holder.root
            assert len(set(shown)) < 20, "what comes together is shown together"
            assert "read-only" in str(on.app.screen.query_one("#header").render())
            holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)


async def test_what_has_come_is_shown_by_and_by_until_all_is_there(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "TURNS", 2)
    monkeypatch.setattr(following, "AT_ONCE", 3)
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            shown = lives_shown(on)
            with holder.group():
                for _ in range(20):
                    holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)
            assert len(set(shown)) > 2


async def test_what_is_acknowledged_after_it_was_looked_at_is_shown(world: Path) -> None:
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            with holder.group():
                holder.fire(EVENT, start())
                await on.pilot.pause(0.1)  # it is in the file, and could be taken back
                assert on.snapshot.live == 0
            await on.until(lambda: on.snapshot.live == holder.height)


async def test_a_height_that_is_asked_for_is_shown_before_the_rest_of_a_burst(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "TURNS", 1)
    monkeypatch.setattr(following, "FEW", 1)
    refresh, make, done = World.refresh, Session._make, list[str]()

    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world, poll=0.01) as on:
            screen, loop = on.app.screen, asyncio.get_running_loop()
            assert isinstance(screen, WorldScreen)
            asked = threading.Event()

            def ask() -> None:
                screen.travel(1)
                asyncio.get_running_loop().call_later(0.05, asked.set)

            def taking(of: World, most: int | None = None) -> bool:
                if not done:
                    loop.call_soon_threadsafe(ask, context=copy_context())
                    asked.wait(10)
                done.append("some")
                return refresh(of, most)

            def making(of: Session, height: int | None) -> Snapshot:
                done.append("shown" if height == 1 else "live")
                return make(of, height)

            with holder.group():
                for _ in range(20):
                    holder.fire(EVENT, start())
            monkeypatch.setattr(World, "refresh", taking)
            monkeypatch.setattr(Session, "_make", making)
            await on.until(lambda: on.snapshot.live == holder.height)
            assert on.snapshot.height == 1
            assert "shown" in done[:3] and done.count("some") > 20


async def test_nothing_is_taken_in_before_what_one_travels_to_is_painted(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAINTED_SECONDS", 0.5)
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 60.0)
    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world, poll=0.01) as on:
            known = on.snapshot.live
            await on.keys("k")
            holder.fire(EVENT, start())
            for _ in range(8):  # keys that come all the time, for longer than it waits for one
                await on.pilot.press("k", "j")
                await on.pilot.pause(0.1)
                assert on.snapshot.live == known
            await on.until(lambda: on.snapshot.live == holder.height)


async def test_what_has_come_waits_not_for_ever_for_keys_that_do_not_end(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAINTED_SECONDS", 60.0)
    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world, poll=0.01) as on:
            await on.keys("k")
            holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)


WRITER = """
import sys
from aos_core.world import World
with World.open(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["killed", "quit"])
async def test_a_reader_finds_out_that_the_writer_has_ended(world: Path, how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(world)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        await asyncio.to_thread(writer.stdout.readline)
        async with opened(world, poll=0.01) as on:
            assert f"branch main is being written by python, pid {writer.pid}" in await banner(on)
            await on.keys("e")
            assert on.said[-1].startswith("branch main: it is being written by python, pid")
            if how == "killed":
                writer.kill()
            writer.communicate()
            await on.until(lambda: "written by nobody any more" in on.screen)
            assert on.mode == "read-only", "nobody asked for it to be written here"
            with World.open(world) as other:
                await on.until(lambda: "is being written by" in on.screen)
                other.fire(EVENT, start())
            await on.until(lambda: "written by nobody any more" in on.screen)
            await on.keys("e", "ctrl+s")
            assert (on.mode, on.snapshot.live) == ("live", 32)


@asynccontextmanager
async def reading(world: Path) -> AsyncIterator[Session]:
    """Main, open to be read, and not followed yet."""
    options = Options(os.fspath(world), branch="main", poll=0.01)
    session = Session(options, lambda _: None, lambda _: None)
    await session.open()
    try:
        yield session
    finally:
        await session.close()


@asynccontextmanager
async def followed(session: Session) -> AsyncIterator[None]:
    task = asyncio.create_task(session.follow())
    try:
        yield
    finally:
        task.cancel()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def says(session: Session, why: str) -> None:
    """Wait until this is why the branch can only be read."""
    await until(lambda: why in (session.locked or ""))


NOBODY = "written by nobody any more"


async def test_a_writer_that_ends_before_one_looks_for_it_has_ended(world: Path) -> None:
    with World.open(world) as holder:
        async with reading(world) as session:
            assert "is being written by" in (session.locked or "")
            holder.close()
            async with followed(session):
                await says(session, f"branch main is {NOBODY}")
            assert await session.reopen()


async def test_a_writer_that_had_not_said_its_name_says_it_and_ends(world: Path) -> None:
    with World.open(world) as holder:
        name = world / ".aos/journal/main.holder"
        said = name.read_text()
        name.write_text("")
        async with reading(world) as session, followed(session):
            assert "has not yet said its name" in (session.locked or "")
            name.write_text(said)
            await says(session, "is being written by this very process")
            holder.close()
            await says(session, NOBODY)


async def test_the_end_of_a_writer_that_renamed_the_branch_is_told(world: Path) -> None:
    with World.open(world) as holder:
        async with reading(world) as session, followed(session):
            holder.rename_branch("main", "other")
            await says(session, "other is being written by")
            holder.close()
            await says(session, f"other is {NOBODY}")


async def test_the_end_of_a_writer_is_told_after_a_disk_that_refused(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: World, most: int | None = None) -> bool:
        raise DiskError("the disk is ill")

    with World.open(world) as holder:
        async with reading(world) as session, followed(session):
            await until(lambda: session._of_writer is not None)
            monkeypatch.setattr(World, "refresh", refuse)
            holder.fire(EVENT, start())
            await says(session, "the disk is ill")
            holder.close()
            await says(session, NOBODY)


async def test_a_branch_that_is_read_for_another_reason_says_nothing_of_its_writer(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: BranchLock) -> None:
        raise ReadOnly("it may not be written here")

    with World.open(world) as holder:
        monkeypatch.setattr(BranchLock, "acquire", refuse)
        async with reading(world) as session, followed(session):
            holder.fire(EVENT, start())
            await until(lambda: session.wanted == holder.height)
            await asyncio.sleep(0.1)
            assert session.locked == "it may not be written here"


async def test_what_comes_next_in_the_scenario_is_looked_up_once_for_what_came_together(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "TURNS", 1)
    made, new_player = list[int](), Session._new_player

    def count(session: Session) -> None:
        made.append(session._opened.height)
        new_player(session)

    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            monkeypatch.setattr(Session, "_new_player", count)
            with holder.group():
                for _ in range(20):
                    holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)
    assert made[-1] == on.snapshot.live and len(made) < 5


async def test_what_is_found_damaged_by_following_it_is_verified_no_more(world: Path) -> None:
    offsets = play(world)
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            await on.keys("v")
            assert on.known["verified"] is True
            holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)
            os.truncate(log(world), offsets[-1])
            await on.until(lambda: "branch main is damaged" in str(on.snapshot.trouble))
            assert on.known["verified"] is False


async def test_an_idle_branch_is_not_read_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world, poll=0.01) as on:
            await on.pilot.pause(0.1)
            reads = 0

            def count(_: World, most: int | None = None) -> bool:
                nonlocal reads
                reads += 1
                return False

            with monkeypatch.context() as patched:
                patched.setattr(World, "refresh", count)
                await on.pilot.pause(0.3)
            assert reads == 0


async def test_a_folder_that_can_no_longer_be_looked_into_is_a_journal_that_is_lost(
    world: Path,
) -> None:
    async with opened(world, poll=0.01) as on:
        await on.keys("e", "ctrl+s")
        folder, away = world / ".aos", world / "away"
        folder.rename(away)
        folder.symlink_to(folder)  # to look at what is in it fails, as on a disk that is gone
        await on.until(lambda: on.snapshot.lost)
        await on.keys("escape", "comma", "v", "e", "escape")
        folder.unlink()
        away.rename(folder)
        await on.until(lambda: not on.snapshot.lost)
        await on.keys("f", "e", "ctrl+s")
        assert on.mode == "live"
