"""Real servers on 127.0.0.1, for what lives outside of a world."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LATIN_1 = "naïve café".encode("latin-1")


@dataclass(frozen=True)
class Seen:
    """A request as it came in; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A server with its threads. ``asked``: somebody hangs; ``gone``: and has gone away."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    answer: Callable[[Seen], tuple[int, dict[str, str], bytes]] | None = None

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def paths(self) -> list[str]:
        return [of.path for of in self.seen]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: Server

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.request_seen = Seen(self.command, self.path, headers, body)
        self.of.seen.append(self.request_seen)
        if self.of.answer is not None:
            self.send(*self.of.answer(self.request_seen))
            return
        parts = urlsplit(self.path)
        getattr(self, f"on_{parts.path[1:]}")(dict(parse_qsl(parts.query)))

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def on_ok(self, query: dict[str, str]) -> None:
        self.send(200, {"content-type": "application/json", "x-kind": "plain"}, b'{"n":1}')

    def on_status(self, query: dict[str, str]) -> None:
        self.send(int(query["code"]), {}, b"no")

    def on_empty(self, query: dict[str, str]) -> None:
        self.send_response(204)
        self.end_headers()

    def on_latin1(self, query: dict[str, str]) -> None:
        self.send(200, {"content-type": "text/plain; charset=latin-1"}, LATIN_1)

    def on_echo(self, query: dict[str, str]) -> None:
        seen = self.request_seen
        self.send(200, {}, json.dumps([seen.headers, seen.body.decode()]).encode())

    def on_echo_in_header(self, query: dict[str, str]) -> None:
        self.send(200, {"x-echo": self.request_seen.headers["authorization"]}, b"")

    def on_bytes(self, query: dict[str, str]) -> None:
        self.send(200, {}, b"x" * int(query["n"]))

    def on_chunked(self, query: dict[str, str]) -> None:
        """``n`` chunks of 64 KiB and no length; a reader that has enough may go."""
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(int(query["n"])):
                self.wfile.write(b"10000\r\n" + b"y" * 0x10000 + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.of.gone.set()
            self.close_connection = True

    def on_split(self, query: dict[str, str]) -> None:
        """The authorization in two chunks, sent one after the other."""
        value = self.request_seen.headers["authorization"].encode()
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in (b"..." + value[:7], value[7:] + b"..."):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def on_redirect(self, query: dict[str, str]) -> None:
        self.send(int(query.get("code", 302)), {"location": query["to"]}, b"go on")

    def on_loop(self, query: dict[str, str]) -> None:
        self.send(302, {"location": "/loop"}, b"")

    def on_cut(self, query: dict[str, str]) -> None:
        self.send(200, {"content-length": "100"}, b"half")
        self.close_connection = True

    def on_reset(self, query: dict[str, str]) -> None:
        linger = struct.pack("ii", 1, 0)  # so that close sends a reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def on_rubbish(self, query: dict[str, str]) -> None:
        self.wfile.write(b"this is no HTTP\r\n\r\n")
        self.close_connection = True

    def on_hang(self, query: dict[str, str]) -> None:
        """No answer; waits until the other side gives up."""
        self.of.asked.set()
        self.connection.recv(1)
        self.of.gone.set()
        self.close_connection = True

    def on_hang_in_body(self, query: dict[str, str]) -> None:
        self.send(200, {"content-length": "100"}, b"half")
        self.wfile.flush()
        self.on_hang(query)


@contextmanager
def serving() -> Iterator[Server]:
    """A server while the block runs."""
    of = Server()
    handler = type("Handler", (_Handler,), {"of": of})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        of.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield of
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port of 127.0.0.1 that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
