"""Whatever is done to a world, in whatever order, replay agrees: a random walk over its verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aos_core import canon
from aos_core.adapters.prepared import break_receipt
from aos_core.adapters.receipt import Receipt
from aos_core.errors import Diverged, Rejected, UnknownIntent, ValueRejected
from aos_core.history import History
from aos_core.modules import WorldModules
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.support import EVENT, REDUCER, copy_example, kinds, start

LETTERS = st.sampled_from("abcde")
PICK = st.integers(0, 1000)


class Walk(RuleBasedStateMachine):
    """The aggregator in memory. What is counted beside it follows from the verbs alone."""

    path: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.world = World.open(self.path, memory=True, scenario="two-at-once")
        self.fired = 0
        self.settled: list[Receipt] = []
        self.forks = 0
        self.roots = [self.world.root]

    # -- verbs

    @rule(a=LETTERS, b=LETTERS, c=LETTERS)
    def fire(self, a: str, b: str, c: str) -> None:
        made = self.world.fire(EVENT, start(a, b, c, topic=f"t{self.fired}"))
        assert made.fault is None and kinds(made).count("intent") == 3
        self.fired += 1

    @precondition(lambda self: self.world.pending)
    @rule(pick=PICK, fault=st.sampled_from(["ok", "error", "timeout", "duplicate", "late"]))
    def deliver(self, pick: int, fault: str) -> None:
        pending = self.world.pending
        item = pending[pick % len(pending)]
        receipt = item.answer()
        broken = (
            (receipt,) if fault == "ok" else break_receipt(fault, receipt, item.intent, item.schema)
        )
        outcomes = [self.world.deliver(of).records[0]["outcome"] for of in broken]
        assert outcomes == ["settled", "late"][: len(broken)]
        self.settled.append(receipt)

    @precondition(lambda self: self.settled)
    @rule(pick=PICK)
    def deliver_late(self, pick: int) -> None:
        receipt, before = self.settled[pick % len(self.settled)], self.world.root
        if receipt.intent in {item.intent_hash for item in self.world.pending}:
            return  # asked for again under its old hash
        made = self.world.deliver(receipt)
        assert made.records[0]["outcome"] == "late" and self.world.root == before

    @rule(pick=PICK)
    def refuse(self, pick: int) -> None:
        before = self.world.head
        with pytest.raises(UnknownIntent):
            self.world.deliver(Receipt(canon.sha256(str(pick).encode()), "ok", {}))
        with pytest.raises(ValueRejected):
            self.world.fire(EVENT, {"Start": pick})
        for item in self.world.pending[:1]:
            (malformed,) = break_receipt("malformed", item.answer(), item.intent, item.schema)
            with pytest.raises(Rejected):
                self.world.deliver(malformed)
        assert self.world.head == before

    @precondition(lambda self: self.forks < 3)
    @rule(pick=PICK)
    def fork(self, pick: int) -> None:
        """Go on with a fork at some height, whatever was settled after it forgotten."""
        at = self.world.turn_bounds(pick % (self.world.height + 1))
        height = pick % (self.world.height + 1)
        self.world = self.world.fork(height, f"fork-{self.forks}")
        self.forks += 1
        assert self.world.height == (at[1] if height == at[1] else at[0] - 1)
        self.roots = self.roots[: self.world.height + 1]
        self.settled = [of for of in self.settled if self.world.history.settled(of.intent)]
        self.fired = self.world.history.events

    @rule(pick=PICK)
    def travel(self, pick: int) -> None:
        height = pick % len(self.roots)
        assert self.world.at(height).root == self.roots[height]

    # -- what always holds

    @invariant()
    def replay_agrees(self) -> None:
        self.roots += [
            self.world.at(height).root for height in range(len(self.roots), self.world.height + 1)
        ]
        report = self.world.verify()
        assert report.ok, report.divergence and report.divergence.describe()
        assert (report.root, report.head) == (self.world.root, self.world.head)

    @invariant()
    def the_state_is_bounded_by_what_is_alive(self) -> None:
        view = self.world.at(self.world.height)
        state = view.kernel_state
        assert len(state.pending) == len(view.pending)
        running = [plan for plan in view.plans() if plan.status == "running"]
        assert len(state.plans) == len(running)
        counted = view.state(REDUCER)
        assert (counted or {"requests": 0})["requests"] == self.fired


FEW = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
UNSHRUNK = settings(FEW, phases=[Phase.generate])


@pytest.fixture
def walk(tmp_path: Path) -> type[Walk]:
    path = copy_example(tmp_path / "world")
    return type("WalkHere", (Walk,), {"path": path})


def test_replay_agrees_after_every_verb(walk: type[Walk]) -> None:
    run_state_machine_as_test(walk, settings=FEW)


def test_canary_a_reducer_that_drifts_fails_the_same_walk(
    walk: type[Walk], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, calls = WorldModules.step, [0]

    def drifting(self: WorldModules, wasm: bytes, envelope: bytes, limits: Any) -> bytes:
        calls[0] += 1
        output = canon.decode(step(self, wasm, envelope, limits))
        state = canon.decode(output["state"])
        state["last_request_id"] = calls[0]
        return canon.encode_plain({**output, "state": canon.encode_plain(state)})

    monkeypatch.setattr(WorldModules, "step", drifting)
    with pytest.raises((AssertionError, Diverged), match=r"record \d+ \(step\): demo/Agg"):
        run_state_machine_as_test(walk, settings=UNSHRUNK)


def test_canary_a_world_that_forgets_what_was_settled_fails_the_same_walk(
    walk: type[Walk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(History, "settled", lambda self, intent: False)
    with pytest.raises(UnknownIntent):
        run_state_machine_as_test(walk, settings=UNSHRUNK)
