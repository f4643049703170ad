"""``fire``, ``pending``, ``release``: a world's way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core import canon
from aos_core.cli import completion
from aos_core.cli.opening import (
    example_event,
    exit_code,
    leave_no_trace,
    open_world,
    program_of,
    read_json,
)
from aos_core.cli.options import (
    HERE,
    INTERRUPTED,
    Branch,
    GivenWorld,
    OptionalWorld,
    OrderText,
    ScenarioName,
    Seed,
    command,
)
from aos_core.cli.output import Out
from aos_core.errors import UsageError, ValueRejected
from aos_core.files import WorldFiles, find_world

if TYPE_CHECKING:
    from aos_core.kernel.turn import Turn
    from aos_core.view import Pending
    from aos_core.world import World

commands = typer.Typer()

FAULTED = 1
RECEIPT = '{"status": "ok", "payload": {..}}; `aos pending --json` shows payloads that fit'

Schema = Annotated[
    str,
    typer.Argument(metavar="SCHEMA", help="The event's schema.", autocompletion=completion.schemas),
]
Value = Annotated[
    str,
    typer.Argument(metavar="VALUE_JSON", help="Its value; - reads one a line from stdin."),
]
EventKey = Annotated[
    str | None,
    typer.Option("--key", metavar="TEXT", help="The event's key.", show_default=False),
]


@command(commands, "fire")
def fire(
    out: Out,
    world: GivenWorld,
    schema: Schema,
    value: Value,
    key: EventKey = None,
    branch: Branch = "main",
    scenario: ScenarioName = None,
) -> int:
    """Submit an event.

    With - one a line from stdin, each acknowledged as soon as it is durable. Lines that have come
    already share a sync. An interrupt ends it between two lines and says how far it came.
    """
    if value == "-":
        from aos_core.cli.stream import fire_lines

        with open_world(out, world, branch, write=True, scenario=scenario) as opened:
            code = fire_lines(out, opened, schema, key)
            leave_no_trace(opened)
            return code
    files = WorldFiles.read(find_world(world))
    event = read_json(value, "VALUE_JSON", lambda: example_event(lambda: program_of(files), schema))
    with open_world(out, world, branch, write=True, scenario=scenario) as opened:
        try:
            made = opened.fire(schema, event, key=key)
        except ValueRejected as error:
            error.hint = (
                error.hint or f"for example {example_event(lambda: opened.program, schema)}"
            )
            raise
        if [record.kind for record in made.records] == ["event"]:
            out.notice(f"nothing listens to {schema}: no reducer, no trigger, no waiting plan")
        return _report(out, opened, [made])


def acknowledge(world: World, turns: Sequence[Turn]) -> dict[str, Any]:
    """What is durable now: ``records`` counts those of these turns, ``pending`` what is left."""
    fault = next((made for made in turns if made.fault is not None), None)
    return {
        "height": world.height,
        "root": canon.hash_text(world.root),
        "records": sum(len(made.records) for made in turns),
        "pending": world.waiting,
        **({} if fault is None else {"fault": _fault_json(fault)}),
    }


def _fault_json(made: Turn) -> dict[str, Any]:
    from aos_core.kernel.records import show_field

    assert made.fault is not None
    where = {name: show_field(name, of) for name, of in made.fault["where"].items()}
    return {"code": made.fault["code"], "where": where, "text": made.fault_text}


def summary(ack: dict[str, Any]) -> str:
    """An acknowledgement on one line, for people."""
    fault = f", fault {ack['fault']['code']}" if "fault" in ack else ""
    return f"height {ack['height']}, {ack['pending']} pending, root {ack['root'][:19]}{fault}"


def _report(out: Out, world: World, turns: Sequence[Turn]) -> int:
    ack = acknowledge(world, turns)
    if out.json:
        out.document(ack)
    else:
        from aos_core.story import Teller

        teller = Teller(world)
        first = world.height - ack["records"] + 1
        out.print(*teller.tell(first, world.height, out.console.width))
        out.text(summary(ack))
    return FAULTED if "fault" in ack else 0


@command(commands, "pending")
def pending(
    out: Out,
    world: OptionalWorld = HERE,
    branch: Branch = "main",
    scenario: ScenarioName = None,
) -> int:
    """What the world waits for."""
    with open_world(out, world, branch, scenario=scenario) as opened:
        items = opened.pending
        if out.json:
            out.document([item.to_json() for item in items])
        else:
            _show(out, items)
        return exit_code(out, opened)


def _show(out: Out, items: Sequence[Pending]) -> None:
    from rich.text import Text

    from aos_core.plain import clip, short_name
    from aos_core.words import answers, asks_for

    width = out.console.width
    for item in items:
        shown = item.to_json()
        origin = f"{short_name(item.origin['name'])} {item.origin.get('step', '')}".rstrip()
        ready = "no answer prepared: give one with --receipt"
        if shown["answer"] is not None:
            answer = shown["answer"]
            ready = clip(
                f"answer ready: {answer['status']} {answers(answer['payload'])}", width - 4
            )
        out.print(
            Text.assemble(
                (f"{item.n:>2}  ", "bold"), clip(asks_for(item.kind, item.params), width - 4)
            ),
            Text(f"    since {item.since}, by {origin}, {shown['intent_hash'][:19]}", "dim"),
            Text(f"    {ready}", "" if shown["answer"] else "yellow"),
        )
    if not items:
        out.text("nothing is pending")


Numbers = Annotated[
    list[str] | None,
    typer.Argument(metavar="N", help="Numbers or hash prefixes, as `aos pending` shows them."),
]
All = Annotated[bool, typer.Option("--all", help="Everything that is pending.")]
ReceiptJson = Annotated[
    str | None,
    typer.Option(
        "--receipt",
        metavar="JSON",
        help="This receipt instead of the prepared one: {status, payload, cost_cents}.",
        show_default=False,
    ),
]


Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Perform the effects for real, side by side; receipts come in order of arrival.",
    ),
]


@command(commands, "release")
def release(
    out: Out,
    world: OptionalWorld = HERE,
    numbers: Numbers = None,
    all: All = False,
    order: OrderText = None,
    seed: Seed = None,
    receipt: ReceiptJson = None,
    live: Live = False,
    branch: Branch = "main",
    scenario: ScenarioName = None,
) -> int:
    """Deliver receipts.

    Those the scenario has prepared, one given by hand, or live ones from the world outside.
    """
    from aos_core.scenario import edited

    if bool(numbers) == all:
        raise UsageError(
            "say which: numbers, or --all (also with --order and --seed)",
            hint="`aos pending` shows the numbers",
        )
    if not all and (order, seed) != (None, None):
        raise UsageError("--order and --seed go with --all; numbers are an order themselves")
    if live and (order, seed, receipt) != (None, None, None):
        raise UsageError("--live goes with numbers or --all: receipts come when they come")
    given = None if receipt is None else read_json(receipt, "--receipt", lambda: RECEIPT)
    with open_world(out, world, branch, write=True, scenario=scenario) as opened:
        wave = _wave(opened, numbers or [], order, seed)
        if live and wave:
            return _go_live(out, opened, wave)
        if receipt is None:
            receipts = [item.answer() for item in wave]
        elif len(wave) == 1:
            receipts = [edited(wave[0], given)]
        else:
            raise UsageError("--receipt is for one intent", hint="name one number")
        if not wave:
            raise UsageError("nothing is pending", code="nothing_pending")
        return _report(out, opened, [opened.deliver(of) for of in receipts])


def _wave(
    world: World, numbers: Sequence[str], order: str | None, seed: int | None
) -> list[Pending]:
    """What to deliver, in order."""
    from aos_core.scenario import parse_order, pick, shuffled

    if order is not None and seed is not None:
        raise UsageError("give --order or --seed, not both")
    items = world.pending
    if order is not None:
        wave = parse_order(order).waves[0]
        if sorted(wave) != [item.n for item in items]:
            known = ", ".join(str(item.n) for item in items) or "nothing"
            raise UsageError(f"--order names {order}, pending are {known}: name each once")
        return pick(items, wave)
    if seed is not None:
        return shuffled(items, seed)
    if len(set(numbers)) != len(numbers):
        raise UsageError(f"a number is given twice: {' '.join(numbers)}")
    return pick(items, numbers) if numbers else items


def _go_live(out: Out, world: World, wave: Sequence[Pending]) -> int:
    """Perform the effects; what has come by an interrupt is durable, and told."""
    from aos_core.kernel.secrets import references
    from aos_core.live import Outcome, release_live
    from aos_core.words import asks_for

    def name(item: Pending) -> str:
        return f"{item.n} {asks_for(item.kind, item.params)}"

    for item in wave:
        used = ", ".join(references(canon.decode(item.intent.params)))
        out.notice(f"live: {name(item)}" + (f" with the secret {used}" if used else ""))
    outcomes: list[Outcome] = []

    def arrived(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if outcome.turn is not None:
            out.notice(f"come: {name(outcome.item)}: {outcome.turn.records[0]['status']}")

    codes = [0]
    try:
        with out.several() as progress:
            release_live(
                world,
                wave,
                watch=lambda item, done, total: progress(name(item), done, total),
                arrived=arrived,
            )
    except KeyboardInterrupt:
        codes.append(INTERRUPTED)
        left = len(wave) - len(outcomes)
        out.notice(f"interrupted: {left} of {len(wave)} have not come and stay pending")
    turns = [of.turn for of in outcomes if of.turn is not None]
    errors = [of.error for of in outcomes if of.error is not None]
    if errors and not turns:
        raise errors[0]
    for error in errors:
        out.complain(error)
        codes.append(error.exit_code)
    if turns:
        codes.append(_report(out, world, turns))
    return max(codes)
