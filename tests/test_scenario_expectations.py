"""What a scenario expects, at its end or at a step, and how that is counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.hosts import LiveHost
from aos_core.scenario import Player
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, module, schema
from tests.scenarios import ANSWERS, FIRE, RELEASE, failed, run
from tests.support import PLAN, REDUCER, ROOT, answering, copy_example, tiny_world


def state(expect: str) -> str:
    return f'state."{REDUCER}" = {expect}'


RESULT = '{ topic = "x", statuses = [200, 200, 200], previews = [] }'


@pytest.mark.parametrize(
    ("expect", "ok", "text"),
    [
        ("pending = 0", True, "0 pending"),
        ("pending = 3", False, "3 pending; found 0"),
        ('effects = [{ kind = "http.request", count = 3 }]', True, "3 times http.request"),
        (
            'effects = [{ kind = "http.request", count = 2 }]',
            False,
            "2 times http.request; found 3",
        ),
        (f'effects = [{{ plan = "{PLAN}" }}]', True, f"{PLAN} was asked for"),
        (
            'effects = [{ url = "https://example.com/api/b", step = "emit_b", count = 1 }]',
            True,
            "1 times https://example.com/api/b emit_b",
        ),
        ('effects = [{ method = "POST", count = 0 }]', True, "0 times POST"),
        ('effects = [{ kind = "timer.set" }]', False, "timer.set was asked for; found none"),
        ('effects = [{ kind = "timer.set", count = 0 }]', True, "0 times timer.set"),
        (state('{ pc = "Done" }'), True, f'{REDUCER}.pc = "Done"'),
        (state('{ pc = "Idle" }'), False, f'{REDUCER}.pc = "Idle"; found "Done"'),
        (state("{ pc = 7 }"), False, f'{REDUCER}.pc = 7; found "Done"'),
        (state("{ nothing = 1 }"), False, None),
        (state(f"{{ results = {{ 1 = {RESULT} }} }}"), False, None),
        (state("5"), False, None),
    ],
)
def test_what_is_expected_at_the_end(world: Path, expect: str, ok: bool, text: str | None) -> None:
    done = run(world, f"{ANSWERS}{FIRE}{RELEASE}[expect]\n{expect}\n")
    (found,) = done.expectations
    assert found.ok is done.ok is ok
    assert text is None or found.text == f"at the end: {text}"
    assert done.to_json()["expectations"] == [{"ok": ok, "text": found.text}]


def test_no_order_free_expectation_tries_no_orders(world: Path) -> None:
    assert run(world, ANSWERS + FIRE + RELEASE).expectations == ()


def test_an_expectation_at_a_step_is_about_that_moment(world: Path) -> None:
    expect = '[[steps]]\nexpect = { pending = %d, state."' + REDUCER + '" = { pc = "%s" } }\n'
    done = run(world, ANSWERS + FIRE + expect % (3, "Running") + RELEASE + expect % (0, "Done"))
    assert done.ok
    assert done.expectations[0].text == "after step 1: 3 pending"
    assert not run(world, ANSWERS + FIRE + expect % (3, "Done") + RELEASE).ok


def test_a_state_that_is_not_there_yet_is_no_match(world: Path) -> None:
    done = run(world, f'[expect]\nstate."{REDUCER}" = {{ pc = "Done" }}\n')
    assert [item.ok for item in done.expectations] == [False]
    with pytest.raises(UsageError, match="there is no reducer"):
        run(world, '[expect]\nstate."demo/Nobody@1" = 1\n')


HOLD = """
[[steps]]
fire = { schema = "demo/SeatHold@1", value = { seat = "%s", guest = "ann", for_ns = 1_000 } }
"""


@pytest.fixture
def seats(tmp_path: Path) -> Path:
    return copy_example(tmp_path / "seats", "09-cells", Seat="cells")


@pytest.mark.parametrize(("steps", "cells"), [("", 0), (HOLD % "A1", 1), (HOLD % "A1" * 2, 1),
                                              (HOLD % "A1" + HOLD % "A2", 2)])  # fmt: skip
def test_how_many_cells_there_are_can_be_expected(seats: Path, steps: str, cells: int) -> None:
    for wanted in range(3):
        done = run(seats, f'{steps}[expect]\ncells."demo/Seat@1" = {wanted}\n')
        assert done.ok is (wanted == cells)
    assert failed(done) == ([] if cells == 2 else [f"{TWO_CELLS}; found {cells}"])


TWO_CELLS = "at the end: 2 cells of demo/Seat@1"


def test_an_unkeyed_reducer_has_one_cell_or_none(world: Path) -> None:
    assert run(world, f'[expect]\ncells."{REDUCER}" = 0\n').ok
    assert run(world, f'{FIRE}[expect]\ncells."{REDUCER}" = 1\n').ok
    with pytest.raises(UsageError, match="there is no reducer"):
        run(world, '[expect]\ncells."demo/Nobody@1" = 1\n')


def test_every_order_goes_through_the_steps_before_its_waves_once(seats: Path) -> None:
    """Time that passed before them counts once: the last hold keeps it in its state."""
    before = HOLD % "A1" + HOLD % "A2" + "[[steps]]\nadvance_ns = 1_000_000_000\n"
    done = run(seats, f"{before}{RELEASE}{HOLD % 'A3'}[expect]\norder_free = true\n")
    assert failed(done) == []
    assert done.expectations[-1].text == "order free: all 2 orders end in one root"
    until_ns = done.world.state("demo/Seat@1")["A3"]["stage"]["Held"]["until_ns"]
    assert until_ns == 1_000_000_000 + 4 * 1_000_000 + 1_000


def variant_world(to: Path) -> Path:
    """A keyed reducer whose state is a variant of records."""
    of = {"variant": {"On": {"record": {"n": NAT, "m": NAT}}, "Off": {"unit": {}}}}
    state = canon.encode_plain({"$tag": "On", "$value": {"n": 1, "m": 2}})
    return tiny_world(
        to,
        schema("demo/V@1", of),
        module("demo/R@1", "demo/Go@1", "demo/V@1", key="demo/Text@1"),
        wasm={"R": answering({"state": state})},
        routes=[("demo/Go@1", "demo/R@1", "who")],
    )


@pytest.mark.parametrize(
    ("expect", "ok"),
    [
        ("alpha = { On = { n = 1 } }", True),
        ("alpha = { On = { n = 2 } }", False),
        ("alpha = { On = { n = 1, m = 2 } }", True),
        ('alpha = "Off"', False),
        ("alpha = { Off = 1 }", False),
        ("alpha = { Other = 1 }", False),
        ("alpha = {}", False),
        ("beta = { On = { n = 1 } }", False),
    ],
)
def test_a_keyed_state_is_expected_by_key_and_a_variant_in_part(
    tmp_path: Path, expect: str, ok: bool
) -> None:
    fire = '[[steps]]\nfire = { schema = "demo/Go@1", value = { who = "alpha", n = 1 } }\n'
    done = run(variant_world(tmp_path), f'{fire}[expect]\nstate."demo/R@1" = {{ {expect} }}\n')
    assert done.ok is ok


def test_a_scenario_brings_its_own_clock_to_a_live_branch(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/01-hello-timer", tmp_path / "w")
    (tmp_path / "w/modules").mkdir()
    shutil.copy(ROOT / "reducers/prebuilt/hello-timer.wasm", tmp_path / "w/modules/Hello.wasm")
    with World.open(tmp_path / "w", scenario="basic") as opened:
        assert isinstance(opened.host, LiveHost) and opened.scenario is not None
        player = Player(opened, opened.scenario)
        player.play()
        assert player.expectations and all(of.ok for of in player.expectations)
        assert isinstance(opened.host, LiveHost), "and leaves it as it was"
