"""The pictures of the docs show what the docs say of them. Each is a session played by keys, with
what the script plays that makes the pictures."""

from __future__ import annotations

import re
import sys

import pytest

from tests.support import ROOT
from tests.tui.driving import opened

sys.path.insert(0, str(ROOT / "screenshots"))
from pictures import ANSWERED, PICTURES, Picture

TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")


@pytest.mark.parametrize("of", PICTURES, ids=lambda of: of.file.stem)
async def test_a_picture_shows_what_is_said_of_it(of: Picture) -> None:
    async with opened(of.world, of.size, memory=True, scenario=of.scenario) as on:
        await on.keys(*of.keys)
        screen = on.screen
        for text in of.says:
            assert text in screen, f"{text!r} is not on\n{screen}"
        assert on.errors == []


def test_every_picture_has_a_name_and_a_file() -> None:
    files = [of.file for of in PICTURES]
    assert len(set(files)) == len(files)
    assert {of.name for of in files} == {of.name for of in (ROOT / "screenshots").glob("*.svg")}


def test_the_tutorial_says_of_its_pictures_what_they_show() -> None:
    """Below each picture a line in italics; what stands in it as code is what is looked for."""
    shown = re.findall(
        r"!\[[^\]]+\]\(\.\./screenshots/([\w-]+\.svg)\)\n\n\*(.+?)\*\n\n", TUTORIAL, re.DOTALL
    )
    expected = {of.file.name: of.says for of in PICTURES if of.name.startswith("tutorial-")}
    assert {name: tuple(re.findall(r"`([^`]+)`", text)) for name, text in shown} == expected
    assert TUTORIAL.count("](../screenshots/") == len(shown)


def test_every_page_shows_pictures_that_there_are() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    names = {of.file.name for of in PICTURES}
    for page in pages:
        for name in re.findall(r"screenshots/([\w-]+\.svg)", page.read_text("utf-8")):
            assert name in names, (str(page), name)


def test_the_property_stands_in_the_tutorial() -> None:
    assert ANSWERED in TUTORIAL
