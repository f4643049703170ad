"""The docs as a site: built without a warning, whole, and without anything from the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.skipif(find_spec("material") is None, reason="mkdocs-material is missing")

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""What a browser fetches by itself, and by which attribute; of links those that are no anchors."""


class Page(HTMLParser):
    """What a page loads, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.titles = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        self.titles += tag == "h1"
        if tag == "a":
            self.leads.append(of.get("href") or "")
        elif tag == "link" and of.get("rel") != "canonical":
            self.loads.append(of.get("href") or "")
        elif (name := LOADS.get(tag)) and of.get(name):
            self.loads.append(of[name] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs") / "site"
    command = ["-m", "mkdocs", "build", "-f", "docs/site/mkdocs.yml", "--strict", "-d", str(place)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return place


def test_every_page_of_the_docs_is_in_it(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        there = name.replace("README.md", "index.md").removesuffix(".md") + ".html"
        assert Page((site / there).read_text("utf-8")).titles == 1, there


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for of in Page(page.read_text("utf-8")).loads:
            assert not urlsplit(of).scheme and not urlsplit(of).netloc, (str(page), of)
    for sheet in site.rglob("*.css"):
        text = re.sub(r"url\((\"?)data:[^)]*\)", "", sheet.read_text("utf-8"))
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", text), sheet.name


def test_whatever_a_page_leads_to_is_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        found = Page(page.read_text("utf-8"))
        for of in {*found.leads, *found.loads}:
            to = urlsplit(of)
            if not to.scheme and to.path:
                assert (page.parent / unquote(to.path)).exists(), (str(page), of)


def test_what_lies_outside_of_the_docs_has_its_page(site: Path) -> None:
    page = Page((site / "testing-worlds.html").read_text("utf-8"))
    assert "repository/examples/04-aggregator/index.html" in page.leads
    code = (site / "repository/aos_core/kernel/lifecycle.py.html").read_text("utf-8")
    assert "What may happen to a plan step" in re.sub(r"<[^>]+>", "", code)
