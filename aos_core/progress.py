"""How long work tells of its progress: what such a function raises breaks the work off."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""(done, in all)"""

StageProgress = Callable[[str, int, int], None]
"""(what is being done, done, in all)"""
