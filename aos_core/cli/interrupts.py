"""Interrupts that wait for a good moment, and none that is lost."""

from __future__ import annotations

import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

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


def _raise(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def never_lost() -> Iterator[None]:
    """An interrupt inside that comes where Python can raise nothing comes again.

    Such places are finalizers, and what C and Rust ask of Python without asking how it went, as
    cbor2 does for every list: without this, one in ten interrupts of a rehearsal went there.

    For the main thread, before any other runs.
    """
    tell = sys.unraisablehook
    windows = sys.platform == "win32"
    before = None if windows else signal.signal(signal.SIGALRM, _raise)

    def again(lost: UnraisableHookArgs) -> None:
        # not from here: what is raised in this hook is lost as well
        if lost.exc_type is not KeyboardInterrupt:
            tell(lost)
        elif windows:
            threading.Timer(_SOON, interrupt_main).start()
        else:
            signal.setitimer(signal.ITIMER_REAL, _SOON)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = tell
        if not windows:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
