"""The fast way into the engine: gives what the public way gives, or says that it is off."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aos_core.canon import sha256
from aos_core.errors import StepFault
from aos_core.wasm import Runtime, StepLimits, fast, runtime
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, ROOT, start
from tests.wasm.modules import ALLOC, ECHO_PAIR, LIMITS, MEMORY, build, stepping

ECHO = build(MEMORY, ALLOC, ECHO_PAIR)
ENGINE = tuple(f"tests/wasm/test_{of}.py" for of in ("runtime", "fuel", "traps", "limits"))
SUITES = (*ENGINE, "tests/wasm/test_bad_modules.py", "tests/fuzz/test_wasm.py")


def both_ways(*suites: str, flaw: str = "") -> subprocess.CompletedProcess[str]:
    """Tests in a process of its own, where every call of a module goes both ways."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         "-p", "tests.wasm.both_ways", *suites],
        cwd=ROOT, env={**os.environ, "AOS_FLAW": flaw}, capture_output=True, text=True,
    )  # fmt: skip


def test_good_and_hostile_modules_do_the_same_both_ways() -> None:
    done = both_ways(*SUITES)
    assert done.returncode == 0, done.stdout[-3000:]
    found = re.search(r"both ways: (\d+) outputs, (\d+) faults, (\d+) without", done.stdout)
    assert found is not None
    outputs, faults, without = map(int, found.groups())
    assert outputs > 500 and faults > 200 and without < 60


@pytest.mark.parametrize(
    ("flaw", "among"),
    [("fuel", "fuel"), ("memory", "growth"), ("output", "output"), ("input", "signatures")],
)
def test_canary_a_flaw_of_the_fast_way_is_found(flaw: str, among: str) -> None:
    done = both_ways(*ENGINE, "-k", among, flaw=flaw)
    assert done.returncode == 1, done.stdout[-3000:]
    assert "AssertionError" in done.stdout


def runtime_of(wasm: bytes) -> Runtime:
    return Runtime({sha256(wasm): wasm}.__getitem__, fast=True)


def count_attempts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each attempt succeeded."""
    attempt, made = fast.FastProgram.attempt, []

    def counted(self: fast.FastProgram, data: bytes, limits: fast.Limits) -> bytes | None:
        found = attempt(self, data, limits)
        made.append(found is not None)
        return found

    monkeypatch.setattr(fast.FastProgram, "attempt", counted)
    return made


def test_a_fast_runtime_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_attempts(monkeypatch)
    fresh = runtime_of(ECHO)
    fresh.load(sha256(ECHO))
    made.clear()  # of the self-test
    assert fresh.step(sha256(ECHO), b"in", LIMITS) == b"in"
    assert made == [True] and fresh.notice is None
    assert Runtime({sha256(ECHO): ECHO}.__getitem__).step(sha256(ECHO), b"in", LIMITS) == b"in"
    assert made == [True]


def test_a_fault_is_named_by_the_public_way(monkeypatch: pytest.MonkeyPatch) -> None:
    wasm = stepping("unreachable")
    made, fresh = count_attempts(monkeypatch), runtime_of(wasm)
    fresh.load(sha256(wasm))
    made.clear()
    with pytest.raises(StepFault, match="unreachable code was reached"):
        fresh.step(sha256(wasm), b"", LIMITS)
    assert made == [False]


def test_an_output_beyond_what_ctypes_copies_is_left_to_the_public_way() -> None:
    grows = stepping("(drop (memory.grow (i32.const 32768))) i32.const 0 i32.const 0x80000000")
    fresh = runtime_of(grows)
    fresh.load(sha256(grows))
    program = fresh._programs[sha256(grows), "step"].fast
    assert program is not None
    most = StepLimits(fuel=1_000_000, memory_mib=4095, output_mib=4095)
    assert program.attempt(b"", most) is None


def test_what_the_self_test_finds_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = fast.FastProgram.attempt
    monkeypatch.setattr(
        fast.FastProgram,
        "attempt",
        lambda self, data, limits: attempt(self, data, StepLimits(limits.fuel + 1, 1, 1)),
    )
    fresh = runtime_of(ECHO)
    assert fresh.step(sha256(ECHO), b"in", LIMITS) == b"in"
    assert fresh.notice is not None and "does not give what the public way gives" in fresh.notice


WITHOUT = """
import sys
from wasmtime import _bindings
from tests.wasm.test_fast import ECHO, LIMITS, runtime_of, sha256
delattr(_bindings, sys.argv[1])
fresh = runtime_of(ECHO)
print(fresh.step(sha256(ECHO), b"in", LIMITS), fresh.notice)
"""


def in_a_child(program: str, *words: str) -> str:
    """What a program prints in a process of its own: here, whatever else still holds an object of
    the engine would feel what is done to the bindings."""
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    "without",
    ["_wasmtime_instance_pre_instantiate", "_wasm_trap_delete", "wasmtime_linker_instantiate_pre",
     "wasmtime_val_raw"],
)  # fmt: skip
def test_bindings_without_a_name_turn_it_off(without: str) -> None:
    said = in_a_child(WITHOUT, without)
    assert said.startswith("b'in' the fast way into the wasm engine is off (") and without in said


NO_ROOM = """
import resource
from tests.wasm.test_fast import ECHO, LIMITS, runtime_of, sha256
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
fresh = runtime_of(ECHO)
print(fresh.step(sha256(ECHO), b"in", LIMITS), fresh.notice)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
def test_a_machine_without_room_for_the_pool_turns_it_off() -> None:
    assert in_a_child(NO_ROOM).startswith("b'in' the fast way into the wasm engine is off (")


@pytest.mark.skipif(sys.platform != "linux", reason="mappings are counted in /proc")
def test_hundreds_of_engines_fit_into_one_process() -> None:
    """A process that runs out of mappings (65,530) is ended by the engine, not told."""

    def mappings() -> int:
        return len(Path("/proc/self/maps").read_text().splitlines())

    before = mappings()
    kept = [runtime_of(ECHO) for _ in range(10)]
    assert all(of.step(sha256(ECHO), b"in", LIMITS) == b"in" for of in kept)
    assert all(of._programs[sha256(ECHO), "step"].fast is not None for of in kept)
    assert mappings() - before < 10 * 20


def test_a_module_that_the_pool_has_no_room_for_takes_the_public_way() -> None:
    tables = "(table 1 funcref)" * 5
    wasm = build(MEMORY, ALLOC, ECHO_PAIR, tables)
    with pytest.raises(StepFault) as caught:
        runtime_of(wasm).step(sha256(wasm), b"in", LIMITS)
    assert caught.value.code == "memory_limit"


def test_many_threads_get_their_own_outputs() -> None:
    fresh, wrong = runtime_of(ECHO), []

    def work(name: int) -> None:
        for index in range(200):
            data = b"%d of %d" % (index, name)
            if fresh.step(sha256(ECHO), data, LIMITS) != data:
                wrong.append(data)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_faults_give_their_slot_back() -> None:
    wasm = stepping("unreachable")
    fresh = Runtime({sha256(of): of for of in (wasm, ECHO)}.__getitem__, fast=True)
    fresh.load_all([(sha256(wasm), "step"), (sha256(ECHO), "step")])
    traps, echoes = (fresh._programs[sha256(of), "step"].fast for of in (wasm, ECHO))
    assert traps is not None and echoes is not None
    assert [traps.attempt(b"", LIMITS) for _ in range(50)] == [None] * 50
    assert echoes.attempt(b"in", LIMITS) == b"in"


def test_programs_let_go_of_what_they_hold() -> None:
    gc.freeze()  # what other tests left need not be looked through each time
    for _ in range(20):
        assert runtime_of(ECHO).step(sha256(ECHO), b"in", LIMITS) == b"in"
        gc.collect()


def test_a_world_steps_the_fast_way_and_says_when_it_cannot(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = count_attempts(monkeypatch)
    with World.open(world, memory=True, fast=True) as opened:
        before = len(made)
        opened.fire(EVENT, start())
        assert len(made) > before and made[-1]
        assert not opened.notices
        root = opened.root
    monkeypatch.setattr(runtime, "_compare", _unequal)
    with World.open(world, memory=True, fast=True) as opened:
        opened.fire(EVENT, start())
        assert any("the fast way into the wasm engine is off" in of for of in opened.notices)
        assert opened.root == root


def _unequal(engine: object, of: object) -> None:
    raise fast.FastUnavailable("told so")
