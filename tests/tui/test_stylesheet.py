"""The app's stylesheet is parsed once for each set of variables."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.css import parse as parsing

from tests.tui.driving import opened


async def test_nothing_is_parsed_twice_until_the_colours_are_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: Counter[tuple[object, ...]] = Counter()
    parse = parsing.parse

    def counting(scope: str, css: str, place: Any, **more: Any) -> Any:
        parsed[scope, css, place, more["tie_breaker"]] += 1
        return parse(scope, css, place, **more)

    monkeypatch.setattr("textual.css.stylesheet.parse", counting)
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
