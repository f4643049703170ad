"""What has happened on a branch, in order: frames, records, and the state after each frame.

Grows at its end and nowhere else. Height h is the world after record h.
"""

from __future__ import annotations

import bisect

from aos_core.errors import UsageError
from aos_core.frames import Frame
from aos_core.history import History
from aos_core.kernel.records import Record
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment


class Timeline:
    """The frames of a branch, those of its ancestors first. Lists of one length, by frame:
    ``frames``, ``states``, ``moments``; ``records`` by height; ``history`` counts."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.states: list[State] = []
        self.moments: list[Moment] = []
        self.records: list[Record] = []
        self.history = History()
        self._first_heights: list[int] = []

    def add(self, frame: Frame, state: State, after: Moment) -> None:
        """Take in a frame, the state after it, and the moment of the next one."""
        records = [Record.from_plain(plain) for plain in frame.records]
        self.history.add(frame, records)
        self.frames.append(frame)
        self.states.append(state)
        self.moments.append(after)
        self.records.extend(records)
        self._first_heights.append(frame.height)

    def until(self, index: int) -> Timeline:
        """The timeline up to frame ``index``, for a fork that goes on from there."""
        part = Timeline()
        for at in range(index + 1):
            part.add(self.frames[at], self.states[at], self.moments[at])
        return part

    @property
    def height(self) -> int:
        """The height of the last record."""
        return len(self.records) - 1

    def frame_at(self, height: int) -> int:
        """The index of the frame that holds record ``height``. Raises :class:`UsageError`."""
        if not 0 <= height <= self.height:
            raise UsageError(f"there is no height {height}: the last is {self.height}")
        return bisect.bisect_right(self._first_heights, height) - 1

    def turn_end(self, height: int) -> int:
        """The index of the last frame that is whole at ``height``: inside a turn, the one before.

        Raises :class:`UsageError`.
        """
        index = self.frame_at(height)
        return index if height == self.frames[index].last_height else index - 1
