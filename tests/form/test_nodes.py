"""The fields of a value: what goes in comes out, and what does not read is named in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core.air.misfit import Misfit
from aos_core.air.schemas import Schema, Schemas
from aos_tui.form import leaf
from aos_tui.form.nodes import Choice, Group, Leaf, Maybe, Node, Pairs, Rows
from aos_tui.form.shape import Shape, zero
from tests.air.test_codec import JUNK, TYPED, typed_values

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}


EXTRA = st.integers() | st.text() | st.booleans() | st.none() | st.lists(st.text(), max_size=2)


def json_of(of: Schema) -> Any:
    return of.type.to_json()


@given(typed_values())
def test_any_value_of_any_type_comes_back_as_it_was(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    value = of.normalise(value)
    host = json.loads(json.dumps(of.to_host(value)))
    node = Shape().load(json_of(of), host)
    assert list(node.wrongs()) == []
    given_back = json.loads(json.dumps(node.draft()))
    assert of.encode(of.from_host(given_back)) == of.encode(value)
    again = Shape().load(json_of(of), given_back)
    assert again.draft() == given_back, "what a form gives, it takes again unchanged"


@given(typed_values())
def test_other_notations_are_the_same_value(typed: tuple[Schema, Any]) -> None:
    of, value = typed
    value = of.normalise(value)
    node = Shape().load(json_of(of), json.loads(json.dumps(of.to_host(value))))
    for each in leaves(node):
        try:
            each.renote()
        except Misfit:
            continue
    assert of.encode(of.from_host(node.draft())) == of.encode(value)


@given(TYPED)
def test_the_smallest_value_fits_and_so_does_another_row_of_each(typed: Any) -> None:
    of = Schemas({"t/T@1": parsed(typed[0])})["t/T@1"]
    node = zero(json_of(of))
    of.from_host(node.draft())
    for each in list(parts(node)):
        if isinstance(each, Rows | Pairs):
            each.add()
        elif isinstance(each, Maybe):
            each.put(True)
        elif isinstance(each, Choice):
            for tag in each.arms:
                each.choose(tag)
    of.from_host(node.draft())


@given(TYPED, JUNK)
def test_junk_is_refused_or_a_draft_that_the_type_judges(typed: Any, junk: Any) -> None:
    of = Schemas({"t/T@1": parsed(typed[0])})["t/T@1"]
    for shape in (Shape(), Shape(open=True)):
        try:
            node = shape.load(json_of(of), junk)
        except Misfit:
            continue
        wrongs, draft = list(node.wrongs()), node.draft()
        if not wrongs and not shape.open:
            of.from_host(draft)


@given(typed_values(), st.dictionaries(st.text(), EXTRA, max_size=2))
def test_an_open_form_keeps_what_its_type_does_not_name(
    typed: tuple[Schema, Any], more: dict[str, Any]
) -> None:
    of, value = typed
    host = of.to_host(of.normalise(value))
    if not isinstance(host, dict) or "record" not in json_of(of):
        return
    extra = {name: item for name, item in more.items() if name not in host}
    node = Shape(open=True).load(json_of(of), host | extra)
    assert {name: node.draft()[name] for name in extra} == extra


def test_an_open_record_may_lack_a_field_and_gets_it_when_asked() -> None:
    node = Shape(open=True).load({"record": {"a": NAT, "b": TEXT}}, {"b": "x"})
    assert node.draft() == {"b": "x"}
    assert isinstance(node, Group) and isinstance(node.fields["a"], Maybe)
    node.fields["a"].put(True)
    assert node.draft() == {"a": 0, "b": "x"}


def test_an_arm_that_was_left_keeps_its_values() -> None:
    node = Shape().load(
        {"variant": {"A": {"record": {"n": NAT}}, "B": {"unit": {}}}}, {"A": {"n": 7}}
    )
    assert isinstance(node, Choice)
    node.choose("B")
    assert node.draft() == "B"
    node.choose("A")
    assert node.draft() == {"A": {"n": 7}}


def test_a_unit_that_is_spelt_out_stays_so() -> None:
    """Both are values, of other bytes."""
    for host in ("A", {"A": None}):
        assert Shape().load({"variant": {"A": {"unit": {}}}}, host).draft() == host


def test_what_was_switched_off_comes_back() -> None:
    node = Shape().load({"option": TEXT}, "x")
    assert isinstance(node, Maybe)
    node.put(False)
    assert node.draft() is None
    node.put(True)
    assert node.draft() == "x"


def test_a_key_that_stands_twice_is_named() -> None:
    node = Shape().load({"map": {"key": NAT, "value": TEXT}}, {"1": "a", "2": "b"})
    assert isinstance(node, Pairs)
    node.items[1][0].text = "01"
    assert [(path, wrong) for _, path, wrong in node.wrongs()] == [
        ("$.1", "this key stands here twice")
    ]


def test_no_entry_is_lost_while_a_key_stands_twice() -> None:
    of = {"map": {"key": TEXT, "value": TEXT}}
    node = Shape().load(of, {"a": "one", "b": "two"})
    assert isinstance(node, Pairs)
    node.items[1][0].text = "a"
    draft = node.draft()
    assert draft == [["a", "one"], ["a", "two"]]
    again = Shape().load(of, draft)
    assert isinstance(again, Pairs) and again.draft() == draft


@pytest.mark.parametrize(
    ("of", "value", "path", "says"),
    [
        ({"record": {"a": {"list": NAT}}}, {"a": [1, [2]]}, "a.1", "expected nat"),
        ({"record": {"a": NAT}}, {"b": 1}, "", "unknown field 'b'; known: a"),
        ({"record": {"a": NAT}}, {}, "a", "field is missing"),
        ({"record": {"a": NAT}}, [], "", "expected record, got a list"),
        ({"variant": {"A": NAT}}, {"B": 1}, "", "unknown tag 'B'; known: A"),
        ({"variant": {"A": NAT}}, {"A": {}}, "A", "expected nat"),
        ({"variant": {"A": NAT}}, 3, "", "expected one tag of A, got an integer"),
        ({"map": {"key": TEXT, "value": NAT}}, {"k": None}, "k", "expected nat"),
        ({"list": NAT}, {}, "", "expected list, got an object"),
        ({"bool": {}}, 1, "", "expected bool, got an integer"),
        (NAT, 1.5, "", "expected nat"),
        (NAT, True, "", "expected nat"),
    ],
)
def test_another_shape_is_refused_with_its_place(of: Any, value: Any, path: str, says: str) -> None:
    with pytest.raises(Misfit) as refused:
        Shape().load(of, value)
    assert (".".join(refused.value.path), refused.value.message[: len(says)]) == (path, says)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("nat", "-1", "-1 is out of range for nat: 0 .. 18446744073709551615"),
        ("nat", "x", "'x' is no nat: a whole number, 0 .. 18446744073709551615"),
        ("nat", "", "nat is missing: a whole number, 0 .. 18446744073709551615"),
        (
            "nat",
            str(2**64),
            "18446744073709551616 is out of range for nat: 0 .. 184467440737095516",
        ),
        ("int", str(2**63), "for int: -9223372036854775808 .. 9223372036854775807"),
        ("int", "9" * 5000, "99999999..' is no int: a whole number, -9223372036854775808 .. "),
        ("duration", "1s", "'1s' is no duration: a whole number, -9223372036854775808 .. "),
        ("duration", str(2**63), "for duration: -9223372036854775808 .. 9223372036854775807 ns"),
        ("dec128", "1,5", "'1,5' is not the text form of dec128: a decimal number such as -12.50"),
        ("dec128", "", "dec128 is missing: a decimal number such as -12.50"),
        ("hash", "sha256:00", "'sha256:00' is not the text form of hash: sha256: and 64 digits"),
        ("uuid", "1", "'1' is not the text form of uuid: 32 digits"),
        ("time", "yesterday", "'yesterday' is no time: such as 2026-01-31T12:00:00Z, or 0 .. 1844"),
        ("time", str(2**64), "out of range for time: 0 .. 18446744073709551615 ns"),
    ],
)
def test_a_wrong_field_is_named_and_stays_as_it_was_typed(kind: str, text: str, says: str) -> None:
    node = Shape().load({"record": {"f": {kind: {}}}}, {"f": text})
    ((_, path, wrong),) = node.wrongs()
    assert path == "$.f" and says in wrong
    assert node.draft() == {"f": text}


@pytest.mark.parametrize(
    ("kind", "value", "notation", "text"),
    [
        ("text", "a", "text", "a"),
        ("text", "a\nb", "lines", "a\nb"),
        ("text", "a\x1b[31m", "quoted", '"a\\u001b[31m"'),
        ("text", "\u202ea", "quoted", '"\\u202ea"'),
        ("bytes", "a\x1b", "hex", "61 1b"),
        ("bytes", {"bytes_b64": "AP8="}, "hex", "00 ff"),
        ("bytes", {"bytes_b64": "YWI="}, "text", "ab"),
        ("bytes", {"bytes_b64": "/" * 64}, "base64", "/" * 64),
        ("time", 5, "ns", "5"),
        ("time", "1970-01-01T00:00:00Z", "RFC 3339", "1970-01-01T00:00:00Z"),
        ("int", -3, "int", "-3"),
    ],
)
def test_a_value_is_written_as_it_is_best_read(
    kind: str, value: Any, notation: str, text: str
) -> None:
    assert leaf.write(kind, value) == (notation, text)
    assert text.replace("\n", "").isprintable(), "no terminal obeys it"


def test_notations_go_round_and_leave_out_what_cannot_be_written_so() -> None:
    bytes_ = Leaf("bytes", "hex", "00 ff")
    seen = []
    for _ in range(2):
        bytes_.renote()
        seen.append((bytes_.notation, bytes_.text))
    assert seen == [("base64", "AP8="), ("hex", "00 ff")]
    time = Leaf("time", "ns", str(10**9 + 5))
    time.renote()
    assert (time.notation, time.text) == ("RFC 3339", "1970-01-01T00:00:01.000000005Z")
    with pytest.raises(Misfit, match="one notation"):
        Leaf("nat", "nat", "1").renote()
    with pytest.raises(Misfit, match="hex is pairs"):
        Leaf("bytes", "hex", "0").renote()


@pytest.mark.parametrize(
    ("kind", "text", "notation", "said"),
    [
        ("time", "0", "ns", "1970-01-01T00:00:00Z"),
        ("time", "1970-01-01T00:00:00Z", "RFC 3339", "0 ns"),
        ("time", str(2**64 - 1), "ns", "2554-07-21T23:34:33.709551615Z"),
        ("duration", "1500000000", "duration", "1.5 s"),
        ("bytes", "00 ff", "hex", "2 bytes"),
        ("bytes", "0", "hex", ""),
        ("nat", "1", "nat", ""),
    ],
)
def test_what_a_text_means_is_said_otherwise(
    kind: str, text: str, notation: str, said: str
) -> None:
    assert leaf.also(kind, text, notation) == said


def parsed(of: Any) -> Any:
    from aos_core.air.types import parse_type

    return parse_type(of)


def parts(node: Node | None) -> list[Node]:
    """A node and all in it."""
    if node is None:
        return []
    inner: list[Node | None] = []
    match node:
        case Group():
            inner = list(node.fields.values())
        case Choice():
            inner = [node.payload]
        case Maybe():
            inner = [node.item]
        case Rows():
            inner = list(node.items)
        case Pairs():
            inner = [each for pair in node.items for each in pair]
    return [node, *(each for of in inner for each in parts(of))]


def leaves(node: Node) -> list[Leaf]:
    return [each for each in parts(node) if isinstance(each, Leaf)]
