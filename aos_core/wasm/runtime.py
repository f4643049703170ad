"""Reducers and pure modules under Wasmtime: one fresh instance for every call.

What a module is (air-v1, section 6): core wasm without imports that exports

- ``memory``, 32 bits;
- ``alloc (i32 size) -> (i32 pointer)``; the pointer is not 0 unless the size is;
- ``step`` (reducers) or ``run`` (pure modules), as ``(i32 pointer, i32 size) -> (i32, i32)``
  or, as Rust compiles it, ``(i32 result, i32 pointer, i32 size) -> ()`` with pointer and size
  of the output written to ``result``, little-endian;
- if it likes, ``aos_panic``: an i32 global, mutable or not, that holds the address of 8 bytes,
  u32 pointer and u32 size, little-endian. When a call traps and they give 1 to 4096 bytes of
  UTF-8 within memory, these are the message of the fault. A panic hook writes its text there.

A call is ``alloc(size of the input)``, the input written there, ``alloc(8)`` for the second form,
then the entry. Numbers are unsigned. The order matters: fuel and memory depend on it.

What a call does depends on its module, its input and :class:`StepLimits` alone, so a fault
carries a fixed sentence or the module's own words, never the engine's. Fuel is counted from
``alloc`` on: instantiating may or may not burn fuel for data segments, as the platform has it.
A start function gets the same fuel once more for itself (and 2 for each byte of the module, the
most that its segments can cost). What follows the machine after all: the depth of recursion that
overflows the stack (engine version and processor), how much of that allowance is left to a start
function, and a ``memory.grow`` within the limit when the machine itself has no memory left.

Wasmtime is imported at the first use: it costs start-up time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from aos_core.canon import hash_text
from aos_core.errors import AosError, ModuleMissing, StepFault, UsageError
from aos_core.wasm.cache import CodeCache
from aos_core.wasm.fast import FastEngine, FastProgram, FastUnavailable, Way, self_test, trial

if TYPE_CHECKING:
    import wasmtime
    from wasmtime._exportable import AsExtern
    from wasmtime._types import AsExternType

Entry = Literal["step", "run"]

_MIB = 2**20
_U32 = 0xFFFF_FFFF
_STACK_BYTES = 512 * 1024
_TABLES, _TABLE_ELEMENTS = 4, 2**20
_PANIC_BYTES = 4096

_PAIR = "(i32, i32) -> (i32, i32)"
_POINTER = "(i32, i32, i32) -> ()"

# Named one by one, so that a new version of the engine cannot switch one on. Threads and
# relaxed SIMD do not repeat. SIMD too is off: Wasmtime's C interface aborts the process when
# asked for the type of an export that has a v128.
_OFF = (
    "wasm_threads",
    "wasm_relaxed_simd",
    "wasm_simd",
    "wasm_tail_call",
    "wasm_multi_memory",
    "wasm_memory64",
    "wasm_custom_page_sizes",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_stack_switching",
    "wasm_wide_arithmetic",
)

_CONFIG: Mapping[str, object] = {
    "strategy": "cranelift",
    "consume_fuel": True,
    "cranelift_nan_canonicalization": True,
    "max_wasm_stack": _STACK_BYTES,
    # A process forked after the compiler's threads began would wait for them for ever.
    "parallel_compilation": False,
    # Data segments are copied in, on every platform. Mapping them instead takes two page faults
    # a call, a sixth of the fast step.
    "memory_init_cow": False,
    "wasm_multi_value": True,
    "wasm_bulk_memory": True,
    "wasm_reference_types": True,
    **dict.fromkeys(_OFF, False),
}
_SETTINGS = repr(sorted(_CONFIG.items()))

_TRAPS = {
    "STACK_OVERFLOW": "the call stack overflowed",
    "MEMORY_OUT_OF_BOUNDS": "memory was accessed out of bounds",
    "TABLE_OUT_OF_BOUNDS": "a table was accessed out of bounds",
    "INDIRECT_CALL_TO_NULL": "an indirect call went to an empty table entry",
    "BAD_SIGNATURE": "an indirect call had the wrong signature",
    "INTEGER_OVERFLOW": "an integer overflowed",
    "INTEGER_DIVISION_BY_ZERO": "an integer was divided by zero",
    "BAD_CONVERSION_TO_INTEGER": "a float does not fit the integer it was converted to",
    "UNREACHABLE": "unreachable code was reached",
}

_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\n")}


@dataclass(frozen=True, slots=True)
class StepLimits:
    """What one call may use, equal on every machine. Raises :class:`UsageError` out of range.

    ``fuel`` is about one wasm instruction each (1 to 2**63 - 1); ``memory_mib`` bounds the linear
    memory, as a ``memory.grow`` that gives -1 (1 to 4095); ``output_mib`` the output (1 to 4095).
    """

    fuel: int
    memory_mib: int
    output_mib: int

    def __post_init__(self) -> None:
        for name, most in (("fuel", 2**63 - 1), ("memory_mib", 4095), ("output_mib", 4095)):
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise UsageError(f"the limit {name} is {value}: it must be 1 to {most}")


class Runtime:
    """Calls modules by the SHA-256 of their wasm; keeps what it compiled. Safe in many threads.

    ``wasm`` gives the bytes of a module by that hash (32 bytes); what it raises passes through.
    ``code``: a folder that keeps compiled modules; None compiles anew in every process.
    ``fast``: call by the engine's C interface (fast.py), for processes that may end if it has a
    flaw. Where it does not work, ``notice`` says so from the first call on, and the public way
    serves: both give the same.
    """

    def __init__(
        self, wasm: Callable[[bytes], bytes], code: Path | None = None, *, fast: bool = False
    ) -> None:
        self.notice: str | None = None
        self._wasm, self.wants_fast = wasm, fast
        self._code = None if code is None else CodeCache(code, _SETTINGS)
        self._lock = threading.Lock()
        self._loading: dict[tuple[bytes, Entry], threading.Lock] = {}
        self._engine: wasmtime.Engine | None = None
        self._fast: FastEngine | None = None
        self._programs: dict[tuple[bytes, Entry], _Program] = {}

    def load(self, wasm_hash: bytes, entry: Entry = "step") -> None:
        """Compile and check a module now. Raises :class:`ModuleMissing` if it is not usable."""
        self._program(wasm_hash, entry)

    def load_all(self, modules: Iterable[tuple[bytes, Entry]]) -> None:
        """Load modules side by side, so that no step waits for the compiler.

        Raises nothing: what cannot be loaded says so where it is called, with its place.
        """
        wanted = list(modules)
        if len(wanted) < 2:
            for key in wanted:
                self._try(key)
            return
        with ThreadPoolExecutor(min(len(wanted), os.cpu_count() or 1)) as pool:
            list(pool.map(self._try, wanted))

    def _try(self, key: tuple[bytes, Entry]) -> None:
        try:
            self._program(*key)
        except AosError:
            return

    def step(self, wasm_hash: bytes, envelope: bytes, limits: StepLimits) -> bytes:
        """The output of a reducer's ``step`` for ``envelope``, in a fresh instance.

        Raises :class:`StepFault` with the code ``trap``, ``out_of_fuel``, ``memory_limit`` (more
        than the limit before the module could say no), ``output_limit`` or ``bad_output`` (a
        pointer that makes no sense); :class:`ModuleMissing` as :meth:`load`; :class:`AosError`
        with the code ``engine`` when this machine is at fault, which is not part of any history.
        """
        return _call(self._program(wasm_hash, "step"), envelope, limits)

    def run(self, wasm_hash: bytes, envelope: bytes, limits: StepLimits) -> bytes:
        """The output of a pure module's ``run``; otherwise as :meth:`step`."""
        return _call(self._program(wasm_hash, "run"), envelope, limits)

    def _program(self, wasm_hash: bytes, entry: Entry) -> _Program:
        key = wasm_hash, entry
        program = self._programs.get(key)
        if program is not None:
            return program
        with self._lock:
            if self._engine is None:
                self._engine = _new_engine()
                if self.wants_fast:
                    self._begin_fast(self._engine)
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:  # one thread loads it, others go on with other modules
            if key not in self._programs:
                self._programs[key] = self._load(self._engine, wasm_hash, entry)
            return self._programs[key]

    def _load(self, engine: wasmtime.Engine, wasm_hash: bytes, entry: Entry) -> _Program:
        wasm, place = self._wasm(wasm_hash), hash_text(wasm_hash)
        module = None if self._code is None else self._code.load(engine, wasm_hash)
        if module is None:
            module = _compile(engine, wasm, place)
            if self._code is not None:
                self._code.keep(wasm_hash, module)
        program = _checked(engine, module, len(wasm), entry, place)
        return program if self._fast is None else _with_fast(program, self._fast)

    def _begin_fast(self, engine: wasmtime.Engine) -> None:
        try:
            fast = FastEngine(_new_config(), _TABLES, _TABLE_ELEMENTS)
            _compare(engine, fast)
        except FastUnavailable as error:
            self.notice = f"the fast way into the wasm engine is off ({error}): steps take longer"
        else:
            self._fast = fast


def check_module(wasm: bytes, entry: Entry = "step") -> None:
    """Whether ``wasm`` can be called at ``entry``; raises :class:`ModuleMissing` if not."""
    engine = _new_engine()
    _checked(engine, _compile(engine, wasm, None), len(wasm), entry, None)


@dataclass(frozen=True, slots=True)
class _Program:
    engine: wasmtime.Engine
    module: wasmtime.Module
    entry: Entry
    by_pointer: bool
    panics: bool
    segment_fuel: int
    fast: FastProgram | None = None


def _with_fast(program: _Program, engine: FastEngine) -> _Program:
    code = bytes(program.module.serialize())
    fast = engine.program(
        code, program.entry, by_pointer=program.by_pointer, segment_fuel=program.segment_fuel
    )
    return replace(program, fast=fast)


def _compare(engine: wasmtime.Engine, fast: FastEngine) -> None:
    """Try the fast way on what is built in. Raises :class:`FastUnavailable`."""

    wasm = trial()
    module = _compile(engine, wasm, None)

    def begin(entry: Entry) -> tuple[Way, Way]:
        program = _checked(engine, module, len(wasm), entry, None)
        pooled = _with_fast(program, fast).fast
        if pooled is None:
            raise FastUnavailable("the pool has no room")

        def public(data: bytes, limits: StepLimits) -> bytes | None:
            try:
                return _call_in_public(program, data, limits)
            except StepFault:
                return None

        return public, pooled.attempt

    self_test(begin, lambda fuel: StepLimits(fuel, 1, 1))


def _new_engine() -> wasmtime.Engine:
    import wasmtime

    return wasmtime.Engine(_new_config())


def _new_config() -> wasmtime.Config:
    import wasmtime

    config = wasmtime.Config()
    for name, value in _CONFIG.items():
        setattr(config, name, value)
    return config


def _compile(engine: wasmtime.Engine, wasm: bytes, place: str | None) -> wasmtime.Module:
    import wasmtime

    # Wasmtime would read anything else as the text format.
    if not wasm.startswith(b"\x00asm"):
        raise ModuleMissing("these bytes are not wasm: they do not begin with \\0asm", module=place)
    try:
        return wasmtime.Module(engine, wasm)
    except wasmtime.WasmtimeError as error:
        reason = " ".join(str(error).split())
        raise ModuleMissing(
            f"this wasm does not compile: {reason}",
            hint="build for wasm32-unknown-unknown: SIMD, threads, exceptions and GC are off",
            module=place,
        ) from None


def _checked(
    engine: wasmtime.Engine, module: wasmtime.Module, size: int, entry: Entry, place: str | None
) -> _Program:
    """A module that can be called; ``size`` is that of its wasm in bytes."""
    _refuse_imports(module, place)
    exports = {export.name: _describe(export.type) for export in module.exports}
    _check_exports(exports, entry, place)
    return _Program(
        engine=engine,
        module=module,
        entry=entry,
        by_pointer=exports[entry] == _POINTER,
        panics=exports.get("aos_panic") == "global i32",
        segment_fuel=2 * size,
    )


def _refuse_imports(module: wasmtime.Module, place: str | None) -> None:
    names = ", ".join(f"{item.module}.{item.name}" for item in module.imports)
    if names:
        raise ModuleMissing(
            f"the module imports {names}, but a module must import nothing",
            hint="take time and randomness from the context, and ask for the rest with an effect",
            module=place,
        )


def _check_exports(exports: Mapping[str, str], entry: Entry, place: str | None) -> None:
    required = {"memory": ("memory",), "alloc": ("(i32) -> (i32)",), entry: (_PAIR, _POINTER)}
    missing = ", ".join(name for name in required if name not in exports)
    if missing:
        raise ModuleMissing(
            f"the module does not export {missing}",
            hint=f"export memory, alloc and {entry}; with the Rust SDK, use its macro",
            module=place,
        )
    for name, accepted in required.items():
        if exports[name] not in accepted:
            raise ModuleMissing(
                f"the module exports {name} as {exports[name]}: it must be "
                + " or ".join(accepted),
                module=place,
            )


def _describe(kind: AsExternType) -> str:
    import wasmtime

    if isinstance(kind, wasmtime.FuncType):
        params = ", ".join(map(str, kind.params))
        return f"({params}) -> ({', '.join(map(str, kind.results))})"
    if isinstance(kind, wasmtime.GlobalType):
        return f"global {kind.content}"
    return "memory" if isinstance(kind, wasmtime.MemoryType) else "table"


def _call(program: _Program, data: bytes, limits: StepLimits) -> bytes:
    if program.fast is not None:
        output = program.fast.attempt(data, limits)
        if output is not None:
            return output
    return _call_in_public(program, data, limits)


def _call_in_public(program: _Program, data: bytes, limits: StepLimits) -> bytes:
    import wasmtime

    guest = None
    store = wasmtime.Store(program.engine)
    try:
        guest = _instantiate(store, program, limits)
        store.set_fuel(limits.fuel)
        return _converse(guest, data, limits)
    except wasmtime.Trap as trap:
        raise _fault_of(trap, guest) from None
    finally:
        store.close()


def _instantiate(store: wasmtime.Store, program: _Program, limits: StepLimits) -> _Guest:
    import wasmtime

    store.set_limits(
        memory_size=limits.memory_mib * _MIB,
        table_elements=_TABLE_ELEMENTS,
        tables=_TABLES,
        instances=1,
        memories=1,
    )
    store.set_fuel(limits.fuel + program.segment_fuel)
    try:
        instance = wasmtime.Instance(store, program.module, ())
    except wasmtime.WasmtimeError as error:
        # Nothing but its text tells our limit from a machine that has run out of memory.
        if "limit" in str(error):
            raise StepFault(
                "the module asks for more memory or tables at its start than the limit allows",
                code="memory_limit",
            ) from None
        raise AosError(
            f"the engine cannot make an instance: {error}",
            hint="free memory on this machine, then try again",
            code="engine",
        ) from error
    return _Guest(store, instance.exports(store), program)


def _converse(guest: _Guest, data: bytes, limits: StepLimits) -> bytes:
    if len(data) > limits.memory_mib * _MIB:
        raise StepFault("the input is larger than the memory limit", code="memory_limit")
    pointer, size = guest.enter(guest.place(data), len(data))
    if size > limits.output_mib * _MIB:
        raise StepFault("the output is larger than the output limit", code="output_limit")
    output = guest.read(pointer, size)
    if output is None:
        raise StepFault("the output lies outside of the memory", code="bad_output")
    return output


class _Guest:
    """The exports of one instance, during one call."""

    __slots__ = ("_alloc", "_by_pointer", "_entry", "_i32", "_memory", "_panic", "_store")

    def __init__(
        self, store: wasmtime.Store, exports: Mapping[str, AsExtern], program: _Program
    ) -> None:
        import wasmtime

        # plain integers too would do, but are compared with one type of the engine after the
        # other: 5 to 7 % of a small step
        self._i32 = wasmtime.Val.i32
        self._store = store
        self._memory = cast("wasmtime.Memory", exports["memory"])
        self._alloc = cast("wasmtime.Func", exports["alloc"])
        self._entry = cast("wasmtime.Func", exports[program.entry])
        self._by_pointer = program.by_pointer
        self._panic = cast("wasmtime.Global", exports["aos_panic"]) if program.panics else None

    def place(self, data: bytes) -> int:
        """Where ``data`` now lies in the memory."""
        pointer = self._allocate(len(data))
        if data:
            self._memory.write(self._store, data, pointer)
        return pointer

    def enter(self, pointer: int, size: int) -> tuple[int, int]:
        """Call the entry: pointer and size of its output, as it claims."""
        if not self._by_pointer:
            first, second = self._entry(self._store, self._i32(pointer), self._i32(size))
            return first & _U32, second & _U32
        result = self._allocate(8)
        self._entry(self._store, self._i32(result), self._i32(pointer), self._i32(size))
        return self._pair(result)

    def read(self, pointer: int, size: int) -> bytes | None:
        """A part of the memory; None if it is not all within."""
        if pointer + size > self._memory.data_len(self._store):
            return None
        return bytes(self._memory.read(self._store, pointer, pointer + size))

    def panic_text(self) -> str | None:
        """What the module says of its own trap, without control characters, if anything."""
        if self._panic is None:
            return None
        pointer, size = self._pair(self._panic.value(self._store) & _U32)
        text = self.read(pointer, size) if 1 <= size <= _PANIC_BYTES else None
        try:
            return text.decode().translate(_CONTROLS) if text else None
        except UnicodeDecodeError:
            return None

    def _allocate(self, size: int) -> int:
        pointer: int = self._alloc(self._store, self._i32(size)) & _U32
        if size and (pointer == 0 or pointer + size > self._memory.data_len(self._store)):
            raise StepFault("alloc gave no room within the memory", code="bad_output")
        return pointer

    def _pair(self, pointer: int) -> tuple[int, int]:
        """The two u32 there; (0, 0) if they are not all within the memory."""
        data = self.read(pointer, 8) or bytes(8)
        return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")


def _fault_of(trap: wasmtime.Trap, guest: _Guest | None) -> StepFault:
    kind = trap.trap_code.name if trap.trap_code is not None else ""
    if kind == "OUT_OF_FUEL":
        return StepFault("the step ran out of fuel", code="out_of_fuel")
    text = guest.panic_text() if guest is not None else None
    return StepFault(text or _TRAPS.get(kind, "the module trapped"), code="trap")
