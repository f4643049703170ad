"""Filling the hashes of a world's files: what ``aos lock`` does.

A hash may be left out of a file and is then worked out at load. Written down it tells a reader
of the file, and other runtimes, exactly which definition and which wasm is meant.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.air.load import Catalog, parse_json
from aos_core.air.nodes import DefModule, Manifest
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
    for file, text in sorted(files.texts.items()):
        document = parse_json(text) if text.strip() else []
        names = list(_fill(document, catalog))
        changed += [f"{file}: {name}" for name in names]
        if names and write:
            _replace(files.root / file, text, _render(document, file))
    return Locked(tuple(changed), catalog.manifest_hash)


def _require_wasm(catalog: Catalog) -> None:
    for module in catalog.all(DefModule):
        if module.wasm_hash is None and not module.name.startswith("sys/"):
            raise ModuleMissing(
                f"there is no wasm for {module.name}, so its hash is not known",
                module=module.name,
                hint="put it into the world's modules folder, or name it in world.toml",
            )


def _fill(document: Any, catalog: Catalog) -> Iterator[str]:
    """Fill the hashes of a file's nodes in place; gives the name of each that changed."""
    for node in document if isinstance(document, list) else [document]:
        if node["$kind"] == Manifest.kind:
            for name, refs in catalog.manifest.refs.items():
                found = {ref.name: ref.hash for ref in refs}
                for item in node.get(name) or ():
                    yield from _put(item, "hash", found[item["name"]])
        elif node["$kind"] == DefModule.kind:
            module = catalog.nodes.get((DefModule.kind, node["name"]))
            if isinstance(module, DefModule):
                yield from _put(node, "wasm_hash", module.wasm_hash)


def _put(node: dict[str, Any], field: str, found: str | None) -> Iterator[str]:
    """``found`` is None where the name resolves to nothing: a problem, but none of ours."""
    if found is not None and node.get(field) != found:
        node[field] = found
        yield node["name"]


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
