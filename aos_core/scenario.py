"""Playing scenarios: step by step into a world, or whole, with what they expect.

The command line, the app's autoplay and tests use this one player (docs/scenarios.md).
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from aos_core import canon
from aos_core.adapters.prepared import facts
from aos_core.by_hand import asked_for, broken, by_hand, bytes_of, edited, receipt_schema
from aos_core.errors import NotPending, ReadOnly, Rejected, UsageError
from aos_core.expectations import Expectation, check
from aos_core.files import WorldFiles, find_world
from aos_core.hosts import LiveHost, SimulatedHost, shuffle_key
from aos_core.kernel.records import EventInput
from aos_core.kernel.turn import Turn
from aos_core.progress import Progress, StageProgress
from aos_core.replay import Report
from aos_core.scenario_file import Scenario, Step, read_scenario
from aos_core.view import Pending
from aos_core.world import World

__all__ = [
    "Expectation",
    "Order",
    "Player",
    "Run",
    "check",
    "check_orders",
    "edited",
    "parse_order",
    "pick",
    "run_scenario",
    "shuffled",
]

STEPS_TOGETHER = 256
"""So many steps share a sync at most, where a scenario is played as a whole."""

MOST_ORDERS = 120
"""How many orders of receipts are tried where a scenario says that order must not matter."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to order each wave: as the scenario says, by ``waves`` (further waves as the scenario
    says), or shuffled by ``seed``."""

    waves: tuple[tuple[int, ...], ...] = ()
    seed: int | None = None

    @property
    def suffix(self) -> str:
        """What it adds to the name of a branch."""
        if self.seed is not None:
            return f"+seed-{self.seed}"
        return f"+{self.text}" if self.waves else ""

    @property
    def text(self) -> str:
        return "+".join(",".join(map(str, wave)) for wave in self.waves)

    def arrange(self, index: int, wave: list[Pending]) -> list[Pending]:
        """Wave ``index`` (from 0), which the scenario releases as it stands, in this order.

        Raises :class:`UsageError` where the order is about other numbers."""
        if self.seed is not None:
            return shuffled(wave, self.seed)
        if index >= len(self.waves):
            return wave
        numbers = self.waves[index]
        if sorted(numbers) != sorted(item.n for item in wave):
            given = ", ".join(str(item.n) for item in wave) or "nothing"
            raise UsageError(f"wave {index + 1} delivers {given}, not {self.text}")
        return pick(wave, numbers)


class Arranger(Protocol):
    """Puts waves in order: :class:`Order`, :class:`Positions`."""

    def arrange(self, index: int, wave: list[Pending]) -> list[Pending]:
        """Wave ``index``, from 0, in the order of its delivery."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Waves by permutations of their positions, whatever numbers the intents have; a wave that
    has another length stays as it is."""

    waves: tuple[tuple[int, ...], ...]

    def arrange(self, index: int, wave: list[Pending]) -> list[Pending]:
        order = self.waves[index] if index < len(self.waves) else ()
        return [wave[at] for at in order] if len(order) == len(wave) else wave


def parse_order(text: str) -> Order:
    """``2,3,1`` or ``2,3,1+1,2``. Raises :class:`UsageError`."""
    try:
        waves = tuple(tuple(int(n) for n in wave.split(",")) for wave in text.split("+"))
    except ValueError:
        raise UsageError(f"{text!r} is no order", hint="for example 2,3,1 or 2,3,1+1,2") from None
    if any(len(set(wave)) != len(wave) or min(wave) < 1 for wave in waves):
        raise UsageError(f"{text!r} is no order: numbers from 1, each once a wave")
    return Order(waves)


class Player:
    """Plays a scenario into a world, from step ``begin`` on; without it, after the last step that
    the branch names as a source.

    ``expectations`` are those of the steps played, ``waves`` how many receipts each release
    delivered."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        order: Arranger | None = None,
        begin: int | None = None,
    ) -> None:
        self.world, self.scenario, self.order = world, scenario, order or Order()
        self.expectations: list[Expectation] = []
        self.waves: list[int] = []
        self._next = _after_the_last(world, scenario) if begin is None else begin

    @property
    def next_step(self) -> Step | None:
        """The step that is played next, or None at the end."""
        steps = self.scenario.steps
        return steps[self._next] if self._next < len(steps) else None

    @property
    def finds_nothing(self) -> bool:
        """Whether the next step takes of what is pending and nothing is: it was settled before by
        other means."""
        step = self.next_step
        if step is None or self.world.pending:
            return False
        delivers = step.verb == "deliver" and "n" in step.value
        return delivers or step.verb in ("release", "break")

    def pass_over(self) -> None:
        """Go past the next step without playing it."""
        self._next += 1

    def describe(self, step: Step) -> str:
        """A step in a few words."""
        match step.verb:
            case "fire":
                value = step.value.get("value")
                tag = next(iter(value), "") if isinstance(value, dict) else value
                tag = tag if isinstance(tag, str) else ""
                return f"fire {step.value['schema']} {tag}".rstrip()
            case "release":
                numbers = isinstance(step.value, list)
                if isinstance(step.value, dict):
                    return f"release {' '.join(map(str, step.value.values()))}"
                return f"release {', '.join(map(str, step.value)) if numbers else step.value}"
            case "break":
                return f"break {step.value['n']}: {step.value['fault']}"
            case "deliver":
                return f"deliver {step.value.get('n', 'a late receipt')} by hand"
            case "advance_ns":
                return f"advance {step.value} ns"
            case _:
                return step.verb if step.verb == "expect" else f"{step.verb} {_paths(step.value)}"

    def play_step(self) -> list[Turn]:
        """Play the next step. Raises :class:`UsageError` at the end, and what its input raises;
        then it is not counted as played."""
        return list(self.step_turns())

    def step_turns(self) -> Iterator[Turn]:
        """The turns of the next step, one after the other, so that a person can follow."""
        step = self.next_step
        if step is None:
            raise UsageError("the scenario is at its end", hint="begin it anew on a new branch")
        with self._own_clock():
            yield from self._turns(step)
        self._next = step.index + 1

    @contextmanager
    def _own_clock(self) -> Iterator[None]:
        """A scenario's steps come at its own time with its own entropy, on a live branch too: what
        it expects of them holds wherever it is played."""
        host, scenario = self.world.host, self.scenario
        if isinstance(host, LiveHost):
            self.world.host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
        try:
            yield
        finally:
            self.world.host = host

    def play(self, progress: Progress | None = None) -> None:
        """Play to the end, then check what the scenario expects of it. Steps share syncs.

        ``progress`` counts steps, between two of them; where it, or a step, breaks this off, what
        was played before is durable. Raises as :meth:`play_step`."""
        total = len(self.scenario.steps)
        while self.next_step is not None:
            with self.world.group():
                for _ in range(min(STEPS_TOGETHER, total - self._next)):
                    self.play_step()
                    if progress is not None:
                        progress(self._next, total)
        self.expectations.extend(check(self.world, self.scenario.expect, "at the end"))

    def _turns(self, step: Step) -> Iterator[Turn]:
        world, source, stamps = self.world, self._source(step), step.stamps
        match step.verb:
            case "fire":
                yield self._fire(step.value, source, stamps)
            case "release":
                wave = self.order.arrange(len(self.waves), self._chosen(step))
                receipts = [item.answer() for item in wave]  # all of them, before the first goes
                self.waves.append(len(wave))
                for receipt in receipts:
                    yield world.deliver(receipt, source=source, stamps=stamps)
            case "break":
                yield from self._break(step, source, stamps)
            case "deliver":
                yield self._deliver(step.value, source, stamps)
            case "advance_ns":
                world.advance(step.value)
            case "swap":
                of = step.value
                paths = of if isinstance(of, dict) else {self._only_module(): of}
                wasm = {name: self._read(path) for name, path in paths.items()}
                yield world.swap(wasm=wasm, source=source, stamps=stamps)
            case "expect":
                self.expectations.extend(check(world, step.value, f"after step {step.index}"))

    def _source(self, step: Step) -> Mapping[str, Any] | None:
        if step.source is not None:
            return step.source or None
        return {"scenario": self.scenario.name, "step": step.index}

    def _fire(self, of: Any, source: Mapping[str, Any] | None, stamps: Mapping[str, Any]) -> Turn:
        schema, key = of["schema"], of.get("key")
        if "value" in of:
            return self.world.fire(schema, of["value"], key=key, source=source, stamps=stamps)
        value = base64.b64decode(of["value_b64"])
        event = EventInput(schema=schema, value=value, key=bytes_of(key, "key"))
        return self.world.submit(event, source=source, stamps=stamps)

    def _deliver(
        self, of: Any, source: Mapping[str, Any] | None, stamps: Mapping[str, Any]
    ) -> Turn:
        world, raw = self.world, of["receipt"].get("payload_b64")
        if "n" in of:
            (item,) = pick(world.pending, [of["n"]])
            receipt = edited(item, of["receipt"])
        else:
            asked = asked_for(world, of["intent"])
            receipt = by_hand(asked.hash, receipt_schema(asked, world.program_of), of["receipt"])
        input = receipt.to_input(late="n" not in of)
        if raw is None or input.payload == (data := base64.b64decode(raw)):
            return world.deliver(receipt, source=source, stamps=stamps)
        return world.submit(replace(input, payload=data), source=source, stamps=stamps)

    def _chosen(self, step: Step) -> list[Pending]:
        """What a release step delivers, in the order it says."""
        pending = self.world.pending
        match step.value:
            case "shuffle":
                return shuffled(pending, self.scenario.seed)
            case list() as numbers:
                return pick(pending, numbers)
            case dict() as match:
                found = [item for item in pending if _fits(match, item)]
                if not found:
                    wanted = " and ".join(f"{name} {of}" for name, of in match.items())
                    kinds = ", ".join(sorted({item.intent.kind for item in pending})) or "nothing"
                    raise NotPending(
                        f"step {step.index}: nothing pending has {wanted}", hint=f"pending: {kinds}"
                    )
                return found
        return pending

    def _break(
        self, step: Step, source: Mapping[str, Any] | None, stamps: Mapping[str, Any]
    ) -> Iterator[Turn]:
        (item,) = pick(self.world.pending, [step.value["n"]])
        fault = step.value["fault"]
        try:
            yield from broken(self.world, item, fault, source=source, stamps=stamps)
        except Rejected:
            if fault != "malformed":
                raise

    def _read(self, path: str) -> bytes:
        file = self.world.files.home / path
        try:
            return file.read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", file=file) from error

    def _only_module(self) -> str:
        names = [name for name in self.world.program.modules if not name.startswith("sys/")]
        if len(names) != 1:
            raise UsageError("swap needs a world with one module of its own")
        return names[0]


def _after_the_last(world: World, scenario: Scenario) -> int:
    """The index after the last step of ``scenario`` that an input of the branch came from."""
    return world.history.last_step(scenario.name) + 1


def _paths(swap: str | Mapping[str, str]) -> str:
    return swap if isinstance(swap, str) else ", ".join(swap.values())


def pick(pending: Sequence[Pending], numbers: Sequence[Any]) -> list[Pending]:
    """The pending intents of these numbers or hash prefixes, in that order.

    Raises :class:`NotPending` for one that is not.
    """
    found = []
    for number in numbers:
        item = next((item for item in pending if _is_called(item, str(number))), None)
        if item is None:
            known = ", ".join(str(item.n) for item in pending) or "nothing"
            raise NotPending(f"there is no pending intent {number}", hint=f"pending: {known}")
        found.append(item)
    return found


def _is_called(item: Pending, name: str) -> bool:
    if name.isdecimal() and len(name) < 6:
        return item.n == int(name)
    return item.intent_hash.hex().startswith(name.removeprefix("sha256:"))


def shuffled(pending: Sequence[Pending], seed: int) -> list[Pending]:
    """In the order of a seed (journal-format.md, 8)."""
    return sorted(pending, key=lambda item: shuffle_key(seed, item.intent_hash))


def _fits(match: Mapping[str, Any], item: Pending) -> bool:
    found = facts(item.intent)
    return all(found.get(name) == value for name, value in match.items())


# -- whole runs -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario, played to its end. ``states`` is host JSON by reducer."""

    world: World = field(repr=False)
    scenario: Scenario
    expectations: tuple[Expectation, ...]
    report: Report

    @property
    def ok(self) -> bool:
        return self.report.ok and all(item.ok for item in self.expectations)

    def to_json(self) -> dict[str, Any]:
        """As ``aos run --json`` prints it."""
        world = self.world
        view = world.at(world.height)
        return {
            "world": world.files.config.name,
            "scenario": self.scenario.name,
            "branch": world.branch,
            "height": world.height,
            "root": canon.hash_text(world.root),
            "head": canon.hash_text(world.head),
            "states": view.states(),
            "pending": len(view.pending),
            "expectations": [{"ok": item.ok, "text": item.text} for item in self.expectations],
            "verified": self.report.ok,
        }


def run_scenario(
    path: str | Path,
    played: str | Scenario,
    *,
    order: Order | None = None,
    memory: bool = False,
    progress: StageProgress | None = None,
    fast: bool = False,
) -> Run:
    """Play a scenario, one of the world's by its name or one that lies in no file of it, into the
    branch named after it, which starts empty; check and verify it.

    The caller closes ``run.world``. ``progress`` counts steps played, orders tried and frames
    verified; where it breaks this off, what was played is durable. ``fast`` as in
    :meth:`World.open`. Raises what opening a world and its inputs raise.
    """
    order = order or Order()
    files = WorldFiles.read(find_world(str(path)))
    scenario = read_scenario(files.scenario_path(played)) if isinstance(played, str) else played
    playing, trying, verifying = (
        None if progress is None else partial(progress, f"{scenario.name}: {what}")
        for what in ("steps", "orders", "verifying")
    )
    _need_waves(scenario, order)
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    branch = f"{scenario.name}{order.suffix}"
    world = World.anew(path, branch, memory=memory, scenario=scenario, host=host, fast=fast)
    try:
        base = world.twin()
        player = Player(world, scenario, order)
        player.play(playing)
        expectations = list(player.expectations)
        if scenario.expect.order_free:
            expectations.append(check_orders(base, scenario, player.waves, world.root, trying))
        return Run(world, scenario, tuple(expectations), world.verify(progress=verifying))
    except (Rejected, UsageError) as error:
        # Half a run in an order that there is not is of no use to anybody; what was played before a
        # step that does not fit is.
        if isinstance(error, ReadOnly) or (world.has_own and not order.waves):
            world.close()
        else:
            world.withdraw()
        raise
    except BaseException:
        world.close()
        raise


def _need_waves(scenario: Scenario, order: Order) -> None:
    """Raise :class:`UsageError` where an order is about more waves than a scenario has."""
    count = sum(step.verb == "release" for step in scenario.steps)
    if len(order.waves) > count:
        raise UsageError(
            f"{order.text} orders {len(order.waves)} waves, but {scenario.name} releases {count}",
            hint="a wave is what one release step delivers",
        )


def check_orders(
    base: World,
    scenario: Scenario,
    waves: Sequence[int],
    root: bytes,
    progress: Progress | None = None,
) -> Expectation:
    """Whether every order within each wave ends in ``root``: all orders up to 120, else 120 by
    seed. ``base``: the world at genesis, in memory. ``waves``: how many receipts each has."""
    start = Player(base.fork(0, "before-the-waves"), scenario)
    while start.next_step is not None and start.next_step.verb != "release":
        start.play_step()  # the same in every order, so it is played once
    total = math.prod(math.factorial(length) for length in waves)
    orders = list(_orders(waves)) if total <= MOST_ORDERS else _seeded(scenario.seed)
    for index, (name, order) in enumerate(orders):
        try:
            found = canon.hash_text(_play_order(start, order, f"order-{index}"))
        except (Rejected, UsageError) as error:
            found = f"an error: {error.message}"
        if found != canon.hash_text(root):
            return Expectation(False, f"order free: order {name} ends in {found}")
        if progress is not None:
            progress(index + 1, len(orders))
    many = str(total) if total < 10**9 else f"some 10^{len(str(total)) - 1}"
    which = f"all {total} orders" if total <= MOST_ORDERS else f"{len(orders)} of {many} orders"
    return Expectation(True, f"order free: {which} end in one root")


def _play_order(start: Player, order: Arranger, branch: str) -> bytes:
    """The root that a scenario ends in, its waves in an order, from where ``start`` stands."""
    step = start.next_step
    with start.world.fork(start.world.height, branch) as world:
        player = Player(world, start.scenario, order, None if step is None else step.index)
        while player.next_step is not None:
            player.play_step()
        return world.root


def _orders(waves: Sequence[int]) -> Iterator[tuple[str, Arranger]]:
    """Every order of every wave, named by positions from 1."""
    for chosen in itertools.product(*(itertools.permutations(range(n)) for n in waves)):
        yield "+".join(",".join(str(at + 1) for at in wave) for wave in chosen), Positions(chosen)


def _seeded(seed: int) -> list[tuple[str, Arranger]]:
    return [(f"of seed {of}", Order(seed=of)) for of in range(seed, seed + MOST_ORDERS)]
