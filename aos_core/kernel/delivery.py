"""A delivery: an event reaches a reducer, which steps; its events and effect go on."""

from __future__ import annotations

from typing import Any

from aos_core import canon
from aos_core.errors import StepFault, ValueRejected
from aos_core.kernel import reducers
from aos_core.kernel.authority import Refused, slot_grant
from aos_core.kernel.reducers import RaisedEffect
from aos_core.kernel.routing import Delivery, route
from aos_core.kernel.running import Fault, Queued, Running


def deliver(run: Running, queued: Queued) -> None:
    """Step the reducer, store its state, ingest its events, then ask for its effect (B-14).

    Raises :class:`Fault`.
    """
    item = queued.delivery
    cell = item.key or b""
    before = run.state.cell(item.reducer, cell)
    output = _call(run, queued, before)
    _check_state(run, item, output.state)
    run.state = run.state.with_cell(item.reducer, cell, output.state)
    height = run.record(
        "step",
        queued.height,
        reducer=item.reducer,
        key=item.key,
        before=None if before is None else canon.sha256(before),
        after=None if output.state is None else canon.sha256(output.state),
    )
    for event in output.events:
        try:
            routed = route(run.program, event.schema, event.value, event.key)
        except ValueRejected as error:
            raise _fault(item, "bad_event", error.message) from None
        run.ingest(routed, height, run.derive_entropy())
    if len(output.effects) > 1:
        raise _fault(item, "too_many_effects", "a step may ask for one effect at most")
    for effect in output.effects:
        _ask(run, queued, effect, height)


def _call(run: Running, queued: Queued, before: bytes | None) -> reducers.Output:
    item, settings = queued.delivery, run.moment.settings
    if settings.abi.get(item.reducer) == "legacy":
        data = reducers.legacy_envelope(before, item.schema, item.value, item.key)
    else:
        ctx = _context(run, queued)
        data = reducers.envelope(before, item.schema, item.value, item.key, ctx)
    try:
        wasm = run.program.wasm_hash(item.reducer)
        return reducers.parse_output(run.modules.step(wasm, data, settings.limits))
    except StepFault as error:
        raise _fault(item, error.code, error.message) from None


def _context(run: Running, queued: Queued) -> bytes | None:
    """``sys/ReducerContext@1``, for a module that declares a context (B-12)."""
    item = queued.delivery
    name = run.program.modules[item.reducer].abi.get("context")
    if name is None:
        return None
    schema = run.program.schemas[name]
    hash = reducers.event_hash(item.schema, item.value, item.key)
    ctx = schema.normalise(
        {
            "now_ns": run.input.at_ns,
            "logical_now_ns": run.input.logical_ns,
            "journal_height": queued.height,
            "entropy": queued.entropy,
            "event_hash": canon.hash_text(hash),
            "manifest_hash": canon.hash_text(run.state.manifest),
            "reducer": item.reducer,
            "key": item.key,
            "cell_mode": item.key is not None,
        }
    )
    # the published bytes leave the key of an unkeyed reducer out
    return schema.encode({k: of for k, of in ctx.items() if k != "key" or of is not None})


def _check_state(run: Running, item: Delivery, data: bytes | None) -> None:
    """``enforce`` faults on a state that does not fit; it is never re-encoded (B-2)."""
    if data is None or run.moment.settings.state_schema != "enforce":
        return
    schema = run.program.schemas[run.program.modules[item.reducer].abi["state"]]
    try:
        schema.read(data)
    except ValueRejected as error:
        raise _fault(item, "bad_state", error.message) from None


def _ask(run: Running, queued: Queued, effect: RaisedEffect, by: int) -> None:
    item = queued.delivery
    origin: dict[str, Any] = {"kind": "reducer", "name": item.reducer}
    if item.key is not None:
        origin["key"] = item.key
    if effect.kind not in run.program.modules[item.reducer].effects_emitted:
        text = f"{effect.kind} is not in effects_emitted of {item.reducer}"
        raise _fault(item, "effect_not_declared", text)
    try:
        if effect.kind not in run.program.effects:
            raise Refused("unknown_effect", f"effect {effect.kind!r} is not listed")
        grant = slot_grant(run.program, item.reducer, effect.cap_slot, effect.kind)
        decision, intent = run.ask(
            origin,
            effect.kind,
            effect.params,
            grant,
            effect.idempotency_key,
            run.program,
            queued.height,
        )
    except Refused as refused:
        raise _fault(item, refused.code, refused.message) from None
    if not decision.allowed:
        code = decision.code or "policy_denied"
        raise _fault(item, code, f"{effect.kind} under {grant} was denied: {decision.reason}")
    run.record_decision(decision, intent, by)
    run.record_intent(intent, by)


def _fault(item: Delivery, code: str, text: str) -> Fault:
    return Fault(code, text, reducer=item.reducer, cell=item.key)
