"""What people call some kinds of records. Light: the app needs it for its first paint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KIND_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": ("plan_started", "plan_step", "plan_ended"),
    "swap": ("manifest_replaced",),
}
"""Words for kinds, as the app's lines and filters have them."""
