"""Playing scenarios: step by step into a world, or whole, with what they expect.

The command line, the app's autoplay and tests use this one player (world-files.md, *Scenario*).
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.adapters.prepared import break_receipt
from aos_core.adapters.receipt import Receipt
from aos_core.air.codec import Codec, Misfit, RecordCodec, VariantCodec
from aos_core.errors import Rejected, UsageError, ValueRejected
from aos_core.hosts import SimulatedHost, shuffle_key
from aos_core.kernel.turn import Turn
from aos_core.replay import Report
from aos_core.scenario_file import Expect, Scenario, Step
from aos_core.view import Pending
from aos_core.world import World

MOST_ORDERS = 120
"""How many orders of receipts are tried where a scenario says that order must not matter."""

Waves = Sequence[Sequence[int]]
"""Numbers of pending intents in the order of delivery, wave by wave."""


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


def parse_order(text: str) -> Order:
    """``2,3,1`` or ``2,3,1+1,2``. Raises :class:`UsageError`."""
    try:
        waves = tuple(tuple(int(n) for n in wave.split(",")) for wave in text.split("+"))
    except ValueError:
        raise UsageError(f"{text!r} is no order", hint="for example 2,3,1 or 2,3,1+1,2") from None
    if any(len(set(wave)) != len(wave) or min(wave) < 1 for wave in waves):
        raise UsageError(f"{text!r} is no order: numbers from 1, each once a wave")
    return Order(waves)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must hold, and whether it does."""

    ok: bool
    text: str


class Player:
    """Plays a scenario into a world; goes on after the last step its branch names as a source."""

    def __init__(self, world: World, scenario: Scenario, order: Order | None = None) -> None:
        self.world, self.scenario, self.order = world, scenario, order or Order()
        self.expectations: list[Expectation] = []
        self.waves: list[tuple[int, ...]] = []
        played = [
            source["step"]
            for source in world.history.sources
            if source.get("scenario") == scenario.name
        ]
        self._next = max(played, default=-1) + 1

    @property
    def next_step(self) -> Step | None:
        """The step that is played next, or None at the end."""
        steps = self.scenario.steps
        return steps[self._next] if self._next < len(steps) else None

    def describe(self, step: Step) -> str:
        """A step in a few words."""
        match step.verb:
            case "fire":
                value = step.value["value"]
                tag = value if isinstance(value, str) else next(iter(value), "") if value else ""
                return f"fire {step.value['schema']} {tag}".rstrip()
            case "release":
                numbers = isinstance(step.value, list)
                return f"release {', '.join(map(str, step.value)) if numbers else step.value}"
            case "break":
                return f"break {step.value['n']}: {step.value['fault']}"
            case "deliver":
                return f"deliver {step.value['n']} by hand"
            case "advance_ns":
                return f"advance {step.value} ns"
            case _:
                return step.verb if step.verb == "expect" else f"{step.verb} {step.value}"

    def play_step(self) -> list[Turn]:
        """Play the next step. Raises :class:`UsageError` at the end, and what its input raises;
        then it is not counted as played."""
        return list(self.step_turns())

    def step_turns(self) -> Iterator[Turn]:
        """The turns of the next step, one after the other, so that a person can follow."""
        step = self.next_step
        if step is None:
            raise UsageError("the scenario is at its end", hint="begin it anew on a new branch")
        yield from self._turns(step)
        self._next = step.index + 1

    def play(self) -> None:
        """Play to the end, then check what the scenario expects of it."""
        while self.next_step is not None:
            self.play_step()
        self.expectations.extend(check(self.world, self.scenario.expect, "at the end"))

    def _turns(self, step: Step) -> Iterator[Turn]:
        world, source, stamps = self.world, self._source(step), _stamps(step)
        match step.verb:
            case "fire":
                of = step.value
                yield world.fire(
                    of["schema"], of["value"], key=of.get("key"), source=source, stamps=stamps
                )
            case "release":
                wave = self._wave(step)
                self.waves.append(tuple(item.n for item in wave))
                for item in wave:
                    yield world.deliver(item.answer(), source=source, stamps=stamps)
            case "break":
                yield from self._break(step, source, stamps)
            case "deliver":
                receipt = self._edited(step)
                yield world.deliver(receipt, source=source, stamps=stamps)
            case "advance_ns":
                world.advance(step.value)
            case "swap":
                wasm = (world.files.root / step.value).read_bytes()
                yield world.swap(wasm={self._only_module(): wasm}, source=source)
            case "expect":
                self.expectations.extend(check(world, step.value, f"after step {step.index}"))

    def _source(self, step: Step) -> dict[str, Any]:
        return {"scenario": self.scenario.name, "step": step.index}

    def _wave(self, step: Step) -> list[Pending]:
        """What a release step delivers, in order."""
        pending = self.world.pending
        wave = self._chosen(step, pending)
        if self.order.seed is not None:
            return shuffled(wave, self.order.seed)
        index = len(self.waves)
        if index < len(self.order.waves):
            numbers = self.order.waves[index]
            if sorted(numbers) != sorted(item.n for item in wave):
                given = ", ".join(str(item.n) for item in wave)
                raise UsageError(f"wave {index + 1} delivers {given}, not {list(numbers)}")
            return pick(wave, numbers)
        return wave

    def _chosen(self, step: Step, pending: list[Pending]) -> list[Pending]:
        match step.value:
            case "all":
                return pending
            case "shuffle":
                return shuffled(pending, self.scenario.seed)
            case list() as numbers:
                return pick(pending, numbers)
            case dict() as match:
                return [item for item in pending if _fits(match, item)]
        raise UsageError(f"release takes numbers, all, shuffle or a match, not {step.value!r}")

    def _break(
        self, step: Step, source: Mapping[str, Any], stamps: Mapping[str, Any]
    ) -> Iterator[Turn]:
        (item,) = pick(self.world.pending, [step.value["n"]])
        receipts = break_receipt(step.value["fault"], item.answer(), item.intent, item.schema)
        for receipt in receipts:
            try:
                yield self.world.deliver(receipt, source=source, stamps=stamps)
            except Rejected:
                if step.value["fault"] != "malformed":
                    raise

    def _edited(self, step: Step) -> Receipt:
        (item,) = pick(self.world.pending, [step.value["n"]])
        return edited(item, step.value["receipt"])

    def _only_module(self) -> str:
        names = [name for name in self.world.program.modules if not name.startswith("sys/")]
        if len(names) != 1:
            raise UsageError("swap needs a world with one module of its own")
        return names[0]


def edited(item: Pending, receipt: Any) -> Receipt:
    """The receipt of host JSON ``{status?, payload, cost_cents?}`` for a pending intent.

    Raises :class:`UsageError` or :class:`ValueRejected` where it does not fit.
    """
    if not isinstance(receipt, Mapping) or not {"payload"} <= set(receipt) <= {
        "status",
        "payload",
        "cost_cents",
    }:
        raise ValueRejected(
            "a receipt is {status, payload, cost_cents}", path="$",
            hint='for example {"status": "ok", "payload": {..}}; `aos pending --json` shows one',
        )  # fmt: skip
    payload = item.schema.from_host(receipt["payload"])
    status = receipt.get("status", "ok")
    return Receipt(item.intent_hash, status, payload, "edited", receipt.get("cost_cents"))


def pick(pending: Sequence[Pending], numbers: Sequence[Any]) -> list[Pending]:
    """The pending intents of these numbers or hash prefixes, in that order.

    Raises :class:`UsageError` for one that is not pending.
    """
    found = []
    for number in numbers:
        item = next((item for item in pending if _is_called(item, str(number))), None)
        if item is None:
            known = ", ".join(str(item.n) for item in pending) or "nothing"
            raise UsageError(f"there is no pending intent {number}", hint=f"pending: {known}")
        found.append(item)
    return found


def _is_called(item: Pending, name: str) -> bool:
    if name.isdecimal() and len(name) < 6:
        return item.n == int(name)
    return item.intent_hash.hex().startswith(name.removeprefix("sha256:"))


def shuffled(pending: Sequence[Pending], seed: int) -> list[Pending]:
    """In the order of a seed (journal.md)."""
    return sorted(pending, key=lambda item: shuffle_key(seed, item.intent_hash))


def _fits(match: Mapping[str, Any], item: Pending) -> bool:
    found = {"kind": item.kind, "cap": item.cap, **item.origin}
    found |= item.params if isinstance(item.params, dict) else {}
    return all(found.get(name) == value for name, value in match.items())


def _stamps(step: Step) -> dict[str, Any]:
    stamps = dict(step.stamps)
    if "entropy_b64" in stamps:
        stamps["entropy"] = base64.b64decode(stamps.pop("entropy_b64"))
    return stamps


# -- expectations ---------------------------------------------------------------------------


def check(world: World, expect: Expect, when: str) -> list[Expectation]:
    """Whether a world is as expected; order is not looked at here."""
    found = []
    if expect.pending is not None:
        count = len(world.pending)
        found.append(
            _expectation(count == expect.pending, f"{when}: {expect.pending} pending", str(count))
        )
    for reducer, wanted in (expect.state or {}).items():
        found.extend(_check_state(world, reducer, wanted, when))
    found.extend(_check_effect(world, match, when) for match in expect.effects)
    return found


def _expectation(ok: bool, text: str, found: str) -> Expectation:
    return Expectation(ok, text if ok else f"{text}; found {found}")


def _check_state(world: World, reducer: str, wanted: Any, when: str) -> Iterator[Expectation]:
    view = world.at(world.height)
    module = view.program.modules.get(reducer)
    if module is None:
        raise UsageError(f"the scenario expects a state of unknown reducer {reducer!r}")
    schema = view.program.schemas[module.abi["state"]]
    cells = view.state(reducer)
    pairs = [(None, wanted, cells)] if module.key_schema is None else [
        (key, of, (cells or {}).get(key)) for key, of in wanted.items()
    ]  # fmt: skip
    for key, of, found in pairs:
        where = reducer if key is None else f"{reducer}[{key}]"
        for path, ok, text in _subset(schema.codec, of, found, ""):
            shown = f"{when}: {where}{path} = {_short(of if not path else _part(of, path))}"
            yield _expectation(ok, shown, text)


def _part(value: Any, path: str) -> Any:
    for part in path.strip(".").split("."):
        value = value[part] if isinstance(value, dict) else value
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _subset(codec: Codec, wanted: Any, found: Any, path: str) -> Iterator[tuple[str, bool, str]]:
    """(path, ok, found) of what is expected; records may be given in part."""
    if isinstance(codec, RecordCodec) and isinstance(wanted, dict) and isinstance(found, dict):
        for name, item in wanted.items():
            if name not in codec.fields:
                yield f"{path}.{name}", False, f"no such field; known: {', '.join(codec.authored)}"
            else:
                yield from _subset(codec.fields[name], item, found[name], f"{path}.{name}")
        return
    yield path, _equal(codec, wanted, found), _short(found)


def _equal(codec: Codec, wanted: Any, found: Any) -> bool:
    """Whether a value is the expected one; both are normalised first."""
    if isinstance(codec, VariantCodec) and isinstance(wanted, dict) and isinstance(found, dict):
        ((tag, inner),) = wanted.items()
        return tag in found and all(
            ok for _, ok, _ in _subset(codec.arms[tag], inner, found[tag], "")
        )
    try:
        return _normal(codec, wanted) == _normal(codec, found)
    except Misfit:
        return False


def _normal(codec: Codec, host: Any) -> bytes:
    return canon.encode_plain(codec.normalise(codec.from_host(host)))


def _check_effect(world: World, match: Mapping[str, Any], when: str) -> Expectation:
    wanted = {name: of for name, of in match.items() if name != "count"}

    def fits(asked: Any) -> bool:
        origin = asked.intent.origin
        found = {"kind": asked.intent.kind, "cap": asked.intent.cap, origin["kind"]: origin["name"]}
        return all(found.get(name) == value for name, value in wanted.items())

    count = sum(map(fits, world.history.asked))
    name = " ".join(str(of) for of in wanted.values())
    if "count" in match:
        text = f"{when}: {match['count']} times {name}"
        return _expectation(count == match["count"], text, str(count))
    return _expectation(count > 0, f"{when}: {name} was asked for", "none")


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
    name: str,
    *,
    order: Order | None = None,
    memory: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Play a scenario into the branch named after it, which starts empty; check and verify it.

    The caller closes ``run.world``. ``progress`` counts the orders tried. Raises what opening a
    world and its inputs raise.
    """
    order = order or Order()
    base = World.open(path, memory=True, scenario=name)
    scenario = base.scenario
    assert scenario is not None
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    world = World.anew(path, f"{name}{order.suffix}", memory=memory, scenario=name, host=host)
    try:
        player = Player(world, scenario, order)
        player.play()
        expectations = list(player.expectations)
        if scenario.expect.order_free:
            expectations.append(check_orders(base, scenario, player.waves, world.root, progress))
        return Run(world, scenario, tuple(expectations), world.verify())
    except BaseException:
        world.close()
        raise
    finally:
        base.close()


def check_orders(
    base: World,
    scenario: Scenario,
    waves: Waves,
    root: bytes,
    progress: Callable[[int, int], None] | None = None,
) -> Expectation:
    """Whether every order within each wave ends in ``root``: all orders up to 120, else 120 by
    seed. ``base``: the world at genesis, in memory."""
    total = math.prod(math.factorial(len(wave)) for wave in waves)
    orders = list(_orders(waves)) if total <= MOST_ORDERS else _seeded(scenario.seed)
    for index, order in enumerate(orders):
        with base.fork(0, f"order-{index}") as world:
            world.host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
            player = Player(world, scenario, order)
            while player.next_step is not None:
                player.play_step()
            if world.root != root:
                name = order.text or f"seed {order.seed}"
                found = canon.hash_text(world.root)
                return Expectation(False, f"order free: order {name} ends in {found}")
        if progress is not None:
            progress(index + 1, len(orders))
    which = f"all {total} orders" if total <= MOST_ORDERS else f"{len(orders)} of {total} orders"
    return Expectation(True, f"order free: {which} end in one root")


def _orders(waves: Waves) -> Iterator[Order]:
    for chosen in itertools.product(*(itertools.permutations(wave) for wave in waves)):
        yield Order(tuple(tuple(wave) for wave in chosen))


def _seeded(seed: int) -> list[Order]:
    return [Order(seed=seed + n) for n in range(MOST_ORDERS)]
