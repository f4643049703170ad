"""Verification by `v`: what it proves, how it goes on, is stopped, fails."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from textual import events

from aos_core.scenario_file import read_scenario
from aos_core.world import World
from aos_tui import process
from aos_tui.headless import dump, settle
from aos_tui.session import Closed, Session
from aos_tui.snapshot import Verified
from aos_tui.world_screen import WorldScreen
from tests.support import forge
from tests.tui.driving import opened, play


async def test_verification_can_be_stopped_and_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as on:
        await on.keys("T")
        verify = World.verify

        def stopped(self: World, **more: Any) -> Any:
            on.app.session.cancel()
            return verify(self, **more)

        with monkeypatch.context() as patched:
            patched.setattr(World, "verify", stopped)
            await on.keys("v")
        assert (on.said[-1], on.known["verified"]) == ("verification was stopped", None)
        await on.keys("v")
        assert on.known["verified"] is True
        await on.keys("e", "ctrl+s")
        assert on.snapshot.live == 46
        assert dump(on.app)["verified"] is None


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
    CLEARING = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), exit(130)))\n"
    )

    def __init__(self, *, clearing: bool = False) -> None:
        self.code = self.CLEARING + self.CODE if clearing else self.CODE
        self.started: list[asyncio.subprocess.Process] = []

    async def __call__(self, *_: str, talks: bool = False) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.code, stdout=pipe, stderr=pipe, start_new_session=True
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
    slow = Slow(clearing=True)
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


@pytest.mark.parametrize("where", [{}, {"height": 3}])
async def test_only_a_damaged_journal_keeps_a_branch_from_being_written(
    world: Path, where: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"code": "store_damaged", "message": "something is missing", "hint": "", "where": where}
    monkeypatch.setattr(Slow, "CODE", f"print({json.dumps(json.dumps({'error': error}))})")
    monkeypatch.setattr(process, "start", slow := Slow())
    play(world)
    async with opened(world) as on:
        await on.keys("v", "escape")
        assert "something is missing" in f"{on.errors} {on.snapshot.verified.text}"
        assert (len(slow.started), on.mode) == (1, "live")
        await on.keys("e", "ctrl+s")
        assert (on.snapshot.live, on.snapshot.trouble) == (46, None)


def verified_only_after(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Before it is set no verification ends."""
    ends, verify = asyncio.Event(), Session.verify

    async def slowly(session: Session) -> Verified:
        await ends.wait()
        return await verify(session)

    monkeypatch.setattr(Session, "verify", slowly)
    return ends


async def test_a_failure_waits_for_the_dialog_that_is_open(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world)
    forge(world)
    ends = verified_only_after(monkeypatch)
    async with opened(world) as on:
        await on.pilot.press("v", "g")
        await on.until(lambda: on.mode == "PromptDialog")
        ends.set()
        await on.until(lambda: any("verification failed" in text for text in on.errors))
        await on.pilot.press("w")
        assert on.mode == "PromptDialog" and not [*(world / "scenarios").glob("diverges*")]
        await on.keys("escape", "escape")  # the first puts away what was said
        assert on.mode == "ProofDialog"
        await on.keys("escape")
        assert on.mode == "read-only"


async def test_a_failure_that_waited_is_not_shown_as_that_of_another_branch(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as found:
        found.fork(0, "side").close()
    play(world)
    forge(world)
    ends = verified_only_after(monkeypatch)
    async with opened(world) as on:
        await on.pilot.press("v", "B")
        await on.until(lambda: on.mode == "BranchesDialog")
        ends.set()
        await on.until(lambda: any("verification failed" in text for text in on.errors))
        await on.keys("down", "enter")
        assert (on.mode, on.snapshot.branch) == ("live", "side")


async def test_keys_typed_ahead_of_another_dialog_are_not_for_a_failure(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world)
    forge(world)
    failed, named = asyncio.Event(), asyncio.Event()
    verify, fork_name = Session.verify, Session.fork_name

    async def told(session: Session) -> Verified:
        try:
            return await verify(session)
        finally:
            failed.set()

    async def slow(session: Session, height: int) -> str:
        await named.wait()
        return await fork_name(session, height)

    monkeypatch.setattr(Session, "verify", told)
    monkeypatch.setattr(Session, "fork_name", slow)
    async with opened(world) as on:
        await on.pilot.press("v", "F")
        for key in "new":
            on.app.post_message(events.Key(key, key))
        await asyncio.wait_for(failed.wait(), 20)
        await on.pilot.pause(0.1)
        named.set()
        await settle(on.pilot)
        assert on.mode == "ForkDialog" and not [*(world / "scenarios").glob("diverges*")]
        await on.keys("escape", "escape")
        assert on.mode == "ProofDialog"


async def test_closing_while_something_runs_is_no_bug(world: Path) -> None:
    async with opened(world) as on:
        screen = on.app.screen
        assert isinstance(screen, WorldScreen)

        async def closed() -> None:
            raise Closed

        screen.work(closed)
        await on.pilot.pause()
        assert not any("bug" in text for text in on.errors)


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
