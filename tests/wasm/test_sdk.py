"""The Rust SDK at its boundary: what modules built with it read from the host, and what the host
reads from them. The modules are the ``fixture-*`` crates of ``reducers/``, as committed in
``prebuilt``; what is behind the boundary is tested there, natively."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.load import builtin_nodes
from aos_core.air.nodes import DefSchema
from aos_core.air.schemas import Schemas
from aos_core.air.types import parse_type
from aos_core.canon import hash_text, sha256
from aos_core.errors import StepFault
from aos_core.kernel.reducers import Output, RaisedEffect, RaisedEvent, envelope, parse_output
from aos_core.wasm import Runtime, StepLimits

PREBUILT = Path(__file__).parents[2] / "reducers" / "prebuilt"
LIMITS = StepLimits(fuel=1_000_000, memory_mib=2, output_mib=1)
NAT: dict[str, Any] = {"nat": {}}
INT: dict[str, Any] = {"int": {}}
TEXT: dict[str, Any] = {"text": {}}
BYTES: dict[str, Any] = {"bytes": {}}
NOTE = {
    "record": {
        "name": {"option": TEXT},
        "text": TEXT,
        "edited_ns": {"time": {}},
        "height": NAT,
        "nonce": BYTES,
        "mood": {"variant": {"Calm": {"unit": {}}, "due": {"record": {"at_ns": {"time": {}}}}}},
        "tags": {"set": TEXT},
        "shifts": {"map": {"key": INT, "value": NAT}},
        "blob": {"option": {"hash": {}}},
    }
}
WRITE = {
    "record": {
        "text": TEXT,
        "tags": {"set": TEXT},
        "shifts": {"map": {"key": INT, "value": NAT}},
    }
}
EVENT = {
    "variant": {
        "Write": WRITE,
        "Remind": {"record": {"after_ns": {"duration": {}}}},
        "Keep": {"unit": {}},
        "Fired": {"ref": "sys/TimerFired@1"},
        "Kept": {"ref": "sys/BlobPutResult@1"},
        "Delete": {"unit": {}},
    }
}
BUILTIN = {node.name: node.type for node in builtin_nodes().values() if isinstance(node, DefSchema)}
OWN = {"demo/Note@1": NOTE, "demo/NoteEvent@1": EVENT, "demo/Name@1": TEXT}
SCHEMAS = Schemas(BUILTIN | {name: parse_type(of) for name, of in OWN.items()})

KEY = canon.encode("alpha")
TEA = {"Write": {"text": "tea", "tags": ["hot", "a", "b"], "shifts": {-1: 1, 0: 2, 100: 3}}}
REMIND = {"Remind": {"after_ns": 20}}


class Module:
    """A committed fixture."""

    def __init__(self, name: str) -> None:
        wasm = (PREBUILT / f"fixture-{name}.wasm").read_bytes()
        self._hash = sha256(wasm)
        self._runtime = Runtime({self._hash: wasm}.__getitem__)

    def step(
        self,
        state: bytes | None,
        event: Any,
        key: bytes | None = KEY,
        limits: StepLimits = LIMITS,
    ) -> Output:
        name = "demo/NoteEvent@1"
        data = envelope(state, name, encoded(name, event), key, context())
        return parse_output(self._runtime.step(self._hash, data, limits))

    def fault(self, state: bytes | None, event: Any, key: bytes | None = KEY) -> str:
        with pytest.raises(StepFault) as caught:
            self.step(state, event, key)
        assert caught.value.code == "trap"
        return caught.value.message

    def run(self, given: bytes, ctx: bytes | None = None) -> Any:
        """The output of a pure module, decoded (B-13)."""
        members = {"version": 1, "input": given} | ({} if ctx is None else {"ctx": ctx})
        data = canon.encode_ordered(members)
        answer = canon.decode(self._runtime.run(self._hash, data, LIMITS))
        assert list(answer) == ["output"]
        return canon.decode(answer["output"])


@pytest.fixture(scope="module")
def notes() -> Module:
    return Module("notes")


@pytest.fixture(scope="module")
def convert() -> Module:
    return Module("convert")


@pytest.fixture(scope="module")
def quota() -> Module:
    return Module("quota")


@pytest.fixture(scope="module")
def written(notes: Module) -> bytes:
    """The state after :data:`TEA`."""
    state = notes.step(None, TEA).state
    assert state is not None
    return state


def encoded(schema: str, value: Any) -> bytes:
    return SCHEMAS[schema].encode(SCHEMAS[schema].normalise(value))


def context() -> bytes:
    value = {
        "now_ns": 1_000,
        "logical_now_ns": 5,
        "journal_height": 3,
        "entropy": bytes(range(64)),
        "event_hash": hash_text(bytes(32)),
        "manifest_hash": hash_text(bytes(32)),
        "reducer": "demo/Notes@1",
        "key": KEY,
        "cell_mode": True,
    }
    return encoded("sys/ReducerContext@1", value)


def note(state: bytes | None) -> Any:
    assert state is not None
    return canon.decode(state)


# ---- reducers


def test_the_first_event_of_a_cell_finds_no_state_its_key_and_its_moment(written: bytes) -> None:
    made = note(written)
    assert (made["name"], made["text"]) == ("alpha", "tea")
    assert (made["edited_ns"], made["height"], made["nonce"]) == (1_000, 3, bytes(range(4)))


def test_a_state_is_canonical_as_the_host_writes_its_schema(notes: Module, written: bytes) -> None:
    """The host keeps a state verbatim (B-2), so equal values must come with equal bytes."""
    fired = notes.step(written, REMIND).state
    for state in (written, fired):
        assert state is not None
        assert state == encoded("demo/Note@1", note(state))[len(canon.SELF_DESCRIBE) :]
    made = note(written)
    assert made["tags"] == ["a", "b", "hot"]
    assert list(made["shifts"]) == [0, 100, -1]
    assert (made["mood"], made["blob"]) == ({"$tag": "Calm"}, None)


def test_the_order_in_which_a_state_was_written_does_not_matter(
    notes: Module, written: bytes
) -> None:
    made = note(written)
    turned = canon.encode_ordered({name: made[name] for name in reversed(made)})
    assert turned != written
    assert notes.step(turned, TEA) == notes.step(written, TEA)


def test_an_effect_fits_its_schema_and_carries_slot_and_idempotency_key(
    notes: Module, written: bytes
) -> None:
    output = notes.step(written, REMIND)
    assert note(output.state)["mood"] == {"$tag": "due", "$value": {"at_ns": 25}}
    params = {"deliver_at_ns": 25, "key": "tea"}
    [effect] = output.effects
    assert effect == RaisedEffect("timer.set", effect.params, "clock", canon.digest("tea"))
    assert SCHEMAS["sys/TimerSetParams@1"].normalise_bytes(effect.params) == params


def test_an_effect_goes_to_the_default_slot_unless_told(notes: Module, written: bytes) -> None:
    [effect] = notes.step(written, {"$tag": "Keep"}).effects
    blob = {"blob_ref": hash_text(sha256(b"tea")), "bytes": b"tea"}
    assert effect == RaisedEffect("blob.put", effect.params, "default", None)
    assert SCHEMAS["sys/BlobPutParams@1"].normalise_bytes(effect.params) == blob


def receipt(requested: Any, answer: Any, status: str = "ok") -> dict[str, Any]:
    return {
        "intent_hash": hash_text(bytes(32)),
        "reducer": "demo/Notes@1",
        "effect_kind": "timer.set",
        "adapter_id": "timer.set",
        "status": status,
        "requested": requested,
        "receipt": answer,
        "cost_cents": 0,
        "signature": bytes(64),
    }


def test_the_receipt_of_a_timer_is_a_typed_event(notes: Module, written: bytes) -> None:
    due = notes.step(written, REMIND).state
    fired = receipt({"deliver_at_ns": 25, "key": None}, {"delivered_at_ns": 25, "key": None})
    assert notes.step(due, {"Fired": fired}).state == written
    late = fired | {"status": "timeout"}
    assert notes.fault(due, {"Fired": late}).startswith("the timer ended with timeout")


def test_the_receipt_of_a_blob_is_a_typed_event(notes: Module, written: bytes) -> None:
    blob_ref = hash_text(sha256(b"tea"))
    kept = receipt({"blob_ref": blob_ref, "bytes": b"tea"}, {"blob_ref": blob_ref, "size": 3})
    assert note(notes.step(written, {"Kept": kept}).state)["blob"] == blob_ref


def test_a_deleted_cell_has_no_state_and_its_event_has_the_key_of_the_cell(
    notes: Module, written: bytes
) -> None:
    output = notes.step(written, {"Delete": None})
    event = RaisedEvent("demo/NoteDeleted@1", canon.encode_ordered("tea"), KEY)
    assert output == Output(None, (event,), ())


# ---- faults


def test_a_panic_is_the_text_of_the_fault_with_its_place(notes: Module, written: bytes) -> None:
    place = "(fixture-notes/src/lib.rs:"
    text = notes.fault(None, {"Delete": None})
    assert text.startswith(f"there is no note to delete {place}")
    assert notes.fault(written, TEA, key=None).startswith(f"this event came without a key {place}")


def test_bytes_that_do_not_fit_are_named_by_their_path(notes: Module, written: bytes) -> None:
    made = note(written)
    wrong = {**made, "shifts": {0: 1, 1: "x"}}
    assert notes.fault(canon.encode(wrong), TEA) == "state.shifts.#1: a nat is expected, not a text"
    more = canon.encode({**made, "colour": "red"})
    assert notes.fault(more, TEA) == "state: the record has a field that is not known, or one twice"
    # a duration may be negative, but this reducer reads a nat
    negative = {"Remind": {"after_ns": -1}}
    assert (
        notes.fault(None, negative)
        == "event.Remind.after_ns: a nat is expected, not a negative int"
    )


def test_a_step_without_memory_says_so(notes: Module) -> None:
    big = {"Write": {"text": "x" * 700_000, "tags": [], "shifts": {}}}
    roomy = StepLimits(fuel=100_000_000, memory_mib=8, output_mib=1)
    assert note(notes.step(None, big, limits=roomy).state)["text"] == "x" * 700_000
    with pytest.raises(StepFault) as caught:
        notes.step(None, big, limits=StepLimits(fuel=100_000_000, memory_mib=3, output_mib=1))
    assert (caught.value.code, caught.value.message) == ("trap", "the module has no memory left")


# ---- pure modules


def pure_context(height: int) -> bytes:
    value = {
        "logical_now_ns": 1,
        "journal_height": height,
        "manifest_hash": hash_text(bytes(32)),
        "module": "demo/Convert@1",
    }
    return encoded("sys/PureContext@1", value)


def test_a_pure_module_reads_input_and_context(convert: Module) -> None:
    amount = {"cents": 5, "currency": "EUR"}
    assert convert.run(canon.encode(amount), pure_context(3)) == {**amount, "cents": 15}


def test_a_pure_module_faults_with_its_own_words(convert: Module) -> None:
    amount = canon.encode({"cents": 2**63, "currency": "EUR"})
    with pytest.raises(StepFault, match=r"the amount is too large \(fixture-convert/src/lib"):
        convert.run(amount, pure_context(3))
    with pytest.raises(StepFault, match=r'no context: declare `"context": "sys/PureContext@1"`'):
        convert.run(amount)


def check_input(size: int) -> bytes:
    params = {"blob_ref": hash_text(sha256(bytes(size))), "bytes": bytes(size)}
    value = {
        "cap_def": "demo/blobs@1",
        "grant_name": "blobs",
        "cap_params": canon.encode({"max_bytes": 2}),
        "effect_kind": "blob.put",
        "effect_params": encoded("sys/BlobPutParams@1", params),
        "origin": {"kind": "reducer", "name": "demo/Notes@1"},
        "logical_now_ns": 0,
    }
    return encoded("sys/CapCheckInput@1", value)


def test_an_enforcer_allows_or_denies_with_code_and_message(quota: Module) -> None:
    schema = SCHEMAS["sys/CapCheckOutput@1"]
    allowed, denied = quota.run(check_input(2)), quota.run(check_input(3))
    assert schema.normalise(allowed) == {"constraints_ok": True, "deny": None}
    deny = {"code": "blob_too_large", "message": "3 bytes, 2 are allowed"}
    assert schema.normalise(denied) == {"constraints_ok": False, "deny": deny}
