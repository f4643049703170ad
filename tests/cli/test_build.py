"""``aos build``, ``new`` and ``doctor``; ``run --force-build``."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aos_core.build.toolchain import Toolchain, cache_dir, find_toolchain
from aos_core.build.trust import is_trusted
from aos_core.errors import NoToolchain
from aos_core.files import find_world
from aos_core.new_world import make_world
from tests.cli.conftest import Aos, Done
from tests.support import ROOT, WASM

HOMES = {
    "XDG_CACHE_HOME": cache_dir().parent,
    "RUSTUP_HOME": Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup"),
    "CARGO_HOME": Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo"),
}
"""Of the user who runs the tests: a compiler and its library are not fetched for each of them."""

pytestmark = pytest.mark.timeout(300)  # a machine may have to build the library first

NAME = "demo/Counter@1"
SOURCE = "reducers/counter/src/lib.rs"


@pytest.fixture(autouse=True)
def _compiler_of_the_machine(_own_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in HOMES.items():
        monkeypatch.setenv(name, str(place))


@pytest.fixture
def rust() -> Toolchain:
    try:
        return find_toolchain()
    except NoToolchain as error:
        pytest.skip(f"{error.message}: {error.hint}")


@pytest.fixture
def counter(tmp_path_factory: pytest.TempPathFactory, aos: Aos) -> Path:
    """A new world, in a place where others were before: only there the libraries that it takes
    are compiled by now."""
    world = cleared(tmp_path_factory.getbasetemp() / "built/counter")
    assert aos("new", world).code == 0
    return world


@pytest.fixture
def stranger(counter: Path) -> Path:
    """The same world, of whose author the user knows nothing."""
    return Path(shutil.copytree(counter, cleared(counter.with_name("stranger"))))


def cleared(place: Path) -> Path:
    if place.exists():
        shutil.rmtree(place)
    return place


def edit(world: Path, old: str, new: str) -> None:
    path = world / SOURCE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---- new


def test_new_tells_its_files(tmp_path: Path, aos: Aos) -> None:
    done = aos("new", tmp_path / "fresh", "--json")
    assert set(done.json) == {"path", "files"}
    assert done.json["path"] == str(tmp_path / "fresh")
    on_disk = [path for path in (tmp_path / "fresh").rglob("*") if path.is_file()]
    assert done.json["files"] == sorted(
        path.relative_to(tmp_path / "fresh").as_posix() for path in on_disk
    )
    assert {"world.toml", SOURCE, "reducers/Cargo.lock", "tests/test_world.py"} <= set(
        done.json["files"]
    )
    assert is_trusted(tmp_path / "fresh")


def test_a_world_like_one_that_a_session_was_exported_to_tests_its_scenarios(
    tmp_path: Path,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(find_world("04"), model, ignore=shutil.ignore_patterns(".aos"))
    (model / "tests").mkdir(exist_ok=True)
    (model / "tests/test_basic_30.py").write_text("")
    assert "tests/test_world.py" in make_world(tmp_path / "fresh", model)


def test_new_overwrites_nothing(tmp_path: Path, aos: Aos) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious").write_text("text")
    done = aos("new", tmp_path / "mine", "--json")
    assert (done.code, done.error["code"]) == (2, "exists")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious"]
    (tmp_path / "empty").mkdir()
    assert aos("new", tmp_path / "empty").code == 0
    assert aos("new", tmp_path / "x", "--from", "nonsense", "--json").error["code"] == "no_world"
    assert not (tmp_path / "x").exists()


def test_a_copy_says_that_it_is_one_and_how_to_begin(tmp_path: Path, aos: Aos) -> None:
    assert aos("new", tmp_path / "mine", "--from", "03").code == 0
    readme = (tmp_path / "mine/README.md").read_text("utf-8")
    assert readme.startswith("# mine\n\nMade from 03-fetch-notify") and "`aos build`" in readme
    assert "../../screenshots" not in readme
    missing = aos("check", tmp_path / "mine", "--json").json["problems"]
    assert all("`aos build`" in of["hint"] for of in missing if of["severity"] == "error")


@pytest.mark.parametrize("model", [(), ("--from", "aggregator")], ids=["small", "aggregator"])
def test_a_new_world_builds_runs_and_passes_its_own_tests(
    model: tuple[str, ...], tmp_path: Path, aos: Aos, rust: Toolchain
) -> None:
    world = tmp_path / "a new world"
    assert aos("new", world, *model).code == 0
    built = aos("build", world, "--json")
    assert built.code == 0, built.err
    (module,) = built.json["modules"]
    assert set(module) == {"name", "wasm_hash", "cached", "ms", "bytes"}
    assert module["wasm_hash"].startswith("sha256:") and not module["cached"]
    runs = aos("run", world, "--json").json["runs"]
    assert runs and all(run["verified"] for run in runs)
    assert all(of["ok"] for run in runs for of in run["expectations"])
    environment: dict[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}
    plugin = ["-p", "aos_core.pytest_plugin"]  # loads by itself where we are installed
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, "tests"]
    subprocess.run(tests, cwd=world, env=environment, check=True, timeout=100)
    environment |= {"RUSTC": str(rust.rustc), "CARGO_TARGET_DIR": str(tmp_path / "target")}
    native = [str(rust.cargo), "test", "--locked", "--quiet", "--lib", "-p", runs_crate(world)]
    subprocess.run(native, cwd=world / "reducers", env=environment, check=True, timeout=100)


def runs_crate(world: Path) -> str:
    (crate,) = {"counter", "aggregator"} & {path.name for path in (world / "reducers").iterdir()}
    return crate


# ---- build


def test_only_what_changed_is_compiled(counter: Path, aos: Aos, rust: Toolchain) -> None:
    def cached(*flags: str) -> tuple[bool, str]:
        (module,) = aos("build", counter, "--json", *flags).json["modules"]
        assert module["name"] == NAME
        return module["cached"], module["wasm_hash"]

    fresh, first = cached()
    assert not fresh
    assert cached() == (True, first)
    assert cached("--force-build") == (False, first)
    edit(counter, "+= 1;", "+= 2;")
    assert cached()[0] is False
    edit(counter, "+= 2;", "+= 1;")
    assert cached() == (True, first)


def told(done: Done) -> tuple[str, dict[str, str]]:
    """What `aos build` says of its one module: the first line, and the others by their word."""
    first, *others = done.out.splitlines()
    return first, dict(line.split(maxsplit=1) for line in others)


def test_people_read_what_was_built_from_what_and_what_is_new(
    counter: Path, aos: Aos, rust: Toolchain
) -> None:
    first, said = told(aos("build", counter))
    old, (crate, by) = said["sha256"], said["from"].split(", by ")
    assert first.startswith(f"{NAME}  built in ") and by == rust.name
    assert (counter / crate / "src/lib.rs").is_file()
    assert said["module"].startswith("new, ") and (counter / said["wrote"]).is_file()
    assert sha256(counter / said["wrote"]) == old

    first, said = told(aos("build", counter))
    assert first == f"{NAME}  not compiled: built from these sources before"
    assert said["from"] == crate and said["module"].startswith("the same as before, ")
    assert sha256(counter / said["stands"]) == said["sha256"] == old
    assert told(aos("build", counter, "--force-build"))[1]["module"].startswith("the same as")

    edit(counter, "+= 1;", "+= 2;")
    first, said = told(aos("build", counter))
    new = said["sha256"]
    assert said["module"].startswith(f"changed: {old[:12]} -> {new[:12]}, ") and old != new
    assert sha256(counter / said["wrote"]) == new
    edit(counter, "+= 2;", "+= 1;")
    first, said = told(aos("build", counter))  # is in the cache, and another one all the same
    assert first == f"{NAME}  not compiled: built from these sources before"
    assert said["module"].startswith(f"changed: {new[:12]} -> {old[:12]}, ")


def test_a_module_that_is_there_is_named_with_what_is_new_about_it(world: Path, aos: Aos) -> None:
    file = world / "modules/Aggregator.wasm"
    first, said = told(aos("build", world))
    assert first == "demo/Aggregator@1  not compiled: its module is there"
    assert said["from"] == said["stands"] == "modules/Aggregator.wasm"
    assert said["module"] == f"{file.stat().st_size:,} bytes" and said["sha256"] == sha256(file)
    assert told(aos("build", world))[1]["module"].startswith("the same as before, ")
    old = sha256(file)
    file.write_bytes(file.read_bytes() + b"\x00\x02\x01x")  # a section of a name, and no more
    _, said = told(aos("build", world))
    assert said["module"].startswith(f"changed: {old[:12]} -> {sha256(file)[:12]}, ")
    (module,) = aos("build", world, "--json").json["modules"]
    assert set(module) == {"name", "wasm_hash", "cached", "ms", "bytes"}


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_error_of_the_compiler_is_shown_whole(counter: Path, aos: Aos, rust: Toolchain) -> None:
    edit(counter, "+= 1;", "+= true;")
    line = (counter / SOURCE).read_text().split("+= true")[0].count("\n") + 1
    done = aos("build", counter)
    assert done.code == 2
    assert "= help: the trait `AddAssign<bool>` is not implemented" in done.err
    assert f"line: {line}" in done.err and str(counter / SOURCE) in done.err
    error = aos("build", counter, "--json").json["error"]
    assert (error["code"], error["where"]["line"]) == ("build_failed", line)
    (found,) = error["diagnostics"]
    assert (found["level"], found["file"], found["line"]) == ("error", str(counter / SOURCE), line)
    told = aos("build", counter, "--progress-json").err.splitlines()
    told_json = [json.loads(line) for line in told if line.startswith("{")]
    assert {"diagnostic": found} in told_json
    assert any("Compiling counter" in of.get("progress", {}).get("line", "") for of in told_json)


def test_a_stranger_is_not_built_without_agreement(
    stranger: Path, aos: Aos, rust: Toolchain
) -> None:
    for command in (["build"], ["run"], ["run", "--force-build"]):
        done = aos(*command, stranger, "--json")
        assert (done.code, done.error["code"]) == (2, "not_trusted")
    assert "--trust" in aos("build", stranger).err
    assert aos("build", stranger, "--trust").code == 0
    assert aos("build", stranger, "--force-build").code == 0, "agreed to once"


def test_one_process_builds_for_each_line(stranger: Path, rust: Toolchain) -> None:
    args = [sys.executable, "-m", "aos_core.cli.main", "build", str(stranger), "--each-line"]
    with subprocess.Popen(args, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(word: str) -> dict[str, Any]:
            process.stdin.write(f"{word}\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            said: dict[str, Any] = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            return said

        assert ask("build")["error"]["code"] == "not_trusted"
        (built,) = ask("trust")["modules"]
        assert not built["cached"]
        (again,) = ask("build")["modules"]
        assert again["cached"] and again["wasm_hash"] == built["wasm_hash"]
        edit(stranger, "count += 1", 'count += "1"')
        assert ask("build")["error"]["diagnostics"]
        edit(stranger, 'count += "1"', "count += 2")
        (mended,) = ask("build")["modules"]
        assert not mended["cached"] and mended["wasm_hash"] != built["wasm_hash"]
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_module_that_cannot_be_kept_is_an_error_with_its_cause(
    counter: Path, aos: Aos, rust: Toolchain
) -> None:
    (counter / ".aos/cache").mkdir(parents=True)
    (counter / ".aos/cache/modules").write_text("in the way")
    error = aos("build", counter, "--json")
    assert (error.code, error.error["code"]) == (2, "cache_unwritable")
    assert "cannot be kept in" in error.error["message"]
    (counter / ".aos/cache/modules").unlink()
    assert aos("build", counter).code == 0


def test_a_person_is_asked_once(stranger: Path, rust: Toolchain) -> None:
    pexpect = pytest.importorskip("pexpect")

    def build(*answers: str) -> tuple[int, str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        child = pexpect.spawn(
            sys.executable, ["-m", "aos_core.cli.main", "build", str(stranger)],
            env=environment, encoding="utf-8", timeout=200, dimensions=(24, 200),
        )  # fmt: skip
        said = ""
        for answer in answers:
            child.expect_exact("Do you trust its author? [y/N] ")
            said += child.before
            child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        return child.exitstatus, said + child.before

    code, said = build("")
    assert code == 2 and "you have not agreed to that" in said
    assert not (stranger / ".aos/cache/modules").exists() or not list(
        (stranger / ".aos/cache/modules").glob("*.wasm")
    )
    code, said = build("y")
    assert code == 0 and str(stranger) in said and "compiling counter" in said
    assert build()[0] == 0


def test_a_crate_that_builds_but_is_no_reducer_is_told(
    counter: Path, aos: Aos, rust: Toolchain
) -> None:
    edit(counter, "aos_sdk::reducer!(reduce);", "")
    done = aos("build", counter, "--json")
    assert (done.code, done.error["code"]) == (2, "bad_module")
    assert "does not export" in done.error["message"]


def test_wasm_of_the_world_stands_before_its_crate(world: Path, aos: Aos) -> None:
    done = aos("build", world, "--json")
    (module,) = done.json["modules"]
    assert module["cached"] and module["bytes"] == WASM.stat().st_size
    assert "stands before the crate" in done.err


def test_a_module_without_crate_and_wasm_is_an_error(counter: Path, aos: Aos) -> None:
    text = (counter / "world.toml").read_text()
    (counter / "world.toml").write_text(text.replace("crate =", "#"))
    done = aos("build", counter, "--json")
    assert done.error["code"] == "bad_module"
    assert "neither a crate nor wasm" in done.error["message"]


def test_what_ships_is_not_compiled(aos: Aos) -> None:
    (module,) = aos("build", "04", "--json").json["modules"]
    assert module["cached"] and module["bytes"] == WASM.stat().st_size


# ---- run


def test_run_builds_what_changed(counter: Path, aos: Aos, rust: Toolchain) -> None:
    assert aos("run", counter).code == 0
    edit(counter, "+= 1;", "+= 3;")
    done = aos("run", counter)
    assert done.code == 1, "a tick is three now, which passes over the goal"
    assert "count: 0 -> 3" in done.out
    edit(counter, "+= 3;", "+= 1;")
    assert aos("run", counter, "--force-build").code == 0


def test_nothing_to_run_without_a_build_says_what_to_do(counter: Path, aos: Aos) -> None:
    done = aos("fire", counter, "demo/CounterEvent@1", '"Tick"', "--json")
    assert (done.code, done.error["code"]) == (2, "check_failed")
    assert "there is no wasm for it" in done.error["message"]
    (problem,) = aos("check", counter, "--json").json["problems"]
    assert (problem["code"], problem["hint"]) == ("not_built", "`aos build` compiles it")
    assert (problem["file"], problem["line"]) == ("world.toml", 7)
    told = aos("check", counter)
    assert told.code == 2 and "not ok" not in told.out and "✗" not in told.out
    assert told.out.splitlines()[-1] == "! not built yet: 1 module, 0 warnings"


def test_what_is_compiled_is_said_in_plain_lines(
    counter: Path, aos: Aos, rust: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.cli.building.STILL_SECONDS", 0.05)
    (counter / SOURCE).touch()  # else it may be there, built in another test
    lines = aos("build", counter).err.splitlines()
    assert lines[0] == f"{NAME}  0 s  starting the compiler"
    assert any(re.fullmatch(rf"{NAME}  \d+ s  compiling counter v\d.*", of) for of in lines)
    assert any("  still " in of for of in lines), "it says that it goes on"
    assert aos("build", counter).err == "", "what is in the cache shows nothing"
    assert aos("build", counter, "--force-build", "--quiet").err == ""


def test_on_a_terminal_one_line_shows_what_is_compiled(counter: Path, rust: Toolchain) -> None:
    pexpect = pytest.importorskip("pexpect")
    edit(counter, "+= 1;", "+= true;")
    child = pexpect.spawn(
        sys.executable, ["-m", "aos_core.cli.main", "build", str(counter)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        encoding="utf-8", timeout=200, dimensions=(24, 120),
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", child.before)
    assert re.search(rf"{NAME}  starting the compiler 0:00:\d\d", said)
    assert re.search(rf"{NAME}  compiling counter v[\d.]+ 0:00:\d\d", said)
    assert "the trait `AddAssign<bool>` is not implemented" in said
    assert child.exitstatus == 2


def test_a_build_that_is_asked_to_end_leaves_nothing_half_made(
    counter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the library is built: a compiler that never comes to an end stands for a slow one."""
    tools, cache = tmp_path / "tools", tmp_path / "cache"
    (tools / "lib/rustlib/src/rust/library/vendor").mkdir(parents=True)
    begun = tmp_path / "begun"
    for name, code in (
        ("rustc", f'[ "$1" = -vV ] && echo "rustc 9" || echo {tools}'),
        ("cargo", f"echo '   Compiling core v0.0.0' >&2; touch {begun}; exec sleep 600"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{code}\n")
        (tools / name).chmod(0o755)
    code = (
        "from pathlib import Path; from aos_core.build import toolchain as of;"
        "from aos_core.cli.main import run;"
        f"tools = of.Toolchain(Path('{tools}/rustc'), 'rustc 9', None,"
        f" Path('{tools}/lib/rustlib/src/rust/library'), Path('/bin/true'));"
        "of.toolchains = lambda: [tools]; run()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, "build", str(counter)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while not begun.exists():
            assert child.poll() is None and time.monotonic() < end, "the build has not begun"
            time.sleep(0.02)
        assert [of for of in (cache / "aos").iterdir() if of.suffix == ".tmp"]
        os.killpg(child.pid, signal.SIGTERM)
        _, said = child.communicate(timeout=30)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    assert "standard library: 1 of about 20, core" in said and "Traceback" not in said
    assert [of.suffix for of in (cache / "aos").iterdir()] == [".lock"]


def test_the_log_says_what_was_hit_and_missed(counter: Path, rust: Toolchain) -> None:
    def log() -> str:
        return subprocess.run(
            [sys.executable, "-m", "aos_core.cli.main", "build", counter],
            env={**os.environ, "AOS_LOG": "debug", "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True, timeout=100,
        ).stderr  # fmt: skip

    first = log()
    assert "aos.build: counter: missed, nothing was built from sources" in first
    assert "aos.build: cargo build --locked" in first
    assert "aos.wasm: compiled code missed" in first
    second = log()
    assert "aos.build: counter: hit" in second
    assert "missed" not in second


# ---- doctor


def states(aos: Aos, *args: object) -> tuple[int, dict[str, str]]:
    done = aos("doctor", *args, "--json")
    assert set(done.json) == {"ok", "checks"}
    assert all(set(of) == {"name", "state", "found", "hint"} for of in done.json["checks"])
    assert done.json["ok"] == (done.code == 0)
    return done.code, {of["name"]: of["state"] for of in done.json["checks"]}


def test_doctor_looks_at_the_machine(aos: Aos) -> None:
    code, found = states(aos)
    assert code == 0
    assert {"python", "wasmtime", "textual", "reducers", "text", "terminal", "data"} <= set(found)


def test_doctor_says_how_to_get_a_compiler(aos: Aos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aos_core.build.toolchain.toolchains", list)
    done = aos("doctor", "--json")
    (lacking,) = [of for of in done.json["checks"] if of["name"] == "reducers"]
    assert (done.code, lacking["state"]) == (0, "warning")
    assert "rustup target add wasm32-unknown-unknown" in lacking["hint"]
    assert "what to do: run `rustup target add" in aos("doctor").out


def test_doctor_looks_at_a_world(counter: Path, stranger: Path, aos: Aos, rust: Toolchain) -> None:
    code, found = states(aos, counter)
    assert (code, found[NAME]) == (1, "error")
    assert "trust" not in found
    assert states(aos, stranger)[1]["trust"] == "warning"
    assert aos("build", counter).code == 0
    code, found = states(aos, counter)
    assert (code, found[NAME], found["world"]) == (0, "ok", "ok")
    assert aos("doctor", tmp_name(counter)).code == 2


def tmp_name(world: Path) -> str:
    return str(world / "no-such-world")
