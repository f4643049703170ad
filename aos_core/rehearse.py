"""Rehearsal: the whole history again with other code, beside what was recorded
(docs/rehearse.md).

Every recorded input comes again, in its order and with its stamps, from a genesis that names the
other code; so the same code gives the same records at the same heights, and what comes out is an
ordinary branch. Recorded receipts go to the effects that they are for (effect_match.py); one whose
effect is not asked for any more is left out and listed, and an effect that no receipt was recorded
for is listed and stays pending, or is answered by a scenario (effect_answers.py).

One pass, frame by frame: nothing is held but the state and what has no partner. The history itself
is not run again, but for the one turn in which the first difference lies: to prove it is what
verification is for.
"""

from __future__ import annotations

import importlib.metadata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from aos_core import canon
from aos_core.diff import Change, diff_states
from aos_core.effect_answers import Answering, Waiting
from aos_core.effect_match import Asking, Pairs
from aos_core.errors import CanonError, Diverged, Rejected, UsageError
from aos_core.frames import Frame
from aos_core.free_names import free_name
from aos_core.host_values import origin_json, typed_to_host
from aos_core.kernel.program import Program
from aos_core.kernel.records import Input, ManifestInput, ReceiptInput, Record, input_from_plain
from aos_core.kernel.state import Instance, Intent, State
from aos_core.kernel.turn import Moment, Programs, Turn, genesis, turn
from aos_core.other_code import Code
from aos_core.present import RecordReader
from aos_core.progress import Progress
from aos_core.record_match import as_recorded, count_differences, first_that_differs, renamed
from aos_core.rehearsal import Listed, Rehearsal
from aos_core.replay import Divergence, begin, record_difference, same_step, state_difference
from aos_core.scenario_file import Scenario
from aos_core.travel import Travel
from aos_core.view import View
from aos_core.world import World

MOST_ANSWERS = 1000
"""So many answers are given before a recorded input: code that asks again and again comes to an
end."""

SETTLES = ("settled", "orphan")
"""Outcomes of a receipt after which its intent is pending no longer."""

GROUP = 1024
"""So many turns of a branch that is kept become durable together."""


def rehearse(
    world: World,
    code: Code,
    *,
    answers: Scenario | None = None,
    strict: bool = False,
    keep: str | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Run the branch of ``world``, as it lies on the disk now, with ``code``.

    ``answers``: the scenario that answers effects without a recorded receipt, in the moment they
    are asked for, a timer when it is due; None leaves them pending. ``strict``: an effect that asks
    for something else is another one, also where its origin is the same. ``keep``: the name of a
    new branch that what comes out becomes; without it nothing is written. Broken off, by what
    ``progress`` raises, it leaves nothing behind.

    Raises :class:`UsageError` where ``keep`` is taken, :class:`JournalDamaged`,
    :class:`StoreDamaged`, and what a full disk raises.
    """
    with world.read_anew() as travel, ExitStack() as keeping:
        kept, start = None, travel.chain.frame(0)
        if keep is not None:
            objects = code.objects(start.body["manifest"])
            kept = keeping.enter_context(world.begun_beside(keep, _header(start, code), objects))
        run = _Run(world, travel, code, Pairs(strict), answers, kept)
        run.all(progress)
        return run.report(keep)


def rehearsed_name(world: World) -> str:
    """A name for what is kept of a rehearsal of this branch: ``main+rehearsed``, ``-2``, .."""
    return free_name(f"{world.branch[:50]}+rehearsed", world.branches())


def _header(start: Frame, code: Code) -> dict[str, Any]:
    """The header of a history with other code: it begins in the same moment."""
    manifest = code.instead(start.body["manifest"])
    settings = start.body["settings"] if code.settings is None else code.settings.to_plain()
    return {
        **start.body,
        "manifest": manifest,
        "settings": settings,
        "engine": f"wasmtime {importlib.metadata.version('wasmtime')}",
        "records": [genesis(manifest, start.body["world"]).to_plain()],
        "root": State(manifest).root,
    }


class _Run:
    """One rehearsal: the state it has come to, and what it has found."""

    def __init__(
        self,
        world: World,
        travel: Travel,
        code: Code,
        pairs: Pairs,
        answers: Scenario | None,
        kept: World | None,
    ) -> None:
        self._world, self._travel, self._code, self._kept = world, travel, code, kept
        start = travel.chain.frame(0)
        self._state = State(code.instead(start.body["manifest"]))
        self._moment = Moment(1, 0, code.settings or begin(start)[1].settings)
        self._answering = Answering(world.store, answers)
        self._unanswered: dict[bytes, str] = {}
        self._reader = RecordReader(world)
        self._pairs = pairs
        self._instances: dict[bytes, bytes] = {}
        """Live plan instances by their identity now, where that was another one."""
        self._changed = self._left_out = 0
        self._first: Divergence | None = None
        self._found_at: int | None = None
        self._lost, self._new, self._other, self._refused = (Listed() for _ in range(4))
        self._faults_new, self._faults_gone = Listed(), Listed()

    # -- the way through ------------------------------------------------------------------------

    def all(self, progress: Progress | None) -> None:
        """Every frame, in groups; then what is due by the time of the last one."""
        last = self._travel.chain.count - 1
        frames = iter(range(1, last + 1))
        while group := list(islice(frames, GROUP)):
            with ExitStack() as together:
                if self._kept is not None:
                    together.enter_context(self._kept.group())
                for index in group:
                    self._frame(index, self._travel.chain.frame(index))
                    if progress is not None:
                        progress(index, last)
        self._answer(self._moment.logical_ns)

    def _frame(self, index: int, frame: Frame) -> None:
        if frame.is_header:  # of a fork: it adds nothing
            return
        input = input_from_plain(frame.body["input"])
        self._answer(input.logical_ns)
        if isinstance(input, ManifestInput):
            self._replace_manifest(input)
            return
        height, ours = self._moment.height, self._for_us(input)
        if ours is None:
            self._not_delivered(frame)
            self._settle(frame)
            return
        try:
            made = self._turn(ours)
        except (Rejected, CanonError) as error:
            self._refuse(frame, error)
            self._settle(frame)
            return
        self._pair_instances(frame, made)
        self._take_in(frame, made, height)  # first: what is paired is compared by one name
        self._compare(index, frame, made, height)
        self._forget_ended(made)
        self._settle(frame)

    def _turn(self, input: Input) -> Turn:
        made = turn(self._code.programs, self._state, input, self._moment, self._code.modules)
        if self._kept is not None:
            self._kept.take(made)
        self._state, self._moment = made.state, made.after
        return made

    def _replace_manifest(self, input: ManifestInput) -> None:
        """A replacement within the history: of what it still replaces."""
        old, new = self._code.instead(input.old), self._code.instead(input.new)
        settings = None if self._code.settings is not None else input.settings
        if old == new and settings is None:
            self._left_out += 1
            return
        if self._kept is not None:
            self._kept.store.put_all(self._code.objects(input.new))
        programs = self._code.programs
        changed = programs(new).catalog.changed_from(programs(old).catalog)
        self._turn(replace(input, old=old, new=new, settings=settings, changed=changed))

    # -- effects --------------------------------------------------------------------------------

    def _for_us(self, input: Input) -> Input | None:
        """The input as it comes here: a receipt for the effect that it is for now; None where
        that is not asked for. One that is settled already comes late."""
        if not isinstance(input, ReceiptInput):
            return input
        pending, intent = self._state.pending, input.intent
        if pending.get(intent) is not None:
            self._pairs.meet(intent)
            return replace(input, late=False)
        twin = self._pairs.twin(intent, late=input.late)
        if twin is None:
            return None
        return replace(input, intent=twin, late=pending.get(twin) is None)

    def _not_delivered(self, frame: Frame) -> None:
        """A receipt recorded for an effect that is not asked for."""
        self._differs(record_difference(frame.height, 0, frame.records, []), None)
        self._changed += len(frame.records)
        if frame.records[0]["outcome"] in SETTLES:
            self._lose(frame)
        self._pairs.ask(_askings(frame.height, frame.records, {}), [])

    def _lose(self, frame: Frame) -> None:
        """The effect of a receipt is not asked for, and will not be: it had its answer."""
        intent = frame.records[0]["intent"]
        known = self._pairs.lost.pop(intent, None)
        asked = self._world.history.asked(intent, frame.height) if known is None else None
        at = known.height if known is not None else None if asked is None else asked.since
        self._lost.add(self._recorded(at) | {"receipt": frame.height})

    def _settle(self, frame: Frame) -> None:
        """The history may be through with an intent."""
        first = frame.records[0]
        if first["k"] == "receipt" and first["outcome"] in SETTLES:
            self._pairs.settle(first["intent"])

    def _take_in(self, frame: Frame | None, made: Turn, height: int) -> None:
        """What a turn asked for, and its fault, beside those of the frame; an answer has none."""
        recorded = () if frame is None else frame.records
        plain = [record.to_plain() for record in made.records]
        ours = _askings(height, plain, self._instances)
        theirs = () if frame is None else _askings(frame.height, recorded, {})
        met = self._pairs.ask(theirs, ours)
        for mine, twin in met.renamed:
            if not mine.same_as(twin):
                now = self._asked_now(twin)
                self._other.add(
                    self._recorded(mine.height)
                    | {"found_at": twin.height, "found": {of: now[of] for of in ("params", "cap")}}
                )
        alone = {of.hash for of in met.alone}
        for of in ours:
            intent = self._state.pending.get(of.hash)
            if intent is not None:
                self._unanswered.pop(of.hash, None)  # that was an earlier one with this hash
                self._answering.ask(intent, made.input, alone=of.hash in alone)
        at, faulted = (
            None if frame is None else frame.height,
            bool(recorded) and recorded[-1]["k"] == "fault",
        )
        if made.fault is not None and not faulted:
            self._faults_new.add(_fault(made.fault.to_plain(), at, height))
        if made.fault is None and faulted:
            self._faults_gone.add(_fault(recorded[-1], at, height))

    def _forget_ended(self, made: Turn) -> None:
        for record in made.records:
            if record.kind == "plan_ended":
                self._instances.pop(record["instance"], None)

    def _answer(self, logical_ns: int) -> None:
        """Give the answers that are due by then."""
        for _ in range(MOST_ANSWERS):
            found = self._answering.due(logical_ns)
            if found is None:
                return
            waiting, intent = found
            # the history may have asked for it meanwhile: its receipt will come from there
            if intent.hash in self._pairs.new and self._state.pending.get(intent.hash) is not None:
                self._give(waiting, intent)

    def _give(self, waiting: Waiting, intent: Intent) -> None:
        """One answer; where there is none, or it does no good, the effect stays pending."""
        height = self._moment.height
        asked = self._asked_now(self._pairs.new[intent.hash])
        try:
            receipt = self._answering.receipt(waiting, self._program_behind(intent))
            if self._kept is not None and receipt.blobs:
                self._kept.store.put_all(receipt.blobs)
            moment = self._moment
            made = self._turn(self._answering.stamped(waiting, receipt, moment.logical_ns))
        except (Rejected, CanonError, UsageError) as error:
            self._unanswered[intent.hash] = error.message
            return
        if made.fault is None:
            del self._pairs.new[intent.hash]
            self._new.add(asked | {"answer": height})
        else:
            self._unanswered[intent.hash] = made.fault["text"]
        self._take_in(None, made, height)
        self._forget_ended(made)

    def _program_behind(self, intent: Intent) -> Program:
        """The program that types an intent: a running plan keeps its own."""
        instance = self._state.plans.get(intent.origin.get("instance", b""))
        manifest = self._state.manifest if instance is None else instance.manifest
        return self._code.programs(manifest)

    def _recorded(self, height: int | None) -> dict[str, Any]:
        """An effect of the history, as JSON; nothing where nobody knows it."""
        if height is None:
            return {"height": None}
        fields = self._reader.fields(height)
        names = {"intent_hash": "hash"} | {of: of for of in ("kind", "params", "cap", "origin")}
        return {"height": height} | {name: fields[of] for name, of in names.items()}

    def _asked_now(self, asking: Asking) -> dict[str, Any]:
        """An effect that is pending in the rehearsal, as JSON."""
        intent = self._state.pending.get(asking.hash)
        assert intent is not None, "nothing but a receipt takes one away"
        program = self._program_behind(intent)
        effect = program.effects.get(intent.kind)
        schema = None if effect is None else program.schemas.get(effect.params_schema)
        return {
            "height": asking.height,
            "intent_hash": canon.hash_text(asking.hash),
            "kind": intent.kind,
            "params": typed_to_host(schema, canon.decode(intent.params)),
            "cap": intent.cap,
            "origin": origin_json(intent.origin),
        }

    # -- what differs ---------------------------------------------------------------------------

    def _pair_instances(self, frame: Frame, made: Turn) -> None:
        """A plan of another definition has other identities: the n-th that a turn starts of a plan
        is the n-th that it started."""
        theirs = defaultdict(list)
        ours = [of for of in made.records if of.kind == "plan_started"]
        same = {of["instance"] for of in ours}
        for plain in frame.records if ours else ():
            if plain["k"] == "plan_started" and plain["instance"] not in same:
                theirs[plain["plan"]].append(plain["instance"])
        known = {plain.get("instance") for plain in frame.records}
        for record in ours:
            if record["instance"] not in known and theirs[record["plan"]]:
                self._instances[record["instance"]] = theirs[record["plan"]].pop(0)

    def _compare(self, index: int, frame: Frame, made: Turn, height: int) -> None:
        """Count the records that differ, and find the first difference. As a rule none does, and
        the bytes say so: nothing is decoded then."""
        shift = frame.height - height
        name = self._name if self._instances or self._pairs.renames else None
        ours = [as_recorded(record, shift, name) for record in made.records]
        if canon.encode_ordered({**frame.body, "records": ours}) == frame.payload:
            return
        ours, theirs = canon.decode(canon.encode_ordered(ours)), frame.records
        at = first_that_differs(ours, theirs)
        if at is None:
            return
        self._changed += count_differences(ours, theirs)
        if self._first is None:
            self._differs(self._locate(index, frame, made, at, ours), height + at)

    def _name(self, of: bytes) -> bytes:
        """What the history calls an instance, an intent or its key; others keep their name."""
        return self._instances.get(of) or self._pairs.name(of) or of

    def _locate(
        self, index: int, frame: Frame, made: Turn, at: int, ours: list[dict[str, Any]]
    ) -> Divergence:
        """The difference of record ``at`` of a turn: in the state, where it is the same step."""
        if at < len(ours) and at < len(frame.records):
            record = Record.from_plain(frame.records[at])
            with suppress(Diverged):  # a history that does not come out as it was has no state here
                if same_step(record, made.records[at]):
                    states = self._travel.turn(index).states[at], made.states[at]
                    old = self._world.program_of(states[0].manifest)
                    new = self._code.programs(states[1].manifest)
                    return state_difference(frame.height + at, record, states, old, new)
        return record_difference(frame.height, at, frame.records, ours)

    def _refuse(self, frame: Frame, error: Rejected | CanonError) -> None:
        """An input that this code does not accept."""
        found = record_difference(frame.height, 0, frame.records, [])
        found = replace(found, expected="an accepted input", found=error.message)
        self._differs(found, None)
        self._changed += len(frame.records)
        self._refused.add({"height": frame.height, "code": error.code, "text": error.message})
        self._pairs.ask(_askings(frame.height, frame.records, {}), [])

    def _differs(self, found: Divergence, found_at: int | None) -> None:
        if self._first is None:
            self._first, self._found_at = found, found_at

    # -- the end --------------------------------------------------------------------------------

    def report(self, keep: str | None) -> Rehearsal:
        """What was found."""
        chain = self._travel.chain
        for asking in self._pairs.lost.values():
            self._lost.add(self._recorded(asking.height) | {"receipt": None})
        for asking in self._pairs.new.values():
            problem = self._unanswered.get(asking.hash)
            more = {} if problem is None else {"problem": problem}
            self._new.add(self._asked_now(asking) | {"answer": None} | more)
        return Rehearsal(
            records=chain.height + 1,
            frames=chain.count,
            changed=self._changed,
            code=self._code.changed(chain.frame(0).body["manifest"]),
            left_out=self._left_out,
            first_difference=self._first,
            found_at=self._found_at,
            diff=tuple(self._diff()),
            effects_lost=self._lost.sorted(),
            effects_new=self._new.sorted(),
            effects_changed=self._other,
            faults_new=self._faults_new,
            faults_gone=self._faults_gone,
            refused=self._refused,
            height=self._moment.height - 1,
            root=self._state.root,
            head=None if self._kept is None else self._kept.head,
            branch=keep,
        )

    def _diff(self) -> Iterator[Change]:
        """What differs between the states at the end, but for what has to: the manifest."""
        before, _ = self._travel.after(self._travel.chain.count - 1)
        views = (
            self._view(before, self._world.program_of),
            self._view(self._as_history(before), self._code.programs),
        )
        return (change for change in diff_states(*views) if change.path != "manifest")

    def _view(self, state: State, programs: Programs) -> View:
        world = self._world
        return View(
            world.height, state, programs, world.records, world.history, _no_answer, world.detail
        )

    def _as_history(self, before: State) -> State:
        """The state as the history would have it: what is alive there too has the name, and plans
        the definition and manifest, that they have there; so only what they did differs."""
        plans, pending, name = self._state.plans, self._state.pending, self._name
        for id, instance in self._state.plans.items():
            other = before.plans.get(name(id))
            if other is not None and other.name == instance.name:
                plans = plans.delete(id).set(other.id, _as_instance(instance, other, name))
        for hash, intent in self._state.pending.items():
            key = name(intent.idempotency_key)
            origin = renamed(dict(intent.origin), name)
            theirs = name(hash) if before.pending.get(name(hash)) is not None else hash
            if (theirs, key, origin) != (hash, intent.idempotency_key, intent.origin):
                same = replace(intent, idempotency_key=key, origin=origin)
                pending = pending.delete(hash).set(theirs, same)
        return self._state._replace(plans=plans, pending=pending)


def _as_instance(instance: Instance, other: Instance, name: Callable[[bytes], bytes]) -> Instance:
    """A live plan with the names that ``other``, the one of the history, has."""
    values = renamed(dict(instance.values), name)
    return instance._replace(
        id=other.id,
        plan=other.plan,
        manifest=other.manifest,
        values=values,
        forms=other.forms if values == other.values else instance.forms,
        waits=renamed(dict(instance.waits), name),
        receipts={name(of): held for of, held in instance.receipts.items()},
    )


def _askings(
    height: int, records: Iterable[Mapping[str, Any]], instances: Mapping[bytes, bytes]
) -> list[Asking]:
    """The intents of a turn that begins at ``height``, from plain records."""
    found = []
    for at, record in enumerate(records, height):
        if record["k"] == "intent":
            instance = record["origin"].get("instance")
            found.append(Asking.of(record, at, instances.get(instance, instance)))
    return found


def _fault(plain: Mapping[str, Any], height: int | None, found_at: int) -> dict[str, Any]:
    """The fault of a turn; ``height`` and ``found_at``: where that begins on the two sides."""
    reducer = plain["where"].get("reducer")
    return {
        "height": height,
        "found_at": found_at,
        "code": plain["code"],
        "text": plain["text"],
        **({} if reducer is None else {"reducer": reducer}),
    }


def _no_answer(*_: object) -> None:
    return None
