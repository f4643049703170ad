"""``World``: the only stateful class. A journal, the state it gives, and the way in.

Every accepted input is durable before the call returns. Nothing changes the state but a turn,
and a turn is a function of (state, input): everything else here is bookkeeping.
"""

from __future__ import annotations

import bisect
import contextlib
import importlib.metadata
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aos_core import canon
from aos_core.adapters.prepared import prepare
from aos_core.adapters.receipt import Receipt
from aos_core.air.check import require_sound
from aos_core.air.codec import Misfit, bytes_from_host
from aos_core.air.load import Catalog, load_objects
from aos_core.air.nodes import DefModule
from aos_core.branches import check_branch_name
from aos_core.disk import Disk, FileDisk, MemoryDisk, lineage, set_aside_older
from aos_core.errors import (
    AosError,
    Diverged,
    JournalDamaged,
    ModuleMissing,
    ReadOnly,
    UsageError,
    ValueRejected,
)
from aos_core.files import WorldFiles, find_world
from aos_core.frames import FORMAT, SEMANTICS, Frame
from aos_core.history import Asked, History
from aos_core.hosts import Host, LiveHost, SimulatedHost
from aos_core.journal import Journal, JournalMissing
from aos_core.kernel.program import Program, compile_program
from aos_core.kernel.records import EventInput, Input, ManifestInput, Record
from aos_core.kernel.state import Intent, State
from aos_core.kernel.turn import Moment, Turn, genesis, turn
from aos_core.replay import Divergence, Report, compare_with, frame_body, replay, rerun
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.view import Pending, View
from aos_core.wasm.cache import user_cache
from aos_core.wasm.runtime import Entry, Runtime, StepLimits

MAIN = "main"
Progress = Callable[[int, int], None]
"""(frames done, frames in all)"""


class World:
    """A world on one branch. Use as a context manager; one writer a branch, any readers."""

    def __init__(
        self, files: WorldFiles, disk: Disk, journal: Journal, branch: str, host: Host
    ) -> None:
        """Use :meth:`open`."""
        self.files, self.branch, self.host = files, branch, host
        self.scenario: Scenario | None = None
        self.trouble: JournalDamaged | Diverged | None = None
        self.history = History()
        self.frames: list[Frame] = []
        self.records: list[Record] = []
        self._disk, self._journal = disk, journal
        self._states: list[State] = []
        self._moments: list[Moment] = []
        self._first_heights: list[int] = []
        self._programs: dict[bytes, Program] = {}
        self._inside: tuple[int, Turn] | None = None
        self._advanced_ns = 0
        self._mutex = threading.RLock()
        self._code = disk.root / "cache/wasmtime" if isinstance(disk, FileDisk) else user_cache()
        self._runtime = Runtime(lambda hash: disk.store.get(hash, what="a module"), self._code)

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
        """Open a branch of the world at ``path`` (a directory, slug or number), and begin it
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
            return cls._open(files, disk, branch, write, scenario, host)
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
        disk: Disk = MemoryDisk() if memory else FileDisk(files.data_dir, write=True)
        host = host or (SimulatedHost() if memory else LiveHost())
        try:
            check_branch_name(branch)
            journal = begin(files, disk, branch, host, rotate=True)
            return cls._of(files, disk, journal, branch, host, scenario)
        except BaseException:
            disk.close()
            raise

    @classmethod
    def _open(
        cls,
        files: WorldFiles,
        disk: Disk,
        branch: str,
        write: bool,
        scenario: str | None,
        host: Host,
    ) -> World:
        try:
            journal = disk.open(branch, write=write)
        except JournalMissing:
            if not write or branch != MAIN:
                raise
            journal = begin(files, disk, branch, host)
        return cls._of(files, disk, journal, branch, host, scenario)

    @classmethod
    def _of(
        cls,
        files: WorldFiles,
        disk: Disk,
        journal: Journal,
        branch: str,
        host: Host,
        scenario: str | None,
    ) -> World:
        try:
            world = cls(files, disk, journal, branch, host)
            world.use_scenario(scenario or files.config.default_scenario)
            world._replay()
            with contextlib.suppress(AosError):  # whoever needs the program is told
                _ = world.program  # its modules are compiled before anybody waits for a step
        except BaseException:
            journal.close()
            raise
        return world

    def _replay(self) -> None:
        """Run the journal to its end, checking every frame."""
        chain = lineage(self._disk, self._journal)
        frames: list[Frame] = []
        for journal, child in zip(chain, [*chain[1:], None], strict=True):
            until = None if child is None else child.header.prev
            for frame in journal.frames:
                frames.append(frame)
                if frame.hash == until:
                    break
        self.trouble = self._journal.damage
        try:
            for made in replay(frames, self.program_of, self._step):
                self._accept(made.frame, made.state, made.after, made.turn)
        except Diverged as error:
            self.trouble = error
        if not self.frames:
            assert self.trouble is not None
            raise self.trouble

    def use_scenario(self, name: str | None) -> None:
        """Prepare the answers of a scenario; None: of none. Raises :class:`UsageError`."""
        self.scenario = None if name is None else read_scenario(self.files.scenario_path(name))

    def close(self) -> None:
        """Give up the journal, its lock and the store."""
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
    def height(self) -> int:
        """The height of the last record."""
        return len(self.records) - 1

    @property
    def head(self) -> bytes:
        """The hash of the last frame: names the whole history."""
        return self.frames[-1].hash

    @property
    def root(self) -> bytes:
        """The state's Merkle root, 32 bytes."""
        return self._states[-1].root

    @property
    def pending(self) -> list[Pending]:
        """What the world waits for, in order of emission."""
        return self.at(self.height).pending

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
                self.prepared,
            )

    def _state_at(self, height: int) -> State:
        if not 0 <= height <= self.height:
            raise UsageError(f"there is no height {height}: the last is {self.height}")
        index = self.frame_at(height)
        frame = self.frames[index]
        if height == frame.last_height:
            return self._states[index]
        if self._inside is None or self._inside[0] != index:
            before, moment = self._states[index - 1], self._moments[index - 1]
            made = rerun(frame, before, moment, self.program_of, self._step)
            self._inside = (index, made)
        return self._inside[1].states[height - frame.height]

    def frame_at(self, height: int) -> int:
        """The index of the frame that holds record ``height``."""
        return bisect.bisect_right(self._first_heights, height) - 1

    def turn_bounds(self, height: int) -> tuple[int, int]:
        """(first, last) height of the turn that record ``height`` is in."""
        frame = self.frames[self.frame_at(height)]
        return frame.height, frame.last_height

    def prepared(self, asked: Asked) -> Receipt | None:
        """The receipt that the scenario, or the effect itself, has ready."""
        answers = () if self.scenario is None else self.scenario.answers

        def earlier() -> list[Intent]:
            return [other.intent for other in self.history.asked[: asked.index]]

        reducer = asked.intent.origin["kind"] == "reducer"
        schema = self.program.receipt_schema(asked.intent.kind, reducer=reducer)
        return prepare(answers, asked.intent, earlier, schema, self._disk.store.get)

    @property
    def program(self) -> Program:
        """The program in force at the end."""
        return self.program_of(self._states[-1].manifest)

    def program_of(self, manifest: bytes) -> Program:
        """The program of a manifest hash, from the store. Raises :class:`DamagedError`."""
        if manifest not in self._programs:

            def get(hash: bytes, what: str) -> bytes:
                return self._disk.store.get(hash, what=what)

            program = compile_program(load_objects(manifest, get))
            self._runtime.load_all(_entries(program))
            self._programs[manifest] = program
        return self._programs[manifest]

    def blob(self, hash: bytes) -> bytes:
        """The bytes of a stored object. Raises :class:`StoreDamaged`."""
        return self._disk.store.get(hash, what="a blob")

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

        Raises :class:`Rejected` where it does not fit or cannot be routed, :class:`ReadOnly`.
        """
        of = self.program.schemas.get(schema)
        if of is None:
            known = ", ".join(sorted(self.program.targets)) or "none"
            raise ValueRejected(f"unknown event schema {schema!r}", hint=f"routed: {known}")
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
        """Deliver a receipt. Raises :class:`Rejected`: then its intent stays pending."""
        intent = self._states[-1].pending.get(receipt.intent)
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
        frame; ``stamps`` overrides the host's, where a session was exported."""
        with self._mutex:
            self._need_writable()
            past = self.history.past(self._created_ns(), self._moments[-1].logical_ns)
            at_ns, logical_ns, entropy = self.host.stamp(input, past)
            given = {
                "at_ns": at_ns + self._advanced_ns,
                "logical_ns": max(logical_ns + self._advanced_ns, due_ns, past.logical_ns),
                "entropy": entropy,
            }
            stamped = input.stamped(**{**given, **(stamps or {})}, source=source)
            made = turn(self.program_of, self._states[-1], stamped, self._moments[-1], self._step)
            self._disk.store.put_all(blobs)
            frame = self._journal.append(frame_body(self.height + 1, self.head, made))
            self._accept(frame, made.state, made.after, made)
            return made

    def advance(self, ns: int) -> None:
        """Let time pass: later inputs are stamped ``ns`` nanoseconds later."""
        self._advanced_ns += ns

    def _need_writable(self) -> None:
        if self.trouble is not None:
            raise ReadOnly(
                f"branch {self.branch} can only be read: {self.trouble.message}",
                hint=f"fork it at {self.height} and go on there",
            )

    def _created_ns(self) -> int:
        created: int = self._journal.header.body["created_ns"]
        return created

    def _accept(self, frame: Frame, state: State, after: Moment, made: Turn | None) -> None:
        self.frames.append(frame)
        self._first_heights.append(frame.height)
        self._states.append(state)
        self._moments.append(after)
        records = [Record.from_plain(plain) for plain in frame.records]
        self.records.extend(records)
        intents = {} if made is None else _intents(made)
        self.history.add(frame, records, intents)

    def _step(self, wasm: bytes, envelope: bytes, limits: Any) -> bytes:
        allowed = StepLimits(limits.fuel, limits.memory_mib, limits.output_mib)
        return self._runtime.step(wasm, envelope, allowed)

    # -- other code -------------------------------------------------------------------------

    def disk_changes(self) -> tuple[str, ...]:
        """Names of the definitions on disk that differ from those in force; empty if none.

        Reads the world's files anew. Raises what loading them raises.
        """
        catalog = WorldFiles.read(self.files.root).catalog
        return catalog.changed_from(self.program.catalog)

    def swap(
        self,
        *,
        wasm: Mapping[str, bytes] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Go on with the definitions and modules that are on disk now: one journaled input.

        ``wasm``: by module name, instead of what is found on disk. Raises :class:`CheckFailed`,
        :class:`ModuleMissing`, :class:`UsageError` where nothing has changed.
        """
        files = WorldFiles.read(self.files.root, wasm)
        catalog = files.catalog
        changed = catalog.changed_from(self.program.catalog)
        settings = files.config.settings
        if not changed and settings == self._moments[-1].settings:
            raise UsageError("the files on disk are those in force already", code="no_change")
        keep(files, catalog, self._disk, self._runtime)
        compile_program(catalog)
        given = None if settings == self._moments[-1].settings else settings.to_plain()
        made = self.submit(
            ManifestInput(
                old=self._states[-1].manifest,
                new=catalog.manifest_hash,
                changed=changed,
                settings=given,
            ),
            source=source,
        )
        self.files = files
        return made

    # -- branches ---------------------------------------------------------------------------

    def branches(self) -> list[str]:
        """The names of all branches, sorted."""
        return self._disk.branches()

    def fork(self, height: int, name: str) -> World:
        """A new branch that goes on after the turn before or at ``height``, open for writing.

        Inside a turn it starts from the beginning of that turn. Constant in the length of the
        history. Raises :class:`UsageError`.
        """
        check_branch_name(name)
        if not 0 <= height <= self.height:
            raise UsageError(f"there is no height {height}: the last is {self.height}")
        index = self.frame_at(height)
        if height != self.frames[index].last_height:
            index -= 1
        parent = self.frames[index]
        header = {
            **_header_plain(self.frames[0].body),
            "settings": self._moments[index].settings.to_plain(),
            "manifest": self._states[index].manifest,
            "height": parent.last_height + 1,
            "prev": parent.hash,
            "parent": {"head": parent.hash, "height": parent.last_height},
            "records": [],
            "root": self._states[index].root,
        }
        disk = self._disk.again()
        journal = disk.create(name, header)
        world = World(self.files, disk, journal, name, self.host)
        if disk is self._disk:
            world._runtime = self._runtime  # what is compiled serves both
        world.scenario = self.scenario
        world._programs = self._programs  # by content, so any world may share them
        for i in range(index + 1):
            world._inherit(self, i)
        world._accept(journal.header, self._states[index], self._moments[index], None)
        return world

    def _inherit(self, parent: World, index: int) -> None:
        intents = {asked.hash: asked.intent for asked in parent.history.asked}
        frame = parent.frames[index]
        self.frames.append(frame)
        self._first_heights.append(frame.height)
        self._states.append(parent._states[index])
        self._moments.append(parent._moments[index])
        records = parent.records[frame.height : frame.last_height + 1]
        self.records.extend(records)
        self.history.add(frame, records, intents)

    # -- proof ------------------------------------------------------------------------------

    def verify(self, *, with_disk: bool = False, progress: Progress | None = None) -> Report:
        """Run the whole journal again and compare every record and root.

        ``with_disk``: with the definitions and modules on disk instead of those it names.
        """
        begin = time.perf_counter()
        frames = list(self.frames)
        divergence = self._damage()
        done = 0
        if divergence is None:
            try:
                if with_disk:
                    divergence = self._compare_with_disk(frames, progress)
                else:
                    for done, _ in enumerate(replay(frames, self.program_of, self._step), 1):
                        if progress is not None:
                            progress(done, len(frames))
            except Diverged as error:
                divergence = error.divergence
        return Report(
            ok=divergence is None,
            frames=len(frames),
            records=len(self.records),
            root=self.root,
            head=self.head,
            seconds=time.perf_counter() - begin,
            divergence=divergence,
        )

    def _damage(self) -> Divergence | None:
        """The trouble this branch opened with, as a divergence."""
        if isinstance(self.trouble, Diverged):
            found: Divergence = self.trouble.divergence
            return found
        if self.trouble is not None:
            raise self.trouble
        return None

    def _compare_with_disk(
        self, frames: Sequence[Frame], progress: Progress | None
    ) -> Divergence | None:
        files = WorldFiles.read(self.files.root)
        wasm = {canon.sha256(of): of for of in _wasm(files, files.catalog)}

        def get(hash: bytes) -> bytes:
            return wasm[hash] if hash in wasm else self._disk.store.get(hash, what="a module")

        runtime = Runtime(get, self._code)

        def step(hash: bytes, envelope: bytes, limits: Any) -> bytes:
            allowed = StepLimits(limits.fuel, limits.memory_mib, limits.output_mib)
            return runtime.step(hash, envelope, allowed)

        def counted() -> Any:
            for done, made in enumerate(replay(frames, self.program_of, self._step), 1):
                yield made
                if progress is not None:
                    progress(done, len(frames))

        return compare_with(counted(), compile_program(files.catalog), self.program_of, step)


def begin(
    files: WorldFiles, disk: Disk, branch: str, host: Host, *, rotate: bool = False
) -> Journal:
    """Begin a branch with the world's definitions on disk. Raises :class:`CheckFailed`.

    ``rotate``: set aside what has that name.
    """
    catalog = files.catalog
    require_sound(catalog)
    keep(files, catalog, disk, None)
    record = genesis(catalog.manifest_hash, files.config.name)
    header = {
        "format": FORMAT,
        "semantics": SEMANTICS,
        "world": files.config.name,
        "manifest": catalog.manifest_hash,
        "settings": files.config.settings.to_plain(),
        "engine": f"wasmtime {importlib.metadata.version('wasmtime')}",
        "created_ns": host.created_ns(),
        "height": 0,
        "records": [record.to_plain()],
        "root": State(catalog.manifest_hash).root,
    }
    if rotate:
        set_aside_older(disk, branch)
    return disk.create(branch, header)


def keep(files: WorldFiles, catalog: Catalog, disk: Disk, runtime: Runtime | None) -> None:
    """Put everything a program consists of into the store: it is durable before it is named."""
    modules = _wasm(files, catalog)
    disk.store.put_all([*catalog.objects.values(), *modules, *files.blobs])
    if runtime is not None:
        for wasm in modules:
            runtime.load(canon.sha256(wasm))


def _wasm(files: WorldFiles, catalog: Catalog) -> list[bytes]:
    """The wasm of every module the manifest lists; native ``sys/*`` modules have none."""
    found = []
    listed = {ref.name for ref in catalog.manifest.refs["modules"]}
    for module in catalog.all(DefModule):
        if module.name in listed and not module.name.startswith("sys/"):
            wasm = files.wasm_of(module)
            if wasm is None:
                raise ModuleMissing(
                    f"there is no wasm for {module.name}",
                    module=module.name,
                    hint=f"put it into {files.root / 'modules'}, or name it in world.toml",
                )
            found.append(wasm)
    return found


def _entries(program: Program) -> list[tuple[bytes, Entry]]:
    """Every module of a program and where it is called; native ``sys/*`` ones have no wasm."""
    return [
        (program.wasm_hash(name), "step" if module.module_kind == "reducer" else "run")
        for name, module in program.modules.items()
        if not name.startswith("sys/") and module.wasm_hash is not None
    ]


def _intents(made: Turn) -> dict[bytes, Any]:
    """The intents a turn asked for, by hash, from the states after their records."""
    return {
        record["hash"]: state.pending.get(record["hash"])
        for record, state in zip(made.records, made.states, strict=True)
        if record.kind == "intent"
    }


def _header_plain(header: Mapping[str, Any]) -> dict[str, Any]:
    names = ("format", "semantics", "world", "engine", "created_ns")
    return {name: header[name] for name in names}


def _key_bytes(key: Any) -> bytes | None:
    if key is None or isinstance(key, bytes):
        return key
    if isinstance(key, str):
        return key.encode()
    try:
        return bytes_from_host(key)
    except Misfit as misfit:
        raise ValueRejected(misfit.message, path="$.key") from None
