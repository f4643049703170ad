"""``aos rehearse``: what it prints, how it exits, what it keeps and what it leaves alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from aos_core import canon
from aos_core.world import World
from tests.cli.conftest import START, START_JSON, Aos
from tests.kernel.worlds import module
from tests.support import EVENT, REDUCER, ROOT, TRAPS, copy_example, tiny_world

FIELDS = {
    "same", "diff", "changed", "records", "frames", "code", "left_out", "effects_lost",
    "effects_new", "effects_changed", "faults_new", "faults_gone", "refused", "counts", "height",
    "root",
}  # fmt: skip

HANDLES = "[fetch_a, fetch_b, fetch_c]"


@pytest.fixture
def wasm(world: Path, tmp_path: Path) -> Path:
    """The reducer, rebuilt: it calls one handle otherwise."""
    data = (world / "modules/Aggregator.wasm").read_bytes()
    assert data.count(b"fetch_a") == 1
    path = tmp_path / "new.wasm"
    path.write_bytes(data.replace(b"fetch_a", b"fetch_z"))
    return path


def test_the_same_code_changes_nothing(asked: Path, aos: Aos) -> None:
    done = aos("rehearse", asked, REDUCER, asked / "modules/Aggregator.wasm", "--json")
    assert (done.code, done.err) == (0, "")
    assert set(done.json) == FIELDS
    assert (done.json["same"], done.json["diff"]) == (True, [])
    people = aos("rehearse", asked, "--with-disk")
    assert (people.code, people.out) == (0, "✓ the same code changes nothing of 17 records\n")


def test_a_difference_is_named_for_programs_and_people(asked: Path, wasm: Path, aos: Aos) -> None:
    done = aos("rehearse", asked, REDUCER, wasm, "--json")
    assert (done.code, set(done.json)) == (1, FIELDS | {"first_difference", "found_at"})
    first = done.json["first_difference"]
    assert (first["height"], first["reducer"], first["field"]) == (
        2, REDUCER, "pending.1.handles.0",
    )  # fmt: skip
    assert (first["expected"], first["found"]) == ("fetch_a", "fetch_z")
    assert (done.json["changed"], done.json["records"]) == (1, 17)
    (change,) = done.json["diff"]
    assert change["path"] == f"{REDUCER}.pending.1.handles"
    assert aos("branches", asked, "--json").json[0]["name"] == "main"
    assert len(aos("branches", asked, "--json").json) == 1, "nothing was written"
    people = aos("rehearse", asked, REDUCER, wasm)
    assert people.code == 1
    assert people.out.splitlines() == [
        f"∆ {REDUCER} changes 1 of 17 records",
        "first difference at record 2 (step)",
        f"  reducer  {REDUCER}",
        "  field    pending.1.handles.0",
        "  expected fetch_a",
        "  found    fetch_z",
        "the states at the end differ in 1 place",
        f"  {REDUCER}.pending.1.handles: {HANDLES} -> {HANDLES.replace('_a', '_z')}",
    ]


def test_what_is_kept_is_a_branch_that_verifies(asked: Path, wasm: Path, aos: Aos) -> None:
    before = aos("verify", asked, "--json").json["head"]
    done = aos("rehearse", asked, REDUCER, wasm, "--keep")
    assert done.code == 1
    assert "kept as branch main+rehearsed" in done.out and "main is as it was" in done.out
    kept = aos("rehearse", asked, REDUCER, wasm, "--as", "mine", "--json").json
    assert kept["branch"] == "mine"
    verified = aos("verify", asked, "--branch", "mine", "--json").json
    assert verified["ok"] and (verified["head"], verified["root"]) == (kept["head"], kept["root"])
    assert aos("verify", asked, "--json").json["head"] == before
    assert aos("diff", asked, "main", "mine", "--json").code in (0, 1)
    again = aos("rehearse", asked, REDUCER, wasm, "--as", "mine", "--json")
    assert (again.code, again.error["code"]) == (2, "branch_exists")


def test_effects_that_are_new_are_answered_as_asked(world: Path, aos: Aos) -> None:
    """The history ran with a reducer that faulted; now it asks for three requests."""
    good = world / "good.wasm"
    good.write_bytes((world / "modules/Aggregator.wasm").read_bytes())
    (world / "modules/Aggregator.wasm").write_bytes(TRAPS)
    assert aos("fire", world, EVENT, START_JSON).code == 1
    pending = aos("rehearse", world, REDUCER, good, "--json").json
    assert [of["answer"] for of in pending["effects_new"]] == [None] * 3
    assert [of["code"] for of in pending["faults_gone"]] == ["trap"]
    told = aos("rehearse", world, REDUCER, good, "--answer", "scenario=basic")
    assert "effects asked for only now: 3" in told.out
    assert "GET https://example.com/api/a; answered at 17" in told.out
    bad = aos("rehearse", world, REDUCER, good, "--answer", "nobody", "--json")
    assert bad.code == 2 and "scenario=basic" in bad.error["hint"]


def asking(q: str) -> str:
    """A reducer as WebAssembly text: it asks for ``q`` whenever it is called."""
    params = canon.encode({"q": q})
    effect = {"kind": "demo.ask", "params": params, "cap_slot": "default"}
    output = canon.encode_plain({"state": b"\xf6", "effects": [effect]})
    text = "".join(f"\\{byte:02x}" for byte in output)
    return f"""(module (memory (export "memory") 1) (data (i32.const 0) "{text}")
        (func (export "alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "step") (param i32 i32) (result i32 i32)
            (i32.const 0) (i32.const {len(output)})))"""


def test_effects_that_are_asked_for_otherwise_are_told_or_strictly_others(
    tmp_path: Path, aos: Aos
) -> None:
    world = tiny_world(
        tmp_path / "asks",
        module("demo/R@1", "demo/Go@1", emits=["demo.ask"], slots={"default": "demo.ask"}),
        wasm={"R": bytes(wat2wasm(asking("old")))},
        routes=[("demo/Go@1", "demo/R@1")],
        bindings={"demo/R@1": {"default": "asks"}},
    )
    (tmp_path / "new.wat").write_text(asking("new"), "utf-8")
    assert aos("fire", world, "demo/Go@1", '{"who": "a", "n": 1}').code == 0
    assert aos("release", world, 1, "--receipt", '{"payload": {"n": 1, "note": null}}').code == 0
    done = aos("rehearse", world, "demo/R@1", tmp_path / "new.wat")
    assert done.code == 1
    assert (
        "effects asked for otherwise: 1\n  record 4: demo.ask q old -> demo.ask q new\n" in done.out
    )
    strict = aos("rehearse", world, "demo/R@1", tmp_path / "new.wat", "--strict")
    assert (
        "effects not asked for any more: 1\n  record 4: demo.ask q old; receipt 5\n" in strict.out
    )
    assert "effects asked for only now: 1\n  record 4: demo.ask q new; pending\n" in strict.out


def test_over_a_folder_one_line_each(asked: Path, wasm: Path, tmp_path: Path, aos: Aos) -> None:
    many = tmp_path / "many"
    for name in ("one", "two"):
        copy = copy_example(many / name)
        assert aos("fire", copy, EVENT, START_JSON).code == 0
    with World.open(many / "two") as world:
        world.fire(EVENT, START)
    done = aos("rehearse", asked, REDUCER, wasm, "--over", many)
    assert done.code == 1
    first = f"first record 2 (step): {REDUCER} pending.1.handles.0: expected fetch_a, found fetch_z"
    assert done.out.splitlines() == [
        f"∆ one main: changes 1 of 17; {first}",
        f"∆ two main: changes 2 of 33; {first}",
    ]
    told = aos("rehearse", asked, REDUCER, wasm, "--over", many, "--json").json
    assert [(Path(of["world"]).name, of["branch"], of["changed"]) for of in told] == [
        ("one", "main", 1),
        ("two", "main", 2),
    ]
    same = aos("rehearse", asked, "--with-disk", "--over", many)
    assert (same.code, same.out.splitlines()[0]) == (0, "✓ one main: changes nothing of 17")


@pytest.mark.parametrize(
    "args",
    [(), (REDUCER,), (REDUCER, "{wasm}", "--with-disk"), ("demo/No@1", "{wasm}"),
     (REDUCER, "missing.wasm"), (REDUCER, "{wasm}", "--keep", "--over", ".")],
)  # fmt: skip
def test_what_it_cannot_do_is_said(
    asked: Path, wasm: Path, aos: Aos, args: tuple[str, ...]
) -> None:
    given = [of.format(wasm=wasm) for of in args]
    done = aos("rehearse", asked, *given, "--json")
    assert done.code == 2 and done.error["message"]


def test_progress_as_json_lines(asked: Path, wasm: Path, aos: Aos) -> None:
    done = aos("rehearse", asked, REDUCER, wasm, "--json", "--progress-json")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert lines[-1] == {"progress": {"what": "rehearsing", "done": 1, "total": 1}}
    assert done.json["changed"] == 1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(world: Path, wasm: Path, stop: signal.Signals) -> None:
    with World.open(world) as opened, opened.group():
        for _ in range(400):
            opened.fire(EVENT, START)
    command = [sys.executable, "-m", "aos_core.cli.main", "rehearse", str(world), REDUCER,
               str(wasm), "--as", "kept", "--progress-json", "--json"]  # fmt: skip
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stderr is not None
    while "rehearsing" not in child.stderr.readline():
        assert child.poll() is None
    child.send_signal(stop)
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert sorted(of.name for of in (world / ".aos/journal").glob("*.log")) == ["main.log"]
