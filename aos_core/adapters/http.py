"""``http.request``, live, and what other adapters need of HTTP.

Bodies go into the store as they were sent; the adapter asks for them unencoded. A redirect is an
answer like any other unless ``follow_redirects`` is set. Then each hop must be allowed by the
constraints of the request's own capability, and another origin gets only headers that say nothing
about the sender.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from aos_core import canon
from aos_core.adapters.call import SIGNATURE, Call, Failure, Outside, Secrets, Tell, bare
from aos_core.adapters.prepared import PREVIEW
from aos_core.adapters.receipt import Receipt
from aos_core.live_settings import HttpSettings
from aos_core.store import Store

ADAPTER = "host.http"
MOST_HOPS = 10
UTF8_LONGEST = 4

_OURS = {"host", "content-length", "transfer-encoding", "connection"}
"""Headers that follow from the URL and the body. A ``host`` of the author's own would reach a
site that the capability was never asked about."""
_CARRIED = _OURS | {"accept", "accept-encoding", "accept-language", "content-type", "user-agent"}
"""What another origin gets to see after a redirect."""


async def perform(call: Call, outside: Outside, tell: Tell) -> Receipt:
    """The answer of the server, its body in the store. Raises :class:`Failure`."""
    settings, start_ns = outside.settings.http, time.time_ns()
    try:
        async with outside.slots, exchange(settings.timeout_s) as client:
            request = _request(client, call, outside.store)
            response = await _send(client, request, call, settings)
            try:
                return await _receive(response, call, outside, tell, start_ns)
            finally:
                await response.aclose()
    except Failure as failure:
        failure.known |= {"timings": _timings(start_ns), "adapter_id": ADAPTER}
        raise


@asynccontextmanager
async def exchange(timeout_s: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client for an exchange that may take ``timeout_s`` seconds; what goes wrong in it raises
    :class:`Failure`."""
    headers = {"user-agent": "aos", "accept-encoding": "identity"}
    try:
        with _failures():
            async with asyncio.timeout(timeout_s):
                async with httpx.AsyncClient(
                    headers=headers, verify=_tls(), timeout=None
                ) as client:
                    yield client
    except TimeoutError:
        text = f"no whole answer within {timeout_s} s"
        raise Failure("timeout", text, status="timeout") from None


@cache
def _tls() -> ssl.SSLContext:
    """Takes long to make, and every client can use the same."""
    return httpx.create_ssl_context()


@contextmanager
def _failures() -> Iterator[None]:
    """The errors of httpx, and of values it cannot send, as :class:`Failure`."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Failure("bad_url", str(error)) from error
    except (httpx.ConnectError, httpx.ProxyError) as error:
        raise Failure("no_connection", str(error) or "no connection") from error
    except (httpx.LocalProtocolError, UnicodeError):
        # the error quotes the value, which may be a secret
        raise Failure("bad_request", "the method or a header holds what HTTP cannot send") from None
    except httpx.HTTPError as error:
        text = str(error) or "the connection broke off"
        raise Failure("broken_off", text) from error


def _request(client: httpx.AsyncClient, call: Call, store: Store) -> httpx.Request:
    match call.params:
        case {"method": str(method), "url": str(text), "headers": dict(given)}:
            headers = {name: bare(value) for name, value in given.items()}
        case _:
            raise Failure("bad_request", "these params are not those of sys/HttpRequestParams@1")
    if own := sorted(_OURS & {name.lower() for name in headers}):
        text = f"{', '.join(own)}: follows from the URL and the body, leave it out"
        raise Failure("bad_request", text)
    url = httpx.URL(text)
    require_one_reading(text, url)
    ref = call.params.get("body_ref")
    body = None if ref is None else stored(store, ref)
    return client.build_request(method.upper(), url, headers=headers, content=body)


def stored(store: Store, ref: str) -> bytes:
    """The blob of a hash. Raises :class:`Failure` where the store lacks it."""
    digest = canon.parse_hash(ref)
    if not store.has(digest):
        raise Failure("no_blob", f"the store has no {ref}")
    return store.get(digest, what="a blob")


def require_one_reading(text: str, url: httpx.URL) -> None:
    """Refuse a URL whose host the kernel, which has allowed it, reads in another way."""
    try:
        parts = urlsplit(text)
        default = {"http": 80, "https": 443}.get(url.scheme)
        host, port = (parts.hostname or "").lower(), parts.port or default
    except ValueError as error:
        raise Failure("bad_url", str(error)) from error
    ours = (url.host, url.raw_host.decode("ascii"))  # a name of other letters has two forms
    if parts.scheme.lower() != url.scheme or host not in ours or port != (url.port or default):
        raise Failure("bad_url", "its host can be read in two ways")


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, call: Call, settings: HttpSettings
) -> httpx.Response:
    """The response, its body still to be read, after the redirects that are followed."""
    for _ in range(MOST_HOPS + 1):
        response = await client.send(request, stream=True)
        hop = response.next_request
        if hop is None or not settings.follow_redirects:
            return response
        await response.aclose()
        try:
            _require_allowed(hop, call)
        except Failure as failure:
            failure.known |= _seen(response)
            raise
        if _origin(hop.url) != _origin(request.url):
            _strip(hop, call.secrets)
        request = hop
    raise Failure("too_many_redirects", f"more than {MOST_HOPS} redirects")


def _require_allowed(hop: httpx.Request, call: Call) -> None:
    url = str(hop.url)
    require_one_reading(url, hop.url)
    if (code := call.denied(hop.method, url)) is not None:
        text = f"the redirect to {hop.url.host} is not allowed: {code}"
        raise Failure("redirect_denied", text)


def _strip(hop: httpx.Request, secrets: Secrets) -> None:
    """Take from a request what another origin must not see."""
    names = {
        name.decode("ascii").lower()
        for name, value in hop.headers.raw
        if name.decode("ascii").lower() not in _CARRIED or secrets.found_in(value)
    }
    for name in names:
        del hop.headers[name]


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def _seen(response: httpx.Response) -> dict[str, Any]:
    """What a receipt says of a response before its body; headers of one name are joined."""
    return {"status": response.status_code, "headers": dict(response.headers)}


async def _receive(
    response: httpx.Response, call: Call, outside: Outside, tell: Tell, start_ns: int
) -> Receipt:
    head, limit = b"", outside.settings.http.max_body
    with outside.store.draft() as draft:
        try:
            async for chunk in body_of(response, limit, call.secrets, tell):
                head += chunk[: PREVIEW * UTF8_LONGEST - len(head)]
                draft.write(chunk)
        except Failure as failure:
            failure.known |= _seen(response)
            raise
        ref = canon.hash_text(draft.keep()) if draft.size else None
    payload = {
        **_seen(response),
        "body_ref": ref,
        "timings": _timings(start_ns),
        "adapter_id": ADAPTER,
        "body_preview": head.decode(errors="replace")[:PREVIEW],
    }
    return Receipt(call.intent.hash, "ok", payload, ADAPTER, 0, SIGNATURE)


async def body_of(
    response: httpx.Response, limit: int, secrets: Secrets, tell: Tell
) -> AsyncIterator[bytes]:
    """The body as it was sent, in chunks. Raises :class:`Failure` beyond ``limit`` bytes, and
    where a secret comes back in it."""
    length = response.headers.get("content-length", "")
    total = int(length) if length.isdecimal() else None
    done, overlap = 0, b""
    too_big = Failure("too_big", f"the body is longer than {limit} bytes ([http] max_body_mib)")
    if total is not None and total > limit:
        raise too_big
    async for chunk in response.aiter_raw():
        done += len(chunk)
        if done > limit:
            raise too_big
        if secrets.longest:
            seen = overlap + chunk
            if secrets.found_in(seen):
                raise Failure("secret_in_answer", "the body holds the value of a secret")
            overlap = seen[-secrets.longest :]
        tell(done, total)
        yield chunk


def _timings(start_ns: int) -> dict[str, int]:
    """Nanoseconds since the epoch."""
    return {"start_ns": start_ns, "end_ns": time.time_ns()}
