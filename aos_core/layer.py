"""The file system, call by call, as a journal uses it. Tests put one in between that loses power.

Nothing here knows what a file holds. Every method raises ``OSError``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO, cast


class FileLayer:
    """The operating system's files."""

    def open(self, path: Path, mode: str) -> BinaryIO:
        """Open unbuffered: what ``write`` returns from is with the operating system."""
        return cast(BinaryIO, path.open(mode, buffering=0))

    def write(self, file: BinaryIO, at: int, data: bytes) -> None:
        """Write all of ``data`` at offset ``at``."""
        file.seek(at)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]

    def sync(self, file: BinaryIO) -> None:
        """Return when what was written is on the disk, and survives a loss of power."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)  # fsync leaves it in the drive's cache
        else:
            os.fsync(file.fileno())

    def truncate(self, file: BinaryIO, end: int) -> None:
        """Cut a file off at offset ``end``."""
        file.truncate(end)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of what has it."""
        old.replace(new)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable; Windows has no such call and does it by itself."""
        if os.name == "nt":
            return
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


OPERATING_SYSTEM = FileLayer()
