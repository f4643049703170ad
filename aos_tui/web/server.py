"""textual-serve's server, made to end cleanly, to need no other site, and to heed no other page."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from aos_tui.web.serve import PAGE

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class TabServer(Server):
    """Serves ``command`` to each tab that is opened."""

    def __init__(self, command: str, host: str, port: int, title: str) -> None:
        super().__init__(command, host, port, title, templates_path=PAGE)
        self._open: set[web.WebSocketResponse] = set()

    def initialize_logging(self) -> None:
        """What goes wrong is printed by Python's own."""

    async def on_startup(self, app: web.Application) -> None:
        """Say where."""
        print(f"aos-tui is at {self.public_url}   (ctrl+c ends it)", flush=True)  # noqa: T201
        if self.host not in _LOOPBACK:
            print(  # noqa: T201
                "  whoever reaches this address acts on the world, with your rights", flush=True
            )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A tab. Only our own page may open one: any other that a browser shows could else press
        keys here."""
        origin = urlsplit(request.headers.get("Origin", ""))
        name = urlsplit(f"//{request.host}").hostname
        known = self.host not in _LOOPBACK or name in _LOOPBACK
        if not known or (origin.netloc and origin.netloc != request.host):
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
