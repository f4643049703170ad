"""``Writer``: a prover that takes inputs in.

Every accepted input is durable before the call returns. Nothing changes the state but a turn, and a
turn is a function of (state, input): everything else here is bookkeeping.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.check import require_sound
from aos_core.air.host_json import bytes_from_host, utf8
from aos_core.air.load import Catalog
from aos_core.air.misfit import Misfit
from aos_core.branches import said_of
from aos_core.errors import ReadOnly, UsageError, ValueRejected
from aos_core.files import WorldFiles
from aos_core.hosts import SimulatedHost
from aos_core.kernel.authority import Refused, Request, decide, find_grant
from aos_core.kernel.modules import PureCaller
from aos_core.kernel.records import EventInput, Input, ManifestInput
from aos_core.kernel.state import Intent
from aos_core.kernel.turn import Turn, turn
from aos_core.modules import code_folder
from aos_core.origin import keep
from aos_core.proving import Prover
from aos_core.replay import frame_payload
from aos_core.trial import Risk, risks
from aos_core.wasm.runtime import Runtime


class Writer(Prover):
    """A world on one branch, to be looked at, proven and written."""

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
        """Logical time never falls, so it stands still until a clock that went back catches up.
        Nobody wonders that a scenario's clock is behind what was done by hand."""
        if isinstance(self.host, SimulatedHost):
            self._clock_notice = None
            return
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
            why = said_of(self.branch, self.trouble.message)
            raise ReadOnly(
                f"branch {self.branch} can only be read: {why}",
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
        return self.disk_catalog().changed_from(self.program.catalog)

    def disk_catalog(self) -> Catalog:
        """The definitions on disk, read anew. Raises what loading them raises."""
        return WorldFiles.read(self.files.root).catalog

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


def _key_bytes(key: Any) -> bytes | None:
    if key is None or isinstance(key, bytes):
        return key
    try:
        if isinstance(key, str):
            return utf8(key)
        return bytes_from_host(key if isinstance(key, dict) else {})
    except Misfit as misfit:
        raise ValueRejected(f"the key: {misfit.message}", path="$.key") from None
