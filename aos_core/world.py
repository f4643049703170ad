"""``World``: the only stateful class. A journal, the state it gives, the way in, other branches.

Looking, proving and writing come from reading.py, proving.py and writing.py; here is how branches
begin, what they are called, and how they end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aos_core.branch_tree import (
    Branch,
    Tree,
    asked_on,
    branch_tree,
    check_deletable,
    delete_branch,
    rename_branch,
    restore_branch,
)
from aos_core.branches import check_branch_name, disk_errors
from aos_core.chain import Chain, Segment
from aos_core.disk import Disk, FileDisk, chain_of
from aos_core.errors import AosError, JournalDamaged, UsageError
from aos_core.files import WorldFiles, find_world
from aos_core.hosts import Host, LiveHost, SimulatedHost
from aos_core.journal import Journal
from aos_core.kernel.records import Record
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment
from aos_core.memory_disk import MemoryDisk
from aos_core.modules import entries, runtime_of
from aos_core.opening import MAIN
from aos_core.origin import begin, fork_header
from aos_core.replay import begin as begin_again
from aos_core.rotation import OlderRuns
from aos_core.scenario_file import Scenario
from aos_core.wasm.runtime import Runtime
from aos_core.writing import Writer

UNFINISHED = "~unfinished"
"""What the name of a branch ends with that is written in one go, until it is whole."""


class World(Writer):
    """A world on one branch. Use as a context manager; one writer a branch, any readers.

    May be used from several threads: writing and looking take turns, ``verify`` runs beside them.
    """

    @classmethod
    def anew(
        cls,
        path: str | Path,
        branch: str,
        *,
        memory: bool = False,
        scenario: str | Scenario | None = None,
        host: Host | None = None,
        fast: bool = False,
    ) -> World:
        """Begin ``branch`` empty, with the definitions on disk; what had that name is kept as
        ``branch~1`` .. ``branch~5``. Raises as :meth:`open`."""
        files = WorldFiles.read(find_world(str(path)))
        check_branch_name(branch)
        disk: Disk = MemoryDisk() if memory else FileDisk(files.data_dir, write=True)
        host = host or (SimulatedHost() if memory else LiveHost())
        try:
            runtime = runtime_of(disk, fast=fast)
            older = OlderRuns(disk, branch)
            journal = begin(files, disk, branch, host.created_ns(), runtime, older=older)
            world = cls._of(cls(files, disk, journal, branch, host, runtime), scenario)
            world.begun, world._older = True, older
            return world
        except BaseException:
            disk.close()
            raise

    _older: OlderRuns | None = None

    def withdraw(self) -> None:
        """Take away, for good, the branch that was begun here, and close: what had its name before
        has it again. Raises :class:`DiskError`, :class:`ReadOnly`."""
        assert self.begun, "else it is somebody else's too"
        older, self._older = self._older, None  # whatever fails now, none of them is dropped
        try:
            with self._disk.changing():
                name = self._disk.follow(self._journal)
                self._journal.close()
                if name is not None:  # else it is gone, whatever has its name
                    self._disk.remove(name, for_good=True)
                if older is not None:
                    older.move_back()
        finally:
            self.close()

    def close(self) -> None:
        """Give up the journal, its lock and the store. Records can still be looked at. What was
        begun anew is kept then, and the oldest of its earlier runs may go."""
        if self._older is not None:
            with contextlib.suppress(AosError):  # somebody writes it: then it stays
                self._older.drop_oldest()
        super().close()

    def put_back(self) -> None:
        """Where the journal's file was deleted or moved while it was open: write what is held of it
        to its place again, durably, with the journals that it goes on from and, in a fresh store,
        the definitions, modules and blobs that they name.

        Raises :class:`UsageError` where nothing is lost, where another file is there, and for a
        branch that was removed, which can be brought back; :class:`ReadOnly`,
        :class:`DiskError`."""
        with self._mutex:
            self.follow_names()
            lost = [of for of in self._files_open if self._disk.follow(of) is None]
            for journal in lost:
                _need_not_removed(self._disk, journal)
            if isinstance(self._disk, FileDisk):
                if not self._disk.put_back() and not lost:
                    names = ", ".join(self.lineage)
                    raise UsageError(f"nothing is lost, all is there: {names}", code="not_lost")
                self._put_back()  # the old store may have lost them
            for journal in reversed(lost):
                journal.put_back(borrowed=journal is not self._journal)
            self._use(self._chain)
            self._travel.add(self._chain.count - 1, self._chain.last, self._state, self._moment)

    # -- branches ---------------------------------------------------------------------------

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""
        return self._disk.branches()

    def tree(self, *, removed: bool = False) -> Tree:
        """All branches, or all that were deleted, with what they were forked from."""
        return branch_tree(self._disk, removed=removed)

    def damage(self, branch: str) -> JournalDamaged | None:
        """What is wrong with the journal of a branch, as far as opening it to read finds: its
        frames are not run, and as a rule only the last ones are read. Raises
        :class:`JournalMissing`, :class:`DiskError`."""
        return self._disk.damage(branch)

    def asked_on(self, branch: str, intent: bytes, near: Sequence[str] = ()) -> Record | None:
        """The record of an intent, by its hash, that a branch asked for, as
        ``branch_tree.asked_on``, which says what ``near`` is and what it raises."""
        return asked_on(self._disk, branch, intent, near)

    def rename_branch(self, old: str, new: str) -> Branch:
        """Give a branch a free name; this one goes on under it. Raises as
        ``branch_tree.rename_branch``."""
        with self._mutex:
            self.follow_names()
            segments = self._whole.segments
            held = next((of.journal for of in segments if of.name == old), None)
            try:
                return rename_branch(self._disk, old, new, held)
            finally:  # after an error too it may be called so, though perhaps not for long
                self.follow_names()

    def delete_branch(self, name: str) -> Branch:
        """Take another branch away, until it is restored; its ``records`` are what is lost. Raises
        as ``branch_tree.delete_branch``: of one with children too."""
        self.follow_names()
        if name == self.branch:
            raise UsageError(
                f"branch {name} cannot be deleted while it is open here",
                code="branch_open",
                hint="open another branch first",
            )
        return delete_branch(self._disk, name)

    def discard(self) -> None:
        """Take its branch away, for good, and close: a fork that nothing has happened to. Closes
        whatever happens.

        Raises :class:`UsageError` where something has, or another branch was forked from it;
        :class:`ReadOnly` where it is not open for writing; :class:`DiskError`."""
        try:
            with self._mutex, self._disk.changing():
                self._need_writable()
                if check_deletable(self._disk, self.branch).last_input is not None:
                    raise UsageError(
                        f"branch {self.branch} is not discarded: it has inputs of its own",
                        code="has_inputs",
                        hint="delete it: then it can be brought back",
                    )
                self._disk.remove(self.branch, for_good=True, held=self._journal)
        finally:
            self.close()

    def restore_branch(self, name: str) -> Branch:
        """Bring a deleted branch back. Raises as ``branch_tree.restore_branch``."""
        return restore_branch(self._disk, name)

    def fork(self, height: int, name: str) -> World:
        """A new branch that goes on after the turn before or at ``height``, open for writing.

        Inside a turn it starts from the beginning of that turn. On disk it is one small frame,
        however long the history. Raises :class:`UsageError`, :class:`ReadOnly` where a journal that
        it would go on from is gone, and what a full or unwritable disk raises.
        """
        check_branch_name(name)
        for held in self._files_open:
            if self._disk.follow(held) is None:
                what = f"branch {name} was not made"
                with disk_errors(held.path, what):
                    held.need_in_place(what)
        with self._mutex:
            index = self._chain.turn_end(height)
            state, moment = self._travel.after(index)
            first, last = self._chain.frame(0), self._chain.frame(index)
            before = self._chain.until(index)
        header = fork_header(first, last, state, moment)
        disk = self._disk.again()
        try:
            if disk is self._disk:
                journal = disk.create(name, header)
                chain = Chain((*before, Segment(name, journal)))
            else:
                near = [of.name for of in reversed(before)]
                with disk.changing():  # nobody deletes what it is forked from
                    journal, chain = _forked(disk, name, header, near)
        except BaseException:
            if disk is not self._disk:
                disk.close()
            raise
        runtime = (
            self._runtime if disk is self._disk else runtime_of(disk, fast=self._runtime.wants_fast)
        )
        return self._beside(disk, journal, name, runtime, chain, state, moment)

    def open_beside(self, name: str) -> World:
        """Another branch of the same place, open for writing, with what is compiled here. Raises
        as :meth:`open`."""
        disk = self._disk.again()
        try:
            same = disk is self._disk
            runtime = self._runtime if same else runtime_of(disk, fast=self._runtime.wants_fast)
            journal = disk.open(name, write=True)
            world = World(self.files, disk, journal, name, self.host, runtime)
            world._programs = self._programs  # by content, so any world may share them
            scenario = None if self.scenario is None else self.scenario.name
            return World._of(world, scenario)
        except BaseException:
            if disk is not self._disk:
                disk.close()
            raise

    @contextlib.contextmanager
    def begun_beside(
        self, name: str, header: Mapping[str, Any], objects: Sequence[bytes]
    ) -> Iterator[World]:
        """A branch with a genesis of its own, to be written in the block. When that ends it is
        there under its name; where it raises, nothing of it stays. ``objects`` are stored before.

        Raises :class:`UsageError` where the name is taken, and what a full or unwritable disk
        raises."""
        unfinished = check_branch_name(f"{check_branch_name(name)}{UNFINISHED}")
        disk = self._disk.again()
        try:
            with disk.changing():  # nobody collects garbage between what is kept and its name
                _need_free(disk, name)
                if unfinished in disk.branches():  # of a process that was killed
                    disk.remove(unfinished, for_good=True)
                disk.store.put_all(objects)
                journal = disk.create(unfinished, header)
            same = disk is self._disk
            runtime = self._runtime if same else runtime_of(disk, fast=self._runtime.wants_fast)
            chain = Chain([Segment(unfinished, journal)])
            begun = begin_again(journal.header)
            world = self._beside(disk, journal, unfinished, runtime, chain, *begun)
            try:
                yield world
                if not same:  # in memory it is the journal that others will write
                    journal.close()
                with disk.changing():
                    _need_free(disk, name)
                    disk.rename(unfinished, name)
            except BaseException:
                journal.close()
                if unfinished in disk.branches():  # else it has just got its name
                    disk.remove(unfinished, for_good=True)
                disk.drop_lock(unfinished)
                raise
        finally:
            if disk is not self._disk:
                disk.close()

    def twin(self) -> World:
        """This world at its genesis, on a branch in memory, for trying out: what is compiled
        serves both, nothing else is shared. What a replacement needs comes from its files."""
        genesis, disk = self.frames[0], MemoryDisk()
        program = self.program_of(genesis.body["manifest"])
        wasm = [self._disk.store.get(hash, what="a module") for hash, _ in entries(program)]
        disk.store.put_all([*program.catalog.objects.values(), *wasm, *self.files.blobs])
        journal = disk.create(MAIN, genesis.body)
        chain = Chain([Segment(MAIN, journal)])
        return self._beside(disk, journal, MAIN, self._runtime, chain, *begin_again(genesis))

    def _beside(
        self,
        disk: Disk,
        journal: Journal,
        branch: str,
        runtime: Runtime,
        chain: Chain,
        state: State,
        moment: Moment,
    ) -> World:
        """Another world with what this one has compiled and prepared."""
        world = World(self.files, disk, journal, branch, self.host, runtime)
        world.scenario = self.scenario
        world._programs = self._programs  # by content, so any world may share them
        world._advanced_ns = self._advanced_ns
        world._begin_on(chain)
        world._state, world._moment = state, moment
        world._travel.add(chain.count - 1, chain.last, state, moment)
        return world


def _forked(
    disk: Disk, name: str, header: Mapping[str, Any], near: Sequence[str]
) -> tuple[Journal, Chain]:
    """A new branch and its chain; no branch where what it was forked from is not there."""
    journal = disk.create(name, header)
    try:
        return journal, chain_of(disk, name, journal, near)
    except BaseException:
        journal.close()
        disk.remove(name, for_good=True)
        raise


def _need_not_removed(disk: Disk, journal: Journal) -> None:
    name = disk.removed_as(journal)
    if name is not None:
        raise UsageError(
            f"nothing is put back: branch {name} was deleted, and all of it is still there",
            code="branch_removed",
            hint=f"`aos restore` brings {name} back",
        )


def _need_free(disk: Disk, name: str) -> None:
    if name in disk.branches():
        raise UsageError(
            f"branch {name} exists",
            code="branch_exists",
            hint="choose another name for the new one",
        )
