"""Where a world of one's own begins: it is not built yet, it is built, and one leaves meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from aos_core.build.stages import STARTING
from aos_core.build.toolchain import find_toolchain
from aos_core.build.trust import trust
from aos_core.errors import NoToolchain
from aos_core.new_world import make_world
from aos_core.world import World
from aos_tui.actions import ACTIONS, ANYWHERE
from aos_tui.app import AosApp
from aos_tui.build_text import add_stage, build_lines, unbuilt_lines
from aos_tui.building import Building
from aos_tui.formatting import plain
from aos_tui.glyphs import UNICODE
from aos_tui.options import Options
from aos_tui.remembered import remember_world
from aos_tui.session.opening import Unbuilt, unbuilt
from tests.build.conftest import make_crate
from tests.support import counter_world
from tests.tui.driving import Driver, opened

PROBLEMS, QUESTION = "ProblemScreen", "ConfirmDialog"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world as `aos new` makes it, which its maker may build."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    make_world(tmp_path / "mine")
    trust(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def slow(made: Path) -> Iterator[Path]:
    """The file that appears when the compiler runs its build script, which then waits until the
    file is removed again."""
    try:
        find_toolchain(())
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")
    make_crate(made / "tiny")  # which needs no SDK: it builds quicker
    config = made / "world.toml"
    config.write_text(config.read_text().replace('"reducers/counter"', '"tiny"'))
    begun = made / "begun"
    (made / "tiny/build.rs").write_text(
        f'fn main() {{ let it = std::path::Path::new("{begun}"); std::fs::write(it, "").unwrap(); '
        "while it.exists() "
        "{ std::thread::sleep(std::time::Duration::from_millis(20)) } }"
    )
    yield begun
    begun.unlink(missing_ok=True)


async def until(on: Driver, holds: Any) -> None:
    """Wait as long as a compiler may need."""
    for _ in range(6):
        with suppress(AssertionError):
            await on.until(holds)
            return
    raise AssertionError(f"it never came to that: {on.screen}")


def compilers(world: Path) -> list[str]:
    """The processes that build the world."""
    listed = subprocess.run(
        ["ps", "-axww", "-o", "args"], capture_output=True, text=True, check=True
    )
    return [of for of in listed.stdout.splitlines() if str(world) in of]


# -- not built yet ----------------------------------------------------------------------------


async def test_a_new_world_is_not_called_wrong(made: Path) -> None:
    try:
        compiler = find_toolchain(()).name
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")
    async with opened(made) as on:
        assert on.mode == PROBLEMS
        for text in ("Nothing is wrong", "demo/Counter@1", "reducers/counter/src/lib.rs"):
            assert text in on.screen
        assert "b  builds it" in on.screen and compiler in on.screen
        assert "not ok" not in on.screen and UNICODE.failed not in on.screen
        assert "b build" in on.screen.splitlines()[-1]


async def test_without_a_compiler_it_says_how_to_get_one(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as bare:
        bare.setattr("aos_core.build.toolchain.toolchains", list)
        async with opened(made) as on:
            assert "Nothing is wrong" in on.screen and "this machine does not" in on.screen
            assert "rustup target add wasm32-unknown-unknown" in on.screen
            assert "apt-get install" in on.screen and "b build" not in on.screen
            await on.keys("b")
            assert on.mode == PROBLEMS
            bare.undo()
            await on.keys("r")
            assert ("b  builds it" in on.screen) == (unbuilt(str(made)).compiler != "")  # type: ignore[union-attr]


async def test_what_else_is_wrong_is_still_told(made: Path) -> None:
    path = made / "air/module.air.json"
    path.write_text(path.read_text().replace('"demo/CounterState@1"', '"demo/Nothing@1"'))
    async with opened(made) as on:
        assert "✗ not ok" in on.screen and "demo/Nothing@1" in on.screen
        assert "Nothing is wrong" not in on.screen and "b build" not in on.screen


def test_a_library_that_comes_first_is_said() -> None:
    def text(**more: Any) -> str:
        lacks = Unbuilt((("demo/A@1", "a"), ("demo/Longer@1", "b")), **more)
        return "\n".join(map(plain, unbuilt_lines(lacks, UNICODE)))

    assert "once for all worlds" in text(compiler="rustc 9", library=True)
    assert "once for all worlds" not in text(compiler="rustc 9")
    assert "the reducers have just not been built" in text(compiler="rustc 9")
    assert "demo/A@1       its source: a\n" in text(compiler="rustc 9")


# -- a build that goes on ---------------------------------------------------------------------


def test_stages_that_go_on_stand_in_one_line() -> None:
    told: list[Building] = []
    stages = [
        ("", STARTING, 0), ("m", STARTING, 1), ("m", "standard library: 1 of about 20, core", 2),
        ("m", "standard library: 2 of about 20, std", 3), ("m", "compiling sdk", 9),
        ("m", "compiling sdk", 10), ("m", "compiling \x1b[31mtiny", 11),
    ]  # fmt: skip
    for stage in stages:
        told = add_stage(told, Building(*stage))
    assert [(of.stage[:11], of.seconds) for of in told] == [
        ("starting th", 1), ("standard li", 3), ("compiling s", 10), ("compiling \x1b", 11),
    ]  # fmt: skip
    lines = [plain(of).strip() for of in build_lines(told, 9, UNICODE)]
    assert lines[0] == "✓ starting the compiler" and "\x1b" not in "".join(lines)
    assert lines[3].startswith("◷ compiling") and lines[-1].startswith("esc  stops it")
    few = [plain(of).strip() for of in build_lines(told, 2, UNICODE)]
    assert few[:2] == ["2 steps before", "✓ compiling sdk"]


async def test_a_build_shows_what_it_does_and_esc_stops_it(made: Path, slow: Path) -> None:
    async with opened(made) as on:
        await on.pilot.press("b")
        await on.pilot.pause()
        assert "starting the compiler" in on.screen, "at once"
        await until(on, slow.exists)
        await until(on, lambda: "◷ compiling tiny" in on.screen)
        await until(on, lambda: re.search(r"building, [2-9]\d* s", on.screen) is not None)
        await on.pilot.press("escape")
        await until(on, lambda: "b  builds it" in on.screen)
        assert on.mode == PROBLEMS and "the build was stopped" in on.said[-1]
        assert not compilers(made), "nothing goes on behind"
        slow.unlink()
        (made / "tiny/build.rs").unlink()
        await on.pilot.press("b")
        await until(on, lambda: on.mode == "live")
        await on.until(lambda: not compilers(made))  # one that nobody asks any more


async def test_an_open_world_has_one_compiler(made: Path, slow: Path) -> None:
    (made / "tiny/build.rs").unlink()
    async with opened(made, watch=True) as on:
        await on.pilot.press("b")
        await until(on, lambda: on.mode == "live")
        screen = on.app.screen
        await until(on, lambda: screen._compiler is not None)  # type: ignore[attr-defined]
        await until(on, lambda: len(compilers(made)) == 1)


@pytest.mark.parametrize("key", ["o", "q", "ctrl+q"])
async def test_leaving_while_it_builds_asks_first(made: Path, slow: Path, key: str) -> None:
    async with opened(made) as on:
        await on.pilot.press("b")
        await until(on, slow.exists)
        await on.pilot.press(key)
        await on.until(lambda: on.mode == QUESTION)
        assert "A build runs" in on.screen
        await on.pilot.press("n")
        await on.until(lambda: on.mode == PROBLEMS)
        assert compilers(made), "it goes on"
        await on.pilot.press(key)
        await on.until(lambda: on.mode == QUESTION)
        await on.pilot.press("y")
        if key == "o":
            await until(on, lambda: on.mode == "PickerScreen")
            await until(on, lambda: not compilers(made))
        else:
            await until(on, lambda: not on.app.is_running)
    assert not compilers(made)


async def test_a_question_that_is_no_more_goes_away(made: Path, slow: Path) -> None:
    async with opened(made) as on:
        await on.pilot.press("b")
        await until(on, slow.exists)
        await on.pilot.press("o")
        await on.until(lambda: on.mode == QUESTION)
        slow.unlink()
        await until(on, lambda: on.mode == "live")
        assert len(on.app.screen_stack) == 1
        await on.keys("q")
        assert not on.app.is_running


async def test_asked_twice_one_leaves(made: Path, slow: Path) -> None:
    async with opened(made) as on:
        await on.pilot.press("b")
        await until(on, slow.exists)
        await on.pilot.press("ctrl+q")
        await on.until(lambda: on.mode == QUESTION)
        await on.pilot.press("ctrl+q")
        await until(on, lambda: not on.app.is_running)


async def test_a_build_of_the_open_world_is_asked_about_too(
    made: Path, slow: Path, tmp_path: Path
) -> None:
    other = counter_world(tmp_path / "other")
    remember_world(str(other))
    script = made / "tiny/build.rs"
    code = script.read_text()
    script.unlink()
    async with opened(made) as on:
        await on.pilot.press("b")
        await until(on, lambda: on.mode == "live")
        script.write_text(code)
        await on.pilot.press("b")
        await until(on, slow.exists)
        await until(on, lambda: "compiling tiny" in (on.snapshot.progress or ""))
        await on.pilot.press("o")
        await until(on, lambda: on.mode == "PickerScreen" and "other" in on.screen)
        assert on.app.worlds.shown is not None and on.app.worlds.shown.screen.building
        await on.pilot.press(*"other", "enter")
        await on.until(lambda: on.mode == QUESTION)
        await on.pilot.press("n")
        await on.until(lambda: on.mode == "PickerScreen")
        await on.pilot.press("enter")
        await on.until(lambda: on.mode == QUESTION)
        await on.pilot.press("y")
        await until(on, lambda: on.mode == "live" and on.snapshot.world == "other")
        await until(on, lambda: not compilers(made))
        assert on.mode == "live", "that it was ended is told to nobody"


async def test_no_key_is_a_bug_while_a_world_is_being_opened(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, going = Event(), Event()
    real = World.open

    def late(cls: type[World], /, *args: Any, **more: Any) -> World:
        begun.set()
        assert going.wait(60)
        return real(*args, **more)

    monkeypatch.setattr(World, "open", classmethod(late))
    app = AosApp(Options(world=os.fspath(world), pace=0.0, poll=0.0))
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            on = Driver(app, pilot)
            await on.until(begun.is_set)
            leaving = {"quit", "open_world", "palette"}
            keys = [of.keys.split(",")[0] for of in ACTIONS if of.where == ANYWHERE and of.keys
                    and of.name not in leaving]  # fmt: skip
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                if on.mode.endswith(("Dialog", "JumpScreen")):
                    await pilot.press("escape")
            await pilot.pause(0.1)
            assert not [text for text in on.said if "bug" in text]
            going.set()
            await on.until(lambda: on.mode == "live")
    finally:
        going.set()
