"""What runs the wasm of modules, and what goes into a pure one and comes out (B-13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from aos_core import canon
from aos_core.air.nodes import DefModule
from aos_core.errors import CanonError, StepFault
from aos_core.kernel.program import Limits, Program


class Modules(Protocol):
    """Calls modules by the SHA-256 of their wasm: envelope in, output out.

    Passed in: the kernel does not know what runs the wasm. Raises :class:`StepFault` for a call
    that goes wrong in the same way on every machine.
    """

    def step(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        """What a reducer's ``step`` gives."""

    def run(self, wasm: bytes, envelope: bytes, limits: Limits) -> bytes:
        """What a pure module's ``run`` gives."""


@dataclass(frozen=True, slots=True)
class PureCaller:
    """Calls pure modules of a program at a moment: logical time in ns, and height."""

    program: Program
    modules: Modules
    logical_ns: int
    height: int
    limits: Limits

    def __call__(self, module: DefModule, input: bytes) -> bytes:
        """What a module gives for ``input``. Raises :class:`StepFault`."""
        name, ctx = module.abi.get("context"), None
        if name is not None:
            schema = self.program.schemas[name]
            plain = {
                "logical_now_ns": self.logical_ns,
                "journal_height": self.height,
                "manifest_hash": canon.hash_text(self.program.manifest_hash),
                "module": module.name,
            }
            ctx = schema.encode(schema.normalise(plain))
        wasm = self.program.wasm_hash(module.name)
        return parse_pure_output(self.modules.run(wasm, pure_envelope(input, ctx), self.limits))


def pure_envelope(input: bytes, ctx: bytes | None) -> bytes:
    """The input of a pure module: plain CBOR, members in this order."""
    members: dict[str, Any] = {"version": 1, "input": input}
    if ctx is not None:
        members["ctx"] = ctx
    return canon.encode_ordered(members)


def parse_pure_output(data: bytes) -> bytes:
    """The bytes that a pure module gives. Raises :class:`StepFault` ``bad_output``."""
    try:
        plain = canon.decode_lenient(data)
    except CanonError as error:
        text = f"the output is not CBOR: {error.message}"
        raise StepFault(text, code="bad_output") from None
    output = returned_bytes(plain.get("output")) if isinstance(plain, dict) else None
    if output is None:
        raise StepFault("the output is not a map with output, a byte string", code="bad_output")
    return output


def returned_bytes(value: Any) -> bytes | None:
    """The bytes that a module returned: a byte string or, as serde writes a ``Vec<u8>``, a list of
    integers 0..255. None for anything else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(type(item) is int and 0 <= item < 256 for item in value):
        return bytes(value)
    return None
