"""What nobody wishes on the app: hostile text, huge values, plans without end, files that go away.
It stays up, says what is wrong, and nothing raw reaches the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from textual import events

from aos_core.scenario import edited
from aos_core.world import World
from aos_tui.app import MOST_PASTED
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, release_all, start
from tests.tui.driving import FOCUS, Driver, opened, painted
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.paints_at_once

ESC = "\x1b"
NASTY = f"{ESC}]0;PWNED\x07{ESC}[2J{ESC}[31mPWNED\x9b5n\u202eDENWP\r\n\x00end"
WIDE = "漢字かな 👩\u200d👩\u200d👧 e\u0301 مرحبا \u202eabc 🇩🇪 ﷽"


def with_text(world: Path, text: str) -> None:
    """A request and receipts in which ``text`` stands wherever text may stand."""
    with World.open(world) as found:
        found.fire(EVENT, start(topic=text))
        item = found.pending[0]
        payload = item.to_json()["answer"]["payload"] | {"body_preview": text, "adapter_id": text}
        found.deliver(edited(item, {"status": "ok", "payload": payload, "cost_cents": None}))


def test_no_escape_of_the_world_reaches_the_terminal(world: Path) -> None:
    with_text(world, NASTY)
    terminal = Terminal(world, 120, 40)
    try:
        terminal.tell_size()
        terminal.wait("2 waiting", "PWNED")
        for keys in ("\r", "w", "e", "i", "H", "c", "D", "B", "?"):
            terminal.press(keys)
            terminal.wait("", until=lambda text: "╭" in text or "┏" in text)
            terminal.press(ESC)
            terminal.pause(0.3)
        for keys in ("\t", "\r", "y", "\t", "\r", ESC, "\t", "\r", ESC, "\t", "0", "/PWNED\r"):
            terminal.press(keys)
            terminal.pause(0.3)
        raw = bytes(terminal.raw)
    finally:
        terminal.close()
    assert raw.count(b"PWNED") > 3, "it was shown"
    bell, title, red = b"PWNED\x07", b"\x1b]0;PWNED", b"\x1b[31mPWNED"
    for piece in (bell, title, red, b"PWNED\xc2\x9b", "\u202e".encode()):
        assert piece not in raw


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_wide_and_backward_letters_break_no_line(world: Path, size: tuple[int, int]) -> None:
    with_text(world, WIDE)
    async with opened(world, size=size) as on:
        for keys in (("enter",), ("w",), ("e",), ("i",), ("?",)):
            await on.keys(*keys)
            assert {strip.cell_length for strip in painted(on.app)} == {size[0]}
            await on.keys("escape")
        await on.keys(*FOCUS["state"], "down", "down", "enter")
        assert {strip.cell_length for strip in painted(on.app)} == {size[0]}
        assert not on.errors


async def test_a_hundred_plans_at_once(world: Path) -> None:
    with World.open(world) as found, found.group():
        for _ in range(100):
            found.fire(EVENT, start())
    async with opened(world) as on:
        assert (len(on.snapshot.pending), on.snapshot.plan_count) == (300, 100)
        await on.keys(*FOCUS["plan"], "space")
        assert on.mode == "InstancesDialog"
        await on.keys("end", "enter")
        assert on.snapshot.plan is not None and on.snapshot.plan.number == 0
        await on.keys("R")
        assert on.numbers == [] and on.state["requests"] == 100
        await on.keys("v")
        assert on.known["verified"] is True and not on.errors


def long_plan(world: Path, steps: int) -> None:
    """The aggregator's plan with so many steps more between its answers and its end."""
    path = world / "plans/aggregator_plan.air.json"
    plan = json.loads(path.read_text("utf-8"))
    more = [
        {"id": f"more_{n}", "op": "assign", "expr": {"ref": "@var:result_a"},
         "bind": {"as": f"more_{n}"}}
        for n in range(steps)
    ]  # fmt: skip
    plan["steps"][-2:-2] = more
    for n in range(steps):
        after = "status_a" if n < 10 else f"more_{n - 10}"
        plan["edges"] += [{"from": after, "to": f"more_{n}"}, {"from": f"more_{n}", "to": "raise"}]
    path.write_text(json.dumps(plan), "utf-8")


async def test_a_plan_of_two_hundred_steps(world: Path) -> None:
    long_plan(world, 200)
    async with opened(world) as on:
        await on.keys("t", *FOCUS["plan"])
        assert on.snapshot.plan is not None and len(on.snapshot.plan.steps) == 211
        await on.keys("down", "down", "right", "enter")
        assert on.mode == "ValueDialog"
        await on.keys("escape", "d", "end", "d", "z", "z", "R", ",")
        await on.keys("f", "v")
        assert on.known["verified"] is True and not on.errors


async def test_a_state_of_five_megabytes(world: Path) -> None:
    big = "long " * 1_000_000
    with World.open(world) as found:
        found.fire(EVENT, start(topic=big))
    async with opened(world) as on:
        assert len(on.state["pending"]["1"]["topic"]) == len(big)
        await on.keys("enter", "escape", "0", "enter", "escape", "f", "w", "escape")
        await on.keys(*FOCUS["state"], "down", "down", "space", "down", "enter", "escape", "y")
        await on.keys("d", "d", "d")
        await on.keys("R", "comma", "full_stop", "v")
        assert on.known["verified"] is True and not on.errors


@pytest.mark.parametrize(
    "open_field", [("slash",), ("e",), ("i",), ("g",), ("F",), ("D",), ("p",), ("ctrl+p",), ()]
)
async def test_a_pasted_megabyte(open_field: tuple[str, ...]) -> None:
    async with opened() as on:
        await on.keys("t", *open_field)
        height = on.snapshot.live
        for size in (1_000_000, MOST_PASTED):
            on.app.post_message(events.Paste("x" * size))
            await on.pilot.pause()
        assert any("not pasted: 1,000,000 characters" in text for text in on.said)
        await on.keys("escape", "escape", "escape")
        assert on.mode in ("live", "past")
        assert on.snapshot.live == height, "a paste fires nothing"
        await on.keys("f", "R")
        assert on.state["pc"] == "Done"


async def test_a_world_that_is_deleted_while_open(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
    async with opened(world, poll=0.02, watch=True) as on:
        shutil.rmtree(world)
        await on.until(lambda: on.snapshot.lost)
        await on.keys("escape", "comma", "enter", "escape", "w", "escape", "e", "escape", "b")
        await on.keys("escape", "v", "escape", "ctrl+s", "escape")
        assert not [text for text in on.said if "this is a bug" in text]
        assert any("deleted" in text or "gone" in text for text in [*on.said, dialogs(on)])


def dialogs(on: Driver) -> str:
    return " ".join(str(of.render()) for of in on.app.screen.query("Label, Static"))


@pytest.mark.parametrize("key", ["e", "i", "D", "B", "w", "?", "ctrl+p", "enter", "p"])
async def test_a_terminal_that_shrinks_to_20x5_below_a_dialog(key: str) -> None:
    async with opened() as on:
        await on.keys("t", key)
        await on.pilot.resize_terminal(20, 5)
        await on.pilot.pause()
        await on.keys("down", "tab", "escape", "escape")
        await on.pilot.resize_terminal(80, 24)
        await on.keys("escape", "f", "R")
        assert on.state["pc"] == "Done" and not on.errors


async def test_binary_bodies() -> None:
    async with opened("02") as on:
        await on.keys("t", "enter")
        assert on.mode == "RecordDialog"
        await on.keys("escape", "R", "enter", "escape", *FOCUS["state"], "enter", "y")
        assert not on.errors


@pytest.mark.parametrize(("pasted", "lines"), [("one\rtwo\nthree", 3), ("one\n", 1)])
async def test_of_a_paste_that_one_line_cuts_that_is_said(pasted: str, lines: int) -> None:
    async with opened() as on:
        await on.keys("t", "slash")
        on.app.post_message(events.Paste(pasted))
        await on.pilot.pause()
        told = [f"pasted is the first of {lines} lines: this field takes no more than one"]
        assert [of for of in on.said if "pasted" in of] == (told if lines > 1 else [])
