"""A branch exported as a scenario: played before it is saved, and the same when it is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.errors import UsageError
from aos_core.export import export_scenario, proposed_file
from aos_core.files import bundled_worlds
from aos_core.scenario import run_scenario
from aos_core.scenario_file import parse_scenario
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.scenarios import finished as at_end
from tests.support import EVENT, REDUCER, patch_reducer, release_all, start

EVERY = [
    pytest.param(world.path, file.stem, id=f"{world.slug}-{file.stem}")
    for world in bundled_worlds()
    for file in sorted((world.path / "scenarios").glob("*.toml"))
]


@pytest.mark.parametrize(("path", "name"), EVERY)
def test_every_scenario_of_the_ladder_comes_back(path: Path, name: str, tmp_path: Path) -> None:
    with at_end(path, name) as played:
        assert export_scenario(played, tmp_path / "again.toml") == []
        root = played.root
    scenario = parse_scenario("again", (tmp_path / "again.toml").read_text("utf-8"))
    again = run_scenario(path, scenario, memory=True)
    with again.world:
        assert again.ok and again.world.root == root


def finished(world: Path) -> World:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    release_all(opened)
    return opened


def test_up_to_a_height_its_root_is_the_one_there(world: Path) -> None:
    opened, file = finished(world), world / "scenarios/half.toml"
    _, end = opened.turn_bounds(1)
    export_scenario(opened, file, end + 1)
    run = run_scenario(world, "half", memory=True)
    assert run.ok and run.world.height == end
    assert run.world.root == opened.at(end).root != opened.root


def test_what_plays_to_another_end_is_not_saved(world: Path) -> None:
    opened, file = finished(world), world / "scenarios/x.toml"
    patch_reducer(world, b"last_statuses", b"LAST_statuses")
    with pytest.raises(UsageError) as caught:
        export_scenario(opened, file)
    assert caught.value.code == "not_the_same"
    assert "the scenario does not end as branch main" in caught.value.message
    assert REDUCER in str(caught.value.hint)
    assert not file.exists()


def test_with_other_code_that_does_the_same_the_root_alone_is_another(world: Path) -> None:
    opened, file = finished(world), world / "scenarios/x.toml"
    wasm = world / "modules/Aggregator.wasm"
    wasm.write_bytes(wasm.read_bytes() + b"\x00\x02\x01x")  # a custom section, which does nothing
    (notice,) = export_scenario(opened, file)
    assert "not those that the branch runs" in notice
    run = run_scenario(world, "x", memory=True)
    assert run.ok and run.world.root != opened.root
    assert run.world.state(REDUCER) == opened.state(REDUCER)


def test_modules_are_saved_with_it_and_only_with_it(world: Path) -> None:
    wasm = (world / "modules/Aggregator.wasm").read_bytes()
    opened = World.open(world, memory=True)
    opened.swap(wasm={REDUCER: wasm.replace(b"fetch_c", b"fetch_C")})
    opened.fire(EVENT, start())
    before = set((world / "modules").iterdir())
    (world / "blocked").write_text("a file")
    with pytest.raises(UsageError, match="cannot be written"):
        export_scenario(opened, world / "blocked/x.toml")
    assert set((world / "modules").iterdir()) == before
    export_scenario(opened, world / "scenarios/x.toml")
    assert len(set((world / "modules").iterdir()) - before) == 1
    assert run_scenario(world, "x", memory=True).world.root == opened.root


def test_nothing_is_overwritten_unless_one_says_so(world: Path) -> None:
    opened, file = finished(world), world / "scenarios/basic.toml"
    before = file.read_bytes()
    with pytest.raises(UsageError, match=r"basic\.toml is there already") as caught:
        export_scenario(opened, file)
    assert caught.value.code == "file_exists" and "--force" in str(caught.value.hint)
    assert file.read_bytes() == before
    export_scenario(opened, file, force=True)
    assert file.read_bytes() != before
    with pytest.raises(UsageError, match="scenarios is a folder"):
        export_scenario(opened, file.parent, force=True)


def test_the_names_that_are_proposed(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = World.open(world, memory=True).files
    monkeypatch.chdir(world.parent)
    proposed = [proposed_file(files, form, "a+2,3", 7) for form in ("scenario", "pytest", "html")]
    assert [of.relative_to(world.parent).as_posix() for of in proposed] == [
        "world/scenarios/a+2,3-7.toml",
        "world/tests/test_a_2_3_7.py",
        "aggregator-a+2,3-7.html",
    ]
