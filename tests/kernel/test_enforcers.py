"""Cap enforcers of the world: pure modules that the kernel asks (air-v1, section 10; B-13)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import StepFault
from aos_core.kernel.modules import parse_pure_output, pure_envelope
from aos_core.kernel.records import EventInput
from aos_core.kernel.running import Running
from aos_core.world import World as DiskWorld
from tests.kernel.worlds import (
    NAT,
    TEXT,
    Node,
    Reducer,
    World,
    await_,
    emit,
    endings,
    module,
    of_kind,
    plan,
    pure,
    record,
    ref,
    schema,
    started,
    why,
)
from tests.support import ROOT, answering, tiny_world, wat

P, GUARD = "demo/p@1", "demo/Guard@1"
QUOTA = (ROOT / "reducers/prebuilt/fixture-quota.wasm").read_bytes()
CONVERT = (ROOT / "reducers/prebuilt/fixture-convert.wasm").read_bytes()
ALLOW = {"output": canon.encode_plain({"constraints_ok": True})}


def cap(name: str = "demo/guarded@1", cap_type: str = "demo.ask", **fields: Any) -> Node:
    return {
        "$kind": "defcap",
        "name": name,
        "cap_type": cap_type,
        "schema": record(**fields),
        "enforcer": {"module": GUARD},
    }


def guarded(guard: Reducer, context: str | None = None, **grant: Any) -> World:
    """A plan asks under a cap that ``guard`` watches over; its grant is ``{most: 7}``."""
    grants = [{"name": "asks", "cap": "demo/guarded@1", "params": {"most": 7}, **grant}]
    return World(
        plan(P, [emit("a"), await_("got", "a")], ("a", "got")),
        pure(GUARD, context),
        cap(most=NAT, note={"option": TEXT}),
        reducers={GUARD: guard},
        grants=grants,
        **started(P),
    )


def decision(world: World) -> dict[str, Any]:
    (entry,) = of_kind(world.records, "decision")
    return {name: value for name, value in entry.fields.items() if name != "intent"}


def verdict(ok: bool, **deny: str) -> bytes:
    more = {"deny": deny} if deny else {}
    return canon.encode_plain({"constraints_ok": ok, **more})


# -- what an enforcer is asked ----------------------------------------------------------------


def test_an_enforcer_is_given_the_request_as_canonical_bytes() -> None:
    """B-13, B-1: every byte string of it stands for itself, tag included."""
    world = guarded(lambda _: ALLOW)
    world.go(logical_ns=100)
    ((name, envelope),) = world.calls
    assert name == GUARD
    asked = {
        "cap_def": "demo/guarded@1",
        "grant_name": "asks",
        "cap_params": canon.encode({"most": 7, "note": None}),
        "effect_kind": "demo.ask",
        "effect_params": canon.encode({"q": "a"}),
        "origin": {"kind": "plan", "name": P},
        "logical_now_ns": 100,
    }
    assert envelope == {"version": 1, "input": canon.encode(asked)}
    assert decision(world) == {"grant": "asks", "cap": "allow", "policy": "allow"}


def test_a_context_tells_the_event_that_woke_the_plan() -> None:
    """B-13, B-21."""
    world = World(
        plan(
            P,
            [emit("a"), await_("got", "a"), emit("b"), await_("done", "b")],
            ("a", "got"),
            ("got", "b"),
            ("b", "done"),
        ),
        pure(GUARD, "sys/PureContext@1"),
        cap(),
        reducers={GUARD: lambda _: ALLOW},
        grants=[{"name": "asks", "cap": "demo/guarded@1", "params": {}}],
        **started(P),
    )
    world.go(logical_ns=100)
    world.answer("a", logical_ns=250)
    first, second = (envelope["ctx"] for _, envelope in world.calls)
    assert first == canon.encode(
        {
            "logical_now_ns": 100,
            "journal_height": 1,
            "manifest_hash": canon.hash_text(world.state.manifest),
            "module": GUARD,
        }
    )
    receipt = next(i for i, of in enumerate(world.records, 1) if of.kind == "receipt")
    told = canon.decode(second)
    assert (told["logical_now_ns"], told["journal_height"]) == (250, receipt)


def test_the_envelope_of_a_pure_module_is_plain_cbor_in_this_order() -> None:
    """B-13."""
    assert pure_envelope(b"\x01", None).hex() == "a26776657273696f6e0165696e7075744101"
    with_ctx = "a36776657273696f6e0165696e70757441016363747841f6"
    assert pure_envelope(b"\x01", b"\xf6").hex() == with_ctx
    for output in ("a1666f757470757441f6", "bf666f75747075745f41f6ffff", "a1666f75747075748118f6"):
        assert parse_pure_output(bytes.fromhex(output)) == b"\xf6"
    for output in ("a1666f75747075748161", "a1666f7574707574811901f6", "a1666f757470757441f600"):
        with pytest.raises(StepFault):
            parse_pure_output(bytes.fromhex(output))


def test_a_pure_module_runs_with_its_context() -> None:
    convert = pure("demo/Convert@1", "sys/PureContext@1", input="demo/Am@1", output="demo/Am@1")
    amount = schema("demo/Am@1", record(cents=NAT, currency=TEXT))
    world = World(convert, amount, reducers={"demo/Convert@1": CONVERT})
    event = EventInput(schema="demo/Go@1", value=b"")
    run = Running(world.programs.__getitem__, world.state, event, world.moment, world)
    given = canon.encode({"cents": 5, "currency": "EUR"})
    output = run.pure_caller(3)(world.program.modules["demo/Convert@1"], given)
    assert canon.decode(output) == {"cents": 15, "currency": "EUR"}


# -- what it answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (verdict(False, code="too_many", message="8, 7 are allowed"), "too_many", "8, 7"),
        (verdict(False), "constraints_failed", ""),
        (verdict(False, code="", message="no"), "constraints_failed", "no"),
        (canon.encode({"constraints_ok": False, "deny": None}), "constraints_failed", ""),
    ],
    ids=["code", "nothing", "no code", "null"],
)
def test_a_refusal_denies_with_its_code_and_its_words(answer: bytes, code: str, text: str) -> None:
    world = guarded(lambda _: {"output": answer})
    world.go()
    assert decision(world) == {"grant": "asks", "cap": "deny", "code": code}
    assert endings(world.records) == [("error", code)]
    (ended,) = of_kind(world.records, "plan_ended")
    said = why(world)
    assert ended["error_code"] == code and code in said and text in said
    assert not world.pending


def running(body: str, data: bytes = b"") -> bytes:
    """A pure module of WebAssembly text whose ``run`` is ``body``."""
    return wat(body, data, entry="run")


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        (running("unreachable"), "unreachable"),
        (running("(loop (br 0)) (i32.const 0) (i32.const 0)"), "fuel"),
        (running("(i32.const 0) (i32.const 0)"), "not CBOR"),
        (running("(i32.const -8) (i32.const 4)"), "outside"),
        (lambda _: {"state": None}, "output"),
        (lambda _: {"output": verdict(True).hex()}, "output"),
        (lambda _: {"output": b""}, "CBOR"),
        (lambda _: {"output": verdict(True) + b"\0"}, "CBOR"),
        (lambda _: {"output": canon.encode({})}, "constraints_ok"),
        (lambda _: {"output": canon.encode({"constraints_ok": 1})}, "bool"),
        (CONVERT, "cents"),
    ],
    ids=[
        "trap",
        "fuel",
        "empty",
        "outside",
        "none",
        "text",
        "no-bytes",
        "trailing",
        "no-answer",
        "no-bool",
        "other",
    ],
)
def test_an_enforcer_that_goes_wrong_denies(guard: Reducer, words: str) -> None:
    world = guarded(guard)
    done = world.go()
    assert done.fault is None, "the turn stands: a request was denied, nothing else"
    assert decision(world) == {"grant": "asks", "cap": "deny", "code": "enforcer_error"}
    (ended,) = of_kind(world.records, "plan_ended")
    assert ended["error_code"] == "enforcer_error" and words in why(world)


def test_an_enforcer_is_asked_before_expiry_and_policy_count() -> None:
    world = guarded(lambda _: {"output": verdict(False, code="mine", message="")}, expiry_ns=1)
    world.go(logical_ns=2)
    assert decision(world)["code"] == "mine"
    world = guarded(lambda _: ALLOW, expiry_ns=1)
    world.go(logical_ns=2)
    assert decision(world)["code"] == "expired"


def test_an_enforcer_that_is_a_reducer_denies() -> None:
    world = World(
        plan(P, [emit("a")]),
        module(GUARD, "demo/Go@1"),
        cap(),
        reducers={GUARD: answering({"state": None})},
        grants=[{"name": "asks", "cap": "demo/guarded@1", "params": {}}],
        **started(P),
    )
    world.go()
    assert decision(world)["code"] == "enforcer_error"


# -- in a world on disk -----------------------------------------------------------------------


BLOBS = cap("demo/blobs@1", "blob", max_bytes=NAT)
PUT = {
    "id": "put",
    "op": "emit_effect",
    "kind": "blob.put",
    "params": {
        "record": {"blob_ref": {"hash": "sha256:" + "0" * 64}, "bytes": ref("plan.input.who")}
    },
    "cap": "blobs",
    "bind": {"effect_id_as": "h"},
}


def quota_world(to: Path, most: int) -> Path:
    """A plan puts the bytes of its input under a quota."""
    return tiny_world(
        to,
        plan(P, [PUT]),
        pure(GUARD),
        BLOBS,
        wasm={"Guard": QUOTA},
        grants=[{"name": "blobs", "cap": "demo/blobs@1", "params": {"max_bytes": most}}],
        **started(P),
    )


def codes(world: DiskWorld) -> list[str | None]:
    return [of.get("code") for of in world.records if of.kind == "decision"]


def test_a_compiled_enforcer_judges_live_in_replay_and_in_a_twin(tmp_path: Path) -> None:
    path = quota_world(tmp_path, 2)
    with DiskWorld.open(path) as world:
        for who in ("ab", "abc"):
            world.fire("demo/Go@1", {"who": who, "n": 0})
        assert codes(world) == [None, "blob_too_large"]
        ended = max(at for at, of in enumerate(world.records) if of.kind == "plan_ended")
        assert "3 bytes, 2 are allowed" in world.detail(ended)
        assert world.verify().ok and world.verify(with_disk=True).ok
        twin = world.twin()
        twin.fire("demo/Go@1", {"who": "abc", "n": 0})
        assert codes(twin) == ["blob_too_large"]
    with DiskWorld.open(path) as again:
        assert again.verify().ok and codes(again) == [None, "blob_too_large"]


def test_another_quota_on_disk_differs_and_a_swap_puts_it_in_force(tmp_path: Path) -> None:
    path = quota_world(tmp_path, 2)
    with DiskWorld.open(path) as world:
        world.fire("demo/Go@1", {"who": "abc", "n": 0})
        quota_world(tmp_path, 3)
        report = world.verify(with_disk=True)
        assert not report.ok and report.divergence is not None
        assert report.divergence.record["k"] == "decision"
        assert world.swap_risks() == ()
        world.swap()
        world.fire("demo/Go@1", {"who": "abc", "n": 1})
        assert codes(world) == ["blob_too_large", None]
        assert world.verify().ok


def test_a_reducers_request_that_an_enforcer_denies_faults_the_turn(tmp_path: Path) -> None:
    params = canon.encode({"blob_ref": "sha256:" + "0" * 64, "bytes": b"abc"})
    output = {"state": b"\xf6", "effects": [{"kind": "blob.put", "params": params}]}
    path = tiny_world(
        tmp_path,
        module("demo/R@1", "demo/Go@1", emits=["blob.put"]),
        pure(GUARD),
        BLOBS,
        wasm={"Guard": QUOTA, "R": answering(output)},
        routes=[("demo/Go@1", "demo/R@1")],
        grants=[{"name": "blobs", "cap": "demo/blobs@1", "params": {"max_bytes": 2}}],
    )
    with DiskWorld.open(path) as world:
        done = world.fire("demo/Go@1", {"who": "a", "n": 0})
        assert done.fault is not None and done.fault["code"] == "blob_too_large"
        assert done.fault["text"] == "the effect was denied"
        assert "3 bytes, 2 are allowed" in done.fault_text == world.detail(world.height)
        assert world.verify().ok


def test_an_enforcer_judges_what_an_adapter_is_led_to_as_well(tmp_path: Path) -> None:
    """For a redirect: nothing is recorded."""
    with DiskWorld.open(quota_world(tmp_path, 2)) as world:
        world.fire("demo/Go@1", {"who": "ab", "n": 0})
        (item,) = world.pending
        own, height = canon.decode(item.intent.params), world.height
        assert world.denial(item.intent, own) is None
        assert world.denial(item.intent, {**own, "bytes": b"abc"}) == "blob_too_large"
        assert world.height == height
