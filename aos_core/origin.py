"""How a branch begins: its header, and in the store everything that the header names."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import Any

from aos_core import canon
from aos_core.air.check import require_sound
from aos_core.air.load import Catalog
from aos_core.air.nodes import DefModule
from aos_core.disk import Disk
from aos_core.errors import ModuleMissing
from aos_core.files import WorldFiles
from aos_core.frames import FORMAT, SEMANTICS, Frame
from aos_core.journal import Journal
from aos_core.kernel.program import compile_program
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment, genesis
from aos_core.rotation import OlderRuns
from aos_core.store import Store
from aos_core.wasm.runtime import Runtime


def begin(
    files: WorldFiles,
    disk: Disk,
    branch: str,
    created_ns: int,
    runtime: Runtime,
    *,
    older: OlderRuns | None = None,
) -> Journal:
    """Begin a branch with the world's definitions on disk. ``runtime`` reads ``disk``'s store.

    ``older``: what has that name moves on; not where the branch cannot begin. Raises
    :class:`CheckFailed`, :class:`ModuleMissing`, :class:`UsageError` where the branch exists,
    :class:`BranchLocked`.
    """
    catalog = files.catalog
    header = {
        "format": FORMAT,
        "semantics": SEMANTICS,
        "world": files.config.name,
        "manifest": catalog.manifest_hash,
        "settings": files.config.settings.to_plain(),
        "engine": f"wasmtime {importlib.metadata.version('wasmtime')}",
        "created_ns": created_ns,
        "height": 0,
        "records": [genesis(catalog.manifest_hash, files.config.name).to_plain()],
        "root": State(catalog.manifest_hash).root,
    }
    with disk.changing():  # nobody collects garbage between what is kept and what names it
        keep(files, catalog, disk.store, runtime)
        try:
            if older is not None:
                older.move_on()
            return disk.create(branch, header)
        except BaseException:
            if older is not None:
                older.move_back()
            raise


def fork_header(first: Frame, parent: Frame, state: State, moment: Moment) -> Mapping[str, Any]:
    """The header of a branch that goes on after ``parent``, where the world is in ``state``.

    ``first``: the header of the world itself."""
    names = ("format", "semantics", "world", "engine", "created_ns")
    return {
        **{name: first.body[name] for name in names},
        "settings": moment.settings.to_plain(),
        "manifest": state.manifest,
        "height": parent.last_height + 1,
        "prev": parent.hash,
        "parent": {"head": parent.hash, "height": parent.last_height},
        "records": [],
        "root": state.root,
    }


def keep(files: WorldFiles, catalog: Catalog, store: Store, runtime: Runtime) -> None:
    """Check a world, and put what it consists of into the store: durable before it is named.

    ``runtime`` reads ``store``. Raises :class:`CheckFailed` or :class:`ModuleMissing` for a world
    that could not run.
    """
    require_sound(catalog)
    compile_program(catalog)
    for module, hash in put(files, catalog, store):
        try:
            runtime.load(hash, module.entry)
        except ModuleMissing as error:
            name = module.name
            raise ModuleMissing(f"{name}: {error.message}", hint=error.hint, module=name) from error


def put(files: WorldFiles, catalog: Catalog, store: Store) -> list[tuple[DefModule, bytes]]:
    """Put a world's definitions, modules and blobs into the store; each module with the SHA-256 of
    its wasm.

    Raises :class:`ModuleMissing`."""
    modules = list(wasm_of(files, catalog))
    wasm = [data for _, data in modules]
    store.put_all([*catalog.objects.values(), *wasm, *files.blobs])
    return [(module, canon.sha256(data)) for module, data in modules]


def wasm_of(files: WorldFiles, catalog: Catalog) -> Iterator[tuple[DefModule, bytes]]:
    """(module, wasm) of every module the manifest lists; native ``sys/*`` modules have none.

    Raises :class:`ModuleMissing`.
    """
    listed = {ref.name for ref in catalog.manifest.refs["modules"]}
    for module in catalog.all(DefModule):
        if module.name in listed and not module.name.startswith("sys/"):
            yield module, files.require_wasm(module)
