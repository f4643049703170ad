"""Types as text, and values as people write them."""

from __future__ import annotations

import json

import pytest

from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_tui.dialogs import type_text
from aos_tui.session.forms import inlined
from tests.tui.dialogs.samples import NAT, START, TARGET, TEXT


@pytest.mark.parametrize(
    ("type_json", "text"),
    [
        (TEXT, "text"),
        ({"$comment": "x", "nat": {}}, "nat"),
        ({"record": {}}, "{}"),
        (TARGET, "{name: text, url: text}"),
        (START, "Start {topic: text, primary: {name: text, url: text}} | Stop"),
        ({"variant": {"N": NAT, "V": {"variant": {"A": TEXT}}}}, "N nat | V (A text)"),
        ({"list": {"option": TARGET}}, "[{name: text, url: text}?]"),
        ({"option": {"variant": {"A": {"unit": {}}, "B": NAT}}}, "(A | B nat)?"),
        ({"map": {"key": TEXT, "value": {"set": NAT}}}, "map[text, set[nat]]"),
    ],
)
def test_a_type_on_one_line(type_json: object, text: str) -> None:
    assert type_text(type_json) == text
    assert type_text(type_json, 200) == text


def test_a_type_is_broken_where_it_does_not_fit() -> None:
    assert type_text(START, 26).splitlines() == [
        "| Start {",
        "    topic: text",
        "    primary: {",
        "      name: text",
        "      url: text",
        "    }",
        "  }",
        "| Stop",
    ]
    nested = {"record": {"xs": {"list": {"variant": {"Aaaaaa": NAT, "Bbbbbb": NAT}}}}}
    assert type_text(nested, 16).splitlines() == [
        "{",
        "  xs: [",
        "    | Aaaaaa nat",
        "    | Bbbbbb nat",
        "  ]",
        "}",
    ]


@pytest.mark.parametrize("width", [1, 12, 30, 60])
def test_breaking_a_type_loses_none_of_it(width: int) -> None:
    def words(text: str) -> list[str]:
        return text.replace("{", " ").replace("}", " ").replace(",", " ").replace("|", " ").split()

    assert words(type_text(START, width)) == words(type_text(START))


def test_of_a_type_of_millions_of_parts_the_upper_levels_are_shown() -> None:
    """Forty schemas, each with two arms of the next: 2 to the 40 parts, and yet few objects."""
    parsed = {
        f"d/T{n}@1": parse_type(
            {
                "variant": {
                    "A": {"ref": f"d/T{n + 1}@1"},
                    "B": {"unit": {}},
                    "C": {"ref": f"d/T{n + 1}@1"},
                }
            },
            "$",
        )
        for n in range(40)
    }
    parsed["d/T40@1"] = parse_type(NAT, "$")
    assert Schemas(parsed)["d/T0@1"].zero() == {"$tag": "B"}, "a world may have it"
    text = type_text(inlined({"ref": "d/T0@1"}, parsed), 40)
    assert text.startswith("| A\n    | A\n") and "A .." in text
    assert len(text.splitlines()) < 2000
    deep = NAT
    for _ in range(100):
        deep = {"option": deep}
    assert type_text(deep) == "nat" + "?" * 100, "deep is not large"


def test_an_example_is_shown_as_people_write_it() -> None:
    from aos_tui.dialogs.json_text import json_text, parse_json

    value = {"name": "Ä", "xs": [1, None]}
    assert "Ä" in json_text(value)
    assert parse_json(json_text(value)) == json.loads(json.dumps(value))
