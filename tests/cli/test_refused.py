"""What a refused command says, and that it leaves nothing behind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from aos_core.branches import list_branches
from aos_core.world import World
from tests.cli.conftest import START_JSON, Aos
from tests.support import EVENT

OTHER = "demo/AggregateComplete@1"


def height(world: Path) -> int:
    with World.open(world, write=False) as found:
        return found.height


def branches(world: Path) -> list[str]:
    return list_branches(world / ".aos/journal")


@pytest.mark.parametrize("value", ["{", '{"Start": 1}', "1"])
def test_a_refused_event_leaves_no_branch_behind(world: Path, aos: Aos, value: str) -> None:
    assert aos("fire", world, EVENT, value).code == 2
    assert branches(world) == []
    assert aos("fire", world, EVENT, START_JSON).code == 0
    assert aos("fire", world, EVENT, value).code == 2
    assert height(world) == 16


def test_a_branch_with_something_in_it_stays(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{START_JSON}\n1\n"))
    assert aos("fire", world, EVENT, "-").code == 2
    assert height(world) == 16


def test_a_stream_of_nothing_says_so_and_leaves_nothing(
    world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    done = aos("fire", world, EVENT, "-")
    assert (done.code, branches(world)) == (0, [])
    assert "stdin had no line: nothing was fired" in done.err
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    assert aos("fire", world, EVENT, "-").code == 2
    assert branches(world) == []


def test_a_closed_stdin_is_an_error(world: Path, aos: Aos, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stdin in (None, closed):
        monkeypatch.setattr("sys.stdin", stdin)
        done = aos("fire", world, EVENT, "-")
        assert (done.code, branches(world)) == (2, [])
        assert "stdin is closed" in done.err


@pytest.mark.parametrize(
    ("schema", "value", "part"),
    [(OTHER, "{", '"request_id": 0'), (OTHER, "1", '"request_id": 0'), (EVENT, "{", '"Start"')],
)
def test_the_example_is_one_of_the_schema(
    world: Path, aos: Aos, schema: str, value: str, part: str
) -> None:
    err = aos("fire", world, schema, value).err
    assert part in err and err.count("for example") == 1
    assert ("Start" in err) is (schema == EVENT)


def test_of_an_unknown_schema_the_example_is_of_none(world: Path, aos: Aos) -> None:
    err = aos("fire", world, "demo/Gone@1", "{").err
    assert "Tag" in err and "demo" not in err.partition("for example")[2]


def test_a_refused_order_leaves_no_branch_and_what_was_there_keeps_its_name(
    world: Path, aos: Aos
) -> None:
    order = ("run", world, "--order")
    assert aos(*order, "4,5,6").code == 2
    assert branches(world) == []
    assert aos(*order, "3,1,2").code == 0
    (name,) = branches(world)
    with World.open(world, name, write=False) as kept:
        head = kept.head
    (world / "scenarios/basic.toml").write_text(
        (world / "scenarios/basic.toml").read_text().replace("Start", "Begin", 1)
    )
    assert aos(*order, "3,1,2").code == 2
    assert branches(world) == [name]
    with World.open(world, name, write=False) as kept:
        assert kept.head == head


def head_of(world: Path, branch: str) -> bytes:
    with World.open(world, branch, write=False) as found:
        return found.head


def test_a_refused_run_gives_all_earlier_ones_their_names_back(world: Path, aos: Aos) -> None:
    for order in ("3,1,2", "3,1,2", "3,1,2"):
        assert aos("run", world, "--order", order).code == 0
    before = branches(world)
    heads = [head_of(world, of) for of in before]
    scenario = world / "scenarios/basic.toml"
    scenario.write_text(scenario.read_text().replace("Start", "Begin", 1))
    assert aos("run", world, "--order", "3,1,2").code == 2
    assert branches(world) == before and len(before) == 3
    assert [head_of(world, of) for of in before] == heads


def test_a_branch_that_no_world_has_yet_is_named_with_what_begins_one(
    world: Path, aos: Aos
) -> None:
    err = aos("fire", world, EVENT, START_JSON, "--branch", "mian").err
    assert "there is no branch mian: this world has no journal yet" in err
    assert "leave out --branch mian" in err
    assert branches(world) == []
    assert "`aos fire` or `aos run` begins one" in aos("state", world).err
    assert aos("fire", world, EVENT, START_JSON).code == 0
    assert "branches: main" in aos("state", world, "--branch", "mian").err


def test_a_new_world_where_nothing_can_be_written_says_to_go_elsewhere(
    aos: Aos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    done = aos("new", tmp_path / "a/b")
    assert done.code == 2
    assert "cannot be made: Permission denied" in done.err
    assert "choose a place where you may write" in done.err and "read-only" not in done.err


@pytest.mark.parametrize("form", ["scenario", "pytest"])
def test_a_session_of_nothing_is_not_exported(world: Path, aos: Aos, form: str) -> None:
    assert aos("fire", world, EVENT, START_JSON).code == 0
    file = world / "session.out"
    done = aos("export", world, "--as", form, "--at", "3", "-o", file)
    assert (done.code, file.exists()) == (2, False)
    assert "there is nothing to export" in done.err
    assert "the first turn ends at height 16" in done.err
    assert aos("export", world, "--as", "scenario", "--at", "16", "-o", file).code == 0
