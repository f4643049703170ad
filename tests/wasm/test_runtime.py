"""Modules under the engine: what they may be, what they may do, what a misdeed looks like."""

import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import wasmtime
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aos_core import canon
from aos_core.canon import sha256
from aos_core.errors import ModuleMissing, StepFault, UsageError
from aos_core.wasm import Runtime, StepLimits, check_module, runtime

LIMITS = StepLimits(fuel=1_000_000, memory_mib=1, output_mib=1)
PAGE = 65536
ROOT = Path(__file__).parents[2]
AGGREGATOR = ROOT / "reducers" / "prebuilt" / "aggregator.wasm"

MEMORY = '(memory (export "memory") 1)'
# A bump allocator over the first page. The first 4096 bytes are the module's own.
ALLOC = """
(global $top (mut i32) (i32.const 4096))
(func $alloc (export "alloc") (param $size i32) (result i32)
  (global.get $top)
  (global.set $top (i32.add (global.get $top) (local.get $size))))
"""
ECHO_PAIR = """
(func (export "step") (param i32 i32) (result i32 i32) (local.get 0) (local.get 1))
"""
ECHO_POINTER = """
(func (export "step") (param $ret i32) (param $ptr i32) (param $len i32)
  (i32.store (local.get $ret) (local.get $ptr))
  (i32.store offset=4 (local.get $ret) (local.get $len)))
"""


def build(*parts: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"(module {' '.join(parts)})"))


def stepping(body: str, *parts: str) -> bytes:
    """A module whose ``step`` is ``body``, which leaves pointer and size on the stack."""
    step = f'(func $step (export "step") (param i32 i32) (result i32 i32) {body})'
    return build(MEMORY, ALLOC, *parts, step)


def answering(pointer: int, size: int) -> bytes:
    return stepping(f"(i32.const {pointer}) (i32.const {size})")


def runtime_of(*modules: bytes) -> Runtime:
    return Runtime({sha256(wasm): wasm for wasm in modules}.__getitem__)


def step(wasm: bytes, data: bytes = b"input", limits: StepLimits = LIMITS) -> bytes:
    return runtime_of(wasm).step(sha256(wasm), data, limits)


def fault(wasm: bytes, data: bytes = b"input", limits: StepLimits = LIMITS) -> tuple[str, str]:
    with pytest.raises(StepFault) as caught:
        step(wasm, data, limits)
    return caught.value.code, caught.value.message


# ---- calls


@pytest.mark.parametrize("entry", [ECHO_PAIR, ECHO_POINTER], ids=["pair", "pointer"])
@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 100])
def test_both_signatures_carry_the_bytes(entry: str, data: bytes) -> None:
    assert step(build(MEMORY, ALLOC, entry), data) == data


def test_run_calls_the_entry_of_a_pure_module() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR.replace('"step"', '"run"'))
    pure = runtime_of(wasm)
    pure.load(sha256(wasm), "run")
    assert pure.run(sha256(wasm), b"abc", LIMITS) == b"abc"
    with pytest.raises(ModuleMissing, match="does not export step"):
        pure.step(sha256(wasm), b"abc", LIMITS)


def test_one_module_may_have_both_entries() -> None:
    answer = '(func (export "run") (param i32 i32) (result i32 i32) (local.get 0) (i32.const 1))'
    wasm = build(MEMORY, ALLOC, ECHO_POINTER, answer)
    both = runtime_of(wasm)
    assert both.step(sha256(wasm), b"abc", LIMITS) == b"abc"
    assert both.run(sha256(wasm), b"abc", LIMITS) == b"a"


def test_an_empty_output_is_empty() -> None:
    assert step(answering(0, 0)) == b""


def test_an_empty_input_needs_no_room() -> None:
    alloc = '(func (export "alloc") (param i32) (result i32) (i32.const 0))'
    assert step(build(MEMORY, alloc, ECHO_PAIR), b"") == b""


def test_alloc_may_grow_the_memory_under_the_input() -> None:
    alloc = """(func (export "alloc") (param i32) (result i32)
        (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))"""
    assert step(build(MEMORY, alloc, ECHO_POINTER), b"far away") == b"far away"


def test_nothing_leaks_from_step_to_step() -> None:
    count = """
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store (i32.const 4) (global.get $count))
      (i32.const 0) (i32.const 8)"""
    wasm = stepping(count, "(global $count (mut i32) (i32.const 0))")
    reducer = runtime_of(wasm)
    for _ in range(3):
        assert reducer.step(sha256(wasm), b"", LIMITS) == struct.pack("<II", 1, 1)


def test_a_trap_leaves_the_next_step_alone() -> None:
    wasm = stepping("(if (local.get 1) (then unreachable)) (i32.const 0) (i32.const 1)")
    reducer = runtime_of(wasm)
    for _ in range(3):
        with pytest.raises(StepFault):
            reducer.step(sha256(wasm), b"x", LIMITS)
        assert reducer.step(sha256(wasm), b"", LIMITS) == b"\0"


@pytest.mark.parametrize(
    "nan",
    [
        "(f64.div (f64.const 0) (f64.const 0))",
        "(f64.sqrt (f64.const -1))",
        "(f64.add (f64.const -nan:0xc000000000001) (f64.const 1))",
        "(f64.promote_f32 (f32.const -nan:0x600001))",
    ],
)
def test_a_nan_has_one_form(nan: str) -> None:
    wasm = stepping(f"(f64.store (i32.const 0) {nan}) (i32.const 0) (i32.const 8)")
    assert step(wasm) == struct.pack("<Q", 0x7FF8_0000_0000_0000)


def test_a_module_is_fetched_and_compiled_once_by_many_threads() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR)
    fetched: list[bytes] = []
    outputs: dict[int, bytes] = {}

    def fetch(wasm_hash: bytes) -> bytes:
        fetched.append(wasm_hash)
        return wasm

    shared = Runtime(fetch)

    def work(number: int) -> None:
        for _ in range(20):
            outputs[number] = shared.step(sha256(wasm), b"%d" % number, LIMITS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {number: b"%d" % number for number in range(8)}
    assert fetched == [sha256(wasm)]


def test_what_the_source_raises_passes_and_the_module_can_come_later() -> None:
    wasm = build(MEMORY, ALLOC, ECHO_PAIR)
    store: dict[bytes, bytes] = {}
    late = Runtime(store.__getitem__)
    with pytest.raises(KeyError):
        late.load(sha256(wasm))
    store[sha256(wasm)] = wasm
    assert late.step(sha256(wasm), b"abc", LIMITS) == b"abc"


# ---- fuel


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


# ---- traps


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


# ---- memory


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


def run_script(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    ).stdout


# ---- output and alloc


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


U32 = st.integers(0, 0xFFFF_FFFF) | st.sampled_from(
    [edge + near for edge in (8, PAGE, 2**20, 2**31, 2**32 - 8) for near in range(-8, 8)]
)
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


# ---- panic text


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


# ---- modules that are none


@pytest.mark.parametrize("data", [b"", b"(module)", b"\x7fELF", b"\x00as"])
def test_bytes_that_are_not_wasm_are_refused(data: bytes) -> None:
    with pytest.raises(ModuleMissing, match="not wasm"):
        check_module(data)


def test_broken_wasm_is_refused() -> None:
    good = build(MEMORY, ALLOC, ECHO_PAIR)
    check_module(good)
    names = good.index(b"\x04name") - 2  # the section of names at the end may be absent
    for length in range(4, names):
        with pytest.raises(ModuleMissing):
            check_module(good[:length])


def test_imports_are_refused_by_name() -> None:
    imports = '(import "env" "now" (func)) (import "wasi" "random" (global i32))'
    with pytest.raises(ModuleMissing, match=r"imports env\.now, wasi\.random,"):
        check_module(build(imports, MEMORY, ALLOC, ECHO_PAIR))


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ((ALLOC, ECHO_PAIR), "memory"),
        ((MEMORY, ECHO_PAIR), "alloc"),
        ((MEMORY, ALLOC), "step"),
        ((), "memory, alloc, step"),
    ],
)
def test_missing_exports_are_named(parts: tuple[str, ...], missing: str) -> None:
    with pytest.raises(ModuleMissing, match=f"does not export {missing}$"):
        check_module(build(*parts))


@pytest.mark.parametrize(
    "wrong",
    [
        "(param i32 i32)",
        "(param i32 i32 i32) (result i32)",
        "(param i64 i32) (result i32 i32)",
        "(param i32 i32) (result i32 i32 i32)",
        "(param i32 i32) (result f32 externref)",
    ],
)
def test_a_wrong_entry_is_refused(wrong: str) -> None:
    wasm = build(MEMORY, ALLOC, f'(func (export "step") {wrong} unreachable)')
    with pytest.raises(ModuleMissing, match=r"exports step as .* it must be"):
        check_module(wasm)


def test_a_wrong_alloc_or_memory_is_refused() -> None:
    with pytest.raises(ModuleMissing, match=r"exports alloc as \(i64\) -> \(i32\)"):
        alloc = '(func (export "alloc") (param i64) (result i32) unreachable)'
        check_module(build(MEMORY, alloc, ECHO_PAIR))
    with pytest.raises(ModuleMissing, match="exports memory as global i32"):
        memory = '(global (export "memory") i32 (i32.const 0))'
        check_module(build(memory, ALLOC, ECHO_PAIR))


@pytest.mark.parametrize(
    "part",
    [
        '(func (export "x") (param v128))',
        '(global (export "x") v128 (v128.const i64x2 0 0))',
        "(memory 1)",
        '(memory (export "x") 1 1 shared)',
        "(memory i64 1)",
        '(tag (export "x"))',
        '(func (export "x") (param anyref))',
        "(func $f (return_call $f))",
    ],
)
def test_what_may_differ_by_machine_or_version_is_off(part: str) -> None:
    own = "" if "shared" in part or "(memory i64" in part else MEMORY
    with pytest.raises(ModuleMissing, match="does not compile"):
        check_module(build(own, ALLOC, ECHO_PAIR, part))


def test_a_refused_module_is_named_by_its_hash() -> None:
    wasm = build(MEMORY, ALLOC)
    with pytest.raises(ModuleMissing) as caught:
        runtime_of(wasm).load(sha256(wasm))
    assert caught.value.where["module"] == canon.hash_text(sha256(wasm))


@pytest.mark.parametrize("values", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (2**63, 1, 1), (1, 4096, 1)])
def test_limits_out_of_range_are_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match="it must be 1 to"):
        StepLimits(*values)


# ---- the process


def test_the_engine_is_imported_at_the_first_use() -> None:
    script = """
        import sys
        from aos_core.wasm import Runtime
        Runtime(lambda _: b"")
        print("wasmtime" in sys.modules)
    """
    assert run_script(script) == "False\n"


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs fork")
def test_a_forked_process_can_compile() -> None:
    script = """
        import os, signal, wasmtime
        from aos_core.wasm import Runtime, StepLimits
        def wasm(n):
            return bytes(wasmtime.wat2wasm('(module (memory (export "memory") 1)'
                '(func (export "alloc") (param i32) (result i32) (i32.const 8))'
                '(func (export "step") (param i32 i32) (result i32 i32)'
                ' (local.get 0) (local.get 1))'
                + '(func (result i32) (i32.const 1))' * n + ')'))
        modules = {bytes([n]) * 32: wasm(100 + n) for n in range(2)}
        reducer = Runtime(modules.__getitem__)
        reducer.load(bytes(32))
        if os.fork() == 0:
            signal.alarm(20)
            reducer.load(bytes([1]) * 32)
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    assert run_script(script) == "7\n"


@pytest.mark.skipif(not AGGREGATOR.exists(), reason="the prebuilt reducers are not there")
def test_a_reducer_built_from_rust_is_usable_and_faults_on_rubbish() -> None:
    wasm = AGGREGATOR.read_bytes()
    check_module(wasm)
    limits = StepLimits(fuel=1_000_000_000, memory_mib=64, output_mib=16)
    with pytest.raises(StepFault) as caught:
        step(wasm, b"\xff rubbish", limits)
    assert caught.value.code == "trap"
