"""WebAssembly modules: reducers and pure functions, called in fresh instances."""

from aos_core.wasm.runtime import Entry, Runtime, StepLimits, check_module

__all__ = ["Entry", "Runtime", "StepLimits", "check_module"]
