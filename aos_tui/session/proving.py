"""The proof of the chain: a world on disk is verified by a process, one in memory by a thread."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aos_tui.session import reading
from aos_tui.session.long_work import LongWork
from aos_tui.snapshot import Verified

if TYPE_CHECKING:
    from aos_core.replay import Divergence


_VERIFYING = "verifying"


class Proving(LongWork):
    """Verification, and the scenario that shows what it found."""

    async def verify(self) -> Verified:
        """Replay the whole journal, with progress; :meth:`cancel` breaks it off, and then what was
        known before stands. Raises :class:`AosError` where it cannot be done."""
        world, before = self._opened, self._verified
        self._stop = False
        self._set_running(0)
        found = None
        try:
            found = await (self._verify_here() if world.in_memory else self._verify_beside())
        finally:
            if self._world is world:
                self._set_verified(found or before)
        if self._world is world and self._opened.trouble is not None:
            await self.refresh()
        return found or before

    async def recall_proof(self) -> None:
        """Show how far the branch was verified before, where that still holds and nothing is known
        from now. Whatever cannot be read for it is told by what shows it."""
        world = self._opened

        def look() -> int | None:
            from aos_core.errors import AosError
            from aos_core.verify import proven_before

            try:
                return proven_before(world)
            except AosError:
                return None

        height = await asyncio.to_thread(look)
        if height is not None and self._world is world and self._verified.state == "unverified":
            self._set_verified(Verified("ok", height=height, before=True))

    async def _verify_beside(self) -> Verified | None:
        """What ``aos verify`` says of the branch as it lies on the disk; None if it was ended."""
        from aos_tui.command import error_of

        world = self._opened
        first = said = await self._said_of(await self._name_now())
        for name in reversed(world.lineage[:-1]):
            match said:
                case {"error": {"code": "no_parent"}}:  # damaged, it says itself where
                    said = await self._said_of(name)
        match said:
            case {"error": {"where": {"height": int()}} as error}:
                if (damage := reading.damage_of(error)) is not None:
                    await self._run(partial(world.believe, damage))  # so that nothing is added
                return reading.damaged(error)
        if first is None or said is None:
            return None
        if (wrong := error_of(first)) is not None:
            raise wrong
        match first:
            case {"divergence": found}:
                return reading.diverged(reading.divergence_of(found), first.get("why"))
        return Verified("ok", height=first["records"] - 1)

    async def _said_of(self, branch: str) -> dict[str, Any] | None:
        words = ("verify", str(self.root), "--branch", branch)
        return await self._by_process(words, _VERIFYING, self._set_running)

    async def _verify_here(self) -> Verified | None:
        from aos_core.errors import Diverged, JournalDamaged

        world, live = self._opened, self._opened.height
        try:
            report = await self._by_thread(
                lambda progress: world.verify(progress=progress), self._set_running
            )
        except (JournalDamaged, Diverged) as error:
            return reading.broken(error)
        if report is None:
            return None
        if report.divergence is None:
            return Verified("ok", height=live)
        return reading.diverged(report.divergence)

    def _set_running(self, percent: int) -> None:
        if self._verified.state != "running" and percent:
            return  # a late report of progress
        self._set_verified(Verified("running", percent=percent))

    def _set_verified(self, verified: Verified) -> None:
        self._verified = verified
        if self.snapshot is not None:
            self._publish(replace(self.snapshot, verified=verified))

    def _stop_verifying(self) -> None:
        if (verifier := self._commands.get(_VERIFYING)) is not None:
            verifier.stop()

    async def write_reproduction(self, divergence: Divergence) -> str:
        """Write the scenario that shows a divergence; returns its file, from the world's folder.

        Raises :class:`AosError`."""

        def act() -> str:
            from aos_core.scenario_writer import save_reproduction

            return f"scenarios/{save_reproduction(self._opened, divergence).name}"

        return await self._run(act)
