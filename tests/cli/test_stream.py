"""Many lines and many steps, broken off in every way: the journal is good, and what is said is
so."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aos_core import World
from aos_core.branches import DiskError
from aos_core.canon import hash_text
from aos_core.cli.output import Out
from aos_core.cli.stream import _Stream, batches
from aos_core.errors import UsageError
from aos_core.layer import OPERATING_SYSTEM
from tests.cli.conftest import Aos
from tests.support import ROOT, counter_world

COUNTER = "demo/CounterEvent@1"
FIRST = '{"Start": {"target": 1000000}}'
TICK = '"Tick"'


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    return counter_world(tmp_path / "counter")


def _fire(world: Path, *more: str, **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aos_core.cli.main", "fire", str(world), COUNTER, "-", *more]
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=ROOT, **{**given, **streams})


def _lines(path: Path, count: int) -> Path:
    path.write_text("\n".join([FIRST, *[TICK] * (count - 1)]), "utf-8")
    return path


def _is_good(world: Path, height: int, branch: str = "main") -> None:
    with World.open(world, branch, write=False) as opened:
        assert opened.trouble is None and opened.height == height
        assert opened.verify().ok


def test_every_acknowledged_line_is_in_the_journal_in_order(
    counter: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [FIRST, *[TICK] * 299, "{", *[TICK] * 300, '"Tock"', TICK]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(given)))
    done = aos("fire", counter, COUNTER, "-", "--json")
    assert (done.code, done.err) == (2, "")
    acks = [of for of in done.lines if "height" in of]
    refused = [at for at, of in enumerate(done.lines, 1) if "error" in of]
    assert refused == [301, 602] and len(done.lines) == len(given)
    with World.open(counter, write=False) as opened:
        ends = [(of.last_height, hash_text(of.root)) for of in opened.frames[1:]]
        assert [(of["height"], of["root"]) for of in acks] == ends
        assert opened.verify().ok


def test_an_interrupt_comes_between_two_lines(counter: Path, tmp_path: Path) -> None:
    with (
        _lines(tmp_path / "lines", 50_000).open() as lines,
        _fire(counter, "--json", stdin=lines) as process,
    ):
        assert process.stdout is not None and process.stderr is not None
        acks = [json.loads(process.stdout.readline()) for _ in range(300)]
        process.send_signal(signal.SIGINT)
        acks += [json.loads(line) for line in process.stdout]
        said = process.stderr.read()
        assert process.wait(timeout=60) == 130
    height = acks[-1]["height"]
    assert 300 <= len(acks) < 50_000
    assert f"interrupted: the lines up to {len(acks)} were taken in" in said
    assert f"at height {height}\n" in said and "Traceback" not in said
    _is_good(counter, height)


def _stream_of(world: World) -> _Stream:
    return _Stream(Out(), world, COUNTER, None)


def test_lines_that_were_taken_back_are_not_said_to_be_taken_in(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with World.open(counter) as world:
        stream = _stream_of(world)
        assert stream.fire([(1, FIRST)], []) is None
        monkeypatch.setattr(OPERATING_SYSTEM, "sync", refuse, raising=False)
        failure = stream.fire([(2, "{"), (3, TICK), (4, "{")], [])
        assert isinstance(failure, DiskError) and world.height == 2
        assert "the lines up to 2 were taken in" in stream.how_far, "the third is to come again"


def test_a_second_interrupt_says_how_far_it_came_too(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire = World.fire

    def interrupted(self: World, schema: str, value: Any, **more: Any) -> Any:
        if value == "Stop":
            raise KeyboardInterrupt
        return fire(self, schema, value, **more)

    monkeypatch.setattr(World, "fire", interrupted)
    with World.open(counter) as world:
        stream = _stream_of(world)
        with pytest.raises(KeyboardInterrupt):
            stream.fire([(1, FIRST), (2, TICK), (3, '"Stop"')], [])
        assert world.height == 4
        assert "the lines up to 2 were taken in; the branch is at height 4" in stream.how_far


def test_an_interrupt_while_nothing_comes(counter: Path) -> None:
    with _fire(counter) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{FIRST}\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert "interrupted: the lines up to 1 were taken in" in process.stderr.read()


def test_a_reader_that_goes_away_ends_it(counter: Path, tmp_path: Path) -> None:
    with (
        _lines(tmp_path / "lines", 50_000).open() as lines,
        _fire(counter, "--json", stdin=lines) as process,
    ):
        assert process.stdout is not None and process.stderr is not None
        for _ in range(10):
            process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(timeout=60) == 141
    assert "nobody reads what is acknowledged any more: the lines up to " in said
    height = int(said.split("at height ")[1].split()[0])
    assert 10 < height < 50_000
    _is_good(counter, height)


def test_a_producer_that_dies_ends_it_after_what_it_gave(counter: Path) -> None:
    with _fire(counter, "--json") as process:
        out, said = process.communicate("\n".join([FIRST, *[TICK] * 700]), timeout=60)
    assert (process.returncode, said, len(out.splitlines())) == (0, "", 701)
    _is_good(counter, json.loads(out.splitlines()[-1])["height"])


def test_a_stream_that_cannot_be_read_is_told(counter: Path, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(f"{FIRST}\n".encode() * 3000 + b'"\xff"\n')
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    with (
        (tmp_path / "lines").open() as lines,
        _fire(counter, "--json", stdin=lines, env=strict) as process,
    ):
        out, said = process.communicate(timeout=60)
    *acks, error = map(json.loads, out.splitlines())
    assert process.returncode == 2 and error["error"]["code"] == "bad_stdin"
    assert f"the lines up to {len(acks)} were taken in" in said
    assert f"after line {len(acks)}:" in error["error"]["message"]
    _is_good(counter, acks[-1]["height"])


def test_batches_hold_every_line_once_in_order() -> None:
    lines = [f"{n}\n" if n % 3 else "\n" for n in range(1, 1000)]
    found = list(batches(iter(lines), 10))
    assert [of for batch in found for of in batch] == [
        (n, f"{n}\n") for n in range(1, 1000) if n % 3
    ]
    assert all(1 <= len(batch) <= 10 for batch in found)
    assert list(batches([], 10)) == list(batches(None, 10)) == []


@pytest.mark.parametrize("good", [0, 1, 9, 10, 11, 500])
def test_batches_give_what_came_before_what_cannot_be_read(good: int) -> None:
    def stream() -> Iterator[str]:
        yield from ["1\n"] * good
        raise ValueError("cannot be decoded")

    found = []
    with pytest.raises(UsageError, match=f"after line {good}: cannot be decoded"):
        for batch in batches(stream(), 10):
            found += batch
    assert [number for number, _ in found] == list(range(1, good + 1))


# -- scenarios --------------------------------------------------------------------------------


def _scenario(world: Path, count: int) -> None:
    step = '[[steps]]\nfire = { schema = "demo/CounterEvent@1", value = %s }\n'
    steps = [step % "{ Start = { target = 1000000 } }", *[step % TICK] * (count - 1)]
    (world / "scenarios").mkdir(exist_ok=True)
    (world / "scenarios/bulk.toml").write_text("".join(steps), "utf-8")


def test_the_story_of_a_long_run_leaves_out_its_middle(counter: Path, aos: Aos) -> None:
    _scenario(counter, 1000)
    done = aos("run", counter, "--scenario", "bulk")
    assert done.code == 0 and "✓ verified: 2001 records replayed" in done.out
    assert len(done.out.splitlines()) < 1200
    (left_out,) = (line for line in done.out.splitlines() if "…" in line)
    turns, first, last = map(int, re.findall(r"\d+", left_out))
    told = [int(line.split()[0]) for line in done.out.splitlines() if line[:4].strip().isdigit()]
    assert told == [*range(1, first), *range(last + 1, 2001)]
    assert turns == (last - first + 1) // 2
    assert aos("journal", counter, "--branch", "bulk", "--from", first, "--to", last).code == 0


def test_an_interrupted_run_keeps_its_steps_and_says_how_many(counter: Path) -> None:
    _scenario(counter, 20_000)
    command = [sys.executable, "-m", "aos_core.cli.main", "run", str(counter), "--progress-json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line).get("progress", {}).get("done", 0) > 200:
                break
        process.send_signal(signal.SIGINT)
        told = [json.loads(line) for line in process.stderr]
        assert process.wait(timeout=60) == 130
    (notice,) = (of["notice"] for of in told if "notice" in of)
    assert "interrupted: bulk: steps, " in notice and "branch bulk keeps" in notice
    steps = int(notice.split("steps, ")[1].split()[0].replace(",", ""))
    assert 200 < steps < 20_000
    _is_good(counter, 2 * steps, "bulk")
