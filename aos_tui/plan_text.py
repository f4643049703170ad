"""What a plan says, in short text: its title, what a step was given, what it waits for.

Plain functions, as in ``formatting``. Names of steps and of schemas come from worlds, so whatever
is shown of them goes through :func:`clean`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aos_core.effect_words import target
from aos_core.plain import clean, clip, short_name
from aos_core.plan_words import expression

if TYPE_CHECKING:
    from aos_core.view import Pending, PlanView, StepView
    from aos_tui.glyphs import Glyphs


def layers(steps: Sequence[StepView]) -> list[list[StepView]]:
    """Steps by the length of the longest path that leads to them."""
    by_id = {step.id: step for step in steps}
    depth: dict[str, int] = {}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(name in depth for name in step.after)]
        for step in ready:
            depth[step.id] = 1 + max((depth[name] for name in step.after), default=-1)
        waiting = [step for step in waiting if step.id not in depth]
        if not ready:  # a cycle never loads; this keeps a wrong one visible
            depth |= {step.id: 0 for step in waiting}
            waiting = []
    found: list[list[StepView]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for id, at in depth.items():
        found[at].append(by_id[id])
    return found


# -- what it waits for ----------------------------------------------------------------------


def waits(plan: PlanView, pending: Iterable[Pending]) -> list[str]:
    """What an instance waits for: receipts of effects that it asked for, and events."""
    asked = _targets(of for of in pending if of.origin.get("instance") == plan.id)
    events = [
        short_name(str((step.definition or {}).get("event", "an event")))
        for step in plan.steps
        if step.state == "waiting" and step.op == "await_event"
    ]
    return [clean(of) for of in (*asked, *events)]


def _targets(pending: Iterable[Pending]) -> list[str]:
    return [target(item.kind, item.params, host=False) for item in pending]


def plan_title(plan: PlanView, words: Sequence[str], width: int) -> tuple[str, str]:
    """(title, what is left for the line below): ``aggregator_plan #0  waits for 2: GET /a, GET /c``
    where that takes ``width`` cells at most, else what it waits for comes below; the name is cut
    last."""
    waiting = plan.status == "running" and words
    said = f"waits for {len(words)}" if waiting else plan.status
    end, name = f" #{plan.number}  {said}", clean(short_name(plan.plan))
    listed = ", ".join(words) if waiting else ""
    whole = f"{name}{end}: {listed}"
    if listed and len(whole) <= width:
        return whole, ""
    return f"{clip(name, max(4, width - len(end)))}{end}", listed


def instance_lines(
    plans: Iterable[PlanView], pending: Iterable[Pending], glyphs: Glyphs
) -> list[str]:
    """Instances in a list of them: whether each runs, since when, which answers it waits for, how
    it ended."""
    asked: dict[bytes, list[Pending]] = {}
    for item in pending:
        asked.setdefault(item.origin.get("instance", b""), []).append(item)
    return [_instance_line(of, asked.get(of.id, ()), glyphs) for of in plans]


def _instance_line(plan: PlanView, asked: Sequence[Pending], glyphs: Glyphs) -> str:
    glyph = {"running": glyphs.waiting, "ok": glyphs.done}.get(plan.status, glyphs.failed)
    name = clip(clean(short_name(plan.plan)), 30)
    when = f"since record {plan.started}"
    if plan.ended is not None:
        when = f"records {plan.started} to {plan.ended}"
    why = f"  {clean(plan.error)}" if plan.error else ""
    if asked and plan.ended is None:
        why = f"  for {clean(', '.join(_targets(asked)))}"
    return f"{glyph} #{plan.number:<4} {name:<20}  {plan.status:<7}  {when}{why}"


def no_plan(starts: Sequence[tuple[str, str]]) -> list[str]:
    """What an empty pane teaches; ``starts`` are (event, plan)."""
    if not starts:
        return ["", "No event of this world", "starts a plan."]
    lines = ["", "No plan has started yet.", ""]
    for event, plan in starts:
        lines += [clean(short_name(event)), clean(f"  starts {short_name(plan)}")]
    return lines


# -- a step ---------------------------------------------------------------------------------


def step_text(step: StepView, plan: PlanView, value: str, pending: Iterable[Pending] = ()) -> str:
    """A step as its plan has it, what it waits for, what it was given and what it gave; ``value``
    is that as text."""
    lines = [f"op      {step.op}", f"state   {step.state}"]
    lines += [f"waits   {clean(of)}" for of in _waits_for(step, plan, pending)]
    lines += [f"height  {step.height}"] if step.height is not None else []
    lines += [f"after   {clean(of)}" for of in _entered_by(step, plan)]
    lines += list(_definition(step.definition or {}))
    if inputs := list(_inputs(step, plan)):
        width = min(40, max(len(name) for name, _ in inputs))
        lines += ["", "inputs", *(f"  {name:<{width}}  {of}" for name, of in inputs)]
    if step.error is not None:
        lines += ["", f"failed with {step.error['code']}", f"  {clean(step.error['text'])}"]
    return "\n".join([*lines, "", "value", *(f"  {clean(line)}" for line in value.split("\n"))])


def _waits_for(step: StepView, plan: PlanView, pending: Iterable[Pending]) -> Iterator[str]:
    """The effects whose receipts a step waits for, which other steps have asked for."""
    if step.state != "waiting":
        return
    names = {text.partition(":")[2] for text in _references((step.definition or {}).get("for"))}
    asked = {of.id for of in plan.steps if of.op == "emit_effect" and _named(of, "@var") in names}
    for item in pending:
        if item.origin.get("instance") == plan.id and item.origin.get("step") in asked:
            what = target(item.kind, item.params)
            yield f"for {what}: {item.n} in Pending, asked for by record {item.since}"


def _entered_by(step: StepView, plan: PlanView) -> Iterator[str]:
    """The steps before it, each with its guard."""
    guards = [edge for edge in plan.edges if edge.target == step.id]
    if not any(edge.when is not None for edge in guards):
        if step.after:
            yield ", ".join(step.after)
        return
    for edge in guards:
        yield edge.source + (f" when {expression(edge.when)}" if edge.when is not None else "")


def _definition(node: Mapping[str, Any]) -> Iterator[str]:
    for name, of in node.items():
        if name == "bind":
            yield f"binds   {clean(', '.join(map(str, of.values())))}"
        elif name in ("params", "expr", "for", "where", "value", "result"):
            yield f"{name:<7} {expression(of)}"
        elif name not in ("id", "op"):
            yield f"{name:<7} {clean(str(of))}"


def _inputs(step: StepView, plan: PlanView) -> Iterator[tuple[str, str]]:
    """(reference, value) of all that a step and its guards refer to, as far as that is known."""
    guards = [edge.when for edge in plan.edges if edge.target == step.id]
    for text in dict.fromkeys(_references([step.definition, guards])):
        known, value = _resolve(text, plan)
        if known:
            yield clean(text), clean(clip(json.dumps(value, ensure_ascii=False), 200))


def _references(node: Any) -> Iterator[str]:
    match node:
        case {"ref": str() as text}:
            yield text
        case Mapping():
            for of in node.values():
                yield from _references(of)
        case list() | tuple():
            for of in node:
                yield from _references(of)


def _resolve(text: str, plan: PlanView) -> tuple[bool, Any]:
    """(whether it is known, value) of a reference."""
    head, colon, path = text.partition(":")
    if not colon:
        head, _, path = text.removeprefix("@plan.").removeprefix("@").partition(".")
        parts = path.split(".") if path else []
        return _walk(plan.input, parts) if head == "input" else (False, None)
    parts = path.split(".")
    for length in range(len(parts), 0, -1):  # names may hold dots: the longest counts
        name = ".".join(parts[:length])
        found = next((of for of in plan.steps if name == _named(of, head)), None)
        if found is not None and found.has_value:
            emits = head == "@var" and found.op == "emit_effect"
            return _walk(name if emits else found.value, parts[length:])
    return False, None


def _named(step: StepView, head: str) -> str | None:
    """What a step is called in references of this kind."""
    if head == "@step":
        return step.id
    bind = (step.definition or {}).get("bind") or {}
    return bind.get("as") or bind.get("effect_id_as")


def _walk(value: Any, parts: Sequence[str]) -> tuple[bool, Any]:
    for part in parts:
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value
