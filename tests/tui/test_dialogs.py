"""The dialogs: what they dismiss with, how they refuse, and that nothing of them is cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.text import Text
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList, Select, Static, TextArea

from aos_tui.dialogs import (
    BranchesDialog,
    BranchOption,
    BreakDialog,
    ComparisonDialog,
    ConfirmDialog,
    EventDialog,
    ExportDialog,
    ForkDialog,
    HelpDialog,
    InstancesDialog,
    LostDialog,
    PastDialog,
    PromptDialog,
    ProofDialog,
    PropertyDialog,
    ReceiptDialog,
    RecordDialog,
    RecordPage,
    RehearsalDialog,
    SavedDialog,
    ShuffleDialog,
    SwapDialog,
    ValueDialog,
    WhyDialog,
    WhyLine,
    WhyPage,
    type_text,
)
from aos_tui.dialogs.long_text import LongText
from aos_tui.dialogs.value_editor import TypeView, ValueEditor
from aos_tui.state_lines import Field

OPEN = "still open"

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
TARGET = {"record": {"name": TEXT, "url": TEXT}}
START = {"variant": {"Start": {"record": {"topic": TEXT, "primary": TARGET}}, "Stop": {"unit": {}}}}
SCHEMAS = [("demo/Event@1", START, {"Stop": None}), ("demo/Tick@1", NAT, 7)]
HTTP = {"record": {"status": {"int": {}}, "body": {"option": TEXT}}}


class Host(App[None]):
    """Shows one dialog and keeps what it dismisses with."""

    def __init__(self, dialog: ModalScreen[Any]) -> None:
        super().__init__()
        self.dialog = dialog
        self.result: Any = OPEN
        self.last = ""

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.push_screen(self.dialog, self._keep)

    def _keep(self, result: Any) -> None:
        self.result = result

    def said(self) -> str:
        """What the message line says now; ``last``: what it said when ``run`` was through."""
        return str(self.dialog.query_one("#message").query_one(Static).visual)


async def run(
    dialog: ModalScreen[Any], *keys: str, text: str | None = None, size: tuple[int, int] = (80, 24)
) -> Host:
    """Type ``text`` over what the dialog's text field holds, then press ``keys``."""
    app = Host(dialog)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if text is not None:
            await write(app, pilot, text)
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        if app.result == OPEN and dialog.query("#message"):
            app.last = app.said()
    return app


async def write(app: Host, pilot: Pilot[None], text: str) -> None:
    """Over what the text field holds; a value is written as JSON, in that display."""
    for editor in app.dialog.query(ValueEditor):
        if editor.is_form:
            await pilot.press("ctrl+t")
        app.dialog.query_one(TextArea).text = text
        break
    else:
        app.dialog.query_one(Input).value = text
    await pilot.pause()


def editor(app: Host) -> ValueEditor:
    return app.dialog.query_one(ValueEditor)


def event(**more: Any) -> EventDialog:
    return EventDialog(SCHEMAS, None, **more)


def receipt(validate: Callable[[str, Any, int | None], str | None] | None = None) -> ReceiptDialog:
    return ReceiptDialog("Receipt 2", "ok", {"status": 200, "body": None}, 5, HTTP, validate)


def page(height: int) -> RecordPage:
    return RecordPage(
        height,
        f"Record {height} [receipt]",
        [("Value", "{'a': [1]}"), ("CBOR", "h'00'\n" * 60)],
        [(f"{height - 1} intent [GET]", height - 1), (f"{height + 1} plan", height + 1)],
    )


async def look(height: int) -> RecordPage | None:
    return page(height) if height < 20 else None


def record() -> RecordDialog:
    return RecordDialog(page(17), look)


def why_page(height: int) -> WhyPage:
    lines = [WhyLine(Text(f"{of} record [b]"), of) for of in (height - 1, height, height + 1)]
    field = Field("Rab", b"", ("a", "b"), "a.b")
    return WhyPage(height, [*lines, WhyLine(Text("a.b  1 -> 2"), height, field)], 1, False)


async def look_why(height: int) -> WhyPage | None:
    return why_page(height)


def why() -> WhyDialog:
    return WhyDialog(why_page(17), look_why, lambda field, height, answer: answer(len(field.title)))


def branches(change: Callable[[BranchesDialog, str, str], None] | None = None) -> BranchesDialog:
    def lines(whole: bool) -> list[BranchOption]:
        made = ["a-1", "a-2"] if whole else [""]
        return [
            BranchOption(Text("a"), "a", "present"),
            BranchOption(Text("b [b]"), "b"),
            *(BranchOption(Text(name or "2 more"), name) for name in made),
            BranchOption(Text("gone"), "gone", "removed"),
        ]

    return BranchesDialog(lines, change or (lambda of, what, name: None))


def help_dialog() -> HelpDialog:
    rows = [("ctrl+p", "the palette"), ("r R", "release those selected, release all " * 3)]
    return HelpDialog([(f"Group {i}", rows) for i in range(8)])


def export() -> ExportDialog:
    files = {"scenario": "a.toml", "pytest": "test_a.py", "html": "a.html", "screenshot": "a.svg"}
    taken = {"b.html": "this file is there already"}
    return ExportDialog("branch main up to height 7", files, taken.get)


EVERY: dict[str, Callable[[], ModalScreen[Any]]] = {
    "event": event,
    "no-event": lambda: EventDialog([], None),
    "receipt": receipt,
    "shuffle": lambda: ShuffleDialog(40, 7),
    "prompt": lambda: PromptDialog("Go", "to which height", "", lambda _: "error " * 60),
    "fork": lambda: ForkDialog(12, 9, "try", ["main"]),
    "record": record,
    "branches": branches,
    "why": why,
    "help": help_dialog,
    "export": export,
    "saved": lambda: SavedDialog("/a/long/way/to/" * 12 + "a.html", "A report. " * 60),
    "confirm": lambda: ConfirmDialog("Quit?", "A build is running. " * 40),
    "swap": lambda: SwapDialog("Rebuilt", "Other than what is in force. " * 40),
    "rehearsal": lambda: RehearsalDialog(
        "Rehearsed: changes 3 of 1,204 records",
        [
            ("", "It changes [3] of 1,204. " * 9),
            ("First difference: record 17 (step)", "field\n" * 9),
        ],
        goes=True,
    ),
    "value": lambda: ValueDialog("State [demo]", "x" * 5000),
    "break": lambda: BreakDialog("effect 1", "no answer is prepared: i writes one"),
    "instances": lambda: InstancesDialog([(f"#{of} [p]", of) for of in range(100)], 0, 7),
    "past": lambda: PastDialog(
        "a.b", "9 values", [(f"{of} [v]", of) for of in range(99)], 98, lambda _: ["|"] * 5
    ),
    "comparison": lambda: ComparisonDialog(
        ("main", "b"), [("9 differences", "")], [("a.b", "x" * 900, None)] * 20, "there is more"
    ),
    "property": lambda: PropertyDialog(
        "{}", [(f"p{of}", "[{}]" * 40) for of in range(30)], lambda _: "wrong " * 60, watched=True
    ),
    "proof": lambda: ProofDialog("found [a]\n" * 60, offers=True),
    "lost": lambda: LostDialog("main", "/a/long/way/to/" * 12 + "main.log", "31 records"),
}


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("name", EVERY)
async def test_nothing_is_cut_off_and_esc_backs_out(name: str, size: tuple[int, int]) -> None:
    app = Host(EVERY[name]())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        frame = app.dialog.query_one("#dialog")
        inside = frame.content_region
        assert app.dialog.region.contains_region(frame.region)
        for part in (
            *frame.children,
            *frame.query("Button, Input, TextArea, Select, Reader, #more"),
        ):
            assert not part.display or inside.contains_region(part.region), part
            assert part.region.area > 0 or not part.display or part.id == "more", part
        assert app.focused is not None
        await pilot.press("escape")
        await pilot.pause()
        assert app.result in (None, False)


async def test_a_field_blinks_no_cursor_where_animations_are_off() -> None:
    app = Host(receipt())
    async with app.run_test() as pilot:
        await pilot.pause()
        for display in ("form", "json"):
            fields = [*app.dialog.query(Input), *app.dialog.query(TextArea)]
            assert len(fields) == 2, display
            assert not any(field.cursor_blink for field in fields)
            await pilot.press("ctrl+t")


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


# -- event ---------------------------------------------------------------------------------------


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


async def test_the_branches_are_listed_and_another_is_chosen() -> None:
    assert (await run(branches(), "down", "enter")).result == ("open", "b")
    assert (await run(branches(), "enter")).result is None
    assert (await run(branches(), "down", "c")).result == ("diff", "b")
    for keys in (("c",), ("end", "c")):
        assert (await run(branches(), *keys)).result == OPEN


async def test_what_changes_the_list_leaves_it_open() -> None:
    asked: list[tuple[str, str]] = []

    def change(of: BranchesDialog, what: str, name: str) -> None:
        asked.append((what, name))

    keys = ("r", "d", "down", "r", "d", "end", "r", "d", "enter")
    assert (await run(branches(change), *keys)).result == OPEN
    assert asked == [("rename", "a"), ("rename", "b"), ("delete", "b"), ("restore", "gone")]


async def test_the_list_of_branches_shows_what_has_become_of_it_where_one_was() -> None:
    def change(of: BranchesDialog, what: str, name: str) -> None:
        of.busy = True

    def after(whole: bool) -> list[BranchOption]:
        return [BranchOption(Text(name), name) for name in "acd"]

    app = Host(branches(change))
    async with app.run_test() as pilot:
        await pilot.pause()
        found, dialog = app.dialog.query_one(OptionList), app.dialog
        assert isinstance(dialog, BranchesDialog)
        await pilot.press("down", "d", "down", "d", "enter", "c", "space")
        assert (found.highlighted, found.option_count, app.result) == (2, 4, OPEN)
        dialog.show(after, None)
        assert (found.highlighted, found.option_count) == (2, 3)
        dialog.show(after, "c")
        assert found.highlighted == 1
        dialog.busy = False
        await pilot.press("enter")
    dialog.show(after, "a")
    assert app.result == ("open", "c")


async def test_space_shows_the_branches_that_are_left_out_and_stays_where_one_is() -> None:
    app = Host(branches())
    async with app.run_test() as pilot:
        await pilot.pause()
        found = app.dialog.query_one(OptionList)
        assert found.option_count == 4
        await pilot.press("down", "space")
        assert (found.option_count, found.highlighted) == (5, 1)
        await pilot.press("space", "down", "enter")
        assert (app.result, found.option_count) == (OPEN, 5)


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


# -- receipt -------------------------------------------------------------------------------------


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


# -- shuffle -------------------------------------------------------------------------------------


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


# -- prompt and fork -----------------------------------------------------------------------------


async def test_a_prompt_gives_the_text() -> None:
    assert (await run(PromptDialog("Go", "height", ""), *"12", "enter")).result == "12"


async def test_what_is_typed_replaces_the_initial_text() -> None:
    assert (await run(PromptDialog("Go", "height", "17"), "3", "enter")).result == "3"


async def test_a_prompt_complains_only_after_it_was_touched() -> None:
    app = Host(PromptDialog("Go", "height", "", lambda text: None if text else "write a height"))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.said() == ""
        await pilot.press("enter")
        await pilot.pause()
        assert app.said() == "not done: write a height"
        assert app.result == OPEN


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


# -- record, value, help, confirm ----------------------------------------------------------------


async def test_links_lead_from_record_to_record_and_back() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        dialog = app.dialog
        assert isinstance(dialog, RecordDialog)
        for key, height in (
            ("tab", 17), ("down", 17), ("enter", 18), ("enter", 17), ("backspace", 18),
            ("down", 18), ("enter", 19), ("down", 19), ("enter", 19), ("backspace", 18),
            ("backspace", 17), ("backspace", 17),
        ):  # fmt: skip
            await pilot.press(key)
            await settle(pilot)
            assert dialog.page.height == height, key
            assert f"Record {height}" in str(dialog.query_one("#dialog").border_title)
        assert app.result == OPEN
        await pilot.press("g")
        await pilot.pause()
    assert app.result == 16


async def test_g_goes_to_the_record_that_is_shown_while_its_text_is_read() -> None:
    assert (await run(record(), "g")).result == 17
    assert (await run(record(), "right", "down", "left", "g")).result == 17
    assert (await run(record(), "right", "down", "g")).result == 18


async def test_a_link_takes_the_mouse() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.click(OptionList, offset=(2, 0))
        await settle(pilot)
        assert isinstance(app.dialog, RecordDialog) and app.dialog.page.height == 16


async def test_of_five_megabytes_a_part_is_laid_out_and_all_is_copied() -> None:
    text = "x" * 5_000_000
    huge = RecordPage(3, "Record 3", [("Value", text), ("CBOR", text)], [("led to 4", 4)])
    app = Host(RecordDialog(huge, look))
    async with app.run_test() as pilot:
        await pilot.pause()
        for shown in app.dialog.query("Reader Static.text").results(Static):
            said = str(shown.visual)
            assert len(said) < 20_000 and "characters more: y copies all" in said
        await pilot.press("y")
    assert app.clipboard == f"Value\n{text}\n\nCBOR\n{text}"


async def test_nothing_of_a_record_reaches_the_terminal_raw() -> None:
    text = "a\x1b]52;c;\x07\nb\x9b2J \u202e"
    bad = RecordPage(3, "Record 3", [("Value", text)], [("led to \x1b[2J", 4)])
    app = Host(RecordDialog(bad, look))
    async with app.run_test() as pilot:
        await pilot.pause()
        lines = [
            segment.text
            for strip in app.screen._compositor.render_strips()
            for segment in strip
        ]  # fmt: skip
        shown = "".join(lines)
        assert "]52;c;" in shown and all(of.isprintable() for of in shown)
        await pilot.press("y")
    assert app.clipboard == f"Value\n{text}"


async def test_of_why_one_walks_both_ways_down_to_a_field() -> None:
    app = Host(why())
    async with app.run_test() as pilot:
        await pilot.pause()
        dialog = app.dialog
        assert isinstance(dialog, WhyDialog)
        for key, height in (
            ("enter", 17), ("down", 17), ("enter", 18), ("up", 18), ("w", 17), ("backspace", 18),
            ("backspace", 17), ("end", 17), ("enter", 3),
        ):  # fmt: skip
            await pilot.press(key)
            await settle(pilot)
            assert dialog.page.height == height, key
        await pilot.press("up", "g")
        await pilot.pause()
    assert app.result == 2


async def test_y_copies_every_section_of_a_record() -> None:
    app = await run(record(), "y")
    assert app.clipboard == "Value\n{'a': [1]}\n\nCBOR\n" + "h'00'\n" * 60
    assert app.result == OPEN


async def test_y_copies_the_whole_of_a_value_that_is_shown_in_part() -> None:
    text = "[b]" * 40_000
    app = Host(ValueDialog("Value", text))
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("end")
        long = app.dialog.query_one(LongText)
        shown = "".join(long._lines)
        assert len(shown) < len(text)
        assert shown.startswith("[b][b]")
        assert shown.endswith("70000 characters more: y copies all")
        assert "70000 characters more" in long.render_line(long.size.height - 1).text
        await pilot.press("y")
    assert app.clipboard == text


async def test_long_text_scrolls_with_keys() -> None:
    app = Host(record())
    async with app.run_test() as pilot:
        await pilot.pause()
        reader = app.dialog.query_one("Reader")
        assert reader.has_focus
        for key, moved in (("j", 1), ("down", 2), ("k", 1), ("end", reader.max_scroll_y)):
            await pilot.press(key)
            await settle(pilot)
            assert reader.scroll_offset.y == moved


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.animator.wait_until_complete()
    await pilot.pause()


async def test_help_closes_with_the_key_that_opened_it() -> None:
    assert (await run(help_dialog(), "question_mark")).result is None


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["y"], True),
        (["n"], False),
        (["enter"], False),
        (["left", "enter"], True),
        (["escape"], False),
    ],
)
async def test_confirm(keys: list[str], answer: bool) -> None:
    assert (await run(ConfirmDialog("Quit?", "Really [now]?"), *keys)).result is answer


async def test_confirm_shows_its_own_words() -> None:
    app = Host(ConfirmDialog("Drop?", "It goes.", yes="Drop [it]", no="Keep"))
    async with app.run_test() as pilot:
        await pilot.pause()
        labels = [str(button.label) for button in app.dialog.query(Button).results()]
    assert labels == ["Drop [it] y", "Keep n"]


# -- types as text -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_json", "text"),
    [
        (TEXT, "text"),
        ({"$comment": "x", "nat": {}}, "nat"),
        ({"record": {}}, "{}"),
        (TARGET, "{name: text, url: text}"),
        (START, "Start {topic: text, primary: {name: text, url: text}} | Stop"),
        ({"variant": {"N": NAT, "V": {"variant": {"A": TEXT}}}}, "N nat | V (A text)"),
        ({"list": {"option": TARGET}}, "[{name: text, url: text}?]"),
        ({"option": {"variant": {"A": {"unit": {}}, "B": NAT}}}, "(A | B nat)?"),
        ({"map": {"key": TEXT, "value": {"set": NAT}}}, "map[text, set[nat]]"),
        ({"ref": "demo/T@1"}, "demo/T@1"),
    ],
)
def test_a_type_on_one_line(type_json: object, text: str) -> None:
    assert type_text(type_json) == text
    assert type_text(type_json, 200) == text


def test_a_type_is_broken_where_it_does_not_fit() -> None:
    assert type_text(START, 26).splitlines() == [
        "| Start {",
        "    topic: text",
        "    primary: {",
        "      name: text",
        "      url: text",
        "    }",
        "  }",
        "| Stop",
    ]
    nested = {"record": {"xs": {"list": {"variant": {"Aaaaaa": NAT, "Bbbbbb": NAT}}}}}
    assert type_text(nested, 16).splitlines() == [
        "{",
        "  xs: [",
        "    | Aaaaaa nat",
        "    | Bbbbbb nat",
        "  ]",
        "}",
    ]


@pytest.mark.parametrize("width", [1, 12, 30, 60])
def test_breaking_a_type_loses_none_of_it(width: int) -> None:
    def words(text: str) -> list[str]:
        return text.replace("{", " ").replace("}", " ").replace(",", " ").replace("|", " ").split()

    assert words(type_text(START, width)) == words(type_text(START))


def test_an_example_is_shown_as_people_write_it() -> None:
    from aos_tui.dialogs.json_text import json_text, parse_json

    value = {"name": "Ä", "xs": [1, None]}
    assert "Ä" in json_text(value)
    assert parse_json(json_text(value)) == json.loads(json.dumps(value))


# -- export -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        (("enter",), ("scenario", "a.toml")),
        (("down", "enter"), ("pytest", "test_a.py")),
        (("up", "enter"), ("screenshot", "a.svg")),
        (("down", "down", "up", "enter"), ("pytest", "test_a.py")),
        (("end", "x", "down", "enter"), ("pytest", "a.tomlx")),
    ],
)
async def test_the_file_goes_with_the_form_until_one_names_it(
    keys: tuple[str, ...], result: tuple[str, str]
) -> None:
    assert (await run(export(), *keys)).result == result


async def test_a_file_that_is_there_is_refused_and_the_dialog_says_what_it_will_do() -> None:
    refused = await run(export(), "enter", text="b.html")
    assert refused.result == OPEN
    assert refused.last == "not exported: this file is there already"
    assert (await run(export(), "enter", text=" ")).last == "not exported: name a file"
    assert "must end in the same root" in (await run(export())).last
    assert "passes once that is mended" in (await run(export(), "down")).last


async def test_y_copies_the_path_alone() -> None:
    app = await run(SavedDialog("/a/b.html", "A report."), "y")
    assert app.clipboard == "/a/b.html"
