"""What would never end does end: as a recorded fault that changes nothing and replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import CheckFailed
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.fuzz.harness import refused_or_replays
from tests.kernel.worlds import (
    assign,
    emit,
    end,
    listen,
    module,
    op,
    plan,
    record,
    ref,
    say,
    schema,
)
from tests.support import answering, tiny_world

CONFIG = "[limits]\ntasks = 200\n[checks]\nstate_schema = 'off'\n"
SAID = "demo/Said@1"
GO = {"who": "a", "n": 1}


def say_go(id: str) -> dict[str, Any]:
    value = record(who={"text": "x"}, n=op("add", ref("plan.input.n"), {"nat": 1}))
    return {"id": id, "op": "raise_event", "event": "demo/Go@1", "value": value}


LOUD = answering(
    {"state": b"\x00", "domain_events": [{"schema": SAID, "value": canon.encode(GO)}] * 2}
)
ROUTE = {"wasm": {"Loud": LOUD}, "routes": [(SAID, "demo/Loud@1")]}

# nodes, what the manifest says besides
ENDLESS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a plan that starts itself": (
        [plan("demo/again@1", [say_go("go")])],
        {"triggers": [("demo/Go@1", "demo/again@1")]},
    ),
    "a plan that starts itself twice": (
        [plan("demo/again@1", [say_go("one"), say_go("two")])],
        {"triggers": [("demo/Go@1", "demo/again@1")]},
    ),
    "two plans that start each other": (
        [
            plan("demo/ping@1", [say("said")]),
            plan("demo/pong@1", [say_go("go")], input=SAID),
        ],
        {"triggers": [("demo/Go@1", "demo/ping@1"), (SAID, "demo/pong@1")]},
    ),
    "a plan that wakes and starts itself": (
        [plan("demo/again@1", [say_go("go"), listen("heard", "demo/Go@1")], ("go", "heard"))],
        {"triggers": [("demo/Go@1", "demo/again@1")]},
    ),
    "a reducer that hears itself": ([module("demo/Loud@1", SAID)], ROUTE),
    "a reducer and a plan that call each other": (
        [module("demo/Loud@1", SAID), plan("demo/again@1", [say("said")], input=SAID)],
        {**ROUTE, "triggers": [(SAID, "demo/again@1")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_it_is_a_fault_of_the_task_budget(tmp_path: Path, name: str) -> None:
    nodes, more = ENDLESS[name]
    root = tiny_world(tmp_path / "world", *nodes, config=CONFIG, **more)
    event = SAID if "routes" in more else "demo/Go@1"
    with World.open(root, memory=True) as world:
        made = refused_or_replays(world, lambda of: of.fire(event, GO))
        assert made is not None and made.fault is not None
        assert made.fault["code"] == "task_budget" and len(made.records) == 2


def test_a_value_that_nests_ever_deeper_ends_its_plan(tmp_path: Path) -> None:
    steps = [assign("v0", {"nat": 0})]
    steps += [assign(f"v{n}", {"list": [ref(f"var:v{n - 1}")]}) for n in range(1, 80)]
    edges = [(f"v{n - 1}", f"v{n}") for n in range(1, 80)]
    root = tiny_world(
        tmp_path / "world", plan("demo/deep@1", steps, *edges), config=CONFIG,
        triggers=[("demo/Go@1", "demo/deep@1")],
    )  # fmt: skip
    with World.open(root, memory=True) as world:
        made = refused_or_replays(world, lambda of: of.fire("demo/Go@1", GO))
        assert made is not None and made.records[-1]["error_code"] == "bad_value"


def test_a_hundred_equal_requests_are_a_hundred_intents(tmp_path: Path) -> None:
    """They would collide; each gets a key of its own, and that ends too."""
    steps = [*(emit(f"e{n}", {"text": "same"}) for n in range(20)), end()]
    root = tiny_world(
        tmp_path / "world", plan("demo/many@1", steps, *((f"e{n}", "end") for n in range(20))),
        config=CONFIG, triggers=[("demo/Go@1", "demo/many@1")],
    )  # fmt: skip
    with World.open(root, memory=True) as world:
        for _ in range(5):
            assert refused_or_replays(world, lambda of: of.fire("demo/Go@1", GO)) is not None
        assert len({item.intent.hash for item in world.pending}) == 100


def test_a_cyclic_plan_does_not_open(tmp_path: Path) -> None:
    cyclic = plan("demo/ring@1", [say("a"), say("b")], ("a", "b"), ("b", "a"))
    root = tiny_world(tmp_path / "world", cyclic, schema("demo/Own@1", {"ref": "demo/Nat@1"}))
    with pytest.raises(CheckFailed, match="form a cycle"):
        World.open(root, memory=True)


def test_what_never_ends_costs_in_proportion_to_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal instances by the thousand, each of which needs a number of its own."""
    nodes, more = ENDLESS["a plan that starts itself twice"]
    calls, digest = [0], canon.digest_prepared

    def counted(value: Any) -> bytes:
        calls[0] += 1
        return digest(value)

    def cost(tasks: int) -> int:
        config = CONFIG.replace("tasks = 200", f"tasks = {tasks}")
        root = tiny_world(tmp_path / f"world-{tasks}", *nodes, config=config, **more)
        with World.open(root, memory=True) as world:
            calls[0] = 0
            assert world.fire("demo/Go@1", GO).fault is not None
            return calls[0]

    monkeypatch.setattr(canon, "digest_prepared", counted)
    assert 0 < cost(400) < 2.5 * cost(200)
