"""``docs/journal-format.md`` and ``docs/journal-index.md`` say what is so."""

from __future__ import annotations

import importlib
import itertools
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from aos_core import index
from aos_core.kernel.records import KINDS, OUTCOMES, EventInput, ManifestInput, ReceiptInput
from aos_core.world import World
from tests import journal_reader
from tests.support import ROOT
from tests.test_format_1 import SAMPLE, records
from tests.worlds.apiary import PATH
from tests.worlds.test_apiary import play

FORMAT = (ROOT / "docs/journal-format.md").read_text("utf-8")
INDEX = (ROOT / "docs/journal-index.md").read_text("utf-8")


# -- the format ----------------------------------------------------------------------------------


@pytest.fixture
def annotate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("annotate_journal")


def test_the_example_is_current(annotate: ModuleType) -> None:
    """If not: ``python docs/annotate_journal.py``."""
    assert annotate.page(FORMAT) == FORMAT


def test_the_example_shows_every_byte() -> None:
    block = FORMAT.partition("## 12 ")[2].partition("```\n")[2].partition("```")[0]
    shown = b"".join(
        bytes.fromhex(line[4:66]) for line in block.splitlines() if not line.startswith("--")
    )
    frames, then = journal_reader.read(shown)
    assert (len(frames), then) == (3, "nothing")
    heads = re.findall(r"-- head after it: sha256:([0-9a-f]{64})", block)
    assert heads == [frame.hash.hex() for frame in frames]


def test_what_is_said_of_the_example() -> None:
    vectors = json.loads((ROOT / "tests/golden/journal-v1.json").read_text("utf-8"))
    header, on, off = journal_reader.read(bytes.fromhex(vectors["example"]))[0]
    assert [of["k"] for of in on.body["records"]] == ["event", "step", "event"]
    assert header.body["root"] == off.body["root"] != on.body["root"]


@pytest.mark.parametrize("path", sorted(SAMPLE.rglob("*.log")), ids=lambda path: path.stem)
def test_any_journal_can_be_annotated(annotate: ModuleType, path: Path) -> None:
    data = path.read_bytes()
    lines = [line for line in annotate.annotate(data) if not line.startswith("--")]
    assert b"".join(bytes.fromhex(line[4:66]) for line in lines) == data


def table(section: str) -> dict[str, set[str]]:
    """The fields that a table of the page lists, by kind."""
    text = FORMAT.partition(f"\n## {section} ")[2].partition("\n## ")[0]
    kind = ""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and "`" in cells[0] + cells[1]:
            kind = cells[0].strip("`") or kind
            if cells[1] != "key":
                found.setdefault(kind, set()).update(re.findall(r"`(\w+)`", cells[1]))
    found.pop("outcome", None)
    return {kind: fields for kind, fields in found.items() if kind in KINDS}


def test_every_kind_of_record_is_listed_with_its_fields() -> None:
    assert table("6") == {kind: {*must, *may} for kind, (must, may) in KINDS.items()}
    for outcome in OUTCOMES:
        assert f"| `{outcome}` |" in FORMAT


def test_every_kind_of_input_is_listed_with_its_fields() -> None:
    stamps = {"k", "at_ns", "logical_ns", "entropy", "source"}
    whole: dict[str, dict[str, Any]] = {
        "event": EventInput(schema="a", value=b"", key=b"").to_plain(),
        "receipt": ReceiptInput(
            intent=bytes(32), adapter_id="", status="ok", payload=b"", cost_cents=0, signature=b""
        ).to_plain(),
        "manifest_replaced": ManifestInput(
            old=bytes(32), new=bytes(32), changed=(), settings={}
        ).to_plain(),
    }
    assert table("5") == {kind: plain.keys() - stamps for kind, plain in whole.items()}


def test_what_may_be_absent() -> None:
    for of in records():
        match of["k"]:
            case "plan_step":
                assert ("value" in of) == (of["state"] == "done")
                assert ("on" in of) == (of["state"] == "waiting")
            case "plan_ended":
                assert "error_code" in of or of["status"] == "ok"
                assert of["status"] == "error" or not {"error_code", "step"} & of.keys()
            case "decision":
                assert ("policy" in of) == (of["cap"] == "allow")
                assert ("code" in of) == ("deny" in (of["cap"], of.get("policy")))


@pytest.mark.parametrize("seed", range(3))
def test_another_reader_knows_the_roots_of_another_world(seed: int) -> None:
    """What the page says of the state is so for plans that wait for one another, timers, keys."""
    with World.open(PATH, memory=True) as world:
        play(world, Random(seed).choice)
        roots = journal_reader.Roots(world.store.get)
        live = 0
        for frame in world.frames:
            body = journal_reader.decode(frame.payload)
            assert roots.after(journal_reader.Frame(body, frame.hash)) == frame.root
            live = max(live, len(roots.plans))
    assert live > 2


def test_the_checksum_is_the_one_that_is_named() -> None:
    assert journal_reader.crc32c(b"123456789") == 0xE3069283


# -- the index -----------------------------------------------------------------------------------

BLOCKS = INDEX.split("```sql\n")
QUERIES = {
    before.rstrip().rpartition("\n\n")[2]: after.partition("```")[0]
    for before, after in itertools.pairwise(BLOCKS)
}
"""The queries of the page, by what stands over them."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the sample world."""
    world = Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("index") / "world"))
    (world / "aos").rename(world / ".aos")
    for branch in ("main", "third"):
        with World.open(world, branch, write=False) as opened:
            assert opened.height
    return world / ".aos/index.db"


def ask(database: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        opened.row_factory = sqlite3.Row
        return [dict(row) for row in opened.execute(query)]


def answers(database: Path, begin: str) -> list[dict[str, Any]]:
    (query,) = (of for title, of in QUERIES.items() if title.startswith(begin))
    return ask(database, query)


def test_all_queries_are_found() -> None:
    assert len(QUERIES) == INDEX.count("```sql") >= 10


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_finds_something(title: str, database: Path) -> None:
    assert ask(database, QUERIES[title])


def test_counts(database: Path) -> None:
    every = records()
    kinds = {of["kind"]: of["records"] for of in answers(database, "How many")}
    assert kinds == {kind: sum(of["k"] == kind for of in every) for kind in KINDS}
    outcomes = {of["outcome"]: of["receipts"] for of in answers(database, "Receipts")}
    assert outcomes == {
        name: sum(of.get("outcome") == name for of in every) for name in OUTCOMES
    }  # fmt: skip
    days: dict[tuple[str, str], int] = {}
    for frame in journal_reader.chain(SAMPLE / "aos/journal", "main"):
        at_ns = frame.body.get("input", {}).get("at_ns", 0)
        day = datetime.fromtimestamp(at_ns // 10**9, UTC).date().isoformat()
        for of in frame.body["records"]:
            if of["k"] == "event":
                days[day, of["schema"]] = days.get((day, of["schema"]), 0) + 1
    found = answers(database, "Events by")
    assert {(of["day"], of["schema"]): of["events"] for of in found} == days


def test_causes(database: Path) -> None:
    every = records()
    asked = {of["hash"]: height for height, of in enumerate(every[:14]) if of["k"] == "intent"}
    height: int | None = 14
    expected = []
    while height is not None:
        of = every[height]
        expected.append((height, of["k"]))
        height = asked[of["intent"]] if of["k"] == "receipt" else of.get("by")
    found = answers(database, "Why")
    assert [(of["height"], of["kind"]) for of in found] == expected
    assert {kind for _, kind in expected} >= {"step", "receipt", "intent"}
    led_to = {of["height"] for of in answers(database, "What record 1")}
    assert led_to == set(range(1, 15))


def test_what_went_wrong(database: Path) -> None:
    every = records()
    faults = [(height, of["code"]) for height, of in enumerate(every) if of["k"] == "fault"]
    assert [(of["height"], of["code"]) for of in answers(database, "Faults")] == faults
    failed = [
        (height, of.get("step"), of["error_code"])
        for height, of in enumerate(every)
        if of["k"] == "plan_ended" and of["status"] == "error"
    ]
    found = answers(database, "Plan instances")
    assert [(of["ended_at"], of["step"], of["code"]) for of in found] == failed
    denied = [of["code"] for of in every if of["k"] == "decision" and "code" in of]
    assert sorted(of["code"] for of in answers(database, "Denied")) == sorted(denied)


def test_what_is_pending(database: Path) -> None:
    roots = journal_reader.Roots(journal_reader.objects(SAMPLE / "aos/store.db"))
    for frame in journal_reader.chain(SAMPLE / "aos/journal", "main"):
        roots.after(frame)
    found = {bytes.fromhex(of["intent"]) for of in answers(database, "What is pending")}
    assert found == roots.pending.keys()


def test_every_column_is_listed() -> None:
    tables = dict(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\n\)", index._TABLES, re.S))
    tables.pop("verified")
    for name, columns in tables.items():
        listed = re.findall(r"^`(\w+)`: one row", INDEX, re.M)
        assert name in listed
        page = INDEX.partition(f"\n`{name}`: one row")[2].partition("\n\n`")[0]
        shown = {of for row in re.findall(r"^\| (`.*?) \|", page, re.M)
                 for of in re.findall(r"`(\w+)`", row)}  # fmt: skip
        assert shown == set(re.findall(r"(\w+) (?:INTEGER|TEXT|BLOB)", columns))
