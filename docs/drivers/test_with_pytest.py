"""Driver 4, pytest: states are immutable, so a test goes on from one as often as it likes.

python -m pytest docs/drivers/test_with_pytest.py
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from a_world import EVENT, START, Kernel, answer, stamped

from aos_core.errors import Rejected, UnknownIntent
from aos_core.kernel.records import Input
from aos_core.kernel.turn import Turn, turn


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel.load("04")


@pytest.fixture(scope="module")
def asked(kernel: Kernel) -> Turn:
    """The turn that asks for three pages."""
    event = stamped(kernel.event(EVENT, START), 0)
    return turn(kernel.programs, kernel.state, event, kernel.moment, kernel.modules)


def go_on(kernel: Kernel, made: Turn, inputs: Sequence[Input]) -> Turn:
    for n, input in enumerate(inputs, 1):
        made = turn(kernel.programs, made.state, stamped(input, n), made.after, kernel.modules)
    return made


def test_every_order_of_the_receipts_ends_in_one_root(kernel: Kernel, asked: Turn) -> None:
    receipts = [answer(intent) for _, intent in asked.state.pending.items()]
    orders = list(itertools.permutations(receipts))
    roots = {go_on(kernel, asked, order).state.root for order in orders}
    assert (len(orders), len(roots)) == (6, 1)


def test_what_is_rejected_changes_nothing(kernel: Kernel, asked: Turn) -> None:
    receipt = answer(next(intent for _, intent in asked.state.pending.items()))
    before = asked.state.root
    with pytest.raises(Rejected):
        go_on(kernel, asked, [kernel.event(EVENT, START), *[receipt] * 2])
    with pytest.raises(UnknownIntent):
        turn(kernel.programs, kernel.state, stamped(receipt, 0), kernel.moment, kernel.modules)
    assert asked.state.root == before
