"""The fields on the screen: by keys alone, at 80x24, asserted on the value that comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from aos_tui.dialogs import EventDialog
from aos_tui.dialogs.value_editor import MOST_FIELDS, ValueEditor
from aos_tui.form.fields import Drop, LineField, LinesField, Pick, Tick
from tests.form.forms import ORDER, PLACE
from tests.tui.dialogs.hosting import OPEN, Host

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}


class Form:
    """An event dialog of one type."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Type a text over what the field under the cursor holds."""
        await self.press("end", "shift+home", *text)

    @property
    def editor(self) -> ValueEditor:
        return self.app.dialog.query_one(ValueEditor)

    @property
    def value(self) -> Any:
        return self.editor.read()

    @property
    def wrongs(self) -> list[str]:
        """What is said at fields."""
        found = self.app.dialog.query(".wrong").results(Static)
        return [str(of.visual).strip() for of in found if of.display]


@asynccontextmanager
async def form(of: Any, value: Any, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Form]:
    app = Host(EventDialog([("demo/E@1", of, value)]))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Form(app, pilot)
    assert app._exception is None


async def fired(of: Any, value: Any, *keys: str) -> Any:
    """What is fired after keys; still open: None."""
    async with form(of, value) as on:
        await on.press(*keys, "ctrl+s")
    return None if on.app.result == OPEN else on.app.result[1]


async def test_what_is_filled_in_already_is_fired_as_it_is() -> None:
    assert await fired(ORDER, PLACE, "ctrl+s") == PLACE


async def test_fields_are_walked_with_enter_tab_and_arrows_and_typed_into() -> None:
    of = {"record": {"a": TEXT, "n": NAT, "b": TEXT}}
    async with form(of, {"a": "x", "n": 1, "b": "y"}) as on:
        await on.press("1", "enter")
        await on.write("27")
        await on.press("down", "2", "up", "up", "3", "shift+tab")
        assert on.value == {"a": "x13", "n": 27, "b": "y2"}


async def test_another_tag_swaps_the_fields_and_the_old_ones_come_back() -> None:
    of = {"variant": {"A": {"record": {"n": NAT}}, "B": {"unit": {}}, "C": TEXT}}
    async with form(of, {"A": {"n": 4}}) as on:
        assert isinstance(on.app.focused, Pick)
        await on.press("right")
        assert on.value == "B"
        await on.press("right", "tab", *"abc")
        assert on.value == {"C": "abc"}
        await on.press("up", "a")
        assert on.value == {"A": {"n": 4}}
        await on.press("left")
        assert on.value == {"C": "abc"}
        await on.press("enter", "up", "enter")
        assert on.value == "B"


async def test_an_option_is_switched_on_and_off_and_remembers() -> None:
    async with form(
        {"record": {"a": {"option": NAT}, "b": {"bool": {}}}}, {"a": None, "b": False}
    ) as on:
        await on.press("space", "tab")
        await on.write("17")
        assert on.value == {"a": 17, "b": False}
        await on.press("shift+tab", "space")
        assert on.value == {"a": None, "b": False}
        await on.press("enter", "down", "down", "space")
        assert on.value == {"a": 17, "b": True}


async def test_rows_are_added_and_removed_with_keys() -> None:
    async with form({"record": {"l": {"list": NAT}}}, {"l": [1, 2, 3]}) as on:
        await on.press("ctrl+n")
        await on.write("4")
        assert on.value == {"l": [1, 2, 3, 4]}
        await on.press("up", "up", "f8")
        assert on.value == {"l": [1, 3, 4]}
        await on.press("f8")
        assert on.value == {"l": [1, 4]}
        await on.press("f8", "f8")
        assert on.value == {"l": []}
        await on.press("enter")
        await on.write("9")
        assert on.value == {"l": [9]}


async def test_rows_are_added_and_removed_with_the_mouse() -> None:
    async with form({"record": {"l": {"list": NAT}}}, {"l": [1, 2]}) as on:
        await on.pilot.click(Drop)
        await on.pilot.pause()
        assert on.value == {"l": [2]}
        await on.pilot.click("AddButton")
        await on.pilot.pause()
        assert on.value == {"l": [2, 0]}


async def test_a_map_has_keys_and_values_beside_each_other() -> None:
    async with form({"record": {"m": {"map": {"key": TEXT, "value": NAT}}}}, {"m": {"a": 1}}) as on:
        await on.press("ctrl+n", *"b", "tab")
        await on.write("2")
        assert on.value == {"m": {"a": 1, "b": 2}}
        await on.press("shift+tab", "backspace", "a")
        assert on.wrongs == ["! this key stands here twice"]
        await on.press("f8")
        assert (on.value, on.wrongs) == ({"m": {"a": 1}}, [])


async def test_rows_of_rows_go_with_the_innermost_list() -> None:
    async with form({"list": {"list": NAT}}, [[1], [2]]) as on:
        await on.press("ctrl+n")
        assert on.value == [[1, 0], [2]]
        await on.press("f8", "f8")
        assert on.value == [[], [2]]


async def test_what_is_wrong_stands_at_its_field_and_ctrl_s_goes_there() -> None:
    of = {"record": {"a": TEXT, "n": NAT, "u": {"uuid": {}}}}
    uuid = "00000000-0000-0000-0000-000000000001"
    async with form(of, {"a": "", "n": 1, "u": uuid}) as on:
        await on.press("tab", "x", "tab", "end", "backspace", "shift+tab", "shift+tab")
        nat = "'x' is no nat: a whole number, 0 .. 18446744073709551615"
        assert [of[: len(nat) + 2] for of in on.wrongs] == [
            f"! {nat}",
            "! '00000000-000...0-00000000000' is not the text form of u",
        ]
        await on.press("ctrl+s")
        assert on.app.result == OPEN
        assert on.app.said().startswith(f"not fired: $.n: {nat}; 1 more")
        assert isinstance(on.app.focused, LineField) and on.app.focused.value == "x"
        await on.write("5")
        assert len(on.wrongs) == 1


async def test_a_wrong_field_stays_as_it_is_through_json() -> None:
    async with form({"record": {"n": NAT}}, {"n": 1}) as on:
        await on.write("12x")
        await on.press("ctrl+t")
        assert on.editor.text == '{\n  "n": "12x"\n}'
        await on.press("ctrl+t")
        assert on.wrongs == ["! '12x' is no nat: a whole number, 0 .. 18446744073709551615"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"n": }', "this JSON fits no form: line 1, column 7"),
        ('{"n": [1]}', "this JSON fits no form: expected nat, got list [1] at $.n"),
        ('{"m": 1}', "this JSON fits no form: unknown field 'm'; known: n at $"),
    ],
)
async def test_json_that_fits_no_form_stays_and_says_why(text: str, said: str) -> None:
    from textual.widgets import TextArea

    async with form({"record": {"n": NAT}}, {"n": 1}) as on:
        await on.press("ctrl+t")
        on.app.dialog.query_one(TextArea).text = text
        await on.pilot.pause()
        await on.press("ctrl+t")
        assert not on.editor.is_form
        assert on.app.said().startswith(said)
        assert on.editor.text == text
        on.app.dialog.query_one(TextArea).text = '{"n": 8}'
        await on.pilot.pause()
        await on.press("ctrl+t", "9")
        assert on.value == {"n": 9}


async def test_several_lines_are_pasted_whole_and_leave_by_the_arrows() -> None:
    of = {"record": {"a": TEXT, "b": TEXT}}
    async with form(of, {"a": "xy", "b": ""}) as on:
        await on.press("left")
        focused = on.app.focused
        assert isinstance(focused, LineField)
        focused.post_message(events.Paste("1\n2"))
        await on.pilot.pause()
        await on.pilot.pause()
        assert on.value == {"a": "x1\n2y", "b": ""}
        assert isinstance(on.app.focused, LinesField)
        await on.press("down", "down", *"z")
        assert on.value == {"a": "x1\n2y", "b": "z"}
        await on.press("up", "up", "up")
        assert not isinstance(on.app.focused, LinesField), "up goes on from the first line"


async def test_notations_are_switched_where_the_cursor_is() -> None:
    of = {"record": {"b": {"bytes": {}}, "t": {"time": {}}, "n": NAT}}
    async with form(of, {"b": {"bytes_b64": "AP8="}, "t": 0, "n": 1}) as on:

        def shown() -> list[str]:
            return [field.value for field in on.app.dialog.query(LineField)]

        assert shown() == ["00 ff", "0", "1"]
        await on.press("f4", "tab", "f4")
        assert shown() == ["AP8=", "1970-01-01T00:00:00Z", "1"]
        assert on.value == {"b": {"bytes_b64": "AP8="}, "t": "1970-01-01T00:00:00Z", "n": 1}


async def test_what_a_terminal_would_obey_is_shown_escaped() -> None:
    async with form(TEXT, "a\x1b[31mb\x9b1m\u202e") as on:
        (field,) = on.app.dialog.query(LineField)
        assert field.value == '"a\\u001b[31mb\\u009b1m\\u202e"'
        assert on.value == "a\x1b[31mb\x9b1m\u202e"
        await on.press("ctrl+t")
        assert on.editor.text.isprintable()


async def test_fifty_fields_scroll_and_the_last_is_reached() -> None:
    of = {"record": {f"field_{n}": NAT for n in range(50)}}
    async with form(of, {f"field_{n}": n for n in range(50)}) as on:
        await on.press(*["down"] * 49)
        await on.write("7")
        assert on.value["field_49"] == 7
        assert on.app.focused is not None
        view = on.app.dialog.query_one("FormView")
        assert view.region.contains_region(on.app.focused.region)


async def test_a_value_too_large_for_a_form_is_json_and_says_so() -> None:
    fields = {f"f{n}": NAT for n in range(MOST_FIELDS)}
    async with form({"record": fields}, dict.fromkeys(fields, 0)) as on:
        assert not on.editor.is_form
        await on.press("ctrl+t")
        assert "parts, and a form has 400 at most" in on.app.said()


async def test_of_a_long_list_the_first_rows_are_shown_and_all_are_kept() -> None:
    async with form({"list": NAT}, list(range(250))) as on:
        assert len(on.app.dialog.query(LineField)) == 100
        await on.press("f8")
        assert on.value == list(range(1, 250))
        assert "149 more" in str(on.app.dialog.query_one(".note", Static).visual)


async def test_the_bytes_of_a_value_are_shown_and_not_of_a_wrong_one() -> None:
    app = Host(
        EventDialog([("demo/E@1", NAT, 1)], preview=lambda schema, value: f"{schema} {value}")
    )
    async with app.run_test() as pilot:
        await pilot.press("x", "ctrl+b")
        await pilot.pause()
        assert app.said().startswith("no bytes yet: $: 'x' is no nat: a whole number")
        await pilot.press("backspace", "5", "ctrl+b")
        await pilot.pause()
        assert "demo/E@1 5" in [str(of.visual) for of in app.screen.query(Static)]
        await pilot.press("escape")
        assert app.screen is app.dialog


async def test_without_a_list_or_another_notation_the_keys_say_so() -> None:
    async with form({"record": {"n": NAT}}, {"n": 1}) as on:
        said: list[str] = []
        on.app.notify = lambda message, **_: said.append(message)  # type: ignore[method-assign]
        await on.press("ctrl+n", "f8", "f4")
        assert [of.split(" to ")[0] for of in said] == [
            "there is no list or map here",
            "there is no row of a list or map here",
            "what is here has one notation",
        ]


async def test_a_tick_and_a_pick_take_the_mouse() -> None:
    of = {"record": {"b": {"bool": {}}, "v": {"variant": {"A": {"unit": {}}, "B": {"unit": {}}}}}}
    async with form(of, {"b": False, "v": "A"}) as on:
        await on.pilot.click(Tick)
        await on.pilot.click(Pick)
        await on.press("down", "enter")
        assert on.value == {"b": True, "v": "B"}
