"""The name of a fork, and where it starts."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import ForkDialog
from tests.tui.dialogs.hosting import OPEN, run


@pytest.mark.parametrize("name", ["b", "04-try.2~1+2,3_x", "n" * 80])
async def test_a_fork_takes_a_good_name(name: str) -> None:
    assert (await run(ForkDialog(4, None, "x", ["main"]), "enter", text=name)).result == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main", "there is a branch main already"),
        ("", "needs a name"),
        ("a b", "is made of"),
        ("a/b", "is made of"),
        ("n" * 81, "at most 80 characters, this one 81"),
    ],
)
async def test_a_fork_refuses_a_bad_name(name: str, said: str) -> None:
    app = await run(ForkDialog(4, None, "x", ["main"]), "enter", text=name)
    assert app.result == OPEN
    assert said in app.last


def test_a_fork_says_where_it_starts_and_that_the_past_stays() -> None:
    inside = ForkDialog(12, 9, "x", []).says()
    assert "after height 8" in inside
    assert "inside a turn" in inside
    assert "never changed" in inside
    for turn_start in (None, 13):
        at_end = ForkDialog(12, turn_start, "x", []).says()
        assert "after height 12" in at_end
        assert "inside a turn" not in at_end
