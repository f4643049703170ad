"""The first height at which a property fails: exactly, whatever fails, holds and fails again."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aos_core.bisect import bisect, first_failure, some_failure
from aos_core.errors import UsageError
from aos_core.property import Property
from aos_core.view import View
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.support import ROOT

COUNTER = "demo/Counter@1"
VERDICTS = st.lists(st.sampled_from([True, False, None]), max_size=40)
Node = dict[str, Any]


# -- over any states --------------------------------------------------------------------------


@given(VERDICTS)
def test_the_first_failure_is_the_first_and_nothing_after_it_is_asked_for(
    verdicts: list[bool | None],
) -> None:
    asked: list[int] = []
    told: list[int] = []

    def states() -> Iterator[tuple[int, int]]:
        for height in range(len(verdicts)):
            asked.append(height)
            yield height + 100, height

    found = first_failure(states(), verdicts.__getitem__, told.append)
    first = verdicts.index(False) if False in verdicts else None
    seen = len(verdicts) if first is None else first + 1
    assert asked == list(range(seen)) and told == list(range(1, seen + 1))
    assert (found.seen, found.silent) == (seen, verdicts[:seen].count(None))
    if first is None:
        assert (found.height, found.before, found.after) == (None, None, None)
    else:
        assert (found.height, found.after) == (first + 100, first)
        assert found.before == (first - 1 if first else None)


def test_what_progress_raises_breaks_the_scan_off() -> None:
    def until_three(seen: int) -> None:
        if seen == 3:
            raise KeyboardInterrupt

    states = iter((height, height) for height in range(10))
    with pytest.raises(KeyboardInterrupt):
        first_failure(states, lambda _: True, until_three)
    assert next(states) == (3, 3)


@given(st.lists(st.booleans(), max_size=200))
def test_halving_finds_a_failure_after_a_height_that_holds(middle: list[bool]) -> None:
    fails = [False, *middle, True]
    looked: list[int] = []

    def at(height: int) -> bool:
        looked.append(height)
        return fails[height]

    found = some_failure(0, len(fails) - 1, at)
    assert fails[found] and not fails[found - 1]
    assert len(looked) <= len(fails).bit_length()


# -- over a world -----------------------------------------------------------------------------

TAG, COUNT, TARGET = (
    f"@state:{COUNTER}.$tag",
    *(f"@state:{COUNTER}.$value.{name}" for name in ("count", "target")),
)
EVENTS = st.lists(
    st.integers(1, 4).map(lambda target: {"Start": {"target": target}})
    | st.just("Tick")
    | st.just("Tick"),
    max_size=14,
)
_NUMBERS: st.SearchStrategy[Node] = st.sampled_from(
    [{"ref": COUNT}, {"ref": TARGET}, {"ref": "@pending"}, *({"nat": n} for n in range(4))]
)
_TEXTS: st.SearchStrategy[Node] = st.sampled_from(
    [{"ref": TAG}, *({"text": t} for t in ("Idle", "Counting", "Done"))]
)


def _compared(ops: list[str], of: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(lambda op, a, b: {"op": op, "args": [a, b]}, st.sampled_from(ops), of, of)


PROPERTIES = st.recursive(
    _compared(["eq", "ne", "lt", "le", "gt", "ge"], _NUMBERS) | _compared(["eq", "ne"], _TEXTS),
    lambda inner: (
        st.builds(lambda a: {"op": "not", "args": [a]}, inner)
        | st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        )
    ),
    max_leaves=6,
)


def judged(node: Node, view: View, *, top: bool = True) -> bool | None:
    """What the property says, told anew from the world as the command line shows it."""
    op, args = node["op"], node["args"]
    if op in ("and", "or", "not"):
        said = [judged(arg, view, top=top and op == "and") for arg in args]
        if top and op == "and" and False in said:
            return False
        if None in said:
            return None
        return all(said) if op == "and" else any(said) if op == "or" else not said[0]
    left, right = (_value(arg, view) for arg in args)
    if left is None or right is None:
        return None
    return bool(getattr(operator, op)(left, right))


def _value(node: Node, view: View) -> Any:
    if "ref" not in node:
        return next(iter(node.values()))
    if node["ref"] == "@pending":
        return len(view.pending)
    state = view.state(COUNTER)
    if state is None:
        return None
    ((tag, value),) = {state: {}}.items() if isinstance(state, str) else state.items()
    return tag if node["ref"] == TAG else value.get(node["ref"].rpartition(".")[2])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.lists(PROPERTIES, min_size=1, max_size=8))
def test_bisect_agrees_with_looking_at_every_height(
    events: list[Any], properties: list[Node]
) -> None:
    with World.open(ROOT / "examples/00-counter", memory=True) as world:
        for event in events:
            world.fire("demo/CounterEvent@1", event)
        views = [world.at(height) for height in range(world.height + 1)]
        for node in properties:
            parsed = Property.parse(node, world.program)
            said = [judged(node, view) for view in views]
            assert [parsed.holds(view) for view in views] == said
            found = bisect(parsed, world.at, world.height)
            first = said.index(False) if False in said else None
            assert found.height == first
            until = said if first is None else said[: first + 1]
            assert (found.seen, found.silent) == (len(until), until.count(None))
            if found.before is not None:
                assert first is not None and found.before.height == first - 1


@pytest.fixture
def counted() -> Iterator[World]:
    with World.open(ROOT / "examples/00-counter", memory=True) as world:
        for event in ({"Start": {"target": 9}}, "Tick", "Tick", "Tick"):
            world.fire("demo/CounterEvent@1", event)
        yield world


def test_a_failure_that_mends_and_comes_back_is_found_where_it_is_first(counted: World) -> None:
    """The count is to be even: it fails at 1, holds at 2, and fails at the end, at 3."""
    rest = {"op": "mod", "args": [{"ref": COUNT}, {"nat": 2}]}
    parsed = Property.parse({"op": "eq", "args": [rest, {"nat": 0}]}, counted.program)
    found = bisect(parsed, counted.at, counted.height)
    assert found.height == 4 and counted.records[4].kind == "step"
    assert found.before is not None and found.after is not None
    assert parsed.values(found.before) == {COUNT: 0}
    assert parsed.values(found.after) == {COUNT: 1}
    verdicts = [parsed.holds(counted.at(height)) for height in range(counted.height + 1)]
    assert verdicts[4:] == [False, False, True, True, False]


def test_the_beginning_may_fail(counted: World) -> None:
    parsed = Property.parse({"bool": False}, counted.program)
    told: list[tuple[int, int]] = []
    found = bisect(parsed, counted.at, counted.height, lambda *now: told.append(now))
    assert (found.height, found.before, found.seen) == (0, None, 1)
    assert told == [(1, 1)]


def test_an_end_that_cannot_be_evaluated_bounds_the_scan_too(counted: World) -> None:
    """The count is 3 at the end, a division by zero; that it is not 0 comes first."""
    divided = {
        "op": "div",
        "args": [{"nat": 4}, {"op": "sub", "args": [{"nat": 3}, {"ref": COUNT}]}],
    }
    parsed = Property.parse(
        {"op": "and", "args": [{"op": "le", "args": [divided, {"nat": 9}]},
                               {"op": "lt", "args": [{"ref": COUNT}, {"nat": 1}]}]},
        counted.program,
    )  # fmt: skip
    told: list[tuple[int, int]] = []
    assert bisect(parsed, counted.at, counted.height, lambda *now: told.append(now)).height == 4
    assert told[-1] == (5, 5)


def test_progress_never_passes_its_total_and_ends_with_the_scan(counted: World) -> None:
    told: list[tuple[int, int]] = []
    parsed = Property.parse({"op": "lt", "args": [{"ref": COUNT}, {"nat": 2}]}, counted.program)
    found = bisect(parsed, counted.at, counted.height, lambda *now: told.append(now))
    assert told[-1] == (found.seen, told[0][1])
    assert all(done <= total <= counted.height + 1 for done, total in told)


def test_what_cannot_be_evaluated_counts_where_it_is_first(counted: World) -> None:
    """One that fails before its error has failed; one whose error is first is an error."""
    error_at_done = {"op": "le", "args": [
        {"op": "div", "args": [{"nat": 4}, {"op": "sub", "args": [{"nat": 1}, {"ref": COUNT}]}]},
        {"nat": 9}]}  # fmt: skip
    parsed = Property.parse(error_at_done, counted.program)
    with pytest.raises(UsageError) as caught:
        bisect(parsed, counted.at, counted.height)
    assert caught.value.where["height"] == 4
    early = {"op": "and", "args": [{"op": "ne", "args": [{"ref": COUNT}, {"nat": 0}]},
                                   error_at_done]}  # fmt: skip
    parsed = Property.parse(early, counted.program)
    assert bisect(parsed, counted.at, counted.height).height == 2
