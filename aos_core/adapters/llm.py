"""``llm.generate``, live: any endpoint that answers ``POST /chat/completions`` as OpenAI's does.

A message blob is JSON: a message ``{role, content, ..}`` or a list of them. Any other blob is the
text of a user's message, so the body of a page can be one. A tool blob is one tool or a list of
them. The output blob is the assistant's message as JSON, and can be a message of the next call.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aos_core import canon
from aos_core.adapters.call import SIGNATURE, Call, Failure, Outside, Tell, bare
from aos_core.adapters.http import body_of, exchange, stored
from aos_core.adapters.prepared import PREVIEW
from aos_core.adapters.receipt import Receipt
from aos_core.errors import UsageError
from aos_core.live_settings import LlmSettings
from aos_core.store import Store

ADAPTER = "host.llm"
MTOK = 1_000_000
RATE_LIMITED = 429
LONGEST_MESSAGE = 500
"""Characters of an endpoint's error that a receipt keeps."""


async def perform(call: Call, outside: Outside, tell: Tell) -> Receipt:
    """The model's answer, its message in the store. Raises :class:`Failure`, and
    :class:`UsageError` where nothing says where the provider is."""
    try:
        provider = provider_of(call.params["provider"], outside)
        document = _request(call.params, outside.store)
        async with outside.slots:
            status, body = await _post(document, provider, call, outside, tell)
        if status != 200:
            raise _refused(status, body)
        return _receipt(call, provider, body)
    except Failure as failure:
        failure.known["provider_id"] = call.params["provider"]
        raise


def provider_of(name: str, outside: Outside) -> LlmSettings:
    """Where a provider answers. Raises :class:`UsageError`."""
    found = outside.settings.llm.get(name)
    if outside.llm_url is not None:
        return replace(found or LlmSettings(""), base_url=outside.llm_url)
    if found is None:
        raise UsageError(
            f"nothing says where the LLM provider {name!r} answers",
            code="no_provider",
            hint=f'give world.toml [llm."{name}"] base_url = "https://..", or set AOS_LLM_URL',
        )
    return found


def _request(params: Any, store: Store) -> bytes:
    document = {
        "model": params["model"],
        "messages": [of for ref in params["message_refs"] for of in _messages(stored(store, ref))],
        "temperature": float(params["temperature"]),
        "max_tokens": params["max_tokens"],
    }
    if refs := params.get("tool_refs"):
        document["tools"] = [of for ref in refs for of in _tools(stored(store, ref), ref)]
    if (choice := params.get("tool_choice")) is not None:
        document["tool_choice"] = _tool_choice(choice)
    try:
        return json.dumps(document, allow_nan=False).encode()
    except ValueError as error:
        raise Failure("bad_request", f"the request is no JSON: {error}") from error


def _messages(blob: bytes) -> list[Any]:
    found = _json(blob)
    items = found if isinstance(found, list) else [found]
    if items and all(isinstance(of, dict) and "role" in of for of in items):
        return items
    return [{"role": "user", "content": blob.decode(errors="replace")}]


def _tools(blob: bytes, ref: str) -> list[Any]:
    found = _json(blob)
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(of, dict) for of in items):
        raise Failure("bad_request", f"the tool blob {ref} is no JSON object, and no list of them")
    return items


def _tool_choice(choice: Any) -> Any:
    if choice["$tag"] == "Tool":
        return {"type": "function", "function": {"name": choice["$value"]["name"]}}
    return choice["$tag"].lower()


def _json(data: bytes) -> Any:
    """The JSON value that ``data`` is; None for what is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


async def _post(
    document: bytes, provider: LlmSettings, call: Call, outside: Outside, tell: Tell
) -> tuple[int, bytes]:
    """(HTTP status, body)."""
    url = f"{provider.base_url.rstrip('/')}/chat/completions"
    headers = {
        b"content-type": b"application/json",
        **_authorization(bare(call.params.get("api_key"))),
    }
    limit, body = outside.settings.http.max_body, bytearray()
    async with (
        exchange(provider.timeout_s) as client,
        client.stream("POST", url, content=document, headers=headers) as response,
    ):
        async for chunk in body_of(response, limit, call.secrets, tell):
            body += chunk
    return response.status_code, bytes(body)


def _authorization(key: Any) -> dict[bytes, bytes]:
    """None for a null key."""
    if key is None:
        return {}
    return {b"authorization": b"Bearer " + (key.encode() if isinstance(key, str) else key)}


def _refused(status: int, body: bytes) -> Failure:
    match _json(body):
        case {"error": {"message": str(said)}} | {"error": str(said)} | {"message": str(said)}:
            text = said
        case _:
            text = "no reason given"
    code = "rate_limited" if status == RATE_LIMITED else f"http_{status}"
    return Failure(code, f"HTTP {status}: {_whole(text)[:LONGEST_MESSAGE]}")


def _whole(text: str) -> str:
    """``text`` without halves of characters, which JSON can hold and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def _receipt(call: Call, provider: LlmSettings, body: bytes) -> Receipt:
    answer = _json(body)
    match answer:
        case {"choices": [{"message": dict(said)}, *_]}:
            pass
        case _:
            raise Failure("bad_answer", "the endpoint's answer has no choices[0].message")
    kept = {name: said[name] for name in ("content", "tool_calls") if said.get(name) is not None}
    message = {"role": "assistant", **kept}
    output = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    if call.secrets.found_in(output):
        raise Failure("secret_in_answer", "the answer holds the value of a secret")
    prompt, completion = _tokens(answer, "prompt_tokens"), _tokens(answer, "completion_tokens")
    price = (
        prompt * provider.prompt_cents_per_mtok + completion * provider.completion_cents_per_mtok
    )
    cents = -(-price // MTOK)  # a cent begun is a cent
    content = kept.get("content")
    payload = {
        "output_ref": canon.hash_text(canon.sha256(output)),
        "token_usage": {"prompt": prompt, "completion": completion},
        "cost_cents": cents,
        "provider_id": call.params["provider"],
        "output_preview": _whole(content)[:PREVIEW] if isinstance(content, str) else "",
    }
    return Receipt(call.intent.hash, "ok", payload, ADAPTER, cents, SIGNATURE, (output,))


def _tokens(answer: Any, name: str) -> int:
    match answer.get("usage"):
        case dict(usage) if type(usage.get(name)) is int and 0 <= usage[name] < 2**32:
            return int(usage[name])
    return 0
