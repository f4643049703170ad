"""How Python is set so that a key is not felt to wait: for the whole process, once."""

from __future__ import annotations

import gc
import sys

YOUNG = 10_000
"""Objects after which the collector looks at those that are new: 3 ms. Python's own 700 has it look
at all there are, for 60 ms, every twenty keys."""

TURN = 0.0005
"""Seconds that a thread which reads the world may keep the screen's thread waiting."""


def pause_hardly() -> None:
    """Collect rarely, never look at what is imported by now, and give each thread short turns."""
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 50)
    sys.setswitchinterval(TURN)
