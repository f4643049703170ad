"""From the picker: any folder, and a new world."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from aos_core.build.toolchain import find_toolchain
from aos_core.errors import NoToolchain
from aos_tui.session.folders import MOST as MOST_LISTED
from aos_tui.session.folders import folders_that_fit
from tests.support import counter_world
from tests.tui.driving import on_disk, opened
from tests.tui.picking import (
    PICKER,
    chosen,
    in_an_empty_folder,  # noqa: F401
    recent,
)

# -- a folder ---------------------------------------------------------------------------------


async def test_a_folder_is_typed_and_checked_while_one_types(world: Path, tmp_path: Path) -> None:
    def message() -> str:
        return str(on.app.screen.query_one("#message Static", Static).render())

    async with opened("", memory=False) as on:
        await on.keys("text:open a folder", "enter")
        assert on.mode == "FolderDialog"
        await on.keys("text:/no/x")
        assert "there is nothing at /no/x" in message()
        await on.keys("enter")
        assert on.mode == "FolderDialog" and "not opened" in message()
        field = on.app.screen.query_one(Input)
        for path, said in ((tmp_path, "no world.toml in it"), (world / "world.toml", "is a file")):
            field.value = str(path)
            await on.until(lambda said=said: said in message())  # type: ignore[misc]
        field.value = "/" + "long" * 100
        await on.until(lambda: "there is nothing at" in message())
        field.value = f" {world}/../{world.name} "
        await on.keys("enter")
        assert on.snapshot.world == "world"
    assert on_disk(world)[0] == 0


async def test_tab_completes_a_path_and_what_fits_is_listed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = elsewhere / "home"
    for name in ("alpha", "alpine/deep", ".hidden", "no\x1bescape", "beta"):
        (home / name).mkdir(parents=True)
    counter_world(home / "alpine/deep/world")
    (home / "alfile").touch()
    monkeypatch.setenv("HOME", str(home))

    def shown() -> list[str]:
        listed = on.app.screen.query_one(OptionList)
        return [str(of.prompt).strip() for of in listed.options] if listed.display else []

    async with opened("", memory=False) as on:
        await on.keys("text:open a folder", "enter")
        field = on.app.screen.query_one(Input)
        await on.keys("~")
        assert shown() == ["~/"]
        await on.keys("tab")
        assert field.value == "~/" and shown() == ["alpha/", "alpine/", "beta/"]
        await on.keys("text:.")
        assert shown() == [".hidden/"]
        await on.keys("backspace", "text:a")
        assert shown() == ["alpha/", "alpine/"]
        message = on.app.screen.query_one("#message Static", Static)
        assert "2 folders so far" in str(message.render())
        assert field._suggestion == "~/alp", "what tab would add is seen behind the cursor"
        await on.keys("tab")
        assert field.value == "~/alp", "as far as all agree"
        await on.keys("down", "down")
        assert field._suggestion == "~/alpine/"
        await on.keys("tab")
        assert field.value == "~/alpine/" and shown() == ["deep/"]
        await on.until(lambda: "no world.toml in it" in str(message.render()))
        await on.keys("right")
        assert field.value == "~/alpine/deep/" and shown() == ["world/  a world"]
        await on.keys("tab")
        await on.until(lambda: "enter opens it" in str(message.render()))
        await on.keys("enter")
        assert on.snapshot.world == "world"


def test_of_very_many_folders_some_are_listed_and_all_count(tmp_path: Path) -> None:
    for number in range(MOST_LISTED + 5):
        (tmp_path / f"ab{number}").mkdir()
    found = folders_that_fit(f"{tmp_path}/a")
    assert (len(found.folders), found.left_out) == (MOST_LISTED, 5)
    assert found.common == f"{tmp_path}/ab"
    assert folders_that_fit(f"{tmp_path}/x").common == f"{tmp_path}/x"
    for nowhere in ("/no/where/x", "\0/x", "~nobody-of-this-name/x"):
        assert folders_that_fit(nowhere).folders == ()


# -- a new one --------------------------------------------------------------------------------


async def test_a_new_world_is_made_and_what_is_wrong_stands_at_its_field(
    elsewhere: Path, remembered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(elsewhere / "data"))

    def wrong(field: str) -> str:
        line = on.app.screen.query_one(f"#wrong-{field}", Static)
        return str(line.render()) if line.display else ""

    (elsewhere / "taken").mkdir()
    (elsewhere / "taken/file").touch()
    async with opened("", memory=False) as on:
        await on.keys("text:new", "enter")
        assert on.mode == "NewDialog" and wrong("name") == ""
        await on.keys("enter")
        assert wrong("name") == "it needs a name" and on.mode == "NewDialog"
        await on.keys("text:taken")
        assert "exists and is not empty" in wrong("name")
        folder = on.app.screen.query_one("#folder", Input)
        folder.value = str(elsewhere / "taken/file")
        await on.pilot.pause()
        assert "is a file" in wrong("folder") and wrong("name") == ""
        folder.value = str(elsewhere / "deep/er")
        await on.keys("text:-2", "enter")
        made = elsewhere / "deep/er/taken-2"
        assert (made / "reducers/counter/src/lib.rs").is_file()
        assert on.mode == "ProblemScreen"
        title = str(on.app.screen.query_one("#problem-title", Static).render())
        assert "not built yet" in title
        await on.keys("o")
        assert on.mode == PICKER, "there is a way back"
    assert on.errors[0] == "not made: it needs a name"


async def test_a_new_world_like_one_that_ships_is_built_by_b_and_opens(
    elsewhere: Path, remembered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        find_toolchain(())
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")
    monkeypatch.setenv("XDG_DATA_HOME", str(elsewhere / "data"))
    async with opened("", memory=False) as on:
        await on.keys("text:new", "enter", "text:mine", "down", "enter")
        made = elsewhere / "mine"
        assert "00-counter" in (made / "README.md").read_text()
        assert on.mode == "ProblemScreen"
        await on.keys("b")
        for _ in range(12):  # as long as a compiler may need
            if on.mode == "ProblemScreen":
                with suppress(AssertionError):
                    await on.until(lambda: on.mode != "ProblemScreen")
        assert on.mode == "live"
        await on.keys("t", "v")
        assert on.snapshot.world == "mine" and on.known["verified"] is True
    assert on_disk(made)[0] == on.snapshot.live > 0
    assert recent(remembered) == [str(made.resolve())]


async def test_what_does_not_build_is_said_and_one_goes_on(world: Path, tmp_path: Path) -> None:
    from aos_core.new_world import make_world

    made = tmp_path / "made"
    make_world(made)
    async with opened(made) as on:
        assert on.mode == "ProblemScreen"
        await on.keys("b")
        await on.until(lambda: on.mode == "ConfirmDialog")  # nobody has said that it is trusted
        await on.keys("n")
        assert on.mode == "ProblemScreen"
        await on.keys("o")
        assert on.mode == PICKER and chosen(on).startswith("made")
        await on.keys("enter")
        assert on.mode == "ProblemScreen"
