"""textual-serve's server, made to end cleanly, to need no other site, and to heed no other page."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Collection
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler
from textual_serve.app_service import AppService
from textual_serve.server import Server

from aos_tui.options import host_name
from aos_tui.web.hosts import is_known, refusal
from aos_tui.web.serve import PAGE

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where nobody but this machine reaches the server."""


class TabServer(Server):
    """Serves ``command`` to each tab that is opened. ``names``: by which browsers may call it,
    beside ``host`` and every address."""

    def __init__(
        self, command: str, host: str, port: int, title: str, names: Collection[str]
    ) -> None:
        super().__init__(command, host, port, title, templates_path=PAGE)
        self._names = {*names, host_name(host) or host}
        self._open: set[web.WebSocketResponse] = set()

    def serve(self, debug: bool = False) -> None:
        """Serve until ctrl+c, or until the process is asked to end. Raises :class:`OSError` where
        nothing can listen there."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        app = await self._make_app()
        app.middlewares.append(self._only_known)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        asked = asyncio.Event()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
            self._say_where(runner.addresses[0][1])
            with contextlib.suppress(NotImplementedError):  # elsewhere ctrl+c interrupts
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, asked.set)
            await asked.wait()
        finally:
            await runner.cleanup()

    def _say_where(self, port: int) -> None:
        say = partial(print, flush=True)
        host = f"[{self.host}]" if ":" in self.host else self.host
        say(f"aos-tui is at http://{host}:{port}   (ctrl+c ends it)")
        if self.host not in LOOPBACK:
            say("  whoever reaches this address acts on the world, with your rights")
            say("  call it by an address; --allow-host NAME lets it be called by a name too")

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: where it is is said when it listens."""

    @web.middleware
    async def _only_known(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only who calls this machine by an address, or by a name that it has."""
        if is_known(request.host, self._names):
            return await handler(request)
        return web.Response(status=403, text=refusal(request.host))

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A tab. Only our own page may open one: any other that a browser shows could else press
        keys here."""
        origin = request.headers.get("Origin")  # "null" of a page in a sandbox, too
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="only the page of this server may open the app")
        return await super().handle_websocket(request)

    async def _process_messages(
        self, websocket: web.WebSocketResponse, app_service: AppService
    ) -> None:
        self._open.add(websocket)
        try:
            await super()._process_messages(websocket, app_service)
        finally:
            self._open.discard(websocket)

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the tabs: each app then gives up its world and ends, before the server does."""
        closing: list[Any] = [
            tab.close(code=WSCloseCode.GOING_AWAY, message=b"the server has ended")
            for tab in self._open
        ]
        await asyncio.gather(*closing, return_exceptions=True)
