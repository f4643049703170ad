"""What a line of the journal shows is found by typing it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from aos_core.filters import find
from aos_core.scenario import Player
from aos_core.world import World
from aos_tui.formatting import kind_text, plain, summary
from aos_tui.glyphs import UNICODE
from aos_tui.snapshot import Index
from tests.test_ladder import WORLDS, called

_WORD = re.compile(r"[^\s\N{REPLACEMENT CHARACTER}]+")
_SIGNS = {
    UNICODE.change,
    *map(UNICODE.step, ("pending", "ready", "waiting", "done", "skipped", "failed")),
}


@pytest.mark.parametrize("world", WORLDS, ids=called)
def test_every_word_of_every_line_is_found(world: Path) -> None:
    with World.open(world, memory=True) as of:
        assert of.scenario is not None
        Player(of, of.scenario).play()
        index = Index(of, lambda error: pytest.fail(str(error)))
        for height in range(of.height + 1):
            record = of.records[height]
            shown = f"{kind_text(record)} {plain(summary(record, index, UNICODE, height))}"
            for word in _WORD.findall(shown):
                if word in _SIGNS or word.endswith(".."):
                    continue
                found = find(of, shlex.join([f"before:{height + 1}", f"text:{word}"]))
                assert height in found, f"{word!r} of {height} {shown!r}"
