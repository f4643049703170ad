"""Compiled modules on disk: taken only as this user's own, exact work; anything else compiles."""

import hashlib
import hmac
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import wasmtime

from aos_core import World
from aos_core.canon import sha256
from aos_core.errors import ModuleMissing, StepFault
from aos_core.new_world import TEMPLATE
from aos_core.wasm import Runtime, StepLimits, runtime
from aos_core.wasm.cache import KEPT, CodeCache

LIMITS = StepLimits(fuel=1_000_000, memory_mib=1, output_mib=1)
HEAD = 8 + 32


def answering(byte: int) -> bytes:
    """A module that answers with one byte."""
    return bytes(
        wasmtime.wat2wasm(f"""(module (memory (export "memory") 1)
          (func (export "alloc") (param i32) (result i32) (i32.const 1024))
          (func (export "step") (param i32 i32) (result i32 i32)
            (i32.store8 (i32.const 0) (i32.const {byte})) (i32.const 0) (i32.const 1)))""")
    )


ONE, TWO = answering(1), answering(2)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return tmp_path / "data/aos"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return tmp_path / "code"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Grows by the wasm of each module that the real compiler gets."""
    seen: list[bytes] = []
    real = runtime._compile

    def compile(engine: wasmtime.Engine, wasm: bytes, place: str | None) -> wasmtime.Module:
        seen.append(wasm)
        return real(engine, wasm, place)

    monkeypatch.setattr(runtime, "_compile", compile)
    return seen


def answer(code: Path | None, wasm: bytes = ONE) -> bytes:
    """What a new process's runtime answers."""
    reducer = Runtime({sha256(of): of for of in (ONE, TWO)}.__getitem__, code)
    return reducer.step(sha256(wasm), b"x", LIMITS)


def file_of(code: Path, wasm: bytes = ONE) -> Path:
    (path,) = code.glob(f"*/{sha256(wasm).hex()}/module.cmod")
    return path


def test_a_warm_start_compiles_nothing(code: Path, compiled: list[bytes]) -> None:
    assert answer(code) == b"\x01"
    assert compiled == [ONE]
    assert answer(code) == b"\x01"
    assert compiled == [ONE]


def test_without_a_folder_every_start_compiles(compiled: list[bytes]) -> None:
    assert answer(None) == answer(None) == b"\x01"
    assert compiled == [ONE, ONE]


def test_a_warm_and_a_cold_step_burn_the_same_fuel(code: Path) -> None:
    def least(place: Path | None) -> int:
        reducer = Runtime({sha256(ONE): ONE}.__getitem__, place)
        for fuel in range(1, 100):
            try:
                reducer.step(sha256(ONE), b"x", StepLimits(fuel, 1, 1))
            except StepFault:
                continue
            return fuel
        raise AssertionError("no fuel is enough")

    assert least(code) == least(code) == least(None)


@pytest.mark.parametrize("offset", [0, 7, 8, 39, 40, 200, -1])
def test_a_flipped_bit_is_compiled_away(code: Path, offset: int, compiled: list[bytes]) -> None:
    answer(code)
    path = file_of(code)
    good = path.read_bytes()
    data = bytearray(good)
    data[offset] ^= 1
    path.write_bytes(data)
    assert answer(code) == b"\x01"
    assert compiled == [ONE, ONE]
    assert answer(code) == b"\x01"
    assert len(compiled) == 2, "what was damaged has been replaced"


@pytest.mark.parametrize("length", [0, 4, 8, 39, 40, 41, 5000])
def test_a_truncated_file_is_compiled_away(code: Path, length: int, compiled: list[bytes]) -> None:
    answer(code)
    path = file_of(code)
    path.write_bytes(path.read_bytes()[:length])
    assert answer(code) == answer(code) == b"\x01"
    assert compiled == [ONE, ONE]


def test_code_of_another_module_is_not_taken(code: Path, compiled: list[bytes]) -> None:
    answer(code, ONE), answer(code, TWO)
    shutil.copy(file_of(code, TWO), file_of(code, ONE))
    assert answer(code, ONE) == b"\x01"
    assert compiled == [ONE, TWO, ONE]


def test_code_of_another_engine_is_not_taken(code: Path, compiled: list[bytes]) -> None:
    answer(code)
    path = file_of(code)
    other = CodeCache(code, "other settings")
    place = code / other._engine / path.parent.name
    place.mkdir(parents=True)
    shutil.copy(path, place / path.name)
    assert other.load(runtime._new_engine(), sha256(ONE)) is None


def test_planted_code_is_not_run(code: Path, compiled: list[bytes], tmp_path: Path) -> None:
    """Real code of another module, whole and in its form, under somebody else's key."""
    answer(code, ONE), answer(code, TWO)
    path, engine = file_of(code, ONE), file_of(code, ONE).parents[1].name
    evil = file_of(code, TWO).read_bytes()[HEAD:]
    mac = hmac.new(b"k" * 32, f"{engine}\0".encode() + sha256(ONE), hashlib.sha256)
    mac.update(evil)
    path.write_bytes(b"aoscmod1" + mac.digest() + evil)
    assert answer(code, ONE) == b"\x01"
    assert compiled == [ONE, TWO, ONE]


def test_the_same_under_the_users_own_key_would_run(code: Path, home: Path) -> None:
    """The check before this one fails for the key alone."""
    answer(code, ONE), answer(code, TWO)
    path, engine = file_of(code, ONE), file_of(code, ONE).parents[1].name
    evil = file_of(code, TWO).read_bytes()[HEAD:]
    key = (home / "code.key").read_bytes()
    mac = hmac.new(key, f"{engine}\0".encode() + sha256(ONE), hashlib.sha256)
    mac.update(evil)
    path.write_bytes(b"aoscmod1" + mac.digest() + evil)
    assert answer(code, ONE) == b"\x02"


def test_what_a_file_becomes_after_the_check_does_not_matter(
    code: Path, compiled: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(code, ONE), answer(code, TWO)
    path, evil = file_of(code, ONE), file_of(code, TWO).read_bytes()
    real = CodeCache._checked

    def checked(self: CodeCache, data: bytes, wasm_hash: bytes) -> memoryview | None:
        found = real(self, data, wasm_hash)
        path.write_bytes(evil)  # in place: a map of the file would change under us
        return found

    monkeypatch.setattr(CodeCache, "_checked", checked)
    assert answer(code, ONE) == b"\x01"
    assert compiled == [ONE, TWO]


def test_the_key_is_the_users_alone(code: Path, home: Path) -> None:
    answer(code)
    key = home / "code.key"
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX has them")
@pytest.mark.parametrize("harm", ["readable", "short", "link"])
def test_a_key_that_others_may_know_is_replaced(
    code: Path, home: Path, harm: str, compiled: list[bytes], tmp_path: Path
) -> None:
    answer(code)
    key = home / "code.key"
    old = key.read_bytes()
    if harm == "readable":
        key.chmod(0o644)
    elif harm == "short":
        key.write_bytes(old[:31])
    else:
        key.rename(tmp_path / "elsewhere")
        key.symlink_to(tmp_path / "elsewhere")
    assert answer(code) == b"\x01"
    assert compiled == [ONE, ONE]
    assert key.read_bytes() != old and not key.is_symlink()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_no_trouble(
    tmp_path: Path, compiled: list[bytes]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert answer(tmp_path / "file/code") == answer(tmp_path / "file/code") == b"\x01"
    assert compiled == [ONE, ONE]


def test_no_place_for_the_key_is_no_trouble(
    code: Path, tmp_path: Path, compiled: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert answer(code) == answer(code) == b"\x01"
    assert compiled == [ONE, ONE]
    assert not list(code.rglob("*.cmod"))


def test_a_full_disk_is_no_trouble(tmp_path: Path) -> None:
    """A real limit on what a process may write, in a process of its own."""
    script = f"""
import resource, signal
from pathlib import Path
from tests.wasm.test_cache import answer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
code = Path({str(tmp_path / "full")!r})
print(answer(code), [path.name for path in code.rglob("*") if path.is_file()])
"""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "b'\\x01' []\n"


def test_old_code_gives_way(code: Path) -> None:
    answer(code)
    engine = file_of(code).parents[1]
    for number in range(KEPT):
        (engine / f"{number:064x}").mkdir()
    answer(code, TWO)
    assert len(list(engine.iterdir())) == KEPT
    assert file_of(code, TWO).is_file()


def test_modules_are_loaded_side_by_side(code: Path, compiled: list[bytes]) -> None:
    both = Runtime({sha256(of): of for of in (ONE, TWO)}.__getitem__, code)
    both.load_all((sha256(of), "step") for of in (ONE, TWO))
    assert sorted(compiled) == sorted([ONE, TWO])
    assert both.step(sha256(TWO), b"", LIMITS) == b"\x02"
    assert len(compiled) == 2


def test_one_module_that_cannot_be_loaded_does_not_keep_the_others(code: Path) -> None:
    broken = ONE[:-4]
    three = Runtime({sha256(of): of for of in (broken, ONE, TWO)}.__getitem__, code)
    three.load_all((sha256(of), "step") for of in (broken, ONE, TWO))
    assert three.step(sha256(ONE), b"", LIMITS) == b"\x01"
    with pytest.raises(ModuleMissing):
        three.load(sha256(broken))


def test_a_module_that_waits_does_not_hold_up_another() -> None:
    """Two loads that each wait for the other to have begun: with one lock neither would end."""
    meeting = threading.Barrier(2, timeout=30)

    def wasm(wasm_hash: bytes) -> bytes:
        meeting.wait()
        return {sha256(of): of for of in (ONE, TWO)}[wasm_hash]

    both = Runtime(wasm)
    threads = [threading.Thread(target=both.load, args=(sha256(of),)) for of in (ONE, TWO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not meeting.broken


def test_a_world_compiles_once_for_all_its_openings(tmp_path: Path, compiled: list[bytes]) -> None:
    root = tmp_path / "world"
    shutil.copytree(TEMPLATE, root)
    text = (root / "world.toml").read_text().replace("crate =", "wasm = 'of.wasm' #")
    (root / "world.toml").write_text(text)
    (root / "of.wasm").write_bytes(ONE)
    for _ in range(2):
        World.open(root).close()
    assert compiled == [ONE], "at the first opening, before any event"
    assert file_of(root / ".aos/cache/wasmtime").is_file()
    for _ in range(2):
        World.open(root, memory=True).close()
    assert compiled == [ONE, ONE]
    assert file_of(tmp_path / "cache/aos/wasmtime").is_file()
