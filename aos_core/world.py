"""``World``: the only stateful class. A journal, the state it gives, and the way in.

Every accepted input is durable before the call returns. Nothing changes the state but a turn,
and a turn is a function of (state, input): everything else here is bookkeeping.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.check import require_sound
from aos_core.air.host_json import bytes_from_host, utf8
from aos_core.air.misfit import Misfit
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
from aos_core.branches import branch_name, check_branch_name
from aos_core.chain import Chain, Segment
from aos_core.disk import Disk, FileDisk, MemoryDisk, chain_of
from aos_core.errors import (
    AosError,
    ReadOnly,
    UsageError,
    ValueRejected,
)
from aos_core.file_journal import FileJournal
from aos_core.files import WorldFiles, find_world
from aos_core.hosts import Host, LiveHost, SimulatedHost
from aos_core.journal import Journal
from aos_core.kernel.authority import Refused, Request, decide, find_grant
from aos_core.kernel.modules import PureCaller
from aos_core.kernel.records import EventInput, Input, ManifestInput, Record
from aos_core.kernel.state import Intent, State
from aos_core.kernel.turn import Moment, Turn, turn
from aos_core.modules import code_folder, entries, runtime_of
from aos_core.origin import begin, fork_header, keep
from aos_core.proving import Prover
from aos_core.reading import MAIN
from aos_core.replay import begin as begin_again
from aos_core.replay import frame_payload
from aos_core.rotation import OlderRuns
from aos_core.scenario_file import Scenario
from aos_core.trial import Risk, risks
from aos_core.wasm.runtime import Runtime

UNFINISHED = "~unfinished"
"""What the name of a branch ends with that is written in one go, until it is whole."""


class World(Prover):
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
        self._journal.close()
        older, self._older = self._older, None  # whatever fails now, none of them is dropped
        try:
            with self._disk.changing():
                self._disk.remove(self.branch, for_good=True)
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

        Raises :class:`UsageError` where another file is there, :class:`ReadOnly`,
        :class:`DiskError`."""
        with self._mutex:
            if isinstance(self._disk, FileDisk):
                self._disk.put_back()
                self._put_back()  # the old store may have lost them
            for journal in reversed(self._files_open):
                if journal.lost:
                    journal.put_back(borrowed=journal is not self._journal)
            self._use(self._chain)
            self._travel.add(self._chain.count - 1, self._chain.last, self._state, self._moment)

    # -- writing ----------------------------------------------------------------------------

    def fire(
        self,
        schema: str,
        value: Any,
        *,
        key: Any = None,
        source: Mapping[str, Any] | None = None,
        stamps: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Submit one event: ``value`` is host JSON, ``key`` text or ``{"bytes_b64": ..}``.

        ``source`` and ``stamps``: see :meth:`submit`. Raises :class:`Rejected` where it does not
        fit or cannot be routed, and what :meth:`submit` raises.
        """
        of = self.program.schemas.get(schema)
        if of is None:
            known = ", ".join(sorted(self.program.targets)) or "none"
            text = f"unknown event schema {schema!r}"
            raise ValueRejected(text, hint=f"routed: {known}", path="$.schema", schema=schema)
        data = of.encode(of.from_host(value))
        event = EventInput(schema=schema, value=data, key=_key_bytes(key))
        return self.submit(event, source=source, stamps=stamps)

    def deliver(
        self,
        receipt: Receipt,
        *,
        source: Mapping[str, Any] | None = None,
        stamps: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Deliver a receipt. Raises :class:`Rejected`: then its intent stays pending; and what
        :meth:`submit` raises."""
        with self._mutex:
            intent = self._state.pending.get(receipt.intent)
            late = intent is None and self._history.settled(receipt.intent)
            due = 0
            if intent is not None and intent.kind == "timer.set" and receipt.status == "ok":
                due = canon.decode(intent.params)["deliver_at_ns"]
            input = receipt.to_input(late=late)
            return self.submit(input, receipt.blobs, source=source, stamps=stamps, due_ns=due)

    def submit(
        self,
        input: Input,
        blobs: Sequence[bytes] = (),
        *,
        source: Mapping[str, Any] | None = None,
        stamps: Mapping[str, Any] | None = None,
        due_ns: int = 0,
    ) -> Turn:
        """Stamp an input, run its turn, and make it durable. ``blobs`` are stored before the
        frame. ``source``: the scenario step behind it. ``stamps``: ``at_ns``, ``logical_ns`` and
        ``entropy`` that stand before the host's, where a session was exported. ``due_ns``: the
        earliest logical time.

        Raises :class:`Rejected`, :class:`ReadOnly`, ``DiskError``: then nothing has happened.
        """
        with self._mutex:
            self._need_writable()
            stamped = input.stamped(**{**self._stamps(input, due_ns), **(stamps or {})},
                                    source=source)  # fmt: skip
            made = turn(self.program_of, self._state, stamped, self._moment, self._modules)
            self.take(made, blobs)
            return made

    def take(self, made: Turn, blobs: Sequence[bytes] = ()) -> None:
        """Make a turn durable that was run from the state and the moment at the end of the branch;
        ``blobs`` are stored before. Raises :class:`ReadOnly`, ``DiskError``: then nothing has
        happened."""
        with self._mutex:
            if blobs:
                self._disk.store.put_all(blobs)
            frame = self._journal.add(frame_payload(self.height + 1, self.head, made))
            self._state, self._moment = made.state, made.after
            if self._events is not None:
                self._events += isinstance(made.input, EventInput)
            self._travel.take(self._chain.count - 1, frame, made)

    @contextlib.contextmanager
    def group(self) -> Iterator[None]:
        """Inputs submitted inside become durable together, with one sync, when the block ends:
        only then are they acknowledged. Where that fails none of them has happened, and
        :class:`DiskError` or :class:`ReadOnly` is raised."""
        with self._mutex:
            before = self._state, self._moment
            try:
                with self._journal.group():
                    yield
            except BaseException:
                if self._chain.height + 1 < self._moment.height:  # they were taken back
                    self._state, self._moment = before
                    self._events = None
                    self._travel.rewind(self._chain.count)
                    self._records.forget()
                    self._history.forget()
                    self._known_pending.clear()
                raise

    def advance(self, ns: int) -> None:
        """Let time pass: later inputs are stamped ``ns`` nanoseconds later, while it is open."""
        self._advanced_ns += ns

    def advance_to(self, logical_ns: int) -> None:
        """Let time pass until logical time is ``logical_ns``, as :meth:`advance`; not back."""
        elapsed_ns = self.host.elapsed_ns(self._past())
        self._advanced_ns = max(self._advanced_ns, logical_ns - elapsed_ns)

    def _stamps(self, input: Input, due_ns: int) -> dict[str, Any]:
        at_ns, elapsed_ns, entropy = self.host.stamp(input, self._past())
        before = self._moment.logical_ns
        self._watch_clock(at_ns + self._advanced_ns)
        return {
            "at_ns": at_ns + self._advanced_ns,
            "logical_ns": max(elapsed_ns + self._advanced_ns, due_ns, before),
            "entropy": entropy,
        }

    def _watch_clock(self, at_ns: int) -> None:
        """Logical time never falls, so it stands still until a clock that went back catches up."""
        last = self._chain.last.body.get("input") or {}
        back_ns = last.get("at_ns", 0) - at_ns
        self._clock_notice = None
        if back_ns > 0:
            self._clock_notice = (
                f"the clock of this machine is {back_ns / 1e9:.3f} s behind the last record: what "
                "comes is stamped so, and logical time stands still until it has caught up"
            )

    def _need_writable(self) -> None:
        if self.trouble is not None:
            raise ReadOnly(
                f"branch {self.branch} can only be read: {self.trouble.message}",
                hint=f"fork it at {self.height} and go on there",
            )
        if not self._journal.writable:
            raise ReadOnly(
                f"branch {self.branch} was opened for reading only, or is closed",
                hint="open it for writing, or fork it and write to the fork",
            )

    def denial(self, intent: Intent, params: Any) -> str | None:
        """The code with which the grant of ``intent``, as it is now, denies the same effect with
        other ``params`` (runtime data); None where it allows it."""
        program, moment = self.program, self._moment
        try:
            effect = program.effects.get(intent.kind)
            if effect is None:
                return "unknown_effect"
            grant, encoded = find_grant(program, intent.cap, effect), canon.encode(params)
        except Refused as refused:
            return refused.code
        now = self.logical_now_ns
        request = Request(intent.origin, intent.kind, params, encoded, grant, now)
        limits = moment.settings.limits
        decision = decide(
            program, request, PureCaller(program, self._modules, now, moment.height, limits)
        )
        return None if decision.allowed else decision.code

    # -- other code -------------------------------------------------------------------------

    def disk_changes(self) -> tuple[str, ...]:
        """Names of the definitions on disk that differ from those in force; empty if none.

        Reads the world's files anew. Raises what loading them raises.
        """
        catalog = WorldFiles.read(self.files.root).catalog
        return catalog.changed_from(self.program.catalog)

    def swap_risks(self) -> tuple[Risk, ...]:
        """The cells that what is on disk now could not go on with: their last event would fault.

        Changes nothing. Raises what loading the files raises, :class:`CheckFailed` or
        :class:`ModuleMissing` for a world that could not run.
        """
        files = WorldFiles.read(self.files.root)
        require_sound(files.catalog)
        program, modules = self._beside_disk(files)
        with self._mutex:
            steps = reversed(self._history.of_kind("step", 0, self.height))
            return risks(
                self._state, self._moment, self._records, steps, self.program_of, program, modules
            )

    def swap(
        self,
        *,
        wasm: Mapping[str, bytes] | None = None,
        source: Mapping[str, Any] | None = None,
        stamps: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Go on with the definitions and modules that are on disk now: one journaled input.

        ``wasm``: by module name, instead of what is found on disk. Raises :class:`CheckFailed` or
        :class:`ModuleMissing` for a world that could not run, :class:`UsageError` where nothing
        has changed, and what :meth:`submit` raises: then all is as it was.
        """
        with self._mutex:
            self._need_writable()
            files = WorldFiles.read(self.files.root, wasm)
            catalog, settings = files.catalog, files.config.settings
            changed = catalog.changed_from(self.program.catalog)
            same = settings == self._moment.settings
            if not changed and same:
                raise UsageError("the files on disk are those in force already", code="no_change")
            keep(files, catalog, self._disk.store, self._runtime)
            made = self.submit(
                ManifestInput(
                    old=self._state.manifest,
                    new=catalog.manifest_hash,
                    changed=changed,
                    settings=None if same else settings.to_plain(),
                ),
                source=source,
                stamps=stamps,
            )
            self.files = files
            return made

    def runtime_with(self, wasm: Mapping[bytes, bytes]) -> Runtime:
        """What runs the modules of the store and these, by the SHA-256 of each."""

        def get(hash: bytes) -> bytes:
            found = wasm.get(hash)
            return self._disk.store.get(hash, what="its wasm") if found is None else found

        return Runtime(get, code_folder(self._disk), fast=self._runtime.wants_fast)

    # -- branches ---------------------------------------------------------------------------

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""
        return self._disk.branches()

    def tree(self, *, removed: bool = False) -> Tree:
        """All branches, or all that were deleted, with what they were forked from."""
        return branch_tree(self._disk, removed=removed)

    def asked_on(self, branch: str, intent: bytes) -> Record | None:
        """The record of an intent, by its hash, on whichever branch asked for it. Raises as
        ``branch_tree.asked_on``."""
        return asked_on(self._disk, branch, intent)

    def rename_branch(self, old: str, new: str) -> Branch:
        """Give a branch a free name; this one goes on under it. Raises as
        ``branch_tree.rename_branch``."""
        with self._mutex:
            segments = self._whole.segments
            held = next((of.journal for of in segments if of.name == old), None)
            try:
                found = rename_branch(self._disk, old, new, held)
            except AosError:
                if isinstance(held, FileJournal) and branch_name(held.path) == new:
                    self.branch_renamed(old, new)  # it is called so, though perhaps not for long
                raise
            self.branch_renamed(old, new)
            return found

    def branch_renamed(self, old: str, new: str) -> None:
        """A branch has another name since another world of this place gave it."""
        with self._mutex:
            self.branch = new if self.branch == old else self.branch
            for chain in (self._whole, self._chain):
                chain.renamed(old, new)

    def delete_branch(self, name: str) -> Branch:
        """Take another branch away, until it is restored; its ``records`` are what is lost. Raises
        as ``branch_tree.delete_branch``: of one with children too."""
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
        however long the history. Raises :class:`UsageError`, and what a full or unwritable disk
        raises.
        """
        check_branch_name(name)
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
                    disk.drop_lock(unfinished)
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


def _need_free(disk: Disk, name: str) -> None:
    if name in disk.branches():
        raise UsageError(
            f"branch {name} exists",
            code="branch_exists",
            hint="choose another name for the new one",
        )


def _key_bytes(key: Any) -> bytes | None:
    if key is None or isinstance(key, bytes):
        return key
    try:
        if isinstance(key, str):
            return utf8(key)
        return bytes_from_host(key if isinstance(key, dict) else {})
    except Misfit as misfit:
        raise ValueRejected(f"the key: {misfit.message}", path="$.key") from None
