"""A real Chromium without a window, driven over its DevTools protocol; what xterm.js has on its
screen."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

PATIENCE = 60.0
"""Seconds until what must come has come; a slow machine is no failure."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_CATCH_TERMINAL = """
Object.defineProperty(Object.prototype, "fitAddon", {configurable: true, set(addon) {
  window.shown = this;
  Object.defineProperty(this, "fitAddon", {value: addon, writable: true});
}});
"""
"""textual-serve keeps its terminal to itself: caught where it is given its first addon."""

_TEXT = """(() => {
  if (!window.shown) return "";
  const buffer = window.shown.terminal.buffer.active, lines = [];
  for (let at = 0; at < window.shown.terminal.rows; at++)
    lines.push(buffer.getLine(at)?.translateToString(true) ?? "");
  return lines.join("\\n");
})()"""


def find_chromium() -> str | None:
    """The program, where there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Browser]:
    """A browser whose profile is in this folder; ends with it."""
    program = find_chromium()
    assert program is not None
    flags = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--window-size=1300,900",
        "--remote-debugging-port=0", f"--user-data-dir={profile}",
    ]  # fmt: skip
    process = subprocess.Popen(
        [program, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )  # fmt: skip
    try:
        port = await _port(profile / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session, Browser(session, port) as found:
            yield found
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


async def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(int(PATIENCE / 0.1)):
        assert process.poll() is None, "the browser has ended"
        if file.exists() and "\n" in (text := file.read_text()):
            return int(text.splitlines()[0])
        await asyncio.sleep(0.1)
    raise AssertionError("the browser never said where it listens")


class Browser:
    """One page. ``hosts``: those it asked for anything."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._port = session, port
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.hosts: set[str] = set()

    async def __aenter__(self) -> Self:
        async with self._session.get(f"http://127.0.0.1:{self._port}/json/list") as answer:
            pages = await answer.json()
        (page,) = (of for of in pages if of["type"] == "page")
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        self._listener = asyncio.create_task(self._listen())
        for domain in ("Page", "Runtime", "Network"):
            await self._call(f"{domain}.enable")
        await self._call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self._call("Page.addScriptToEvaluateOnNewDocument", source=_CATCH_TERMINAL)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, of: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._socket.close()
        await self._listener

    async def _listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if (future := self._waiting.pop(said.get("id"), None)) is not None:
                future.set_result(said)
            elif said.get("method") == "Network.requestWillBeSent":
                self.hosts.add(urlsplit(said["params"]["request"]["url"]).hostname or "")

    async def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(future, PATIENCE)
        assert "error" not in said, said
        return said["result"]

    async def go(self, url: str) -> None:
        """Open a page."""
        await self._call("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The value of JavaScript in the page."""
        found = await self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def press(self, key: str) -> None:
        """Press one printable key."""
        await self._call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self) -> bytes:
        """The page as it is painted, as PNG."""
        return base64.b64decode((await self._call("Page.captureScreenshot"))["data"])

    async def text(self) -> str:
        """The lines of the terminal."""
        return str(await self.evaluate(_TEXT))

    async def wait(self, *words: str, until: Callable[[str], bool] = bool) -> str:
        """Wait until all ``words`` are on the terminal; returns its lines."""
        text = ""
        for _ in range(int(PATIENCE / 0.1)):
            text = await self.text()
            if all(word in text for word in words) and until(text):
                return text
            await asyncio.sleep(0.1)
        raise AssertionError(f"{words} never came:\n{text}")
