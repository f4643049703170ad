"""Interrupts that wait for a good moment, and none that is lost."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType

_SOON = 0.02
"""Seconds until a lost interrupt comes again."""


@contextmanager
def held() -> Iterator[list[int]]:
    """An interrupt inside stops nothing: the list that this gives is no longer empty then, and who
    asks may end at a good moment. A second one is :class:`KeyboardInterrupt` at once.

    Only the main thread gets interrupts; elsewhere the list stays empty.
    """
    came: list[int] = []

    def note(number: int, _: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _come_again(_: int, frame: FrameType | None) -> None:
    """What an interrupt does now: where it is held, it is noted."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # ignored in the background of a script: then it was SIGTERM
        raise KeyboardInterrupt


@contextmanager
def never_lost() -> Iterator[None]:
    """An interrupt inside that comes where Python can raise nothing comes again.

    Such places are finalizers, and what C and Rust ask of Python without asking how it went, as
    cbor2 does for every list: without this, one in ten interrupts of a rehearsal went there.

    For the main thread. Where the system has no alarms (Windows), ctrl+c has to be pressed again.
    """
    if sys.platform == "win32":
        yield
        return
    tell, armed = sys.unraisablehook, False

    def again(lost: UnraisableHookArgs) -> None:
        nonlocal armed
        if lost.exc_type is KeyboardInterrupt:
            armed = True  # not from here: what is raised in this hook is lost as well
            signal.setitimer(signal.ITIMER_REAL, _SOON)
        else:
            tell(lost)

    before = signal.signal(signal.SIGALRM, _come_again)
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = tell
        if armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
