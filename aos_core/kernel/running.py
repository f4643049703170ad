"""A turn in progress: the records so far, the state after the last one, the queues.

What is here serves inputs (``turn.py``), reducers (``delivery.py``) and plans (``tasks.py``) alike:
adding a record, ingesting an event, starting, waking and ending plan instances, asking for effects.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.air.expr import EvalError
from aos_core.air.operators import member
from aos_core.air.values import Value, to_kinded
from aos_core.errors import CanonError
from aos_core.kernel import effects, reducers
from aos_core.kernel.authority import Decision, Refused
from aos_core.kernel.compiled_plans import Plan
from aos_core.kernel.lifecycle import INSTANCE, advance
from aos_core.kernel.modules import Modules, PureCaller
from aos_core.kernel.plans import Ended, match_event
from aos_core.kernel.program import Program, Settings
from aos_core.kernel.records import ABSENT, Input, Record
from aos_core.kernel.routing import Delivery, Routed, correlates
from aos_core.kernel.state import Instance, Intent, Standing, State

Programs = Callable[[bytes], Program]
"""The program of a manifest hash; a world keeps those its journal has named."""


class Moment(NamedTuple):
    """Where a turn stands: ``height`` of its first record, the logical time of the input before
    it, and the settings in force."""

    height: int
    logical_ns: int
    settings: Settings


class Fault(Exception):
    """What makes a whole turn fault; ``where`` names the place."""

    def __init__(self, code: str, text: str, **where: Any) -> None:
        super().__init__(text)
        self.code, self.text = code, text
        self.where = {name: value for name, value in where.items() if value is not None}


class Queued(NamedTuple):
    """A delivery, with what the reducer's context tells of the event behind it."""

    delivery: Delivery
    height: int
    entropy: bytes


class Running:
    """One turn while it runs. Its states are immutable; this object is not."""

    def __init__(
        self,
        programs: Programs,
        state: State,
        input: Input,
        moment: Moment,
        modules: Modules,
    ) -> None:
        self.programs, self.program = programs, programs(state.manifest)
        self.state, self.input, self.moment, self.modules = state, input, moment, modules
        self.records: list[Record] = []
        self.details: dict[int, str] = {}
        self.states: list[State] = []
        self.deliveries: deque[Queued] = deque()
        self.tasks: deque[bytes] = deque()
        self.causes: dict[bytes, int] = {}
        self.derived = 0
        self._standing = state.take_standing()
        self._numbers: dict[bytes, tuple[bytes, int]] = {}
        self._lowest: dict[bytes, int] = {}

    def record(self, kind: str, by: int | None, /, **fields: Any) -> int:
        """Add a record; gives its height. Optional fields that are None stay out, but for a
        result: null is a value."""
        self.records.append(Record.made(kind, by, fields))
        self.states.append(self.state)
        return self.moment.height + len(self.records) - 1

    def derive_entropy(self) -> bytes:
        form = canon.encode_prepared(["derived", self.input.entropy, self.derived])
        self.derived += 1
        return hashlib.sha512(canon.SELF_DESCRIBE + form).digest()

    def ingest(self, routed: Routed, by: int | None, entropy: bytes) -> None:
        hash = reducers.event_hash(routed.schema, routed.value, routed.key)
        height = self.record(
            "event", by, schema=routed.schema, value=routed.plain, key=routed.key, hash=hash
        )
        self.wake_waiting(routed, height)
        for trigger in self.program.triggers.get(routed.schema, ()):
            self.start_plan(self.program.plans[trigger.plan], routed, trigger.correlate_by, height)
        self.deliveries.extend(Queued(item, height, entropy) for item in routed.deliveries)

    def wake_waiting(self, routed: Routed, height: int) -> None:
        """Every instance that waits for this event, the longest wait first."""
        waiting = self.waiting_for(routed.schema)
        if not waiting:
            return
        # typed as it was normalised: an older instance may have known another shape
        value = self.program.schemas[routed.schema].kinded(routed.plain)
        for instance in waiting:
            if "wake" not in INSTANCE[instance.status]:
                continue
            plan = self.programs(instance.manifest).plans[instance.name]
            try:
                step = match_event(plan, instance, routed.schema, value)
            except EvalError as error:
                text = f"{error.message} at {error.path}"
                self.end(Ended(instance, "error", ABSENT, "expr_error", text), height)
                continue
            if step is not None:
                self.wake(instance._replace(events={**instance.events, step: value}), height)

    def waiting_for(self, schema: str) -> list[Instance]:
        """The instances that wait for an event, in the order in which their waits began."""
        line = self._line(schema)
        waiting = [of for of in (self._stands(schema, *entry) for entry in line) if of is not None]
        line[:] = [(of.place, of.id) for of in waiting]
        return waiting

    def begin_wait(self, id: bytes) -> None:
        """From now on the event wait of an instance counts, behind all others for that event."""
        instance = self.state.plans.get(id)
        schema = None if instance is None else instance.listens_to
        if instance is None or schema is None or instance.place:
            return
        line = self._line(schema)
        while line and self._stands(schema, *line[-1]) is None:
            line.pop()
        place = line[-1][0] + 1 if line else 1
        line.append((place, id))
        self.state = self.state.with_instance(instance._replace(place=place))
        self.states[-1] = self.state  # the wait is part of the record before it

    def _stands(self, schema: str, place: int, id: bytes) -> Instance | None:
        """The instance, if it still waits there."""
        instance = self.state.plans.get(id)
        if instance is None or (instance.listens_to, instance.place) != (schema, place):
            return None
        return instance

    def _line(self, schema: str) -> list[tuple[int, bytes]]:
        """(place, instance) of the waits for an event, some perhaps over."""
        return self.standing.lines.setdefault(schema, [])

    @property
    def standing(self) -> Standing:
        """Who waits in the state as it is."""
        if self._standing is None:
            self._standing = Standing(self.state.plans, self.state.pending)
        return self._standing

    def finish(self) -> None:
        """The turn is over: the next one goes on with what stands."""
        if self._standing is not None:
            self.states[-1] = self.state = self.state._replace(standing=[self._standing])

    def start_plan(self, plan: Plan, routed: Routed, correlate_by: str | None, height: int) -> None:
        known = plan.input.kinded(routed.plain)
        correlation = _correlation(known, routed, correlate_by)
        instance = Instance(
            id=self.identity(plan, routed, correlation),
            name=plan.node.name,
            plan=plan.hash,
            manifest=self.state.manifest,
            input=routed.plain,
            known=known,
            encoded=canon.Encoded(routed.value.removeprefix(canon.SELF_DESCRIBE)),
            correlation=correlation,
            vars={} if correlation is None else {"correlation_id": correlation},
        )
        instance = instance._replace(status=advance(INSTANCE, instance.status, "start"))
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
        asking = self.standing.asking
        kinded = None if correlation is None else to_kinded(correlation)
        content = [plan.hash, canon.sha256(routed.value), kinded]
        name = canon.digest_prepared(content)
        n = self._lowest.get(name, 0)
        while True:
            id = canon.digest_prepared([*content, n])
            if id not in asking and id not in self.state.plans:
                self._numbers[id], self._lowest[name] = (name, n), n + 1
                return id
            n += 1

    def free(self, id: bytes) -> None:
        """The number of an instance that ended may be used again."""
        if id in self._numbers:
            name, n = self._numbers[id]
            if name in self._lowest:
                self._lowest[name] = min(n, self._lowest[name])
        else:  # it began in an earlier turn
            self._lowest.clear()

    def wake(self, instance: Instance, height: int) -> None:
        status = advance(INSTANCE, instance.status, "wake")
        if instance.status != status:
            self.tasks.append(instance.id)
        self.causes[instance.id] = height
        self.state = self.state.with_instance(instance._replace(status=status))
        self.states[-1] = self.state  # waking is part of the record that woke

    def end(self, ended: Ended, by: int) -> None:
        self.state = self.state.without_instance(ended.instance.id)
        self.free(ended.instance.id)
        height = self.record(
            "plan_ended",
            by,
            instance=ended.instance.id,
            status=ended.status,
            result=ended.result,
            error_code=ended.code,
            step=ended.step,
        )
        if ended.text is not None:
            self.details[height] = ended.text

    def ask(
        self,
        origin: Mapping[str, Any],
        kind: str,
        params: Any,
        grant: str,
        key: bytes | None,
        types: Program,
        stamp: int,
        taken: frozenset[bytes] = frozenset(),
    ) -> tuple[Decision, Intent]:
        """Ask for an effect, defined as in ``types``, under the grants and the policy in force.

        ``stamp``: the height that an enforcer is told."""
        if isinstance(params, bytes):
            try:
                params = canon.decode_lenient(params)
            except CanonError as error:
                raise Refused("bad_params", error.message) from None

        def is_pending(hash: bytes) -> bool:
            return hash in taken or hash in self.state.pending

        return effects.ask(
            self.program,
            types,
            origin,
            kind,
            params,
            grant,
            key,
            self.input.logical_ns,
            is_pending,
            lambda module, input: self.pure_caller(stamp)(module, input),
        )

    def pure_caller(self, stamp: int) -> PureCaller:
        """What calls pure modules of the program in force, at height ``stamp``."""
        limits = self.moment.settings.limits
        return PureCaller(self.program, self.modules, self.input.logical_ns, stamp, limits)

    def woken_at(self, id: bytes) -> int:
        """The height of the event or receipt that last woke an instance (B-21)."""
        cause = self.causes[id]
        record = self.records[cause - self.moment.height]
        return record.by if record.kind == "plan_started" and record.by is not None else cause

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

    def settle(self, intent: Intent) -> None:
        """The intent has its receipt."""
        self.state = self.state.without_intent(intent.hash)
        if self._standing is not None:
            self._standing.settle(intent)

    def record_intent(self, intent: Intent, by: int) -> None:
        self.state = self.state.with_intent(intent)
        if self._standing is not None:
            self._standing.ask(intent)
        self.record("intent", by, hash=intent.hash, **_shown(intent))


def _shown(intent: Intent) -> dict[str, Any]:
    """The fields of an intent's record; the params readable."""
    return {**intent.to_plain(), "params": canon.decode_own(intent.params)}


def _correlation(known: Value, routed: Routed, correlate_by: str | None) -> Value | None:
    """The value of the input ``known`` at ``correlate_by`` if that path exists; else the event's
    key (B-15); else none."""
    if correlate_by is not None and correlates(routed.plain, correlate_by):
        value: Value | None = known
        for part in correlate_by.split("."):
            value = None if value is None else member(value, part)
        return value
    return None if routed.key is None else Value("Bytes", routed.key)
