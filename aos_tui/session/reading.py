"""What panes and dialogs show of a world: records whole, errors and faults as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aos_tui.formatting import diagnostic, kind_text, plain, pretty, summary, with_hashes
from aos_tui.glyphs import UNICODE
from aos_tui.snapshot import Index, Trouble, Verified

if TYPE_CHECKING:
    from aos_core.errors import AosError, Diverged, JournalDamaged
    from aos_core.kernel.turn import Turn
    from aos_core.present import RecordReader
    from aos_core.problems import Problem
    from aos_core.replay import Divergence
    from aos_core.view import View
    from aos_core.world import World


MOST_LINKS = 200
"""So many consequences of a record are linked to."""


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """A record whole: (heading, text) sections, and (label, height) links to causes and effects."""

    height: int
    title: str
    sections: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, int], ...]


def record_detail(world: World, reader: RecordReader, index: Index, height: int) -> RecordDetail:
    """Record ``height``: its value by schema, its input's stamps, hashes, CBOR, causes."""
    record, (first, last) = world.records[height], world.turn_bounds(height)
    frame = world.frames[world.frame_at(height)]
    shown = {name: of for name, of in reader.to_json(height).items() if name not in ("height", "k")}
    sections = [("Value", pretty(with_hashes(shown, index) | _state_after(world, height)))]
    if detail := world.detail(height):
        sections.append(("What went wrong", detail))
    if stamps := _stamps(world, height):
        sections.append(("Input", stamps))
    hashes = f"{_hashes(world, height, frame.hash)}\nturn                    {first} to {last}"
    sections += [("Hashes", hashes), ("CBOR", diagnostic(record.to_plain()))]
    title = f"Record {height}  {kind_text(record)}"
    return RecordDetail(height, title, tuple(sections), _links(world, index, height))


def _hashes(world: World, height: int, head: bytes) -> str:
    root = world.at(height).root
    same = "  = as before" if height and world.at(height - 1).root == root else ""
    return f"root after this record  {root.hex()}{same}\nframe (head)            {head.hex()}"


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


def _state_after(world: World, height: int) -> dict[str, Any]:
    """The state that a step wrote, read by its schema."""
    record = world.records[height]
    if record.kind != "step":
        return {}
    view, reducer = world.at(height), record["reducer"]
    data = view.state_bytes(reducer, record.get("key") or b"")
    return {} if data is None else {"state": view.decode_state(reducer, data)}


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


def why_read_only(error: AosError) -> Trouble:
    """The trouble of a branch for the line above the panes; the file's name is left out."""
    from aos_core.errors import Diverged, JournalDamaged

    if not isinstance(error, JournalDamaged | Diverged):
        return trouble_of(error)
    names = [name for name in ("height", "offset") if name in error.where]
    place = ", ".join(f"{name} {error.where[name]}" for name in names if error.code != "diverged")
    return Trouble(error.message, place, "F forks what comes before, which is good")


def lost(branch: str) -> Trouble:
    """The trouble of a branch whose file is gone while it is open."""
    text = f"the journal of branch {branch} was deleted or moved while it was open"
    hint = "all of it is held here, and nothing can be added: B puts it back"
    return Trouble(text, "", hint)


def problems_of(error: Exception, world: str, branches: Sequence[str] = ()) -> tuple[Problem, ...]:
    """All that keeps a world from being opened, which ended in ``error``; ``branches`` are the ones
    there are, for a branch that there is not."""
    from aos_core.checking import find_problems
    from aos_core.errors import AosError, CheckFailed, WorldError
    from aos_core.files import find_world
    from aos_core.problems import Problem, has_errors, problem_of

    if not isinstance(error, AosError):
        return (Problem("error", "bug", None, None, f"{type(error).__name__}: {error}"),)
    told = problem_of(error)
    if error.code == "no_branch" and branches:
        names = f"branches: {', '.join(branches)}"
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
        ("expected", pretty(divergence.expected)),
        ("found", pretty(divergence.found)),
    ]
    text = "\n".join(f"{name:<9} {of}" for name, of in lines if of is not None)
    if why:
        text += f"\n\n{why}"
    return Verified("bad", height=divergence.height, text=text, divergence=divergence)


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
