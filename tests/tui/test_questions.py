"""The five questions a person comes with, answered by keys alone at 80x24, in a real terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aos_core.branches import list_branches
from aos_core.world import World
from aos_tui.dialogs.base import UNREAD_SECONDS
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, forge, patch_reducer, release_all, start
from tests.tui.terminal import Terminal

TAB, ENTER, ESC, HOME = "\t", "\r", "\x1b", "\x1b[H"


@contextmanager
def terminal(world: Path) -> Iterator[Terminal]:
    found = Terminal(world, 80, 24)
    try:
        found.tell_size()
        found.wait("live", until=lambda text: "q quit" in text.splitlines()[-1])
        yield found
        found.press("q")
        assert found.ended() == 0
    finally:
        found.close()


def asked(world: Path, *receipts: int) -> None:
    """A request of which these receipts have come."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        if receipts:
            release_all(found, *receipts)


def leave(on: Terminal, dialog: str) -> None:
    """Esc, and what comes next only when the dialog is gone: else it would be Alt with that."""
    on.press(ESC)
    on.wait("q quit", until=lambda text: dialog not in text)


def read() -> None:
    """As long as a person reads what opens by itself: it takes no key before."""
    time.sleep(UNREAD_SECONDS + 0.1)


def test_what_happened(world: Path) -> None:
    asked(world, 1, 2, 3)
    with terminal(world) as on:
        on.wait("h 30 live", "Done")
        on.press("w")
        on.wait("Why record 30", "step Aggregator", "pc  Running -> Done")
        on.press(HOME)
        on.wait("1  event AggregatorEvent Start")
        leave(on, "Why record")
        on.press("0")
        on.wait("h 0 of 30", "Journal")
        on.press(">")
        on.wait("h 16 of 30", "Pending  3")
        on.press("$")
        on.wait("h 30 live", "nothing is waiting")


def test_what_is_it_waiting_for(world: Path) -> None:
    asked(world, 1)
    with terminal(world) as on:
        on.wait("2 waiting", "waits for 2", "Pending  2", "/api/b", "/api/c")
        on.press(TAB * 3 + ENTER)
        on.wait("Record", "http.request", "aggregator_plan", "emit_b")
        leave(on, "Record")


def test_what_if_this_receipt_came_first_or_failed_or_never_came(world: Path) -> None:
    asked(world)
    with terminal(world) as on:
        on.wait("3 waiting")
        on.press(TAB * 3 + "JJR")
        on.wait("h 30 live", "Done")
        for left in ("1 waiting", "2 waiting", "3 waiting"):
            on.press("u")
            on.wait(left, "main-")
        on.press("x")
        on.wait("Break", "error", "never")
        on.press("e")
        on.wait("2 waiting")
        on.press("R")
        on.wait("nothing is waiting")
        on.press("c")
        on.wait("last_statuses", until=lambda text: "differ" in text)
        leave(on, "differ")
    assert len(list_branches(world / ".aos/journal")) >= 2


def test_which_step_broke_determinism(world: Path) -> None:
    asked(world)
    forge(world)
    with terminal(world) as on:
        on.wait("record 2 (step): demo/Aggregator@1 after")
        on.press("v")
        on.wait("record    2 step", "reducer   demo/Aggregator@1", "field     after", "expected")
        read()
        leave(on, "reducer   demo")


def test_did_my_rebuilt_reducer_fix_it(world: Path) -> None:
    asked(world, 2)
    with World.open(world) as found:
        before = found.height, found.root
    patch_reducer(world, b"fetch_a", b"fetch_z")
    with terminal(world) as on:
        on.press("b")
        on.wait("Rehearse:", "Swap:")
        on.press("r")
        on.wait("changes 1 of", "First difference: record 2 (step)")
        read()
        on.press("p")
        on.wait("main+rehearsed")
        on.press("R")
        on.wait("nothing is waiting")
        on.press("v")
        on.wait("✓ verified")
    with World.open(world, write=False) as found:
        assert (found.height, found.root) == before, "what there was is as it was"
    with World.open(world, "main+rehearsed") as found:
        assert found.verify().ok and found.pending == []
