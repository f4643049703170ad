"""The file that is exported, and that it was saved."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import SavedDialog
from tests.tui.dialogs.hosting import OPEN, run
from tests.tui.dialogs.samples import export


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        (("enter",), ("scenario", "a.toml")),
        (("down", "enter"), ("pytest", "test_a.py")),
        (("up", "enter"), ("screenshot", "a.svg")),
        (("down", "down", "up", "enter"), ("pytest", "test_a.py")),
        (("end", "x", "down", "enter"), ("pytest", "a.tomlx")),
    ],
)
async def test_the_file_goes_with_the_form_until_one_names_it(
    keys: tuple[str, ...], result: tuple[str, str]
) -> None:
    assert (await run(export(), *keys)).result == result


async def test_a_file_that_is_there_is_refused_and_the_dialog_says_what_it_will_do() -> None:
    refused = await run(export(), "enter", text="b.html")
    assert refused.result == OPEN
    assert refused.last == "not exported: this file is there already"
    assert (await run(export(), "enter", text=" ")).last == "not exported: name a file"
    assert "must end in the same root" in (await run(export())).last
    assert "passes once that is mended" in (await run(export(), "down")).last


async def test_y_copies_the_path_alone() -> None:
    app = await run(SavedDialog("/a/b.html", "A report."), "y")
    assert app.clipboard == "/a/b.html"
