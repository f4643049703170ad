"""The app without a terminal: presses keys, waits after each until nothing runs, then writes what
it looks like and what it knows."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.worker import WorkerCancelled

from aos_tui.app import AosApp
from aos_tui.options import Options
from aos_tui.world_screen import WorldScreen
from aos_tui.worlds import ENDLESS

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from aos_tui.snapshot import Snapshot


def run_headless(options: Options) -> int:
    """Press the keys; 0, 1 if something led to an error, 2 if a file could not be written.

    Errors and warnings are printed to stderr as they came.
    """
    app = AosApp(options)
    try:
        asyncio.run(_run(app))
    except OSError as error:
        if error.filename is None:
            raise
        _say(f"{error.filename} cannot be written: {error.strerror}")
        return 2
    for severity, text in app.said:
        if severity != "information":
            _say(text)
    return int(any(severity == "error" for severity, _ in app.said))


def _say(text: str) -> None:
    sys.stderr.write(f"aos-tui: {text}\n")


async def _run(app: AosApp) -> None:
    options = app.options
    async with app.run_test(size=options.size, notifications=True) as pilot:
        app.animation_level = "none"
        await pilot.pause()
        await settle(pilot)
        for key in options.keys:
            if not app.is_running:
                break
            if is_key(key):
                await press(pilot, key)
            else:
                text = f"there is no key {key}: keys have Textual's names, such as t, enter, comma"
                app.notify(text, severity="error")
        screenshot = app.export_screenshot() if options.screenshot is not None else ""
        facts = json.dumps(dump(app), ensure_ascii=False, indent=2)
    if options.screenshot is not None:
        options.screenshot.write_text(screenshot, encoding="utf-8")
    if options.dump is not None:
        options.dump.write_text(f"{facts}\n", encoding="utf-8")


def is_key(name: str) -> bool:
    """Whether Textual has a key of this name; ``text:..`` is one too."""
    bare = name
    for modifier in ("ctrl+", "shift+", "alt+", "super+", "hyper+", "meta+"):
        bare = bare.replace(modifier, "", 1)
    named = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())
    return name.startswith("text:") or name in named or bare in named or _character(bare)


def _character(name: str) -> bool:
    return len(name) == 1 or len(key_to_character(name) or "") == 1


async def press(pilot: Pilot[Any], key: str) -> None:
    """Press one key, or type what stands after ``text:``, and wait until nothing runs."""
    name, _, text = key.partition(":")
    await pilot.press(*(text if name == "text" and text else [key]))
    await settle(pilot)


_ROUNDS = 1000
"""Where something is said all the time, nobody waits for its end."""


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until no worker runs, save those that never end, what was said to a widget has been
    heard, and the screen is painted.

    A worker that is stopped while one waits has ended like any other. Of an app that has ended
    nothing comes any more.
    """
    app = pilot.app
    for _ in range(_ROUNDS):
        if not app.is_running:
            return
        running = [of for of in app.workers if of.group != ENDLESS and not of.is_finished]
        # a key goes from widget to widget, up to the one that minds it, and any may be busy
        nodes = (app, *app.screen.walk_children(with_self=True))
        heard = not any(of.message_queue_size for of in nodes)
        keys = isinstance(app, AosApp) and app.keys_in_turn.busy
        if not running and heard and not keys:
            return
        for worker in running:
            with suppress(WorkerCancelled):
                await worker.wait()
        if app.is_running:
            await pilot.pause()


def dump(app: AosApp) -> dict[str, Any]:
    """What the app knows, as ``--dump`` writes it. Hashes as ``sha256:`` and hex."""
    snapshot, focused = _snapshot(app), app.screen.focused
    return {
        "height": None if snapshot is None else snapshot.height,
        "root": None if snapshot is None else f"sha256:{snapshot.root.hex()}",
        "head": None if snapshot is None else f"sha256:{snapshot.head.hex()}",
        "pending": None if snapshot is None else len(snapshot.pending),
        "mode": _mode(app),
        "focused": None if focused is None else focused.id or type(focused).__name__,
        "notices": [text for _, text in app.said],
        "verified": None if snapshot is None else _verified(snapshot),
    }


def _snapshot(app: AosApp) -> Snapshot | None:
    return None if app.worlds.shown is None else app.session.snapshot


def _verified(snapshot: Snapshot) -> bool | None:
    """Whether the chain as it stands is proven (True) or broken (False); None: not verified."""
    verified = snapshot.verified
    if verified.state == "ok" and verified.height == snapshot.live:
        return True
    return False if verified.state == "bad" else None


def _mode(app: AosApp) -> str:
    """``live``, ``past`` or ``read-only``; else the screen that is on top."""
    snapshot = _snapshot(app)
    if not isinstance(app.screen, WorldScreen) or snapshot is None:
        return type(app.screen).__name__
    if not snapshot.writable:
        return "read-only"
    return "live" if snapshot.at_end else "past"
