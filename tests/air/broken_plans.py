"""Changes that break the plan of the sound world."""

from __future__ import annotations

from tests.air.checked_worlds import AGAIN, IN, Change, Nodes, also, drop, invariant, put, ref, step

BESIDE = {"id": "beside", "op": "assign", "expr": ref("@var:got"), "bind": {"as": "beside"}}


def secretive(alias: str) -> Change:
    """The effect's text may be a secret, and is one."""
    named = {"record": {"alias": {"text": alias}, "version": {"nat": 1}}}
    secret = {"variant": {"tag": "secret", "value": named}}

    def change(nodes: Nodes) -> None:
        nodes["AskParams"]["type"]["record"]["q"] = ref("sys/TextOrSecretRef@1")
        nodes["plan"]["steps"][0]["params"]["record"]["q"] = secret
        nodes["manifest"]["schemas"].append({"name": "sys/TextOrSecretRef@1"})

    return change


# id: (change, severity, code, file and path, a word of the message or the hint)
BROKEN_PLANS: dict[str, tuple[Change, str, str, str, str]] = {
    # -- check_plans
    "a secret that is for others": (
        also(secretive("demo/secret"), put("secret/allowed_plans", ["demo/other@1"])),
        "warning", "secret_denied", IN + "steps[0].params.record.q", "demo/other@1",
    ),
    # -- as authored
    "a member that nobody knows": (
        also(drop("plan/invariants"), put("plan/invariant", [])),
        "warning", "unknown_member", IN + "invariant", "did you mean invariants?",
    ),
    "a step's member of another op": (
        step(2, where={"bool": True}),
        "warning", "unknown_member", IN + "steps[2].where", "dropped",
    ),
    "two steps of one id": (
        put("plan/steps/6", {"id": "end", "op": "end", "result": {"n": 1}}),
        "error", "duplicate", IN + "steps[6].id", "end",
    ),
    "an edge to nowhere": (
        put("plan/edges/4/to", "ent"),
        "error", "unknown_step", IN + "edges[4].to", "did you mean end?",
    ),
    "an edge given twice": (
        put("plan/edges/5", {"from": "ask", "to": "got", "when": {"bool": True}}),
        "error", "duplicate", IN + "edges[5]", "guards",
    ),
    "a cycle": (
        put("plan/edges/5", {"from": "say", "to": "count"}),
        "error", "cycle", IN + "edges[5]", "count -> say -> count",
    ),
    "an edge to its own step": (
        put("plan/edges/5", {"from": "say", "to": "say"}),
        "error", "cycle", IN + "edges[5]", "say -> say",
    ),
    "a guard that does not parse": (
        put("plan/edges/1/when", {"op": "equals", "args": []}),
        "error", "bad_expression", IN + "edges[1].when.op", "unknown operator",
    ),
    "an operator that is misspelt": (
        put("plan/edges/1/when/op", "equ"),
        "error", "bad_expression", IN + "edges[1].when.op", "did you mean eq?",
    ),
    "a reference that is misspelt": (
        put("plan/edges/1/when/args/0/ref", "@vra:got.n"),
        "error", "bad_expression", IN + "edges[1].when.args[0].ref", "did you mean @var:?",
    ),
    "a where that is no expression": (
        step(4, where="always"),
        "error", "bad_expression", IN + "steps[4].where", "expected an expression",
    ),
    "an input path that is not there": (
        put("plan/steps/0/params/record/q/ref", "@plan.input.whom"),
        "error", "unknown_field", IN + "steps[0].params.record.q.ref", "did you mean who?",
    ),
    "an event path that is not there": (
        put("plan/steps/4/where/args/0/ref", "@event.idd"),
        "error", "unknown_field", IN + "steps[4].where.args[0].ref", "did you mean id?",
    ),
    "a path into a handle": (
        put("plan/steps/3/value/record/what/ref", "@var:h.intent"),
        "error", "unknown_field", IN + "steps[3].value.record.what.ref", "'intent'",
    ),
    "a field of an emit's value": (
        put("plan/steps/3/value/record/what/ref", "@step:ask.handles"),
        "error", "unknown_field", IN + "steps[3].value.record.what.ref", "did you mean handle?",
    ),
    "a path of a typed local": (
        put("plan/steps/3/value/record/id/ref", "@step:count.m"),
        "error", "unknown_field", IN + "steps[3].value.record.id.ref", "known: n",
    ),
    "an unbound variable": (
        put("plan/steps/2/expr/record/n/ref", "@var:gott.n"),
        "error", "unknown_variable", IN + "steps[2].expr.record.n.ref", "did you mean got?",
    ),
    "a variable read before it is bound": (
        put("plan/steps/0/params/record/q/ref", "@var:got.q"),
        "error", "bound_later", IN + "steps[0].params.record.q.ref", "before got",
    ),
    "a variable of a step beside": (
        put("plan/steps/6", BESIDE),
        "warning", "perhaps_unbound", IN + "steps[6].expr.ref", "an edge from got to beside",
    ),
    "an unknown step": (
        put("plan/steps/3/value/record/id/ref", "@step:cound.n"),
        "error", "unknown_step", IN + "steps[3].value.record.id.ref", "did you mean count?",
    ),
    "a step that is no ancestor": (
        put("plan/steps/2/expr/record/n/ref", "@step:heard.id"),
        "error", "not_an_ancestor", IN + "steps[2].expr.record.n.ref", "does not come after",
    ),
    "an event in an invariant": (
        invariant({"op": "eq", "args": [ref("@event.id"), {"nat": 1}]}),
        "error", "event_reference", IN + "invariants[1].args[0].ref", "await_event",
    ),
    "an event in a guard": (
        put("plan/edges/4/when", ref("@event")),
        "error", "event_reference", IN + "edges[4].when.ref", "await_event",
    ),
    "a field too many": (
        put("plan/steps/0/params/record/hou", {"text": "x"}),
        "error", "bad_literal", IN + "steps[0].params.record.hou", "did you mean how?",
    ),
    "a field too few": (
        drop("plan/steps/3/value/record/id"),
        "error", "bad_literal", IN + "steps[3].value.record", "'id' is missing",
    ),
    "an unknown tag": (
        put("plan/steps/0/params/record/how/variant/tag", "Slaw"),
        "error", "bad_literal", IN + "steps[0].params.record.how.variant.tag", "Slow",
    ),
    "a constant out of range": (
        put("plan/steps/0/params/record/how/variant/value", {"int": -3}),
        "error", "bad_literal", IN + "steps[0].params.record.how.variant.value", "range",
    ),
    "a constant of another type": (
        step(5, result={"record": {"n": {"text": "x"}}}),
        "error", "bad_literal", IN + "steps[5].result.record.n", "expected nat",
    ),
    "a constant with a variant that does not fit": (
        step(0, params={"record": {"q": {"nat": 1}, "how": {"variant": {"tag": "Fast"}}}}),
        "error", "bad_literal", IN + "steps[0].params", "expected text",
    ),
    "an idempotency key that is no hash": (
        step(0, idempotency_key={"text": "once"}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "64 hex digits",
    ),
    "an idempotency key of another kind": (
        step(0, idempotency_key={"nat": 5}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "nat is not a hash",
    ),
    "an idempotency key of too few bytes": (
        step(0, idempotency_key={"bytes_b64": "AAAA"}),
        "error", "bad_literal", IN + "steps[0].idempotency_key", "3 bytes",
    ),
    "a receipt awaited twice": (
        also(put("plan/steps/6", AGAIN[0]), put("plan/edges/5", AGAIN[1])),
        "warning", "awaited_twice", IN + "steps[6].for", "@var:got",
    ),
    "an await of what is no handle": (
        put("plan/steps/1/for/ref", "@var:correlation_id"),
        "error", "not_a_handle", IN + "steps[1].for", "known: h",
    ),
    "an await of a handle's text that nobody binds": (
        step(1, **{"for": {"text": "hh"}}),
        "error", "not_a_handle", IN + "steps[1].for", "did you mean h?",
    ),
    "an unknown effect": (
        put("plan/steps/0/kind", "demo.asq"),
        "error", "unknown_effect", IN + "steps[0].kind", "did you mean demo.ask?",
    ),
    "an effect that is for reducers": (
        put("ask/origin_scope", "reducer"),
        "error", "origin_scope", IN + "steps[0].kind", "only reducers",
    ),
    "an unknown grant": (
        put("plan/steps/0/cap", "may_asc"),
        "error", "unknown_grant", IN + "steps[0].cap", "did you mean may_ask?",
    ),
    "a grant of another type": (
        put("plan/steps/0/cap", "may_wait"),
        "error", "cap_type", IN + "steps[0].cap", "needs demo.ask",
    ),
    "other required caps": (
        put("plan/required_caps/1", "may_wait"),
        "error", "derived_set", IN + "required_caps", "its steps use may_ask",
    ),
    "other allowed effects": (
        put("plan/allowed_effects", ["timer.set"]),
        "error", "derived_set", IN + "allowed_effects", "its steps use demo.ask",
    ),
    "no result for an output": (
        drop("plan/steps/5/result"),
        "error", "end_result", IN + "steps[5]", "demo/Count@1",
    ),
    "a result without an output": (
        drop("plan/output"),
        "error", "end_result", IN + "steps[5].result", "declares no output",
    ),
    "a correlated plan that takes any event": (
        put("plan/steps/4/where", {"op": "eq", "args": [ref("@event.id"), ref("@plan.input.id")]}),
        "error", "uncorrelated", IN + "steps[4]", "@var:correlation_id",
    ),
}  # fmt: skip
