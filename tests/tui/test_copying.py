"""What `y` copies, and the file that keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.driving import FOCUS, opened


@pytest.mark.parametrize(
    ("pane", "keys", "copied"),
    [
        ("state", ("down",), "Running"),
        ("plan", ("down",), "null"),
    ],
)
async def test_y_copies_what_is_under_the_cursor(
    pane: str, keys: tuple[str, ...], copied: str, world: Path
) -> None:
    async with opened(world) as on:
        await on.keys("t", *FOCUS[pane], *keys, "y")
        assert on.app.clipboard == copied
    assert (world / ".aos/copied.txt").read_text() == copied


async def test_what_a_dialog_copies_is_kept_in_the_file_too(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "enter", "y")
        assert "Hashes" in on.app.clipboard
        assert (world / ".aos/copied.txt").read_text() == on.app.clipboard
        (world / ".aos/copied.txt").unlink()
        (world / ".aos/copied.txt").mkdir()
        await on.keys("y")
        assert "copied.txt was not written" in on.said[-1]


async def test_y_copies_a_record_as_json() -> None:
    async with opened() as on:
        await on.keys("t", "comma", "y")
        record = json.loads(on.app.clipboard)
        assert (record["height"], record["params"]["url"][-1]) == (15, "b")
        assert on.said[-1].startswith("copied record 15,")
        await on.keys("enter", "y")
        assert on.said[-1].startswith("copied all of Record 15 intent GET")


async def test_y_copies_an_effect_whole() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "y")
        assert json.loads(on.app.clipboard)["n"] == 2


async def test_hashes_of_intents_are_shown_as_hashes() -> None:
    async with opened() as on:
        await on.keys("t")
        value = json.loads(dict((await on.app.session.detail(6)).sections)["Value"])["value"]
        text = value["intent_hash"]
        assert on.snapshot.index.intent(bytes.fromhex(text.removeprefix("sha256:"))) is not None
        await on.keys(*FOCUS["plan"], "y")
        assert text in on.app.clipboard
