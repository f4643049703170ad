"""Where things stand in a text: every path of a document has the place a reader would point at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core.places import find, json_places, json_spots, line_column, line_of, toml_places

NAMES = st.text(st.sampled_from('abé" \\/\n{}[],:'), max_size=4)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), NAMES)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda of: st.one_of(st.lists(of, max_size=4), st.dictionaries(NAMES, of, max_size=4)),
    max_leaves=20,
)


def values(node: Any, path: str = "$") -> list[tuple[str, Any]]:
    """(path, value) of everything in a document, in its order."""
    found = [(path, node)]
    if isinstance(node, dict):
        for name, item in node.items():
            found += values(item, f"{path}.{name}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            found += values(item, f"{path}[{index}]")
    return found


@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_every_value_of_a_json_document_is_found_where_it_stands(
    document: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    found = list(json_spots(text))
    read = json.JSONDecoder().raw_decode
    assert [(of.path, read(text, of.value)[0]) for of in found] == values(document)
    for of in found:
        if of.key != of.value:
            assert of.path.endswith(f".{read(text, of.key)[0]}")


@given(st.text(st.sampled_from('{}[],:"\\ aN1\n')))
def test_what_is_no_json_ends_too(text: str) -> None:
    assert all(0 <= of.value < len(text) for of in json_spots(text))


def test_what_is_not_there_is_where_it_would_belong() -> None:
    places = json_places('{"a": [1,\n {"b": 2}]}')
    for path, offset in (
        ("$.a[1].b", 17), ("$.a[1].c", 11), ("$.a[1].c.d[5]", 11), ("$.a[7]", 6), ("$.x", 0),
    ):  # fmt: skip
        spot = find(places, path)
        assert spot is not None and spot.value == offset


TOML = """\
title = "é"  # a comment
limits.fuel = 5
[modules."demo/C@1"]
crate = '../c'

[[steps]]
fire = { schema = "a", value = [1,  # one
  {x = 2}] }
[[steps]]
[steps.fire]
schema = \"\"\"
b\"\"\"
[[steps.inner]]
n = 1
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("title", (1, 9), (1, 1)),
        ("limits.fuel", (2, 15), (2, 1)),
        ("modules.demo/C@1.crate", (4, 9), (4, 1)),
        ("modules.demo/C@1.wasm", (3, 2), (3, 2)),
        ("steps[0]", (6, 3), (6, 3)),
        ("steps[0].fire.schema", (7, 19), (7, 10)),
        ("steps[0].fire.value[1].x", (8, 8), (8, 4)),
        ("steps[1].fire.schema", (11, 10), (11, 1)),
        ("steps[1].inner[0].n", (14, 5), (14, 1)),
        ("nothing", (1, 1), (1, 1)),
    ],
)
def test_places_in_toml(path: str, value: tuple[int, int], key: tuple[int, int]) -> None:
    spot = find(toml_places(TOML), path)
    assert spot is not None
    assert line_column(TOML, spot.value) == value
    assert line_column(TOML, spot.key) == key


def test_lines_are_counted_from_one() -> None:
    assert [line_of("a\r\nb\n", line) for line in (0, 1, 2, 3, 4)] == ["", "a", "b", "", ""]
