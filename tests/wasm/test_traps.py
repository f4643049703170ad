"""Each kind of trap has its sentence, and a module that panics says why."""

import struct
import threading

import pytest
from hypothesis import example, given, settings

from aos_core.wasm import StepLimits
from tests.wasm.modules import ECHO_PAIR, MEMORY, PAGE, U32, build, fault, stepping

# -- traps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("unreachable", "unreachable code was reached"),
        ("(i32.load (i32.const 65533)) unreachable", "memory was accessed out of bounds"),
        ("(i32.store (i32.const -4) (i32.const 1)) unreachable", "memory was accessed out of"),
        ("(i32.div_u (local.get 0) (i32.const 0)) unreachable", "an integer was divided by zero"),
        ("(i32.div_s (i32.const 0x80000000) (i32.const -1)) unreachable", "an integer overflowed"),
        ("(i32.trunc_f64_s (f64.const nan)) unreachable", "a float does not fit the integer"),
        ("(call_indirect (i32.const 9)) unreachable", "a table was accessed out of bounds"),
        ("(call_indirect (i32.const 0)) unreachable", "an indirect call went to an empty table"),
        ("(call_indirect (i32.const 1)) unreachable", "an indirect call had the wrong signature"),
        ("(call $step (local.get 0) (local.get 1))", "the call stack overflowed"),
    ],
)
def test_every_kind_of_trap_has_its_sentence(body: str, message: str) -> None:
    wasm = stepping(body, "(table 2 funcref) (elem (i32.const 1) $alloc)")
    code, said = fault(wasm, limits=StepLimits(100_000_000, 1, 1))
    assert code == "trap"
    assert said.startswith(message)


def test_a_stack_overflow_in_a_thread_leaves_the_host_alive() -> None:
    wasm = stepping("(call $step (local.get 0) (local.get 1))")
    faults: list[tuple[str, str]] = []
    thread = threading.Thread(target=lambda: faults.append(fault(wasm)))
    thread.start()
    thread.join()
    assert faults == [("trap", "the call stack overflowed")]


def test_alloc_may_trap() -> None:
    alloc = '(func (export "alloc") (param i32) (result i32) unreachable)'
    assert fault(build(MEMORY, alloc, ECHO_PAIR)) == ("trap", "unreachable code was reached")


# -- panic text --------------------------------------------------------------------------------


def panicking(text: bytes, pointer: int = 64, size: int | None = None, at: int = 16) -> bytes:
    size = len(text) if size is None else size
    place = "".join(f"\\{byte:02x}" for byte in struct.pack("<II", pointer, size))
    said = "".join(f"\\{byte:02x}" for byte in text)
    return stepping(
        "unreachable",
        f'(global (export "aos_panic") i32 (i32.const {at}))',
        f'(data (i32.const 16) "{place}") (data (i32.const 64) "{said}")',
    )


def test_a_module_says_why_it_trapped() -> None:
    text = "no such item: žluť at src/lib.rs:7"
    assert fault(panicking(text.encode())) == ("trap", text)


def test_the_text_may_be_written_by_the_step_and_the_global_may_change() -> None:
    wasm = stepping(
        """(global.set $panic (local.get 0))
           (i32.store (local.get 0) (i32.add (local.get 0) (i32.const 8)))
           (i32.store offset=4 (local.get 0) (i32.const 5))
           unreachable""",
        '(global $panic (export "aos_panic") (mut i32) (i32.const 0))',
    )
    assert fault(wasm, bytes(8) + b"wrong") == ("trap", "wrong")


def test_a_panic_in_alloc_is_told_too() -> None:
    alloc = '(func (export "alloc") (param i32) (result i32) unreachable)'
    said = (
        '(global (export "aos_panic") i32 (i32.const 0)) (data (i32.const 0) "\\08\\00\\00\\00'
        '\\03\\00\\00\\00oom")'
    )
    assert fault(build(MEMORY, alloc, ECHO_PAIR, said)) == ("trap", "oom")


def test_control_characters_are_left_out_but_for_the_newline() -> None:
    text = "a\x00b\x1b[31mc\nd\te\x7ff\x9b2Jg"
    assert fault(panicking(text.encode())) == ("trap", "ab[31mc\ndef2Jg")


@pytest.mark.parametrize(
    "wasm",
    [
        panicking(b"text", size=0),
        panicking(b"x" * 4097),
        panicking(b"text", pointer=PAGE - 1),
        panicking(b"text", pointer=0xFFFF_FFFF),
        panicking(b"text", size=0xFFFF_FFFF),
        panicking(b"text", at=PAGE - 4),
        panicking(b"text", at=-4),
        panicking(b"\xff\xfe"),
        panicking(b"\x1b\x07"),
    ],
    ids=["empty", "long", "pointer", "negative", "size", "at", "at<0", "not-utf8", "controls"],
)
def test_a_panic_text_that_makes_no_sense_is_passed_over(wasm: bytes) -> None:
    assert fault(wasm) == ("trap", "unreachable code was reached")


def test_the_longest_panic_text() -> None:
    assert fault(panicking(b"x" * 4096), b"") == ("trap", "x" * 4096)


@pytest.mark.parametrize("other", ["i64 (i64.const 16)", "f32 (f32.const 16)"])
def test_aos_panic_of_another_type_is_passed_over(other: str) -> None:
    wasm = stepping("unreachable", f'(global (export "aos_panic") {other})')
    assert fault(wasm) == ("trap", "unreachable code was reached")


def test_running_out_of_fuel_has_no_other_words() -> None:
    wasm = stepping(
        "(loop (br 0)) unreachable",
        '(global (export "aos_panic") i32 (i32.const 0))',
        '(data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00lie")',
    )
    assert fault(wasm) == ("out_of_fuel", "the step ran out of fuel")


HOSTILE_PANIC = stepping(
    "(i64.store (i32.const 16) (i64.load (local.get 0))) unreachable",
    '(global (export "aos_panic") i32 (i32.const 16))',
)


@settings(max_examples=100, deadline=None)
@given(pointer=U32, size=U32)
@example(pointer=PAGE - 4096, size=4096)
def test_any_panic_pointers_end_in_a_trap(pointer: int, size: int) -> None:
    assert fault(HOSTILE_PANIC, struct.pack("<II", pointer, size))[0] == "trap"
