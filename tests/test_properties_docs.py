"""The examples of docs/properties.md run; its command does so in ``tests/cli/test_bisect.py``."""

from __future__ import annotations

import re

import pytest

from aos_core.property import Property
from tests.fixtures import compiled_once  # noqa: F401
from tests.scenarios import finished
from tests.support import ROOT

TEXT = (ROOT / "docs/properties.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
INLINE = re.findall(r"`(\{.*?\})`", TEXT)


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_of_the_page_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(code, {})


@pytest.mark.parametrize("property", INLINE)
def test_a_property_of_the_page_is_one(property: str) -> None:
    with finished(ROOT / "examples/09-cells", "basic") as world:
        Property.parse(property, world.program)
