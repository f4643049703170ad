"""The vectors of format 1 (``golden/journal-v1.json``), run against the code and against the
independent reader. They are never changed, only added to."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import WorldError
from aos_core.frames import new_frame, pack, scan
from aos_core.hosts import Past, SimulatedHost, shuffle_key
from aos_core.kernel.records import EventInput, Input, ManifestInput, ReceiptInput
from aos_core.kernel.reducers import event_hash
from aos_core.kernel.state import Intent
from aos_core.merkle import MerkleMap
from tests import journal_reader

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden/journal-v1.json").read_text("utf-8")
)


def by_what(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("of", VECTORS[name], ids=lambda of: of["what"])


@pytest.mark.parametrize("text", VECTORS["cbor"])
def test_canonical_cbor(text: str) -> None:
    data = bytes.fromhex(text)
    value = canon.decode(data)
    assert canon.encode_plain(value) == data
    assert journal_reader.encode(journal_reader.decode(data)) == data
    other = journal_reader.decode(data)
    assert value == other or (math.isnan(value) and math.isnan(other))


@pytest.mark.parametrize("of", VECTORS["frames"], ids=range(len(VECTORS["frames"])))
def test_a_frame(of: dict[str, Any]) -> None:
    payload, frame = bytes.fromhex(of["payload"]), bytes.fromhex(of["frame"])
    assert pack(payload) == frame
    crc = journal_reader.crc32c(frame[: len(payload) + 4])
    assert crc.to_bytes(4, "little") == frame[len(payload) + 4 :][:4]
    body = canon.decode(payload)
    assert canon.encode_plain(body) == payload
    assert hashlib.sha256(payload).hexdigest() == of["head"]
    assert body["root"].hex() == of["root"]
    if "format" in body:
        made = new_frame(body, None)
        assert (made.height, made.last_height) == (of["height"], of["last_height"])
        assert made.hash.hex() == of["head"]


def test_the_frames_are_a_journal() -> None:
    *own, fork = VECTORS["frames"]
    for frames in (own, [fork]):
        data = b"".join(bytes.fromhex(of["frame"]) for of in frames)
        expected = [(of["height"], of["last_height"], of["head"]) for of in frames]
        found, problem = scan(data, 0, None)
        assert problem is None
        assert [(of.height, of.last_height, of.hash.hex()) for of in found] == expected
        others, then = journal_reader.read(data)
        assert then == "nothing"
        assert [(of.body["height"], of.last, of.hash.hex()) for of in others] == expected


@by_what("endings")
def test_torn_and_damaged(of: dict[str, Any]) -> None:
    data = bytes.fromhex(of["data"])
    frames, problem = scan(data, 0, None)
    end = frames[-1].end if frames else 0
    then = "damaged" if problem is not None else "nothing" if end == len(data) else "torn"
    assert (len(frames), then) == (of["good"], of["then"])
    good, also = journal_reader.read(data)
    assert (len(good), also) == (of["good"], of["then"])


@pytest.mark.parametrize("name", ["format", "semantics"])
def test_an_unknown_number_is_refused_by_name(name: str) -> None:
    header = canon.decode(bytes.fromhex(VECTORS["frames"][0]["payload"]))
    data = pack(canon.encode_plain({**header, name: 2}))
    with pytest.raises(WorldError, match=f"{name} 2 is not known"):
        scan(data, 0, None)
    with pytest.raises(NotImplementedError, match=f"{name} 2"):
        journal_reader.read(data)


@pytest.mark.parametrize("of", VECTORS["merkle"], ids=lambda of: f"{len(of['entries'])} entries")
def test_a_merkle_root(of: dict[str, Any]) -> None:
    entries = {bytes.fromhex(key): bytes.fromhex(value) for key, value in of["entries"].items()}
    tree = MerkleMap[bytes]()
    for key, value in reversed(entries.items()):
        tree = tree.set(key, value)
    assert tree.root.hex() == of["root"]
    leaves = {key: hashlib.sha256(value).digest() for key, value in entries.items()}
    assert journal_reader.merkle(leaves).hex() == of["root"]


@by_what("formulas")
def test_a_formula(of: dict[str, Any]) -> None:
    data = bytes.fromhex(of["cbor"])
    assert hashlib.new(of["with"], data).hexdigest() == of["hash"]
    value = journal_reader.decode(data)
    assert canon.encode(value) == data == journal_reader.canonical(value)


def formula(what: str) -> tuple[Any, bytes]:
    (of,) = (of for of in VECTORS["formulas"] if of["what"] == what)
    return canon.decode(bytes.fromhex(of["cbor"])), bytes.fromhex(of["hash"])


def test_the_code_follows_the_formulas() -> None:
    for what in ("event hash", "event hash with a key"):
        form, digest = formula(what)
        assert event_hash(form["schema"], form["value"], form.get("key")) == digest
    form, digest = formula("intent hash")
    assert Intent(**form, origin={}).hash == digest
    form, digest = formula("shuffle")
    assert shuffle_key(*form[1:]) == digest


def test_a_simulated_host_follows_the_formulas() -> None:
    """Time, and the entropy of each kind of input."""
    host = SimulatedHost(seed=7, start_ns=1000, step_ns=10)
    past = Past(created_ns=1000, inputs=3, events=lambda: 0, deliveries=lambda _: 0)
    intent = formula("shuffle")[0][2]
    inputs: dict[str, Input] = {
        "entropy of an event": EventInput(schema="v/E@1", value=b""),
        "entropy of a receipt": ReceiptInput(
            intent=intent, adapter_id="", status="ok", payload=b""
        ),
        "entropy of a manifest_replaced": ManifestInput(old=intent, new=intent, changed=()),
    }
    for what, input in inputs.items():
        assert host.stamp(input, past) == (1030, 30, formula(what)[1])
