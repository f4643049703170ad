"""Plans, run in tasks (air-v1, section 9).

A task is a generator. It yields what it wants from the kernel and gets the answer sent back; it
knows nothing of authority, routing or journals. Order is everything here:

1. Collect the ready steps in listing order. If any are ``emit_effect``, run all of those, and
   collect again.
2. Otherwise walk the ready list. One ``assign`` or one fulfilled await runs, and the steps are
   collected again. ``raise_event`` runs, the walk goes on, and the task ends after it. ``end``
   ends the instance at once. An unfulfilled ``await_receipt`` registers its wait and the walk
   goes on; ``await_event`` registers and ends the task.
3. Stop when nothing progresses.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.air.expr import Env, EvalError, Expr
from aos_core.air.schemas import Schema
from aos_core.air.values import UNIT, Value, check_size, record, text, to_kinded, to_plain
from aos_core.errors import CanonError, ValueRejected
from aos_core.kernel.compiled_plans import Plan, PlanStep
from aos_core.kernel.lifecycle import FINISHED, STEP, advance
from aos_core.kernel.records import ABSENT
from aos_core.kernel.state import Held, Instance

MAX_BYTES = 16 * 2**20
"""The largest value a step may have, in bytes: expressions can double a value with every step."""


class StepMoved(NamedTuple):
    """The step of an instance changed its state; ``instance`` already shows it. ``form`` is the
    kinded form of what it gave, None for nothing."""

    instance: Instance
    step: str
    state: str
    form: Any


@dataclass(frozen=True, slots=True)
class AskEffect:
    """Asks for an effect; answered with the intent hash, or with :class:`Denied`."""

    step: str
    kind: str
    params: Any
    cap: str
    idempotency_key: bytes | None


@dataclass(frozen=True, slots=True)
class AskEvent:
    """Raises an event; answered with None, or with :class:`Denied` where it does not fit."""

    step: str
    schema: str
    value: Any


@dataclass(frozen=True, slots=True)
class Denied:
    """What was asked for cannot be had."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The instance ended: ``status`` is ``ok`` or ``error``; ``result`` may be ABSENT."""

    instance: Instance
    status: str
    result: Any = ABSENT
    code: str | None = None
    text: str | None = None
    step: str | None = None


Ask = StepMoved | AskEffect | AskEvent | Ended
Answer = bytes | Denied | None
Task = Generator[Ask, Answer, tuple[Instance, str]]
"""Returns the instance and what became of it: an input of ``lifecycle.INSTANCE``."""


class _StepError(Exception):
    """A step that failed; ends the instance."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def ready(plan: Plan, instance: Instance, env: Env) -> tuple[list[PlanStep], list[PlanStep]]:
    """(ready steps, steps to skip) in listing order. Raises EvalError for a failing guard."""
    can_run: list[PlanStep] = []
    to_skip: list[PlanStep] = []
    states = instance.steps
    for step in plan.steps.values():
        state = states.get(step.id)
        if state is None:  # pending
            # asked for every step, several times a turn: without a Python loop a third of the time
            if FINISHED.issuperset(map(states.get, step.sources)):
                (can_run if _entered(step, states, env) else to_skip).append(step)
        elif state == "waiting":  # its guards held when it began to wait
            can_run.append(step)
    return can_run, to_skip


def _entered(step: PlanStep, states: Mapping[str, str], env: Env) -> bool:
    """Whether one of the edges into a step holds, or there is none."""
    return not step.incoming or any(
        states[source] == "done" and (guard is None or _holds(guard, env))
        for source, guard in step.incoming
    )


def _holds(guard: Expr, env: Env) -> bool:
    value = guard.run(env)
    if value.kind != "Bool":
        raise EvalError(f"expected Bool, got {value.kind}", guard.path)
    return bool(value.data)


def env_of(instance: Instance, event: Value | None = None) -> Env:
    """What the references of an instance resolve to."""
    return Env(instance.known, instance.vars, instance.values, instance.statuses, event)


def run_task(plan: Plan, instance: Instance) -> Task:
    """One task of an instance; see the module's docstring."""
    task = _Task(plan, instance)
    try:
        outcome = yield from task.run()
    except _StepError as error:
        outcome = yield from task.fail(error.code, error.message)
    except EvalError as error:
        outcome = yield from task.fail("expr_error", f"{error.message} at {error.path}")
    return task.instance, outcome


class _Task:
    def __init__(self, plan: Plan, instance: Instance) -> None:
        self.plan, self.instance = plan, instance
        self.step: PlanStep | None = None

    def run(self) -> Generator[Ask, Answer, str]:
        while True:
            self.step = None
            can_run, to_skip = ready(self.plan, self.instance, self.env())
            if to_skip:
                for step in to_skip:
                    yield self.move(step, "skip")
                continue
            emits = [step for step in can_run if step.op == "emit_effect"]
            if emits:
                for step in emits:
                    yield from self.emit(step)
                continue
            outcome = yield from self.walk(can_run)
            if outcome == "again":
                continue
            if outcome == "stop" and len(self.finished()) == len(self.plan.steps):
                outcome = yield from self.end(None)
            return "pause" if outcome == "stop" else outcome

    def walk(self, can_run: list[PlanStep]) -> Generator[Ask, Answer, str]:
        """What follows: ``again`` collect, ``stop``, or an input of ``lifecycle.INSTANCE``."""
        raised = False
        for step in can_run:
            self.step = step
            match step.op:
                case "assign":
                    yield self.complete(step, self.typed(step))
                    self.check_invariants()
                    return "again"
                case "await_receipt":
                    if (yield from self.take_receipt(step)):
                        return "again"
                case "await_event":
                    if step.id in self.instance.events:
                        yield from self.take_event(step)
                        return "again"
                    if self.waiting_for_event():
                        continue
                    yield self.wait(step, self.schema(step).name)
                    return "yield" if raised else "stop"
                case "raise_event":
                    yield from self.raise_event(step)
                    raised = True
                case "end":
                    return (yield from self.end(step))
        return "yield" if raised else "stop"

    def finished(self) -> list[str]:
        return [step for step, state in self.instance.steps.items() if state in FINISHED]

    def waiting_for_event(self) -> bool:
        """One outstanding event wait an instance."""
        return any(self.plan.steps[step].op == "await_event" for step in self.instance.waits)

    def env(self) -> Env:
        return env_of(self.instance)

    def emit(self, step: PlanStep) -> Generator[Ask, Answer, None]:
        self.step = step
        env = self.env()
        params = self.value(step)
        key = None if step.key is None else _key_bytes(step.key(env))
        answer = yield AskEffect(step.id, step.kind, to_plain(params), step.cap, key)
        if isinstance(answer, Denied):
            raise _StepError(answer.code, answer.text)
        assert answer is not None and step.binds is not None
        handle = text(step.binds)
        shown = record(handle=handle, intent_hash=Value("Bytes", answer), params=params)
        yield self.complete(step, shown, bound=handle)
        self.check_invariants()

    def raise_event(self, step: PlanStep) -> Generator[Ask, Answer, None]:
        schema = self.schema(step)
        value = self.value(step)
        answer = yield AskEvent(step.id, schema.name, to_plain(value))
        if isinstance(answer, Denied):
            raise _StepError(answer.code, answer.text)
        yield self.complete(step, record(schema=text(schema.name), value=value))
        self.check_invariants()

    def take_receipt(self, step: PlanStep) -> Generator[Ask, Answer, bool]:
        """Whether the receipt was there; else the wait is registered."""
        wait = self.instance.waits.get(step.id)
        intent = wait if isinstance(wait, bytes) else self.intent_of(self.value(step))
        receipt = self.instance.receipts.get(intent)
        if receipt is None:
            if wait is None:
                yield self.wait(step, intent)
            return False
        value = self.receipt_value(intent, receipt)
        rest = {key: item for key, item in self.instance.receipts.items() if key != intent}
        statuses = {**self.instance.statuses, step.binds or "": receipt.status}
        self.instance = self.instance._replace(receipts=rest, statuses=statuses)
        yield self.complete(step, value)
        self.check_invariants()
        return True

    def receipt_value(self, intent: bytes, receipt: Held) -> Value:
        """The payload, typed where the schema names a field. Named fields may be missing only
        where the status is not ok: guards decide then."""
        schema = self.receipt_schema(intent)
        missing = schema.codec.missing(receipt.payload) if receipt.status == "ok" else None
        if missing is not None:
            raise _StepError("receipt_error", f"the receipt lacks {missing} of {schema.name}")
        return schema.kinded(receipt.payload)

    def receipt_schema(self, intent: bytes) -> Schema:
        step = next(
            step
            for step, value in self.instance.values.items()
            if self.plan.steps[step].op == "emit_effect" and _asked(value) == intent
        )
        return self.plan.receipts[self.plan.steps[step].kind]

    def intent_of(self, handle: Value) -> bytes:
        """The intent hash behind a handle (its name), or given itself."""
        if handle.kind == "Text":
            step = self.instance.binds.get(handle.data)
            if step is not None and self.plan.steps[step].op == "emit_effect":
                return _asked(self.instance.values[step])
        elif handle.kind == "Bytes" and handle.data in map(_asked, self.emitted()):
            return bytes(handle.data)
        raise _StepError("unknown_handle", f"{handle.data!r} is no handle of an emitted effect")

    def emitted(self) -> list[Value]:
        values = self.instance.values
        return [v for step, v in values.items() if self.plan.steps[step].op == "emit_effect"]

    def take_event(self, step: PlanStep) -> Generator[Ask, Answer, None]:
        value = self.instance.events[step.id]
        rest = {key: item for key, item in self.instance.events.items() if key != step.id}
        self.instance = self.instance._replace(events=rest, place=0)
        yield self.complete(step, value)
        self.check_invariants()

    def end(self, step: PlanStep | None) -> Generator[Ask, Answer, str]:
        result = ABSENT
        if step is not None:
            value = UNIT
            if step.slot is not None:
                value = self.value(step)
                result = self.normalised(step, to_plain(value))
            yield self.complete(step, value)
        self.check_invariants()
        yield Ended(self.instance, "ok", result)
        return "end"

    def fail(self, code: str, message: str) -> Generator[Ask, Answer, str]:
        if self.step is not None and self.state(self.step) in ("pending", "waiting"):
            yield self.move(self.step, "fail")
        step = None if self.step is None else self.step.id
        yield Ended(self.instance, "error", ABSENT, code, message, step)
        return "fail"

    def complete(self, step: PlanStep, value: Value, bound: Value | None = None) -> StepMoved:
        """The step is done and gave ``value``; check the invariants after it."""
        _check_size(value)
        instance, id, binds = self.instance, step.id, step.binds
        form = to_kinded(value)
        changes: dict[str, Any] = {"values": {**instance.values, id: value}}
        changes["forms"] = {**instance.forms, id: canon.Encoded(canon.encode_prepared(form))}
        if binds is not None:
            changes["binds"] = {**instance.binds, binds: id}
            changes["vars"] = {**instance.vars, binds: value if bound is None else bound}
        if id in instance.waits:
            changes["waits"] = {k: v for k, v in instance.waits.items() if k != id}
        return self.move(step, "run", form, **changes)

    def check_invariants(self) -> None:
        for index, invariant in enumerate(self.plan.invariants):
            if not _holds(invariant, self.env()):
                raise _StepError("invariant_violation", f"invariant {index} is false")

    def wait(self, step: PlanStep, on: bytes | str) -> StepMoved:
        return self.move(step, "wait", None, waits={**self.instance.waits, step.id: on})

    def move(self, step: PlanStep, event: str, form: Any = None, /, **changes: Any) -> StepMoved:
        state = advance(STEP, self.state(step), event)
        steps = {**self.instance.steps, step.id: state}
        self.instance = self.instance._replace(steps=steps, **changes)
        return StepMoved(self.instance, step.id, state, form)

    def state(self, step: PlanStep) -> str:
        return self.instance.steps.get(step.id, "pending")

    def value(self, step: PlanStep) -> Value:
        assert step.slot is not None
        return step.slot(self.env())

    def typed(self, step: PlanStep) -> Value:
        """The value of an assign, under the schema of its local where it has one."""
        value = self.value(step)
        if step.schema is None:
            return value
        return step.schema.kinded(self.normalised(step, to_plain(value)))

    def normalised(self, step: PlanStep, plain: Any) -> Any:
        try:
            return plain if step.schema is None else step.schema.normalise(plain)
        except ValueRejected as error:
            raise _StepError("bad_value", error.message) from None

    def schema(self, step: PlanStep) -> Schema:
        assert step.schema is not None
        return step.schema


def _asked(value: Value) -> bytes:
    return bytes(value.data["intent_hash"].data)


def _check_size(value: Value) -> None:
    """A value is kept in the state and in the journal, where it has to fit."""
    try:
        check_size(value, canon.VALUE_DEPTH + 4, MAX_BYTES)  # a step's value wraps another
    except CanonError as error:
        raise _StepError("bad_value", f"the value is {error.message}") from None


def _key_bytes(key: Value) -> bytes:
    """The 32 bytes of an idempotency key: a hash, or bytes of that length (B-19)."""
    if key.kind in ("Hash", "Text") and canon.is_hash_text(key.data):
        return canon.parse_hash(key.data)
    if key.kind == "Bytes" and len(key.data) == 32:
        return bytes(key.data)
    raise _StepError("bad_value", "an idempotency key is a hash or 32 bytes")


def match_event(plan: Plan, instance: Instance, schema: str, value: Value) -> str | None:
    """The step of ``instance`` that waits for this event, or None.

    Raises EvalError for a failing ``where``.
    """
    for step, wait in instance.waits.items():
        if wait == schema and step not in instance.events:
            where = plan.steps[step].where
            if where is None or _holds(where, env_of(instance, value)):
                return step
    return None
