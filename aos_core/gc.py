"""Garbage: what no journal leads to any more, measured and dropped.

Used is an object of the store whose hash stands anywhere in a journal, as 32 bytes or as
``sha256:`` text, also inside other bytes, and what a used object names in the same way: manifests
their definitions and modules, blobs other blobs. The files of journals are searched as they lie, so
what a damaged journal names is used too, and what unfinished frames name that were moved aside.
Rather too much is kept than too little.

Removed branches go, but for those that another branch was forked from; of what is derived, what
belongs to no branch; and the locks of branches that are gone. Each step leaves a world that is
whole, so it may be broken off anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from aos_core.canon import sha256
from aos_core.disk import Disk, frames_until, leave
from aos_core.errors import AosError
from aos_core.files import WorldFiles
from aos_core.journal import Journal
from aos_core.origin import wasm_of
from aos_core.store import Store

_NAMES = re.compile(rb"X (?=(.{32}))|sha256:(?=([0-9a-fA-F]{64}))", re.DOTALL)
"""A hash in CBOR: the head of a byte string of 32, then those; or its text form."""


@dataclass(frozen=True, slots=True)
class Waste:
    """What ``gc`` would drop. ``bytes``: of the objects, removed branches and snapshots, as they
    were written; ``kept``: removed branches that stay, each with the one that was forked from it.
    """

    objects: tuple[bytes, ...]
    branches: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]
    snapshots: int
    nodes: int
    rows: int
    offsets: int
    locks: int
    bytes: int

    def __bool__(self) -> bool:
        """Whether there is anything to drop."""
        return bool(
            self.objects or self.branches or self.snapshots or self.nodes or self.rows
            or self.offsets or self.locks
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As ``aos gc --json`` prints it."""
        return {
            "objects": len(self.objects),
            "bytes": self.bytes,
            "branches": list(self.branches),
            "snapshots": self.snapshots,
            "nodes": self.nodes,
            "index_rows": self.rows,
            "offsets": self.offsets,
            "locks": self.locks,
        }


def measure(disk: Disk, files: WorldFiles) -> Waste:
    """What there is to drop. Nothing is changed; to rely on it, be ``disk.alone()``.

    Raises :class:`StoreDamaged`, :class:`DiskError`.
    """
    kept = _needed(disk)
    gone = tuple(name for name in disk.removed() if name not in kept)
    sizes = disk.store.sizes()
    used = _used(disk, files, kept, sizes.keys())
    objects = tuple(sorted(sizes.keys() - used))
    with _Heads(disk) as heads:
        derived = disk.snapshots.waste(heads.has)
    return Waste(
        objects=objects,
        branches=gone,
        kept=tuple(sorted(kept.items())),
        snapshots=derived.snapshots,
        nodes=derived.nodes,
        rows=disk.index.stale(disk.branches()),
        offsets=len(disk.stale_offsets()),
        locks=len(disk.stale_locks()),
        bytes=sum(sizes[of] for of in objects) + sum(map(disk.removed_size, gone)) + derived.bytes,
    )


def collect(disk: Disk, waste: Waste) -> None:
    """Drop what was measured. Only while ``disk.alone()``, and since before it was measured.

    Raises :class:`DiskError`, :class:`ReadOnly`: run it again then, for the rest.
    """
    for branch in waste.branches:  # first what names objects, then those
        disk.discard(branch)
    disk.store.drop(waste.objects)
    with _Heads(disk) as heads:
        disk.snapshots.sweep(heads.has)
    disk.index.sweep(disk.branches())
    for path in disk.stale_offsets():
        path.unlink(missing_ok=True)
    for branch in disk.stale_locks():
        disk.drop_lock(branch)
    disk.store.compact()


def hashes_in(data: bytes | mmap) -> Iterator[bytes]:
    """Every hash that stands in some bytes, and what looks like one."""
    for found in _NAMES.finditer(data):
        yield found[1] or bytes.fromhex(found[2].decode("ascii"))


def text_hashes_in(data: bytes) -> Iterator[bytes]:
    """Every hash that stands in some bytes in its text form."""
    for found in _NAMES.finditer(data):
        if found[2] is not None:
            yield bytes.fromhex(found[2].decode("ascii"))


def _used(
    disk: Disk, files: WorldFiles, removed: Iterable[str], known: Iterable[bytes]
) -> set[bytes]:
    """The objects of the store that anything leads to."""
    known = frozenset(known)
    used = {of for of in _of_files(files) if of in known}
    for data in disk.raw(tuple(removed)):
        used |= known.intersection(hashes_in(data))
    return with_named(disk.store, used, known)


def with_named(store: Store, used: Iterable[bytes], known: frozenset[bytes]) -> set[bytes]:
    """``used``, and every object of the ``known`` ones that they name, directly or not."""
    found = set(used)
    look = list(found)
    while look:
        with suppress(AosError):  # what is altered names nothing; `aos doctor` tells of it
            new = known.intersection(hashes_in(store.get(look.pop()))) - found
            found |= new
            look += new
    return found


def _of_files(files: WorldFiles) -> Iterator[bytes]:
    """What a branch that is begun now would name: definitions, modules, blobs."""
    yield from map(sha256, files.blobs)
    with suppress(AosError):  # a world that does not load now is put in anew when it does
        yield from files.catalog.objects
        yield from (sha256(wasm) for _, wasm in wasm_of(files, files.catalog))


def _needed(disk: Disk) -> dict[str, str]:
    """The removed branches that must stay, each with a branch that was forked from it."""
    removed = {name: disk.open_removed(name) for name in _readable(disk)}
    parents = [(name, disk.ends(name)[0].body.get("parent")) for name in _live(disk)]
    kept: dict[str, str] = {}
    try:
        while parents:
            child, parent = parents.pop()
            for name, journal in removed.items():
                if parent is None or name in kept:
                    continue
                if frames_until(journal, parent["head"], parent["height"]) is not None:
                    kept[name] = child
                    parents.append((name, journal.header.body.get("parent")))
    finally:
        for journal in removed.values():
            leave(journal)
    return kept


def _live(disk: Disk) -> Iterator[str]:
    for name in disk.branches():
        with suppress(AosError):
            disk.ends(name)
            yield name


def _readable(disk: Disk) -> Iterator[str]:
    for name in disk.removed():
        with suppress(AosError):
            disk.ends(name, removed=True)
            yield name


class _Heads:
    """The frames of all branches, by hash and height."""

    def __init__(self, disk: Disk) -> None:
        self._journals: list[Journal] = []
        for name in disk.branches():
            with suppress(AosError):
                self._journals.append(disk.open(name))

    def __enter__(self) -> _Heads:
        return self

    def __exit__(self, *_: object) -> None:
        for journal in self._journals:
            leave(journal)

    def has(self, head: bytes, height: int) -> bool:
        """Whether some branch has that frame."""
        return any(
            frames_until(of, head, height) is not None
            for of in self._journals
            if of.header.height - 1 <= height <= of.height
        )
