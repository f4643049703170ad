"""Branches on disk: their names, their paths, and the lock that lets one writer in.

A branch is one file, ``.aos/journal/<branch>.log`` (journal.py owns its bytes). Beside it lie
``<branch>.lock``, which the operating system locks, ``<branch>.holder``, where whoever has the lock
says who it is, and ``<branch>.torn-N``, unfinished bytes that were moved aside. None of those can
be taken for a log, whatever the branch is called. The wall clock and the host's name are read here
for people to see; nothing of it enters a journal.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from aos_core.errors import AosError, BranchLocked, ReadOnly, UsageError

_NAME = re.compile(r"[A-Za-z0-9._~+,-]{1,80}")
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_COMMAND_LENGTH = 200
LOCK = ".lock"
"""What the names of locks end with."""


class DiskError(AosError):
    """The disk refused: full, failing, no such place. Nothing was acknowledged."""

    code = "disk"


@contextmanager
def disk_errors(path: Path, what: str) -> Iterator[None]:
    """Turns an ``OSError`` of its block into one of ours, about ``path``.

    Raises :class:`ReadOnly` where permission is lacking, else :class:`DiskError`. ``what`` says
    what could not be done, as in ``"branch main cannot be written"``.
    """
    try:
        yield
    except OSError as error:
        reason = f"{what}: {error.strerror or error}"
        if error.errno in _NOT_ALLOWED:
            hint = f"give yourself write permission in {path.parent}, or open it read-only"
            raise ReadOnly(reason, hint=hint, file=path) from error
        hint = "free some space" if error.errno in _FULL else "see that the path and its disk work"
        raise DiskError(reason, hint=f"{hint}, then try again", file=path) from error


def check_branch_name(name: str) -> str:
    """``name``, if a branch may be called so. Raises :class:`UsageError`."""
    if not _is_name(name):
        raise UsageError(
            f"{name!r} is no name for a branch",
            hint="1 to 80 letters, digits or any of . _ ~ + , - (@ separates a height: main@17)",
            code="bad_branch_name",
        )
    return name


def branch_path(journal_dir: Path, name: str) -> Path:
    """The log of branch ``name`` in ``.aos/journal``. Raises :class:`UsageError` on a bad name."""
    return journal_dir / f"{check_branch_name(name)}.log"


def branch_name(path: Path) -> str:
    """The branch whose log is ``path``."""
    return path.name.removesuffix(".log")


def said_of(branch: str, message: str) -> str:
    """A message for where its branch was named already: ``branch main is damaged`` is ``it is
    damaged``; any other as it is."""
    rest = message.removeprefix(f"branch {branch} ")
    return message if rest == message else f"it {rest}"


def list_branches(journal_dir: Path) -> list[str]:
    """The names of all branches in ``.aos/journal``, sorted; none if it is not there."""
    if not journal_dir.is_dir():
        return []
    names = [branch_name(path) for path in journal_dir.glob("*.log") if path.is_file()]
    return sorted(name for name in names if _is_name(name))


def stale_locks(journal_dir: Path) -> list[str]:
    """The branches that are gone and whose locks are still there, sorted."""
    names = {path.name.removesuffix(LOCK) for path in journal_dir.glob(f"*{LOCK}")}
    return sorted(name for name in names.difference(list_branches(journal_dir)) if _is_name(name))


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in {".", ".."}


class BranchLock:
    """The right to write one branch: one holder at a time, over all processes and threads.

    The operating system drops the lock when its process ends, however it ends; what a dead holder
    left behind keeps nobody out.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._holder = _holder_file(log)
        # Not thread-local: a world is opened in one worker thread and closed in another.
        self._file = log.with_name(f"{branch_name(log)}{LOCK}")
        self._lock = FileLock(self._file, timeout=0, thread_local=False)

    @property
    def held(self) -> bool:
        """Whether this object has the lock."""
        return self._lock.is_locked

    def acquire(self) -> None:
        """Take the lock at once; a lock that is held already by this object conflicts too.

        Raises :class:`BranchLocked` with the holder's name, :class:`ReadOnly` where the directory
        cannot be written, :class:`DiskError`.
        """
        if self.held:
            raise self._locked_by(_me())
        with disk_errors(
            self._log, f"branch {branch_name(self._log)} cannot be locked for writing"
        ):
            try:
                self._lock.acquire()
                self._holder.write_text(json.dumps(_me()), encoding="utf-8")
            except Timeout:
                raise self._locked_by(_read(self._holder)) from None
            except BaseException:
                self._lock.release()
                raise

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self.held:
            try:
                self._holder.unlink(missing_ok=True)
            except OSError:
                pass  # a stale holder file does no harm
            self._lock.release()

    def drop(self) -> None:
        """Remove the lock's file, which stays behind otherwise, for a branch that is gone: only
        while none can come. Who holds it all the same keeps it: his log was deleted under him."""
        # some systems remove no file that is open, and some disks none at all; it can wait
        with suppress(AosError), self, suppress(OSError):
            self._file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _locked_by(self, holder: dict[str, Any]) -> BranchLocked:
        return BranchLocked(
            _written_by(self._log, holder),
            hint="close it there, open it read-only, or fork it and write to the fork",
            file=self._log,
            **{name: holder.get(name) for name in ("command", "host", "since")},
        )


def written_by(log: Path) -> str | None:
    """That a branch is being written and by whom, in the words of :class:`BranchLocked`; None where
    nobody does. It is told by what the writer wrote beside the log and by whether his process is
    there, as far as that can be seen from here; the lock is left alone."""
    try:
        holder = _read(file := _holder_file(log))
        if holder.get("host") == socket.gethostname() and os.name != "nt":
            os.kill(holder["pid"], 0)  # sends nothing
        return _written_by(log, holder) if file.exists() else None
    except (ProcessLookupError, OverflowError):  # no process has so high a number
        return None
    except OSError:  # it is there, and is somebody else's
        return _written_by(log, holder)


def _written_by(log: Path, holder: dict[str, Any]) -> str:
    return f"branch {branch_name(log)} is being written by {_named(holder)}"


def _holder_file(log: Path) -> Path:
    return log.with_name(f"{branch_name(log)}.holder")


def _named(holder: dict[str, Any]) -> str:
    """Who holds a lock, in so few words that they fit on a line."""
    if not holder:
        return "another process, which has not yet said its name"
    program, _, _ = str(holder["command"]).partition(" ")
    who = f"{program}, pid {holder['pid']}"
    if holder["host"] != socket.gethostname():
        return f"{who} on {holder['host']}"
    return f"this very process: {who}" if holder["pid"] == os.getpid() else who


def _me() -> dict[str, object]:
    """Who is asking: what ``<branch>.holder`` contains."""
    command = [_program(Path(sys.argv[0])), *sys.argv[1:]]
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": shlex.join(command)[:_COMMAND_LENGTH],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _program(started: Path) -> str:
    """What people call the program that was ``started``: ``aos-tui`` for ``python -m aos_tui``."""
    if started.name == "__main__.py":
        return started.parent.name.replace("_", "-")
    return "python" if started.name in ("", "-c", "-") else started.name


def _read(path: Path) -> dict[str, Any]:
    """What a holder said of itself; empty while it has not, or has not finished. The file may be
    anybody's."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    whole = isinstance(holder, dict) and holder.keys() >= _me().keys()
    return holder if whole and type(holder["pid"]) is int and holder["pid"] > 0 else {}
