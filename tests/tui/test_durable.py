"""The journal is taken away, the disk refuses: nothing acknowledged is lost."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aos_core.layer import FileLayer
from aos_core.world import World
from tests.support import log
from tests.tui.driving import on_disk, opened, play

# -- the file is gone --------------------------------------------------------------------------


async def test_a_journal_that_is_deleted_while_open_is_put_back(world: Path) -> None:
    play(world)
    before = log(world).read_bytes()
    async with opened(world, poll=0.01) as on:
        shutil.rmtree(world / ".aos")
        await on.until(lambda: on.mode == "LostDialog")
        await on.keys("escape")
        assert (on.snapshot.live, on.mode) == (30, "read-only")
        await on.keys("e")
        assert on.mode == "LostDialog"
        await on.keys("p")
        assert on.errors == []
        assert (on.mode, on.snapshot.live) == ("live", 30)
        assert log(world).read_bytes() == before
        await on.keys("e", "ctrl+s", "v")
        assert (on.snapshot.live, on.known["verified"]) == (46, True)
    assert on_disk(world)[0] == 46


async def test_a_fork_is_put_back_with_what_it_goes_on_from(world: Path) -> None:
    play(world)
    async with opened(world, poll=0.01) as on:
        await on.keys("F", "text:side", "enter", "e", "ctrl+s")
        (world / ".aos").rename(world / "elsewhere")
        await on.until(lambda: on.mode == "LostDialog")
        await on.keys("p", "R", "v")
        assert (on.snapshot.branch, on.known["verified"]) == ("side", True)
    assert on_disk(world, "side")[0] == 60
    assert on_disk(world)[0] == 30


@pytest.mark.parametrize("key", ["u", "F", "O", "t"])
async def test_nothing_is_begun_where_the_folder_is_gone_and_all_of_it_is_put_back(
    world: Path, key: str
) -> None:
    play(world)
    whole = world.with_name("whole")
    shutil.copytree(world, whole, ignore=shutil.ignore_patterns(".aos"))
    async with opened(world, poll=0.01) as on:
        shutil.rmtree(world)
        await on.until(lambda: on.mode == "LostDialog")
        await on.keys("escape", key)
        assert on.mode == "LostDialog" and not world.exists()
        await on.keys("p")
        assert on.snapshot.writable and on.errors == []
        assert "the world's other files are not" in on.said[-1]
        assert "on disk: " in on.screen, "the banner says it as long as it is so"
    shutil.copytree(whole, world, dirs_exist_ok=True)
    with World.open(world, write=False) as found:
        assert found.verify().ok and found.height == 30


async def test_a_journal_that_is_gone_is_left_on_wish(world: Path) -> None:
    play(world)
    async with opened(world, poll=0.01) as on:
        shutil.rmtree(world / ".aos")
        await on.until(lambda: on.mode == "LostDialog")
        await on.keys("q")
    assert on.app.return_code == 0
    assert not log(world).exists()


# -- the disk refuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "write permission"),
        (errno.EROFS, "write permission"),
        (errno.EIO, "see that the path and its disk work"),
    ],
)
async def test_a_disk_that_refuses_is_said_and_nothing_acknowledged_is_lost(
    world: Path, number: int, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(world) as on:
        await on.keys("t")

        def refuse(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(FileLayer, "write", refuse)
            await on.keys("R")
        assert hint in on.errors[0]
        assert (on.snapshot.live, on.numbers, on.mode) == (16, [1, 2, 3], "live")
        await on.keys("R", "v")
        assert (on.snapshot.live, on.known["verified"]) == (30, True)
    assert on_disk(world)[0] == 30


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_full_disk_is_said_and_one_goes_on_when_there_is_room(
    world: Path, small_disk: Path
) -> None:
    home = small_disk / "world"
    shutil.copytree(world, home)
    async with opened(home) as on:
        await on.keys("t")
        filler, size = small_disk / "filler", 1 << 16
        with filler.open("wb", buffering=0) as file:
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size >>= 1
        for _ in range(40):
            if on.errors:
                break
            await on.keys("e", "ctrl+s")
        assert "No space left" in on.errors[0] and "free some space" in on.errors[0]
        live, root = on.snapshot.live, on.snapshot.root.hex()
        filler.unlink()
        assert on_disk(home)[:2] == (live, root)
        await on.keys("R", "v")
        assert on.snapshot.live > live and on.known["verified"] is True


async def test_an_object_that_the_store_lost_is_named_where_it_is_needed(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        with sqlite3.connect(world / ".aos/store.db") as store:
            store.execute("DELETE FROM objects")
        await on.keys("comma", "comma", "v")
        assert on.snapshot.height == 28
        assert any("missing from the store" in text for text in (*on.errors, *on.said))
        assert on.app.is_running
