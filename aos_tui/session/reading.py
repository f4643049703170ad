"""What panes and dialogs show of a world: records whole, errors and faults as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aos_core.effect_words import json_line
from aos_tui.formatting import diagnostic, in_words, kind_text, plain, pretty, summary
from aos_tui.glyphs import UNICODE
from aos_tui.snapshot import Index, Trouble, Verified
from aos_tui.state_lines import Field

if TYPE_CHECKING:
    from aos_core.errors import AosError, Diverged, JournalDamaged
    from aos_core.kernel.records import Record
    from aos_core.kernel.turn import Turn
    from aos_core.present import RecordReader
    from aos_core.problems import Problem
    from aos_core.replay import Divergence
    from aos_core.view import View
    from aos_core.world import World


MOST_LINKS, MOST_FIELDS = 200, 20
"""So many consequences of a record are linked to; so many fields that it changed are told."""


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """A record whole: (heading, text) sections, and (label, height) links to causes and effects."""

    height: int
    title: str
    sections: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, int], ...]


def record_detail(world: World, reader: RecordReader, index: Index, height: int) -> RecordDetail:
    """Record ``height``: what it says, its input's stamps, then hashes whole, CBOR; its causes."""
    record = world.records[height]
    parts = [
        ("What went wrong", world.detail(height) or ""),
        *_value(world, reader, index, height),
        ("Input", _stamps(world, height)),
        ("Hashes", _hashes(world, height)),
        ("CBOR", diagnostic(record.to_plain())),
    ]
    title = f"Record {height}  {kind_text(record)} {plain(summary(record, index, UNICODE, height))}"
    sections = tuple((heading, text) for heading, text in parts if text)
    return RecordDetail(height, title, sections, _links(world, index, height))


def _value(
    world: World, reader: RecordReader, index: Index, height: int
) -> Iterator[tuple[str, str]]:
    """What a record says, by its schemas: of a step what it changed, and the state it left; of
    others their fields, the short ones first. Hashes have a place of their own."""
    from aos_core.host_values import with_hashes
    from aos_core.kernel.records import HASH_FIELDS

    def text(value: Any) -> str:
        return pretty(with_hashes(value, lambda of: index.intent(of) is not None))

    shown = reader.fields(height)
    if world.records[height].kind == "step":
        lines = [line for line, _ in changed_fields(world, height)]
        key = f" [{json_line(shown['key'])}]" if "key" in shown else ""
        yield "Changed", "\n".join(lines) or "nothing: the state is as it was"
        yield f"State of {shown['reducer']}{key}", text(_state(world, height))
        return
    said = {name: of for name, of in shown.items() if name not in HASH_FIELDS}
    if "origin" in said:
        said["origin"] = {name: of for name, of in said["origin"].items() if name != "instance"}
    short = sorted(said, key=lambda name: (isinstance(said[name], dict | list), name == "origin"))
    if said:
        yield "Value", text({name: said[name] for name in short})


def _hashes(world: World, height: int) -> str:
    """Every hash of a record and of the world after it, whole, so that they can be copied."""
    from aos_core.kernel.records import HASH_FIELDS

    record, (first, last) = world.records[height], world.turn_bounds(height)
    root = world.at(height).root
    same = "  as before" if height and world.at(height - 1).root == root else ""
    fields = {**(record.get("origin") or {}), **record.fields}
    own = [(name, fields[name]) for name in fields if name in HASH_FIELDS]
    lines = [
        ("root", f"{root.hex()}{same}"),
        ("frame", world.frames[world.frame_at(height)].hash.hex()),
        *((name, of.hex()) for name, of in own if isinstance(of, bytes)),
        ("turn", f"{first} to {last}"),
    ]
    return "\n".join(
        f"{name:<{_NAME}}{_GAP if len(name) > _NAME else ''} {of}" for name, of in lines
    )


_NAME = 6
"""So wide is the column of names beside hashes that a line of 72 cells holds both."""
_GAP = f"\n{' ' * _NAME}"


def _links(world: World, index: Index, height: int) -> tuple[tuple[str, int], ...]:
    """To the causes of a record and to what it led to, as far as there is room."""
    from aos_core.causes import Causality

    ask = Causality(world)

    def link(label: str, at: int) -> tuple[str, int]:
        of = world.records[at]
        return f"{label} {at}  {kind_text(of)} {plain(summary(of, index, UNICODE, at))}", at

    return (
        *(link("caused by", at) for at in ask.causes(height)),
        *(link("led to", at) for at in ask.effects(height)[:MOST_LINKS]),
    )


def _state(world: World, height: int) -> Any:
    """The state that a step left, read by its schema; None where it left none."""
    record, view = world.records[height], world.at(height)
    data = view.state_bytes(record["reducer"], record.get("key") or b"")
    return None if data is None else view.decode_state(record["reducer"], data)


def changed_fields(world: World, height: int) -> tuple[tuple[str, Field], ...]:
    """What a step changed in its cell, a line for each field, and where the field is."""
    from aos_core.present import NOTHING, changed_parts

    record = world.records[height]
    if record.kind != "step":
        return ()
    reducer, cell = record["reducer"], record.get("key") or b""
    views = world.at(height - 1), world.at(height)

    def state(view: View) -> object:
        data = view.state_bytes(reducer, cell)
        return NOTHING if data is None else view.decode_state(reducer, data)

    def text(value: object) -> str:
        return "nothing" if value is NOTHING else in_words(value, 32)

    def field(path: Sequence[str]) -> Field:
        return Field(reducer, cell, tuple(path), ".".join(path) or reducer)

    found = list(islice(changed_parts(state(views[0]), state(views[1])), MOST_FIELDS + 1))
    lines = [
        (f"{'.'.join(path) or 'state'}  {text(old)} -> {text(new)}", field(path))
        for path, old, new in found[:MOST_FIELDS]
    ]
    return (*lines, ("..", field(()))) if len(found) > MOST_FIELDS else tuple(lines)


def _stamps(world: World, height: int) -> str:
    """When and from where the input of a turn came, at its first record."""
    frame = world.frames[world.frame_at(height)]
    given = frame.body.get("input")
    if given is None or frame.height != height:
        return ""
    source = given.get("source")
    lines = [f"at_ns       {given['at_ns']}", f"logical_ns  {given['logical_ns']}"]
    if source is not None:
        lines.append(f"source      {source.get('scenario')} step {source.get('step')}")
    return "\n".join(lines)


def first_events(view: View) -> tuple[str, ...]:
    """The routed events that are no mere arm of another, sorted."""
    targets = view.program.targets
    whole = [name for name, to in targets.items() if any(of.tag is None for of in to)]
    return tuple(sorted(whole or targets))


def plan_starts(view: View) -> tuple[tuple[str, str], ...]:
    """(event, plan) of every trigger, sorted."""
    triggers = view.program.triggers.items()
    return tuple(sorted({(event, of.plan) for event, all in triggers for of in all}))


# -- what went wrong ------------------------------------------------------------------------


def trouble_of(error: AosError) -> Trouble:
    """An error of the library as plain text."""
    place = ", ".join(f"{name} {value}" for name, value in error.where.items())
    return Trouble(error.message, place, error.hint or "")


def shown_plan(
    world: World, view: View, index: Index, chosen: int | None
) -> tuple[int, int | None]:
    """How many plan instances there are, and the number of the one to show: what was ``chosen``,
    else the one that the record is about, else the last that runs, else the last. At the live end
    one that runs goes before one that is over."""
    known = view.last_plans(1)
    count = known[-1].number + 1 if known else 0
    if chosen in range(count):
        return count, chosen
    running = [of.number for of in known if of.status == "running"]
    about = instance_of(world.records, view.height, index)
    told = None if about is None else index.plan(about, view.height)
    is_live = view.height == world.height
    if told is not None and (told[0] in running or not (is_live and running)):
        return count, told[0]
    last = [known[-1].number] if known else []
    return count, next(iter((*running[-1:], *last)), None)


def instance_of(records: Sequence[Record], height: int, index: Index) -> bytes | None:
    """The plan instance that a record is about: one of its steps, what such a step asked for or
    raised, or what came of that."""
    at, record = height, records[height]
    while not _instance(record) and record.by is not None and record.by < at:  # as it should be
        at, record = record.by, records[record.by]
    intent = record.get("intent")
    if not _instance(record) and intent is not None:  # a receipt
        record = index.intent_before(intent, height) or record
    return _instance(record)


def _instance(record: Record) -> bytes | None:
    own: bytes | None = record.get("instance")
    return own or (record.get("origin") or {}).get("instance")


def why_read_only(error: AosError) -> Trouble:
    """The trouble of a branch for the line above the panes; the file's name is left out."""
    from aos_core.errors import Diverged, JournalDamaged

    if not isinstance(error, JournalDamaged | Diverged):
        return trouble_of(error)
    names = [name for name in ("height", "offset") if name in error.where]
    place = ", ".join(f"{name} {error.where[name]}" for name in names if error.code != "diverged")
    return Trouble(error.message, place, "F forks what comes before, which is good")


def does_not_load(problem: str) -> str:
    """That the world's files do not load, in a sentence."""
    return f"the files on disk do not load, so the journal's are used: {problem}"


def lost(branch: str, *, read: bool) -> Trouble:
    """The trouble of a branch whose file is gone while it is open, be it only to ``read``."""
    text = f"the journal of branch {branch} was deleted or moved while it was open"
    held = "all of it is held here, and nothing can be added"
    return Trouble(text, "", f"{held}: B {'shows what is there now' if read else 'puts it back'}")


def problems_of(error: Exception, world: str, branches: Sequence[str] = ()) -> tuple[Problem, ...]:
    """All that keeps a world from being opened, which ended in ``error``; ``branches`` are the ones
    there are, for a branch that there is not or of which nothing can be read."""
    from aos_core.checking import find_problems
    from aos_core.errors import AosError, CheckFailed, JournalDamaged, WorldError
    from aos_core.files import find_world
    from aos_core.problems import Problem, has_errors, problem_of

    if not isinstance(error, AosError):
        return (Problem("error", "bug", None, None, f"{type(error).__name__}: {error}"),)
    told = problem_of(error)
    if error.code == "no_branch" and branches:
        names = f"branches: {', '.join(branches)}"
        return (replace(told, hint="; ".join(filter(None, (error.hint, names)))),)
    others = [of for of in branches if of != Path(str(error.where.get("file", ""))).stem]
    if isinstance(error, JournalDamaged) and others:
        names = f"--branch opens another one: {', '.join(others)}"
        return (replace(told, hint="; ".join(filter(None, (error.hint, names)))),)
    if isinstance(error, WorldError):
        try:
            found = find_problems(find_world(world))
        except AosError:
            found = ()
        if has_errors(found):
            return found
    if isinstance(error, CheckFailed):
        return tuple(of for of in error.problems if isinstance(of, Problem))
    return (told,)


def broken(trouble: JournalDamaged | Diverged) -> Verified:
    """What the trouble of a branch says of its chain."""
    divergence: Divergence | None = getattr(trouble, "divergence", None)
    if divergence is not None:
        return diverged(divergence)
    found = trouble_of(trouble)
    height = trouble.where["height"]
    assert isinstance(height, int)
    return Verified("bad", height=height, text="\n".join((found.message, found.place, found.hint)))


def damaged(error: Mapping[str, Any]) -> Verified:
    """Damage at a height, as the command line tells it (``{code, message, where, hint}``)."""
    place = ", ".join(f"{name} {of}" for name, of in error["where"].items() if name != "file")
    lines = [part for part in (error["message"], place, error["hint"]) if part]
    return Verified("bad", height=error["where"]["height"], text="\n".join(lines))


def damage_of(error: Mapping[str, Any]) -> JournalDamaged | None:
    """The same as it was raised; None for another error."""
    from aos_core.errors import JournalDamaged

    if error["code"] != JournalDamaged.code:
        return None
    return JournalDamaged(error["message"], hint=error["hint"], **error["where"])


def divergence_of(said: Mapping[str, Any]) -> Divergence:
    """The first difference, as the command line tells it."""
    from aos_core.replay import Divergence

    return Divergence(**said)


def diverged(divergence: Divergence, why: str | None = None) -> Verified:
    """The first difference, field by field; ``why``: the usual causes."""
    kind = divergence.record.get("k", "") if isinstance(divergence.record, dict) else ""
    lines = [
        ("record", f"{divergence.height} {kind}".rstrip()),
        ("reducer", divergence.reducer),
        ("cell", divergence.cell),
        ("field", divergence.field),
        ("expected", _shown(divergence.expected)),
        ("found", _shown(divergence.found)),
    ]
    text = "\n".join(f"{name:<9} {of}" for name, of in lines if of is not None)
    if why:
        text += f"\n\n{why}"
    return Verified("bad", height=divergence.height, text=text, divergence=divergence)


def _shown(value: Any) -> str:
    """A value as JSON; a hash without quotes, which would not fit into eighty columns."""
    return value if isinstance(value, str) and value.startswith("sha256:") else pretty(value)


def fault_of(turns: Iterable[Turn]) -> str | None:
    """Play turns until one faults, and say how it did."""
    for made in turns:
        if made.fault is not None:
            return fault_text(made)
    return None


def fault_text(made: Turn) -> str:
    """A turn that faulted, in one sentence."""
    assert made.fault is not None
    code = made.fault["code"]
    return f"the turn faulted, the state is unchanged: {code}: {made.fault_text}"
