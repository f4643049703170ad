"""``aos`` in this process, on a copy of a world that ships, with a home of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aos_core.cli.main import main
from tests.fixtures import compiled_once
from tests.support import EVENT, copy_example, start

__all__ = ["compiled_once"]

START = start()
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


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return copy_example(tmp_path / "world")


@pytest.fixture
def asked(world: Path, aos: Aos) -> Path:
    """The world with one event fired: three requests are pending."""
    assert aos("fire", world, EVENT, START_JSON).code == 0
    return world
