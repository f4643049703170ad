"""The story of a run for people: what happened, record by record, and what came of it.

Nothing in it depends on the clock or the machine: equal runs tell equal stories.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text

from aos_core import canon
from aos_core.plain import clip, short_name
from aos_core.present import NOTHING, RecordReader, changes
from aos_core.words import answers, asks_for, key_text, plainly

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_core.scenario import Run
    from aos_core.world import World

GAP = " " * 7
"""What stands before the lines that belong to a record: its height and its sign are that wide."""

MOST_TOLD = 500
"""The story of a run that has more records leaves out the turns in its middle."""


def story(run: Run, width: int) -> Iterator[Text]:
    """The lines of a whole run; long values are clipped to ``width``."""
    world, report = run.world, run.report
    yield Text(f"{world.files.config.name}, {world.branch}: {run.scenario.title}", "bold")
    yield from _told(world, width)
    yield Text()
    for reducer, state in world.at(world.height).states().items():
        yield Text.assemble("  result ", (short_name(reducer), "bold"))
        yield from _parts(NOTHING, state, width)
    yield Text(f"  height {world.height}, {len(world.pending)} pending")
    yield Text(f"  root {canon.hash_text(world.root)}")
    for item in run.expectations:
        sign, style = ("✓", "green") if item.ok else ("✗", "red")
        first, *rest = textwrap.wrap(item.text, width - 4)
        yield Text.assemble((f"  {sign} ", style), "\n    ".join([first, *rest]))
    if report.divergence is None:
        yield Text.assemble(("  ✓ verified", "green"), f": {report.records} records replayed")
    else:
        yield Text.assemble(("  ✗ diverges", "red"), f": {report.divergence.describe()}")


def _told(world: World, width: int) -> Iterator[Text]:
    """What happened; of a long run how it began and how it ended."""
    teller, last = Teller(world), world.height
    if last <= MOST_TOLD:
        yield from teller.tell(1, last, width)
        return
    begin = world.turn_bounds(MOST_TOLD // 2)[0]  # turns are told whole
    end = world.turn_bounds(last - MOST_TOLD // 2)[1]
    left_out = world.turns_until(end) - world.turns_until(begin) + 1
    yield from teller.tell(1, begin - 1, width)
    yield Text()
    yield Text.assemble(
        (f"  … {left_out:,} turns, records {begin} to {end}", "bold"),
        f": `aos journal --branch {world.branch}` lists them",
    )
    yield from teller.tell(end + 1, last, width)


def _parts(before: Any, after: Any, width: int) -> Iterator[Text]:
    """How a value changed, one line for each part that did."""
    if before is NOTHING and isinstance(after, dict):
        before = {}
    for path, old, new in changes(before, after):
        name = f"{GAP}  {path}: " if path else f"{GAP}  "
        room = max(20, width - len(name))
        if old is NOTHING:
            yield Text.assemble(name, plainly(new, room))
        elif new is NOTHING:
            yield Text.assemble(name, plainly(old, room - 8), (" -> gone", "dim"))
        else:
            shown = plainly(old, max(10, room // 2 - 4))
            rest = max(10, room - len(shown) - 4)
            yield Text.assemble(name, (shown, "dim"), (" -> ", "dim"), plainly(new, rest))


class Teller:
    """Tells the records of a world. ``n`` and ``#n`` are the numbers that readers count."""

    def __init__(self, world: World) -> None:
        self._world, self._reader = world, RecordReader(world)

    def tell(self, first: int, last: int, width: int) -> Iterator[Text]:
        """What people want to know of records ``first`` to ``last``, one turn after the other."""
        for height in range(first, last + 1):
            record = self._world.records[height]
            if not _is_told(record):
                continue
            sign, style = _sign(record)
            words = clip(_verb(record) + self.words(height), max(20, width - len(GAP)))
            if record.by is None:
                yield Text()
            yield Text.assemble((f"{height:>4} ", "dim"), (f"{sign} ", style), (words, style))
            yield from self.details(height, width)

    def line(self, height: int) -> str:
        """One record on one line, with its kind."""
        record = self._world.records[height]
        sign = _sign(record)[0] if record.by is None else " "
        return f"{height:>5} {sign} {record.kind + ' ':<13}{clip(self.words(height), 200)}"

    def words(self, height: int) -> str:
        """What one record says."""
        record = self._world.records[height]
        match record.kind:
            case "genesis":
                return f"{record['world']}, manifest {canon.hash_text(record['manifest'])[:19]}"
            case "event":
                return self._event(height, record)
            case "receipt":
                return self._receipt(height, record)
            case "step":
                verb = "changes" if record["before"] != record["after"] else "stays as it is"
                key = self._reader.fields(height).get("key")
                return f"{short_name(record['reducer'])}{_key(key)} {verb}"
            case "plan_started":
                return f"{self._instance(record, height)} starts"
            case "plan_step":
                states = {"waiting": "waits", "failed": "fails", "skipped": "is skipped"}
                state = states.get(record["state"], record["state"])
                return f"{self._instance(record, height)}: {record['step']} {state}"
            case "plan_ended":
                return self._ended(height, record)
            case "decision":
                return _decision(record)
            case "intent":
                n = self._number(record["hash"], height)
                params = self._reader.fields(height)["params"]
                return f"{n}: {asks_for(record['kind'], params)}"
            case "fault":
                return f"{record['code']}: {self._world.detail(height)} (nothing changed)"
            case "manifest_replaced":
                return f"goes on with other {', '.join(record['changed']) or 'settings'}"
        return record.kind

    def _event(self, height: int, record: Record) -> str:
        fields = self._reader.fields(height)
        tag = _tag(fields["value"])
        key = record.get("key")
        shown = "" if key is None else _key(key_text(key))
        return f"{short_name(record['schema'])}{f' {tag}' if tag else ''}{shown}"

    def _receipt(self, height: int, record: Record) -> str:
        name = self._number(record["intent"], height)
        said = answers(self._reader.fields(height)["payload"])
        came = self._world.history.outcome(height) or record["outcome"]
        outcome = "" if came == "settled" else f"{came}, "
        return f"for {name}: {outcome}{record['status']}, {said}"

    def _number(self, intent: bytes, height: int) -> str:
        asked = self._world.history.asked(intent, height)
        return canon.hash_text(intent)[:19] if asked is None else str(asked.n)

    def _ended(self, height: int, record: Record) -> str:
        name = self._instance(record, height)
        if record["status"] == "ok":
            return f"{name} ends well"
        text = self._world.detail(height)
        return f"{name} fails: {record.get('error_code')}{f', {text}' if text else ''}"

    def _instance(self, record: Record, height: int) -> str:
        started = self._world.history.instance(record["instance"], height)
        if started is None:
            return canon.hash_text(record["instance"])[:19]
        return f"{short_name(started.plan)} #{started.number}"

    def details(self, height: int, width: int) -> Iterator[Text]:
        """What belongs to one record: an event's value, what a step changed, a plan's result."""
        record = self._world.records[height]
        match record.kind:
            case "event" if record.by is None:
                value = self._reader.fields(height)["value"]
                tag = _tag(value)
                if value != tag:  # an arm without payload has said all
                    inside = value[tag] if tag and isinstance(value, dict) else value
                    yield from _parts(NOTHING, inside, width)
            case "step":
                yield from self._changes(height, record, width)
            case "plan_ended" if record.get("result") is not None:
                yield from _parts(NOTHING, self._reader.fields(height)["result"], width)

    def _changes(self, height: int, record: Record, width: int) -> Iterator[Text]:
        reducer, cell = record["reducer"], record.get("key") or b""
        old, new = (self._world.at(at) for at in (height - 1, height))
        datas = old.state_bytes(reducer, cell), new.state_bytes(reducer, cell)
        before, after = (
            NOTHING if data is None else view.decode_state(reducer, data)
            for view, data in zip((old, new), datas, strict=True)
        )
        if after is not NOTHING:
            yield from _parts(before, after, width)
        elif before is not NOTHING:
            yield Text(f"{GAP}  deleted")


def _is_told(record: Record) -> bool:
    """Steps that are done show in what they lead to, and what was allowed in what was asked."""
    match record.kind:
        case "plan_step":
            return bool(record["state"] in ("waiting", "failed"))
        case "decision":
            return "deny" in (record["cap"], record.get("policy"))
    return True


def _verb(record: Record) -> str:
    """What stands before a record's words where no column names its kind."""
    match record.kind:
        case "event":
            return "event " if record.by is None else "raises "
        case "plan_started" | "plan_step" | "plan_ended":
            return "plan "
        case "intent":
            return "asks "
        case "receipt" | "fault":
            return f"{record.kind} "
    return ""


def _sign(record: Record) -> tuple[str, str]:
    """(one character, style)"""
    match record.kind:
        case "event" | "manifest_replaced" if record.by is None:
            return "▸", "bold cyan"
        case "receipt":
            return "◂", "bold cyan" if record["outcome"] == "settled" else "yellow"
        case "step":
            return "∆", ""
        case "plan_step":
            return ("✗", "red") if record["state"] == "failed" else ("◷", "")
        case "plan_ended":
            return ("✓", "green") if record["status"] == "ok" else ("✗", "red")
        case "intent":
            return "◌", "yellow"
        case "fault" | "decision":
            return "✗", "red"
    return " ", ""


def _decision(record: Record) -> str:
    allowed = "deny" not in (record["cap"], record.get("policy"))
    why = "" if record.get("code") is None else f": {record['code']}"
    return f"{'allowed' if allowed else 'denied'} under {record['grant']}{why}"


def _tag(value: Any) -> str | None:
    """The arm of a variant, as host JSON shows it; a record of one field is not told apart."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (tag,) = value
        return str(tag) if tag[:1].isupper() else None
    return None


def _key(key: Any) -> str:
    return "" if key is None else f" [{plainly(key, 40)}]"
