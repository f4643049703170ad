"""The receipt that is edited and released."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Static

from aos_tui.dialogs import ReceiptDialog
from aos_tui.dialogs.value_editor import TypeView
from tests.tui.dialogs.hosting import OPEN, Host, run
from tests.tui.dialogs.samples import HTTP, receipt


async def test_a_receipt_comes_back_as_it_was_given() -> None:
    assert (await run(receipt(), "ctrl+s")).result == ("ok", {"status": 200, "body": None}, 5)


async def test_the_status_is_chosen_with_keys() -> None:
    app = await run(receipt(), "shift+tab", "shift+tab", "right", "right", "space", "ctrl+s")
    assert app.result[0] == "timeout"


async def test_the_status_is_shown_without_colour_and_chosen_with_the_mouse() -> None:
    app = Host(receipt())
    async with app.run_test() as pilot:
        await pilot.pause()
        buttons = list(app.dialog.query("Status").results())
        assert [str(b.render()).strip()[:3] for b in buttons] == ["(x)", "( )", "( )"]
        await pilot.click(buttons[1])
        await pilot.pause()
        assert [str(b.render()).strip()[:3] for b in buttons] == ["( )", "(x)", "( )"]
        await pilot.press("ctrl+s")
        await pilot.pause()
    assert app.result[0] == "error"


@pytest.mark.parametrize(("typed", "cost"), [("", None), ("0", 0), ("12", 12)])
async def test_the_cost_is_a_number_or_nothing(typed: str, cost: int | None) -> None:
    app = await run(receipt(), "shift+tab", "backspace", *typed, "ctrl+s")
    assert app.result[2] == cost


async def test_a_negative_cost_is_refused() -> None:
    app = await run(receipt(), "shift+tab", "home", "-", "ctrl+s")
    assert app.result == OPEN
    assert "whole number of cents" in app.last


async def test_validate_sees_status_payload_and_cost() -> None:
    seen: list[tuple[str, Any, int | None]] = []

    def validate(status: str, payload: Any, cost: int | None) -> str | None:
        seen.append((status, payload, cost))
        return "$.status: an int is wanted"

    app = await run(receipt(validate), "ctrl+s", text='{"status": "x"}')
    assert app.result == OPEN
    assert app.last == "not released: $.status: an int is wanted"
    assert seen[-1] == ("ok", {"status": "x"}, 5)


async def test_the_extra_fields_of_a_payload_are_named_in_both_displays() -> None:
    payload = {"status": 200, "body": None, "body_preview": "x", "seen": {"by": ["b"]}}
    app = Host(ReceiptDialog("Receipt 1", "ok", payload, None, HTTP))
    async with app.run_test() as pilot:
        await pilot.pause()
        note = str(app.dialog.query_one(".note", Static).visual)
        assert note == "also seen: f2 shows it"
        names = [str(of.visual) for of in app.dialog.query(".name").results(Static)]
        assert "body_preview" in names
        await pilot.press("ctrl+t")
        await pilot.pause()
        said = str(app.dialog.query_one(TypeView).query_one(Static).visual)
        assert said.endswith("extra, not of the type:\n  body_preview, seen")
        await pilot.press("ctrl+t", "ctrl+s")
        await pilot.pause()
    assert app.result == ("ok", payload, None)
