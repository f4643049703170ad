"""docs/debugging.md: each of the five mistakes, made in a copy of a world, looks as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.consoles import copy_world, play
from tests.support import ROOT, patch_reducer
from tests.tui.driving import FOCUS, opened

PAGE = (ROOT / "docs/debugging.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def broken(mistake: str, folder: Path) -> Path:
    """The world of a section, broken as the page says; fails where it looks otherwise."""
    text = SECTIONS[mistake]
    (slug,) = re.findall(r"<!-- a copy of (\S+) in mine -->", text)
    world = folder / "mine"
    copy_world(slug, world)
    text = text.replace("--- plans/", "--- mine/plans/").replace("--- air/", "--- mine/air/")
    before, built, after = text.partition(
        "<!-- in the meantime: run, then another reducer is built"
    )
    wrong = play(before, folder)
    if built:
        wrong += play("```console\n$ aos run mine --scenario basic\n…\n```", folder)
        patch_reducer(world, b"fetch_a", b"fetch_z")
        wrong += play(after, folder)
    assert not wrong, "\n\n".join(wrong)
    return world


def test_there_are_five() -> None:
    assert len(SECTIONS) == 5
    table = re.findall(r"\]\(#([\w-]+)\)", PAGE.partition("## ")[0])
    assert table == [name.lower().replace(" ", "-") for name in SECTIONS]


IN_THE_APP = {
    "Replay diverges": (
        "basic",
        ("v", "ctrl+p", "text:rehearse", "enter"),
        ("∆ on disk: another demo/Aggregator@1", "✓ verified", "pending.1.handles.0"),
    ),
    "A plan is stuck": (
        "charge-declined",
        (*FOCUS["plan"], "enter"),
        ("waits for 1", "(@event.order_id = @var:correlation_id) and @event.confirmed"),
    ),
    "An effect is denied": (
        "basic",
        (*FOCUS["plan"], "enter"),
        ("✗ deny cap_http_aggregate", "failed with host_not_allowed"),
    ),
    "An event goes the wrong way": ("basic", (), ("ann", "bob", "cyd")),
    "A receipt does not fit": (
        "main",
        (*FOCUS["plan"], "down", "enter"),
        ("failed with receipt_error", "the receipt lacks headers of"),
    ),
}
"""The branch to open, the keys that the page names, and what is on the screen then."""


@pytest.mark.parametrize("mistake", SECTIONS)
async def test_a_mistake_looks_as_the_page_says(mistake: str, tmp_path: Path) -> None:
    world = broken(mistake, tmp_path)
    branch, keys, says = IN_THE_APP[mistake]
    async with opened(world, (120, 40), branch=branch) as on:
        await on.keys(*keys)
        for text in says:
            assert text in on.screen, f"{text!r} is not on\n{on.screen}"


def test_the_codes_of_a_denial_are_those_of_the_kernel() -> None:
    source = "".join(
        of.read_text("utf-8") for of in sorted((ROOT / "aos_core/kernel").glob("*.py"))
    )
    table = SECTIONS["An effect is denied"].partition("| refused by |")[2]
    codes = re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\|([^|]+)\|", table)))
    assert len(codes) >= 6
    for code in codes:
        assert f'"{code}"' in source, code
