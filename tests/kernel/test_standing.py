"""What stands is taken up from turn to turn, and nothing comes out otherwise for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aos_core import World
from aos_core.files import bundled_worlds
from aos_core.kernel import state as states
from aos_core.kernel.records import input_from_plain
from aos_core.kernel.state import Standing, State
from aos_core.kernel.turn import turn
from aos_core.replay import frame_payload
from tests.scenarios import finished

RUNGS = [
    (of.path, path.stem)
    for of in bundled_worlds()
    for path in sorted((of.path / "scenarios").glob("*.toml"))[:2]
]


def in_force(standing: Standing, state: State) -> tuple[object, object]:
    """What of an index counts: waits that are over may still be in it."""
    lines = {
        schema: [
            (place, id)
            for place, id in line
            if (of := state.plans.get(id)) and (of.listens_to, of.place) == (schema, place)
        ]
        for schema, line in standing.lines.items()
    }
    return {schema: line for schema, line in lines.items() if line}, dict(standing.asking)


def fresh(state: State) -> Standing:
    return Standing(state.plans, state.pending)


@pytest.mark.parametrize(("root", "scenario"), RUNGS, ids=[f"{r.name}-{s}" for r, s in RUNGS])
def test_turns_go_on_with_it_as_they_would_without(root: Path, scenario: str) -> None:
    with finished(root, scenario) as world:
        state, moment = world.travel.after(0)
        for frame in world.frames[1:]:
            if frame.is_header:
                continue
            input = input_from_plain(frame.body["input"])
            alone = turn(
                world.program_of, state._replace(standing=()), input, moment, world._modules
            )
            made = turn(world.program_of, state, input, moment, world._modules)
            prev = frame.prev or b""
            assert frame_payload(frame.height, prev, made) == frame.payload
            assert frame_payload(frame.height, prev, alone) == frame.payload
            if made.state.standing:
                (standing,) = made.state.standing
                assert in_force(standing, made.state) == in_force(fresh(made.state), made.state)
            state, moment = made.state, made.after


@pytest.fixture(name="waiting")
def world_with_plans() -> Iterator[World]:
    with World.open("04", memory=True) as world:
        assert world.scenario is not None
        fire = world.scenario.steps[0].value
        for _ in range(5):
            world.fire(fire["schema"], fire["value"])
        yield world


def test_nobody_looks_at_every_plan_again(waiting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    begin = Standing.__init__

    def counted(self: Standing, *parts: object) -> None:
        built.append(1)
        begin(self, *parts)  # type: ignore[arg-type]

    monkeypatch.setattr(states.Standing, "__init__", counted)
    assert waiting.scenario is not None
    fire = waiting.scenario.steps[0].value
    for _ in range(3):
        waiting.fire(fire["schema"], fire["value"])
    waiting.deliver(waiting.pending[0].answer())
    assert built == []


def test_a_state_of_the_past_can_be_gone_on_from_again_and_again(waiting: World) -> None:
    state, moment = waiting.travel.after(3)
    input = input_from_plain(waiting.frames[4].body["input"])
    payloads = {
        frame_payload(0, b"", turn(waiting.program_of, state, input, moment, waiting._modules))
        for _ in range(3)
    }
    assert len(payloads) == 1


def test_of_many_threads_one_takes_it(waiting: World) -> None:
    state = waiting.travel.after(4)[0]._replace(standing=[fresh(waiting.travel.after(4)[0])])
    taken: list[Standing | None] = []
    threads = [
        threading.Thread(target=lambda: taken.append(state.take_standing())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 8 and sum(of is not None for of in taken) == 1
