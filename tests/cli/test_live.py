"""``aos fire``, ``pending``, ``release``: events and receipts from a script."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from aos_core.cli.output import Out
from aos_core.layer import FileLayer
from aos_core.world import World
from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT, REDUCER, ROOT, copy_example

ACK = {"height", "root", "records", "pending"}


def test_fire_acknowledges_what_is_durable(world: Path, aos: Aos) -> None:
    done = aos("fire", world, EVENT, START_JSON, "--json")
    assert done.code == 0
    assert set(done.json) == ACK
    with World.open(world, write=False) as read:
        assert (done.json["height"], done.json["records"], done.json["pending"]) == (16, 16, 3)
        assert done.json["root"] == f"sha256:{read.root.hex()}"


def test_fire_tells_people_what_happened(world: Path, aos: Aos) -> None:
    out = aos("fire", world, EVENT, START_JSON).out
    assert "   1 ▸ event AggregatorEvent Start\n" in out
    assert "  14 ◌ asks 1: http.request GET https://example.com/api/a\n" in out
    assert "height 16, 3 pending" in out


def _stdin(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_stream_goes_on_after_a_line_that_is_refused(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stdin(monkeypatch, START_JSON, "{", "", '{"Start": 1}', START_JSON)
    done = aos("fire", world, EVENT, "-", "--json")
    assert done.code == 2
    first, broken, unfit, second = done.lines
    assert (set(first), first["height"], second["height"]) == (ACK, 16, 32)
    assert (broken["error"]["code"], broken["error"]["where"]["line"]) == ("bad_json", 2)
    assert (unfit["error"]["code"], unfit["error"]["where"]["line"]) == ("bad_value", 4)
    assert second["pending"] == 6


def test_a_stream_for_people(world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch) -> None:
    _stdin(monkeypatch, START_JSON, "1")
    done = aos("fire", world, EVENT, "-")
    assert done.code == 2
    assert done.out.startswith("height 16, 3 pending, root sha256:")
    assert "  line: 2\n" in done.err


def test_lines_that_have_come_share_a_sync_and_are_acknowledged_after_it(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, line = FileLayer.sync, Out.line

    def synced(self: FileLayer, file: BinaryIO) -> None:
        sync(self, file)
        happened.append("sync")

    def said(self: Out, value: object) -> None:
        happened.append("ack")
        line(self, value)

    aos("fire", world, EVENT, START_JSON)
    monkeypatch.setattr(FileLayer, "sync", synced)
    monkeypatch.setattr(Out, "line", said)
    _stdin(monkeypatch, *[START_JSON] * 60)
    done = aos("fire", world, EVENT, "-", "--json")
    assert [of["height"] for of in done.lines] == [16 * n for n in range(2, 62)]
    assert happened.count("ack") == 60 and happened[0] == "sync"
    assert happened.count("sync") < 60


def test_what_stays_of_a_group_that_breaks_off_is_acknowledged(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [0]
    write = FileLayer.write

    def full(self: FileLayer, file: BinaryIO, at: int, data: bytes) -> None:
        written[0] += 1
        if written[0] > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, file, at, data)

    aos("fire", world, EVENT, START_JSON)
    monkeypatch.setattr(FileLayer, "write", full)
    _stdin(monkeypatch, *[START_JSON] * 200)
    done = aos("fire", world, EVENT, "-", "--json")
    monkeypatch.undo()
    *acks, error = done.lines
    assert error["error"]["code"] == "disk" and "free some space" in error["error"]["hint"]
    with World.open(world, write=False) as opened:
        assert [of["height"] for of in acks] == [16 * n for n in range(2, 7)]
        assert opened.height == acks[-1]["height"]


def test_each_line_is_acknowledged_before_the_next_is_read(world: Path) -> None:
    command = [sys.executable, "-m", "aos_core.cli.main", "fire", str(world), EVENT, "-", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        for height in (16, 32):
            process.stdin.write(f"{START_JSON}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["height"] == height
        with World.open(world, write=False) as reader:  # while the writer still runs
            assert reader.height == 32
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_second_writer_is_told_who_is_first(world: Path, aos: Aos) -> None:
    """The first one waits in another process for its next line."""
    command = [sys.executable, "-m", "aos_core.cli.main", "fire", str(world), EVENT, "-", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as first:
        assert first.stdin is not None and first.stdout is not None
        first.stdin.write(f"{START_JSON}\n")
        first.stdin.flush()
        first.stdout.readline()
        done = aos("release", world, "--all", "--json")
        assert done.code == 2
        assert done.error["code"] == "branch_locked"
        assert f"pid {first.pid}" in done.error["message"]
        assert aos("pending", world, "--json").code == 0  # readers are let in
        first.stdin.close()
        assert first.wait(timeout=60) == 0


def test_pending_is_listed_with_its_answers(asked: Path, aos: Aos) -> None:
    items = aos("pending", asked, "--json").json
    assert [item["n"] for item in items] == [1, 2, 3]
    for item in items:
        assert set(item) == {
            "n", "intent_hash", "kind", "params", "cap", "origin", "since", "answer",
        }  # fmt: skip
        assert item["intent_hash"].startswith("sha256:")
    assert items[1]["params"]["url"] == "https://example.com/api/b"
    assert items[1]["answer"]["payload"]["status"] == 200
    assert items[1]["origin"]["step"] == "emit_b"


def test_pending_for_people(asked: Path, aos: Aos) -> None:
    out = aos("pending", asked).out
    assert " 2  http.request GET https://example.com/api/b\n" in out
    assert 'answer ready: ok 200 {"source":"beta","items":5}\n' in out
    aos("release", asked, "--all")
    assert aos("pending", asked).out == "nothing is pending\n"


def test_a_scenario_chooses_the_answers(asked: Path, aos: Aos) -> None:
    answers = aos("pending", asked, "--scenario", "one-fails", "--json").json
    assert [of["answer"]["payload"]["status"] for of in answers] == [202, 500, 201]
    aos("release", asked, 2, "--scenario", "one-fails")
    aos("release", asked, "--all")
    state = aos("state", asked, REDUCER, "--json").json
    assert state["last_statuses"] == [202, 500, 201]


def test_release_by_number_and_by_hash(asked: Path, aos: Aos) -> None:
    third = aos("pending", asked, "--json").json[2]["intent_hash"]
    done = aos("release", asked, 2, third[:17], "--json")
    assert done.code == 0
    assert set(done.json) == ACK
    assert (done.json["pending"], done.json["records"]) == (1, 6)
    receipts = aos("journal", asked, "--filter", "kind:receipt", "--json").lines
    assert [of["payload"]["status"] for of in receipts] == [200, 201]
    assert [item["n"] for item in aos("pending", asked, "--json").json] == [1]


def test_release_all_in_order_and_by_seed(tmp_path: Path, aos: Aos) -> None:
    ways = {"order": ("--order", "3,1,2"), "seed": ("--seed", "5"), "as asked": ()}
    roots, statuses = set(), {}
    for name, way in ways.items():
        world = copy_example(tmp_path / name)
        aos("fire", world, EVENT, START_JSON)
        done = aos("release", world, "--all", *way, "--json")
        assert done.code == 0
        roots.add(done.json["root"])
        receipts = aos("journal", world, "--filter", "kind:receipt", "--json").lines
        statuses[name] = [of["payload"]["status"] for of in receipts]
    assert len(roots) == 1
    assert statuses["order"] == [201, 202, 200]
    assert statuses["as asked"] == [202, 200, 201]
    assert sorted(statuses["seed"]) == [200, 201, 202]


def test_release_with_a_receipt_by_hand(asked: Path, aos: Aos) -> None:
    answer = aos("pending", asked, "--json").json[0]["answer"]
    answer["payload"] |= {"status": 418, "body_preview": "tea"}
    assert aos("release", asked, 1, "--receipt", json.dumps(answer), "--json").code == 0
    aos("release", asked, "--all")
    assert aos("state", asked, REDUCER, "--json").json["last_statuses"][0] == 418


def test_release_says_how_to_give_an_answer_where_none_is_prepared(asked: Path, aos: Aos) -> None:
    (asked / "scenarios/mute.toml").write_text("", "utf-8")
    before = aos("journal", asked, "--json").lines
    done = aos("release", asked, "--all", "--scenario", "mute", "--json")
    assert done.code == 2
    assert done.error["code"] == "no_answer"
    assert done.error["hint"]
    assert aos("journal", asked, "--json").lines == before


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), "usage", "say which"),
        (("1", "--all"), "usage", "say which"),
        (("7",), "usage", "no pending intent 7"),
        (("1", "1"), "usage", "given twice"),
        (("1", "--seed", "3"), "usage", "go with --all"),
        (("--all", "--order", "1,2"), "usage", "name each once"),
        (("--all", "--order", "1,2,3", "--seed", "1"), "usage", "not both"),
        (("1", "2", "--receipt", "{}"), "usage", "one intent"),
        (("1", "--receipt", "{"), "bad_json", "--receipt is no JSON"),
        (("1", "--receipt", "{}"), "bad_value", "a receipt is"),
        (("1", "--receipt", '{"payload": {"status": "x"}}'), "bad_value", "HttpRequestReceipt"),
        (("1", "--receipt", '{"status": "odd", "payload": 1}'), "bad_value", "HttpRequestReceipt"),
    ],
)
def test_a_release_that_makes_no_sense_writes_nothing(
    args: tuple[str, ...], code: str, said: str, asked: Path, aos: Aos
) -> None:
    before = (asked / ".aos/journal/main.log").read_bytes()
    done = aos("release", asked, *args, "--json")
    assert done.code == 2
    assert done.error["code"] == code
    assert said in done.error["message"]
    assert (asked / ".aos/journal/main.log").read_bytes() == before


@pytest.mark.parametrize(
    ("schema", "value", "code"),
    [
        (EVENT, "{", "bad_json"),
        (EVENT, "NaN", "bad_json"),
        pytest.param(EVENT, "[" * 100_000, "bad_json", id="too deep"),
        (EVENT, '{"Stop": 1}', "bad_value"),
        ("demo/Nothing@1", "1", "bad_value"),
    ],
)
def test_an_event_that_is_refused_writes_nothing(
    schema: str, value: str, code: str, asked: Path, aos: Aos
) -> None:
    before = (asked / ".aos/journal/main.log").read_bytes()
    done = aos("fire", asked, schema, value, "--json")
    assert (done.code, done.error["code"]) == (2, code)
    assert (asked / ".aos/journal/main.log").read_bytes() == before


def test_an_event_nobody_listens_to_is_journaled_and_said(asked: Path, aos: Aos) -> None:
    target = '{"name": "a", "url": "b", "method": "c"}'
    done = aos("fire", asked, "demo/Target@1", target, "--json")
    assert (done.code, done.json["records"]) == (0, 1)
    assert "nothing listens to demo/Target@1" in done.err


def test_a_faulted_turn_is_told_and_exits_1(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reducer that gets no fuel to speak of."""
    toml = world / "world.toml"
    toml.write_text(toml.read_text("utf-8") + "\n[limits]\nfuel = 100\n", "utf-8")
    done = aos("fire", world, EVENT, START_JSON, "--json")
    assert done.code == 1
    assert set(done.json) == ACK | {"fault"}
    assert done.json["fault"]["code"] == "out_of_fuel"
    assert done.json["fault"]["where"]["reducer"] == REDUCER
    assert (done.json["records"], done.json["pending"]) == (2, 0)
    people = aos("fire", world, EVENT, START_JSON)
    assert people.code == 1
    assert "✗ fault out_of_fuel" in people.out
    _stdin(monkeypatch, START_JSON)
    assert aos("fire", world, EVENT, "-", "--json").code == 1


def test_a_branch_that_is_not_there_is_answered_with_those_that_are(asked: Path, aos: Aos) -> None:
    done = aos("release", asked, 1, "--branch", "nope", "--json")
    assert (done.code, done.error["code"], done.error["hint"]) == (2, "no_branch", "branches: main")
