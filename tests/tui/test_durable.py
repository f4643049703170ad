"""The app on a journal that others write, damage, or take away: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from aos_core import canon
from aos_core.frames import new_frame, pack
from aos_core.layer import FileLayer
from aos_core.scenario_file import read_scenario
from aos_core.world import World
from aos_tui import process
from aos_tui.formatting import plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.panes.opening import lines
from aos_tui.snapshot import Doing, Snapshot
from tests.support import EVENT, log, release_all, start
from tests.tui.driving import Driver, flip, on_disk, opened, play


def fire(world: Path, times: int, branch: str = "main") -> None:
    """Add turns to a branch from elsewhere."""
    with World.open(world, branch) as found:
        for _ in range(times):
            found.fire(EVENT, start())


def running_verifiers() -> list[int]:
    """The processes of this one's children that verify."""
    found = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout
    return [
        int(line.split()[0])
        for line in found.splitlines()
        if int(line.split()[1]) == os.getpid() and "aos_core.cli.main verify" in line
    ]


# -- verify -----------------------------------------------------------------------------------


async def test_verify_proves_what_is_on_the_disk_while_the_world_goes_on(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t")
        on.app.screen.action_verify()  # type: ignore[attr-defined]
        await on.pilot.press("R")
        await on.keys("comma")
        proven = on.snapshot.verified
        assert (proven.state, proven.height in (16, 30)) == ("ok", True)
        await on.keys("v")
        assert on.snapshot.verified.height == on.snapshot.live == 30


async def test_verify_of_a_fork_proves_the_fork(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("0", "F", "text:other", "enter", "t", "v")
        assert (on.snapshot.branch, on.snapshot.live) == ("other", 16)
        assert (on.snapshot.verified.state, on.snapshot.verified.height) == ("ok", 16)


class Slow:
    """Stands in for the command: says how far it is, and then waits to be ended."""

    CODE = (
        "import json, sys, time\n"
        "say = lambda done: print(json.dumps({'progress': {'what': 'verifying', 'done': done,"
        " 'total': 100}}), file=sys.stderr, flush=True)\n"
        'print(\'{"notice": "x"}\', file=sys.stderr); say(7); say(42); time.sleep(600)'
    )

    def __init__(self) -> None:
        self.started: list[asyncio.subprocess.Process] = []

    async def __call__(self, *_: str, talks: bool = False) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.CODE, stdout=pipe, stderr=pipe, start_new_session=True
        )
        self.started.append(made)
        return made


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_verify_streams_its_progress_and_esc_ends_the_process(
    world: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    monkeypatch.setattr(process, "start", slow)
    async with opened(world, size=size) as on:
        await on.pilot.press("v")
        await on.until(lambda: on.snapshot.verified.percent == 42)
        assert "◷ 42 %" in str(on.app.screen.query_one("#header").render())
        await on.pilot.press("v")
        await on.pilot.pause()
        assert on.said[-1].startswith("verification runs already")
        await on.pilot.press("escape")
        await on.keys("escape")
        assert on.said[-1] == "verification was stopped"
        assert on.known["verified"] is None
    assert [of.returncode is not None for of in slow.started] == [True]


async def test_nothing_is_left_of_a_verification_when_one_quits(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    monkeypatch.setattr(process, "start", slow)
    async with opened(world) as on:
        await on.pilot.press("v")
        await on.until(lambda: on.snapshot.verified.percent == 42)
    assert [of.returncode is not None for of in slow.started] == [True]


async def test_a_verification_that_dies_says_so_and_the_app_goes_on(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slow, "CODE", "import sys; sys.exit('no memory left')")
    monkeypatch.setattr(process, "start", Slow())
    async with opened(world) as on:
        await on.keys("v")
        assert "no memory left" in on.errors[0]
        assert on.known["verified"] is None


def forge(world: Path) -> None:
    """Let the last step of a reducer claim another state; the frames after it hold together."""
    with World.open(world, write=False) as found:
        bodies = [canon.decode(frame.payload) for frame in found.frames]
    steps = [of for body in bodies for of in body["records"] if of["k"] == "step"]
    steps[-1]["after"] = bytes(32)
    last, data = None, b""
    for body in bodies:
        last = new_frame(body if last is None else {**body, "prev": last.hash}, last)
        data += pack(last.payload)
    log(world).write_bytes(data)
    shutil.rmtree(world / ".aos/index")


async def test_a_divergence_is_kept_as_a_scenario(world: Path) -> None:
    play(world)
    forge(world)
    async with opened(world) as on:
        await on.keys("v")
        assert on.mode == "ProofDialog"
        await on.keys("w")
        assert on.mode == "read-only"
        at = on.snapshot.verified.height
        assert on.said[-1].startswith(f"written: scenarios/diverges-at-{at}.toml")
        made = read_scenario(world / f"scenarios/diverges-at-{at}.toml")
        assert next(step.verb for step in made.steps) == "fire"
        await on.keys("v", "w")
        assert (world / f"scenarios/diverges-at-{at}-2.toml").exists()


# -- following --------------------------------------------------------------------------------


async def test_a_burst_from_another_process_is_shown_whole(world: Path) -> None:
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            shown: list[int] = []
            seen = on.app.session._changed

            def show(snapshot: Snapshot) -> None:
                shown.append(snapshot.live)
                seen(snapshot)

            on.app.session._changed = show
            with holder.group():
                for _ in range(60):
                    holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)
            assert on.snapshot.root == holder.root
            assert len(set(shown)) < 20, "what comes together is shown together"
            assert "read-only" in str(on.app.screen.query_one("#header").render())
            holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == holder.height)


async def test_an_idle_branch_is_not_read_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world, poll=0.01) as on:
            await on.pilot.pause(0.1)
            reads = 0

            def count(_: World) -> bool:
                nonlocal reads
                reads += 1
                return False

            with monkeypatch.context() as patched:
                patched.setattr(World, "refresh", count)
                await on.pilot.pause(0.3)
            assert reads == 0


# -- long journals ----------------------------------------------------------------------------


@pytest.fixture
def long(world: Path) -> Path:
    """A journal of some thousand records."""
    with World.open(world) as made, made.group():
        for _ in range(150):
            made.fire(EVENT, start())
            release_all(made)
    return world


async def test_panes_touch_only_records_that_are_seen(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aos_core.chain import Records

    async with opened(long) as on:
        touched: set[int] = set()
        get = Records._get

        def spy(self: Records, height: int) -> Any:
            touched.add(height)
            return get(self, height)

        monkeypatch.setattr(Records, "_get", spy)
        assert on.snapshot.live > 4000
        for key in ("0", "pagedown", "dollar_sign", "pageup", "comma", "less_than_sign"):
            before = set(touched)
            await on.keys(key)
            assert len(touched - before) < 200, key
        before = set(touched)
        await on.keys("g", "backspace", "backspace", "backspace", "backspace", "text:2000", "enter")
        assert on.snapshot.height == 2000
        assert len(touched - before) < 200
        assert len(on.snapshot.landmarks.turns) < 1100
        await on.keys("f")
        assert on.snapshot.plan_count == 150


async def test_every_plan_instance_can_be_looked_at(long: Path) -> None:
    async with opened(long) as on:
        assert on.snapshot.plan is not None and on.snapshot.plan.number == 149
        await on.keys("tab", "tab", "right_square_bracket")
        assert on.snapshot.plan.number == 0
        await on.keys("left_square_bracket", "left_square_bracket")
        assert on.snapshot.plan.number == 148


# -- damage that is found late ----------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_record_that_cannot_be_read_is_a_row_that_says_so(
    long: Path, size: tuple[int, int]
) -> None:
    with World.open(long, write=False) as found:
        at = found.frame_at(2000)
        offset, (first, last) = found.frames[at].offset, found.turn_bounds(2000)
    async with opened(long, size=size) as on:
        flip(log(long), offset + 40)
        live = on.snapshot.live
        await on.keys("g", *["backspace"] * 4, f"text:{last + 3}", "enter")
        text = str(on.app.screen.query_one("#banner").render())
        assert "is damaged" in text and f"height {first}" in text
        assert on.snapshot.height == live, "one stays where one was"
        await on.keys("g", *["backspace"] * 4, f"text:{first - 1}", "enter")
        assert (on.snapshot.height, on.snapshot.live) == (first - 1, live)
        on.app.screen.query_one("#journal-list").scroll_to(
            y=first - 1, animate=False, immediate=True, force=True
        )
        await on.pilot.pause()
        shown = "\n".join(of.text for of in on.app.screen._compositor.render_strips())
        assert f"{first} ✗ damaged" in shown and "cannot be read" in shown
        await on.keys("f", "v")
        assert on.mode == "ProofDialog"
        await on.keys("escape")
        assert on.snapshot.height == live, "what was acknowledged stays visible"


async def test_damage_that_only_a_row_meets_is_told_above_the_panes(long: Path) -> None:
    with World.open(long, write=False) as found:
        offset = found.frames[found.frame_at(2000)].offset
    async with opened(long) as on:
        flip(log(long), offset + 40)
        assert on.snapshot.trouble is None
        on.app.screen.query_one("#journal-list").scroll_to(
            y=1995, animate=False, immediate=True, force=True
        )
        await on.until(lambda: on.snapshot.trouble is not None)
        assert "is damaged" in str(on.app.screen.query_one("#banner").render())


# -- the file is gone -------------------------------------------------------------------------


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


async def test_a_journal_that_is_gone_is_left_on_wish(world: Path) -> None:
    play(world)
    async with opened(world, poll=0.01) as on:
        shutil.rmtree(world / ".aos")
        await on.until(lambda: on.mode == "LostDialog")
        await on.keys("q")
    assert on.app.return_code == 0
    assert not log(world).exists()


# -- the disk refuses -------------------------------------------------------------------------


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
    import sqlite3

    play(world)
    async with opened(world) as on:
        with sqlite3.connect(world / ".aos/store.db") as store:
            store.execute("DELETE FROM objects")
        await on.keys("comma", "comma", "v")
        assert on.snapshot.height == 28
        assert any("missing from the store" in text for text in (*on.errors, *on.said))
        assert on.app.is_running


# -- branches ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_a_branch_is_renamed_deleted_and_brought_back(world: Path, kind: str) -> None:
    async with opened(world if kind == "disk" else "04") as on:
        await on.keys("t", "F", "text:side", "enter", "R", "B", "up", "enter")
        assert on.snapshot.branch == "main"
        await on.keys("B", "down", "r")
        assert on.mode == "RenameDialog"
        await on.keys(*["backspace"] * 4, "text:try", "enter")
        assert await on.app.session.branches() == ["main", "try"]
        assert on.mode == "BranchesDialog" and listed(on) == ("try", 2)
        await on.keys("d")
        assert on.mode == "ConfirmDialog"
        assert "14 records of its own" in on.app.screen._text  # type: ignore[attr-defined]
        await on.keys("n")
        assert await on.app.session.branches() == ["main", "try"]
        await on.keys("d", "y")
        assert await on.app.session.branches() == ["main"]
        assert on.mode == "BranchesDialog" and listed(on) == ("try", 2)
        await on.keys("enter")
        assert await on.app.session.branches() == ["main", "try"]
        assert on.mode == "BranchesDialog" and listed(on) == ("try", 2)
        await on.keys("enter")
        assert (on.snapshot.branch, on.snapshot.live) == ("try", 30)


def listed(on: Driver) -> tuple[str, int]:
    """(the branch under the cursor, how many lines there are) of the list of branches."""
    found = on.app.screen.query_one(OptionList)
    assert found.highlighted is not None
    words = re.findall(r"[a-z~-]+", str(found.get_option_at_index(found.highlighted).prompt))
    return words[0], found.option_count


@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_the_open_branch_is_renamed_and_goes_on(world: Path, kind: str) -> None:
    async with opened(world if kind == "disk" else "04", poll=0.01) as on:
        await on.keys("t", "m", "B", "r", "ctrl+u", "text:mine", "enter")
        assert (on.mode, listed(on), on.snapshot.branch) == ("BranchesDialog", ("mine", 1), "mine")
        await on.keys("escape", "F", "ctrl+u", "text:side", "enter", "r")
        await on.keys("B", "up", "r", "ctrl+u", "text:origin", "enter")  # what it goes on from
        assert listed(on) == ("origin", 2)
        await on.keys("escape", "r", "v")
        assert (on.snapshot.branch, on.snapshot.live, on.snapshot.lost) == ("side", 22, False)
        assert (on.known["verified"], on.snapshot.trouble) == (True, None)
        await on.keys("B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.marked) == ("origin", (16,))
        await on.keys("R", "u")
        assert on.snapshot.branch == "origin-undo-23"
        assert on.errors == []
    if kind == "disk":
        assert [on_disk(world, name)[0] for name in ("origin", "side")] == [30, 22]
        assert not log(world).exists()


async def test_a_name_that_was_taken_meanwhile_is_an_error_and_the_list_says_so(
    world: Path,
) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("B", "r", "ctrl+u", "text:mine")
        with World.open(world, write=False) as other:
            other.fork(0, "mine").close()
        await on.keys("enter")
        assert (on.mode, listed(on), on.snapshot.branch) == ("BranchesDialog", ("mine", 2), "main")
        assert any("mine exists" in of for of in on.errors)
        await on.keys("up", "enter")
        assert on.mode == "live" and on.snapshot.writable


async def test_a_branch_with_children_is_not_deleted(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("F", "text:side", "enter", "B", "up", "d")
        assert "side goes on from it" in on.said[-1]
        await on.keys("down", "d")
        assert "is open and cannot be deleted" in on.said[-1]
        assert on.mode == "BranchesDialog"
        assert await on.app.session.branches() == ["main", "side"]


# -- opening ----------------------------------------------------------------------------------


async def test_opening_that_takes_long_says_what_it_does_and_why(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go, real = threading.Event(), World.open.__func__  # type: ignore[attr-defined]

    def slow(cls: type[World], *given: Any, **more: Any) -> World:
        more["progress"]("indexing the journal", 30, 100)
        go.wait(60)
        return real(cls, *given, **more)  # type: ignore[no-any-return]

    monkeypatch.setattr(World, "open", classmethod(slow))
    from aos_tui.app import AosApp
    from aos_tui.options import Options

    app = AosApp(Options(world=str(long), poll=0.0, pace=0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        line = app.screen.query_one("#opening")
        for _ in range(500):
            if line.display:
                break
            await pilot.pause(0.01)
        shown = str(line.render())
        assert "indexing the journal" in shown and "30 %" in shown and "q quits" in shown
        assert "missing or behind" in shown
        go.set()
        on = Driver(app, pilot)
        await on.until(lambda: app.session.snapshot is not None)
        assert not line.display
    assert app._exception is None


async def test_one_can_quit_while_a_journal_is_indexed(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aos_tui.app import AosApp
    from aos_tui.options import Options

    def endless(cls: type[World], /, *_: Any, progress: Callable[..., None], **more: Any) -> World:
        done = 0
        while True:
            done += 1
            progress("indexing the journal", done % 100, 100)

    monkeypatch.setattr(World, "open", classmethod(endless))
    app = AosApp(Options(world=str(long), poll=0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("q")
    assert (app.return_code, app._exception) == (0, None)


async def test_opening_that_is_quick_shows_nothing_new(world: Path) -> None:
    async with opened(world) as on:
        line = on.app.screen.query_one("#opening")
        assert not line.display


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_bar_of_an_opening_fits(width: int) -> None:
    for done in (0, 50, 100):
        shown = plain(lines(Doing("indexing the journal", done, 100), width, UNICODE))
        assert max(map(len, shown.splitlines())) <= max(width, 75)
        assert len(shown.splitlines()[0]) <= width and f"{done} %" in shown
    assert plain(lines(Doing("", 0, 0), width, ASCII)) == " ~ opening the world     q quits"
