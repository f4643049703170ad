"""What the four drivers share: a world's program, its first state, inputs made from host JSON.

A driver needs no more than this: `turn` is a pure function of (programs, state, input, moment,
modules), and all it leaves to others is time, entropy, effects and keeping the journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.adapters.prepared import http_payload
from aos_core.adapters.receipt import Receipt
from aos_core.files import WorldFiles, find_world
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Program, compile_program
from aos_core.kernel.records import EventInput, Input
from aos_core.kernel.state import Intent, State
from aos_core.kernel.turn import Moment
from aos_core.modules import WorldModules
from aos_core.wasm.cache import user_cache
from aos_core.wasm.runtime import Runtime

EVENT = "demo/AggregatorEvent@1"
NAMES = ("primary", "secondary", "tertiary")
START: Mapping[str, Any] = {
    "Start": {
        "topic": "demo",
        **{
            name: {"name": name, "url": f"https://example.com/api/{name}", "method": "GET"}
            for name in NAMES
        },
    }
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """A compiled world, where it begins, and what runs its modules."""

    program: Program
    state: State
    moment: Moment
    modules: Modules

    @classmethod
    def load(cls, world: str) -> Kernel:
        """Read and compile a world: a directory, or the number of one that ships."""
        files = WorldFiles.read(find_world(world))
        program = compile_program(files.catalog)
        own = [of for of in program.modules.values() if not of.name.startswith("sys/")]
        wasm = {program.wasm_hash(of.name): files.require_wasm(of) for of in own}
        runtime = Runtime(wasm.__getitem__, user_cache())  # a fresh instance for every call
        modules = WorldModules(runtime, canon.hash_text)
        moment = Moment(1, 0, files.config.settings)  # record 0 is the genesis
        return cls(program, State(program.manifest_hash), moment, modules)

    def programs(self, manifest: bytes) -> Program:
        """The program of a manifest hash; this world never has another one."""
        assert manifest == self.program.manifest_hash
        return self.program

    def event(self, schema: str, value: Any) -> Input:
        """An event, of host JSON."""
        of = self.program.schemas[schema]
        return EventInput(schema=schema, value=of.encode(of.from_host(value)))


def answer(intent: Intent) -> Input:
    """The receipt of an HTTP request, as an adapter would give it after asking the server."""
    url = canon.decode(intent.params)["url"]
    payload, _ = http_payload(200, {}, f"page of {url}".encode(), "docs")
    return Receipt(intent.hash, "ok", payload, "docs").to_input(late=False)


def stamped(input: Input, n: int) -> Input:
    """The ``n``-th input, stamped by a clock and a source of entropy that repeat."""
    entropy = hashlib.sha512(canon.encode(["docs", n])).digest()
    return input.stamped(at_ns=n * 1_000_000, logical_ns=n * 1_000_000, entropy=entropy)
