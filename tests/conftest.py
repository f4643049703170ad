"""What every test may use: the public reference data, and one profile for generated cases."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["aos_core.pytest_plugin"]  # as it is without being installed

REFERENCE = Path(os.environ.get("AOS_REF") or Path(__file__).parents[2] / "shared/ref/air-v1")

settings.register_profile(
    "aos",
    deadline=None,  # a slow machine is no failure
    # what lands does not depend on luck: AOS_FUZZ_SEED=new looks for cases of its own
    derandomize=os.environ.get("AOS_FUZZ_SEED") != "new",
)
settings.load_profile("aos")


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection need look through it, which is most there is."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _state_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the app remembers of its user is not mixed with what it remembers of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-of-nobody")))
        yield


@pytest.fixture
def reference() -> Callable[[str], Any]:
    """Reads a JSON file of the AIR v1 reference data; skips the test where it is absent."""

    def read(name: str) -> Any:
        path = REFERENCE / name
        if not path.is_file():
            pytest.skip(f"no reference data at {path}; set AOS_REF to a folder that holds {name}")
        return json.loads(path.read_text("utf-8"))

    return read
