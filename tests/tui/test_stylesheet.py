"""The app's stylesheet is parsed once for each set of variables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual.css import parse as parsing
from textual.dom import DOMNode

from aos_tui.stylesheet import Stylesheet
from tests.tui.driving import opened

Parsed = Counter[tuple[object, ...]]


@pytest.fixture(autouse=True)
def parsed_once() -> None:
    """Not here: what an app parses is what is looked at."""


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """What is parsed from now on, and how often."""
    found: Parsed = Counter()
    parse = parsing.parse

    def counting(scope: str, css: str, place: Any, **more: Any) -> Any:
        found[scope, css, place, more["tie_breaker"]] += 1
        return parse(scope, css, place, **more)

    monkeypatch.setattr("textual.css.stylesheet.parse", counting)
    return found


async def test_nothing_is_parsed_twice_until_the_colours_are_others(parsed: Parsed) -> None:
    async with opened() as on:
        assert len(parsed) > 10 and set(parsed.values()) == {1}
        before = on.app.screen.styles.background
        on.app.theme = "textual-light"
        await on.pilot.pause()
        assert on.app.screen.styles.background != before
        anew = parsed.total()
        assert anew > 20
        on.app.refresh_css()
        assert parsed.total() == anew
        await on.keys("question_mark")
        assert anew < parsed.total() < anew + 10, "only what the dialog is made of"


async def test_the_first_dialog_has_nothing_parsed_or_styled_anew_that_is_there(
    parsed: Parsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: list[DOMNode] = []
    apply = Stylesheet.apply

    def noting(self: Stylesheet, node: DOMNode, **more: Any) -> None:
        styled.append(node)
        apply(self, node, **more)

    async with opened() as on:
        await on.keys("t")
        there = {on.app, *on.app.screen.walk_children(with_self=True)}
        monkeypatch.setattr(Stylesheet, "apply", noting)
        await on.keys("x")
        assert on.mode == "BreakDialog"
        assert on.app.screen.query_one("#dialog").styles.border.top[0] == "round"
        assert set(parsed.values()) == {1}
        assert len(there.intersection(styled)) < len(there) / 2, "what loses the focus, no more"


def test_what_is_read_later_counts_from_then_on(tmp_path: Path) -> None:
    sheet = Stylesheet()
    sheet.add_source("Label { color: red; }")
    assert set(sheet.rules_map) == {"Label"}
    (tmp_path / "more.tcss").write_text("Button { color: red; }")
    sheet.read(tmp_path / "more.tcss")
    assert set(sheet.rules_map) == {"Label", "Button"}
