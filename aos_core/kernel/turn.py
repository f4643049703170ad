"""The turn: the kernel's complete reaction to one input, run until idle (air-v1, section 8).

``turn`` is a pure function of (programs, state, input, moment, step function). It gives every
record together with the state after it, so a traveller may stop between two records.

Three ways to go wrong, kept apart:

- *Rejected at the border*: a typed error is raised; there is no turn.
- *Fault*: the turn consists of the input's record and one ``fault``; the state is unchanged.
- *Failed plan*: that instance ends with a recorded error; the rest of the turn stands.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aos_core import canon
from aos_core.air.expr import EvalError
from aos_core.air.operators import member
from aos_core.air.values import Value, to_kinded
from aos_core.errors import CanonError, Rejected, StepFault, UnknownIntent, ValueRejected
from aos_core.kernel import effects, reducers
from aos_core.kernel.authority import Decision, Refused, slot_grant
from aos_core.kernel.lifecycle import INSTANCE, INTENT, advance
from aos_core.kernel.plans import (
    Answer,
    AskEffect,
    AskEvent,
    Denied,
    Ended,
    Plan,
    StepMoved,
    match_event,
    run_task,
)
from aos_core.kernel.program import RECEIPT_EVENTS, Program, Settings
from aos_core.kernel.records import EventInput, Input, ManifestInput, ReceiptInput, Record
from aos_core.kernel.reducers import RaisedEffect, StepFunction
from aos_core.kernel.routing import Delivery, Routed, correlation_value, route
from aos_core.kernel.state import Held, Instance, Intent, State

Programs = Callable[[bytes], Program]
"""The program of a manifest hash; a world keeps those its journal has named."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a turn stands: ``height`` of its first record, the logical time of the input before
    it, and the settings in force."""

    height: int
    logical_ns: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn gave: its records, the state after each, and the moment after it."""

    input: Input
    records: tuple[Record, ...]
    states: tuple[State, ...]
    after: Moment

    @property
    def state(self) -> State:
        return self.states[-1]

    @property
    def fault(self) -> Record | None:
        """The fault record, if the turn faulted."""
        return self.records[-1] if self.records[-1].kind == "fault" else None


def genesis(manifest: bytes, world: str) -> Record:
    """Record 0 of a world."""
    return Record("genesis", {"manifest": manifest, "world": world})


def turn(
    programs: Programs, state: State, input: Input, moment: Moment, step: StepFunction
) -> Turn:
    """React to one input. Raises :class:`Rejected` (or its kinds) where there is no turn."""
    if input.logical_ns < moment.logical_ns:
        raise Rejected(f"logical time goes back from {moment.logical_ns} to {input.logical_ns} ns")
    running = _Turn(programs, state, input, moment, step)
    try:
        running.start()
        running.run()
    except _Fault as fault:
        return _faulted(state, input, moment, running, fault)
    settings = moment.settings
    if isinstance(input, ManifestInput) and input.settings is not None:
        settings = Settings.from_plain(input.settings)
    after = Moment(moment.height + len(running.records), input.logical_ns, settings)
    return Turn(input, tuple(running.records), tuple(running.states), after)


class _Fault(Exception):
    def __init__(self, code: str, text: str, **where: Any) -> None:
        super().__init__(text)
        self.code, self.text = code, text
        self.where = {name: value for name, value in where.items() if value is not None}


def _faulted(state: State, input: Input, moment: Moment, running: _Turn, fault: _Fault) -> Turn:
    first = running.records[0]
    if first.kind == "receipt":
        advance(INTENT, "pending", "fault")
        first = Record("receipt", {**first.fields, "outcome": "faulted"})
    fields = {"code": fault.code, "where": fault.where, "text": fault.text}
    records = (first, Record("fault", fields, by=moment.height))
    after = Moment(moment.height + 2, input.logical_ns, moment.settings)
    return Turn(input, records, (state, state), after)


@dataclass(frozen=True, slots=True)
class _Queued:
    """A delivery, with what the reducer's context tells of the event behind it."""

    delivery: Delivery
    height: int
    entropy: bytes


class _Turn:
    def __init__(
        self,
        programs: Programs,
        state: State,
        input: Input,
        moment: Moment,
        step: StepFunction,
    ) -> None:
        self.programs, self.program = programs, programs(state.manifest)
        self.state, self.input, self.moment, self.step = state, input, moment, step
        self.records: list[Record] = []
        self.states: list[State] = []
        self.deliveries: deque[_Queued] = deque()
        self.tasks: deque[bytes] = deque()
        self.causes: dict[bytes, int] = {}
        self.derived = 0

    # -- records ----------------------------------------------------------------------------

    def record(self, kind: str, by: int | None, /, **fields: Any) -> int:
        """Add a record; gives its height. Fields that are None stay out, but for the hashes of a
        step, whose None means no state."""
        keep = ("before", "after")
        given = {name: of for name, of in fields.items() if of is not None or name in keep}
        self.records.append(Record(kind, given, by))
        self.states.append(self.state)
        return self.moment.height + len(self.records) - 1

    # -- the input --------------------------------------------------------------------------

    def start(self) -> None:
        match self.input:
            case EventInput(schema=schema, value=value, key=key):
                self.ingest(route(self.program, schema, value, key), None, self.input.entropy)
            case ReceiptInput():
                self.receive(self.input)
            case ManifestInput():
                self.replace_manifest(self.input)

    def replace_manifest(self, input: ManifestInput) -> None:
        if input.old != self.state.manifest:
            raise Rejected(
                "the manifest to replace is not the one in force",
                expected=canon.hash_text(self.state.manifest),
                found=canon.hash_text(input.old),
            )
        self.program = self.programs(input.new)
        self.state = self.state.with_manifest(input.new)
        self.record(
            "manifest_replaced",
            None,
            old=input.old,
            new=input.new,
            changed=list(input.changed),
            settings=None if input.settings is None else dict(input.settings),
        )

    def receive(self, input: ReceiptInput) -> None:
        intent = self.state.pending.get(input.intent)
        known = "pending" if intent is not None else "settled" if input.late else "unknown"
        if "receipt" not in INTENT[known]:
            raise UnknownIntent(
                "a receipt for an intent that this world never asked for",
                intent=canon.hash_text(input.intent),
                hint="`aos pending` lists what it waits for",
            )
        advance(INTENT, known, "receipt")
        if intent is None:
            self.record_receipt(input, _decoded(input.payload), "late")
            return
        reducer = intent.origin["kind"] == "reducer"
        program = self.receipt_program(intent)
        if intent.kind not in program.effects:
            raise Rejected(
                f"the manifest in force no longer lists {intent.kind}, so its receipt has no type",
                intent=canon.hash_text(input.intent),
                hint=f"list the effect {intent.kind} again",
            )
        schema = program.receipt_schema(intent.kind, reducer=reducer)
        payload = schema.normalise_bytes(input.payload)
        self.state = self.state.without_intent(input.intent)
        if reducer:
            self.receive_for_reducer(input, intent, payload)
        else:
            self.receive_for_plan(input, intent, payload)

    def receipt_program(self, intent: Intent) -> Program:
        """The program whose schemas type the receipt: a running plan keeps its own."""
        instance = self.state.plans.get(intent.origin.get("instance", b""))
        return self.program if instance is None else self.programs(instance.manifest)

    def receive_for_plan(self, input: ReceiptInput, intent: Intent, payload: Any) -> None:
        instance = self.state.plans.get(intent.origin["instance"])
        if instance is None:
            self.record_receipt(input, payload, "orphan")
            return
        receipts = {**instance.receipts, input.intent: Held(input.status, payload)}
        instance = replace(instance, receipts=receipts)
        self.state = self.state.with_instance(instance)
        height = self.record_receipt(input, payload, "settled")
        if input.intent in instance.waits.values():
            self.wake(instance, height)

    def receive_for_reducer(self, input: ReceiptInput, intent: Intent, payload: Any) -> None:
        """The receipt comes back as an event, ingested as any other (B-22)."""
        height = self.record_receipt(input, payload, "settled")
        schema = RECEIPT_EVENTS.get(intent.kind)
        if schema is None:
            return
        value = {
            "intent_hash": canon.hash_text(input.intent),
            "reducer": intent.origin["name"],
            "effect_kind": intent.kind,
            "adapter_id": input.adapter_id,
            "status": input.status,
            "requested": canon.decode(intent.params),
            "receipt": payload,
            "cost_cents": input.cost_cents,
            "signature": input.signature or b"",
        }
        try:
            routed = route(self.program, schema, value, intent.origin.get("key"))
        except ValueRejected as error:
            raise _Fault("bad_event", error.message, reducer=intent.origin["name"]) from None
        self.ingest(routed, height, self.derive_entropy())

    def record_receipt(self, input: ReceiptInput, payload: Any, outcome: str) -> int:
        return self.record(
            "receipt",
            None,
            intent=input.intent,
            adapter_id=input.adapter_id,
            status=input.status,
            payload=payload,
            cost_cents=input.cost_cents,
            signature=input.signature,
            outcome=outcome,
        )

    # -- the queues -------------------------------------------------------------------------

    def run(self) -> None:
        """Until idle. Where both queues have work they alternate, a plan first."""
        plan_was_last, budget = False, self.moment.settings.limits.tasks
        while self.deliveries or self.tasks:
            if budget == 0:
                text = f"the turn needs more than {self.moment.settings.limits.tasks} tasks"
                raise _Fault("task_budget", text)
            budget -= 1
            take_plan = bool(self.tasks)
            if self.deliveries and self.tasks:
                take_plan = plan_was_last = not plan_was_last
            if take_plan:
                self.run_task(self.tasks.popleft())
            else:
                self.deliver(self.deliveries.popleft())

    # -- events -----------------------------------------------------------------------------

    def derive_entropy(self) -> bytes:
        form = canon.encode(["derived", self.input.entropy, self.derived])
        self.derived += 1
        return hashlib.sha512(form).digest()

    def ingest(self, routed: Routed, by: int | None, entropy: bytes) -> None:
        hash = reducers.event_hash(routed.schema, routed.value, routed.key)
        height = self.record(
            "event", by, schema=routed.schema, value=routed.plain, key=routed.key, hash=hash
        )
        self.wake_waiting(routed, height)
        for trigger in self.program.triggers.get(routed.schema, ()):
            self.start_plan(self.program.plans[trigger.plan], routed, trigger.correlate_by, height)
        self.deliveries.extend(_Queued(item, height, entropy) for item in routed.deliveries)

    def wake_waiting(self, routed: Routed, height: int) -> None:
        """Every instance that waits for this event, in the order of their identities."""
        waiting = [i for _, i in self.state.plans.items() if routed.schema in i.waits.values()]
        if not waiting:
            return
        # typed as it was normalised: an older instance may have known another shape
        value = self.program.schemas[routed.schema].kinded(routed.plain)
        for instance in sorted(waiting, key=lambda instance: instance.id):
            if "wake" not in INSTANCE[instance.status]:
                continue
            plan = self.programs(instance.manifest).plans[instance.name]
            try:
                step = match_event(plan, instance, routed.schema, value)
            except EvalError as error:
                text = f"{error.message} at {error.path}"
                self.end(Ended(instance, "error", None, "expr_error", text), height)
                continue
            if step is not None:
                self.wake(replace(instance, events={**instance.events, step: value}), height)

    # -- plans ------------------------------------------------------------------------------

    def start_plan(self, plan: Plan, routed: Routed, correlate_by: str | None, height: int) -> None:
        correlation = _correlation(plan, routed, correlate_by)
        instance = Instance(
            id=self.identity(plan, routed, correlation),
            name=plan.node.name,
            plan=plan.hash,
            manifest=self.state.manifest,
            input=routed.plain,
            correlation=correlation,
            vars={} if correlation is None else {"correlation_id": correlation},
        )
        instance = replace(instance, status=advance(INSTANCE, instance.status, "start"))
        self.state = self.state.with_instance(instance)
        kinded = None if correlation is None else to_kinded(correlation)
        self.causes[instance.id] = self.record(
            "plan_started",
            height,
            instance=instance.id,
            plan=instance.name,
            correlation=kinded,
        )
        self.tasks.append(instance.id)

    def identity(self, plan: Plan, routed: Routed, correlation: Value | None) -> bytes:
        """Identity by content; n is the lowest number that is neither live nor still asked for."""
        taken = {intent.origin.get("instance") for _, intent in self.state.pending.items()}
        kinded = None if correlation is None else to_kinded(correlation)
        input_hash, n = canon.sha256(routed.value), 0
        while True:
            id = canon.digest([plan.hash, input_hash, kinded, n])
            if id not in taken and id not in self.state.plans:
                return id
            n += 1

    def wake(self, instance: Instance, height: int) -> None:
        status = advance(INSTANCE, instance.status, "wake")
        if instance.status != status:
            self.tasks.append(instance.id)
        self.causes[instance.id] = height
        self.state = self.state.with_instance(replace(instance, status=status))
        self.states[-1] = self.state  # waking is part of the record that woke

    def run_task(self, id: bytes) -> None:
        instance = self.state.plans.get(id)
        if instance is None:  # it ended while it was queued
            return
        plan = self.programs(instance.manifest).plans[instance.name]
        instance = replace(instance, status=advance(INSTANCE, instance.status, "take"))
        self.state = self.state.with_instance(instance)
        run = _TaskRun(self, instance)
        instance, outcome = run.drive(plan)
        instance = replace(instance, status=advance(INSTANCE, "running", outcome))
        self.state = self.state.with_instance(instance)
        self.states[-1] = self.state  # pausing is part of the record before it
        run.finish()
        if outcome == "yield":  # behind what its events woke or started
            self.tasks.append(id)

    def end(self, ended: Ended, by: int) -> None:
        self.state = self.state.without_instance(ended.instance.id)
        self.record(
            "plan_ended",
            by,
            instance=ended.instance.id,
            status=ended.status,
            result=ended.result,
            error_code=ended.code,
            text=ended.text,
            step=ended.step,
        )

    # -- reducers ---------------------------------------------------------------------------

    def deliver(self, queued: _Queued) -> None:
        item = queued.delivery
        cell = item.key or b""
        before = self.state.cell(item.reducer, cell)
        output = self.call(queued, before)
        self.check_state(item, output.state)
        self.state = self.state.with_cell(item.reducer, cell, output.state)
        height = self.record(
            "step",
            queued.height,
            reducer=item.reducer,
            key=item.key,
            before=None if before is None else canon.sha256(before),
            after=None if output.state is None else canon.sha256(output.state),
        )
        for event in output.events:
            try:
                routed = route(self.program, event.schema, event.value, event.key)
            except ValueRejected as error:
                raise self.fault(item, "bad_event", error.message) from None
            self.ingest(routed, height, self.derive_entropy())
        if len(output.effects) > 1:
            raise self.fault(item, "too_many_effects", "a step may ask for one effect at most")
        for effect in output.effects:
            self.ask_for_reducer(item, effect, height)

    def fault(self, item: Delivery, code: str, text: str) -> _Fault:
        return _Fault(code, text, reducer=item.reducer, cell=item.key)

    def call(self, queued: _Queued, before: bytes | None) -> reducers.Output:
        item, settings = queued.delivery, self.moment.settings
        if settings.abi.get(item.reducer) == "legacy":
            data = reducers.legacy_envelope(before, item.schema, item.value, item.key)
        else:
            ctx = self.context(queued)
            data = reducers.envelope(before, item.schema, item.value, item.key, ctx)
        try:
            wasm = self.program.wasm_hash(item.reducer)
            return reducers.parse_output(self.step(wasm, data, settings.limits))
        except StepFault as error:
            raise self.fault(item, error.code, error.message) from None

    def context(self, queued: _Queued) -> bytes | None:
        """``sys/ReducerContext@1``, for a module that declares a context (B-12)."""
        item = queued.delivery
        name = self.program.modules[item.reducer].abi.get("context")
        if name is None:
            return None
        schema = self.program.schemas[name]
        hash = reducers.event_hash(item.schema, item.value, item.key)
        return schema.encode(
            schema.normalise(
                {
                    "now_ns": self.input.at_ns,
                    "logical_now_ns": self.input.logical_ns,
                    "journal_height": queued.height,
                    "entropy": queued.entropy,
                    "event_hash": canon.hash_text(hash),
                    "manifest_hash": canon.hash_text(self.state.manifest),
                    "reducer": item.reducer,
                    "key": item.key,
                    "cell_mode": item.key is not None,
                }
            )
        )

    def check_state(self, item: Delivery, data: bytes | None) -> None:
        """``enforce`` faults on a state that does not fit; it is never re-encoded (B-2)."""
        if data is None or self.moment.settings.state_schema != "enforce":
            return
        schema = self.program.schemas[self.program.modules[item.reducer].abi["state"]]
        try:
            schema.normalise_bytes(data)
        except ValueRejected as error:
            raise self.fault(item, "bad_state", error.message) from None

    def ask_for_reducer(self, item: Delivery, effect: RaisedEffect, by: int) -> None:
        origin: dict[str, Any] = {"kind": "reducer", "name": item.reducer}
        if item.key is not None:
            origin["key"] = item.key
        if effect.kind not in self.program.modules[item.reducer].effects_emitted:
            text = f"{effect.kind} is not in effects_emitted of {item.reducer}"
            raise self.fault(item, "effect_not_declared", text)
        try:
            if effect.kind not in self.program.effects:
                raise Refused("unknown_effect", f"effect {effect.kind!r} is not listed")
            grant = slot_grant(self.program, item.reducer, effect.cap_slot, effect.kind)
            decision, intent = self.ask(
                origin, effect.kind, effect.params, grant, effect.idempotency_key
            )
        except Refused as refused:
            raise self.fault(item, refused.code, refused.message) from None
        if not decision.allowed:
            code = decision.code or "policy_denied"
            raise self.fault(item, code, f"{effect.kind} under {grant} was denied: {code}")
        self.record_decision(decision, intent, by)
        self.record_intent(intent, by)

    # -- effects ----------------------------------------------------------------------------

    def ask(
        self,
        origin: Mapping[str, Any],
        kind: str,
        params: Any,
        grant: str,
        key: bytes | None,
        taken: frozenset[bytes] = frozenset(),
    ) -> tuple[Decision, Intent]:
        program = self.program
        if isinstance(params, bytes):
            try:
                params = canon.decode(params)
            except CanonError as error:
                raise Refused("bad_params", error.message) from None

        def is_pending(hash: bytes) -> bool:
            return hash in taken or hash in self.state.pending

        return effects.ask(
            program, origin, kind, params, grant, key, self.input.logical_ns, is_pending
        )

    def record_decision(self, decision: Decision, intent: Intent, by: int) -> None:
        self.record(
            "decision",
            by,
            intent=intent.hash,
            grant=decision.grant,
            cap=decision.cap,
            policy=decision.policy,
            rule=decision.rule,
            code=decision.code,
        )

    def record_intent(self, intent: Intent, by: int) -> None:
        self.state = self.state.with_intent(intent)
        self.record("intent", by, hash=intent.hash, **_shown(intent))


class _TaskRun:
    """One task of an instance, driven: answers what it asks and keeps what waits for its end.

    Raised events are ingested when the task ends, before its intents are recorded (B-21).
    """

    def __init__(self, turn: _Turn, instance: Instance) -> None:
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
            value=None if ask.value is None else to_kinded(ask.value),
        )

    def ask_effect(self, ask: AskEffect) -> Answer:
        instance = self.instance
        origin = {
            "kind": "plan",
            "name": instance.name,
            "instance": instance.id,
            "step": ask.step,
        }
        # a receipt that the instance still keeps would otherwise answer this request too
        taken = frozenset((*instance.receipts, *(intent.hash for _, intent in self.intents)))
        try:
            decision, intent = self.turn.ask(
                origin, ask.kind, ask.params, ask.cap, ask.idempotency_key, taken
            )
        except Refused as refused:
            return Denied(refused.code, refused.message)
        self.turn.record_decision(decision, intent, self.cause)
        if not decision.allowed:
            code = decision.code or "policy_denied"
            return Denied(code, f"{ask.kind} under {ask.cap} was denied: {code}")
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
        for step, intent in self.intents:
            turn.record_intent(intent, self.heights[step])
        if self.ended is not None:
            last = max(self.heights.values(), default=self.cause)
            turn.end(self.ended, last)


def _shown(intent: Intent) -> dict[str, Any]:
    """The fields of an intent's record; the params readable."""
    return {**intent.to_plain(), "params": canon.decode(intent.params)}


def _decoded(payload: bytes) -> Any:
    try:
        return canon.decode(payload)
    except CanonError as error:
        raise ValueRejected(f"the payload is not CBOR: {error.message}") from error


def _correlation(plan: Plan, routed: Routed, correlate_by: str | None) -> Value | None:
    """The value at ``correlate_by``; else the event's key (B-15); else none."""
    if correlation_value(routed.plain, correlate_by) is not None and correlate_by is not None:
        value: Value | None = plan.input.kinded(routed.plain)
        for part in correlate_by.split("."):
            value = None if value is None else member(value, part)
        return value
    return None if routed.key is None else Value("Bytes", routed.key)
