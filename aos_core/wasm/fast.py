"""The fast step: the engine's C interface with prepared instances and buffers.

A call through the package's public classes costs several times what the engine needs for a fresh
store and a fresh instance of it (docs/performance.md). Here the same shared library is called with
plain addresses: what does not change from call to call (the module with its imports resolved,
places for handles and arguments) is made once, and instances come from a pool that keeps the first
part of their memory mapped.

This way knows success only. Whatever goes wrong, :meth:`FastProgram.attempt` gives None, and the
call is made once more in the public way (runtime.py), which names the fault. That costs a faulting
call its time again and keeps every rule about faults in one place.

The C interface is not public API of the wasmtime package, and some misuse of it ends the process
instead of raising. So: all of it stands in this file; every address belongs to one object that
lives as long as it is used; argument types come from the package's own bindings; :func:`self_test`
compares it with the public way before it is used; and only processes of their own use it (``aos``
commands, the workers of verify), never the app.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import wasmtime

_PAIR_AT = struct.Struct("<II")
_ADDRESSES = 10 * 2**30
"""So many bytes of addresses, not of memory, the pool and one memory beside it reserve at most."""

_LARGEST = 2**31 - 1
"""So many bytes :func:`ctypes.string_at` copies at most; larger outputs take the public way."""

_POOL: Mapping[str, int] = {
    # One place: one call at a time.
    "total_core_instances": 1,
    "total_memories": 1,
    # Nothing here is asynchronous. As many as the library has by default are 2,000 mappings an
    # engine, of which a process may have 65,530: at 32 engines it was ended.
    "total_stacks": 1,
    "max_unused_warm_slots": 1,
    # As large as a memory can be: what a call may have is the store's limit alone, as in the
    # public way. Only addresses are reserved.
    "max_memory_size": 2**32,
    "linear_memory_keep_resident": 64 * 1024,
    "table_keep_resident": 64 * 1024,
}


class Limits(Protocol):
    """What :class:`~aos_core.wasm.runtime.StepLimits` says."""

    @property
    def fuel(self) -> int: ...
    @property
    def memory_mib(self) -> int: ...
    @property
    def output_mib(self) -> int: ...


class FastUnavailable(Exception):
    """The fast way does not work here; its text says why."""


class FastEngine:
    """An engine whose instances come from a pool.

    ``config`` is that of the public way, not yet used; ``tables`` and ``table_elements`` are what
    a module may have at most, as there. Raises :class:`FastUnavailable`.
    """

    def __init__(self, config: wasmtime.Config, tables: int, table_elements: int) -> None:
        import wasmtime

        try:
            self.calls = _calls()
            _find_room()
            _use_pool(config, tables, table_elements)
            self.engine = wasmtime.Engine(config)
        except (AttributeError, OSError, wasmtime.WasmtimeError) as error:
            raise FastUnavailable(" ".join(str(error).split())) from error
        self.tables, self.table_elements = tables, table_elements
        self.lock = threading.Lock()

    def program(
        self, code: bytes, entry: str, *, by_pointer: bool, segment_fuel: int
    ) -> FastProgram | None:
        """What calls the module that was serialised to ``code``; None where the pool has no room
        for one like it. ``entry``, ``by_pointer``, ``segment_fuel``: as runtime.py found."""
        import wasmtime

        try:
            module = wasmtime.Module.deserialize(self.engine, code)
            return FastProgram(self, module, entry, by_pointer, segment_fuel)
        except wasmtime.WasmtimeError:
            return None


class FastProgram:
    """One module with the buffers of a call. Safe in many threads."""

    def __init__(
        self,
        owner: FastEngine,
        module: wasmtime.Module,
        entry: str,
        by_pointer: bool,
        segment_fuel: int,
    ) -> None:
        import wasmtime
        from wasmtime import _bindings as c

        self._owner, self._module, self._linker = owner, module, wasmtime.Linker(owner.engine)
        self._by_pointer, self._segment_fuel = by_pointer, segment_fuel
        self._calls = owner.calls
        prepared = ctypes.POINTER(c.wasmtime_instance_pre)()
        failed = c.wasmtime_linker_instantiate_pre(
            self._linker.ptr(), module.ptr(), ctypes.byref(prepared)
        )
        if failed:
            raise wasmtime.WasmtimeError._from_ptr(failed)
        self._prepared = ctypes.cast(prepared, ctypes.c_void_p).value
        self._engine_at = ctypes.cast(owner.engine.ptr(), ctypes.c_void_p).value

        self._instance, self._trap = c.wasmtime_instance(), ctypes.c_void_p()
        self._name, self._name_size = ctypes.c_void_p(), ctypes.c_size_t()
        names = [export.name for export in module.exports]
        self._externs = [c.wasmtime_extern() for _ in range(3)]
        of = c.wasmtime_extern.of.offset
        self._exports = tuple(
            (names.index(name), ctypes.addressof(extern))
            for name, extern in zip(("memory", "alloc", entry), self._externs, strict=True)
        )
        self._memory, self._alloc, self._entry = (
            ctypes.addressof(extern) + of for extern in self._externs
        )
        self._values = (c.wasmtime_val_raw * 3)()
        size = ctypes.sizeof(c.wasmtime_val_raw)
        self._args = [ctypes.c_uint32.from_buffer(self._values, at * size) for at in range(3)]
        self._places = tuple(
            ctypes.addressof(place)
            for place in (self._instance, self._trap, self._name, self._name_size, self._values)
        )

    def __del__(self) -> None:
        if getattr(self, "_prepared", None) is not None:
            self._calls.instance_pre_delete(self._prepared)
            self._prepared = None

    def attempt(self, data: bytes, limits: Limits) -> bytes | None:
        """The output for ``data`` of a fresh instance; None if there is none within ``limits``."""
        calls, memory = self._calls, limits.memory_mib << 20
        if len(data) > memory:
            return None
        with self._owner.lock:
            store = calls.store_new(self._engine_at, None, None)
            try:
                calls.store_limiter(
                    store, memory, self._owner.table_elements, 1, self._owner.tables, 1
                )
                return self._converse(calls.store_context(store), data, limits)
            finally:
                calls.store_delete(store)

    def _converse(self, context: int, data: bytes, limits: Limits) -> bytes | None:
        """As ``_converse`` of runtime.py, step for step: fuel and memory depend on the order."""
        calls, memory = self._calls, self._memory
        first, second, third = self._args
        size, result = len(data), None
        if not self._instantiate(context, limits.fuel):
            return None
        first.value = size
        if not self._call(context, self._alloc, 1):
            return None
        pointer: int = first.value
        # Memory never shrinks, so a size that is enough need not be asked for again.
        there = calls.memory_data_size(context, memory)
        if size and (pointer == 0 or pointer + size > there):
            return None
        ctypes.memmove(calls.memory_data(context, memory) + pointer, data, size)
        if self._by_pointer:
            first.value = 8
            if not self._call(context, self._alloc, 1):
                return None
            result = first.value
            if result + 8 > there:
                there = calls.memory_data_size(context, memory)
            if result == 0 or result + 8 > there:
                return None
            second.value, third.value = pointer, size
        else:
            first.value, second.value = pointer, size
        if not self._call(context, self._entry, 3):
            return None
        base = calls.memory_data(context, memory)
        if result is None:
            pointer, size = first.value, second.value
        else:
            pointer, size = _PAIR_AT.unpack(ctypes.string_at(base + result, 8))
        if pointer + size > there:
            there = calls.memory_data_size(context, memory)
        if size > min(limits.output_mib << 20, _LARGEST) or pointer + size > there:
            return None
        return ctypes.string_at(base + pointer, size)

    def _instantiate(self, context: int, fuel: int) -> bool:
        calls = self._calls
        instance, trap, name, name_size, _ = self._places
        failed = calls.context_set_fuel(context, fuel + self._segment_fuel)
        failed = failed or calls.instance_pre_instantiate(self._prepared, context, instance, trap)
        if failed or self._trap.value:
            return self._drop(failed)
        for nth, extern in self._exports:
            calls.instance_export_nth(context, instance, nth, name, name_size, extern)
        failed = calls.context_set_fuel(context, fuel)
        return not failed or self._drop(failed)

    def _call(self, context: int, function: int, count: int) -> bool:
        """Call ``function`` with the values; whether it came back."""
        _, trap, _, _, values = self._places
        failed = self._calls.func_call_unchecked(context, function, values, count, trap)
        return not (failed or self._trap.value) or self._drop(failed)

    def _drop(self, failed: int | None) -> bool:
        """Give an error and a trap back to the engine; False, for the caller to pass on."""
        if failed:
            self._calls.error_delete(failed)
        if trap := self._trap.value:
            self._trap.value = None  # first: an interrupt between the two must not free it twice
            self._calls.trap_delete(trap)
        return False


Way = Callable[[bytes, Any], bytes | None]
"""A way to call one module: the output for an input within limits; None for any fault."""


Begin = Callable[[Literal["step", "run"]], tuple[Way, Way]]
"""Makes both ways, the public one first, to an entry of the module of :func:`trial`."""


def trial() -> bytes:
    """The wasm that :func:`self_test` calls."""
    import wasmtime

    return bytes(wasmtime.wat2wasm(_TRIAL))


def self_test(begin: Begin, limits: Callable[[int], Limits]) -> None:
    """Compare the two ways, at both forms of an entry; ``limits`` makes limits of some fuel.

    Raises :class:`FastUnavailable` where they differ, or the bindings are not those of today."""
    try:
        _compare_ways(begin, limits)
    except (AttributeError, ctypes.ArgumentError) as error:
        raise FastUnavailable(str(error)) from error


def _compare_ways(begin: Begin, limits: Callable[[int], Limits]) -> None:
    for entry, least in _LEAST_FUEL.items():
        public, fast = begin(entry)
        for data in (b"fresh", bytes(70_000)):
            for fuel in (least + 100, least, least - 1):
                if public(data, limits(fuel)) != fast(data, limits(fuel)):
                    raise FastUnavailable("it does not give what the public way gives")


_LEAST_FUEL: Mapping[Literal["step", "run"], int] = {"step": 19, "run": 33}
"""What the two entries of the module take for a short input; 4 more where memory grows."""

_TRIAL = """(module
  (memory (export "memory") 1)
  (data (i32.const 8) "\\01")
  (global $top (mut i32) (i32.const 64))
  (func $alloc (export "alloc") (param $n i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $top))
    (global.set $top (i32.add (local.get $at) (local.get $n)))
    (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 2)))))
    (local.get $at))
  ;; a byte in front of the input, another one wherever the memory is not fresh
  (func $count (param $at i32)
    (i32.store8 (i32.sub (local.get $at) (i32.const 1)) (i32.load8_u (i32.const 8)))
    (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1))))
  (func (export "step") (param $at i32) (param $n i32) (result i32 i32)
    (call $count (local.get $at))
    (i32.sub (local.get $at) (i32.const 1)) (i32.add (local.get $n) (i32.const 1)))
  (func (export "run") (param $to i32) (param $at i32) (param $n i32)
    (call $count (local.get $at))
    (i32.store (local.get $to) (i32.sub (local.get $at) (i32.const 1)))
    (i32.store (i32.add (local.get $to) (i32.const 4)) (i32.add (local.get $n) (i32.const 1)))))
"""


def _use_pool(config: wasmtime.Config, tables: int, table_elements: int) -> None:
    from wasmtime import _bindings as c

    sizes = {
        **_POOL,
        "total_tables": tables,
        "max_tables_per_module": tables,
        "table_elements": table_elements,
    }
    pool = c.wasmtime_pooling_allocation_config_new()
    for name, value in sizes.items():
        getattr(c, f"wasmtime_pooling_allocation_config_{name}_set")(pool, value)
    c.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    c.wasmtime_pooling_allocation_config_delete(pool)


def _find_room() -> None:
    """Raise :class:`OSError` where the pool's addresses cannot be reserved: the engine would end
    the process."""
    if sys.platform != "win32":
        mmap.mmap(-1, _ADDRESSES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()


_RUNS_GUEST = ("instance_pre_instantiate", "func_call_unchecked")
_SHORT = (
    "store_new", "store_limiter", "store_context", "store_delete", "context_set_fuel",
    "instance_export_nth", "memory_data", "memory_data_size", "instance_pre_delete",
    "error_delete",
)  # fmt: skip


def _calls() -> SimpleNamespace:
    """Functions of the shared library, by their names without ``wasmtime_``, that take addresses
    as plain integers."""
    from wasmtime import _ffi

    calls = SimpleNamespace()
    # Other threads may run while the guest does. The rest takes less than a microsecond each, and
    # to let go of the interpreter for that makes a step 8 times as long beside a busy thread.
    guest, short = ctypes.CDLL(_ffi.dll._name), ctypes.PyDLL(_ffi.dll._name)
    for name in _RUNS_GUEST:
        setattr(calls, name, _function(guest, f"wasmtime_{name}"))
    for name in _SHORT:
        setattr(calls, name, _function(short, f"wasmtime_{name}"))
    calls.trap_delete = _function(short, "wasm_trap_delete")
    return calls


def _function(library: ctypes.CDLL, name: str) -> Any:
    """A function of ``library`` with the types that the package's bindings give it, but addresses
    as integers: making pointer objects takes longer than most of these calls."""
    from wasmtime import _bindings as c

    known = getattr(c, f"_{name}")
    function = library[name]
    function.restype = _plain(known.restype)
    function.argtypes = [_plain(of) for of in known.argtypes]
    return function


def _plain(of: Any) -> Any:
    is_number = isinstance(of, type) and issubclass(of, ctypes._SimpleCData)
    return of if of is None or is_number else ctypes.c_void_p
