"""Tiny worlds for kernel tests: AIR nodes from Python data, driven turn by turn.

Every world here knows the same small vocabulary: the schemas below, and an effect ``demo.ask``
with a cap of its own. A reducer is real wasm, or a Python function from the decoded envelope to
the plain output: the kernel takes the step function as an argument and does not care.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aos_core import canon
from aos_core.air.load import load_files
from aos_core.air.nodes import DefModule
from aos_core.air.values import to_kinded
from aos_core.kernel.authority import Decision, Request, decide
from aos_core.kernel.program import Limits, Program, Settings, compile_program
from aos_core.kernel.records import EventInput, Input, ReceiptInput, Record
from aos_core.kernel.state import Instance, Intent, State
from aos_core.kernel.turn import Moment, Turn, turn
from aos_core.replay import frame_body, frame_payload
from aos_core.wasm.runtime import Runtime, StepLimits

Node = dict[str, Any]
Reducer = bytes | Callable[[dict[str, Any]], Any]
"""Wasm, or a function of the decoded envelope; what it gives is encoded as the output."""

NAT: Node = {"nat": {}}
TEXT: Node = {"text": {}}
UNIT: Node = {"unit": {}}
LIMITS = Limits(fuel=10_000_000)


# -- nodes ------------------------------------------------------------------------------------


def schema(name: str, type: Any) -> Node:
    return {"$kind": "defschema", "name": name, "type": type}


def record(**fields: Any) -> Node:
    return {"record": fields}


def module(name: str, event: str, state: str = "demo/Anything@1", **more: Any) -> Node:
    """A reducer; ``emits``, ``slots``, ``context`` and ``key`` where it has them."""
    abi: Node = {"state": state, "event": event, "effects_emitted": more.get("emits", [])}
    if "context" in more:
        abi["context"] = more["context"]
    key = {"key_schema": more["key"]} if "key" in more else {}
    return {
        "$kind": "defmodule",
        "name": name,
        "module_kind": "reducer",
        "abi": {"reducer": abi},
        **key,
    }


def pure(name: str, context: str | None = None, **more: Any) -> Node:
    """A pure module, an enforcer unless it has another ``input`` and ``output``."""
    abi = {"input": "sys/CapCheckInput@1", "output": "sys/CapCheckOutput@1", **more}
    if context is not None:
        abi["context"] = context
    return {"$kind": "defmodule", "name": name, "module_kind": "pure", "abi": {"pure": abi}}


def plan(name: str, steps: Sequence[Node], *edges: tuple[Any, ...], **more: Any) -> Node:
    """A plan over ``demo/Go@1``; an edge is (from, to) or (from, to, guard)."""
    return {
        "$kind": "defplan",
        "name": name,
        "input": "demo/Go@1",
        "steps": list(steps),
        "edges": [
            {"from": edge[0], "to": edge[1], **({"when": edge[2]} if len(edge) == 3 else {})}
            for edge in edges
        ],
        **more,
    }


def ref(path: str) -> Node:
    return {"ref": f"@{path}"}


def op(name: str, *args: Any) -> Node:
    return {"op": name, "args": list(args)}


def emit(id: str, q: Any = None, *, cap: str = "asks", **more: Any) -> Node:
    """Asks ``demo.ask`` with ``q``, its own id where none is given; the handle is ``h_<id>``."""
    params = {"record": {"q": {"text": id} if q is None else q}}
    return {
        "id": id,
        "op": "emit_effect",
        "kind": "demo.ask",
        "params": params,
        "cap": cap,
        "bind": {"effect_id_as": f"h_{id}"},
        **more,
    }


def await_(id: str, emitted: str) -> Node:
    """Awaits the receipt of step ``emitted`` and binds it to its own id."""
    of = ref(f"var:h_{emitted}")
    return {"id": id, "op": "await_receipt", "for": of, "bind": {"as": id}}


def listen(id: str, event: str = "demo/Said@1", where: Any = None) -> Node:
    more = {} if where is None else {"where": where}
    return {"id": id, "op": "await_event", "event": event, "bind": {"as": id}, **more}


def assign(id: str, expr: Any) -> Node:
    return {"id": id, "op": "assign", "expr": expr, "bind": {"as": id}}


def say(id: str, who: Any = None, n: Any = None) -> Node:
    """Raises ``demo/Said@1``."""
    value = {"record": {"who": who or {"text": id}, "n": n or {"nat": 0}}}
    return {"id": id, "op": "raise_event", "event": "demo/Said@1", "value": value}


def end(id: str = "end", **more: Any) -> Node:
    return {"id": id, "op": "end", **more}


VOCABULARY: tuple[Node, ...] = (
    schema("demo/Go@1", record(who=TEXT, n=NAT)),
    schema("demo/Said@1", record(who=TEXT, n=NAT)),
    schema("demo/Heard@1", record(who=TEXT)),
    schema("demo/Anything@1", {"unit": {}}),
    schema("demo/Count@1", record(n=NAT)),
    schema("demo/Text@1", TEXT),
    schema("demo/Nat@1", NAT),
    schema("demo/AskParams@1", record(q=TEXT)),
    schema("demo/AskReceipt@1", record(n=NAT, note={"option": TEXT})),
    {
        "$kind": "defeffect",
        "name": "demo/ask@1",
        "kind": "demo.ask",
        "params_schema": "demo/AskParams@1",
        "receipt_schema": "demo/AskReceipt@1",
        "cap_type": "demo.ask",
        "origin_scope": "both",
    },
    {"$kind": "defcap", "name": "demo/asks@1", "cap_type": "demo.ask", "schema": {"record": {}}},
)
BUILTIN_EFFECTS = ("http.request", "llm.generate", "timer.set", "blob.put", "blob.get")
ASKS: Node = {"name": "asks", "cap": "demo/asks@1", "params": {}}
TIMERS: Node = {"name": "timers", "cap": "sys/timer@1", "params": {}}
LISTS = {
    "schemas": "defschema",
    "modules": "defmodule",
    "plans": "defplan",
    "effects": "defeffect",
    "caps": "defcap",
    "policies": "defpolicy",
    "secrets": "defsecret",
}


def manifest(nodes: Sequence[Node], **more: Any) -> Node:
    """Lists every node. ``routes``: (event, reducer) or (event, reducer, key_field);
    ``triggers``: (event, plan) or (event, plan, correlate_by)."""
    effects = [{"name": f"sys/{kind}@1"} for kind in more.get("effects", BUILTIN_EFFECTS)]
    lists = {
        name: [{"name": node["name"]} for node in nodes if node["$kind"] == kind]
        for name, kind in LISTS.items()
    }
    routes = [_optional(("event", "reducer", "key_field"), of) for of in more.get("routes", ())]
    triggers = more.get("triggers", ())
    policy = {"policy": more["policy"]} if "policy" in more else {}
    return {
        "$kind": "manifest",
        "air_version": "1",
        **lists,
        "effects": lists["effects"] + effects,
        "routing": {"events": routes, "inboxes": []},
        "triggers": [_optional(("event", "plan", "correlate_by"), of) for of in triggers],
        "defaults": {"cap_grants": list(more.get("grants", (ASKS,))), **policy},
        "module_bindings": {
            name: {"slots": slots} for name, slots in more.get("bindings", {}).items()
        },
    }


def _optional(names: tuple[str, ...], values: tuple[str, ...]) -> Node:
    return dict(zip(names, values, strict=False))


def program(*nodes: Node, reducers: Mapping[str, Reducer] | None = None, **more: Any) -> Program:
    """The compiled program of ``nodes`` and the vocabulary; ``more`` goes to ``manifest``."""
    every = [*VOCABULARY, *nodes]
    files = {"air/all.json": json.dumps([*every, manifest(every, **more)])}
    known = reducers or {}
    return compile_program(load_files(files, lambda node: _wasm_hash(node.name, known)))


def _wasm_hash(name: str, reducers: Mapping[str, Reducer]) -> bytes | None:
    """Wasm is named by its bytes; a Python reducer, which has none, by its name."""
    if name not in reducers:
        return None
    found = reducers[name]
    return canon.sha256(found if isinstance(found, bytes) else name.encode())


def judged(of: Program, grant: str, params: Any, logical_ns: int = 0) -> Decision:
    """What is decided on an ``http.request`` of a plan under a grant of a native enforcer."""

    def call_pure(module: DefModule, _: bytes) -> bytes:
        raise AssertionError(f"{module.name} was called")

    origin = {"kind": "plan", "name": "demo/p@1"}
    asked = Request(
        origin, "http.request", params, canon.encode(params), of.grants[grant], logical_ns
    )
    return decide(of, asked, call_pure)


# -- worlds -----------------------------------------------------------------------------------


class World:
    """One world, driven turn by turn. ``turn`` is the last one; ``records`` are all of them."""

    def __init__(
        self,
        *nodes: Node,
        reducers: Mapping[str, Reducer] | None = None,
        limits: Limits = LIMITS,
        state_schema: str = "enforce",
        **more: Any,
    ) -> None:
        self.reducers = dict(reducers or {})
        self.program = program(*nodes, reducers=self.reducers, **more)
        self.programs = {self.program.manifest_hash: self.program}
        self.state = State(self.program.manifest_hash)
        self.moment = Moment(1, 0, Settings(limits, state_schema, {}))
        self.records: list[Record] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.turn: Turn | None = None
        wasm = [of for of in self.reducers.values() if isinstance(of, bytes)]
        self.runtime = Runtime({canon.sha256(of): of for of in wasm}.__getitem__)

    def step(self, wasm_hash: bytes, data: bytes, limits: Limits) -> bytes:
        """The kernel's ``Modules``; notes every call with its decoded envelope."""
        return self._call(self.runtime.step, wasm_hash, data, limits)

    def run(self, wasm_hash: bytes, data: bytes, limits: Limits) -> bytes:
        return self._call(self.runtime.run, wasm_hash, data, limits)

    def _call(
        self,
        act: Callable[[bytes, bytes, StepLimits], bytes],
        wasm_hash: bytes,
        data: bytes,
        limits: Limits,
    ) -> bytes:
        name = next(n for n in self.reducers if _wasm_hash(n, self.reducers) == wasm_hash)
        reducer, envelope = self.reducers[name], canon.decode(data)
        self.calls.append((name, envelope))
        if isinstance(reducer, bytes):
            allowed = StepLimits(limits.fuel, limits.memory_mib, limits.output_mib)
            return act(wasm_hash, data, allowed)
        return canon.encode_plain(reducer(envelope))

    def put(self, input: Input) -> Turn:
        """One turn, checked for what holds of every turn, and taken over."""
        done = turn(self.programs.__getitem__, self.state, input, self.moment, self)
        assert len(done.records) == len(done.states)
        assert done.states[-1] is done.state
        heights = range(self.moment.height, self.moment.height + len(done.records))
        assert done.after.height == heights.stop
        for height, entry in zip(heights, done.records, strict=True):
            assert entry.by is None if height == heights.start else entry.by in heights
            assert entry.by is None or entry.by < height
        check_bytes(done, self.moment.height)
        self.state, self.moment, self.turn = done.state, done.after, done
        self.records += done.records
        return done

    def fire(self, event: str, value: Any, key: bytes | None = None, **stamps: Any) -> Turn:
        data = canon.encode(value)
        return self.put(EventInput(schema=event, value=data, key=key, **stamps))

    def go(self, who: str = "a", n: int = 0, **stamps: Any) -> Turn:
        return self.fire("demo/Go@1", {"who": who, "n": n}, **stamps)

    def said(self, who: str, n: int = 0) -> Turn:
        return self.fire("demo/Said@1", {"who": who, "n": n})

    def deliver(self, intent: bytes, payload: Any = None, status: str = "ok", **more: Any) -> Turn:
        """A receipt; its payload fits ``demo.ask`` unless another is given."""
        data = canon.encode({"n": 1} if payload is None else payload)
        return self.put(
            ReceiptInput(intent=intent, adapter_id="test", status=status, payload=data, **more)
        )

    def answer(self, q: str, payload: Any = None, status: str = "ok", **more: Any) -> Turn:
        """A receipt for the only pending ``demo.ask`` with this ``q``."""
        (intent,) = (of for of in self.pending if canon.decode(of.params) == {"q": q})
        return self.deliver(intent.hash, payload, status, **more)

    def swap(self, program: Program) -> None:
        """Let the world know another program; ``ManifestInput`` puts it in force."""
        self.programs[program.manifest_hash] = program

    @property
    def pending(self) -> list[Intent]:
        return [intent for _, intent in self.state.pending.items()]

    @property
    def instances(self) -> list[Instance]:
        return [instance for _, instance in self.state.plans.items()]

    def fork(self) -> World:
        """The same world at the same moment, to go on in another way."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.records, other.calls = list(self.records), list(self.calls)
        return other

    def limited(self, **limits: int) -> World:
        """This world under other limits from now on."""
        settings = replace(self.moment.settings, limits=replace(LIMITS, **limits))
        self.moment = self.moment._replace(settings=settings)
        return self


def check_bytes(done: Turn, height: int) -> None:
    """What a turn writes without putting it in order again is in canonical order all the same."""
    body = frame_body(height, bytes(32), done)
    assert frame_payload(height, bytes(32), done) == canon.encode_plain(body)
    for instance in [of for _, of in done.state.plans.items()]:
        assert bytes(instance) == slow_bytes(instance)
    for intent in [of for _, of in done.state.pending.items()]:
        assert bytes(intent) == canon.encode(intent.to_plain())
        named = ("kind", "params", "cap", "idempotency_key")
        assert intent.hash == canon.digest({name: getattr(intent, name) for name in named})


def slow_bytes(instance: Instance) -> bytes:
    """The bytes of an instance from its values alone, as the journal's text has it."""
    optional = {
        "correlation": None if instance.correlation is None else to_kinded(instance.correlation),
        "statuses": dict(instance.statuses),
        "receipts": {canon.hash_text(of): held._asdict() for of, held in instance.receipts.items()},
        "events": {step: to_kinded(value) for step, value in instance.events.items()},
        "place": instance.place if instance.place > 1 else None,
    }
    return canon.encode(
        {
            "plan": instance.plan,
            "manifest": instance.manifest,
            "input": instance.input,
            "steps": dict(instance.steps),
            "values": {step: to_kinded(value) for step, value in instance.values.items()},
            "binds": dict(instance.binds),
            "waits": dict(instance.waits),
            **{name: value for name, value in optional.items() if value},
        }
    )


# -- reading records --------------------------------------------------------------------------


def kinds(records: Sequence[Record]) -> list[str]:
    return [entry.kind for entry in records]


def of_kind(records: Sequence[Record], kind: str) -> list[Record]:
    return [entry for entry in records if entry.kind == kind]


def moves(records: Sequence[Record]) -> list[tuple[str, str]]:
    """(step, state) of every ``plan_step``, in order."""
    return [(entry["step"], entry["state"]) for entry in of_kind(records, "plan_step")]


def values(records: Sequence[Record]) -> dict[str, Any]:
    """The values of finished steps, in kinded form."""
    return {
        entry["step"]: entry["value"]
        for entry in of_kind(records, "plan_step")
        if entry.get("value") is not None
    }


def endings(records: Sequence[Record]) -> list[tuple[str, str | None]]:
    """(status, error_code) of every instance that ended."""
    return [(of["status"], of.get("error_code")) for of in of_kind(records, "plan_ended")]


def outcome(done: Turn) -> str:
    """What became of the receipt of a turn."""
    return str(done.records[0]["outcome"])


def started(plan: str, event: str = "demo/Go@1") -> dict[str, Any]:
    """``manifest`` arguments of a world in which ``event`` starts ``plan``."""
    return {"triggers": [(event, plan)]}


def why(world: World) -> str:
    """What the last turn says went wrong in it; no part of its records."""
    assert world.turn is not None
    (text,) = world.turn.details.values()
    return text
