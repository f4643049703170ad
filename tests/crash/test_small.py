"""Every truncation and every wrong bit of a small journal; see small.py."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from aos_core import frames
from tests.crash.small import FRAMES, SmallJournal


@pytest.fixture
def small(tmp_path: Path) -> SmallJournal:
    return SmallJournal(tmp_path / ".aos/journal/main.log")


def check(small: SmallJournal, what: str, known: int, step: int) -> int:
    done = 0
    for case in islice((of for of in small.cases(what) if of.known == known), 0, None, step):
        try:
            small.check(case)
        except Exception as error:
            error.add_note(str(case))
            raise
        done += 1
    return done


@pytest.mark.parametrize("known", range(FRAMES + 1))
def test_every_truncation(small: SmallJournal, known: int) -> None:
    assert check(small, "cut", known, step=1) == 2 * len(small.bytes)


@pytest.mark.parametrize("known", [0, FRAMES - 1, FRAMES])
def test_every_bit(small: SmallJournal, known: int) -> None:
    """As a reader finds it, or a writer; the full run does both, and an array of one frame."""
    assert check(small, "bit", known, step=2) == 8 * len(small.bytes)


@pytest.mark.parametrize("known", [0, FRAMES])
def test_canary_a_reader_without_checksum_is_found(
    small: SmallJournal, known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_crc_fits", lambda length, payload, crc: True)
    with pytest.raises(AssertionError):
        check(small, "bit", known, step=2)


def test_canary_an_array_that_is_not_looked_at_is_found(
    small: SmallJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.log_file.Offsets.load", lambda path, header: None)
    with pytest.raises(AssertionError):
        check(small, "cut", FRAMES, step=1)
