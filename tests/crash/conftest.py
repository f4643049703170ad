"""The seed of a sample: from AOS_CRASH_SEED, else always the same; shown where a test fails."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def crash_seed() -> str:
    seed = os.environ.get("AOS_CRASH_SEED", "1")
    print(f"AOS_CRASH_SEED={seed}")
    return seed
