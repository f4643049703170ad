"""From records and values to short text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rich.style import Style

from aos_core import canon
from aos_core.effect_words import json_line, target
from aos_core.kernel.records import Record
from aos_core.plain import short_name
from aos_tui.folding import Line
from aos_tui.formatting import (
    banner,
    chain_text,
    clip_inside,
    diagnostic,
    header,
    outcome,
    plain,
    summary,
    timeline_text,
    to_text,
)
from aos_tui.glyphs import ASCII, UNICODE, pick_glyphs
from aos_tui.journal_text import Signs, line_pieces
from aos_tui.record_details import brief, details
from aos_tui.snapshot import (
    NOTHING_LEFT,
    Index,
    Landmarks,
    Row,
    Snapshot,
    States,
    Trouble,
    Verified,
    Wish,
)

GET: dict[str, Any] = {
    "method": "GET",
    "url": "https://example.com/api/b?x=1",
    "headers": {},
    "body_ref": None,
}
INTENT = Record(
    "intent",
    {
        "hash": bytes(32),
        "kind": "http.request",
        "params": GET,
        "cap": "cap_http",
        "idempotency_key": bytes(32),
        "origin": {"kind": "plan", "name": "demo/p@1", "step": "emit", "instance": bytes(32)},
    },
)


def receipt(status: str = "ok", outcome: str = "settled") -> Record:
    payload = {"status": 200, "headers": {}}
    fields = {"intent": bytes(32), "adapter_id": "scenario", "status": status}
    return Record("receipt", {**fields, "payload": payload, "outcome": outcome})


def event(schema: str, value: Any) -> Record:
    return Record("event", {"schema": schema, "value": value, "hash": bytes(32)})


class Known(Index):
    """What is said of records, without a world to look it up in."""

    def __init__(self) -> None:
        pass

    def intent(self, hash: bytes) -> Record | None:
        return INTENT if hash == bytes(32) else None

    def plan(self, instance: bytes, height: int | None = None) -> tuple[int, str] | None:
        return (0, "demo/p@1") if instance == bytes(32) else None


def index() -> Index:
    return Known()


def test_names_and_targets_are_short() -> None:
    assert short_name("demo/Aggregator@1") == "Aggregator"
    assert target("http.request", GET) == "GET example.com/api/b?x=1"
    assert target("timer.set", {"deliver_at_ns": 5, "key": None}) == "deliver_at_ns 5"
    model = {"provider": "p", "model": "m", "max_tokens": 9, "api_key": {"$tag": "secret"}}
    assert target("llm.generate", model) == "p m, 9 tokens at most"


def test_an_event_names_its_schema_and_tag() -> None:
    record = event("demo/AggregatorEvent@1", {"$tag": "Start", "$value": {}})
    assert plain(summary(record, index(), UNICODE)) == "AggregatorEvent Start"


@pytest.mark.parametrize(
    ("key", "shown"),
    [(canon.encode("A1"), " [A1]"), (canon.encode(7), " [7]"), (b"A1", " [A1]"), (b"\0\1", "")],
)
def test_the_key_of_a_cell_is_shown_as_its_value(key: bytes, shown: str) -> None:
    fields = {"reducer": "demo/Seat@1", "key": key, "before": None, "after": None}
    assert plain(summary(Record("step", fields), index(), UNICODE)) == f"Seat unchanged{shown}"


def test_bytes_are_shown_as_text_where_they_are_text() -> None:
    assert target("blob.put", {"bytes": b"tea?"}) == "bytes tea?"
    assert target("blob.put", {"bytes": b"\xff\0"}) == "bytes 0xff00"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("ok", "settled"), "GET /api/b?x=1 200"),
        (("timeout", "settled"), "GET /api/b?x=1 timeout"),
        (("ok", "late"), "GET /api/b?x=1 200 settled before"),
    ],
)
def test_a_receipt_says_what_for_and_how(given: tuple[str, str], text: str) -> None:
    assert plain(summary(receipt(*given), index(), UNICODE)) == text


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("duplicate", "GET /api/b?x=1 duplicate"),
        ("late", "GET /api/b?x=1 200 late"),
        (None, "GET /api/b?x=1 200 settled before"),
    ],
)
def test_a_receipt_that_came_too_late_is_told_by_the_history(
    outcome: str | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Known, "outcome", lambda _, height: outcome if height == 7 else "no")
    assert plain(summary(receipt("ok", "late"), index(), UNICODE, 7)) == text
    assert plain(summary(receipt("ok", "settled"), index(), UNICODE, 8)) == "GET /api/b?x=1 200"


def test_a_step_that_changes_nothing_says_so() -> None:
    changed = Record("step", {"reducer": "demo/A@1", "before": None, "after": bytes(32)})
    same = Record("step", {"reducer": "demo/A@1", "before": bytes(32), "after": bytes(32)})
    assert plain(summary(changed, index(), UNICODE)) == "A ∆"
    assert plain(summary(changed, index(), ASCII)) == "A *"
    assert plain(summary(same, index(), UNICODE)) == "A unchanged"


def test_values_are_cut_to_one_line() -> None:
    assert json_line({"a": [1, None]}) == '{"a": [1, null]}'
    assert json_line("x" * 100, 10) == "xxxxxxxx.."
    assert outcome({"status": 202, "headers": {}, "body_preview": '{"a":1}'}) == '202 {"a":1}'
    assert (
        outcome({"output_ref": "sha256:..", "output_preview": "A wet morning."}) == "A wet morning."
    )


def test_diagnostic_notation() -> None:
    assert (
        diagnostic({"a": [b"\x01", True, None], "b": -1}) == '{"a": [h\'01\', true, null], "b": -1}'
    )


@pytest.mark.parametrize(
    ("verified", "text"),
    [
        (Verified(), "chain unverified"),
        (Verified("running", percent=40), "chain ◷ 40 %"),
        (Verified("ok", height=17), "chain ✓ verified"),
        (Verified("ok", height=17, before=True), "chain ✓ verified before"),
        (Verified("ok", height=9), "chain ✓ to 9"),
        (Verified("bad", height=4), "chain ✗ broken at 4"),
    ],
)
def test_the_chain_says_how_far_it_is_proven(verified: Verified, text: str) -> None:
    assert chain_text(verified, 17, UNICODE)[0] == text


def test_glyphs_are_ascii_where_the_terminal_has_no_others() -> None:
    assert pick_glyphs("utf-8", "xterm-256color") is UNICODE
    assert pick_glyphs("UTF8", None) is UNICODE
    assert pick_glyphs("ascii", "xterm") is ASCII
    assert pick_glyphs("utf-8", "linux") is ASCII


def snapshot(**more: Any) -> Snapshot:
    """A snapshot with what the lines around the panes show."""
    given: dict[str, Any] = {
        "world": "04-aggregator", "branch": "main", "scenario": "basic", "height": 4, "live": 6,
        "following": False, "root": bytes(32), "head": bytes(32), "records": [], "index": index(),
        "states": States(Wish(), 0, False), "pending": (), "plan_count": 0, "plan": None,
        "turns": 2, "landmarks": Landmarks(turns=(1, 4)), "next_step": None,
        "first_events": (), "verified": Verified(), "trouble": None, "notices": (),
        "disk_changes": (), "writable": True,
    }  # fmt: skip
    return Snapshot(**(given | more))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "more",
    [{}, {"world": "w" * 80, "branch": "b" * 80}, {"branch": "b" * 40}, {"writable": False}],
    ids=["usual", "both long", "long branch", "read-only"],
)
def test_the_header_cuts_names_before_figures(width: int, more: dict[str, Any]) -> None:
    line = plain(header(snapshot(**more), width, UNICODE))
    assert len(line) <= width
    assert "h 4 of 6" in line and "unverified" in line
    assert line.endswith("0 waiting") or len(line) + len("  0 waiting") > width
    assert (" 0000 " in line) == (width == 80)
    assert ("root  00000000 " in line) == (width == 120)
    assert ("read-only" in line) == ("writable" in more)


def test_the_timeline_says_what_t_does_in_the_room_there_is() -> None:
    step = snapshot(next_step="fire demo/AggregatorEvent@1 Start")
    assert plain(timeline_text(step, 80)) == (
        "7 records, 2 turns  next: fire AggregatorEvent Start (t)"
    )
    assert plain(timeline_text(step, 50)) == "7 records  next: fire AggregatorEvent Start (t)"
    assert plain(timeline_text(step, 40)) == "next: fire AggregatorEvent Start (t)"
    assert plain(timeline_text(step, 33)) == "t: fire AggregatorEvent Start"
    assert plain(timeline_text(step, 20)) == "t: fire Aggregator.."
    assert plain(timeline_text(snapshot(), 80)).endswith("scenario basic is at its end")
    assert plain(timeline_text(snapshot(), 45)) == "7 records  scenario basic is at its end"
    assert plain(timeline_text(snapshot(), 30)) == "the scenario is at its end"
    nothing = snapshot(next_step=NOTHING_LEFT, live=3100)
    assert plain(timeline_text(nothing, 45)) == "3101 records  nothing is left to release (t)"
    assert plain(timeline_text(snapshot(scenario=None), 80)) == "7 records, 2 turns"


def test_progress_leaves_out_how_to_stop_it_and_of_what_it_is_before_how_far_it_is() -> None:
    busy = snapshot(progress="demo/Orders@1: compiling core, 3 of about 9, 5 s; esc stops it")
    for width, said in (
        (85, "7 records, 2 turns  demo/Orders@1: compiling core, 3 of about 9, 5 s; esc stops it"),
        (65, "demo/Orders@1: compiling core, 3 of about 9, 5 s; esc stops it"),
        (50, "demo/Orders@1: compiling core, 3 of about 9, 5 s"),
        (40, "compiling core, 3 of about 9, 5 s"),
        (20, "compiling core, 3 .."),
    ):
        assert plain(timeline_text(busy, width)) == said


@pytest.mark.parametrize("width", [100, 120])
def test_that_a_proof_is_of_before_gives_way_to_names(width: int) -> None:
    proven = Verified("ok", height=6, before=True)
    short = plain(header(snapshot(height=6, verified=proven), width, UNICODE))
    assert "chain ✓ verified before" in short
    branch = "b" * (width - 76)
    line = plain(header(snapshot(height=6, verified=proven, branch=branch), width, UNICODE))
    assert f"04-aggregator  {branch}  " in line and len(line) <= width
    assert "chain ✓ verified  " in line


LONG_BRANCH = "payment-retry-experiment-2"


@pytest.mark.parametrize("more", [{}, {"writable": False}, {"pending": (None,) * 3}])
@pytest.mark.parametrize("watched", [{}, {"holds": "holds"}, {"holds": "holds", "fails_at": 16}])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_what_tells_branches_apart_is_kept_in_the_header(
    width: int, watched: dict[str, Any], more: dict[str, Any]
) -> None:
    shown = snapshot(branch=LONG_BRANCH, live=6, height=6, **watched, **more)
    line = plain(header(shown, width, UNICODE))
    assert len(line) <= width
    assert "h 6 live" in line and ("unverified" in line or "?" in line)
    assert "-2  " in line and "payment" in line
    assert (LONG_BRANCH in line) or ("ment-2" in line and ".." in line)
    assert ("  p ✓" in line or "  p ✗ 16" in line) == ("holds" in watched)
    assert ("✗ 16" in line) == ("fails_at" in watched)
    assert ("◷ 3" in line or "3 waiting" in line) == ("pending" in more)
    assert ("read-only" in line or "r/o" in line) == ("writable" in more)


def test_names_that_are_too_long_keep_both_ends() -> None:
    assert clip_inside("main-undo-17-2", 20) == "main-undo-17-2"
    assert clip_inside("main-undo-17-2", 10) == "main..17-2"
    assert [len(clip_inside("x" * 40, width)) for width in (4, 5, 24)] == [4, 5, 24]


def test_the_line_above_the_panes() -> None:
    trouble = Trouble("branch main is damaged", "height 20", "F forks it")
    shown = plain(banner(snapshot(trouble=trouble, disk_changes=("demo/A@1",)), ASCII))
    assert shown == " x branch main is damaged\n   height 20; F forks it"
    told = f"expected sha256:{bytes(32).hex()}, found sha256:{'ab' * 32}"
    pieces = banner(snapshot(trouble=Trouble(told, "", "")), ASCII)
    assert plain(pieces) == " x expected  00000000 , found  abababab "
    assert [role for _, role in pieces if role.startswith("chip")] == ["chip0", "chip11"]
    assert "another demo/A@1" in plain(banner(snapshot(disk_changes=("demo/A@1",)), ASCII))
    wrong = snapshot(disk_problem="air/a.air.json:3:1: no JSON", disk_changes=("demo/A@1",))
    first, hint = plain(banner(wrong, ASCII)).split("\n")
    assert first == " * on disk: air/a.air.json:3:1: no JSON" and "mend the file" in hint


def test_a_value_is_told_in_few_words_and_walked_no_further() -> None:
    assert brief({"a": "x", "b": None, "c": {}, "d": [1, True]}) == "a: x, d: [1, true]"
    assert brief({"$tag": "Held", "$value": {"until": 7}}) == "Held {until: 7}"
    assert brief(f"sha256:{bytes(32).hex()}") == "00000000"
    assert brief("a\x1bb") == "a\ufffdb"
    wrapped = {"Record": {"n": {"Nat": 7}, "m": {"Map": [[{"Text": "k"}, {"List": ["Null"]}]]}}}
    assert brief(wrapped, kinded=True) == "n: 7, m: {k: [none]}"
    assert brief("Unit", kinded=True) == brief({}) == ""
    walked = 0

    class Counted(list[int]):
        def __iter__(self) -> Iterator[int]:
            nonlocal walked
            for walked in range(10**6):
                yield -walked

    assert len(brief({"a": Counted([1])}, most=40)) == 40
    assert walked < 40


def test_what_a_record_says_beyond_its_summary() -> None:
    def told(kind: str, **fields: Any) -> str:
        return plain(details(Record(kind, fields), index()))

    start = {"$tag": "Start", "$value": {"topic": "demo"}}
    assert plain(details(event("demo/E@1", start), index())) == "topic: demo"
    assert plain(details(INTENT, index())) == "p #0 emit  cap_http"
    state = {"reducer": "demo/A@1", "after": b"\xab" * 32}
    assert told("step", before=None, **state) == " abab "
    assert told("step", before=bytes(32), **state) == " 0000  to  abab "
    assert told("step", before=bytes(32), reducer="demo/A@1", after=None) == " 0000  to nothing"
    asked = {"instance": bytes(32), "step": "emit", "state": "done"}
    assert told("plan_step", on=bytes(32), **asked) == "for GET example.com/api/b?x=1"
    assert told("plan_step", on="demo/Done@1", **asked) == "for Done"
    assert told("plan_step", value={"Bool": False}, **asked) == "false"
    assert told("decision", intent=bytes(32), grant="c", cap="allow") == "GET example.com/api/b?x=1"


@pytest.mark.parametrize(("width", "at"), [(70, None), (79, 52), (98, 52)])
def test_details_stand_below_each_other_where_there_is_room(width: int, at: int | None) -> None:
    asks = Record("decision", {"intent": bytes(32), "grant": "cap_http", "cap": "allow"})

    class Journal(Known):
        def row(self, height: int) -> Row | None:
            return Row([asks, event("demo/E@1", "x" * 300)][height], 0, 1)

    lines = [
        plain(line_pieces(Line(of, of), width, 2, Signs(), Journal(), UNICODE)) for of in (0, 1)
    ]
    assert all(len(line) <= width for line in lines)
    found = [line.find(word) for line, word in zip(lines, ("GET", "xxx"), strict=True)]
    assert found == ([-1, -1] if at is None else [at, at])


def test_a_line_that_is_too_long_says_so_and_keeps_what_matters() -> None:
    class Journal(Known):
        def row(self, height: int) -> Row | None:
            return Row(INTENT, 0, 0)

    def line(width: int) -> str:
        return plain(line_pieces(Line(0, 0), width, 1, Signs(), Journal(), UNICODE))

    whole = "╶ 0 ▸ intent   GET example.com/api/b?x=1  http.request"
    assert line(60) == whole
    assert line(50) == line(len(whole) - 1) == whole.removesuffix("  http.request")
    assert line(30) == "╶ 0 ▸ intent   GET /api/b?x=1"
    assert line(25) == "╶ 0 ▸ intent   GET /api.."


def test_neighbours_of_one_role_are_one_span() -> None:
    pieces = [("a", "bar"), ("b", "bar"), ("c", ""), ("d", "bar")]
    text = to_text(pieces, {"bar": Style(bold=True)})
    assert text.plain == "abcd"
    assert [(of.start, of.end) for of in text.spans] == [(0, 2), (3, 4)]
