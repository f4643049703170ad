"""Worlds whose states are large, or hold what no terminal should be given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wasmtime

from aos_core import canon
from aos_core.world import World
from tests.kernel.worlds import module, schema
from tests.support import tiny_world

PAGE = 65_536


def filled(to: Path, cells: int) -> Path:
    """A keyed reducer with so many cells, ``A0`` and on, each ``{n: 7}``; nothing is pending."""
    path = tiny_world(
        to,
        module("demo/R@1", "demo/Go@1", state="demo/Count@1", key="demo/Text@1"),
        wasm={"R": _giving(canon.encode_plain({"state": canon.encode({"n": 7})}))},
        routes=[("demo/Go@1", "demo/R@1", "who")],
    )
    with World.open(path, fast=True) as world, world.group():
        for cell in range(cells):
            world.fire("demo/Go@1", {"who": f"A{cell}", "n": 1})
    return path


def holding(to: Path, type: Any, value: Any) -> Path:
    """A world whose one reducer has this state since its first event."""
    path = tiny_world(
        to,
        schema("demo/Big@1", type),
        module("demo/R@1", "demo/Go@1", state="demo/Big@1"),
        wasm={"R": _giving(canon.encode_plain({"state": canon.encode(value)}))},
        routes=[("demo/Go@1", "demo/R@1")],
        config="[limits]\nmemory_mib = 64\noutput_mib = 32\n",
    )
    with World.open(path) as world:
        made = world.fire("demo/Go@1", {"who": "a", "n": 1})
        assert made.fault is None, made.fault_text
    return path


def _giving(output: bytes) -> bytes:
    """A module that answers so, however long it is."""
    text = "".join(f"\\{byte:02x}" for byte in output)
    pages = len(output) // PAGE + 2
    return bytes(
        wasmtime.wat2wasm(f"""(module
        (memory (export "memory") {pages})
        (func (export "alloc") (param i32) (result i32) (i32.const {(pages - 1) * PAGE}))
        (data (i32.const 0) "{text}")
        (func (export "step") (param i32 i32) (result i32 i32)
          (i32.const 0) (i32.const {len(output)})))""")
    )
