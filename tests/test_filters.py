"""The filter language of the journal: what it means, and that the index answers as a scan would."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aos_core import filters
from aos_core.air.host_json import untyped_to_host
from aos_core.by_hand import broken
from aos_core.errors import UsageError
from aos_core.filters import find, parse_filter
from aos_core.index import VERSION
from aos_core.kernel.records import KINDS, show_field
from aos_core.row_words import asked_for, row_words
from aos_core.world import World
from tests.support import EVENT, copy_example, numbered, release_all, start


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A fork of a world in the middle of a history that went on differently."""
    with World.open(copy_example(tmp_path_factory.mktemp("filters") / "world"), memory=True) as of:
        of.fire(EVENT, start(topic="Straße %_"))
        of.deliver(numbered(of, 1).answer())
        fork = of.fork(of.height, "side")
        release_all(of)
        of.fire(EVENT, start(topic="only before"))
        release_all(fork, 3, 2)
        fork.fire(EVENT, start(topic='Zoe\'s "Bob B"'))
        yield fork


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", lambda of: True),
        ("kind:event", lambda of: of.kind == "event"),
        ("kind:re*", lambda of: of.kind == "receipt"),
        ("kind:plan", lambda of: of.kind in ("plan_started", "plan_step", "plan_ended")),
        ("kind:swap", lambda of: of.kind == "manifest_replaced"),
        ("kind:receipt kind:event", lambda of: of.kind in ("receipt", "event")),
        ("schema:Agg*", lambda of: "/Agg" in (of.get("schema") or "")),
        ("schema:AggregatorEvent", lambda of: of.get("schema") == EVENT),
        ("schema:AggregatorEvent@1", lambda of: of.get("schema") == EVENT),
        ("schema:demo/AggregatorEvent@1 kind:intent", lambda of: False),
        ("text:strasse", lambda of: "Straße" in str(of.fields)),
        ("ZOE", lambda of: "Zoe" in str(of.fields)),
        ('text:"Bob b"', lambda of: "Bob B" in str(of.fields)),
        ("text:zoe text:nowhere", lambda of: False),
    ],
)
def test_what_a_filter_shows(text: str, shown: object, forked: World) -> None:
    wanted = [at for at, record in enumerate(forked.records) if shown(record)]  # type: ignore[operator]
    assert find(forked, text) == wanted


def test_heights_are_exclusive_and_an_end_is_not_passed(forked: World) -> None:
    assert find(forked, "after:3 before:6") == [4, 5]
    assert find(forked, "after:3", until=6) == [4, 5, 6]
    assert find(forked, "after:3 after:5 before:9 before:7") == [6]
    assert find(forked, f"after:{'9' * 5000}") == find(forked, "before:0") == []
    assert find(forked, f"before:{'9' * 5000} kind:genesis") == [0]


def test_a_prefix_of_a_hash_is_found(forked: World) -> None:
    intent = forked.pending[0].intent_hash
    found = find(forked, f"text:sha256:{intent.hex()[:12]}")
    records = [forked.records[at] for at in found]
    assert {"intent", "decision"} <= {of.kind for of in records}
    assert found == [at for at in range(forked.height + 1) if intent.hex() in _shown(forked, at)]


def _shown(world: World, height: int) -> str:
    fields = world.records[height].fields
    return str({name: show_field(name, of) for name, of in fields.items()})


def test_receipts_are_found_by_what_they_are_for(forked: World) -> None:
    found = [forked.records[at].kind for at in find(forked, 'text:"GET /api/b"')]
    assert found.count("receipt") >= 1 and set(found) == {"intent", "receipt"}


@pytest.fixture
def answered_again(tmp_path: Path) -> Iterator[World]:
    """Effect 1 is answered twice with the same, effect 2 timed out before its answer came; then
    its answer comes again, on a fork."""
    with World.open(copy_example(tmp_path / "world"), memory=True) as world:
        world.fire(EVENT, start())
        first, second = numbered(world, 1), numbered(world, 2)
        answer = second.answer()
        list(broken(world, first, "duplicate"))
        list(broken(world, second, "late"))
        fork = world.fork(world.height, "side")
        fork.deliver(answer)
        yield fork


def test_a_receipt_that_came_twice_is_told_from_one_that_came_late(answered_again: World) -> None:
    world = answered_again
    heights = world.history.of_kind("receipt", 0, world.height)
    assert [world.records[at]["outcome"] for at in heights] == ["settled", "late"] * 2 + ["late"]
    told = [world.history.outcome(at) for at in heights]
    assert told == ["settled", "duplicate", "settled", "late", "duplicate"]
    assert find(world, "kind:receipt duplicate") == [heights[1], heights[4]]
    assert find(world, "kind:receipt late") == [heights[at] for at in (1, 3, 4)], "as recorded"


def test_another_answer_that_differs_in_case_only_is_late(tmp_path: Path) -> None:
    with World.open(copy_example(tmp_path / "world"), memory=True) as world:
        world.fire(EVENT, start())
        answer = numbered(world, 1).answer()
        world.deliver(answer)
        preview = answer.payload["body_preview"].upper()
        world.deliver(replace(answer, payload={**answer.payload, "body_preview": preview}))
        assert world.history.outcome(world.height) == "late"


def test_an_index_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "world")
    with World.open(root) as world:
        world.fire(EVENT, start())
        release_all(world)
        wanted = find(world, 'text:"GET /api/b"')
    with closing(sqlite3.connect(root / ".aos/index.db")) as old:
        old.execute("ALTER TABLE records DROP COLUMN shown")
        old.execute(f"PRAGMA user_version = {VERSION - 1}")
        old.commit()
    with World.open(root) as world:
        assert find(world, 'text:"GET /api/b"') == wanted != []


def test_what_an_argument_holds_that_is_no_text_is_nowhere(forked: World) -> None:
    assert find(forked, "text:\udcff") == []


@pytest.mark.parametrize(
    "text", ["knd:event", "kind:evnt", "after:x", "before:-1", 'text:"a', "x" * 10_001]
)
def test_a_filter_that_is_none_says_so(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_filter(text)
    assert caught.value.code == "bad_filter"
    assert caught.value.hint


# -- the same as a scan -----------------------------------------------------------------------

_PATTERN = st.text("aAgr*?[]!^-/@1x", max_size=5) | st.sampled_from(["*", "Agg*", "demo/*", "?*t"])
_WORD = st.one_of(
    st.sampled_from([*KINDS, "*", "pla*", "e?ent", "re*t", "[!p]*", "[^e]*"]).map("kind:{}".format),
    _PATTERN.map("schema:{}".format),
    st.integers(0, 60).map("after:{}".format),
    st.integers(0, 60).map("before:{}".format),
    st.text("aeST%_'\"\\ 1{:ß", max_size=3).map("text:{}".format),
    st.sampled_from(
        ["SHA256:", "example.com/api/b", "strasse", "\0", "null", "GET /api", "#1"]
    ).map("text:{}".format),
)


@given(st.lists(_WORD, max_size=5), st.integers(0, 90), st.sampled_from([1, 7, 1000]))
@example(["text:"], 90, 7)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_index_answers_as_a_scan_would(
    forked: World, words: list[str], until: int, batch: int
) -> None:
    text = shlex.join(words)
    until = min(until, forked.height)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "BATCH", batch)
        found = find(forked, text, until)
    assert found == [at for at in range(until + 1) if _scan(words, at, forked)]


def _line(world: World, height: int) -> str:
    """What the journal's line of a record says, from the records alone."""
    record, before = world.records[height], range(height, -1, -1)
    about = ""
    if record.kind == "receipt":
        asked = next(at for at in before if world.records[at].get("hash") == record["intent"])
        about = asked_for(world.records[asked].to_plain())
    elif (instance := record.get("instance")) is not None:
        starts = [of["instance"] for of in world.records if of.kind == "plan_started"]
        about = f"#{starts.index(instance)}"
    more = f"\n{asked_for(record.to_plain())}" if record.kind == "intent" else ""
    return row_words(record.to_plain(), about, record.get("outcome")) + more


def _scan(words: list[str], height: int, world: World) -> bool:
    """Whether a filter shows a record, from the record itself: what the language means."""
    record = world.records[height]
    wanted: dict[str, list[str]] = {}
    for word in words:
        key, _, value = word.partition(":")
        wanted.setdefault(key, []).append(value)
    fields = {name: show_field(name, of) for name, of in record.fields.items()}
    text = json.dumps(untyped_to_host(fields), ensure_ascii=False).casefold()
    shown = _line(world, height).casefold()
    name = record.get("schema")
    short = (name or "").rpartition("/")[2]
    names = () if name is None else (name, short, short.partition("@")[0])
    kinds, schemas = wanted.get("kind"), wanted.get("schema")
    return (
        (kinds is None or any(fnmatchcase(record.kind, of) for of in kinds))
        and (schemas is None or any(fnmatchcase(of, by) for of in names for by in schemas))
        and all(height > int(of) for of in wanted.get("after", ()))
        and all(height < int(of) for of in wanted.get("before", ()))
        and all(
            any(of.casefold() in place for place in (text, shown, record.kind))
            for of in wanted.get("text", ())
        )
    )
