"""Changes that break the sound world: its definitions and manifest here, its plan beside."""

from __future__ import annotations

from tests.air.broken_plans import BROKEN_PLANS
from tests.air.checked_worlds import (
    AT,
    IN,
    NAT,
    PART,
    Change,
    Node,
    also,
    drop,
    put,
    ref,
    sound,
    step,
)

LOOSE = {
    "$kind": "defmodule",
    "name": "demo/Loose@1",
    "module_kind": "reducer",
    "abi": {"reducer": {"state": "demo/Count@1", "event": "sys/TimerFired@1"}},
}
GRANT_OF_TIMERS = {"name": "other", "cap": "sys/timer@1", "params": {}}
WASMLESS = {
    "$kind": "defmodule",
    "name": "demo/Wasmless@1",
    "module_kind": "reducer",
    "abi": {"reducer": {"state": "demo/Count@1", "event": "demo/Go@1"}},
}
SECOND_ASK = {**sound()["ask"], "name": "demo/zask@1"}


def deep(levels: int) -> Node:
    of = NAT
    for _ in range(levels):
        of = {"list": of}
    return of


# id: (change, severity, code, file and path, a word of the message or the hint)
BROKEN: dict[str, tuple[Change, str, str, str, str]] = {
    # -- check_world
    "a listed name without a node": (
        put("manifest/plans/1", {"name": "demo/plam@1"}),
        "error", "unknown_name", AT + "plans[1].name", "did you mean demo/plan@1?",
    ),
    "a manifest without a version": (
        drop("manifest/air_version"),
        "warning", "no_air_version", AT.removesuffix("."), '"air_version": "1"',
    ),
    "a name listed twice": (
        put("manifest/caps/1", {"name": "demo/asks@1"}),
        "error", "duplicate", AT + "caps[1].name", "twice",
    ),
    "a node that is not listed": (
        drop("manifest/secrets"),
        "warning", "not_listed", PART + "[13]", "secrets",
    ),
    "an unknown schema": (
        put("cells/abi/reducer/state", "demo/Coumt@1"),
        "error", "unknown_schema", PART + "[11].abi.reducer.state", "did you mean demo/Count@1?",
    ),
    "a schema that exists but is not listed": (
        drop("manifest/schemas/8"),
        "error", "unknown_schema", PART + "[9].receipt_schema", "defs/all.json",
    ),
    "an unlisted built-in schema": (
        drop("manifest/schemas/11"),
        "warning", "not_listed", AT + "effects[1]", "sys/TimerSetReceipt@1",
    ),
    "an unknown schema of a local": (
        put("plan/locals/other", "demo/Nope@1"),
        "error", "unknown_schema", IN + "locals.other", "demo/Nope@1",
    ),
    "an unknown event raised": (
        step(3, event="demo/Sayd@1"),
        "error", "unknown_schema", IN + "steps[3].event", "demo/Said@1",
    ),
    "an unlisted schema in a cap": (
        put("asks/schema/record/more", {"option": ref("sys/BlobGetParams@1")}),
        "warning", "not_listed", PART + "[10].schema.record.more.option.ref", "BlobGetParams",
    ),
    "effects assumed": (
        put("manifest/effects", []),
        "warning", "no_effects_listed", AT[:-1], "built-in",
    ),
    "two effects of one kind": (
        also(put("zask", SECOND_ASK), put("manifest/effects/2", {"name": "demo/zask@1"})),
        "error", "duplicate", PART + "[9].kind", "demo/zask@1",
    ),
    "an effect nobody can be granted": (
        put("ask/cap_type", "demo.asc"),
        "warning", "unknown_cap_type", PART + "[9].cap_type", "did you mean demo.ask?",
    ),
    "a reducer without wasm": (
        also(put("wasmless", WASMLESS), put("manifest/modules/1", {"name": "demo/Wasmless@1"})),
        "error", "no_wasm", PART + "[14].wasm_hash", "modules/Wasmless.wasm",
    ),
    "a reducer's unknown effect": (
        put("cells/abi/reducer/effects_emitted/1", "timer.sat"),
        "error", "unknown_effect", PART + "[11].abi.reducer.effects_emitted[1]", "timer.set",
    ),
    "a reducer's unlisted built-in effect": (
        put("cells/abi/reducer/effects_emitted/1", "blob.put"),
        "error", "unknown_effect", PART + "[11].abi.reducer.effects_emitted[1]",
        "list sys/blob.put@1 under effects",
    ),
    "a reducer's effect that is for plans": (
        also(
            put("ask/origin_scope", "plan"),
            put("cells/abi/reducer/effects_emitted/1", "demo.ask"),
        ),
        "error", "origin_scope", PART + "[11].abi.reducer.effects_emitted[1]", "only plans",
    ),
    "a reducer's effect without a grant": (
        also(drop("manifest/defaults/cap_grants/1"), drop("manifest/module_bindings")),
        "warning", "not_granted", PART + "[11].abi.reducer.effects_emitted[0]", "timer",
    ),
    "a reducer's effect with two grants and no slot": (
        also(
            put("manifest/defaults/cap_grants/2", GRANT_OF_TIMERS), drop("manifest/module_bindings")
        ),
        "warning", "not_granted", PART + "[11].abi.reducer.effects_emitted[0]", "module_bindings",
    ),
    "bindings of an unknown module": (
        put("manifest/module_bindings/demo\x00", {}),
        "error", "unknown_reducer", AT + "module_bindings.demo\x00", "unknown reducer",
    ),
    "a binding of an undeclared slot": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clok": "may_wait"}}}),
        "warning", "unknown_slot", AT + "module_bindings.demo/Cells@1.slots.clok", "clock",
    ),
    "a binding to an unknown grant": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clock": "may_wai"}}}),
        "error", "unknown_grant", AT + "module_bindings.demo/Cells@1.slots.clock", "may_wait",
    ),
    "a binding to a grant of another type": (
        put("manifest/module_bindings", {"demo/Cells@1": {"slots": {"clock": "may_ask"}}}),
        "error", "cap_type", AT + "module_bindings.demo/Cells@1.slots.clock", "timer",
    ),
    "two grants of one name": (
        put("manifest/defaults/cap_grants/2", {**GRANT_OF_TIMERS, "name": "may_wait"}),
        "error", "duplicate", AT + "defaults.cap_grants[2].name", "may_wait",
    ),
    "a grant of an unknown cap": (
        put("manifest/defaults/cap_grants/0/cap", "demo/ask@1"),
        "error", "unknown_cap", AT + "defaults.cap_grants[0].cap", "did you mean demo/asks@1?",
    ),
    "grant params with an unknown field": (
        put("manifest/defaults/cap_grants/0/params", {"must": 3}),
        "error", "bad_literal", AT + "defaults.cap_grants[0].params.must", "did you mean most?",
    ),
    "grant params of another type": (
        put("manifest/defaults/cap_grants/0/params", {"most": "many"}),
        "error", "bad_literal", AT + "defaults.cap_grants[0].params.most", "many",
    ),
    "an unlisted enforcer": (
        put("asks/enforcer", {"module": "sys/CapEnforceHttpOut@1"}),
        "warning", "not_listed", PART + "[10].enforcer.module", "modules",
    ),
    "an unlisted enforcer of a built-in cap": (
        put("manifest/defaults/cap_grants/2", {"name": "w", "cap": "sys/http.out@1", "params": {}}),
        "warning", "not_listed", AT + "modules", "sys/CapEnforceHttpOut@1",
    ),
    "an enforcer that is a reducer": (
        put("asks/enforcer", {"module": "demo/Cells@1"}),
        "warning", "no_enforcer", PART + "[10].enforcer.module", "sys/CapCheckInput@1",
    ),
    "an enforcer that is not run": (
        put("asks/enforcer", {"module": "sys/CapEnforceGovernance@1"}),
        "warning", "not_run", PART + "[10].enforcer.module", "allows nothing",
    ),
    "a context of another kind": (
        put("cells/abi/reducer/context", "demo/Go@1"),
        "error", "unknown_context", PART + "[11].abi.reducer.context", "sys/ReducerContext@1",
    ),
    "an unknown enforcer": (
        put("asks/enforcer", {"module": "demo/Guard@1"}),
        "warning", "unknown_enforcer", PART + "[10].enforcer.module", "allows nothing",
    ),
    "an unknown default policy": (
        put("manifest/defaults/policy", "demo/polisy@1"),
        "error", "unknown_policy", AT + "defaults.policy", "did you mean demo/policy@1?",
    ),
    "a policy of an unknown effect": (
        put("policy/rules/0/when/effect_kind", "demo.asq"),
        "warning", "unknown_effect_kind", PART + "[12].rules[0].when.effect_kind", "demo.ask",
    ),
    "a policy of an unknown cap type": (
        put("policy/rules/0/when/cap_type", "demo.asq"),
        "warning", "unknown_cap_type", PART + "[12].rules[0].when.cap_type", "demo.ask",
    ),
    "a secret that nobody defined": (
        also(
            put("AskParams/type/record/key", ref("sys/TextOrSecretRef@1")),
            put("manifest/schemas/12", {"name": "sys/TextOrSecretRef@1"}),
            put("manifest/schemas/13", {"name": "sys/SecretRef@1"}),
            put(
                "plan/steps/0/params/record/key",
                {
                    "variant": {
                        "tag": "secret",
                        "value": {
                            "record": {"alias": {"text": "demo/secret"}, "version": {"nat": 2}}
                        },
                    }
                },
            ),
        ),
        "warning", "unknown_secret", IN + "steps[0].params.record.key.variant",
        "did you mean demo/secret@1?",
    ),
    "a secret of an unknown grant": (
        put("secret/allowed_caps/1", "may_asq"),
        "warning", "unknown_name", PART + "[13].allowed_caps[1]", "may_ask",
    ),
    "a route to an unknown reducer": (
        put("manifest/routing/events/0/reducer", "demo/Cell@1"),
        "error", "unknown_reducer", AT + "routing.events[0].reducer", "demo/Cells@1",
    ),
    "a route to a pure module": (
        put("manifest/routing/events/0/reducer", "sys/CapEnforceHttpOut@1"),
        "error", "unknown_reducer", AT + "routing.events[0].reducer", "no reducer",
    ),
    "a route of an event that is no member": (
        put("manifest/routing/events/2", {"event": "demo/Go@1", "reducer": "demo/Cells@1"}),
        "error", "wrong_event", AT + "routing.events[2].event", "route demo/Event@1",
    ),
    "a keyed reducer without key_field": (
        drop("manifest/routing/events/0/key_field"),
        "error", "key_field", AT + "routing.events[0]", "keyed",
    ),
    "a key_field that is not in the event": (
        put("manifest/routing/events/0/key_field", "$value.idd"),
        "error", "key_field", AT + "routing.events[0].key_field", "did you mean id?",
    ),
    "an unkeyed reducer with key_field": (
        drop("cells/key_schema"),
        "error", "key_field", AT + "routing.events[0].key_field", "not keyed",
    ),
    "a reducer that never gets its receipts": (
        drop("manifest/routing/events/1"),
        "warning", "no_receipt_route", PART + "[11].abi.reducer.effects_emitted[0]", "TimerFired",
    ),
    "a receipt event for keyed and unkeyed reducers": (
        also(
            put("loose", LOOSE),
            put("manifest/modules/1", {"name": "demo/Loose@1"}),
            put(
                "manifest/routing/events/2",
                {"event": "sys/TimerFired@1", "reducer": "demo/Loose@1"},
            ),
        ),
        "error", "mixed_receipts", AT + "routing.events", "demo/Loose@1, which is not",
    ),
    "an inbox of an unknown reducer": (
        put("manifest/routing/inboxes/0/reducer", "demo/Cell@1"),
        "error", "unknown_reducer", AT + "routing.inboxes[0].reducer", "demo/Cells@1",
    ),
    "a trigger of an unknown plan": (
        put("manifest/triggers/0/plan", "demo/plam@1"),
        "error", "unknown_plan", AT + "triggers[0].plan", "did you mean demo/plan@1?",
    ),
    "a trigger whose event is not the plan's input": (
        put("manifest/triggers/0/event", "demo/Said@1"),
        "error", "wrong_event", AT + "triggers[0].event", "takes demo/Go@1",
    ),
    "a trigger of an unknown event": (
        put("manifest/triggers/0/event", "demo/Goo@1"),
        "error", "unknown_schema", AT + "triggers[0].event", "did you mean demo/Go@1?",
    ),
    "a trigger given twice": (
        put("manifest/triggers/1", {"event": "demo/Go@1", "plan": "demo/plan@1"}),
        "error", "duplicate", AT + "triggers[1]", "demo/plan@1",
    ),
    "a correlation by a field that is not there": (
        put("manifest/triggers/0/correlate_by", "idd"),
        "warning", "correlate_by", AT + "triggers[0].correlate_by", "did you mean id?",
    ),
    "types in a circle": (
        put("How/type/variant/Slow", ref("demo/AskParams@1")),
        "error", "cyclic_type", PART + "[7].type.variant.Slow.ref",
        "demo/AskParams@1 -> demo/How@1 -> demo/AskParams@1",
    ),
    "a type that is too deep": (
        put("How/type/variant/Slow", deep(140)),
        "error", "too_large", PART + "[7].type", "levels",
    ),
    "a secret that nothing binds": (
        put("secret/binding_id", "vault:X"),
        "warning", "bad_binding", PART + "[13].binding_id", "env:NAME",
    ),
} | BROKEN_PLANS  # fmt: skip
