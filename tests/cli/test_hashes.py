"""``aos lock`` and ``--require-hashes``: hashes that are pinned, and that stay what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Aos
from tests.support import REDUCER, patch_reducer

HASH = re.compile("sha256:[0-9a-f]{64}")
COMMANDS = ("check", "build", "run", "verify")


def _drop_hashes(world: Path) -> int:
    """Every hash of the manifest and of the module becomes a placeholder; how many."""
    count = 0
    for name in ("manifest", "module"):
        path = world / f"air/{name}.air.json"
        text, found = HASH.subn("", path.read_text("utf-8"))
        path.write_text(text, "utf-8")
        count += found
    return count


def test_hashes_are_written_and_then_all_in_place(world: Path, aos: Aos) -> None:
    before = aos("lock", world, "--check", "--json")
    assert (before.code, before.json["changed"]) == (0, [])
    count = _drop_hashes(world)
    check = aos("lock", world, "--check", "--json")
    assert check.code == 1
    assert len(check.json["changed"]) == count
    assert aos("check", world, "--json").json["ok"], "a hash that is not there is no problem"
    done = aos("lock", world, "--json")
    assert (done.code, set(done.json)) == (0, {"changed", "manifest_hash"})
    assert done.json == check.json
    assert done.json["manifest_hash"] == before.json["manifest_hash"]
    assert aos("lock", world).out == f"manifest {done.json['manifest_hash']}, all hashes in place\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_hashes_that_fit_are_no_reason_to_refuse(command: str, asked: Path, aos: Aos) -> None:
    assert aos(command, asked, "--require-hashes").code == 0


@pytest.mark.parametrize("command", ["build", "run", "verify"])
def test_drift_is_refused_with_its_place(command: str, asked: Path, aos: Aos) -> None:
    patch_reducer(asked, b"fetch_c", b"fetch_C")
    assert aos(command, asked).code == 0, "by itself it is only a warning"
    done = aos(command, asked, "--require-hashes", "--json")
    assert (done.code, done.error["code"]) == (2, "hash_drift")
    where = done.error["where"]
    line = Path(where["file"]).read_text("utf-8").splitlines()[where["line"] - 1]
    assert REDUCER in line
    people = aos(command, asked, "--require-hashes")
    assert people.code == 2
    for name, field in (("manifest", "hash"), ("module", "wasm_hash")):
        path = asked / f"air/{name}.air.json"
        number = 1 + next(
            n for n, of in enumerate(path.read_text("utf-8").splitlines()) if f'"{REDUCER}"' in of
        )
        assert f"air/{name}.air.json:{number}: {REDUCER}: {field} says sha256:" in people.err


def test_a_run_that_is_refused_leaves_no_branch(world: Path, aos: Aos) -> None:
    _drop_hashes(world)
    assert aos("run", world, "--require-hashes").code == 2
    assert not (world / ".aos/journal").exists()


def test_check_lists_drift_among_its_problems(world: Path, aos: Aos) -> None:
    patch_reducer(world, b"fetch_c", b"fetch_C")
    warned = aos("check", world, "--json")
    assert (warned.code, {of["code"] for of in warned.json["problems"]}) == (0, {"stale_hash"})
    done = aos("check", world, "--require-hashes", "--json")
    assert (done.code, done.json["ok"]) == (2, False)
    found = [(of["severity"], of["code"], of["file"]) for of in done.json["problems"]]
    assert found == [
        ("error", "hash_drift", f"air/{name}.air.json") for name in ("manifest", "module")
    ]
    assert all(of["line"] > 1 and of["column"] > 1 for of in done.json["problems"])
