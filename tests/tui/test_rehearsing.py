"""Rehearsing in the app: other code is on disk, its whole past is seen, and kept or dropped."""

from __future__ import annotations

from pathlib import Path

from aos_core.branches import list_branches
from aos_core.world import World
from aos_tui.session.rehearsing import MOST_LINES, rehearsed
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, TRAPS, patch_reducer, release_all, start
from tests.tui.driving import Driver, on_disk, opened


def waiting(world: Path) -> None:
    """A request of which one receipt has come."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 2)


def branches(world: Path) -> list[str]:
    return list_branches(world / ".aos/journal")


def text_of(on: Driver) -> str:
    sections = on.app.screen._sections  # type: ignore[attr-defined]
    return "\n".join(f"{heading}\n{text}" for heading, text in sections)


async def test_edit_rehearse_see_the_difference_keep_verify_and_go_on(world: Path) -> None:
    waiting(world)
    before = on_disk(world)
    patch_reducer(world, b"fetch_a", b"fetch_z")
    async with opened(world) as on:
        await on.keys("b", "r")
        assert on.mode == "RehearsalDialog"
        text = text_of(on)
        assert "demo/Aggregator@1 changes 1 of 20 records" in text
        assert "First difference: record 2 (step)" in text
        assert "pending.1.handles.0" in text and "fetch_z" in text
        assert "The states at the end differ in 1 place" in text
        assert branches(world) == ["main"], "nothing is written before it is kept"
        await on.keys("p")
        assert on.snapshot.branch == "main+rehearsed" and on.mode == "live"
        assert any("B goes back to main" in text for text in on.said)
        assert on.state["pending"]["1"]["handles"] == ["fetch_z", "fetch_b", "fetch_c"]
        assert on.snapshot.disk_changes == (), "what is on disk is in force"
        await on.keys("c")
        assert on.mode == "ComparisonDialog", "with the branch that was left"
        await on.keys("escape", "v")
        assert on.known["verified"] is True
        await on.keys("R")
        assert on.state["pc"] == "Done", "what was pending is released here"
        assert not on.errors
    assert on_disk(world) == before, "the other one is as it was"
    assert branches(world) == ["main", "main+rehearsed"]


async def test_dropped_nothing_is_left_and_the_record_can_be_looked_at(world: Path) -> None:
    waiting(world)
    patch_reducer(world, b"fetch_a", b"fetch_z")
    async with opened(world) as on:
        await on.keys("b", "r", "d")
        assert (on.mode, on.snapshot.branch) == ("live", "main")
        await on.keys("b", "r", "g")
        assert (on.mode, on.snapshot.height) == ("past", 2)
        await on.keys("f", "b", "r", "s")
        assert on.snapshot.records[on.snapshot.live].kind == "manifest_replaced"
    assert branches(world) == ["main"]


async def rehearse(on: Driver) -> None:
    """By its name in the palette."""
    await on.keys("ctrl+p", "text:rehearse", "enter")


async def test_the_palette_calls_it_and_what_changes_nothing_says_so(world: Path) -> None:
    waiting(world)
    async with opened(world) as on:
        await rehearse(on)
        assert "changes nothing of 20 records" in text_of(on)
        assert "no need to keep" in text_of(on)


async def test_a_world_in_memory_is_rehearsed_and_kept_in_memory() -> None:
    async with opened("04") as on:
        await on.keys("t", "R")
        root = on.snapshot.root
        await rehearse(on)
        assert on.mode == "RehearsalDialog"
        await on.keys("p")
        assert (on.snapshot.branch, on.snapshot.root) == ("main+rehearsed", root)
        await on.keys("v")
        assert on.known["verified"] is True and not on.errors
        await on.keys("e", "ctrl+s")
        assert on.snapshot.live > 30, on.said


async def test_esc_stops_it_and_nothing_is_written(world: Path) -> None:
    with World.open(world) as found, found.group():
        for _ in range(300):
            found.fire(EVENT, start())
    patch_reducer(world, b"fetch_a", b"fetch_z")
    async with opened(world) as on:
        await on.keys("b")
        await on.pilot.press("r")
        await on.until(lambda: "rehearsing" in (on.snapshot.progress or ""))
        await on.keys("escape")
        assert any("the rehearsal was stopped" in text for text in on.said)
        assert (on.mode, on.snapshot.progress) == ("live", None)
        assert not on.app.session.rehearsing
    assert branches(world) == ["main"]


async def test_what_is_not_what_was_shown_is_not_kept(world: Path) -> None:
    waiting(world)
    patch_reducer(world, b"fetch_a", b"fetch_z")
    async with opened(world) as on:
        await on.keys("b", "r")
        patch_reducer(world, b"fetch_z", b"fetch_y")
        await on.keys("p")
        assert on.snapshot.branch == "main"
        assert any("have changed since" in text for text in on.errors)
    assert branches(world) == ["main"]


async def test_faults_and_lost_effects_are_listed(world: Path) -> None:
    waiting(world)
    (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
    async with opened(world) as on:
        await on.keys("b", "r")
        text = text_of(on)
    assert "Effects not asked for any more: 3" in text
    assert "http.request GET https://example.com/api/b; receipt 17 left out" in text
    assert "http.request GET https://example.com/api/a; it had no receipt" in text
    assert "New faults: 1" in text


async def test_code_that_could_not_run_is_an_error_and_no_dialog(world: Path) -> None:
    waiting(world)
    async with opened(world) as on:
        (world / "modules/Aggregator.wasm").write_bytes(b"no wasm")
        await rehearse(on)
        assert on.mode == "live" and on.errors


def test_long_lists_are_cut() -> None:
    fault = {"height": 1, "found_at": 1, "code": "trap", "text": "it traps"}
    names = ("effects_lost", "effects_new", "effects_changed", "faults_gone", "refused")
    said = {
        "same": False, "diff": [], "changed": 5, "records": 10_000, "code": ["demo/R@1"],
        "root": "", "faults_new": [fault] * (MOST_LINES + 7), "counts": {"faults_new": 9_000},
        **{name: [] for name in names},
    }  # fmt: skip
    found = rehearsed(said)
    assert found.summary == "changes 5 of 10,000" and found.height is None
    heading, text = found.sections[-1]
    assert heading == "New faults: 9,000" and text.endswith("and 7 more")


def test_an_effect_that_is_asked_for_otherwise_is_told_with_what_is_asked_now() -> None:
    changed = {
        "height": 4, "kind": "demo.ask", "params": {"q": "old"}, "cap": "asks",
        "found": {"params": {"q": "new"}, "cap": "others"},
    }  # fmt: skip
    names = ("effects_lost", "effects_new", "faults_new", "faults_gone", "refused")
    said = {
        "same": False, "diff": [], "changed": 1, "records": 6, "code": ["demo/R@1"], "root": "",
        "effects_changed": [changed], "counts": {"effects_changed": 1},
        **{name: [] for name in names},
    }  # fmt: skip
    heading, text = rehearsed(said).sections[-1]
    assert heading == "Effects asked for otherwise: 1"
    assert text.splitlines() == [
        "   4  demo.ask q old",
        "      now demo.ask q new under others, with the receipt that was recorded",
    ]
