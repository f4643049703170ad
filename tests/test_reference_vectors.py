"""The published vectors of AIR v1, where they are present; they are not shipped.

``reference`` (conftest) looks for them beside the repository and says where when it skips.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.host_json import untyped_from_host
from aos_core.air.load import load_files
from aos_core.air.nodes import DefPlan, DefSchema, node_bytes, node_hash, parse_node
from aos_core.air.schemas import Schemas

Reference = Callable[[str], Any]
FILES = ("canonical-cbor", "plans", "schemas")


def vectors(reference: Reference, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reference(f"test-vectors/{name}.json")
    assert found, "an empty file would test nothing"
    return found


@pytest.mark.parametrize("name", FILES)
def test_canonical_bytes_and_hashes(reference: Reference, name: str) -> None:
    for vector in vectors(reference, name):
        data = canon.encode(vector["json"])
        assert data.hex() == vector["cbor_hex"], vector["label"]
        assert canon.hash_text(canon.sha256(data)) == vector["hash"], vector["label"]


@pytest.mark.parametrize("name", FILES)
def test_published_bytes_decode_to_their_value_and_back(reference: Reference, name: str) -> None:
    for vector in vectors(reference, name):
        data = bytes.fromhex(vector["cbor_hex"])
        value = canon.decode(data)
        assert value == vector["json"], vector["label"]
        assert canon.encode(value) == data and canon.digest(value) == canon.sha256(data)
        assert canon.parse_hash(vector["hash"]) == canon.sha256(data)


@pytest.mark.parametrize("name", FILES)
def test_host_json_passes_unchanged_where_there_is_no_schema(
    reference: Reference, name: str
) -> None:
    for vector in vectors(reference, name):
        assert canon.encode(untyped_from_host(vector["json"])).hex() == vector["cbor_hex"]


@pytest.mark.parametrize("name", FILES)
def test_one_changed_bit_is_other_bytes_or_none(reference: Reference, name: str) -> None:
    for vector in vectors(reference, name):
        data = bytearray.fromhex(vector["cbor_hex"])
        for at in range(3, len(data)):
            data[at] ^= 1
            assert canon.hash_text(canon.sha256(bytes(data))) != vector["hash"]
            data[at] ^= 1


def test_published_schemas_are_read_as_types(reference: Reference) -> None:
    for vector in vectors(reference, "schemas"):
        node = parse_node(vector["json"])
        assert isinstance(node, DefSchema) and node.name == vector["json"]["name"]
        point = Schemas({node.name: node.type})[node.name]
        value = dict.fromkeys(vector["json"]["type"]["record"], 1)
        assert point.from_host(value) == value
        assert node_bytes(node).hex() == vector["cbor_hex"]
        assert canon.hash_text(node_hash(node)) == vector["hash"]


def test_published_plans_are_read_and_hash_without_what_is_empty(reference: Reference) -> None:
    for vector in vectors(reference, "plans"):
        node = parse_node(vector["json"])
        assert isinstance(node, DefPlan) and [step.op for step in node.steps] == ["end"]
        kept = {k: of for k, of in vector["json"].items() if of != []}
        assert canon.digest(kept) == node_hash(node)


def test_published_nodes_load_together_as_a_world(reference: Reference) -> None:
    nodes = [vector["json"] for name in FILES[1:] for vector in vectors(reference, name)]
    lists: dict[str, list[dict[str, str]]] = {"schemas": [], "plans": []}
    for node in nodes:
        of = lists["schemas" if node["$kind"] == "defschema" else "plans"]
        of.append({"name": node["name"]})
    manifest = {"$kind": "manifest", "air_version": "1", **lists}
    catalog = load_files({"air/all.json": json.dumps([*nodes, manifest])}, lambda _: None)
    assert {node["name"] for node in nodes} <= {name for _, name in catalog.nodes}
    assert canon.sha256(catalog.objects[catalog.manifest_hash]) == catalog.manifest_hash
