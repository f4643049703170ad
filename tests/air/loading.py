"""Worlds to load, for tests: a small one, and the aggregator that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.load import Catalog, load_files
from aos_core.air.nodes import DefModule, node_hash
from aos_core.errors import CheckFailed

REPO = Path(__file__).parents[2]
ZERO = "sha256:" + "0" * 64
NAT: dict[str, Any] = {"nat": {}}
SCHEMA = {"$kind": "defschema", "name": "t/S@1", "type": {"record": {"n": NAT}}}
MANIFEST = {"$kind": "manifest", "air_version": "1", "schemas": [{"name": "t/S@1"}]}


def no_wasm(module: DefModule) -> bytes | None:
    return None


def load(*nodes: Any, **more: Any) -> Catalog:
    return load_files({"air/all.json": json.dumps([*nodes, MANIFEST | more])}, no_wasm)


def hashes(world: Catalog) -> dict[tuple[str, str], bytes]:
    return {key: node_hash(node) for key, node in world.nodes.items()}


def problems(files: dict[str, str]) -> list[tuple[str | None, str | None, str]]:
    with pytest.raises(CheckFailed) as caught:
        load_files(files, no_wasm)
    return [(p.file, p.path, p.message) for p in caught.value.problems]  # type: ignore[attr-defined]


def files_of(nodes: Any) -> dict[str, str]:
    return {"air/all.json": json.dumps(nodes)}


# The shipped aggregator world


def aggregator() -> dict[str, str]:
    root = REPO / "examples/04-aggregator"
    files = [*root.glob("air/*.json"), *root.glob("plans/*.json")]
    return {str(file.relative_to(root)): file.read_text("utf-8") for file in files}


def aggregator_wasm(module: DefModule) -> bytes | None:
    if module.name != "demo/Aggregator@1":
        return None
    return canon.sha256((REPO / "reducers/prebuilt/aggregator.wasm").read_bytes())
