"""``World``: the only stateful class. A journal, the state it gives, and the way in.

Every accepted input is durable before the call returns. Nothing changes the state but a turn,
and a turn is a function of (state, input): everything else here is bookkeeping.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aos_core import canon
from aos_core.adapters.prepared import prepare
from aos_core.adapters.receipt import Receipt
from aos_core.air.check import require_sound
from aos_core.air.codec import Misfit, Schema, bytes_from_host, utf8
from aos_core.air.load import load_objects
from aos_core.branches import check_branch_name
from aos_core.disk import Disk, FileDisk, MemoryDisk, with_ancestors
from aos_core.errors import (
    AosError,
    Diverged,
    JournalDamaged,
    ReadOnly,
    StoreDamaged,
    UsageError,
    ValueRejected,
    WorldError,
)
from aos_core.files import WorldFiles, find_world
from aos_core.frames import Frame
from aos_core.history import Asked, History
from aos_core.hosts import Host, LiveHost, Past, SimulatedHost
from aos_core.journal import Journal, JournalMissing
from aos_core.kernel.authority import Refused, Request, decide, find_grant
from aos_core.kernel.modules import PureCaller
from aos_core.kernel.program import Program, compile_program
from aos_core.kernel.records import EventInput, Input, ManifestInput, Record
from aos_core.kernel.state import Intent, State
from aos_core.kernel.turn import Turn, turn
from aos_core.modules import WorldModules, code_folder, entries, module_name, runtime_of
from aos_core.origin import begin, fork_header, keep, put, wasm_of
from aos_core.replay import (
    Divergence,
    Replayed,
    Report,
    compare_with,
    frame_body,
    replay,
    rerun,
    resume,
)
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.store import Store
from aos_core.timeline import Timeline
from aos_core.trial import Risk, risks
from aos_core.view import Pending, View
from aos_core.wasm.runtime import Runtime

MAIN = "main"
Progress = Callable[[int, int], None]
"""(frames done, frames in all); what it raises breaks the work off"""


class World:
    """A world on one branch. Use as a context manager; one writer a branch, any readers.

    May be used from several threads: writing and looking take turns, ``verify`` runs beside them.
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
        """Use :meth:`open`."""
        self.files, self.branch, self.host = files, branch, host
        self.scenario: Scenario | None = None
        self.trouble: JournalDamaged | Diverged | None = None
        self._disk, self._journal, self._runtime = disk, journal, runtime
        self._timeline = Timeline()
        self._programs: dict[bytes, Program] = {}
        self._inside: tuple[int, Turn] | None = None
        self._advanced_ns = 0
        self._mutex = threading.RLock()

    # -- opening ----------------------------------------------------------------------------

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
    ) -> World:
        """Open a branch of the world at ``path`` (a directory, slug or number); ``main`` is begun
        where it does not exist yet and ``write`` is set.

        ``memory``: keep the journal in memory, with simulated time. ``scenario``: whose answers
        are prepared; the world's default one otherwise. A damaged or diverging journal opens all
        the same: ``trouble`` says what is wrong, everything before it can be read.

        Raises :class:`WorldError`, :class:`CheckFailed`, :class:`UsageError`,
        :class:`BranchLocked`, :class:`DamagedError`.
        """
        files = WorldFiles.read(find_world(str(path)))
        disk: Disk = MemoryDisk() if memory else FileDisk(files.data_dir, write=write)
        host = host or (SimulatedHost() if memory else LiveHost())
        try:
            runtime = runtime_of(disk)
            try:
                journal = disk.open(branch, write=write)
            except JournalMissing:
                if not write or branch != MAIN:
                    raise
                journal = begin(files, disk, branch, host.created_ns(), runtime)
            return cls._of(cls(files, disk, journal, branch, host, runtime), scenario)
        except BaseException:
            disk.close()
            raise

    @classmethod
    def anew(
        cls,
        path: str | Path,
        branch: str,
        *,
        memory: bool = False,
        scenario: str | None = None,
        host: Host | None = None,
    ) -> World:
        """Begin ``branch`` empty, with the definitions on disk; what had that name is kept as
        ``branch~1`` .. ``branch~5``. Raises as :meth:`open`."""
        files = WorldFiles.read(find_world(str(path)))
        check_branch_name(branch)
        disk: Disk = MemoryDisk() if memory else FileDisk(files.data_dir, write=True)
        host = host or (SimulatedHost() if memory else LiveHost())
        try:
            runtime = runtime_of(disk)
            journal = begin(files, disk, branch, host.created_ns(), runtime, rotate=True)
            return cls._of(cls(files, disk, journal, branch, host, runtime), scenario)
        except BaseException:
            disk.close()
            raise

    @classmethod
    def _of(cls, world: World, scenario: str | None) -> World:
        """``world`` with its scenario, its journal run to the end."""
        try:
            world.use_scenario(scenario or world.files.config.default_scenario)
            world._replay()
            with contextlib.suppress(AosError):  # whoever needs the program is told
                _ = world.program  # its modules are compiled before anybody waits for a step
        except BaseException:
            world._journal.close()
            raise
        return world

    def _replay(self) -> None:
        """Run the journal to its end, checking every frame; an object that the store lost is put
        back from the world's files, where they still hold it."""
        frames = with_ancestors(self._disk, self._journal.frames)
        try:
            self._run(frames)
        except StoreDamaged:
            if not self._journal.writable:
                raise
            self._put_back()
            self._timeline = Timeline()
            self._run(frames)

    def _run(self, frames: Sequence[Frame]) -> None:
        self._take(replay(frames, self.program_of, self._modules))

    def _take(self, replayed: Iterable[Replayed]) -> None:
        self.trouble = self._journal.damage
        try:
            for made in replayed:
                self._timeline.add(made.frame, made.state, made.after)
        except Diverged as error:
            if not self.frames:
                raise
            self.trouble = error

    def refresh(self) -> bool:
        """Take in what another process has added to a branch that was opened to read; whether
        there was anything. Raises :class:`DiskError`."""
        with self._mutex:
            if self.trouble is not None:
                return False
            new = self._journal.refresh()
            state, moment = self._timeline.states[-1], self._timeline.moments[-1]
            self._take(resume(new, state, moment, self.program_of, self._modules))
            return bool(new) or self.trouble is not None

    def _put_back(self) -> None:
        try:
            put(self.files, self.files.catalog, self._disk.store)
        except WorldError:
            pass  # what the store lacks is named when it is asked for again

    def use_scenario(self, name: str | None) -> None:
        """Prepare the answers of a scenario; None: of none. Raises :class:`UsageError`."""
        self.scenario = None if name is None else read_scenario(self.files.scenario_path(name))

    def close(self) -> None:
        """Give up the journal, its lock and the store. What was read can still be looked at."""
        self._journal.close()
        self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading ----------------------------------------------------------------------------

    @property
    def notices(self) -> list[str]:
        """What a person should know about how the branch opened."""
        return list(self._journal.notices)

    @property
    def writable(self) -> bool:
        return self.trouble is None and self._journal.writable

    @property
    def in_memory(self) -> bool:
        """Whether its journal is gone when it is closed."""
        return isinstance(self._disk, MemoryDisk)

    @property
    def frames(self) -> Sequence[Frame]:
        """Every frame, those before a fork too. Grows; do not change it."""
        return self._timeline.frames

    @property
    def records(self) -> Sequence[Record]:
        """Every record, by height. Grows; do not change it."""
        return self._timeline.records

    @property
    def history(self) -> History:
        """What readers count: intents, plans, what was settled."""
        return self._timeline.history

    @property
    def height(self) -> int:
        """The height of the last record."""
        return self._timeline.height

    @property
    def head(self) -> bytes:
        """The hash of the last frame: names the whole history."""
        return self.frames[-1].hash

    @property
    def root(self) -> bytes:
        """The state's Merkle root, 32 bytes."""
        return self._state.root

    @property
    def pending(self) -> list[Pending]:
        """What the world waits for, in order of emission."""
        return self.at(self.height).pending

    def state_warnings(self) -> list[str]:
        """States at the end that do not fit their schema, where ``[checks]`` says ``warn``."""
        warn = self._timeline.moments[-1].settings.state_schema == "warn"
        return self.at(self.height).state_problems() if warn else []

    def state(self, reducer: str, key: Any = None) -> Any:
        """Host JSON of a reducer's state; see :meth:`View.state`."""
        return self.at(self.height).state(reducer, key)

    def at(self, height: int) -> View:
        """The world after record ``height``. Raises :class:`UsageError` out of range."""
        with self._mutex:
            state, live = self._state_at(height), height == self.height
            return View(
                height,
                state,
                self.program_of,
                self.records,
                self.history.pending() if live else self.history.pending_at(height),
                self.history.plans,
                self._prepared,
            )

    @property
    def _state(self) -> State:
        return self._timeline.states[-1]

    def _state_at(self, height: int) -> State:
        of = self._timeline
        index = of.frame_at(height)
        frame = of.frames[index]
        if height == frame.last_height:
            return of.states[index]
        if self._inside is None or self._inside[0] != index:
            before, moment = of.states[index - 1], of.moments[index - 1]
            made = rerun(frame, before, moment, self.program_of, self._modules)
            self._inside = (index, made)
        return self._inside[1].states[height - frame.height]

    def frame_at(self, height: int) -> int:
        """The index of the frame that holds record ``height``. Raises :class:`UsageError`."""
        return self._timeline.frame_at(height)

    def turn_bounds(self, height: int) -> tuple[int, int]:
        """(first, last) height of the turn that record ``height`` is in."""
        frame = self.frames[self.frame_at(height)]
        return frame.height, frame.last_height

    def _prepared(self, asked: Asked, schema: Schema) -> Receipt | None:
        """The receipt that the scenario, or the effect itself, has ready."""
        answers = () if self.scenario is None else self.scenario.answers

        def earlier() -> list[Intent]:
            return [other.intent for other in self.history.asked[: asked.index]]

        return prepare(answers, asked.intent, earlier, schema, self._disk.store.get)

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

    def blob(self, hash: bytes) -> bytes:
        """The bytes of a stored object. Raises :class:`StoreDamaged`."""
        return self._disk.store.get(hash, what="a blob")

    @property
    def store(self) -> Store:
        """Where blobs are kept, beside definitions and modules."""
        return self._disk.store

    @property
    def logical_now_ns(self) -> int:
        """The logical time of an input that would come now: nanoseconds since genesis."""
        with self._mutex:
            elapsed_ns = self.host.elapsed_ns(self._past()) + self._advanced_ns
            return max(elapsed_ns, self._timeline.moments[-1].logical_ns)

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
            late = intent is None and receipt.intent in self.history.settled
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
            of = self._timeline
            made = turn(self.program_of, of.states[-1], stamped, of.moments[-1], self._modules)
            if blobs:
                self._disk.store.put_all(blobs)
            frame = self._journal.append(frame_body(self.height + 1, self.head, made))
            of.add(frame, made.state, made.after)
            return made

    def advance(self, ns: int) -> None:
        """Let time pass: later inputs are stamped ``ns`` nanoseconds later, while it is open."""
        self._advanced_ns += ns

    def advance_to(self, logical_ns: int) -> None:
        """Let time pass until logical time is ``logical_ns``, as :meth:`advance`; not back."""
        elapsed_ns = self.host.elapsed_ns(self._past())
        self._advanced_ns = max(self._advanced_ns, logical_ns - elapsed_ns)

    def _stamps(self, input: Input, due_ns: int) -> dict[str, Any]:
        at_ns, elapsed_ns, entropy = self.host.stamp(input, self._past())
        before = self._timeline.moments[-1].logical_ns
        return {
            "at_ns": at_ns + self._advanced_ns,
            "logical_ns": max(elapsed_ns + self._advanced_ns, due_ns, before),
            "entropy": entropy,
        }

    def _past(self) -> Past:
        created_ns: int = self._journal.header.body["created_ns"]
        return self.history.past(created_ns)

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
        program, moment = self.program, self._timeline.moments[-1]
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

    @property
    def _modules(self) -> WorldModules:
        return WorldModules(self._runtime, self._module_name)

    def _module_name(self, wasm: bytes) -> str:
        names = (module_name(program, wasm) for program in self._programs.values())
        return next((name for name in names if name is not None), canon.hash_text(wasm))

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
            return risks(self._timeline, self.program_of, program, modules)

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
            same = settings == self._timeline.moments[-1].settings
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

    # -- branches ---------------------------------------------------------------------------

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""
        return self._disk.branches()

    def fork(self, height: int, name: str) -> World:
        """A new branch that goes on after the turn before or at ``height``, open for writing.

        Inside a turn it starts from the beginning of that turn. On disk it is one small frame,
        however long the history. Raises :class:`UsageError`, and what a full or unwritable disk
        raises.
        """
        check_branch_name(name)
        with self._mutex:
            timeline = self._timeline.until(self._timeline.turn_end(height))
        first, last = timeline.frames[0], timeline.frames[-1]
        state, moment = timeline.states[-1], timeline.moments[-1]
        disk = self._disk.again()
        try:
            journal = disk.create(name, fork_header(first, last, state, moment))
        except BaseException:
            if disk is not self._disk:
                disk.close()
            raise
        timeline.add(journal.header, state, moment)
        runtime = self._runtime if disk is self._disk else runtime_of(disk)
        return self._beside(disk, journal, name, runtime, timeline)

    def twin(self) -> World:
        """This world at its genesis, on a branch in memory, for trying out: what is compiled
        serves both, nothing else is shared. What a replacement needs comes from its files."""
        genesis, disk = self.frames[0], MemoryDisk()
        program = self.program_of(genesis.body["manifest"])
        wasm = [self._disk.store.get(hash, what="a module") for hash, _ in entries(program)]
        disk.store.put_all([*program.catalog.objects.values(), *wasm, *self.files.blobs])
        journal = disk.create(MAIN, genesis.body)
        return self._beside(disk, journal, MAIN, self._runtime, self._timeline.until(0))

    def _beside(
        self, disk: Disk, journal: Journal, branch: str, runtime: Runtime, timeline: Timeline
    ) -> World:
        """Another world with what this one has compiled and prepared."""
        world = World(self.files, disk, journal, branch, self.host, runtime)
        world.scenario, world._timeline = self.scenario, timeline
        world._programs = self._programs  # by content, so any world may share them
        world._advanced_ns = self._advanced_ns
        return world

    # -- proof ------------------------------------------------------------------------------

    def verify(self, *, with_disk: bool = False, progress: Progress | None = None) -> Report:
        """Run the journal again, as it lies on the disk now, and compare every record and root.

        ``with_disk``: with the definitions and modules on disk instead of those it names.
        ``progress`` is called after every frame; what it raises breaks this off. Raises
        :class:`JournalDamaged`, :class:`StoreDamaged`, and what loading the files raises.
        """
        begun = time.perf_counter()
        frames, divergence = self.frames, None
        if isinstance(self.trouble, Diverged):
            divergence = self.trouble.divergence
        else:
            frames = self._frames_on_disk()
            divergence = self._first_divergence(frames, with_disk, progress)
        return Report(
            ok=divergence is None,
            frames=len(frames),
            records=frames[-1].last_height + 1,
            root=frames[-1].root,
            head=frames[-1].hash,
            seconds=time.perf_counter() - begun,
            divergence=divergence,
        )

    def _frames_on_disk(self) -> list[Frame]:
        """The frames this world has, read anew. Raises :class:`JournalDamaged`."""
        known = len(self.frames)
        frames, damage = self._disk.read(self.branch)
        if damage is not None:
            raise damage
        return with_ancestors(self._disk, frames)[:known]

    def _first_divergence(
        self, frames: Sequence[Frame], with_disk: bool, progress: Progress | None
    ) -> Divergence | None:
        def counted() -> Iterator[Replayed]:
            for done, made in enumerate(replay(frames, self.program_of, self._modules), 1):
                yield made
                if progress is not None:
                    progress(done, len(frames))

        try:
            if with_disk:
                return self._compare_with_files(counted())
            for _ in counted():
                pass
        except Diverged as error:
            found: Divergence = error.divergence
            return found
        return None

    def _compare_with_files(self, replayed: Iterator[Replayed]) -> Divergence | None:
        program, modules = self._beside_disk(WorldFiles.read(self.files.root))
        return compare_with(replayed, program, self.program_of, modules)

    def _beside_disk(self, files: WorldFiles) -> tuple[Program, WorldModules]:
        """The program of the files on disk, and what runs its modules."""
        wasm = {canon.sha256(of): of for _, of in wasm_of(files, files.catalog)}
        program = compile_program(files.catalog)
        runtime = Runtime(wasm.__getitem__, code_folder(self._disk))
        return program, WorldModules(
            runtime, lambda hash: module_name(program, hash) or canon.hash_text(hash)
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
