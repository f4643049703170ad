"""Interrupts that wait for a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
