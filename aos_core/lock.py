"""Filling the hashes of a world's files: what ``aos lock`` does.

A hash may be left out of a file and is then worked out at load. Written down it tells a reader
of the file, and other runtimes, exactly which definition and which wasm is meant.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.air.fields import PLACEHOLDERS
from aos_core.air.json_text import parse_json
from aos_core.air.load import Catalog
from aos_core.air.manifest import Manifest
from aos_core.air.nodes import DefModule
from aos_core.branches import disk_errors
from aos_core.errors import ModuleMissing, WorldError
from aos_core.files import WorldFiles


@dataclass(frozen=True, slots=True)
class Locked:
    """``changed``: ``file: name`` of every hash that was absent, a placeholder or stale, in the
    order of files and entries. ``manifest_hash``: SHA-256, 32 bytes, the same either way."""

    changed: tuple[str, ...]
    manifest_hash: bytes


def lock(files: WorldFiles, write: bool) -> Locked:
    """Fill the hashes in the files of a world; without ``write``, only say which would change.

    The manifest's references and the ``wasm_hash`` of modules are filled. A file in which one
    changes is written anew, indented by two spaces, its keys in their order; others stay as they
    are. Every file is replaced at once or not at all.

    Raises :class:`CheckFailed` for a world that does not load, :class:`ModuleMissing` where wasm
    that is to be hashed is not there, and :class:`WorldError` where a file cannot be written.
    """
    catalog = files.catalog
    _require_wasm(catalog)
    changed: list[str] = []
    for file, text, document in _documents(files):
        drifts = list(_drifts(file, text, document, catalog))
        changed += [f"{file}: {drift.name}" for drift in drifts]
        for drift in drifts:
            drift.node[drift.field] = drift.found
        if drifts and write:
            _replace(files.root / file, text, _render(document, file))
    return Locked(tuple(changed), catalog.manifest_hash)


@dataclass(frozen=True, slots=True)
class Drift:
    """A hash that is absent, a placeholder or stale: in ``field`` of ``node``, which has its name
    in this line of the file, the first being 1. ``written`` is None where it is absent."""

    file: str
    line: int
    name: str
    field: str
    written: str | None
    found: str
    node: dict[str, Any]

    @property
    def text(self) -> str:
        """What is wrong, in a sentence."""
        if self.written is None or self.written in PLACEHOLDERS:
            return f"{self.name}: {self.field} is not written; found {self.found}"
        return f"{self.name}: {self.field} says {self.written}, found {self.found}"


def drifts(files: WorldFiles) -> tuple[Drift, ...]:
    """Every hash of a world's files that `lock` would write. Raises as :func:`lock`."""
    catalog = files.catalog
    _require_wasm(catalog)
    return tuple(
        drift
        for file, text, document in _documents(files)
        for drift in _drifts(file, text, document, catalog)
    )


def require_hashes(files: WorldFiles) -> None:
    """Raise :class:`WorldError`, with file and line of each, unless every hash is written and
    fits; and as :func:`lock`."""
    found = drifts(files)
    if found:
        first, lines = found[0], [f"{of.file}:{of.line}: {of.text}" for of in found]
        count = f"{len(found)} hashes do" if len(found) > 1 else "a hash does"
        raise WorldError(
            "\n  ".join([f"{files.config.name}: {count} not fit", *lines]),
            hint=DRIFT_HINT,
            code="hash_drift",
            file=files.root / first.file,
            line=first.line,
        )


DRIFT_HINT = "`aos lock` writes the hashes that are found; `aos lock --check` says which"


def _documents(files: WorldFiles) -> Iterator[tuple[str, str, Any]]:
    """(file, text, what it holds) of every file, sorted."""
    for file, text in sorted(files.texts.items()):
        yield file, text, parse_json(text) if text.strip() else []


def _require_wasm(catalog: Catalog) -> None:
    for module in catalog.all(DefModule):
        if module.wasm_hash is None and not module.name.startswith("sys/"):
            raise ModuleMissing(
                f"there is no wasm for {module.name}, so its hash is not known",
                module=module.name,
                hint="put it into the world's modules folder, or name it in world.toml",
            )


def _drifts(file: str, text: str, document: Any, catalog: Catalog) -> Iterator[Drift]:
    """The hashes of a file's nodes that differ from what is found."""
    for node in document if isinstance(document, list) else [document]:
        for item, field, found in _hashes(node, catalog):
            # None: the name resolves to nothing, a problem, but none of ours
            if found is not None and item.get(field) != found:
                line = _line(text, document, item)
                yield Drift(file, line, item["name"], field, item.get(field), found, item)


def _hashes(node: dict[str, Any], catalog: Catalog) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """(object, field, hash found) for every place of a node in which a hash belongs."""
    if node["$kind"] == Manifest.kind:
        for name, refs in catalog.manifest.refs.items():
            found = {ref.name: ref.hash for ref in refs}
            for item in node.get(name) or ():
                yield item, "hash", found[item["name"]]
    elif node["$kind"] == DefModule.kind:
        module = catalog.nodes.get((DefModule.kind, node["name"]))
        if isinstance(module, DefModule):
            yield node, "wasm_hash", module.wasm_hash


def _line(text: str, document: Any, item: dict[str, Any]) -> int:
    """The line on which ``item``, an object of ``document``, has its name.

    Python keeps the order of a text, so the objects of that name are told apart by counting."""
    name = item["name"]
    same = [of for of in _objects(document) if of["name"] == name]
    before = next(n for n, of in enumerate(same) if of is item)
    named = [of.start() for of in _NAME.finditer(text) if json.loads(of[1]) == name]
    return text.count("\n", 0, named[before]) + 1 if before < len(named) else 1


_NAME = re.compile(r'"name"\s*:\s*("(?:[^"\\]|\\.)*")')


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value, in the order of their names in the text."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "name":
                yield value
            yield from _objects(item)


def _render(document: Any, file: str) -> str:
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:  # a number in a comment that no float holds
        raise WorldError(f"{file} holds a number that cannot be written back", file=file) from error


def _replace(path: Path, old: str, new: str) -> None:
    """Put ``new`` in the place of ``old``, whole or not at all, with the file's own mode."""
    path = path.resolve()  # a link stays one
    with disk_errors(path, f"{path.name} cannot be written"):
        if path.read_text(encoding="utf-8", errors="replace") != old:
            raise WorldError(
                f"{path.name} changed while it was being locked",
                file=path,
                hint="nothing was written to it: lock again",
            )
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(path, beside)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
