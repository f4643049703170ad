"""The event that is fired."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import Label, Select, Static, TextArea

from aos_tui.dialogs import EventDialog
from aos_tui.dialogs.value_editor import TypeView
from tests.tui.dialogs.hosting import OPEN, Host, run, write
from tests.tui.dialogs.samples import SCHEMAS, editor, event
from tests.tui.driving import SIZES, opened


async def test_an_event_is_fired_as_the_example_has_it() -> None:
    assert (await run(event(), "ctrl+s")).result == ("demo/Event@1", {"Stop": None})


async def test_initial_chooses_the_schema() -> None:
    app = await run(EventDialog(SCHEMAS, "demo/Tick@1"), "ctrl+s")
    assert app.result == ("demo/Tick@1", 7)


async def test_an_initial_schema_that_is_gone_means_the_first() -> None:
    app = await run(EventDialog(SCHEMAS, "demo/Gone@1"), "ctrl+s")
    assert app.result == ("demo/Event@1", {"Stop": None})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "a": 1,,\n}', "not fired: line 2, column 10: expecting property name"),
        ("", "not fired: there is no JSON here yet"),
        ('{"a": 1, "a": 2}', 'not fired: "a" stands twice in one object'),
        ("NaN", "not fired: NaN is not JSON"),
        ("[" * 100_000, "not fired: the JSON is nested too deeply"),
        ("9" * 5000, "not fired: "),
    ],
)
async def test_bad_json_is_named_and_not_fired(text: str, said: str) -> None:
    app = await run(event(), "ctrl+s", text=text)
    assert app.result == OPEN
    assert app.last.startswith(said)


async def test_json_is_read_while_typing_and_ctrl_s_goes_to_the_error() -> None:
    app = Host(event())
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.said() == "ok: well-formed JSON"
        await write(app, pilot, '{\n  "a": ?\n}')
        assert app.said() == "Error: line 2, column 8: expecting value"
        await pilot.press("ctrl+s")
        area = app.dialog.query_one(TextArea)
        assert area.cursor_location == (1, 7)
        await pilot.press("delete", "1")
        await pilot.pause()
        assert app.said() == "ok: well-formed JSON"
        assert area.has_focus


async def test_ctrl_r_brings_the_example_back() -> None:
    app = Host(event())
    async with app.run_test() as pilot:
        await pilot.pause()
        example = editor(app).text
        await write(app, pilot, "?")
        await pilot.press("ctrl+s")
        assert app.said().startswith("not fired: line 1, column 1")
        assert app.dialog.query_one("#message").has_class("-refused")
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert (editor(app).text, app.said()) == (example, "ok: well-formed JSON")
        assert not app.dialog.query_one("#message").has_class("-refused")


async def test_validate_holds_the_event_back_until_it_fits() -> None:
    def validate(schema: str, value: Any) -> str | None:
        assert schema == "demo/Tick@1"
        return None if isinstance(value, int) else "$: a nat is wanted [int]"

    app = Host(EventDialog(SCHEMAS, "demo/Tick@1", validate=validate))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.said() == "ok: a demo/Tick@1"
        await write(app, pilot, '"seven"')
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.result == OPEN
        assert app.said() == "not fired: $: a nat is wanted [int]"
        await write(app, pilot, "8")
        await pilot.click("#key-submit")
        await pilot.pause()
    assert app.result == ("demo/Tick@1", 8)


async def test_choosing_another_schema_keeps_each_text_and_shows_the_type() -> None:
    texts = {"demo/Tick@1": "41"}
    app = Host(event(texts=texts))
    async with app.run_test() as pilot:
        await pilot.pause()
        await write(app, pilot, '{"Start": 1}')
        await pilot.press("shift+tab", "enter", "down", "enter")
        await pilot.pause()
        assert app.dialog.query_one(Select).value == "demo/Tick@1"
        area = app.dialog.query_one(TextArea)
        assert (area.text, area.has_focus) == ("41", True)
        assert str(app.dialog.query_one(TypeView).query_one(Static).visual) == "nat"
        await write(app, pilot, "42")
        await pilot.press("shift+tab", "enter", "up", "enter")
        await pilot.pause()
        assert app.dialog.query_one(TextArea).text == '{"Start": 1}'
        await pilot.press("escape")
    assert texts == {"demo/Event@1": '{"Start": 1}', "demo/Tick@1": "42"}
    assert app.result is None


async def test_values_of_last_time_are_said_to_be_that_until_they_are_reset() -> None:
    texts = {"demo/Event@1": '{"Start": 1}', "demo/Tick@1": json.dumps(SCHEMAS[1][2], indent=4)}
    refused = {"demo/Event@1": "no grant\x1b[2J", "demo/Tick@1": "never shown"}
    app = Host(event(texts=texts, refused=refused))
    async with app.run_test() as pilot:
        await pilot.pause()
        draft = app.dialog.query_one("#draft", Label)

        def shown() -> list[Label]:
            return [of for of in app.dialog.query(Label) if of.display]

        assert draft in shown()
        assert str(draft.visual) == (
            "These are the values given last time, and refused: no grant\ufffd[2J. "
            "ctrl+r puts the example back"
        )
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert draft not in shown()
        await pilot.press("shift+tab", "enter", "down", "enter")
        await pilot.pause()
        assert app.dialog.query_one(Select).value == "demo/Tick@1"
        assert draft not in shown(), "the example, laid out otherwise"
    assert json.loads(texts["demo/Event@1"]) == SCHEMAS[0][2]


async def test_esc_closes_the_list_of_schemas_before_the_dialog() -> None:
    app = await run(event(), "shift+tab", "enter", "escape")
    assert app.result == OPEN


async def test_a_world_without_events_says_so_and_fires_nothing() -> None:
    app = await run(EventDialog([], None), "ctrl+s")
    assert app.result == OPEN
    assert app.last == "not fired: there is no event to fire"


@pytest.mark.parametrize(("size", "has_room"), zip(SIZES, (True, False), strict=True))
async def test_the_keys_below_json_stand_on_one_line(size: tuple[int, int], has_room: bool) -> None:
    async with opened(size=size) as on:
        await on.keys("e", "ctrl+t")
        more = on.app.screen.query_one("#more", Label)
        assert more.region.height == 1
        assert ("f7 all" in str(more.render())) == has_room
