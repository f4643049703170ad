"""``aos list``, ``check``, ``state``, ``journal``, ``record``, and how ``aos`` takes arguments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.world import World
from tests.cli.conftest import Aos
from tests.support import EVENT, REDUCER, ROOT, start


def test_list_names_the_worlds_that_ship(aos: Aos) -> None:
    worlds = aos("list", "--json").json
    assert all(set(of) == {"number", "slug", "title", "summary", "path"} for of in worlds)
    (ours,) = [of for of in worlds if of["number"] == "04"]
    assert (ours["slug"], Path(ours["path"]).name) == ("aggregator", "04-aggregator")
    assert "04 aggregator Ask three at once" in " ".join(aos("list").out.split())


def test_a_world_is_found_by_number_slug_and_path(aos: Aos, asked: Path) -> None:
    for name in ("04", "aggregator", "examples/04-aggregator", asked):
        assert aos("check", name, "--json").json["ok"]


def test_a_world_may_be_left_out_where_it_is_the_only_argument(
    asked: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(asked)
    assert aos("check", "--json").json["ok"]
    assert len(aos("pending", "--json").json) == 3
    assert len(aos("journal", "--json").lines) == 17
    assert aos("verify", "--json").json["ok"]
    assert aos("state", "--json").json[REDUCER]["pc"] == "Running"
    assert aos("release", "--all", "--json").json["pending"] == 0


def test_check_lists_every_problem_at_once(world: Path, aos: Aos) -> None:
    plan = world / "plans/aggregator_plan.air.json"
    text = plan.read_text("utf-8")
    text = text.replace('"to": "await_a"', '"to": "await_x"').replace(
        "@var:fetch_b", "@var:fetch_y"
    )
    plan.write_text(text, "utf-8")
    (world / "scenarios/odd.toml").write_text("sed = 1\n", "utf-8")
    done = aos("check", world, "--json")
    assert done.code == 2
    assert set(done.json) == {"ok", "problems"}
    assert not done.json["ok"]
    for of in done.json["problems"]:
        assert set(of) == {
            "severity", "code", "file", "line", "column", "path", "message", "hint",
        }  # fmt: skip
        text = (world / of["file"]).read_text("utf-8")
        assert of["column"] <= len(text.splitlines()[of["line"] - 1])
    said = " ".join(of["message"] for of in done.json["problems"])
    assert "await_x" in said and "fetch_y" in said and "sed" in said
    people = aos("check", world)
    assert people.code == 2
    assert "plans/aggregator_plan.air.json" in people.out
    assert "✗ not ok" in people.out.splitlines()[-1]


def test_check_of_broken_json_names_the_file(world: Path, aos: Aos) -> None:
    (world / "air/policy.air.json").write_text("{", "utf-8")
    done = aos("check", world, "--json")
    assert done.code == 2
    assert any((of["file"] or "").endswith("policy.air.json") for of in done.json["problems"])


def test_check_finds_a_missing_and_a_broken_module(world: Path, aos: Aos) -> None:
    wasm = world / "modules/Aggregator.wasm"
    wasm.write_bytes(b"no wasm")
    found = aos("check", world, "--json").json["problems"]
    assert [of["code"] for of in found if of["severity"] == "error"] == ["bad_module"]
    wasm.unlink()
    done = aos("check", world, "--json")
    assert done.code == 2
    (problem,) = done.json["problems"]
    assert problem["code"] == "bad_module"
    assert REDUCER in problem["message"]
    fired = aos("fire", world, EVENT, "1", "--json")
    assert (fired.code, fired.error["code"]) == (2, "bad_module")


def test_state_of_all_of_one_and_of_the_past(asked: Path, aos: Aos) -> None:
    everything = aos("state", asked, "--json").json
    one = aos("state", asked, REDUCER, "--json").json
    assert everything == {REDUCER: one}
    assert one["pc"] == "Running"
    assert aos("state", asked, "--at", 1, "--json").json == {}
    assert aos("state", asked, REDUCER, "--at", 1, "--json").json is None
    assert aos("state", asked, REDUCER, "--at", 2, "--json").json == one
    assert json.loads(aos("state", asked).out) == everything


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("demo/Nothing@1",), "there is no reducer"),
        ((REDUCER, "a"), "is not keyed"),
        (("--at", "99"), "the last is 16"),
        (("--at", "soon"), "--at"),
    ],
)
def test_state_of_what_is_not_there(
    args: tuple[str, ...], said: str, asked: Path, aos: Aos
) -> None:
    done = aos("state", asked, *args, "--json")
    assert done.code == 2
    assert said in done.error["message"]


def test_the_journal_is_one_record_a_line(asked: Path, aos: Aos) -> None:
    records = aos("journal", asked, "--json").lines
    assert [of["height"] for of in records] == list(range(17))
    genesis, event, step, raised = records[:4]
    assert (genesis["k"], genesis["world"]) == ("genesis", "aggregator")
    assert genesis["manifest"].startswith("sha256:")
    assert set(event) == {"height", "k", "schema", "value", "hash"}
    assert event["value"]["Start"]["topic"] == "demo"  # a variant as host JSON shows it
    assert (step["by"], step["before"], step["reducer"]) == (1, None, REDUCER)
    assert raised["key"] == {"bytes_b64": "AAAAAAAAAAE="}
    emitted = next(of for of in records if of["k"] == "plan_step")
    assert emitted["value"]["params"]["method"] == "GET"  # kinds are dropped
    intent = records[14]
    assert intent["params"]["url"] == "https://example.com/api/a"
    assert intent["origin"]["instance"].startswith("sha256:")


def test_a_part_of_the_journal(asked: Path, aos: Aos) -> None:
    def heights(*args: str) -> list[int]:
        return [of["height"] for of in aos("journal", asked, *args, "--json").lines]

    assert heights("--from", "3", "--to", "5") == [3, 4, 5]
    assert heights("--from", "15", "--to", "500") == [15, 16]
    assert heights("--from", "90") == []
    assert heights("--filter", "kind:intent after:14") == [15, 16]
    assert heights("--filter", "schema:AggregateReq* before:9") == [3]
    assert aos("journal", asked, "--filter", "knd:event", "--json").error["code"] == "bad_filter"
    nothing = aos("journal", asked, "--filter", "kind:fault")
    assert (nothing.code, nothing.out) == (0, "") and "no record fits 'kind:fault'" in nothing.err
    assert aos("journal", asked, "--filter", "kind:event").err == ""


def test_the_journal_for_people_is_one_line_a_record(asked: Path, aos: Aos) -> None:
    lines = aos("journal", asked).out.splitlines()
    assert len(lines) == 17
    assert lines[1] == "    1 ▸ event        AggregatorEvent Start"
    assert lines[14] == "   14   intent       1: http.request GET https://example.com/api/a"


def test_a_journal_is_followed_live(asked: Path, aos: Aos) -> None:
    """Another process shows records as they come, and ends with the one it was told to."""
    command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(asked), "--json"]
    ask = [*command, "--follow", "--from", "15", "--to", "22", "--filter", "kind:intent kind:rec*"]
    with subprocess.Popen(ask, stdout=subprocess.PIPE, text=True, cwd=ROOT) as follower:
        assert follower.stdout is not None
        assert [json.loads(follower.stdout.readline())["height"] for _ in "15"] == [15, 16]
        assert aos("release", asked, 2).code == 0
        assert json.loads(follower.stdout.readline())["payload"]["status"] == 200
        assert aos("release", asked, 3).code == 0
        assert json.loads(follower.stdout.readline())["payload"]["status"] == 201
        assert follower.wait(timeout=60) == 0
        assert follower.stdout.read() == ""


def test_following_goes_on_with_the_run_that_takes_the_place_of_the_branch(
    asked: Path, aos: Aos
) -> None:
    """What was followed is renamed, as an earlier run is, and later another has its name."""
    command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(asked), "--json"]
    ask = [*command, "--follow", "--branch", "side", "--filter", "kind:event kind:receipt"]
    assert aos("fork", asked, "side").code == 0
    pipe = subprocess.PIPE
    with subprocess.Popen(ask, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as follower:
        assert follower.stdout is not None and follower.stderr is not None
        assert [json.loads(follower.stdout.readline())["height"] for _ in "12"] == [1, 3]
        assert aos("rename", asked, "side", "side~1").code == 0
        assert "waiting for another one" in follower.stderr.readline()
        assert aos("fork", asked, "side").code == 0
        assert aos("release", asked, 2, "--branch", "side").code == 0
        heights = [json.loads(follower.stdout.readline())["height"] for _ in "123"]
        assert heights == [1, 3, 17]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(timeout=60) == 130


def test_following_leaves_a_branch_that_was_renamed_though_it_never_rests(
    asked: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came until that was seen is told, and nothing of what comes later."""
    heights: list[int] = []
    look = World.refresh

    def meanwhile(world: World) -> bool:
        assert len(heights) < 3, "it goes on for ever"
        if not heights:
            writer.rename_branch("main", "root")
        writer.fire(EVENT, start())
        heights.append(writer.height)
        return look(world)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(World, "refresh", meanwhile)
    monkeypatch.setattr("aos_core.cli.look.time.sleep", interrupted)
    with World.open(asked) as writer:
        found = aos("journal", asked, "--follow", "--json")
    assert "waiting for another one" in found.err
    assert [of["height"] for of in found.lines][-1:] == heights


def test_following_is_interrupted_with_130(asked: Path) -> None:
    command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(asked), "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as follower:
        assert follower.stdout is not None
        for _ in range(17):
            follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        assert follower.wait(timeout=60) == 130


def test_following_ends_where_the_journal_is_damaged(asked: Path) -> None:
    command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(asked), "--follow"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as follower:
        assert follower.stdout is not None and follower.stderr is not None
        for _ in range(17):
            follower.stdout.readline()
        log = asked / ".aos/journal/main.log"
        log.write_bytes(log.read_bytes()[:-1])
        assert follower.wait(timeout=60) == 3
        assert "has become shorter" in follower.stderr.read()


def test_one_record_whole(asked: Path, aos: Aos) -> None:
    records = aos("journal", asked, "--json").lines
    assert aos("record", asked, 14, "--json").json == records[14]
    people = aos("record", asked, 14).out
    assert "in the turn of 1..16" in people
    assert records[14]["hash"] in people
    assert "the last is 16" in aos("record", asked, 17, "--json").error["message"]
    assert aos("record", asked, "x", "--json").code == 2


def test_a_world_without_a_journal_says_how_to_begin_one(world: Path, aos: Aos) -> None:
    for command in (("pending",), ("state",), ("verify",), ("journal",)):
        done = aos(*command, world)
        assert (done.code, done.out) == (2, "")
        assert "no journal yet" in done.err
        assert "aos fire" in done.err
    assert not (world / ".aos").exists()  # looking leaves nothing behind


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("run", "--nonsense"),
        ("record", "04"),
        ("fire", "04"),
        ("journal", "04", "--from", "x"),
        ("check", "no-such-world"),
        ("check", "/"),
        ("journal", "--branch", "a/b", "04"),
    ],
)
def test_wrong_arguments_exit_2_on_the_right_stream(args: tuple[str, ...], aos: Aos) -> None:
    people = aos(*args)
    assert (people.code, people.out) == (2, "")
    assert people.err.startswith("error: ")
    script = aos(*args, "--json")
    assert (script.code, script.err) == (2, "")
    assert script.error["message"]


def test_what_is_made_anew_when_a_world_is_opened_is_told(
    asked: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("index.db", "snapshots.db", "index/main.offsets"):
        (asked / ".aos" / name).unlink()
    monkeypatch.setattr("aos_core.cli.opening.PATIENCE_SECONDS", -1)
    told = aos("state", asked, "--progress-json", "--json").err.splitlines()
    whats = {json.loads(line)["progress"]["what"] for line in told}
    assert whats == {"reading the journal", "running the journal", "indexing the journal"}
    monkeypatch.setattr("aos_core.cli.opening.PATIENCE_SECONDS", 60)  # however slow this machine is
    assert aos("state", asked, "--progress-json", "--json").err == ""


def test_help_without_arguments(aos: Aos) -> None:
    done = aos()
    assert done.code == 0
    for name in ("list", "check", "lock", "run", "verify", "fire", "pending", "release"):
        assert f"  {name} " in done.out


def test_debug_adds_the_traceback(aos: Aos) -> None:
    done = aos("check", "no-such-world", "--json", "--debug")
    assert done.error["code"] == "no_world"
    assert "Traceback" in done.err
    assert "Traceback" not in aos("check", "no-such-world", "--json").err


def test_colours_only_where_they_are_wanted(
    asked: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" in aos("verify", asked).out
    assert "\x1b[3" not in aos("verify", asked, "--no-color").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in aos("verify", asked).out


def test_looking_around_is_quick_to_start() -> None:
    """The heavy parts are loaded by the commands that need them, and Textual by none."""
    script = (
        "import sys; from aos_core.cli.main import main; main(sys.argv[1:]);"
        "print(sorted({'textual', 'wasmtime', 'sqlite3'} & set(sys.modules)))"
    )
    for args in (["--help"], ["list"], ["list", "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *args],
            capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_traceback(asked: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "aos_core.cli.main", "journal", str(asked)]
    done = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_hashes_of_intents_are_one_text_everywhere(asked: Path, aos: Aos) -> None:
    pending = [of["intent_hash"] for of in aos("pending", asked, "--json").json]
    steps = aos("plan", asked, "0", "--json").json["steps"]
    emits = [of for of in steps if of["op"] == "emit_effect"]
    assert [of["value"]["intent_hash"] for of in emits] == pending
    record = aos("record", asked, str(emits[0]["height"]), "--json").json
    assert record["value"] == emits[0]["value"]
