"""Interrupts: held until a good moment, and none lost."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from aos_core.cli.interrupts import held, never_lost
from aos_core.cli.stopping import stopped_cleanly

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

pytestmark = pytest.mark.timeout(60, method="thread")  # the other one goes by an alarm itself
by_alarm = pytest.mark.skipif(sys.platform == "win32", reason="there are no alarms")


class Finalized:
    """Is interrupted where nothing can be raised."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def interrupted_there(number: signal.Signals) -> None:
    """Ends long before the minute is over, if the interrupt is not lost."""
    Finalized(number)
    for _ in range(600):
        time.sleep(0.1)


def test_a_held_interrupt_is_noted_and_a_second_one_is_not_held() -> None:
    with held() as came:
        signal.raise_signal(signal.SIGINT)
        assert came
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@by_alarm
def test_an_interrupt_where_nothing_can_be_raised_comes_again() -> None:
    with pytest.raises(KeyboardInterrupt), never_lost():
        interrupted_there(signal.SIGINT)


@by_alarm
def test_it_does_not_break_through_where_interrupts_are_held() -> None:
    with never_lost(), held() as came:
        signal.raise_signal(signal.SIGALRM)  # as one comes again that was lost before
        assert came, "noted"


@by_alarm
def test_so_does_being_asked_to_end_where_interrupts_are_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), never_lost(), stopped_cleanly():
            interrupted_there(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_being_asked_to_end_once_more_does_not_break_into_clearing_away() -> None:
    with stopped_cleanly():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@by_alarm
def test_what_else_cannot_be_raised_is_told_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[type[BaseException]] = []

    def tell(lost: UnraisableHookArgs) -> None:
        told.append(lost.exc_type)

    monkeypatch.setattr("sys.unraisablehook", tell)

    class Fails:
        def __del__(self) -> None:
            raise ValueError

    with never_lost():
        Fails()
    assert told == [ValueError]
