"""Where exports are written: the names that are proposed, and that nothing is overwritten."""

from __future__ import annotations

import re
from pathlib import Path

from aos_core.errors import UsageError
from aos_core.files import WorldFiles
from aos_core.whole_files import put_whole


def proposed_file(files: WorldFiles, form: str, branch: str, height: int) -> Path:
    """Where a branch up to a height goes if nobody says otherwise: beside the world's scenarios
    or tests; a report where one is, as all of a world that keeps nothing in its folder."""
    stem, here = f"{branch}-{height}", Path.cwd()
    beside = files.data_dir.parent == files.root
    match form:
        case "scenario":
            return (files.home / "scenarios" if beside else here) / f"{stem}.toml"
        case "pytest":
            name = f"test_{re.sub('[^A-Za-z0-9]', '_', stem)}.py"
            return (files.home / "tests" if beside else here) / name
    return here / f"{files.config.name}-{stem}.html"


def need_free(file: Path, *, force: bool) -> None:
    """Raise :class:`UsageError` where ``file`` is there already and may not be overwritten."""
    if file.is_dir():
        raise UsageError(f"{file.name} is a folder", file=file, hint="name a file in it")
    if file.exists() and not force:
        raise UsageError(
            f"{file.name} is there already",
            hint="name another file with -o, or overwrite it with --force",
            code="file_exists",
            file=file,
        )


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all, its folder too. Raises :class:`UsageError`."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        put_whole(file, text.encode(), 0o644)
    except OSError as error:
        raise not_written(file, error) from error


def not_written(file: Path, error: OSError) -> UsageError:
    """The error for a file that cannot be written."""
    return UsageError(
        f"{file} cannot be written: {error.strerror}",
        hint="name another folder or file",
        code="not_written",
        file=file,
    )
