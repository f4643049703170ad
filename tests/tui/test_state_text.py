"""States as short text, as trees, as JSON and CBOR, and how a value went as a picture."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.parts import Part
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_tui.chart import chart
from aos_tui.formatting import plain
from aos_tui.glyphs import ASCII, UNICODE
from aos_tui.outline import Outline, Path
from aos_tui.snapshot import Document, Held, States, Wish
from aos_tui.state_lines import TextLines, TreeLines
from aos_tui.state_text import (
    cbor_lines,
    code_pieces,
    difference_lines,
    duration_text,
    fitted,
    json_lines,
    nothing_to_see,
    preview,
    shown,
    states_title,
    time_text,
    value_pieces,
    whole_cbor,
    whole_text,
)

HOSTILE = "a\x1b[31mred\x9b2J\x07\u202eabc\u2066\u2028x\n\0שלום 漢字"  # noqa: RUF001


def part(of: Any, value: Any) -> Part:
    schemas = Schemas({"t/T@1": parse_type(of)})
    return Part(schemas["t/T@1"].normalise(value), schemas["t/T@1"].type, schemas)


def safe(text: str) -> bool:
    """Whether nothing in it commands a terminal."""
    return not any(unicodedata.category(of)[0] == "C" for of in text)


# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "value", "text"),
    [
        ({"time": {}}, 1_772_366_400_250_000_000, "2026-03-01 12:00:00.25Z"),
        ({"duration": {}}, 90_000_000_000, "1 min 30 s"),
        ({"hash": {}}, "sha256:" + "ab" * 32, " abababab "),
        ({"option": {"nat": {}}}, None, "none"),
        ({"option": {"nat": {}}}, 4, "4"),
        ({"bool": {}}, True, "true"),
        ({"unit": {}}, None, "()"),
        ({"text": {}}, "", '""'),
        ({"bytes": {}}, b"\0\xff", "2 bytes h'00ff'"),
        ({"nat": {}}, 1_772_366_400_250_000_000, "1772366400250000000"),
        ({"variant": {"Held": {"text": {}}}}, {"Held": "ann"}, 'Held "ann"'),
        ({"list": {"nat": {}}}, [1, 2], "[1, 2]"),
        ({"record": {"a": {"nat": {}}, "b": {"text": {}}}}, {"a": 1, "b": "x"}, '{a: 1, b: "x"}'),
    ],
)
def test_a_value_is_told_by_its_schema(of: Any, value: Any, text: str) -> None:
    assert plain(value_pieces(part(of, value), 60)) == text


def test_times_and_durations_at_their_edges() -> None:
    assert time_text(0) == "1970-01-01 00:00:00Z"
    assert time_text(canon.NAT_MAX).startswith("2554-07-21 23:34:33.7")
    assert duration_text(0) == "0 s" and duration_text(-1) == "-1 ns"
    assert duration_text(3_600_000_000_001) == "1 h and more"
    assert duration_text(1_500_000) == "1 ms 500 us"


def test_what_is_long_is_touched_at_its_beginning_only() -> None:
    class Counted(list[int]):
        seen = 0

        def __getitem__(self, at: Any) -> Any:
            Counted.seen += 1
            return super().__getitem__(at)

    many = part({"list": {"nat": {}}}, [])
    many = Part(Counted(range(100_000)), many.type, many.schemas)
    assert len(preview(many, 40)) < 60 and Counted.seen < 30
    text = plain(value_pieces(part({"text": {}}, "x" * 5_000_000), 40))
    assert len(text) <= 44 and text.endswith("..")
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    assert len(preview(Part(deep, None, Schemas({})), 40)) < 40


def test_of_a_number_that_is_cut_nothing_is_left() -> None:
    delays = part({"list": {"nat": {}}}, [1_000_000_000, 2_000_000_000, 3])
    assert preview(delays, 18) == "[1000000000, ..]"
    assert plain(value_pieces(part({"nat": {}}, 123_456_789), 6)) == ".."
    assert shown("after 1000000000 ns", 12) == "after .."
    assert shown("after 10 minutes", 11) == "after 10 .."
    assert shown("n: 3.25, m: 1,234", 6) == "n: .." and shown("[1, 2]", 5) == "[1,.."
    assert shown("[12, 1,234,567]", 10) == "[12, .."
    assert shown("seat-12345", 8) == "seat-1..", "what is no number is cut as any text"


def test_a_line_is_cut_where_there_is_room_for_the_sign() -> None:
    line = [("a  ", "key"), ("20003000", "number"), ("  was 7", "dim")]
    assert plain(fitted(line, 18)) == "a  20003000  was 7"
    assert plain(fitted(line, 13)) == "a  20003000.."
    for width in range(5, 13):
        assert plain(fitted(line, width)) == "a  ..", width
    assert plain(fitted([('{a: "d.., b}', "dim")], 9)) == '{a: "d..'
    assert plain(fitted([('{a: "d.., b}', "dim")], 11)) == '{a: "d..'
    quoted = [("a  ", "key"), ('"20003000"', "text")]
    assert plain(fitted(quoted, 11)) == 'a  "20003..'


def test_who_looks_along_a_long_number_sees_its_digits() -> None:
    document = Document("r/R@1", [('"n": ' + "1234567890" * 9, "code")], str)
    lines = TextLines(States(Wish(), 0, False, (), documents=(document,)))
    assert plain(lines.pieces(1, 20)) == '"n": ..'
    lines.shift = 10
    assert plain(lines.pieces(1, 20)) == "678901234567890123.."


def test_nothing_from_outside_commands_the_terminal() -> None:
    value = {HOSTILE: HOSTILE, "list": [HOSTILE, HOSTILE.encode()]}
    untyped = Part(value, None, Schemas({}))
    assert safe(preview(untyped, 400)) and "שלום 漢字" in preview(untyped, 400)
    held = Held("r/R@1", False, [b""], 1, {}, {b"": untyped}, {}, frozenset([b""]), ())
    lines = TreeLines(States(Wish(), 0, False, (held,)), {("r/R@1", "list"): True}, UNICODE)
    assert len(lines) == 5
    assert all(safe(plain(lines.pieces(row, 200))) for row in range(len(lines)))
    assert all(safe(plain(of)) for _, of in difference_lines([("r/R@1.x", untyped, None)], 200))


def test_a_line_that_is_cut_ends_with_dots_and_wide_signs_count_twice() -> None:
    assert plain(fitted([("abc", ""), ("def", "")], 6)) == "abcdef"
    assert plain(fitted([("abc", ""), ("def", "")], 5)) == "abc.."
    assert plain(fitted([("漢字漢字", "")], 6)) == "漢字.."


# -- whole states -----------------------------------------------------------------------------


def test_json_over_lines_is_json_and_keeps_what_is_short_on_one() -> None:
    value = {"pc": "Done", "list": [1, 2, 3], "long": list(range(40)), "empty": {}, "t": "x" * 50}
    lines = [text for text, _ in json_lines(value)]
    assert json.loads("\n".join(lines)) == value
    assert '  "list": [1, 2, 3],' in lines and '  "empty": {},' in lines
    assert max(map(len, lines)) < 70 and len(lines) > 40


def test_cbor_is_shown_in_diagnostic_notation_and_in_hex() -> None:
    data = canon.encode({"a": b"\1", "b": None})
    lines = [text for text, _ in cbor_lines(data)]
    assert lines[0] == '{"a": h\'01\', "b": null}'
    assert any(line.startswith(["0000  d9 d9 f7 a2 61 61 41 01", ".....aA."][0]) for line in lines)
    assert whole_cbor(data).endswith(data.hex())


def test_bytes_that_are_no_cbor_are_hex_alone() -> None:
    (said, role), *rest = cbor_lines(b"\xff" * 5000)
    assert role == "bad" and "no canonical CBOR" in said
    assert rest[-1][0] == "and 904 bytes more"
    assert whole_cbor(b"\xff") == "ff"


def test_code_is_told_apart_and_nothing_of_it_lost() -> None:
    line = '  "a \\" b": [-1.5, true, "x", h\'00\', null],'
    pieces = code_pieces(line)
    assert plain(pieces) == line
    roles = dict(pieces)
    assert roles['"a \\" b"'] == "key" and roles["-1.5"] == "number" and roles["true"] == "word"
    assert roles['"x"'] == "text" and roles["h'00'"] == "hash"


def test_a_difference_stands_on_one_line_where_it_fits() -> None:
    nat: dict[str, Any] = {"nat": {}}
    found = difference_lines([("d/A@1.n", part(nat, 1), part(nat, 2))], 40)
    assert [(at, plain(of)) for at, of in found] == [(-1, "d/A@1"), (0, "  n  1 -> 2")]
    text: dict[str, Any] = {"text": {}}
    long = difference_lines([('d/S@1["x"].t', part(text, "a" * 30), None)], 40)
    assert [plain(of).strip() for _, of in long] == [
        "d/S@1", '["x"].t', f'"{"a" * 30}"', "-> not there",
    ]  # fmt: skip


def test_a_text_is_copied_as_it_is_and_anything_else_as_json() -> None:
    assert whole_text(part({"text": {}}, HOSTILE)) == HOSTILE
    assert json.loads(whole_text(part({"list": {"nat": {}}}, [1]))) == [1]


def test_titles_say_the_display_and_what_is_compared() -> None:
    assert states_title(States(Wish(), 15, False), 16, UNICODE) == "State tree  ∆ since height 15"
    assert states_title(States(Wish(), 15, True), 16, ASCII) == "State tree  * since mark at 15"
    assert states_title(States(Wish("diff"), 15, True), 30, ASCII) == "State diff  mark at 15 -> 30"
    assert states_title(States(Wish("json"), 15, False), 30, ASCII) == "State JSON"
    assert "no cell has 'Z'" in nothing_to_see(States(Wish(find="Z"), 0, False), 3)[0]


# -- the tree ---------------------------------------------------------------------------------


def held(value: Any, before: Any = None, of: Any = None) -> Held:
    now = Part(value, None, Schemas({})) if of is None else part(of, value)
    then = {} if before is None else {b"": part(of, before)}
    return Held("d/A@1", False, [b""], 1, {}, {b"": now}, then, frozenset(), ())


def names(outline: Outline) -> list[str]:
    return [outline[row].name for row in range(len(outline))]


def test_rows_are_those_that_are_unfolded() -> None:
    value = {"a": [10, [20, 21], 30], "b": 1}
    assert names(Outline([held(value)], {})) == ["d/A@1", "a", "b"]
    assert names(Outline([held(value)], {("d/A@1",): False})) == ["d/A@1"]
    both: dict[Path, bool] = {("d/A@1", "a"): True, ("d/A@1", "a", 1): True}
    outline = Outline([held(value), held(value)], both)
    assert names(outline) == ["d/A@1", "a", "0", "1", "0", "1", "2", "b"] * 2
    assert [outline[row].depth for row in range(8)] == [0, 1, 2, 2, 3, 3, 2, 1]
    for row in range(8):
        assert outline.row_of(outline[row].path) == row
    assert outline.row_of(("d/A@1", "a", 1, 7)) == 3, "what is not there: what it would be in"
    assert outline.row_of(("d/B@1",)) is None


def test_a_hundred_thousand_items_unfolded_are_not_walked() -> None:
    many = held({"list": list(range(100_000)), "z": [1]})
    outline = Outline([many], {("d/A@1", "list"): True, ("d/A@1", "z"): True})
    assert len(outline) == 100_004
    last = outline[len(outline) - 1]
    assert (last.path, last.depth) == (("d/A@1", "z", 0), 2)
    assert outline[50_002].path == ("d/A@1", "list", 50_000)
    assert outline.row_of(("d/A@1", "list", 99_999)) == 100_001


def test_what_changed_is_marked_and_says_what_it_was() -> None:
    of: dict[str, Any] = {"record": {"a": {"nat": {}}, "b": {"nat": {}}}}
    states = States(Wish(), 0, False, (held({"a": 1, "b": 2}, {"a": 1, "b": 3}, of),))
    lines = TreeLines(states, {}, ASCII)
    assert [plain(lines.pieces(row, 60)).rstrip() for row in range(3)] == [
        "v d/A@1 *", "  a   1", "  b * 2  was 3",
    ]  # fmt: skip


def test_paths_are_copied_with_their_values() -> None:
    of: dict[str, Any] = {
        "record": {"stage": {"variant": {"Held": {"record": {"by": {"text": {}}}}}}}
    }
    value = {"stage": {"Held": {"by": "ann"}}}
    states = States(Wish(), 0, False, (held(value, of=of),))
    lines = TreeLines(states, {("d/A@1", "stage"): True}, UNICODE)
    found = lines.path_and_value(2)
    assert found is not None and found[1]() == 'd/A@1.stage.Held.by = "ann"'
    field = lines.field(2)
    assert field is not None and field.members == ("stage", "Held", "by")


# -- the chart --------------------------------------------------------------------------------


def test_numbers_are_drawn_over_their_heights() -> None:
    lines = chart([(2, 0), (4, 5), (6, 10)], 9, 16, 2, UNICODE.bars)
    assert lines == [
        "        ████████",
        "▁▁▁▁████████████",
        "╵   ╵   ╵",
        "2   4   6      9",
    ]


def test_ascii_and_gaps_where_nothing_was() -> None:
    lines = chart([(1, 1), (3, None), (5, 2)], 8, 8, 2, ASCII.bars)
    assert lines == ["    ####", "##  ####", "' ' '", "1 3 5  8"]


def test_what_is_no_number_is_drawn_by_how_often_it_changed() -> None:
    bars, ticks, heights = chart([(0, None), (1, None), (99, None)], 99, 10, 1, UNICODE.bars)
    assert (bars, ticks) == ("█        ▄", "╵        ╵")
    assert heights.startswith("0") and heights.endswith("99") and len(heights) == 10


def test_nothing_to_draw() -> None:
    assert chart([], 5, 80, 3, UNICODE.bars) == []
    assert len(chart([(3, 1.0)], 3, 8, 1, UNICODE.bars)) == 3
