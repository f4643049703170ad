"""Compile once: a turn reads no definition as JSON, parses nothing and compiles nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aos_core.air import codec, expr, literals, nodes, schemas, types
from aos_core.air.load import Catalog
from aos_core.air.nodes import DefPlan
from aos_core.kernel import plans
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.worlds.apiary import PATH
from tests.worlds.test_apiary import play, proven

COMPILERS = (
    (json, "loads"), (json, "dumps"), (expr, "parse"), (expr, "is_expr"), (literals, "literal"),
    (literals, "stored"), (literals, "fold"), (literals, "runtime"), (types, "parse_type"),
    (nodes, "parse_node"), (nodes, "node_bytes"), (schemas.Schemas, "compile"),
    (codec.RecordCodec, "__init__"),
)  # fmt: skip


class Interpreted(AssertionError):
    pass


class Authored(dict[str, Any]):
    """JSON of a definition that nobody may look at any more."""

    def _no(self, *_: Any) -> Any:
        raise Interpreted("a turn looks at the JSON of a definition")

    __getitem__ = __iter__ = __contains__ = __len__ = get = items = keys = values = _no


@pytest.fixture(name="world")
def opened() -> Iterator[World]:
    with World.open(PATH, memory=True) as world:
        yield world


def forbid(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that compiles may be called, and no JSON in a plan be read, from now on."""

    def called(*_: Any, **__: Any) -> Any:
        raise Interpreted("a turn compiles something")

    for owner, name in COMPILERS:
        monkeypatch.setattr(owner, name, called)
    plans: list[DefPlan] = catalog.all(DefPlan)
    for plan in plans:
        for step in plan.steps:
            object.__setattr__(step, "args", Authored())
        for edge in plan.edges:
            object.__setattr__(edge, "when", Authored())
        object.__setattr__(plan, "invariants", (Authored(),))


def test_a_whole_season_interprets_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(world.program.catalog, monkeypatch)
    play(world, lambda ready: ready[0])
    assert proven(world)


@pytest.mark.parametrize("what", ["compiles", "reads"])
def test_canary_a_turn_that_interprets_is_caught(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    ready = plans.ready

    def interpreting(plan: Any, *more: Any) -> Any:
        if what == "compiles":
            expr.parse({"nat": 1})
        return ready(plan, *more) if what == "compiles" else plan.node.steps[0].args["expr"]

    forbid(world.program.catalog, monkeypatch)
    monkeypatch.setattr(plans, "ready", interpreting)
    with pytest.raises(Interpreted):
        play(world, lambda ready: ready[0])
