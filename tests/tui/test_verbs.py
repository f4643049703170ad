"""Every verb by its key, asserted on the world: heights, roots, states, what is pending."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Static

from aos_core.world import World
from aos_tui.actions import ACTIONS, ANYWHERE, PICKER
from aos_tui.headless import dump, settle
from tests.support import start
from tests.tui.driving import FOCUS, Driver, heights_of, journal_of, on_disk, opened

SIZES = [(120, 40), (80, 24)]


async def final_root(*keys: str) -> str:
    """The root after the scenario's event, these keys, and nothing left to wait for."""
    async with opened() as on:
        await on.keys("t", *keys)
        assert on.numbers == []
        assert on.state["last_statuses"] == [202, 200, 201]
        return str(on.known["root"])


# -- the main job -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_main_job(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        assert (on.snapshot.height, on.known["verified"]) == (0, None)
        await on.keys("t")
        assert (on.snapshot.height, on.numbers, on.known["pending"]) == (16, [1, 2, 3], 3)
        await on.keys("R", "v")
        assert (on.snapshot.height, on.known["pending"], on.known["verified"]) == (30, 0, True)
        assert on.errors == []


async def test_nothing_is_lost_by_quitting(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "r", "q")
        height, root = on.snapshot.live, on.snapshot.root.hex()
    assert on_disk(world)[:2] == (height, root) == (19, root)
    async with opened(world) as on:
        assert (on.snapshot.height, on.numbers) == (19, [2, 3])
        await on.keys("R", "v")
        assert on.known["verified"] is True
    assert on_disk(world)[0] == 30


async def test_a_scenario_is_played_by_steps_or_to_its_end() -> None:
    async with opened() as on:
        await on.keys("t", "t")
        played = on.known["root"]
        assert on.snapshot.next_step is None
        assert "at its end, all as expected" in on.said[-1]
    async with opened() as on:
        await on.keys("T")
        assert (on.known["root"], on.snapshot.next_step) == (played, None)
        assert on.errors == []


async def test_at_the_scenarios_end_t_begins_it_anew_on_another_branch() -> None:
    async with opened() as on:
        await on.keys("T", "t")
        assert on.mode == "ForkDialog"
        await on.keys("enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("main-0", 16, [1, 2, 3])


async def test_a_release_step_that_finds_nothing_says_so_and_ends_the_scenario(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "R")
        assert on.snapshot.next_step == "nothing is left to release"
        await on.keys("t")
        assert on.app.session.at_scenario_end
        assert on.snapshot.live == 30
        assert "at its end, all as expected" in on.said[-1]
    async with opened(world) as on:
        assert on.snapshot.next_step is None


async def test_what_a_scenario_expects_and_does_not_get_is_said(world: Path) -> None:
    path = world / "scenarios/basic.toml"
    path.write_text(path.read_text().replace("202, 200, 201", "202, 200, 500"))
    async with opened(world, memory=True) as on:
        await on.keys("T")
        assert any("last_statuses" in text for text in on.errors)


# -- orders -----------------------------------------------------------------------------------


async def test_every_order_of_receipts_ends_in_the_same_root() -> None:
    in_order = await final_root("R")
    assert await final_root("s") == in_order
    assert await final_root(*FOCUS["pending"], "down", "r", "r", "r") == in_order


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("R",), "abc"),
        ((*FOCUS["pending"], "J", "R"), "bac"),
        ((*FOCUS["pending"], "J", "J", "R"), "bca"),
        ((*FOCUS["pending"], "down", "down", "K", "R"), "acb"),
        ((*FOCUS["pending"], "down", "r"), "b"),
        ((*FOCUS["pending"], "space", "down", "down", "space", "r"), "ac"),
        ((*FOCUS["pending"], "down", "space", "space", "up", "space", "r"), "a"),
        ((*FOCUS["pending"], "J", "S", "text:2,3,1", "enter"), "acb"),
        (("S", "text:3,1,2", "enter"), "cab"),
    ],
)
async def test_receipts_are_delivered_in_the_order_that_is_shown(
    keys: tuple[str, ...], order: str
) -> None:
    async with opened() as on:
        await on.keys("t", *keys)
        assert "".join(on.receipts) == order
        assert on.errors == []


async def test_a_shuffle_says_its_seed_which_repeats_it() -> None:
    async with opened() as on:
        await on.keys("t", "s")
        seed, said = on.said[-1].removeprefix("s: seed ").split(", ", 1)
        numbers = said.removeprefix("order ").removesuffix("; S repeats it").split(", ")
        order = on.receipts
        assert ["abc"[int(n) - 1] for n in numbers] == order != ["a", "b", "c"]
    async with opened() as on:
        await on.keys("t", "S", f"text:{seed}", "enter")
        assert on.receipts == order


async def test_an_arranged_order_stays_when_one_looks_at_the_past() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "J", "r", "0", "f", "R")
        assert "".join(on.receipts) == "abc"  # the cursor followed a, which went first
    async with opened() as on:
        await on.keys("t", "r", "comma", "comma", "comma", *FOCUS["pending"])
        pane = on.app.screen.pending  # type: ignore[attr-defined]
        assert pane.in_order() == [item.intent_hash for item in on.snapshot.pending]


# -- by hand ----------------------------------------------------------------------------------


async def test_an_event_is_fired_by_json() -> None:
    async with opened() as on:
        await on.keys("e")
        await on.write(json.dumps(start(topic="by hand")))
        await on.keys("ctrl+s")
        assert on.snapshot.height == 16
        assert on.state["pending"]["1"]["topic"] == "by hand"
        await on.keys("e")
        assert '"by hand"' in on.text


async def test_keys_typed_ahead_of_a_dialog_do_nothing_else() -> None:
    async with opened() as on:
        for key in "etTR":  # faster than anything here can open
            on.app.post_message(events.Key(key, key))
        await on.until(lambda: on.mode == "EventDialog")
        await settle(on.pilot)  # so that what was typed has arrived
        await on.keys("escape")
        assert (on.mode, on.snapshot.height, on.said) == ("live", 0, [])


async def test_esc_fires_nothing() -> None:
    async with opened() as on:
        await on.keys("e", "escape", "t", "i", "escape")
        assert (on.snapshot.height, on.numbers) == (16, [1, 2, 3])


async def test_an_edited_receipt_reaches_the_state() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "i")
        text = on.text
        await on.write(text.replace("200", "418"))
        await on.keys("ctrl+s")
        assert (on.receipts, on.numbers) == (["b"], [1, 3])
        await on.keys("R")
        assert on.state["last_statuses"] == [202, 418, 201]


async def test_an_order_by_hand_is_over_when_its_effects_are() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "J", "R", "e", "ctrl+s", "R")
        assert "".join(on.receipts) == "bacabc"


async def test_without_a_prepared_answer_release_says_how_and_editing_gives_one(
    world: Path,
) -> None:
    (world / "scenarios/basic.toml").write_text('title = "none"\n')
    async with opened(world) as on:
        await on.keys("e")
        await on.write(json.dumps(start()))
        await on.keys("ctrl+s", "r")
        assert "no answer is prepared" in on.errors[0]
        assert on.numbers == [1, 2, 3]
        await on.keys("i", "ctrl+s")
        assert on.numbers == [2, 3]


# -- travel -----------------------------------------------------------------------------------


async def test_travelling() -> None:
    async with opened() as on:
        await on.keys("T")
        for keys, height in (
            (("comma",), 29),
            (("full_stop",), 30),
            (("up", "up", "k", "j"), 28),
            (("less_than_sign",), 22),
            (("less_than_sign",), 19),
            (("greater_than_sign",), 22),
            (("full_stop", "greater_than_sign"), 30),
            (("greater_than_sign",), 30),
            (("0",), 0),
            (("greater_than_sign",), 16),
            (("greater_than_sign",), 19),
            (("dollar_sign",), 30),
            (("home",), 0),
            (("g", "text:12", "enter"), 12),
            (("g", "text:3", "escape"), 12),
            (("less_than_sign",), 0),
            (("less_than_sign",), 0),
            (("f",), 30),
        ):
            await on.keys(*keys)
            assert (keys, on.snapshot.height) == (keys, height)
            assert on.mode == ("live" if height == 30 else "past")


async def test_all_panes_follow_to_a_past_height(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T", "g", "text:18", "enter")
        with World.open(world, write=False) as found:
            view = found.at(18)
            assert on.snapshot.root == view.root != found.root
            assert on.states() == view.states()
            assert on.numbers == [item.n for item in view.pending] == [2, 3]
            assert on.snapshot.plan == view.plan(0)


async def test_the_ends_of_history_say_so() -> None:
    async with opened() as on:
        await on.keys("full_stop", "comma")
        assert [text.split(":")[0] for text in on.said] == [
            "this is the live end",
            "this is genesis",
        ]


async def test_following_stays_at_the_live_end_and_a_traveller_stays_where_he_is() -> None:
    async with opened() as on:
        await on.keys("t", "r")
        assert on.snapshot.height == on.snapshot.live == 19
        await on.keys("g", "text:5", "enter", "v")
        assert (on.snapshot.height, on.known["verified"]) == (5, True)


async def test_at_opens_at_a_height() -> None:
    async with opened(at=99) as on:
        assert (on.snapshot.height, on.snapshot.live) == (0, 0)


# -- forks ------------------------------------------------------------------------------------


async def test_a_fork_keeps_whole_turns(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("T")
        starts = [on.app.session.fork_start(height) for height in (0, 5, 16, 18, 19, 30)]
        assert starts == [0, 0, 16, 16, 19, 30]
        await on.keys("F")
        assert "goes on after height 30. The past" in on.app.screen.says()  # type: ignore[attr-defined]
        await on.keys("escape", "g", "text:18", "enter", "F")
        says = on.app.screen.says()  # type: ignore[attr-defined]
        assert "inside a turn" in says and "goes on after height 16. The past" in says
        await on.keys("text:try", "enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("try", 16, [1, 2, 3])
    assert on_disk(world)[0] == 30
    assert on_disk(world, "try")[0] == 16


async def test_releasing_in_the_past_offers_a_fork_and_then_releases_there() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", "R")
        assert on.mode == "ForkDialog"
        await on.keys("enter")
        assert on.snapshot.branch == "main-16"
        assert (on.snapshot.live, on.numbers) == (30, [])
        assert on.errors == []


async def test_releasing_in_the_past_releases_there_what_was_selected_here() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", *FOCUS["pending"], "down", "r")
        assert "releases effect 2 on the new branch" in on.app.screen.says()  # type: ignore[attr-defined]
        await on.keys("enter")
        assert (on.snapshot.branch, on.numbers) == ("main-16", [1, 3])


async def test_the_cursor_of_pending_is_on_the_first_of_another_list() -> None:
    async with opened() as on:
        pane = on.app.screen.pending  # type: ignore[attr-defined]
        await on.keys("t", *FOCUS["pending"], "down", "down", "r")
        assert (on.numbers, pane.current.n) == ([1, 2], 2)
        await on.keys("comma", "comma", "comma")
        assert (on.numbers, pane.current.n) == ([1, 2, 3], 1)
        await on.keys("f", "down", "e", "ctrl+s")
        assert (on.numbers, pane.current.n) == ([1, 2, 4, 5, 6], 1)


@pytest.mark.parametrize("memory", [True, False])
async def test_b_goes_to_another_branch_and_back(world: Path, memory: bool) -> None:
    async with opened(world, memory=memory) as on:
        await on.keys("t", "F", "text:try", "enter", "R", "B", "up", "enter")
        assert (on.snapshot.branch, on.snapshot.live, on.numbers) == ("main", 16, [1, 2, 3])
        assert on.snapshot.scenario == "basic"
        await on.keys("r", "B")
        assert on.mode == "BranchesDialog"
        await on.keys("down", "enter", "v")
        assert (on.snapshot.branch, on.snapshot.live, on.known["verified"]) == ("try", 30, True)
        await on.keys("B", "enter")
        assert (on.mode, on.snapshot.branch) == ("live", "try")


async def test_firing_in_the_past_offers_a_fork_and_then_asks_for_the_event() -> None:
    async with opened() as on:
        await on.keys("T", "0", "e", "enter")
        assert (on.mode, on.snapshot.branch) == ("EventDialog", "main-0")
        await on.keys("ctrl+s")
        assert on.snapshot.live == 16


async def test_backing_out_of_a_fork_leaves_everything() -> None:
    async with opened() as on:
        await on.keys("T", "g", "text:16", "enter", "r")
        assert on.mode == "ForkDialog"
        await on.keys("escape")
        assert (on.snapshot.branch, on.snapshot.height, on.snapshot.live) == ("main", 16, 30)


# -- looking ----------------------------------------------------------------------------------


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
        await on.keys("enter", "n")
        assert on.said[-1].startswith("nothing is found")
        await on.keys("slash", "ctrl+u", "text:/api/b")
        assert heights_of(on) == [1, 3, 8, 15]


@pytest.mark.parametrize(
    ("pane", "keys", "copied"),
    [
        ("state", ("down",), "Running"),
        ("plan", ("down",), "null"),
    ],
)
async def test_y_copies_what_is_under_the_cursor(
    pane: str, keys: tuple[str, ...], copied: str, world: Path
) -> None:
    async with opened(world) as on:
        await on.keys("t", *FOCUS[pane], *keys, "y")
        assert on.app.clipboard == copied
    assert (world / ".aos/copied.txt").read_text() == copied


async def test_what_a_dialog_copies_is_kept_in_the_file_too(world: Path) -> None:
    async with opened(world) as on:
        await on.keys("t", "enter", "y")
        assert "Hashes" in on.app.clipboard
        assert (world / ".aos/copied.txt").read_text() == on.app.clipboard
        (world / ".aos/copied.txt").unlink()
        (world / ".aos/copied.txt").mkdir()
        await on.keys("y")
        assert "copied.txt was not written" in on.said[-1]


async def test_y_copies_a_record_as_json() -> None:
    async with opened() as on:
        await on.keys("t", "comma", "y")
        record = json.loads(on.app.clipboard)
        assert (record["height"], record["params"]["url"][-1]) == (15, "b")
        assert on.said[-1].startswith("copied record 15,")
        await on.keys("enter", "y")
        assert on.said[-1].startswith("copied all of Record 15 intent GET")


async def test_hashes_of_intents_are_shown_as_hashes() -> None:
    async with opened() as on:
        await on.keys("t")
        value = json.loads(dict((await on.app.session.detail(6)).sections)["Value"])["value"]
        text = value["intent_hash"]
        assert on.snapshot.index.intent(bytes.fromhex(text.removeprefix("sha256:"))) is not None
        await on.keys(*FOCUS["plan"], "y")
        assert text in on.app.clipboard


async def test_esc_puts_away_what_is_said_before_it_closes_a_pane() -> None:
    async with opened() as on:
        await on.keys("z", "x")
        assert on.app.screen.query("Toast")
        await on.keys("escape")
        assert not on.app.screen.query("Toast")
        assert on.app.screen.has_class("-zoomed")
        await on.keys("escape")
        assert not on.app.screen.has_class("-zoomed")


async def test_ctrl_c_says_what_quits() -> None:
    async with opened() as on:
        await on.keys("ctrl+c")
        assert on.said == ["ctrl+c copies what is selected in a field; ctrl+q quits"]


async def test_inside_a_turn_the_panes_agree_on_what_is_waited_for() -> None:
    async with opened() as on:
        await on.keys("t")
        title = on.app.screen.query_one("#plan")
        assert str(title.border_title).endswith("waits for 3")
        for at in (15, 14, 13):
            await on.keys("comma")
            waits = f"waits for {at - 13}" if at > 13 else "running"
            assert str(title.border_title).endswith(waits)
            assert len(on.numbers) == at - 13
            assert len(title.border_title or "") <= title.size.width - 4


async def test_marks_in_the_state_are_of_the_turn_at_its_end_and_of_the_record_inside() -> None:
    async with opened() as on:
        await on.keys("T", "comma")
        assert on.states(before=True) == on.states()
        await on.keys("f")
        before = on.states(before=True)["demo/Aggregator@1"]
        assert (before["pc"], on.state["pc"]) == ("Running", "Done")


async def test_y_copies_an_effect_whole() -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "down", "y")
        assert json.loads(on.app.clipboard)["n"] == 2


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


@pytest.mark.parametrize("size", SIZES)
async def test_the_footer_begins_with_the_keys_of_the_focused_pane_and_ends_with_help(
    size: tuple[int, int],
) -> None:
    first = {
        "journal": "tT play e fire enter open / find",
        "state": "enter open d display H history / find",
        "plan": "enter open d list",
        "pending": "rR release sS shuffle x break i edit",
    }
    async with opened(size=size) as on:
        footer = on.app.screen.query_one("#footer", Static)
        for begins in first.values():
            line = str(footer.render())
            assert line.startswith(begins) and line.endswith(" ? help q quit"), line
            assert len(line) <= size[0] and line.count("/ find") <= 1
            assert ("e fire" in line) or size[0] == 80
            await on.keys("tab")
        await on.keys("slash")
        assert str(footer.render()) == "enter to the records esc close", "letters are typed"
        await on.keys("escape")
        line = str(footer.render())
        await on.pilot.click("#footer", offset=(line.index("open"), 0))
        assert on.mode == "RecordDialog", "a key of the pane"
        await on.keys("escape")
        await on.pilot.click("#footer", offset=(line.index("help"), 0))
        assert on.mode == "HelpDialog"


async def test_a_very_wide_footer_names_no_key_twice() -> None:
    async with opened(size=(300, 24)) as on:
        await on.keys(*FOCUS["state"])
        line = str(on.app.screen.query_one("#footer", Static).render())
        assert line.count("/ find") == line.count("tT play") == line.count("? help") == 1
        assert "J later" not in line and "M against" in line


async def test_help_begins_with_the_focused_pane_and_names_every_key() -> None:
    async with opened() as on:
        await on.keys(*FOCUS["pending"], "question_mark")
        groups = on.app.screen._groups  # type: ignore[attr-defined]
        assert groups[0][0] == "In the pending pane"
        assert groups[-1][0] == "Signs"
        lines = [line for _, rows in groups[:-1] for _, line in rows]
        assert sorted(lines) == sorted(
            action.help for action in ACTIONS if action.keys and action.where != PICKER
        )


async def test_the_palette_has_every_action_of_the_table() -> None:
    async with opened() as on:
        titles = {command.title for command in on.app.get_system_commands(on.app.screen)}
        wanted = [of for of in ACTIONS if of.where == ANYWHERE and not of.own]
        assert len(titles) == len(wanted) + 1
        await on.keys("ctrl+p", "text:play", "enter", "enter")
        assert on.snapshot.height in (16, 30)


# -- keys that do nothing ---------------------------------------------------------------------


async def test_a_key_that_does_nothing_says_why() -> None:
    async with opened() as on:
        for keys, said in (
            (("R",), "nothing is waiting for a receipt: e fires"),
            (("r",), "nothing is waiting for a receipt: e fires"),
            (("s",), "nothing is waiting for a receipt: there is no order"),
            (("S",), "nothing is waiting for a receipt: there is no order"),
            (("i",), "nothing is waiting for a receipt: there is no receipt"),
            (("J",), "J does nothing here. In pending:"),
            (("left_square_bracket",), "[ does nothing here. In plan:"),
            (("x",), "nothing is waiting for a receipt: there is no receipt to break"),
            (("u",), "nothing to undo"),
            (("c",), "nothing to compare with yet"),
            (("apostrophe",), "no height is marked"),
            (("a",), "a does nothing here"),
            (("n",), "nothing was looked for yet"),
            (("escape", "escape"), "nothing runs"),
            (("b",), "the files on disk are those in force already"),
            (("tab", "tab", "right_square_bracket"), "there is no other plan instance"),
            (("down",), "no plan has started"),
            (("enter",), "no plan has started"),
            (("tab", "space"), "nothing is waiting, so there is nothing to select"),
            (("J",), "nothing is waiting, so there is nothing to move"),
            (("y",), "there is nothing to copy in pending"),
            (("t", "K"), "there is no place further"),
        ):
            await on.keys(*keys)
            assert on.said[-1].startswith(said)
            assert on.mode == "live"


async def test_every_key_of_the_table_is_bound_once_a_place() -> None:
    seen: set[tuple[str, str]] = set()
    for action in ACTIONS:
        for key in filter(None, action.keys.split(",")):
            assert (action.where, key) not in seen
            seen.add((action.where, key))


# -- verification and long work ---------------------------------------------------------------


async def test_esc_stops_a_scenario_that_plays_between_two_turns() -> None:
    async with opened(pace=30.0) as on:
        await on.pilot.press("T")
        await on.until(lambda: on.app.session.snapshot.live == 16)  # type: ignore[union-attr]
        await on.pilot.press("T", "escape")
        assert "plays already" in on.said[0]
        on.app.workers.cancel_group(on.app.screen, "play")
        await on.until(lambda: on.snapshot.next_step == "release all")
        await on.keys("t")
        assert (on.snapshot.live, on.snapshot.next_step) == (30, None)


async def test_verification_can_be_stopped_and_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as on:
        await on.keys("T")
        verify = World.verify

        def stopped(self: World, **more: Any) -> Any:
            on.app.session.cancel()
            return verify(self, **more)

        with monkeypatch.context() as patched:
            patched.setattr(World, "verify", stopped)
            await on.keys("v")
        assert (on.said[-1], on.known["verified"]) == ("verification was stopped", None)
        await on.keys("v")
        assert on.known["verified"] is True
        await on.keys("e", "ctrl+s")
        assert on.snapshot.live == 46
        assert dump(on.app)["verified"] is None


@pytest.mark.parametrize("key", ["d", "l", "e", "n"])
async def test_what_is_said_at_80_columns_hides_the_border_of_the_panes_only(key: str) -> None:
    async with opened() as on:
        await on.keys("t", *FOCUS["pending"], "x", key)
        (toast,) = on.app.screen.query("Toast")
        assert toast.region.height == 1
        assert toast.region.y == on.app.screen.query_one("#pending").region.bottom - 1


async def test_a_dialog_has_what_is_said_below_its_frame() -> None:
    async with opened() as on:
        await on.keys("t", "enter", "y")
        (toast,) = on.app.screen.query("Toast")
        assert not toast.region.overlaps(on.app.screen.query_one("#dialog").region)


async def test_an_error_stays_until_a_key_is_pressed_when_it_could_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("aos_tui.app.monotonic", lambda: now[0])
    async with opened() as on:
        on.app.notify("it broke", severity="error")
        await on.pilot.pause()
        (said,) = on.app._notifications
        assert said.time_left > 3600
        for seconds, stays in ((1.0, True), (1.0, False)):
            now[0] += seconds
            await on.keys("down")
            assert (said in on.app._notifications) == stays


async def typed_ahead(on: Driver, *keys: str) -> None:
    """Keys that come all at once, as a slow line or a held key brings them."""
    for key in keys:
        on.app.post_message(events.Key(key, key))
    await on.pilot.pause()
    await settle(on.pilot)
    await settle(on.pilot)


async def test_keys_that_come_at_once_mean_what_they_mean_one_by_one() -> None:
    async with opened() as on:
        await typed_ahead(on, "t", "R", "v")
        assert (on.snapshot.live, on.snapshot.verified.state) == (30, "ok")
        assert on.snapshot.verified.height == 30
        await typed_ahead(on, "u", "u", "t")
        assert (on.snapshot.branch, on.snapshot.live) == ("main-undo-20", 30)
        assert on.errors == []


async def test_keys_for_the_world_end_where_a_dialog_comes_up() -> None:
    async with opened() as on:
        await typed_ahead(on, "t", "e", "R", "R")
        assert on.mode == "EventDialog" and on.snapshot.live == 16


async def test_a_key_that_is_held_down_does_not_go_on_for_long() -> None:
    async with opened("00") as on:
        await typed_ahead(on, *["u"] * 100)
        assert len(on.said) < 12
