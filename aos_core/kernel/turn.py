"""The turn: the kernel's complete reaction to one input, run until idle (air-v1, section 8).

``turn`` is a pure function of (programs, state, input, moment, modules). It gives every
record together with the state after it, so a traveller may stop between two records.

Three ways to go wrong, kept apart:

- *Rejected at the border*: a typed error is raised; there is no turn.
- *Fault*: the turn consists of the input's record and one ``fault``; the state is unchanged.
- *Failed plan*: that instance ends with a recorded error; the rest of the turn stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.air.builtins import RECEIPT_EVENTS
from aos_core.errors import CanonError, LifecycleError, Rejected, UnknownIntent, ValueRejected
from aos_core.kernel.delivery import deliver
from aos_core.kernel.lifecycle import INTENT, advance
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Program, Settings
from aos_core.kernel.records import EventInput, Input, ManifestInput, ReceiptInput, Record
from aos_core.kernel.routing import route
from aos_core.kernel.running import Fault, Moment, Programs, Running
from aos_core.kernel.sentences import sentence
from aos_core.kernel.state import Held, Intent, State
from aos_core.kernel.tasks import take_task

__all__ = ["Moment", "Programs", "Turn", "genesis", "turn"]


class Turn(NamedTuple):
    """What a turn gave: its records, the state after each, and the moment after it.

    ``details``: by height, what went wrong where a record only gives its code; no part of the
    journal."""

    input: Input
    records: tuple[Record, ...]
    states: tuple[State, ...]
    after: Moment
    details: Mapping[int, str] = MappingProxyType({})

    @property
    def state(self) -> State:
        return self.states[-1]

    @property
    def fault(self) -> Record | None:
        """The fault record, if the turn faulted."""
        return self.records[-1] if self.records[-1].kind == "fault" else None

    @property
    def fault_text(self) -> str:
        """What went wrong in a turn that faulted, with names and numbers."""
        return self.details[self.after.height - 1]


def genesis(manifest: bytes, world: str) -> Record:
    """Record 0 of a world."""
    return Record("genesis", {"manifest": manifest, "world": world})


def turn(programs: Programs, state: State, input: Input, moment: Moment, modules: Modules) -> Turn:
    """React to one input. Raises :class:`Rejected` (or its kinds) where there is no turn."""
    if input.logical_ns < moment.logical_ns:
        text = f"logical time goes back from {moment.logical_ns} to {input.logical_ns} ns"
        raise Rejected(text, path="$.logical_ns")
    run = Running(programs, state, input, moment, modules)
    try:
        _start(run)
        _until_idle(run)
        run.finish()
    except Fault as fault:
        return _faulted(state, input, moment, run, fault)
    settings = moment.settings
    if isinstance(input, ManifestInput) and input.settings is not None:
        settings = Settings.from_plain(input.settings)
    after = Moment(moment.height + len(run.records), input.logical_ns, settings)
    return Turn(input, tuple(run.records), tuple(run.states), after, run.details)


def _faulted(state: State, input: Input, moment: Moment, run: Running, fault: Fault) -> Turn:
    first = run.records[0]
    if first.kind == "receipt":
        advance(INTENT, "pending", "fault")
        first = Record("receipt", {**first.fields, "outcome": "faulted"})
    text = sentence(fault.code, fault.text)
    fields = {"code": fault.code, "where": fault.where, "text": text}
    records = (first, Record("fault", fields, by=moment.height))
    after = Moment(moment.height + 2, input.logical_ns, moment.settings)
    return Turn(input, records, (state, state), after, {moment.height + 1: fault.text})


def _start(run: Running) -> None:
    match run.input:
        case EventInput(schema=schema, value=value, key=key):
            run.ingest(route(run.program, schema, value, key), None, run.input.entropy)
        case ReceiptInput():
            _receive(run, run.input)
        case ManifestInput():
            _replace_manifest(run, run.input)


def _replace_manifest(run: Running, input: ManifestInput) -> None:
    if input.old != run.state.manifest:
        raise Rejected(
            "the manifest to replace is not the one in force",
            expected=canon.hash_text(run.state.manifest),
            found=canon.hash_text(input.old),
        )
    run.program = run.programs(input.new)
    run.state = run.state.with_manifest(input.new)
    run.record(
        "manifest_replaced",
        None,
        old=input.old,
        new=input.new,
        changed=list(input.changed),
        settings=None if input.settings is None else dict(input.settings),
    )


def _receive(run: Running, input: ReceiptInput) -> None:
    intent = run.state.pending.get(input.intent)
    known = "pending" if intent is not None else "settled" if input.late else "unknown"
    try:
        advance(INTENT, known, "receipt")
    except LifecycleError:
        raise UnknownIntent(
            "a receipt for an intent that this world never asked for",
            intent=canon.hash_text(input.intent),
            hint="`aos pending` lists what it waits for",
        ) from None
    if intent is None:
        _record_receipt(run, input, _decoded(input.payload), "late")
        return
    reducer = intent.origin["kind"] == "reducer"
    program = _receipt_program(run, intent)
    if intent.kind not in program.effects:
        raise Rejected(
            f"the manifest in force no longer lists {intent.kind}, so its receipt has no type",
            intent=canon.hash_text(input.intent),
            hint=f"list the effect {intent.kind} again",
        )
    schema = program.receipt_schema(intent.kind, reducer=reducer)
    payload = schema.normalise_bytes(input.payload)
    run.settle(intent)
    if reducer:
        _receive_for_reducer(run, input, intent, payload)
    else:
        _receive_for_plan(run, input, intent, payload)


def _receipt_program(run: Running, intent: Intent) -> Program:
    """The program whose schemas type the receipt: a running plan keeps its own."""
    instance = run.state.plans.get(intent.origin.get("instance", b""))
    return run.program if instance is None else run.programs(instance.manifest)


def _receive_for_plan(run: Running, input: ReceiptInput, intent: Intent, payload: Any) -> None:
    instance = run.state.plans.get(intent.origin["instance"])
    if instance is None:
        _record_receipt(run, input, payload, "orphan")
        return
    receipts = {**instance.receipts, input.intent: Held(input.status, payload)}
    instance = instance._replace(receipts=receipts)
    run.state = run.state.with_instance(instance)
    height = _record_receipt(run, input, payload, "settled")
    if input.intent in instance.waits.values():
        run.wake(instance, height)


def _receive_for_reducer(run: Running, input: ReceiptInput, intent: Intent, payload: Any) -> None:
    """The receipt comes back as an event, ingested as any other (B-22)."""
    height = _record_receipt(run, input, payload, "settled")
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
        routed = route(run.program, schema, value, intent.origin.get("key"))
    except ValueRejected as error:
        raise Fault("bad_event", error.message, reducer=intent.origin["name"]) from None
    run.ingest(routed, height, run.derive_entropy())


def _record_receipt(run: Running, input: ReceiptInput, payload: Any, outcome: str) -> int:
    return run.record(
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


def _until_idle(run: Running) -> None:
    """Until idle. Where both queues have work they alternate, a plan first."""
    plan_was_last, budget = False, run.moment.settings.limits.tasks
    while run.deliveries or run.tasks:
        if budget == 0:
            text = f"the turn needs more than {run.moment.settings.limits.tasks} tasks"
            raise Fault("task_budget", text)
        budget -= 1
        take_plan = bool(run.tasks)
        if run.deliveries and run.tasks:
            take_plan = plan_was_last = not plan_was_last
        if take_plan:
            take_task(run, run.tasks.popleft())
        else:
            deliver(run, run.deliveries.popleft())


def _decoded(payload: bytes) -> Any:
    try:
        return canon.decode_lenient(payload, canon.VALUE_DEPTH)
    except CanonError as error:
        text = f"the payload is not CBOR: {error.message}"
        raise ValueRejected(text, path="$.payload") from error
