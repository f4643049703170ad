"""Small files of caches: written whole or not at all, and never too many."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path


def put_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, with these permissions. Raises :class:`OSError`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def drop_oldest(paths: Iterable[Path], kept: int) -> None:
    """Remove all but the ``kept`` that were changed last: files, or folders with what they hold.

    What another process removes meanwhile is no error, and neither is what cannot be removed.
    """
    found = []
    for path in paths:
        try:
            found.append((path.stat().st_mtime_ns, path))
        except OSError:
            continue
    for _, path in sorted(found)[: max(0, len(found) - kept)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            try:
                path.unlink()
            except OSError:
                continue


def read_text(file: Path) -> str:
    """The text of a file; bytes that are not UTF-8 become lone surrogates. Raises OSError."""
    return file.read_bytes().decode("utf-8", errors="surrogateescape")
