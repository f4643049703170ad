"""The drivers of the docs: each runs, and all four end in one root."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import subprocess
import sys
from types import ModuleType

import pytest

from aos_core.world import World
from tests.support import ROOT

DRIVERS = ROOT / "docs/drivers"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``a_world``, and its folder on the path as when a driver is run."""
    monkeypatch.syspath_prepend(str(DRIVERS))
    return importlib.import_module("a_world")


@pytest.fixture
def root(shared: ModuleType) -> str:
    """Where the plain driver ends."""
    plain, kernel = importlib.import_module("plain"), shared.Kernel.load("04")
    state = plain.drive(kernel, [kernel.event(shared.EVENT, shared.START)])
    assert not len(state.pending) and not len(state.plans)
    return str(state.root.hex())


def test_the_plain_driver_ends_as_the_runtime_does(shared: ModuleType, root: str) -> None:
    with World.open("04", memory=True) as world:
        world.fire(shared.EVENT, shared.START)
        for item in world.pending:
            payload, _ = shared.http_payload(200, {}, _page(item.params["url"]), "docs")
            world.deliver(shared.Receipt(item.intent_hash, "ok", payload, "docs"))
        assert world.root.hex() == root


def _page(url: str) -> bytes:
    return f"page of {url}".encode()


@pytest.mark.parametrize("name", ["plain", "with_asyncio"])
def test_it_runs_as_its_first_lines_say(name: str, root: str) -> None:
    path = DRIVERS / f"{name}.py"
    assert f"\npython docs/drivers/{name}.py\n" in path.read_text("utf-8")
    done = subprocess.run(
        [sys.executable, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert done.stdout == f"{root}\n"


async def test_receipts_may_come_in_any_order(shared: ModuleType, root: str) -> None:
    """The first request is answered last."""
    driver, kernel = importlib.import_module("with_asyncio"), shared.Kernel.load("04")
    came: list[str] = []
    others = asyncio.Event()

    async def perform(intent: object) -> object:
        step = intent.origin["step"]  # type: ignore[attr-defined]
        if step == "emit_a":
            await others.wait()
        came.append(step)
        if len(came) == 2:
            others.set()
        return shared.answer(intent)

    state = await driver.drive(kernel, kernel.event(shared.EVENT, shared.START), perform)
    assert came == ["emit_b", "emit_c", "emit_a"]
    assert state.root.hex() == root


async def test_the_app_shows_what_its_worker_reaches(shared: ModuleType, root: str) -> None:
    app = importlib.import_module("app_worker").Driven()
    async with app.run_test() as pilot:

        async def shown(words: str) -> str:
            while words not in (text := str(app.query_one("#world").render())):
                await pilot.pause(0.01)
            return text

        await pilot.press("s")
        await shown("3 pending")
        await pilot.press("r")
        assert (await shown("0 pending")).startswith(root)


def test_the_tests_of_the_pytest_driver_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_with_pytest.py"],
        cwd=DRIVERS, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_driver_is_short_and_the_readme_names_it() -> None:
    readme = (DRIVERS / "README.md").read_text("utf-8")
    for path in DRIVERS.glob("*.py"):
        assert f"[{path.name}]({path.name})" in readme
        assert len(path.read_text("utf-8").splitlines()) < 100
    for link in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (DRIVERS / link).exists(), link


def test_a_driver_drives_the_kernel_itself() -> None:
    for path in DRIVERS.glob("*.py"):
        assert path.name == "a_world.py" or "turn(" in path.read_text("utf-8")
        assert "aos_core.world" not in path.read_text("utf-8")
