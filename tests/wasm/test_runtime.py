"""Modules under the engine: how they are called, which are refused, what a process shares."""

import struct
import sys
import threading

import pytest

from aos_core import canon
from aos_core.canon import sha256
from aos_core.errors import ModuleMissing, StepFault, UsageError
from aos_core.wasm import Runtime, StepLimits, check_module
from tests.support import ROOT
from tests.wasm.modules import (
    ALLOC,
    ECHO_PAIR,
    ECHO_POINTER,
    LIMITS,
    MEMORY,
    answering,
    build,
    run_script,
    runtime_of,
    step,
    stepping,
)

AGGREGATOR = ROOT / "reducers" / "prebuilt" / "aggregator.wasm"


# -- calls -------------------------------------------------------------------------------------


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


# -- modules that are none ---------------------------------------------------------------------


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


# -- the process -------------------------------------------------------------------------------


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
