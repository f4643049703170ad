"""The branches of a world as people see them: which was forked from which, and what goes with one.

Nothing is run here and no journal is read through: a branch is its header and its last frame. Where
a parent is looked for, one frame in the middle of a journal is read too; and what a branch asked
for is looked up in the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aos_core import canon
from aos_core.branches import check_branch_name
from aos_core.chain import Records
from aos_core.disk import Disk, chain_of, frames_until, leave
from aos_core.errors import AosError, UsageError
from aos_core.frames import Frame
from aos_core.history import History
from aos_core.journal import Journal, JournalMissing
from aos_core.kernel.records import Record


@dataclass(frozen=True, slots=True)
class Parent:
    """What a branch was forked from: the height and the head there; ``branch`` is the name of
    whichever has that frame, None where none has it any more."""

    branch: str | None
    height: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch: the height and hash of its last frame and the root there, and how many records it
    has of its own, since its fork. ``last_input`` is the first record of the last frame, plain;
    None in a fork that nothing has happened to."""

    name: str
    height: int
    head: bytes
    root: bytes
    records: int
    parent: Parent | None = None
    last_input: Mapping[str, Any] | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As ``aos branches --json`` prints it."""
        parent = self.parent and {
            "branch": self.parent.branch,
            "height": self.parent.height,
            "head": canon.hash_text(self.parent.head),
        }
        return {
            "name": self.name,
            "height": self.height,
            "head": canon.hash_text(self.head),
            "root": canon.hash_text(self.root),
            **({} if parent is None else {"parent": parent}),
        }


@dataclass(frozen=True, slots=True)
class Tree:
    """Branches by name, sorted; and why some cannot be read."""

    branches: Mapping[str, Branch]
    unreadable: Mapping[str, AosError]

    def children(self, name: str) -> list[str]:
        """The branches that were forked from this one, sorted."""
        return [
            of.name
            for of in self.branches.values()
            if of.parent is not None and of.parent.branch == name
        ]

    def before(self, name: str) -> list[str]:
        """The branches that this one goes on from, its parent first, as far as they are known."""
        of, found = self.branches.get(name), list[str]()
        while of is not None and of.parent is not None and of.parent.branch is not None:
            found.append(of.parent.branch)
            of = self.branches.get(of.parent.branch)
        return found


def branch_tree(disk: Disk, *, removed: bool = False) -> Tree:
    """All branches of a world, or all that were ``removed`` and can be brought back. Those of
    which nothing can be read are named, and are no error."""
    ends: dict[str, tuple[Frame, Frame]] = {}
    unreadable: dict[str, AosError] = {}
    for name in disk.removed() if removed else disk.branches():
        try:
            ends[name] = disk.ends(name, removed=removed)
        except AosError as error:
            unreadable[name] = error
    with _Search(disk) as search:
        found = {name: _branch(name, *of, search) for name, of in ends.items()}
    return Tree(found, unreadable)


def find_branch(disk: Disk, name: str, *, removed: bool = False) -> Branch:
    """One of them. Raises :class:`JournalMissing`, with those there are, and what journals do."""
    names = disk.removed() if removed else disk.branches()
    if check_branch_name(name) not in names:
        what = "removed branch" if removed else "branch"
        known = ", ".join(names) or "none"
        raise JournalMissing(f"there is no {what} {name}", hint=f"there are: {known}")
    with _Search(disk) as search:
        return _branch(name, *disk.ends(name, removed=removed), search)


def rename_branch(disk: Disk, old: str, new: str, held: Journal | None = None) -> Branch:
    """Give a branch a free name; its forks stay what they are. ``held``: its journal, where it is
    open here. Raises :class:`UsageError`, :class:`JournalMissing`, :class:`BranchLocked`,
    :class:`DiskError`."""
    check_branch_name(new)
    with disk.changing():
        find_branch(disk, old)
        disk.rename(old, new, held)
        return find_branch(disk, new)


def check_deletable(disk: Disk, name: str) -> Branch:
    """The branch that a deletion would take. Raises :class:`UsageError` where others were forked
    from it, :class:`JournalMissing`."""
    found = find_branch(disk, name)
    children = branch_tree(disk).children(name)
    if children:
        raise UsageError(
            f"branch {name} cannot be deleted: {', '.join(children)} "
            f"{'was' if len(children) == 1 else 'were'} forked from it",
            code="has_children",
            hint="delete those first",
        )
    return found


def delete_branch(disk: Disk, name: str) -> Branch:
    """Take a branch away; it can be brought back until ``gc``. Gives what it was. Raises as
    :func:`check_deletable`, :class:`BranchLocked`, :class:`DiskError`."""
    with disk.changing():
        found = check_deletable(disk, name)
        disk.remove(name)
        return found


def restore_branch(disk: Disk, name: str) -> Branch:
    """Bring a deleted branch back. Raises :class:`UsageError` where its name is taken or its parent
    is not there, :class:`JournalMissing`, :class:`DiskError`."""
    with disk.changing():
        parent = find_branch(disk, name, removed=True).parent
        if parent is not None and parent.branch is None:
            with _Search(disk, removed=True) as search:
                before = search.branch_with(parent.head, parent.height)
            raise UsageError(
                f"branch {name} cannot be brought back: the one it was forked from is not there",
                code="no_parent",
                hint="it is gone for good" if before is None else f"bring back {before} first",
            )
        disk.bring_back(name)
        return find_branch(disk, name)


def asked_on(disk: Disk, name: str, intent: bytes, near: Sequence[str] = ()) -> Record | None:
    """The record of an intent, by its hash, that a branch or one it goes on from asked for, the
    last; None where none did. ``near`` are those that it goes on from, where they are known: all
    are looked through for others. Raises what journals do, :class:`JournalMissing`, and
    :class:`UsageError` where what it was forked from is gone."""
    journal = disk.open(name)
    try:
        chain = chain_of(disk, name, journal, near)
        try:
            records = Records(chain)
            at = History(disk.index, chain, records).last(intent, "intent", chain.height)
            return None if at is None else records[at]
        finally:
            for segment in chain.segments[:-1]:
                leave(segment.journal)
    finally:
        leave(journal)


class _Search:
    """Looks for the frames that branches were forked after, in all branches or in those that were
    ``removed``. Every journal is opened at most once, the oldest first: most forks are of it."""

    def __init__(self, disk: Disk, *, removed: bool = False) -> None:
        self._disk, self._removed = disk, removed
        self._names = iter(self._oldest_first(disk.removed() if removed else disk.branches()))
        self._opened: list[tuple[str, Journal]] = []
        self._leaving = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    def parent(self, header: Frame) -> Parent | None:
        """What the branch of this header was forked from."""
        of = header.body.get("parent")
        return of and Parent(self.branch_with(of["head"], of["height"]), of["height"], of["head"])

    def branch_with(self, head: bytes, height: int) -> str | None:
        """The branch that has a frame of this hash, which ends at ``height``."""
        for name, journal in self._journals():
            if frames_until(journal, head, height) is not None:
                return name
        return None

    def _journals(self) -> Iterator[tuple[str, Journal]]:
        yield from self._opened
        for name in self._names:
            try:
                open = self._disk.open_removed if self._removed else self._disk.open
                journal = open(name)
            except AosError:
                continue
            self._leaving.callback(leave, journal)
            self._opened.append((name, journal))
            yield name, journal

    def _oldest_first(self, names: Iterable[str]) -> list[str]:
        found = []
        for name in names:
            with suppress(AosError):
                header, _ = self._disk.ends(name, removed=self._removed)
                found.append((header.height, name))
        return [name for _, name in sorted(found)]


def _branch(name: str, first: Frame, last: Frame, search: _Search) -> Branch:
    records = last.last_height - first.height + 1
    parent, input = search.parent(first), next(iter(last.records), None)
    return Branch(name, last.last_height, last.hash, last.root, records, parent, input)
