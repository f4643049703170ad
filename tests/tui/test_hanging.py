"""What is broken off a line stands below what it belongs to."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from aos_tui.dialogs import ComparisonDialog
from aos_tui.formatting import to_text
from aos_tui.hanging import Hanging
from tests.tui.driving import FOCUS, opened


def drawn(line: Text, indent: int, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as said:
        console.print(Hanging(line, indent))
    return [of.rstrip() for of in said.get().splitlines()]


ONE = "  - one two three"


@pytest.mark.parametrize("line", [Text(ONE), to_text([(ONE, "")], {})])
def test_the_rest_hangs_below_the_value(line: Text) -> None:
    assert drawn(line, 4, 30) == ["  - one two three"]
    assert drawn(line, 4, 12) == ["  - one two", "    three"]
    assert drawn(line, 0, 12) == ["  - one two", "three"]
    assert drawn(line, 4, 3)[0] == "  -", "where there is no room at all it stays up"


def test_a_line_may_be_empty_and_a_word_longer_than_the_room() -> None:
    assert drawn(Text(""), 4, 10) == [""]
    assert drawn(Text("a: 0123456789"), 3, 8) == ["a: 01234", "   56789"]


async def test_values_hang_in_the_history() -> None:
    async with opened("05", (60, 20)) as on:
        await on.keys("T", *FOCUS["state"], "H")
        first, second = on.screen.splitlines()[-5:-3]
        assert "47  {orders" in first and "notice: Sent}}}" in second
        assert second.index("notice") == first.index("{orders")


async def test_values_hang_in_a_comparison() -> None:
    async with opened(size=(60, 20)) as on:
        changes = [("a.b", "was " * 20, "is " * 20)]
        on.app.push_screen(ComparisonDialog(("one", "two"), [("1 difference", "")], changes, ""))
        await on.pilot.pause()
        lines = on.screen.splitlines()
        for sign, word in (("- was", "was"), ("+ is", "is")):
            at = next(at for at, of in enumerate(lines) if sign in of and "a.b" not in of)
            assert lines[at].index(word) == lines[at + 1].index(word)
        await on.keys("y")
        assert on.app.clipboard.endswith("a.b\n  - " + "was " * 20 + "\n  + " + "is " * 20)
