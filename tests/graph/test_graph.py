"""Pictures of graphs: what holds of all of them, and what the ladder's plans look like."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aos_core.graph import route
from aos_core.graph.draw import ASCII, UNICODE, Drawing, Form, drawn
from aos_core.graph.fit import LADDER, fitted
from aos_core.graph.layout import Edge, Layers, layered
from aos_core.plan_words import guard_text
from tests.graph.pictures import Picture
from tests.support import ROOT

GOLDEN = ROOT / "tests/graph/golden"
NAMES = st.text("abcdefgh_ß日本", min_size=1, max_size=14)
GUARDS = st.sampled_from(["", "", "", "ok", "failed", "status is 200 or so, or more"])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    """Graphs without cycles, with edges that pass many layers, and twins."""
    names = draw(st.lists(NAMES, min_size=1, max_size=12))
    ends = st.tuples(st.integers(0, len(names) - 1), st.integers(0, len(names) - 1))
    pairs = draw(
        st.lists(ends.filter(lambda of: of[0] != of[1]), max_size=20 if len(names) > 1 else 0)
    )
    return names, [Edge(min(of), max(of), draw(GUARDS)) for of in pairs]


FORMS = st.sampled_from(LADDER)


@given(graphs(), FORMS)
def test_every_picture_is_right(graph: tuple[list[str], list[Edge]], form: Form) -> None:
    names, edges = graph
    assert Picture(drawn(names, edges, form), edges).faults() == []


@given(graphs())
def test_edges_go_down(graph: tuple[list[str], list[Edge]]) -> None:
    names, edges = graph
    chips = drawn(names, edges, Form()).chips
    assert all(chips[edge.source].y < chips[edge.target].y for edge in edges)


@given(graphs(), FORMS)
def test_the_same_graph_has_the_same_picture(
    graph: tuple[list[str], list[Edge]], form: Form
) -> None:
    assert drawn(*graph, form) == drawn(*graph, form)


@given(graphs(), FORMS)
def test_ascii_differs_in_characters_alone(graph: tuple[list[str], list[Edge]], form: Form) -> None:
    plain, boxed = drawn(*graph, form, ASCII), drawn(*graph, form)
    assert (plain.chips, plain.edge_rows) == (boxed.chips, boxed.edge_rows)
    table = dict(zip(UNICODE.boxes + "▾▸", ASCII.boxes + "v>", strict=True))
    for ours, theirs in zip(plain.rows, boxed.rows, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            lines = "".join(table[of] for of in other.text) if other.kind == "line" else other.text
            assert mine == other._replace(text=lines)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=14))
def test_cycles_are_drawn_too(pairs: list[tuple[int, int]]) -> None:
    edges = [Edge(*pair) for pair in pairs]
    picture = Picture(drawn([f"n{at}" for at in range(6)], edges, Form()), edges)
    assert picture.faults() == []


def test_a_wrong_route_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule of who is above whom, lines of different edges fall together."""
    crossed = [Edge(0, 3), Edge(1, 2), Edge(0, 4), Edge(1, 5), Edge(2, 6), Edge(3, 6)]
    layers = layered(7, crossed)
    rows = (layers.rows[0], tuple(reversed(layers.rows[1])), *layers.rows[2:])
    turned = Layers(layers.nodes, rows, layers.gaps)

    def faults() -> list[str]:
        return Picture(drawn([*"abcdefg"], crossed, Form(), layers=turned), crossed).faults()

    assert faults() == []
    monkeypatch.setattr(route, "_above", lambda nets: {net: [] for net in nets})
    assert any("share a piece" in fault for fault in faults())


def test_where_edges_merely_pass_there_is_no_junction() -> None:
    names, edges = graph_of("a>d a>e b>e b>f c>d c>f")
    assert "─│─" in drawn(names, edges, Form()).text(str)


def test_all_to_all_runs_on_one_track() -> None:
    names, edges = graph_of("a>c a>d b>c b>d")
    assert drawn(names, edges, Form()).text(lambda node: "o").splitlines() == [
        " o a     o b",
        "  ├───────┤",
        "  ▾       ▾",
        " o c     o d",
    ]


def test_nets_that_would_each_be_above_the_other_get_a_dogleg() -> None:
    routed = route.routed([route.Wire(0, 4), route.Wire(4, 0)])
    assert sorted(map(len, routed.bends)) == [1, 2]
    assert routed.tracks == 3


def test_nets_share_a_track_where_a_column_is_free_between_them() -> None:
    assert route.routed([route.Wire(0, 4), route.Wire(6, 9)]).tracks == 1
    assert route.routed([route.Wire(0, 4), route.Wire(5, 9)]).tracks == 2


# -- pictures -------------------------------------------------------------------------------


def graph_of(text: str) -> tuple[list[str], list[Edge]]:
    """``a>b a>c:guard`` as names and edges."""
    names: dict[str, int] = {}
    edges = []
    for word in text.split():
        ends, _, guard = word.partition(":")
        source, target = (names.setdefault(end, len(names)) for end in ends.split(">"))
        edges.append(Edge(source, target, guard))
    return list(names), edges


AGGREGATOR = (
    "topic>emit_a topic>emit_b topic>emit_c emit_a>await_a emit_b>await_b emit_c>await_c "
    "await_a>status_a await_b>status_b await_c>status_c status_a>raise status_b>raise "
    "status_c>raise raise>end"
)
BRANCHES = (
    "charge>await_charge await_charge>reserve:ok await_charge>end_failed:failed "
    "reserve>await_reserve await_reserve>notify:ok await_reserve>refund:failed "
    "notify>await_notify await_notify>end_ok refund>await_refund await_refund>end_failed"
)
ROOMS = [(60, 20), (40, 12), (60, 8)]
SHAPES = {"aggregator": AGGREGATOR, "branches": BRANCHES}


def plans() -> dict[str, tuple[list[str], list[Edge]]]:
    """The plans of the worlds that ship, and the two shapes that the look was drawn for."""
    found = {name: graph_of(text) for name, text in SHAPES.items()}
    for path in sorted((ROOT / "examples").glob("*/plans/*.json")):
        plan = json.loads(path.read_text())
        names = [step["id"] for step in plan["steps"]]
        edges = [
            Edge(names.index(of["from"]), names.index(of["to"]), guard_text(of.get("when")))
            for of in plan["edges"]
        ]
        found[f"{path.parts[-3][:2]}-{path.name.partition('.')[0]}"] = names, edges
    return found


@pytest.mark.parametrize("name", plans())
def test_pictures_of_plans(name: str) -> None:
    """As they were when they were looked at: ``python -m tests.graph.test_graph`` writes them."""
    assert album(name) == (GOLDEN / f"{name}.txt").read_text()


@given(graphs(), st.tuples(st.integers(5, 90), st.integers(2, 30)))
@example((["_"] * 3, [Edge(1, 2, "failed"), Edge(0, 1, ""), Edge(0, 1, "")]), (27, 2))
@example((["___日日日"], []), (9, 2))
def test_what_fits_is_found(graph: tuple[list[str], list[Edge]], room: tuple[int, int]) -> None:
    """The first form that fits, though what cannot fit is not drawn; else no name is cut."""
    found = fitted(*graph, room)
    drawings = (drawn(*graph, form) for form in LADDER)
    fits = (of for of in drawings if of.width <= room[0] and of.height <= room[1])
    first = next(fits, None)
    assert found == first if first is not None else found.form.cut is None


def test_the_shapes_are_as_small_as_they_were_meant_to_be() -> None:
    def size(name: str, room: tuple[int, int]) -> tuple[int, int]:
        drawing = fitted(*plans()[name], room)
        return drawing.width, drawing.height

    assert size("aggregator", (60, 20)) == (42, 13)
    assert size("aggregator", (40, 12)) <= (40, 12)
    assert size("aggregator", (60, 8)) <= (60, 8)
    assert size("branches", (60, 20)) == (46, 16)


def album(name: str) -> str:
    """A plan's pictures in rooms of several sizes, and without box characters."""
    graph = plans()[name]
    parts = [_titled(f"{room[0]}x{room[1]}", fitted(*graph, room)) for room in ROOMS]
    return "\n".join([*parts, _titled("60x20 ASCII", fitted(*graph, ROOMS[0], ASCII))])


def _titled(title: str, drawing: Drawing) -> str:
    return f"-- {title} --\n{drawing.text(lambda node: 'o')}\n"


if __name__ == "__main__":
    for each in plans():
        (GOLDEN / f"{each}.txt").write_text(album(each))
