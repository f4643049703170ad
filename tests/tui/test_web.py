"""``aos-tui --web``: a real browser in front, the journal on disk behind."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from aos_core.world import World
from aos_tui.options import HOST, PORT, parse, words_of
from aos_tui.web.hosts import is_known
from tests.support import ROOT

PROGRAM = Path(sys.executable).with_name("aos-tui")


def test_the_options_of_the_web() -> None:
    assert parse([]).web is None
    assert parse(["--web"]).web == (HOST, PORT)
    assert parse(["04", "--web", "--host", "0.0.0.0", "--port", "0"]).web == ("0.0.0.0", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "1"],
        ["--host", "x"],
        ["--allow-host", "x"],
        ["--web", "--headless"],
        ["--web", "--port", "70000"],
        ["--web", "--allow-host", "["],
        ["--web", "--allow-host", ""],
    ],
)
def test_options_that_make_no_sense(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        parse(arguments)
    assert exit.value.code == 2
    assert "usage: aos-tui" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--tour"],
        ["--memory", "--theme", "aos-light"],
        ["a world", "--branch", "b", "--scenario", "s", "--at", "3", "--no-watch"],
    ],
)
def test_a_tab_opens_what_the_server_was_told(arguments: list[str]) -> None:
    assert parse(words_of(parse(arguments))) == parse(arguments)


def run(*arguments: object, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aos_tui", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "textual_serve.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'textual_serve'\", name='textual_serve')"
    )
    done = run("--web", path=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == 2
    assert "--web needs textual_serve" in done.stderr
    assert "pip install 'aos-tui[web]'" in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said() -> None:
    pytest.importorskip("textual_serve", reason="the extra `web` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--web", "--host", "127.0.0.1", "--port", port)
    assert done.returncode == 2
    assert f"nothing can listen at 127.0.0.1:{port}" in done.stderr


# -- in a browser -----------------------------------------------------------------------------


@contextmanager
def serving(world: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """(URL, process) of the installed program."""
    pytest.importorskip("textual_serve", reason="the extra `web` is not installed")
    if not PROGRAM.exists():
        pytest.skip(f"aos-tui is not installed beside {sys.executable}")
    process = subprocess.Popen(
        [PROGRAM, world, "--no-watch", "--web", "--port", "0", *more],
        env={**os.environ, "TEXTUAL_ANIMATIONS": "none"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


@asynccontextmanager
async def browsing(tmp_path: Path) -> AsyncIterator[object]:
    chromium = pytest.importorskip("tests.tui.browser", reason="the extra `web` is not installed")
    if chromium.find_chromium() is None:
        pytest.skip(f"no browser: none of {', '.join(chromium.NAMES)} is here")
    async with chromium.browser(tmp_path / "profile") as found:
        yield found


async def test_the_main_job_in_a_browser(world: Path, tmp_path: Path) -> None:
    from tests.tui.browser import Browser

    with serving(world) as (url, process):
        async with browsing(tmp_path) as page:
            assert isinstance(page, Browser)
            await page.go(url)
            shown = await page.wait("Journal", "State", "Plan", "Pending", "fires the first event")
            assert "╭" in shown, "the browser is given the signs of a terminal that has them"
            before = await page.picture()
            await page.press("t")
            await page.wait("3 waiting", "await_b")
            await page.press("R")
            await page.wait("0 waiting", "Done")
            await page.press("v")
            await page.wait("✓ verified")
            assert await page.picture() != before, "what is painted follows"
            assert page.hosts == {"localhost"}, "no other site was asked for anything"

            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 20) == 0
            assert await page.evaluate("document.body.className.includes('-closed')")

    with World.open(world) as found:  # for writing: no tab is left that holds it
        assert [of.kind for of in found.records].count("receipt") == 3
        assert found.height == 30 and found.pending == []
        assert found.verify().ok


async def test_another_page_cannot_open_the_app(world: Path) -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="the extra `web` is not installed")
    with serving(world) as (url, _):
        async with aiohttp.ClientSession() as session:
            elsewhere = ("http://elsewhere.example", "null", "file://", "")
            for headers in (
                *({"Origin": origin} for origin in elsewhere),
                {"Host": "elsewhere.example"},
            ):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(f"{url}/ws", headers=headers)
                assert refused.value.status == 403
    assert not (world / ".aos").exists()


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("192.168.1.5:8000", True),
        ("203.0.113.7", True),  # of a router that hands on to this machine, which it never sees
        ("[fe80::1]:8000", True),
        ("[FE80:0::1]", True),
        ("[::ffff:192.168.1.5]:8000", True),
        ("localhost:9000", True),
        ("Tower.example.:8000", True),
        ("elsewhere.example", False),
        ("tower.example.elsewhere.example", False),
        ("192.168.1.5.elsewhere.example", False),
        ("127.1", False),  # no browser sends it: it is written out before
        ("1.2.3.4.5", False),
        ("192.168.1.5@elsewhere.example", False),
        ("fe80::1", False),
        ("[elsewhere.example]", False),
        ("", False),
        ("[", False),
    ],
)
def test_a_server_is_called_by_an_address_or_by_a_name_of_its_own(host: str, known: bool) -> None:
    assert is_known(host, {"tower.example"}) is known


async def test_on_every_address_only_own_names_are_heeded(world: Path) -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="the extra `web` is not installed")
    options = ("--host", "0.0.0.0", "--allow-host", "Tower.example")
    with serving(world, *options) as (url, _):
        port = url.rpartition(":")[2]
        own = [f"{of}:{port}" for of in ("127.0.0.1", "localhost", "tower.example")]
        own += ["203.0.113.7:80", f"[2001:db8::7]:{port}"]  # as seen from outside a container
        async with aiohttp.ClientSession() as session:

            async def ask(path: str, host: str) -> tuple[int, str]:
                url = f"http://127.0.0.1:{port}{path}"
                async with session.get(url, headers={"Host": host}) as answer:
                    return answer.status, await answer.text()

            for host in own:
                assert (await ask("/", host))[0] == 200
            for path in ("/", "/ws", "/static/js/textual.js"):
                status, said = await ask(path, f"elsewhere.example:{port}")
                assert status == 403 and "--allow-host elsewhere.example" in said
            headers = {"Host": f"tower.example:{port}", "Origin": f"http://tower.example:{port}"}
            where = f"http://127.0.0.1:{port}/ws?width=80&height=24"
            async with session.ws_connect(where, headers=headers):
                pass
            headers = {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(where, headers=headers)
            assert refused.value.status == 403


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "starting"])
async def test_a_tab_ends_when_its_server_was_killed(world: Path, opened: bool) -> None:
    if shutil.which("ps") is None:
        pytest.skip("there is no ps to look for processes")
    aiohttp = pytest.importorskip("aiohttp", reason="the extra `web` is not installed")
    with serving(world) as (url, process):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}/ws?width=80&height=24"),
        ):
            if opened:
                while not (world / ".aos/journal/main.log").exists():
                    await asyncio.sleep(0.05)
            process.kill()
            process.wait(20)
    for _ in range(400):
        if not any(str(world) in of for of in running()):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the tab outlives its server")


def running() -> list[str]:
    """The command lines of all processes."""
    listed = subprocess.run(["ps", "-ax", "-o", "args"], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()
