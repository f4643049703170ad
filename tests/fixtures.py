"""Fixtures of tests with whole worlds: import them where they are used."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from aos_core.wasm import runtime
from aos_core.wasm.runtime import Entry
from tests.support import copy_example

_compile = runtime._compile


@cache
def _compiled(wasm: bytes, entry: Entry, place: str | None) -> object:
    return _compile(runtime._new_engine(), wasm, entry, place)


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wasm is compiled once for all tests: hundreds of worlds run the same few modules."""

    def compiled(_: object, wasm: bytes, entry: Entry, place: str | None) -> object:
        return _compiled(wasm, entry, place)

    monkeypatch.setattr(runtime, "_compile", compiled)


@pytest.fixture(name="world")
def aggregator(tmp_path: Path) -> Path:
    """The aggregator, copied, with its own wasm and without any journal."""
    return copy_example(tmp_path / "world")
