"""The wasm of a world's modules, run for the kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from aos_core import canon
from aos_core.disk import Disk, FileDisk
from aos_core.errors import ModuleMissing, StoreDamaged
from aos_core.kernel.program import Limits, Program
from aos_core.wasm.cache import user_cache
from aos_core.wasm.runtime import Entry, Runtime, StepLimits


class WorldModules:
    """The kernel's :class:`~aos_core.kernel.modules.Modules`, over a runtime.

    ``name_of`` gives the name of a module by the SHA-256 of its wasm: for errors.
    """

    def __init__(self, runtime: Runtime, name_of: Callable[[bytes], str]) -> None:
        self._runtime, self._name_of = runtime, name_of

    def step(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        return self._call(self._runtime.step, wasm, envelope, limits)

    def run(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        return self._call(self._runtime.run, wasm, envelope, limits)

    def _call(
        self,
        act: Callable[[bytes, bytes, StepLimits], bytes],
        wasm: bytes,
        envelope: bytes,
        limits: Limits,
    ) -> bytes:
        try:
            return act(wasm, envelope, _step_limits(limits))
        except (StoreDamaged, ModuleMissing) as error:
            name, file = self._name_of(wasm), error.where.get("file")
            text = f"{name}: {error.message}"
            raise type(error)(text, hint=error.hint, module=name, file=file) from error


@lru_cache(maxsize=16)
def _step_limits(limits: Limits) -> StepLimits:
    return StepLimits(limits.fuel, limits.memory_mib, limits.output_mib)


def runtime_of(disk: Disk, *, fast: bool) -> Runtime:
    """What runs the modules that the store of ``disk`` keeps."""
    return Runtime(lambda hash: disk.store.get(hash, what="its wasm"), code_folder(disk), fast=fast)


def code_folder(disk: Disk) -> Path | None:
    """Where compiled modules of a world are kept."""
    return disk.root / "cache/wasmtime" if isinstance(disk, FileDisk) else user_cache()


def entries(program: Program) -> list[tuple[bytes, Entry]]:
    """Every module of a program and where it is called; native ``sys/*`` ones are never run."""
    return [
        (program.wasm_hash(name), module.entry)
        for name, module in program.modules.items()
        if not name.startswith("sys/") and module.wasm_hash is not None
    ]


def module_name(program: Program, wasm: bytes) -> str | None:
    """The name of the module that has this wasm."""
    text = canon.hash_text(wasm)
    return next((of.name for of in program.modules.values() if of.wasm_hash == text), None)
