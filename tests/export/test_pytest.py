"""A session exported as a test: of a bug it fails, and passes once the reducer is mended."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aos_core.errors import AosError, UsageError
from aos_core.export import export_pytest
from aos_core.export.pytest import Draft
from aos_core.export.pytest import test_text as text_of
from aos_core.export.run_once import Outcome
from aos_core.export.run_once import run_test as run
from aos_core.frames import new_frame, pack
from aos_core.hosts import SimulatedHost
from aos_core.scenario import Run
from aos_core.scenario_file import Scenario
from aos_core.testing import play
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import module
from tests.support import (
    EVENT,
    TRAPS,
    answering,
    log,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)

R = "demo/R@1"
GO: dict[str, Any] = {"who": "a", "n": 1}


def counting(to: Path, wasm: bytes) -> Path:
    """A world of one reducer, whose state is a number."""
    nodes = [module(R, "demo/Go@1", "demo/Nat@1")]
    return tiny_world(to, *nodes, wasm={"R": wasm}, routes=[("demo/Go@1", R)])


def says(number: int) -> bytes:
    """A reducer whose state is ``number`` whatever comes."""
    return answering({"state": bytes([number])})


def mend(world: Path, wasm: bytes) -> None:
    (world / "modules/R.wasm").write_bytes(wasm)


def verdict(world: Path, file: Path) -> Outcome:
    """How the test of a file ends, here: a process for each would take its while."""
    names: dict[str, Any] = {}
    exec(file.read_text("utf-8"), names)
    (test,) = (of for name, of in names.items() if name.startswith("test_"))
    runs: list[Run] = []

    def played(scenario: Scenario) -> Run:
        runs.append(play(world, scenario))
        return runs[-1]

    try:
        test(played)
    except AssertionError as error:
        return Outcome(False, str(error))
    return Outcome(True, "")


def files_in(world: Path) -> set[str]:
    found = {of.relative_to(world).as_posix() for of in world.rglob("*") if of.is_file()}
    return {of for of in found if not of.startswith(".aos/")}


# -- sound sessions ---------------------------------------------------------------------------


def test_of_a_sound_session_it_passes_and_fails_on_another_end(world: Path) -> None:
    opened, file = World.open(world, memory=True), world / "tests/test_it.py"
    opened.fire(EVENT, start())
    release_all(opened, 3, 1, 2)
    before = files_in(world)
    tested = export_pytest(opened, file)
    assert (tested.passes, tested.why) == (
        True, f"it passes: it ends as branch main at height {opened.height}"
    )  # fmt: skip
    assert files_in(world) == before | {"tests/test_it.py"}, "the trial run leaves nothing"
    text = file.read_text("utf-8")
    assert "aos_world" not in text, "the world around it is its own"
    for kind in ("[expect.state.", "effects = [", "plans = [", "assert_root("):
        assert kind in text
    file.write_text(text.replace("last_statuses = [202", "last_statuses = [203"), "utf-8")
    changed = verdict(world, file)
    assert not changed.passed and "last_statuses" in changed.message
    file.write_text(text.replace('api/b", method = "GET", count = 1', 'api/b", count = 2'), "utf-8")
    assert "2 times" in verdict(world, file).message
    root = text.index('ROOT = "sha256:') + len('ROOT = "sha256:')
    file.write_text(f"{text[:root]}{'0' * 64}{text[root + 64 :]}", "utf-8")
    assert "the root is sha256:" in verdict(world, file).message


def test_elsewhere_it_names_its_world(world: Path, tmp_path: Path) -> None:
    opened, file = World.open(world, memory=True), tmp_path / "elsewhere/test_it.py"
    opened.fire(EVENT, start())
    assert export_pytest(opened, file).passes
    assert 'pytestmark = pytest.mark.aos_world("../world")' in file.read_text("utf-8")


def test_rebuilt_code_that_does_something_else_fails_it(world: Path) -> None:
    opened, file = World.open(world, memory=True), world / "tests/test_it.py"
    opened.fire(EVENT, start())
    patch_reducer(world, b"fetch_a", b"fetch_z")
    tested = export_pytest(opened, file)
    assert not tested.passes
    assert "fetch_z" in tested.why and "the files on disk are others" in tested.why
    patch_reducer(world, b"fetch_z", b"fetch_a")
    assert verdict(world, file).passed


# -- bugs -------------------------------------------------------------------------------------


def test_a_fault(tmp_path: Path) -> None:
    world = counting(tmp_path / "w", TRAPS)
    opened, file = World.open(world, memory=True), world / "tests/test_fault.py"
    opened.fire("demo/Go@1", GO)
    opened.fire("demo/Go@1", GO)
    tested = export_pytest(opened, file)
    assert not tested.passes
    assert tested.why.startswith("it fails, as it should until that is mended: the turn of record")
    assert file.read_text("utf-8").count("[[steps]]") == 1, "it ends with the first fault"
    mend(world, says(1))
    assert run(file).passed
    mend(world, TRAPS)
    assert not verdict(world, file).passed


def test_before_a_fault_nothing_is_wrong(tmp_path: Path) -> None:
    world = counting(tmp_path / "w", says(1))
    opened = World.open(world, memory=True)
    opened.fire("demo/Go@1", GO)
    sound = opened.height
    opened.swap(wasm={R: TRAPS})
    opened.fire("demo/Go@1", GO)
    assert export_pytest(opened, world / "tests/test_before.py", sound).passes


AT_MOST_ONE = '{"op": "le", "args": [{"ref": "@state:demo/R@1"}, {"nat": 1}]}'


def test_a_property(tmp_path: Path) -> None:
    world = counting(tmp_path / "w", says(2))
    opened, file = World.open(world, memory=True), world / "tests/test_property.py"
    for _ in range(3):
        opened.fire("demo/Go@1", GO)
    tested = export_pytest(opened, file, property=AT_MOST_ONE)
    assert not tested.passes and "the property fails at record 2" in tested.why
    text = file.read_text("utf-8")
    assert text.count("[[steps]]") == 1 and "state." not in text.split("SCENARIO")[1]
    mend(world, says(1))
    assert verdict(world, file).passed


def test_a_property_that_holds_is_asserted_of_the_end(tmp_path: Path) -> None:
    world = counting(tmp_path / "w", says(1))
    opened, file = World.open(world, memory=True), world / "tests/test_property.py"
    opened.fire("demo/Go@1", GO)
    assert export_pytest(opened, file, property=AT_MOST_ONE).passes
    mend(world, says(2))
    assert not verdict(world, file).passed
    with pytest.raises(UsageError, match="no JSON"):
        export_pytest(opened, file, property="{", force=True)


def test_a_divergence(tmp_path: Path) -> None:
    """The journal has what the sound reducer does, and names the other one."""
    world, good = counting(tmp_path / "w", says(7)), counting(tmp_path / "good", says(1))
    for path in (world, good):
        with World.open(path, host=SimulatedHost()) as opened:
            opened.fire("demo/Go@1", GO)
            opened.fire("demo/Go@1", GO)
            frames = list(opened.frames)
            if path is world:
                header = frames[0]
    made = [header]
    for frame in frames[1:]:
        made.append(new_frame({**frame.body, "prev": made[-1].hash}, made[-1]))
    log(world).write_bytes(b"".join(pack(frame.payload) for frame in made))
    file = world / "tests/test_divergence.py"
    with World.open(world) as opened:
        assert opened.verify().divergence is not None
        tested = export_pytest(opened, file)
    assert not tested.passes and "as in the journal" in tested.why
    assert "replay diverges" in file.read_text("utf-8")
    mend(world, says(1))
    assert verdict(world, file).passed
    mend(world, says(8))
    assert not verdict(world, file).passed


# -- the run before it is saved ---------------------------------------------------------------


def test_what_does_not_run_as_it_should_is_not_saved(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, file = World.open(world, memory=True), world / "tests/test_it.py"
    opened.fire(EVENT, start())
    before = files_in(world)

    def fails(_: Path) -> Outcome:
        return Outcome(False, "it is another world")

    monkeypatch.setattr("aos_core.export.run_once.run_test", fails)
    with pytest.raises(AosError, match=r"should pass, as it ends .* it is another world"):
        export_pytest(opened, file)
    assert files_in(world) == before


@pytest.mark.parametrize(
    "broken", ["import no_such_module", "def test_it(): 1 / 0", "x = 1", "def test_it(): exit()"]
)
def test_only_a_verdict_on_the_world_counts(broken: str, tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(broken, "utf-8")
    with pytest.raises(AosError, match="no verdict"):
        run(file)


def test_without_pytest_nothing_is_saved(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    opened = World.open(world, memory=True)
    with pytest.raises(UsageError, match="pytest is not installed here") as caught:
        export_pytest(opened, world / "tests/test_it.py")
    assert caught.value.code == "no_pytest"
    assert not (world / "tests/test_it.py").exists()


# -- hostile text -----------------------------------------------------------------------------

HOSTILE = ("'''\nimport os\n'''", '"""', "\\", "\\'''", "\u2028\x00\x85", "{0} %s", "'", "a\\")


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_world_says_is_text(text: str, tmp_path: Path) -> None:
    world = counting(tmp_path / "w", says(1))
    opened = World.open(world, memory=True)
    values = {"RECORDS": [{"k": text}], "ROOT": text}
    draft = Draft(f"# {text}\n", ("assert_last_turn(run.world, RECORDS)",), values, text, bug=True)
    tree = ast.parse(text_of(opened, tmp_path / f"{'x' * 3}'\n.py", draft))
    found = {
        of.targets[0].id: ast.literal_eval(of.value)
        for of in tree.body
        if isinstance(of, ast.Assign) and isinstance(of.targets[0], ast.Name)
        and of.targets[0].id != "pytestmark"
    }  # fmt: skip
    assert found == {**values, "SCENARIO": found["SCENARIO"]}
    assert found["SCENARIO"].strip("\n") == f"# {text}"
    assert _names(tree.body) == ["Import", "ImportFrom", "FunctionDef"]


def _names(body: Sequence[ast.stmt]) -> list[str]:
    return [type(of).__name__ for of in body if not isinstance(of, ast.Assign)]


def test_it_imports_what_authors_have(world: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    draft = Draft("", ("assert_no_fault(run.world)",), {}, "it ends", bug=False)
    tree = ast.parse(text_of(opened, Path("/elsewhere/test_it.py"), draft))
    modules = {of.module for of in tree.body if isinstance(of, ast.ImportFrom)}
    assert modules == {"aos_core.testing"}


def test_a_world_that_does_not_load_is_no_finding_and_leaves_nothing(world: Path) -> None:
    with World.open(world) as begun:
        begun.fire(EVENT, start())
    with World.open(world, write=False) as opened:
        (world / "modules/Aggregator.wasm").unlink()
        before = files_in(world)
        with pytest.raises(AosError, match="the world on disk does not load") as caught:
            export_pytest(opened, world / "deep/test_it.py")
    assert caught.value.code == "not_exported" and "no wasm" in caught.value.message
    assert files_in(world) == before and not (world / "deep").exists()
