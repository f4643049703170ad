"""The list of keys."""

from __future__ import annotations

from tests.tui.dialogs.hosting import run
from tests.tui.dialogs.samples import help_dialog


async def test_help_closes_with_the_key_that_opened_it() -> None:
    assert (await run(help_dialog(), "question_mark")).result is None
