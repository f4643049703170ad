"""Worlds whose writer is killed at a random moment, and what is found afterwards.

A case is one world, written by one process after another, each killed with SIGKILL after a random
number of acknowledgements and a random delay. After each the branch has to hold every turn that was
acknowledged, verify, let a writer in, and go on.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from aos_core.errors import UsageError
from aos_core.file_journal import FileJournal
from aos_core.journal import JournalMissing
from aos_core.world import World
from tests.support import EVENT, copy_example, log, start

MOST_LINES = 12
"""A process is killed after so many acknowledgements at most."""

LONGEST_DELAY = 0.02
"""And after so many seconds more, at most."""


class Writers:
    """Processes that write; see writer.py. A context manager."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.crash.writer", str(theirs.fileno())]
        self._server = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()

    def live(self, world: Path, seed: str, lines: int, delay: float, *, hasty: bool) -> list[str]:
        """Let one write ``world``, kill it after it has told of so many turns and a delay in
        seconds, and return all the lines that it has told. Raises ``AssertionError`` where it ended
        by itself."""
        mine, its = os.pipe()
        order = json.dumps({"world": str(world), "seed": seed, "hasty": hasty})
        socket.send_fds(self._orders, [order.encode()], [its])
        os.close(its)
        with os.fdopen(mine, encoding="utf-8") as told:
            child = int(self._orders.recv(100))
            found = [told.readline() for _ in range(lines)]
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            found += told
        self._orders.sendall(b".")
        status = int(self._orders.recv(100))
        assert status == -signal.SIGKILL, "the writer failed:\n" + "".join(found)
        return [line for line in found if line.endswith("\n")]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._orders.close()
        self._server.wait()


class Series:
    """One case: an empty directory ``root``, a seed, and writers."""

    def __init__(self, root: Path, seed: str, writers: Writers, *, hasty: bool = False) -> None:
        self._random, self._seed = Random(seed), seed
        self._writers, self._hasty = writers, hasty
        self._world = copy_example(root / "world")
        self._log = log(self._world)
        self._acknowledged: dict[int, str] = {}
        self.tally: Counter[str] = Counter()

    def run(self, kills: int) -> None:
        """Kill so many writers. Raises ``AssertionError`` where a promise is broken."""
        for n in range(kills):
            lines = self._random.randrange(MOST_LINES)
            delay = LONGEST_DELAY * self._random.random() ** 3
            if lines == 0:  # while it opens the world, or creates it
                delay *= 10
            told = self._writers.live(
                self._world, f"{self._seed}/{n}", lines, delay, hasty=self._hasty
            )
            self._acknowledged |= {int(height): head for height, head in map(str.split, told)}
            self.tally["kills of worlds"] += 1
            self.tally["turns acknowledged"] += len(told)
            torn = self._read()
            self._go_on(torn)

    def _read(self) -> bytes:
        """What a reader finds, before anything is mended; returns the torn bytes."""
        try:
            with FileJournal.open(self._log, write=False) as journal:
                assert (journal.damage, journal.check()) == (None, None)
                self._compare({frame.last_height: frame.hash.hex() for frame in journal.frames})
                return self._log.read_bytes()[journal.last.end :]
        except JournalMissing:
            self._compare({})
            return self._log.read_bytes() if self._log.exists() else b""

    def _compare(self, heads: dict[int, str]) -> None:
        lost = sorted(self._acknowledged.items() - heads.items())
        assert not lost, f"acknowledged and lost: {lost[:3]}, {len(lost)} in all"

    def _go_on(self, torn: bytes) -> None:
        """The branch is not locked, verifies, and is written on."""
        before = set(self._log.parent.glob("main.torn-*"))
        try:
            world = World.open(self._world)
        except UsageError:  # JournalMissing is one: nothing was created
            raise AssertionError("a world that was killed while it began does not begin") from None
        with world:
            assert world.trouble is None
            self._compare({frame.last_height: frame.hash.hex() for frame in world.frames})
            aside = [
                path.read_bytes() for path in set(self._log.parent.glob("main.torn-*")) - before
            ]
            assert aside == ([torn] if torn else [])
            self.tally["torn ends of worlds, moved aside"] += len(aside)
            world.fire(EVENT, start(topic="after"))
            self._acknowledged[world.height] = world.head.hex()
            report = world.verify()
            assert report.ok, report.divergence
        assert not self._log.with_name("main.holder").exists()
