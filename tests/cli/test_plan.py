"""``aos plan``: instances, and one with every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT

GOLDEN = Path(__file__).parents[1] / "golden"
PLAN = "demo/aggregator_plan@1"


def test_instances_are_listed_with_where_they_are(asked: Path, aos: Aos) -> None:
    assert aos("plan", asked, "--json").json == [
        {"n": 0, "plan": PLAN, "status": "running", "started": 4}
    ]
    aos("release", asked, "--all")
    aos("fire", asked, EVENT, START_JSON)
    first, second = aos("plan", asked, "--json").json
    assert first == {"n": 0, "plan": PLAN, "status": "ok", "started": 4, "ended": 29}
    assert (second["n"], second["status"], set(second)) == (
        1, "running", {"n", "plan", "status", "started"},
    )  # fmt: skip


def test_one_instance_with_the_state_and_value_of_every_step(asked: Path, aos: Aos) -> None:
    aos("release", asked, 2)
    one = aos("plan", asked, "#0", "--json").json
    assert set(one) == {"n", "plan", "status", "started", "steps"}
    steps = {step["id"]: step for step in one["steps"]}
    assert list(steps)[:3] == ["emit_a", "emit_b", "emit_c"]
    assert set(steps["emit_a"]) == {"id", "op", "state", "value", "height"}
    assert steps["emit_a"]["value"]["params"]["url"] == "https://example.com/api/a"
    assert steps["await_a"] == {
        "id": "await_a", "op": "await_receipt", "state": "waiting", "height": 11,
    }  # fmt: skip
    assert (steps["await_b"]["state"], steps["await_b"]["value"]["status"]) == ("done", 200)
    assert steps["end"] == {"id": "end", "op": "end", "state": "pending"}
    for step in one["steps"]:
        if "height" in step:
            record = aos("record", asked, step["height"], "--json").json
            assert (record["step"], record["state"]) == (step["id"], step["state"])


def test_a_number_is_taken_with_its_sign_and_without(asked: Path, aos: Aos) -> None:
    assert aos("plan", asked, "0", "--json").json == aos("plan", asked, "#0", "--json").json


def test_the_past_of_an_instance(asked: Path, aos: Aos) -> None:
    assert aos("plan", asked, "--at", 3, "--json").json == []
    steps = aos("plan", asked, 0, "--at", 6, "--json").json["steps"]
    assert [step["state"] for step in steps].count("done") == 1


def test_what_a_plan_failed_with_stands_at_its_step(world: Path, aos: Aos) -> None:
    """The plan asks for what its capability does not allow."""
    manifest = world / "air/manifest.air.json"
    text = manifest.read_text("utf-8")
    assert text.count("example.com") == 1
    manifest.write_text(text.replace("example.com", "example.org"), "utf-8")
    aos("fire", world, EVENT, START_JSON)
    (listed,) = aos("plan", world, "--json").json
    one = aos("plan", world, 0, "--json").json
    assert listed["status"] == one["status"] == "error"
    assert set(listed["error"]) == {"code", "text"}
    (failed,) = [step for step in one["steps"] if step["state"] == "failed"]
    assert failed["error"] == listed["error"] == one["error"]
    assert [step["id"] for step in one["steps"] if "error" in step] == ["emit_a"]
    people = aos("plan", world, 0).out
    assert f"✗ {failed['height']:>5} emit_a" in people
    assert failed["error"]["code"] in people


@pytest.mark.parametrize("shown", [(), ("0",)], ids=["all", "one"])
def test_plans_for_people(shown: tuple[str, ...], asked: Path, aos: Aos) -> None:
    aos("release", asked, 2)
    name = f"plan{''.join(f'-{of}' for of in shown)}.txt"
    assert aos("plan", asked, *shown).out == (GOLDEN / name).read_text("utf-8")


def test_what_is_no_instance_exits_2(asked: Path, world: Path, aos: Aos) -> None:
    for text, said in (
        ("7", "no plan instance #7"),
        ("x", "is no number"),
        ("#-1", "is no number"),
    ):
        done = aos("plan", asked, text, "--json")
        assert done.code == 2
        assert said in done.error["message"]


def test_a_world_in_which_no_plan_has_started(asked: Path, aos: Aos) -> None:
    assert aos("plan", asked, "--at", 0).out == "no plan has started\n"
