"""``aos bisect``: the first record after which a property does not hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Aos
from tests.support import REDUCER, ROOT, copy_example

FIELDS = ["height", "record", "before", "after"]
SEAT = "demo/Seat@1"


def compare(op: str, reference: str, value: Any) -> str:
    return json.dumps({"op": op, "args": [{"ref": reference}, value]})


FEW = compare("le", "@pending", {"nat": 2})


@pytest.fixture
def seats(tmp_path: Path, aos: Aos) -> Path:
    """The cells, with their first scenario played."""
    path = copy_example(tmp_path / "cells", "09-cells", Seat="cells")
    assert aos("run", path, "--scenario", "basic").code == 0
    return path


def test_a_failure_is_told_with_its_record_and_values(seats: Path, aos: Aos) -> None:
    done = aos("bisect", seats, "--branch", "basic", "--property", FEW, "--json")
    assert (done.code, list(done.json), done.err) == (1, FIELDS, "")
    found = done.json
    record = aos("record", seats, found["height"], "--branch", "basic", "--json").json
    assert found["record"] == record and record["k"] == "intent"
    assert (found["before"], found["after"]) == ({"@pending": 2}, {"@pending": 3})


def test_a_failure_for_people_is_what_the_docs_show(seats: Path, aos: Aos) -> None:
    page = (ROOT / "docs/properties.md").read_text("utf-8")
    ((command, shown),) = re.findall(r"```console\n\$ aos (.*?)\n(.*?)```", page, re.DOTALL)
    assert command == f"bisect 09 --branch basic --property '{FEW}'"
    assert aos("bisect", seats, "--branch", "basic", "--property", FEW).out == shown


def test_one_that_holds_exits_with_0_and_says_where_it_says_nothing(seats: Path, aos: Aos) -> None:
    guest = compare("eq", f'@cell:{SEAT}["A1"].guest', {"text": "ann"})
    done = aos("bisect", seats, "--branch", "basic", "--property", guest)
    assert (done.code, done.err) == (0, "")
    assert done.out == "✓ holds at every height, 0..25; says nothing at 2 of them\n"
    found = aos("bisect", seats, "--branch", "basic", "--property", guest, "--json")
    assert (found.code, found.json) == (0, dict.fromkeys(FIELDS))


def test_one_that_never_says_anything_is_told(seats: Path, aos: Aos) -> None:
    never = compare("eq", f"@cell:{SEAT}[Z9].guest", {"text": "ann"})
    done = aos("bisect", seats, "--branch", "basic", "--property", never, "--json")
    assert (done.code, done.json) == (0, dict.fromkeys(FIELDS))
    assert done.err == "note: what the property refers to is never there: it cannot fail\n"
    people = aos("bisect", seats, "--branch", "basic", "--property", never)
    assert people.out == "says nothing at any height, 0..25\n"


def test_what_is_not_there_is_left_out(seats: Path, aos: Aos) -> None:
    held = compare("eq", f"@cell:{SEAT}[A2].stage.$tag", {"text": "Sold"})
    found = aos("bisect", seats, "--branch", "basic", "--property", held, "--json").json
    assert found["before"] == {}
    assert found["after"] == {f"@cell:{SEAT}[A2].stage.$tag": "Held"}


def test_genesis_may_fail(seats: Path, aos: Aos) -> None:
    there = compare("ne", f"@cell:{SEAT}[A1]", {"null": {}})
    done = aos("bisect", seats, "--branch", "basic", "--property", there, "--json")
    assert (done.code, done.json["height"], done.json["before"]) == (1, 0, None)
    assert done.json["after"] == {f"@cell:{SEAT}[A1]": None}


def test_progress_ends_at_the_failure(asked: Path, aos: Aos) -> None:
    none = compare("eq", "@pending", {"nat": 0})
    done = aos("bisect", asked, "--property", none, "--json", "--progress-json")
    assert done.code == 1
    told = [json.loads(line)["progress"] for line in done.err.splitlines()]
    assert told[-1]["what"] == "searching" and told[-1]["done"] == done.json["height"] + 1
    assert told[-1]["done"] == told[-1]["total"], "halving found the bound"


@pytest.mark.parametrize(
    ("property", "where"),
    [
        ("{", {}),
        (compare("eq", "@state:demo/Agregator@1.requests", {"nat": 1}), {"path": "$.args[0].ref"}),
        (compare("eq", f"@state:{REDUCER}.reqests", {"nat": 1}), {"path": "$.args[0].ref"}),
        (compare("lt", "@pending", {"text": "1"}), {"path": "$", "height": 0}),
    ],
)
def test_a_bad_property_is_usage(
    asked: Path, aos: Aos, property: str, where: dict[str, Any]
) -> None:
    done = aos("bisect", asked, "--property", property, "--json")
    assert (done.code, done.error["code"], done.error["where"]) == (2, "bad_property", where)
    assert done.error["hint"]


def test_it_has_to_have_a_property(asked: Path, aos: Aos) -> None:
    done = aos("bisect", asked, "--json")
    assert done.code == 2 and "--property" in done.error["message"]


def test_what_is_left_of_a_damaged_branch_is_searched(asked: Path, aos: Aos) -> None:
    log = asked / ".aos/journal/main.log"
    data = log.read_bytes()
    log.write_bytes(data[:-40] + bytes(40))
    holds = aos("bisect", asked, "--property", FEW, "--json")
    assert (holds.code, holds.json["height"]) == (3, None)
    assert "damage" in holds.err
    fails = aos("bisect", asked, "--property", '{"bool": false}', "--json")
    assert (fails.code, fails.json["height"]) == (1, 0)
