"""A monkey at the keys: whatever is pressed, pasted, resized or edited below it, the app stays up
and the journal is whole.

``AOS_MONKEYS=500 pytest tests/tui/test_monkey.py`` lets that many of them play, each another way.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from textual import events

from aos_core.branches import list_branches
from aos_core.errors import JournalDamaged
from aos_core.world import World
from aos_tui.actions import ACTIONS
from aos_tui.headless import is_key
from tests.fixtures import compiled_once  # noqa: F401
from tests.support import EVENT, copy_example, release_all, start
from tests.tui.driving import Driver, opened

pytestmark = pytest.mark.paints_at_once

MONKEYS = int(os.environ.get("AOS_MONKEYS", "5"))
PATIENT = int(os.environ.get("AOS_MONKEYS", "0")) > 0

LEAVES = {"quit", "release_live", "open_world"}
"""Not pressed by it: to leave, which ends the game, what goes out into the world, and the way to
other worlds, for it would play with those that ship, in the checkout."""
KEYS = sorted(
    {key for of in ACTIONS if of.name not in LEAVES for key in of.keys.split(",") if key}
    | {"enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "pageup", "pagedown"}
    | {"home", "end", "space", "backspace", "delete", "y", "n", "1", "9", "a", "ctrl+r", "ctrl+u"}
)
SIZES = ((80, 24), (120, 40), (20, 5), (60, 15), (200, 60), (100, 30))
TEXTS = (
    "kind:receipt", "x" * 200_000, "{", '{"Start": 1}', "\x1b[31mred\x07", "مرحبا 漢字 👩\u200d🚀",
    "12", "",
)  # fmt: skip

Step = tuple[str, Any]
STEP = st.one_of(
    st.tuples(st.just("key"), st.sampled_from(KEYS)),
    st.tuples(st.just("key"), st.sampled_from(KEYS)),
    st.tuples(st.just("key"), st.sampled_from(KEYS)),
    st.tuples(st.just("paste"), st.sampled_from(TEXTS)),
    st.tuples(st.just("resize"), st.sampled_from(SIZES)),
    st.tuples(st.just("edit"), st.sampled_from(("break", "mend", "module"))),
)


def edit(world: Path, pristine: Path, what: str) -> None:
    """Files of the world, changed below the app."""
    manifest = "air/manifest.air.json"
    match what:
        case "break":
            (world / manifest).write_text('{"$kind": "manifest"', "utf-8")
        case "mend":
            shutil.copy(pristine / manifest, world / manifest)
        case "module":
            wasm = (pristine / "modules/Aggregator.wasm").read_bytes()
            assert wasm.count(b"fetch_a") == 1
            (world / "modules/Aggregator.wasm").write_bytes(wasm.replace(b"fetch_a", b"fetch_z"))


async def play(world: Path, pristine: Path, steps: list[Step]) -> None:
    """One game. Keys are not waited for: what they begin overlaps, as it does with a person."""
    async with opened(world, watch=True, poll=0.05) as on:
        for what, of in steps:
            match what:
                case "key":
                    await on.app._press_keys([of])
                case "paste":
                    on.app.post_message(events.Paste(of))
                    await on.pilot.pause()
                case "resize":
                    await on.pilot.resize_terminal(*of)
                case "edit":
                    edit(world, pristine, of)
            assert on.app._exception is None
            if on.app.return_code is not None:
                return
        await calm(on)


async def calm(on: Driver) -> None:
    """Out of every dialog; what runs is ended, and no bug was met."""
    for _ in range(20):
        await on.app._press_keys(["escape"])
    assert not [text for text in on.said if "this is a bug" in text], on.said


def whole(world: Path, pristine: Path, before: list[bytes]) -> None:
    """Every branch verifies, and what was acknowledged before the game is still there."""
    edit(world, pristine, "mend")
    for branch in list_branches(world / ".aos/journal"):
        with World.open(world, branch, write=False) as found:
            assert found.verify().ok, branch
            if branch == "main":
                assert [frame.hash for frame in found.frames][: len(before)] == before


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_example(tmp_path_factory.mktemp("monkey") / "world")


def game(pristine: Path, steps: list[Step], then: Callable[[Path], None] = lambda _: None) -> None:
    with tempfile.TemporaryDirectory() as place:
        world = Path(place) / "world"
        shutil.copytree(pristine, world)
        with World.open(world) as found:
            found.fire(EVENT, start())
            release_all(found, 2)
            before = [frame.hash for frame in found.frames]
        asyncio.run(play(world, pristine, steps))
        then(world)
        whole(world, pristine, before)


@pytest.mark.timeout(0 if PATIENT else 120)
@settings(
    max_examples=MONKEYS, deadline=None, derandomize=not PATIENT, database=None,
    phases=[Phase.generate, Phase.shrink] if PATIENT else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(steps=st.lists(STEP, min_size=30, max_size=60))
def test_a_monkey_at_the_keys(pristine: Path, steps: list[Step]) -> None:
    game(pristine, steps)


def test_every_key_that_it_presses_is_one() -> None:
    assert len(KEYS) > 50 and all(map(is_key, KEYS))


def test_canary_a_bug_behind_a_key_is_found(
    pristine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aos_tui.world_screen import WorldScreen

    def broken(self: WorldScreen) -> None:
        self.work(lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(WorldScreen, "action_verify", broken)
    with pytest.raises(AssertionError, match="this is a bug"):
        game(pristine, [("key", "v")])


def test_canary_a_lost_record_is_found(pristine: Path) -> None:
    def lose(world: Path) -> None:
        log = next((world / ".aos/journal").glob("main*.log"))
        log.write_bytes(log.read_bytes()[:-40])

    with pytest.raises(JournalDamaged, match="which was acknowledged"):
        game(pristine, [("key", "v")], lose)
