"""A world at one height, as plain data: what readers, the command line and the app look at.

Immutable. Everything follows from the state after record ``height`` and the records up to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.host_json import untyped_to_host
from aos_core.air.nodes import DefPlan, Step
from aos_core.air.parts import Part
from aos_core.air.schemas import Schema
from aos_core.errors import AosError, CanonError, UsageError, ValueRejected
from aos_core.history import Asked, History, Started
from aos_core.host_values import (
    json_key,
    kinded_to_host,
    origin_json,
    receipt_json,
    typed_to_host,
    with_hashes,
)
from aos_core.kernel.program import Program
from aos_core.kernel.records import Record
from aos_core.kernel.state import Intent, State


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending intent. ``n`` counts from 1, stable until it is settled; ``params`` is host JSON;
    ``since`` the height of its record; ``prepared`` the receipt that a scenario has ready, and
    ``problem`` why the one it has cannot be used."""

    n: int
    intent_hash: bytes
    kind: str
    params: Any
    cap: str
    origin: Mapping[str, Any]
    since: int
    prepared: Receipt | None
    intent: Intent
    schema: Schema
    problem: AosError | None = None

    def answer(self) -> Receipt:
        """The prepared receipt. Raises :class:`UsageError` where there is none."""
        if self.problem is not None:
            raise UsageError(
                f"the answer prepared for {self.kind} (number {self.n}) cannot be given: "
                f"{self.problem.message}",
                hint=self.problem.hint or "mend the scenario, or give the receipt by hand",
                code="bad_answer",
            ) from self.problem
        if self.prepared is None:
            raise UsageError(
                f"no answer is prepared for {self.kind} (number {self.n})",
                hint="choose a scenario that answers it, or give the receipt by hand",
                code="no_answer",
            )
        return self.prepared

    def to_json(self) -> dict[str, Any]:
        """As ``aos pending --json`` prints it."""
        return {
            "n": self.n,
            "intent_hash": canon.hash_text(self.intent_hash),
            "kind": self.kind,
            "params": self.params,
            "cap": self.cap,
            "origin": origin_json(self.origin),
            "since": self.since,
            "answer": None if self.prepared is None else receipt_json(self.prepared, self.schema),
        }


@dataclass(frozen=True, slots=True)
class StepView:
    """A plan step at a height: ``state`` is one of the life cycle's (``lifecycle.STEP``),
    ``height`` that of the record that says so. ``value`` is host JSON; null is a value too, so
    ``has_value`` tells. ``error`` is ``{code, text}`` where its plan ended in it. ``definition`` is
    the step as its plan has it, in AIR."""

    id: str
    op: str
    state: str
    value: Any
    height: int | None
    after: tuple[str, ...]
    has_value: bool = False
    error: Mapping[str, str] | None = None
    definition: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``aos plan --json`` prints it."""
        return {
            "id": self.id,
            "op": self.op,
            "state": self.state,
            **({"value": self.value} if self.has_value else {}),
            **({} if self.error is None else {"error": dict(self.error)}),
            **({} if self.height is None else {"height": self.height}),
        }


@dataclass(frozen=True, slots=True)
class EdgeView:
    """An edge between two steps; ``when`` is its guard, an expression of AIR, None without one."""

    source: str
    target: str
    when: Any | None


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan instance at a height; ``status`` is ``running``, ``ok`` or ``error``, ``error`` the
    code that it failed with and ``text`` why. ``steps``, ``edges`` and ``input``, host JSON of the
    event that started it, are those of one that was asked for alone."""

    number: int
    id: bytes
    plan: str
    status: str
    started: int
    ended: int | None
    error: str | None
    steps: tuple[StepView, ...]
    text: str | None = None
    edges: tuple[EdgeView, ...] = ()
    input: Any = None

    @property
    def waiting(self) -> tuple[str, ...]:
        """The steps it waits in."""
        return tuple(step.id for step in self.steps if step.state == "waiting")

    def to_json(self) -> dict[str, Any]:
        """As ``aos plan --json`` prints it; ``steps`` are for one instance alone."""
        return {
            "n": self.number,
            "plan": self.plan,
            "status": self.status,
            "started": self.started,
            **({} if self.ended is None else {"ended": self.ended}),
            **({} if self.error is None else {"error": _failure(self.error, self.text)}),
        }


MOST_KNOWN = 20_000
"""So many effects are remembered for all views of a branch."""


class View:
    """A world after record ``height``."""

    def __init__(
        self,
        height: int,
        state: State,
        programs: Callable[[bytes], Program],
        records: Sequence[Record],
        history: History,
        prepare: Callable[[Asked, Schema], Receipt | None],
        detail: Callable[[int], str],
        known: dict[tuple[int, bytes], Pending] | None = None,
    ) -> None:
        """``known``: what views of the same branch and scenario have said of effects."""
        self.height, self._state = height, state
        self._known = {} if known is None else known
        self._programs = programs
        self.program = programs(state.manifest)
        self._records, self._history = records, history
        self._prepare, self._detail = prepare, detail

    @property
    def root(self) -> bytes:
        """The state's Merkle root, 32 bytes."""
        return self._state.root

    @property
    def kernel_state(self) -> State:
        """The kernel's own state, for those who compare states."""
        return self._state

    def program_of(self, manifest: bytes) -> Program:
        """The program of a manifest hash: one that a running plan started under."""
        return self._programs(manifest)

    @property
    def pending(self) -> list[Pending]:
        """What the world waits for, in order of emission."""
        return [self._pending(of) for of in self._history.pending(self._state, self.height)]

    def _pending(self, asked: Asked) -> Pending:
        """What is said of an effect depends on its record and on the schema of its receipts alone,
        so it is worked out once for all heights; but a blob may come to the store meanwhile."""
        intent, schema = asked.intent, self._receipt_schema(asked)
        known = self._known.get((asked.since, asked.hash))
        if known is not None and known.schema is schema:
            return known
        program = self._programs(asked.manifest)
        params_schema = program.schemas[program.effects[intent.kind].params_schema]
        prepared, problem = None, None
        try:
            prepared = self._prepare(asked, schema)
        except AosError as error:
            problem = error
        found = Pending(
            n=asked.n,
            intent_hash=asked.hash,
            kind=intent.kind,
            params=typed_to_host(params_schema, canon.decode(intent.params)),
            cap=intent.cap,
            origin=intent.origin,
            since=asked.since,
            prepared=prepared,
            intent=intent,
            schema=schema,
            problem=problem,
        )
        if problem is None and intent.kind != "blob.get":
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[asked.since, asked.hash] = found
        return found

    def _receipt_schema(self, asked: Asked) -> Schema:
        """The schema its receipt must fit: a running plan keeps its own, whatever was replaced.

        Where the manifest in force no longer lists the effect, that which typed its params."""
        kind, origin = asked.intent.kind, asked.intent.origin
        instance = self._state.plans.get(origin.get("instance", b""))
        program = self.program if instance is None else self._programs(instance.manifest)
        if kind not in program.effects:
            program = self._programs(asked.manifest)
        return program.receipt_schema(kind, reducer=origin["kind"] == "reducer")

    def reducers(self) -> list[str]:
        """The reducers that the manifest lists, sorted."""
        listed = {ref.name for ref in self.program.catalog.manifest.refs["modules"]}
        return sorted(
            name
            for name, of in self.program.modules.items()
            if of.module_kind == "reducer" and name in listed
        )

    def states(self) -> dict[str, Any]:
        """Host JSON of every reducer that has state."""
        return {name: self.state(name) for name in self.reducers() if self._state.cells.get(name)}

    def state(self, reducer: str, key: Any = None) -> Any:
        """Host JSON of a reducer's state: its value, or for a keyed one an object by key.

        ``key``: host JSON of one cell's key. None where there is no state. Raises
        :class:`UsageError` for an unknown reducer.
        """
        module = self.program.modules.get(reducer)
        if module is None or module.module_kind != "reducer":
            known = ", ".join(self.reducers())
            raise UsageError(f"there is no reducer {reducer!r}", hint=f"known: {known}")
        cells = self._state.cells.get(reducer)
        if module.key_schema is None:
            data = None if cells is None else cells.get(b"")
            return None if data is None else self.decode_state(reducer, data)
        of = self.program.schemas[module.key_schema]
        if key is not None:
            return self._cell(reducer, of.encode(of.from_host(key)))
        items = [] if cells is None else list(cells.items())
        return {
            json_key(of.to_host(of.normalise_bytes(cell))): self.decode_state(reducer, data)
            for cell, data in sorted(items)
        }

    def some_cells(self, reducer: str, most: int, before: View) -> list[bytes] | None:
        """At most ``most`` cells of a keyed reducer, sorted: first those that differ from a view
        before; None for one without keys. Work does not grow with the number of cells."""
        cells = self._state.cells.get(reducer)
        if cells is None or self.program.modules[reducer].key_schema is None:
            return None
        older = before.kernel_state.cells.get(reducer)
        changed = () if older is None else itertools.islice(older.diff(cells), most)
        found: dict[bytes, None] = dict.fromkeys(of[0] for of in changed)
        for cell, _ in itertools.islice(cells.items(), most):
            if len(found) >= most:
                break
            found[cell] = None
        return sorted(found)

    def cell_states(self, reducer: str, cells: Sequence[bytes]) -> dict[str, Any]:
        """As :meth:`state` of a keyed reducer, of these cells; those without state left out."""
        name = self.program.modules[reducer].key_schema
        assert name is not None
        of = self.program.schemas[name]
        states = ((cell, self.state_bytes(reducer, cell)) for cell in cells)
        return {
            json_key(of.to_host(of.normalise_bytes(cell))): self.decode_state(reducer, data)
            for cell, data in states
            if data is not None
        }

    def _cell(self, reducer: str, cell: bytes) -> Any:
        data = self._state.cell(reducer, cell)
        return None if data is None else self.decode_state(reducer, data)

    def state_bytes(self, reducer: str, cell: bytes = b"") -> bytes | None:
        """The state bytes of a cell, verbatim."""
        return self._state.cell(reducer, cell)

    def decode_state(self, reducer: str, data: bytes) -> Any:
        """Host JSON of state bytes; read untyped where they do not fit their schema."""
        schema = self.program.schemas[self.program.modules[reducer].abi["state"]]
        try:
            return schema.to_host(schema.normalise_bytes(data))
        except ValueRejected:
            return self._untyped(data)

    def state_part(self, reducer: str, data: bytes) -> Part:
        """As :meth:`decode_state`, to be looked at part by part."""
        schemas = self.program.schemas
        schema = schemas[self.program.modules[reducer].abi["state"]]
        try:
            return Part(schema.normalise_bytes(data), schema.type, schemas)
        except ValueRejected:
            pass
        try:
            return Part(canon.decode(data), None, schemas)
        except CanonError:
            return Part(data, None, schemas)

    def state_problem(self, reducer: str, data: bytes) -> str | None:
        """Why state bytes do not fit their schema, or None: a diagnostic, never a record."""
        schema = self.program.schemas[self.program.modules[reducer].abi["state"]]
        try:
            schema.normalise_bytes(data)
        except ValueRejected as error:
            return error.message
        return None

    def state_problems(self) -> list[str]:
        """What does not fit of the states of all cells, a sentence each."""
        return [
            f"the state of {reducer} does not fit its schema: {problem}"
            for reducer in self.reducers()
            if reducer in self._state.cells
            for _, data in self._state.cells[reducer].items()
            if (problem := self.state_problem(reducer, data)) is not None
        ]

    @staticmethod
    def _untyped(data: bytes) -> Any:
        try:
            return untyped_to_host(canon.decode(data))
        except CanonError:
            return untyped_to_host(data)

    def plans(self) -> list[PlanView]:
        """Every plan instance that has started by now, oldest first, without its steps."""
        return [self._plan(started, ()) for started in self._history.plans(self.height)]

    def last_plans(self, most: int) -> list[PlanView]:
        """As :meth:`plans`, the last ``most`` of them and those that still run."""
        last = self._history.last_plans(self.height, most)
        known = {started.id for started in last}
        live = (self._history.instance(id, self.height) for id, _ in self._state.plans.items())
        older = [of for of in live if of is not None and of.id not in known]
        found = sorted([*older, *last], key=lambda of: of.number)
        return [self._plan(started, ()) for started in found]

    def plan(self, number: int) -> PlanView:
        """One instance with the state of every step. Raises :class:`UsageError`."""
        started = self._history.plan(number, self.height)
        if started is None:
            raise UsageError(f"there is no plan instance #{number} at height {self.height}")
        node = self._definition(started)
        edges = tuple(EdgeView(of.source, of.target, of.when) for of in node.edges)
        found = self._plan(started, self._steps(started, node))
        return replace(found, edges=edges, input=self._input(started, node))

    def _plan(self, started: Started, steps: tuple[StepView, ...]) -> PlanView:
        over = started.ended is not None and started.ended <= self.height
        return PlanView(
            number=started.number,
            id=started.id,
            plan=started.plan,
            status=started.status if over else "running",
            started=started.started,
            ended=started.ended if over else None,
            error=started.error if over else None,
            steps=steps,
            text=self._why(started) if over else None,
        )

    def _why(self, started: Started) -> str | None:
        """Why an instance failed, as this version says it; None where it cannot be run again."""
        if started.error is None or started.ended is None:
            return None
        try:
            return self._detail(started.ended) or None
        except AosError:
            return None

    def _input(self, started: Started, node: DefPlan) -> Any:
        """Host JSON of the event that started an instance."""
        by = self._records[started.started].by
        if by is None or (event := self._records[by]).kind != "event":
            return None
        schemas = self._programs(started.manifest).schemas
        schema = schemas[node.input] if node.input in schemas.types else None
        return typed_to_host(schema, event["value"])

    def _steps(self, started: Started, node: DefPlan) -> tuple[StepView, ...]:
        heights = self._history.steps(started, self.height)
        moved = {self._records[at]["step"]: (at, self._records[at]) for at in heights}
        after = {step.id: tuple(e.source for e in node.edges if e.target == step.id)
                 for step in node.steps}  # fmt: skip
        return tuple(
            self._step(started, step, moved.get(step.id), after[step.id]) for step in node.steps
        )

    def _definition(self, started: Started) -> DefPlan:
        """The plan as it was when the instance started: a running plan keeps its definition."""
        return self._programs(started.manifest).plans[started.plan].node

    def _step(
        self,
        started: Started,
        step: Step,
        moved: tuple[int, Record] | None,
        after: tuple[str, ...],
    ) -> StepView:
        id, op, error = step.id, step.op, None
        over = started.ended is not None and started.ended <= self.height
        if over and started.step == id and started.error is not None:
            error = _failure(started.error, self._why(started))
        if moved is None:
            return StepView(
                id, op, "pending", None, None, after, error=error, definition=step.to_json()
            )
        height, record = moved
        kinded = record.get("value")
        return StepView(
            id,
            op,
            record["state"],
            with_hashes(kinded_to_host(kinded), self._is_intent),
            height,
            after,
            kinded is not None,
            error,
            step.to_json(),
        )

    def _is_intent(self, hash: bytes) -> bool:
        # the record of an intent stands behind that of the step that asks for it
        return self._history.asked(hash, self.height + 1) is not None


def _failure(code: str, text: str | None) -> dict[str, str]:
    return {"code": code, "text": text or ""}
