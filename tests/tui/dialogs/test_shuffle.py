"""The order in which receipts are released."""

from __future__ import annotations

import pytest

from aos_tui.dialogs import ShuffleDialog
from tests.tui.dialogs.hosting import OPEN, run


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("seed 9", ("seed", 9)),
        (" 9 ", ("seed", 9)),
        ("2,3,1", ("order", [2, 3, 1])),
        ("2, 3, 1", ("order", [2, 3, 1])),
        ("2 3 1", ("order", [2, 3, 1])),
    ],
)
async def test_a_seed_or_an_order(text: str, result: object) -> None:
    assert (await run(ShuffleDialog(3, 7), "enter", text=text)).result == result


async def test_the_suggested_seed_is_taken_with_enter() -> None:
    assert (await run(ShuffleDialog(3, 7), "enter")).result == ("seed", 7)


async def test_one_receipt_may_be_ordered_too() -> None:
    assert (await run(ShuffleDialog(1, 7), "enter", text="1,")).result == ("order", [1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write a seed"),
        ("seed", "one number after seed"),
        ("seed 1 2", "one number after seed"),
        ("seven", "seven is no whole number"),
        ("-1", "-1 is no whole number"),
        ("2,3", "missing: 1"),
        ("2,2,1", "2 stands twice"),
        ("4,1,2", "there is no receipt 4: they are 1 to 3"),
        ("0,1,2", "there is no receipt 0"),
        ("9" * 19, "at most 18 digits"),
    ],
)
async def test_a_bad_order_is_named_in_place(text: str, said: str) -> None:
    app = await run(ShuffleDialog(3, 7), "enter", text=text)
    assert app.result == OPEN
    assert said in app.last
