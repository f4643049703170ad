"""The file that is exported, and that it was saved."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import SavedDialog
from tests.tui.dialogs.hosting import OPEN, run
from tests.tui.dialogs.samples import export


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        (("enter",), ("scenario", "scenarios/a.toml")),
        (("down", "enter"), ("pytest", "tests/test_a.py")),
        (("up", "enter"), ("screenshot", "a.svg")),
        (("down", "down", "up", "enter"), ("pytest", "tests/test_a.py")),
        (("x", "down", "enter"), ("pytest", "tests/a.tomlx")),
        (("shift+tab", "end", "x", "down", "down", "enter"), ("html", "scenariosx/a.html")),
        (("tab", "end", "x", "enter"), ("scenario", "scenariosx/a.toml")),
        (("tab", "tab", "x", "enter"), ("scenario", "scenarios/a.tomlx")),
        (("shift+tab", "ctrl+u", "enter"), ("scenario", "a.toml")),
    ],
)
async def test_folder_and_file_go_with_the_form_until_one_names_them(
    keys: tuple[str, ...], result: tuple[str, str]
) -> None:
    assert (await run(export(), *keys)).result == (*result, False)


async def test_a_file_that_is_there_is_asked_about_and_what_is_wrong_is_said() -> None:
    taken = ("ctrl+u", *"b.html")
    said = "b.html is there already. Enter asks first. Played in memory first"
    assert (await run(export(), *taken)).last.startswith(said)
    for keys, result in (
        (("enter",), OPEN), (("enter", "n"), OPEN), (("enter", "escape"), OPEN),
        (("enter", "y"), ("scenario", "scenarios/b.html", True)),
    ):  # fmt: skip
        assert (await run(export(), *taken, *keys)).result == result
    assert (await run(export(), "ctrl+u", "enter")).last == "not exported: name a file"
    assert "must end in the same root" in (await run(export())).last
    assert "passes once that is mended" in (await run(export(), "down")).last


async def test_y_copies_the_path_alone() -> None:
    app = await run(SavedDialog("/a/b.html", "A report."), "y")
    assert app.clipboard == "/a/b.html"
