"""Modules in WebAssembly text, built and called by the tests of the engine."""

import subprocess
import sys
import textwrap

import pytest
import wasmtime
from hypothesis import strategies as st

from aos_core.canon import sha256
from aos_core.errors import StepFault
from aos_core.wasm import Runtime, StepLimits
from tests.support import ROOT

LIMITS = StepLimits(fuel=1_000_000, memory_mib=1, output_mib=1)
PAGE = 65536
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


def run_script(script: str) -> str:
    """What a script prints that runs in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    ).stdout


U32 = st.integers(0, 0xFFFF_FFFF) | st.sampled_from(
    [edge + near for edge in (8, PAGE, 2**20, 2**31, 2**32 - 8) for near in range(-8, 8)]
)
