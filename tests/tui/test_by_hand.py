"""What one fires and answers by hand: events, receipts, an order of one's own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import start
from tests.tui.driving import FOCUS, opened


async def test_an_event_is_fired_by_json() -> None:
    async with opened() as on:
        await on.keys("e")
        await on.write(json.dumps(start(topic="by hand")))
        await on.keys("ctrl+s")
        assert on.snapshot.height == 16
        assert on.state["pending"]["1"]["topic"] == "by hand"
        await on.keys("e")
        assert '"by hand"' in on.text


async def test_an_event_that_has_no_cell_to_go_to_stays_in_its_form() -> None:
    async with opened("09") as on:
        schema = on.app.session._opened.program.schemas["sys/TimerFired@1"]
        await on.keys("e")
        await on.write(json.dumps({"$tag": "Fired", "$value": schema.to_host(schema.zero())}))
        await on.keys("ctrl+s")
        assert (on.mode, on.snapshot.live) == ("EventDialog", 0)
        assert "has no $value.seat, the key of" in on.screen


async def test_esc_fires_nothing() -> None:
    async with opened() as on:
        await on.keys("e", "escape", "t", "i", "escape")
        assert (on.snapshot.height, on.numbers) == (16, [1, 2, 3])


async def test_an_edited_receipt_reaches_the_state() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "i")
        text = on.text
        await on.write(text.replace("200", "418"))
        await on.keys("ctrl+s")
        assert (on.receipts, on.numbers) == (["b"], [1, 3])
        await on.keys("R")
        assert on.state["last_statuses"] == [202, 418, 201]


async def test_an_order_by_hand_is_over_when_its_effects_are() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "J", "R", "e", "ctrl+s", "R")
        assert "".join(on.receipts) == "bacabc"


async def test_without_a_prepared_answer_release_says_how_and_editing_gives_one(
    world: Path,
) -> None:
    (world / "scenarios/basic.toml").write_text('title = "none"\n')
    async with opened(world) as on:
        await on.keys("e")
        await on.write(json.dumps(start()))
        await on.keys("ctrl+s", "r")
        assert "no answer is prepared" in on.errors[0]
        assert on.numbers == [1, 2, 3]
        await on.keys("i", "ctrl+s")
        assert on.numbers == [2, 3]


async def test_a_scenario_after_what_was_done_by_hand_says_nothing_of_clocks() -> None:
    async with opened() as on:
        await on.keys("e", "ctrl+s", "t")
        assert len(on.numbers) == 6
        assert not any("clock" in text for text in on.said)
