"""``aos run``: the story, the report, and that order does not matter."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from aos_core.files import Listed
from tests.cli.conftest import Aos, Done
from tests.support import REDUCER

GOLDEN = Path(__file__).parents[1] / "golden"
SCENARIOS = ("basic", "one-fails", "out-of-order", "two-at-once")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_story_of_a_scenario(scenario: str, world: Path, aos: Aos) -> None:
    done = aos("run", world, "--scenario", scenario)
    assert (done.code, done.err) == (0, "")
    assert done.out == (GOLDEN / f"story-{scenario}.txt").read_text("utf-8")


def test_the_story_in_another_order(world: Path, aos: Aos) -> None:
    done = aos("run", world, "--order", "2,3,1")
    assert done.out == (GOLDEN / "story-basic-order-2,3,1.txt").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(GOLDEN.glob("story-*.txt")), ids=lambda path: path.stem)
def test_stories_fit_80_columns_and_name_no_time(name: Path) -> None:
    text = name.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"\d+ ?(ms|s|seconds)\b|\d{4}-\d\d-\d\d", text)


def test_all_scenarios_make_one_report(world: Path, aos: Aos) -> None:
    done = aos("run", world, "--json")
    assert done.code == 0
    assert set(done.json) == {"runs"}
    runs = done.json["runs"]
    assert [run["scenario"] for run in runs] == list(SCENARIOS)
    for run in runs:
        assert set(run) == {
            "world", "scenario", "branch", "height", "root", "head", "states", "pending",
            "expectations", "verified",
        }  # fmt: skip
        assert run["world"] == "aggregator"
        assert run["branch"] == run["scenario"]
        assert run["states"][REDUCER]["pc"] == "Done"
        assert (run["pending"], run["verified"]) == (0, True)
        assert all(set(of) == {"ok", "text"} and of["ok"] for of in run["expectations"])


def _only(done: Done) -> dict[str, Any]:
    assert done.code == 0
    (run,) = done.json["runs"]
    assert run["verified"]
    return dict(run)


def test_all_six_orders_end_in_one_root_by_six_histories(world: Path, aos: Aos) -> None:
    orders = [",".join(map(str, of)) for of in itertools.permutations((1, 2, 3))]
    runs = [_only(aos("run", world, "--order", order, "--json")) for order in orders]
    assert [run["branch"] for run in runs] == [f"basic+{order}" for order in orders]
    assert len({run["root"] for run in runs}) == 1
    assert all(run["states"] == runs[0]["states"] for run in runs)
    assert len({run["head"] for run in runs}) == 6


def test_a_seed_shuffles_alike_each_time_and_ends_alike(world: Path, aos: Aos) -> None:
    plain = _only(aos("run", world, "--scenario", "basic", "--json"))
    runs = [_only(aos("run", world, "--seed", seed, "--json")) for seed in (1, 1, 2, 5)]
    assert [run["branch"] for run in runs] == [f"basic+seed-{seed}" for seed in (1, 1, 2, 5)]
    assert runs[0]["head"] == runs[1]["head"]
    assert {run["root"] for run in runs} == {plain["root"]}
    assert len({run["head"] for run in runs}) > 1


def test_runs_never_touch_main_and_older_ones_are_kept(asked: Path, aos: Aos) -> None:
    main = asked / ".aos/journal/main.log"
    before = main.read_bytes()
    for _ in range(2):
        aos("run", asked, "--scenario", "basic")
    assert main.read_bytes() == before
    assert (asked / ".aos/journal/basic~1.log").exists()


def test_a_missed_expectation_is_told_and_exits_1(world: Path, aos: Aos) -> None:
    path = world / "scenarios/basic.toml"
    path.write_text(path.read_text("utf-8").replace("requests = 1", "requests = 2"), "utf-8")
    done = aos("run", world, "--scenario", "basic")
    assert done.code == 1
    assert "  ✗ at the end: demo/Aggregator@1.requests = 2; found 1" in done.out.splitlines()
    report = aos("run", world, "--scenario", "basic", "--json")
    assert report.code == 1
    assert [of["ok"] for of in report.json["runs"][0]["expectations"]].count(False) == 1


def test_several_worlds_are_summed_up(world: Path, aos: Aos) -> None:
    done = aos("run", world, world, "--scenario", "basic")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "✓ 2 runs, all as expected and verified"


@pytest.fixture
def ladder(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ladder of one world, which may be spoiled."""
    listed = Listed("04", "aggregator", "", "", world)
    monkeypatch.setattr("aos_core.cli.play.bundled_worlds", lambda: [listed])
    return world


def test_all_is_told_in_a_table(ladder: Path, aos: Aos) -> None:
    done = aos("run", "--all")
    assert (done.code, done.err) == (0, "")
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines == (GOLDEN / "run-all.txt").read_text("utf-8").splitlines()
    runs = aos("run", "--all", "--json").json["runs"]
    for run, line in zip(runs, lines[1:], strict=False):
        assert run["root"].removeprefix("sha256:")[:12] in line and run["branch"] in line


def test_the_table_says_what_failed(ladder: Path, aos: Aos) -> None:
    path = ladder / "scenarios/basic.toml"
    path.write_text(path.read_text("utf-8").replace("requests = 1", "requests = 2"), "utf-8")
    done = aos("run", "--all")
    assert done.code == 1
    assert done.out.count("✓ verified") == 3 and done.out.count("✗ failed") == 1
    assert "✗ aggregator basic: at the end: demo/Aggregator@1.requests = 2; found 1" in done.out
    assert "✗ 1 of 4 runs failed: aggregator basic" in done.out


def test_all_tells_how_far_it_is(ladder: Path, aos: Aos) -> None:
    told = aos("run", "--all", "--progress-json").err.splitlines()
    done = [json.loads(line)["progress"] for line in told]
    assert done == [{"what": "4 runs", "done": n, "total": 4} for n in range(5)]


def test_all_plays_every_world_that_ships(aos: Aos, monkeypatch: pytest.MonkeyPatch) -> None:
    import aos_core.scenario as scenario

    real = scenario.run_scenario
    played = []

    def in_memory(root: str, name: str, **more: Any) -> scenario.Run:
        played.append((Path(root).name, name))
        return real(root, name, **{**more, "memory": True})

    monkeypatch.setattr(
        scenario, "run_scenario", in_memory
    )  # the worlds that ship stay as they are
    assert aos("run", "--all", "--seed", "5").code == 0
    shipped = [Path(of["path"]).name for of in aos("list", "--json").json]
    assert [world for world, _ in played] == shipped
    assert ("04-aggregator", "basic") in played


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--order", "2,3"), "wave 1 delivers 1, 2, 3"),
        (("--order", "2,2,1"), "is no order"),
        (("--order", "x"), "is no order"),
        (("--order", "1,2,3", "--seed", "1"), "not both"),
        (("--scenario", "none"), "there is no scenario 'none'"),
        (("--all",), "not both"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_what_makes_no_sense_exits_2(
    args: tuple[str, ...], said: str, world: Path, aos: Aos
) -> None:
    done = aos("run", world, *args)
    assert done.code == 2
    assert said in done.err
    error = aos("run", world, *args, "--json")
    assert error.code == 2
    assert said in error.error["message"]
