"""Verification by `v`: what it proves, how it goes on, is stopped, fails."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core.world import World
from aos_tui.headless import dump
from tests.tui.driving import opened


async def test_verification_can_be_stopped_and_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as on:
        await on.keys("T")
        verify = World.verify

        def stopped(self: World, **more: Any) -> Any:
            on.app.session.cancel()
            return verify(self, **more)

        with monkeypatch.context() as patched:
            patched.setattr(World, "verify", stopped)
            await on.keys("v")
        assert (on.said[-1], on.known["verified"]) == ("verification was stopped", None)
        await on.keys("v")
        assert on.known["verified"] is True
        await on.keys("e", "ctrl+s")
        assert on.snapshot.live == 46
        assert dump(on.app)["verified"] is None
