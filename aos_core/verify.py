"""Verification side by side, and from where an earlier one has come to.

Between two snapshots a stretch of journal verifies by itself: it begins in the state whose root the
frame before it names, so stretches that all come out right prove the whole. They run on any
``concurrent.futures`` executor: processes of this machine, or a cluster. What was verified is
remembered by its head, which names the whole history, together with the bytes it was read from and
what it was run by; a later run goes on from there.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from aos_core.chain import Chain
from aos_core.errors import Diverged, JournalDamaged, UsageError
from aos_core.frames import SEMANTICS
from aos_core.progress import Progress
from aos_core.replay import Divergence, Report
from aos_core.travel import Travel
from aos_core.world import World

STRETCHES = 8
"""So many stretches a worker has to do, so that none waits long for the last."""

SHORTEST = 64
"""Stretches are not shorter than this, in frames: each has a beginning that costs something."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The frames after ``first`` up to ``last``, by index in the whole chain, of a branch of the
    world at ``path``; ``head`` is the hash of the branch's last frame, so that a worker knows
    whether it has it open already."""

    path: str
    branch: str
    head: bytes
    first: int
    last: int


def verify(
    world: World,
    *,
    executor: Executor | None = None,
    jobs: int = 1,
    again: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Run the journal of ``world`` again, as it lies on the disk now, and compare.

    ``executor``: where stretches run, ``jobs`` of them at a time; None: one after the other, here.
    ``again``: run everything, also what was verified before. Broken off (by what ``progress``
    raises), it remembers how far it has come. Raises :class:`JournalDamaged`,
    :class:`StoreDamaged`, :class:`UsageError` for a world in memory with an executor.
    """
    if executor is not None and world.in_memory:
        raise UsageError("a world in memory cannot be verified by other processes")
    begun = time.perf_counter()
    with world.read_anew() as travel:
        chain, last = travel.chain, travel.chain.count - 1
        start = -1 if again or world.in_memory else min(last, _remembered(world, chain))
        walk = _Walk(start, last, progress)
        try:
            if executor is None:
                divergence = walk.alone(travel)
            else:
                divergence = walk.together(executor, _stretches(world, travel, start, last, jobs))
        finally:
            if walk.reached > start and not world.in_memory:
                frame = chain.frame(walk.reached)
                world.index.remember(
                    frame.hash, ran_by(), chain.digest(walk.reached), frame.last_height
                )
    skipped = chain.frame(start).last_height if start > 0 else None
    return world.report(divergence, last + 1, time.perf_counter() - begun, skipped)


class _Walk:
    """One verification. ``reached``: the last frame up to which everything came out right."""

    def __init__(self, start: int, last: int, progress: Progress | None) -> None:
        self.start, self.last, self.reached = start, last, start
        self._progress = progress

    def alone(self, travel: Travel) -> Divergence | None:
        """Frame by frame, here."""
        try:
            travel.prove(self.start, self.last, self._done)
        except Diverged as error:
            found: Divergence = error.divergence
            return found
        return None

    def together(self, executor: Executor, stretches: list[Stretch]) -> Divergence | None:
        """Stretch by stretch; the difference that is first in the journal counts."""
        futures = [executor.submit(work, stretch) for stretch in stretches]
        try:
            for stretch, future in zip(stretches, futures, strict=True):
                found = future.result()
                if found is not None:
                    return found
                self._done(stretch.last)
        finally:
            for future in futures:
                future.cancel()
        return None

    def _done(self, index: int) -> None:
        self.reached = index
        if self._progress is not None:
            self._progress(index - self.start, self.last - self.start)


def _stretches(world: World, travel: Travel, first: int, last: int, jobs: int) -> list[Stretch]:
    """The frames after ``first`` up to ``last`` cut where there are snapshots, so that ``jobs``
    workers have about the same to do."""
    length = max(SHORTEST, (last - first) // (jobs * STRETCHES))
    cuts = [first]
    for wanted in range(first + length, last - SHORTEST // 2, length):
        cut = travel.snapshot_before(wanted)
        if cut is not None and cut > cuts[-1]:
            cuts.append(cut)
    path, head = str(world.files.root), travel.chain.last.hash
    return [
        Stretch(path, world.branch, head, begin, end)
        for begin, end in zip(cuts, [*cuts[1:], last], strict=True)
        if end > begin
    ]


# -- why it may differ ----------------------------------------------------------------------


def usual_cause(world: World, found: Divergence, *, with_disk: bool = False) -> str:
    """What usually lies behind a difference, in a sentence; ``with_disk``: with the files on disk
    instead of those the journal names."""
    if with_disk:
        return (
            "the files on disk do something else here than those the journal was made with: a "
            "change that was meant, or one that was not"
        )
    made_by = world.frames[0].body.get("engine")
    here = f"wasmtime {importlib.metadata.version('wasmtime')}"
    if made_by != here:
        return (
            f"the journal was made with {made_by}, this is {here}: fuel and traps may differ "
            "between engines, so verify it with the one that made it"
        )
    kind = found.record.get("k") if isinstance(found.record, dict) else None
    if found.expected == "an accepted input":
        return (
            "this kernel refuses an input that the journal has accepted: the journal was altered, "
            "or made by another version"
        )
    if kind == "fault":
        return (
            "a fault came out otherwise: another limit of fuel or memory, a module that was "
            "altered, or a journal that was"
        )
    if found.reducer is not None:
        return (
            f"{found.reducer} gave something else from the same input and state. A module cannot "
            "read clock, chance or memory of earlier steps here, so the journal was altered, or "
            "made by a kernel that called it otherwise"
        )
    if found.field is not None and found.field.startswith("root"):
        return (
            "the records agree and the state does not: the root was altered, or was made by a "
            "kernel that keeps the state otherwise"
        )
    return "the journal was altered, or made by another version of the kernel"


# -- workers --------------------------------------------------------------------------------


def work(stretch: Stretch) -> Divergence | None:
    """Run one stretch, in a worker; the first difference, or None. Raises as :func:`verify`."""
    try:
        with _world_of(stretch).read_anew() as travel:
            travel.prove(stretch.first, stretch.last)
    except Diverged as error:
        found: Divergence = error.divergence
        return found
    return None


_open: dict[int, tuple[tuple[str, str, bytes], World]] = {}
"""What each thread of a worker has open: it stays so for the next stretch of the same branch."""


def _world_of(stretch: Stretch) -> World:
    thread, wanted = threading.get_ident(), (stretch.path, stretch.branch, stretch.head)
    known, world = _open.get(thread, (None, None))
    if world is None or known != wanted:
        if world is not None:
            del _open[thread]
            world.close()
        world = World.open(stretch.path, stretch.branch, write=False, fast=True)
        _open[thread] = wanted, world
    return world


def let_go() -> None:
    """Close what the threads of this worker have open: for who gives :func:`verify` an executor of
    threads, which do not end when it does."""
    while _open:
        _open.popitem()[1][1].close()


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Processes of this machine. They end when the block does, and when this process does."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool
    except BaseException:
        for process in list(pool._processes.values()):  # nobody wants what they do any more
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """The workers of a ``dask.distributed`` scheduler, and how many threads they have. They need
    the world under the same path. Raises :class:`UsageError`."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise UsageError(
            "dask.distributed is not installed", hint="install aos-tui[cluster]"
        ) from None
    try:
        client = distributed.Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"there is no scheduler at {address}: {error}",
            hint="start one with `dask scheduler`, its workers with `dask worker ADDRESS`",
        ) from error
    with client:
        yield client.get_executor(pure=False), sum(client.nthreads().values())


def _end_with_parent() -> None:
    """In a worker: do not outlive the process that wants the work, however that one ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


# -- what was verified before ---------------------------------------------------------------


def ran_by() -> str:
    """What a proof was run by: another engine, kernel or release has to run it again."""
    names = (f"{name} {importlib.metadata.version(name)}" for name in ("wasmtime", "aos-tui"))
    return f"{', '.join(names)}, semantics {SEMANTICS}"


def proven_heads(world: World) -> set[bytes]:
    """The heads up to which histories of this world were verified before, by what runs now. What
    lies on the disk by now is not looked at."""
    return {head for head, _, _ in world.index.remembered(ran_by(), 2**62)}


def proven_before(world: World) -> int | None:
    """The height up to which the open branch was verified before, by what runs now, from the bytes
    that lie on the disk still; None: not at all. Nothing runs again: a proof is remembered, and the
    file is read to see that it is of this one. Raises as :func:`verify`."""
    if world.in_memory or not world.index.remembered(ran_by(), world.height):
        return None
    with world.read_anew() as travel:
        last = _remembered(world, travel.chain)
        return travel.chain.frame(last).last_height if last > 0 else None


def _remembered(world: World, chain: Chain) -> int:
    """The last frame up to which everything was verified before, and is the same now; -1: none."""
    for head, digest, height in world.index.remembered(ran_by(), chain.height):
        with suppress(JournalDamaged, UsageError):
            # a fork that has nothing of its own ends in its header, which no height leads to
            last = chain.count - 1 if head == chain.last.hash else chain.turn_end(height)
            if chain.frame(last).hash == head and chain.digest(last) == digest:
                return last
    return -1
