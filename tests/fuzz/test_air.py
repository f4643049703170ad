"""Malformed AIR: every problem typed and placed, or a world that runs, ends and replays."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from aos_core.adapters.prepared import zero_payload
from aos_core.adapters.receipt import Receipt
from aos_core.air import load
from aos_core.air.check import require_sound
from aos_core.air.load import load_files
from aos_core.errors import AosError, CheckFailed
from aos_core.files import WorldFiles
from aos_core.kernel.program import compile_program
from aos_core.kernel.turn import Turn
from aos_core.problems import Problem
from aos_core.view import Pending
from aos_core.world import World
from tests.air.checked_worlds import FILES, sound, wasm_hash
from tests.fixtures import compiled_once  # noqa: F401
from tests.fuzz.harness import attack, refused_or_replays
from tests.fuzz.mutations import cut, damaged, deep, mutated, words_of
from tests.support import EXAMPLE, answering
from tests.worlds.apiary import PATH

Files = dict[str, Any]


def files_of(world: Path) -> Files:
    """The AIR of a world, by path."""
    return {name: json.loads(text) for name, text in WorldFiles.read(world).texts.items()}


def checked_files() -> Files:
    """The world of the tests of ``check``."""
    nodes = sound()
    rest = [of for name, of in nodes.items() if name not in FILES]
    return {FILES[name]: nodes[name] for name in FILES} | {"defs/all.json": rest}


WORLDS = {
    "checked": checked_files(),
    "apiary": files_of(PATH),
    **{path.name: files_of(path) for path in sorted(EXAMPLE.parent.glob("[0-9]*-*"))},
}
WORDS = words_of(
    list(WORLDS.values()), "add", "hash", "@event", "@plan.input", "@step:", "when", "bytes_b64",
    "sys/TimerFired@1", "sys/x@1", "a/b@0", "a/b@01", "@", "$tag", "$comment",
)  # fmt: skip
names = st.sampled_from(sorted(WORLDS))
malformed = names.flatmap(lambda name: mutated(WORLDS[name], WORDS))
nearly_right = names.flatmap(lambda name: mutated(WORLDS[name], WORDS, most=1))


def read(texts: dict[str, str]) -> str:
    """``refused`` with typed problems and their places; or ``clean``, and then it compiles."""
    try:
        catalog = load_files(texts, wasm_hash)
        require_sound(catalog)
    except CheckFailed as failed:
        assert failed.problems
        for problem in failed.problems:
            assert isinstance(problem, Problem) and problem.message and problem.code
            assert problem.code in WHOLE_WORLD or (problem.file and problem.path), problem
        return "refused"
    assert load_files(texts, wasm_hash).manifest_hash == catalog.manifest_hash
    compile_program(catalog)
    return "clean"


WHOLE_WORLD = ("no_manifest",)
"""Problems of no file in particular."""


def as_texts(files: Files) -> dict[str, str]:
    return {name: json.dumps(document) for name, document in files.items()}


def test_malformed_air_is_refused_with_places_or_compiles() -> None:
    seen: Counter[str] = Counter()
    attack(malformed, lambda files: seen.update([read(as_texts(files))]), 60)
    assert min(seen["refused"], seen["clean"]) > 1, seen  # else this would prove nothing


# -- text ---------------------------------------------------------------------------------------

TEXTS = {name: as_texts(files) for name, files in WORLDS.items()}


@st.composite
def garbled(draw: st.DrawFn) -> dict[str, str]:
    """The files of a world, the bytes of one of them damaged."""
    texts = dict(TEXTS[draw(st.sampled_from(sorted(TEXTS)))])
    name = draw(st.sampled_from(sorted(texts)))
    texts[name] = draw(damaged([texts[name].encode()])).decode(errors="surrogateescape")
    return texts


def test_garbled_json_is_refused_with_places_or_compiles() -> None:
    attack(garbled(), read, 60)


def test_a_definition_cut_at_every_byte_is_refused() -> None:
    nodes = sound()
    ask = json.dumps(nodes.pop("ask")).encode()
    files = {FILES[name]: nodes[name] for name in FILES}
    rest = as_texts({**files, "defs/rest.json": [nodes[of] for of in nodes if of not in FILES]})
    assert read({**rest, "defs/ask.json": ask.decode()}) == "clean"
    for data in cut(ask):
        assert read({**rest, "defs/ask.json": data.decode(errors="replace")}) == "refused"


@pytest.mark.parametrize(
    "text",
    {
        "nested too deep": "[" * 100_000,
        "objects nested too deep": '{"a":' * 50_000,
        "a number of a million digits": "1" * 1_000_000,
        "a float beyond range": "1e400000",
        "not a number": "NaN",
        "a key twice": '{"$kind": "defschema", "$kind": "defschema"}',
        "a key twice, deep": '[{"a": {"b": 1, "b": 1}}]',
        "half a character": '{"$kind": "defschema", "name": "a/\\ud800@1", "type": {"nat": {}}}',
        "a null byte": '{"$kind": "\\u0000"}',
        "a type nested too deep": json.dumps(
            {"$kind": "defschema", "name": "a/b@1", "type": deep(150, {"nat": {}})}
        ),
        "something after the end": "{} {}",
        "a byte order mark": "\ufeff{}",
    }.items(),
    ids=lambda item: item[0],
)
def test_text_bombs_are_refused(text: tuple[str, str]) -> None:
    files = {**as_texts(checked_files()), "defs/bomb.json": text[1]}
    assert read(files) == "refused"


def chain(length: int, last: str) -> list[dict[str, Any]]:
    """Schemas that refer to one another in a row, the last one to ``last``."""
    names = [f"demo/Link{n}@1" for n in range(length)] + [last]
    return [
        {"$kind": "defschema", "name": name, "type": {"list": {"ref": names[at + 1]}}}
        for at, name in enumerate(names[:-1])
    ]


@pytest.mark.parametrize("length", [1, 2, 30, 200])
def test_cyclic_schemas_are_refused(length: int) -> None:
    assert read(_with(chain(length, "demo/Link0@1"))) == "refused"


def test_a_chain_of_schemas_is_fine_until_it_is_too_long() -> None:
    assert read(_with(chain(30, "demo/Nat@1"))) == "clean"
    assert read(_with(chain(200, "demo/Nat@1"))) == "refused"


def test_schemas_that_double_with_every_reference_are_refused() -> None:
    names = [f"demo/Pair{n}@1" for n in range(40)] + ["demo/Nat@1"]
    pairs = [
        {"$kind": "defschema", "name": name,
         "type": {"record": {side: {"ref": names[at + 1]} for side in "lr"}}}
        for at, name in enumerate(names[:-1])
    ]  # fmt: skip
    assert read(_with(pairs)) == "refused"


def _with(nodes: list[dict[str, Any]]) -> dict[str, str]:
    """The checked world with more schemas, listed."""
    files = checked_files()
    manifest = files["air/manifest.json"]
    manifest["schemas"] += [{"name": node["name"]} for node in nodes]
    return as_texts({**files, "defs/more.json": nodes})


# -- running ------------------------------------------------------------------------------------

CONFIG = """name = "fuzzed"
[limits]
fuel = 1_000_000
tasks = 100
[checks]
state_schema = "off"
"""
ANSWER = answering({"state": b"\x00"})


def runs(root: Path, files: Files) -> str:
    """Open the world, fire the zero value of every event, answer all that is asked for with zero
    values; each input is refused, or the turn ends and replays."""
    for old in root.rglob("*.json"):
        old.unlink()
    for name, text in as_texts(files).items():
        if not name.endswith(".json"):  # a mutation may rename a file; a world does not read this
            continue
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    try:
        world = World.open(root, memory=True)
    except AosError as error:
        assert error.message and error.code
        return "refused"
    with world:
        events = {*world.program.targets, *world.program.triggers, *_awaited(world)}
        for schema in sorted(events):
            refused_or_replays(world, partial(_fire_zero, schema))
        for item in world.pending[:6]:
            refused_or_replays(world, methodcaller("deliver", _zero(item)))
    return "ran"


def _awaited(world: World) -> set[str]:
    plans = world.program.plans.values()
    return {step.schema.name for plan in plans for step in plan.steps.values()
            if step.op == "await_event" and step.schema is not None}  # fmt: skip


def _zero(item: Pending) -> Receipt:
    return Receipt(item.intent.hash, "ok", zero_payload(item.intent, item.schema))


def _fire_zero(schema: str, world: World) -> Turn:
    of = world.program.schemas[schema]
    return world.fire(schema, of.to_host(of.zero()))


@pytest.fixture(name="root")
def place(tmp_path: Path) -> Path:
    """A world without AIR, with wasm for every module of the worlds above."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "world.toml").write_text(CONFIG)
    for files in WORLDS.values():
        for node in (
            of for file in files.values() for of in (file if isinstance(file, list) else [file])
        ):
            if node["$kind"] == "defmodule":
                local = node["name"].partition("/")[2].partition("@")[0]
                (tmp_path / f"modules/{local}.wasm").write_bytes(ANSWER)
    return tmp_path


@pytest.mark.parametrize("name", WORLDS)
def test_the_unchanged_worlds_run(root: Path, name: str) -> None:
    assert runs(root, WORLDS[name]) == "ran"


def test_malformed_worlds_are_refused_or_run_and_replay(root: Path) -> None:
    seen: Counter[str] = Counter()
    attack(nearly_right, lambda files: seen.update([runs(root, files)]), 40)
    assert min(seen["refused"], seen["ran"]) > 1, seen


# -- canaries -----------------------------------------------------------------------------------


def test_canary_a_loader_that_takes_any_name_fails_the_same_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load._Collector, "error", lambda *_: None)
    with pytest.raises((KeyError, ValueError, TypeError, AosError)) as failed:
        attack(malformed, lambda files: read(as_texts(files)), 250, shrink=False)
    assert not isinstance(failed.value, CheckFailed)


def test_canary_a_reader_without_limits_fails_the_same_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load, "parse_json", json.loads)
    with pytest.raises((ValueError, AosError)):
        attack(garbled(), read, 150, shrink=False)
