"""Memory and output keep to their limits, whatever a module claims."""

import struct

import pytest
from hypothesis import example, given, settings

from aos_core.canon import sha256
from aos_core.errors import StepFault
from aos_core.wasm import StepLimits, runtime
from tests.wasm.modules import (
    ALLOC,
    ECHO_PAIR,
    ECHO_POINTER,
    LIMITS,
    MEMORY,
    PAGE,
    U32,
    answering,
    build,
    fault,
    run_script,
    runtime_of,
    step,
    stepping,
)

# -- memory ------------------------------------------------------------------------------------


def growing(pages: int) -> bytes:
    return stepping(
        f"(i32.store (i32.const 0) (memory.grow (i32.const {pages}))) (i32.const 0) (i32.const 4)"
    )


def test_the_guest_sees_a_growth_beyond_the_limit_fail() -> None:
    assert step(growing(15)) == struct.pack("<i", 1), "1 + 15 pages are 1 MiB"
    assert step(growing(16)) == struct.pack("<i", -1)
    assert step(growing(16), limits=StepLimits(1_000_000, 2, 1)) == struct.pack("<i", 1)


def test_the_guest_sees_a_table_growth_beyond_the_limit_fail() -> None:
    def grown(size: int) -> bytes:
        grow = f"(table.grow $t (ref.null func) (i32.const {size}))"
        body = f"(i32.store (i32.const 0) {grow}) (i32.const 0) (i32.const 4)"
        limits = StepLimits(100_000_000, 1, 1)
        return step(stepping(body, "(table $t 0 funcref)"), limits=limits)

    assert grown(2**20) == struct.pack("<i", 0)
    assert grown(2**20 + 1) == struct.pack("<i", -1)


@pytest.mark.parametrize(
    "declared",
    [
        '(memory (export "memory") 17)',
        MEMORY + "(table 1048577 funcref)",
        MEMORY + "(table 1 funcref)" * 5,
    ],
    ids=["memory", "table", "tables"],
)
def test_a_start_beyond_the_limits_is_a_fault(declared: str) -> None:
    wasm = build(declared, ALLOC, ECHO_PAIR)
    assert fault(wasm)[0] == "memory_limit"


def test_memory_may_begin_at_the_limit() -> None:
    assert step(build('(memory (export "memory") 16)', ALLOC, ECHO_PAIR), b"abc") == b"abc"


def test_an_input_beyond_the_memory_limit_is_a_fault() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR)
    assert fault(wasm, bytes(2**20 + 1))[0] == "memory_limit"


def test_a_machine_without_memory_is_no_fault_of_the_module() -> None:
    script = """
        import resource, wasmtime
        from aos_core.errors import AosError
        from aos_core.wasm import Runtime, StepLimits
        wasm = bytes(wasmtime.wat2wasm('''(module (memory (export "memory") 1)
            (func (export "alloc") (param i32) (result i32) (i32.const 8))
            (func (export "step") (param i32 i32) (result i32 i32)
              (local.get 0) (local.get 1)))'''))
        reducer = Runtime(lambda _: wasm)
        limits = StepLimits(1000, 1, 1)
        assert reducer.step(bytes(32), b"abc", limits) == b"abc"
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        try:
            reducer.step(bytes(32), b"abc", limits)
        except AosError as error:
            print(type(error).__name__, error.code)
    """
    pytest.importorskip("resource")
    assert run_script(script) == "AosError engine\n"


# -- output and alloc --------------------------------------------------------------------------


def test_pointers_are_unsigned() -> None:
    assert fault(answering(-1, 1))[0] == "bad_output"
    assert fault(answering(0, -1))[0] == "output_limit"


@pytest.mark.parametrize(
    ("pointer", "size", "code"),
    [
        (PAGE, 1, "bad_output"),
        (PAGE - 1, 2, "bad_output"),
        (PAGE + 1, 0, "bad_output"),
        (0, 2**20, "bad_output"),
        (0, 2**20 + 1, "output_limit"),
        (0xFFFF_FFFF, 0xFFFF_FFFF, "output_limit"),
    ],
)
def test_an_output_must_lie_within_memory_and_limit(pointer: int, size: int, code: str) -> None:
    assert fault(answering(pointer, size))[0] == code


def test_an_output_may_end_where_the_memory_ends() -> None:
    assert step(answering(PAGE - 3, 3)) == bytes(3)
    assert len(step(answering(0, PAGE))) == PAGE
    assert step(answering(PAGE, 0)) == b""


def test_an_output_within_memory_may_be_beyond_the_limit() -> None:
    grown = "(drop (memory.grow (i32.const 40))) (i32.const 8) (i32.const %d)"
    limits = StepLimits(fuel=1_000_000, memory_mib=4, output_mib=1)
    assert len(step(stepping(grown % 2**20), limits=limits)) == 2**20
    assert fault(stepping(grown % (2**20 + 1)), limits=limits)[0] == "output_limit"


@pytest.mark.parametrize("pointer", [0, PAGE, PAGE - 4, -1, -8])
@pytest.mark.parametrize("entry", [ECHO_PAIR, ECHO_POINTER], ids=["pair", "pointer"])
def test_a_bad_alloc_is_a_fault(pointer: int, entry: str) -> None:
    alloc = f'(func (export "alloc") (param i32) (result i32) (i32.const {pointer}))'
    assert fault(build(MEMORY, alloc, entry)) == (
        "bad_output",
        "alloc gave no room within the memory",
    )


def test_the_room_for_the_result_is_checked_too() -> None:
    alloc = """(func (export "alloc") (param i32) (result i32)
        (select (i32.const 65530) (i32.const 64) (i32.eq (local.get 0) (i32.const 8))))"""
    assert fault(build(MEMORY, alloc, ECHO_POINTER))[0] == "bad_output"


# Modules that answer with the two numbers they are sent as pointer and size.
CLAIM_PAIR = build(
    MEMORY,
    ALLOC,
    """(func (export "step") (param i32 i32) (result i32 i32)
      (i32.load (local.get 0)) (i32.load offset=4 (local.get 0)))""",
)
CLAIM_POINTER = build(
    MEMORY,
    ALLOC,
    """(func (export "step") (param i32 i32 i32)
      (i64.store (local.get 0) (i64.load (local.get 1))))""",
)
CLAIMS = runtime_of(CLAIM_PAIR, CLAIM_POINTER)


def outcome_of_claim(wasm: bytes, pointer: int, size: int) -> str | bytes:
    try:
        return CLAIMS.step(sha256(wasm), struct.pack("<II", pointer, size), LIMITS)
    except StepFault as error:
        return error.code


@settings(max_examples=150, deadline=None)
@given(pointer=U32, size=U32)
@example(pointer=PAGE - 1, size=1)
@example(pointer=PAGE, size=0)
def test_any_claim_of_an_output_ends_well(pointer: int, size: int) -> None:
    outcome = outcome_of_claim(CLAIM_PAIR, pointer, size)
    if size > 2**20:
        assert outcome == "output_limit"
    elif pointer + size > PAGE:
        assert outcome == "bad_output"
    else:
        assert isinstance(outcome, bytes)
        assert len(outcome) == size
    assert outcome_of_claim(CLAIM_POINTER, pointer, size) == outcome or isinstance(outcome, bytes)


def test_the_fuzz_would_see_a_missing_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def unchecked(guest: runtime._Guest, pointer: int, size: int) -> bytes:
        return bytes(guest._memory.read(guest._store, pointer, pointer + size))

    monkeypatch.setattr(runtime._Guest, "read", unchecked)
    with pytest.raises(AssertionError):
        test_any_claim_of_an_output_ends_well()
