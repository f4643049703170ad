"""Makes the sample world of format 1 that lies in ``journal-v1/``: ``python -m
tests.data.make_journal_v1 DIR`` writes it to an empty directory.

It was run once, when the format was frozen. What it made is kept for ever, so it is no test that
it makes the same again: a later kernel may do better. What a reader of journals meets is all here:
every kind of record and of input, every outcome of a receipt, forks of forks.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.hosts import SimulatedHost
from aos_core.world import World
from tests.kernel.worlds import (
    ASKS,
    NAT,
    TEXT,
    TIMERS,
    Node,
    assign,
    await_,
    emit,
    end,
    listen,
    module,
    op,
    plan,
    record,
    ref,
    say,
    schema,
)
from tests.support import ECHO, TRAPS, answering, tiny_world, wat

HOST = SimulatedHost(seed=1)
SECOND = 10**9
CONFIG = """
[checks]
state_schema = "off"

[limits]
fuel = {fuel}

[modules."demo/many@1"]
wasm = "modules/many.wasm"
abi = "legacy"
"""

MANY = record(
    text=TEXT,
    nat=NAT,
    int={"int": {}},
    bytes={"bytes": {}},
    bool={"bool": {}},
    none={"option": TEXT},
    list={"list": {"int": {}}},
    map={"map": {"key": {"text": {}}, "value": NAT}},
    colour={"variant": {"Red": {"unit": {}}, "Other": TEXT}},
    exact={"dec128": {}},
)
A_MANY: dict[str, Any] = {
    "text": "zażółć 🐝", "nat": 2**64 - 1, "int": -(2**63), "bytes": {"bytes_b64": "AP8Q"},
    "bool": True, "none": None, "list": [0, -1, 23, 24, 255, 256, -257, 65536, 2**32],
    "map": {"bb": 2, "a": 1, "é": 3}, "colour": {"Other": "blue"}, "exact": "1.50",
}  # fmt: skip


def toggle() -> bytes:
    """A reducer that sets its cell and says so, or deletes it where there is one."""
    said = canon.encode({"who": "toggle", "n": 7})
    event = {"schema": "demo/Said@1", "value": said}
    on = canon.encode_plain({"state": b"on", "domain_events": [event]})
    off = canon.encode_plain({"state": None})
    has_state = "(i32.ne (i32.load8_u offset=16 (local.get 0)) (i32.const 0xf6))"
    return wat(
        f"""(if (result i32) {has_state} (then (i32.const {len(on)})) (else (i32.const 0)))
        (if (result i32) {has_state} (then (i32.const {len(off)})) (else (i32.const {len(on)})))""",
        on + off,
    )


def bell() -> bytes:
    """A reducer that asks for a timer."""
    params = canon.encode({"deliver_at_ns": 5 * SECOND})
    return answering({"state": b"rung", "effects": [{"kind": "timer.set", "params": params}]})


NODES: tuple[Node, ...] = (
    schema("demo/Many@1", MANY),
    *(schema(f"demo/{name}@1", record(who=TEXT)) for name in ("Ring", "Toggle", "Boom")),
    *(schema(f"demo/{name}@1", record(who=TEXT, n=NAT)) for name in ("Pair", "Wait", "Bad", "Odd")),
    module("demo/bell@1", "demo/Ring@1", key="demo/Text@1", emits=["timer.set"]),
    module("demo/clock@1", "sys/TimerFired@1", key="demo/Text@1"),
    module("demo/echo@1", "demo/Said@1", key="demo/Text@1", context="sys/ReducerContext@1"),
    module("demo/toggle@1", "demo/Toggle@1"),
    module("demo/boom@1", "demo/Boom@1"),
    module("demo/many@1", "demo/Many@1"),
    plan(
        "demo/ask@1",
        [
            emit("a", ref("plan.input.who")),
            await_("w", "a"),
            assign("sum", op("add", ref("plan.input.n"), {"nat": 1})),
            say("tell", ref("plan.input.who"), ref("var:sum")),
            end(result={"record": {"n": ref("var:sum")}}),
        ],
        ("a", "w"),
        ("w", "sum", op("eq", ref("var:w.$status"), {"text": "ok"})),
        ("sum", "tell"),
        ("tell", "end"),
        locals={"sum": "demo/Nat@1"},
        output="demo/Count@1",
    ),
    plan(
        "demo/pair@1",
        [emit("a"), emit("b"), await_("w", "a"), end()],
        ("a", "w"),
        ("b", "w"),
        ("w", "end"),
        input="demo/Pair@1",
    ),
    plan(
        "demo/wait@1",
        [
            emit("a"),
            listen("l", where=op("ge", ref("event.n"), {"nat": 5})),
            await_("w", "a"),
            listen("m", "demo/Heard@1"),
        ],
        ("a", "l"),
        ("l", "w"),
        ("w", "m"),
        input="demo/Wait@1",
    ),
    plan("demo/denied@1", [emit("a"), await_("w", "a")], ("a", "w"), input="demo/Bad@1"),
    plan("demo/odd@1", [assign("x", op("div", {"nat": 1}, {"nat": 0}))], input="demo/Odd@1"),
    plan("demo/expired@1", [emit("a", cap="old")], input="demo/Odd@1"),
    {
        "$kind": "defpolicy",
        "name": "demo/rules@1",
        "rules": [
            {"when": {"origin_name": "demo/denied@1"}, "decision": "deny"},
            {"when": {}, "decision": "allow"},
        ],
    },
)
ROUTES = [
    ("demo/Ring@1", "demo/bell@1", "who"),
    ("sys/TimerFired@1", "demo/clock@1"),
    ("demo/Said@1", "demo/echo@1", "who"),
    ("demo/Toggle@1", "demo/toggle@1"),
    ("demo/Boom@1", "demo/boom@1"),
    ("demo/Many@1", "demo/many@1"),
]
TRIGGERS = [
    ("demo/Go@1", "demo/ask@1", "who"),
    ("demo/Pair@1", "demo/pair@1"),
    ("demo/Wait@1", "demo/wait@1"),
    ("demo/Bad@1", "demo/denied@1"),
    ("demo/Odd@1", "demo/odd@1"),
    ("demo/Odd@1", "demo/expired@1"),
]
OLD: Node = {"name": "old", "cap": "demo/asks@1", "params": {}, "expiry_ns": 0}


def files(root: Path, clock: bytes, fuel: int) -> Path:
    """The world's own files."""
    wasm = {
        "bell": bell(), "clock": clock, "echo": ECHO, "toggle": toggle(), "boom": TRAPS,
        "many": answering({"state": b"much"}),
    }  # fmt: skip
    return tiny_world(
        root, *NODES, wasm=wasm, config=CONFIG.format(fuel=fuel), routes=ROUTES, triggers=TRIGGERS,
        grants=[ASKS, TIMERS, OLD], policy="demo/rules@1",
    )  # fmt: skip


def main(root: Path) -> None:
    """Make the world at ``root``. Its ``.aos``, without what is derived, is called ``aos`` there,
    so that git keeps it."""
    files(root, TRAPS, 10_000_000)
    with World.open(root, host=HOST) as world:
        fork(world, play(world, root))
        expected = {name: frames(root, name) for name in world.branches()}
    kept = root / "aos"
    (kept / "journal").mkdir(parents=True)
    for log in (root / ".aos/journal").glob("*.log"):
        log.rename(kept / "journal" / log.name)
    (root / ".aos/store.db").rename(kept / "store.db")
    shutil.rmtree(root / ".aos")
    (root / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", "utf-8")


def frames(root: Path, branch: str) -> list[list[Any]]:
    """[height of the first record, of the last, head, root] of every frame up to the end of a
    branch, those of its parents too."""
    with World.open(root, branch, write=False) as world:
        return [[of.height, of.last_height, of.hash.hex(), of.root.hex()] for of in world.frames]


def play(world: World, root: Path) -> int:
    """Branch ``main``; the height for its fork."""
    world.fire("demo/Go@1", {"who": "ann", "n": 1}, source={"scenario": "sample", "step": 0})
    answer(world, {"n": 3, "note": "yes"}, cost_cents=2, signature=b"\x01\x02")
    world.fire("demo/Many@1", A_MANY)
    world.fire("demo/Toggle@1", {"who": "x"})
    for n in (1, 2):  # two wait for one event; the receipt of the first comes before it listens
        world.fire("demo/Wait@1", {"who": "bob", "n": n})
    answer(world, {"n": 4, "note": None})
    world.fire("demo/Said@1", {"who": "low", "n": 1})
    fork_at = world.height
    world.fire("demo/Said@1", {"who": "high", "n": 5})
    world.fire("demo/Toggle@1", {"who": "x"})
    world.fire("demo/Bad@1", {"who": "eve", "n": 1})
    world.fire("demo/Odd@1", {"who": "eve", "n": 1})
    world.fire("demo/Boom@1", {"who": "tnt"})
    ring(world, root)
    world.fire("demo/Pair@1", {"who": "cat", "n": 1})
    asked = world.pending[-2:]
    for item in asked:  # the first ends the plan
        world.deliver(Receipt(item.intent.hash, "ok", {"n": 9, "note": None}, "sample"))
    world.deliver(Receipt(asked[0].intent.hash, "error", {"n": 1.5, "of": [-0.1, 1e300]}, "sample"))
    world.fire("demo/Heard@1", {"who": "bob"})
    world.fire("demo/Go@1", {"who": "dan", "n": 2})
    world.deliver(Receipt(world.pending[-1].intent.hash, "timeout", {}, "sample"))
    return fork_at


def ring(world: World, root: Path) -> None:
    """A timer, whose receipt faults until the module that takes it is a better one."""
    world.fire("demo/Ring@1", {"who": "dong"})
    (timer,) = (item for item in world.pending if item.intent.kind == "timer.set")
    world.advance_to(5 * SECOND)
    fired = {"delivered_at_ns": 5 * SECOND, "key": None}
    world.deliver(Receipt(timer.intent.hash, "ok", fired, "sample"))
    files(root, ECHO, 20_000_000)
    world.swap()
    world.deliver(Receipt(timer.intent.hash, "ok", fired, "sample"))


def answer(world: World, payload: Any, **more: Any) -> None:
    world.deliver(Receipt(world.pending[0].intent.hash, "ok", payload, "sample", **more))


def fork(world: World, height: int) -> None:
    """``other``, from the middle of ``main``, and ``third`` from that."""
    with world.fork(height, "other") as other:
        other.fire("demo/Said@1", {"who": "fork", "n": 6})
        at = other.height
        other.fire("demo/Toggle@1", {"who": "y"})
        with other.fork(at, "third") as third:
            third.fire("demo/Ring@1", {"who": "third"})
    with world.fork(height, "empty"):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
