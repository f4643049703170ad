"""Journals that are written while power is lost, and opened again while it is lost once more.

A drill writes a few branches through a :class:`PowerLayer`: appends, groups, creation, reopening,
syncs that fail. At a random call the process ends, killed or by loss of power. Then every branch is
read with the operating system's own layer, and has to hold what was acknowledged, and after that
nothing but whole frames of those that were on their way, in order; or to say what is damaged after
them, which with an array of offsets never happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aos_core.branches import DiskError
from aos_core.errors import JournalDamaged
from aos_core.file_journal import FileJournal
from aos_core.frames import new_frame
from aos_core.journal import JournalMissing
from aos_core.offsets import Offsets, offsets_path
from tests.crash.power import PowerLayer, Stopped
from tests.journals import HEADER, body, fork_header

_CALLS = 30
"""A process lives for so many calls of the layer at most."""

_SIZES = [1, 10, 100, 700, 3000, 20_000]


@dataclass
class _Branch:
    """The payloads that were acknowledged, and those on their way after them."""

    path: Path
    acknowledged: list[bytes] = field(default_factory=list)
    tried: list[bytes] = field(default_factory=list)

    def check(self, found: list[bytes]) -> None:
        assert found[: len(self.acknowledged)] == self.acknowledged, (
            f"{self.path.name}: {len(self.acknowledged)} frames were acknowledged, "
            f"{_common(found, self.acknowledged)} are there"
        )
        more = found[len(self.acknowledged) :]
        assert more == self.tried[: len(more)], f"{self.path.name}: frames that nobody wrote"

    def take(self, found: list[bytes]) -> None:
        self.acknowledged, self.tried = found, []


class Drill:
    """One case. ``root`` is an empty directory; equal seeds give equal drills."""

    def __init__(
        self,
        root: Path,
        seed: str,
        *,
        journal: type[FileJournal] = FileJournal,
        layer: type[PowerLayer] = PowerLayer,
    ) -> None:
        self._random = Random(seed)
        self._layer = layer(root, self._random, failing=self._random.choice([0, 0.05]))
        self._journal, self._root = journal, root
        self._branches: list[_Branch] = []
        self._made = 0
        self.tally: Counter[str] = Counter()

    def run(self, ends: int) -> None:
        """Let the process end so many times. Raises ``AssertionError`` where a promise is broken;
        ``tally`` counts what happened."""
        for _ in range(ends):
            self._layer.stop_after(self._random.randrange(_CALLS))
            try:
                while True:
                    self._write_somewhere()
            except Stopped:
                pass
            power = self._random.random() < 0.8
            self.tally["power cuts" if power else "ends with power on"] += 1
            if power:
                self._layer.lose_power()
            for branch in list(self._branches):
                self._read(branch, durable=power)
        self._layer.stop_after(None)
        self._layer.failing = 0.0
        for branch in list(self._branches):
            with self._opened(branch) as journal:
                if journal is not None:
                    journal.append(body(journal))

    # -- the life of a process ---------------------------------------------------------------

    def _write_somewhere(self) -> None:
        if not self._branches or self._random.random() < 0.1:
            self._create(HEADER | {"n": self._made})
            return
        branch = self._random.choice(self._branches)
        with self._opened(branch) as journal:
            while journal is not None and journal.writable and self._random.random() < 0.9:
                self._write(branch, journal)

    def _write(self, branch: _Branch, journal: FileJournal) -> None:
        """One frame, or several in a group. A disk that refuses takes back all of them, or the
        journal says that it could not."""
        many = self._random.choice([1, 1, 1, 2, 5])
        try:
            if many == 1:
                self._append(branch, journal)
            else:
                with journal.group():
                    for _ in range(many):
                        self._append(branch, journal)
        except DiskError:
            self.tally["syncs that failed"] += 1
            if journal.writable:
                branch.tried = []
            assert [frame.payload for frame in journal.frames] == branch.acknowledged
        else:
            branch.take([*branch.acknowledged, *branch.tried])
            self.tally["frames acknowledged"] += many

    def _append(self, branch: _Branch, journal: FileJournal) -> None:
        size = self._random.choice(_SIZES)
        frame = body(journal, text=self._random.randbytes(size // 2).hex())
        branch.tried.append(new_frame(frame, journal.last).payload)
        journal.append(frame)

    def _create(self, header: dict[str, Any]) -> None:
        branch = _Branch(self._root / f".aos/journal/b{self._made}.log")
        branch.tried = [new_frame(header, None).payload]
        self._made += 1
        self._branches.append(branch)
        try:
            journal = self._journal.create(branch.path, header, layer=self._layer)
        except DiskError:
            assert not branch.path.exists()
            self._branches.remove(branch)
            return
        with journal:
            branch.take(branch.tried)
            self.tally["branches created"] += 1

    @contextmanager
    def _opened(self, branch: _Branch) -> Iterator[FileJournal | None]:
        """The branch, open for writing, perhaps recovered; None where it cannot be written."""
        try:
            opened = self._journal.open(branch.path, write=True, layer=self._layer)
        except JournalMissing:
            branch.check([])
            self._branches.remove(branch)
            yield None
            return
        except JournalDamaged:
            self._give_up(branch, [])
            yield None
            return
        except DiskError:  # a sync failed: nothing was opened
            yield None
            return
        with opened:
            found = [frame.payload for frame in opened.frames]
            branch.check(found)
            if opened.damage is not None:
                fork = fork_header(opened)
                self._give_up(branch, found)
                self._create(fork)
                yield None
                return
            branch.take(found)
            self.tally["torn ends of journals, moved aside"] += len(opened.notices)
            yield opened

    def _give_up(self, branch: _Branch, found: list[bytes]) -> None:
        """It is damaged: what was acknowledged is there all the same."""
        branch.check(found)
        self._branches.remove(branch)
        self.tally["branches damaged, no array"] += 1

    # -- what is found afterwards ------------------------------------------------------------

    def _read(self, branch: _Branch, *, durable: bool) -> None:
        """Read the branch with the plain layer, and compare; a reader changes nothing."""
        found: list[bytes] = []
        try:
            with self._journal.open(branch.path, write=False) as journal:
                found = [frame.payload for frame in journal.frames]
                assert journal.check() == journal.damage
                if journal.damage is not None:
                    assert journal.damage.where["offset"] == journal.last.end
                    array = Offsets.load(offsets_path(branch.path), journal.header.hash)
                    assert array is None, f"damaged though its array was there: {journal.damage}"
        except (JournalMissing, JournalDamaged):
            pass
        branch.check(found)
        if durable:
            branch.take(found)
        else:
            branch.tried = found[len(branch.acknowledged) :]


def _common(one: list[bytes], other: list[bytes]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
