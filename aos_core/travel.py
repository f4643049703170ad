"""The state of a world at any height: from the nearest one that is known, by running turns again.

Known are the last states that were asked for, and snapshots. Every turn that is run again is
compared with what the journal says, so a state that is given is a state that was verified from
there on. Height h is the world after record h.

A snapshot is read piece by piece, as its state is used, here or elsewhere, at any time. A piece
that is missing or altered then is taken from the same state, run again from the beginning.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

from aos_core.chain import Chain
from aos_core.errors import Diverged, JournalDamaged
from aos_core.frames import BadFrame, Frame, check_follows
from aos_core.kernel.modules import Modules
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment, Programs, Turn
from aos_core.progress import Progress
from aos_core.replay import begin, rerun, resume
from aos_core.snapshots import Snapshots
from aos_core.spacing import Spacing

_CACHED = 1024
"""So many states are kept, those asked for last; they share what they have in common."""


class Travel:
    """The states of one chain."""

    def __init__(
        self,
        chain: Chain,
        snapshots: Snapshots,
        programs: Programs,
        modules: Callable[[], Modules],
        spacing: Spacing,
    ) -> None:
        self.chain, self._snapshots, self._programs = chain, snapshots, programs
        self._modules, self._spacing = modules, spacing
        self._known: OrderedDict[int, tuple[State, Moment]] = OrderedDict()
        self._inside: tuple[int, Turn] | None = None
        self._sound: tuple[int, State, Moment] | None = None
        self.reached = -1

    def take(self, index: int, frame: Frame, made: Turn) -> None:
        """Take in the turn of frame ``index``, which was run just now."""
        self._inside = index, made
        self.add(index, frame, made.state, made.after)

    def add(self, index: int, frame: Frame, state: State, after: Moment) -> None:
        """Take in the state and the moment after frame ``index``."""
        self._known[index] = state, after
        self._known.move_to_end(index)
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        if self._spacing.due(index, frame):
            self._snapshots.keep(frame, state, after)

    def after(self, index: int, progress: Progress | None = None) -> tuple[State, Moment]:
        """The state and the moment after frame ``index``.

        Raises :class:`Diverged` and :class:`JournalDamaged`; ``reached`` is then the last frame
        that came out as it should.
        """
        start, state, moment = self._nearest(index)
        self.reached = start
        frames = (self.chain.frame(at) for at in range(start + 1, index + 1))
        for at, after, then in self._run(frames, start + 1, state, moment):
            state, moment, self.reached = after, then, at
            if progress is not None:
                progress(at - start, index - start)
        return state, moment

    def inside(self, height: int) -> State:
        """The state after record ``height``, inside a turn or at its end. Raises as ``after``."""
        index = self.chain.index_at(height)
        frame = self.chain.frame(index)
        if height == frame.last_height:
            return self.after(index)[0]
        return self.turn(index).states[height - frame.height]

    def turn(self, index: int) -> Turn:
        """The turn of frame ``index``, run again. Raises as ``after``."""
        if self._inside is None or self._inside[0] != index:
            state, moment = self.after(index - 1)
            frame = self.chain.frame(index)
            self._inside = index, rerun(frame, state, moment, self._programs, self._modules())
        return self._inside[1]

    def rewind(self, count: int) -> None:
        """The frames from ``count`` on have not happened."""
        for index in [at for at in self._known if at >= count]:
            del self._known[index]
        self._inside = self._sound = None

    def prove(self, start: int, last: int, done: Callable[[int], None] | None = None) -> None:
        """Run the frames after ``start`` up to ``last`` again, from a kept state or, where
        ``start`` is -1, from the beginning; each has to follow the one before, and to come out the
        same.

        ``done`` is told the index of every frame that does. Raises :class:`Diverged`,
        :class:`JournalDamaged`.
        """
        before = self.chain.frame(max(start, 0))
        if start < 0:
            start, (state, moment) = 0, begin(before)
            if done is not None:
                done(0)
        else:
            state, moment = self.after(start)
        frames = _linked(self.chain, before, start + 1, last)
        for index, _, _ in self._run(frames, start + 1, state, moment):
            if done is not None:
                done(index)

    def snapshot_before(self, index: int) -> int | None:
        """The last frame up to ``index`` after which a good snapshot is kept."""
        kept = self._kept(-1, index)
        return None if kept is None else kept[0]

    def _run(
        self, frames: Iterable[Frame], first: int, state: State, moment: Moment
    ) -> Iterator[tuple[int, State, Moment]]:
        """Run frames again, the first of them at index ``first``: (index, state and moment after
        it) of each that comes out the same. Raises :class:`Diverged`, :class:`JournalDamaged`."""
        run = resume(frames, state, moment, self._programs, self._modules())
        for index, made in enumerate(run, first):
            self.add(index, made.frame, made.state, made.after)
            yield index, made.state, made.after

    def _nearest(self, index: int) -> tuple[int, State, Moment]:
        """The nearest known state at or before frame ``index``."""
        known = index
        if index not in self._known:
            known = max((at for at in self._known if at <= index), default=-1)
        if known < index and (kept := self._kept(known, index)) is not None:
            return kept
        if known >= 0:
            self._known.move_to_end(known)
            return known, *self._known[known]
        header = self.chain.frame(0)
        state, moment = begin(header)
        self.add(0, header, state, moment)
        return 0, state, moment

    def _kept(self, known: int, index: int) -> tuple[int, State, Moment] | None:
        """The last good snapshot after frame ``known``, up to ``index``."""
        height = self._snapshots.before(self.chain.frame(index).last_height)
        while height is not None:
            at = self.chain.index_at(height)
            if at <= known:
                return None
            frame = self.chain.frame(at)
            if frame.last_height == height:
                again = cache(partial(self._again, at))
                kept = self._snapshots.load(frame, self._programs, again)
                if kept is not None:
                    self.add(at, frame, *kept)
                    return at, *kept
            height = self._snapshots.before(height - 1)
        return None

    def _again(self, index: int) -> State:
        """The state after frame ``index`` without any snapshot: what is kept of it is damaged. It
        is kept anew. Raises as ``after``."""
        self._snapshots.damaged = True
        if self._sound is None or self._sound[0] > index:
            self._sound = 0, *begin(self.chain.frame(0))
        start, state, moment = self._sound
        frames = (self.chain.frame(at) for at in range(start + 1, index + 1))
        run = resume(frames, state, moment, self._programs, self._modules())
        try:
            for made in run:
                state, moment = made.state, made.after
                start += 1
        except (Diverged, JournalDamaged):
            self.reached = start
            raise
        self._sound = index, state, moment
        self._snapshots.keep(self.chain.frame(index), state, moment)
        return state


def _linked(chain: Chain, before: Frame, first: int, last: int) -> Iterator[Frame]:
    """Frames ``first`` to ``last``, each checked to follow the one before."""
    for index in range(first, last + 1):
        frame = chain.frame(index)
        try:
            check_follows(frame, before)
        except BadFrame as bad:
            if not (frame.is_header and _forks(frame, before)):
                raise JournalDamaged(
                    f"the journal is damaged: {bad}",
                    hint="what comes before is good: read it, or fork it at"
                    f" {frame.height - 1} and go on there",
                    offset=frame.offset,
                    height=frame.height,
                ) from None
        yield frame
        before = frame


def _forks(header: Frame, before: Frame) -> bool:
    """Whether a fork's header goes on after ``before``."""
    return header.prev == before.hash and header.height == before.last_height + 1
