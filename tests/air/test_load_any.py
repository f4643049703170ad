"""Whatever stands in a file, loading ends in a catalog or in problems."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aos_core.air.load import load_files
from aos_core.errors import CheckFailed
from tests.air.loading import SCHEMA, aggregator, files_of, load, no_wasm

WORDS = st.sampled_from(
    [
        "$kind",
        "name",
        "type",
        "steps",
        "edges",
        "schemas",
        "op",
        "id",
        "event",
        "value",
        "bind",
        "defaults",
        "cap_grants",
        "routing",
        "input",
        "record",
        "nat",
        "ref",
        "text",
        "rules",
    ]
)
TEXTS = st.sampled_from(
    [
        "defschema",
        "defplan",
        "defpolicy",
        "defcap",
        "defmodule",
        "defeffect",
        "defsecret",
        "manifest",
        "t/S@1",
        "t/p@1",
        "sys/S@1",
        "raise_event",
        "end",
        "1",
        "",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)


@given(JSON, JSON)
def test_loading_ends_in_a_catalog_or_in_problems(one: Any, two: Any) -> None:
    try:
        load(SCHEMA, one, plans=[{"name": "t/p@1"}], defaults=two)
    except CheckFailed as error:
        assert error.problems


MUTATED = [*json.loads(aggregator()["air/schemas.air.json"])[:2]] + [
    json.loads(aggregator()[name])
    for name in ("air/manifest.air.json", "air/policy.air.json", "plans/aggregator_plan.air.json")
]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every part of ``node``, itself first."""
    members: dict[Any, Any] = node if isinstance(node, dict) else {}
    if isinstance(node, list):
        members = dict(enumerate(node))
    return [path, *(place for key, item in members.items() for place in places(item, (*path, key)))]


@given(st.sampled_from(places(MUTATED)[1:]), JSON)
def test_one_wrong_part_of_a_world_ends_in_a_catalog_or_in_problems(
    place: tuple[Any, ...], junk: Any
) -> None:
    world = json.loads(json.dumps(MUTATED))
    part = world
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = junk
    try:
        load_files(files_of(world), no_wasm)
    except CheckFailed as error:
        assert error.problems
