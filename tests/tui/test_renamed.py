"""The app on a branch that another process renames, rotates or deletes."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aos_core.branches import list_branches
from aos_core.cli.main import main
from aos_core.world import World
from aos_tui.left_off import Left, Marks, recall_left, remember_left
from tests.support import ROOT, log
from tests.tui.driving import Driver, on_disk, opened, play

pytestmark = pytest.mark.skipif(os.name == "nt", reason="what is open cannot be renamed there")


async def aos(world: Path, verb: str, *words: str) -> None:
    """Run ``aos`` in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", main.__module__, verb, str(world), *words, "--quiet",
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0


@asynccontextmanager
async def reading(
    world: Path, branch: str = "main", *, poll: float = 0.01
) -> AsyncIterator[Driver]:
    """The app on a branch that somebody else wrote when it was opened."""
    with World.open(world, branch) as holder:
        async with opened(world, poll=poll, branch=branch) as on:
            holder.close()
            assert on.mode == "read-only"
            yield on


def header(on: Driver) -> str:
    return on.screen.splitlines()[0]


async def test_a_branch_that_is_read_goes_on_under_its_new_name(world: Path) -> None:
    play(world)
    async with reading(world) as on:
        await on.keys("m", "comma", "m")
        marked = on.snapshot.marked
        await aos(world, "rename", "main", "root")
        await on.until(lambda: on.snapshot.branch == "root")
        await on.keys("f", "comma")
        assert [text for text in on.said if "root" in text] == ["this branch is now called root"]
        assert (on.mode, on.snapshot.lost, on.snapshot.marked) == ("read-only", False, marked)
        assert len(marked) == 2 and " root " in header(on) and " main " not in header(on)
        await on.keys("v")
        assert on.known["verified"] is True
        await on.keys("f", "e", "ctrl+s")
        assert (on.snapshot.live, on.errors) == (46, [])
    assert on_disk(world, "root")[0] == 46
    assert list_branches(world / ".aos/journal") == ["root"]


async def test_a_new_name_is_told_by_what_comes_upon_it_first(world: Path) -> None:
    play(world)
    async with reading(world, poll=0.0) as on:
        await aos(world, "rename", "main", "root")
        await on.keys("v")
        assert (on.snapshot.branch, on.known["verified"]) == ("root", True)
        assert "this branch is now called root" in on.said


async def test_a_fork_goes_on_from_its_parent_whatever_that_is_called(world: Path) -> None:
    play(world)
    async with opened(world, poll=0.01) as on:
        await on.keys("F", "text:side", "enter", "e", "ctrl+s")
        await aos(world, "rename", "main", "root")
        told = "branch main, which this one goes on from, is now called root"
        await on.until(lambda: told in on.said)
        assert (on.snapshot.branch, on.snapshot.lost, on.mode) == ("side", False, "live")
        await on.keys("R", "v")
        assert (on.snapshot.live, on.known["verified"]) == (60, True)
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("root", 30)
        assert on.said.count(told) == 1 and on.errors == []
    assert list_branches(world / ".aos/journal") == ["root", "side"]


async def test_names_that_come_again_are_told_again(world: Path) -> None:
    play(world)
    async with reading(world) as on:
        for old, new in (("main", "root"), ("root", "main"), ("main", "root")):
            told = f"this branch is now called {new}"
            times = on.said.count(told)
            await aos(world, "rename", old, new)
            await on.until(lambda told=told, times=times: on.said.count(told) > times)  # type: ignore[misc]


async def test_a_folder_that_cannot_be_listed_ends_no_following(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "not allowed")

    play(world)
    async with reading(world) as on:
        with monkeypatch.context() as patched:
            patched.setattr("aos_core.disk.list_branches", no)
            await aos(world, "rename", "main", "root")
            await on.until(lambda: "this branch is now called root" in on.said)
        await aos(world, "rename", "root", "mine")
        await on.until(lambda: "this branch is now called mine" in on.said)
        assert (on.snapshot.branch, on.errors) == ("mine", [])


async def test_marks_stay_with_branches_that_swap_names_before_two_who_look(world: Path) -> None:
    play(world)
    with World.open(world) as main:
        theirs = Marks((30,), main.frames[-1].hash.hex())
        main.fork(30, "side").close()
    async with reading(world, "side", poll=60) as on:
        await on.keys("comma", "m")
        (mark,) = on.snapshot.marked
        await aos(world, "rename", "side", "tmp")
        await aos(world, "rename", "main", "side")
        await aos(world, "rename", "tmp", "main")
        remember_left(world, Left("side", {"side": theirs}))  # who shows that one saw it first
        await on.keys("comma")
        assert (on.snapshot.branch, on.snapshot.marked) == ("main", (mark,))
    found = {name: of.heights for name, of in recall_left(world).marks.items()}
    assert found == {"main": (mark,), "side": (30,)}


async def test_who_reads_a_run_stays_with_it_when_another_takes_its_name(world: Path) -> None:
    await aos(world, "run", "--scenario", "basic")
    async with reading(world, "basic") as on:
        await on.keys("comma", "m")
        height, head = on.snapshot.height, on.snapshot.head
        await aos(world, "run", "--scenario", "one-fails")
        await aos(world, "rename", "basic", "mine")
        await aos(world, "rename", "one-fails", "basic")
        await on.until(lambda: on.snapshot.branch == "mine")
        await aos(world, "rename", "mine", "basic~1")
        await on.until(lambda: on.snapshot.branch == "basic~1")
        assert (on.snapshot.height, on.snapshot.head) == (height, head)
        assert (on.snapshot.marked, on.snapshot.lost) == ((height,), False)
        await on.keys("v")
        assert (on.known["verified"], on.snapshot.verified.height) == (True, on.snapshot.live)
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.marked) == ("basic", ())
        assert on.snapshot.head != head and on.errors == []


async def test_a_new_run_is_told_and_a_key_away(world: Path) -> None:
    await aos(world, "run", "--scenario", "basic")
    async with reading(world, "basic") as on:
        await aos(world, "run", "--scenario", "basic")
        await on.until(lambda: on.snapshot.branch == "basic~1")
        told = (
            "this branch is now called basic~1; another one has the name basic now: B leads to it"
        )
        await on.until(lambda: on.said == [told])
        assert "basic~1" in header(on) and on.mode == "read-only"
        await on.until(lambda: "branch basic~1 is written by nobody any more" in on.screen)
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.mode) == ("basic", "live")


async def test_a_branch_that_was_deleted_elsewhere_is_brought_back_from_the_list(
    world: Path,
) -> None:
    play(world)
    with World.open(world) as found:
        found.fork(30, "side").close()
    async with reading(world, "side") as on:
        await aos(world, "delete", "side", "--yes")
        await on.until(lambda: on.snapshot.lost)
        assert (on.mode, on.said) == ("read-only", []), "there is nothing to ask who reads it"
        await on.keys("e")
        assert on.mode == "read-only" and "B shows what is there now" in on.said[-1]
        await on.keys("B", "down", "enter", "enter")
        await on.until(lambda: not on.snapshot.lost)
        assert (on.snapshot.branch, on.errors) == ("side", [])
    assert list_branches(world / ".aos/journal") == ["main", "side"]


async def test_another_main_is_not_begun_for_who_reads_one_that_is_gone(world: Path) -> None:
    play(world)
    async with reading(world, poll=0.0) as on:
        log(world).unlink()
        await on.keys("e", "escape", "t", "B", "escape")
        assert (on.snapshot.live, on.snapshot.lost) == (30, True)
    assert list_branches(world / ".aos/journal") == []
