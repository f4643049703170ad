"""``aos`` in this process, on a copy of a world that ships, with a home of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aos_core.cli.main import main
from tests.fixtures import compiled_once

__all__ = ["compiled_once"]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/04-aggregator"
WASM = ROOT / "reducers/prebuilt/aggregator.wasm"
EVENT = "demo/AggregatorEvent@1"
REDUCER = "demo/Aggregator@1"


def _target(letter: str) -> dict[str, str]:
    return {"name": letter, "url": f"https://example.com/api/{letter}", "method": "GET"}


START = {
    "Start": {
        "topic": "demo",
        "primary": _target("a"),
        "secondary": _target("b"),
        "tertiary": _target("c"),
    }
}
START_JSON = json.dumps(START)


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as one JSON document: fails if anything else is there."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert set(self.json) == {"error"}
        assert set(error) == {"code", "message", "where", "hint"}
        return error


Aos = Callable[..., Done]


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aos(capsys: pytest.CaptureFixture[str]) -> Aos:
    """Runs one command."""

    def run(*args: object) -> Done:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def copy_world(to: Path) -> Path:
    """A copy of the example outside its tree, with its wasm, and without any journal."""
    shutil.copytree(EXAMPLE, to, ignore=shutil.ignore_patterns(".aos"))
    (to / "modules").mkdir()
    shutil.copy(WASM, to / "modules/Aggregator.wasm")
    return to


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return copy_world(tmp_path / "world")


@pytest.fixture
def asked(world: Path, aos: Aos) -> Path:
    """The world with one event fired: three requests are pending."""
    assert aos("fire", world, EVENT, START_JSON).code == 0
    return world


def patch_reducer(world: Path, old: bytes, new: bytes) -> None:
    """Other wasm: a literal of the reducer replaced by one of the same length."""
    path = world / "modules/Aggregator.wasm"
    wasm = path.read_bytes()
    assert wasm.count(old) == 1 and len(old) == len(new)
    path.write_bytes(wasm.replace(old, new))
