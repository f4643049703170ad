"""Rehearsal of the open branch with what is on disk: by a process for a world on disk, by a thread
for one in memory. What is kept is another branch, and the one that is gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aos_tui.formatting import count, in_words
from aos_tui.session.going_live import GoingLive
from aos_tui.session.long_work import Progress

MOST_LINES = 200
"""So many lines of one list are shown."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What was found: ``sections`` of (heading, text) for people; ``height`` of the first record
    that differs; ``root`` at the end, by which the same result is known again."""

    same: bool
    summary: str
    sections: tuple[tuple[str, str], ...]
    height: int | None
    root: str
    branch: str | None


class Rehearsing(GoingLive):
    """Rehearse, and keep what came out."""

    rehearsing = False

    async def rehearse(self) -> Rehearsed | None:
        """Run the whole history with what is on disk; None where :meth:`cancel` broke it off.
        Raises :class:`AosError` where it cannot be done."""
        return await self._rehearse(None)

    async def keep_rehearsal(self, shown: Rehearsed) -> str | None:
        """Run it once more into a new branch, and go on there; its name, None where it was broken
        off. Raises :class:`AosError`: also where the files on disk give something else by now."""
        from aos_core.errors import AosError, UsageError
        from aos_core.rehearse import rehearsed_name

        name = await self._run(lambda: rehearsed_name(self._opened))
        try:
            found = await self._rehearse(name)
        except AosError as error:
            raise UsageError(
                f"nothing was kept: the files on disk have changed since. {error.message}",
                code="changed_meanwhile",
                hint="b builds, then rehearse again",
            ) from None
        if found is None:
            return None
        if found.root != shown.root:
            await self._run(lambda: self._opened.delete_branch(name))
            raise UsageError(
                "nothing was kept: the files on disk, or the branch, have changed since",
                code="changed_meanwhile",
                hint="rehearse again",
            )
        await self.open_branch(name)
        return name

    async def _rehearse(self, keep: str | None) -> Rehearsed | None:
        self._stop, self.rehearsing = False, True
        self._tell_percent(0)
        try:
            beside = self._opened.in_memory
            said = await (self._rehearse_here(keep) if beside else self._rehearse_beside(keep))
        finally:
            self.rehearsing = False
            self.tell_progress(None)
        return None if said is None else rehearsed(said)

    async def _rehearse_beside(self, keep: str | None) -> dict[str, Any] | None:
        from aos_tui.command import error_of

        kept = () if keep is None else ("--as", keep)
        branch = await self._name_now()
        words = ("rehearse", str(self.root), "--with-disk", "--branch", branch, *kept)
        said = await self._by_process(words, "rehearsing", self._tell_percent)
        if said is not None and (error := error_of(said)) is not None:
            raise error
        return said

    async def _rehearse_here(self, keep: str | None) -> dict[str, Any] | None:
        from aos_core.other_code import with_files
        from aos_core.rehearse import rehearse

        world = self._opened

        def act(progress: Progress) -> dict[str, Any]:
            found = rehearse(world, with_files(world), keep=keep, progress=progress).to_json()
            if keep is not None:
                self._parked[keep] = world.open_beside(keep)
            return found

        return await self._by_thread(act, self._tell_percent)

    def _tell_percent(self, percent: int) -> None:
        if self.rehearsing:
            self.tell_progress(f"rehearsing {percent} %; esc stops it")


# -- for people -------------------------------------------------------------------------------


def rehearsed(said: Mapping[str, Any]) -> Rehearsed:
    """What ``aos rehearse --json`` printed."""
    first = said.get("first_difference")
    records, changed = said["records"], said["changed"]
    nothing = f"changes nothing of {records:,}"
    summary = nothing if said["same"] else f"changes {changed:,} of {records:,}"
    sections = [("", _head(said, summary))]
    if first is not None:
        sections.append((f"First difference: record {first['height']}{_kind(first)}", _first(said)))
    if not said["diff"] and not said["same"]:
        sections.append(("", "The states at the end are the same."))
    elif said["diff"]:
        many = count(len(said["diff"]), "place")
        sections.append(
            (f"The states at the end differ in {many}", _lines(map(_change, said["diff"])))
        )
    for name, title, line in (
        ("effects_lost", "Effects not asked for any more", _lost),
        ("effects_new", "Effects asked for only now", _new),
        ("effects_changed", "Effects asked for otherwise", _other),
        ("faults_new", "New faults", _fault),
        ("faults_gone", "Faults that are gone", _fault),
        ("refused", "Inputs that are refused", _fault),
    ):
        if said[name]:
            title = f"{title}: {said['counts'][name]:,}"
            sections.append((title, _lines(map(line, said[name]))))
    height = None if first is None else first["height"]
    return Rehearsed(
        said["same"], summary, tuple(sections), height, said["root"], said.get("branch")
    )


def _head(said: Mapping[str, Any], summary: str) -> str:
    what = ", ".join(said["code"]) or "What is on disk"
    head = f"{what} {summary} records of the whole history."
    if said["same"]:
        swap = (
            " Swap runs it from now on." if said["code"] else " It is what the branch began with."
        )
        return (
            f"{head}\n\nEvery recorded input came again, and every record, cell, plan and pending "
            f"effect came out the same. There is no need to keep a second history. {swap}"
        )
    return (
        f"{head}\n\n"
        "Keep: the history as it would have been becomes a branch, and you go on there; this one "
        "stays as it is.\n"
        "Swap: this history stays, and turns run the new code from now on.\n"
        "Drop: nothing was written, so nothing is to be undone."
    )


def _kind(first: Mapping[str, Any]) -> str:
    record = first["record"]
    return f" ({record['k']})" if isinstance(record, dict) else ""


def _first(said: Mapping[str, Any]) -> str:
    first = said["first_difference"]
    rows = [(name, first[name]) for name in ("reducer", "cell", "field") if name in first]
    rows += [(name, in_words(first[name], 400)) for name in ("expected", "found")]
    if said.get("found_at") not in (None, first["height"]):
        rows.append(("found at", f"record {said['found_at']}"))
    return "\n".join(f"{name:<9}{value}" for name, value in rows)


def _lines(lines: Iterator[str]) -> str:
    found = list(lines)
    more = [f"and {len(found) - MOST_LINES:,} more"] if len(found) > MOST_LINES else []
    return "\n".join([*found[:MOST_LINES], *more])


def _change(of: Mapping[str, Any]) -> str:
    return f"{of['path']}\n  {in_words(of['before'], 200)} -> {in_words(of['after'], 200)}"


def _lost(of: Mapping[str, Any]) -> str:
    receipt = "it had no receipt" if of["receipt"] is None else f"receipt {of['receipt']} left out"
    return f"{_effect(of)}; {receipt}"


def _new(of: Mapping[str, Any]) -> str:
    return f"{_effect(of)}; {'pending' if of['answer'] is None else 'answered'}"


def _other(of: Mapping[str, Any]) -> str:
    from aos_core.words import asks_for

    now = asks_for(of["kind"], of["found"]["params"])
    under = "" if of["found"]["cap"] == of["cap"] else f" under {of['found']['cap']}"
    return f"{_effect(of)}\n      now {now}{under}, with the receipt that was recorded"


def _effect(of: Mapping[str, Any]) -> str:
    from aos_core.words import asks_for

    what = asks_for(of["kind"], of["params"]) if "kind" in of else "an effect"
    return what if of["height"] is None else f"{of['height']:>4}  {what}"


def _fault(of: Mapping[str, Any]) -> str:
    height = of.get("found_at") if of["height"] is None else of["height"]
    return f"{height:>4}  {of['code']}: {of['text']}"
