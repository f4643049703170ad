"""What the compiler says, with its places, from cargo's JSON messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. ``line`` and ``column`` count from 1; ``file`` is absolute; all three
    are None where the compiler names no place. ``rendered`` is the text as a terminal shows it."""

    level: str
    text: str
    file: Path | None
    line: int | None
    column: int | None
    rendered: str

    def to_json(self) -> dict[str, Any]:
        """``{level, text, file, line, column, rendered}``."""
        return asdict(self) | {"file": None if self.file is None else str(self.file)}


@dataclass(frozen=True, slots=True)
class Message:
    """One line of cargo's stdout: a diagnostic, or a module that is now built."""

    diagnostic: Diagnostic | None = None
    module: Path | None = None


def parse_message(line: str, package: str, places: Mapping[str, Path]) -> Message:
    """Read one line. ``package``: whose module counts. ``places``: what the prefixes of remapped
    paths stand for; a relative path is one below the place of the empty prefix."""
    try:
        said = json.loads(line)
    except ValueError:  # a build script may print to stdout
        return Message()
    if not isinstance(said, dict):
        return Message()
    if said.get("reason") == "compiler-message":
        return Message(_diagnostic(said["message"], places))
    if said.get("reason") == "compiler-artifact" and "cdylib" in said["target"]["kind"]:
        named = _key(said["target"]["name"]) == _key(package)
        for name in said["filenames"]:
            if name.endswith(".wasm") and (named or _owns(said, package)):
                return Message(module=Path(name))
    return Message()


def _owns(said: Mapping[str, Any], package: str) -> bool:
    """Whether the artifact is one of the package's, whose library may have a name of its own."""
    identity = str(said["package_id"])
    _, _, last = identity.rpartition("/")
    name, _, rest = last.partition("#")
    return package in (name, rest.partition("@")[0])


def _key(name: str) -> str:
    return name.replace("-", "_")


def _diagnostic(said: Mapping[str, Any], places: Mapping[str, Path]) -> Diagnostic | None:
    if said["level"] not in ("error", "warning", "error: internal compiler error"):
        return None  # notes and counts of what has been said before
    if said["level"] == "error" and said["message"].startswith("aborting due to"):
        return None
    code = (said.get("code") or {}).get("code")
    text = f"{said['message']} [{code}]" if code and code.startswith("E") else said["message"]
    span = next((of for of in said["spans"] if of["is_primary"]), None)
    while span is not None and (outer := span.get("expansion")) is not None:
        span = outer["span"]  # what an author wrote is the call, not the inside of a macro
    file = line = column = None
    if span is not None:
        file = _local(span["file_name"], places)
        line, column = span["line_start"], span["column_start"]
    rendered = str(said.get("rendered") or text)
    return Diagnostic(said["level"].partition(":")[0], text, file, line, column, rendered)


def _local(name: str, places: Mapping[str, Path]) -> Path:
    for prefix, place in places.items():
        if prefix and name.startswith(f"{prefix}/"):
            return place / name[len(prefix) + 1 :]
    return places[""] / name
