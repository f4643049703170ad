"""What tests of whole worlds share: the aggregator, copied; tiny worlds on disk; real wasm."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import wasmtime

from aos_core import canon
from aos_core.frames import new_frame, pack
from aos_core.kernel.records import Record
from aos_core.kernel.turn import Turn
from aos_core.view import Pending
from aos_core.world import World
from tests.kernel.worlds import VOCABULARY, manifest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/04-aggregator"
WASM = ROOT / "reducers/prebuilt/aggregator.wasm"
EVENT = "demo/AggregatorEvent@1"
REDUCER = "demo/Aggregator@1"
PLAN = "demo/aggregator_plan@1"


def start(*letters: str, topic: str = "demo") -> dict[str, Any]:
    """A Start event for three targets, ``/api/a``, ``/api/b`` and ``/api/c`` unless others."""
    names = ("primary", "secondary", "tertiary")
    targets = {
        name: {"name": letter, "url": f"https://example.com/api/{letter}", "method": "GET"}
        for name, letter in zip(names, letters or "abc", strict=True)
    }
    return {"Start": {"topic": topic, **targets}}


def copy_example(to: Path, slug: str = "04-aggregator", **modules: str) -> Path:
    """A world that ships, copied without any journal; with the wasm of its modules, by the names
    of their reducers in ``prebuilt``."""
    shutil.copytree(ROOT / "examples" / slug, to, ignore=shutil.ignore_patterns(".aos"))
    (to / "modules").mkdir()
    for name, reducer in (modules or {"Aggregator": "aggregator"}).items():
        shutil.copy(ROOT / f"reducers/prebuilt/{reducer}.wasm", to / f"modules/{name}.wasm")
    return to


def counter_world(to: Path) -> Path:
    """Rung 00, whose turns are the smallest there are, without its scenarios."""
    copy_example(to, "00-counter", Counter="counter")
    shutil.rmtree(to / "scenarios")
    config = (to / "world.toml").read_text("utf-8")
    (to / "world.toml").write_text(config.replace('default_scenario = "basic"\n', ""), "utf-8")
    return to


def log(world: Path, branch: str = "main") -> Path:
    return world / ".aos/journal" / f"{branch}.log"


def forget_offsets(world: Path, branch: str = "main") -> None:
    """As after a power cut that took what was not synced: nothing says what was acknowledged."""
    (world / f".aos/index/{branch}.offsets").unlink()


def patch_reducer(world: Path, old: bytes, new: bytes) -> None:
    """Other wasm: a literal of the reducer replaced by one of the same length."""
    path = world / "modules/Aggregator.wasm"
    wasm = path.read_bytes()
    assert wasm.count(old) == 1 and len(old) == len(new)
    path.write_bytes(wasm.replace(old, new))


def edit_json(file: Path, old: str, new: str) -> None:
    """One place of a file of a world, changed."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{old} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), "utf-8")


def write_scenario(world: Path, name: str, text: str) -> str:
    (world / "scenarios").mkdir(exist_ok=True)
    (world / f"scenarios/{name}.toml").write_text(text, "utf-8")
    return name


# -- tiny worlds ------------------------------------------------------------------------------


def tiny_world(
    to: Path,
    *nodes: dict[str, Any],
    wasm: Mapping[str, bytes] | None = None,
    config: str = "",
    **more: Any,
) -> Path:
    """A world of the kernel tests' vocabulary, on disk; ``wasm`` by local module name."""
    every = [*VOCABULARY, *nodes]
    for folder in ("air", "modules"):
        (to / folder).mkdir(parents=True, exist_ok=True)
    (to / "world.toml").write_text(f'name = "tiny"\n{config}', "utf-8")
    (to / "air/all.json").write_text(json.dumps([*every, manifest(every, **more)]), "utf-8")
    for name, data in (wasm or {}).items():
        (to / f"modules/{name}.wasm").write_bytes(data)
    return to


def wat(body: str, data: bytes = b"", more: str = "", entry: str = "step") -> bytes:
    """A module whose ``entry`` is ``body``; ``data`` stands at address 0."""
    text = "".join(f"\\{byte:02x}" for byte in data)
    return bytes(
        wasmtime.wat2wasm(f"""(module {more}
        (memory (export "memory") 1)
        (global $top (mut i32) (i32.const 4096))
        (func (export "alloc") (param $n i32) (result i32)
          (global.get $top)
          (global.set $top (i32.add (global.get $top) (local.get $n))))
        (data (i32.const 0) "{text}")
        (func (export "{entry}") (param i32 i32) (result i32 i32) {body}))""")
    )


def answering(output: Any) -> bytes:
    """A reducer that gives ``output`` whatever comes in."""
    data = canon.encode_plain(output)
    return wat(f"(i32.const 0) (i32.const {len(data)})", data)


ECHO = wat(
    """(i32.store8 (i32.const 8) (i32.shr_u (local.get 1) (i32.const 8)))
    (i32.store8 (i32.const 9) (local.get 1))
    (memory.copy (i32.const 10) (local.get 0) (local.get 1))
    (i32.const 0) (i32.add (local.get 1) (i32.const 10))""",
    b"\xa1\x65state\x59",
)
"""A reducer whose state is the envelope it was given, up to 4 KB."""
TRAPS = wat("unreachable")
IMPORTS = wat("unreachable", more='(import "env" "now" (func (result i32)))')


# -- driving ----------------------------------------------------------------------------------


def release_all(world: World, *order: int) -> list[Turn]:
    """The prepared receipts of what is pending now, by numbers if they are given."""
    pending = {item.n: item for item in world.pending}
    return [world.deliver(pending[n].answer()) for n in order or pending]


def answered(world: Path) -> None:
    """A journal of genesis, an event and three receipts, out of order."""
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 2, 3, 1)


def numbered(world: World, n: int) -> Pending:
    (item,) = (item for item in world.pending if item.n == n)
    return item


def kinds(turn: Turn) -> list[str]:
    return [record.kind for record in turn.records]


def same(one: World, other: World) -> bool:
    return (one.height, one.root, one.head) == (other.height, other.root, other.head)


def plain(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [record.to_plain() for record in records]


# -- what was altered ------------------------------------------------------------------------------


def forge(world: Path, turn: int = -1) -> int:
    """Let the first step of a frame claim another state, in a journal that holds together; returns
    the height of that step."""
    with World.open(world, write=False) as found:
        frames = list(found.frames)
    data, last, height = b"", None, -1
    for frame in frames:
        body = dict(canon.decode(frame.payload))
        if last is not None:
            body["prev"] = last.hash
        if frame is frames[turn]:
            at, step = next((n, of) for n, of in enumerate(body["records"]) if of["k"] == "step")
            step["after"] = bytes(32)
            height = frame.height + at
        last = new_frame(body, last)
        data += pack(last.payload)
    log(world).write_bytes(data)
    for name in ("index.db", "snapshots.db"):
        (world / ".aos" / name).unlink(missing_ok=True)
    forget_offsets(world)
    return height


def damage_kept(world: Path, change: str, which: str = "all") -> int:
    """Alter or delete nodes of kept states below their roots: ``leaves``, those ``between``, or
    ``all``; how many."""
    with closing(sqlite3.connect(world / ".aos/snapshots.db")) as database, database:
        kept = [canon.decode(data)["state"] for (data,) in database.execute(_KEPT)]
        roots = {of for s in kept for of in (*s["cells"].values(), s["plans"], s["pending"])}
        nodes = [
            (hash,)
            for hash, data in database.execute("SELECT hash, data FROM nodes")
            if hash not in roots and which in ("all", "between" if data[0] else "leaves")
        ]
        database.executemany(f"{_CHANGES[change]} WHERE hash = ?", nodes)
    return len(nodes)


_KEPT = "SELECT data FROM snapshots"
_CHANGES = {
    "altered": "UPDATE nodes SET data = data || x'00'",
    "deleted": "DELETE FROM nodes",
}
