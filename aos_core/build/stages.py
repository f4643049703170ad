"""What a build is doing, read from what cargo says on the way."""

from __future__ import annotations

import re

STARTING = "starting the compiler"
WAITING = "waiting for another build"
LIBRARY = "standard library"
"""What we say ourselves; a line that begins so tells a stage."""

_CARGO = re.compile(r"\s*(Compiling|Downloading|Downloaded|Updating|Locking|Blocking) (.+)")
_FINISHED = re.compile(r"\s*Finished ")


def stage_of(line: str) -> str | None:
    """What is being done from this line on, for people; None for a line that says something else,
    such as what is wrong."""
    if line.startswith((STARTING, WAITING, LIBRARY)):
        return line
    if _FINISHED.match(line):
        return "checking what came out"
    if (found := _CARGO.match(line)) is None:
        return None
    verb, what = found.groups()
    if verb == "Blocking":
        return WAITING
    return f"{verb.lower()} {what.partition(' (')[0] if verb == 'Compiling' else what}"
