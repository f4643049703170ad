"""The branches of the open world: forked, opened, renamed, deleted, brought back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aos_tui.branch_names import fork_name, named_branch
from aos_tui.formatting import came_as, kind_text, short_hash
from aos_tui.session.proving import Proving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aos_core.branch_tree import Branch, Tree
    from aos_core.world import World
    from aos_tui.snapshot import Index


@dataclass(frozen=True, slots=True)
class Place:
    """A branch at a height; None: at its end, wherever that is."""

    branch: str
    height: int | None

    def __str__(self) -> str:
        return self.branch if self.height is None else f"{self.branch}@{self.height}"


@dataclass(frozen=True, slots=True)
class BranchLine:
    """A branch in the list of them: the ``parent`` it was forked from, after height ``fork``, None
    where it was not or the parent is gone; its last ``height`` and the ``root`` there; what its
    last ``input`` was; how many ``records`` it has of its own. ``proven``: verified up to its end
    before. ``damage``: what is wrong with its journal, which can be read up to there. ``problem``:
    why it cannot be read at all, and then nothing else is known of it."""

    name: str
    parent: str | None = None
    fork: int | None = None
    height: int = 0
    root: bytes = b""
    input: str = ""
    records: int = 0
    proven: bool = False
    present: bool = False
    removed: bool = False
    problem: str | None = None
    damage: str | None = None


class Branching(Proving):
    """Every way from one branch to another."""

    playing = False
    """Whether a scenario is being played to its end."""
    before: Place | None = None
    """What to compare with: where the last experiment began, or the branch that was left. One with
    nothing of its own is no end to compare with."""

    async def fork(self, height: int, name: str) -> None:
        """Fork at a height and go on there, at its live end."""
        self._need_rest()
        self._stop_verifying()
        await self._act(partial(self._fork, height, name))

    def _fork(self, height: int, name: str, *, discard: bool = False) -> None:
        """``discard``: the branch that is left is given up for good, for it has nothing."""
        forked = self._opened.fork(height, name)
        self._marked[name] = frozenset(of for of in self._marks() if of <= forked.height)
        if forked.scenario is not None:
            self._scenario_of[name] = forked.scenario.name
        self._leave_for(forked, None, discard=discard)

    async def fork_name(self, height: int) -> str:
        """What a fork at a height may be called."""

        def look() -> str:
            start = self.fork_start(height)
            return fork_name(self._named(start), start, self._taken())

        return await self._run(look)

    def _named(self, height: int) -> str:
        """What is made of a height is named after this branch."""
        world = self._opened
        return named_branch(world.owner(height), world.lineage, world.begins())

    def _taken(self) -> set[str]:
        """The names of all branches, and of those that can be brought back."""
        world = self._opened
        return {*world.branches(), *world.tree(removed=True).branches}

    @property
    def live_running(self) -> bool:
        """Whether an effect is being performed for real."""
        raise NotImplementedError

    def _need_rest(self) -> None:
        from aos_core.errors import UsageError

        if self.playing:
            raise UsageError("a scenario plays: esc stops it", hint="or wait for its end")
        if self.live_running:
            raise UsageError(
                "an effect is being performed for real, and its receipt belongs to this branch",
                hint="wait for it, or esc stops it",
            )

    async def open_branch(self, name: str) -> None:
        """Go on with another branch, at its end, with its own scenario. Raises as opening."""

        def act() -> None:
            if (parked := self._parked.pop(name, None)) is not None:
                self._leave_for(parked, None)
            elif name != self._opened.branch:
                self._leave_for(*self._open_branch(name))

        self._need_rest()
        self._stop_verifying()
        await self._act(act)

    def _give_way(self, to: str) -> None:
        """The branch is to be discarded: what is compared with is branch ``to``, which it is made
        from, where it would be this one."""
        if self.before is None or self.before.branch == self._opened.branch:
            self.before = Place(to, None)

    def _leave_for(self, world: World, locked: str | None, *, discard: bool = False) -> None:
        """Show ``world``; the one before is closed. In memory it is kept: nobody else has it."""
        old = self._opened
        if self.before is None or self.before.branch == world.branch or old.has_own:
            self.before = Place(old.branch, None)
        self._use(world)
        self.locked = locked
        if discard:
            self._discard(old)
        elif self.options.memory:
            self._parked[old.branch] = old
        else:
            old.close()
        self._look_at_disk()

    def _discard(self, world: World) -> None:
        from aos_core.errors import AosError

        self._marked.pop(world.branch, None)
        self._scenario_of.pop(world.branch, None)
        with suppress(AosError):  # an empty branch more does no harm
            world.discard()

    async def branches(self) -> list[str]:
        """The names of all branches."""
        return await self._run(lambda: self._opened.branches())

    async def branch_lines(self) -> tuple[BranchLine, ...]:
        """All branches, then those that can be brought back; sorted by name."""

        def look() -> tuple[BranchLine, ...]:
            known, height = self._verified, self._opened.height
            proven = known.state == "ok" and known.height == height
            return _lines(self._opened, self._index, proven)

        return await self._run(look)

    async def rename_branch(self, name: str, new: str) -> None:
        """Give a branch a free name; the one that is shown goes on under it. An error may come when
        it has that name already: then all here knows it, too."""

        def act() -> None:
            from aos_core.errors import AosError

            self._take_names()
            before = self._opened.branches()
            try:
                self._opened.rename_branch(name, new)
            except AosError:
                now = self._opened.branches()
                if new in now and new not in before and name not in now:
                    self._goes_by(name, new)
                raise
            self._goes_by(name, new)

        if name == self._opened.branch:
            self._stop_verifying()  # it would look for the old name
        try:
            await self._run(act)
        finally:
            await self.refresh()

    def _goes_by(self, name: str, new: str) -> None:
        """A branch has been renamed here."""
        for world in (self._opened, *self._parked.values()):
            world.follow_names()
        self._parked = {parked.branch: parked for parked in self._parked.values()}
        self._lineage = self._opened.lineage  # told by who asked for it
        self._renamed({name: new})

    def _renamed(self, names: Mapping[str, str]) -> None:
        super()._renamed(names)
        if self._opened.branch in names.values():
            self._soon(self._stop_verifying)
        if self.before is not None:
            name = self.before.branch
            self.before = replace(self.before, branch=names.get(name, name))

    async def delete_branches(self, names: Sequence[str]) -> None:
        """Delete branches, one after the other; :meth:`restore_branch` undoes it for one. Where
        one cannot be deleted, those before it are gone."""

        def act() -> None:
            for name in names:
                self._opened.delete_branch(name)

        try:
            await self._run(act)
        finally:
            await self._forks_changed()

    async def restore_branch(self, name: str) -> None:
        """Bring back a branch that was deleted."""
        await self._run(partial(self._opened.restore_branch, name))
        await self._forks_changed()

    async def _forks_changed(self) -> None:
        self._index.forget_forks()
        await self.refresh()


def _lines(world: World, index: Index, proven_here: bool) -> tuple[BranchLine, ...]:
    """``proven_here``: whether the open branch is verified up to its end, as the header says."""
    from aos_core.branches import said_of
    from aos_core.verify import proven_heads

    proven = proven_heads(world)

    def line(of: Branch, tree: Tree, removed: bool) -> BranchLine:
        present = of.name == world.branch and not removed
        input = "" if of.last_input is None or removed else _words(world, index, of, tree)
        return BranchLine(
            of.name,
            None if of.parent is None else of.parent.branch,
            None if of.parent is None else of.parent.height,
            of.height,
            of.root,
            input,
            of.records,
            proven_here if present else of.head in proven,
            present,
            removed,
            damage=None if removed else _damage(world, of.name),
        )

    found = []
    for removed in (False, True):
        tree = world.tree(removed=removed)
        known = [line(of, tree, removed) for of in tree.branches.values()]
        bad = [
            BranchLine(name, removed=removed, problem=said_of(name, error.message))
            for name, error in tree.unreadable.items()
        ]
        found += sorted([*known, *bad], key=lambda of: of.name)
    return tuple(found)


def _damage(world: World, branch: str) -> str | None:
    """What is wrong with the journal of a branch that can be read, at least in part."""
    from aos_core.errors import AosError

    with suppress(AosError):  # gone or locked away meanwhile: who opens it is told
        found = world.damage(branch)
        if found is not None:
            return f"damaged from height {found.where['height']} on"
    return None


def _words(world: World, index: Index, of: Branch, tree: Tree) -> str:
    """What the last input of a branch was: a receipt is told by what that branch asked for."""
    from aos_core.errors import AosError
    from aos_core.kernel.records import Record
    from aos_core.row_words import asked_for, row_words

    assert of.last_input is not None
    record, about, came = Record.from_plain(of.last_input), "", None
    if record.kind == "receipt":
        asked = index.intent(record["intent"])
        with suppress(AosError):  # then its hash says which it was
            asked = asked or world.asked_on(of.name, record["intent"], tree.before(of.name))
        about = short_hash(record["intent"]) if asked is None else asked_for(asked.fields)
        came = came_as(record, index, None)
    kind, words = kind_text(record), row_words({"k": record.kind, **record.fields}, about, came)
    return words if words.startswith(kind) else f"{kind} {words}"
