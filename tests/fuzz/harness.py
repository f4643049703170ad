"""What every fuzz test shares: how long, from which seed, and what must hold of bad input.

``AOS_FUZZ`` multiplies the number of cases (1: a sample), ``AOS_FUZZ_SEED`` is a number, or
``new`` for another one each time. The seed is printed, and pytest shows it where a test fails.
See docs/fuzzing.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from aos_core.errors import AosError, Rejected
from aos_core.kernel.turn import Turn
from aos_core.world import World

Case = TypeVar("Case")

FACTOR = float(os.environ.get("AOS_FUZZ", "1"))
_GIVEN = os.environ.get("AOS_FUZZ_SEED", "0")
SEED = int.from_bytes(os.urandom(4)) if _GIVEN == "new" else int(_GIVEN)
HANG_MS = 20_000
"""A single case that takes longer fails: what is refused is refused in milliseconds."""


def attack(
    cases: SearchStrategy[Case],
    holds: Callable[[Case], object],
    examples: int,
    *,
    shrink: bool = True,
) -> None:
    """Run ``holds`` on ``examples`` cases, times ``AOS_FUZZ``; what it raises comes out, for the
    smallest case that was found."""
    print(f"AOS_FUZZ_SEED={SEED} AOS_FUZZ={FACTOR:g}")

    @seed(SEED)
    @settings(
        max_examples=max(1, int(examples * FACTOR)),
        deadline=HANG_MS,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    @given(cases)
    def run(case: Case) -> None:
        holds(case)

    run()


def refused_or_replays(world: World, put: Callable[[World], Turn]) -> Turn | None:
    """Give ``world`` an input. Either a typed error with its place, and all is as it was; or a
    turn, which then replays. Any other exception, and any other outcome, is a failure."""
    before = (world.root, world.height, world.head)
    try:
        made = put(world)
    except Rejected as error:
        assert (world.root, world.height, world.head) == before, "a rejected input left a trace"
        assert placed(error), f"no place: {error!r}"
        return None
    if made.fault is not None:
        assert world.root == before[0], "a fault changed the state"
    report = world.verify()
    assert report.ok, report.divergence and report.divergence.describe()
    assert report.root == world.root
    return made


def placed(error: AosError) -> bool:
    """Whether an error says where; for people and for programs."""
    return bool(error.where) and bool(error.message) and error.code not in ("", "error")
