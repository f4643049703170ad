"""Wasm, and what it answers: refused, a fault, or a turn that replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import wasmtime
from hypothesis import strategies as st

from aos_core import canon
from aos_core.errors import CanonError, ModuleMissing, StepFault
from aos_core.kernel import reducers
from aos_core.kernel.records import EventInput
from aos_core.kernel.reducers import parse_output
from aos_core.kernel.turn import Turn
from aos_core.wasm.runtime import Runtime, StepLimits
from aos_core.world import World
from tests.fuzz.harness import attack, refused_or_replays
from tests.fuzz.mutations import cut, damaged, mutated
from tests.kernel.worlds import module, schema
from tests.support import ROOT, answering, tiny_world

LIMITS = StepLimits(fuel=200_000, memory_mib=2, output_mib=1)
ENVELOPE = reducers.envelope(None, "demo/Raw@1", canon.encode(b"x"), None, None)


def assembled(wat: str) -> bytes:
    """The module of a text."""
    return bytes(wasmtime.wat2wasm(wat))


ECHO = assembled("""(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 1024))
  (func (export "alloc") (param $n i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $n))))
  (func (export "step") (param $at i32) (param $len i32) (result i32 i32)
    (local $end i32) (local $n i32)
    (local.set $end (i32.sub (i32.add (local.get $at) (local.get $len)) (i32.const 4)))
    (local.set $n (i32.load (local.get $end)))
    (i32.sub (local.get $end) (local.get $n))
    (local.get $n)))""")
"""A reducer that answers with what its event, raw bytes, holds: the answer and its length."""


# -- answers ------------------------------------------------------------------------------------

OUTPUT: dict[str, Any] = {
    "state": b"\x00",
    "domain_events": [
        {"schema": "demo/Said@1", "value": canon.encode({"who": "a", "n": 1})},
        {"schema": "demo/Said@1", "value": canon.encode({"who": "b", "n": 2}), "key": None},
    ],
    "effects": [
        {"kind": "demo.ask", "params": canon.encode({"q": "x"}), "cap_slot": "default",
         "idempotency_key": bytes(32)}
    ],
    "ann": b"note",
}  # fmt: skip
WORDS = ["state", "value", "params_cbor", "demo/Raw@1", "demo/None@1", "timer.set", "kind", "key"]
GOOD = [canon.encode_plain(OUTPUT), canon.encode_plain({"state": None}), canon.encode(OUTPUT)]


def _written(value: Any) -> bytes:
    try:
        return canon.encode_plain(value)
    except CanonError:
        return b"\xff"


outputs = damaged(GOOD) | mutated(OUTPUT, WORDS).map(_written) | st.binary(max_size=32)


@pytest.fixture(name="base", scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tiny_world(
        tmp_path_factory.mktemp("echo"),
        schema("demo/Raw@1", {"bytes": {}}),
        module("demo/Echo@1", "demo/Raw@1", emits=["demo.ask"]),
        wasm={"Echo": ECHO},
        config="[limits]\nfuel = 200_000\n[checks]\nstate_schema = 'off'\n",
        routes=[("demo/Raw@1", "demo/Echo@1")],
    )
    with World.open(root, memory=True) as world:
        yield world


def answer(base: World, number: Iterator[int]) -> Callable[[bytes], Turn | None]:
    """Let the reducer answer with these bytes."""

    def give(data: bytes) -> Turn | None:
        world = base.fork(0, f"case-{next(number)}")
        raw = data + len(data).to_bytes(4, "little")
        made = refused_or_replays(world, lambda of: of.submit(_raw(raw)))
        assert made is not None, "the event itself is fine"
        return made

    return give


def _raw(data: bytes) -> EventInput:
    return EventInput(schema="demo/Raw@1", value=canon.encode(data))


def test_what_a_module_answers_is_a_turn_or_a_fault(base: World) -> None:
    seen: Counter[bool] = Counter()
    give = answer(base, iter(range(10**9)))

    def case(data: bytes) -> None:
        made = give(data)
        seen[made is not None and made.fault is None] += 1

    attack(outputs, case, 200)
    assert min(seen[True], seen[False]) > 1, seen


def test_an_answer_cut_at_every_byte_or_with_trailing_bytes_is_a_fault(base: World) -> None:
    give = answer(base, iter(range(10**9, 10**10)))
    assert give(GOOD[0]).fault is None  # type: ignore[union-attr]
    for data in cut(GOOD[0]):
        made = give(data)
        assert made is not None and made.fault is not None and made.fault["code"] == "bad_output"


def test_canary_an_answer_that_is_taken_as_it_comes_fails_the_same_attack(
    base: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(data: bytes) -> reducers.Output:
        try:
            return parse_output(data)
        except StepFault:
            plain = canon.decode(data)
            return reducers.Output(plain["state"], plain["domain_events"], plain["effects"])

    monkeypatch.setattr(reducers, "parse_output", trusting)
    with pytest.raises((CanonError, AttributeError, KeyError, TypeError)):
        attack(outputs, answer(base, iter(range(10**10, 10**11))), 200, shrink=False)


# -- modules ------------------------------------------------------------------------------------

MODULES = [ECHO, answering({"state": b"\x00"}), assembled(
    """(module (memory (export "memory") 1) (table 4 funcref) (elem (i32.const 0) $f)
    (type $t (func (param i32) (result i32)))
    (func $f (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
        (else (i32.const 8))))
    (func (export "alloc") (param i32) (result i32) (i32.const 2048))
    (func (export "step") (param i32 i32) (result i32 i32)
      (block (loop (br_if 1 (i32.eqz (call $f (local.get 1)))) (br 0)))
      (i32.const 0) (i32.const 1)))""")]  # fmt: skip


def module_runs(wasm: bytes) -> str:
    """``refused``, ``fault`` or ``answered``: whatever bytes they are, and again the same."""
    runtime = Runtime({canon.sha256(wasm): wasm}.__getitem__)
    try:
        runtime.load(canon.sha256(wasm))
    except ModuleMissing as error:
        assert error.message
        return "refused"
    results = [_step(runtime, wasm) for _ in range(2)]
    assert results[0] == results[1], "a step is not deterministic"
    return results[0][0]


def _step(runtime: Runtime, wasm: bytes) -> tuple[str, object]:
    try:
        return "answered", runtime.step(canon.sha256(wasm), ENVELOPE, LIMITS)
    except StepFault as fault:
        assert fault.code
        return "fault", (fault.code, fault.message)


def test_damaged_modules_are_refused_fault_or_answer() -> None:
    seen: Counter[str] = Counter()
    attack(damaged(MODULES), lambda wasm: seen.update([module_runs(wasm)]), 150)
    assert min(seen["refused"], seen["fault"] + seen["answered"]) > 1, seen


def test_a_module_cut_at_every_byte_or_with_trailing_bytes() -> None:
    assert module_runs(MODULES[1]) == "answered"
    seen = Counter(module_runs(wasm) for wasm in cut(MODULES[1]))
    assert (
        seen["refused"] > 100 and seen["answered"] <= 2
    )  # without its last sections it is a module still
    assert module_runs(MODULES[1] + b"\x00") == "refused"


def test_a_built_reducer_damaged_anywhere() -> None:
    built = [(ROOT / "reducers/prebuilt/fixture-quota.wasm").read_bytes()]
    attack(damaged(built), module_runs, 8)


def test_canary_a_runtime_that_lets_traps_out_fails_the_same_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Runtime.step

    def bare(self: Runtime, hash: bytes, data: bytes, limits: StepLimits) -> bytes:
        try:
            return step(self, hash, data, limits)
        except StepFault as fault:
            raise RuntimeError(fault.message) from fault

    monkeypatch.setattr(Runtime, "step", bare)
    with pytest.raises(RuntimeError):
        attack(damaged(MODULES), module_runs, 150, shrink=False)
