"""Other code for a whole history: what every manifest that a journal names becomes.

Two ways: one module is another wasm everywhere and all else stays as it was recorded, replacements
of other definitions too; or everything is what the files on disk say, from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aos_core import canon
from aos_core.air.check import require_sound
from aos_core.air.load import Catalog, load_objects
from aos_core.air.manifest import NamedRef
from aos_core.air.nodes import DefModule, node_bytes
from aos_core.errors import UsageError
from aos_core.files import WorldFiles
from aos_core.kernel.modules import Modules
from aos_core.kernel.program import Program, Settings, compile_program
from aos_core.kernel.turn import Programs
from aos_core.modules import WorldModules, entries, module_name
from aos_core.origin import wasm_of
from aos_core.world import World


@dataclass(frozen=True, slots=True)
class Code:
    """``instead``: the manifest that takes the place of one that a journal names; ``programs`` and
    ``modules`` run all of them. ``settings``: from the beginning, instead of the journal's, where
    they are given. ``objects``: what a store needs before a journal may name such a manifest, and
    ``changed`` the names of the definitions that differ; both for a manifest of the journal."""

    instead: Callable[[bytes], bytes]
    programs: Programs
    modules: Modules
    objects: Callable[[bytes], Sequence[bytes]]
    changed: Callable[[bytes], tuple[str, ...]]
    settings: Settings | None = None


def with_files(world: World, files: WorldFiles | None = None) -> Code:
    """Everything as the files on disk say; ``files``: of another world than this one.

    Raises what loading them raises, :class:`CheckFailed` or :class:`ModuleMissing` for a world
    that could not run."""
    files = files or WorldFiles.read(world.files.root)
    catalog = files.catalog
    require_sound(catalog)
    program = compile_program(catalog)
    wasm = {canon.sha256(of): of for _, of in wasm_of(files, catalog)}
    runtime = world.runtime_with(wasm)
    for hash, entry in entries(program):
        runtime.load(hash, entry)  # now, before a history has run halfway
    objects = [*catalog.objects.values(), *wasm.values(), *files.blobs]
    return Code(
        instead=lambda _: catalog.manifest_hash,
        programs=lambda _: program,
        modules=WorldModules(
            runtime, lambda hash: module_name(program, hash) or canon.hash_text(hash)
        ),
        objects=lambda _: objects,
        changed=lambda old: catalog.changed_from(world.program_of(old).catalog),
        settings=files.config.settings,
    )


def with_module(world: World, name: str, wasm: bytes) -> Code:
    """One module is ``wasm``; where a manifest of the history does not list it, that one stays.

    Raises :class:`UsageError` for a module that the branch does not know, :class:`ModuleMissing`
    for wasm that is none."""
    module = world.program.modules.get(name)
    if module is None or name.startswith("sys/"):
        known = ", ".join(of for of in world.program.modules if not of.startswith("sys/"))
        raise UsageError(
            f"there is no module {name!r} in branch {world.branch}", hint=f"known: {known}"
        )
    hash = canon.sha256(wasm)
    runtime = world.runtime_with({hash: wasm})
    runtime.load(hash, module.entry)
    other = _OneModule(world, name, wasm)
    return Code(
        instead=other.instead,
        programs=other.program,
        modules=WorldModules(runtime, lambda of: name if of == hash else canon.hash_text(of)),
        objects=other.objects,
        changed=lambda old: (name,) if other.instead(old) != old else (),
    )


class _OneModule:
    """The manifests of a world with one module replaced in each."""

    def __init__(self, world: World, name: str, wasm: bytes) -> None:
        self._world, self._name, self._wasm = world, name, wasm
        self._made: dict[bytes, Catalog] = {}
        self._programs: dict[bytes, Program] = {}

    def instead(self, manifest: bytes) -> bytes:
        """The manifest that takes the place of ``manifest``; the same where nothing changes."""
        return self._catalog(manifest).manifest_hash

    def program(self, manifest: bytes) -> Program:
        """The program of one of ours, else of one that the store has."""
        return self._programs.get(manifest) or self._world.program_of(manifest)

    def objects(self, manifest: bytes) -> list[bytes]:
        return [*self._catalog(manifest).objects.values(), self._wasm]

    def _catalog(self, manifest: bytes) -> Catalog:
        if manifest not in self._made:
            found = self._replace(self._world.program_of(manifest).catalog)
            self._made[manifest] = found
            if found.manifest_hash != manifest:
                self._programs[found.manifest_hash] = compile_program(found)
        return self._made[manifest]

    def _replace(self, catalog: Catalog) -> Catalog:
        """The catalog as it would be read from a store that had this module in it."""
        node = catalog.nodes.get((DefModule.kind, self._name))
        wasm_hash = canon.hash_text(canon.sha256(self._wasm))
        if not isinstance(node, DefModule) or node.wasm_hash == wasm_hash:
            return catalog
        module = node_bytes(replace(node, wasm_hash=wasm_hash))
        ref = NamedRef(self._name, canon.hash_text(canon.sha256(module)))
        refs = dict(catalog.manifest.refs)
        refs["modules"] = tuple(ref if of.name == ref.name else of for of in refs["modules"])
        manifest = node_bytes(replace(catalog.manifest, refs=refs))
        new = {canon.sha256(data): data for data in (module, manifest)}
        known = {**catalog.objects, **new}
        return load_objects(canon.sha256(manifest), lambda hash, _: known[hash])
