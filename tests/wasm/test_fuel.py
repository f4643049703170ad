"""Fuel stops what does not end, and is counted the same everywhere."""

import struct

import pytest
import wasmtime

from aos_core.canon import sha256
from aos_core.errors import StepFault
from aos_core.wasm import StepLimits, runtime
from tests.wasm.modules import (
    ALLOC,
    ECHO_PAIR,
    ECHO_POINTER,
    LIMITS,
    MEMORY,
    build,
    fault,
    runtime_of,
    step,
    stepping,
)


def least_fuel(wasm: bytes, data: bytes) -> int:
    """The exact fuel of a step: the least limit with which it ends."""
    reducer, low, high = runtime_of(wasm), 1, LIMITS.fuel
    while low < high:
        middle = (low + high) // 2
        try:
            reducer.step(sha256(wasm), data, StepLimits(middle, 1, 1))
            high = middle
        except StepFault as error:
            assert error.code == "out_of_fuel"
            low = middle + 1
    return low


def test_an_endless_loop_runs_out_of_fuel() -> None:
    wasm = stepping("(loop (br 0)) unreachable")
    assert fault(wasm) == ("out_of_fuel", "the step ran out of fuel")


def test_an_endless_alloc_runs_out_of_fuel() -> None:
    alloc = '(func (export "alloc") (param i32) (result i32) (loop (br 0)) unreachable)'
    assert fault(build(MEMORY, alloc, ECHO_PAIR))[0] == "out_of_fuel"


def test_the_least_limit_holds_from_the_first_instruction() -> None:
    assert fault(build(MEMORY, ALLOC, ECHO_PAIR), limits=StepLimits(1, 1, 1))[0] == "out_of_fuel"


def test_fuel_is_the_same_in_every_runtime() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_POINTER)
    assert least_fuel(wasm, b"x" * 100) == least_fuel(wasm, b"x" * 100)


@pytest.mark.parametrize("cow", [True, False])
def test_data_segments_burn_none_of_the_fuel(cow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = build(MEMORY, ALLOC, ECHO_POINTER)
    data = "".join(f'(data (i32.const {at}) "{"x" * 50}")' for at in range(8000, 60000, 50))
    filled = build(MEMORY, ALLOC, ECHO_POINTER, data)
    monkeypatch.setattr(runtime, "_new_engine", lambda: engine_with(cow))
    assert least_fuel(filled, b"abc") == least_fuel(plain, b"abc")


def engine_with(cow: bool) -> wasmtime.Engine:
    """The runtime's own engine, on a platform with or without copy-on-write memories."""
    config = runtime._new_config()
    config.memory_init_cow = cow
    return wasmtime.Engine(config)


def test_a_start_function_runs_first_and_does_not_eat_the_fuel_of_the_step() -> None:
    start = """(func $start (local $i i32)
        (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000))))
        (i32.store (i32.const 0) (local.get $i))) (start $start)"""
    body = "(i32.const 0) (i32.const 4)"
    limits = StepLimits(fuel=20_000, memory_mib=1, output_mib=1)
    assert step(stepping(body, start), limits=limits) == struct.pack("<I", 1000)
    idle = stepping(body, "(func $start) (start $start)")
    assert runtime_of(idle).step(sha256(idle), b"", StepLimits(100, 1, 1)) == bytes(4)


def test_an_endless_start_function_runs_out_of_fuel() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR, "(func $start (loop (br 0))) (start $start)")
    assert fault(wasm)[0] == "out_of_fuel"


def test_a_start_function_may_trap() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR, "(func $start unreachable) (start $start)")
    assert fault(wasm) == ("trap", "unreachable code was reached")


def test_a_data_segment_out_of_bounds_is_a_trap() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR, '(data (i32.const 65535) "ab")')
    assert fault(wasm) == ("trap", "memory was accessed out of bounds")
