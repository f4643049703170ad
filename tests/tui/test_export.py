"""ctrl+s: the session as a file, by keys, and what the file then is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static

from aos_core.scenario import run_scenario
from aos_core.world import World
from aos_tui.options import Options
from aos_tui.session import Session
from tests.fixtures import aggregator  # noqa: F401
from tests.support import EVENT, patch_reducer, start
from tests.tui.driving import Driver, opened, play
from tests.tui.test_snapshots import SIZES, compare

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports and pictures go where one is."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


async def saved(on: Driver) -> Path:
    """The file of which it is said that it is saved."""
    await on.until(lambda: on.mode == "SavedDialog" or bool(on.errors))
    assert on.errors == []
    await on.keys("y")
    return Path(on.app.clipboard)


async def test_a_scenario_plays_to_the_same_root(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("ctrl+s", "enter")
        file = world / f"scenarios/main-{on.snapshot.live}.toml"
        assert await saved(on) == file
        root = on.snapshot.root
        await on.keys("escape", "ctrl+s", "enter")
        assert await saved(on) == file.with_stem(f"{file.stem}-2"), "again, under another name"
    with run_scenario(world, file.stem, memory=True).world as again:
        assert again.root == root


async def test_a_past_height_is_exported_as_it_is_shown(world: Path) -> None:
    play(world)
    async with opened(world) as on:
        await on.keys("0", "greater_than_sign", "ctrl+s", "down", "down", "enter")
        height, root = on.snapshot.height, on.snapshot.root
        path = await saved(on)
        assert height < on.snapshot.live
    assert path == Path.cwd() / f"aggregator-main-{height}.html"
    assert f"sha256:{root.hex()}" in path.read_text("utf-8")


async def test_a_test_asserts_the_property_that_is_watched(world: Path) -> None:
    with World.open(world) as begun:
        begun.fire(EVENT, start())
    async with opened(world) as on:
        none = '{"op": "le", "args": [{"ref": "@pending"}, {"nat": 0}]}'
        verdict = await on.app.session.watch(none)
        assert verdict is not None
        await on.keys("ctrl+s", "down", "enter")
        path = await saved(on)
    assert path.parent == world / "tests"
    text = path.read_text("utf-8")
    assert "assert_holds(run.world, PROPERTY)" in text
    assert f"the property fails at record {verdict.height}" in text


async def test_a_screenshot_is_of_the_screen_below_the_dialog() -> None:
    async with opened() as on:
        await on.keys("t", "ctrl+s", "up", "enter")
        path = await saved(on)
    assert path.parent == Path.cwd() and path.suffix == ".svg"
    picture = path.read_text("utf-8")
    assert picture.startswith("<svg") and "Journal" in picture and "screenshot" not in picture


async def test_a_world_in_memory_is_exported_too() -> None:
    async with opened() as on:
        await on.keys("t", "R", "ctrl+s", "down", "down", "enter")
        page = (await saved(on)).read_text("utf-8")
        assert f"sha256:{on.snapshot.root.hex()}" in page and "✓ verified" in page


async def test_what_goes_wrong_is_told(world: Path) -> None:
    with World.open(world) as begun:
        begun.fire(EVENT, start())
    patch_reducer(world, b"fetch_a", b"fetch_z")
    async with opened(world) as on:
        await on.keys("ctrl+s", "enter")
        await on.until(lambda: bool(on.errors))
        (error,) = on.errors
        assert error.startswith("not saved: played, the scenario does not end as branch main")
        assert on.snapshot.progress is None
    assert not list((world / "scenarios").glob("main-*"))


async def test_esc_stops_it(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(world)

    async def never_ends(*words: str, talks: bool = False) -> Any:
        return await asyncio.create_subprocess_exec(
            "sleep", "60", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    monkeypatch.setattr("aos_tui.process.start", never_ends)
    async with opened(world) as on:
        await on.keys("ctrl+s")
        await on.pilot.press("enter")
        await on.until(lambda: "esc stops it" in str(on.snapshot.progress))
        await on.pilot.press("ctrl+s")
        await on.until(lambda: any("runs already" in of for of in on.said))
        await on.pilot.press("escape")
        await on.until(lambda: any("was stopped" in of for of in on.said))
        assert on.errors == [] and on.snapshot.progress is None


@SIZES
def test_dialog(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async def files(self: Session, height: int) -> dict[str, str]:
        names = {"scenario": "scenarios/main-16.toml", "pytest": "tests/test_main_16.py"}
        return {**names, "html": "aggregator-main-16.html", "screenshot": "aggregator-main-16.svg"}

    monkeypatch.setattr(Session, "export_files", files)
    Path("tests").mkdir()  # one that is not there is said, whole
    options = Options("04", memory=True, scenario="basic")
    assert compare(snap_compare, options, ("t", "ctrl+s", "down"), size)


async def test_folder_and_name_are_edited_asked_about_and_proposed_again(tmp_path: Path) -> None:
    async with opened() as on:
        await on.keys("t", "R", "ctrl+s", "down", "down", "shift+tab", "ctrl+u")
        await on.keys("ctrl+u", f"text:{tmp_path}/mine/reports", "tab", "ctrl+u", "text:r.html")
        message = on.app.screen.query_one("#message Static", Static)
        assert "mine/reports is not there. Enter asks first." in str(message.visual)
        await on.keys("enter")
        assert on.mode == "ConfirmDialog" and "Make the folder?" in on.screen
        await on.keys("y")
        file = tmp_path / "mine/reports/r.html"
        assert await saved(on) == file
        file.write_text("mine", "utf-8")
        await on.keys("escape", "ctrl+s", "down", "down")
        folder, name = (on.app.screen.query_one(f"#{of}", Input) for of in ("folder", "name"))
        assert (folder.value, name.value) == (str(file.parent), "aggregator-main-30.html")
        await on.keys("ctrl+u", "text:r.html", "enter")
        assert on.mode == "ConfirmDialog" and "r.html is there already" in on.screen
        await on.keys("n")
        assert on.mode == "ExportDialog" and file.read_text("utf-8") == "mine"
        await on.keys("enter", "y")
        assert await saved(on) == file and "<html" in file.read_text("utf-8")
        await on.keys("escape", "ctrl+s")
        assert folder.value == str(file.parent), "of each form its own"
        assert on.app.screen.query_one("#folder", Input).value != folder.value


@pytest.mark.parametrize("kind", ["disk", "memory"])
@pytest.mark.parametrize("form", ["html", "screenshot"])
async def test_what_came_to_be_there_meanwhile_is_not_overwritten(
    world: Path, kind: str, form: str
) -> None:
    async with opened(world if kind == "disk" else "04") as on:
        await on.keys("t", "ctrl+s", *["down"] * (2 if form == "html" else 3))
        file = Path(on.app.screen.query_one("#name", Input).value)
        file.write_text("theirs", "utf-8")
        await on.app.screen.dismiss((form, str(file), False))
        await on.until(lambda: bool(on.errors))
        assert file.read_text("utf-8") == "theirs" and "is there already" in on.errors[0]


@pytest.mark.parametrize(
    ("folder", "name", "problem"),
    [
        (".", "", "name a file"), (".", "a/b", "its folder stands above"),
        ("none/yet", "..", "name a file"),
        ("..", "here", "here is a folder"), ("file/deeper", "a", "file is a file"),
        (".", "file", None), ("none/yet", "a", None), ("", "a", None),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_place_is_said(
    folder: str, name: str, problem: str | None
) -> None:
    Path("file").write_text("", "utf-8")
    found = Session.export_problem(None, folder, name)  # type: ignore[arg-type]
    assert found is None if problem is None else problem in (found or "")
