"""Worlds that ask for live effects: every event asks for one, with the event as its params."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.kernel.records import Record
from aos_core.live import Outcome, release_live
from aos_core.world import World
from tests.adapters.servers import Server
from tests.kernel.worlds import Node, await_, emit, plan, pure, ref, schema
from tests.support import tiny_world, wat

GET = "demo/Get@1"
LLM = "demo/Generate@1"
HTTP_GRANT: Node = {"name": "web", "cap": "sys/http.out@1", "params": {}}
LLM_GRANT: Node = {"name": "models", "cap": "sys/llm.basic@1", "params": {}}

# as sys/http.request@1, with secrets in headers
HTTP_PARAMS: Node = {
    "record": {
        "method": {"text": {}},
        "url": {"text": {}},
        "headers": {"map": {"key": {"text": {}}, "value": {"ref": "sys/TextOrSecretRef@1"}}},
        "body_ref": {"option": {"hash": {}}},
    }
}
HTTP_EFFECT: Node = {
    "$kind": "defeffect",
    "name": "demo/http@1",
    "kind": "http.request",
    "params_schema": GET,
    "receipt_schema": "sys/HttpRequestReceipt@1",
    "cap_type": "http.out",
    "origin_scope": "plan",
}
OPEN: Node = {
    "$kind": "defcap",
    "name": "demo/open@1",
    "cap_type": "http.out",
    "schema": {"record": {}},
}
GUARDED: Node = {**OPEN, "name": "demo/guarded@1", "enforcer": {"module": "demo/Guard@1"}}
LONG = 2000
_ALLOWS, _DENIES = (
    canon.encode_plain({"output": canon.encode({"constraints_ok": deny is None, "deny": deny})})
    for deny in (None, {"code": "too_short", "message": ""})
)
GUARD = wat(
    f"""(if (result i32 i32) (i32.gt_u (local.get 1) (i32.const {LONG}))
      (then (i32.const 0) (i32.const {len(_ALLOWS)}))
      (else (i32.const {len(_ALLOWS)}) (i32.const {len(_DENIES)})))""",
    _ALLOWS + _DENIES,
    entry="run",
)
"""An enforcer of the world's own, which allows what takes more than ``LONG`` bytes to ask for."""
SECRET: Node = {"$kind": "defsecret", "name": "demo/key@1", "binding_id": "env:DEMO_KEY"}
KEY = {"secret": {"alias": "demo/key", "version": 1}}


def asking(kind: str, event: str, cap: str) -> Node:
    asks = emit("ask", cap=cap, kind=kind, params=ref("plan.input"))
    name = f"demo/{kind.replace('.', '_')}@1"
    return plan(name, [asks, await_("got", "ask")], ("ask", "got"), input=event)


def live_world(
    to: Path, *, http: str = "", llm: str = "", grant: Node = HTTP_GRANT, memory: bool = False
) -> World:
    """A world for ``get`` and ``generate``, open for writing."""
    nodes = [
        schema(GET, HTTP_PARAMS),
        schema(LLM, {"ref": "sys/LlmGenerateParams@1"}),
        HTTP_EFFECT,
        OPEN,
        GUARDED,
        pure("demo/Guard@1"),
        SECRET,
        asking("http.request", GET, "web"),
        asking("llm.generate", LLM, "models"),
        asking("demo.ask", "demo/AskParams@1", "asks"),
    ]
    triggers = [(GET, "demo/http_request@1"), (LLM, "demo/llm_generate@1"),
                ("demo/AskParams@1", "demo/demo_ask@1")]  # fmt: skip
    asks: Node = {"name": "asks", "cap": "demo/asks@1", "params": {}}
    tiny_world(
        to,
        *nodes,
        wasm={"Guard": GUARD},
        config=f"[http]\n{http}\n{llm}\n",
        effects=("llm.generate",),
        grants=(grant, LLM_GRANT, asks),
        triggers=triggers,
    )
    return World.open(to, memory=memory)


def get(world: World, url: str, **more: Any) -> None:
    """Ask for a URL; headers are texts, or ``KEY``."""
    headers = {
        name: {"literal": value} if isinstance(value, str) else value
        for name, value in more.pop("headers", {}).items()
    }
    world.fire(GET, {"method": "GET", "url": url, "headers": headers, "body_ref": None, **more})


def live(world: World, **environ: str) -> list[Outcome]:
    """Release all that is pending."""
    return release_live(world, world.pending, environ=environ)


def receipts(records: Iterable[Record]) -> list[Record]:
    return [of for of in records if of.kind == "receipt"]


def answer(world: World, url: str, environ: dict[str, str] | None = None, **more: Any) -> Record:
    """Ask for a URL and release it live: the record of the receipt."""
    get(world, url, **more)
    (outcome,) = live(world, **(environ or {}))
    assert outcome.turn is not None, outcome.error
    (record,) = receipts(outcome.turn.records)
    assert world.pending == [] and world.verify().ok
    return record


def granted(server: Server, **more: list[Any]) -> Node:
    """A grant for one server only."""
    lists = {"hosts": ["127.0.0.1"], "ports": [server.port], **more}
    return {**HTTP_GRANT, "params": lists}
