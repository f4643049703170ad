"""The built-in definitions: their hashes, their shapes, and the notation they are written in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.air.builtins import definitions
from aos_core.air.builtins.notation import parse
from aos_core.air.nodes import parse_node
from aos_core.errors import AirError

REPO = Path(__file__).parents[2]
GOLDEN = json.loads((REPO / "tests/golden/builtin_hashes.json").read_text("utf-8"))
KINDS = ["defschema", "defeffect", "defcap", "defmodule"]


def typed(node: dict[str, Any]) -> dict[str, Any]:
    """The typed form of a raw node: defaults filled, empty lists and comments dropped."""
    return parse_node(node).to_json()


def without_kind(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "$kind"}


def named(name: str) -> dict[str, Any]:
    (node,) = (node for node in definitions() if node["name"] == name)
    return node


def one(text: str) -> dict[str, Any]:
    (node,) = parse(text, "x.air")
    return node


def type_of(text: str) -> Any:
    return one(f"schema T = {text}")["type"]


def names_used(value: Any) -> Iterator[str]:
    """Every ``sys/..`` text anywhere inside ``value``."""
    if isinstance(value, str) and value.startswith("sys/"):
        yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from names_used(item)


def test_the_hash_of_every_schema_effect_and_cap_is_the_published_one() -> None:
    hashes = {
        node["name"]: canon.digest(without_kind(typed(node))).hex()
        for node in definitions()
        if node["$kind"] != "defmodule"
    }
    assert hashes == GOLDEN["references"]


def test_the_hash_of_a_module_without_wasm_is_the_published_one() -> None:
    for name, hashes in GOLDEN["modules"].items():
        node = typed(named(name))
        assert canon.digest(node).hex() == hashes["with_kind"]
        assert canon.digest(without_kind(node)).hex() == hashes["without_kind"]


def test_definitions_are_unique_ordered_by_kind_and_read_once() -> None:
    nodes = definitions()
    assert definitions() is nodes
    assert [name for name, count in Counter(n["name"] for n in nodes).items() if count > 1] == []
    assert [KINDS.index(node["$kind"]) for node in nodes] == sorted(
        KINDS.index(node["$kind"]) for node in nodes
    )
    assert Counter(node["$kind"] for node in nodes) == {
        "defschema": 82,
        "defeffect": 25,
        "defcap": 8,
        "defmodule": 6,
    }


def test_every_name_that_a_definition_uses_is_defined() -> None:
    defined = {node["name"] for node in definitions()}
    assert {name for node in definitions() for name in names_used(node)} <= defined


def test_every_effect_needs_a_cap_that_is_built_in() -> None:
    cap_types = {node["cap_type"] for node in definitions() if node["$kind"] == "defcap"}
    needed = {node["cap_type"] for node in definitions() if node["$kind"] == "defeffect"}
    assert needed == cap_types


@pytest.mark.parametrize("file", ["schemas", "effects", "caps", "modules"])
def test_definitions_equal_those_of_the_public_specification(
    file: str, reference: Callable[[str], Any]
) -> None:
    published = [typed(node) for node in reference(f"defs/builtin-{file}.air.json")]
    assert [
        typed(node) for node in definitions() if node["$kind"] == f"def{file[:-1]}"
    ] == published


def test_notation_of_types() -> None:
    assert type_of("{}") == {"record": {}}
    assert type_of("{a: nat, text: text?}") == {
        "record": {"a": {"nat": {}}, "text": {"option": {"text": {}}}}
    }
    assert type_of("list<set<Foo@2?>>") == {"list": {"set": {"option": {"ref": "sys/Foo@2"}}}}
    assert type_of("map<uuid, Foo>?") == {
        "option": {"map": {"key": {"uuid": {}}, "value": {"ref": "sys/Foo@1"}}}
    }


def test_notation_of_variants() -> None:
    assert type_of("On | hash hash | Both {a: x | y} | Maybe nat?") == {
        "variant": {
            "On": {"unit": {}},
            "hash": {"hash": {}},
            "Both": {"record": {"a": {"variant": {"x": {"unit": {}}, "y": {"unit": {}}}}}},
            "Maybe": {"option": {"nat": {}}},
        }
    }
    assert type_of("literal text | secret Foo") == {
        "variant": {"literal": {"text": {}}, "secret": {"ref": "sys/Foo@1"}}
    }


def test_notation_of_effects_caps_and_modules() -> None:
    assert one("effect a.b@3: P -> R@2 cap c.d from both") == {
        "$kind": "defeffect",
        "name": "sys/a.b@3",
        "kind": "a.b",
        "params_schema": "sys/P@1",
        "receipt_schema": "sys/R@2",
        "cap_type": "c.d",
        "origin_scope": "both",
    }
    assert one("cap c.d = {} enforcer E") == {
        "$kind": "defcap",
        "name": "sys/c.d@1",
        "cap_type": "c.d",
        "schema": {"record": {}},
        "enforcer": {"module": "sys/E@1"},
    }
    assert "enforcer" not in one("cap c.d = {}")
    assert one("pure F: A -> B")["abi"] == {"pure": {"input": "sys/A@1", "output": "sys/B@1"}}
    assert one("reducer R per K: E -> S context C") == {
        "$kind": "defmodule",
        "name": "sys/R@1",
        "module_kind": "reducer",
        "wasm_hash": "sha256:" + 64 * "0",
        "key_schema": "sys/K@1",
        "abi": {"reducer": {"state": "sys/S@1", "event": "sys/E@1", "context": "sys/C@1"}},
    }
    assert "key_schema" not in one("reducer R: E -> S context C")


def test_comments_blank_lines_and_indented_lines_do_not_end_a_definition() -> None:
    text = "# head\n\nschema A = {a: nat, # first\n\n  # x\n  b: x\n | y}\n  \nschema B = int\n\n"
    assert [node["name"] for node in parse(text, "x.air")] == ["sys/A@1", "sys/B@1"]
    assert parse("", "x.air") == parse("# nothing\n", "x.air") == []


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (
            "shema A = nat",
            1,
            1,
            "expected schema or effect or cap or pure or reducer, found 'shema'",
        ),
        ("schema A = nat\nschema B nat", 2, 10, "expected '=', found 'nat'"),
        ("schema A =\nschema B = nat", 1, 11, "expected a type, found the end of the line"),
        ("schema A = {a: nat", 1, 19, "expected ',', found the end of the file"),
        ("schema A = {a: nat,}", 1, 20, "expected a field, found '}'"),
        ("schema A = {a: nat,\n    a: int}", 2, 5, "a field 'a' stands here twice"),
        ("schema A = {a: number}", 1, 16, "there is no type 'number'"),
        ("schema A = list nat", 1, 20, "expected '|', found the end of the file"),
        ("schema A = list", 1, 16, "expected '<', found the end of the file"),
        ("schema A = x | x", 1, 16, "a tag 'x' stands here twice"),
        ("schema A = nat??", 1, 16, "expected the end of the definition, found '?'"),
        ("schema A = x | y?", 1, 17, "expected the end of the definition, found '?'"),
        ("schema A = nat\n\n# again\nschema A = int", 4, 1, "defschema sys/A@1 is defined twice"),
        ("schema A@0 = nat", 1, 9, "'@' means nothing here"),
        ("effect a: P -> R cap c from us", 1, 29, "expected plan or reducer or both, found 'us'"),
        ("effect a: P, R", 1, 12, "expected '->', found ','"),
        ("pure F: A ->", 1, 13, "expected a name, found the end of the file"),
        ("reducer R: E -> S", 1, 18, "expected 'context', found the end of the file"),
        ("cap c = {}\n    enforcer", 2, 13, "expected a name, found the end of the file"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(AirError) as caught:
        parse(text, "x.air")
    assert caught.value.message == message
    assert caught.value.where == {"file": "x.air", "line": line, "column": column}
