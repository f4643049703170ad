"""Loading: files and stored objects give one catalog; what is wrong is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import canon
from aos_core.air.check import check
from aos_core.air.json_text import parse_json
from aos_core.air.load import builtin_nodes, load_files, load_objects, read_files
from aos_core.air.nodes import DefModule, DefPlan, DefSchema, node_bytes, node_hash, parse_node
from aos_core.errors import AirError, CheckFailed, WorldError
from aos_core.problems import Problem
from tests.air.loading import (
    MANIFEST,
    REPO,
    SCHEMA,
    ZERO,
    aggregator,
    aggregator_wasm,
    files_of,
    hashes,
    load,
    no_wasm,
    problems,
)


def test_files_and_stored_objects_give_the_same_catalog() -> None:
    world = load_files(aggregator(), aggregator_wasm)
    assert world.problems == ()
    stored = load_objects(world.manifest_hash, lambda hash, what: world.objects[hash])
    assert stored.manifest_hash == world.manifest_hash
    assert stored.manifest == world.manifest
    assert hashes(stored) == hashes(world)
    assert stored.objects == world.objects
    assert stored.changed_from(world) == ()


def test_every_hash_of_the_manifest_is_filled_and_names_its_object() -> None:
    world = load_files(aggregator(), aggregator_wasm)
    references = json.loads((REPO / "tests/golden/builtin_hashes.json").read_text("utf-8"))
    builtin = references["references"]
    for refs in world.manifest.refs.values():
        for ref in refs:
            assert ref.hash is not None
            digest = canon.parse_hash(ref.hash)
            if ref.name in builtin:
                assert digest.hex() == builtin[ref.name]
            else:
                assert canon.sha256(world.objects[digest]) == digest
    assert canon.sha256(world.objects[world.manifest_hash]) == world.manifest_hash
    assert canon.digest(world.manifest.to_json()) == world.manifest_hash


def test_a_module_is_hashed_with_the_wasm_it_has() -> None:
    """B-5."""
    world = load_files(aggregator(), aggregator_wasm)
    module = world.nodes["defmodule", "demo/Aggregator@1"]
    assert isinstance(module, DefModule)
    wasm = aggregator_wasm(module)
    assert wasm is not None
    assert module.wasm_hash == canon.hash_text(wasm)
    enforcer = world.nodes["defmodule", "sys/CapEnforceHttpOut@1"]
    assert b"$kind" in node_bytes(enforcer)
    assert node_hash(enforcer) in world.objects
    other = load_files(aggregator(), lambda module: canon.sha256(b"other"))
    assert other.manifest_hash != world.manifest_hash
    assert other.changed_from(world) == ("demo/Aggregator@1", "sys/CapEnforceHttpOut@1")


def test_the_enforcer_without_wasm_has_the_published_hash() -> None:
    """B-5."""
    world = load_files(aggregator(), aggregator_wasm)
    (ref,) = (ref for ref in world.manifest.refs["modules"] if ref.name.startswith("sys/"))
    assert ref.hash == "sha256:28b5413feee4cf38a8ba0525251cd1abad88a31932fd521955f227f87bee2756"


def test_the_place_of_every_node_is_known() -> None:
    world = load_files(aggregator(), aggregator_wasm)
    place = world.places["defschema", "demo/TargetResult@1"]
    assert (place.file, place.path) == ("air/schemas.air.json", "$[1]")
    assert world.places["manifest", "manifest"].path == "$"
    assert [node.name for node in world.all(DefPlan)] == ["demo/aggregator_plan@1"]


def test_files_are_read_in_path_order_whatever_their_order_in_the_mapping() -> None:
    files = aggregator()
    backwards = dict(reversed(files.items()))
    assert (
        load_files(backwards, aggregator_wasm).manifest_hash
        == load_files(files, aggregator_wasm).manifest_hash
    )


def test_stored_definitions_that_do_not_give_the_manifest_hash() -> None:
    world = load_files(aggregator(), aggregator_wasm)
    plan = world.nodes["defplan", "demo/aggregator_plan@1"]
    changed = canon.decode(node_bytes(plan)) | {"invariants": [{"bool": True}]}
    objects = dict(world.objects) | {node_hash(plan): canon.encode(changed)}
    with pytest.raises(WorldError, match="do not give the manifest's hash"):
        load_objects(world.manifest_hash, lambda hash, what: objects[hash])


# Structure


def test_the_world_without_anything() -> None:
    with pytest.raises(CheckFailed) as caught:
        load_files({}, no_wasm)
    (problem,) = caught.value.problems
    assert problem.to_json() == {  # type: ignore[attr-defined]
        "severity": "error",
        "code": "no_manifest",
        "file": None,
        "path": None,
        "message": "the world has no manifest",
        "hint": None,
        "line": None,
        "column": None,
    }


def test_an_empty_file_is_no_node_and_a_file_may_hold_many() -> None:
    files = {
        "a.json": "  \n",
        "b.json": json.dumps([SCHEMA, MANIFEST]),
        "c.json": json.dumps(SCHEMA | {"name": "t/Other@1"}),
        "d.json": "[]",
    }
    world = load_files(files, no_wasm)
    assert ("defschema", "t/S@1") in world.nodes
    assert ("defschema", "t/Other@1") not in world.nodes, "the manifest does not list it"
    assert world.objects.keys() == {canon.digest(SCHEMA), world.manifest_hash}


def test_two_nodes_of_one_name_and_kind() -> None:
    files = {"a.json": json.dumps(SCHEMA), "b.json": json.dumps([MANIFEST, SCHEMA])}
    assert problems(files) == [
        ("b.json", "$[1]", "t/S@1 is defined twice: also in a.json at $"),
    ]
    plan = {"$kind": "defplan", "name": "t/S@1", "input": "t/S@1", "steps": []}
    assert load(SCHEMA, plan), "one name for two kinds is fine"


def test_two_manifests() -> None:
    files = {"a.json": json.dumps(MANIFEST), "b.json": json.dumps([MANIFEST])}
    assert problems(files) == [
        ("b.json", "$[0]", "manifest is defined twice: also in a.json at $"),
    ]


def test_reserved_names() -> None:
    ((file, path, message),) = problems(files_of([SCHEMA | {"name": "sys/S@1"}, MANIFEST]))
    assert (file, path) == ("air/all.json", "$[0]")
    assert "sys/ is reserved" in message


def test_all_problems_are_reported_together() -> None:
    files = {
        "a.json": "{",
        "b.json": json.dumps([SCHEMA | {"type": {}}, {"$kind": "x"}, MANIFEST]),
        "c.json": json.dumps(SCHEMA | {"name": "sys/S@1"}),
    }
    assert [(file, path) for file, path, _ in problems(files)] == [
        ("a.json", "$"),
        ("b.json", "$[0].type"),
        ("b.json", "$[1].$kind"),
        ("c.json", "$"),
    ]
    with pytest.raises(CheckFailed, match=r"^a\.json:1:2: .*\(and 3 more\)$"):
        load_files(files, no_wasm)


def found_in(*nodes: Any) -> list[tuple[str, str | None]]:
    """(code, path) of the errors of a world in one file."""
    catalog = read_files(files_of([*nodes]), no_wasm)
    return [(of.code, of.path) for of in check(catalog) if of.severity == "error"]


def test_schemas_that_lead_nowhere_or_in_circles() -> None:
    lost = SCHEMA | {"type": {"list": {"ref": "t/No@1"}}}
    assert found_in(lost, MANIFEST) == [("unknown_schema", "$[0].type.list.ref")]
    circle = SCHEMA | {"type": {"option": {"ref": "t/S@1"}}}
    assert found_in(circle, MANIFEST) == [("cyclic_type", "$[0].type.option.ref")]


def test_the_type_of_a_cap_must_lead_somewhere_too() -> None:
    cap = {"$kind": "defcap", "name": "t/c@1", "cap_type": "c", "schema": {"ref": "t/No@1"}}
    manifest = MANIFEST | {"caps": [{"name": "t/c@1"}]}
    assert found_in(SCHEMA, cap, manifest) == [("unknown_schema", "$[1].schema.ref")]


@pytest.mark.parametrize(
    "broken", [{"ref": "t/S@1"}, {"option": {"ref": "t/S@1"}}, {"ref": "t/No@1"}]
)
def test_a_plan_with_literals_of_a_broken_schema_ends_in_problems(broken: Any) -> None:
    plan = {
        "$kind": "defplan",
        "name": "t/p@1",
        "input": "t/S@1",
        "steps": [{"id": "r", "op": "raise_event", "event": "t/S@1", "value": 5}],
    }
    nodes = [SCHEMA | {"type": broken}, plan, MANIFEST | {"plans": [{"name": "t/p@1"}]}]
    assert found_in(*nodes)


# JSON


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("{", 1, 2), ('{"a": 1,\n "b": }', 2, 7), ("[1, 2", 1, 6), ("nope", 1, 1), ('{"a" 1}', 1, 6)],
)
def test_what_is_no_json_names_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(AirError) as caught:
        parse_json(text)
    where = caught.value.where
    assert (where["line"], where["column"]) == (line, column)
    with pytest.raises(CheckFailed) as failed:
        load_files({"x.json": text}, no_wasm)
    (of,) = failed.value.problems
    assert isinstance(of, Problem)
    assert (of.file, of.path, of.line, of.column) == ("x.json", "$", line, column)
    assert of.excerpt == text.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ('{"a": {"b": 1, "c": 2,\n "b": 3}}', "key 'b' stands twice", 2, 2),
        ('{"a":\n NaN}', "NaN is not JSON", 2, 2),
        ("[Infinity]", "Infinity is not JSON", 1, 2),
        ('["NaN", -Infinity]', "-Infinity is not JSON", 1, 9),
        ("[1, 18446744073709551616]", "cannot be hashed: integer 18446744073709551616", 1, 5),
        ("[-9223372036854775809]", "cannot be hashed: integer -9223372036854775809", 1, 2),
        ("[0,\n" + "9" * 5000 + "]", "integer of 5000 digits does not fit", 2, 1),
        ('[\n"\\ud800"]', "half a character", 2, 1),
        ('{"\\udc00": 1}', "half a character", 1, 12),
        ("[" * 200 + "]" * 200, "cannot be hashed: nested too deep", 1, 193),
        ("[" * 100_000, "too deep", 1, 193),
        ('{"a": 1}\n{"b": 2}', "there is more after the end", 2, 1),
        ("[1,\n]", "not JSON", 2, 1),
        ("\ufeff{}", "byte order mark", 1, 1),
        ('{"a":\n "caf\udce9"}', "not UTF-8: byte 0xe9", 2, 6),
    ],
)
def test_json_that_cannot_be_hashed(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(AirError) as caught:
        parse_json(text)
    assert message in caught.value.message
    assert (caught.value.where["line"], caught.value.where["column"]) == (line, column)


# Hashes as authored


def test_placeholders_are_filled_silently() -> None:
    """B-5."""
    for hash in (None, "", "sha256", "sha256:", ZERO):
        world = load(SCHEMA, schemas=[{"name": "t/S@1", "hash": hash}])
        assert world.problems == ()
        assert world.manifest.refs["schemas"][0].hash == canon.hash_text(canon.digest(SCHEMA))
        assert world.manifest_hash == load(SCHEMA).manifest_hash


def test_a_stale_hash_is_a_warning_that_names_both() -> None:
    stale, found = "sha256:" + "1" * 64, canon.hash_text(canon.digest(SCHEMA))
    world = load(SCHEMA, schemas=[{"name": "t/S@1", "hash": stale}])
    (problem,) = world.problems
    assert (problem.severity, problem.code, problem.file) == (
        "warning",
        "stale_hash",
        "air/all.json",
    )
    assert stale in problem.message
    assert found in problem.message
    assert world.manifest_hash == load(SCHEMA).manifest_hash


def test_a_stale_wasm_hash_is_a_warning_and_the_found_one_counts() -> None:
    stale, wasm = "sha256:" + "1" * 64, canon.sha256(b"wasm")
    abi = {"reducer": {"state": "t/S@1", "event": "t/S@1"}}
    module = {"$kind": "defmodule", "name": "t/R@1", "module_kind": "reducer", "abi": abi}
    files = files_of(
        [module | {"wasm_hash": stale}, SCHEMA, MANIFEST | {"modules": [{"name": "t/R@1"}]}]
    )
    world = load_files(files, lambda module: wasm)
    assert [(p.code, p.path) for p in world.problems] == [("stale_hash", "$[0].wasm_hash")]
    node = world.nodes["defmodule", "t/R@1"]
    assert isinstance(node, DefModule)
    assert node.wasm_hash == canon.hash_text(wasm)
    kept = load_files(files, no_wasm).nodes["defmodule", "t/R@1"]
    assert isinstance(kept, DefModule)
    assert kept.wasm_hash == stale, "without wasm the authored hash stands"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        (
            "sys/TimerSetParams@1",
            "e0aac16a1b512f7ffaf065844b3e8ab383886436cba6e3ab6d46428509df681f",
        ),
        ("sys/TimerFired@1", "59ad36be714f28904927120403b3cb39093b543d649bfeb1cb940c0010ef46d2"),
    ],
)
def test_a_builtin_is_referred_to_without_its_kind_and_not_stored(name: str, digest: str) -> None:
    """B-5."""
    world = load(SCHEMA, schemas=[{"name": name}, {"name": "t/S@1"}])
    assert world.manifest.refs["schemas"][0].hash == f"sha256:{digest}"
    assert bytes.fromhex(digest) not in world.objects
    assert node_hash(builtin_nodes()["defschema", name]).hex() == digest


def test_a_listed_name_without_a_node_is_left_for_the_check() -> None:
    world = load(SCHEMA, plans=[{"name": "t/p@1"}])
    assert world.manifest.refs["plans"][0].hash is None


# Literals of plans


def steps_of(*steps: Any, **more: Any) -> tuple[Any, ...]:
    plan = {"$kind": "defplan", "name": "t/p@1", "input": "t/S@1", "steps": list(steps)}
    world = load(SCHEMA, plan | more, plans=[{"name": "t/p@1"}])
    node = world.nodes["defplan", "t/p@1"]
    assert isinstance(node, DefPlan)
    again = load_objects(world.manifest_hash, lambda hash, what: world.objects[hash])
    assert hashes(again) == hashes(world)
    return tuple(step.args for step in node.steps)


def test_the_literals_of_a_plan_are_stored_by_their_slots() -> None:
    """B-4."""
    form = {"record": {"n": {"nat": 1}}}
    http = {"method": "GET", "url": "https://example.com", "headers": {}}
    raised, emitted, assigned, untyped, ended = steps_of(
        {"id": "r", "op": "raise_event", "event": "t/S@1", "value": {"n": 1}},
        {
            "id": "e",
            "op": "emit_effect",
            "kind": "http.request",
            "params": http,
            "cap": "c",
            "idempotency_key": ZERO,
            "bind": {"effect_id_as": "h"},
        },
        {"id": "a", "op": "assign", "expr": {"n": "1"}, "bind": {"as": "x"}},
        {"id": "u", "op": "assign", "expr": {"variant": {"tag": "A"}}, "bind": {"as": "y"}},
        {"id": "end", "op": "end", "result": {"n": 1}},
        output="t/S@1",
        locals={"x": "t/S@1"},
    )
    assert raised["value"] == form
    assert emitted["params"]["record"]["method"] == {"text": "GET"}
    assert emitted["params"]["record"]["body_ref"] == {"null": {}}
    assert emitted["idempotency_key"] == {"hash": ZERO}
    assert assigned["expr"] == form
    assert untyped["expr"] == {"variant": {"tag": "A"}}
    assert ended["result"] == form


def test_guards_and_conditions_stay_as_authored() -> None:
    odd = {"bool": True, "$comment": "kept"}
    (awaited,) = steps_of(
        {"id": "a", "op": "await_event", "event": "t/S@1", "where": odd, "bind": {"as": "x"}},
        edges=[{"from": "a", "to": "a", "when": odd}],
        invariants=[odd],
    )
    assert awaited["where"] == odd


def test_a_literal_that_does_not_fit_names_its_place() -> None:
    plan = {
        "$kind": "defplan",
        "name": "t/p@1",
        "input": "t/S@1",
        "steps": [{"id": "r", "op": "raise_event", "event": "t/S@1", "value": {"n": -1}}],
    }
    files = files_of([SCHEMA, plan, MANIFEST | {"plans": [{"name": "t/p@1"}]}])
    ((file, path, message),) = problems(files)
    assert (file, path) == ("air/all.json", "$[1].steps[0].value.n")
    assert "out of range for nat" in message


@given(st.permutations([{"text": "b"}, "aa", "a", {"text": "a"}]))
def test_what_is_hashed_does_not_depend_on_how_it_was_authored(value: list[Any]) -> None:
    tags = {"$kind": "defschema", "name": "t/Tags@1", "type": {"set": {"text": {}}}}
    refs = [{"name": "t/S@1"}, {"name": "t/Tags@1"}]

    def loaded(value: list[Any], **decoration: Any) -> bytes:
        step = {"id": "r", "op": "raise_event", "event": "t/Tags@1", "value": value}
        plan = {"$kind": "defplan", "name": "t/p@1", "input": "t/S@1", "steps": [step]}
        nodes = [SCHEMA, tags, plan | decoration]
        return load(*nodes, schemas=refs, plans=[{"name": "t/p@1"}]).manifest_hash

    assert loaded(value, **{"$comment": "x", "edges": []}) == loaded(["a", "b", "aa"])


def test_parsed_builtins_are_their_own_typed_form() -> None:
    for node in builtin_nodes().values():
        assert parse_node(node.to_json()) == node
    assert any(isinstance(node, DefSchema) for node in builtin_nodes().values())
