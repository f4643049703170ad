"""The consoles of a page of the docs: run, and what they say compared with what the page shows.

A block of ``console`` has lines that begin with ``$ ``, each a command, and below each what it
prints. ``…`` stands for what differs from machine to machine or matters to nobody: within a line
any text, alone on a line any lines. A block of ``diff`` that begins with ``--- FILE`` is an edit.
Python's own executable runs ``aos``, ``aos-tui`` and ``python``; nothing else is run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT

ANY = "…"
_BLOCK = re.compile(r"^```(console|diff)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PROGRAMS = {
    "aos": ["-c", "from aos_core.cli.main import run; run()"],
    "aos-tui": ["-m", "aos_tui"],
    "python": [],
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a page and what it is said to print."""

    line: str
    shown: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines of a file, and those that take their place."""

    file: str
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        """Edit the file; fails where the old lines are not in it exactly once."""
        path = folder / self.file
        text = path.read_text("utf-8")
        assert text.count(self.old) == 1, (self.file, self.old)
        path.write_text(text.replace(self.old, self.new), "utf-8")


def steps(text: str) -> Iterator[Command | Edit]:
    """The commands and edits of a page, or of a part of one, in their order."""
    for kind, block in _BLOCK.findall(text):
        if kind == "diff":
            yield _edit(block)
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            yield Command(line, shown.strip("\n"))


def _edit(block: str) -> Edit:
    first, *lines = block.splitlines()
    assert first.startswith("--- "), first
    old = [line[1:] for line in lines if line[:1] in (" ", "-")]
    new = [line[1:] for line in lines if line[:1] in (" ", "+")]
    return Edit(first.removeprefix("--- "), "\n".join(old) + "\n", "\n".join(new) + "\n")


def copy_world(slug: str, to: Path) -> None:
    """A copy of a world that ships, with its compiled reducer, as examples/README.md tells."""
    (example,) = (ROOT / "examples").glob(f"[0-9][0-9]-{slug}")
    shutil.copytree(example, to, ignore=shutil.ignore_patterns(".aos"))
    (reducer,) = re.findall(
        r'^\[modules\."\w+/(\w+)@', (to / "world.toml").read_text("utf-8"), re.M
    )
    (to / "modules").mkdir()
    shutil.copy(ROOT / f"reducers/prebuilt/{slug}.wasm", to / f"modules/{reducer}.wasm")


def run(line: str, folder: Path) -> str:
    """What a command prints, on stdout and stderr."""
    program, *words = shlex.split(line)
    done = subprocess.run(
        [sys.executable, *_PROGRAMS[program], *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONUNBUFFERED": "1",
             "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=110,
    )  # fmt: skip
    return done.stdout.strip("\n")


def differs(shown: str, printed: str) -> str | None:
    """What a page shows that a command does not print; None where it is as shown."""
    if re.fullmatch("".join(map(_pattern, shown.splitlines())), _ended(printed)):
        return None
    return f"the page shows\n{shown}\n\nand it prints\n{printed}"


def _ended(text: str) -> str:
    """Every line with its end, and nothing behind it that nobody sees."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _pattern(line: str) -> str:
    if line.strip() == ANY:
        return r"(?:.*\n)*"
    return ".*".join(re.escape(part) for part in line.rstrip().split(ANY)) + r"\n"


def play(text: str, folder: Path) -> list[str]:
    """Do all that a page says, in a folder; returns what was otherwise than it says."""
    wrong = []
    for step in steps(text):
        if isinstance(step, Edit):
            step.apply(folder)
        elif (difference := differs(step.shown, run(step.line, folder))) is not None:
            wrong.append(f"$ {step.line}\n{difference}")
    return wrong
