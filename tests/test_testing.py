"""``aos_core.testing`` and the pytest plugin: what authors of worlds test with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.errors import UsageError
from aos_core.scenario import run_scenario
from aos_core.testing import Clock, Play, assert_order_free, assert_replays, play
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.kernel.worlds import TIMERS, await_, emit, end, module, plan
from tests.support import (
    EVENT,
    EXAMPLE,
    REDUCER,
    ROOT,
    copy_example,
    log,
    start,
    tiny_world,
    wat,
    write_scenario,
)

pytestmark = pytest.mark.aos_world("04")


# -- the fixtures, as an author has them ------------------------------------------------------


def test_a_world_is_begun_anew_in_memory(world: World) -> None:
    assert (world.height, world.in_memory, world.files.root) == (0, True, EXAMPLE)
    world.fire(EVENT, start())
    assert len(world.pending) == 3


@pytest.mark.aos_world("../examples/04-aggregator", scenario="one-fails")
def test_a_mark_says_which_world_and_whose_answers(world: World) -> None:
    world.fire(EVENT, start())
    answers = [item.answer().payload["status"] for item in world.pending]
    assert answers == [202, 500, 201]


def test_scenarios_are_played_in_any_order(play: Play) -> None:
    roots = {play("basic", order).world.root for order in ("1,2,3", "3,1,2")}
    assert len(roots) == 1


def test_a_test_is_run_for_every_scenario(play: Play, aos_scenario: str) -> None:
    assert play(aos_scenario).world.state(REDUCER)["pc"] == "Done"


# -- playing ----------------------------------------------------------------------------------


def test_all_that_does_not_hold_is_told(tmp_path: Path) -> None:
    world = copy_example(tmp_path / "world")
    text = (world / "scenarios/basic.toml").read_text("utf-8")
    write_scenario(world, "wrong", text.replace("pending = 0", "pending = 7\neffects = []"))
    wrong = text.replace("pending = 0", "pending = 7").replace('"Done"', '"Idle"')
    write_scenario(world, "wrong", wrong)
    with pytest.raises(AssertionError) as caught:
        play(world, "wrong")
    said = str(caught.value)
    assert said.startswith("aggregator, wrong does not end as it says:\n")
    assert "7 pending; found 0" in said and 'pc = "Idle"; found "Done"' in said
    assert not (world / ".aos/journal").exists()


# -- the clock --------------------------------------------------------------------------------

SECOND = 1_000_000_000


def _asking(state: str, *seconds: float) -> bytes:
    """The output of a reducer that sets a timer, or none."""
    effects = [
        {
            "kind": "timer.set",
            "params": canon.encode({"deliver_at_ns": round(of * SECOND), "key": None}),
            "cap_slot": "default",
        }
        for of in seconds
    ]
    return canon.encode({"state": canon.encode(state), "effects": effects})


def _timed(to: Path, *fired: bytes) -> World:
    """Go sets timers at 2, 1 and 9 seconds; a timer that comes gives the first output of
    ``fired`` while the state is short, and the last one while it is long."""
    one, other = fired[0], fired[-1]
    by_state = f"""(if (result i32 i32) (i32.lt_u (local.get 1) (i32.const 1500))
        (then (i32.const 0) (i32.const {len(one)}))
        (else (i32.const {len(one)}) (i32.const {len(other)})))"""
    on_go = {f"R{n}": _asking("", n) for n in (2, 1, 9)}
    names = [f"demo/{name}@1" for name in on_go]
    of = tiny_world(
        to,
        *(module(name, "demo/Go@1", "demo/Text@1", emits=["timer.set"]) for name in names),
        module("demo/T@1", "sys/TimerFired@1", "demo/Text@1", emits=["timer.set"]),
        wasm={
            **{name: wat(f"(i32.const 0) (i32.const {len(of)})", of) for name, of in on_go.items()},
            "T": wat(by_state, one + other),
        },
        routes=[*(("demo/Go@1", name) for name in names), ("sys/TimerFired@1", "demo/T@1")],
        grants=[TIMERS],
        bindings={name: {"default": "timers"} for name in (*names, "demo/T@1")},
    )
    return World.open(of, memory=True)


@pytest.fixture
def timed(tmp_path: Path) -> World:
    """Every second timer that comes sets another one at 2.5 seconds."""
    return _timed(tmp_path, _asking("x" * 2000, 2.5), _asking(""))


def _go(world: World) -> None:
    world.fire("demo/Go@1", {"who": "a", "n": 1})


def _stamped(world: World) -> list[float]:
    """The logical time of every receipt, in seconds."""
    inputs = [frame.body["input"] for frame in world.frames[1:]]
    return [of["logical_ns"] / SECOND for of in inputs if of["k"] == "receipt"]


def test_timers_come_at_their_time_with_those_that_are_set_on_the_way(timed: World) -> None:
    clock = Clock(timed)
    _go(timed)
    assert len(clock.advance(3)) == 4
    assert _stamped(timed) == [1, 2, 2.5, 2.5]
    assert len(timed.pending) == 1
    assert clock.now_ns == 3 * SECOND + 1_000_000  # firing took one step of a millisecond


def test_time_that_passes_is_seen_by_the_next_input(timed: World) -> None:
    clock = Clock(timed)
    assert (clock.now_ns, clock.advance(ns=5), clock.now_ns) == (0, [], 5)
    _go(timed)
    assert timed.frames[-1].body["input"]["logical_ns"] == 5
    clock.jump()
    assert clock.now_ns == SECOND
    clock.advance(0.25)  # from where the timer has brought it
    assert clock.now_ns == 1.25 * SECOND
    _go(timed)
    assert timed.frames[-1].body["input"]["logical_ns"] == 1.25 * SECOND


def test_a_jump_goes_to_the_next_timer_and_delivers_all_that_are_due(timed: World) -> None:
    clock = Clock(timed)
    _go(timed)
    assert [len(clock.jump()) for _ in range(4)] == [1, 1, 2, 2]
    assert _stamped(timed) == [1, 2, 2.5, 2.5, 9, 9]
    assert timed.pending == []
    with pytest.raises(UsageError, match="no timer is set"):
        clock.jump()


def test_timers_without_end_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aos_core.testing._MOST_TIMERS", 20)
    world = _timed(tmp_path, _asking("", 1))
    _go(world)
    with pytest.raises(AssertionError, match="always another one"):
        Clock(world).advance(3)


def test_time_does_not_go_back(timed: World) -> None:
    with pytest.raises(UsageError, match="does not go back"):
        Clock(timed).advance(-1)


# -- what must hold ---------------------------------------------------------------------------


def test_a_history_that_was_not_what_is_recorded_does_not_replay(tmp_path: Path) -> None:
    with World.open(copy_example(tmp_path / "world")) as world:
        world.fire(EVENT, start())
        assert_replays(world)
        other = copy_example(tmp_path / "other")
        with World.open(other) as twin:
            twin.fire(EVENT, start(topic="other"))
        _graft(log(world.files.root), log(other))
        with pytest.raises(AssertionError, match="main does not replay"):
            assert_replays(world)


def _graft(journal: Path, other: Path) -> None:
    """The records of ``other`` behind the inputs of ``journal``: frames whole, history untrue."""
    from aos_core.frames import new_frame, pack, scan

    (header, frame), _ = scan(journal.read_bytes(), 0, None)
    (_, told), _ = scan(other.read_bytes(), 0, None)
    untrue = new_frame({**told.body, "prev": header.hash, "input": frame.body["input"]}, header)
    journal.write_bytes(pack(header.payload) + pack(untrue.payload))


def test_receipts_in_any_order_end_alike(world: World) -> None:
    world.fire(EVENT, start())
    before = (world.height, world.head)
    assert_order_free(world)
    assert_order_free(world)  # again: nothing was left in the way
    assert (world.height, world.head) == before


@pytest.fixture
def racing(tmp_path: Path) -> Path:
    """Two requests: the answer to *a* ends the plan, and only if *b* came before is more asked."""
    steps = [
        emit("a"),
        emit("b"),
        await_("got_a", "a"),
        await_("got_b", "b"),
        emit("after_b"),
        end(),
    ]
    edges = [("a", "got_a"), ("got_a", "end"), ("b", "got_b"), ("got_b", "after_b")]
    of = tiny_world(
        tmp_path / "racing",
        plan("demo/race@1", steps, *edges),
        triggers=[("demo/Go@1", "demo/race@1")],
    )
    write_scenario(
        of,
        "race",
        '[[answers]]\nmatch = { kind = "demo.ask" }\npayload = { n = 1, note = "again" }\n'
        '[[steps]]\nfire = { schema = "demo/Go@1", value = { who = "a", n = 1 } }\n'
        '[[steps]]\nrelease = "all"\n',
    )
    return of


def test_an_order_that_matters_is_named(racing: Path) -> None:
    with World.open(racing, memory=True, scenario="race") as world:
        world.fire("demo/Go@1", {"who": "a", "n": 1})
        with pytest.raises(AssertionError, match="order 2,1 does not end as order 1,2 does"):
            assert_order_free(world)
    run = run_scenario(racing, "race", memory=True)
    with run.world, pytest.raises(AssertionError, match="order 2,1 ends in sha256:"):
        assert_order_free(run)


def test_a_whole_run_is_played_in_every_order(play: Play) -> None:
    assert_order_free(play("two-at-once"))


def test_orders_are_not_tried_on_disk(tmp_path: Path) -> None:
    with World.open(copy_example(tmp_path / "world")) as world:
        with pytest.raises(UsageError, match="stay on disk"):
            assert_order_free(world)
        assert world.branches() == ["main"]


# -- the plugin -------------------------------------------------------------------------------


def pytest_run(folder: Path, *args: str) -> tuple[int, str]:
    """pytest in a process of its own, with the plugin and nothing else of ours."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "aos_core.pytest_plugin", *args]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_world_around_the_tests_is_theirs_without_saying_so(tmp_path: Path) -> None:
    world = copy_example(tmp_path / "world")
    (world / "tests").mkdir()
    (world / "tests/test_it.py").write_text(
        "def test_it(world): assert world.files.config.name == 'aggregator'\n"
        "def test_all(play, aos_scenario): play(aos_scenario)\n",
        "utf-8",
    )
    code, said = pytest_run(world)
    assert code == 0, said
    assert "5 passed" in said
    assert not (world / ".aos/journal").exists()


@pytest.mark.parametrize(
    ("ini", "args"),
    [("aos_world = the-world", ()), ("", ("--aos-world", "the-world")), ("", ("--aos-world=04",))],
    ids=["ini", "option", "number"],
)
def test_a_world_is_named_in_the_ini_file_or_on_the_command_line(
    tmp_path: Path, ini: str, args: tuple[str, ...]
) -> None:
    copy_example(tmp_path / "the-world")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = --strict-markers\n{ini}\n", "utf-8")
    (tmp_path / "test_it.py").write_text("def test_it(world): assert world.height == 0\n", "utf-8")
    code, said = pytest_run(tmp_path, *args)
    assert code == 0, said


def test_without_a_world_the_error_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(world): pass\n", "utf-8")
    code, said = pytest_run(tmp_path)
    assert code == 1
    assert "no folder above test_it.py is a world" in said and "--aos-world" in said


def test_who_does_not_use_it_loads_nothing_and_keeps_their_own_names(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys, pytest\n"
        "@pytest.fixture\n"
        "def world(): return 7\n"
        "def test_it(world):\n"
        "    assert world == 7\n"
        "    ours = {name for name in sys.modules if name.startswith('aos_')}\n"
        "    assert ours == {'aos_core', 'aos_core.pytest_plugin'}\n",
        "utf-8",
    )
    code, said = pytest_run(tmp_path, "-W", "error")
    assert code == 0, said


def test_the_plugin_is_registered_once_under_its_own_name() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    name = "aos_core.pytest_plugin"
    assert project["entry-points"]["pytest11"] == {name: name}
