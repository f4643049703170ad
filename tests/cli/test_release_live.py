"""``aos release --live``: receipts from real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aos_core.world import World
from tests.adapters.fixtures import (
    VALUE,
    real_server,  # noqa: F401
    with_secret,  # noqa: F401
    without_proxies,  # noqa: F401
)
from tests.adapters.servers import Server, closed_port
from tests.adapters.test_http import leaks
from tests.adapters.worlds import KEY, get, live_world
from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT, ROOT


@pytest.fixture
def waiting(tmp_path: Path, server: Server) -> Path:
    """A world that waits for two pages; the second request carries a secret."""
    path = tmp_path / "live"
    with live_world(path) as world:
        get(world, f"{server.url}/ok")
        get(world, f"{server.url}/ok?2", headers={"authorization": KEY})
    return path


def test_live_receipts_are_delivered_and_told(waiting: Path, server: Server, aos: Aos) -> None:
    done = aos("release", waiting, "--all", "--live", "--json")
    assert (done.code, done.json["pending"]) == (0, 0)
    assert sorted(server.paths) == ["/ok", "/ok?2"]
    records = aos("journal", waiting, "--filter", "kind:receipt", "--json").lines
    assert [of["adapter_id"] for of in records] == ["host.http", "host.http"]
    assert aos("verify", waiting, "--json").json["ok"]


def test_people_see_what_is_done_with_which_secret_and_never_its_value(
    waiting: Path, server: Server, aos: Aos
) -> None:
    done = aos("release", waiting, "2", "1", "--live", "--debug")
    assert done.code == 0
    assert f"live: 1 http.request GET {server.url}/ok\n" in done.err
    assert f"live: 2 http.request GET {server.url}/ok?2 with the secret demo/key@1\n" in done.err
    assert f"come: 1 http.request GET {server.url}/ok: ok\n" in done.err
    assert '200 {"n":1}' in done.out
    assert VALUE not in done.out + done.err
    assert leaks(waiting) == []


def test_progress_as_json_lines(waiting: Path, aos: Aos) -> None:
    done = aos("release", waiting, "1", "--live", "--progress-json", "--json")
    told = [json.loads(line) for line in done.err.splitlines()]
    last = [of["progress"] for of in told if "progress" in of][-1]
    assert last["what"].startswith("1 http.request GET http://127.0.0.1")
    assert (last["done"], last["total"]) == (7, 7)
    assert done.json["pending"] == 1


def test_what_goes_wrong_outside_is_a_receipt(tmp_path: Path, aos: Aos) -> None:
    path = tmp_path / "live"
    with live_world(path) as world:
        get(world, f"http://127.0.0.1:{closed_port()}/")
    done = aos("release", path, "--all", "--live", "--json")
    assert (done.code, done.json["pending"]) == (0, 0)
    (record,) = aos("journal", path, "--filter", "kind:receipt", "--json").lines
    assert (record["status"], record["payload"]["error"]["code"]) == ("error", "no_connection")


def test_a_secret_that_is_not_set_is_an_error_that_names_it(
    waiting: Path, server: Server, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMO_KEY")
    done = aos("release", waiting, "--all", "--live", "--json")
    assert (done.code, done.error["code"]) == (2, "secret_missing")
    assert (server.seen, len(aos("pending", waiting, "--json").json)) == ([], 2)


def test_a_kind_without_a_live_adapter_is_an_error(tmp_path: Path, aos: Aos) -> None:
    path = tmp_path / "live"
    with live_world(path) as world:
        world.fire("demo/AskParams@1", {"q": "?"})
    done = aos("release", path, "1", "--live", "--json")
    assert (done.code, done.error["code"]) == (2, "no_adapter")
    assert "by hand" in done.error["hint"]


def test_an_error_of_the_only_one_is_the_error_of_the_command(
    tmp_path: Path, aos: Aos, server: Server
) -> None:
    from tests.adapters.worlds import LLM

    path = tmp_path / "live"
    with live_world(path) as world:
        world.fire(LLM, {
            "provider": "x", "model": "m", "temperature": "0", "max_tokens": 1,
            "message_refs": [], "tool_refs": None, "tool_choice": None, "api_key": None,
        })  # fmt: skip
        get(world, f"{server.url}/ok")
    done = aos("release", path, "1", "--live", "--json")
    assert (done.code, done.error["code"]) == (2, "no_provider")
    done = aos("release", path, "--all", "--live", "--json")  # the other one comes all the same
    assert (done.code, done.json["pending"]) == (2, 1)
    assert "nothing says where the LLM provider 'x' answers" in done.err


@pytest.mark.parametrize("more", [("--receipt", "{}"), ("--seed", "1"), ("--order", "1,2")])
def test_live_goes_with_nothing_that_gives_another_receipt_or_order(
    more: tuple[str, str], waiting: Path, aos: Aos, server: Server
) -> None:
    done = aos("release", waiting, "--all", "--live", *more, "--json")
    assert (done.code, done.error["code"], server.seen) == (2, "usage", [])


def test_ctrl_c_leaves_pending_what_has_not_come(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "live"
    with live_world(path) as world:
        get(world, f"{server.url}/ok")
        get(world, f"{server.url}/hang")
    command = [sys.executable, "-m", "aos_core.cli.main", "release", str(path), "--all", "--live"]
    process = subprocess.Popen(
        [*command, "--json", "--progress-json"], cwd=ROOT, text=True, env=dict(os.environ),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        while "come: 1" not in process.stderr.readline():
            pass
        assert server.asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted: 1 of 2 have not come" in err and "Traceback" not in err
    assert json.loads(out)["pending"] == 1
    with World.open(path, write=False) as world:
        assert [of.params["url"] for of in world.pending] == [f"{server.url}/hang"]
        assert world.verify().ok


def test_run_never_goes_live(tmp_path: Path, server: Server, aos: Aos) -> None:
    """A scenario without an answer is an error, though a server would have one."""
    path = tmp_path / "live"
    with live_world(path):
        pass
    (path / "scenarios").mkdir()
    value = f'{{ method = "GET", url = "{server.url}/ok", headers = {{}} }}'
    (path / "scenarios/basic.toml").write_text(
        f'[[steps]]\nfire = {{ schema = "demo/Get@1", value = {value} }}\n'
        '[[steps]]\nrelease = "all"\n'
    )
    done = aos("run", path, "--json")
    assert (done.code, done.error["code"], server.seen) == (2, "no_answer", [])


def test_httpx_is_loaded_by_those_who_go_live(world: Path) -> None:
    script = (
        "import sys; from aos_core.cli.main import main; main(sys.argv[1:]);"
        "print(sorted({'httpx', 'httpcore', 'ssl'} & set(sys.modules)))"
    )
    for args in (["fire", str(world), EVENT, START_JSON], ["release", str(world), "--all"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *args],
            capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]"
