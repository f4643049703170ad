"""Bytes of whole turns, given by a second encoder: rules B-1 to B-23 end to end.

Rules of a single part are tested beside that part; each test names the rules that it holds.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cbor2
import pytest

from aos_core import canon
from aos_core.world import World as DiskWorld
from tests.kernel.worlds import (
    NAT,
    TEXT,
    TIMERS,
    UNIT,
    Node,
    World,
    emit,
    end,
    kinds,
    module,
    of_kind,
    plan,
    pure,
    record,
    ref,
    schema,
    started,
)
from tests.support import ECHO, answering, tiny_world

TESTS = Path(__file__).parents[1]
P, R = "demo/p@1", "demo/R@1"
GO = {"who": "a", "n": 1}
TAG = bytes.fromhex("d9d9f7")
GO_BYTES = TAG + bytes.fromhex("a2616e016377686f6161")
KEY_BYTES = TAG + bytes.fromhex("6161")
"""``"a"``, the key of the event above."""


def plain(value: Any) -> bytes:
    """Another encoder's bytes, members in the order in which they are given."""
    return cbor2.dumps(value)


@pytest.mark.parametrize("number", range(1, 24))
def test_every_rule_is_named_by_a_test(number: int) -> None:
    rule = re.compile(rf"\bB-{number}\b")
    files = [of for of in TESTS.rglob("test_*.py") if of != Path(__file__)]
    own = Path(__file__).read_text("utf-8")
    assert any(rule.search(of.read_text("utf-8")) for of in files) or rule.search(own)


# -- what a module is given -------------------------------------------------------------------


def echoing(to: Path, abi: str, *, keyed: bool = False, context: bool = False) -> DiskWorld:
    """A world on disk whose reducer keeps the envelope it was given."""
    more: Node = {"key": "demo/Text@1"} if keyed else {}
    if context:
        more["context"] = "sys/ReducerContext@1"
    route = ("demo/Go@1", R, "who") if keyed else ("demo/Go@1", R)
    path = tiny_world(
        to,
        module(R, "demo/Go@1", **more),
        wasm={"R": ECHO},
        config=f'[modules."{R}"]\nabi = "{abi}"\n[checks]\nstate_schema = "off"\n',
        routes=[route],
    )
    return DiskWorld.open(path)


def given(world: DiskWorld, key: bytes = b"") -> bytes | None:
    return world.at(world.height).state_bytes(R, key)


def test_the_envelope_of_a_compiled_reducer(tmp_path: Path) -> None:
    """B-1, B-2, B-11: state verbatim, event value with its tag, the envelope without."""
    with echoing(tmp_path, "v1") as world:
        world.fire("demo/Go@1", GO)
        event = {"schema": "demo/Go@1", "value": GO_BYTES}
        first = plain({"version": 1, "state": None, "event": event})
        assert given(world) == first
        world.fire("demo/Go@1", GO)
        assert given(world) == plain({"version": 1, "state": first, "event": event})
        assert world.verify().ok


def test_the_envelope_and_the_context_of_a_cell(tmp_path: Path) -> None:
    """B-11, B-12, B-15: the key is in the event and in the context; canonical, with their tag."""
    with echoing(tmp_path, "v1", keyed=True, context=True) as world:
        world.fire("demo/Go@1", GO)
        frame = world.frames[-1]
        stamps = frame.body["input"]
        event = {"schema": "demo/Go@1", "value": GO_BYTES, "key": KEY_BYTES}
        hashed = TAG + plain({"key": KEY_BYTES, "value": GO_BYTES, "schema": "demo/Go@1"})
        # by length, then bytewise: the canonical order
        context = {
            "key": KEY_BYTES,
            "now_ns": stamps["at_ns"],
            "entropy": stamps["entropy"],
            "reducer": R,
            "cell_mode": True,
            "event_hash": canon.hash_text(canon.sha256(hashed)),
            "manifest_hash": canon.hash_text(world.program.manifest_hash),
            "journal_height": 1,
            "logical_now_ns": stamps["logical_ns"],
        }
        ctx = TAG + plain(context)
        members = {"version": 1, "state": None, "event": event, "ctx": ctx}
        assert given(world, KEY_BYTES) == plain(members)
        assert len(stamps["entropy"]) == 64


@pytest.mark.parametrize("keyed", [False, True])
def test_the_earlier_envelope_is_sent_where_the_world_asks_for_it(
    tmp_path: Path, keyed: bool
) -> None:
    """``abi = "legacy"``: the context inline, the key there and not in the event; in replay too."""
    with echoing(tmp_path, "legacy", keyed=keyed, context=True) as world:
        world.fire("demo/Go@1", GO)
        key = KEY_BYTES if keyed else None
        members = {
            "version": 1,
            "state": None,
            "event": {"schema": "demo/Go@1", "value": GO_BYTES},
            "ctx": {"key": key, "cell_mode": keyed},
        }
        assert given(world, key or b"") == plain(members)
        assert world.verify().ok and world.verify(with_disk=True).ok
    with DiskWorld.open(tmp_path) as again:
        assert given(again, key or b"") == plain(members)


def test_the_earlier_envelope_is_never_guessed(tmp_path: Path) -> None:
    """A swap that drops ``abi = "legacy"`` sends the new one from then on; old turns replay."""
    with echoing(tmp_path, "legacy") as world:
        world.fire("demo/Go@1", GO)
        text = (tmp_path / "world.toml").read_text("utf-8").replace("legacy", "v1")
        (tmp_path / "world.toml").write_text(text, "utf-8")
        first = given(world)
        world.swap()
        world.fire("demo/Go@1", GO)
        event = {"schema": "demo/Go@1", "value": GO_BYTES}
        assert given(world) == plain({"version": 1, "state": first, "event": event})
        assert world.verify().ok


# -- what a reducer's answer does -------------------------------------------------------------


def test_state_then_events_then_the_effect() -> None:
    """B-14."""
    output = {
        "state": b"\xf6",
        "domain_events": [
            {"schema": "demo/Heard@1", "value": canon.encode({"who": who})} for who in "xy"
        ],
        "effects": [{"kind": "timer.set", "params": canon.encode({"deliver_at_ns": 1})}],
    }
    world = World(
        module(R, "demo/Go@1", emits=["timer.set"]),
        reducers={R: answering(output)},
        routes=[("demo/Go@1", R)],
        grants=[TIMERS],
    )
    done = world.go()
    assert kinds(done.records) == ["event", "step", "event", "event", "decision", "intent"]
    assert [of["value"]["who"] for of in of_kind(done.records, "event")[1:]] == ["x", "y"]


# -- what plans send --------------------------------------------------------------------------

PICK = schema("demo/Pick@1", {"variant": {"A": UNIT, "B": NAT}})


def test_a_variant_without_payload_that_a_plan_raises_has_null() -> None:
    """B-9; from a host it keeps what it had."""
    pick = {"variant": {"tag": "A"}}
    raise_ = {"id": "r", "op": "raise_event", "event": "demo/Pick@1", "value": pick}
    world = World(plan(P, [raise_]), PICK, **started(P))
    done = world.go()
    (_, raised) = of_kind(done.records, "event")
    assert canon.encode(raised["value"]) == TAG + plain({"$tag": "A", "$value": None})
    world.fire("demo/Pick@1", {"$tag": "A"})
    assert canon.encode(world.records[-1]["value"]) == TAG + plain({"$tag": "A"})


def test_params_go_through_the_schema_into_canonical_bytes() -> None:
    """B-9, B-10, B-19: numbers and texts interchange, options are filled, keys in order."""
    params = record(
        zz=NAT,
        at={"time": {}},
        note={"option": TEXT},
        ref={"hash": {}},
        pick={"ref": "demo/Pick@1"},
        some={"set": NAT},
    )
    effect = {
        "$kind": "defeffect",
        "name": "demo/send@1",
        "kind": "demo.send",
        "params_schema": "demo/Send@1",
        "receipt_schema": "demo/AskReceipt@1",
        "cap_type": "demo.ask",
        "origin_scope": "plan",
    }
    zero = "sha256:" + "0" * 64
    sent = {
        "zz": {"int": 3},
        "at": ref("plan.input.n"),
        "ref": {"text": zero},
        "pick": {"variant": {"tag": "A"}},
        "some": {"list": [{"nat": 300}, {"nat": 2}, {"nat": 300}]},
        "note": {"null": {}},
    }
    step = {**emit("a"), "kind": "demo.send", "params": {"record": sent}}
    key = bytes(range(32))
    step["idempotency_key"] = {"bytes_b64": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
    world = World(plan(P, [step]), PICK, effect, schema("demo/Send@1", params), **started(P))
    world.go(n=7)
    (intent,) = world.pending
    ordered = {
        "at": 7,
        "zz": 3,
        "ref": zero,
        "note": None,
        "pick": {"$tag": "A", "$value": None},
        "some": [2, 300],
    }
    assert intent.params == TAG + plain(ordered)
    image = {"cap": "asks", "kind": "demo.send", "params": intent.params, "idempotency_key": key}
    assert intent.hash == canon.sha256(TAG + plain(image))


def test_a_result_is_in_runtime_form() -> None:
    """B-20: ours; the reference writes the kinded form of B-16."""
    result = {"record": {"n": {"nat": 3}}}
    world = World(plan(P, [end(result=result)], output="demo/Count@1"), **started(P))
    world.go()
    (ended,) = of_kind(world.records, "plan_ended")
    assert canon.encode(ended["result"]) == TAG + plain({"n": 3})


# -- names and authority ----------------------------------------------------------------------


def test_the_published_hash_of_a_grant() -> None:
    """B-23, B-1. Nothing here uses it; it shows that a grant's params have the published bytes."""
    grant = World(grants=[{**TIMERS, "name": "timer_grant"}]).program.grants["timer_grant"]
    members = {
        "defcap_ref": grant.cap,
        "cap_type": grant.cap_type,
        "params_cbor": grant.encoded,
    }
    assert canon.digest(members).hex() == (
        "197f17f1c5f766bf5a37c5a290471cbec3c1dd21d913e07c23838f7d6d2cc1d1"
    )


def test_params_of_a_grant_are_filled_and_sorted() -> None:
    """B-23: absent options are null, sets sorted."""
    web = {"name": "web", "cap": "sys/http.out@1", "params": {"hosts": ["bb", "c"]}}
    grant = World(grants=[web]).program.grants["web"]
    ordered = {"hosts": ["c", "bb"], "ports": None, "methods": None, "schemes": None}
    assert grant.encoded == TAG + plain({**ordered, "path_prefixes": None})


def test_an_enforcer_has_to_be_listed(tmp_path: Path) -> None:
    """B-7: a module that the manifest does not list is no part of the world."""
    cap: Node = {
        "$kind": "defcap",
        "name": "demo/guarded@1",
        "cap_type": "demo.ask",
        "schema": {"record": {}},
        "enforcer": {"module": "demo/Guard@1"},
    }
    path = tiny_world(
        tmp_path,
        plan(P, [emit("a")]),
        cap,
        grants=[{"name": "asks", "cap": "demo/guarded@1", "params": {}}],
        **started(P),
    )
    text = (path / "air/all.json").read_text("utf-8")
    (path / "air/guard.json").write_text(json.dumps(pure("demo/Guard@1")), "utf-8")
    assert "demo/Guard@1" in text
    with DiskWorld.open(path, memory=True) as world:
        world.fire("demo/Go@1", GO)
        (decision,) = (of for of in world.records if of.kind == "decision")
        assert (decision["cap"], decision["code"]) == ("deny", "enforcer_error")


@pytest.mark.parametrize("carried", [None, b"\0asm\x01\0\0\0"])
def test_a_listed_native_module_is_hashed_with_the_wasm_that_the_world_carries(
    tmp_path: Path, carried: bytes | None
) -> None:
    """B-5: zeros if it carries none; that wasm is never run, so it may be any."""
    request = {
        "record": {
            "method": {"text": "GET"},
            "url": {"text": "https://a/"},
            "headers": {"map": []},
            "body_ref": {"null": {}},
        }
    }
    asks = {**emit("a"), "kind": "http.request", "cap": "web", "params": request}
    web = {"name": "web", "cap": "sys/http.out@1", "params": {"hosts": ["b"]}}
    path = tiny_world(tmp_path, plan(P, [asks]), grants=[web], **started(P))
    file = path / "air/all.json"
    text = file.read_text("utf-8")
    listed = '"modules": [{"name": "sys/CapEnforceHttpOut@1"}]'
    assert text.count('"modules": []') == 1
    file.write_text(text.replace('"modules": []', listed), "utf-8")
    if carried is not None:
        (path / "modules/CapEnforceHttpOut.wasm").write_bytes(carried)
    with DiskWorld.open(path) as world:
        wasm_hash = bytes(32) if carried is None else canon.sha256(carried)
        node = {
            "abi": {"pure": {"input": "sys/CapCheckInput@1", "output": "sys/CapCheckOutput@1"}},
            "name": "sys/CapEnforceHttpOut@1",
            "$kind": "defmodule",
            "wasm_hash": canon.hash_text(wasm_hash),
            "module_kind": "pure",
        }
        (module_ref,) = world.program.catalog.manifest.refs["modules"]
        assert module_ref.hash == canon.hash_text(canon.sha256(TAG + plain(node)))
        world.fire("demo/Go@1", GO)
        (decision,) = (of for of in world.records if of.kind == "decision")
        assert decision["code"] == "host_not_allowed"
        assert world.verify().ok
        manifest = world.program.manifest_hash
    with DiskWorld.open(path) as again:
        assert again.program.manifest_hash == manifest and again.verify().ok
