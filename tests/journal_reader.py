"""A reader of journals of format 1, as ``docs/journal-format.md`` has them.

It shares no line with the code under test and needs the standard library only: own CBOR, own
checksum, own Merkle map. Section numbers are the page's.

``read`` gives the frames of a file and what follows them; ``chain`` those of a branch with its
parents; ``Roots`` the state's root after each frame.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TAG = b"\xd9\xd9\xf7"
_TABLE: list[int] = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82F63B78 if _n & 1 else 0)
    _TABLE.append(_n)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


# -- canonical CBOR (section 3) ------------------------------------------------------------------


def decode(data: bytes) -> Any:
    value, end = _item(data, 3 if data.startswith(TAG) else 0)
    if end != len(data):
        raise ValueError("trailing bytes")
    return value


def _item(data: bytes, at: int) -> tuple[Any, int]:
    major, info = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    if info > 27 or at + 1 + size > len(data):
        raise ValueError("not CBOR of this kind")
    raw = data[at + 1 : at + 1 + size]
    number, at = int.from_bytes(raw, "big") if size else info, at + 1 + size
    if major in (2, 3):
        text = data[at : at + number]
        if len(text) != number:
            raise ValueError("it ends inside a string")
        return (text if major == 2 else text.decode()), at + number
    if major in (4, 5):
        found = []
        for _ in range(number * (major - 3)):
            item, at = _item(data, at)
            found.append(item)
        return (found if major == 4 else dict(zip(found[::2], found[1::2], strict=True))), at
    if major == 7 and info in (25, 26, 27):
        return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], raw)[0], at
    if major < 2:
        return (number if major == 0 else -1 - number), at
    return {20: False, 21: True, 22: None}[info], at


def encode(value: Any) -> bytes:
    if value is None or value is True or value is False:
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return _head(5, len(value)) + b"".join(key + item for key, item in pairs)
    raise ValueError(f"{type(value)} is no plain data")


def _float(value: float) -> bytes:
    if value != value:
        return b"\xf9\x7e\x00"
    for head, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            data = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == value:
            return head + data
    return b"\xfb" + struct.pack(">d", value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in range(4) if number < 1 << (8 << size))
    return bytes([major << 5 | 24 + size]) + number.to_bytes(1 << size, "big")


def canonical(value: Any) -> bytes:
    return TAG + encode(value)


# -- frames (sections 2, 4 and 9) ----------------------------------------------------------------


class Frame(NamedTuple):
    body: dict[str, Any]
    hash: bytes

    @property
    def last(self) -> int:
        return int(self.body["height"]) + len(self.body["records"]) - 1


def read(data: bytes) -> tuple[list[Frame], str]:
    """The good frames, and what follows them: ``nothing``, ``torn``, or ``damaged``."""
    frames: list[Frame] = []
    at = 0
    while at < len(data):
        rest = data[at:]
        length = int.from_bytes(rest[:4], "little") if len(rest) >= 4 else 0
        if not rest.strip(b"\0"):
            return frames, "torn"
        if len(rest) < length + 12:
            return frames, "damaged" if _ends_whole(rest) else "torn"
        payload, crc = rest[4 : 4 + length], rest[4 + length : 8 + length]
        if crc32c(rest[: 4 + length]).to_bytes(4, "little") != crc:
            return frames, "damaged"
        if rest[8 + length : 12 + length] != rest[:4]:
            return frames, "damaged"
        try:
            frames.append(_frame(payload, frames))
        except (ValueError, KeyError, TypeError, IndexError):
            return frames, "damaged"
        at += length + 12
    return frames, "nothing"


def _ends_whole(rest: bytes) -> bool:
    start = len(rest) - 8 - int.from_bytes(rest[-4:], "little")
    if len(rest) < 12 or start < 4:
        return False
    return crc32c(rest[-4:] + rest[start:-8]).to_bytes(4, "little") == rest[-8:-4]


def _frame(payload: bytes, before: list[Frame]) -> Frame:
    body = decode(payload)
    if not before:
        if (body["format"], body["semantics"]) != (1, 1):
            raise NotImplementedError(f"format {body['format']}, semantics {body['semantics']}")
        parent = body.get("parent")
        begins = (0, None) if parent is None else (parent["height"] + 1, parent["head"])
        good = (body["height"], body.get("prev")) == begins and bool(body["records"]) != bool(
            parent
        )
    else:
        last = before[-1]
        good = body["prev"] == last.hash and body["height"] == last.last + 1
        good = good and "format" not in body and bool(body["records"]) and "k" in body["input"]
    if not good or len(body["root"]) != 32:
        raise ValueError("it does not follow")
    return Frame(body, sha(payload))


def chain(journals: Path, branch: str) -> list[Frame]:
    """All frames of a branch, its parents' before its own; a parent is found by its head."""
    files = {path.stem: read(path.read_bytes())[0] for path in journals.glob("*.log")}
    own = files[branch]
    while (parent := own[0].body.get("parent")) is not None:
        for frames in files.values():
            at = [n for n, frame in enumerate(frames) if frame.hash == parent["head"]]
            if at:
                assert frames[at[0]].last == parent["height"]
                own = frames[: at[0] + 1] + own
                break
    return own


# -- the state and its root (sections 6 and 7) ---------------------------------------------------


def merkle(leaves: dict[bytes, bytes]) -> bytes:
    """The root of a map; ``leaves``: the SHA-256 of the value by key."""
    return _node([(sha(key), hash) for key, hash in leaves.items()], 0)


def _node(leaves: list[tuple[bytes, bytes]], depth: int) -> bytes:
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0][0] + leaves[0][1])
    below: dict[int, list[tuple[bytes, bytes]]] = {}
    for leaf in leaves:
        below.setdefault(int(leaf[0].hex()[depth], 16), []).append(leaf)
    bitmap = sum(1 << nibble for nibble in below)
    nodes = (_node(below[nibble], depth + 1) for nibble in sorted(below))
    return sha(b"\x01" + bitmap.to_bytes(2, "big") + b"".join(nodes))


def objects(store: Path) -> Callable[[bytes], bytes]:
    """What ``store.db`` holds (section 1)."""
    database = sqlite3.connect(f"file:{store}?mode=ro&immutable=1", uri=True)

    def get(hash: bytes) -> bytes:
        ((data,),) = database.execute("SELECT data FROM objects WHERE hash = ?", (hash,))
        return bytes(data)

    return get


class Roots:
    """The state as the records tell it, from a header without parent on.

    Plan instances need the definitions of their plans: ``get`` gives the bytes of a hash. Of what
    an ``await_receipt`` is for, a variable and the handle of a step are understood.
    """

    def __init__(self, get: Callable[[bytes], bytes]) -> None:
        self.get = get
        self.cells: dict[str, dict[bytes, bytes]] = {}
        self.pending: dict[bytes, dict[str, Any]] = {}
        self.plans: dict[bytes, dict[str, Any]] = {}
        self.manifest = bytes(32)
        self.events: dict[int, Any] = {}

    def root(self) -> bytes:
        cells = {name: merkle(of) for name, of in self.cells.items() if of}
        plans = {id: sha(canonical(_kept(of))) for id, of in self.plans.items()}
        pending = {hash: sha(canonical(of)) for hash, of in self.pending.items()}
        return sha(canonical({"manifest": self.manifest, "cells": cells, "plans": merkle(plans),
                              "pending": merkle(pending)}))  # fmt: skip

    def after(self, frame: Frame) -> bytes:
        """The root after a frame."""
        records = frame.body["records"]
        if not records or records[-1]["k"] != "fault":  # a fault changes nothing
            for height, record in enumerate(records, frame.body["height"]):
                getattr(self, f"_{record['k']}", lambda *_: None)(height, record)
        return self.root()

    def _genesis(self, _: int, of: dict[str, Any]) -> None:
        self.manifest = of["manifest"]

    def _manifest_replaced(self, _: int, of: dict[str, Any]) -> None:
        self.manifest = of["new"]

    def _event(self, height: int, of: dict[str, Any]) -> None:
        named = {"schema": of["schema"], "value": canonical(of["value"])}
        assert (
            sha(canonical({**named, **({"key": of["key"]} if "key" in of else {})})) == of["hash"]
        )
        self.events[height] = of["value"]

    def _step(self, _: int, of: dict[str, Any]) -> None:
        cells = self.cells.setdefault(of["reducer"], {})
        cells.pop(of.get("key", b""), None)
        if of["after"] is not None:
            cells[of.get("key", b"")] = of["after"]

    def _intent(self, _: int, of: dict[str, Any]) -> None:
        names = ("kind", "cap", "idempotency_key", "origin")
        intent = {**{name: of[name] for name in names}, "params": canonical(of["params"])}
        named = {name: intent[name] for name in ("kind", "params", "cap", "idempotency_key")}
        assert sha(canonical(named)) == of["hash"]
        self.pending[of["hash"]] = intent

    def _receipt(self, _: int, of: dict[str, Any]) -> None:
        if of["outcome"] in ("settled", "orphan"):
            intent = self.pending.pop(of["intent"])
            plan = self.plans.get(intent["origin"].get("instance"))
            if plan is not None:
                held = {"status": of["status"], "payload": of["payload"]}
                plan["receipts"]["sha256:" + of["intent"].hex()] = held

    def _object(self, text: str) -> Any:
        hash = bytes.fromhex(text.removeprefix("sha256:"))
        data = self.get(hash)
        assert sha(data) == hash
        return decode(data)

    def _plan_started(self, _: int, of: dict[str, Any]) -> None:
        manifest = self._object(self.manifest.hex())
        (plan,) = (ref["hash"] for ref in manifest["plans"] if ref["name"] == of["plan"])
        definition, input = bytes.fromhex(plan.removeprefix("sha256:")), self.events[of["by"]]
        assert of["instance"] == self._identity(definition, input, of.get("correlation"))
        maps = ("binds", "steps", "values", "waits", "receipts", "statuses")
        self.plans[of["instance"]] = {
            "plan": definition, "manifest": self.manifest, "input": input,
            "correlation": of.get("correlation"), "place": 0,
            **{name: {} for name in maps},
        }  # fmt: skip

    def _identity(self, definition: bytes, input: Any, correlation: Any) -> bytes:
        """Section 8: with the lowest number that is free."""
        taken = {*self.plans, *(of["origin"].get("instance") for of in self.pending.values())}
        content = [definition, sha(canonical(input)), correlation]
        n = 0
        while (id := sha(canonical([*content, n]))) in taken:
            n += 1
        return id

    def _plan_ended(self, _: int, of: dict[str, Any]) -> None:
        del self.plans[of["instance"]]

    def _plan_step(self, _: int, of: dict[str, Any]) -> None:
        plan, id = self.plans[of["instance"]], of["step"]
        steps = {step["id"]: step for step in self._object(plan["plan"].hex())["steps"]}
        step = steps[id]
        plan["steps"][id] = of["state"]
        if of["state"] == "waiting" and step["op"] == "await_receipt":
            plan["waits"][id] = _intent(plan, step)
        elif of["state"] == "waiting":
            line = [of["place"] for of in self.plans.values() if step["event"] in
                    of["waits"].values()]  # fmt: skip
            plan["waits"][id], plan["place"] = step["event"], max(line, default=0) + 1
        elif of["state"] == "done":
            self._done(plan, step, of["value"])

    def _done(self, plan: dict[str, Any], step: dict[str, Any], value: Any) -> None:
        plan["values"][step["id"]] = value
        bind = "".join(step.get("bind", {}).values())
        if bind:
            plan["binds"][bind] = step["id"]
        if step["op"] == "await_event":
            plan["place"] = 0
        if step["op"] == "await_receipt":
            held = plan["receipts"].pop("sha256:" + _intent(plan, step).hex())
            plan["statuses"][bind] = held["status"]
        plan["waits"].pop(step["id"], None)


def _intent(plan: dict[str, Any], step: dict[str, Any]) -> bytes:
    """What an ``await_receipt`` waits for."""
    root, _, path = step["for"]["ref"].partition(":")
    name = path.partition(".")[0]
    asked = plan["values"][plan["binds"][name] if root == "@var" else name]["Record"]
    return bytes(asked["intent_hash"]["Bytes"])


def _kept(plan: dict[str, Any]) -> dict[str, Any]:
    """The map that the state keeps of an instance: what is empty stays out, as section 7 says."""
    kept = dict(plan)
    for name in ("receipts", "statuses", "correlation"):
        if not kept[name]:
            del kept[name]
    if kept["place"] < 2:
        del kept["place"]
    return kept
