"""Changes of the sound world in which ``check`` must find nothing."""

from __future__ import annotations

from tests.air.checked_worlds import AGAIN, Change, also, drop, invariant, put, ref, step

FINE: dict[str, Change] = {
    "an unknown member of a receipt": put("plan/steps/2/expr/record/n/ref", "@var:got.more.of.it"),
    "a map's item by its key": also(
        put("plan/input", "demo/Note@1"),
        put("manifest/triggers/0/event", "demo/Note@1"),
        put("plan/steps/0/params/record/q/ref", "@plan.input.tags.any"),
    ),
    "an option's value": put("plan/steps/0/params/record/q/ref", "@plan.input.note"),
    "the earlier name of the input": put("plan/steps/0/params/record/q/ref", "@input.who"),
    "a handle asked for anew and awaited again": also(
        put("plan/steps/6", AGAIN[0]),
        lambda nodes: nodes["plan"]["steps"].append({**nodes["plan"]["steps"][0], "id": "anew"}),
        put("plan/edges/5", {"from": "got", "to": "anew"}),
        put("plan/edges/6", {"from": "anew", "to": "again"}),
    ),
    "a handle by its step": put("plan/steps/1/for/ref", "@step:ask.handle"),
    "a handle by its name": step(1, **{"for": {"text": "h"}}),
    "32 bytes as idempotency key": step(0, idempotency_key={"bytes_b64": "A" * 43 + "="}),
    "a literal instead of an expression": step(5, result={"n": 4}),
    "a variant literal": step(0, params={"q": "x", "how": {"Slow": 4}}),
    "numbers of another kind": step(5, result={"record": {"n": {"int": 4}}}),
    "an unlisted built-in cap": put("manifest/caps", [{"name": "demo/asks@1"}]),
    "sets left out": also(drop("plan/required_caps"), drop("plan/allowed_effects")),
    "a native module without wasm": put("manifest/modules/1", {"name": "sys/Workspace@1"}),
    "a slot named default": put(
        "manifest/module_bindings", {"demo/Cells@1": {"slots": {"default": "may_wait"}}}
    ),
    "a reference inside an invariant": invariant(
        {"op": "ge", "args": [ref("@var:count.n"), {"nat": 0}]}
    ),
}
