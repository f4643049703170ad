"""Values with their types, part by part."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core.air.parts import Part, differences
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
STAGE = {"variant": {"Free": {"unit": {}}, "Held": {"record": {"by": TEXT, "n": NAT}}, "At": NAT}}
ALL = {
    "record": {
        "stage": STAGE, "names": {"list": TEXT}, "of": {"map": {"key": NAT, "value": TEXT}},
        "few": {"set": NAT}, "maybe": {"option": NAT}, "again": {"ref": "t/S@1"},
    }
}  # fmt: skip
VALUE = {
    "stage": {"$tag": "Held", "$value": {"by": "ann", "n": 3}}, "names": ["a", "b"],
    "of": {7: "x"}, "few": [1, 2], "maybe": None, "again": {"$tag": "Free"},
}  # fmt: skip


def part(value: Any = None, **changed: Any) -> Part:
    schemas = Schemas({"t/All@1": parse_type(ALL), "t/S@1": parse_type(STAGE)})
    schema = schemas["t/All@1"]
    return Part(schema.normalise((value or VALUE) | changed), schema.type, schemas)


def inner(of: Part, *keys: Any) -> Part:
    for key in keys:
        found = of.part(key)
        assert found is not None
        of = found
    return of


def test_kinds_come_from_the_schema() -> None:
    kinds = {key: inner(part(), key).kind for key in part().members()}
    assert kinds == {
        "stage": "variant", "names": "list", "of": "map", "few": "set", "maybe": "none",
        "again": "variant",
    }  # fmt: skip
    assert inner(part(maybe=4), "maybe").kind == "nat"


def test_fields_stand_as_authored_and_a_variant_has_the_parts_of_its_payload() -> None:
    assert part().members() == ("stage", "names", "of", "few", "maybe", "again")
    stage = inner(part(), "stage")
    assert (stage.tag, stage.members()) == ("Held", ("by", "n"))
    assert inner(stage, "by").value == "ann"
    assert inner(part(), "again").members() == () and inner(part(), "again").payload is None


@pytest.mark.parametrize(
    ("keys", "steps", "text"),
    [
        (("stage", "by"), ["stage", "Held", "by"], ".stage.Held.by"),
        (("names", 1), ["names", "1"], ".names[1]"),
        (("of", 7), ["of", "7"], '.of["7"]'),
    ],
)
def test_the_way_to_a_part_is_that_of_host_json(
    keys: tuple[Any, ...], steps: list[str], text: str
) -> None:
    of, found, written = part(), list[str](), ""
    for key in keys:
        found += of.steps(key)
        written += of.step_text(key)
        of = inner(of, key)
    assert (found, written) == (steps, text)
    host = part().host()
    for step in found:
        host = host[int(step)] if isinstance(host, list) else host[step]
    assert host == of.host()


def test_what_is_not_there_is_none() -> None:
    assert part().part("nothing") is None
    assert inner(part(), "names").part(2) is None
    assert inner(part(), "stage", "by").part("x") is None


def test_untyped_data_says_what_it_is() -> None:
    data = {"a": [b"\1", None, 3], 5: "x"}
    of = Part(data, None, Schemas({}))
    assert (of.kind, list(of.members())) == ("map", ["a", 5])
    assert [inner(of, "a", at).kind for at in range(3)] == ["bytes", "none", "int"]


def changes(before: Part | None, now: Part | None) -> list[tuple[str, Any, Any]]:
    return [
        (path, None if old is None else old.host(), None if new is None else new.host())
        for path, old, new in differences(before, now)
    ]


def test_differences_are_the_innermost_ones() -> None:
    other = part(
        stage={"$tag": "Held", "$value": {"by": "bob", "n": 3}},
        names=["a"], of={7: "x", 8: "y"}, few=[2, 3], maybe=1,
    )  # fmt: skip
    assert changes(part(), other) == [
        (".stage.Held.by", "ann", "bob"),
        (".names[1]", "b", None),
        ('.of["8"]', None, "y"),
        (".few{}", 1, None),
        (".few{}", None, 3),
        (".maybe", None, 1),
    ]
    assert changes(part(), part()) == []


def test_another_arm_is_one_difference() -> None:
    other = part(stage={"$tag": "At", "$value": 2})
    assert changes(part(), other) == [(".stage", {"Held": {"by": "ann", "n": 3}}, {"At": 2})]
    assert changes(None, part())[0][:2] == ("", None)
