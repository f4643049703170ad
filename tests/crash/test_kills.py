"""A sample of the kills of the full run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.kills import Series, Writers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")

KILLS = 5


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    with Writers() as writers:
        yield writers


@pytest.mark.parametrize("number", range(4))
def test_a_killed_writer_loses_nothing_that_was_acknowledged(
    tmp_path: Path, crash_seed: str, writers: Writers, number: int
) -> None:
    series = Series(tmp_path, f"{crash_seed}/kills/{number}", writers)
    series.run(KILLS)
    assert series.tally["kills of worlds"] == KILLS


def test_canary_a_writer_that_acknowledges_before_it_writes_is_found(
    tmp_path: Path, writers: Writers
) -> None:
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        Series(tmp_path, "canary", writers, hasty=True).run(2 * KILLS)  # it ends with the first
