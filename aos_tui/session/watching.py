"""A property that is watched: what it says at a height, and where it first fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aos_core.property import Property
    from aos_core.view import View
    from aos_core.world import World


class Watch:
    """``fails_at`` is the first height at which it fails, among the ``seen`` ones from 0 on; at
    ``silent`` of them it said nothing."""

    def __init__(self, text: str, property: Property) -> None:
        self.text, self.property = text, property
        self.fails_at: int | None = None
        self.seen = self.silent = 0

    def look_on(self, world: World, seconds: float) -> bool:
        """Look at one height after the other for about ``seconds``; whether there is more to look
        at. Nothing is looked at behind the first failure. Raises :class:`UsageError` where it
        cannot be evaluated; that height is passed over then."""
        end = time.monotonic() + seconds
        while self.fails_at is None and self.seen <= world.height:
            height = self.seen
            self.seen += 1
            holds = self.property.holds(world.at(height))
            self.silent += holds is None
            if holds is False:
                self.fails_at = height
            elif time.monotonic() > end:
                break
        return self.fails_at is None and self.seen <= world.height

    def says(self, view: View) -> str:
        """``holds``, ``fails`` or ``silent``."""
        from aos_core.errors import AosError

        try:
            holds = self.property.holds(view)
        except AosError:
            holds = None
        return "silent" if holds is None else "holds" if holds else "fails"

    def again(self) -> Watch:
        """The same over another history."""
        return Watch(self.text, self.property)
