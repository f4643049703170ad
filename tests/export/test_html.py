"""The HTML report: whole, alone, and nothing in it but text of the world."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.export import export_html
from aos_core.export import html as report_room
from aos_core.export.picture import plan_picture
from aos_core.files import bundled_worlds
from aos_core.scenario_writer import scenario_of
from aos_core.view import EdgeView, PlanView, StepView
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.scenarios import finished
from tests.support import EVENT, REDUCER, log, numbered, release_all, start

VOID = {"meta"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "dl", "dt", "dd",
    "span", "ul", "li", "b", "i", "code", "pre", "table", "tr", "th", "td", "details", "summary",
    "svg", "path", "g", "rect", "text", "div",
}  # fmt: skip


class Page(HTMLParser):
    """The text of a page; fails where its tags do not nest, or are others than ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        names = {name for name, _ in attrs}
        assert not names & {"src", "href", "onload", "onclick", "onerror"}, names
        if tag not in VOID and tag not in ("path", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("path", "rect"), tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def exported(world: World, folder: Path, until: int | None = None) -> str:
    export_html(world, folder / "report.html", until, force=True)
    return (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize("path", [of.path for of in bundled_worlds()], ids=lambda of: of.name)
def test_every_world_of_the_ladder_has_its_report(path: Path, tmp_path: Path) -> None:
    name = sorted((path / "scenarios").glob("*.toml"))[0].stem
    with finished(path, name) as world:
        html = exported(world, tmp_path)
        assert html == exported(world, tmp_path), "equal branches give equal files"
        page = Page(html)
        for said in (canon.hash_text(world.root), canon.hash_text(world.head), name):
            assert said in page.text
        assert f"verified: {world.height + 1} records replayed" in page.text
        scenario = [of.split("=")[0] for of in scenario_of(world).splitlines()]
        assert all(" ".join(of.split()) in page.text for of in scenario)


def test_it_says_how_it_stands(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    opened.deliver(numbered(opened, 2).answer())
    page = Page(exported(opened, tmp_path)).text
    assert "pc Running" in page and f"{REDUCER} demo/AggregatorState@1" in page
    assert "1 http.request GET https://example.com/api/a cap_http_aggregate" in page
    assert "2 http.request GET https://example.com/api/b cap_" not in page
    assert "✓ await_b" in page and "◷ await_a" in page
    assert "aggregator_plan #0 running, since record 4" in page
    release_all(opened)
    page = Page(exported(opened, tmp_path)).text
    assert "Nothing is pending." in page and "pc Done" in page
    assert "aggregator_plan #0 ok, record 4 to" in page


def test_it_needs_no_network_and_no_script(world: Path, tmp_path: Path) -> None:
    html = exported(World.open(world, memory=True), tmp_path)
    assert "script" not in html and "@import" not in html and "url(" not in html
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html and "@media print" in html


HOSTILE = "</pre></style><script>alert(1)</script><img src=x onerror=y>&amp;\"'"


def test_what_a_world_says_is_no_markup(world: Path, tmp_path: Path) -> None:
    config = (world / "world.toml").read_text("utf-8")
    title = re.sub(r'(?m)^title = ".*"$', f"title = '''{HOSTILE}'''", config)
    assert title != config
    (world / "world.toml").write_text(title, "utf-8")
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start(topic=HOSTILE))
    html = exported(opened, tmp_path)
    assert "<script" not in html and "<img" not in html
    assert Page(html).text.count(HOSTILE) >= 4, "in title, state, journal and scenario"


def picture(
    after: dict[str, tuple[str, ...]],
    states: dict[str, str] | None = None,
    guards: dict[tuple[str, str], Any] | None = None,
    status: str = "ok",
) -> str:
    """That of a plan by what each of its steps comes after; all are done unless it is said."""
    steps = tuple(
        StepView(id, "assign", (states or {}).get(id, "done"), None, 1, of)
        for id, of in after.items()
    )
    edges = tuple(
        EdgeView(source, id, (guards or {}).get((source, id)))
        for id, sources in after.items()
        for source in sources
    )
    return plan_picture(
        PlanView(0, b"", f"demo/{HOSTILE}@1", status, 1, 2, None, steps, edges=edges)
    )


def test_names_and_guards_in_the_picture_are_no_markup() -> None:
    said = {"op": "eq", "args": [{"ref": "@var:x"}, {"text": HOSTILE}]}
    svg = picture({HOSTILE: (), "b": (HOSTILE,)}, guards={(HOSTILE, "b"): said})
    assert "<script" not in svg and "<img" not in svg
    page = Page(svg)
    assert f"✓ {HOSTILE}" in page.text and HOSTILE in page.text.replace(f"✓ {HOSTILE}", "")


def test_what_a_terminal_or_a_reader_would_obey_is_not_in_the_picture() -> None:
    svg = picture({"a\x1b[2J\u202e": ()})
    assert "\x1b" not in svg and "\u202e" not in svg
    assert svg.count("a\ufffd[2J\ufffd") == 3, "on the step, where a pointer rests, in the label"


def test_steps_stand_below_those_they_come_after() -> None:
    svg = picture({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("a", "d")})
    heights = {id: float(y) for y, id in re.findall(r'y="([\d.]+)">✓ (\w)<', svg)}
    assert heights["a"] < heights["b"] == heights["c"] < heights["d"] < heights["e"]
    assert svg.count('<g class="way walked">') == 6
    assert plan_picture(PlanView(0, b"", "demo/p@1", "ok", 1, 2, None, ())) == ""


def test_every_way_leads_from_its_step_to_the_other() -> None:
    """The line of each edge begins at the lower side of one box and its head touches the next."""
    after = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("a", "d"), "f": ("a",)}
    svg = picture(after)
    boxes = {
        id: (float(x), float(y), float(width))
        for x, y, width, id in re.findall(
            r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*><text[^>]*>✓ (\w)<', svg
        )
    }
    assert len(boxes) == 6
    found = set()
    for line in re.findall(r'<path d="([^"]*)"', svg):
        numbers = [float(of) for of in re.findall(r"[\d.]+", line)]
        (x, y), (to_x, to_y) = numbers[:2], numbers[-2:]
        found.add((touched(boxes, x, y, 26), touched(boxes, to_x, to_y, 0)))
    assert found == {(source, id) for id, sources in after.items() for source in sources}


def touched(boxes: dict[str, tuple[float, float, float]], x: float, y: float, down: int) -> str:
    """The box whose upper side (or, so far ``down``, lower one) is at a point."""
    (found,) = (
        id for id, (left, top, width) in boxes.items()
        if left <= x <= left + width and abs(top + down - y) <= 1
    )  # fmt: skip
    return found


def test_states_and_ways_are_told_without_colour() -> None:
    """A running plan: what is done, what it waits in, what can go on, what it will not do."""
    states = {"b": "waiting", "c": "skipped", "d": "pending", "e": "skipped", "f": "pending"}
    guard = {"op": "gt", "args": [{"ref": "@var:answer.status"}, {"nat": 400}]}
    svg = picture(
        {"a": (), "b": ("a",), "c": ("a",), "d": ("b",), "e": ("c",), "f": ("a", "e")},
        states, {("a", "c"): guard}, "running",
    )  # fmt: skip
    shown = re.findall(r'<g class="step (\w+)"><title>(\w): (\w+)</title>.*?>(\S) \w<', svg)
    assert shown == [
        ("done", "a", "done", "✓"),
        ("waiting", "b", "waiting", "◷"),
        ("skipped", "c", "skipped", "⊘"),
        ("pending", "d", "pending", "◌"),
        ("skipped", "e", "skipped", "⊘"),
        ("ready", "f", "ready", "◉"),
    ]
    ways = [svg.count(f'<g class="way {kind}">') for kind in ("walked", "open", "dead")]
    assert ways == [1, 2, 3]
    assert "<title>@var:answer.status &gt; 400</title>status &gt; 400</text>" in svg


def test_a_plan_of_200_steps_is_drawn_whole() -> None:
    ids = [f"step_{at}" for at in range(200)]
    after = {id: tuple(ids[of] for of in {at - 1, at - 7} if of >= 0) for at, id in enumerate(ids)}
    svg = picture(after)
    assert svg.count("<rect") == 200
    assert svg.count('<path class="head"') == sum(map(len, after.values()))


def test_a_long_journal_is_elided_with_a_count(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_room, "FIRST_TURNS", 2)
    monkeypatch.setattr(report_room, "LAST_TURNS", 3)
    opened = World.open(world, memory=True)
    for number in range(10):
        opened.fire(EVENT, start(topic=f"topic-{number}"))
    page = Page(exported(opened, tmp_path)).text
    assert "6 turns are left out here" in page  # of genesis and ten
    journal = page[page.index("Journal") :]
    told = [number for number in range(10) if f"topic: topic-{number}" in journal]
    assert told == [0, 7, 8, 9]
    assert "aos export --as scenario" in page


def test_up_to_a_height(world: Path, tmp_path: Path) -> None:
    opened = World.open(world, memory=True)
    opened.fire(EVENT, start())
    asked = opened.height
    release_all(opened)
    page = Page(exported(opened, tmp_path, asked)).text
    assert f"height {asked} of {opened.height}" in page
    assert canon.hash_text(opened.at(asked).root) in page
    assert "receipt" not in page[page.index("Journal") : page.index("Scenario")]


def test_what_does_not_verify_is_reported(world: Path, tmp_path: Path) -> None:
    from aos_core.frames import new_frame, pack

    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
        header, *frames = opened.frames
    made = [header]
    for index, frame in enumerate(frames):
        body = {**frame.body, "prev": made[-1].hash}
        if index == 1:
            first, *rest = body["records"]
            body["records"] = [{**first, "status": "error"}, *rest]
        made.append(new_frame(body, made[-1]))
    log(world).write_bytes(b"".join(pack(frame.payload) for frame in made))
    with World.open(world) as opened:
        (notice,) = export_html(opened, tmp_path / "report.html")
    assert notice.startswith("the branch diverges: record ")
    assert f"✗ {notice}" in Page((tmp_path / "report.html").read_text("utf-8")).text


def test_a_fork_is_reported_with_its_own_turns(world: Path, tmp_path: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
    with World.open(world, "side") as found:
        release_all(found, 2)
        assert export_html(found, tmp_path / "side.html") == []
    text = (tmp_path / "side.html").read_text("utf-8")
    Page(text)
    assert "GET /api/b" in text or "api/b" in text
    assert text.count("<pre><b>") == 3, "genesis, the event, the receipt"
