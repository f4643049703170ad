"""Scenarios in every order of their receipts: what must not depend on it does not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.scenario import Order, Player, parse_order, run_scenario
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import await_, emit, end, plan
from tests.scenarios import ANSWERS, FIRE, RELEASE, failed, play, run
from tests.support import REDUCER, tiny_world, write_scenario

SCENARIOS = ("basic", "one-fails", "out-of-order", "two-at-once")


# -- the example, in every order ---------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_of_the_example_holds_and_is_proven(world: Path, name: str) -> None:
    done = run_scenario(world, name, memory=True)
    assert failed(done) == [] and done.report.ok and done.ok
    wanted = 120 if name == "two-at-once" else 6
    last = done.expectations[-1].text
    assert last.startswith(f"order free: {wanted} of 720" if wanted == 120 else "order free: all 6")


@pytest.mark.parametrize("name", ("basic", "out-of-order", "one-fails"))
def test_all_six_orders_end_in_one_root_and_one_state_by_six_histories(
    world: Path, name: str
) -> None:
    runs = [
        run_scenario(world, name, order=Order((order,)), memory=True)
        for order in itertools.permutations((1, 2, 3))
    ]
    assert all(of.ok for of in runs)
    assert len({of.world.root for of in runs}) == 1
    assert len({json.dumps(of.world.state(REDUCER)) for of in runs}) == 1
    assert len({of.world.head for of in runs}) == 6
    assert {of.world.branch for of in runs} >= {f"{name}+1,2,3", f"{name}+3,2,1"}


def test_equal_runs_have_equal_heads_whatever_disk_they_are_on(world: Path) -> None:
    in_memory = run_scenario(world, "basic", memory=True)
    with run_scenario(world, "basic").world as on_disk:
        assert on_disk.head == in_memory.world.head


def test_two_at_once_keeps_the_results_of_both_requests_apart(world: Path) -> None:
    with World.anew(world, "x", memory=True, scenario="two-at-once") as opened:
        assert opened.scenario is not None
        Player(opened, opened.scenario).play()
        results = opened.state(REDUCER)["results"]
        assert {key: of["topic"] for key, of in results.items()} == {"1": "first", "2": "second"}
        hashes = [asked.hash for asked in opened.history.all_asked()]
        assert len(hashes) == len(set(hashes)) == 6


RACE = """
[[answers]]
match = { kind = "demo.ask" }
payload = { n = 1 }
[[steps]]
fire = { schema = "demo/Go@1", value = { who = "a", n = 1 } }
[[steps]]
release = "all"
%s
[expect]
order_free = true
"""


def test_the_numbers_of_a_later_wave_may_depend_on_the_order_of_an_earlier_one(
    tmp_path: Path,
) -> None:
    steps = [emit("a"), emit("b"), await_("ra", "a"), await_("rb", "b"), emit("c")]
    edges = [("a", "ra"), ("b", "rb"), ("ra", "c"), ("c", "rc"), ("rc", "end"), ("rb", "end")]
    of = plan("demo/p@1", [*steps, await_("rc", "c"), end()], *edges)
    once_more = tiny_world(tmp_path, of, triggers=[("demo/Go@1", "demo/p@1")])
    name = write_scenario(once_more, "x", RACE % RELEASE)
    done = run_scenario(once_more, name, memory=True)
    assert failed(done) == []
    assert done.expectations[-1].text == "order free: all 2 orders end in one root"


def test_an_order_that_matters_is_named(tmp_path: Path) -> None:
    """Of two equal requests the second gets a derived key: which is which depends on the order."""
    plans = [
        plan(
            f"demo/{name}@1",
            [emit(name), await_("r", name), emit("last"), await_("never", "last")],
            (name, "r"), ("r", "last"), ("last", "never"),
        )
        for name in "pq"
    ]  # fmt: skip
    triggers = [("demo/Go@1", "demo/p@1"), ("demo/Go@1", "demo/q@1")]
    racing = tiny_world(tmp_path, *plans, triggers=triggers)
    done = run_scenario(racing, write_scenario(racing, "x", RACE % ""), memory=True)
    assert done.report.ok and not done.ok
    assert done.expectations[-1].text.startswith("order free: order 2,1 ends in sha256:")


# -- orders ------------------------------------------------------------------------------------


def test_an_order_is_read_wave_by_wave() -> None:
    assert parse_order("2,3,1+1,2") == Order(((2, 3, 1), (1, 2)))
    assert parse_order("2,3,1+1,2").suffix == "+2,3,1+1,2"
    assert Order(seed=7).suffix == "+seed-7" and Order().suffix == ""


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1,1", "0,1", "1+", "-1"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no order"):
        parse_order(text)


def test_an_order_of_other_numbers_or_of_more_waves_is_refused(world: Path) -> None:
    with pytest.raises(UsageError, match="wave 1 delivers 1, 2, 3, not 1,2"):
        run_scenario(world, "basic", order=parse_order("1,2"), memory=True)
    with pytest.raises(UsageError, match="orders 2 waves, but basic releases 1"):
        run_scenario(world, "basic", order=parse_order("1,2,3+1"))
    assert not (world / ".aos").exists()


def test_a_shuffle_is_by_the_formula_of_the_journal(world: Path) -> None:
    opened, _ = play(world, ANSWERS + FIRE)
    by_formula = sorted(
        (item.intent_hash for item in opened.pending),
        key=lambda hash: canon.sha256(canon.encode(["shuffle", 11, hash])),
    )
    for text, order in (
        (
            "seed = 11\n[[answers]]\nmatch = {}\nhttp = {}\n"
            + FIRE
            + '[[steps]]\nrelease = "shuffle"',
            None,
        ),
        (ANSWERS + FIRE + RELEASE, Order(seed=11)),
    ):
        done = run(world, text, order)
        delivered = [of["intent"] for of in done.world.records if of.kind == "receipt"]
        assert delivered == by_formula
