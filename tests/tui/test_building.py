"""The author's loop: edit a reducer, see it built and offered, swap, go on. A real compiler."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aos_core.build.toolchain import find_toolchain
from aos_core.errors import NoToolchain
from aos_core.world import World
from aos_tui.headless import settle
from aos_tui.world_screen import WorldScreen
from tests.support import EVENT, ROOT, start
from tests.tui.driving import Driver, opened

HANDLE = '"fetch_c"'


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example beside its reducers, out of the checkout: a stranger's world with sources."""
    try:
        find_toolchain(())
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    away = shutil.ignore_patterns("target", ".aos")
    shutil.copytree(ROOT / "reducers", tmp_path / "reducers", ignore=away)
    shutil.copytree(ROOT / "examples/04-aggregator", tmp_path / "examples/world", ignore=away)
    world = tmp_path / "examples/world"
    modules = world / "modules"
    modules.mkdir()
    shutil.copy(ROOT / "reducers/prebuilt/aggregator.wasm", modules / "Aggregator.wasm")
    with World.open(world) as begun:
        begun.fire(EVENT, start())
    (modules / "Aggregator.wasm").unlink()
    return world


def source(world: Path) -> Path:
    return world.parents[1] / "reducers/aggregator/src/lib.rs"


def edit(world: Path, old: str, new: str) -> None:
    path = source(world)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


async def until(on: Driver, mode: str) -> None:
    """Wait for a dialog, as long as a compiler may need."""
    for _ in range(6000):
        await on.pilot.pause(0.01)
        if on.mode == mode:
            return
    raise AssertionError(f"{mode} never came: {on.mode}, {on.said}")


def text_of(on: Driver) -> str:
    return str(on.app.screen._text)  # type: ignore[attr-defined]


async def test_edit_build_swap_break_and_mend(workshop: Path) -> None:
    async with opened(workshop, watch=True) as on:
        assert on.snapshot.live == 16
        edit(workshop, HANDLE, '"fetch_z"')
        await until(on, "ConfirmDialog")
        assert "build scripts" in text_of(on)
        await on.keys("y")
        await until(on, "SwapDialog")
        assert "demo/Aggregator@1" in text_of(on)
        assert "faults:" not in text_of(on)
        before = on.state
        await on.keys("y")
        assert on.snapshot.records[17].kind == "manifest_replaced"
        assert on.state == before, "the state is kept"
        await on.keys("R")
        assert on.state["pc"] == "Done", "receipts of before reach the new module"
        await on.keys("e", "ctrl+s")
        assert on.state["pending"]["2"]["handles"][2] == "fetch_z"
        await on.keys("v")
        assert on.known["verified"] is True

        edit(workshop, "state.requests += 1;", 'state.requests += "one";')
        await until(on, "FailureDialog")
        assert "lib.rs:" in text_of(on) and "goes on with the module it has" in text_of(on)
        height = on.snapshot.live
        await on.keys("escape", "R")
        assert on.snapshot.live > height, "the world goes on"

        edit(workshop, 'state.requests += "one";', "state.requests += 2;")
        await until(on, "SwapDialog")
        await on.keys("y", "e", "ctrl+s")
        assert on.state["requests"] == 4
        await on.keys("v")
        assert on.known["verified"] is True


async def test_a_world_toml_that_no_longer_reads_is_said_as_long_as_it_is_so(
    workshop: Path,
) -> None:
    file = workshop / "world.toml"
    good = file.read_text("utf-8")
    async with opened(workshop, watch=True) as on:
        file.write_text(f"{good}\n[broken", "utf-8")
        await until(on, "FailureDialog")
        await on.keys("escape")
        assert "on disk: not TOML" in on.screen


async def test_a_folder_that_is_deleted_is_no_build_that_failed(workshop: Path) -> None:
    async with opened(workshop, watch=True, poll=0.05) as on:
        shutil.rmtree(workshop)
        await until(on, "LostDialog")
        screen = on.app.screen_stack[0]
        assert isinstance(screen, WorldScreen)
        screen.files_written([workshop / "world.toml"])  # as the watcher may say it later, too
        await on.until(lambda: not screen.building)
        await settle(on.pilot)
        assert on.mode == "LostDialog" and len(on.app.screen_stack) == 2
        assert not any("building" in of for of in on.said)


async def test_what_is_told_of_older_files_gives_way(workshop: Path) -> None:
    async with opened(workshop, watch=True) as on:
        edit(workshop, HANDLE, 'fetch_z"')
        await until(on, "ConfirmDialog")
        await on.keys("y")
        await until(on, "FailureDialog")
        edit(workshop, 'fetch_z"', '"fetch_z"')
        await until(on, "SwapDialog")
        assert "demo/Aggregator@1" in text_of(on)
        assert len(on.app.screen_stack) == 2, "the error is gone with its cause"


async def test_a_save_while_a_compiler_runs_begins_a_new_build(workshop: Path) -> None:
    async with opened(workshop, watch=True) as on:
        edit(workshop, HANDLE, '"fetch_y"')
        await until(on, "ConfirmDialog")
        await on.pilot.press("y")
        await on.until(lambda: on.app.screen.building)  # type: ignore[attr-defined]
        edit(workshop, '"fetch_y"', '"fetch_z"')
        await until(on, "SwapDialog")
        assert not on.app.screen_stack[0].building  # type: ignore[attr-defined]
        await on.keys("y", "e", "ctrl+s")
        assert on.state["pending"]["2"]["handles"][2] == "fetch_z"


async def test_an_offer_waits_until_another_dialog_is_closed(workshop: Path) -> None:
    shutil.copy(ROOT / "reducers/prebuilt/aggregator.wasm", workshop / "modules/Aggregator.wasm")
    async with opened(workshop, watch=True) as on:
        await on.keys("question_mark")
        policy = workshop / "air/policy.air.json"
        policy.write_text(policy.read_text("utf-8").replace('"deny"', '"allow"'), "utf-8")
        await on.until(lambda: bool(on.snapshot.disk_changes))
        assert on.mode == "HelpDialog"
        await on.keys("escape")
        await until(on, "SwapDialog")


async def test_a_build_that_is_stopped_leaves_the_old_module_and_can_be_asked_again(
    workshop: Path,
) -> None:
    async with opened(workshop) as on:
        edit(workshop, HANDLE, '"fetch_z"')
        await on.keys("b")
        await until(on, "ConfirmDialog")
        await on.pilot.press("y")  # and on, while the compiler runs
        await on.until(lambda: on.app.screen.building)  # type: ignore[attr-defined]
        await on.keys("escape")
        assert any("the build was stopped" in text for text in on.said)
        assert on.mode == "live" and on.snapshot.live == 16
        await on.keys("b")
        await until(on, "SwapDialog")
        assert "demo/Aggregator@1" in text_of(on)


async def test_a_state_that_the_new_module_cannot_read_is_said_before_the_swap(
    workshop: Path,
) -> None:
    schema = workshop.parents[1] / "reducers/aggregator/src/schema.rs"
    async with opened(workshop) as on:
        text = schema.read_text("utf-8")
        assert text.count("pub requests: u64,") == 1
        schema.write_text(text.replace("pub requests: u64,", "pub requests: String,"), "utf-8")
        edit(workshop, "state.requests += 1;", "state.requests.push('1');")
        edit(
            workshop,
            "state.pending.insert(state.requests, pending);",
            "state.pending.insert(1, pending);",
        )
        edit(workshop, "request_id: state.requests,", "request_id: 1,")
        edit(workshop, ".key(&state.requests.to_be_bytes())", "")
        await on.keys("b")
        await until(on, "ConfirmDialog")
        await on.keys("y")
        await until(on, "SwapDialog")
        assert "tried again on the state there is, faults" in text_of(on)
        assert "state.requests" in text_of(on)
        await on.keys("n")
        assert on.snapshot.live == 16
