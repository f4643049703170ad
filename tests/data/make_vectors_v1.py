"""Makes ``tests/golden/journal-v1.json``: ``python -m tests.data.make_vectors_v1 FILE``.

It was run once, when format 1 was frozen. The file holds bytes, hashes and verdicts in hex, for
readers in any language; what is in it is never changed, only added to.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.frames import Frame, new_frame, pack, scan
from aos_core.hosts import SimulatedHost, shuffle_key
from aos_core.kernel.reducers import event_hash
from aos_core.kernel.state import Intent, State
from aos_core.merkle import MerkleMap
from aos_core.world import World
from tests.data.make_journal_v1 import toggle
from tests.kernel.worlds import TEXT, module, record, schema
from tests.support import tiny_world

MANIFEST = canon.sha256(b"manifest")
HEADER: dict[str, Any] = {
    "format": 1,
    "semantics": 1,
    "world": "vectors",
    "manifest": MANIFEST,
    "settings": {
        "limits": {"fuel": 1, "memory_mib": 1, "output_mib": 1, "tasks": 1},
        "state_schema": "warn",
        "abi": {},
    },
    "engine": "none",
    "created_ns": 0,
    "height": 0,
    "records": [{"k": "genesis", "manifest": MANIFEST, "world": "vectors"}],
    "root": State(MANIFEST).root,
}


def event(n: int) -> dict[str, Any]:
    value = {"n": n}
    return {
        "k": "event", "schema": "v/E@1", "value": value,
        "hash": event_hash("v/E@1", canon.encode(value), None),
    }  # fmt: skip


def journal() -> list[Frame]:
    """A header, a turn of one record, one of two, and the header of a fork after those."""
    frames = [new_frame(HEADER, None)]
    for n, count in ((1, 1), (2**63, 2)):
        last = frames[-1]
        input = {
            "k": "event", "schema": "v/E@1", "value": canon.encode({"n": n}), "at_ns": n,
            "logical_ns": n, "entropy": bytes(64),
        }  # fmt: skip
        body = {
            "height": last.last_height + 1, "prev": last.hash, "input": input,
            "records": [event(n), *({**event(n), "by": last.last_height + 1},) * (count - 1)],
            "root": canon.sha256(bytes([count])),
        }  # fmt: skip
        frames.append(new_frame(body, last))
    return frames


def fork(last: Frame) -> Frame:
    parent = {"head": last.hash, "height": last.last_height}
    header = {
        **HEADER, "parent": parent, "prev": last.hash, "height": last.last_height + 1,
        "records": [], "root": last.root,
    }  # fmt: skip
    return new_frame(header, None)


def frame_vector(of: Frame) -> dict[str, Any]:
    return {
        "payload": of.payload.hex(), "frame": pack(of.payload).hex(), "height": of.height,
        "last_height": of.last_height, "head": of.hash.hex(), "root": of.root.hex(),
    }  # fmt: skip


def endings(data: bytes, frames: list[Frame]) -> list[dict[str, Any]]:
    """What cut and altered files are. ``good``: frames before; ``then``: what follows them."""
    ends = [of.end for of in frames]
    last = ends[-2]
    zeros = bytes(9)
    files = {
        **{f"cut to {n} bytes": data[:n] for n in (
            0, 1, 3, 4, ends[0] - 1, ends[0], ends[0] + 3, last + 4, last + 50, ends[-1] - 9,
            ends[-1] - 4, ends[-1] - 1, ends[-1],
        )},
        **{f"byte {n} flipped": _flip(data, n) for n in (
            0, 3, 4, 40, ends[0] - 8, ends[0] - 4, ends[0], ends[0] + 2, ends[0] + 60, last,
            last + 3, last + 30, ends[-1] - 8, ends[-1] - 1,
        )},
        "zeros after the end": data + zeros,
        "many zeros after the end": data + bytes(40),
        "a byte after the end": data + b"\x01",
        "only zeros": bytes(40),
        "the last frame without its first length": data[:last] + data[last + 4 :],
        "the last frame with a greater first length": data[:last] + b"\xff" * 4 + data[last + 4 :],
        "a length and zeros after the end": data + b"\x20" + zeros,
        "a length, zeros, as many as it says": data + b"\x09\0\0\0" + bytes(17),
        "an empty payload": data + pack(b""),
        "a payload that is no CBOR": data + pack(b"\xff"),
        "a payload that is no map": data + pack(b"\x01"),
        "the last frame twice": data + data[last:],
        "a second header": data + data[: ends[0]],
        "the middle left out": data[: ends[0]] + data[last:],
        "the beginning left out": data[ends[0] :],
        "the last length is another": data[:-4] + b"\x01\0\0\0",
        "a frame without records": data + pack(_empty(frames[-1])),
    }  # fmt: skip
    return [{"what": what, "data": of.hex(), **verdict(of)} for what, of in files.items()]


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def _empty(last: Frame) -> bytes:
    return canon.encode_plain(
        {**last.body, "height": last.last_height + 1, "prev": last.hash, "records": []}
    )


def verdict(data: bytes) -> dict[str, Any]:
    frames, problem = scan(data, 0, None)
    end = frames[-1].end if frames else 0
    then = "nothing" if end == len(data) else "torn" if problem is None else "damaged"
    return {"good": len(frames), "then": then}


def merkle_vectors() -> list[dict[str, Any]]:
    """Maps from hex to hex, and their roots."""
    sizes = {0: "", 1: "a", 2: "ab", 17: "", 300: ""}
    maps = [{f"key {n}".encode(): f"value {n}".encode() for n in range(size)} for size in sizes]
    maps += [{b"": b""}, {b"": b"the cell of a reducer without keys"}, _alike()]
    found = []
    for of in maps:
        tree = MerkleMap[bytes]()
        for key, value in of.items():
            tree = tree.set(key, value)
        entries = {key.hex(): value.hex() for key, value in of.items()}
        found.append({"entries": entries, "root": tree.root.hex()})
    return found


def _alike() -> dict[bytes, bytes]:
    """Two keys whose paths have their first four nibbles in common, and no third."""
    seen: dict[bytes, bytes] = {}
    n = 0
    while True:
        key = str(n).encode()
        begin = canon.sha256(key)[:2]
        if begin in seen:
            return {seen[begin]: b"one", key: b"other"}
        seen[begin], n = key, n + 1


def formulas() -> list[dict[str, Any]]:
    """SHA-256 or SHA-512 of canonical CBOR; ``cbor`` is what is hashed."""
    value = canon.encode({"n": 1})
    params = canon.encode({"q": "a"})
    zero, id = bytes(32), canon.sha256(b"instance")
    origin = {"kind": "plan", "name": "v/p@1", "instance": id, "step": "a"}
    intent = Intent("v.ask", params, "asks", zero, origin)
    forms: dict[str, tuple[str, Any]] = {
        "event hash": ("sha256", {"schema": "v/E@1", "value": value}),
        "event hash with a key": ("sha256", {"schema": "v/E@1", "value": value, "key": b"k"}),
        "intent hash": ("sha256", {"kind": "v.ask", "params": params, "cap": "asks",
                                   "idempotency_key": zero}),
        "instance": ("sha256", [id, canon.sha256(value), None, 0]),
        "instance with a correlation": ("sha256", [id, canon.sha256(value), {"Text": "x"}, 1]),
        "derived idempotency key": ("sha256", ["key", origin, 0]),
        "shuffle": ("sha256", ["shuffle", 7, intent.hash]),
        "entropy of an event": ("sha512", ["event", 7, 0]),
        "entropy of a receipt": ("sha512", ["receipt", 7, intent.hash, 0]),
        "entropy of a manifest_replaced": ("sha512", ["manifest_replaced", 7, 3]),
        "entropy of a derived event": ("sha512", ["derived", bytes(64), 0]),
        "root of an empty state": ("sha256", State(MANIFEST).to_plain()),
    }  # fmt: skip
    assert forms["intent hash"][0] and intent.hash == canon.digest(forms["intent hash"][1])
    assert shuffle_key(7, intent.hash) == canon.digest(forms["shuffle"][1])
    return [
        {"what": what, "with": name, "cbor": canon.encode(form).hex(),
         "hash": hashlib.new(name, canon.encode(form)).hexdigest()}
        for what, (name, form) in forms.items()
    ]  # fmt: skip


CBOR: tuple[Any, ...] = (
    None, True, False, 0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -24, -25,
    -256, -257, -(2**63), b"", b"\x00" * 24, "", "é", "🐝", [], [1, [2, []]], {},
    {"b": 1, "a": 2, "aa": 0, "é": 3}, {10: 0, -1: 1, "a": 2, b"a": 3, False: 4, None: 5, 2: 6},
)  # fmt: skip
FLOATS = (0.0, -0.0, 1.5, 0.1, 65504.0, 65536.0, 1e300, float("inf"), float("-inf"), float("nan"))


def example() -> str:
    """The journal of a small world after an event that it takes and one more: hex."""
    nodes = (
        schema("demo/Toggle@1", record(who=TEXT)),
        module("demo/toggle@1", "demo/Toggle@1"),
    )
    with tempfile.TemporaryDirectory() as place:
        routes = [("demo/Toggle@1", "demo/toggle@1")]
        root = tiny_world(Path(place), *nodes, wasm={"toggle": toggle()}, routes=routes)
        with World.open(root, host=SimulatedHost()) as world:
            for who in ("ann", "bob"):
                world.fire("demo/Toggle@1", {"who": who})
        return (root / ".aos/journal/main.log").read_bytes().hex()


def main(file: Path) -> None:
    frames = journal()
    data = b"".join(pack(of.payload) for of in frames)
    vectors = {
        "cbor": [canon.encode_plain(of).hex() for of in (*CBOR, *FLOATS)],
        "frames": [frame_vector(of) for of in (*frames, fork(frames[-1]))],
        "endings": endings(data, frames),
        "merkle": merkle_vectors(),
        "formulas": formulas(),
        "example": example(),
    }
    file.write_text(json.dumps(vectors, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
