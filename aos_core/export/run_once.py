"""Running a test once before it is called saved."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Xml
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aos_core.errors import AosError, UsageError, WorldError
from aos_core.export.places import not_written
from aos_core.plain import clip

Judged = TypeVar("Judged")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the one test of a file ended; ``message``: what failed. ``loads``: whether the world it
    is about did."""

    passed: bool
    message: str
    loads: bool = True


def run_and_keep(file: Path, text: str, judge: Callable[[Outcome], Judged]) -> Judged:
    """Write a test beside its place, run it, and move it there if ``judge``, given how it ended,
    raises nothing. Returns what that returns. Raises as :func:`run_test`, and :class:`UsageError`
    where it cannot be written: then no file is left."""
    trial: Path | None = None
    made = not file.parent.exists()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".py", f"{file.stem}_trial_", file.parent)
        trial = Path(name)
        with os.fdopen(handle, "wb") as opened:
            opened.write(text.encode())
        judged = judge(run_test(trial))
        trial.chmod(0o644)
        trial.replace(file)
        return judged
    except OSError as error:
        raise not_written(file, error) from error
    finally:
        if trial is not None:
            trial.unlink(missing_ok=True)
        if made and not file.exists():
            with suppress(OSError):
                file.parent.rmdir()


def run_test(file: Path) -> Outcome:
    """Run the one test of a file with pytest, in a process of its own, with the settings that are
    found there. Raises :class:`UsageError` where pytest is not installed, :class:`AosError`
    (``not_exported``) with what it says where it comes to no verdict."""
    if importlib.util.find_spec("pytest") is None:
        raise UsageError(
            "not saved: a test is run before it is saved, and pytest is not installed here",
            hint="install it beside aos-tui: pip install pytest",
            code="no_pytest",
        )
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-p", "aos_core.pytest_plugin", "--import-mode=importlib", "-o", "addopts=",
                f"--junitxml={report}", str(file),
            ],
            cwd=file.parent, env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        outcome = _read(report)
    if outcome is None:
        said = done.stdout.decode(errors="replace")
        raise AosError(
            f"not saved: pytest came to no verdict on the test: {clip(said[-600:], 600)}",
            code="not_exported",
        )
    return outcome


def _environment() -> dict[str, str]:
    """Ours, with this very aos_core, and without a folder of bytecode in the world."""
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "",
    }


_DOES_NOT_LOAD = {"WorldError", *(of.__name__ for of in WorldError.__subclasses__())}


def _read(report: Path) -> Outcome | None:
    """The verdict on the one test, from a report in JUnit's form; None where there is none, or
    where something else failed than the world."""
    try:
        cases = list(Xml.parse(report).getroot().iter("testcase"))
    except (OSError, Xml.ParseError):
        return None
    if len(cases) != 1 or any(cases[0].find(of) is not None for of in ("error", "skipped")):
        return None
    failure = cases[0].find("failure")
    if failure is None:
        return Outcome(True, "")
    kind, _, message = failure.get("message", "").partition(": ")
    about_world = kind == "AssertionError" or kind.startswith("aos_core.errors.")
    loads = kind.rpartition(".")[2] not in _DOES_NOT_LOAD
    return Outcome(False, clip(message, 600), loads) if about_world else None
