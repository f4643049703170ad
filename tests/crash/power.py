"""A file layer that loses power: what was not synced comes back in part, in any order, or not.

Files are real ones, in one directory; beside them the layer remembers what a disk may hold:

- of a file, every version since its last sync. When power is lost each sector of 512 bytes is that
  of any version, and the length that of any version: so a file may be longer than what has arrived
  in it, and hold zeros there;
- of a directory, every file that a name stood for since the directory was last synced. Each name
  comes back as any of them, or is missing. A new directory may be lost, with all that is in it,
  until the one above it is synced;
- of an array of offsets, which nobody syncs, every version since its directory was synced, with
  sectors of others or zeros in it, or none. Nothing is written to it through the layer, so it is
  looked at around every call.

A process that is killed loses nothing of this: its files stay, and are synced no better.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import BinaryIO
from weakref import WeakKeyDictionary

from aos_core.layer import FileLayer

SECTOR = 512


class Stopped(BaseException):
    """The process ends here: it was killed, or power was lost. Nothing of it goes on."""


class _File:
    """What a disk may hold of one file: its versions since it was synced, the first one durable."""

    def __init__(self, contents: bytes = b"") -> None:
        self.versions = [contents]

    @property
    def now(self) -> bytes:
        return self.versions[-1]


class PowerLayer(FileLayer):
    """See above. ``root`` and what it holds are durable at first. ``failing`` is how likely a
    sync is to raise: the disk then holds any of the versions, as before."""

    def __init__(self, root: Path, random: Random, failing: float = 0.0) -> None:
        self.root, self.random, self.failing = root, random, failing
        self._calls_left: int | None = None
        self._stopped = False
        self._begin_anew()

    # -- ending ------------------------------------------------------------------------------

    def stop_after(self, calls: int | None) -> None:
        """End the process at a call from now, just before or just after it is carried out, or in
        the middle of a write; None: not at all."""
        self._calls_left, self._stopped = calls, False

    def lose_power(self) -> None:
        """Leave in ``root`` what a disk may hold. All files must be closed."""
        self._lost: dict[Path, bool] = {}
        found = {path: data for path, data in self._surviving_files() if self._has_place(path)}
        arrays = {path: data for path, data in self._surviving_arrays() if self._has_place(path)}
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, data in {**found, **arrays}.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Take what lies in ``root`` for durable."""
        self._names: dict[Path, list[_File | None]] = {}
        self._arrays: dict[Path, list[bytes | None]] = {}
        self._open: WeakKeyDictionary[BinaryIO, _File] = WeakKeyDictionary()
        self._directories = {self.root, *(path for path in self.root.rglob("*") if path.is_dir())}
        for path in self.root.rglob("*.offsets"):
            self._arrays[path] = [path.read_bytes()]
        for path in self._logs():
            self._names[path] = [_File(path.read_bytes())]

    def _logs(self) -> Iterator[Path]:
        """The files that go through the layer."""
        for pattern in ("*.log", "*.torn-*"):
            yield from self.root.rglob(pattern)

    def _has_place(self, path: Path) -> bool:
        """Whether the directories of ``path`` come back."""
        above = path.relative_to(self.root).parents
        for parent in [self.root / of for of in above]:
            if parent not in self._directories:
                self._lost.setdefault(parent, self.random.random() < 0.5)
                if self._lost[parent]:
                    return False
        return True

    def _surviving_files(self) -> Iterator[tuple[Path, bytes]]:
        contents: dict[int, bytes] = {}  # a file that has two names is one file
        for path, bound in sorted(self._names.items()):
            file = self.random.choice(bound)
            if file is not None:
                if id(file) not in contents:
                    contents[id(file)] = self._any_of(file.versions)
                yield path, contents[id(file)]

    def _surviving_arrays(self) -> Iterator[tuple[Path, bytes]]:
        for path, versions in sorted(self._arrays.items()):
            length = self.random.choice([None if of is None else len(of) for of in versions])
            if length is not None:
                known = [of for of in versions if of is not None]
                one = self.random.random() < 0.5
                yield path, known[-1] if one else self._any_of([b"", *known])

    def _any_of(self, versions: list[bytes]) -> bytes:
        """Each sector, and the length, as in any of ``versions``, oftener of the first or last."""
        length = len(self._one_of(versions))
        sectors = [
            self._one_of(versions)[at : at + SECTOR].ljust(SECTOR, b"\0")
            for at in range(0, length, SECTOR)
        ]
        return b"".join(sectors)[:length]

    def _one_of(self, versions: list[bytes]) -> bytes:
        return versions[self.random.choice([0, -1, self.random.randrange(len(versions))])]

    # -- the calls ---------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Around every call: the end may come before it, or after it."""
        if self._stopped:
            raise Stopped
        self._look_at_arrays()
        ends = self._calls_left == 0
        if self._calls_left is not None:
            self._calls_left -= 1
        if ends and self.random.random() < 0.5:
            self._stopped = True
            raise Stopped
        try:
            yield
        finally:
            self._look_at_arrays()
            if ends:
                self._stopped = True
                raise Stopped

    def _look_at_arrays(self) -> None:
        there = set(self.root.rglob("*.offsets"))
        for path in there | self._arrays.keys():
            versions = self._arrays.setdefault(path, [None])
            now = path.read_bytes() if path in there else None
            if versions[-1] != now:
                versions.append(now)

    def _file(self, file: BinaryIO) -> _File:
        return self._open[file]

    def open(self, path: Path, mode: str) -> BinaryIO:
        with ExitStack() as undo:
            with self._call():
                file = undo.enter_context(super().open(path, mode))
                if "x" in mode:
                    self._names.setdefault(path, [None]).append(_File())
                known = self._names[path][-1]
                assert known is not None
                self._open[file] = known
            undo.pop_all()
        return file

    def write(self, file: BinaryIO, at: int, data: bytes) -> None:
        with self._call():
            if self._calls_left == -1:
                data = data[: self.random.randrange(len(data) + 1)]
            super().write(file, at, data)
            of = self._file(file)
            of.versions.append(of.now[:at].ljust(at, b"\0") + data + of.now[at + len(data) :])

    def truncate(self, file: BinaryIO, end: int) -> None:
        with self._call():
            super().truncate(file, end)
            of = self._file(file)
            of.versions.append(of.now[:end].ljust(end, b"\0"))

    def sync(self, file: BinaryIO) -> None:
        with self._call():
            if self.random.random() < self.failing:
                raise OSError(errno.EIO, "Input/output error")
            of = self._file(file)
            of.versions = [of.now]

    def rename(self, old: Path, new: Path) -> None:
        with self._call():
            super().rename(old, new)
            self._names.setdefault(new, [None]).append(self._names[old][-1])
            self._names[old].append(None)

    def unlink(self, path: Path) -> None:
        with self._call():
            super().unlink(path)
            if path in self._names:  # an array is found to be missing
                self._names[path].append(None)

    def sync_directory(self, path: Path) -> None:
        with self._call():
            self._directories.update(of for of in path.iterdir() if of.is_dir())
            for name, bound in self._names.items():
                if name.parent == path:
                    self._names[name] = bound[-1:]
            for name, versions in self._arrays.items():
                if name.parent == path:
                    self._arrays[name] = versions[-1:]
