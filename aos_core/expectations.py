"""What a scenario expects of a world, looked at one by one (docs/scenarios.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_core import canon
from aos_core.adapters.prepared import facts
from aos_core.air.codec import Codec, RecordCodec, VariantCodec
from aos_core.air.misfit import Misfit
from aos_core.errors import CanonError
from aos_core.history import Started
from aos_core.scenario_file import Expect
from aos_core.world import World


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must hold, and whether it does; ``text`` then says what was found."""

    ok: bool
    text: str


def check(world: World, expect: Expect, when: str) -> list[Expectation]:
    """Whether a world is as expected, ``when`` (as in "at the end"); ``order_free`` is not looked
    at here. Raises :class:`UsageError` for a reducer that the world does not have."""
    found: list[Expectation] = []
    if expect.pending is not None:
        count = len(world.pending)
        text = f"{when}: {expect.pending} pending"
        found.append(_expectation(count == expect.pending, text, count))
    if expect.root is not None:
        root = canon.hash_text(world.root)
        found.append(_expectation(root == expect.root, f"{when}: root {expect.root}", root))
    for reducer, wanted in expect.cells.items():
        count = _cells(world, reducer)
        text = f"{when}: {wanted} {'cell' if wanted == 1 else 'cells'} of {reducer}"
        found.append(_expectation(count == wanted, text, count))
    for reducer, wanted in (expect.state or {}).items():
        found.extend(_check_state(world, reducer, wanted, when))
    if expect.effects:
        asked = [facts(item.intent) for item in world.history.all_asked()]
        found.extend(_check_count(asked, match, when, "effect") for match in expect.effects)
    if expect.plans:
        plans = [_plan_facts(plan) for plan in world.history.plans(world.height)]
        found.extend(_check_count(plans, match, when, "plan") for match in expect.plans)
    return found


def _plan_facts(plan: Started) -> dict[str, Any]:
    """What an expectation can say of a plan instance; ``code`` is that of its error."""
    return {"plan": plan.plan, "status": plan.status, "code": plan.error}


def _expectation(ok: bool, text: str, found: object) -> Expectation:
    return Expectation(ok, text if ok else f"{text}; found {found}")


def _cells(world: World, reducer: str) -> int:
    """How many states a reducer has; one without key has one at most."""
    view = world.at(world.height)
    state = view.state(reducer)
    if view.program.modules[reducer].key_schema is None:
        return int(state is not None)
    return len(state)


def _check_state(world: World, reducer: str, wanted: Any, when: str) -> Iterator[Expectation]:
    """One expectation for every part of a state that is expected; of a keyed reducer, by key."""
    view = world.at(world.height)
    found = view.state(reducer)
    module = view.program.modules[reducer]
    codec = view.program.schemas[module.abi["state"]].codec
    cells = [(reducer, wanted, found)]
    if module.key_schema is not None and isinstance(wanted, dict):
        cells = [(f"{reducer}[{key}]", of, found.get(key)) for key, of in wanted.items()]
    for where, of, cell in cells:
        for path, part, there, ok in _compare(codec, of, cell):
            at = 0 if ok else _first_difference(_text(part), _text(there))
            text = f"{when}: {where}{path} = {_short(part, at)}"
            yield _expectation(ok, text, _short(there, at))


def _compare(
    codec: Codec, wanted: Any, found: Any, path: str = ""
) -> Iterator[tuple[str, Any, Any, bool]]:
    """(path, wanted, found, ok) of each part that is expected; records may be given in part."""
    if isinstance(codec, RecordCodec) and isinstance(wanted, dict) and isinstance(found, dict):
        for name, part in wanted.items():
            if name in codec.fields:
                yield from _compare(codec.fields[name], part, found.get(name), f"{path}.{name}")
            else:
                yield f"{path}.{name}", part, f"no such field of {', '.join(codec.authored)}", False
    elif isinstance(codec, VariantCodec) and _same_arm(wanted, found):
        ((tag, part),) = wanted.items()
        yield from _compare(codec.arms[tag], part, found[tag], f"{path}.{tag}")
    else:
        yield path, wanted, found, _equal(codec, wanted, found)


def _same_arm(wanted: Any, found: Any) -> bool:
    both = isinstance(wanted, dict) and isinstance(found, dict)
    return both and len(wanted) == 1 and wanted.keys() == found.keys()


def _equal(codec: Codec, wanted: Any, found: Any) -> bool:
    """Whether two host values are the same once they are normalised."""
    try:
        return _normal(codec, wanted) == _normal(codec, found)
    except (Misfit, CanonError):
        return False


def _normal(codec: Codec, host: Any) -> bytes:
    return canon.encode_plain(codec.normalise(codec.from_host(host)))


def _text(value: Any) -> str:
    no_field = isinstance(value, str) and value.startswith("no such field")
    return str(value) if no_field else json.dumps(value, ensure_ascii=False, default=str)


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _short(value: Any, at: int = 0) -> str:
    """At most 60 characters of a value, of which ``at`` is to be seen."""
    text = _text(value)
    begin = max(0, min(at - 20, len(text) - 56))
    if len(text) <= 60 or begin <= 3:
        begin = 0
    shown = text[begin:] if begin == 0 else "..." + text[begin:]
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _check_count(
    all_found: Sequence[Mapping[str, Any]], match: Mapping[str, Any], when: str, noun: str
) -> Expectation:
    """Whether such effects were asked for, or such plans were started: ``count`` times where it
    is given, else at all."""
    wanted = {name: of for name, of in match.items() if name != "count"}
    count = sum(all(found.get(name) == of for name, of in wanted.items()) for found in all_found)
    name = " ".join(map(str, wanted.values())) or f"any {noun}"
    if "count" in match:
        return _expectation(
            count == match["count"], f"{when}: {match['count']} times {name}", count
        )
    happened = "was asked for" if noun == "effect" else "was started"
    return _expectation(count > 0, f"{when}: {name} {happened}", "none")
