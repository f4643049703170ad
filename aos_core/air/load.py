"""Loading a world's control plane: JSON texts or stored objects in, a :class:`Catalog` out.

No I/O: the caller hands over the texts of the files, or a function that gives an object by hash.
Hashes are filled in the order of B-5; a plan is hashed with its literals in stored form (B-4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from aos_core import canon
from aos_core.air import builtins, literals
from aos_core.air.fields import Findings
from aos_core.air.json_text import parse_json
from aos_core.air.manifest import Manifest, NamedRef
from aos_core.air.nodes import (
    DefEffect,
    DefModule,
    DefPlan,
    DefSchema,
    Node,
    Step,
    node_bytes,
    parse_node,
    read_node,
)
from aos_core.air.schemas import Schemas
from aos_core.air.types import Prim, Ref, Type
from aos_core.errors import AirError, AosError, WorldError
from aos_core.problems import MEMBER, Problem, has_errors, placed, problem_of, raise_errors

Key = tuple[str, str]
"""What names a node: (kind, name)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: file (None: in a store) and JSON path."""

    file: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """All definitions of a world, typed and hashed.

    ``nodes`` holds what the manifest lists, and every built-in. ``objects`` are the canonical
    bytes of the world's own nodes and of the manifest, by SHA-256: what the store keeps.

    One with an error among its ``problems`` holds what could be read. ``lost`` are then the names
    of what could not; where not even those are known, ``any_lost``. ``partial`` nodes have parts
    that could not be read, ``broken`` by (file, path). Where there is no one manifest,
    ``manifest`` lists every node (``has_manifest``). Schemas that lead nowhere are not in
    ``schemas``. ``texts``: of the files.
    """

    manifest: Manifest
    manifest_hash: bytes
    nodes: Mapping[Key, Node]
    objects: Mapping[bytes, bytes]
    schemas: Schemas
    places: Mapping[Key, Place]
    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    any_lost: bool = False
    partial: frozenset[Key] = frozenset()
    broken: frozenset[tuple[str | None, str]] = frozenset()
    has_manifest: bool = True

    def all(self, kind: type[Any]) -> list[Any]:
        """Every node of a kind, in the order of their names."""
        return [node for (of, _), node in sorted(self.nodes.items()) if of == kind.kind]

    def effects(self) -> list[DefEffect]:
        """The effects that may be asked for: those the manifest lists; earlier authoring lists
        none and means the built-ins."""
        listed = {ref.name for ref in self.manifest.refs["effects"]}
        return [node for node in self.all(DefEffect) if not listed or node.name in listed]

    def changed_from(self, old: Catalog) -> tuple[str, ...]:
        """Names of the definitions that differ from ``old``, sorted; ``manifest`` if only it."""
        mine, theirs = _ref_hashes(self.manifest), _ref_hashes(old.manifest)
        names = sorted({name for (_, name), _ in mine.items() ^ theirs.items()})
        if not names and self.manifest_hash != old.manifest_hash:
            names = ["manifest"]
        return tuple(names)


def _ref_hashes(manifest: Manifest) -> dict[tuple[str, str], str | None]:
    return {(of, ref.name): ref.hash for of, refs in manifest.refs.items() for ref in refs}


@cache
def builtin_nodes() -> Mapping[Key, Node]:
    """The built-in ``sys/*`` definitions, parsed."""
    nodes = [parse_node(node) for node in builtins.definitions()]
    return {(node.kind, node.name): node for node in nodes if not isinstance(node, Manifest)}


@cache
def _builtin_hashes() -> Mapping[Key, str]:
    return {
        key: canon.hash_text(canon.sha256(node_bytes(node)))
        for key, node in builtin_nodes().items()
    }


@cache
def _builtin_schemas() -> Schemas:
    """Compiled once: most schemas of a world are these, and most of its loading was that."""
    nodes = builtin_nodes().values()
    schemas = Schemas({node.name: node.type for node in nodes if isinstance(node, DefSchema)})
    for name in schemas.types:
        schemas.compile(Ref(name))
    return schemas


_VERSIONS = (
    "of several versions of a world open one folder as the world, or name it in world.toml, for "
    'example assets = "air.v1"'
)


class _Collector:
    """Parsed nodes and problems, as files are read; ``lost``: see :class:`Catalog`."""

    def __init__(self) -> None:
        self.nodes: dict[Key, Node] = {}
        self.manifests: list[Manifest] = []
        self.places: dict[Key, Place] = {}
        self.problems: list[Problem] = []
        self.lost: set[str] = {""}
        self.partial: set[Key] = set()
        self.unread: set[Key] = set()  # plans with literals that could not be read
        self.broken: set[tuple[str | None, str]] = set()
        self.manifest_lost = self.any_lost = False

    def error(self, error: AosError, file: str | None, node: str | None = None) -> None:
        """Take note of an error; ``node``: the path of its node, where it has none of its own."""
        of = problem_of(error, file)
        self.problems.append(of if of.path is not None else replace(of, path=node))

    def read(self, file: str, text: str) -> None:
        if not text.strip():
            return
        try:
            document = parse_json(text)
        except AirError as error:
            self.error(error, file, "$")
            names = _NAMES.findall(text)
            self.lost.update(names)
            self.any_lost |= not names
            self.manifest_lost = True  # perhaps: it may have been in there
            return
        items = document if isinstance(document, list) else [document]
        for index, item in enumerate(items):
            path = f"$[{index}]" if isinstance(document, list) else "$"
            self.add(item, Place(file, path))

    def add(self, item: Any, place: Place) -> None:
        findings = Findings(strict=False)
        node = read_node(item, place.path, findings)
        sound = len(findings.errors) == findings.contained
        if node is not None and (sound or isinstance(node, Manifest)):
            self._keep(node, place, findings)
            self._lose(findings.broken.values())
            self.broken.update((place.file, path) for path in findings.broken)
        else:
            self._lose([item])
            self.manifest_lost |= node is None
        for error in findings.errors:
            self.error(error, place.file)
        for path, name, hint in findings.unknown_members():
            message = f"unknown member {name!r}: it is dropped"
            self.problems.append(Problem("warning", MEMBER, place.file, path, message, hint))

    def _keep(self, node: Node | Manifest, place: Place, findings: Findings) -> None:
        """A node under its name; of a manifest that is wrong, what is right of it."""
        key = (node.kind, "manifest" if isinstance(node, Manifest) else node.name)
        if not isinstance(node, Manifest) and node.name.startswith("sys/"):
            message = f"{node.name}: sys/ is reserved"
            findings.fail(AirError(message, path=place.path, hint="refer to it"))
        elif key in self.places:
            other = self.places[key]
            message = f"{key[1]} is defined twice: also in {other.file} at {other.path}"
            hint = _VERSIONS if isinstance(node, Manifest) else None
            findings.fail(AirError(message, path=place.path, hint=hint))
            self.manifests += [node] if isinstance(node, Manifest) else []
        else:
            self.places[key] = place
            if findings.broken:
                self.partial.add(key)
            if isinstance(node, Manifest):
                self.manifests.append(node)
            else:
                self.nodes[key] = node

    def _lose(self, items: Iterable[Any]) -> None:
        """What refers to something that is there, and wrong, is no problem of its own."""
        for item in items:
            if isinstance(item, dict):
                bind = item.get("bind")
                members = [item, bind] if isinstance(bind, dict) else [item]
                names = [of.get(name) for of in members for name in _NAMING]
                self.lost.update(name for name in names if isinstance(name, str))


_NAMING = ("name", "kind", "cap_type", "id", "as", "var", "effect_id_as")
_NAMES = re.compile(rf'"(?:{"|".join(_NAMING)})"\s*:\s*"([^"\\]*)"')


def read_files(files: Mapping[str, str], wasm_hash: Callable[[DefModule], bytes | None]) -> Catalog:
    """The catalog of a world's files (path -> text), read in sorted path order, as far as they can
    be read: what is wrong with their structure is among its ``problems``.

    ``wasm_hash`` gives the SHA-256 of the wasm found for a module, or None.
    """
    collector = _Collector()
    for file in sorted(files):
        collector.read(file, files[file])
    if not collector.manifests and not collector.manifest_lost:
        collector.error(WorldError("the world has no manifest", code="no_manifest"), None)
    return replace(_assemble(collector, wasm_hash), texts=files)


def load_files(files: Mapping[str, str], wasm_hash: Callable[[DefModule], bytes | None]) -> Catalog:
    """As :func:`read_files`. Raises :class:`CheckFailed` with every structural problem."""
    catalog = read_files(files, wasm_hash)
    if has_errors(catalog.problems):
        raise_errors(placed(catalog.problems, files))
    return catalog


def load_objects(manifest_hash: bytes, get: Callable[[bytes, str], bytes]) -> Catalog:
    """The catalog that a journal names: ``get(hash, what)`` gives stored bytes.

    Raises what ``get`` raises, or :class:`WorldError` where the objects do not fit together.
    """
    manifest = _stored_node(get(manifest_hash, "the manifest"), {"$kind": "manifest"})
    if not isinstance(manifest, Manifest):
        raise WorldError("the stored manifest is not one", hash=canon.hash_text(manifest_hash))
    collector = _Collector()
    collector.manifests.append(manifest)
    for name, kind in Manifest.LISTS.items():
        for ref in manifest.refs[name]:
            if (kind, ref.name) in builtin_nodes() and kind != "defmodule":
                continue
            if ref.hash is None:
                raise WorldError(f"the stored manifest has no hash for {ref.name}")
            node = _stored_node(get(canon.parse_hash(ref.hash), ref.name), {"$kind": kind})
            if not isinstance(node, Manifest):
                collector.nodes[kind, ref.name] = node
    catalog = _assemble(collector, lambda _: None)  # a stored module names its wasm already
    raise_errors(catalog.problems)
    if any(node.name not in catalog.schemas for node in catalog.all(DefSchema)):
        raise WorldError("the stored schemas do not fit together")
    if catalog.manifest_hash != manifest_hash:
        raise WorldError(
            "stored definitions do not give the manifest's hash",
            expected=canon.hash_text(manifest_hash),
            found=canon.hash_text(catalog.manifest_hash),
            hint="the journal was written with other built-in definitions",
        )
    return catalog


def _stored_node(data: bytes, defaults: dict[str, str]) -> Node | Manifest:
    return parse_node(defaults | canon.decode(data))


def _assemble(collector: _Collector, wasm_hash: Callable[[DefModule], bytes | None]) -> Catalog:
    known_manifest = len(collector.manifests) == 1  # of two nobody knows which is meant
    manifest = collector.manifests[0] if known_manifest else _stand_in(collector.nodes)
    known = {**builtin_nodes(), **collector.nodes}
    listed = {
        (kind, ref.name) for name, kind in Manifest.LISTS.items() for ref in manifest.refs[name]
    }
    nodes = {key: node for key, node in known.items() if key in listed or key in builtin_nodes()}
    schemas = _sound_schemas(nodes)
    for key, node in nodes.items():
        if isinstance(node, DefModule):
            nodes[key] = _fill_wasm(node, wasm_hash(node), collector)
        elif isinstance(node, DefPlan):
            nodes[key] = _store_literals(node, nodes, schemas, collector)
    filled = _fill_refs(manifest, nodes, collector)
    objects = {canon.sha256(data): data for data in map(node_bytes, _own(nodes, listed))}
    data = node_bytes(filled)
    return Catalog(
        manifest=filled,
        manifest_hash=canon.sha256(data),
        nodes=nodes,
        objects=objects | {canon.sha256(data): data},
        schemas=schemas,
        places=collector.places,
        problems=tuple(collector.problems),
        lost=frozenset(collector.lost),
        any_lost=collector.any_lost,
        partial=frozenset(collector.partial),
        broken=frozenset(collector.broken),
        has_manifest=known_manifest,
    )


def _stand_in(nodes: Mapping[Key, Node]) -> Manifest:
    """A manifest that lists every node, so that rules which need none can look at them."""
    refs = {
        name: tuple(NamedRef(of, None) for kind_, of in sorted(nodes) if kind_ == kind)
        for name, kind in Manifest.LISTS.items()
    }
    return Manifest(True, refs, None, (), (), None, (), False, {})


def _sound_schemas(nodes: Mapping[Key, Node]) -> Schemas:
    """Those that lead somewhere: not to what there is not, not to themselves, and not too far."""
    types = {node.name: node.type for node in nodes.values() if isinstance(node, DefSchema)}
    schemas = Schemas(types, _builtin_schemas())
    if all(compiles(Ref(name), schemas) for name in types):
        return schemas
    # each on its own: what may follow what in a row must not depend on what was compiled before
    sound = {name for name in types if compiles(Ref(name), Schemas(types))}
    return Schemas({name: of for name, of in types.items() if name in sound}, _builtin_schemas())


def compiles(of: Type, schemas: Schemas) -> bool:
    """Whether a type and all that it refers to can be used."""
    try:
        schemas.compile(of)
    except AirError:
        return False
    return True


def _own(nodes: Mapping[Key, Node], listed: set[Key]) -> list[Node]:
    """The listed nodes that the store must keep: all but built-ins other than modules."""
    return [
        node
        for key, node in nodes.items()
        if key in listed and (key not in builtin_nodes() or key[0] == "defmodule")
    ]


def _fill_wasm(node: DefModule, found: bytes | None, collector: _Collector) -> DefModule:
    if found is None:
        return node
    text = canon.hash_text(found)
    if node.wasm_hash not in (None, text):
        _stale(collector, (node.kind, node.name), "wasm_hash", node.wasm_hash, text)
    return replace(node, wasm_hash=text)


def _stale(collector: _Collector, key: Key, field: str, written: str | None, found: str) -> None:
    place = collector.places.get(key)
    collector.problems.append(
        Problem(
            "warning",
            "stale_hash",
            place.file if place else None,
            f"{place.path}.{field}" if place else None,
            f"{key[1]}: {field} says {written}, found {found}",
            "`aos lock` writes the found hashes",
        )
    )


def _store_literals(
    plan: DefPlan, nodes: Mapping[Key, Node], schemas: Schemas, collector: _Collector
) -> DefPlan:
    """The plan with its literals in stored form; those that cannot be read stay as they are."""
    effects = {node.effect: node for node in nodes.values() if isinstance(node, DefEffect)}
    place = collector.places.get((plan.kind, plan.name), Place(None, "$"))

    def finish(index: int, step: Step) -> Step:
        args = dict(step.args)
        for name, schema in _slots(plan, step, effects).items():
            if name in args and (schema is None or schema == "hash" or schema in schemas):
                of = None if schema is None else Prim("hash") if schema == "hash" else Ref(schema)
                path = f"{place.path}.steps[{index}].{name}"
                try:
                    args[name] = literals.stored(args[name], of, schemas, path)
                except AirError as error:
                    collector.error(error, place.file)
                    collector.unread.add((plan.kind, plan.name))
        return replace(step, args=args)

    return replace(plan, steps=tuple(finish(i, step) for i, step in enumerate(plan.steps)))


def _slots(plan: DefPlan, step: Step, effects: Mapping[str, DefEffect]) -> dict[str, str | None]:
    """The ExprOrValue slots of a step and their schemas; ``hash`` is the primitive (B-4)."""
    if step.op == "emit_effect":
        effect = effects.get(step.args["kind"])
        params = {"params": effect.params_schema} if effect else {}
        return {**params, "idempotency_key": "hash"}
    if step.op == "raise_event":
        return {"value": step.args["event"]}
    if step.op == "end":
        return {"result": plan.output} if plan.output else {}
    if step.op == "assign":
        return {"expr": plan.locals.get(step.binds or "")}
    return {}


def _fill_refs(manifest: Manifest, nodes: Mapping[Key, Node], collector: _Collector) -> Manifest:
    def fill(kind: str, ref: NamedRef, path: str) -> NamedRef:
        node = nodes.get((kind, ref.name))
        if node is None:
            return ref
        if (kind, ref.name) in builtin_nodes() and kind != "defmodule":
            found = _builtin_hashes()[kind, ref.name]
        else:
            found = canon.hash_text(canon.sha256(node_bytes(node)))
        whole = (kind, ref.name) not in collector.partial | collector.unread
        if ref.hash not in (None, found) and whole:
            _stale(collector, ("manifest", "manifest"), path, ref.hash, found)
        return NamedRef(ref.name, found)

    refs = {
        name: tuple(
            fill(kind, ref, f"{name}[{index}].hash")
            for index, ref in enumerate(manifest.refs[name])
        )
        for name, kind in Manifest.LISTS.items()
    }
    return replace(manifest, refs=refs)
