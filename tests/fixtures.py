"""Fixtures of tests with whole worlds: import them where they are used."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import wasmtime

from aos_core.wasm import runtime
from aos_core.world import World
from tests.support import EVENT, copy_example, start

_compile, _new_engine = runtime._compile, runtime._new_engine


@cache
def _engine() -> wasmtime.Engine:
    return _new_engine()


@cache
def _compiled(wasm: bytes, place: str | None) -> wasmtime.Module:
    return _compile(_engine(), wasm, place)


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wasm is compiled once for all tests: hundreds of worlds run the same few modules."""
    monkeypatch.setattr(runtime, "_new_engine", _engine)
    monkeypatch.setattr(runtime, "_compile", lambda _, wasm, place: _compiled(wasm, place))


@pytest.fixture(name="world")
def aggregator(tmp_path: Path) -> Path:
    """The aggregator, copied, with its own wasm and without any journal."""
    return copy_example(tmp_path / "world")


@pytest.fixture(name="opened")
def begun(world: Path) -> World:
    """The aggregator in memory, three requests pending."""
    found = World.open(world, memory=True)
    found.fire(EVENT, start())
    return found
