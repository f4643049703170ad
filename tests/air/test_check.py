"""``check``: every rule finds what it is for, all problems come together, nothing else escapes."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from aos_core.air.check import RULES, check, require_sound
from aos_core.air.load import load_files, load_objects
from aos_core.air.survey import Survey
from aos_core.errors import AosError, CheckFailed
from aos_core.kernel.program import compile_program
from tests.air.broken_worlds import BROKEN
from tests.air.checked_worlds import changed, load, put, sound, wasm_hash
from tests.air.fine_worlds import FINE

AGGREGATOR = Path(__file__).parents[2] / "examples/04-aggregator"


def test_the_sound_world_has_no_problem_and_compiles() -> None:
    catalog = load(sound())
    assert check(catalog) == ()
    require_sound(catalog)
    compile_program(catalog)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_world_is_told_what_where_and_what_to_do(name: str) -> None:
    change, severity, code, place, word = BROKEN[name]
    found = check(changed(change))
    assert (severity, code, place) in [
        (of.severity, of.code, f"{of.file} {of.path}") for of in found
    ], found
    of = next(of for of in found if of.code == code and f"{of.file} {of.path}" == place)
    assert word in f"{of.message} {of.hint}"


def test_every_rule_has_a_broken_world() -> None:
    silent = {rule.__name__ for rule in RULES}
    for change, *_ in BROKEN.values():
        survey = Survey.of(changed(change))
        silent -= {rule.__name__ for rule in RULES if list(rule(survey))}
    assert silent == set()


@pytest.mark.parametrize("name", FINE)
def test_what_is_allowed_is_no_error_and_compiles(name: str) -> None:
    catalog = changed(FINE[name])
    assert [of for of in check(catalog) if of.severity == "error"] == []
    compile_program(catalog)


def test_all_problems_come_together_those_of_loading_first() -> None:
    stale = put("manifest/plans/0/hash", "sha256:" + "a" * 64)
    names = ("a cycle", "an unknown default policy", "a trigger of an unknown plan")
    catalog = changed(stale, *(BROKEN[name][0] for name in names))
    found = check(catalog)
    assert found[0].code == "stale_hash"
    assert {"cycle", "unknown_policy", "unknown_plan"} <= {of.code for of in found}
    with pytest.raises(CheckFailed) as failed:
        require_sound(catalog)
    assert failed.value.problems == found
    assert "the steps form a cycle" in failed.value.message


def test_warnings_alone_do_not_make_a_world_unsound() -> None:
    catalog = changed(put("policy/rules/0/when/cap_name", "nobody"))
    assert [of.severity for of in check(catalog)] == ["warning"]
    require_sound(catalog)


def test_stored_definitions_are_checked_without_files() -> None:
    catalog = load(sound())
    stored = load_objects(catalog.manifest_hash, lambda hash, _: catalog.objects[hash])
    assert check(stored) == ()


def test_a_route_to_a_variant_binds_its_members() -> None:
    tags = {"demo/Note@1": "Note", "sys/TimerFired@1": "Fired"}
    assert load(sound()).schemas.member_tags("demo/Event@1") == tags


# -- any world whatever -----------------------------------------------------------------------

TEXTS = {
    path.relative_to(AGGREGATOR).as_posix(): json.loads(path.read_text("utf-8"))
    for folder in ("air", "plans")
    for path in sorted((AGGREGATOR / folder).glob("*.json"))
}
WORDS = sorted(
    set(json.dumps(TEXTS).split('"')[1::2])
    | {"op", "eq", "@event", "@var:resp_a", "@step:emit_a.handle", "when", "key_field", "output"}
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(WORDS),
    st.sampled_from([{}, [], {"unit": {}}, {"ref": "@event"}, {"text": "x"}, {"nat": -1}]),
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    below = [
        place
        for key, item in items
        for place in (
            _places(item, (*path, key)) if isinstance(item, (dict, list)) else [(*path, key)]
        )
    ]
    return [path, *below] if path else below


PLACES = _places(TEXTS)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The files of 04 with one to four nodes deleted, replaced or copied from elsewhere."""
    files = copy.deepcopy(TEXTS)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(PLACES))
        act = draw(st.sampled_from(["delete", "replace", "copy", "add"]))
        source = draw(st.sampled_from(PLACES))
        junk, word = draw(JUNK), draw(st.sampled_from(WORDS))
        parent = _follow(files, path[:-1])
        value = copy.deepcopy(_follow(TEXTS, source) if act == "copy" else junk)
        _mutate(parent, path[-1], act, value, word)
    return files


def _follow(node: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a path, or None where an earlier mutation took it away."""
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _mutate(parent: Any, key: Any, act: str, value: Any, word: str) -> None:
    if isinstance(parent, dict) and isinstance(key, str):
        if act == "delete":
            parent.pop(key, None)
        else:
            parent[word if act == "add" else key] = value
    elif isinstance(parent, list) and isinstance(key, int) and key < len(parent):
        if act == "delete":
            del parent[key]
        elif act == "add":
            parent.insert(key, copy.deepcopy(parent[key]))
        else:
            parent[key] = value


def verdict(files: dict[str, Any]) -> str:
    """What becomes of a world: refused at load or by check, or clean, and then it compiles."""
    texts = {name: json.dumps(document) for name, document in files.items()}
    try:
        catalog = load_files(texts, wasm_hash)
        require_sound(catalog)
    except AosError:
        return "refused"
    compile_program(catalog)
    return "clean"


def test_the_aggregator_has_no_problem() -> None:
    assert verdict(TEXTS) == "clean"
    texts = {name: json.dumps(document) for name, document in TEXTS.items()}
    assert [of for of in check(load_files(texts, wasm_hash)) if of.code != "stale_hash"] == []


@settings(max_examples=300)
@given(mutated())
def test_only_typed_errors_escape_and_a_clean_world_compiles(files: dict[str, Any]) -> None:
    verdict(files)


def test_the_mutations_reach_both_verdicts() -> None:
    """A canary: were all mutated worlds refused, or none, the test above would prove nothing."""
    seen: Counter[str] = Counter()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(mutated())
    def count(files: dict[str, Any]) -> None:
        seen[verdict(files)] += 1

    count()
    assert min(seen["refused"], seen["clean"]) > 1


def test_without_check_the_mutations_reach_worlds_that_do_not_compile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A canary: there are mutations that only ``check`` keeps from the compiler."""
    monkeypatch.setitem(globals(), "require_sound", lambda catalog: None)

    def breaks(files: dict[str, Any]) -> bool:
        try:
            verdict(files)
        except (AosError, KeyError):
            return True
        return False

    find(mutated(), breaks, settings=settings(max_examples=500, database=None, derandomize=True))


def test_a_handle_that_is_asked_for_anew_may_be_awaited_again() -> None:
    found = check(changed(FINE["a handle asked for anew and awaited again"]))
    assert "awaited_twice" not in {of.code for of in found}
