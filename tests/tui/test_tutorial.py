"""docs/tutorial.md, from its first command to its last: its keys in the app, its commands beside
it, on one world."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aos_core.build.toolchain import find_toolchain
from aos_core.errors import NoToolchain
from tests.consoles import play
from tests.support import ROOT
from tests.tui.driving import opened

sys.path.insert(0, str(ROOT / "screenshots"))
from pictures import PICTURES

TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")


@pytest.mark.timeout(400)  # the reducer is built twice
async def test_the_tutorial_goes_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        find_toolchain()
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    before, mark, after = TUTORIAL.partition("## 2. ")
    assert mark and play(before, tmp_path) == []
    *_, last = (of for of in PICTURES if of.name.startswith("tutorial-"))
    async with opened(tmp_path / "mine", last.size) as on:
        await on.keys(*last.keys)
        for text in last.says:
            assert text in on.screen
    assert play(after, tmp_path) == []
