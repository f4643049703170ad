"""Looking closer: filters, records that open whole, plan instances, a pane with all the room."""

from __future__ import annotations

import json
import re

import pytest

from tests.tui.driving import FOCUS, Driver, heights_of, journal_of, opened


async def test_a_filter_leaves_only_what_fits_and_n_goes_round() -> None:
    async with opened() as on:
        await on.keys("T", "slash", "text:kind:receipt", "enter")
        assert heights_of(on) == [17, 20, 23]
        heights = []
        for key in ("n", "n", "N", "N"):
            await on.keys(key)
            heights.append(on.snapshot.height)
        assert heights == [17, 20, 17, 23]
        on.app.clear_notifications()
        await on.keys("escape")
        assert heights_of(on) == list(range(31))
        await on.keys("n")
        assert on.snapshot.height == 17
        await on.keys("slash")
        assert heights_of(on) == [17, 20, 23]


async def test_a_wrong_filter_says_what_it_knows() -> None:
    async with opened() as on:
        await on.keys("t", "slash", "text:kind:nonsense")
        assert heights_of(on) == []
        assert "kinds are genesis" in journal_of(on)._none
        await on.keys("enter")
        assert on.said[-1].startswith("no record is of kind nonsense; kinds are genesis")
        await on.keys("ctrl+u", "text:nowhere", "enter", "n")
        assert on.said[-1].startswith("nothing is found")
        await on.keys("slash", "ctrl+u", "text:/api/b")
        assert heights_of(on) == [1, 3, 8, 15]


async def test_a_record_opens_whole_and_its_links_lead_on() -> None:
    async with opened() as on:
        await on.keys("t", "enter")
        assert on.mode == "RecordDialog"
        detail = await on.app.session.detail(16)
        text = dict(detail.sections)
        assert json.loads(text["Value"])["params"]["url"] == "https://example.com/api/c"
        assert on.snapshot.root.hex() in text["Hashes"]
        assert detail.title == "Record 16  intent GET example.com/api/c  http.request"
        assert [*text] == ["Value", "Hashes", "CBOR"] and not re.search(
            "[0-9a-f]{64}", text["Value"]
        )
        intent = on.snapshot.records[detail.height]
        for hash in (intent["hash"], intent["origin"]["instance"], intent["idempotency_key"]):
            assert hash.hex() in text["Hashes"]
        assert "'url'" not in text["CBOR"] and '"url"' in text["CBOR"]
        await on.keys("tab", "enter", "tab", "g")
        assert on.snapshot.height == 10


async def test_a_record_says_when_its_input_came_and_what_state_a_step_wrote() -> None:
    async with opened() as on:
        await on.keys("t")
        event, step = await on.app.session.detail(1), await on.app.session.detail(2)
        assert "source      basic step 0" in dict(event.sections)["Input"]
        (heading, changed), (_, state), *_ = step.sections
        assert (heading, changed) == (
            "Changed",
            "state  nothing -> {pc: Running, pending: {1: {to..",
        )
        assert json.loads(state)["pc"] == "Running"


async def test_enter_on_an_effect_opens_the_record_that_asked_for_it() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "enter")
        assert on.app.screen._title == "Record 15  intent GET example.com/api/b  http.request"  # type: ignore[attr-defined]


async def test_plan_instances_are_chosen_with_brackets_and_steps_open() -> None:
    async with opened(scenario="two-at-once") as on:
        await on.keys("t", "t", *FOCUS["plan"])
        assert on.snapshot.plan is not None and on.snapshot.plan.number == 1
        await on.keys("left_square_bracket")
        assert on.snapshot.plan.number == 0
        await on.keys("right_square_bracket")
        assert on.snapshot.plan.number == 1
        await on.keys("right_square_bracket")
        assert on.snapshot.plan.number == 0
        await on.keys("down", "right", "enter")
        assert on.app.screen._title == "Step await_b"  # type: ignore[attr-defined]


async def test_space_unfolds_a_value_of_the_state_which_stays_so() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["state"], "down", "down", "space", "down", "y")
        assert json.loads(on.app.clipboard)["topic"] == "demo"
        await on.keys("e", "ctrl+s", "down", "y")
        assert json.loads(on.app.clipboard)["topic"] == "demo"
        assert len(on.state["pending"]) == 2


@pytest.mark.parametrize("size", [(60, 20), (72, 15), (80, 24), (120, 40), (200, 60)])
async def test_tab_goes_as_one_reads(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        await on.keys("t")
        for keys in (("tab",) * 4, ("shift+tab",) * 4):
            places = []
            for key in keys:
                pane = on.app.screen.focused_pane()[1]  # type: ignore[attr-defined]
                top = pane.region.offset
                places.append((top.y, top.x))
                await on.keys(key)
            went = places if key == "tab" else [places[0], *places[:0:-1]]
            assert went == sorted(went) and len(set(went)) == 4, went


_DIALOGS: dict[str, tuple[str, ...]] = {
    "EventDialog": ("e",), "ReceiptDialog": ("i",), "BreakDialog": ("x",), "ForkDialog": ("F",),
    "ShuffleDialog": ("S",), "PromptDialog": ("g",), "RecordDialog": ("enter",),
    "WhyDialog": ("w",), "HelpDialog": ("question_mark",), "ExportDialog": ("ctrl+s",),
    "ConfirmDialog": ("L",), "BranchesDialog": ("B",), "RenameDialog": ("B", "r"),
    "PropertyDialog": ("p",), "ScenariosDialog": ("O",),
    "PastDialog": (*FOCUS["state"], "down", "H"),
    "NewDialog": ("o", "text:New world", "enter"),
    "FolderDialog": ("o", "text:open folder type", "enter"),
    "ComparisonDialog": ("u", "c"),
}  # fmt: skip


def chain_in_sight(on: Driver) -> list[tuple[int, int]]:
    """(row, column) of what tab goes to, one after the other; a form is longer than its window."""
    seen = on.app.screen._compositor.visible_widgets
    return [(of.region.y, of.region.x) for of in on.app.screen.focus_chain if of in seen]


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_tab_goes_through_dialogs_as_one_reads(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        await on.keys("t")
        for dialog, keys in _DIALOGS.items():
            await on.keys(*keys)
            assert on.mode == dialog
            chain = chain_in_sight(on)
            assert chain == sorted(chain) and len(chain) > 1, (dialog, chain)
            if dialog in ("EventDialog", "ReceiptDialog"):
                await on.keys("ctrl+t")  # as JSON
                chain = chain_in_sight(on)
                assert chain == sorted(chain), (dialog, chain)
                await on.keys("ctrl+t")
            while on.mode != "live":
                await on.keys("escape")


async def test_z_gives_the_focused_pane_all_the_room_and_tab_goes_round() -> None:
    async with opened() as on:
        screen = on.app.screen
        usual = screen.query_one("#journal").size
        await on.keys("t", "z")
        for pane in FOCUS:
            zoomed = screen.query_one(f"#{pane}")
            assert zoomed.has_focus_within
            assert zoomed.region == screen.query_one("#panes").region
            assert [
                screen.query_one(f"#{line}").region.height for line in ("header", "timeline")
            ] == [1, 1]
            await on.keys("tab")
        on.app.clear_notifications()
        await on.keys("escape")
        assert screen.query_one("#journal").size == usual
