"""``aos-tui --headless``: keys in, a picture and what the app knows out; and what it imports."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

from aos_tui.actions import ACTIONS
from aos_tui.headless import is_key, settle
from aos_tui.options import parse
from tests.support import ROOT, log
from tests.tui.driving import opened


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aos_tui", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )


def known(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_the_main_job_is_played_and_dumped(world: Path, tmp_path: Path) -> None:
    picture, facts = tmp_path / "a.svg", tmp_path / "a.json"
    done = run(
        world, "--headless", "--size", "80x24", "--keys", "t,R,v,comma",
        "--screenshot", picture, "--dump", facts,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "<svg" in picture.read_text("utf-8")
    of = known(facts)
    assert list(of) == [
        "height", "root", "head", "pending", "mode", "focused", "notices", "verified",
    ]  # fmt: skip
    assert (of["height"], of["pending"], of["mode"]) == (29, 0, "past")
    assert (of["verified"], of["focused"]) == (True, "journal-list")
    assert of["root"].startswith("sha256:") and of["head"].startswith("sha256:")
    assert log(world).exists()


def test_what_is_not_verified_is_null_and_what_is_broken_false(world: Path, tmp_path: Path) -> None:
    facts = tmp_path / "a.json"
    assert run(world, "--headless", "--keys", "t", "--dump", facts).returncode == 0
    assert (known(facts)["verified"], known(facts)["pending"]) == (None, 3)
    data = bytearray(log(world).read_bytes())
    data[-20] ^= 1
    log(world).write_bytes(bytes(data) + b"more of it, so that it is no torn end" * 40)
    assert run(world, "--headless", "--dump", facts).returncode == 0
    assert (known(facts)["verified"], known(facts)["mode"]) == (False, "read-only")


def test_keys_behind_the_one_that_leaves_are_for_nobody(world: Path, tmp_path: Path) -> None:
    done = run(world, "--headless", "--keys", "t,q,t,v", "--dump", tmp_path / "a.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert known(tmp_path / "a.json")["height"] == 16


def test_it_says_which_version_it_is() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"aos-tui {importlib.metadata.version('aos-tui')}\n"


def test_memory_writes_nothing(world: Path) -> None:
    assert run(world, "--memory", "--headless", "--keys", "T,v,y").returncode == 0
    assert not (world / ".aos").exists()


def test_a_key_that_leads_to_an_error_exits_with_1(tmp_path: Path) -> None:
    facts = tmp_path / "a.json"
    done = run(tmp_path, "--headless", "--dump", facts)
    assert done.returncode == 1
    assert "no world" in done.stderr and "\n  " in done.stderr
    of = known(facts)
    assert (of["height"], of["verified"], of["mode"]) == (None, None, "ProblemScreen")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--scenario", "none"], 1, "none"),
        (["--branch", "none"], 1, "there is no branch none"),
        (["--at", "99"], 1, "there is no height 99: the last is 0"),
        (["--at", "-1"], 1, "there is no height -1"),
        (["--keys", "t,nokey"], 1, "there is no key nokey"),
        (["--theme", "none"], 0, "there is no theme none"),
        (["--screenshot", "no/where.svg"], 2, "where.svg cannot be written"),
        (["--dump", "no/where.json"], 2, "where.json cannot be written"),
    ],
)
def test_what_is_wrong_is_said_on_stderr(
    world: Path, arguments: list[str], code: int, said: str
) -> None:
    done = run(world, "--headless", *arguments)
    assert done.returncode == code
    assert said in done.stderr and "Traceback" not in done.stderr


def test_every_name_of_a_key_is_known() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",") if key]
    assert [key for key in [*keys, "text:x", "ctrl+s", "shift+tab", "f7"] if not is_key(key)] == []


@pytest.mark.parametrize(
    "arguments", [["--keys", "t"], ["--headless", "--size", "80"], ["--headless", "--size", "0x9"]]
)
def test_arguments_that_make_no_sense_exit_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        parse(arguments)
    assert exit.value.code == 2
    assert "usage: aos-tui" in capsys.readouterr().err


def test_nothing_of_the_runtime_is_imported_before_the_first_paint() -> None:
    code = (
        "import sys, aos_tui.app, aos_tui.world_screen\n"
        "slow = ('aos_core', 'wasmtime', 'cbor2', 'sqlite3', 'watchfiles')\n"
        "rooms = ('effect_words', 'free_names', 'kind_words', 'plain', 'plan_words')\n"
        "light = ('aos_core', *map('aos_core.{}'.format, rooms))\n"
        "print([name for name in sys.modules if name.partition('.')[0] in slow\n"
        "    and name not in light and not name.startswith('aos_core.graph')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done


async def test_of_an_app_that_has_ended_nothing_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as on:
        await on.keys("q")
        assert not on.app.is_running and on.app.keys_in_turn.busy

        async def waits(delay: float | None = None) -> None:
            raise AssertionError("it was waited for what never comes")

        monkeypatch.setattr(on.pilot, "pause", waits)
        await settle(on.pilot)


async def test_a_worker_that_is_stopped_while_one_waits_has_ended() -> None:
    class Stopping(App[None]):
        async def work(self) -> None:
            await asyncio.sleep(60)

        def on_mount(self) -> None:
            worker = self.run_worker(self.work(), exit_on_error=False)
            self.set_timer(0.1, worker.cancel)

    app = Stopping()
    async with app.run_test() as pilot:
        await settle(pilot)
        assert not any(not worker.is_finished for worker in app.workers)
