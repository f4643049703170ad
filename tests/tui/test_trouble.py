"""What can be wrong with a world, its journal and what one types: the app stays up and says it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from aos_core.log_file import LogFile
from aos_core.world import World
from aos_tui.problem_screen import ProblemScreen
from tests.support import (
    EVENT,
    IMPORTS,
    TRAPS,
    WASM,
    edit_json,
    forge,
    log,
    start,
    wat,
)
from tests.tui.driving import FOCUS, Driver, banner, flip, on_disk, opened, painted, play, toasts

ENDLESS = wat("(loop (br 0)) unreachable")


# -- the journal ------------------------------------------------------------------------------


async def test_a_damaged_journal_that_was_mended_goes_on_with_the_next_key_that_writes(
    world: Path,
) -> None:
    offsets = play(world)
    with World.open(world) as found:
        found.fire(EVENT, start())
    flip(log(world), offsets[3] + 40)
    async with opened(world) as on:
        assert "branch main is damaged" in await banner(on)
        await on.keys("R")
        assert on.snapshot.live == 19 and "damaged" in on.said[-1]
        flip(log(world), offsets[3] + 40)
        await on.keys("R")
        assert on.mode == "live" and on.snapshot.live > 40
        assert not on.app.screen.query_one("#banner").display
    assert on_disk(world)[0] == on.snapshot.live


async def test_a_damaged_journal_is_read_up_to_the_damage_and_forked_there(world: Path) -> None:
    offsets = play(world)
    flip(log(world), offsets[3] + 40)
    before = log(world).read_bytes()
    async with opened(world) as on:
        said = await banner(on)
        assert "branch main is damaged" in said and f"offset {offsets[3]}" in said
        assert "height 20" in said and "F forks what comes before" in said
        assert (on.snapshot.live, on.numbers, on.mode) == (19, [2, 3], "read-only")
        assert on.known["verified"] is False
        await on.keys("comma", "comma")
        assert on.snapshot.height == 17
        await on.keys("f", "R")
        assert "can only be read" in on.said[-1] or "damaged" in on.said[-1]
        assert on.snapshot.live == 19
        await on.keys("v")
        assert on.mode == "ProofDialog"
        assert "height 20" in on.app.screen._text  # type: ignore[attr-defined]
        await on.keys("escape", "escape", "F", "text:mended", "enter", "R", "v")
        assert (on.snapshot.branch, on.snapshot.live, on.known["verified"]) == ("mended", 30, True)
    assert log(world).read_bytes() == before


async def test_a_journal_that_was_cut_short_while_open_is_not_gone_on_with(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R")
        whole, live = log(world).read_bytes(), on.snapshot.live
        os.truncate(log(world), len(whole) // 2)
        cut = log(world).read_bytes()
        await on.keys("v", "escape")
        for _ in range(2):
            await on.keys("e", "ctrl+s", "escape")
            assert log(world).read_bytes() == cut, "what is left of it is not written"
            assert not on.snapshot.writable and "F forks it" in "\n".join(on.said)
        with World.open(world, write=False) as other:
            assert other.trouble is not None and "acknowledged" in str(other.trouble)
        log(world).write_bytes(whole)
        await on.keys("e")
        assert on.mode == "EventDialog"
        await on.keys("ctrl+s")
        assert on.snapshot.live > live and log(world).read_bytes().startswith(whole)


@pytest.mark.parametrize("branch", ["main", "side"])
async def test_damage_that_verifying_finds_while_the_branch_or_a_fork_of_it_is_open(
    world: Path, branch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(of: LogFile, *_: object) -> None:
        raise AssertionError("it is read by another process: here every key would wait for that")

    monkeypatch.setattr(LogFile, "check", read)
    offsets = play(world)
    with World.open(world) as found:
        if branch == "main":
            found.fire(EVENT, start())
        else:
            with found.fork(30, branch) as side:
                side.fire(EVENT, start())
    async with opened(world, branch=branch) as on:
        await on.keys("v")
        if branch == "main":  # who writes to a file looks at it first
            await on.keys("e", "ctrl+s")
        flip(log(world), offsets[3] + 40)
        if branch != "main":
            await on.keys("e", "ctrl+s")
        assert on.snapshot.live == 62 and on.snapshot.trouble is None, "nobody knows of it yet"
        await on.keys("v", "escape")
        assert "branch main is damaged" in await banner(on) and "height 20" in await banner(on)
        assert "broken at 20" in on.screen
        await on.keys("f", "e")
        assert (on.mode, on.snapshot.live) == ("read-only", 62)
        assert "F forks it to go on" in on.said[-1] and "damaged" in on.said[-1]
        await on.keys("v", "escape")  # by now no other process can open the fork
        assert "height 20" in await banner(on) and "broken at 20" in on.screen
        flip(log(world), offsets[3] + 40)
        await on.keys("e", "ctrl+s")
        assert (on.mode, on.snapshot.branch, on.snapshot.live) == ("live", branch, 78)
        assert not on.app.screen.query_one("#banner").display


@pytest.mark.parametrize("cut", [False, True])
async def test_a_journal_that_is_damaged_while_it_is_open_is_told_before_anything_is_written(
    world: Path, cut: bool
) -> None:
    offsets = play(world)
    async with opened(world, poll=0.01) as on:
        await on.keys("e", "ctrl+s")
        assert on.snapshot.live == 46
        whole = log(world).read_bytes()
        if cut:
            os.truncate(log(world), offsets[3] + 9)
        else:
            flip(log(world), offsets[3] + 40)
        damaged = log(world).read_bytes()
        await on.until(lambda: on.snapshot.trouble is not None)
        assert "branch main is damaged" in await banner(on) and "height 20" in await banner(on)
        assert "broken at 20" in on.screen
        await on.keys("f", "e")
        assert (on.mode, on.snapshot.live) == ("read-only", 46)
        assert log(world).read_bytes() == damaged
        await on.keys("k")
        assert on.snapshot.height in (18, 19, 45), "what can be read, or was before"
        await on.keys("f", "F", "ctrl+u", "text:saved", "enter")
        assert (on.mode, on.snapshot.branch, on.snapshot.live) == ("live", "saved", 19)
        log(world).write_bytes(whole)
        await on.keys("B", "up", "enter")
        assert (on.mode, on.snapshot.branch, on.snapshot.live) == ("live", "main", 46)


async def test_a_branch_of_which_nothing_can_be_read_names_the_others(world: Path) -> None:
    offsets = play(world)
    shutil.copy(log(world), log(world).with_name("side.log"))
    flip(log(world), offsets[0] + 40)
    async with opened(world) as on:
        assert on.mode == "ProblemScreen"
        shown = on.app.screen
        assert isinstance(shown, ProblemScreen)
        (problem,) = shown._problems
        assert (problem.hint or "").endswith("--branch opens another one: side")


async def test_a_journal_that_is_mended_opens_by_itself(world: Path) -> None:
    offsets = play(world)
    flip(log(world), offsets[0] + 40)
    async with opened(world, watch=True) as on:
        assert on.mode == "ProblemScreen"
        assert "it opens when a file is mended" in on.screen
        await on.pilot.pause(0.5)  # until it is watched
        flip(log(world), offsets[0] + 40)
        await on.until(lambda: on.mode == "live")
        assert on.snapshot.live == 30


async def test_damage_far_from_the_end_opens_the_same_way(world: Path) -> None:
    """Opening does not run what lies before the last kept state, so the first screen meets it."""
    with World.open(world) as writer, writer.group():
        for _ in range(40):
            writer.fire(EVENT, start())
    with World.open(world, write=False) as reader:
        offset = reader.frames[-2].offset
    flip(log(world), offset + 40)
    async with opened(world) as on:
        assert "branch main is damaged" in await banner(on)
        assert on.mode == "read-only" and 0 < on.snapshot.live < 640
        await on.keys("F", "text:mended", "enter", "e", "escape", "v")
        assert (on.snapshot.branch, on.known["verified"]) == ("mended", True)


async def test_a_journal_that_no_longer_comes_out_names_record_and_field(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
    forge(world)
    async with opened(world) as on:
        said = await banner(on)
        assert "record 2 (step): demo/Aggregator@1 after" in said
        assert (on.snapshot.live, on.mode, on.known["verified"]) == (0, "read-only", False)
        await on.keys("v")
        assert "The journal's own code was run, not what is on disk" in " ".join(on.screen.split())
        lines = on.app.screen._text.splitlines()  # type: ignore[attr-defined]
        assert lines[:3] == ["record    2 step", "reducer   demo/Aggregator@1", "field     after"]
        assert lines[3] == f"expected  sha256:{bytes(32).hex()}"
        assert lines[4].startswith("found     sha256:")


async def test_torn_bytes_at_the_end_are_moved_aside_and_said(world: Path) -> None:
    play(world)
    with log(world).open("ab") as file:
        file.write(b"\x99\x00\x00\x00torn")
    async with opened(world) as on:
        assert any("unfinished frame" in text for text in on.said)
        assert (on.snapshot.live, on.mode) == (30, "live")


async def test_a_reader_follows_the_writer_and_goes_on_when_it_has_quit(world: Path) -> None:
    with World.open(world) as holder:
        async with opened(world, poll=0.01) as on:
            assert (on.mode, on.snapshot.live) == ("read-only", 0)
            holder.fire(EVENT, start())
            await on.until(lambda: on.snapshot.live == 16)
            await on.keys("v")
            assert (on.known["verified"], on.numbers) == (True, [1, 2, 3])
            await on.keys("r")
            assert (on.mode, on.snapshot.live) == ("read-only", 16)
            holder.close()
            await on.keys("r")
            assert (on.mode, on.snapshot.live, on.numbers) == ("live", 19, [2, 3])
            assert toasts(on) == ["branch main was read-only; from now on it is written here"]
            assert not on.app.screen.query_one("#banner").display
    assert on_disk(world)[0] == 19


async def test_a_branch_that_there_is_not_names_those_there_are(world: Path) -> None:
    play(world)
    async with opened(world, branch="nowhere") as on:
        assert on.mode == "ProblemScreen"
        assert "branches: main" in on.errors[0]


async def test_a_second_writer_opens_for_reading_and_names_the_holder(world: Path) -> None:
    with World.open(world) as holder:
        holder.fire(EVENT, start())
        async with opened(world) as on:
            *lines, hint = (await banner(on)).split("\n")
            first = " ".join(map(str.strip, lines))
            assert "read-only: branch main is being written by" in first and "process" in first
            assert len(hint) < 80 and "F forks it" in hint and "tries again" in hint
            await on.keys("r")
            assert "is being written by" in on.said[-1] and "F forks it" in on.said[-1]
            await on.keys("e")
            assert on.mode == "read-only"
            await on.keys("F", "text:mine", "enter", "R")
            assert (on.snapshot.branch, on.snapshot.live, on.mode) == ("mine", 30, "live")
        assert holder.height == 16


# -- the world on disk ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", ["no world", "bad json", "bad toml", "no wasm", "rubbish", "imports"]
)
async def test_a_world_that_does_not_load_says_why_and_is_tried_again(
    world: Path, what: str
) -> None:
    whole = world.with_name("whole")
    shutil.copytree(world, whole)
    match what:
        case "no world":
            shutil.rmtree(world)
            world.mkdir()
        case "bad json":
            (world / "air/module.air.json").write_text('{"$kind": "defmodule",}')
        case "bad toml":
            (world / "world.toml").write_text("name = ")
        case "no wasm":
            (world / "modules/Aggregator.wasm").unlink()
        case "rubbish":
            (world / "modules/Aggregator.wasm").write_bytes(b"no wasm at all")
        case "imports":
            (world / "modules/Aggregator.wasm").write_bytes(IMPORTS)
    async with opened(world, size=(80, 24)) as on:
        assert on.mode == "ProblemScreen"
        assert on.errors[0]
        await on.keys("r")
        assert on.mode == "ProblemScreen"
        shutil.rmtree(world)
        shutil.copytree(whole, world)
        await on.keys("r", "t")
        assert (on.mode, on.snapshot.live) == ("live", 16)


def told(on: Driver) -> str:
    """The report as the screen shows it, without its borders."""
    return "\n".join(strip.text.rstrip() for strip in painted(on.app))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_world_that_does_not_load_shows_every_problem_with_its_line(
    world: Path, size: tuple[int, int]
) -> None:
    edit_json(next((world / "plans").glob("*.json")), '"op": "raise_event"', '"op": "raise_evnt"')
    (world / "scenarios/odd.toml").write_text("sed = 1\n")
    async with opened(world, size=size) as on:
        shown = told(on)
        assert "plans/aggregator_plan.air.json:173:13" in shown
        assert '173 │ "op": "raise_evnt",' in shown
        assert "hint: did you mean raise_event?" in shown
        await on.keys("end")
        shown = told(on)
        assert "scenarios/odd.toml:1:1" in shown and "hint: did you mean seed?" in shown
        assert "✗ not ok: 2 errors, 0 warnings" in shown
        assert on.app.screen.query_one("#problems").max_scroll_x == 0


async def test_a_mended_file_opens_the_world_by_itself(world: Path) -> None:
    plan, policy = next((world / "plans").glob("*.json")), world / "air/policy.air.json"
    whole = policy.read_text()
    edit_json(plan, '"op": "raise_event"', '"op": "raise_evnt"')
    policy.write_text("{")
    async with opened(world, watch=True) as on:
        assert "it opens when a file is mended" in told(on)
        assert "policy.air.json:1:2" in told(on)
        policy.write_text(whole)
        await on.until(lambda: "policy.air.json" not in told(on))
        assert "raise_evnt" in told(on)
        edit_json(plan, '"op": "raise_evnt"', '"op": "raise_event"')
        await on.until(lambda: on.mode == "live")
        await on.keys("t")
        assert on.snapshot.live == 16


async def test_a_place_that_cannot_be_written_is_named(world: Path) -> None:
    (world / ".aos").write_text("a file where a folder belongs")
    async with opened(world) as on:
        assert on.mode == "ProblemScreen"
        assert str(world / ".aos") in on.errors[0]


async def test_a_fork_that_cannot_be_written_leaves_one_where_one_is(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        (world / ".aos/world.lock").unlink()
        (world / ".aos/world.lock").mkdir()
        await on.keys("comma", "comma", "F", "text:try", "enter")
        assert len(on.errors) == 1
        assert (on.snapshot.branch, on.snapshot.height) == ("main", 28)


# -- reducers ---------------------------------------------------------------------------------


async def test_what_was_tried_and_refused_is_said_when_one_tries_again(world: Path) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
    async with opened(world) as on:
        await on.keys("e")
        assert "last time" not in on.screen
        await on.write(json.dumps(start(topic="tried")))
        await on.keys("ctrl+s", "e")
        assert "last time, and refused: the turn faulted" in " ".join(on.screen.split())
        await on.keys("ctrl+r")
        assert "last time" not in on.screen and "tried" not in on.text


@pytest.mark.parametrize(("wasm", "code"), [(TRAPS, "trap"), (ENDLESS, "out_of_fuel")])
async def test_a_reducer_that_traps_or_never_ends_is_a_fault_on_the_record(
    world: Path, wasm: bytes, code: str
) -> None:
    (world / "modules/Aggregator.wasm").write_bytes(wasm)
    with (world / "world.toml").open("a") as config:
        config.write("[limits]\nfuel = 1_000_000\n")
    async with opened(world) as on:
        await on.keys("t")
        assert code in on.errors[0]
        assert (on.snapshot.live, on.states()) == (2, {})
        assert on_disk(world)[2] == ["genesis", "event", "fault"]
        await on.keys("v")
        assert on.known["verified"] is True


async def test_a_fault_stays_on_the_intent_until_a_mended_module_takes_its_receipt(
    world: Path,
) -> None:
    async with opened(world) as on:
        await on.keys("t", "r", "r")
        (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
        await on.keys("b", "y", "r")
        assert "trap" in on.errors[-1]
        (item,) = on.snapshot.pending
        fault = on.snapshot.index.last_fault(item.intent_hash, on.snapshot.height)
        assert fault == on.snapshot.live
        assert "fault at" in str(on.app.screen.pending.get_option_at_index(0).prompt)  # type: ignore[attr-defined]
        shutil.copy(WASM, world / "modules/Aggregator.wasm")
        await on.keys("b", "y", "r", "v")
        assert (on.numbers, on.known["verified"]) == ([], True)
        assert on.state["last_statuses"] == [202, 200, 201]


# -- what one types ---------------------------------------------------------------------------


async def test_a_malformed_event_is_not_fired_and_its_place_is_shown() -> None:
    async with opened() as on:
        await on.keys("e")
        for text, said in (
            ('{\n  "Start": ?\n}', "line 2, column 12"),
            (json.dumps({"Stop": None}), "Stop"),
            (json.dumps({"Start": {**start()["Start"], "topic": 7}}), "topic"),
        ):
            await on.write(text)
            await on.keys("ctrl+s")
            assert said in str(on.app.screen.query_one("#message Static").visual)  # type: ignore[attr-defined]
            assert on.mode == "EventDialog"
        await on.keys("escape")
        assert on.snapshot.live == 0


async def test_a_malformed_receipt_is_not_released_and_its_place_is_shown() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "i")
        text = on.text
        for given, said in (
            ("{", "line 1, column 2"),
            (text.replace("202", '"many"'), "status"),
            ('{"status": 200, "headers": 7}', "headers"),
        ):
            await on.write(given)
            await on.keys("ctrl+s")
            assert said in str(on.app.screen.query_one("#message Static").visual)  # type: ignore[attr-defined]
            assert on.mode == "ReceiptDialog"
        await on.keys("escape")
        assert (on.snapshot.live, on.numbers) == (16, [1, 2, 3])


async def test_a_bug_of_ours_is_said_and_the_app_stays_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as on:
        await on.keys("t")
        with monkeypatch.context() as patched:
            patched.setattr(World, "deliver", lambda *_: 1 / 0)
            await on.keys("r")
        assert "please report it" in on.errors[0]
        await on.keys("R", "v")
        assert on.known["verified"] is True


async def test_an_error_is_not_put_away_by_what_is_said_after_it(world: Path) -> None:
    async with opened(world) as on:
        on.app.notify("it failed", severity="error")
        for text in ("one", "two", "three"):
            await on.pilot.pause()
            on.app.notify(text)
        await on.pilot.pause()
        assert "it failed" in [of.message for of in on.app._notifications]
