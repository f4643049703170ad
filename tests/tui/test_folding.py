"""Which line of a folded journal shows what: against the list that is made of all lines."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from aos_tui.folding import Folding, Line


class Sizes:
    """Turns of these sizes; the first is genesis."""

    def __init__(self, sizes: list[int]) -> None:
        self.bounds: list[tuple[int, int]] = []
        for size in sizes:
            first = self.bounds[-1][1] + 1 if self.bounds else 0
            self.bounds.append((first, first + size - 1))

    def turn(self, number: int) -> tuple[int, int]:
        return self.bounds[number]

    def turn_of(self, height: int) -> int:
        return next(n for n, (first, last) in enumerate(self.bounds) if first <= height <= last)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=12),
    st.booleans(),
    st.lists(st.integers(0, 100), max_size=20),
)
def test_every_line_and_every_height_find_each_other(
    sizes: list[int], all: bool, toggled: list[int]
) -> None:
    turns, folding = Sizes([1, *sizes]), Folding()
    live = turns.bounds[-1][1]
    if all:
        folding.toggle_all()
    folded = [all] * len(turns.bounds)
    for height in toggled:
        folding.toggle(height % (live + 1), turns)
        number = turns.turn_of(height % (live + 1))
        folded[number] = not folded[number]
    expected = list(
        itertools.chain.from_iterable(
            [Line(first, last)] if fold else [Line(at, at) for at in range(first, last + 1)]
            for fold, (first, last) in zip(folded, turns.bounds, strict=True)
        )
    )
    assert folding.lines(live, len(sizes)) == len(expected)
    assert [folding.line(row, turns) for row in range(len(expected))] == expected
    for height in range(live + 1):
        line = expected[folding.row(height, turns)]
        assert line.first <= height <= line.last


def test_another_journal_keeps_the_way_it_is_folded_and_nothing_done_by_hand() -> None:
    turns, folding = Sizes([1, 3, 3]), Folding()
    folding.toggle_all()
    folding.toggle(2, turns)
    assert folding.lines(6, 2) == 5
    folding.forget()
    assert (folding.all, folding.lines(6, 2)) == (True, 3)
