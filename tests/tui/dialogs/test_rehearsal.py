"""What a rehearsal found, and other code: what is asked."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import RehearsalDialog, SwapDialog
from tests.tui.dialogs.hosting import run


@pytest.mark.parametrize(
    ("key", "result"),
    [("p", "keep"), ("s", "swap"), ("g", "go"), ("d", None), ("escape", None)],
)
async def test_what_a_rehearsal_found_is_kept_swapped_looked_at_or_dropped(
    key: str, result: str | None
) -> None:
    sections = [("", "It changes 1 of 2."), ("First difference", "field")]
    assert (await run(RehearsalDialog("R", sections, goes=True), key)).result == result
    same = RehearsalDialog("R", sections, goes=False)
    assert (await run(same, "g", "escape")).result is None, "there is no record to go to"


@pytest.mark.parametrize(
    ("key", "result"), [("y", "swap"), ("r", "rehearse"), ("n", None), ("escape", None)]
)
async def test_other_code_is_swapped_to_rehearsed_or_left(key: str, result: str | None) -> None:
    assert (await run(SwapDialog("Rebuilt", "Other code."), key)).result == result
