"""Types as text, and values as people write them."""

from __future__ import annotations

import json

import pytest

from aos_tui.dialogs import type_text
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
        ({"ref": "demo/T@1"}, "demo/T@1"),
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


def test_an_example_is_shown_as_people_write_it() -> None:
    from aos_tui.dialogs.json_text import json_text, parse_json

    value = {"name": "Ä", "xs": [1, None]}
    assert "Ä" in json_text(value)
    assert parse_json(json_text(value)) == json.loads(json.dumps(value))
