"""What forms show of types."""

from __future__ import annotations

from typing import Any

from aos_core.air.types import Type
from aos_core.world import World
from aos_tui.session.forms import event_choices, inlined
from tests.support import EVENT

TEXT: dict[str, Any] = {"text": {}}


class Named:
    """Stands for a type of a world: only its JSON is asked for."""

    def __init__(self, type_json: Any) -> None:
        self._json = type_json

    def to_json(self) -> Any:
        return self._json


def types(**named: Any) -> dict[str, Type]:
    return {f"demo/{name}@1": Named(of) for name, of in named.items()}  # type: ignore[misc]


def test_references_are_followed() -> None:
    known = types(A={"record": {"b": {"ref": "demo/B@1"}}}, B={"list": TEXT})
    assert inlined({"ref": "demo/A@1"}, known) == {"record": {"b": {"list": TEXT}}}


def test_a_field_or_an_arm_may_be_called_ref() -> None:
    for kind in ("record", "variant"):
        assert inlined({kind: {"ref": TEXT}}, {}) == {kind: {"ref": TEXT}}
        known = types(A=TEXT)
        assert inlined({kind: {"ref": {"ref": "demo/A@1"}}}, known) == {kind: {"ref": TEXT}}


def test_a_type_may_be_referred_to_twice() -> None:
    twice = {"record": {"a": {"ref": "demo/T@1"}, "b": {"ref": "demo/T@1"}}}
    assert inlined(twice, types(T=TEXT)) == {"record": {"a": TEXT, "b": TEXT}}


def test_events_begin_with_what_the_scenario_fires_else_with_zeroes() -> None:
    with World.open("04", memory=True) as world:
        assert world.scenario is not None
        fired = world.scenario.steps[0].value
        choices, initial = event_choices(world)
        assert (initial, {name: of for name, _, of in choices}[EVENT]) == (
            fired["schema"],
            fired["value"],
        )
        world.scenario = None
        for name, _, zeroes in event_choices(world)[0]:
            world.program.schemas[name].from_host(zeroes)
