"""Text of a world that would command a terminal: no command of ours hands it through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aos_core.plain import commands
from tests.cli.conftest import Aos
from tests.support import EVENT, start

NASTY = "a\x1b[31mb\x9bc\u202ed"


@pytest.mark.parametrize("how", [(), ("--json",)], ids=["text", "json"])
def test_no_command_hands_it_through(world: Path, aos: Aos, how: tuple[str, ...]) -> None:
    fired = aos("fire", world, EVENT, json.dumps(start(topic=NASTY)), *how)
    commanded = (
        ("state",), ("pending",), ("plan",), ("journal",), ("record", "1"), ("record", "4"),
        ("why", "16"), ("diff", "main@0", "main"), ("fire", "demo/None@1", f'"{NASTY}"'),
        ("state", "--branch", NASTY),
    )  # fmt: skip
    outputs = [fired, *(aos(words[0], world, *words[1:], *how) for words in commanded)]
    assert any("31m" in of.out for of in outputs)
    for of in outputs:
        assert not [c for c in of.out + of.err if commands(c) and c != "\n"], of
