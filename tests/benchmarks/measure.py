"""Measuring side by side: what is compared runs in turns, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Act = Callable[[], object]
Figure = tuple[str, float, str]
"""What was measured, how much, and of what: a unit, or what it is a multiple of."""


def medians_us(acts: Mapping[str, Act], rounds: int = 60, each: int = 40) -> dict[str, float]:
    """The median duration of every act, in microseconds: ``each`` calls of one after the other,
    ``rounds`` times, so that a slow moment of the machine meets all of them."""
    taken: dict[str, list[int]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            for _ in range(each):
                begin = time.perf_counter_ns()
                act()
                taken[name].append(time.perf_counter_ns() - begin)
    return {name: statistics.median(of) / 1000 for name, of in taken.items()}


def median_us(act: Act, times: int) -> float:
    """The median duration of ``act``, in microseconds."""
    return medians_us({"": act}, rounds=1, each=times)[""]
