"""Loading a world's control plane: JSON texts or stored objects in, a :class:`Catalog` out.

No I/O: the caller hands over the texts of the files, or a function that gives an object by hash.
Hashes are filled in the order of B-5; a plan is hashed with its literals in stored form (B-4).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from aos_core import canon
from aos_core.air import builtins, literals
from aos_core.air.codec import Schemas
from aos_core.air.nodes import (
    DefCap,
    DefEffect,
    DefModule,
    DefPlan,
    DefSchema,
    Manifest,
    NamedRef,
    Node,
    Step,
    node_bytes,
    parse_node,
)
from aos_core.air.types import Prim, Ref
from aos_core.errors import AirError, AosError, CanonError, CheckFailed, WorldError

Key = tuple[str, str]
"""What names a node: (kind, name)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: file and JSON path."""

    file: str
    path: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a world; ``severity`` is ``error`` or ``warning``."""

    severity: str
    code: str
    file: str | None
    path: str | None
    message: str
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        names = ("severity", "code", "file", "path", "message", "hint")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Catalog:
    """All definitions of a world, typed and hashed.

    ``nodes`` holds what the manifest lists, and every built-in. ``objects`` are the canonical
    bytes of the world's own nodes and of the manifest, by SHA-256: what the store keeps.
    """

    manifest: Manifest
    manifest_hash: bytes
    nodes: Mapping[Key, Node]
    objects: Mapping[bytes, bytes]
    schemas: Schemas
    places: Mapping[Key, Place]
    problems: tuple[Problem, ...] = ()

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


_VERSIONS = (
    "of several versions of a world open one folder as the world, or name it in world.toml, for "
    'example assets = "air.v1"'
)


class _Collector:
    """Parsed nodes and problems, as files are read."""

    def __init__(self) -> None:
        self.nodes: dict[Key, Node] = {}
        self.manifests: list[Manifest] = []
        self.places: dict[Key, Place] = {}
        self.problems: list[Problem] = []

    def error(self, error: AosError, file: str | None, node: str | None = None) -> None:
        """Take note of an error; ``node``: the path of its node, where it has none of its own."""
        path = error.where.get("path", node)
        place = str(path) if path is not None else None
        self.problems.append(Problem("error", error.code, file, place, error.message, error.hint))

    def read(self, file: str, text: str) -> None:
        if not text.strip():
            return
        try:
            document = parse_json(text)
        except AirError as error:
            self.error(error, file, "$")
            return
        items = document if isinstance(document, list) else [document]
        for index, item in enumerate(items):
            path = f"$[{index}]" if isinstance(document, list) else "$"
            try:
                self.add(parse_node(item, path), Place(file, path))
            except AirError as error:
                self.error(error, file)

    def add(self, node: Node | Manifest, place: Place) -> None:
        key = (node.kind, "manifest" if isinstance(node, Manifest) else node.name)
        if not isinstance(node, Manifest) and node.name.startswith("sys/"):
            raise AirError(f"{node.name}: sys/ is reserved", path=place.path, hint="refer to it")
        if key in self.places:
            other = self.places[key]
            raise AirError(
                f"{key[1]} is defined twice: also in {other.file} at {other.path}",
                path=place.path, hint=_VERSIONS if isinstance(node, Manifest) else None,
            )  # fmt: skip
        self.places[key] = place
        if isinstance(node, Manifest):
            self.manifests.append(node)
        else:
            self.nodes[key] = node


def load_files(files: Mapping[str, str], wasm_hash: Callable[[DefModule], bytes | None]) -> Catalog:
    """The catalog of a world's files (path -> text), read in sorted path order.

    ``wasm_hash`` gives the SHA-256 of the wasm found for a module, or None. Raises
    :class:`CheckFailed` with every structural problem.
    """
    collector = _Collector()
    for file in sorted(files):
        collector.read(file, files[file])
    if not collector.manifests and not collector.problems:
        collector.error(WorldError("the world has no manifest", code="no_manifest"), None)
    raise_errors(collector.problems)
    return _assemble(collector, wasm_hash)


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


def parse_json(text: str) -> Any:
    """JSON that can be hashed: no duplicate keys, no NaN, 64-bit integers, 192 levels deep.

    Raises :class:`AirError` with its place.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            names = [key for key, _ in items]
            twice = next(key for key in names if names.count(key) > 1)
            raise AirError(f"key {twice!r} stands twice in one object")
        return result

    def constant(name: str) -> Any:
        raise AirError(f"{name} is not JSON")

    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
        canon.encode_plain(document)
    except json.JSONDecodeError as error:
        raise AirError(
            f"not JSON: {error.msg}",
            line=error.lineno,
            column=error.colno,
            path=f"line {error.lineno}, column {error.colno}",
        ) from error
    except RecursionError as error:
        raise AirError("JSON nested too deep") from error
    except (CanonError, ValueError) as error:  # ValueError: an integer of thousands of digits
        raise AirError(f"cannot be hashed: {error}") from error
    return document


def raise_errors(problems: Sequence[Problem]) -> None:
    """Raise :class:`CheckFailed`, with every problem, where one of them is an error."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        first = errors[0]
        place = f"{first.file or 'world'} {first.path or ''}".strip()
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise CheckFailed(f"{place}: {first.message}{more}", tuple(problems))


def _assemble(collector: _Collector, wasm_hash: Callable[[DefModule], bytes | None]) -> Catalog:
    (manifest,) = collector.manifests
    known = {**builtin_nodes(), **collector.nodes}
    listed = {
        (kind, ref.name) for name, kind in Manifest.LISTS.items() for ref in manifest.refs[name]
    }
    nodes = {key: node for key, node in known.items() if key in listed or key in builtin_nodes()}
    schemas = Schemas(
        {node.name: node.type for node in nodes.values() if isinstance(node, DefSchema)}
    )
    for key, node in nodes.items():
        try:
            nodes[key] = _finish(node, nodes, schemas, wasm_hash, collector)
        except AirError as error:
            collector.error(error, _file(collector, key), _root(collector, node))
    raise_errors(collector.problems)
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
    )


def _file(collector: _Collector, key: Key) -> str | None:
    return collector.places[key].file if key in collector.places else None


def _own(nodes: Mapping[Key, Node], listed: set[Key]) -> list[Node]:
    """The listed nodes that the store must keep: all but built-ins other than modules."""
    return [
        node
        for key, node in nodes.items()
        if key in listed and (key not in builtin_nodes() or key[0] == "defmodule")
    ]


def _finish(
    node: Node,
    nodes: Mapping[Key, Node],
    schemas: Schemas,
    wasm_hash: Callable[[DefModule], bytes | None],
    collector: _Collector,
) -> Node:
    if isinstance(node, DefModule):
        return _fill_wasm(node, wasm_hash(node), collector)
    if isinstance(node, DefPlan):
        return _store_literals(node, nodes, schemas, _root(collector, node))
    if isinstance(node, DefSchema):
        schemas.compile(Ref(node.name))  # unknown and cyclic references come to light here
    if isinstance(node, DefCap):
        schemas.compile(node.schema)
    return node


def _root(collector: _Collector, node: Node) -> str:
    place = collector.places.get((node.kind, node.name))
    return place.path if place else "$"


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
    plan: DefPlan, nodes: Mapping[Key, Node], schemas: Schemas, root: str
) -> DefPlan:
    effects = {node.effect: node for node in nodes.values() if isinstance(node, DefEffect)}

    def finish(index: int, step: Step) -> Step:
        slots = _slots(plan, step, effects)
        args = dict(step.args)
        for name, schema in slots.items():
            if name in args and (schema is None or schema == "hash" or schema in schemas):
                of = None if schema is None else Prim("hash") if schema == "hash" else Ref(schema)
                path = f"{root}.steps[{index}].{name}"
                args[name] = literals.stored(args[name], of, schemas, path)
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
        if ref.hash not in (None, found):
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
