"""The apiary: a world unlike those that ship, driven event by event.

Two reducers share one event, four plans wait for events and receipts, a timer comes back to the
cell that asked. Every input commutes with every other that it does not depend on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aos_core.adapters.receipt import Receipt
from aos_core.view import Pending
from aos_core.world import World

PATH = Path(__file__).parent / "apiary"
HIVE, YARD = "apiary/Hive@1", "apiary/Yard@1"
A, B = "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-00000000000b"
HASH = "sha256:" + "0" * 63 + "1"
DAY = 86_400_000_000_000
YEAR = 1_767_225_600_000_000_000
"""2026-01-01 in nanoseconds"""


def inspection(hive: str = A, **fields: Any) -> dict[str, Any]:
    """An inspection as host JSON; it holds a value of every type."""
    return {
        "hive": hive,
        "at": "2026-05-01T10:00:00Z",
        "took": 60_000_000_000,
        "weight": -7,
        "price": "1.50",
        "by": "bork",
        "marks": ["blue", "a", "blue"],
        "frames": {
            "1": {"Honey": {"grams": 9, "capped": True}},
            "10": "Empty",
            "2": {"Brood": 3},
        },
        "drift": {"-1": 4, "0": 2, "100": 1},
        "helpers": {"zoe": True, "al": "false"},
        "neighbours": {B: None, A: -2},
        "photos": {HASH: {"bytes_b64": "aG9uZXk="}},
        "seal": HASH,
        "note": None,
        "queen": {"Marked": {"colour": {"Other": "green"}, "born": YEAR}},
        "rounds": [3, 1, 2],
        "blank": None,
        **fields,
    }


def treated(hive: str, dose: int, quiet: int = DAY) -> dict[str, Any]:
    return {"hive": hive, "at": YEAR, "dose": dose, "marks": [f"dose-{dose}"], "quiet": quiet}


def terms() -> dict[str, Any]:
    """Terms, as host JSON."""
    return {
        "agreed": True, "number": 2**64 - 1, "offset": -(2**63), "price": "12.50", "stamp": "ink",
        "buyer": "mill", "until": "2026-01-01T00:00:00Z", "wait": -1, "paper": HASH, "contract": A,
        "nothing": None, "tags": [], "steps": [], "by_name": {}, "by_number": [[1, "one"]],
        "by_offset": {}, "colour": "White", "queen": {"Virgin": None}, "frame": "Empty",
        "nested": {"hive": A},
    }  # fmt: skip


def wanted(batch: str, least: int = 1) -> dict[str, Any]:
    return {"batch": batch, "hives": [A, B], "least": least}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may happen to the apiary once ``ready`` holds."""

    name: str
    do: Callable[[World], object]
    ready: Callable[[World], bool] = lambda _: True


def fire(name: str, value: Any, ready: Callable[[World], bool] = lambda _: True) -> Act:
    event = f"apiary/{name}@1"
    return Act(f"{name} {value}", lambda world: world.fire(event, value), ready)


def season() -> list[Act]:
    """Two harvests that are sold, two treatments, three inspections, two watchers, a letter."""
    return [
        *(fire("Watch", {"hive": hive, "batch": of}) for hive, of in ((A, "x"), (B, "y"))),
        *(fire("HarvestWanted", wanted(batch)) for batch in "xy"),
        fire("Inspection", inspection()),
        fire("Inspection", inspection(at="2026-05-02T10:00:00Z", marks=["angry"], frames={})),
        fire("Inspection", inspection(B, note="eggs", weight=12)),
        *(fire("Treated", treated(hive, n)) for n, hive in enumerate((A, B, A), 1)),
        *(fire("Paid", paid(batch), partial(awaited, batch)) for batch in "xy"),
        fire("Letter", "dear bees"),
    ]  # fmt: skip


def paid(batch: str) -> dict[str, Any]:
    return {"batch": batch, "cents": 500, "terms": terms()}


def awaited(batch: str, world: World) -> bool:
    """Whether both who must hear of the sale of a batch listen: an event before that is lost."""
    plans = world.at(world.height).kernel_state.plans.items()
    waits = {(of.name, wait) for _, of in plans if of.input.get("batch") == batch
             for wait in of.waits.values()}  # fmt: skip
    return {("apiary/sell@1", "apiary/Paid@1"), ("apiary/watch@1", "apiary/Sold@1")} <= waits


def answers(world: World) -> list[Act]:
    """What is pending, each with its receipt; a timer fires once all who watch for it do."""
    watched = sum(1 for record in world.records if record.get("schema") == "apiary/Watch@1") == 2

    def act(item: Pending) -> Act:
        ready = watched or item.intent.kind != "timer.set"
        return Act(item.intent.kind, lambda of: of.deliver(receipt(item)), lambda _: ready)

    return [act(item) for item in world.pending]


def receipt(item: Pending, status: str = "ok", grams: int = 40) -> Receipt:
    """The receipt of a pending effect; timers have one of their own."""
    payloads: dict[str, Any] = {
        "scale.read": {"grams": grams, "at": None, "operator": {"name": "bork"}},
        "http.request": {
            "status": 200, "headers": {}, "body_ref": None, "adapter_id": "test",
            "timings": {"start_ns": 0, "end_ns": 0},
        },
    }  # fmt: skip
    payload = payloads.get(item.intent.kind)
    return item.answer() if payload is None else Receipt(item.intent.hash, status, payload)
