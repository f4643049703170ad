"""The plan pane, driven by keys and by the mouse, read from the cells that it paints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.strip import Strip

from aos_core.kernel.records import Record
from aos_core.view import EdgeView, PlanView, StepView
from aos_core.world import World
from aos_tui.glyphs import UNICODE
from aos_tui.panes.plan import PlanPane
from aos_tui.panes.plan_graph import NEAR, GraphDisplay
from aos_tui.session.reading import instance_of
from aos_tui.snapshot import Index
from tests.support import EVENT, release_all, start
from tests.tui.driving import FOCUS, Driver, opened

PLAN = FOCUS["plan"]


def pane(on: Driver) -> PlanPane:
    return on.app.screen.query_one(PlanPane)


def picture(on: Driver) -> str:
    """What the pane paints."""
    of = pane(on)
    return "\n".join(of.render_line(y).text.rstrip() for y in range(of.size.height))


def titles(on: Driver) -> tuple[str, str]:
    of = pane(on)
    return str(of.border_title), str(of.border_subtitle or "")


async def selected(on: Driver) -> str:
    """The step under the cursor: Enter opens it."""
    await on.keys("enter")
    title = on.app.screen._title  # type: ignore[attr-defined]
    await on.keys("escape")
    return str(title).removeprefix("Step ")


async def test_arrows_walk_along_edges_and_across() -> None:
    async with opened() as on:
        await on.keys("t", *PLAN)
        found = [await selected(on)]
        for key in ("down", "right", "j", "down", "up", "h", "k", "k", "l", "right"):
            await on.keys(key)
            found.append(await selected(on))
        assert found == [
            "emit_a", "await_a", "await_b", "status_b", "raise", "status_b", "status_a", "await_a",
            "emit_a", "emit_b", "emit_c",
        ]  # fmt: skip


async def test_of_several_successors_the_nearest_layer_is_preferred() -> None:
    steps = [StepView(id, "assign", "pending", None, None, ()) for id in ("a", "b", "c", "end")]
    edges = tuple(
        EdgeView(*of, None) for of in (("a", "end"), ("a", "b"), ("b", "c"), ("c", "end"))
    )
    plan = PlanView(0, b"", "demo/p@1", "running", 0, None, None, tuple(steps), edges=edges)
    display = GraphDisplay(plan, (60, 20), "a", plain=False)
    assert display.beside("a", 1, 0) == "b"
    assert display.beside("end", -1, 0) == "c"
    assert display.beside("end", 1, 0) is None


async def test_a_step_that_waits_says_for_which_effect() -> None:
    async with opened() as on:
        await on.keys("t", *PLAN, "down", "enter")
        asked = "waits   for GET example.com/api/a: 1 in Pending, asked for by record 14"
        assert on.mode == "ValueDialog" and asked in on.screen


async def test_enter_shows_definition_inputs_and_value() -> None:
    async with opened() as on:
        await on.keys("T", *PLAN, "down", "down", "enter")
        text = on.app.screen._text  # type: ignore[attr-defined]
        for line in (
            "op      assign",
            "state   done",
            "after   await_a",
            "binds   result_a",
            '  @plan.input.primary.name  "alpha"',
            "  @var:resp_a.status        202",
        ):
            assert line in text.splitlines()
        assert "expr    {" in text and "status: @var:resp_a.status" in text
        assert '"status": 202' in text


@pytest.mark.parametrize("size", [(200, 60), (80, 24)])
async def test_what_it_waits_for_is_said(size: tuple[int, int]) -> None:
    waits = "GET /api/a, GET /api/b, GET /api/c"
    async with opened(size=size) as on:
        await on.keys("t")
        title, below = titles(on)
        whole = "Plan  aggregator_plan #0  waits for 3"
        assert (title, below) == (f"{whole}: {waits}", "") if size[0] == 200 else below == waits
        await on.keys("T")
        assert titles(on)[0].endswith("#0  ok")


async def test_an_awaited_event_is_named() -> None:
    async with opened("05", size=(200, 60)) as on:
        await on.keys("t", *PLAN)
        assert titles(on)[0] == "Plan  notify_plan #1  waits for 1: OrderClosed"


async def test_travelling_shows_the_states_of_that_height() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("T", "0")
        seen = {}
        while on.snapshot.height < on.snapshot.live:
            await on.keys("full_stop")
            seen[on.snapshot.height] = picture(on)
        assert "No plan has started" in seen[3]
        assert "◉ emit_a" in seen[4] and "✓ emit_a" in seen[6]
        assert "◷ await_b" in seen[16] and "✓ await_a" not in seen[16]
        assert "✓ await_a" in seen[18] and "◷ await_b" in seen[18]
        assert "✓ end" in seen[on.snapshot.live]


async def test_only_rows_that_differ_are_painted_anew() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t", *PLAN)
        picture(on)
        before = dict(pane(on)._strips)
        await on.keys("right")
        picture(on)
        after = pane(on)._strips
        other = {y for y, strip in after.items() if before.get(y) is not strip}
        assert other == {0, 1}
        before = dict(after)
        await on.keys("r")  # the first receipt: await_a and status_a
        picture(on)
        other = {y for y, strip in pane(on)._strips.items() if before.get(y) is not strip}
        assert 0 not in other and {2, 4} <= other and 9 not in other


async def test_what_would_start_a_plan_is_taught() -> None:
    async with opened() as on:
        assert "AggregateRequested\n   starts aggregator_plan" in picture(on)
    async with opened("00") as on:
        assert "No event of this world\n starts a plan." in picture(on)


async def test_d_shows_a_list_and_the_selection_stays() -> None:
    async with opened() as on:
        await on.keys("t", *PLAN, "down", "right", "d")
        assert picture(on).splitlines()[1].split() == ["2", "◷", "await_a", "◷", "await_b", "◷",
                                                       "await_c"]  # fmt: skip
        assert await selected(on) == "await_b"
        await on.keys("right", "d")
        assert "▾" in picture(on)
        assert await selected(on) == "await_c"


async def test_a_click_selects_and_two_open() -> None:
    async with opened(size=(120, 40)) as on:
        await on.keys("t")
        rows = picture(on).splitlines()
        y = next(at for at, row in enumerate(rows) if "status_c" in row)
        offset = (rows[y].index("status_c") + 2, y + 1)
        await on.pilot.click(PlanPane, offset=offset)
        assert await selected(on) == "status_c"
        await on.pilot.double_click(PlanPane, offset=offset)
        await on.until(lambda: type(on.app.screen).__name__ == "ValueDialog")


async def test_keys_wheel_and_dragging_pan(big: Path) -> None:
    async with opened(big, size=(80, 24)) as on:
        await on.keys("t", *PLAN)
        of, step = pane(on), await selected(on)
        assert of.max_scroll_y > 8
        of.scroll_to(y=4, animate=False, immediate=True, force=True)
        await on.keys("shift+down")
        assert of.scroll_y == 8
        await on.pilot.mouse_down(PlanPane, offset=(5, 3))
        await on.pilot.hover(PlanPane, offset=(5, 6))
        await on.pilot.mouse_up(PlanPane, offset=(5, 6))
        assert of.scroll_y == 5
        assert await selected(on) == step


async def test_what_lies_beyond_the_edges_is_said_where_what_it_waits_for_leaves_room() -> None:
    async with opened(size=(80, 20)) as on:
        await on.keys("t", *PLAN)
        assert titles(on)[1] == "GET /api/a, GET /api/b, GE..  more"
        await on.pilot.resize_terminal(100, 20)
        await on.pilot.pause()
        assert titles(on)[1].endswith("GET /a..  more below")
        await on.keys("R")
        assert titles(on)[1] == "more below: shift+arrows"
        await on.keys("shift+down")
        assert titles(on)[1] == "more above: shift+arrows"


@pytest.fixture
def tall(world: Path) -> Path:
    """The aggregator's plan with twelve steps before it, one after the other."""
    file = world / "plans/aggregator_plan.air.json"
    plan = json.loads(file.read_text())
    ids = [f"before_{at}" for at in range(12)]
    plan["steps"] = [
        *({"id": id, "op": "assign", "expr": {"nat": 1}, "bind": {"as": id}} for id in ids),
        *plan["steps"],
    ]
    links = zip(ids, [*ids[1:], "emit_a"], strict=True)
    plan["edges"] = [*({"from": of, "to": to} for of, to in links), *plan["edges"]]
    file.write_text(json.dumps(plan))
    return world


async def test_a_click_means_what_was_under_it_though_it_brings_the_focus(tall: Path) -> None:
    async with opened(tall) as on:
        await on.keys("t")
        rows = picture(on).splitlines()
        y = next(at for at, row in enumerate(rows) if "await_a" in row)
        at = (rows[y].index("await_a") + 2, y + 1)
        scrolled = pane(on).scroll_offset
        await on.pilot.mouse_down(PlanPane, offset=at)
        await on.pilot.pause()
        assert pane(on).has_focus and pane(on).scroll_offset == scrolled
        await on.pilot.mouse_up(PlanPane, offset=at)
        await on.pilot.click(PlanPane, offset=at)
        assert pane(on)._cursor == "await_a"


async def test_what_waits_is_in_sight_until_one_walks_in_the_plan(tall: Path) -> None:
    async with opened(tall) as on:
        await on.keys("t")
        assert "◷ await_a" in picture(on) and "before_0" not in picture(on)
        await on.keys(*PLAN)
        assert "before_0" in picture(on), "where the cursor is"
        await on.keys("tab")
        await on.keys("R")
        assert "before_0" in picture(on), "nothing waits any more, so nothing moves"


async def test_a_picture_that_fits_has_nothing_beyond() -> None:
    async with opened() as on:
        await on.keys("t", *PLAN)
        assert "more" not in titles(on)[1]


async def test_of_several_instances_that_of_the_record_is_shown_until_one_is_chosen(
    world: Path,
) -> None:
    with World.open(world) as written:
        written.fire(EVENT, start())
        written.fire(EVENT, start())
        release_all(written)
        written.fire(EVENT, start())
        written.fire(EVENT, start())
    async with opened(world, size=(120, 40)) as on:

        def shown() -> int:
            assert on.snapshot.plan is not None
            return on.snapshot.plan.number

        seen, running = set[int](), 0
        await on.keys("g", "text:1", "enter")
        for _ in range(on.snapshot.live):
            snapshot = on.snapshot
            about = instance_of(snapshot.records, snapshot.height, snapshot.index)
            if about is not None:
                told = on.app.session._opened.history.instance(about, snapshot.height)
                assert told is not None and shown() == told.number, snapshot.height
                seen.add(shown())
            elif snapshot.plan is not None and snapshot.plan.status == "running":
                running += 1
            await on.keys("j")
        assert seen == {0, 1, 2, 3} and running > 4
        await on.keys(*PLAN, "left_square_bracket")
        assert shown() == 2
        await on.keys("g", "text:17", "enter")
        assert shown() != 2, "it has not begun there"
        await on.keys("g", f"text:{on.snapshot.live}", "enter")
        assert shown() == 2 and "f lets go" in titles(on)[1]
        await on.keys("f")
        assert shown() == 3 and "f lets go" not in titles(on)[1]


async def test_instances_that_have_one_identity_after_another_are_told_apart() -> None:
    async with opened("08", size=(120, 40)) as on:
        for _ in range(2):
            await on.keys("e", "ctrl+s")
            while on.snapshot.pending:
                await on.keys("r")
        records, history = on.snapshot.records, on.app.session._opened.history
        started = [at for at, of in enumerate(records) if of.kind == "plan_started"]
        assert len({records[at]["instance"] for at in started}) < len(started)
        for height in started:
            await on.keys("g", f"text:{height}", "enter")
            told = history.instance(records[height]["instance"], height)
            assert told is not None and on.snapshot.plan is not None
            assert on.snapshot.plan.number == told.number
            assert f"#{told.number} started" in on.screen


def test_what_a_record_is_about_is_found_where_its_cause_is_nonsense() -> None:
    step = Record("step", {"reducer": "demo/R@1", "before": bytes(32), "after": bytes(32)}, by=0)
    late = replace(step, by=7)
    with World.open("04", memory=True) as world:
        index = Index(world, lambda _: None)
        assert instance_of([step], 0, index) is None
        assert instance_of([step, late], 1, index) is None


async def test_where_the_record_is_of_no_plan_one_that_runs_is_shown() -> None:
    async with opened("05") as on:
        await on.keys("T", "e", "ctrl+s", "r")
        live = on.snapshot.live
        for height in range(live - 20, live + 1):
            await on.keys("g", f"text:{height}", "enter")
            snapshot = on.snapshot
            if instance_of(snapshot.records, height, snapshot.index) is None:
                plan = snapshot.plan
                view = on.app.session._opened.at(height)
                runs = any(of.status == "running" for of in view.plans())
                assert plan is not None and (plan.status == "running") == runs, height


async def test_instances_are_chosen_from_a_list(world: Path) -> None:
    with World.open(world) as written:
        for number in range(100):
            written.fire(EVENT, start())
            if number == 7:
                release_all(written)
    async with opened(world, size=(120, 40)) as on:
        await on.keys(*PLAN)
        assert on.snapshot.plan_count == 100
        assert titles(on)[1].endswith("[ ] 100 instances")
        await on.keys("left_square_bracket", "space")
        lines = [str(text) for text, _ in on.app.screen._lines]  # type: ignore[attr-defined]
        assert len(lines) == 100
        assert [line[:5] for line in lines[:2]] == ["◷ #99", "◷ #98"]
        assert lines[0].endswith("  for GET /api/a, GET /api/b, GET /api/c")
        assert "for" not in lines[-1]
        assert sum(line.startswith(UNICODE.done) for line in lines) == 8
        await on.keys("end", "enter")
        assert on.snapshot.plan is not None and on.snapshot.plan.number == 0
        assert "✓ end" in picture(on)


@pytest.fixture
def big(world: Path) -> Path:
    """The aggregator's plan with 189 steps before it, one fan of three after the other."""
    file = world / "plans/aggregator_plan.air.json"
    plan = json.loads(file.read_text())
    steps, edges, last = [], [], None
    for fan in range(47):
        ids = [f"a_{fan}", f"b_{fan}", f"c_{fan}", f"join_{fan}"]
        steps += [
            {"id": id, "op": "assign", "expr": {"nat": fan}, "bind": {"as": f"v_{id}"}}
            for id in ids
        ]
        edges += [{"from": last, "to": id} for id in ids[:3] if last is not None]
        edges += [{"from": id, "to": ids[3]} for id in ids[:3]]
        last = ids[3]
    edges += [{"from": last, "to": f"emit_{letter}"} for letter in "abc"]
    plan["steps"], plan["edges"] = [*steps, *plan["steps"]], [*edges, *plan["edges"]]
    file.write_text(json.dumps(plan))
    return world


async def test_of_a_large_plan_the_part_around_the_selection_is_drawn(big: Path) -> None:
    async with opened(big, size=(120, 40)) as on:
        await on.keys("t", *PLAN)
        assert on.snapshot.plan is not None and len(on.snapshot.plan.steps) == 199
        assert await selected(on) == "await_a"
        assert f"{NEAR} of 199 steps" in titles(on)[1]
        for _ in range(60):
            await on.keys("up")
            assert pane(on)._cursor in picture(on)  # type: ignore[operator]
        assert pane(on)._cursor == "join_17"
        await on.keys("d")
        assert "199" not in titles(on)[1]


async def test_a_resize_keeps_the_selection_in_sight(big: Path) -> None:
    async with opened(big, size=(120, 40)) as on:
        await on.keys("t", *PLAN, "right", "down")
        step = await selected(on)
        for size in ((60, 15), (200, 60), (72, 20)):
            await on.pilot.resize_terminal(*size)
            await on.pilot.pause()
            assert step in picture(on)
            assert await selected(on) == step


def test_no_control_character_is_drawn() -> None:
    steps = tuple(StepView(id, "assign", "done", None, 1, ()) for id in ("\x1b[31mx", "b\x07\n"))
    edges = (EdgeView(steps[0].id, steps[1].id, {"ref": "@var:\x9b2J"}),)
    plan = PlanView(0, b"", "demo/p@1", "ok", 0, 2, None, steps, edges=edges)
    drawing = GraphDisplay(plan, (60, 20), None, plain=False).drawing
    assert all(run.text.isprintable() for row in drawing.rows for run in row)


async def test_without_unicode_the_graph_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened() as on:
        await on.keys("t")
        assert "+-" in picture(on)
        assert picture(on).isascii()


@pytest.mark.paints_at_once
async def test_a_plan_that_has_not_started_is_not_painted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened("00") as on:
        painted: list[int] = []
        real = PlanPane.render_line

        def count(self: PlanPane, y: int) -> Strip:
            painted.append(y)
            return real(self, y)

        monkeypatch.setattr(PlanPane, "render_line", count)
        await on.keys("t", "comma")
        assert on.snapshot.height < on.snapshot.live and painted == []
        await on.keys(*PLAN)  # its frame is another one
        assert painted != []
