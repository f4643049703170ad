"""``Opened``: a world on one branch, open. ``Reader`` (reading.py) adds what can be looked at.

Opening reads the ends of the journal and of its ancestors, and the state from the last snapshot;
what is derived from the journal and not there is made anew.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Self

from aos_core import canon
from aos_core.air.load import load_objects
from aos_core.chain import Chain, Records
from aos_core.disk import Disk, FileDisk, chain_of
from aos_core.errors import AosError, Diverged, JournalDamaged, StoreDamaged, WorldError
from aos_core.file_journal import FileJournal
from aos_core.files import WorldFiles, find_world
from aos_core.history import History
from aos_core.hosts import Host, LiveHost, SimulatedHost
from aos_core.journal import Journal, JournalMissing
from aos_core.kernel.program import Program, compile_program
from aos_core.memory_disk import MemoryDisk
from aos_core.modules import WorldModules, entries, module_name, runtime_of
from aos_core.origin import begin, put
from aos_core.progress import StageProgress
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.travel import Travel
from aos_core.view import Pending
from aos_core.wasm.runtime import Runtime

MAIN = "main"

_DAMAGED_KEPT = (
    "a part of a kept state (snapshots.db) was missing or altered: turns were run again instead, "
    "which only took time"
)


class Opened:
    """A world on one branch: how it is opened, where it ends, and what others do to it meanwhile.
    Use as a context manager.

    May be used from several threads.
    """

    def __init__(
        self,
        files: WorldFiles,
        disk: Disk,
        journal: Journal,
        branch: str,
        host: Host,
        runtime: Runtime,
    ) -> None:
        """Use :meth:`open`. What follows is to say where the chain is: ``_use``."""
        self.files, self.branch, self.host = files, branch, host
        self.scenario: Scenario | None = None
        self._known_pending: dict[tuple[int, bytes], Pending] = {}
        self._disk, self._journal, self._runtime = disk, journal, runtime
        self._programs: dict[bytes, Program] = {}
        self._advanced_ns = 0
        self._events: int | None = None
        self._clock_notice: str | None = None
        self._diverged: Diverged | None = None
        self._mutex = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | Path,
        branch: str = MAIN,
        *,
        memory: bool = False,
        write: bool = True,
        scenario: str | None = None,
        host: Host | None = None,
        progress: StageProgress | None = None,
        fast: bool = False,
    ) -> Self:
        """Open a branch of the world at ``path`` (a directory, slug or number); ``main`` is begun
        where it does not exist yet and ``write`` is set.

        ``memory``: keep the journal in memory, with simulated time. ``scenario``: whose answers
        are prepared; the world's default one otherwise. ``fast``: run wasm by the engine's C
        interface (aos_core/wasm/fast.py), in a process that may end if that has a flaw.

        A damaged or diverging journal opens all the same: ``trouble`` says what is wrong,
        everything before it can be read.

        Raises :class:`WorldError`, :class:`CheckFailed`, :class:`UsageError`,
        :class:`BranchLocked`, :class:`DamagedError`.
        """
        files = WorldFiles.read(find_world(str(path)))
        disk: Disk = MemoryDisk() if memory else FileDisk(files.data_dir, write=write)
        host = host or (SimulatedHost() if memory else LiveHost())
        try:
            runtime = runtime_of(disk, fast=fast)
            begun = False
            try:
                reading = None if progress is None else partial(progress, "reading the journal")
                journal = disk.open(branch, write=write, progress=reading)
            except JournalMissing:
                if not write or branch != MAIN:
                    raise
                journal, begun = begin(files, disk, branch, host.created_ns(), runtime), True
            world = cls._of(cls(files, disk, journal, branch, host, runtime), scenario, progress)
            world.begun = begun
            return world
        except BaseException:
            disk.close()
            raise

    begun = False
    """Whether its branch was begun by opening it here."""

    @classmethod
    def _of(
        cls, world: Self, scenario: str | Scenario | None, progress: StageProgress | None = None
    ) -> Self:
        """``world`` with its scenario, at the end of its journal."""
        try:
            world.use_scenario(scenario or world.files.config.default_scenario)
            world._begin_on(chain_of(world._disk, world.branch, world._journal))
            try:
                world._go_to_end(progress)
                world._look_whose()
            except BaseException:
                world._close_ancestors()
                raise
        except BaseException:
            world._journal.close()
            raise
        return world

    def _begin_on(self, chain: Chain) -> None:
        """Say what the history is, and which journals are open for it."""
        self._whole = chain
        self._use(chain)

    def _end_at(self, index: int) -> None:
        """Go no further than frame ``index``: what comes after is not as it should be."""
        self._use(Chain(self._chain.until(index)))
        self._state, self._moment = self._travel.after(index)

    def _use(self, chain: Chain) -> None:
        """Say what the history is: all of the chain, or as much as came out as it should."""
        self._chain = chain
        self._records = Records(chain)
        self._history = History(self._disk.index, chain, self._records)
        self._travel = self._travel_on(chain)

    def _travel_on(self, chain: Chain) -> Travel:
        return Travel(
            chain,
            self._disk.snapshots,
            self.program_of,
            lambda: self._modules,
            self.files.config.spacing,
        )

    def _go_to_end(self, progress: StageProgress | None) -> None:
        """Reach the state at the end. An object that the store lost is put back from the world's
        files, where they still hold it. Where the journal does not come out as it should, the end
        is before that."""
        running = None if progress is None else partial(progress, "running the journal")
        end = self._chain.count - 1
        try:
            try:
                self._state, self._moment = self._travel.after(end, running)
            except StoreDamaged:
                if not self._journal.writable:
                    raise
                self._put_back()
                self._state, self._moment = self._travel.after(end, running)
        except (Diverged, JournalDamaged) as error:
            if self._travel.reached < 0:
                raise
            self._diverged = error if isinstance(error, Diverged) else None
            self._end_at(self._travel.reached)
        indexing = None if progress is None else partial(progress, "indexing the journal")
        self._history.catch_up(indexing)

    def _look_whose(self) -> None:
        """Raise :class:`WorldError` where the journal was begun by a world of another name with
        which the files here have no module and no plan in common."""
        try:
            theirs = self.program  # compiled now, before anybody waits for a step
            here = {ref.name for ref in self.files.catalog.manifest.refs["modules"]}
        except AosError:
            return  # whoever needs them is told
        name, ours = self._chain.frame(0).body.get("world"), self.files.config.name
        if name == ours or not here or here & theirs.modules.keys():
            return
        raise WorldError(
            f"branch {self.branch} was begun by another world: {name}, not {ours}",
            code="other_world",
            hint=f"open it where the files of {name} are, or move it away to begin anew",
            file=self.files.data_dir,
        )

    def _put_back(self) -> None:
        try:
            put(self.files, self.files.catalog, self._disk.store)
        except WorldError:
            pass  # what the store lacks is named when it is asked for again

    def use_scenario(self, of: str | Scenario | None) -> None:
        """Prepare the answers of a scenario, by its name or as it was read; None: of none. Raises
        :class:`UsageError`."""
        self.scenario = read_scenario(self.files.scenario_path(of)) if isinstance(of, str) else of
        self._known_pending.clear()

    def close(self) -> None:
        """Give up the journal, its lock and the store. Records can still be looked at."""
        self._journal.close()
        self._close_ancestors()
        self._disk.close()

    def _close_ancestors(self) -> None:
        if not self.in_memory:  # in memory others have the same journals
            self._whole.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what has become of it --------------------------------------------------------------

    def refresh(self, most: int | None = None) -> bool:
        """Take in what another process has added to a branch that was opened to read; whether there
        was anything. ``most``: turns at once, as of a journal. Raises :class:`DiskError`."""
        with self._mutex:
            self.follow_names()
            if self.trouble is not None:
                return False
            known = self._chain.count
            self._journal.refresh(most)
            try:
                self._state, self._moment = self._travel.after(self._chain.count - 1)
            except (Diverged, JournalDamaged) as error:
                self._diverged = error if isinstance(error, Diverged) else None
                self._end_at(self._travel.reached)
            return self._chain.count > known or self.trouble is not None

    def look_again(self) -> None:
        """Where something else has changed what is known of a file of the journal, read that again:
        then :attr:`trouble` says what is damaged. Others may go on with the world meanwhile. Raises
        :class:`DiskError`."""
        with self._mutex:
            journals = self._files_open
        for journal in journals:
            journal.look_again()

    def follow_names(self) -> None:
        """Go on under the names that others have given to the branch and to those that it goes on
        from: renamed, they stay what they are, whatever else has their old names now."""
        with self._mutex:
            segments = self._whole.segments
            names = {of.journal: self._disk.follow(of.journal) or of.name for of in segments}
            for chain in (self._whole, self._chain):
                chain.renamed(names)
            self.branch = names[self._journal]

    @property
    def notices(self) -> list[str]:
        """What a person should know about how the branch opened, its clock, what is kept of it,
        and the engine."""
        kept = _DAMAGED_KEPT if self._disk.snapshots.damaged else None
        told = (*self._journal.notices, kept, self._clock_notice, self._runtime.notice)
        return [notice for notice in told if notice is not None]

    @property
    def trouble(self) -> JournalDamaged | Diverged | None:
        """Why nothing can be added to the branch: where its journal is damaged or diverges."""
        return self._diverged or self._damage()

    def _damage(self) -> JournalDamaged | None:
        """What is known to be damaged of the branch, or of what it goes on from."""
        known = [self._journal.damage]
        for segment in self._whole.segments[:-1]:
            damage = segment.journal.damage
            last = segment.journal.first_height(len(segment) - 1)
            if damage is not None and damage.height <= last:
                known.insert(0, damage)
        return next((damage for damage in known if damage is not None), None)

    def believe(self, damage: JournalDamaged) -> None:
        """Take for granted what another process has found of the branch, or of what it goes on
        from: :attr:`trouble` tells it from then on. Nothing is read for it."""
        self._journal.believe(damage)

    def retreat(self) -> bool:
        """Where a part of the journal has turned out to be damaged since the branch was opened: end
        before it, as if that had been known then. Whether it was so. Raises as :meth:`open`."""
        with self._mutex:
            damage = self._damage()
            if damage is None or damage.height > self.height or not damage.height:
                return False
            self._end_at(self._chain.index_at(damage.height - 1))
            return True

    @property
    def writable(self) -> bool:
        return self.trouble is None and self._journal.writable

    @property
    def read_only(self) -> str | None:
        """Why nothing can be added to the branch, as half a sentence; None: something can."""
        return self._journal.read_only

    @property
    def log(self) -> Path | None:
        """The file of the branch's journal; None in memory."""
        return self._journal.path if isinstance(self._journal, FileJournal) else None

    @property
    def logs(self) -> tuple[Path, ...]:
        """As :attr:`log`, those of the branches that it goes on from before it."""
        return tuple(journal.path for journal in self._files_open)

    @property
    def lineage(self) -> tuple[str, ...]:
        """The names of the branches that it goes on from, the oldest first, and its own."""
        return tuple(of.name for of in self._whole.segments)

    @property
    def lost(self) -> bool:
        """Whether the file of its journal, or of one that it goes on from, was deleted or moved
        while it was open, and is no branch any more: nothing can be added before
        :meth:`put_back`. One that was renamed is there: :meth:`follow_names`."""
        return any(self._disk.follow(of) is None for of in self._files_open)

    @property
    def gone(self) -> bool:
        """As :attr:`lost`, of the branch's own file alone."""
        return isinstance(self._journal, FileJournal) and self._disk.follow(self._journal) is None

    @property
    def _files_open(self) -> list[FileJournal]:
        journals = (of.journal for of in self._whole.segments)
        return [of for of in journals if isinstance(of, FileJournal)]

    @property
    def in_memory(self) -> bool:
        """Whether its journal is gone when it is closed."""
        return isinstance(self._disk, MemoryDisk)

    @property
    def has_own(self) -> bool:
        """Whether the branch has more than what it began with: an input of its own."""
        return self._chain.journal.count > 1

    @property
    def height(self) -> int:
        """The height of the last record."""
        return self._chain.height

    # -- its programs -----------------------------------------------------------------------

    @property
    def program(self) -> Program:
        """The program in force at the end."""
        return self.program_of(self._state.manifest)

    def program_of(self, manifest: bytes) -> Program:
        """The program of a manifest hash, from the store. Raises :class:`StoreDamaged`."""
        if manifest not in self._programs:

            def get(hash: bytes, what: str) -> bytes:
                return self._disk.store.get(hash, what=what)

            program = compile_program(load_objects(manifest, get))
            self._runtime.load_all(entries(program))
            self._programs[manifest] = program
        return self._programs[manifest]

    @property
    def _modules(self) -> WorldModules:
        return WorldModules(self._runtime, self._module_name)

    def _module_name(self, wasm: bytes) -> str:
        names = (module_name(program, wasm) for program in self._programs.values())
        return next((name for name in names if name is not None), canon.hash_text(wasm))
