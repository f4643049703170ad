"""One report of everything that is wrong with a world, whatever else is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aos_core.air.survey import Survey
from aos_core.checking import find_problems
from aos_core.errors import CheckFailed, WorldError
from aos_core.files import WorldFiles
from aos_core.problems import Problem
from aos_core.report import ASCII, UNICODE, report
from tests.air.broken_worlds import BROKEN
from tests.air.checked_worlds import Change, also, drop, put, sound, step
from tests.support import WASM

FILES = {"manifest": "air/manifest.json", "plan": "plans/plan.json"}


def write(root: Path, change: Change = lambda nodes: None) -> Path:
    """The sound world on disk, changed, and indented as people do."""
    nodes = sound()
    change(nodes)
    rest = [of for name, of in nodes.items() if name not in FILES]
    files = {FILES[name]: nodes[name] for name in FILES} | {"defs/all.json": rest}
    for name, document in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(document, indent=2), "utf-8")
    (root / "modules").mkdir(exist_ok=True)
    (root / "modules/Cells.wasm").write_bytes(WASM.read_bytes())
    (root / "world.toml").write_text('name = "demo"\n', "utf-8")
    return root


def found(root: Path) -> list[tuple[str | None, str, str | None]]:
    """(file, code, path) of the errors."""
    return [(of.file, of.code, of.path) for of in find_problems(root) if of.severity == "error"]


def test_a_sound_world_has_no_problem(tmp_path: Path) -> None:
    assert find_problems(write(tmp_path)) == ()


def test_what_is_not_built_is_known_by_the_module_it_is_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path)
    (root / "modules/Cells.wasm").unlink()
    assert ("defs/all.json", "no_wasm") in [of[:2] for of in found(root)]
    (root / "crate").mkdir()
    (root / "world.toml").write_text('name = "demo"\n[modules."demo/Cells@1"]\ncrate = "crate"\n')
    error = Survey.error
    monkeypatch.setattr(  # however it is worded
        Survey, "error", lambda self, code, key, path, said, hint=None: replace(
            error(self, code, key, path, said, hint), message="lacks its wasm"
        ),
    )  # fmt: skip
    assert found(root) == [("world.toml", "not_built", "modules.demo/Cells@1.crate")]


@pytest.mark.parametrize("name", BROKEN)
def test_every_problem_has_the_line_and_column_of_what_its_path_names(
    name: str, tmp_path: Path
) -> None:
    problems = find_problems(write(tmp_path, BROKEN[name][0]))
    assert problems
    for of in problems:
        assert of.file and of.path and of.line and of.column
        text = (tmp_path / of.file).read_text("utf-8")
        line = text.split("\n")[of.line - 1]
        assert of.excerpt == line
        offset = len("\n".join(text.split("\n")[: of.line - 1])) + of.column - (of.line == 1)
        value, path = json.JSONDecoder().raw_decode(text, offset)[0], of.path
        if of.code == "unknown_member":
            assert path.endswith(f".{value}")
        else:
            assert value == nearest(json.loads(text), path)


def nearest(node: Any, path: str) -> Any:
    """What stands at a path, or the last of its parents that is there."""
    for part in path.replace("[", ".").replace("]", "").split(".")[1:]:
        try:
            node = node[int(part) if isinstance(node, list) else part]
        except (KeyError, IndexError, ValueError, TypeError):
            return node
    return node


# -- nothing hides anything else --------------------------------------------------------------

HARM: dict[str, tuple[Change, list[tuple[str | None, str, str | None]]]] = {
    "a schema": (
        put("Count/type", {"recrd": {}}),
        [("defs/all.json", "bad_air", "$[3].type")],
    ),
    "two parts of a schema": (
        put("Count/type", {"record": {"a": {"nta": {}}, "b": {"list": 5}}}),
        [
            ("defs/all.json", "bad_air", "$[3].type.record.a"),
            ("defs/all.json", "bad_air", "$[3].type.record.b.list"),
        ],
    ),
    "an effect": (
        put("ask/origin_scope", "everyone"),
        [("defs/all.json", "bad_air", "$[9].origin_scope")],
    ),
    "a cap": (drop("asks/cap_type"), [("defs/all.json", "bad_air", "$[10]")]),
    "a reducer": (
        put("cells/module_kind", "reduser"),
        [("defs/all.json", "bad_air", "$[11].module_kind")],
    ),
    "a policy": (
        put("policy/rules/0/decision", "maybe"),
        [("defs/all.json", "bad_air", "$[12].rules[0].decision")],
    ),
    "a plan": (drop("plan/input"), [("plans/plan.json", "bad_air", "$")]),
    "a step": (
        step(0, op="emit_efect"),
        [("plans/plan.json", "bad_air", "$.steps[0].op")],
    ),
    "a step and a reference": (
        also(step(0, op="emit_efect"), put("plan/steps/5/result/record/n/ref", "@var:herd.id")),
        [
            ("plans/plan.json", "bad_air", "$.steps[0].op"),
            ("plans/plan.json", "unknown_variable", "$.steps[5].result.record.n.ref"),
        ],
    ),
    "a literal": (
        step(5, result={"m": 1}),
        [("plans/plan.json", "bad_air", "$.steps[5].result")],
    ),
    "a grant": (
        drop("manifest/defaults/cap_grants/0/params"),
        [("air/manifest.json", "bad_air", "$.defaults.cap_grants[0]")],
    ),
    "a reference of the manifest": (
        put("manifest/plans/0/hash", "sha256:12"),
        [("air/manifest.json", "bad_air", "$.plans[0].hash")],
    ),
    "the manifest's kind": (
        put("manifest/$kind", "manifst"),
        [("air/manifest.json", "bad_air", "$.$kind")],
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_a_broken_node_is_one_problem_without_an_echo(name: str, tmp_path: Path) -> None:
    change, expected = HARM[name]
    assert sorted(found(write(tmp_path, change)), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("name", [of for of in HARM if "plan" not in of and "step" not in of])
def test_a_broken_node_hides_nothing_of_the_sound_ones(name: str, tmp_path: Path) -> None:
    change, expected = HARM[name]
    cycle = put("plan/edges/5", {"from": "say", "to": "count"})
    errors = found(write(tmp_path, also(change, cycle)))
    assert ("plans/plan.json", "cycle", "$.edges[5]") in errors
    assert len(errors) == len(expected) + 1


def test_two_of_one_name_are_told_with_both_files(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "plans/again.json").write_text(json.dumps(sound()["plan"]), "utf-8")
    (of,) = find_problems(root)
    assert (of.file, of.line, of.column) == ("plans/plan.json", 1, 1)
    assert "also in plans/again.json" in of.message


def test_opening_a_world_raises_the_whole_report(tmp_path: Path) -> None:
    root = write(tmp_path, also(HARM["a schema"][0], BROKEN["a cycle"][0]))
    with pytest.raises(CheckFailed) as failed:
        _ = WorldFiles.read(root).catalog
    assert [of.code for of in failed.value.problems if isinstance(of, Problem)] == [
        "bad_air",
        "cycle",
    ]
    assert failed.value.message.startswith("defs/all.json:")


# -- bad input --------------------------------------------------------------------------------

PLAN = "plans/plan.json"


def rewrite(of: Callable[[bytes], bytes], file: str = PLAN) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        (root / file).write_bytes(of((root / file).read_bytes()))

    return act


BAD: dict[str, tuple[Callable[[Path], None], str, int, int, str]] = {
    "nested too deep": (rewrite(lambda _: b"[" * 100_000), PLAN, 1, 193, "nested too deep"),
    "a huge integer": (
        rewrite(lambda of: of.replace(b'"nat": 3', b'"nat": ' + b"9" * 6000)),
        PLAN, 23, 24, "integer of 6000 digits",
    ),
    "an integer of 65 bits": (
        rewrite(lambda of: of.replace(b'"nat": 3', b'"nat": 18446744073709551616')),
        PLAN, 23, 24, "does not fit into 64 bits",
    ),
    "a key that stands twice": (
        rewrite(lambda of: of.replace(b'"input":', b'"name": "demo/p@1",\n  "input":')),
        PLAN, 4, 3, "key 'name' stands twice",
    ),
    "bytes that are not UTF-8": (
        rewrite(lambda of: of.replace(b'"nat": 3', b'"nat": "\xe9"')),
        PLAN, 23, 25, "not UTF-8: byte 0xe9",
    ),
    "a byte order mark": (rewrite(lambda of: b"\xef\xbb\xbf" + of), PLAN, 1, 1, "byte order mark"),
    "text after the end": (
        rewrite(lambda of: of + b"\n{}"), PLAN, 160, 1, "more after the end",
    ),
    "half a file": (rewrite(lambda of: of[:50]), PLAN, 4, 2, "not JSON"),
    "a type that refers to itself": (
        rewrite(lambda of: of.replace(b'"nat": {}', b'"ref": "demo/Go@1"', 1), "defs/all.json"),
        "defs/all.json", 8, 18, "demo/Go@1 -> demo/Go@1",
    ),
    "a plan that runs in a circle": (
        rewrite(lambda of: of.replace(b'"edges": [', b'"edges": [{"from":"say","to":"count"},')),
        PLAN, 107, 13, "the steps form a cycle",
    ),
    "settings that are no TOML": (
        rewrite(lambda _: b"name = \n", "world.toml"), "world.toml", 1, 8, "not TOML",
    ),
    "settings with an unknown key": (
        rewrite(lambda of: of + b"[limits]\nfule = 1\n", "world.toml"),
        "world.toml", 3, 1, "unknown key 'fule'",
    ),
    "settings out of range": (
        rewrite(lambda of: of + b"[limits]\nfuel = 0\n", "world.toml"),
        "world.toml", 3, 8, "whole number",
    ),
    "settings that are not UTF-8": (
        rewrite(lambda of: of + b"# \xff\n", "world.toml"), "world.toml", 2, 3, "byte 0xff",
    ),
    "settings with a byte order mark": (
        rewrite(lambda of: b"\xef\xbb\xbf" + of, "world.toml"),
        "world.toml", 1, 1, "byte order mark",
    ),
    "settings with an integer without end": (
        rewrite(lambda of: of + b"title = " + b"9" * 5000, "world.toml"),
        "world.toml", 2, 9, "integer of 5000 digits",
    ),
    "a default scenario that is not there": (
        rewrite(lambda of: of + b'default_scenario = "one"\n', "world.toml"),
        "world.toml", 2, 20, "no scenario",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_problem_with_its_place(name: str, tmp_path: Path) -> None:
    harm, file, line, column, said = BAD[name]
    root = write(tmp_path)
    harm(root)
    (of,) = (of for of in find_problems(root) if of.severity == "error")
    assert (of.file, of.line, of.column) == (file, line, column), of
    assert said in of.message


def test_an_empty_file_is_no_node(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "air/empty.json").write_bytes(b"")
    assert find_problems(root) == ()
    (root / "air/manifest.json").write_bytes(b" \n")
    assert found(root) == [(None, "no_manifest", None)]


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ("sed = 1\n", 1, 1, "did you mean seed?"),
        ('[[steps]]\nfire = { schema = "demo/Go@1" }\n', 2, 8, None),
        (
            '[[steps]]\nfire = { schema = "demo/Goo@1", value = 1 }\n',
            2, 19, "did you mean demo/Go@1?",
        ),
        ('[[steps]]\n[[steps]]\nrelease = "al"\n', 1, 3, None),
        ('[[steps]]\nbreak = { n = 1, fault = "eror" }\n', 2, 26, "did you mean error?"),
    ],
)  # fmt: skip
def test_scenarios_are_looked_at_too(
    text: str, line: int, column: int, hint: str | None, tmp_path: Path
) -> None:
    root = write(tmp_path)
    (root / "scenarios").mkdir()
    (root / "scenarios/one.toml").write_text(text, "utf-8")
    (of,) = find_problems(root)
    assert (of.file, of.line, of.column) == ("scenarios/one.toml", line, column), of
    assert of.hint == hint


def test_settings_scenarios_definitions_and_modules_come_together(tmp_path: Path) -> None:
    root = write(tmp_path, BROKEN["a cycle"][0])
    (root / "world.toml").write_text('[modules."demo/Cells@1"]\nwasm = "no.wasm"\n', "utf-8")
    (root / "scenarios").mkdir()
    (root / "scenarios/one.toml").write_text("sed = 1\n", "utf-8")
    codes = [of.code for of in find_problems(root)]
    assert sorted(codes) == ["bad_key", "bad_module", "cycle"]


def test_where_there_is_no_world_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"there is no world\.toml"):
        find_problems(tmp_path)


# -- for people -------------------------------------------------------------------------------


def test_the_report_shows_the_line_and_points_at_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, also(put("plan/steps/3/event", "demo/Sait@1"), put("plan/locls", {})))
    monkeypatch.chdir(tmp_path)
    shown = [line.plain for line in report(find_problems(root), root, UNICODE)]
    assert shown == [
        "plans/plan.json",
        "  plans/plan.json:64:16  ✗ error unknown_schema",
        "    demo/plan@1: unknown schema demo/Sait@1",
        '    64 │ "event": "demo/Sait@1",',
        "       │          ^",
        "    at $.steps[3].event",
        "    hint: did you mean demo/Said@1?",
        "",
        "  plans/plan.json:159:3  ! warning unknown_member",
        "    unknown member 'locls': it is dropped",
        '    159 │ "locls": {}',
        "        │ ^",
        "    at $.locls",
        "",
        "✗ not ok: 1 error, 1 warning",
    ]


def test_a_long_line_is_cut_around_the_place() -> None:
    line = "x" * 90 + "\t界界HERE" + "y" * 90
    of = Problem("error", "code", "f", "$", "m", None, 7, 94, line)
    *_, shown, caret, _, _, _ = report([of], Path("/"), ASCII)
    assert len(shown.plain) < 90
    assert shown.plain.startswith("    7 | ..x") and shown.plain.endswith("y..")
    from rich.cells import cell_len

    assert cell_len(shown.plain.split("HERE")[0]) == caret.plain.index("^")
