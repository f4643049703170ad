"""Being asked to end, in the middle of long work."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopped_cleanly() -> Iterator[None]:
    """SIGTERM ends what is inside as an interrupt does: what has been found is remembered, what
    was half made is cleared away, and no worker stays. One is enough: another one does not break
    into that."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
