"""What can be said of a world's bytes without running it: journals whole, objects in place.

Journals and the store are the truth: what is wrong with them is damage. Snapshots and the index are
made anew by themselves, so there it is a warning. Nothing is changed here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aos_core.air.load import load_objects
from aos_core.branches import branch_path, list_branches
from aos_core.canon import ZERO_HASH, hash_text
from aos_core.disk import frames_until
from aos_core.errors import AosError, JournalDamaged
from aos_core.file_journal import FileJournal
from aos_core.frames import Frame
from aos_core.gc import hashes_in, text_hashes_in, with_named
from aos_core.index import VERSION
from aos_core.kernel.program import compile_program
from aos_core.modules import entries
from aos_core.progress import StageProgress
from aos_core.snapshots import StoredSnapshots
from aos_core.store import SqliteStore, Store

_PUT_BACK = (
    "`aos run` puts in anew what the world's files hold now; what they do not comes from a copy "
    "of store.db"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``damage``: bytes that do not hold together; ``warning``: what
    is made anew, or may be as it should. ``found`` says where, ``hint`` what to do."""

    name: str
    state: Literal["ok", "warning", "damage"]
    found: str
    hint: str | None = None


@dataclass(slots=True)
class _Named:
    """What the frames of journals name: manifests, other hashes, and those in their text form."""

    manifests: set[bytes] = field(default_factory=set)
    hashes: set[bytes] = field(default_factory=set)
    texts: set[bytes] = field(default_factory=set)

    def look(self, frame: Frame, known: frozenset[bytes]) -> None:
        """Take in a frame. Of hashes only those of ``known`` objects are kept."""
        replaced = (frame.body.get("input") or {}).get("new")
        self.manifests |= {of for of in (frame.body.get("manifest"), replaced) if of is not None}
        self.hashes |= known.intersection(hashes_in(frame.payload))
        self.texts.update(text_hashes_in(frame.payload))


def examine(root: Path, progress: StageProgress) -> Iterator[Finding]:
    """Look at everything in a world's ``.aos`` directory: every frame of every branch, every object
    that they name, snapshots, index."""
    names = list_branches(root / "journal")
    if not names:
        yield Finding("branches", "ok", "none yet: `aos fire` or `aos run` begins one")
        return
    with ExitStack() as leaving:
        store, finding = _store(root / "store.db")
        if finding is not None:
            yield finding
        known = frozenset[bytes]()
        if store is not None:
            leaving.callback(store.close)
            known = frozenset(store.sizes())
        named, journals = _Named(), dict[str, FileJournal]()
        for name in names:
            try:
                journal = FileJournal.open(branch_path(root / "journal", name), write=False)
            except AosError as error:
                yield Finding(f"branch {name}", "damage", _placed(error), error.hint)
                continue
            journals[name] = journal
            leaving.callback(journal.close)
            yield from _journal(f"branch {name}", journal, named, known, progress)
        yield from _parents(journals)
        if store is not None:
            yield from _objects(store, named, known, progress)
        yield from _snapshots(root / "snapshots.db", journals)
        yield from _index(root / "index.db", journals)


def _store(path: Path) -> tuple[SqliteStore | None, Finding | None]:
    try:
        return SqliteStore(path, read_only=True), None
    except AosError as error:
        return None, Finding("store", "damage", error.message, error.hint)


def _journal(
    name: str, journal: FileJournal, named: _Named, known: frozenset[bytes], progress: StageProgress
) -> Iterator[Finding]:
    found: AosError | None
    try:
        found = journal.check(
            lambda done, total: progress(f"checking {name}", done, total),
            lambda frame: named.look(frame, known),
        )
    except AosError as error:  # the disk refuses
        found = error
    if found is not None:
        yield Finding(name, "damage", _placed(found), found.hint)
        return
    whole = f"{journal.count} frames to height {journal.height}, head {hash_text(journal.head)}"
    yield Finding(name, "ok", whole)
    for notice in journal.notices:
        hint = "the next who opens it for writing moves them aside"
        yield Finding(name, "warning", notice, hint)


def _placed(error: AosError) -> str:
    """What is wrong, and where."""
    place = [f"{of} {error.where[of]}" for of in ("offset", "height") if of in error.where]
    return f"{error.message} ({', '.join(place)})" if place else error.message


def _parents(journals: dict[str, FileJournal]) -> Iterator[Finding]:
    for name, journal in journals.items():
        parent = journal.header.body.get("parent")
        if parent is None:
            continue
        if not any(
            frames_until(of, parent["head"], parent["height"]) is not None
            for of in journals.values()
        ):
            yield Finding(
                f"branch {name}",
                "damage",
                f"the branch that it was forked from, at height {parent['height']}, is not there",
                "`aos branches --removed` lists those that can be restored; or put its log back",
            )


def _objects(
    store: Store, named: _Named, known: frozenset[bytes], progress: StageProgress
) -> Iterator[Finding]:
    """The manifests that journals name with all they list, then every other object."""
    bad = 0
    for manifest in sorted(named.manifests):
        for finding in _manifest(store, manifest):
            bad += 1
            yield finding
    used = sorted(with_named(store, named.hashes, known))
    for done, digest in enumerate(used, 1):
        try:
            store.get(digest)
        except AosError as error:
            bad += 1
            yield Finding("store", "damage", error.message, _PUT_BACK)
        progress("checking the store", done, len(used))
    missing = sorted(named.texts - known - {ZERO_HASH})
    if missing:
        yield Finding(
            "store",
            "warning",
            f"{len(missing)} hashes in journals are of nothing in the store, "
            f"such as {hash_text(missing[0])}",
            "fine where they are hashes of something else; blobs that were lost, where not",
        )
    if not bad:
        yield Finding("store", "ok", f"{len(used)} objects that journals name have their hash")


def _manifest(store: Store, manifest: bytes) -> Iterator[Finding]:
    """What is missing of a manifest. Its definitions are needed to know its modules."""
    try:
        program = compile_program(load_objects(manifest, lambda of, what: store.get(of, what=what)))
    except AosError as error:
        text = f"manifest {hash_text(manifest)}: {error.message}"
        yield Finding("store", "damage", text, _PUT_BACK)
        return
    for wasm, _ in entries(program):
        if not store.has(wasm):
            text = f"the wasm {hash_text(wasm)} of a module is missing"
            yield Finding("store", "damage", text, _PUT_BACK)


def _snapshots(path: Path, journals: dict[str, FileJournal]) -> Iterator[Finding]:
    def frame_at(head: bytes, height: int) -> Frame | None:
        for journal in journals.values():
            count = frames_until(journal, head, height)
            if count is not None:
                return journal.frame(count - 1)
        return None

    with closing(StoredSnapshots(path, write=False)) as snapshots:
        count, problems = snapshots.problems(frame_at)
    hint = f"nothing is lost: turns are run again instead; delete {path.name} to begin them anew"
    for problem in problems:
        yield Finding("snapshots", "warning", problem, hint)
    if not problems:
        yield Finding("snapshots", "ok", f"{count}, whole" if count else "none yet")


def _index(path: Path, journals: dict[str, FileJournal]) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("index", "ok", "none yet: it is made when it is asked")
        return
    try:
        problems = list(_index_problems(path, journals))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        problems = [f"it is no database of ours, or a broken one: {error}"]
    for problem in problems:
        yield Finding("index", "warning", problem, "it is made anew when it is next asked")
    if not problems:
        yield Finding("index", "ok", "fits the journals")


def _index_problems(path: Path, journals: dict[str, FileJournal]) -> Iterator[str]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            yield f"it is of version {version}, not {VERSION}"
            return
        for (text,) in database.execute("PRAGMA quick_check"):
            if text != "ok":
                yield text
        rows = database.execute("SELECT name, header, head, frames, id FROM branches").fetchall()
        for name, header, head, frames, id in rows:
            journal = journals.get(name)
            if journal is not None and frames > journal.count:  # written meanwhile, or taken back
                known = "SELECT head FROM turns WHERE branch = ? AND first = ?"
                found = database.execute(known, (id, journal.last.height)).fetchone()
                head, frames = (found or (header,))[0], journal.count
            if journal is not None and not _fits(journal, header, head, frames):
                yield f"what it knows of branch {name} is of another journal"


def _fits(journal: FileJournal, header: bytes, head: bytes, frames: int) -> bool:
    if journal.header.hash != header:
        return False
    try:
        return frames == 0 or journal.frame(frames - 1).hash == head
    except JournalDamaged:
        return True  # told already
