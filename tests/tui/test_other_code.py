"""Other code on disk than the journal's: it is said, offered, and never taken unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_tui.actions import help_groups
from aos_tui.dialogs.base import UNREAD_SECONDS
from aos_tui.headless import settle
from aos_tui.watch import changes
from tests.support import (
    edit_json,
    patch_reducer,
)
from tests.tui.driving import banner, on_disk, opened, play, toasts, typed_ahead


async def test_other_wasm_under_a_journal_is_a_notice_that_offers_swap(world: Path) -> None:
    play(world)
    patch_reducer(world, b"fetch_c", b"fetch_C")
    async with opened(world) as on:
        assert "another demo/Aggregator@1" in await banner(on)
        await on.keys("v")
        assert on.known["verified"] is True
        assert "by the journal's own code" in on.said[-1], "not by that on disk"
        helps = dict(dict(help_groups("journal"))["Anywhere"])
        assert "not what is on disk" in helps["v"]
        await on.keys("b", "y")
        assert not on.app.screen.query_one("#banner").display
        assert on.snapshot.records[on.snapshot.live].kind == "manifest_replaced"
        await on.keys("e", "ctrl+s")
        assert on.state["pending"]["2"]["handles"] == ["fetch_a", "fetch_b", "fetch_C"]
        await on.keys("v")
        assert on.known["verified"] is True
    assert on_disk(world)[2].count("manifest_replaced") == 1


@pytest.mark.parametrize("before", [(), ("p", "ctrl+s", "escape")], ids=["", "with-property"])
async def test_a_rebuilt_reducer_is_offered_while_the_app_runs(
    world: Path, before: tuple[str, ...]
) -> None:
    async with opened(world, watch=True) as on:
        await on.keys(*before)
        assert (on.snapshot.holds is not None) == bool(before)
        patch_reducer(world, b"fetch_c", b"fetch_C")
        await on.until(lambda: on.mode == "SwapDialog")
        assert "demo/Aggregator@1" in on.app.screen._text  # type: ignore[attr-defined]
        await on.keys("y", "t")
        kinds = [record.kind for record in on.snapshot.records]
        assert kinds[1] == "manifest_replaced"
        assert on.state["pending"]["1"]["handles"][2] == "fetch_C"


async def test_an_offer_that_nobody_asked_for_takes_no_key_before_it_can_be_read(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(world) as on:
        monkeypatch.setattr("aos_tui.dialogs.base.UNREAD_SECONDS", UNREAD_SECONDS)
        patch_reducer(world, b"fetch_c", b"fetch_C")
        on.app.screen.offer_swap("lib.rs")  # type: ignore[attr-defined]
        await on.until(lambda: on.mode == "SwapDialog")
        await typed_ahead(on, "r", "escape", "y")
        assert (on.mode, on.snapshot.live) == ("SwapDialog", 0)
        await on.pilot.pause(UNREAD_SECONDS)
        await on.keys("question_mark", "escape", "n")
        assert on.mode == "live", "what lay above it was asked for: it was read before"
        await on.keys("b", "y")
        assert on.snapshot.records[1].kind == "manifest_replaced", "who asks waits for nothing"


async def test_what_was_offered_is_offered_again_only_when_it_changes(world: Path) -> None:
    async with opened(world) as on:
        save = on.app.screen.offer_swap  # type: ignore[attr-defined]
        patch_reducer(world, b"fetch_c", b"fetch_C")
        save("Aggregator.wasm")
        await on.until(lambda: on.mode == "SwapDialog")
        await on.keys("n")
        save("scenario.toml")
        await settle(on.pilot)
        assert on.mode == "live" and "another demo/Aggregator@1" in await banner(on)
        patch_reducer(world, b"fetch_C", b"fetch_Z")
        save("Aggregator.wasm")
        await on.until(lambda: on.mode == "SwapDialog")
        await on.keys("n", "b")
        assert on.mode == "SwapDialog", "who asks gets an answer"


async def test_an_edited_definition_is_offered_while_the_app_runs(world: Path) -> None:
    plan = next((world / "plans").glob("*.json"))
    async with opened(world, watch=True) as on:
        await on.keys("t")
        text = plan.read_text("utf-8")
        assert text.count('"status_a"') == 3
        plan.write_text(text.replace('"status_a"', '"status_1"'), "utf-8")  # in one go
        await on.until(lambda: on.mode == "SwapDialog")
        assert "demo/aggregator_plan@1" in on.app.screen._text  # type: ignore[attr-defined]
        await on.keys("y", "R")
        assert on.state["pc"] == "Done", "the running plan keeps its own steps"
        await on.keys("e", "ctrl+s", "v")
        steps = [of["step"] for of in on.snapshot.records if of.kind == "plan_step"]
        assert ("status_a" in steps, on.known["verified"]) == (True, True)
        assert on.snapshot.plan_count == 2


async def test_a_file_that_is_only_touched_offers_nothing(world: Path) -> None:
    async with opened(world) as on:
        path = world / "modules/Aggregator.wasm"
        path.write_bytes(path.read_bytes())
        on.app.screen.offer_swap("Aggregator.wasm")  # type: ignore[attr-defined]
        await on.keys("comma")
        assert on.mode == "live"


async def test_files_that_no_longer_load_are_said_and_the_journal_goes_on(world: Path) -> None:
    play(world)
    edit_json(world / "air/module.air.json", '"defmodule"', '"defnothing"')
    async with opened(world) as on:
        assert any("files on disk do not load" in text for text in on.said)
        await on.keys("v", "e", "ctrl+s")
        assert on.known["verified"] is None
        assert (on.snapshot.live, on.numbers) == (46, [1, 2, 3])
        await on.keys("b")
        assert len(on.errors) == 1


async def test_the_banner_says_what_does_not_load_until_it_is_mended(world: Path) -> None:
    module = world / "air/module.air.json"
    good = module.read_text("utf-8")
    async with opened(world, watch=True) as on:
        await on.keys("t")
        module.write_text(good.replace('"defmodule"', '"defnothing"'), "utf-8")
        await on.until(lambda: "∆ on disk: air/module.air.json:" in on.screen)
        assert "mend the file" in on.screen
        assert len(on.said) == 1 and not toasts(on), "it is listed, and not said twice"
        await on.keys("R")
        assert on.state["pc"] == "Done" and "on disk" in on.screen
        module.write_text(good, "utf-8")
        await on.until(lambda: "on disk" not in on.screen)


async def test_without_folders_nothing_is_watched() -> None:
    assert [paths async for paths in changes([])] == []
