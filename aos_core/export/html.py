"""A branch as one HTML file to mail: what it is, whether it verifies, how it ended, what happened.

It needs no network and no script, is light or dark as the reader likes it, and prints. Whatever a
world says is text in it, never markup. Equal branches give equal files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.errors import AosError
from aos_core.export.picture import SIGNS, plan_picture
from aos_core.export.places import need_free, write
from aos_core.plain import clip, short_name
from aos_core.progress import Progress
from aos_core.scenario_writer import last_end, scenario_of
from aos_core.story import Teller
from aos_core.view import Pending, PlanView, View
from aos_core.words import asks_for, plainly
from aos_core.world import World

FIRST_TURNS, LAST_TURNS = 20, 180
"""Of a longer journal only these turns are told."""
MOST_CELLS = 200
MOST_PLANS = 50
MOST_PENDING = 200
WIDTH = 160
"""Characters of a line of the journal that tells a value."""
MOST_PARTS = 5_000
"""How many parts of one state are spelled out."""


def export_html(
    world: World,
    file: Path,
    until: int | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> list[str]:
    """Write a report of the branch up to height ``until``, or its end, after it was verified.
    Returns what a person should know. Raises :class:`UsageError`, and what reading it raises; a
    branch that diverges or is damaged is no error: the report says so."""
    need_free(file, force=force)
    verdict, ok = _verdict(world, progress)
    write(file, report(world, verdict, ok, until))
    return [] if ok else [verdict]


def _verdict(world: World, progress: Progress) -> tuple[str, bool]:
    try:
        found = world.verify(progress=progress)
    except AosError as error:  # damaged: what can be read is reported
        return f"the branch cannot be verified: {error.message}", False
    if found.divergence is not None:
        return f"the branch diverges: {found.divergence.describe()}", False
    return f"verified: {found.records} records replayed to the same bytes", True


def report(world: World, verdict: str, ok: bool, until: int | None = None) -> str:
    """The report as HTML. ``verdict``: what verification said, ``ok`` whether it is well."""
    end = last_end(world, until)
    view, config = world.at(end), world.files.config
    title = f"{config.title or config.name}: {world.branch} at height {end}"
    parts = [
        *_head(world, view, verdict, ok),
        *_states(view),
        *_pending(view),
        *_plans(view),
        *_journal(world, end),
        *_scenario(world, end),
    ]
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(parts))


def _head(world: World, view: View, verdict: str, ok: bool) -> Iterator[str]:
    config = world.files.config
    yield f"<h1>{escape(config.title or config.name)}</h1>"
    if config.summary:
        yield f"<p>{escape(config.summary)}</p>"
    sign, kind = ("✓", "good") if ok else ("✗", "bad")
    yield f'<p class="verdict {kind}">{sign} {escape(verdict)}</p>'
    at = world.frame_at(view.height)
    facts = [
        ("world", config.name),
        ("branch", world.branch),
        ("height", f"{view.height} of {world.height}"),
        ("turns", str(at)),
        ("root", canon.hash_text(view.root)),
        ("head", canon.hash_text(world.frames[at].hash)),
        ("manifest", canon.hash_text(view.kernel_state.manifest)),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(of)}</dd>" for name, of in facts)
    yield f"<dl>{rows}</dl>"
    faults = world.history.of_kind("fault", 0, view.height)
    if faults:
        links = ", ".join(f"record {height}" for height in faults[-10:])
        yield f'<p class="verdict bad">✗ {len(faults)} turns ended in a fault: {links}</p>'


# -- the end state --------------------------------------------------------------------------


def _states(view: View) -> Iterator[str]:
    yield "<h2>State</h2>"
    names = [name for name in view.reducers() if view.kernel_state.cells.get(name)]
    if not names:
        yield "<p>No reducer has state yet.</p>"
    for name in names:
        module = view.program.modules[name]
        schema = escape(module.abi["state"])
        yield f'<h3>{escape(name)} <span class="dim">{schema}</span></h3>'
        cells = view.some_cells(name, MOST_CELLS, view)
        if cells is None:
            yield _Tree().of(view.state(name))
            continue
        yield _Tree().of(view.cell_states(name, cells))
        total = len(view.kernel_state.cells[name])
        if total > len(cells):
            yield f'<p class="dim">{total - len(cells)} cells more</p>'


class _Tree:
    """A value of host JSON as nested lists, at most so many parts of it."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def of(self, value: Any) -> str:
        """The HTML of a value."""
        self._left -= 1
        match value:
            case dict() if value:
                return self._list((escape(str(name)), of) for name, of in value.items())
            case list() if any(isinstance(of, dict | list) for of in value):
                return self._list((str(index), of) for index, of in enumerate(value))
        return f"<code>{escape(plainly(value, 2_000))}</code>"

    def _list(self, items: Iterator[tuple[str, Any]]) -> str:
        rows = []
        for name, of in items:
            if self._left <= 0:
                rows.append('<li class="dim">and more</li>')
                break
            rows.append(f"<li><b>{name}</b> {self.of(of)}</li>")
        return f"<ul>{''.join(rows)}</ul>"


def _pending(view: View) -> Iterator[str]:
    yield "<h2>Pending effects</h2>"
    pending = view.pending
    if not pending:
        yield "<p>Nothing is pending.</p>"
        return
    rows = "".join(_pending_row(of) for of in pending[:MOST_PENDING])
    heads = "".join(f"<th>{of}</th>" for of in ("n", "asks for", "capability", "by", "since"))
    yield f"<table><tr>{heads}</tr>{rows}</table>"
    if len(pending) > MOST_PENDING:
        yield f'<p class="dim">{len(pending) - MOST_PENDING} more</p>'


def _pending_row(of: Pending) -> str:
    origin = f"{short_name(of.origin['name'])} {of.origin.get('step', '')}".rstrip()
    cells = (of.n, clip(asks_for(of.kind, of.params), 300), of.cap, origin, f"record {of.since}")
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def _plans(view: View) -> Iterator[str]:
    yield "<h2>Plans</h2>"
    plans = view.last_plans(MOST_PLANS)
    if not plans:
        yield "<p>No plan has started.</p>"
    else:
        yield f'<p class="dim">{_LEGEND}</p>'
    if plans and (before := plans[0].number) > 0:
        yield f'<p class="dim">Those before #{before} are left out unless they still run.</p>'
    for of in plans:
        yield from _plan(view.plan(of.number))


def _plan(of: PlanView) -> Iterator[str]:
    ended = f"record {of.started} to {of.ended}"
    when = f"since record {of.started}" if of.ended is None else ended
    why = "" if of.error is None else f": {of.error}{f', {of.text}' if of.text else ''}"
    yield (
        f"<h3>{escape(short_name(of.plan))} #{of.number}"
        f' <span class="dim">{escape(of.status + why)}, {when}</span></h3>'
    )
    yield plan_picture(of)
    rows = []
    for step in of.steps:
        said = ""
        if step.error is not None:
            said = f"{step.error['code']}: {step.error['text']}"
        elif step.has_value:
            said = plainly(step.value, 400)
        height = "" if step.height is None else str(step.height)
        cells = (f"{SIGNS[step.state]} {step.state}", step.id, step.op, height, said)
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    heads = "".join(f"<th>{name}</th>" for name in ("state", "step", "op", "record", "value"))
    yield (
        f"<details><summary>Steps and values</summary>"
        f"<table><tr>{heads}</tr>{''.join(rows)}</table></details>"
    )


# -- what happened --------------------------------------------------------------------------


def _journal(world: World, end: int) -> Iterator[str]:
    yield "<h2>Journal</h2>"
    last, teller = world.frame_at(end), Teller(world)
    numbers: Sequence[int] = range(last + 1)
    first = numbers[:FIRST_TURNS]
    rest = numbers[max(FIRST_TURNS, len(numbers) - LAST_TURNS) :]
    for number in first:
        yield _turn(world, teller, number)
    if (left := len(numbers) - len(first) - len(rest)) > 0:
        yield f'<p class="dim">{left} turns are left out here</p>'
    for number in rest:
        yield _turn(world, teller, number)


def _turn(world: World, teller: Teller, number: int) -> str:
    """A frame: its records, a line each, and what belongs to them; the first stands out."""
    frame, lines = world.frames[number], []
    for height in range(frame.height, frame.last_height + 1):
        lines.append(escape(teller.line(height)))
        lines += [f"<i>{escape(of.plain)}</i>" for of in teller.details(height, WIDTH)]
    if not lines:  # the header of a fork
        return ""
    lines[0] = f"<b>{lines[0]}</b>"
    return f"<pre>{chr(10).join(lines)}</pre>"


def _scenario(world: World, end: int) -> Iterator[str]:
    yield "<h2>Scenario</h2>"
    if world.frame_at(end) > FIRST_TURNS + LAST_TURNS:
        yield "<p>It is long: <code>aos export --as scenario</code> writes it.</p>"
        return
    text = scenario_of(world, end)
    yield (
        "<p>In <code>scenarios/NAME.toml</code> of the world, <code>aos run --scenario NAME</code> "
        "plays it again.</p>"
        f"<details><summary>{len(text.splitlines())} lines</summary><pre>{escape(text)}</pre>"
        "</details>"
    )


_LEGEND = (
    ", ".join(f"{sign} {state}" for state, sign in SIGNS.items())
    + "; a thick line was walked, a broken one will not be"
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --text: #1d2025; --back: #fff; --dim: #5d6570; --line: #d5d9df;
  --good: #176b32; --bad: #b3261e; --wait: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e3e6ea; --back: #16191d; --dim: #9aa3ae; --line: #3a4048;
    --good: #6fcf8a; --bad: #ff8a80; --wait: #f0b74a; }
}
body { color: var(--text); background: var(--back); max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 span, .dim { color: var(--dim); font-weight: normal; }
code, pre, dd, td { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .875rem; }
pre { white-space: pre-wrap; margin: .5rem 0; }
pre i { color: var(--dim); font-style: normal; }
summary { cursor: pointer; }
details { margin: .25rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .125rem 1rem; }
dt { color: var(--dim); }
dd { margin: 0; }
ul { margin: 0; padding-left: 1.25rem; list-style: none; border-left: 1px solid var(--line); }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .125rem 1rem .125rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: normal; }
.verdict { font-weight: bold; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.plan { overflow-x: auto; }
svg { font: 13px ui-monospace, Menlo, Consolas, monospace; }
.way path { fill: none; stroke: var(--dim); }
.way .head { fill: var(--dim); stroke: none; }
.way.walked path { stroke: var(--good); stroke-width: 2.5; }
.way.walked .head { fill: var(--good); stroke: none; }
.way.dead path { stroke-dasharray: 2 4; }
.way.dead .head { stroke: none; }
.guard { fill: var(--dim); }
.guard.walked { fill: var(--good); }
.step { --role: var(--dim); }
.step.done { --role: var(--good); }
.step.failed { --role: var(--bad); }
.step.waiting { --role: var(--wait); }
.step.ready { --role: var(--text); }
.step rect { fill: var(--role); fill-opacity: .12; stroke: var(--role); }
.step.waiting rect, .step.failed rect { stroke-width: 2.5; }
.step.pending rect { fill-opacity: 0; }
.step.skipped rect { fill-opacity: 0; stroke-dasharray: 3 4; }
.step text { fill: var(--role); text-anchor: middle; }
.step.done text, .step.failed text, .step.waiting text { font-weight: bold; }
@media print {
  :root { --text: #000; --back: #fff; --dim: #444; --line: #bbb; --good: #060; --bad: #900;
    --wait: #640; }
  body { max-width: none; margin: 0; font-size: 11pt; }
  h2, h3 { break-after: avoid; }
  svg, tr, li { break-inside: avoid; }
  svg { max-width: 100%; height: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
