"""A pytest plugin, ``-p tests.wasm.both_ways``: every call of a module goes both ways.

Wherever a test calls wasm, the fast way is tried beside the public one: they must give the same
bytes for the same fuel to the unit, and a fault of one is a fault of the other. Run it in a process
of its own (test_fast.py): a flaw of the fast way may end the process.

``AOS_FLAW`` builds a flaw in, to see that it is found.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aos_core.errors import StepFault
from aos_core.wasm import fast, runtime
from aos_core.wasm.runtime import StepLimits

COUNTS = Counter[str]()
_in_public, _converse = runtime._call_in_public, runtime._converse
_attempt = fast.FastProgram.attempt
_left: list[int] = []


def _converse_and_note(guest: Any, data: bytes, limits: StepLimits) -> bytes:
    output = _converse(guest, data, limits)
    _left.append(guest._store.get_fuel())
    return output


def _call_both_ways(program: Any, data: bytes, limits: StepLimits) -> bytes:
    if program.fast is None:
        COUNTS["without"] += 1
        return _in_public(program, data, limits)
    found = program.fast.attempt(data, limits)
    try:
        output = _in_public(program, data, limits)
    except StepFault:
        COUNTS["faults"] += 1
        assert found is None, "the fast way succeeds where the public one faults"
        raise
    COUNTS["outputs"] += 1
    assert found == output, "other bytes"
    spent = limits.fuel - _left.pop()
    for fuel in {spent, max(spent - 1, 1), max(spent // 2, 1)}:
        of = replace(limits, fuel=fuel)
        assert program.fast.attempt(data, of) == _or_none(program, data, of), "other fuel"
    return output


def _or_none(program: Any, data: bytes, limits: StepLimits) -> bytes | None:
    try:
        return _in_public(program, data, limits)
    except StepFault:
        return None


FLAWS: dict[str, Callable[[Any, bytes, StepLimits], bytes | None]] = {
    "fuel": lambda of, data, limits: _attempt(of, data, replace(limits, fuel=limits.fuel + 1)),
    "memory": lambda of, data, limits: _attempt(of, data, replace(limits, memory_mib=4095)),
    "output": lambda of, data, limits: _attempt(of, data, replace(limits, output_mib=4095)),
    "input": lambda of, data, limits: _attempt(of, data[:-1], limits),
}


def pytest_configure() -> None:
    """Before any test makes a runtime; for as long as the process lives."""
    begin = runtime.Runtime.__init__

    def begin_fast(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **{**kwargs, "fast": True})

    if flaw := os.environ.get("AOS_FLAW"):
        patch(runtime, _compare=lambda engine, fast: None)
        patch(fast.FastProgram, attempt=FLAWS[flaw])
    patch(runtime.Runtime, __init__=begin_fast)
    patch(runtime, _call=_call_both_ways, _converse=_converse_and_note)


def patch(owner: object, **members: object) -> None:
    for name, of in members.items():
        setattr(owner, name, of)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(
        f"both ways: {COUNTS['outputs']} outputs, {COUNTS['faults']} faults, "
        f"{COUNTS['without']} without the fast way"
    )
