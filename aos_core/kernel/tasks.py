"""One task of a plan instance inside a turn: what ``plans.run_task`` asks for, answered."""

from __future__ import annotations

from aos_core.errors import ValueRejected
from aos_core.kernel.authority import Refused
from aos_core.kernel.compiled_plans import Plan
from aos_core.kernel.lifecycle import INSTANCE, advance
from aos_core.kernel.plans import (
    Answer,
    AskEffect,
    AskEvent,
    Denied,
    Ended,
    StepMoved,
    run_task,
)
from aos_core.kernel.routing import Routed, route
from aos_core.kernel.running import Running
from aos_core.kernel.state import Instance, Intent


def take_task(run: Running, id: bytes) -> None:
    """Run one task of a queued instance and record what it does."""
    instance = run.state.plans.get(id)
    if instance is None:  # it ended while it was queued
        return
    plan = run.programs(instance.manifest).plans[instance.name]
    instance = instance._replace(status=advance(INSTANCE, instance.status, "take"))
    task = _TaskRun(run, instance)
    instance, outcome = task.drive(plan)
    instance = instance._replace(status=advance(INSTANCE, "running", outcome))
    run.state = run.state.with_instance(instance)
    run.states[-1] = run.state  # pausing is part of the record before it
    task.finish()
    if outcome == "yield":  # behind what its events woke or started
        run.tasks.append(id)


class _TaskRun:
    """One task of an instance, driven: answers what it asks and keeps what waits for its end.

    Raised events are ingested when the task ends, before its intents are recorded (B-21) and
    before an event wait that it registered counts: a plan does not hear what it says itself.
    """

    def __init__(self, turn: Running, instance: Instance) -> None:
        self.turn, self.instance = turn, instance
        self.cause = turn.causes[instance.id]
        self.heights: dict[str, int] = {}
        self.raised: list[tuple[str, Routed]] = []
        self.intents: list[tuple[str, Intent]] = []
        self.ended: Ended | None = None

    def drive(self, plan: Plan) -> tuple[Instance, str]:
        task, answer = run_task(plan, self.instance), None
        while True:
            try:
                ask = task.send(answer)
            except StopIteration as stop:
                instance, outcome = stop.value
                return instance, outcome
            answer = self.answer(ask)

    def answer(self, ask: StepMoved | AskEffect | AskEvent | Ended) -> Answer:
        match ask:
            case StepMoved():
                self.moved(ask)
            case AskEffect():
                return self.ask_effect(ask)
            case AskEvent():
                return self.raise_event(ask)
            case Ended():
                self.ended = ask
        return None

    def moved(self, ask: StepMoved) -> None:
        turn, self.instance = self.turn, ask.instance
        turn.state = turn.state.with_instance(ask.instance)
        self.heights[ask.step] = turn.record(
            "plan_step",
            self.cause,
            instance=ask.instance.id,
            step=ask.step,
            state=ask.state,
            value=ask.form,
            on=ask.instance.waits.get(ask.step) if ask.state == "waiting" else None,
        )

    def ask_effect(self, ask: AskEffect) -> Answer:
        instance = self.instance
        origin = {
            "kind": "plan",
            "name": instance.name,
            "instance": instance.id,
            "step": ask.step,
        }
        types = self.turn.programs(instance.manifest)  # a running plan keeps its schemas
        # a receipt that the instance still keeps would otherwise answer this request too
        taken = frozenset((*instance.receipts, *(intent.hash for _, intent in self.intents)))
        try:
            decision, intent = self.turn.ask(
                origin,
                ask.kind,
                ask.params,
                ask.cap,
                ask.idempotency_key,
                types,
                self.turn.woken_at(instance.id),
                taken,
            )
        except Refused as refused:
            return Denied(refused.code, refused.message)
        self.turn.record_decision(decision, intent, self.cause)
        if not decision.allowed:
            code = decision.code or "policy_denied"
            return Denied(code, f"{ask.kind} under {ask.cap} was denied: {decision.reason}")
        self.intents.append((ask.step, intent))
        return intent.hash

    def raise_event(self, ask: AskEvent) -> Answer:
        try:
            routed = route(self.turn.program, ask.schema, ask.value, None)
        except ValueRejected as error:
            return Denied("bad_value", error.message)
        self.raised.append((ask.step, routed))
        return None

    def finish(self) -> None:
        turn = self.turn
        for step, routed in self.raised:
            turn.ingest(routed, self.heights[step], turn.derive_entropy())
        turn.begin_wait(self.instance.id)
        for step, intent in self.intents:
            turn.record_intent(intent, self.heights[step])
        if self.ended is not None:
            last = max(self.heights.values(), default=self.cause)
            turn.end(self.ended, last)
