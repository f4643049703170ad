"""Scenarios written from journals whose modules were replaced, and of those that diverge."""

from __future__ import annotations

import tomllib
from pathlib import Path

from aos_core import canon
from aos_core.hosts import SimulatedHost
from aos_core.scenario import run_scenario
from aos_core.scenario_text import write_scenario
from aos_core.scenario_writer import reproduction, save, scenario_of
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import module
from tests.support import (
    EVENT,
    REDUCER,
    answering,
    log,
    patch_reducer,
    release_all,
    start,
    tiny_world,
)
from tests.written import inputs, play, steps, unwrapped

# -- replaced modules -------------------------------------------------------------------------


def swapped(world: Path) -> World:
    """A session in which other wasm was put in force; the files on disk are the first again."""
    wasm = (world / "modules/Aggregator.wasm").read_bytes()
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    opened.swap(wasm={REDUCER: wasm.replace(b"fetch_c", b"fetch_C")})
    opened.fire(EVENT, start())
    release_all(opened)
    return opened


def test_a_swapped_module_is_saved_beside_the_scenario(world: Path) -> None:
    opened = swapped(world)
    save(opened, world / "scenarios/swapped.toml", scenario_of(opened))
    run = run_scenario(world, "swapped", memory=True)
    assert run.ok and run.world.root == opened.root
    assert list(run.world.records) == list(opened.records)
    path = steps((world / "scenarios/swapped.toml").read_text())[1]["swap"]
    assert canon.sha256((world / path).read_bytes()).hex() in path


def test_modules_swapped_one_after_the_other_stay_swapped(tmp_path: Path) -> None:
    reducers = [f"demo/{name}@1" for name in "RS"]
    path = tiny_world(
        tmp_path / "tiny",
        *(module(name, "demo/Go@1") for name in reducers),
        wasm={name: answering({"state": b"\x01"}) for name in "RS"},
        routes=[("demo/Go@1", name) for name in reducers],
    )
    opened = World.open(path, memory=True)
    later = {name: answering({"state": b"\x02"}) for name in reducers}
    opened.swap(wasm={reducers[0]: later[reducers[0]]})
    opened.swap(wasm=later)
    opened.fire("demo/Go@1", {"who": "a", "n": 1})
    save(opened, path / "scenarios/swapped.toml", scenario_of(opened))
    run = run_scenario(path, "swapped", memory=True)
    assert run.ok and list(run.world.records) == list(opened.records)
    assert [list(of["swap"]) for of in steps(scenario_of(opened))[:2]] == [reducers[:1], reducers]


def test_a_swap_that_no_step_can_say_is_told(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    config = (world / "world.toml").read_text()
    (world / "world.toml").write_text(config + "\n[limits]\ntasks = 99\n")
    opened.swap()
    text = unwrapped(scenario_of(opened))
    assert "No step can repeat this" in text and "settings of world.toml" in text
    assert len(steps(text)) == 1
    play(world, text, tmp_path)


def test_a_module_whose_definition_changed_is_no_swap(tmp_path: Path) -> None:
    path, wasm = tmp_path / "tiny", {"R": answering({"state": b"\x01"})}
    routes = [("demo/Go@1", "demo/R@1")]
    tiny_world(path, module("demo/R@1", "demo/Go@1"), wasm=wasm, routes=routes)
    opened = World.open(path, memory=True)
    emits = module("demo/R@1", "demo/Go@1", emits=["timer.set"])
    tiny_world(path, emits, wasm={"R": answering({"state": b"\x02"})}, routes=routes)
    opened.swap()
    header, *frames = opened.frames
    text = unwrapped(write_scenario("x", header, frames, opened.program_of, opened.history))
    assert "more than modules was replaced, which a swap cannot say: demo/R@1" in text
    assert "steps" not in tomllib.loads(text) and "root" not in tomllib.loads(text)["expect"]


def test_where_the_disk_has_the_new_module_the_scenario_says_so(
    world: Path, tmp_path: Path
) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    patch_reducer(world, b"fetch_c", b"fetch_C")
    opened.swap()
    text = scenario_of(opened)
    assert "a fresh branch begins with another" in unwrapped(text)
    assert len(steps(text)) == 1
    play(world, text, tmp_path)


# -- reproductions ----------------------------------------------------------------------------


def forged(world: Path) -> World:
    """A journal whose second turn says what its code did not do, chained and summed up well."""
    from aos_core.frames import new_frame, pack

    with World.open(world, host=SimulatedHost()) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
        frames = list(opened.frames)
    made = frames[:2]
    for frame in frames[2:]:
        body = {**frame.body, "prev": made[-1].hash}
        if frame is frames[2]:
            records = [dict(record) for record in body["records"]]
            step = next(record for record in records if record["k"] == "plan_step")
            step["state"] = "failed"
            body["records"] = records
        made.append(new_frame(body, made[-1]))
    log(world).write_bytes(b"".join(pack(frame.payload) for frame in made))
    return World.open(world)


def test_a_reproduction_has_all_up_to_the_turn_that_diverged(world: Path) -> None:
    with forged(world) as opened:
        divergence = opened.verify().divergence
        assert divergence is not None
        text = reproduction(opened, divergence)
        bad = next(of for of in opened._journal.frames if of.height <= divergence.height
                   <= of.last_height)  # fmt: skip
        save(opened, world / "scenarios/reproduction.toml", text)
    plain = unwrapped(text)
    assert f"record {divergence.height} (plan_step) diverges" in plain
    assert "# field: state" in plain and '# expected: "failed"' in plain and "# found: " in plain
    assert "aos run WORLD --scenario reproduction" in plain
    assert len(steps(text)) == 2
    run = run_scenario(world, "reproduction", memory=True)
    assert inputs(run.world, sources=False)[-1] == dict(bad.body["input"])
    assert run.ok, "the records alone were forged, so the root is what it says"


def test_a_reproduction_fails_where_the_journal_has_another_root(world: Path) -> None:
    from aos_core.frames import new_frame, pack

    with World.open(world, host=SimulatedHost()) as opened:
        opened.fire(EVENT, start())
        header, frame = opened.frames
    bad = new_frame({**frame.body, "root": bytes(32)}, header)
    log(world).write_bytes(pack(header.payload) + pack(bad.payload))
    with World.open(world) as opened:
        divergence = opened.verify().divergence
        assert divergence is not None
        save(opened, world / "scenarios/x.toml", reproduction(opened, divergence, "x"))
    run = run_scenario(world, "x", memory=True)
    failed = [of.text for of in run.expectations if not of.ok]
    assert failed == [f"at the end: root sha256:{'0' * 64}; found {canon.hash_text(frame.root)}"]
